/* SPDX-License-Identifier: GPL-2.0 */
/* Ports: the devices of a host behind which virtual machines are.
 *
 * The configuration names them, by name, pattern or group; which devices fit
 * is followed here, as they come and go. A port gives what its machine sends a
 * network without guessing; replies can go from it straight into their tunnel;
 * and it can be a balancer's, whose packets for others are requests.
 */
#ifndef ITUN_PORT_H
#define ITUN_PORT_H

#include <linux/netdevice.h>
#include <linux/netfilter.h>
#include <linux/rculist.h>

#include "config.h"
#include "net.h"

struct itun_port_counts {
	u64 direct;
	u64 balanced;
};

/* A device that is a port now. */
struct itun_port {
	struct hlist_node node;		/* of port.c's table */
	struct itun_net *in;
	struct net_device *dev;		/* valid while listed */
	int ifindex;
	bool hooked;
	/* The snapshot in force holds it. NULL for a moment: a hook that was
	 * registered for a transaction that is not published yet.
	 */
	const struct itun_port_config __rcu *setting;
	struct itun_port_counts __percpu *counts;
	struct nf_hook_ops ops;
	struct rcu_head rcu;
};

/* Last of what looks at the device: the operator's own filters, in nft's netdev
 * chains, decide first. Behind a hook that takes packets away nothing would see
 * them.
 */
#define ITUN_PRI_PORT	(INT_MAX - 1)

/* port.c: all under RTNL and the namespace's mutex, unless it says otherwise */
int itun_port_prepare(struct itun_net *in, const struct itun_config *next);
void itun_port_settle(struct itun_net *in, const struct itun_config *config);
void itun_port_follow(struct net_device *dev, bool registered);
void itun_port_forget(struct net_device *dev);
const struct itun_port *itun_port_find(const struct itun_net *in, int ifindex);
struct itun_port *itun_port_next(const struct itun_net *in, unsigned int *bucket,
				 const struct itun_port *after);
bool itun_port_network(const struct net_device *dev, u32 *vni);
int itun_port_hooks_describe(struct itun_net *in, int (*emit)(void *arg, const char *text),
			     void *arg);

/**
 * itun_is_port() - is a device one behind which a virtual machine is?
 * @in: namespace
 * @ifindex: the device's
 *
 * Context: under RCU.
 */
static inline bool itun_is_port(const struct itun_net *in, int ifindex)
{
	return unlikely(READ_ONCE(in->n_port_devices)) && itun_port_find(in, ifindex);
}

/* port_hook.c */
unsigned int itun_port_ingress(void *priv, struct sk_buff *skb, const struct nf_hook_state *state);
unsigned int itun_port_egress(void *priv, struct sk_buff *skb, const struct nf_hook_state *state);

#endif /* ITUN_PORT_H */
