// SPDX-License-Identifier: GPL-2.0
/* Step 5 at a bridge: a reply is put straight into its tunnel where the bridge
 * receives it.
 */
#include <linux/etherdevice.h>
#include <linux/if_bridge.h>
#include <linux/netfilter_bridge.h>
#include <linux/netfilter_ipv4.h>

#include "first_look.h"
#include "stages.h"
#include "turn.h"

/* Each header may tell of a further one, that is not in the linear part yet. */
static enum itun_inner_verdict itun_headers_parse(struct sk_buff *skb, bool tagged,
						  struct itun_inner *inner)
{
	enum itun_inner_verdict verdict;
	int tries;

	for (tries = 0; tries < 4; tries++) {
		if (likely(!tagged))
			verdict = itun_inner_parse_ip(skb->data, skb_headlen(skb), skb->len,
						      ntohs(skb->protocol), inner);
		else
			verdict = itun_inner_parse_ethernet(skb_mac_header(skb),
							    skb_headlen(skb) + ETH_HLEN,
							    skb->len + ETH_HLEN, inner);
		if (likely(verdict != ITUN_INNER_SHORT))
			return verdict;
		if (inner->need > skb->len + ETH_HLEN ||
		    !pskb_may_pull(skb, min_t(u32, skb->len, max_t(u32, inner->need, 128))))
			break;
	}
	return ITUN_INNER_BAD_TRANSPORT;
}

/**
 * itun_packet_parse() - the headers of an IP packet
 * @skb: skb->data at the network header
 * @inner: filled
 *
 * Context: any. May move the packet's bytes.
 * Return: ITUN_INNER_FLOW and what else the parser of inner packets knows.
 */
enum itun_inner_verdict itun_packet_parse(struct sk_buff *skb, struct itun_inner *inner)
{
	return itun_headers_parse(skb, false, inner);
}

/**
 * itun_frame_parse() - the headers of a frame that a machine has sent
 * @skb: skb->data at the network header, the Ethernet header before it
 * @inner: filled
 *
 * Context: any. May move the packet's bytes.
 * Return: ITUN_INNER_FLOW and what else the parser of inner packets knows.
 */
enum itun_inner_verdict itun_frame_parse(struct sk_buff *skb, struct itun_inner *inner)
{
	bool tagged = eth_type_vlan(skb->protocol);

	if (unlikely(!is_unicast_ether_addr(eth_hdr(skb)->h_dest)))
		return ITUN_INNER_NOT_FLOW;
	if (!tagged && skb->protocol != htons(ETH_P_IP) && skb->protocol != htons(ETH_P_IPV6))
		return ITUN_INNER_NOT_FLOW;
	return itun_headers_parse(skb, tagged, inner);
}

/**
 * itun_frame_find() - what a session may be found by of a frame
 * @skb: as for itun_frame_parse()
 * @inner: filled
 *
 * Context: any. May move the packet's bytes.
 * Return: ITUN_INNER_FLOW if it is a flow's packet, an ICMP error about one, or a later
 * fragment that may be one's.
 */
enum itun_inner_verdict itun_frame_find(struct sk_buff *skb, struct itun_inner *inner)
{
	enum itun_inner_verdict verdict = itun_frame_parse(skb, inner);

	if (likely(verdict == ITUN_INNER_FLOW))
		return verdict;
	return itun_related(skb, eth_type_vlan(skb->protocol) ? skb_mac_offset(skb) : 0,
			    verdict, inner);
}

/* May the reply leave the bridge's care? Whoever follows connections on the
 * bridge, or guards the port, must see it.
 */
static bool itun_bridge_lets_go(const struct sk_buff *skb, const struct net_device *port)
{
	if (nf_bridge_info_exists(skb) || skb_nfct(skb))
		return false;
	return !br_port_flag_is_set(port, BR_PORT_LOCKED | BR_ISOLATED);
}

struct itun_turns __percpu *itun_turns __read_mostly;

/**
 * itun_turns_init() - make the memory of turns
 *
 * Context: process, before the first hook.
 * Return: 0 or -ENOMEM.
 */
int __init itun_turns_init(void)
{
	itun_turns = alloc_percpu(struct itun_turns);
	return itun_turns ? 0 : -ENOMEM;
}

/**
 * itun_turns_exit() - free it; no hook runs any more
 */
void itun_turns_exit(void)
{
	free_percpu(itun_turns);
}

static u32 itun_bridge_ageing(const struct net_device *port)
{
	const struct net_device *bridge;

	bridge = netdev_master_upper_dev_get_rcu((struct net_device *)port);
	return bridge ? clock_t_to_jiffies(br_get_ageing_time(bridge)) : 0;
}

#if IS_ENABLED(CONFIG_NETFILTER_FAMILY_BRIDGE)
/* Does conntrack follow what passes bridges? It would miss what goes past them, and take
 * the rest for invalid. It shows in its hook alone: a packet that it does not track
 * looks like one where there is no conntrack.
 */
static bool itun_bridge_op_tracks(const struct nf_hook_ops *op)
{
	return op->priority == NF_IP_PRI_CONNTRACK && op->hook_ops_type == NF_HOOK_OP_UNDEFINED;
}

/* Of those behind us, ours and br_netfilter's, which has its say in itun_bridge_lets_go(),
 * are no reason: everybody else's is a rule that a reply would escape.
 */
static bool itun_bridge_op_guards(const struct nf_hook_ops *op, unsigned int hook)
{
	if (op->hook_ops_type != NF_HOOK_OP_UNDEFINED)
		return true;
	/* What is being unregistered. */
	if (op->priority == INT_MIN)
		return false;
	switch (hook) {
	case NF_BR_FORWARD:
		return op->priority != NF_BR_PRI_BRNF;
	case NF_BR_POST_ROUTING:
		return op->priority < NF_BR_PRI_LAST - 1;
	default:
		return false;
	}
}

static bool itun_bridge_hook_guards(const struct net *net, unsigned int hook)
{
	const struct nf_hook_entries *entries = rcu_dereference(net->nf.hooks_bridge[hook]);
	struct nf_hook_ops **ops;
	bool behind = hook != NF_BR_PRE_ROUTING;
	unsigned int i;

	if (!entries)
		return false;
	ops = nf_hook_entries_get_hook_ops(entries);
	for (i = 0; i < entries->num_hook_entries; i++) {
		const struct nf_hook_ops *op = READ_ONCE(ops[i]);

		if (hook == NF_BR_PRE_ROUTING && itun_bridge_op_tracks(op))
			return true;
		if (behind && itun_bridge_op_guards(op, hook))
			return true;
		behind |= entries->hooks[i].priv == itun_net(net);
	}
	return false;
}
#endif

/**
 * itun_bridge_has_guards() - does anybody look at what passes bridges behind us?
 * @net: namespace of the bridges
 *
 * Context: any, under RCU.
 * Return: true if so: then replies go by the bridge.
 */
bool itun_bridge_has_guards(const struct net *net)
{
#if IS_ENABLED(CONFIG_NETFILTER_FAMILY_BRIDGE)
	return itun_bridge_hook_guards(net, NF_BR_PRE_ROUTING) ||
	       itun_bridge_hook_guards(net, NF_BR_FORWARD) ||
	       itun_bridge_hook_guards(net, NF_BR_POST_ROUTING);
#else
	return false;
#endif
}

static bool itun_bridge_guarded(const struct net_device *port)
{
	return itun_bridge_has_guards(dev_net(port));
}

/* Not while the net under it is switched off: there the frame would be lost to
 * the flow.
 */
static bool itun_bridge_turn(const struct itun_config *config, const struct sk_buff *skb,
			     const struct net_device *port)
{
	struct itun_turn_server server;

	if (config->paused & IPVS_TUN_STEP_REWRITE)
		return false;
	itun_turn_server(skb, port, &server);
	return itun_turn_due(&server, itun_bridge_ageing, itun_bridge_guarded, port);
}

/* A fragment that no session was found for: a first one is nobody's, and says so to
 * those behind it; one of which the first has not come yet may wait for it.
 */
static unsigned int itun_steer_bridge_stray(struct itun_net *in, const struct itun_config *config,
					    struct sk_buff *skb, const struct itun_inner *inner,
					    u32 zone, const struct nf_hook_state *state,
					    bool may_hold)
{
	struct itun_tuple tuple = inner->tuple;

	if (!inner->later) {
		itun_fragment_is_nobodys(in, inner, zone);
		itun_hold_release(in, config, inner, zone);
		return NF_ACCEPT;
	}
	if (itun_fragment_find(in, &tuple, inner->fragment_id, zone) != ITUN_FRAGMENT_UNKNOWN)
		return NF_ACCEPT;
	itun_count(in, fragment_unknown);
	return may_hold && itun_hold(in, skb, inner, zone, state) ? NF_STOLEN : NF_ACCEPT;
}

/* BH off: the caches and the flag of path_xmit are this CPU's. */
static unsigned int itun_steer_bridge_reply(struct itun_net *in, const struct itun_config *config,
					    struct sk_buff *skb, const struct itun_inner *inner,
					    const struct nf_hook_state *state, bool possible,
					    bool may_hold)
{
	struct itun_backhaul reply;
	u32 len = skb->len + ETH_HLEN;
	enum itun_xmit result;
	u32 vni, zone;

	if (itun_device_bridge_zone(state->in, skb, &vni)) {
		itun_count(in, zone_unknown);
		return NF_ACCEPT;
	}
	zone = itun_config_zone(config, vni);
	if (!possible || !itun_reply_find(in, config, inner, zone, &reply))
		goto stray;
	/* The bridge takes it to this host, which routes it: see forward.c. */
	if (unlikely(reply.path->key.ip_inside))
		return NF_ACCEPT;
	if (unlikely(itun_path_is_local(&reply.path->key))) {
		if (!itun_local_return(in, config, skb, inner, vni, &reply))
			goto stray;
		if (inner->fragment)
			itun_hold_release(in, config, inner, zone);
		return NF_ACCEPT;
	}
	if (unlikely(!itun_path_is_from(reply.path, state->in))) {
		itun_count(in, zone_unknown);
		return NF_ACCEPT;
	}
	if (!itun_reply_accept(in, config, inner, &reply))
		return NF_ACCEPT;

	if (likely(itun_bridge_lets_go(skb, state->in))) {
		if (unlikely(itun_bridge_turn(config, skb, state->in))) {
			itun_count(in, steer_ordinary);
			goto ordinary;
		}
		result = itun_path_xmit(reply.path, skb, reply.hash);
		if (likely(result != ITUN_XMIT_FALLBACK)) {
			itun_steered(in, config, &reply, inner, len, result);
			if (unlikely(inner->fragment))
				itun_hold_release(in, config, inner, zone);
			return NF_STOLEN;
		}
	}
	itun_count(in, steer_fallback);
ordinary:
	/* To the balancer, so that the bridge takes it to the tunnel; LOCAL_OUT
	 * does the rest, and counts the reply.
	 */
	if (likely(!skb_cow_head(skb, 0))) {
		ether_addr_copy(eth_hdr(skb)->h_dest, reply.path->key.mac);
		/* It was this host's own, where that is the server's router: no more. */
		skb->pkt_type = PACKET_OTHERHOST;
	}
	if (unlikely(inner->fragment))
		itun_hold_release(in, config, inner, zone);
	return NF_ACCEPT;
stray:
	if (likely(!inner->fragment && !inner->later))
		return NF_ACCEPT;
	return itun_steer_bridge_stray(in, config, skb, inner, zone, state, may_hold);
}

static unsigned int itun_steer_bridge_frame(struct itun_net *in, const struct itun_config *config,
					    struct sk_buff *skb, const struct nf_hook_state *state,
					    bool may_hold)
{
	struct itun_inner inner;
	unsigned int verdict;
	bool possible;

	if (itun_frame_look(skb, &inner) != ITUN_INNER_FLOW)
		return NF_ACCEPT;
	possible = itun_reply_possible(in, &inner);
	/* A first fragment that is nobody's has to be known as such. */
	if (likely(!possible) && likely(!inner.fragment))
		return NF_ACCEPT;
	/* Back from NFQUEUE, the packet comes in process context. */
	local_bh_disable();
	verdict = itun_steer_bridge_reply(in, config, skb, &inner, state, possible, may_hold);
	local_bh_enable();
	return verdict;
}

/**
 * itun_steer_bridge_held() - a later fragment that has waited for its first one
 * @in: namespace
 * @config: the snapshot in force
 * @skb: at bridge PREROUTING
 * @state: of the hook
 *
 * Context: BH off, under RCU.
 * Return: as itun_steer_bridge().
 */
unsigned int itun_steer_bridge_held(struct itun_net *in, const struct itun_config *config,
				    struct sk_buff *skb, const struct nf_hook_state *state)
{
	return itun_steer_bridge_frame(in, config, skb, state, false);
}

/**
 * itun_steer_bridge() - a frame that comes in by a bridge port
 * @in: namespace
 * @config: the snapshot in force
 * @skb: at bridge PREROUTING
 * @state: of the hook
 *
 * Context: any, under RCU.
 * Return: NF_ACCEPT; NF_STOLEN when the reply is in its tunnel, or a fragment waits.
 */
unsigned int itun_steer_bridge(struct itun_net *in, const struct itun_config *config,
			       struct sk_buff *skb, const struct nf_hook_state *state)
{
	return itun_steer_bridge_frame(in, config, skb, state, true);
}
