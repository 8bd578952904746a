/* SPDX-License-Identifier: GPL-2.0 */
/* Several tunnel packets in one, joined by somebody who did not see the tunnel. */
#ifndef ITUN_AGGREGATE_H
#define ITUN_AGGREGATE_H

#include <linux/netfilter.h>
#include <linux/skbuff.h>

#include "net.h"

/**
 * itun_aggregate_is_joined() - were UDP datagrams joined, and no tunnel seen?
 * @skb: at LOCAL_IN
 *
 * An aggregate inside a tunnel has a tunnel bit, and one tunnel header.
 *
 * Context: any.
 * Return: true if so: an unmarked first datagram says nothing of the others.
 */
static __always_inline bool itun_aggregate_is_joined(const struct sk_buff *skb)
{
	const unsigned int tunnels = SKB_GSO_GRE | SKB_GSO_GRE_CSUM | SKB_GSO_IPXIP4 |
				     SKB_GSO_IPXIP6 | SKB_GSO_UDP_TUNNEL |
				     SKB_GSO_UDP_TUNNEL_CSUM;

	/* GRO's lists of datagrams have both bits. */
	return skb_is_gso(skb) &&
	       (skb_shinfo(skb)->gso_type & (SKB_GSO_UDP_L4 | tunnels)) == SKB_GSO_UDP_L4;
}

unsigned int itun_aggregate_part(struct itun_net *in, struct sk_buff *skb,
				 const struct nf_hook_state *state);

#endif /* ITUN_AGGREGATE_H */
