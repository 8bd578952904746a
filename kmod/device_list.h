/* SPDX-License-Identifier: GPL-2.0 */
/* The list of tunnel devices, for the files that read it. */
#ifndef ITUN_DEVICE_LIST_H
#define ITUN_DEVICE_LIST_H

#include <linux/list.h>

#include "device_kind.h"

struct itun_device {
	struct list_head list;
	struct net_device *dev;		/* valid while listed */
	struct itun_device_kind kind;	/* immutable while listed */
	u32 id;				/* its network; WRITE_ONCE under RTNL */
	struct rcu_head rcu;
};

/* Written in device.c under RTNL; read under RTNL or RCU. */
extern struct list_head itun_devices;
/* The type of all devices that there are; 0 if there are several, or none. */
extern u8 itun_device_one_type;

#endif /* ITUN_DEVICE_LIST_H */
