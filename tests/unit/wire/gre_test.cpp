// SPDX-License-Identifier: GPL-2.0
#include "gre.h"
#include "packet.h"

#include <gtest/gtest.h>
#include <ostream>
#include <string>

namespace
{

// A header with each choice of the optional parts; RFC 2890 has them in the
// order checksum (and Reserved1), key, sequence number.
struct Case {
	const char *name;
	Bytes header;
	unsigned len;
	unsigned key_at; // 0: there is none
};

void PrintTo(const Case &c, std::ostream *out)
{
	*out << c.name;
}

// clang-format off
const Case cases[] = {
	{"Bare", hex("00 00 65 58"), 4, 0},
	{"Checksum", hex("80 00 65 58  be ef 00 00"), 8, 0},
	{"Key", hex("20 00 65 58  a1 a2 a3 a4"), 8, 4},
	{"Sequence", hex("10 00 65 58  00 00 00 07"), 8, 0},
	{"ChecksumKey", hex("a0 00 65 58  be ef 00 00  a1 a2 a3 a4"), 12, 8},
	{"ChecksumSequence", hex("90 00 65 58  be ef 00 00  00 00 00 07"), 12, 0},
	{"KeySequence", hex("30 00 65 58  a1 a2 a3 a4  00 00 00 07"), 12, 4},
	{"ChecksumKeySequence", hex("b0 00 65 58  be ef 00 00  a1 a2 a3 a4  00 00 00 07"), 16, 8},
};
// clang-format on

// The 31 subsets of the five bits, where they are in byte 1.
Bytes all_marks()
{
	Bytes marks;

	for (unsigned bits = 1; bits <= 31; bits++)
		marks.push_back(static_cast<u8>(bits << 3));
	return marks;
}

class GreHeader : public testing::TestWithParam<Case>
{
};

} // namespace

TEST_P(GreHeader, IsAsLongAsItsPartsAre)
{
	const Case &c = GetParam();
	const Exact first(c.header, ITUN_GRE_HLEN);

	ASSERT_EQ(c.header.size(), c.len);
	EXPECT_EQ(itun_gre_len(first.get()), c.len);
	EXPECT_LE(c.len, unsigned{ITUN_GRE_HLEN_MAX});
}

TEST_P(GreHeader, HasItsKeyBehindTheChecksum)
{
	const Case &c = GetParam();
	const Exact h(c.header);

	EXPECT_EQ(itun_gre_key(h.get()), c.key_at ? 0xa1a2a3a4u : 0);
	if (c.key_at) {
		EXPECT_EQ(itun_gre_key_offset(h.get()), c.key_at);
	}
}

TEST_P(GreHeader, GetsAKeyInThoseFourBytesOrNotAtAll)
{
	const Case &c = GetParam();
	const Exact exact(c.header);
	Bytes h = c.header;

	EXPECT_EQ(itun_gre_set_key(h.data(), 0x01020304), c.key_at != 0);
	EXPECT_EQ(h, c.key_at ? with(c.header, c.key_at, "01 02 03 04") : c.header);
	// And neither reads nor writes beyond the header.
	EXPECT_EQ(itun_gre_set_key(exact.get(), 0xffffffff), c.key_at != 0);
	EXPECT_EQ(itun_gre_key(exact.get()), c.key_at ? 0xffffffffu : 0);
}

TEST_P(GreHeader, EveryMarkIsReadAsWrittenAndItsRemovalRestoresEveryByte)
{
	const Case &c = GetParam();

	for (u8 mark : all_marks()) {
		Bytes h = c.header, marked = c.header;

		marked[1] = mark;
		itun_gre_set_flags(h.data(), mark);
		EXPECT_EQ(h, marked) << "mark " << +mark;
		EXPECT_EQ(itun_gre_flags(h.data()), mark);
		itun_gre_set_flags(h.data(), 0);
		EXPECT_EQ(h, c.header) << "mark " << +mark;
	}
}

TEST_P(GreHeader, AMarkChangesNeitherLengthNorProtocolNorKey)
{
	const Case &c = GetParam();
	Bytes h = c.header;

	itun_gre_set_flags(h.data(), 0xf8);
	EXPECT_EQ(itun_gre_len(h.data()), c.len);
	EXPECT_EQ(itun_gre_protocol(h.data()), 0x6558);
	EXPECT_EQ(itun_gre_key(h.data()), c.key_at ? 0xa1a2a3a4u : 0);
}

// Bits 1, 4 and 5 to 7 are RFC 1701's routing, strict source route, recursion.
TEST_P(GreHeader, IsRefusedWithAnyPartOfRfc1701)
{
	for (unsigned bit : {0x40, 0x08, 0x04, 0x02, 0x01}) {
		Bytes h = GetParam().header;

		h[0] = static_cast<u8>(h[0] | bit);
		EXPECT_EQ(itun_gre_len(h.data()), 0) << "byte 0, bit " << bit;
	}
}

TEST_P(GreHeader, IsRefusedWithAnyVersionButZero)
{
	for (unsigned version = 1; version <= 7; version++) {
		Bytes h = GetParam().header;

		h[1] = static_cast<u8>(version);
		EXPECT_EQ(itun_gre_len(h.data()), 0) << "version " << version;
		h[1] = static_cast<u8>(0x80 | version);
		EXPECT_EQ(itun_gre_len(h.data()), 0) << "marked, version " << version;
	}
}

INSTANTIATE_TEST_SUITE_P(Wire, GreHeader, testing::ValuesIn(cases),
			 [](const auto &info) { return std::string(info.param.name); });

TEST(Gre, ReadsTheHeaderOfRfc2784)
{
	// Section 2.1: C and Reserved0, version, protocol type.
	const Exact h(hex("00 00  65 58"));

	EXPECT_EQ(itun_gre_len(h.get()), 4);
	EXPECT_EQ(itun_gre_flags(h.get()), 0);
	EXPECT_EQ(itun_gre_protocol(h.get()), 0x6558);
	EXPECT_EQ(itun_gre_key(h.get()), 0u);
}

TEST(Gre, OtherProtocolsThanEthernet)
{
	const Exact h(hex("00 00 08 00"));

	EXPECT_EQ(itun_gre_protocol(h.get()), 0x0800);
}

TEST(Gre, TheDefaultMarkIsTheMostSignificantBitOfByteOne)
{
	Bytes h = hex("20 00 65 58  00 00 00 64");

	itun_gre_set_flags(h.data(), ITUN_GRE_DEFAULT_MARK);
	EXPECT_EQ(h, hex("20 80 65 58  00 00 00 64"));
	EXPECT_EQ(itun_gre_flags(h.data()), 0x80);
	// METHOD.md: 10000 in bits 8 to 12 of the first word, which is 0x0080.
	EXPECT_EQ((h[0] << 8 | h[1]) & 0x00ff, 0x0080);
}

TEST(Gre, TheMarkMayUseTheFiveBitsInFrontOfTheVersion)
{
	EXPECT_EQ(ITUN_GRE_ALLOWED, 0x00f8);
	EXPECT_EQ(ITUN_GRE_ALLOWED | ITUN_GRE_VERSION, 0xff);
	EXPECT_EQ(ITUN_GRE_ALLOWED & ITUN_GRE_VERSION, 0);
	EXPECT_EQ(ITUN_GRE_DEFAULT_MARK & ~ITUN_GRE_ALLOWED, 0);
}

TEST(Gre, TheVersionIsNotPartOfTheFlags)
{
	const Exact version(hex("00 07 65 58"));
	const Exact all(hex("00 ff 65 58"));

	EXPECT_EQ(itun_gre_flags(version.get()), 0);
	EXPECT_EQ(itun_gre_flags(all.get()), 0xf8);
}

TEST(Gre, SettingFlagsLeavesTheVersionAndByteZero)
{
	Bytes zero = hex("b0 f8 65 58  be ef 00 00  a1 a2 a3 a4  00 00 00 07");
	Bytes one = hex("30 81 88 0b  00 04 00 01  00 00 00 07");
	Bytes seven = hex("ff 07 65 58");

	itun_gre_set_flags(zero.data(), 0x50);
	itun_gre_set_flags(one.data(), 0);
	itun_gre_set_flags(seven.data(), 0xf8);
	EXPECT_EQ(zero, hex("b0 50 65 58  be ef 00 00  a1 a2 a3 a4  00 00 00 07"));
	EXPECT_EQ(one, hex("30 01 88 0b  00 04 00 01  00 00 00 07"));
	EXPECT_EQ(seven, hex("ff ff 65 58"));
}

TEST(Gre, AKeyOfZeroIsAKeyAllTheSame)
{
	const Exact h(hex("20 00 65 58  00 00 00 00"));

	EXPECT_EQ(itun_gre_key(h.get()), 0u);
	EXPECT_TRUE(itun_gre_set_key(h.get(), 0xfffffffe));
	EXPECT_EQ(itun_gre_key(h.get()), 0xfffffffeu);
}

TEST(Gre, WithoutAKeyTheBytesOfTheInnerPacketAreNotOne)
{
	Bytes h = hex("00 00 65 58  02 00 00 00 0b 02");

	EXPECT_EQ(itun_gre_key(h.data()), 0u);
	EXPECT_FALSE(itun_gre_set_key(h.data(), 0x01020304));
	EXPECT_EQ(h, hex("00 00 65 58  02 00 00 00 0b 02"));
}
