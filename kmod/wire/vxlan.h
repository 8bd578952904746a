/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The VXLAN header (RFC 7348):
 *
 *   byte 0        1      2      3      4      5      6      7
 *       RRRRIRRR  R      R      R      VNI    VNI    VNI    R
 */
#ifndef ITUN_WIRE_VXLAN_H
#define ITUN_WIRE_VXLAN_H

#include "bytes.h"

#define ITUN_VXLAN_HLEN		8
#define ITUN_VXLAN_PORT		4789
/* The I bit: the identifier is valid. All that an unmarked packet has. */
#define ITUN_VXLAN_NORMAL	0x08
/* The R bits: a second mark is any non-empty subset of them. */
#define ITUN_VXLAN_ALLOWED	0xf7
#define ITUN_VXLAN_DEFAULT_MARK	0xf0

/**
 * itun_vxlan_flags() - read the flag byte
 * @h: a VXLAN header
 *
 * Return: all eight bits.
 */
static inline u8 itun_vxlan_flags(const u8 *h)
{
	return h[0];
}

/**
 * itun_vxlan_set_flags() - write the flag byte
 * @h: a VXLAN header
 * @flags: all eight bits
 */
static inline void itun_vxlan_set_flags(u8 *h, u8 flags)
{
	h[0] = flags;
}

/**
 * itun_vxlan_vni() - read the network identifier
 * @h: a VXLAN header
 *
 * Return: 24 bits, host order.
 */
static inline u32 itun_vxlan_vni(const u8 *h)
{
	/* All four bytes are there: one load, and no putting together. */
	return wire_get_be32(h + 4) >> 8;
}

/**
 * itun_vxlan_set_vni() - write the network identifier
 * @h: a VXLAN header
 * @vni: 24 bits, host order; the reserved byte behind them stays as it is
 */
static inline void itun_vxlan_set_vni(u8 *h, u32 vni)
{
	wire_put_be24(h + 4, vni);
}

#endif /* ITUN_WIRE_VXLAN_H */
