/* SPDX-License-Identifier: GPL-2.0 */
/* A tunnel packet as the inet hooks see it: skb->data at the outer IP header. */
#ifndef ITUN_OUTER_H
#define ITUN_OUTER_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/ipv6.h>

#include "device.h"
#include "net.h"
#include "wire/inner.h"
#include "wire/tuple.h"
#include "wire/vxlan.h"

struct itun_outer {
	union itun_addr src, dst;
	u32 id;			/* network identifier */
	u16 transport;		/* offset of UDP from skb->data */
	u16 tunnel;		/* offset of the tunnel header */
	u16 inner;		/* offset of the inner frame */
	u16 port;		/* tunnel port, host order */
	u8 family;		/* 4 or 6 */
	u8 type;		/* enum ipvs_tun_tunnel_type */
	u8 flags;		/* the field that carries the mark */
	bool fragment;		/* first fragment of an outer packet (IPv6) */
	bool surplus;		/* bytes behind the datagram, which UDP will cut off */
};

/* Does the byte behind a UDP header at this offset say "no mark", with a whole
 * VXLAN header there? What it says of a packet to another port does not matter.
 */
static inline bool itun_outer_unmarked(const struct sk_buff *skb, unsigned int transport)
{
	unsigned int tunnel = transport + sizeof(struct udphdr);

	return skb_headlen(skb) >= tunnel + ITUN_VXLAN_HLEN &&
	       itun_vxlan_flags(skb->data + tunnel) == ITUN_VXLAN_NORMAL;
}

/**
 * itun_outer_unmarked4() - the first look at what comes in: is it none of ours?
 * @skb: at LOCAL_IN
 *
 * Return: true if it is no UDP, or is not marked; false if a closer look is due.
 */
static inline bool itun_outer_unmarked4(const struct sk_buff *skb)
{
	const struct iphdr *iph = ip_hdr(skb);

	return iph->protocol != IPPROTO_UDP || itun_outer_unmarked(skb, iph->ihl * 4);
}

/**
 * itun_outer_unmarked6() - the same for IPv6
 * @skb: at LOCAL_IN
 *
 * Return: as itun_outer_unmarked4(); false for extension headers.
 */
static inline bool itun_outer_unmarked6(const struct sk_buff *skb)
{
	u8 nexthdr = ipv6_hdr(skb)->nexthdr;

	return nexthdr == IPPROTO_TCP ||
	       (nexthdr == IPPROTO_UDP && itun_outer_unmarked(skb, sizeof(struct ipv6hdr)));
}

#endif /* ITUN_OUTER_H */
