/* SPDX-License-Identifier: GPL-2.0 */
/* Other people's tunnel devices: where they are, on which ports they listen,
 * and which of them uses bits that a second mark would use.
 */
#ifndef ITUN_DEVICE_H
#define ITUN_DEVICE_H

#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <net/rtnetlink.h>

#include "config.h"
#include "net.h"

/* UDP ports that carry VXLAN in a namespace, read in the data path under RCU. */
struct itun_ports {
	struct rcu_head rcu;
	u32 n;
	__be16 port[IPVS_TUN_MAX_PORTS];
	bool collision[IPVS_TUN_MAX_PORTS];	/* a device there uses the second mark's bits */
};

static inline int itun_port_index(const struct itun_ports *ports, __be16 port)
{
	u32 i;

	for (i = 0; i < ports->n; i++)
		if (ports->port[i] == port)
			return i;
	return -1;
}

/**
 * itun_is_vxlan() - netif_is_vxlan() for the data path, without its strcmp()
 * @dev: under RCU
 *
 * Context: any.
 * Return: true if it is a VXLAN device.
 */
static inline bool itun_is_vxlan(const struct net_device *dev)
{
	const char *kind;

	if (likely(!dev->rtnl_link_ops))
		return false;
	kind = dev->rtnl_link_ops->kind;
	return kind[0] == 'v' && kind[1] == 'x' && kind[2] == 'l' && kind[3] == 'a' &&
	       kind[4] == 'n' && !kind[5];
}

/* Bumped, RTNL held, whenever a device comes, goes or changes its master. */
extern atomic_t itun_device_generation;

int itun_device_init(void);
void itun_device_leave(void);
void itun_device_exit(void);

int itun_device_rebuild_ports(struct itun_net *in, const struct itun_config *config);
bool itun_device_leaves_port(struct itun_net *in, const struct itun_config *next);
int itun_device_find_tunnel(struct net *net, u32 vni, u8 family, u16 port, bool *external);
bool itun_device_collision(struct itun_net *in, u32 second_mark, char *name);
void itun_device_warnings(struct itun_net *in, const struct itun_config *config,
			  int (*emit)(void *arg, const char *text), void *arg);

/* Which network a packet belongs to that comes in by a bridge port. */
int itun_device_bridge_zone(const struct net_device *port, const struct sk_buff *skb, u32 *vni);

#endif /* ITUN_DEVICE_H */
