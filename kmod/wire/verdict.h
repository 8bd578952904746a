/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parsers of inner packets find, and the names that they share.
 */
#ifndef ITUN_WIRE_VERDICT_H
#define ITUN_WIRE_VERDICT_H

#include "bytes.h"
#include "tuple.h"

#define ITUN_ETH_HLEN		14
#define ITUN_ETH_IPV4		0x0800
#define ITUN_ETH_IPV6		0x86dd
#define ITUN_ETH_VLAN		0x8100
#define ITUN_ETH_QINQ		0x88a8
#define ITUN_ETH_PROBE		0x88b5

#define ITUN_PROTO_HOPOPTS	0
#define ITUN_PROTO_ICMP		1
#define ITUN_PROTO_TCP		6
#define ITUN_PROTO_UDP		17
#define ITUN_PROTO_DCCP		33
#define ITUN_PROTO_ROUTING	43
#define ITUN_PROTO_FRAGMENT	44
#define ITUN_PROTO_AH		51
#define ITUN_PROTO_ICMPV6	58
#define ITUN_PROTO_NONE		59
#define ITUN_PROTO_DSTOPTS	60
#define ITUN_PROTO_SCTP		132
#define ITUN_PROTO_MOBILITY	135
#define ITUN_PROTO_UDPLITE	136

#define ITUN_TCP_FIN		0x01
#define ITUN_TCP_SYN		0x02
#define ITUN_TCP_RST		0x04
#define ITUN_TCP_ACK		0x10

#define ITUN_ICMP_ECHO_REPLY	0
#define ITUN_ICMP_ECHO		8
#define ITUN_ICMPV6_ECHO	128
#define ITUN_ICMPV6_ECHO_REPLY	129

/**
 * enum itun_inner_verdict - what the inner packet is
 * @ITUN_INNER_FLOW: the tuple is valid
 * @ITUN_INNER_FRAGMENT: an IP fragment other than the first: the tuple has the
 *	addresses and no ports. Its first fragment has the same addresses and
 *	fragment_id; in IPv4 also the same protocol, in IPv6 not necessarily
 * @ITUN_INNER_ICMP_ERROR: an ICMP or ICMPv6 error: the tuple has the addresses
 *	and no ports; the packet that it quotes starts at l4_offset + 8
 * @ITUN_INNER_NOT_FLOW: well-formed as far as was looked, and never a session:
 *	other EtherTypes, broadcast, multicast, loopback and unspecified
 *	addresses, neighbour discovery, ICMP other than echo
 * @ITUN_INNER_PROBE: EtherType 0x88b5 without a VLAN tag, see probe.h
 * @ITUN_INNER_SHORT: more bytes must be readable, need says how many
 * @ITUN_INNER_BAD_ETHERNET: less than an Ethernet header, or a source MAC that
 *	is a group address or zero
 * @ITUN_INNER_BAD_VLAN: a tag cut short, or more than two
 * @ITUN_INNER_BAD_IPV4: version, header length, total length or options
 * @ITUN_INNER_BAD_IPV6: version or payload length
 * @ITUN_INNER_BAD_EXTENSION: an IPv6 extension header is cut short, out of
 *	place or repeated, its options run beyond it, or the chain is too long
 * @ITUN_INNER_BAD_TRANSPORT: the transport header is cut short, or its length
 *	fields contradict the packet
 */
enum itun_inner_verdict {
	ITUN_INNER_FLOW,
	ITUN_INNER_FRAGMENT,
	ITUN_INNER_ICMP_ERROR,
	ITUN_INNER_NOT_FLOW,
	ITUN_INNER_PROBE,
	ITUN_INNER_SHORT,
	ITUN_INNER_BAD_ETHERNET,
	ITUN_INNER_BAD_VLAN,
	ITUN_INNER_BAD_IPV4,
	ITUN_INNER_BAD_IPV6,
	ITUN_INNER_BAD_EXTENSION,
	ITUN_INNER_BAD_TRANSPORT,
};

/**
 * itun_inner_has_addresses() - are a packet's addresses and protocol known?
 * @verdict: of the parser
 *
 * Return: true for flows, and for later fragments and ICMP errors, which have no ports.
 */
static inline bool itun_inner_has_addresses(enum itun_inner_verdict verdict)
{
	return verdict == ITUN_INNER_FLOW || verdict == ITUN_INNER_FRAGMENT ||
	       verdict == ITUN_INNER_ICMP_ERROR;
}

/**
 * struct itun_inner - what was found
 * @tuple: valid with FLOW, FRAGMENT and ICMP_ERROR only. An echo request has
 *	its id as sport and its ICMP type as dport; an echo reply has the
 *	*request's* type as sport and the id as dport: it is the reverse
 * @l3_offset: IP header, from the first byte given; 0 before it is reached
 * @l4_offset: transport header, likewise
 * @ethertype: host order, after VLAN tags
 * @vlan_tags: 0 to 2
 * @tcp_flags: 14th byte of the TCP header, 0 otherwise
 * @opens: this packet opens a flow, so it is never a reply: TCP SYN without
 *	ACK, SCTP INIT, DCCP-Request, ICMP and ICMPv6 echo request
 * @fragment: the first of several fragments
 * @icmp_type: ICMP or ICMPv6 type, 0 otherwise
 * @fingerprint: differs, as a rule, between two packets of one flow, and is the
 *	same in copies of one packet
 * @related: set by whoever has replaced the tuple of an ICMP error by that of the
 *	packet that it is about, reversed
 * @later: set by whoever looks a later fragment up: its ports are to be found
 * @fragment_id: IPv4 identification, or that of an IPv6 fragment header
 * @need: with SHORT: bytes from the start that must be readable for the next
 *	attempt. It grows from one attempt to the next and never exceeds total
 */
struct itun_inner {
	struct itun_tuple tuple;
	u16 l3_offset;
	u16 l4_offset;
	u16 ethertype;
	u8 vlan_tags;
	u8 tcp_flags;
	bool opens;
	bool fragment;
	bool related;
	bool later;
	u8 icmp_type;
	u32 fingerprint;
	u32 fragment_id;
	u32 need;
};

/**
 * itun_inner_reset() - empty everything but the tuple
 * @inner: what will be filled in
 */
static inline void itun_inner_reset(struct itun_inner *inner)
{
	inner->l3_offset = 0;
	inner->l4_offset = 0;
	inner->ethertype = 0;
	inner->vlan_tags = 0;
	inner->tcp_flags = 0;
	inner->opens = false;
	inner->fragment = false;
	inner->related = false;
	inner->later = false;
	inner->icmp_type = 0;
	inner->fingerprint = 0;
	inner->fragment_id = 0;
	inner->need = 0;
}

/**
 * itun_inner_short() - ask for more readable bytes
 * @inner: gets the number
 * @need: bytes from the start
 *
 * Return: ITUN_INNER_SHORT.
 */
static inline enum itun_inner_verdict
itun_inner_short(struct itun_inner *inner, u32 need)
{
	inner->need = need;
	return ITUN_INNER_SHORT;
}

/**
 * itun_inner_mix() - add a word to a fingerprint
 * @hash: the fingerprint so far
 * @word: what to add
 *
 * Fingerprints are compared, never used as an index: one multiplication by an
 * odd number is enough, a change of one word always changes the result.
 *
 * Return: the new fingerprint.
 */
static inline u32 itun_inner_mix(u32 hash, u32 word)
{
	return (hash ^ word) * 0x9e3779b1u;
}

#endif /* ITUN_WIRE_VERDICT_H */
