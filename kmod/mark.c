// SPDX-License-Identifier: GPL-2.0
/* Steps 1 and 2: the first mark is on the packet, put there by the operator's
 * own rules, or the seal of a balancer's port (classify.c); the second is set here,
 * in the tunnel header of the outer packet, if stamp.c has not done it.
 */
#include <net/dst.h>
#include <net/l3mdev.h>

#include "csum.h"
#include "endpoint.h"
#include "mark.h"
#include "seal.h"
#include "stages.h"

static bool itun_mark_leads_to(const struct itun_mark *mark, const struct itun_inner *inner)
{
	return inner->tuple.family == mark->dst_family &&
	       itun_addr_in_prefix(&inner->tuple.dst, &mark->dst, mark->dst_family, mark->dst_len);
}

static bool itun_mark_matches(const struct itun_mark *mark, struct sk_buff *skb,
			      const struct itun_outer *outer)
{
	struct itun_inner inner;

	if (!itun_mark_may_match(mark, skb, outer->type, outer->id))
		return false;
	if (!mark->dst_family)
		return true;
	/* Later fragments and ICMP errors have addresses as well. */
	return itun_inner_has_addresses(itun_outer_parse_inner(skb, outer, &inner)) &&
	       itun_mark_leads_to(mark, &inner);
}

/**
 * itun_mark_find() - the rule for a packet that has been parsed
 * @config: the snapshot in force
 * @skb: the packet
 * @inner: its headers, of which there are addresses
 * @type: enum ipvs_tun_tunnel_type; that of a way without a tunnel is none that a rule names
 * @id: its network
 *
 * Context: any, under RCU.
 * Return: the first rule that matches, or NULL.
 */
struct itun_mark *itun_mark_find(const struct itun_config *config, const struct sk_buff *skb,
				 const struct itun_inner *inner, u8 type, u32 id)
{
	u32 i;

	for (i = 0; skb->mark && i < config->n_marks; i++) {
		struct itun_mark *mark = config->marks[i];

		if (itun_mark_may_match(mark, skb, type, id) &&
		    (!mark->dst_family || itun_mark_leads_to(mark, inner)))
			return mark;
	}
	return NULL;
}

/* Was it taken for a request before it was in its tunnel? */
static bool itun_mark_is_sealed(const struct itun_net *in, struct sk_buff *skb,
				const struct itun_outer *outer)
{
	struct itun_inner inner;

	if (likely(!itun_may_be_classified(skb)))
		return false;
	return itun_inner_has_addresses(itun_outer_parse_inner(skb, outer, &inner)) &&
	       itun_classified(in, skb, &inner);
}

/* What more a probe must know of the way of labels. */
static void itun_mark_labels(struct itun_endpoint *endpoint, const struct sk_buff *skb,
			     const struct itun_outer *outer)
{
	if (itun_outer_over_ethernet(outer) &&
	    READ_ONCE(endpoint->ifindex) != skb->dev->ifindex)
		WRITE_ONCE(endpoint->ifindex, skb->dev->ifindex);
	if (READ_ONCE(endpoint->carrier_key) != outer->carrier_key)
		WRITE_ONCE(endpoint->carrier_key, outer->carrier_key);
}

/* A probe goes by the same routing tables as the traffic. */
static void itun_mark_vrf(struct itun_endpoint *endpoint, const struct sk_buff *skb)
{
	const struct dst_entry *dst = skb_dst(skb);
	int vrf = dst ? l3mdev_master_ifindex_rcu(dst->dev) : 0;

	if (READ_ONCE(endpoint->ifindex) != vrf)
		WRITE_ONCE(endpoint->ifindex, vrf);
}

/**
 * itun_mark() - set the second mark on a packet that has the first
 * @in: namespace of the underlay
 * @config: the snapshot in force
 * @skb: the outer packet at LOCAL_OUT; of MPLS where it leaves by a device
 * @outer: its headers
 * @collision: a device uses bits of the second mark on this port
 *
 * Context: softirq or BH off, under RCU.
 * Return: true if a rule matched, or a balancer's port has sent it for others: the
 * packet is a request, marked or not.
 */
bool itun_mark(struct itun_net *in, const struct itun_config *config, struct sk_buff *skb,
	       struct itun_outer *outer, bool collision)
{
	const struct itun_tunnel_config *tunnel = &config->tunnel[outer->type];
	u8 carrier = itun_tunnel_carrier(outer->type, outer->options);
	struct itun_mark *mark = NULL;
	struct itun_endpoint *endpoint;
	struct itun_csum csum = {};
	u8 old[2], new[2];
	u8 *header;
	u32 i;

	for (i = 0; skb->mark && i < config->n_marks; i++) {
		if (itun_mark_matches(config->marks[i], skb, outer)) {
			mark = config->marks[i];
			break;
		}
	}
	if (!mark && !itun_mark_is_sealed(in, skb, outer))
		return false;

	if (unlikely(outer->flags != itun_tunnel_normal(outer->type))) {
		if (outer->type == IPVS_TUN_TUNNEL_TYPE_MPLS)
			itun_count(in, mark_label);
		else
			itun_count(in, mark_busy_bits);
		return true;
	}
	/* The other side could not tell such a network from another one. */
	if (unlikely(outer->id > ITUN_ID_MAX)) {
		itun_count(in, mark_large_id);
		return true;
	}
	if (unlikely(collision)) {
		itun_count(in, mark_collision);
		return true;
	}

	/* A mark is a promise by the other side: only ready endpoints get one.
	 * One that is seen for the first time is probed from now on.
	 */
	endpoint = itun_endpoint_find(in, outer->type, carrier, outer->family, &outer->dst);
	if (unlikely(!endpoint || !READ_ONCE(endpoint->send))) {
		const struct itun_peer *peer = itun_config_peer(config, outer->family, &outer->dst);

		if (!peer || !(peer->flags & (IPVS_TUN_PEER_FLAG_SEND |
					      IPVS_TUN_PEER_FLAG_SEND_ALWAYS))) {
			itun_count(in, mark_no_peer);
			return true;
		}
		endpoint = itun_endpoint_make(in, outer->type, carrier, outer->family, &outer->dst,
					      GFP_ATOMIC | __GFP_NOWARN);
	}
	if (likely(endpoint) &&
	    itun_endpoint_use(endpoint, outer->id, outer->port, &outer->src) &&
	    !itun_outer_over_ethernet(outer))
		itun_mark_vrf(endpoint, skb);
	if (unlikely(endpoint && outer->type == IPVS_TUN_TUNNEL_TYPE_MPLS))
		itun_mark_labels(endpoint, skb, outer);
	if (unlikely(!endpoint || !itun_endpoint_markable(endpoint, tunnel->second_mark))) {
		itun_count(in, mark_not_ready);
		if (mark)
			this_cpu_inc(mark->counts->not_ready);
		return true;
	}

	if (unlikely((!itun_outer_over_ethernet(outer) && !itun_csum_editable(skb)) ||
		     skb_ensure_writable(skb, outer->inner))) {
		itun_count(in, mark_unwritable);
		return true;
	}
	header = skb->data + outer->tunnel;
	memcpy(old, header, sizeof(old));
	itun_tunnel_set_mark(outer->type, header, outer->id,
			     itun_tunnel_normal(outer->type) | tunnel->second_mark);
	memcpy(new, header, sizeof(new));
	itun_csum_body(&csum, old, new, sizeof(old));
	itun_csum_apply(in, skb, outer, &csum);

	itun_count(in, marked);
	if (mark)
		this_cpu_inc(mark->counts->packets);
	this_cpu_inc(endpoint->counts->marked);
	return true;
}
