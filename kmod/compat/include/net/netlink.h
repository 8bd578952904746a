/* SPDX-License-Identifier: GPL-2.0 */
/* Ranges of policies are const since 6.7; until then only the pointer is not. */
#ifndef ITUN_COMPAT_NET_NETLINK_H
#define ITUN_COMPAT_NET_NETLINK_H

#include <linux/version.h>
#include_next <net/netlink.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
#undef NLA_POLICY_FULL_RANGE
#define NLA_POLICY_FULL_RANGE(tp, _range) {				\
	.type = NLA_ENSURE_UINT_OR_BINARY_TYPE(tp),			\
	.validation_type = NLA_VALIDATE_RANGE_PTR,			\
	.range = (struct netlink_range_validation *)(_range),		\
}
#endif

#endif /* ITUN_COMPAT_NET_NETLINK_H */
