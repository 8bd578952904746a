/* SPDX-License-Identifier: GPL-2.0 */
/* The tuple that names one direction of a flow. */
#ifndef ITUN_WIRE_TUPLE_H
#define ITUN_WIRE_TUPLE_H

#include "bytes.h"

/**
 * union itun_addr - an IPv4 or IPv6 address
 * @ip: IPv4, the other twelve bytes are zero
 * @ip6: IPv6
 * @bytes: either, byte by byte
 */
union itun_addr {
	__be32 ip;
	__be32 ip6[4];
	u8 bytes[16];
};

/**
 * itun_addr_is_multicast() - is it a group's address?
 * @family: 4 or 6
 * @addr: address
 */
static inline bool itun_addr_is_multicast(u8 family, const union itun_addr *addr)
{
	return family == 4 ? (addr->bytes[0] & 0xf0) == 0xe0 : addr->bytes[0] == 0xff;
}

/**
 * struct itun_tuple - one direction of a flow
 * @src: source address
 * @dst: destination address
 * @sport: source port, or half of an ICMP echo's key, see verdict.h
 * @dport: destination port, or the other half of an ICMP echo's key
 * @family: 4 or 6
 * @protocol: IP protocol number, after extension headers
 * @pad: zero
 *
 * Unused bytes are zero and there are no holes: memcmp() compares.
 */
struct itun_tuple {
	union itun_addr src;
	union itun_addr dst;
	__be16 sport;
	__be16 dport;
	u8 family;
	u8 protocol;
	u16 pad;
};

/**
 * itun_tuple_reverse() - the tuple of the other direction
 * @in: a tuple
 * @out: its reverse; not @in itself
 */
static inline void itun_tuple_reverse(const struct itun_tuple *in,
				      struct itun_tuple *out)
{
	out->src = in->dst;
	out->dst = in->src;
	out->sport = in->dport;
	out->dport = in->sport;
	out->family = in->family;
	out->protocol = in->protocol;
	out->pad = 0;
}

#endif /* ITUN_WIRE_TUPLE_H */
