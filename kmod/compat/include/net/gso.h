/* SPDX-License-Identifier: GPL-2.0 */
/* What <net/gso.h> has since 6.5 was in <linux/netdevice.h> before. */
#ifndef ITUN_COMPAT_NET_GSO_H
#define ITUN_COMPAT_NET_GSO_H

#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#include_next <net/gso.h>
#else
#include <linux/netdevice.h>
#endif

#endif /* ITUN_COMPAT_NET_GSO_H */
