/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The Geneve header (RFC 8926):
 *
 *   byte 0        1         2      3      4      5      6      7
 *       VVLLLLLL  OCRRRRRR  type   type   VNI    VNI    VNI    R
 *
 * V is the version, 0; L the length of the options behind the header, in words
 * of four bytes. Receivers ignore the six R bits of byte 1.
 */
#ifndef ITUN_WIRE_GENEVE_H
#define ITUN_WIRE_GENEVE_H

#include "bytes.h"

#define ITUN_GENEVE_HLEN		8
#define ITUN_GENEVE_PORT		6081
/* The R bits of byte 1: a second mark is any non-empty subset of them. */
#define ITUN_GENEVE_ALLOWED		0x3f
#define ITUN_GENEVE_DEFAULT_MARK	0x01

/**
 * itun_geneve_version() - read the version
 * @h: a Geneve header
 *
 * Return: 0 in all that this format describes.
 */
static inline u8 itun_geneve_version(const u8 *h)
{
	return h[0] >> 6;
}

/**
 * itun_geneve_len() - the length of the header
 * @h: a Geneve header
 *
 * Return: bytes, options included: 8 to 260.
 */
static inline u16 itun_geneve_len(const u8 *h)
{
	return ITUN_GENEVE_HLEN + (h[0] & 0x3f) * 4;
}

/**
 * itun_geneve_flags() - read the reserved bits that may carry the mark
 * @h: a Geneve header
 *
 * Return: the six bits; 0 in an unmarked packet.
 */
static inline u8 itun_geneve_flags(const u8 *h)
{
	return h[1] & ITUN_GENEVE_ALLOWED;
}

/**
 * itun_geneve_set_flags() - write the reserved bits
 * @h: a Geneve header; its O and C bits stay as they are
 * @flags: six bits
 */
static inline void itun_geneve_set_flags(u8 *h, u8 flags)
{
	h[1] = (h[1] & 0xc0) | flags;
}

/**
 * itun_geneve_protocol() - read what is inside
 * @h: a Geneve header
 *
 * Return: an EtherType; 0x6558 for an Ethernet frame.
 */
static inline u16 itun_geneve_protocol(const u8 *h)
{
	return wire_get_be16(h + 2);
}

/**
 * itun_geneve_vni() - read the network identifier
 * @h: a Geneve header
 *
 * Return: 24 bits, host order.
 */
static inline u32 itun_geneve_vni(const u8 *h)
{
	return wire_get_be32(h + 4) >> 8;
}

/**
 * itun_geneve_set_vni() - write the network identifier
 * @h: a Geneve header
 * @vni: 24 bits, host order; the reserved byte behind them stays as it is
 */
static inline void itun_geneve_set_vni(u8 *h, u32 vni)
{
	wire_put_be24(h + 4, vni);
}

#endif /* ITUN_WIRE_GENEVE_H */
