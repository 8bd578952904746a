/* SPDX-License-Identifier: GPL-2.0 */
/* Is there a program or a filter on a device's way out? */
#ifndef ITUN_COMPAT_EGRESS_H
#define ITUN_COMPAT_EGRESS_H

#include <linux/netdevice.h>
#include <linux/version.h>

static inline bool itun_device_has_egress(const struct net_device *dev)
{
#ifdef CONFIG_NET_CLS_ACT
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	if (rcu_access_pointer(dev->tcx_egress))
		return true;
#else
	if (rcu_access_pointer(dev->miniq_egress))
		return true;
#endif
#endif
#ifdef CONFIG_NETFILTER_EGRESS
	if (rcu_access_pointer(dev->nf_hooks_egress))
		return true;
#endif
	return false;
}

#endif /* ITUN_COMPAT_EGRESS_H */
