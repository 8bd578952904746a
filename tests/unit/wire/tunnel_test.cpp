// SPDX-License-Identifier: GPL-2.0
// What holds for every type of tunnel, over headers written out by hand.
#include "packet.h"
#include "tunnel.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <linux/ipvs_tun.h>
#include <ostream>
#include <string>
#include <vector>

namespace
{

constexpr u8 VXLAN = 1, GRE = 2, MPLS = 3, GENEVE = 4;

// A header as it is on the wire, and what it says. "edit" is how many bytes
// must be there, "id_at" where the identifier's word is (0: there is none).
struct Header {
	const char *name;
	u8 type;
	Bytes bytes;
	u32 id;
	unsigned flags;
	unsigned protocol;
	unsigned len;
	unsigned edit;
	unsigned id_at;
};

void PrintTo(const Header &c, std::ostream *out)
{
	*out << c.name;
}

// clang-format off
const Header headers[] = {
	{"Vxlan", VXLAN, hex("08 00 00 00  12 34 56 00"),
	 0x123456, 0x08, 0x6558, 8, 8, 4},
	{"VxlanMarked", VXLAN, hex("f8 00 00 00  12 34 56 00"),
	 0x123456, 0xf8, 0x6558, 8, 8, 4},
	{"VxlanReservedBytes", VXLAN, hex("08 ff ff ff  00 00 64 ff"),
	 100, 0x08, 0x6558, 8, 8, 4},
	{"GreBare", GRE, hex("00 00 65 58"),
	 0, 0, 0x6558, 4, 4, 0},
	{"GreBareMarked", GRE, hex("00 80 65 58"),
	 0, 0x80, 0x6558, 4, 4, 0},
	{"GreKey", GRE, hex("20 00 65 58  a1 a2 a3 a4"),
	 0xa1a2a3a4, 0, 0x6558, 8, 8, 4},
	{"GreKeyMarked", GRE, hex("20 80 65 58  a1 a2 a3 a4"),
	 0xa1a2a3a4, 0x80, 0x6558, 8, 8, 4},
	{"GreChecksum", GRE, hex("80 00 65 58  be ef 00 00"),
	 0, 0, 0x6558, 8, 8, 0},
	{"GreSequence", GRE, hex("10 00 65 58  00 00 00 07"),
	 0, 0, 0x6558, 8, 8, 0},
	{"GreChecksumKey", GRE, hex("a0 00 65 58  be ef 00 00  a1 a2 a3 a4"),
	 0xa1a2a3a4, 0, 0x6558, 12, 12, 8},
	{"GreChecksumSequence", GRE, hex("90 00 65 58  be ef 00 00  00 00 00 07"),
	 0, 0, 0x6558, 12, 12, 0},
	{"GreKeySequence", GRE, hex("30 00 65 58  a1 a2 a3 a4  00 00 00 07"),
	 0xa1a2a3a4, 0, 0x6558, 12, 12, 4},
	{"GreEverything", GRE, hex("b0 f8 65 58  be ef 00 00  a1 a2 a3 a4  00 00 00 07"),
	 0xa1a2a3a4, 0xf8, 0x6558, 16, 16, 8},
	{"GreIpv4", GRE, hex("20 00 08 00  00 00 00 64"),
	 100, 0, 0x0800, 8, 8, 4},
	{"Geneve", GENEVE, hex("00 00 65 58  12 34 56 00"),
	 0x123456, 0, 0x6558, 8, 8, 4},
	{"GeneveMarked", GENEVE, hex("00 01 65 58  12 34 56 00"),
	 0x123456, 0x01, 0x6558, 8, 8, 4},
	{"GeneveOAndC", GENEVE, hex("00 c0 65 58  00 00 64 ff"),
	 100, 0, 0x6558, 8, 8, 4},
	{"GeneveOption", GENEVE, hex("01 40 65 58  00 00 64 00  01 02 80 00"),
	 100, 0, 0x6558, 12, 8, 4},
	{"GeneveOptionsElsewhere", GENEVE, hex("3f 3f 65 58  00 00 64 00"),
	 100, 0x3f, 0x6558, 260, 8, 4},
	{"GeneveIpv6", GENEVE, hex("00 00 86 dd  00 00 64 00"),
	 100, 0, 0x86dd, 8, 8, 4},
};

// All bytes are there, and yet they are none of ours.
struct Refused {
	const char *name;
	u8 type;
	Bytes bytes;
};

const Refused refused[] = {
	{"GreVersion1", GRE, hex("30 01 88 0b  00 04 00 01  00 00 00 07  00 00 00 08")},
	{"GreVersion1Marked", GRE, hex("20 81 65 58  00 00 00 64")},
	{"GreVersion7", GRE, hex("00 07 65 58")},
	{"GreRouting", GRE, hex("40 00 65 58  00 00 00 00  00 00 00 00")},
	{"GreStrictSourceRoute", GRE, hex("08 00 65 58")},
	{"GreRecursion", GRE, hex("01 00 65 58")},
	{"GreEveryBit", GRE, hex("ff ff 65 58") + zeros(12)},
	{"GeneveVersion1", GENEVE, hex("40 00 65 58  00 00 64 00")},
	{"GeneveVersion2", GENEVE, hex("80 00 65 58  00 00 64 00")},
	{"GeneveVersion3", GENEVE, hex("ff 01 65 58  00 00 64 00")},
	{"NoType", 0, hex("08 00 00 00  00 00 64 00")},
	{"MplsIsNoHeaderByItself", MPLS, hex("00 06 41 ff  00 00 00 00")},
	{"TypeBehindTheLast", 5, hex("08 00 00 00  00 00 64 00")},
	{"Type255", 255, hex("08 00 00 00  00 00 64 00")},
};
// clang-format on

void PrintTo(const Refused &c, std::ostream *out)
{
	*out << c.name;
}

// Fields that the parser must fill are different before.
itun_tunnel_header garbage()
{
	itun_tunnel_header header;

	std::memset(&header, 0x5a, sizeof(header));
	return header;
}

// With no more than the first "size" bytes in existence.
bool parse(u8 type, const Bytes &bytes, std::size_t size, itun_tunnel_header *header)
{
	const Exact exact(bytes, size);

	*header = garbage();
	return itun_tunnel_parse(type, exact.get(), static_cast<u32>(size), header);
}

class TunnelHeader : public testing::TestWithParam<Header>
{
};

class TunnelRefused : public testing::TestWithParam<Refused>
{
};

} // namespace

TEST_P(TunnelHeader, SaysWhatItsBytesSay)
{
	const Header &c = GetParam();
	itun_tunnel_header header;

	ASSERT_TRUE(parse(c.type, c.bytes, c.bytes.size(), &header));
	EXPECT_EQ(header.id, c.id);
	EXPECT_EQ(header.flags, c.flags);
	EXPECT_EQ(header.protocol, c.protocol);
	EXPECT_EQ(header.len, c.len);
	EXPECT_EQ(header.edit_len, c.edit);
}

TEST_P(TunnelHeader, NeedsTheBytesThatAnEditCanTouchAndNoMore)
{
	const Header &c = GetParam();
	const Exact exact(c.bytes, c.edit);
	itun_tunnel_header header;

	EXPECT_TRUE(parse(c.type, c.bytes, c.edit, &header));
	EXPECT_EQ(header.id, c.id);
	EXPECT_EQ(header.len, c.len);
	EXPECT_FALSE(itun_tunnel_is_cut(c.type, exact.get(), c.edit));
}

TEST_P(TunnelHeader, IsRefusedWhereverItIsCut)
{
	const Header &c = GetParam();
	itun_tunnel_header header;

	for (unsigned size = 0; size < c.edit; size++) {
		const Exact exact(c.bytes, size);

		EXPECT_FALSE(parse(c.type, c.bytes, size, &header)) << size << " bytes";
		// Of GRE the first four are what tells.
		if (c.type == GRE && size < 4)
			continue;
		EXPECT_TRUE(itun_tunnel_is_cut(c.type, exact.get(), size)) << size << " bytes";
	}
}

TEST_P(TunnelHeader, EveryMarkIsReadAsWrittenAndItsRemovalRestoresEveryByte)
{
	const Header &c = GetParam();
	const unsigned normal = itun_tunnel_normal(c.type);
	Bytes before = c.bytes;
	unsigned count = 0;

	itun_tunnel_set_flags(c.type, before.data(), static_cast<u16>(normal));
	for (unsigned mark = 1; mark <= 0xffff; mark++) {
		const u16 marked = static_cast<u16>(normal | mark);
		Bytes h = before;
		itun_tunnel_header header;

		if (mark & ~itun_tunnel_allowed(c.type))
			continue;
		count++;
		itun_tunnel_set_flags(c.type, h.data(), marked);
		EXPECT_NE(h, before) << "mark " << mark;
		// As the module's checksum has it: the first two bytes at most.
		EXPECT_TRUE(std::equal(h.begin() + 2, h.end(), before.begin() + 2));
		ASSERT_TRUE(parse(c.type, h, h.size(), &header));
		EXPECT_EQ(header.flags, marked);
		EXPECT_EQ(header.id, c.id);
		EXPECT_EQ(header.protocol, c.protocol);
		EXPECT_EQ(header.len, c.len);
		itun_tunnel_set_flags(c.type, h.data(), static_cast<u16>(normal));
		EXPECT_EQ(h, before) << "mark " << mark;
	}
	// The non-empty subsets of seven, five and six bits.
	EXPECT_EQ(count, c.type == VXLAN ? 127u : c.type == GRE ? 31u : 63u);
}

TEST_P(TunnelHeader, ANewIdentifierTouchesItsOwnBytesOnly)
{
	const Header &c = GetParam();
	Bytes h = c.bytes, wanted = c.bytes;
	itun_tunnel_header header;

	if (c.id_at) {
		// In VXLAN and Geneve the fourth byte is a reserved one.
		wanted = with(c.bytes, c.id_at, c.type == GRE ? "00 0b 0c 0d" : "0b 0c 0d");
		EXPECT_EQ(itun_tunnel_id_offset(c.type, h.data()), c.id_at);
	}
	EXPECT_EQ(itun_tunnel_set_id(c.type, h.data(), 0, 0x0b0c0d), c.id_at != 0);
	EXPECT_EQ(h, wanted);
	ASSERT_TRUE(parse(c.type, h, h.size(), &header));
	EXPECT_EQ(header.id, c.id_at ? 0x0b0c0du : 0);
	itun_tunnel_set_id(c.type, h.data(), 0, c.id);
	EXPECT_EQ(h, c.bytes);
}

TEST_P(TunnelHeader, OffersFourBytesOfAnIdentifierWithinWhatWasParsed)
{
	const Header &c = GetParam();
	const Exact exact(c.bytes, c.edit);

	if (c.id_at) {
		EXPECT_LE(itun_tunnel_id_offset(c.type, exact.get()) + 4u, c.edit);
	}
	EXPECT_EQ(itun_tunnel_set_id(c.type, exact.get(), 0, 0xffffffff), c.id_at != 0);
}

INSTANTIATE_TEST_SUITE_P(Wire, TunnelHeader, testing::ValuesIn(headers),
			 [](const auto &info) { return std::string(info.param.name); });

TEST_P(TunnelRefused, IsNotParsedAndNotCutEither)
{
	const Refused &c = GetParam();
	const Exact exact(c.bytes);
	itun_tunnel_header header;

	EXPECT_FALSE(parse(c.type, c.bytes, c.bytes.size(), &header));
	EXPECT_FALSE(itun_tunnel_is_cut(c.type, exact.get(), static_cast<u32>(c.bytes.size())));
}

TEST_P(TunnelRefused, NoPrefixOfItIsParsed)
{
	const Refused &c = GetParam();
	itun_tunnel_header header;

	for (std::size_t size = 0; size < c.bytes.size(); size++)
		EXPECT_FALSE(parse(c.type, c.bytes, size, &header)) << size << " bytes";
}

INSTANTIATE_TEST_SUITE_P(Wire, TunnelRefused, testing::ValuesIn(refused),
			 [](const auto &info) { return std::string(info.param.name); });

TEST(Tunnel, TypesAreThoseOfTheNetlinkContract)
{
	EXPECT_EQ(unsigned{ITUN_TUNNEL_VXLAN}, unsigned{IPVS_TUN_TUNNEL_TYPE_VXLAN});
	EXPECT_EQ(unsigned{ITUN_TUNNEL_GRE}, unsigned{IPVS_TUN_TUNNEL_TYPE_GRE});
	EXPECT_EQ(unsigned{ITUN_TUNNEL_MPLS}, unsigned{IPVS_TUN_TUNNEL_TYPE_MPLS});
	EXPECT_EQ(unsigned{ITUN_TUNNEL_GENEVE}, unsigned{IPVS_TUN_TUNNEL_TYPE_GENEVE});
	EXPECT_EQ(unsigned{ITUN_TUNNEL_VXLAN}, VXLAN);
	EXPECT_EQ(unsigned{ITUN_TUNNEL_GRE}, GRE);
	EXPECT_EQ(unsigned{ITUN_TUNNEL_MPLS}, MPLS);
	EXPECT_EQ(unsigned{ITUN_TUNNEL_GENEVE}, GENEVE);
}

TEST(Tunnel, NormalAndAllowedBitsAreThoseOfMethod)
{
	for (unsigned type = 0; type < 256; type++) {
		const u8 t = static_cast<u8>(type);
		u32 allowed = 0;

		if (t == VXLAN)
			allowed = 0xf7;
		else if (t == GRE)
			allowed = 0xf8;
		else if (t == MPLS)
			allowed = 0x0ffc0;
		else if (t == GENEVE)
			allowed = 0x3f;
		EXPECT_EQ(itun_tunnel_allowed(t), allowed) << "type " << type;
		EXPECT_EQ(itun_tunnel_normal(t), t == VXLAN ? 0x08 : 0) << "type " << type;
	}
}

TEST(Tunnel, ValuesOfTheFieldAreNumberedApart)
{
	for (u8 type : {VXLAN, GRE, MPLS, GENEVE}) {
		std::vector<bool> taken(ITUN_TUNNEL_FIELDS);
		const u32 bits = itun_tunnel_allowed(type) | itun_tunnel_normal(type);

		for (u32 value = 0; value <= bits; value++) {
			if (value & ~bits)
				continue;
			const u16 field = itun_tunnel_field(type, static_cast<u16>(value));

			ASSERT_LT(field, taken.size());
			EXPECT_FALSE(taken[field]) << "type " << +type << ", " << value;
			taken[field] = true;
		}
	}
}

TEST(Tunnel, AMarkIsWrittenBesideTheIdentifierOfMpls)
{
	Bytes entry = hex("00 06 4b 40"), vxlan = hex("08 00 00 00  00 00 64 00");

	itun_tunnel_set_mark(MPLS, entry.data(), 100, 0x8000);
	EXPECT_EQ(entry, hex("08 06 4b 40"));
	itun_tunnel_set_mark(MPLS, entry.data(), 100, 0);
	EXPECT_EQ(entry, hex("00 06 4b 40"));
	itun_tunnel_set_mark(VXLAN, vxlan.data(), 100, 0xf8);
	EXPECT_EQ(vxlan, hex("f8 00 00 00  00 00 64 00"));
}

TEST(Tunnel, AnUnknownTypeIsNotWritten)
{
	const Bytes before = hex("20 00 65 58  00 00 64 00");

	for (unsigned type : {0u, 5u, 255u}) {
		Bytes h = before;

		itun_tunnel_set_flags(static_cast<u8>(type), h.data(), 0xffff);
		EXPECT_FALSE(itun_tunnel_set_id(static_cast<u8>(type), h.data(), 0, 1));
		EXPECT_EQ(h, before) << "type " << type;
	}
}

TEST(Tunnel, AGreHeaderIsCutWhereTheOptionsThatItAnnouncesAreMissing)
{
	const Exact all(hex("b0 00 65 58"));
	const Exact bare(hex("00 00 65 58"));
	const Exact version(hex("b1 01 65 58"));
	itun_tunnel_header header;

	EXPECT_FALSE(itun_tunnel_parse(GRE, all.get(), 4, &header));
	EXPECT_TRUE(itun_tunnel_is_cut(GRE, all.get(), 4));
	EXPECT_TRUE(itun_tunnel_parse(GRE, bare.get(), 4, &header));
	EXPECT_FALSE(itun_tunnel_is_cut(GRE, bare.get(), 4));
	// More bytes would not make it ours.
	EXPECT_FALSE(itun_tunnel_parse(GRE, version.get(), 4, &header));
	EXPECT_FALSE(itun_tunnel_is_cut(GRE, version.get(), 4));
}

TEST(Tunnel, GeneveOptionsNeedNotBeThere)
{
	const Bytes base = hex("00 01 65 58  00 00 64 00");

	for (unsigned words = 0; words <= 63; words++) {
		Bytes h = base;
		itun_tunnel_header header;

		h[0] = static_cast<u8>(words);
		ASSERT_TRUE(parse(GENEVE, h, 8, &header)) << words << " words";
		EXPECT_EQ(header.len, 8 + 4 * words);
		EXPECT_EQ(header.edit_len, 8);
	}
}

namespace
{

// Built where other bytes were: eight of them, and no more exist.
Bytes build(u8 type, u32 id, u16 flags)
{
	const Exact exact(hex("a5 a5 a5 a5  a5 a5 a5 a5"));
	const u16 len = itun_tunnel_build(type, exact.get(), 0, id, flags);

	EXPECT_LE(len, 8);
	return Bytes(exact.get(), exact.get() + len);
}

struct Built {
	const char *name;
	u8 type;
	u32 id;
	unsigned flags;
	Bytes bytes;
};

void PrintTo(const Built &c, std::ostream *out)
{
	*out << c.name;
}

// clang-format off
const Built built[] = {
	{"Vxlan", VXLAN, 0x123456, 0x08, hex("08 00 00 00  12 34 56 00")},
	{"VxlanMarked", VXLAN, 0x123456, 0xf8, hex("f8 00 00 00  12 34 56 00")},
	{"VxlanZero", VXLAN, 0, 0x08, hex("08 00 00 00  00 00 00 00")},
	{"VxlanLargest", VXLAN, 0xffffff, 0x48, hex("48 00 00 00  ff ff ff 00")},
	{"Gre", GRE, 0x123456, 0, hex("20 00 65 58  00 12 34 56")},
	{"GreMarked", GRE, 0x123456, 0x80, hex("20 80 65 58  00 12 34 56")},
	{"GreLargest", GRE, 0xffffffff, 0xf8, hex("20 f8 65 58  ff ff ff ff")},
	{"GreZero", GRE, 0, 0, hex("00 00 65 58")},
	{"GreZeroMarked", GRE, 0, 0x80, hex("00 80 65 58")},
	{"Geneve", GENEVE, 0x123456, 0, hex("00 00 65 58  12 34 56 00")},
	{"GeneveMarked", GENEVE, 0x123456, 0x01, hex("00 01 65 58  12 34 56 00")},
	{"GeneveZero", GENEVE, 0, 0, hex("00 00 65 58  00 00 00 00")},
	{"GeneveLargest", GENEVE, 0xffffff, 0x3f, hex("00 3f 65 58  ff ff ff 00")},
};
// clang-format on

class TunnelBuilt : public testing::TestWithParam<Built>
{
};

} // namespace

TEST_P(TunnelBuilt, HasTheseBytes)
{
	const Built &c = GetParam();

	EXPECT_EQ(build(c.type, c.id, static_cast<u16>(c.flags)), c.bytes);
}

TEST_P(TunnelBuilt, IsReadBack)
{
	const Built &c = GetParam();
	const Bytes h = build(c.type, c.id, static_cast<u16>(c.flags));
	itun_tunnel_header header;

	ASSERT_TRUE(parse(c.type, h, h.size(), &header));
	EXPECT_EQ(header.id, c.id);
	EXPECT_EQ(header.flags, c.flags);
	EXPECT_EQ(header.protocol, 0x6558);
	EXPECT_EQ(header.len, h.size());
	EXPECT_EQ(header.edit_len, h.size());
}

INSTANTIATE_TEST_SUITE_P(Wire, TunnelBuilt, testing::ValuesIn(built),
			 [](const auto &info) { return std::string(info.param.name); });

TEST(Tunnel, WhatCarriesLabelsIsNoOptionOfGre)
{
	EXPECT_EQ(itun_tunnel_carrier(MPLS, 0), 0) << "Ethernet";
	EXPECT_EQ(itun_tunnel_carrier(MPLS, ITUN_MPLS_OVER_UDP), ITUN_MPLS_OVER_UDP);
	for (u8 options : {0x00, 0x80, 0x20, 0x10, 0xb0}) {
		EXPECT_EQ(itun_tunnel_carrier(MPLS, options | ITUN_MPLS_OVER_GRE),
			  ITUN_MPLS_OVER_GRE);
		EXPECT_EQ(itun_tunnel_carrier(GRE, options), 0);
	}
	EXPECT_EQ(ITUN_MPLS_CARRIER &
			  (ITUN_GRE_CHECKSUM | ITUN_GRE_KEY | ITUN_GRE_SEQUENCE | ITUN_GRE_NVGRE),
		  0);
}

/* RFC 4023: the protocol of the GRE header is 0x8847. */
TEST(Tunnel, AGreHeaderForLabels)
{
	Bytes h(8, 0xff);

	EXPECT_EQ(itun_tunnel_build_gre(h.data(), ITUN_PROTOCOL_MPLS, 0), 4);
	EXPECT_EQ(h, hex("00 00 88 47  00 00 00 00"));
	EXPECT_EQ(itun_tunnel_build_gre(h.data(), ITUN_PROTOCOL_MPLS, 0xabcdef01), 8);
	EXPECT_EQ(h, hex("20 00 88 47  ab cd ef 01"));
}

TEST(Tunnel, ALabelIsSetInItsEntryAlone)
{
	Bytes entry = hex("00 06 4f 3f");

	EXPECT_EQ(itun_tunnel_id_offset(MPLS, entry.data()), 0);
	EXPECT_TRUE(itun_tunnel_set_id(MPLS, entry.data(), ITUN_MPLS_OVER_UDP, 0xaa));
	EXPECT_EQ(entry, hex("00 0a af 3f"));
}

TEST(Tunnel, AMessageInMplsIsInItsChannel)
{
	EXPECT_EQ(build(MPLS, 100, 0), hex("00 06 41 40  10 00 7f f8"));
	EXPECT_EQ(build(MPLS, 100, 0x8000), hex("08 06 41 40  10 00 7f f8"));
}
