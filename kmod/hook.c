// SPDX-License-Identifier: GPL-2.0
/* The hooks: which there are, at which priority and why, and when they exist.
 *
 * They are registered by groups, only while the configuration needs them: an
 * idle namespace pays nothing. Never for a session: unregistering any hook
 * drops the namespace's packets that are queued to NFQUEUE.
 */
#include <linux/netfilter.h>
#include <linux/netfilter_bridge.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>

#include "aggregate.h"
#include "device.h"
#include "first_look.h"
#include "mpls.h"
#include "port.h"
#include "seal.h"
#include "stages.h"

/* No tunnel carries it: it may be on its way to one that leaves from another namespace. */
static unsigned int itun_local_out_inner(struct itun_net *in, const struct itun_config *config,
					 struct sk_buff *skb, bool marks)
{
	if (marks && skb->mark && itun_device_sends_outside(in))
		itun_classify_inner(in, config, skb);
	return NF_ACCEPT;
}

/* Apart, for its variables are zeroed on entry in many kernels. */
static noinline unsigned int itun_local_out_whole(struct itun_net *in,
						  const struct itun_config *config,
						  const struct itun_ports *ports,
						  struct sk_buff *skb, u8 family, bool marks)
{
	struct itun_outer outer;
	struct itun_look look;
	unsigned int verdict;

	if (!itun_outer_look_out(skb, ports, family, &look))
		return itun_local_out_inner(in, config, skb, marks);
	/* Most of what is left is nobody's reply. */
	if (!marks && !itun_outer_may_reply(in, skb, &look))
		return NF_ACCEPT;

	itun_outer_parse_out(skb, family, &look, &outer);
	if (unlikely(outer.type == IPVS_TUN_TUNNEL_TYPE_MPLS))
		itun_mpls_judge(config, &outer);
	/* LOCAL_OUT runs in process context too: per-CPU state (route caches,
	 * the flood slot) needs BH off.
	 */
	local_bh_disable();
	verdict = NF_ACCEPT;
	if (__this_cpu_read(itun_sending))
		goto out;
	if (marks && itun_mark(in, config, skb, &outer,
			       look.port >= 0 && ports->collision[look.port]))
		goto out;
	/* The standard header only: other bits belong to somebody's extension. */
	if (config->rewrites && outer.flags == itun_tunnel_normal(outer.type))
		verdict = itun_rewrite(in, config, skb, &outer);
out:
	local_bh_enable();
	return verdict;
}

/* The namespace is the hook's own: net_generic() takes and gives back RCU each
 * time, for three values that are the same for every packet.
 */
static __always_inline unsigned int itun_local_out(struct itun_net *in, struct sk_buff *skb,
						   const struct nf_hook_state *state, u8 family)
{
	const struct itun_config *config;
	const struct itun_ports *ports;
	bool marks;

	/* The cheap first filter: a tunnel's packet still has the tunnel's
	 * device, one of a local socket has none.
	 */
	if (!skb->dev)
		return NF_ACCEPT;
	/* Nobody but path_xmit, below us on the stack, can have put this very packet there. */
	if (this_cpu_read(itun_sending) == skb)
		return NF_ACCEPT;
	/* nf_hook() holds RCU: the snapshot stays for this packet. */
	config = rcu_dereference(in->config);
	ports = rcu_dereference(in->ports);
	marks = ((skb->mark && config->n_marks) || itun_may_be_classified(skb)) &&
		!(config->paused & IPVS_TUN_STEP_MARK);
	if (likely(!marks) && (!config->rewrites ||
			       (family == 4 && itun_outer_nobodys4(in, ports, skb))))
		return NF_ACCEPT;
	/* What is routed in a VRF comes twice, first as if it left by the VRF. */
	if (unlikely(netif_is_l3_master(state->out)))
		return NF_ACCEPT;
	if (family == 4 && marks) {
		/* What has the first mark is here before it is in its tunnel, too. */
		if (itun_outer_is_inner4(ports, skb))
			return itun_local_out_inner(in, config, skb, marks);
		/* A request: there is nothing to rewrite. */
		if (likely(itun_stamp(in, config, ports, skb)))
			return NF_ACCEPT;
	}
	return itun_local_out_whole(in, config, ports, skb, family, marks);
}

static unsigned int itun_local_out4(void *priv, struct sk_buff *skb,
				    const struct nf_hook_state *state)
{
	return itun_local_out(priv, skb, state, 4);
}

static unsigned int itun_local_out6(void *priv, struct sk_buff *skb,
				    const struct nf_hook_state *state)
{
	return itun_local_out(priv, skb, state, 6);
}

/* What is not marked leaves at once: in an unmarked packet the bytes where
 * VXLAN has its flags are the normal ones, whatever its port.
 */
static unsigned int itun_local_in4(void *priv, struct sk_buff *skb,
				   const struct nf_hook_state *state)
{
	if (unlikely(itun_aggregate_is_joined(skb)))
		return itun_aggregate_part(priv, skb, state);
	if (itun_outer_unmarked4(skb))
		return NF_ACCEPT;
	return itun_refresh(priv, skb, state);
}

static unsigned int itun_local_in6(void *priv, struct sk_buff *skb,
				   const struct nf_hook_state *state)
{
	if (unlikely(itun_aggregate_is_joined(skb)))
		return itun_aggregate_part(priv, skb, state);
	if (itun_outer_unmarked6(skb))
		return NF_ACCEPT;
	return itun_record_whole(priv, skb, state, 6);
}

static unsigned int itun_bridge_prerouting(void *priv, struct sk_buff *skb,
					   const struct nf_hook_state *state)
{
	const struct itun_config *config;
	struct itun_net *in = priv;

	/* What comes out of a tunnel is a request, no reply. */
	if (itun_is_tunnel(state->in) || !itun_may_reply(in, skb))
		return NF_ACCEPT;
	config = rcu_dereference(in->config);
	/* A balancer's host may never have a session. */
	if (config->paused & IPVS_TUN_STEP_STEER || !atomic_read(&in->n_sessions))
		return NF_ACCEPT;
	return itun_steer_bridge(in, config, skb, state);
}

static unsigned int itun_bridge_postrouting(void *priv, struct sk_buff *skb,
					    const struct nf_hook_state *state)
{
	const struct itun_config *config;
	struct itun_net *in = priv;

	config = rcu_dereference(in->config);
	if (likely(!skb->mark && !itun_may_be_classified(skb)))
		return NF_ACCEPT;
	/* What goes into a tunnel is marked there. */
	if (!itun_is_tunnel(state->out) && !(config->paused & IPVS_TUN_STEP_MARK))
		itun_local_record(in, config, skb, state);
	return NF_ACCEPT;
}

static unsigned int itun_forward(void *priv, struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	const struct itun_config *config;
	struct itun_net *in = priv;

	/* br_netfilter's passage of a bridged frame: it is the bridge's. */
	if (nf_bridge_info_exists(skb) || !itun_may_reply(in, skb))
		return NF_ACCEPT;
	config = rcu_dereference(in->config);
	if (config->paused & IPVS_TUN_STEP_STEER)
		return NF_ACCEPT;
	return itun_steer_forward(in, config, skb, state);
}

struct itun_hooks {
	enum itun_hook_group group;
	const char *name;
	const struct nf_hook_ops *ops;
	unsigned int n;
};

/* Before conntrack's defragmentation, conntrack and raw (-400, -200, -300):
 * the host's firewall sees the final header.
 */
#define ITUN_PRI_OUT	(NF_IP_PRI_CONNTRACK_DEFRAG - 1)

/* After filter, security and SELinux: the host's firewall decides first what
 * reaches its tunnels. Before conntrack confirms (INT_MAX), which does not
 * look at the payload.
 */
#define ITUN_PRI_IN	(NF_IP_PRI_SELINUX_LAST + 1)

/* After nft's bridge filter (-200), and after br_netfilter (0), which runs the
 * host's IP rules on bridged frames and marks those that it has seen: such a
 * frame is not taken out of the bridge.
 */
#define ITUN_PRI_BRIDGE	(NF_BR_PRI_BRNF + 1)

/* Last, but for br_netfilter's (INT_MAX): nft's bridge filter (200) has let the frame go,
 * and ebtables' source translation (300) has given it its final MAC. What the host's IP
 * rules then drop, where br_netfilter runs them, has been recorded for nothing.
 */
#define ITUN_PRI_BRIDGE_OUT (NF_BR_PRI_LAST - 1)

/* Last: filtering, TTL and MTU stay the kernel's. Nothing may come after a
 * hook that takes the packet away, save conntrack's own (INT_MAX).
 */
#define ITUN_PRI_FORWARD (NF_IP_PRI_LAST - 1)

static const struct nf_hook_ops itun_ops_out[] = {
	{
		.hook		= itun_local_out4,
		.pf		= NFPROTO_IPV4,
		.hooknum	= NF_INET_LOCAL_OUT,
		.priority	= ITUN_PRI_OUT,
	},
#if IS_ENABLED(CONFIG_IPV6)
	{
		.hook		= itun_local_out6,
		.pf		= NFPROTO_IPV6,
		.hooknum	= NF_INET_LOCAL_OUT,
		.priority	= ITUN_PRI_OUT,
	},
#endif
};

static const struct nf_hook_ops itun_ops_in[] = {
	{
		.hook		= itun_local_in4,
		.pf		= NFPROTO_IPV4,
		.hooknum	= NF_INET_LOCAL_IN,
		.priority	= ITUN_PRI_IN,
	},
#if IS_ENABLED(CONFIG_IPV6)
	{
		.hook		= itun_local_in6,
		.pf		= NFPROTO_IPV6,
		.hooknum	= NF_INET_LOCAL_IN,
		.priority	= ITUN_PRI_IN,
	},
#endif
};

static const struct nf_hook_ops itun_ops_bridge[] = {
	{
		.hook		= itun_bridge_prerouting,
		.pf		= NFPROTO_BRIDGE,
		.hooknum	= NF_BR_PRE_ROUTING,
		.priority	= ITUN_PRI_BRIDGE,
	},
};

static const struct nf_hook_ops itun_ops_bridge_out[] = {
	{
		.hook		= itun_bridge_postrouting,
		.pf		= NFPROTO_BRIDGE,
		.hooknum	= NF_BR_POST_ROUTING,
		.priority	= ITUN_PRI_BRIDGE_OUT,
	},
};

static const struct nf_hook_ops itun_ops_forward[] = {
	{
		.hook		= itun_forward,
		.pf		= NFPROTO_IPV4,
		.hooknum	= NF_INET_FORWARD,
		.priority	= ITUN_PRI_FORWARD,
	},
#if IS_ENABLED(CONFIG_IPV6)
	{
		.hook		= itun_forward,
		.pf		= NFPROTO_IPV6,
		.hooknum	= NF_INET_FORWARD,
		.priority	= ITUN_PRI_FORWARD,
	},
#endif
};

static const struct itun_hooks itun_hooks[ITUN_HOOK_GROUPS] = {
	/* LOCAL_IN comes first and goes last: no mark is sent by this host
	 * that its own record stage, as the other side of a pair, would not
	 * remove.
	 */
	{ ITUN_HOOK_IN, "inet/local_in", itun_ops_in, ARRAY_SIZE(itun_ops_in) },
	{ ITUN_HOOK_OUT, "inet/local_out", itun_ops_out, ARRAY_SIZE(itun_ops_out) },
	{ ITUN_HOOK_BRIDGE, "bridge/prerouting", itun_ops_bridge, ARRAY_SIZE(itun_ops_bridge) },
	{ ITUN_HOOK_FORWARD, "inet/forward", itun_ops_forward, ARRAY_SIZE(itun_ops_forward) },
	{ ITUN_HOOK_BRIDGE_OUT, "bridge/postrouting", itun_ops_bridge_out,
	  ARRAY_SIZE(itun_ops_bridge_out) },
};

/**
 * itun_hooks_wanted() - the groups that a configuration needs
 * @config: a snapshot
 *
 * Any peer needs LOCAL_IN: marked packets of anyone leave it unmarked, so that
 * a forgotten "accept" is no outage, and answers to probes come in by it.
 */
unsigned int itun_hooks_wanted(const struct itun_config *config)
{
	unsigned int wanted = 0;

	if (config->n_peers)
		wanted |= ITUN_HOOK_IN;
	/* What has the first mark may come from a balancer's namespace, and its tunnel
	 * leave from this one.
	 */
	if (config->n_marks || config->balances || config->any_send)
		wanted |= ITUN_HOOK_OUT;
	if (config->steers)
		wanted |= ITUN_HOOK_OUT | ITUN_HOOK_BRIDGE | ITUN_HOOK_FORWARD;
	/* A server of a marked flow may be on this very host. */
	if (config->local)
		wanted |= ITUN_HOOK_BRIDGE_OUT | ITUN_HOOK_BRIDGE;
	/* For the reasons of LOCAL_IN and LOCAL_OUT, where devices carry MPLS. */
	if (config->n_peers || config->n_marks || config->balances)
		wanted |= ITUN_HOOK_MPLS;
	return wanted;
}

/* What is registered is the namespace's copy, with itself in it. Who lists hooks
 * reads it under RCU: it stays as long as the namespace.
 */
static int itun_hooks_register(struct itun_net *in, unsigned int group)
{
	const struct itun_hooks *hooks = &itun_hooks[group];
	struct nf_hook_ops *ops = in->hook_ops[group];
	int i;

	for (i = 0; i < hooks->n; i++) {
		ops[i] = hooks->ops[i];
		ops[i].priv = in;
	}
	return nf_register_net_hooks(in->net, ops, hooks->n);
}

static void itun_hooks_unregister(struct itun_net *in, unsigned int group)
{
	nf_unregister_net_hooks(in->net, in->hook_ops[group], itun_hooks[group].n);
	in->hooks &= ~itun_hooks[group].group;
}

/**
 * itun_hooks_update() - register and unregister groups
 * @in: namespace, under its mutex
 * @wanted: the groups that are to exist
 *
 * What is new is registered before anything goes, so that an error leaves
 * what was there.
 *
 * Context: process; under RTNL if anything is wanted. Unregistering waits for
 * readers.
 * Return: 0 or a negative error number.
 */
int itun_hooks_update(struct itun_net *in, unsigned int wanted)
{
	unsigned int added = 0;
	int i, err;

	lockdep_assert_held(&in->mutex);
	for (i = 0; i < ARRAY_SIZE(itun_hooks); i++) {
		const struct itun_hooks *hooks = &itun_hooks[i];

		if (!(wanted & ~in->hooks & hooks->group))
			continue;
		err = itun_hooks_register(in, i);
		if (err)
			goto undo;
		added |= hooks->group;
		in->hooks |= hooks->group;
	}
	/* Each time: MPLS itself may have come since the last one. */
	if (wanted & ITUN_HOOK_MPLS) {
		added |= ITUN_HOOK_MPLS & ~in->hooks;
		in->hooks |= ITUN_HOOK_MPLS;
		err = itun_mpls_attach(in);
		if (err)
			goto undo;
	} else if (in->hooks & ITUN_HOOK_MPLS) {
		itun_mpls_detach(in);
		in->hooks &= ~ITUN_HOOK_MPLS;
	}
	for (i = ARRAY_SIZE(itun_hooks) - 1; i >= 0; i--)
		if (in->hooks & ~wanted & itun_hooks[i].group)
			itun_hooks_unregister(in, i);
	return 0;

undo:
	if (added & ITUN_HOOK_MPLS) {
		itun_mpls_detach(in);
		in->hooks &= ~ITUN_HOOK_MPLS;
	}
	for (i = ARRAY_SIZE(itun_hooks) - 1; i >= 0; i--)
		if (added & itun_hooks[i].group)
			itun_hooks_unregister(in, i);
	return err;
}

/**
 * itun_hooks_describe() - the hooks that exist, for "status"
 * @in: namespace, under its mutex
 * @emit: called with "family/hook priority"; nonzero stops
 * @arg: for @emit
 *
 * Return: what @emit returned last.
 */
int itun_hooks_describe(struct itun_net *in, int (*emit)(void *arg, const char *text), void *arg)
{
	char text[48];
	int i, err = 0;

	if (READ_ONCE(in->n_mpls_devices)) {
		snprintf(text, sizeof(text), "netdev/ingress/%d", ITUN_PRI_MPLS);
		err = emit(arg, text);
		snprintf(text, sizeof(text), "netdev/egress/%d", ITUN_PRI_MPLS);
		err = err ?: emit(arg, text);
	}
	err = err ?: itun_port_hooks_describe(in, emit, arg);
	for (i = 0; i < ARRAY_SIZE(itun_hooks) && !err; i++) {
		if (!(in->hooks & itun_hooks[i].group))
			continue;
		snprintf(text, sizeof(text), "%s/%d", itun_hooks[i].name,
			 itun_hooks[i].ops[0].priority);
		err = emit(arg, text);
	}
	return err;
}
