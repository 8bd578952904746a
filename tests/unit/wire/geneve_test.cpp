// SPDX-License-Identifier: GPL-2.0
#include "geneve.h"
#include "packet.h"

#include <gtest/gtest.h>

TEST(Geneve, ReadsTheHeaderOfRfc8926)
{
	// Section 3.4: version and option length, O, C and reserved bits, protocol
	// type, VNI, 8 reserved bits.
	const Exact h(hex("00 00  65 58  12 34 56 00"));

	EXPECT_EQ(itun_geneve_version(h.get()), 0);
	EXPECT_EQ(itun_geneve_len(h.get()), 8);
	EXPECT_EQ(itun_geneve_flags(h.get()), 0);
	EXPECT_EQ(itun_geneve_protocol(h.get()), 0x6558);
	EXPECT_EQ(itun_geneve_vni(h.get()), 0x123456u);
}

TEST(Geneve, ThePortIsThatOfRfc8926)
{
	EXPECT_EQ(ITUN_GENEVE_PORT, 6081);
}

TEST(Geneve, TheVersionIsTheTwoTopBitsOfByteZero)
{
	const Exact longest(hex("3f 00 65 58  00 00 01 00"));
	const Exact one(hex("40 00 65 58  00 00 01 00"));
	const Exact two(hex("80 00 65 58  00 00 01 00"));
	const Exact three(hex("c0 00 65 58  00 00 01 00"));

	EXPECT_EQ(itun_geneve_version(longest.get()), 0);
	EXPECT_EQ(itun_geneve_version(one.get()), 1);
	EXPECT_EQ(itun_geneve_version(two.get()), 2);
	EXPECT_EQ(itun_geneve_version(three.get()), 3);
}

TEST(Geneve, OptionsAreZeroTo63WordsBehindEightBytes)
{
	// Only the base header is there: the length does not look behind it.
	const Exact h(hex("00 00 65 58  00 00 01 00"));

	for (unsigned words = 0; words <= 63; words++) {
		h.get()[0] = static_cast<u8>(words);
		EXPECT_EQ(itun_geneve_len(h.get()), 8 + 4 * words) << words << " words";
		EXPECT_EQ(itun_geneve_version(h.get()), 0) << words << " words";
	}
}

TEST(Geneve, TheVersionIsNotPartOfTheLength)
{
	const Exact h(hex("c1 00 65 58  00 00 01 00"));

	EXPECT_EQ(itun_geneve_len(h.get()), 12);
}

TEST(Geneve, OtherProtocolsThanEthernet)
{
	const Exact h(hex("00 00 86 dd  00 00 01 00"));

	EXPECT_EQ(itun_geneve_protocol(h.get()), 0x86dd);
}

TEST(Geneve, TheMarkMayUseTheSixReservedBitsOnly)
{
	EXPECT_EQ(ITUN_GENEVE_ALLOWED, 0x3f);
	EXPECT_NE(ITUN_GENEVE_DEFAULT_MARK, 0);
	EXPECT_EQ(ITUN_GENEVE_DEFAULT_MARK & ~ITUN_GENEVE_ALLOWED, 0);
}

TEST(Geneve, TheDefaultMarkIsTheLastBitOfByteOneAndTouchesNothingElse)
{
	Bytes h = hex("02 00 65 58  04 05 06 07");

	itun_geneve_set_flags(h.data(), ITUN_GENEVE_DEFAULT_MARK);
	EXPECT_EQ(h, hex("02 01 65 58  04 05 06 07"));
	EXPECT_EQ(itun_geneve_flags(h.data()), 0x01);
}

TEST(Geneve, OAndCAreNotFlags)
{
	const Exact control(hex("00 80 65 58  00 00 01 00"));
	const Exact critical(hex("00 40 65 58  00 00 01 00"));
	const Exact all(hex("00 ff 65 58  00 00 01 00"));

	EXPECT_EQ(itun_geneve_flags(control.get()), 0);
	EXPECT_EQ(itun_geneve_flags(critical.get()), 0);
	EXPECT_EQ(itun_geneve_flags(all.get()), 0x3f);
}

TEST(Geneve, SettingFlagsLeavesOAndC)
{
	Bytes none = hex("00 3f 65 58  00 00 01 00");
	Bytes critical = hex("00 7f 65 58  00 00 01 00");
	Bytes control = hex("00 bf 65 58  00 00 01 00");
	Bytes both = hex("00 c0 65 58  00 00 01 00");

	itun_geneve_set_flags(none.data(), 0x2a);
	itun_geneve_set_flags(critical.data(), 0x2a);
	itun_geneve_set_flags(control.data(), 0);
	itun_geneve_set_flags(both.data(), 0x3f);
	EXPECT_EQ(none, hex("00 2a 65 58  00 00 01 00"));
	EXPECT_EQ(critical, hex("00 6a 65 58  00 00 01 00"));
	EXPECT_EQ(control, hex("00 80 65 58  00 00 01 00"));
	EXPECT_EQ(both, hex("00 ff 65 58  00 00 01 00"));
}

TEST(Geneve, EveryMarkIsReadAsWrittenAndItsRemovalRestoresEveryByte)
{
	for (unsigned kept : {0x00, 0x40, 0x80, 0xc0}) {
		// One word of options behind the base header.
		Bytes before = hex("01 00 65 58  12 34 56 78  01 02 03 04");

		before[1] = static_cast<u8>(kept);
		for (unsigned mark = 1; mark <= 0x3f; mark++) {
			Bytes h = before, marked = before;

			marked[1] = static_cast<u8>(kept + mark);
			itun_geneve_set_flags(h.data(), static_cast<u8>(mark));
			EXPECT_EQ(h, marked) << "mark " << mark;
			EXPECT_EQ(itun_geneve_flags(h.data()), mark);
			itun_geneve_set_flags(h.data(), 0);
			EXPECT_EQ(h, before) << "mark " << mark;
		}
	}
}

TEST(Geneve, TheReservedByteIsNotPartOfTheIdentifier)
{
	const Exact h(hex("00 00 65 58  00 00 64 ff"));

	EXPECT_EQ(itun_geneve_vni(h.get()), 100u);
}

TEST(Geneve, SettingTheIdentifierLeavesTheByteBehindIt)
{
	Bytes h = hex("01 81 65 58  04 05 06 07  01 02 03 04");

	itun_geneve_set_vni(h.data(), 0xabcdef);
	EXPECT_EQ(h, hex("01 81 65 58  ab cd ef 07  01 02 03 04"));
	EXPECT_EQ(itun_geneve_vni(h.data()), 0xabcdefu);
}

TEST(Geneve, OnlyTwentyFourBitsOfAnIdentifierAreWritten)
{
	Bytes h = hex("00 00 65 58  00 00 00 00");

	itun_geneve_set_vni(h.data(), 0xff000001);
	EXPECT_EQ(h, hex("00 00 65 58  00 00 01 00"));
}

TEST(Geneve, NeedsEightBytesAndNoMore)
{
	// All 63 words of options are missing.
	const Exact h(hex("3f 00 65 58  00 00 01 00"), ITUN_GENEVE_HLEN);

	itun_geneve_set_flags(h.get(), 0x15);
	itun_geneve_set_vni(h.get(), 2);
	EXPECT_EQ(itun_geneve_flags(h.get()), 0x15);
	EXPECT_EQ(itun_geneve_vni(h.get()), 2u);
	EXPECT_EQ(itun_geneve_len(h.get()), 260);
}
