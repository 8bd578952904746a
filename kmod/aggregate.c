// SPDX-License-Identifier: GPL-2.0
/* Aggregates of whole tunnel datagrams are taken apart before they are looked at.
 *
 * Where GRO does not see the tunnel's socket, because that is in another namespace,
 * and a device is told to join any datagrams (rx-udp-gro-forwarding, rx-gro-list),
 * what arrives here has one outer header, and behind it tunnel headers of several
 * packets: each with a mark of its own or without one, and perhaps of several flows.
 * UDP takes such a packet apart when it hands it to the tunnel's socket
 * (udp_unexpected_gso()), which is behind the record stage. So it is done here, a
 * moment earlier and in the same way, and each datagram then goes on for itself.
 */
#include <linux/netfilter.h>
#include <net/gso.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "aggregate.h"
#include "device.h"
#include "hook_index.h"

/* Are there tunnel headers in it? */
static bool itun_aggregate_is_tunnel(const struct itun_net *in, const struct sk_buff *skb,
				     u8 pf)
{
	const struct itun_ports *ports = rcu_dereference(in->ports);
	const struct udphdr *uh;
	struct udphdr buffer;
	__be16 fragment = 0;
	int transport;
	u8 protocol;

	if (pf == NFPROTO_IPV4) {
		transport = ip_hdrlen(skb);
		protocol = ip_hdr(skb)->protocol;
	} else {
		protocol = ipv6_hdr(skb)->nexthdr;
		transport = ipv6_skip_exthdr(skb, sizeof(struct ipv6hdr), &protocol, &fragment);
	}
	if (protocol != IPPROTO_UDP || transport < 0 || fragment)
		return false;
	uh = skb_header_pointer(skb, transport, sizeof(buffer), &buffer);
	return uh && itun_port_index(ports, uh->dest) >= 0;
}

/* As udp_queue_rcv_skb(): NULL if it cannot be done. */
static struct sk_buff *itun_aggregate_cut(struct sk_buff *skb)
{
	struct sk_buff *datagrams;

	/* What was received with a sum of all its bytes: GRO has verified each datagram by
	 * its own, and in a list each would get the first one's.
	 */
	if (skb->ip_summed == CHECKSUM_COMPLETE) {
		skb->ip_summed = CHECKSUM_UNNECESSARY;
		skb->csum_level = 0;
		skb->csum_complete_sw = 0;
	}
	/* With the link's header, which some kernels look for in front of each. */
	if (skb_mac_header_was_set(skb))
		__skb_push(skb, -skb_mac_offset(skb));
	/* Checksums were verified before the datagrams were joined, or were never on a
	 * wire: they need not be made again.
	 */
	datagrams = __skb_gso_segment(skb, NETIF_F_SG | NETIF_F_IP_CSUM | NETIF_F_IPV6_CSUM,
				      false);
	return IS_ERR(datagrams) ? NULL : datagrams;
}

/**
 * itun_aggregate_part() - look at each datagram of an aggregate for itself
 * @in: namespace of the underlay
 * @skb: at LOCAL_IN, one that itun_aggregate_is_joined()
 * @state: of the hook
 *
 * Each datagram is given to the record stage, to the hooks behind it, and to whom the
 * packet would have gone then.
 *
 * Context: any, under RCU.
 * Return: NF_STOLEN; NF_DROP without memory, or of what UDP would drop so too;
 * NF_ACCEPT if it is no tunnel's, and goes on as it is.
 */
unsigned int itun_aggregate_part(struct itun_net *in, struct sk_buff *skb,
				 const struct nf_hook_state *state)
{
	const struct nf_hook_entries *entries;
	int transport = skb_transport_offset(skb);
	struct sk_buff *datagram, *following;
	int ours;

	if (!itun_aggregate_is_tunnel(in, skb, state->pf))
		return NF_ACCEPT;
	/* While ours is being unregistered marks are nobody's any more. */
	if (state->pf == NFPROTO_IPV4)
		entries = rcu_dereference(state->net->nf.hooks_ipv4[state->hook]);
	else
		entries = rcu_dereference(state->net->nf.hooks_ipv6[state->hook]);
	ours = itun_hook_index(entries, in);
	if (ours < 0)
		return NF_ACCEPT;
	datagram = itun_aggregate_cut(skb);
	if (unlikely(!datagram)) {
		itun_count(in, joined_dropped);
		return NF_DROP;
	}
	itun_count(in, joined);
	consume_skb(skb);

	/* What NFQUEUE gives back comes in process context; the stack wants BH off. (Behind
	 * us it would take only the last datagram of a flow that conntrack has not
	 * confirmed yet: nf_ct_drop_unconfirmed().)
	 */
	local_bh_disable();
	skb_list_walk_safe(datagram, datagram, following) {
		struct nf_hook_state again = *state;

		skb_mark_not_on_list(datagram);
		__skb_pull(datagram, skb_network_offset(datagram));
		/* Where it was: behind IPv6's own header, whatever follows that. */
		skb_set_transport_header(datagram, transport);
		/* See udp_post_segment_fix_csum(). */
		if (datagram->ip_summed == CHECKSUM_NONE)
			datagram->csum_valid = 1;
		if (nf_hook_slow(datagram, &again, entries, ours) == 1)
			state->okfn(state->net, state->sk, datagram);
	}
	local_bh_enable();
	return NF_STOLEN;
}
