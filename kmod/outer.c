// SPDX-License-Identifier: GPL-2.0
/* From an outer packet to its tunnel header and inner headers. */
#include "outer.h"

#include <linux/netfilter_ipv6.h>

#include "stages.h"

/* Inner headers are pulled at most so far: two VLAN tags, an IPv6 chain, TCP. */
#define ITUN_PULL_MAX	1024
/* The tunnel's transport header begins at most so far into the packet. */
#define ITUN_TRANSPORT_MAX	4096

static void itun_outer_fill(struct itun_outer *outer, const struct sk_buff *skb, u8 family,
			    unsigned int transport, unsigned int tunnel, u8 type,
			    const struct itun_tunnel_header *header)
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
	outer->type = type;
	outer->id = header->id;
	outer->carrier_key = 0;
	outer->flags = header->flags;
	outer->protocol = header->protocol;
	outer->options = header->options;
	outer->transport = transport;
	outer->tunnel = tunnel;
	outer->inner = tunnel + header->len;
	outer->edit = tunnel + header->edit_len;
}

/* What of the ports, and of GRE, is in use: the tunnel type of a packet whose
 * transport header is readable, or 0. Where its tunnel header begins.
 */
static u8 itun_outer_type(const struct itun_ports *ports, u8 protocol, const u8 *transport,
			  int *port, unsigned int *tunnel)
{
	if (likely(protocol == IPPROTO_UDP)) {
		*port = itun_port_index(ports, ((const struct udphdr *)transport)->dest);
		if (*port < 0)
			return 0;
		*tunnel += sizeof(struct udphdr);
		return ports->type[*port];
	}
	*port = -1;
	return ports->types & BIT(IPVS_TUN_TUNNEL_TYPE_GRE) ? IPVS_TUN_TUNNEL_TYPE_GRE : 0;
}

/* Does what was parsed as a tunnel header carry labels? They are a tunnel of
 * their own then, unless it has bits that are a mark in other GRE packets.
 */
static bool itun_outer_carries_labels(u8 type, const struct itun_tunnel_header *header)
{
	return type == IPVS_TUN_TUNNEL_TYPE_GRE && header->protocol == ITUN_PROTOCOL_MPLS;
}

/* UDP of a port for MPLS has nothing between itself and the labels. */
static void itun_outer_udp_labels(struct itun_tunnel_header *header)
{
	memset(header, 0, sizeof(*header));
	header->options = ITUN_MPLS_OVER_UDP;
}

/* Where the tunnel's transport is in what a tunnel driver has built: without
 * IP options, in IPv6 perhaps behind the destination options that Linux puts
 * there for its encapsulation limit. Returns the protocol, or 0.
 */
static u8 itun_outer_transport_out(const struct sk_buff *skb, u8 family, unsigned int *transport)
{
	const struct ipv6_opt_hdr *options;
	u8 nexthdr;

	if (likely(family == 4)) {
		*transport = sizeof(struct iphdr);
		return ip_hdr(skb)->ihl == 5 ? ip_hdr(skb)->protocol : 0;
	}
	*transport = sizeof(struct ipv6hdr);
	nexthdr = ipv6_hdr(skb)->nexthdr;
	if (unlikely(nexthdr == NEXTHDR_DEST)) {
		if (skb_headlen(skb) < *transport + sizeof(*options))
			return 0;
		options = (const struct ipv6_opt_hdr *)(skb->data + *transport);
		nexthdr = options->nexthdr;
		*transport += ipv6_optlen(options);
	}
	return nexthdr;
}

/* From the header that carries the labels to the bottom one, which becomes the
 * tunnel header.
 */
static bool itun_outer_look_labels(const struct sk_buff *skb, struct itun_look *look)
{
	struct itun_tunnel_header *header = &look->header;
	unsigned int headlen = skb_headlen(skb);
	unsigned int stack = look->tunnel + header->len;
	const u8 *label;
	int bottom;

	bottom = headlen > stack ? itun_mpls_bottom(skb->data + stack, headlen - stack) : -1;
	if (bottom < 0)
		return false;
	label = skb->data + stack + bottom;
	look->type = IPVS_TUN_TUNNEL_TYPE_MPLS;
	look->tunnel = stack + bottom;
	look->carrier_key = header->id;
	header->id = itun_mpls_label(label);
	header->flags = 0;
	header->len = ITUN_MPLS_HLEN;
	header->edit_len = ITUN_MPLS_HLEN;
	header->protocol = headlen > look->tunnel + ITUN_MPLS_HLEN ?
			   itun_mpls_protocol(label[ITUN_MPLS_HLEN]) : 0;
	return true;
}

/**
 * itun_outer_look_out() - is a packet that this host sends a tunnel packet?
 * @skb: at LOCAL_OUT, from a device
 * @ports: tunnel ports of the namespace
 * @family: 4 or 6
 * @look: filled if it is
 *
 * Tunnel drivers build their headers in the linear part: what looks otherwise
 * is none of theirs.
 *
 * Context: any, under RCU.
 * Return: true if it is.
 */
bool itun_outer_look_out(const struct sk_buff *skb, const struct itun_ports *ports, u8 family,
			 struct itun_look *look)
{
	unsigned int tunnel, headlen = skb_headlen(skb);
	u8 protocol;

	protocol = itun_outer_transport_out(skb, family, &look->transport);
	if ((protocol != IPPROTO_UDP && protocol != IPPROTO_GRE) ||
	    headlen < look->transport + sizeof(struct udphdr))
		return false;
	tunnel = look->transport;
	look->type = itun_outer_type(ports, protocol, skb->data + tunnel, &look->port, &tunnel);
	if (!look->type)
		return false;
	look->tunnel = tunnel;
	look->carrier_key = 0;
	if (unlikely(look->type == IPVS_TUN_TUNNEL_TYPE_MPLS)) {
		itun_outer_udp_labels(&look->header);
		return itun_outer_look_labels(skb, look);
	}
	if (headlen < tunnel ||
	    !itun_tunnel_parse(look->type, skb->data + tunnel, headlen - tunnel, &look->header))
		return false;
	if (unlikely(itun_outer_carries_labels(look->type, &look->header) &&
		     !look->header.flags)) {
		look->header.options |= ITUN_MPLS_OVER_GRE;
		return itun_outer_look_labels(skb, look);
	}
	if (unlikely(ports->nvgre))
		itun_tunnel_read_nvgre(&look->header);
	return true;
}

/**
 * itun_outer_may_reply() - could a tunnel packet be a session's reply?
 * @in: namespace
 * @skb: at LOCAL_OUT
 * @look: what itun_outer_look_out() has found
 *
 * Context: any, under RCU.
 * Return: false if it is nobody's for certain.
 */
bool itun_outer_may_reply(const struct itun_net *in, const struct sk_buff *skb,
			  const struct itun_look *look)
{
	unsigned int inner = look->tunnel + look->header.len;
	bool seen = false;
	__be16 sport;
	__be32 src;

	if (likely(skb_headlen(skb) >= inner)) {
		const u8 *data = skb->data + inner;
		unsigned int avail = skb_headlen(skb) - inner;

		if (likely(look->header.protocol == ITUN_PROTOCOL_TEB))
			seen = itun_glimpse_ethernet(data, avail, &src, &sport);
		else if (look->header.protocol == ETH_P_IP)
			seen = itun_glimpse_ip4(data, avail, &src, &sport);
	}
	if (!seen)
		return true;	/* the whole parser has to look */
	return itun_filter_has4(in, src, sport);
}

/**
 * itun_outer_parse_out() - the headers of a tunnel packet that this host sends
 * @skb: at LOCAL_OUT
 * @family: 4 or 6
 * @look: what itun_outer_look_out() has found
 * @outer: filled
 *
 * Context: any, under RCU.
 */
void itun_outer_parse_out(const struct sk_buff *skb, u8 family, const struct itun_look *look,
			  struct itun_outer *outer)
{
	itun_outer_fill(outer, skb, family, look->transport, look->tunnel, look->type,
			&look->header);
	outer->carrier_key = look->carrier_key;
	outer->port = 0;
	if (likely(look->port >= 0))
		outer->port = ntohs(((const struct udphdr *)(skb->data + look->transport))->dest);
	outer->fragment = false;
	outer->surplus = false;
}

/* The tunnel's transport in a packet that comes in: its offset and protocol,
 * or a negative number.
 */
static int itun_outer_transport_in(const struct sk_buff *skb, u8 family, u8 *protocol,
				   bool *fragment)
{
	__be16 frag_off = 0;
	int offset;

	*fragment = false;
	if (likely(family == 4)) {
		*protocol = ip_hdr(skb)->protocol;
		return ip_hdr(skb)->ihl * 4;
	}
	*protocol = ipv6_hdr(skb)->nexthdr;
	if (likely(*protocol == IPPROTO_UDP || *protocol == IPPROTO_GRE))
		return sizeof(struct ipv6hdr);
	offset = ipv6_skip_exthdr(skb, sizeof(struct ipv6hdr), protocol, &frag_off);
	/* A later fragment has no transport header. */
	if (offset < 0 || frag_off & htons(IP6_OFFSET))
		return -1;
	*fragment = frag_off != 0;
	return offset;
}

/* udp_rcv() will drop a datagram longer than its packet, and cut off what is
 * behind a shorter one. The length of an aggregate can be past what the field
 * holds. In IPv6, 0 stands for all there is (RFC 2675, udpv6_rcv()).
 */
static bool itun_outer_length_good(const struct sk_buff *skb, u16 length, unsigned int transport,
				   unsigned int least, struct itun_outer *outer)
{
	if (outer->fragment || skb_is_gso(skb) || (outer->family == 6 && !length))
		return true;
	if (length < least || length > skb->len - transport)
		return false;
	outer->surplus = length < skb->len - transport;
	return true;
}

/**
 * itun_outer_parse_in() - is a packet for this host a tunnel packet?
 * @skb: at LOCAL_IN, IPv4 reassembled, IPv6 perhaps a first fragment
 * @ports: tunnel ports of the namespace
 * @family: 4 or 6
 * @outer: filled for ITUN_OUTER_TUNNEL; for ITUN_OUTER_LABELS but for what the
 *         labels say: they begin at its offset "inner"
 *
 * Context: softirq, under RCU. Touches nothing.
 */
enum itun_outer_verdict itun_outer_parse_in(const struct sk_buff *skb,
					    const struct itun_ports *ports, u8 family,
					    struct itun_outer *outer)
{
	u8 buffer[sizeof(struct udphdr) + ITUN_GRE_HLEN_MAX];
	unsigned int tunnel, avail, transport;
	struct itun_tunnel_header header;
	__be16 udp_port = 0;
	const u8 *bytes;
	u16 length = 0;
	u8 type, protocol;
	bool fragment;
	int port, at;

	at = itun_outer_transport_in(skb, family, &protocol, &fragment);
	/* Offsets are kept in 16 bits, and a chain of extension headers can be
	 * as long as a packet: what no tunnel sends is none.
	 */
	if (at < 0 || at > min_t(u32, skb->len, ITUN_TRANSPORT_MAX) ||
	    (protocol != IPPROTO_UDP && protocol != IPPROTO_GRE))
		return ITUN_OUTER_NONE;
	transport = at;
	avail = min_t(unsigned int, skb->len - transport, sizeof(buffer));
	bytes = skb_header_pointer(skb, transport, avail, buffer);
	/* Less than a transport header has no port to tell whose it is. */
	if (!bytes || avail < (protocol == IPPROTO_UDP ? sizeof(struct udphdr) : ITUN_GRE_HLEN))
		return ITUN_OUTER_NONE;
	tunnel = transport;
	type = itun_outer_type(ports, protocol, bytes, &port, &tunnel);
	if (!type)
		return ITUN_OUTER_NONE;
	if (likely(port >= 0)) {
		length = ntohs(((const struct udphdr *)bytes)->len);
		udp_port = ((const struct udphdr *)bytes)->dest;
	}
	bytes += tunnel - transport;
	avail -= tunnel - transport;

	if (unlikely(type == IPVS_TUN_TUNNEL_TYPE_MPLS)) {
		itun_outer_udp_labels(&header);
	} else if (unlikely(!itun_tunnel_parse(type, bytes, avail, &header))) {
		return itun_tunnel_is_cut(type, bytes, avail) ? ITUN_OUTER_BAD_TUNNEL :
								ITUN_OUTER_NONE;
	} else if (unlikely(itun_outer_carries_labels(type, &header))) {
		/* Removed, they would leave a packet whose label may be marked. */
		if (header.flags)
			return ITUN_OUTER_FOREIGN;
		type = IPVS_TUN_TUNNEL_TYPE_MPLS;
		header.options |= ITUN_MPLS_OVER_GRE;
	} else if (likely(header.flags == itun_tunnel_normal(type))) {
		return ITUN_OUTER_PLAIN;
	}
	/* Options that are cut off, in front of an inner packet that is not there. */
	if (unlikely(skb->len < tunnel + header.len && !fragment))
		return ITUN_OUTER_BAD_TUNNEL;

	if (unlikely(ports->nvgre))
		itun_tunnel_read_nvgre(&header);
	itun_outer_fill(outer, skb, family, transport, tunnel, type, &header);
	outer->port = ntohs(udp_port);
	outer->fragment = fragment;
	outer->surplus = false;
	if (port >= 0 && !itun_outer_length_good(skb, length, transport,
						 tunnel - transport + header.len, outer))
		return ITUN_OUTER_BAD_LENGTH;
	if (likely(type != IPVS_TUN_TUNNEL_TYPE_MPLS))
		return ITUN_OUTER_TUNNEL;
	outer->carrier_key = header.id;
	return ITUN_OUTER_LABELS;
}

/* The inner packet of a first fragment is longer than what is here: what the
 * datagram claims is its length; GRE claims nothing.
 */
static u32 itun_outer_claims(const struct sk_buff *skb, const struct itun_outer *outer)
{
	const struct udphdr *uh = (const struct udphdr *)(skb->data + outer->transport);
	unsigned int headers = outer->inner - outer->transport;

	if (itun_outer_over_gre(outer))
		return U16_MAX;
	return ntohs(uh->len) - min_t(u32, ntohs(uh->len), headers);
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
	enum itun_inner_verdict verdict, nothing = ITUN_INNER_BAD_ETHERNET;
	bool ip_inside = itun_outer_ip_inside(outer);
	u32 total;
	int tries;

	if (unlikely(outer->protocol != ITUN_PROTOCOL_TEB)) {
		if (!ip_inside)
			return ITUN_INNER_NOT_FLOW;
		nothing = outer->protocol == ETH_P_IP ? ITUN_INNER_BAD_IPV4 : ITUN_INNER_BAD_IPV6;
	}
	if (unlikely(skb->len < outer->inner))
		return nothing;
	total = skb->len - outer->inner;
	if (unlikely(outer->fragment)) {
		if (skb_headlen(skb) < outer->inner)
			return nothing;
		total = max_t(u32, total, itun_outer_claims(skb, outer));
	}

	for (tries = 0; tries < 4; tries++) {
		u32 avail = skb_headlen(skb) > outer->inner ? skb_headlen(skb) - outer->inner : 0;

		if (likely(!ip_inside))
			verdict = itun_inner_parse_ethernet(skb->data + outer->inner,
							    min(avail, total), total, inner);
		else
			verdict = itun_inner_parse_ip(skb->data + outer->inner, min(avail, total),
						      total, outer->protocol, inner);
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
