/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The packet inside a tunnel, or on a bridge port: Ethernet with up to two VLAN
 * tags, IPv4 or IPv6, and the transport header's ports.
 *
 * One function a layer. Each knows two ends: what is readable (avail) and where
 * its own layer's bytes end (end). A header beyond the second is malformed; one
 * beyond the first is only out of reach, which is ITUN_INNER_SHORT.
 */
#ifndef ITUN_WIRE_INNER_H
#define ITUN_WIRE_INNER_H

#include "transport.h"
#include "verdict.h"

/* Bounds of an IPv6 extension header chain; a longer one is malformed. */
#define ITUN_INNER_EXT_MAX	8
#define ITUN_INNER_EXT_BYTES	512

/**
 * itun_inner_mac_is_zero() - is it 00:00:00:00:00:00?
 * @mac: six bytes
 *
 * Return: whether it is.
 */
static inline bool itun_inner_mac_is_zero(const u8 *mac)
{
	return !wire_get_be32(mac) && !wire_get_be16(mac + 4);
}

/**
 * itun_inner_ip4_host() - can an IPv4 address be one end of a session?
 * @addr: host order
 *
 * Return: false for 0.0.0.0, loopback, multicast and limited broadcast.
 */
static inline bool itun_inner_ip4_host(u32 addr)
{
	/* 0.0.0.1 to 126.255.255.255 at once. */
	if (addr - 1 < 0x7effffffu)
		return true;
	if (addr < 0xe0000000u)
		return addr >= 0x80000000u;
	return addr >= 0xf0000000u && addr != 0xffffffffu;
}

/**
 * itun_inner_ip6_host() - can an IPv6 address be one end of a session?
 * @addr: 16 bytes
 *
 * Return: false for ::, ::1 and multicast.
 */
static inline bool itun_inner_ip6_host(const u8 *addr)
{
	u32 last = wire_get_be32(addr + 12);

	if (addr[0] == 0xff)
		return false;
	return wire_get_be32(addr) || wire_get_be32(addr + 4) ||
	       wire_get_be32(addr + 8) || last > 1;
}

/**
 * itun_inner_ip4_options_good() - can the server's stack read these options?
 * @p: the options
 * @length: bytes of them
 *
 * Return: false if an option is cut short or runs beyond the header.
 */
static inline bool itun_inner_ip4_options_good(const u8 *p, u32 length)
{
	u32 at = 0;

	/* 0 ends the list; 1 is a single byte. */
	while (at < length && p[at] != 0) {
		u32 left = length - at;

		if (p[at] == 1) {
			at++;
			continue;
		}
		if (left < 2 || p[at + 1] < 2 || p[at + 1] > left)
			return false;
		at += p[at + 1];
	}
	return true;
}

/**
 * itun_inner_ipv4() - parse an IPv4 header and what follows
 * @data: the packet
 * @l3: where the header is; at most @avail
 * @avail: readable bytes of @data
 * @total: all bytes of the packet; trailing padding is allowed
 * @inner: filled in
 *
 * Options are skipped if they can be. A total length of 0 stands for a GSO aggregate that is
 * too long for the field.
 *
 * Return: any verdict of this layer or of the transport layer.
 */
static inline enum itun_inner_verdict
itun_inner_ipv4(const u8 *data, u32 l3, u32 avail, u32 total,
		struct itun_inner *inner)
{
	const u8 *p = data + l3;
	u32 left = total - l3;
	u32 hlen, length, id, frag;
	u8 protocol;

	if (left < 20)
		return ITUN_INNER_BAD_IPV4;
	if (avail - l3 < 20)
		return itun_inner_short(inner, l3 + 20);
	hlen = 20;
	if (p[0] != 0x45) {
		hlen = (u32)(p[0] & 0x0f) * 4;
		if (p[0] >> 4 != 4 || hlen < 20)
			return ITUN_INNER_BAD_IPV4;
	}
	length = wire_get_be16(p + 2);
	if (!length && left > 0xffff)
		length = left;
	if (length < hlen || length > left)
		return ITUN_INNER_BAD_IPV4;
	if (avail - l3 < hlen)
		return itun_inner_short(inner, l3 + hlen);
	if (hlen > 20 && !itun_inner_ip4_options_good(p + 20, hlen - 20))
		return ITUN_INNER_BAD_IPV4;
	if (!itun_inner_ip4_host(wire_get_be32(p + 12)) ||
	    !itun_inner_ip4_host(wire_get_be32(p + 16)))
		return ITUN_INNER_NOT_FLOW;

	/* Read before writing: the compiler must assume that they overlap. */
	protocol = p[9];
	id = wire_get_be16(p + 4);
	frag = wire_get_be16(p + 6);
	memset(&inner->tuple, 0, sizeof(inner->tuple));
	memcpy(&inner->tuple.src.ip, p + 12, 4);
	memcpy(&inner->tuple.dst.ip, p + 16, 4);
	inner->tuple.family = 4;
	inner->tuple.protocol = protocol;
	inner->fragment_id = id;
	inner->fingerprint = id << 16 ^ length;

	/* Fragment offset in 13 bits, above them "more fragments". */
	if (frag & 0x1fff) {
		inner->l4_offset = (u16)(l3 + hlen);
		inner->fingerprint = itun_inner_mix(inner->fingerprint, frag);
		return ITUN_INNER_FRAGMENT;
	}
	if (frag & 0x2000)
		inner->fragment = true;
	return itun_inner_l4(data, l3 + hlen, avail, l3 + length, protocol,
			     inner);
}

/**
 * itun_inner_is_extension() - is a next header an extension that we can skip?
 * @next: a next header value
 *
 * Return: whether it is one of those of RFC 8200, AH or mobility.
 */
static inline bool itun_inner_is_extension(u8 next)
{
	switch (next) {
	case ITUN_PROTO_HOPOPTS:
	case ITUN_PROTO_ROUTING:
	case ITUN_PROTO_FRAGMENT:
	case ITUN_PROTO_AH:
	case ITUN_PROTO_DSTOPTS:
	case ITUN_PROTO_MOBILITY:
		return true;
	default:
		return false;
	}
}

/**
 * itun_inner_ip6_options_good() - can the server's stack read these options?
 * @p: the options of a hop-by-hop or destination options header
 * @length: bytes of them
 *
 * Return: false if an option is cut short or runs beyond the header.
 */
static inline bool itun_inner_ip6_options_good(const u8 *p, u32 length)
{
	u32 at = 0;

	while (at < length) {
		u32 left = length - at;

		/* 0 is a single byte. */
		if (p[at] == 0) {
			at++;
			continue;
		}
		if (left < 2 || p[at + 1] > left - 2)
			return false;
		at += 2 + p[at + 1];
	}
	return true;
}

/**
 * itun_inner_extensions() - walk IPv6 extension headers, then parse the rest
 * @data: the packet
 * @l4: where the first extension header is; at most @avail and at most @end
 * @avail: readable bytes of @data
 * @end: where the IPv6 payload ends
 * @inner: has addresses and family; its protocol is the first extension's
 *	number. The rest is filled in
 *
 * Return: any verdict of this layer or of the transport layer.
 */
static inline enum itun_inner_verdict
itun_inner_extensions(const u8 *data, u32 l4, u32 avail, u32 end,
		      struct itun_inner *inner)
{
	u8 next = inner->tuple.protocol;
	bool fragment_seen = false;
	u32 first = l4;
	u32 count;

	for (count = 0; itun_inner_is_extension(next); count++) {
		const u8 *p = data + l4;
		u8 this_one = next;
		u32 hlen, frag;

		if (count == ITUN_INNER_EXT_MAX || end - l4 < 8)
			return ITUN_INNER_BAD_EXTENSION;
		if (avail - l4 < 8)
			return itun_inner_short(inner, l4 + 8);
		next = p[0];
		hlen = (u32)(p[1] + 1) * 8;
		if (this_one == ITUN_PROTO_FRAGMENT) {
			if (fragment_seen)
				return ITUN_INNER_BAD_EXTENSION;
			fragment_seen = true;
			hlen = 8;
			/* Offset in the upper 13 bits, lowest bit: more. */
			frag = wire_get_be16(p + 2);
			inner->fragment_id = wire_get_be32(p + 4);
			inner->fingerprint = itun_inner_mix(inner->fingerprint,
							    inner->fragment_id);
			if (frag & 0xfff8) {
				inner->tuple.protocol = next;
				inner->l4_offset = (u16)(l4 + 8);
				inner->fingerprint =
					itun_inner_mix(inner->fingerprint, frag);
				return ITUN_INNER_FRAGMENT;
			}
			inner->fragment = frag & 1;
		} else if (this_one == ITUN_PROTO_AH) {
			hlen = (u32)(p[1] + 2) * 4;
		} else if (this_one == ITUN_PROTO_HOPOPTS && count) {
			/* Directly behind the IPv6 header or nowhere. */
			return ITUN_INNER_BAD_EXTENSION;
		}
		if (hlen > end - l4 || l4 + hlen - first > ITUN_INNER_EXT_BYTES)
			return ITUN_INNER_BAD_EXTENSION;
		if (hlen > avail - l4)
			return itun_inner_short(inner, l4 + hlen);
		if ((this_one == ITUN_PROTO_HOPOPTS ||
		     this_one == ITUN_PROTO_DSTOPTS) &&
		    !itun_inner_ip6_options_good(p + 2, hlen - 2))
			return ITUN_INNER_BAD_EXTENSION;
		l4 += hlen;
	}
	inner->tuple.protocol = next;
	if (next == ITUN_PROTO_NONE) {
		inner->l4_offset = (u16)l4;
		return ITUN_INNER_NOT_FLOW;
	}
	return itun_inner_l4(data, l4, avail, end, next, inner);
}

/**
 * itun_inner_ipv6() - parse an IPv6 header and what follows
 * @data: the packet
 * @l3: where the header is; at most @avail
 * @avail: readable bytes of @data
 * @total: all bytes of the packet; trailing padding is allowed
 * @inner: filled in
 *
 * A payload length of 0 in front of more than 65,535 bytes is a jumbogram or a
 * GSO aggregate that is too long for the field. The destination is the IPv6
 * header's, also with a routing header.
 *
 * Return: any verdict of this layer or of the transport layer.
 */
static inline enum itun_inner_verdict
itun_inner_ipv6(const u8 *data, u32 l3, u32 avail, u32 total,
		struct itun_inner *inner)
{
	const u8 *p = data + l3;
	u32 left = total - l3;
	u32 length;
	u8 next;

	if (left < 40)
		return ITUN_INNER_BAD_IPV6;
	if (avail - l3 < 40)
		return itun_inner_short(inner, l3 + 40);
	left -= 40;
	length = wire_get_be16(p + 4);
	if (!length && left > 0xffff)
		length = left;
	if (p[0] >> 4 != 6 || length > left)
		return ITUN_INNER_BAD_IPV6;
	if (!itun_inner_ip6_host(p + 8) || !itun_inner_ip6_host(p + 24))
		return ITUN_INNER_NOT_FLOW;

	next = p[6];
	/* The flow label is 20 bits. */
	inner->fingerprint = wire_get_be32(p) << 12 ^ length;
	memcpy(inner->tuple.src.bytes, p + 8, 16);
	memcpy(inner->tuple.dst.bytes, p + 24, 16);
	inner->tuple.sport = 0;
	inner->tuple.dport = 0;
	inner->tuple.family = 6;
	inner->tuple.protocol = next;
	inner->tuple.pad = 0;

	if (itun_inner_is_extension(next) || next == ITUN_PROTO_NONE)
		return itun_inner_extensions(data, l3 + 40, avail,
					     l3 + 40 + length, inner);
	return itun_inner_l4(data, l3 + 40, avail, l3 + 40 + length, next,
			     inner);
}

/**
 * itun_inner_ip() - parse the IP header that the EtherType promises
 * @data: the packet
 * @l3: where the header is; at most @avail
 * @avail: readable bytes of @data
 * @total: all bytes of the packet
 * @ethertype: host order
 * @inner: filled in
 *
 * Return: the verdict; NOT_FLOW when it is neither IPv4 nor IPv6.
 */
static inline enum itun_inner_verdict
itun_inner_ip(const u8 *data, u32 l3, u32 avail, u32 total, u16 ethertype,
	      struct itun_inner *inner)
{
	if (ethertype == ITUN_ETH_IPV4)
		return itun_inner_ipv4(data, l3, avail, total, inner);
	if (ethertype == ITUN_ETH_IPV6)
		return itun_inner_ipv6(data, l3, avail, total, inner);
	return ITUN_INNER_NOT_FLOW;
}

/**
 * itun_inner_parse_usual() - parse a bare IPv4 packet of TCP or UDP, if it is a usual one
 * @data: the packet, from its IP header on
 * @avail: readable bytes of @data; at most @total
 * @total: all bytes of the packet
 * @inner: filled in with what itun_inner_parse_ip() would find, if the result is true
 *
 * Without options and not a fragment; all of its lengths are right. The fuzzer compares the two.
 *
 * Return: false if the whole parser has to look.
 */
static __always_inline bool
itun_inner_parse_usual(const u8 *data, u32 avail, u32 total, struct itun_inner *inner)
{
	u32 length, hash, id;
	u8 protocol, flags;

	if (avail < 28 || data[0] != 0x45 || wire_get_be16(data + 6) & 0x3fff)
		return false;
	length = wire_get_be16(data + 2);
	if (length > total ||
	    !itun_inner_ip4_host(wire_get_be32(data + 12)) ||
	    !itun_inner_ip4_host(wire_get_be32(data + 16)))
		return false;
	id = wire_get_be16(data + 4);
	hash = id << 16 ^ length;
	protocol = data[9];
	flags = 0;
	if (protocol == ITUN_PROTO_UDP) {
		if (length < 28 || wire_get_be16(data + 24) != length - 20)
			return false;
		hash = itun_inner_mix(hash, wire_get_be32(data + 24));
	} else if (protocol == ITUN_PROTO_TCP) {
		u32 hlen;

		if (avail < 40)
			return false;
		hlen = data[32] >> 4 << 2;
		if (hlen < 20 || hlen + 20 > length)
			return false;
		flags = data[33];
		hash = itun_inner_mix(hash, wire_get_be32(data + 24));
		hash = itun_inner_mix(hash, wire_get_be32(data + 34));
	} else {
		return false;
	}

	itun_inner_reset(inner);
	inner->ethertype = ITUN_ETH_IPV4;
	inner->l4_offset = 20;
	memset(&inner->tuple, 0, sizeof(inner->tuple));
	memcpy(&inner->tuple.src.ip, data + 12, 4);
	memcpy(&inner->tuple.dst.ip, data + 16, 4);
	memcpy(&inner->tuple.sport, data + 20, 2);
	memcpy(&inner->tuple.dport, data + 22, 2);
	inner->tuple.family = 4;
	inner->tuple.protocol = protocol;
	inner->fragment_id = id;
	inner->fingerprint = hash;
	inner->tcp_flags = flags;
	inner->opens = (flags & (ITUN_TCP_SYN | ITUN_TCP_ACK)) == ITUN_TCP_SYN;
	return true;
}

/**
 * itun_inner_parse_ip() - parse a bare IP packet
 * @data: the packet, from its IP header on
 * @avail: readable bytes of @data; at most @total
 * @total: all bytes of the packet
 * @ethertype: 0x0800 or 0x86dd, host order
 * @inner: filled in, see there what is valid with which verdict
 *
 * Return: the verdict; NOT_FLOW with any other @ethertype.
 */
static inline enum itun_inner_verdict
itun_inner_parse_ip(const u8 *data, u32 avail, u32 total, u16 ethertype,
		    struct itun_inner *inner)
{
	itun_inner_reset(inner);
	inner->ethertype = ethertype;
	return itun_inner_ip(data, 0, avail, total, ethertype, inner);
}

/**
 * itun_inner_vlan() - skip VLAN tags
 * @data: the frame
 * @avail: readable bytes of @data
 * @total: all bytes of the frame
 * @inner: ethertype and vlan_tags have been set to those of the untagged frame
 *	and are brought up to date, l3_offset too
 *
 * Return: FLOW when the caller can go on, or SHORT or BAD_VLAN.
 */
static inline enum itun_inner_verdict
itun_inner_vlan(const u8 *data, u32 avail, u32 total, struct itun_inner *inner)
{
	u32 offset = ITUN_ETH_HLEN;

	while (inner->ethertype == ITUN_ETH_VLAN ||
	       inner->ethertype == ITUN_ETH_QINQ) {
		if (inner->vlan_tags == 2 || total - offset < 4)
			return ITUN_INNER_BAD_VLAN;
		if (avail - offset < 4)
			return itun_inner_short(inner, offset + 4);
		inner->ethertype = wire_get_be16(data + offset + 2);
		inner->vlan_tags++;
		offset += 4;
	}
	inner->l3_offset = (u16)offset;
	return ITUN_INNER_FLOW;
}

/**
 * itun_inner_parse_ethernet() - parse an Ethernet frame
 * @data: the frame, from its destination MAC on
 * @avail: readable bytes of @data; at most @total
 * @total: all bytes of the frame
 * @inner: filled in, see there what is valid with which verdict
 *
 * Return: the verdict.
 */
static inline enum itun_inner_verdict
itun_inner_parse_ethernet(const u8 *data, u32 avail, u32 total,
			  struct itun_inner *inner)
{
	enum itun_inner_verdict verdict;
	u32 offset = ITUN_ETH_HLEN;
	u16 ethertype;

	itun_inner_reset(inner);
	if (total < ITUN_ETH_HLEN)
		return ITUN_INNER_BAD_ETHERNET;
	if (avail < ITUN_ETH_HLEN)
		return itun_inner_short(inner, ITUN_ETH_HLEN);
	/* Neither can be answered, and neither may become a session's MAC. */
	if ((data[6] & 1) || itun_inner_mac_is_zero(data + 6))
		return ITUN_INNER_BAD_ETHERNET;
	ethertype = wire_get_be16(data + 12);
	inner->ethertype = ethertype;
	inner->l3_offset = ITUN_ETH_HLEN;
	if (ethertype == ITUN_ETH_IPV4 && !(data[0] & 1))
		return itun_inner_ipv4(data, offset, avail, total, inner);
	if (ethertype == ITUN_ETH_PROBE)
		return ITUN_INNER_PROBE;
	if (ethertype == ITUN_ETH_VLAN || ethertype == ITUN_ETH_QINQ) {
		verdict = itun_inner_vlan(data, avail, total, inner);
		if (verdict != ITUN_INNER_FLOW)
			return verdict;
		offset = inner->l3_offset;
		ethertype = inner->ethertype;
	}
	if (data[0] & 1)
		return ITUN_INNER_NOT_FLOW;
	return itun_inner_ip(data, offset, avail, total, ethertype, inner);
}

#endif /* ITUN_WIRE_INNER_H */
