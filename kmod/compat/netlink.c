// SPDX-License-Identifier: GPL-2.0
/* Room for the texts of refusals, where struct netlink_ext_ack has none. */
#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/netlink.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)

#define ITUN_EXTACK_TEXTS	256

/**
 * itun_compat_extack_text() - a buffer of NETLINK_MAX_FMTMSG_LEN bytes
 *
 * The text must outlive the handler until netlink has copied it into the
 * acknowledgment, moments later, in the same task. The buffers go round: one
 * is used again after 256 other refusals. Even then the text is wrong, never
 * unterminated: snprintf() never writes anything but zero to the last byte.
 *
 * Context: any.
 */
char *itun_compat_extack_text(void)
{
	static char text[ITUN_EXTACK_TEXTS][NETLINK_MAX_FMTMSG_LEN];
	static atomic_t next = ATOMIC_INIT(0);

	return text[(unsigned int)atomic_inc_return(&next) % ITUN_EXTACK_TEXTS];
}

#endif
