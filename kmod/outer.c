// SPDX-License-Identifier: GPL-2.0
/* From an outer packet to its tunnel header and inner headers. */
#include "outer.h"

#include <linux/netfilter_ipv6.h>

#include "stages.h"
#include "wire/glimpse.h"

/* Inner headers are pulled at most so far: two VLAN tags, an IPv6 chain, TCP. */
#define ITUN_PULL_MAX	1024

static void itun_outer_vxlan(struct itun_outer *outer, const u8 *header)
{
	outer->type = IPVS_TUN_TUNNEL_TYPE_VXLAN;
	outer->flags = itun_vxlan_flags(header);
	outer->id = itun_vxlan_vni(header);
}

/* Addresses, and the offsets that follow from where UDP begins. */
static void itun_outer_fill(struct itun_outer *outer, const struct sk_buff *skb, u8 family,
			    unsigned int transport)
{
	outer->family = family;
	if (likely(family == 4)) {
		outer->src.ip6[0] = ip_hdr(skb)->saddr;
		outer->dst.ip6[0] = ip_hdr(skb)->daddr;
		memset(&outer->src.ip6[1], 0, 12);
		memset(&outer->dst.ip6[1], 0, 12);
	} else {
		memcpy(outer->src.ip6, &ipv6_hdr(skb)->saddr, 16);
		memcpy(outer->dst.ip6, &ipv6_hdr(skb)->daddr, 16);
	}
	outer->transport = transport;
	outer->tunnel = transport + sizeof(struct udphdr);
	outer->inner = outer->tunnel + ITUN_VXLAN_HLEN;
}

/* Where UDP is in what a tunnel driver has built. */
static unsigned int itun_outer_transport_out(u8 family)
{
	return family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
}

/**
 * itun_outer_port() - is a packet that this host sends a tunnel packet?
 * @skb: at LOCAL_OUT, from a device
 * @ports: tunnel ports of the namespace
 * @family: 4 or 6
 *
 * Tunnel drivers build their headers in the linear part, without IP options
 * or extension headers: what looks otherwise is none of theirs.
 *
 * Context: any, under RCU.
 * Return: which of the ports, or a negative number.
 */
int itun_outer_port(const struct sk_buff *skb, const struct itun_ports *ports, u8 family)
{
	unsigned int transport = itun_outer_transport_out(family);

	if (family == 4) {
		const struct iphdr *iph = ip_hdr(skb);

		if (iph->protocol != IPPROTO_UDP || iph->ihl != 5)
			return -1;
	} else if (ipv6_hdr(skb)->nexthdr != IPPROTO_UDP) {
		return -1;
	}
	if (skb_headlen(skb) < transport + sizeof(struct udphdr) + ITUN_VXLAN_HLEN)
		return -1;
	return itun_port_index(ports, ((const struct udphdr *)(skb->data + transport))->dest);
}

/**
 * itun_outer_may_reply() - could a tunnel packet be a session's reply?
 * @in: namespace
 * @skb: at LOCAL_OUT, itun_outer_port() has found a port
 * @family: 4 or 6
 *
 * Context: any, under RCU.
 * Return: false if it is nobody's for certain.
 */
bool itun_outer_may_reply(const struct itun_net *in, const struct sk_buff *skb, u8 family)
{
	unsigned int inner = itun_outer_transport_out(family) + sizeof(struct udphdr) +
			     ITUN_VXLAN_HLEN;
	union itun_addr src;
	__be16 sport;

	if (!itun_glimpse_ethernet(skb->data + inner, skb_headlen(skb) - inner, &src.ip, &sport))
		return true;	/* the whole parser has to look */
	return itun_filter_has(in, 4, &src, sport);
}

/**
 * itun_outer_parse_out() - the headers of a tunnel packet that this host sends
 * @skb: at LOCAL_OUT, itun_outer_port() has found a port
 * @family: 4 or 6
 * @outer: filled
 *
 * Context: any, under RCU.
 */
void itun_outer_parse_out(const struct sk_buff *skb, u8 family, struct itun_outer *outer)
{
	unsigned int transport = itun_outer_transport_out(family);

	itun_outer_fill(outer, skb, family, transport);
	outer->port = ntohs(((const struct udphdr *)(skb->data + transport))->dest);
	outer->fragment = false;
	outer->surplus = false;
	itun_outer_vxlan(outer, skb->data + outer->tunnel);
}

/* The offset of UDP in an IPv6 packet, or a negative number. */
static int itun_outer_udp6(const struct sk_buff *skb, bool *fragment)
{
	u8 nexthdr = ipv6_hdr(skb)->nexthdr;
	__be16 frag_off = 0;
	int offset;

	*fragment = false;
	if (likely(nexthdr == IPPROTO_UDP))
		return sizeof(struct ipv6hdr);
	offset = ipv6_skip_exthdr(skb, sizeof(struct ipv6hdr), &nexthdr, &frag_off);
	if (offset < 0 || nexthdr != IPPROTO_UDP)
		return -1;
	/* A later fragment has no UDP header. */
	if (frag_off & htons(IP6_OFFSET))
		return -1;
	*fragment = frag_off != 0;
	return offset;
}

/**
 * itun_outer_parse_in() - is a packet for this host a tunnel packet?
 * @skb: at LOCAL_IN, IPv4 reassembled, IPv6 perhaps a first fragment
 * @ports: tunnel ports of the namespace
 * @family: 4 or 6
 * @outer: filled for ITUN_OUTER_TUNNEL
 *
 * Context: softirq, under RCU. Touches nothing.
 */
enum itun_outer_verdict itun_outer_parse_in(const struct sk_buff *skb,
					    const struct itun_ports *ports, u8 family,
					    struct itun_outer *outer)
{
	u8 buffer[sizeof(struct udphdr) + ITUN_VXLAN_HLEN];
	bool fragment = false;
	const struct udphdr *uh;
	const u8 *header;
	int transport;

	if (likely(family == 4)) {
		const struct iphdr *iph = ip_hdr(skb);

		if (iph->protocol != IPPROTO_UDP)
			return ITUN_OUTER_NONE;
		transport = iph->ihl * 4;
	} else {
		transport = itun_outer_udp6(skb, &fragment);
		if (transport < 0)
			return ITUN_OUTER_NONE;
	}

	header = skb_header_pointer(skb, transport, sizeof(buffer), buffer);
	if (unlikely(!header)) {
		/* Less than UDP and a tunnel header: ours only by its port. */
		uh = skb_header_pointer(skb, transport, sizeof(*uh), buffer);
		if (!uh || itun_port_index(ports, uh->dest) < 0)
			return ITUN_OUTER_NONE;
		return ITUN_OUTER_BAD_TUNNEL;
	}
	uh = (const struct udphdr *)header;
	if (itun_port_index(ports, uh->dest) < 0)
		return ITUN_OUTER_NONE;
	header += sizeof(*uh);
	if (likely(itun_vxlan_flags(header) == ITUN_VXLAN_NORMAL))
		return ITUN_OUTER_PLAIN;

	/* udp_rcv() will drop a datagram longer than its packet, and cut off
	 * what is behind a shorter one. The length of an aggregate can be past
	 * what the field holds. In IPv6, 0 stands for all there is (RFC 2675,
	 * udpv6_rcv()).
	 */
	outer->surplus = false;
	if (!fragment && !skb_is_gso(skb) && !(family == 6 && !uh->len)) {
		if (ntohs(uh->len) < sizeof(*uh) + ITUN_VXLAN_HLEN ||
		    ntohs(uh->len) > skb->len - transport)
			return ITUN_OUTER_BAD_LENGTH;
		outer->surplus = ntohs(uh->len) < skb->len - transport;
	}

	itun_outer_fill(outer, skb, family, transport);
	outer->port = ntohs(uh->dest);
	outer->fragment = fragment;
	itun_outer_vxlan(outer, header);
	return ITUN_OUTER_TUNNEL;
}

/**
 * itun_outer_parse_inner() - the inner headers of a tunnel packet
 * @skb: tunnel packet; its headers are pulled into the linear part as needed,
 *       so that pointers into it must be read again
 * @outer: where they begin
 * @inner: filled
 *
 * Return: the parser's verdict; never ITUN_INNER_SHORT.
 */
enum itun_inner_verdict itun_outer_parse_inner(struct sk_buff *skb, const struct itun_outer *outer,
					       struct itun_inner *inner)
{
	enum itun_inner_verdict verdict;
	u32 total = skb->len - outer->inner;
	int tries;

	/* The inner packet of a first fragment is longer than what is here:
	 * what the datagram claims is its length.
	 */
	if (unlikely(outer->fragment)) {
		const struct udphdr *uh = (const struct udphdr *)(skb->data + outer->transport);

		if (skb_headlen(skb) < outer->inner)
			return ITUN_INNER_BAD_ETHERNET;
		total = max_t(u32, total, ntohs(uh->len) - min_t(u32, ntohs(uh->len), 16));
	}

	for (tries = 0; tries < 4; tries++) {
		u32 avail = skb_headlen(skb) > outer->inner ? skb_headlen(skb) - outer->inner : 0;

		verdict = itun_inner_parse_ethernet(skb->data + outer->inner, min(avail, total),
						    total, inner);
		if (likely(verdict != ITUN_INNER_SHORT))
			return verdict;
		if (inner->need > ITUN_PULL_MAX ||
		    !pskb_may_pull(skb, min_t(u32, skb->len, outer->inner +
					      max_t(u32, inner->need, 128))) ||
		    skb_headlen(skb) < outer->inner + inner->need)
			break;
	}
	return ITUN_INNER_BAD_TRANSPORT;
}
