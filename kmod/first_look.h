/* SPDX-License-Identifier: GPL-2.0 */
/* The first look at a packet of a machine, for the hooks that see them. */
#ifndef ITUN_FIRST_LOOK_H
#define ITUN_FIRST_LOOK_H

#include <linux/etherdevice.h>
#include <linux/skbuff.h>

#include "session.h"
#include "stages.h"
#include "wire/glimpse.h"

/**
 * itun_may_reply() - could a packet be a reply?
 * @in: namespace
 * @skb: skb->data at the network header
 *
 * Context: any.
 * Return: false if it is none for certain.
 */
static __always_inline bool itun_may_reply(const struct itun_net *in, const struct sk_buff *skb)
{
	__be16 sport;
	__be32 src;

	if (skb->protocol != htons(ETH_P_IP) ||
	    !itun_glimpse_ip4(skb->data, skb_headlen(skb), &src, &sport))
		return true;	/* the whole parser has to look */
	return itun_filter_has4(in, src, sport);
}

/**
 * itun_frame_look() - what a session may be found by of a frame
 * @skb: skb->data at the network header, the Ethernet header before it
 * @inner: filled
 *
 * Most frames need no more than a look at fixed places.
 *
 * Context: any. May move the packet's bytes.
 * Return: as itun_frame_find().
 */
static __always_inline enum itun_inner_verdict itun_frame_look(struct sk_buff *skb,
							       struct itun_inner *inner)
{
	if (likely(skb->protocol == htons(ETH_P_IP) &&
		   is_unicast_ether_addr(eth_hdr(skb)->h_dest) &&
		   itun_inner_parse_usual(skb->data, skb_headlen(skb), skb->len, inner)))
		return ITUN_INNER_FLOW;
	return itun_frame_find(skb, inner);
}

#endif /* ITUN_FIRST_LOOK_H */
