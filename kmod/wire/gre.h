/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The GRE header (RFC 2784, RFC 2890):
 *
 *   byte 0        1         2      3
 *       CRKSsAAA  FFFFFVVV  type   type    [C: checksum, 2 bytes, and 2 more]
 *                                          [K: key, 4 bytes] [S: sequence, 4 bytes]
 *
 * V is the version, 0. F are the Flags, bits 8 to 12 of the first word, which
 * are zero. Linux ignores the first of them, the default mark; the other four
 * it takes for a part of the version in IPv4, and drops the packet
 * (gre_demux.c), in IPv6 not. R (routing), s and A (recursion) are of the older
 * RFC 1701; with them a header is left alone.
 *
 * NVGRE (RFC 7637) is GRE with an Ethernet frame inside and K alone set, whose key
 * is a network's number of 24 bits, the VSID, and eight bits that may differ
 * from flow to flow, the FlowID:
 *
 *   byte 0        1         2      3        4  5  6  7
 *       00100000  FFFFF000  0x65   0x58     VSID     FlowID
 *
 * Nothing in a packet tells it from GRE whose whole key is the number: that is
 * a setting.
 */
#ifndef ITUN_WIRE_GRE_H
#define ITUN_WIRE_GRE_H

#include "bytes.h"

#define ITUN_GRE_HLEN		4	/* without options */
#define ITUN_GRE_HLEN_MAX	16
/* The F bits: a second mark is any non-empty subset of them. */
#define ITUN_GRE_ALLOWED	0xf8
#define ITUN_GRE_DEFAULT_MARK	0x80

#define ITUN_GRE_CHECKSUM	0x80	/* of byte 0 */
#define ITUN_GRE_KEY		0x20
#define ITUN_GRE_SEQUENCE	0x10
#define ITUN_GRE_OLD		0x4f	/* R, s, A */
#define ITUN_GRE_VERSION	0x07	/* of byte 1 */
#define ITUN_GRE_PARTS		(ITUN_GRE_CHECKSUM | ITUN_GRE_KEY | ITUN_GRE_SEQUENCE)

/* Beside the parts that a header has: its key is NVGRE's. RFC 1701 has this bit
 * of byte 0, so that no header taken for GRE can have it.
 */
#define ITUN_GRE_NVGRE		0x08
/* A FlowID is so many bits of the key. */
#define ITUN_GRE_FLOWID_BITS	8

/**
 * itun_gre_len() - the length of the header
 * @h: the first four bytes of a GRE header
 *
 * Return: bytes: 4 to 16; 0 for a header of another version, or with the parts
 * of RFC 1701.
 */
static inline u16 itun_gre_len(const u8 *h)
{
	u16 len = ITUN_GRE_HLEN;

	if ((h[0] & ITUN_GRE_OLD) || (h[1] & ITUN_GRE_VERSION))
		return 0;
	if (h[0] & ITUN_GRE_CHECKSUM)
		len += 4;
	if (h[0] & ITUN_GRE_KEY)
		len += 4;
	if (h[0] & ITUN_GRE_SEQUENCE)
		len += 4;
	return len;
}

/**
 * itun_gre_flags() - read the Flags, which may carry the mark
 * @h: a GRE header
 *
 * Return: the five bits, where they are in the first 16-bit word; 0 in an
 * unmarked packet.
 */
static inline u8 itun_gre_flags(const u8 *h)
{
	return h[1] & ITUN_GRE_ALLOWED;
}

/**
 * itun_gre_set_flags() - write the Flags
 * @h: a GRE header; the version stays as it is
 * @flags: five bits, as itun_gre_flags() has them
 */
static inline void itun_gre_set_flags(u8 *h, u8 flags)
{
	h[1] = (h[1] & ITUN_GRE_VERSION) | flags;
}

/**
 * itun_gre_protocol() - read what is inside
 * @h: a GRE header
 *
 * Return: an EtherType; 0x6558 for an Ethernet frame.
 */
static inline u16 itun_gre_protocol(const u8 *h)
{
	return wire_get_be16(h + 2);
}

/* Where the key is, if there is one: behind the checksum. */
static inline u16 itun_gre_key_offset(const u8 *h)
{
	return h[0] & ITUN_GRE_CHECKSUM ? 8 : 4;
}

/**
 * itun_gre_key() - read the key
 * @h: a whole GRE header
 *
 * Return: 32 bits, host order; 0 without one.
 */
static inline u32 itun_gre_key(const u8 *h)
{
	return h[0] & ITUN_GRE_KEY ? wire_get_be32(h + itun_gre_key_offset(h)) : 0;
}

/**
 * itun_gre_set_key() - write the key
 * @h: a whole GRE header
 * @key: 32 bits, host order
 *
 * Return: false if the header has none.
 */
static inline bool itun_gre_set_key(u8 *h, u32 key)
{
	if (!(h[0] & ITUN_GRE_KEY))
		return false;
	wire_put_be32(h + itun_gre_key_offset(h), key);
	return true;
}

/**
 * itun_gre_set_vsid() - write the number of NVGRE's network
 * @h: a GRE header with a key and without a checksum
 * @vsid: 24 bits, host order; the FlowID stays as it is
 */
static inline void itun_gre_set_vsid(u8 *h, u32 vsid)
{
	wire_put_be24(h + ITUN_GRE_HLEN, vsid);
}

#endif /* ITUN_WIRE_GRE_H */
