/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the stages need to know of a tunnel header, whatever its type: the field
 * that carries the mark, the network identifier, and where the inner packet
 * begins. A type is a header of its own in this directory, and a case in each
 * of these functions. MPLS has no header that would say so much: what its mark
 * is, is a question of what is accepted (see mpls.c of the module).
 */
#ifndef ITUN_WIRE_TUNNEL_H
#define ITUN_WIRE_TUNNEL_H

#include "geneve.h"
#include "gre.h"
#include "mpls.h"
#include "vxlan.h"

/* As enum ipvs_tun_tunnel_type of the netlink contract. */
enum itun_tunnel_type {
	ITUN_TUNNEL_VXLAN = 1,
	ITUN_TUNNEL_GRE = 2,
	ITUN_TUNNEL_MPLS = 3,
	ITUN_TUNNEL_GENEVE = 4,
};

/* An Ethernet frame inside (Transparent Ethernet Bridging). */
#define ITUN_PROTOCOL_TEB	0x6558
/* A label stack inside. */
#define ITUN_PROTOCOL_MPLS	0x8847

/**
 * struct itun_tunnel_header - a tunnel header, in host order
 * @id: network identifier: VNI or key
 * @flags: the field that carries the mark
 * @protocol: EtherType of what is inside, ITUN_PROTOCOL_TEB for a frame
 * @len: bytes of the header, options included
 * @options: which optional parts it has: GRE's C, K and S, where they are in byte 0;
 *           ITUN_GRE_NVGRE with them; of MPLS what carries it, and C, K and S of the
 *           GRE header before it
 * @edit_len: bytes of it that an edit can touch; they were there when it was parsed
 */
struct itun_tunnel_header {
	u32 id;
	u16 flags;
	u16 protocol;
	u16 len;
	u16 edit_len;
	u8 options;
};

/**
 * itun_tunnel_carrier() - what tells ways of one type apart
 * @type: enum itun_tunnel_type
 * @options: as itun_tunnel_header.options
 *
 * Return: for MPLS what carries it: ITUN_MPLS_OVER_GRE, ITUN_MPLS_OVER_UDP, or 0
 * for Ethernet; 0 for any other type.
 */
static inline u8 itun_tunnel_carrier(u8 type, u8 options)
{
	return type == ITUN_TUNNEL_MPLS ? options & ITUN_MPLS_CARRIER : 0;
}

/**
 * itun_tunnel_normal() - what the field that carries the mark has without one
 * @type: enum itun_tunnel_type
 *
 * Return: as itun_tunnel_header.flags.
 */
static inline u16 itun_tunnel_normal(u8 type)
{
	return type == ITUN_TUNNEL_VXLAN ? ITUN_VXLAN_NORMAL : 0;
}

/**
 * itun_tunnel_allowed() - the bits that a second mark may be of
 * @type: enum itun_tunnel_type
 *
 * Return: a mask; 0 for a type that is not known.
 */
static inline u32 itun_tunnel_allowed(u8 type)
{
	switch (type) {
	case ITUN_TUNNEL_VXLAN:
		return ITUN_VXLAN_ALLOWED;
	case ITUN_TUNNEL_GRE:
		return ITUN_GRE_ALLOWED;
	case ITUN_TUNNEL_MPLS:
		return ITUN_MPLS_ALLOWED;
	case ITUN_TUNNEL_GENEVE:
		return ITUN_GENEVE_ALLOWED;
	default:
		return 0;
	}
}

/* So many values has the field that carries the mark, for any type. */
#define ITUN_TUNNEL_FIELDS	1024

/**
 * itun_tunnel_field() - the number of a value of the field that carries the mark
 * @type: enum itun_tunnel_type
 * @flags: as itun_tunnel_header.flags
 *
 * Return: less than ITUN_TUNNEL_FIELDS, another one for each value.
 */
static inline u16 itun_tunnel_field(u8 type, u16 flags)
{
	return type == ITUN_TUNNEL_MPLS ? flags >> 6 : flags & 0xff;
}

/**
 * itun_tunnel_parse() - read a tunnel header
 * @type: enum itun_tunnel_type
 * @h: the header
 * @avail: readable bytes of @h
 * @header: filled
 *
 * Return: false if it is cut short, of another version, or of a kind that its
 * drivers refuse. A true one may still be longer than @avail: Geneve's options
 * are not looked at.
 */
static inline bool itun_tunnel_parse(u8 type, const u8 *h, u32 avail,
				     struct itun_tunnel_header *header)
{
	switch (type) {
	case ITUN_TUNNEL_VXLAN:
		if (avail < ITUN_VXLAN_HLEN)
			return false;
		header->id = itun_vxlan_vni(h);
		header->flags = itun_vxlan_flags(h);
		header->protocol = ITUN_PROTOCOL_TEB;
		header->len = ITUN_VXLAN_HLEN;
		header->edit_len = ITUN_VXLAN_HLEN;
		header->options = 0;
		return true;
	case ITUN_TUNNEL_GENEVE:
		if (avail < ITUN_GENEVE_HLEN || itun_geneve_version(h))
			return false;
		header->id = itun_geneve_vni(h);
		header->flags = itun_geneve_flags(h);
		header->protocol = itun_geneve_protocol(h);
		header->len = itun_geneve_len(h);
		header->edit_len = ITUN_GENEVE_HLEN;
		header->options = 0;
		return true;
	case ITUN_TUNNEL_GRE:
		if (avail < ITUN_GRE_HLEN)
			return false;
		header->len = itun_gre_len(h);
		if (!header->len || avail < header->len)
			return false;
		header->edit_len = header->len;
		header->options = h[0] & ITUN_GRE_PARTS;
		header->id = itun_gre_key(h);
		header->flags = itun_gre_flags(h);
		header->protocol = itun_gre_protocol(h);
		return true;
	default:
		return false;
	}
}

/**
 * itun_tunnel_is_nvgre() - may the key of a GRE tunnel be NVGRE's?
 * @options: its optional parts
 * @protocol: EtherType of what is inside
 *
 * Return: true if RFC 7637 has this form.
 */
static inline bool itun_tunnel_is_nvgre(u8 options, u16 protocol)
{
	return options == ITUN_GRE_KEY && protocol == ITUN_PROTOCOL_TEB;
}

/**
 * itun_tunnel_read_nvgre() - take a GRE header for NVGRE's, where its form is that
 * @header: as itun_tunnel_parse() has read it; then its identifier is the VSID
 */
static inline void itun_tunnel_read_nvgre(struct itun_tunnel_header *header)
{
	if (!itun_tunnel_is_nvgre(header->options, header->protocol))
		return;
	header->id >>= ITUN_GRE_FLOWID_BITS;
	header->options |= ITUN_GRE_NVGRE;
}

/**
 * itun_tunnel_is_cut() - why could a header not be parsed?
 * @type: enum itun_tunnel_type
 * @h: the header
 * @avail: readable bytes of @h; for GRE at least ITUN_GRE_HLEN
 *
 * Return: true if bytes are missing; false if it is none of ours.
 */
static inline bool itun_tunnel_is_cut(u8 type, const u8 *h, u32 avail)
{
	return avail < (type == ITUN_TUNNEL_GRE ? itun_gre_len(h) : ITUN_VXLAN_HLEN);
}

/**
 * itun_tunnel_set_flags() - write the field that carries the mark
 * @type: enum itun_tunnel_type but MPLS, see itun_tunnel_set_mark()
 * @h: the header
 * @flags: as itun_tunnel_header.flags
 *
 * For every type it is in the first two bytes.
 */
static inline void itun_tunnel_set_flags(u8 type, u8 *h, u16 flags)
{
	switch (type) {
	case ITUN_TUNNEL_VXLAN:
		itun_vxlan_set_flags(h, flags);
		break;
	case ITUN_TUNNEL_GRE:
		itun_gre_set_flags(h, flags);
		break;
	case ITUN_TUNNEL_GENEVE:
		itun_geneve_set_flags(h, flags);
		break;
	}
}

/**
 * itun_tunnel_set_mark() - write the field that carries the mark
 * @type: enum itun_tunnel_type
 * @h: the header; of MPLS the bottom entry of the label stack
 * @id: network identifier, which MPLS has in the same field
 * @flags: as itun_tunnel_header.flags
 *
 * For every type it is in the first two bytes.
 */
static inline void itun_tunnel_set_mark(u8 type, u8 *h, u32 id, u16 flags)
{
	if (type == ITUN_TUNNEL_MPLS)
		itun_mpls_set_label(h, id | flags);
	else
		itun_tunnel_set_flags(type, h, flags);
}

/**
 * itun_tunnel_id_offset() - where the identifier's word is
 * @type: enum itun_tunnel_type
 * @h: the header
 *
 * Return: offset of the four bytes that itun_tunnel_set_id() may change.
 */
static inline u16 itun_tunnel_id_offset(u8 type, const u8 *h)
{
	switch (type) {
	case ITUN_TUNNEL_GRE:
		return itun_gre_key_offset(h);
	case ITUN_TUNNEL_MPLS:
		return 0;
	default:
		return 4;
	}
}

/**
 * itun_tunnel_set_id() - write the network identifier
 * @type: enum itun_tunnel_type
 * @h: the whole header
 * @options: as itun_tunnel_header.options; NVGRE's FlowID stays as it is
 * @id: host order
 *
 * Return: false if the header has no place for it.
 */
static inline bool itun_tunnel_set_id(u8 type, u8 *h, u8 options, u32 id)
{
	switch (type) {
	case ITUN_TUNNEL_VXLAN:
		itun_vxlan_set_vni(h, id);
		return true;
	case ITUN_TUNNEL_GRE:
		if (!(options & ITUN_GRE_NVGRE))
			return itun_gre_set_key(h, id);
		itun_gre_set_vsid(h, id);
		return true;
	case ITUN_TUNNEL_GENEVE:
		itun_geneve_set_vni(h, id);
		return true;
	case ITUN_TUNNEL_MPLS:
		itun_mpls_set_label(h, id);
		return true;
	default:
		return false;
	}
}

/**
 * itun_tunnel_build_gre() - write a GRE header
 * @h: 8 bytes
 * @protocol: EtherType of what is inside
 * @key: 0 for none
 *
 * Return: the header's length, at most 8.
 */
static inline u16 itun_tunnel_build_gre(u8 *h, u16 protocol, u32 key)
{
	memset(h, 0, 8);
	wire_put_be16(h + 2, protocol);
	if (!key)
		return ITUN_GRE_HLEN;
	h[0] = ITUN_GRE_KEY;
	itun_gre_set_key(h, key);
	return 8;
}

/**
 * itun_tunnel_build() - write a header with an Ethernet frame behind it
 * @type: enum itun_tunnel_type
 * @h: 8 bytes
 * @options: ITUN_GRE_NVGRE for a header of NVGRE, with a FlowID of 0
 * @id: network identifier; GRE has a key unless it is 0
 * @flags: the field that carries the mark
 *
 * MPLS has the channel of readiness messages behind the label: nothing else with
 * an Ethernet frame is sent in it.
 *
 * Return: the header's length, at most 8.
 */
static inline u16 itun_tunnel_build(u8 type, u8 *h, u8 options, u32 id, u16 flags)
{
	u16 len = 8;

	memset(h, 0, 8);
	if (type == ITUN_TUNNEL_MPLS) {
		itun_mpls_build(h, id | flags, ITUN_MPLS_TTL);
		wire_put_be32(h + ITUN_MPLS_HLEN, ITUN_MPLS_CHANNEL);
		return len;
	}
	if (type == ITUN_TUNNEL_GRE) {
		if (options & ITUN_GRE_NVGRE)
			id <<= ITUN_GRE_FLOWID_BITS;
		len = itun_tunnel_build_gre(h, ITUN_PROTOCOL_TEB, id);
		itun_gre_set_flags(h, flags);
		return len;
	}
	if (type == ITUN_TUNNEL_GENEVE)
		wire_put_be16(h + 2, ITUN_PROTOCOL_TEB);
	itun_tunnel_set_flags(type, h, flags);
	itun_tunnel_set_id(type, h, options, id);
	return len;
}

#endif /* ITUN_WIRE_TUNNEL_H */
