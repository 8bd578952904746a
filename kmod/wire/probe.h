/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The readiness probe and its answer: an Ethernet frame inside the tunnel,
 * big-endian throughout.
 *
 *   offset  bytes
 *        0      6  destination MAC
 *        6      6  source MAC
 *       12      2  EtherType 0x88b5 (IEEE 802, local experimental)
 *       14      4  magic "ITUP"
 *       18      1  version of this protocol
 *       19      1  kind: probe, answer, not ready
 *       20      2  length: bytes from the magic on, without the padding
 *       22      8  nonce: an answer repeats its probe's
 *       30      4  tunnel types that the sender handles, a mask
 *       34      1  type of the tunnel that this frame is in
 *       35      1  number of second marks that the sender accepts
 *       36      2  zero
 *       38     64  those second marks, 32 bits each, the unused ones zero
 *      102     32  version of the sender's software, NUL-terminated
 *      134     26  zero
 *      160
 *
 * Every version keeps the bytes up to the nonce and the size of the frame: the
 * answer to a probe is never larger than the probe.
 */
#ifndef ITUN_WIRE_PROBE_H
#define ITUN_WIRE_PROBE_H

#include "bytes.h"

#define ITUN_PROBE_ETHERTYPE	0x88b5
#define ITUN_PROBE_MAGIC	0x49545550u
#define ITUN_PROBE_PROTOCOL	1
#define ITUN_PROBE_MARKS_MAX	16
#define ITUN_PROBE_VERSION_LEN	32
#define ITUN_PROBE_FRAME_LEN	160

#define ITUN_PROBE_OFF_DST	0
#define ITUN_PROBE_OFF_SRC	6
#define ITUN_PROBE_OFF_TYPE	12
#define ITUN_PROBE_OFF_MAGIC	14
#define ITUN_PROBE_OFF_PROTOCOL	18
#define ITUN_PROBE_OFF_KIND	19
#define ITUN_PROBE_OFF_LENGTH	20
#define ITUN_PROBE_OFF_NONCE	22
#define ITUN_PROBE_OFF_TUNNELS	30
#define ITUN_PROBE_OFF_TUNNEL	34
#define ITUN_PROBE_OFF_COUNT	35
#define ITUN_PROBE_OFF_MARKS	38
#define ITUN_PROBE_OFF_VERSION	102
#define ITUN_PROBE_OFF_END	134

/* What the length field counts: all of version 1, and the least of any. */
#define ITUN_PROBE_LENGTH	(ITUN_PROBE_OFF_END - ITUN_PROBE_OFF_MAGIC)
#define ITUN_PROBE_LENGTH_MIN	(ITUN_PROBE_OFF_TUNNELS - ITUN_PROBE_OFF_MAGIC)

/**
 * enum itun_probe_kind - what the frame says
 * @ITUN_PROBE_KIND_PROBE: are you ready?
 * @ITUN_PROBE_KIND_ANSWER: I am
 * @ITUN_PROBE_KIND_NOT_READY: from now on I am not
 */
enum itun_probe_kind {
	ITUN_PROBE_KIND_PROBE = 1,
	ITUN_PROBE_KIND_ANSWER = 2,
	ITUN_PROBE_KIND_NOT_READY = 3,
};

/**
 * struct itun_probe - a probe, an answer or a "not ready", in host order
 * @nonce: chosen by the prober, repeated by the answer
 * @tunnels: tunnel types that the sender handles, a mask
 * @accept_marks: second marks that the sender accepts
 * @dst: destination MAC
 * @src: source MAC
 * @protocol_version: ITUN_PROBE_PROTOCOL; with another one only the MACs,
 *	@kind and @nonce were read and the rest is zero
 * @kind: enum itun_probe_kind
 * @tunnel_type: type of the tunnel that the frame is in
 * @accept_count: how many of @accept_marks are in use
 * @version: version of the sender's software, NUL-terminated
 */
struct itun_probe {
	u64 nonce;
	u32 tunnels;
	u32 accept_marks[ITUN_PROBE_MARKS_MAX];
	u8 dst[6];
	u8 src[6];
	u8 protocol_version;
	u8 kind;
	u8 tunnel_type;
	u8 accept_count;
	char version[ITUN_PROBE_VERSION_LEN];
};

/**
 * itun_probe_build() - write a probe frame
 * @frame: ITUN_PROBE_FRAME_LEN bytes, all of which are written
 * @probe: what to write; marks beyond the sixteenth, and what exceeds the room
 *	for the version with its NUL, are left out
 */
static inline void itun_probe_build(u8 *frame, const struct itun_probe *probe)
{
	u32 count = probe->accept_count;
	u32 i;

	if (count > ITUN_PROBE_MARKS_MAX)
		count = ITUN_PROBE_MARKS_MAX;
	memset(frame, 0, ITUN_PROBE_FRAME_LEN);
	memcpy(frame + ITUN_PROBE_OFF_DST, probe->dst, 6);
	memcpy(frame + ITUN_PROBE_OFF_SRC, probe->src, 6);
	wire_put_be16(frame + ITUN_PROBE_OFF_TYPE, ITUN_PROBE_ETHERTYPE);
	wire_put_be32(frame + ITUN_PROBE_OFF_MAGIC, ITUN_PROBE_MAGIC);
	frame[ITUN_PROBE_OFF_PROTOCOL] = probe->protocol_version;
	frame[ITUN_PROBE_OFF_KIND] = probe->kind;
	wire_put_be16(frame + ITUN_PROBE_OFF_LENGTH, ITUN_PROBE_LENGTH);
	wire_put_be64(frame + ITUN_PROBE_OFF_NONCE, probe->nonce);
	wire_put_be32(frame + ITUN_PROBE_OFF_TUNNELS, probe->tunnels);
	frame[ITUN_PROBE_OFF_TUNNEL] = probe->tunnel_type;
	frame[ITUN_PROBE_OFF_COUNT] = (u8)count;
	for (i = 0; i < count; i++)
		wire_put_be32(frame + ITUN_PROBE_OFF_MARKS + 4 * i,
			      probe->accept_marks[i]);
	for (i = 0; i < ITUN_PROBE_VERSION_LEN - 1 && probe->version[i]; i++)
		frame[ITUN_PROBE_OFF_VERSION + i] = (u8)probe->version[i];
}

/**
 * itun_probe_parse() - read a probe frame
 * @frame: @len readable bytes, starting at the destination MAC
 * @len: how many; more than ITUN_PROBE_FRAME_LEN is allowed, less is not, so
 *	that the answer to whatever was accepted here is not larger
 * @probe: filled in; see protocol_version there for unknown versions
 *
 * The version string of an accepted frame is printable ASCII.
 *
 * Return: 0, or -1 when this is no probe, or a malformed one.
 */
static inline int itun_probe_parse(const u8 *frame, u32 len,
				   struct itun_probe *probe)
{
	u32 length;
	u32 i;

	if (len < ITUN_PROBE_FRAME_LEN)
		return -1;
	if (wire_get_be16(frame + ITUN_PROBE_OFF_TYPE) != ITUN_PROBE_ETHERTYPE)
		return -1;
	if (wire_get_be32(frame + ITUN_PROBE_OFF_MAGIC) != ITUN_PROBE_MAGIC)
		return -1;
	length = wire_get_be16(frame + ITUN_PROBE_OFF_LENGTH);
	if (length < ITUN_PROBE_LENGTH_MIN ||
	    length > len - ITUN_PROBE_OFF_MAGIC)
		return -1;

	memset(probe, 0, sizeof(*probe));
	memcpy(probe->dst, frame + ITUN_PROBE_OFF_DST, 6);
	memcpy(probe->src, frame + ITUN_PROBE_OFF_SRC, 6);
	probe->protocol_version = frame[ITUN_PROBE_OFF_PROTOCOL];
	probe->kind = frame[ITUN_PROBE_OFF_KIND];
	probe->nonce = wire_get_be64(frame + ITUN_PROBE_OFF_NONCE);
	if (probe->protocol_version != ITUN_PROBE_PROTOCOL)
		return 0;

	if (length != ITUN_PROBE_LENGTH)
		return -1;
	if (probe->kind < ITUN_PROBE_KIND_PROBE ||
	    probe->kind > ITUN_PROBE_KIND_NOT_READY)
		return -1;
	if (frame[ITUN_PROBE_OFF_COUNT] > ITUN_PROBE_MARKS_MAX)
		return -1;
	probe->tunnels = wire_get_be32(frame + ITUN_PROBE_OFF_TUNNELS);
	probe->tunnel_type = frame[ITUN_PROBE_OFF_TUNNEL];
	probe->accept_count = frame[ITUN_PROBE_OFF_COUNT];
	for (i = 0; i < probe->accept_count; i++)
		probe->accept_marks[i] =
			wire_get_be32(frame + ITUN_PROBE_OFF_MARKS + 4 * i);
	for (i = 0; i < ITUN_PROBE_VERSION_LEN; i++) {
		u8 c = frame[ITUN_PROBE_OFF_VERSION + i];

		if (!c)
			return 0;
		if (c < 0x20 || c > 0x7e)
			return -1;
		probe->version[i] = (char)c;
	}
	return -1;
}

#endif /* ITUN_WIRE_PROBE_H */
