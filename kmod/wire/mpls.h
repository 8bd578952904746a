/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The MPLS label stack (RFC 3032): entries of four bytes, the outermost first,
 *
 *   byte 0    1         2         3
 *       LLLLLLLL LLLLLLLL LLLLTTTS ttl     [label, traffic class, bottom of stack]
 *
 * and behind the entry that has S the packet, which nothing names: IPv4 and
 * IPv6 are told by their first four bits, as Linux and others do, and so is an
 * associated channel (RFC 4385, RFC 5586), which begins with 0001.
 *
 * The mark is of bits of the bottom label. None of them is reserved for it: it
 * works where the operator keeps them zero in the labels that he hands out.
 *
 * The stack stands behind an Ethernet header, behind a GRE header of protocol
 * 0x8847 (RFC 4023), or behind a UDP header (RFC 7510).
 */
#ifndef ITUN_WIRE_MPLS_H
#define ITUN_WIRE_MPLS_H

#include "bytes.h"

#define ITUN_MPLS_HLEN		4	/* of an entry */
/* Deeper stacks are nobody's: Linux itself builds no more than 30. */
#define ITUN_MPLS_ENTRIES_MAX	16
#define ITUN_MPLS_STACK_MAX	(ITUN_MPLS_ENTRIES_MAX * ITUN_MPLS_HLEN)
#define ITUN_MPLS_LABEL_MAX	0xfffff
/* Labels below mean something of their own. */
#define ITUN_MPLS_LABEL_FIRST	16
/* Bits 4 to 13 from the label's first: a mark is any non-empty subset of them. */
#define ITUN_MPLS_ALLOWED	0x0ffc0
#define ITUN_MPLS_DEFAULT_MARK	0x08000

/* What carries the stack, as bits of itun_tunnel_header.options that no header
 * of GRE's has there; none for Ethernet.
 */
#define ITUN_MPLS_OVER_GRE	0x01
#define ITUN_MPLS_OVER_UDP	0x02
#define ITUN_MPLS_CARRIER	(ITUN_MPLS_OVER_GRE | ITUN_MPLS_OVER_UDP)

#define ITUN_MPLS_BOTTOM	0x01	/* S, of byte 2 */
#define ITUN_MPLS_TTL		64

/* The associated channel of readiness messages: version 0, and a type for
 * experiments (RFC 5586, section 10.3).
 */
#define ITUN_MPLS_CHANNEL_LEN	4
#define ITUN_MPLS_CHANNEL	0x10007ff8u

/**
 * itun_mpls_label() - read a label
 * @entry: an entry of a label stack
 *
 * Return: 20 bits, host order.
 */
static inline u32 itun_mpls_label(const u8 *entry)
{
	return wire_get_be24(entry) >> 4;
}

/**
 * itun_mpls_set_label() - write a label
 * @entry: an entry of a label stack; traffic class, S and TTL stay as they are
 * @label: 20 bits, host order
 */
static inline void itun_mpls_set_label(u8 *entry, u32 label)
{
	wire_put_be24(entry, label << 4 | (entry[2] & 0x0f));
}

/**
 * itun_mpls_bottom() - find the bottom of a label stack
 * @stack: its first entry
 * @avail: readable bytes of @stack
 *
 * Return: offset of the entry that has S; negative if none of the first
 * ITUN_MPLS_ENTRIES_MAX has it, or if the stack is cut short before.
 */
static inline int itun_mpls_bottom(const u8 *stack, u32 avail)
{
	u32 at;

	for (at = 0; at < ITUN_MPLS_STACK_MAX && avail - at >= ITUN_MPLS_HLEN;
	     at += ITUN_MPLS_HLEN)
		if (stack[at + 2] & ITUN_MPLS_BOTTOM)
			return (int)at;
	return -1;
}

/**
 * itun_mpls_markable() - can a label carry a mark?
 * @label: 20 bits, host order
 * @mark: the bits of a mark, or of several
 *
 * Return: false for a label with a meaning of its own, and for one that has
 * some of the bits already: their removal would make another label of it.
 */
static inline bool itun_mpls_markable(u32 label, u32 mark)
{
	return label >= ITUN_MPLS_LABEL_FIRST && !(label & mark);
}

/**
 * itun_mpls_protocol() - what is behind the bottom of a label stack
 * @first: the first byte there
 *
 * Return: the EtherType of IPv4 or IPv6, or 0.
 */
static inline u16 itun_mpls_protocol(u8 first)
{
	switch (first >> 4) {
	case 4:
		return 0x0800;
	case 6:
		return 0x86dd;
	default:
		return 0;
	}
}

/**
 * itun_mpls_is_plain() - the first look at a stack: is it one label that is not marked?
 * @stack: its first entry
 * @avail: readable bytes of @stack
 * @marks: the bits of all marks
 *
 * Return: true for one label without any of them, and IP behind it; false if a
 * closer look is due.
 */
static inline bool itun_mpls_is_plain(const u8 *stack, u32 avail, u32 marks)
{
	return avail > ITUN_MPLS_HLEN && stack[2] & ITUN_MPLS_BOTTOM &&
	       !(itun_mpls_label(stack) & marks) &&
	       (stack[ITUN_MPLS_HLEN] >> 4 == 4 || stack[ITUN_MPLS_HLEN] >> 4 == 6);
}

/**
 * itun_mpls_is_message() - is a readiness message behind the bottom?
 * @channel: four bytes
 *
 * Return: true if it says that it is: the channel is free for all experiments.
 */
static inline bool itun_mpls_is_message(const u8 *channel)
{
	return wire_get_be32(channel) == ITUN_MPLS_CHANNEL;
}

/**
 * itun_mpls_build() - write an entry that is the whole stack
 * @entry: four bytes
 * @label: 20 bits, host order
 * @ttl: its time to live
 */
static inline void itun_mpls_build(u8 *entry, u32 label, u8 ttl)
{
	wire_put_be32(entry, label << 12 | ITUN_MPLS_BOTTOM << 8 | ttl);
}

#endif /* ITUN_WIRE_MPLS_H */
