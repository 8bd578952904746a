// SPDX-License-Identifier: GPL-2.0
/* MPLS at the devices of the underlay, and where tunnels of IP carry it: an
 * outer header as the other steps know it is made of the label stack, of the
 * neighbour on the other side of the link or the addresses of the tunnel, and of
 * the label that is left without the mark.
 */
#include "mpls.h"
#include "seal.h"

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>

#include "endpoint.h"
#include "neighbour.h"
#include "wire/mpls.h"

/* A frame with a tag is for the VLAN's own device, which sees it without; the
 * number 0 is no VLAN.
 */
static bool itun_mpls_tagged(const struct sk_buff *skb)
{
	return skb_vlan_tag_present(skb) && skb_vlan_tag_get_id(skb);
}

enum itun_mpls_inside {
	ITUN_MPLS_CUT,		/* the stack is */
	ITUN_MPLS_DEEP,		/* its bottom is too far away to be looked at */
	ITUN_MPLS_PACKET,
	ITUN_MPLS_MESSAGE,	/* a readiness message */
};

/* The label as it is becomes the identifier; what of it is a mark is not known
 * here. What was in front of the labels is filled already, or is zero.
 */
static enum itun_mpls_inside itun_mpls_parse(const struct sk_buff *skb, unsigned int stack,
					     struct itun_outer *outer)
{
	u8 buffer[ITUN_MPLS_STACK_MAX + ITUN_MPLS_CHANNEL_LEN];
	unsigned int avail, inner;
	const u8 *bytes;
	int bottom;

	avail = min_t(unsigned int, skb->len - min(skb->len, stack), sizeof(buffer));
	bytes = skb_header_pointer(skb, stack, avail, buffer);
	bottom = bytes ? itun_mpls_bottom(bytes, avail) : -1;
	if (unlikely(bottom < 0))
		return avail < ITUN_MPLS_STACK_MAX ? ITUN_MPLS_CUT : ITUN_MPLS_DEEP;

	inner = bottom + ITUN_MPLS_HLEN;
	outer->type = IPVS_TUN_TUNNEL_TYPE_MPLS;
	outer->id = itun_mpls_label(bytes + bottom);
	outer->tunnel = stack + bottom;
	outer->inner = stack + inner;
	outer->edit = stack + inner;
	outer->protocol = 0;
	if (unlikely(avail <= inner))
		return ITUN_MPLS_PACKET;
	if (unlikely(avail >= inner + ITUN_MPLS_CHANNEL_LEN &&
		     itun_mpls_is_message(bytes + inner)))
		return ITUN_MPLS_MESSAGE;
	outer->protocol = itun_mpls_protocol(bytes[inner]);
	return ITUN_MPLS_PACKET;
}

/* Ends here if it is one: whatever its label, it is for the other end of this
 * link or tunnel. What only looks like one goes on as a packet that is no flow.
 */
static bool itun_mpls_message(struct itun_net *in, const struct itun_config *config,
			      struct sk_buff *skb, const struct itun_outer *outer, int ifindex)
{
	struct itun_outer message = *outer;

	message.inner += ITUN_MPLS_CHANNEL_LEN;
	message.flags = message.id & ITUN_MPLS_ALLOWED;
	message.id &= ~ITUN_MPLS_ALLOWED;
	return itun_probe_receive(in, config, &message, skb, ifindex);
}

/* What is to be looked at closer: finds what of the label may be a mark. */
static bool itun_mpls_of_ours(struct itun_net *in, const struct itun_config *config,
			      enum itun_mpls_inside inside, struct itun_outer *outer)
{
	if (unlikely(inside == ITUN_MPLS_CUT))
		itun_count(in, malformed_tunnel);
	if (unlikely(inside == ITUN_MPLS_CUT || inside == ITUN_MPLS_DEEP))
		return false;
	outer->flags = outer->id & config->tunnel[IPVS_TUN_TUNNEL_TYPE_MPLS].accept_bits;
	return outer->flags || inside == ITUN_MPLS_MESSAGE;
}

/* A label that has a meaning of its own was never marked. */
static bool itun_mpls_was_marked(struct itun_outer *outer)
{
	outer->id &= ~outer->flags;
	return outer->flags && outer->id >= ITUN_MPLS_LABEL_FIRST;
}

/* Apart, for its variables are zeroed on entry in many kernels. */
static noinline unsigned int itun_mpls_ingress_whole(struct itun_net *in,
						     const struct itun_config *config,
						     struct sk_buff *skb,
						     const struct nf_hook_state *state)
{
	enum itun_mpls_inside inside;
	struct itun_outer outer;

	memset(&outer, 0, sizeof(outer));
	inside = itun_mpls_parse(skb, 0, &outer);
	if (likely(!itun_mpls_of_ours(in, config, inside, &outer)))
		return NF_ACCEPT;

	ether_addr_copy(outer.mac, eth_hdr(skb)->h_source);
	itun_neighbour_find(in, config, state->in, outer.mac, &outer.src, &outer.family);
	if (unlikely(inside == ITUN_MPLS_MESSAGE) &&
	    itun_mpls_message(in, config, skb, &outer, state->in->ifindex))
		return NF_DROP;
	if (unlikely(!itun_mpls_was_marked(&outer)))
		return NF_ACCEPT;
	/* Nobody but a generator of test packets sends one several times. */
	if (unlikely(skb_shared(skb))) {
		itun_count(in, clear_failed);
		return NF_DROP;
	}
	return itun_record(in, config, skb, &outer, state);
}

/* UDP cuts off what is behind the datagram: a label there is none, and is not
 * what the datagram's checksum covers.
 */
static bool itun_mpls_cut_off(const struct sk_buff *skb, const struct itun_outer *outer)
{
	const struct udphdr *uh;
	struct udphdr buffer;

	if (likely(!outer->surplus))
		return false;
	uh = skb_header_pointer(skb, outer->transport, sizeof(buffer), &buffer);
	return !uh || outer->edit > outer->transport + ntohs(uh->len);
}

/**
 * itun_mpls_ingress() - a packet that comes in by a device of the underlay
 * @priv: namespace
 * @skb: skb->data at the label stack
 * @state: of the hook
 *
 * Context: BH off, under RCU.
 * Return: NF_ACCEPT; NF_DROP for a readiness message, or without memory.
 */
unsigned int itun_mpls_ingress(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct itun_config *config;
	struct itun_net *in = priv;

	if (likely(skb->protocol != htons(ETH_P_MPLS_UC)) || skb->pkt_type != PACKET_HOST ||
	    itun_mpls_tagged(skb))
		return NF_ACCEPT;
	config = rcu_dereference(in->config);
	if (likely(itun_mpls_is_plain(skb->data, skb_headlen(skb),
				      config->tunnel[IPVS_TUN_TUNNEL_TYPE_MPLS].accept_bits)))
		return NF_ACCEPT;
	return itun_mpls_ingress_whole(in, config, skb, state);
}

/**
 * itun_mpls_local_in() - a tunnel packet that carries labels
 * @in: namespace of the underlay
 * @config: the snapshot in force
 * @skb: at LOCAL_IN
 * @outer: what is in front of the labels; they begin at its offset "inner"
 * @state: of the hook
 *
 * Context: softirq or BH off, under RCU.
 * Return: as itun_record().
 */
unsigned int itun_mpls_local_in(struct itun_net *in, const struct itun_config *config,
				struct sk_buff *skb, struct itun_outer *outer,
				const struct nf_hook_state *state)
{
	enum itun_mpls_inside inside = itun_mpls_parse(skb, outer->inner, outer);

	if (likely(!itun_mpls_of_ours(in, config, inside, outer)))
		return NF_ACCEPT;
	if (unlikely(itun_mpls_cut_off(skb, outer))) {
		itun_count(in, malformed_outer);
		return NF_ACCEPT;
	}
	if (unlikely(inside == ITUN_MPLS_MESSAGE) && !outer->surplus &&
	    itun_mpls_message(in, config, skb, outer, itun_record_ifindex(skb, outer, state)))
		return NF_DROP;
	if (unlikely(!itun_mpls_was_marked(outer)))
		return NF_ACCEPT;
	return itun_record(in, config, skb, outer, state);
}

/**
 * itun_mpls_judge() - can the bottom label of a packet that is sent have a mark?
 * @config: the snapshot in force
 * @outer: its headers; the field of the mark is filled
 *
 * A label that cannot has that field as if all of its bits were in use.
 *
 * Context: any, under RCU.
 */
void itun_mpls_judge(const struct itun_config *config, struct itun_outer *outer)
{
	u32 second_mark = config->tunnel[IPVS_TUN_TUNNEL_TYPE_MPLS].second_mark;

	outer->flags = itun_mpls_markable(outer->id, second_mark) ? 0 : ITUN_MPLS_ALLOWED;
}

/* Apart, as above. */
static noinline unsigned int itun_mpls_egress_whole(struct itun_net *in,
						    const struct itun_config *config,
						    struct sk_buff *skb,
						    const struct nf_hook_state *state)
{
	enum itun_mpls_inside inside;
	struct itun_outer outer;

	if (unlikely(skb_headlen(skb) < ETH_HLEN || skb_shared(skb) ||
		     eth_hdr(skb)->h_proto != htons(ETH_P_MPLS_UC)))
		return NF_ACCEPT;
	memset(&outer, 0, sizeof(outer));
	inside = itun_mpls_parse(skb, ETH_HLEN, &outer);
	if (unlikely(inside != ITUN_MPLS_PACKET))
		return NF_ACCEPT;

	itun_mpls_judge(config, &outer);
	ether_addr_copy(outer.mac, eth_hdr(skb)->h_dest);
	itun_neighbour_find(in, config, state->out, outer.mac, &outer.dst, &outer.family);
	itun_mark(in, config, skb, &outer, false);
	return NF_ACCEPT;
}

/**
 * itun_mpls_egress() - a packet that leaves by a device of the underlay
 * @priv: namespace
 * @skb: skb->data at the Ethernet header
 * @state: of the hook
 *
 * Context: BH off, under RCU.
 * Return: NF_ACCEPT.
 */
unsigned int itun_mpls_egress(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	const struct itun_config *config;
	struct itun_net *in = priv;

	if (likely(skb->protocol != htons(ETH_P_MPLS_UC)) || itun_mpls_tagged(skb))
		return NF_ACCEPT;
	config = rcu_dereference(in->config);
	if (config->paused & IPVS_TUN_STEP_MARK ||
	    (!(skb->mark && config->n_marks) && !itun_may_be_classified(skb)))
		return NF_ACCEPT;
	return itun_mpls_egress_whole(in, config, skb, state);
}
