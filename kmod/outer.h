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
#include "session.h"
#include "wire/glimpse.h"
#include "wire/inner.h"
#include "wire/tuple.h"
#include "wire/tunnel.h"

/* The types of tunnel that this module handles, as a mask of 1 << type. */
#define ITUN_TUNNELS_HANDLED	(BIT(IPVS_TUN_TUNNEL_TYPE_VXLAN) | BIT(IPVS_TUN_TUNNEL_TYPE_GRE) | \
				 BIT(IPVS_TUN_TUNNEL_TYPE_MPLS) | BIT(IPVS_TUN_TUNNEL_TYPE_GENEVE))

/* Networks are told apart by 24 bits: only a key of GRE can be more. */
#define ITUN_ID_MAX	0xffffff

struct itun_outer {
	union itun_addr src, dst;
	u32 id;			/* network identifier */
	u32 carrier_key;	/* MPLS over GRE: the key of that, 0 without one */
	u16 transport;		/* offset of UDP, or of GRE, from skb->data */
	u16 tunnel;		/* offset of the tunnel header; of MPLS the bottom label */
	u16 inner;		/* offset of the inner frame */
	u16 edit;		/* offset behind all that an edit of the tunnel header touches */
	u16 port;		/* tunnel port, host order; 0 for GRE */
	u16 flags;		/* the field that carries the mark */
	u16 protocol;		/* EtherType of what is inside */
	u8 family;		/* 4 or 6 */
	u8 type;		/* enum ipvs_tun_tunnel_type */
	u8 options;		/* itun_tunnel_header.options */
	u8 mac[6];		/* MPLS over Ethernet: the neighbour that it comes from or goes
				 * to; src and dst are that neighbour's address, family 0 if it
				 * has none
				 */
	bool fragment;		/* first fragment of an outer packet (IPv6) */
	bool surplus;		/* bytes behind the datagram, which UDP will cut off */
};

/**
 * itun_outer_ip_inside() - is there an IP packet inside, and no Ethernet frame?
 * @outer: headers of a tunnel packet
 *
 * Return: true for what Linux carries so, false for anything else.
 */
static inline bool itun_outer_ip_inside(const struct itun_outer *outer)
{
	return outer->protocol == ETH_P_IP || outer->protocol == ETH_P_IPV6;
}

/**
 * itun_outer_over_gre() - is it GRE, or is it carried by GRE?
 * @outer: headers of a tunnel packet
 *
 * Return: true if a GRE header is at @outer->transport. What has a port has UDP
 * there; MPLS over Ethernet neither.
 */
static inline bool itun_outer_over_gre(const struct itun_outer *outer)
{
	return outer->type == IPVS_TUN_TUNNEL_TYPE_GRE ||
	       (outer->type == IPVS_TUN_TUNNEL_TYPE_MPLS && outer->options & ITUN_MPLS_OVER_GRE);
}

/**
 * itun_outer_over_ethernet() - has it no outer IP header?
 * @outer: headers of a tunnel packet
 */
static inline bool itun_outer_over_ethernet(const struct itun_outer *outer)
{
	return outer->type == IPVS_TUN_TUNNEL_TYPE_MPLS && !(outer->options & ITUN_MPLS_CARRIER);
}

/* Do the bytes behind a UDP header at this offset say "no mark", with a whole
 * tunnel header there? They do for VXLAN; and Geneve, if it is that, has no mark
 * either where the second byte is 0. What they say of a packet to another port
 * does not matter. On Geneve's own port it is one without options and a mark, or
 * VXLAN without a network, which its driver drops. A label stack with these four
 * bytes is one that has come to the end of its life.
 */
static __always_inline bool itun_outer_unmarked(const struct sk_buff *skb, unsigned int transport)
{
	const struct udphdr *uh = (const struct udphdr *)(skb->data + transport);
	const __be32 *tunnel = (const __be32 *)(uh + 1);

	if (skb_headlen(skb) < transport + sizeof(*uh) + ITUN_VXLAN_HLEN)
		return false;
	return *tunnel == htonl(ITUN_VXLAN_NORMAL << 24) ||
	       (!*(const __be16 *)tunnel && uh->dest == htons(ITUN_GENEVE_PORT));
}

/* GRE, without a mark or too short for one. A label stack may have one of its own. */
static inline bool itun_outer_unmarked_gre(const struct sk_buff *skb, unsigned int transport)
{
	return skb_headlen(skb) >= transport + ITUN_GRE_HLEN &&
	       !itun_gre_flags(skb->data + transport) &&
	       itun_gre_protocol(skb->data + transport) != ITUN_PROTOCOL_MPLS;
}

/**
 * itun_outer_unmarked4() - the first look at what comes in: is it none of ours?
 * @skb: at LOCAL_IN
 *
 * Return: true if it is neither UDP nor GRE, or is not marked; false if a closer
 * look is due.
 */
static inline bool itun_outer_unmarked4(const struct sk_buff *skb)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;

	if (likely(iph->protocol == IPPROTO_UDP)) {
		if (likely(iph->ihl == sizeof(*iph) / 4))
			return itun_outer_unmarked(skb, sizeof(*iph));
		return itun_outer_unmarked(skb, iph->ihl * 4);
	}
	return iph->protocol != IPPROTO_GRE || itun_outer_unmarked_gre(skb, iph->ihl * 4);
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
	       (nexthdr == IPPROTO_UDP && itun_outer_unmarked(skb, sizeof(struct ipv6hdr))) ||
	       (nexthdr == IPPROTO_GRE && itun_outer_unmarked_gre(skb, sizeof(struct ipv6hdr)));
}

/**
 * itun_outer_nobodys4() - the first look at what a device sends: is it no reply?
 * @in: namespace
 * @ports: tunnel ports of the namespace, under RCU
 * @skb: at LOCAL_OUT, IPv4
 *
 * Looks only at what VXLAN's driver builds, and there only at whose reply the
 * inner packet could be.
 *
 * Return: true if it is nobody's for certain; false if a closer look is due.
 */
static inline bool itun_outer_nobodys4(const struct itun_net *in, const struct itun_ports *ports,
				       const struct sk_buff *skb)
{
	const unsigned int transport = sizeof(struct iphdr);
	const unsigned int inner = transport + sizeof(struct udphdr) + ITUN_VXLAN_HLEN;
	const struct udphdr *uh = (const struct udphdr *)(skb->data + transport);
	__be16 sport;
	__be32 src;

	if (skb_headlen(skb) < inner + ITUN_GLIMPSE_LEN || skb->data[0] != 0x45 ||
	    skb->data[9] != IPPROTO_UDP)
		return false;
	if (unlikely(!itun_port_is_vxlan(ports, uh->dest)))
		return itun_port_index(ports, uh->dest) < 0;
	return itun_glimpse_ethernet(skb->data + inner, ITUN_GLIMPSE_LEN, &src, &sport) &&
	       !itun_filter_has4(in, src, sport);
}

/**
 * itun_outer_is_inner4() - does no tunnel carry what a device sends?
 * @ports: tunnel ports of the namespace, under RCU
 * @skb: at LOCAL_OUT, IPv4
 *
 * Return: true if so for certain: itun_outer_look_out() would find none.
 */
static inline bool itun_outer_is_inner4(const struct itun_ports *ports, const struct sk_buff *skb)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;

	if (iph->protocol == IPPROTO_UDP && likely(skb->data[0] == 0x45)) {
		const struct udphdr *uh = (const struct udphdr *)(iph + 1);

		return skb_headlen(skb) >= sizeof(*iph) + sizeof(*uh) &&
		       ports->port[0] != uh->dest && itun_port_index(ports, uh->dest) < 0;
	}
	return iph->protocol == IPPROTO_TCP;
}

#endif /* ITUN_OUTER_H */
