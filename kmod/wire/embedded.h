/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The packet that an ICMP error is about: what of it stands in the error, behind
 * the ICMP header (RFC 792, RFC 4443): its IP header, and eight bytes at least.
 */
#ifndef ITUN_WIRE_EMBEDDED_H
#define ITUN_WIRE_EMBEDDED_H

#include "inner.h"

/* ICMP's own header, in both families. */
#define ITUN_ICMP_HLEN		8
/* As much of it is looked at: IPv6 with some extension headers, or IPv4 with all
 * options, and the ports.
 */
#define ITUN_EMBEDDED_MAX	128

/**
 * itun_embedded_ports() - what tells its flow from others
 * @p: its transport header
 * @avail: bytes of it
 * @tuple: family and protocol are known; ports are filled in
 *
 * An error about an ICMP error does not exist; of other ICMP only echo has a flow.
 *
 * Return: false if they are not there.
 */
static inline bool itun_embedded_ports(const u8 *p, u32 avail, struct itun_tuple *tuple)
{
	bool v4 = tuple->family == 4;
	u8 request = v4 ? ITUN_ICMP_ECHO : ITUN_ICMPV6_ECHO;
	u8 reply = v4 ? ITUN_ICMP_ECHO_REPLY : ITUN_ICMPV6_ECHO_REPLY;

	switch (tuple->protocol) {
	case ITUN_PROTO_TCP:
	case ITUN_PROTO_UDP:
	case ITUN_PROTO_UDPLITE:
	case ITUN_PROTO_SCTP:
	case ITUN_PROTO_DCCP:
		if (avail < 4)
			return false;
		memcpy(&tuple->sport, p, 2);
		memcpy(&tuple->dport, p + 2, 2);
		return true;
	}
	if (tuple->protocol != (v4 ? ITUN_PROTO_ICMP : ITUN_PROTO_ICMPV6))
		return true;
	if (avail < 6)
		return false;
	if (p[0] == request) {
		memcpy(&tuple->sport, p + 4, 2);
		tuple->dport = __cpu_to_be16(request);
		return true;
	}
	if (p[0] == reply) {
		tuple->sport = __cpu_to_be16(request);
		memcpy(&tuple->dport, p + 4, 2);
		return true;
	}
	return false;
}

static inline bool itun_embedded_ip4(const u8 *p, u32 avail, struct itun_tuple *tuple)
{
	u32 hlen;

	if (avail < 20 || p[0] >> 4 != 4)
		return false;
	hlen = (u32)(p[0] & 0x0f) * 4;
	/* Of a later fragment the ports are not known. */
	if (hlen < 20 || hlen > avail || wire_get_be16(p + 6) & 0x1fff)
		return false;
	memcpy(&tuple->src.ip, p + 12, 4);
	memcpy(&tuple->dst.ip, p + 16, 4);
	tuple->protocol = p[9];
	return itun_embedded_ports(p + hlen, avail - hlen, tuple);
}

static inline bool itun_embedded_ip6(const u8 *p, u32 avail, struct itun_tuple *tuple)
{
	u32 at = 40, count;
	u8 next;

	if (avail < 40 || p[0] >> 4 != 6)
		return false;
	memcpy(tuple->src.bytes, p + 8, 16);
	memcpy(tuple->dst.bytes, p + 24, 16);
	next = p[6];
	for (count = 0; itun_inner_is_extension(next); count++) {
		const u8 *header = p + at;

		if (count == ITUN_INNER_EXT_MAX || avail - at < 8)
			return false;
		if (next == ITUN_PROTO_FRAGMENT) {
			if (wire_get_be16(header + 2) & 0xfff8)
				return false;
			at += 8;
		} else if (next == ITUN_PROTO_AH) {
			at += (u32)(header[1] + 2) * 4;
		} else {
			at += (u32)(header[1] + 1) * 8;
		}
		next = header[0];
		if (at > avail)
			return false;
	}
	tuple->protocol = next;
	return itun_embedded_ports(p + at, avail - at, tuple);
}

/**
 * itun_embedded_parse() - whose packet is an ICMP error about?
 * @data: what is behind the ICMP header
 * @avail: bytes of it
 * @family: 4 or 6, the error's
 * @tuple: filled: the packet's own direction, source and destination as it had them
 *
 * Return: false if its flow cannot be told.
 */
static inline bool itun_embedded_parse(const u8 *data, u32 avail, u8 family,
				       struct itun_tuple *tuple)
{
	memset(tuple, 0, sizeof(*tuple));
	tuple->family = family;
	return family == 4 ? itun_embedded_ip4(data, avail, tuple) :
			     itun_embedded_ip6(data, avail, tuple);
}

#endif /* ITUN_WIRE_EMBEDDED_H */
