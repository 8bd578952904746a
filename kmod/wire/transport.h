/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Transport headers behind an inner IP header: ports, what opens a flow, and
 * what tells one packet of a flow from the next.
 */
#ifndef ITUN_WIRE_TRANSPORT_H
#define ITUN_WIRE_TRANSPORT_H

#include "verdict.h"

/**
 * itun_inner_icmp() - parse ICMP in IPv4, ICMPv6 in IPv6
 * @data: the packet
 * @l4: where the header is; at most @avail and at most @end
 * @avail: readable bytes of @data
 * @end: where the IP payload ends
 * @inner: ports, icmp_type, opens and fingerprint are filled in
 *
 * Return: FLOW for echo, ICMP_ERROR, NOT_FLOW, SHORT or BAD_TRANSPORT.
 */
static inline enum itun_inner_verdict
itun_inner_icmp(const u8 *data, u32 l4, u32 avail, u32 end,
		struct itun_inner *inner)
{
	bool v4 = inner->tuple.family == 4;
	const u8 *p = data + l4;
	u8 request = v4 ? ITUN_ICMP_ECHO : ITUN_ICMPV6_ECHO;
	u8 reply = v4 ? ITUN_ICMP_ECHO_REPLY : ITUN_ICMPV6_ECHO_REPLY;
	u32 hash;
	u8 type;

	if (end - l4 < 8)
		return ITUN_INNER_BAD_TRANSPORT;
	if (avail - l4 < 8)
		return itun_inner_short(inner, l4 + 8);
	type = p[0];
	inner->icmp_type = type;
	hash = itun_inner_mix(inner->fingerprint, wire_get_be32(p));
	inner->fingerprint = itun_inner_mix(hash, wire_get_be32(p + 4));
	if (type == request) {
		memcpy(&inner->tuple.sport, p + 4, 2);
		inner->tuple.dport = __cpu_to_be16(request);
		inner->opens = true;
		return ITUN_INNER_FLOW;
	}
	if (type == reply) {
		inner->tuple.sport = __cpu_to_be16(request);
		memcpy(&inner->tuple.dport, p + 4, 2);
		return ITUN_INNER_FLOW;
	}
	if (v4) {
		/* Unreachable, quench, redirect, time exceeded, parameter. */
		if (type == 3 || type == 4 || type == 5 || type == 11 ||
		    type == 12)
			return ITUN_INNER_ICMP_ERROR;
	} else if (type >= 1 && type <= 4) {
		/* Unreachable, too big, time exceeded, parameter. */
		return ITUN_INNER_ICMP_ERROR;
	}
	return ITUN_INNER_NOT_FLOW;
}

/**
 * itun_inner_tcp() - parse a TCP header
 * @data: the packet
 * @l4: where the header is; at most @avail and at most @end
 * @avail: readable bytes of @data
 * @end: where the IP payload ends
 * @inner: ports, tcp_flags, opens and fingerprint are filled in
 *
 * Options need not be readable.
 *
 * Return: FLOW, SHORT or BAD_TRANSPORT.
 */
static inline enum itun_inner_verdict
itun_inner_tcp(const u8 *data, u32 l4, u32 avail, u32 end,
	       struct itun_inner *inner)
{
	const u8 *p = data + l4;
	u32 hlen, hash;
	u8 flags;

	if (end - l4 < 20)
		return ITUN_INNER_BAD_TRANSPORT;
	if (avail - l4 < 20)
		return itun_inner_short(inner, l4 + 20);
	hlen = (u32)(p[12] >> 4) * 4;
	if (hlen < 20 || hlen > end - l4)
		return ITUN_INNER_BAD_TRANSPORT;
	flags = p[13];
	/* Sequence number; window and checksum. */
	hash = itun_inner_mix(inner->fingerprint, wire_get_be32(p + 4));
	inner->fingerprint = itun_inner_mix(hash, wire_get_be32(p + 14));
	memcpy(&inner->tuple.sport, p, 2);
	memcpy(&inner->tuple.dport, p + 2, 2);
	inner->tcp_flags = flags;
	inner->opens = (flags & (ITUN_TCP_SYN | ITUN_TCP_ACK)) == ITUN_TCP_SYN;
	return ITUN_INNER_FLOW;
}

/**
 * itun_inner_udp() - parse a UDP or UDP-Lite header
 * @data: the packet
 * @l4: where the header is; at most @avail and at most @end
 * @avail: readable bytes of @data
 * @end: where the IP payload ends
 * @inner: ports and fingerprint are filled in
 *
 * The third field, UDP's length or UDP-Lite's checksum coverage, must be 0,
 * which stands for everything, or span the header and no more than there is.
 *
 * Return: FLOW, SHORT or BAD_TRANSPORT.
 */
static inline enum itun_inner_verdict
itun_inner_udp(const u8 *data, u32 l4, u32 avail, u32 end,
	       struct itun_inner *inner)
{
	const u8 *p = data + l4;
	u32 length;

	if (end - l4 < 8)
		return ITUN_INNER_BAD_TRANSPORT;
	if (avail - l4 < 8)
		return itun_inner_short(inner, l4 + 8);
	length = wire_get_be16(p + 4);
	if (length && length < 8)
		return ITUN_INNER_BAD_TRANSPORT;
	/* The rest of a fragmented datagram is in other fragments. */
	if (length > end - l4 && !inner->fragment)
		return ITUN_INNER_BAD_TRANSPORT;
	memcpy(&inner->tuple.sport, p, 2);
	memcpy(&inner->tuple.dport, p + 2, 2);
	inner->fingerprint = itun_inner_mix(inner->fingerprint,
					    wire_get_be32(p + 4));
	return ITUN_INNER_FLOW;
}

/**
 * itun_inner_sctp() - parse an SCTP common header
 * @data: the packet
 * @l4: where the header is; at most @avail and at most @end
 * @avail: readable bytes of @data
 * @end: where the IP payload ends
 * @inner: ports, opens and fingerprint are filled in
 *
 * Return: FLOW, SHORT or BAD_TRANSPORT.
 */
static inline enum itun_inner_verdict
itun_inner_sctp(const u8 *data, u32 l4, u32 avail, u32 end,
		struct itun_inner *inner)
{
	const u8 *p = data + l4;
	u32 hlen = 12;

	if (end - l4 < hlen)
		return ITUN_INNER_BAD_TRANSPORT;
	/* The first chunk's type, if there is a chunk; 1 is INIT. */
	if (end - l4 > hlen)
		hlen = 13;
	if (avail - l4 < hlen)
		return itun_inner_short(inner, l4 + hlen);
	inner->opens = hlen == 13 && p[12] == 1;
	memcpy(&inner->tuple.sport, p, 2);
	memcpy(&inner->tuple.dport, p + 2, 2);
	inner->fingerprint = itun_inner_mix(inner->fingerprint,
					    wire_get_be32(p + 8));
	return ITUN_INNER_FLOW;
}

/**
 * itun_inner_dccp() - parse a DCCP generic header
 * @data: the packet
 * @l4: where the header is; at most @avail and at most @end
 * @avail: readable bytes of @data
 * @end: where the IP payload ends
 * @inner: ports, opens and fingerprint are filled in
 *
 * Return: FLOW, SHORT or BAD_TRANSPORT.
 */
static inline enum itun_inner_verdict
itun_inner_dccp(const u8 *data, u32 l4, u32 avail, u32 end,
		struct itun_inner *inner)
{
	const u8 *p = data + l4;
	u32 hash;

	if (end - l4 < 12)
		return ITUN_INNER_BAD_TRANSPORT;
	if (avail - l4 < 12)
		return itun_inner_short(inner, l4 + 12);
	memcpy(&inner->tuple.sport, p, 2);
	memcpy(&inner->tuple.dport, p + 2, 2);
	/* Three reserved bits, four of type (0 is Request), the X bit. */
	inner->opens = !(p[8] & 0x1e);
	hash = itun_inner_mix(inner->fingerprint, wire_get_be32(p + 4));
	inner->fingerprint = itun_inner_mix(hash, wire_get_be32(p + 8));
	return ITUN_INNER_FLOW;
}

/**
 * itun_inner_other() - a protocol known by its addresses alone
 * @data: the packet
 * @l4: where its payload is; at most @avail and at most @end
 * @avail: readable bytes of @data
 * @end: where the IP payload ends
 * @inner: fingerprint is filled in: eight bytes tell two IPsec packets apart
 *
 * Return: FLOW or SHORT.
 */
static inline enum itun_inner_verdict
itun_inner_other(const u8 *data, u32 l4, u32 avail, u32 end,
		 struct itun_inner *inner)
{
	const u8 *p = data + l4;
	u32 hash;

	if (end - l4 < 8)
		return ITUN_INNER_FLOW;
	if (avail - l4 < 8)
		return itun_inner_short(inner, l4 + 8);
	hash = itun_inner_mix(inner->fingerprint, wire_get_be32(p));
	inner->fingerprint = itun_inner_mix(hash, wire_get_be32(p + 4));
	return ITUN_INNER_FLOW;
}

/**
 * itun_inner_l4() - parse the transport header
 * @data: the packet
 * @l4: where the header is; at most @avail and at most @end
 * @avail: readable bytes of @data
 * @end: where the IP payload ends
 * @protocol: the header's protocol, as in @inner's tuple
 * @inner: has addresses, family, protocol and the IP header's part of the
 *	fingerprint; ports and the rest are filled in
 *
 * Return: FLOW, ICMP_ERROR, NOT_FLOW, SHORT or BAD_TRANSPORT.
 */
static inline enum itun_inner_verdict
itun_inner_l4(const u8 *data, u32 l4, u32 avail, u32 end,
	      u8 protocol, struct itun_inner *inner)
{
	inner->l4_offset = (u16)l4;
	if (protocol == ITUN_PROTO_TCP)
		return itun_inner_tcp(data, l4, avail, end, inner);
	if (protocol == ITUN_PROTO_UDP || protocol == ITUN_PROTO_UDPLITE)
		return itun_inner_udp(data, l4, avail, end, inner);
	if (protocol == ITUN_PROTO_SCTP)
		return itun_inner_sctp(data, l4, avail, end, inner);
	if (protocol == ITUN_PROTO_DCCP)
		return itun_inner_dccp(data, l4, avail, end, inner);
	if (protocol == (inner->tuple.family == 4 ? ITUN_PROTO_ICMP :
						    ITUN_PROTO_ICMPV6))
		return itun_inner_icmp(data, l4, avail, end, inner);
	return itun_inner_other(data, l4, avail, end, inner);
}

#endif /* ITUN_WIRE_TRANSPORT_H */
