/* SPDX-License-Identifier: GPL-2.0 */
/* The first look at a packet of a machine, for the hooks that see them. */
#ifndef ITUN_FIRST_LOOK_H
#define ITUN_FIRST_LOOK_H

#include <linux/if_ether.h>
#include <linux/skbuff.h>

#include "session.h"
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

#endif /* ITUN_FIRST_LOOK_H */
