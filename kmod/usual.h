/* SPDX-License-Identifier: GPL-2.0 */
/* The headers of most tunnel packets, at fixed places. */
#ifndef ITUN_USUAL_H
#define ITUN_USUAL_H

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "csum.h"
#include "wire/vxlan.h"

/* UDP over IPv4, VXLAN, untagged Ethernet, IPv4: no options anywhere. */
struct itun_usual {
	struct iphdr outer;
	struct udphdr udp;
	u8 vxlan[ITUN_VXLAN_HLEN];
	struct ethhdr eth;
	struct iphdr inner;
	union {
		struct udphdr inner_udp;
		struct tcphdr inner_tcp;
	};
} __packed;

#define ITUN_USUAL_OUTER	offsetof(struct itun_usual, udp)
#define ITUN_USUAL_FRAME	offsetof(struct itun_usual, eth)
#define ITUN_USUAL_INNER	offsetof(struct itun_usual, inner)
#define ITUN_USUAL_TRANSPORT	offsetof(struct itun_usual, inner_udp)
#define ITUN_USUAL_UDP		(ITUN_USUAL_TRANSPORT + sizeof(struct udphdr))
#define ITUN_USUAL_TCP		(ITUN_USUAL_TRANSPORT + sizeof(struct tcphdr))

/**
 * itun_usual_try_flags() - set or remove the mark, if that is simple
 * @in: for a counter
 * @skb: a usual packet, writable so far
 * @flags: what its flag byte is to be
 *
 * The rules of csum.c for the packets that most hosts have, without a call: no checksum,
 * one that the segments will get (1), or a complete one (3).
 *
 * Context: any.
 * Return: false if nothing was done: itun_usual_set_flags() knows how.
 */
static __always_inline bool itun_usual_try_flags(struct itun_net *in, struct sk_buff *skb,
						 u8 flags)
{
	struct itun_usual *packet = (struct itun_usual *)skb->data;
	__be16 old, new;

	if (itun_csum_uncovered(skb, &packet->udp) ||
	    (skb_is_gso(skb) && skb_shinfo(skb)->gso_type & SKB_GSO_UDP_TUNNEL_CSUM)) {
		itun_vxlan_set_flags(packet->vxlan, flags);
		return true;
	}
	if (unlikely(skb_is_gso(skb) || !packet->udp.check ||
		     (skb->ip_summed == CHECKSUM_PARTIAL &&
		      skb_checksum_start_offset(skb) == ITUN_USUAL_OUTER)))
		return false;
	memcpy(&old, packet->vxlan, sizeof(old));
	itun_vxlan_set_flags(packet->vxlan, flags);
	memcpy(&new, packet->vxlan, sizeof(new));
	csum_replace2(&packet->udp.check, old, new);
	if (unlikely(!packet->udp.check))
		packet->udp.check = CSUM_MANGLED_0;
	itun_count(in, checksum_updated);
	return true;
}

/**
 * itun_usual_set_flags() - set or remove the mark
 * @in: for a counter
 * @skb: a usual packet, writable so far
 * @flags: what its flag byte is to be
 *
 * Context: any.
 */
static inline void itun_usual_set_flags(struct itun_net *in, struct sk_buff *skb, u8 flags)
{
	struct itun_usual *packet = (struct itun_usual *)skb->data;
	struct itun_csum csum = {};
	__be16 old;

	if (likely(itun_usual_try_flags(in, skb, flags)))
		return;
	memcpy(&old, packet->vxlan, sizeof(old));
	itun_vxlan_set_flags(packet->vxlan, flags);
	itun_csum_body(&csum, &old, packet->vxlan, sizeof(old));
	itun_csum_apply_udp(in, skb, ITUN_USUAL_OUTER, &csum);
}

#endif /* ITUN_USUAL_H */
