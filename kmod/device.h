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

/* Tunnel types that have UDP ports. */
#define ITUN_PORT_TYPES		3

/* UDP ports that carry tunnels in a namespace, and which types are in use at
 * all; read in the data path under RCU.
 */
struct itun_ports {
	struct rcu_head rcu;
	u32 n;
	u32 types;				/* mask of 1 << type, those without ports too */
	bool nvgre;				/* GRE's keys are NVGRE's */
	__be16 port[ITUN_PORT_TYPES * IPVS_TUN_MAX_PORTS];
	u8 type[ITUN_PORT_TYPES * IPVS_TUN_MAX_PORTS];
	/* A device there uses the second mark's bits. */
	bool collision[ITUN_PORT_TYPES * IPVS_TUN_MAX_PORTS];
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
 * itun_port_is_vxlan() - does a port carry VXLAN?
 * @ports: the ports, under RCU
 * @port: UDP destination
 *
 * Ports that the configuration names come first, and of those VXLAN's: in most
 * namespaces it is the first, or none.
 */
static __always_inline bool itun_port_is_vxlan(const struct itun_ports *ports, __be16 port)
{
	int i;

	if (likely(ports->port[0] == port && ports->type[0] == IPVS_TUN_TUNNEL_TYPE_VXLAN))
		return true;
	i = itun_port_index(ports, port);
	return i >= 0 && ports->type[i] == IPVS_TUN_TUNNEL_TYPE_VXLAN;
}

/**
 * itun_ports_choose() - a port for a tunnel's own packets
 * @ports: the ports, under RCU
 * @type: enum ipvs_tun_tunnel_type
 * @port: the one that traffic used, host order; 0 for none
 *
 * Return: @port if it is in use for that type, else the first that is; host
 * order, 0 if the type has none.
 */
static inline u16 itun_ports_choose(const struct itun_ports *ports, u8 type, u16 port)
{
	u16 first = 0;
	u32 i;

	for (i = 0; i < ports->n; i++) {
		if (ports->type[i] != type)
			continue;
		if (ports->port[i] == htons(port))
			return port;
		if (!first)
			first = ntohs(ports->port[i]);
	}
	return first;
}

/* The link operations of tunnel drivers, as their devices showed them: compared
 * only. A driver that has gone leaves a value that nothing has, or that another
 * driver's have: such devices would be tunnels again.
 */
#define ITUN_TUNNEL_KINDS	10
extern const struct rtnl_link_ops *itun_tunnel_kinds[ITUN_TUNNEL_KINDS];

/**
 * itun_is_tunnel() - does a device bring packets out of a tunnel?
 * @dev: under RCU
 *
 * Context: any.
 * Return: true for the devices of the tunnel types.
 */
static inline bool itun_is_tunnel(const struct net_device *dev)
{
	const struct rtnl_link_ops *ops = dev->rtnl_link_ops;
	unsigned int i;

	/* The first apart: on most hosts there is one kind. */
	if (ops == READ_ONCE(itun_tunnel_kinds[0]))
		return ops;
	if (likely(!READ_ONCE(itun_tunnel_kinds[1])))
		return false;
	for (i = 1; i < ITUN_TUNNEL_KINDS && itun_tunnel_kinds[i]; i++)
		if (itun_tunnel_kinds[i] == ops)
			return true;
	return false;
}

/* Bumped whenever a device comes, goes, or changes its master or its port. */
extern atomic_t itun_device_generation;

void itun_device_changed(void);
bool itun_device_is_there(struct net_device *dev);
int itun_device_init(void);
void itun_device_leave(void);
void itun_device_exit(void);

int itun_device_rebuild_ports(struct itun_net *in, const struct itun_config *config);
void itun_device_read_keys(struct itun_net *in, const struct itun_config *config);
bool itun_device_leaves_port(struct itun_net *in, const struct itun_config *next);
/* With a device's index: it takes its instructions from metadata. */
#define ITUN_TUNNEL_EXTERNAL	BIT(31)

unsigned long itun_device_types(struct itun_net *in);

struct itun_path_key;
u32 itun_device_find_tunnel(struct net *net, const struct itun_path_key *path);
bool itun_device_collision(struct itun_net *in, u8 type, u32 second_mark, char *name);
void itun_device_warnings(struct itun_net *in, const struct itun_config *config, u8 type,
			  int (*emit)(void *arg, const char *text), void *arg);

bool itun_device_sends_outside(struct itun_net *in);
bool itun_device_only_type(u8 type);
bool itun_device_bridge_has(const struct net_device *port, u8 type);

/* Networks that tunnels with IP inside bring to one routing domain, at most. */
#define ITUN_ROUTED_NETWORKS	8

bool itun_device_routed_to(const struct net_device *port, const struct net_device *tunnel);
unsigned int itun_device_routed_networks(const struct net_device *port,
					 u32 vnis[ITUN_ROUTED_NETWORKS], bool *others);

int itun_zone_caches_init(void);
void itun_zone_caches_exit(void);

/* Which network a packet belongs to that comes in by a bridge port. */
int itun_device_bridge_zone(const struct net_device *port, const struct sk_buff *skb, u32 *vni);

#endif /* ITUN_DEVICE_H */
