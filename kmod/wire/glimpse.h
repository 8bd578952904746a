/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A first look at an inner packet: whose could it be a reply of?
 *
 * Most packets of a host are nobody's replies, and that shows in their source
 * address and port alone. Where these are in their usual place, no header need
 * be parsed for it. Always inline: where @avail is known, it is not asked for.
 */
#ifndef ITUN_WIRE_GLIMPSE_H
#define ITUN_WIRE_GLIMPSE_H

#include "inner.h"

/* As much of a frame is looked at: Ethernet, IPv4, two ports. */
#define ITUN_GLIMPSE_LEN	(ITUN_ETH_HLEN + 24)

/**
 * itun_glimpse_ip4() - source address and port of an ordinary IPv4 packet
 * @p: the packet, from its IP header on
 * @avail: readable bytes of @p
 * @src: source address
 * @sport: source port
 *
 * Nothing is checked: what looks like a reply is parsed in earnest afterwards,
 * by the same bytes.
 *
 * Return: false if the whole parser has to look: options, fragments, protocols
 * without ports in the first four bytes, too few bytes.
 */
static __always_inline bool itun_glimpse_ip4(const u8 *p, u32 avail, __be32 *src, __be16 *sport)
{
	__be16 fragment;

	if (avail < 24 || p[0] != 0x45)
		return false;
	memcpy(&fragment, p + 6, sizeof(fragment));
	if (fragment & __cpu_to_be16(0x3fff))
		return false;
	if (p[9] != ITUN_PROTO_TCP && p[9] != ITUN_PROTO_UDP)
		return false;
	memcpy(src, p + 12, sizeof(*src));
	memcpy(sport, p + 20, sizeof(*sport));
	return true;
}

/**
 * itun_glimpse_ethernet() - the same for an Ethernet frame without VLAN tags
 * @p: the frame, from its destination MAC on
 * @avail: readable bytes of @p
 * @src: source address
 * @sport: source port
 *
 * Return: as itun_glimpse_ip4().
 */
static __always_inline bool itun_glimpse_ethernet(const u8 *p, u32 avail, __be32 *src,
						  __be16 *sport)
{
	if (avail < ITUN_ETH_HLEN || wire_get_be16(p + 12) != ITUN_ETH_IPV4)
		return false;
	return itun_glimpse_ip4(p + ITUN_ETH_HLEN, avail - ITUN_ETH_HLEN, src, sport);
}

#endif /* ITUN_WIRE_GLIMPSE_H */
