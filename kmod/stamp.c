// SPDX-License-Identifier: GPL-2.0
/* Steps 1 and 2 for most packets: a rule that matches, or a seal; VXLAN with its plain
 * headers at fixed places; and an endpoint that is ready and was in use a moment ago.
 *
 * Whatever is not exactly that is left, untouched and not counted, to the whole mark
 * stage (mark.c), which does the same with what is accepted here.
 */
#include "csum.h"
#include "endpoint.h"
#include "mark.h"
#include "seal.h"
#include "stages.h"
#include "usual.h"

/* The inner headers of a usual packet: false if the whole parser has to look. */
static __always_inline bool itun_stamp_inner(const struct sk_buff *skb, struct itun_inner *inner)
{
	const struct itun_usual *packet = (const struct itun_usual *)skb->data;

	return skb_headlen(skb) > ITUN_USUAL_INNER && packet->eth.h_proto == htons(ETH_P_IP) &&
	       !(packet->eth.h_dest[0] & 1) && !(packet->eth.h_source[0] & 1) &&
	       !itun_inner_mac_is_zero(packet->eth.h_source) &&
	       itun_inner_parse_usual(skb->data + ITUN_USUAL_INNER,
				      skb_headlen(skb) - ITUN_USUAL_INNER,
				      skb->len - ITUN_USUAL_INNER, inner);
}

/* Which rule a packet matches, where one asks for its destination: NULL if none does, an
 * error if the whole parser has to look. Apart, for what is on the stack is zeroed on
 * entry in many kernels.
 */
static noinline struct itun_mark *itun_stamp_rule_to(const struct itun_config *config,
						     const struct sk_buff *skb, u32 vni)
{
	struct itun_inner inner;

	if (!itun_stamp_inner(skb, &inner))
		return ERR_PTR(-EOPNOTSUPP);
	return itun_mark_find(config, skb, &inner, IPVS_TUN_TUNNEL_TYPE_VXLAN, vni);
}

/* Which rule a packet matches; as itun_stamp_rule_to(). */
static __always_inline struct itun_mark *itun_stamp_rule(const struct itun_config *config,
							 const struct sk_buff *skb, u32 vni)
{
	u32 i;

	for (i = 0; skb->mark && i < config->n_marks; i++) {
		struct itun_mark *mark = config->marks[i];

		if (!itun_mark_may_match(mark, skb, IPVS_TUN_TUNNEL_TYPE_VXLAN, vni))
			continue;
		return likely(!mark->dst_family) ? mark : itun_stamp_rule_to(config, skb, vni);
	}
	return NULL;
}

static noinline bool itun_stamp_sealed(const struct itun_net *in, const struct sk_buff *skb)
{
	struct itun_inner inner;

	return itun_stamp_inner(skb, &inner) && itun_classified(in, skb, &inner);
}

/* From the table, into the front: but not in place of one that was in use a moment ago, or
 * two busy ones that share a slot would write to it with every packet.
 */
static noinline struct itun_endpoint *itun_stamp_search(struct itun_net *in, __be32 addr)
{
	struct itun_endpoint __rcu **slot = itun_endpoint_front(in, addr);
	const struct itun_endpoint *holder = rcu_dereference(*slot);
	const union itun_addr key = { .ip = addr };
	struct itun_endpoint *endpoint;

	endpoint = itun_endpoint_find(in, IPVS_TUN_TUNNEL_TYPE_VXLAN, 0, 4, &key);
	if (!endpoint || !READ_ONCE(endpoint->send))
		return NULL;
	if (!holder || !READ_ONCE(holder->send) || READ_ONCE(holder->used) != (u32)jiffies)
		rcu_assign_pointer(*slot, endpoint);
	return endpoint;
}

/* The endpoint of a destination, if it may be sent this mark as it is. */
static __always_inline struct itun_endpoint *itun_stamp_endpoint(struct itun_net *in, __be32 addr,
								 u32 second_mark)
{
	struct itun_endpoint *endpoint = rcu_dereference(*itun_endpoint_front(in, addr));

	if (unlikely(!endpoint || endpoint->key.addr.ip != addr ||
		     endpoint->key.family != 4 ||
		     endpoint->key.type != IPVS_TUN_TUNNEL_TYPE_VXLAN ||
		     !READ_ONCE(endpoint->send))) {
		endpoint = itun_stamp_search(in, addr);
		if (!endpoint)
			return NULL;
	}
	/* Once a jiffy more is to be noted of it: itun_endpoint_use(). */
	if (unlikely(READ_ONCE(endpoint->used) != (u32)jiffies || !READ_ONCE(endpoint->met)))
		return NULL;
	return likely(itun_endpoint_markable(endpoint, second_mark)) ? endpoint : NULL;
}

/**
 * itun_stamp() - set the second mark on a usual packet that has the first
 * @in: namespace of the underlay
 * @config: the snapshot in force
 * @ports: tunnel ports of the namespace
 * @skb: at LOCAL_OUT, IPv4, from a device
 *
 * Context: any, under RCU.
 * Return: true if it is marked; false if the whole stage has to look.
 */
bool itun_stamp(struct itun_net *in, const struct itun_config *config,
		const struct itun_ports *ports, struct sk_buff *skb)
{
	struct itun_usual *packet = (struct itun_usual *)skb->data;
	struct itun_stats __percpu *stats = in->stats;
	struct itun_endpoint *endpoint;
	struct itun_mark *mark;
	u32 second_mark;
	int port = 0;

	if (unlikely(skb_headlen(skb) < ITUN_USUAL_FRAME || skb->data[0] != 0x45 ||
		     packet->outer.protocol != IPPROTO_UDP))
		return false;
	/* The first port, as a rule: see itun_port_is_vxlan(). */
	if (unlikely(ports->port[0] != packet->udp.dest))
		port = itun_port_index(ports, packet->udp.dest);
	if (unlikely(port < 0 || ports->type[port] != IPVS_TUN_TUNNEL_TYPE_VXLAN ||
		     ports->collision[port] ||
		     itun_vxlan_flags(packet->vxlan) != ITUN_VXLAN_NORMAL))
		return false;
	/* What path_xmit is sending is the whole stage's to tell from this. */
	if (unlikely(this_cpu_read(itun_sending) || !itun_csum_editable(skb) ||
		     (skb_cloned(skb) && !skb_clone_writable(skb, ITUN_USUAL_FRAME))))
		return false;

	mark = itun_stamp_rule(config, skb, itun_vxlan_vni(packet->vxlan));
	if (IS_ERR(mark) ||
	    (!mark && (!itun_may_be_classified(skb) || !itun_stamp_sealed(in, skb))))
		return false;

	second_mark = config->tunnel[IPVS_TUN_TUNNEL_TYPE_VXLAN].second_mark;
	endpoint = itun_stamp_endpoint(in, packet->outer.daddr, second_mark);
	if (unlikely(!endpoint))
		return false;

	itun_usual_set_flags(in, skb, ITUN_VXLAN_NORMAL | second_mark);
	this_cpu_inc(stats->value[ITUN_COUNT_marked]);
	if (likely(mark))
		this_cpu_inc(mark->counts->packets);
	this_cpu_inc(endpoint->counts->marked);
	return true;
}
