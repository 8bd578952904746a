// SPDX-License-Identifier: GPL-2.0
// All parsers of kmod/wire over arbitrary bytes, with what must hold whatever
// the bytes are. Every packet lies in a heap buffer of exactly the readable
// size, so that the sanitizer sees a read beyond it.
//
// Input: one byte that selects (bits 0-2) and says how the frame goes on beyond
// what is readable (bits 3-7), then the packet. For a tunnel packet bits 3-4 are
// its type and bits 5-7 say how it goes on; the byte behind is the mark. For a
// packet of MPLS, too, that byte is.
#include "embedded.h"
#include "glimpse.h"
#include "inner.h"
#include "mpls.h"
#include "probe.h"
#include "tunnel.h"
#include "tuple.h"
#include "vxlan.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			std::fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, __LINE__,         \
				     #condition);                                                  \
			std::abort();                                                              \
		}                                                                                  \
	} while (0)

namespace
{

class Exact
{
public:
	Exact(const std::uint8_t *from, std::size_t size) : data_(new std::uint8_t[size])
	{
		if (size)
			std::memcpy(data_.get(), from, size);
	}

	std::uint8_t *get() const { return data_.get(); }

private:
	std::unique_ptr<std::uint8_t[]> data_;
};

bool same(const itun_tuple &one, const itun_tuple &two)
{
	return std::memcmp(&one, &two, sizeof(one)) == 0;
}

// All that the parser promises to fill in.
bool same(const itun_inner &one, const itun_inner &two)
{
	return same(one.tuple, two.tuple) && one.l3_offset == two.l3_offset &&
	       one.l4_offset == two.l4_offset && one.ethertype == two.ethertype &&
	       one.vlan_tags == two.vlan_tags && one.tcp_flags == two.tcp_flags &&
	       one.opens == two.opens && one.fragment == two.fragment &&
	       one.icmp_type == two.icmp_type && one.fingerprint == two.fingerprint &&
	       one.fragment_id == two.fragment_id;
}

bool has_tuple(itun_inner_verdict verdict)
{
	return verdict == ITUN_INNER_FLOW || verdict == ITUN_INNER_FRAGMENT ||
	       verdict == ITUN_INNER_ICMP_ERROR;
}

bool unicast(const itun_addr &addr, u8 family)
{
	static const u8 none[16] = {};

	if (!std::memcmp(addr.bytes, none, 16))
		return false;
	if (family == 6)
		return addr.bytes[0] != 0xff;
	return (addr.bytes[0] & 0xf0) != 0xe0 && addr.bytes[0] != 127;
}

void check_tuple(const itun_inner &inner, itun_inner_verdict verdict)
{
	static const u8 none[12] = {};
	const itun_tuple &tuple = inner.tuple;
	itun_tuple once, twice;

	MUST(tuple.family == 4 || tuple.family == 6);
	MUST(inner.ethertype == (tuple.family == 4 ? 0x0800 : 0x86dd));
	MUST(tuple.pad == 0);
	MUST(unicast(tuple.src, tuple.family));
	MUST(unicast(tuple.dst, tuple.family));
	if (tuple.family == 4) {
		MUST(!std::memcmp(tuple.src.bytes + 4, none, 12));
		MUST(!std::memcmp(tuple.dst.bytes + 4, none, 12));
	}
	if (verdict != ITUN_INNER_FLOW) {
		MUST(tuple.sport == 0 && tuple.dport == 0);
		MUST(!inner.opens);
	}
	itun_tuple_reverse(&tuple, &once);
	itun_tuple_reverse(&once, &twice);
	MUST(same(tuple, twice));
}

using Parse = itun_inner_verdict (*)(const u8 *data, u32 avail, u32 total, itun_inner *inner);

itun_inner_verdict parse_ethernet(const u8 *data, u32 avail, u32 total, itun_inner *inner)
{
	return itun_inner_parse_ethernet(data, avail, total, inner);
}

itun_inner_verdict parse_ipv4(const u8 *data, u32 avail, u32 total, itun_inner *inner)
{
	return itun_inner_parse_ip(data, avail, total, 0x0800, inner);
}

itun_inner_verdict parse_ipv6(const u8 *data, u32 avail, u32 total, itun_inner *inner)
{
	return itun_inner_parse_ip(data, avail, total, 0x86dd, inner);
}

void check_inner(Parse parse, const std::uint8_t *bytes, u32 avail, u32 total)
{
	const Exact exact(bytes, avail);
	itun_inner inner, again;

	// Whatever was in the struct before has no influence.
	std::memset(static_cast<void *>(&inner), 0, sizeof(inner));
	std::memset(static_cast<void *>(&again), 0x01, sizeof(again));
	const auto verdict = parse(exact.get(), avail, total, &inner);

	MUST(verdict >= ITUN_INNER_FLOW && verdict <= ITUN_INNER_BAD_TRANSPORT);
	MUST(parse(exact.get(), avail, total, &again) == verdict);
	MUST(inner.vlan_tags <= 2);
	if (verdict == ITUN_INNER_SHORT) {
		MUST(inner.need > avail && inner.need <= total);
		return;
	}
	MUST(inner.l3_offset <= avail);
	MUST(inner.l4_offset <= avail);
	if (!has_tuple(verdict))
		return;
	MUST(inner.l4_offset >= inner.l3_offset + (inner.tuple.family == 4 ? 20 : 40));
	MUST(same(inner, again));
	check_tuple(inner, verdict);
}

// From any number of readable bytes "need" leads to the verdict of the whole.
void check_inner_by_and_by(Parse parse, const std::uint8_t *bytes, u32 total, u32 avail)
{
	const Exact whole(bytes, total);
	itun_inner inner = {}, final = {};
	const auto wanted = parse(whole.get(), total, total, &final);
	itun_inner_verdict verdict;

	MUST(wanted != ITUN_INNER_SHORT);
	for (;;) {
		const Exact exact(bytes, avail);

		verdict = parse(exact.get(), avail, total, &inner);
		if (verdict != ITUN_INNER_SHORT)
			break;
		MUST(inner.need > avail && inner.need <= total);
		avail = inner.need;
	}
	MUST(verdict == wanted);
	if (has_tuple(verdict))
		MUST(same(inner, final));
}

// What an error is about: nothing beyond its bytes is read, and what is filled in is whole.
void check_embedded(const std::uint8_t *bytes, u32 count)
{
	const u32 avail = std::min<u32>(count, ITUN_EMBEDDED_MAX);
	const Exact exact(bytes, avail);

	for (const u8 family : {4, 6}) {
		itun_tuple tuple, again;

		std::memset(static_cast<void *>(&again), 0x5a, sizeof(again));
		if (!itun_embedded_parse(exact.get(), avail, family, &tuple))
			continue;
		MUST(tuple.family == family && tuple.pad == 0);
		MUST(avail >= (family == 4 ? 20u : 40u));
		MUST(itun_embedded_parse(exact.get(), avail, family, &again));
		MUST(same(tuple, again));
	}
}

// What the first look takes for the source is what the parser says, or the
// filter before the session table would hide a reply.
void check_glimpse(const std::uint8_t *bytes, u32 avail, u32 total)
{
	const Exact exact(bytes, avail);
	itun_inner inner = {};
	__be32 src = 0;
	__be16 sport = 0;

	if (!itun_glimpse_ethernet(exact.get(), avail, &src, &sport))
		return;
	if (itun_inner_parse_ethernet(exact.get(), avail, total, &inner) != ITUN_INNER_FLOW)
		return;
	MUST(inner.tuple.family == 4);
	MUST(inner.tuple.src.ip == src && inner.tuple.sport == sport);
}

// What is taken for usual the whole parser finds the same in.
void check_usual(const std::uint8_t *bytes, u32 avail, u32 total)
{
	const Exact exact(bytes, avail);
	itun_inner usual, whole = {};

	std::memset(static_cast<void *>(&usual), 0x55, sizeof(usual));
	if (!itun_inner_parse_usual(exact.get(), avail, total, &usual))
		return;
	MUST(itun_inner_parse_ip(exact.get(), avail, total, 0x0800, &whole) == ITUN_INNER_FLOW);
	MUST(same(usual, whole));
	MUST(!usual.related && !usual.later && !usual.need);
}

void check_probe(const std::uint8_t *bytes, u32 size)
{
	const Exact exact(bytes, size);
	itun_probe probe, back;
	itun_inner inner;

	if (itun_probe_parse(exact.get(), size, &probe))
		return;
	MUST(size >= ITUN_PROBE_FRAME_LEN);
	const auto verdict = itun_inner_parse_ethernet(exact.get(), size, size, &inner);
	MUST(verdict == ITUN_INNER_PROBE || verdict == ITUN_INNER_BAD_ETHERNET);
	if (probe.protocol_version != ITUN_PROBE_PROTOCOL)
		return;
	MUST(probe.accept_count <= ITUN_PROBE_MARKS_MAX);
	MUST(std::memchr(probe.version, 0, sizeof(probe.version)));

	const std::unique_ptr<std::uint8_t[]> built(new std::uint8_t[ITUN_PROBE_FRAME_LEN]);
	itun_probe_build(built.get(), &probe);
	MUST(!itun_probe_parse(built.get(), ITUN_PROBE_FRAME_LEN, &back));
	MUST(!std::memcmp(&probe, &back, sizeof(probe)));
}

// Any struct can be built and comes back, cut to what a frame holds.
void check_probe_build(const std::uint8_t *bytes, std::size_t size)
{
	const std::unique_ptr<std::uint8_t[]> frame(new std::uint8_t[ITUN_PROBE_FRAME_LEN]);
	itun_probe in = {}, out;

	std::memcpy(static_cast<void *>(&in), bytes, size < sizeof(in) ? size : sizeof(in));
	in.protocol_version = ITUN_PROBE_PROTOCOL;
	in.kind = static_cast<u8>(1 + in.kind % 3);
	for (char &c : in.version)
		if (c < 0x20 || c > 0x7e)
			c = 0;
	itun_probe_build(frame.get(), &in);
	MUST(!itun_probe_parse(frame.get(), ITUN_PROBE_FRAME_LEN, &out));
	MUST(out.nonce == in.nonce && out.tunnels == in.tunnels);
	MUST(out.kind == in.kind && out.tunnel_type == in.tunnel_type);
	MUST(out.accept_count == (in.accept_count > 16 ? 16 : in.accept_count));
	MUST(!std::memcmp(in.accept_marks, out.accept_marks, 4u * out.accept_count));
	MUST(!std::strncmp(in.version, out.version, 31));
}

void check_vxlan(const std::uint8_t *bytes, std::size_t size)
{
	if (size < ITUN_VXLAN_HLEN)
		return;

	const Exact h(bytes, ITUN_VXLAN_HLEN);
	const u32 vni = itun_vxlan_vni(h.get());
	const u8 flags = itun_vxlan_flags(h.get());

	MUST(vni <= 0xffffff);
	itun_vxlan_set_vni(h.get(), ~vni);
	MUST(itun_vxlan_vni(h.get()) == (~vni & 0xffffff));
	itun_vxlan_set_flags(h.get(), static_cast<u8>(~flags));
	MUST(itun_vxlan_flags(h.get()) == static_cast<u8>(~flags));
	itun_vxlan_set_vni(h.get(), vni);
	itun_vxlan_set_flags(h.get(), flags);
	MUST(!std::memcmp(h.get(), bytes, ITUN_VXLAN_HLEN));
}

bool same(const itun_tunnel_header &one, const itun_tunnel_header &two)
{
	return one.id == two.id && one.flags == two.flags && one.protocol == two.protocol &&
	       one.len == two.len && one.edit_len == two.edit_len;
}

// The header of as many bytes as there are.
bool parse_tunnel(u8 type, const std::uint8_t *bytes, u32 avail, itun_tunnel_header *header)
{
	const Exact exact(bytes, avail);

	return itun_tunnel_parse(type, exact.get(), avail, header);
}

// More bytes help if the header is cut, and only then. A cut Geneve header may
// turn out to be of another version.
void check_tunnel_refused(u8 type, const std::uint8_t *bytes, u32 size)
{
	const Exact exact(bytes, size);
	std::uint8_t longer[ITUN_GRE_HLEN_MAX] = {};
	itun_tunnel_header header;

	// Less says nothing of GRE, and the module does not ask.
	if (type == ITUN_TUNNEL_GRE && size < ITUN_GRE_HLEN)
		return;
	const bool cut = itun_tunnel_is_cut(type, exact.get(), size);

	if (size)
		std::memcpy(longer, bytes, size < sizeof(longer) ? size : sizeof(longer));
	const bool helps = itun_tunnel_parse(type, longer, sizeof(longer), &header);

	MUST(cut || !helps);
	if (type == ITUN_TUNNEL_VXLAN || type == ITUN_TUNNEL_GRE)
		MUST(cut == helps);
}

// A mark is set and read, and its removal restores every byte.
void check_tunnel_mark(u8 type, const std::uint8_t *bytes, const itun_tunnel_header &header,
		       u16 mark)
{
	const u16 normal = itun_tunnel_normal(type);
	const Exact h(bytes, header.edit_len), before(bytes, header.edit_len);
	itun_tunnel_header back = header;

	itun_tunnel_set_flags(type, before.get(), normal);
	itun_tunnel_set_flags(type, h.get(), normal);
	itun_tunnel_set_flags(type, h.get(), normal | mark);
	// The module's checksums take the first two bytes for all that changes.
	MUST(!std::memcmp(h.get() + 2, bytes + 2, header.edit_len - 2u));
	MUST(parse_tunnel(type, h.get(), header.edit_len, &back));
	MUST(back.flags == (normal | mark) && back.flags != normal);
	back.flags = header.flags;
	MUST(same(back, header));
	itun_tunnel_set_flags(type, h.get(), normal);
	MUST(!std::memcmp(h.get(), before.get(), header.edit_len));
	itun_tunnel_set_flags(type, h.get(), header.flags);
	MUST(!std::memcmp(h.get(), bytes, header.edit_len));
}

// An identifier is written into its four bytes, or nothing is.
void check_tunnel_id(u8 type, const std::uint8_t *bytes, const itun_tunnel_header &header)
{
	const u32 mask = type == ITUN_TUNNEL_GRE ? 0xffffffff : 0xffffff;
	const Exact h(bytes, header.edit_len);
	itun_tunnel_header back;

	MUST(!(header.id & ~mask));
	if (!itun_tunnel_set_id(type, h.get(), 0, ~header.id)) {
		MUST(type == ITUN_TUNNEL_GRE && header.id == 0);
		MUST(!std::memcmp(h.get(), bytes, header.edit_len));
		return;
	}
	const u32 at = itun_tunnel_id_offset(type, h.get());

	MUST(at + 4 <= header.edit_len);
	MUST(!std::memcmp(h.get(), bytes, at));
	MUST(!std::memcmp(h.get() + at + 4, bytes + at + 4, header.edit_len - at - 4));
	MUST(parse_tunnel(type, h.get(), header.edit_len, &back));
	MUST(back.id == (~header.id & mask));
	back.id = header.id;
	MUST(same(back, header));
	MUST(itun_tunnel_set_id(type, h.get(), 0, header.id));
	MUST(!std::memcmp(h.get(), bytes, header.edit_len));
}

// Taken for NVGRE's, a key of that form is VSID and FlowID, and nothing else changes.
void check_nvgre(const std::uint8_t *bytes, const itun_tunnel_header &header)
{
	const bool form = bytes[0] == ITUN_GRE_KEY && header.protocol == ITUN_PROTOCOL_TEB;
	const Exact h(bytes, header.edit_len);
	itun_tunnel_header nvgre = header, back;

	MUST(!(header.options & ITUN_GRE_NVGRE));
	itun_tunnel_read_nvgre(&nvgre);
	MUST(nvgre.options == (form ? header.options | ITUN_GRE_NVGRE : header.options));
	MUST(nvgre.id == (form ? header.id >> 8 : header.id));
	if (form) {
		MUST(itun_tunnel_set_id(ITUN_TUNNEL_GRE, h.get(), nvgre.options, ~nvgre.id));
		MUST(!std::memcmp(h.get(), bytes, ITUN_GRE_HLEN));
		MUST(h.get()[7] == bytes[7]);
		MUST(parse_tunnel(ITUN_TUNNEL_GRE, h.get(), header.edit_len, &back));
		itun_tunnel_read_nvgre(&back);
		MUST(back.id == (~nvgre.id & 0xffffff));
	}
	nvgre.id = header.id;
	MUST(same(nvgre, header));
}

// Any identifier and field can be built and come back.
void check_tunnel_build(u8 type, const itun_tunnel_header &header)
{
	const std::unique_ptr<std::uint8_t[]> h(new std::uint8_t[8]);
	const u16 len = itun_tunnel_build(type, h.get(), 0, header.id, header.flags);
	itun_tunnel_header back;

	MUST(len <= 8);
	MUST(parse_tunnel(type, h.get(), len, &back));
	MUST(back.id == header.id && back.flags == header.flags);
	MUST(back.protocol == ITUN_PROTOCOL_TEB);
	MUST(back.len == len && back.edit_len == len);
}

// A whole tunnel packet, the frame behind its header as the module parses it.
void check_tunnel(u8 type, u8 mark, const std::uint8_t *bytes, u32 size, u32 beyond)
{
	const Exact exact(bytes, size);
	itun_tunnel_header header, again;

	// Whatever was in the struct before has no influence.
	std::memset(&header, 0, sizeof(header));
	std::memset(&again, 0xff, sizeof(again));
	if (!itun_tunnel_parse(type, exact.get(), size, &header)) {
		check_tunnel_refused(type, bytes, size);
		return;
	}
	MUST(!itun_tunnel_is_cut(type, exact.get(), size));
	MUST(header.edit_len >= ITUN_GRE_HLEN && header.edit_len <= size);
	MUST(header.len >= header.edit_len);
	MUST(header.len == header.edit_len || type == ITUN_TUNNEL_GENEVE);
	MUST(header.len <= ITUN_GENEVE_HLEN + 63 * 4);
	MUST(!(header.flags & ~(itun_tunnel_allowed(type) | itun_tunnel_normal(type))));

	// What can be edited is all that was read.
	MUST(parse_tunnel(type, bytes, header.edit_len, &again));
	MUST(same(header, again));
	for (u32 cut = 0; cut < header.edit_len; cut++)
		MUST(!parse_tunnel(type, bytes, cut, &again));

	mark &= itun_tunnel_allowed(type);
	check_tunnel_mark(type, bytes, header,
			  mark ? mark : static_cast<u16>(itun_tunnel_allowed(type)));
	check_tunnel_id(type, bytes, header);
	if (type == ITUN_TUNNEL_GRE)
		check_nvgre(bytes, header);
	check_tunnel_build(type, header);

	// Geneve's options can be longer than the packet: it has no inner one.
	if (header.protocol != ITUN_PROTOCOL_TEB || size < header.len)
		return;
	bytes += header.len;
	size -= header.len;
	check_inner(parse_ethernet, bytes, size, size + beyond);
	check_inner_by_and_by(parse_ethernet, bytes, size, size / 2);
	check_glimpse(bytes, size, size + beyond);
}

// A label stack and the IP packet behind it. "wish" are the mark's bits, ten.
void check_mpls(u8 wish, const std::uint8_t *bytes, u32 size, u32 beyond)
{
	const u32 mark = wish ? (wish * 0x104u) & ITUN_MPLS_ALLOWED : ITUN_MPLS_DEFAULT_MARK;
	const Exact stack(bytes, size);
	const int bottom = itun_mpls_bottom(stack.get(), size);

	if (bottom < 0) {
		MUST(!itun_mpls_is_plain(stack.get(), size, mark));
		// No entry that was looked at has the bit.
		for (u32 at = 0; at < ITUN_MPLS_STACK_MAX && at + ITUN_MPLS_HLEN <= size; at += 4)
			MUST(!(bytes[at + 2] & ITUN_MPLS_BOTTOM));
		return;
	}
	const u32 at = static_cast<u32>(bottom);

	MUST(at % ITUN_MPLS_HLEN == 0 && at < ITUN_MPLS_STACK_MAX);
	MUST(at + ITUN_MPLS_HLEN <= size);
	for (u32 cut = 0; cut < at + ITUN_MPLS_HLEN; cut++) {
		const Exact part(bytes, cut);

		MUST(itun_mpls_bottom(part.get(), cut) < 0);
	}

	std::uint8_t *entry = stack.get() + at;
	const u32 label = itun_mpls_label(entry);

	MUST(label <= ITUN_MPLS_LABEL_MAX);
	// What the first look lets go is what the parser would find nothing in.
	if (itun_mpls_is_plain(stack.get(), size, mark)) {
		MUST(!at && !(label & mark));
		MUST(itun_mpls_protocol(bytes[ITUN_MPLS_HLEN]));
		MUST(size < 2 * ITUN_MPLS_HLEN || !itun_mpls_is_message(bytes + ITUN_MPLS_HLEN));
	}
	if (itun_mpls_markable(label, mark)) {
		itun_mpls_set_label(entry, label | mark);
		MUST(itun_mpls_label(entry) == (label | mark));
		MUST(!itun_mpls_markable(itun_mpls_label(entry), mark));
		MUST(itun_mpls_bottom(stack.get(), size) == bottom);
		// The module's checksums take the first two bytes for all that changes.
		MUST(!std::memcmp(entry + 2, bytes + at + 2, size - at - 2));
		itun_mpls_set_label(entry, itun_mpls_label(entry) & ~mark);
	}
	MUST(!std::memcmp(stack.get(), bytes, size));

	bytes += at + ITUN_MPLS_HLEN;
	size -= at + ITUN_MPLS_HLEN;
	if (size >= ITUN_MPLS_CHANNEL_LEN && itun_mpls_is_message(bytes)) {
		MUST(!itun_mpls_protocol(bytes[0]));
		check_probe(bytes + ITUN_MPLS_CHANNEL_LEN, size - ITUN_MPLS_CHANNEL_LEN);
		return;
	}
	if (!size)
		return;
	switch (itun_mpls_protocol(bytes[0])) {
	case 0x0800:
		check_inner(parse_ipv4, bytes, size, size + beyond);
		check_inner_by_and_by(parse_ipv4, bytes, size, size / 2);
		break;
	case 0x86dd:
		check_inner(parse_ipv6, bytes, size, size + beyond);
		check_inner_by_and_by(parse_ipv6, bytes, size, size / 2);
		break;
	}
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *bytes, std::size_t size)
{
	static const Parse parsers[] = {parse_ethernet, parse_ipv4, parse_ipv6};
	// An aggregate: most of the packet is elsewhere.
	static const u32 beyond[] = {0, 1, 7, 64, 1400, 65535, 70000, 500000};
	// The last one is none that the module knows.
	static const u8 tunnels[] = {ITUN_TUNNEL_VXLAN, ITUN_TUNNEL_GRE, ITUN_TUNNEL_GENEVE, 5};

	if (!size)
		return 0;
	const unsigned select = bytes[0];
	const unsigned how = select >> 3;

	bytes++;
	size--;
	const u32 count = static_cast<u32>(size);

	switch (select & 7) {
	case 3:
		check_probe(bytes, count);
		break;
	case 4:
		check_probe_build(bytes, size);
		break;
	case 5:
		check_vxlan(bytes, size);
		break;
	case 6:
		if (!count)
			break;
		check_tunnel(tunnels[how % 4], bytes[0], bytes + 1, count - 1, beyond[how / 4]);
		break;
	case 7:
		if (count)
			check_mpls(bytes[0], bytes + 1, count - 1, beyond[how % 8]);
		break;
	default: {
		const Parse parse = parsers[select & 7];

		check_embedded(bytes, count);
		check_inner(parse, bytes, count, count + beyond[how % 8]);
		check_inner_by_and_by(parse, bytes, count, count * (how / 8) / 4);
		check_glimpse(bytes, count, count + beyond[how % 8]);
		check_usual(bytes, count, count + beyond[how % 8]);
		break;
	}
	}
	return 0;
}
