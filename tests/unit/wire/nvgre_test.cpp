// SPDX-License-Identifier: GPL-2.0
// NVGRE (RFC 7637): GRE whose key is a network's number of 24 bits and a FlowID of eight.
#include "packet.h"
#include "tunnel.h"

#include <gtest/gtest.h>
#include <ostream>
#include <string>

namespace
{

constexpr u8 GRE = ITUN_TUNNEL_GRE;

itun_tunnel_header parse(const Bytes &bytes)
{
	const Exact exact(bytes);
	itun_tunnel_header header = {};

	EXPECT_TRUE(itun_tunnel_parse(GRE, exact.get(), static_cast<u32>(bytes.size()), &header));
	return header;
}

// GRE that RFC 7637 does not call NVGRE.
struct Other {
	const char *name;
	Bytes bytes;
	u32 id;
};

void PrintTo(const Other &c, std::ostream *out)
{
	*out << c.name;
}

// clang-format off
const Other others[] = {
	{"WithoutKey", hex("00 00 65 58"), 0},
	{"Checksum", hex("a0 00 65 58  be ef 00 00  00 00 64 07"), 0x6407},
	{"Sequence", hex("30 00 65 58  00 00 64 07  00 00 00 01"), 0x6407},
	{"Everything", hex("b0 80 65 58  be ef 00 00  00 00 64 07  00 00 00 01"), 0x6407},
	{"Ipv4", hex("20 00 08 00  00 00 64 07"), 0x6407},
	{"Ipv6", hex("20 80 86 dd  00 00 64 07"), 0x6407},
	{"Erspan", hex("20 00 88 be  00 00 64 07"), 0x6407},
};
// clang-format on

class NotNvgre : public testing::TestWithParam<Other>
{
};

} // namespace

TEST(Nvgre, ItsIdentifierIsTheVsid)
{
	itun_tunnel_header header = parse(hex("20 00 65 58  12 34 56 78"));

	EXPECT_EQ(header.id, 0x12345678u);
	itun_tunnel_read_nvgre(&header);
	EXPECT_EQ(header.id, 0x123456u);
	EXPECT_EQ(header.options, ITUN_GRE_KEY | ITUN_GRE_NVGRE);
	EXPECT_EQ(header.flags, 0);
	EXPECT_EQ(header.protocol, 0x6558);
	EXPECT_EQ(header.len, 8);
	EXPECT_EQ(header.edit_len, 8);
}

TEST(Nvgre, TheFlowIdSaysNothingOfTheNetwork)
{
	for (const char *bytes : {"20 00 65 58  00 00 64 00", "20 00 65 58  00 00 64 ff"}) {
		itun_tunnel_header header = parse(hex(bytes));

		itun_tunnel_read_nvgre(&header);
		EXPECT_EQ(header.id, 100u) << bytes;
	}
}

TEST(Nvgre, TheMarkIsWhereGreHasIt)
{
	itun_tunnel_header header = parse(hex("20 80 65 58  00 00 64 07"));

	itun_tunnel_read_nvgre(&header);
	EXPECT_EQ(header.flags, 0x80);
	EXPECT_EQ(header.id, 100u);
}

TEST(Nvgre, ANewVsidLeavesTheFlowIdAndTheMark)
{
	Bytes h = hex("20 80 65 58  12 34 56 78");

	EXPECT_TRUE(itun_tunnel_set_id(GRE, h.data(), ITUN_GRE_KEY | ITUN_GRE_NVGRE, 0x0a0b0c));
	EXPECT_EQ(h, hex("20 80 65 58  0a 0b 0c 78"));
	// Bits above the 24 have no place.
	EXPECT_TRUE(itun_tunnel_set_id(GRE, h.data(), ITUN_GRE_KEY | ITUN_GRE_NVGRE, 0xff000064));
	EXPECT_EQ(h, hex("20 80 65 58  00 00 64 78"));
	// Without the setting the same header has a key of 32 bits.
	EXPECT_TRUE(itun_tunnel_set_id(GRE, h.data(), ITUN_GRE_KEY, 0x0a0b0c0d));
	EXPECT_EQ(h, hex("20 80 65 58  0a 0b 0c 0d"));
}

TEST(Nvgre, TheVsidIsWithinTheFourBytesThatAnEditMayTouch)
{
	Bytes h = hex("20 00 65 58  12 34 56 78");
	const Exact exact(h);

	EXPECT_EQ(itun_tunnel_id_offset(GRE, h.data()), 4);
	EXPECT_TRUE(itun_tunnel_set_id(GRE, exact.get(), ITUN_GRE_KEY | ITUN_GRE_NVGRE, 0xffffff));
}

TEST(Nvgre, IsBuiltWithAFlowIdOfZero)
{
	const Exact exact(hex("a5 a5 a5 a5  a5 a5 a5 a5"));

	EXPECT_EQ(itun_tunnel_build(GRE, exact.get(), ITUN_GRE_NVGRE, 0x123456, 0x80), 8);
	EXPECT_EQ(Bytes(exact.get(), exact.get() + 8), hex("20 80 65 58  12 34 56 00"));
}

// As long as no traffic has told a network.
TEST(Nvgre, IsBuiltWithoutAKeyForNoNetwork)
{
	Bytes room = hex("a5 a5 a5 a5  a5 a5 a5 a5");

	EXPECT_EQ(itun_tunnel_build(GRE, room.data(), ITUN_GRE_NVGRE, 0, 0x80), 4);
	EXPECT_EQ(Bytes(room.begin(), room.begin() + 4), hex("00 80 65 58"));
}

// No header that is taken for GRE has the bit that stands for NVGRE.
TEST(Nvgre, ItsBitIsNoPartOfAHeader)
{
	const Bytes h = hex("28 00 65 58  00 00 64 07");
	itun_tunnel_header header;

	EXPECT_EQ(ITUN_GRE_NVGRE & ITUN_GRE_PARTS, 0);
	EXPECT_EQ(ITUN_GRE_NVGRE & ITUN_GRE_OLD, ITUN_GRE_NVGRE);
	EXPECT_FALSE(itun_tunnel_parse(GRE, h.data(), 8, &header));
}

TEST_P(NotNvgre, IsReadAsGre)
{
	const Other &c = GetParam();
	itun_tunnel_header header = parse(c.bytes);
	const u8 options = header.options;

	itun_tunnel_read_nvgre(&header);
	EXPECT_EQ(header.id, c.id);
	EXPECT_EQ(header.options, options);
}

INSTANTIATE_TEST_SUITE_P(Wire, NotNvgre, testing::ValuesIn(others),
			 [](const auto &info) { return std::string(info.param.name); });
