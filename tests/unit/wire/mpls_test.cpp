// SPDX-License-Identifier: GPL-2.0
#include "mpls.h"
#include "packet.h"

#include <gtest/gtest.h>

namespace
{

// The bottom of a stack of which no more than "size" bytes exist.
int bottom(const Bytes &stack, std::size_t size)
{
	const Exact exact(stack, size);

	return itun_mpls_bottom(exact.get(), static_cast<u32>(size));
}

int bottom(const Bytes &stack)
{
	return bottom(stack, stack.size());
}

// So many entries, S in the last one.
Bytes stack_of(unsigned entries)
{
	Bytes stack;

	for (unsigned i = 1; i < entries; i++)
		stack = stack + hex("00 01 00 40");
	return stack + hex("00 06 41 40");
}

} // namespace

TEST(Mpls, ReadsTheEntryOfRfc3032)
{
	// Label 100, traffic class 5, bottom of stack, TTL 64.
	const Exact entry(hex("00 06 4b 40"));

	EXPECT_EQ(itun_mpls_label(entry.get()), 100u);
	EXPECT_EQ(itun_mpls_bottom(entry.get(), 4), 0);
}

TEST(Mpls, ALabelIsTwentyBits)
{
	const Exact all(hex("ff ff f0 00"));
	const Exact others(hex("00 00 0f ff"));
	const Exact last(hex("00 00 10 00"));

	EXPECT_EQ(itun_mpls_label(all.get()), unsigned{ITUN_MPLS_LABEL_MAX});
	EXPECT_EQ(itun_mpls_label(others.get()), 0u);
	EXPECT_EQ(itun_mpls_label(last.get()), 1u);
}

TEST(Mpls, SettingALabelLeavesTheRestOfTheEntry)
{
	Bytes ones = hex("ff ff ff ff"), zeros = hex("00 00 00 00");

	itun_mpls_set_label(ones.data(), 0);
	EXPECT_EQ(ones, hex("00 00 0f ff"));
	itun_mpls_set_label(zeros.data(), ITUN_MPLS_LABEL_MAX);
	EXPECT_EQ(zeros, hex("ff ff f0 00"));
}

// METHOD.md: bits 4 to 13 counted from the label's most significant bit.
TEST(Mpls, TheMarkIsOfTheBitsOfMethod)
{
	u32 bits = 0;

	for (unsigned from_first = 4; from_first <= 13; from_first++)
		bits |= 1u << (19 - from_first);
	EXPECT_EQ(bits, unsigned{ITUN_MPLS_ALLOWED});
	EXPECT_EQ(ITUN_MPLS_DEFAULT_MARK, 0x08000);
	EXPECT_EQ(ITUN_MPLS_DEFAULT_MARK & ~ITUN_MPLS_ALLOWED, 0);
}

TEST(Mpls, TheDefaultMarkOnTheWire)
{
	Bytes entry = hex("00 06 4b 40");

	itun_mpls_set_label(entry.data(), 100 | ITUN_MPLS_DEFAULT_MARK);
	EXPECT_EQ(entry, hex("08 06 4b 40"));
}

TEST(Mpls, EveryMarkIsReadAsWrittenAndItsRemovalRestoresEveryByte)
{
	const Bytes before = hex("f0 03 f7 ff");
	const u32 label = itun_mpls_label(before.data());
	unsigned count = 0;

	ASSERT_EQ(label, 0xf003fu);
	for (u32 mark = 0x40; mark <= ITUN_MPLS_ALLOWED; mark += 0x40) {
		Bytes entry = before;

		ASSERT_FALSE(mark & ~u32{ITUN_MPLS_ALLOWED});
		count++;
		ASSERT_TRUE(itun_mpls_markable(label, mark));
		itun_mpls_set_label(entry.data(), label | mark);
		EXPECT_NE(entry, before);
		EXPECT_EQ(itun_mpls_label(entry.data()), label | mark);
		// The module's checksums take the first two bytes for all that changes.
		EXPECT_EQ(entry[2], before[2]);
		EXPECT_EQ(entry[3], before[3]);
		itun_mpls_set_label(entry.data(), itun_mpls_label(entry.data()) & ~mark);
		EXPECT_EQ(entry, before);
	}
	EXPECT_EQ(count, 1023u); // the non-empty subsets of ten bits
}

TEST(Mpls, ReservedLabelsAndThoseThatHaveABitAlreadyAreNotMarked)
{
	for (u32 label = 0; label < 16; label++)
		EXPECT_FALSE(itun_mpls_markable(label, 0x08000)) << label;
	EXPECT_TRUE(itun_mpls_markable(16, 0x08000));
	EXPECT_TRUE(itun_mpls_markable(100, 0x08000));
	EXPECT_FALSE(itun_mpls_markable(0x08064, 0x08000));
	// Label 100 has 0x40 itself.
	EXPECT_FALSE(itun_mpls_markable(100, 0x00040));
	EXPECT_FALSE(itun_mpls_markable(100, 0x0ffc0));
	EXPECT_TRUE(itun_mpls_markable(0xf003f, 0x0ffc0));
}

TEST(Mpls, TheBottomIsTheEntryWithTheBit)
{
	for (unsigned entries = 1; entries <= ITUN_MPLS_ENTRIES_MAX; entries++)
		EXPECT_EQ(bottom(stack_of(entries)), static_cast<int>(4 * (entries - 1)));
	// What follows the bottom is not of the stack.
	EXPECT_EQ(bottom(hex("00 06 41 40  45 00 01 54")), 0);
}

TEST(Mpls, ADeeperStackHasNoBottom)
{
	EXPECT_LT(bottom(stack_of(ITUN_MPLS_ENTRIES_MAX + 1)), 0);
	EXPECT_LT(bottom(stack_of(40)), 0);
	EXPECT_LT(bottom(zeros(256)), 0);
}

TEST(Mpls, AStackIsRefusedWhereverItIsCut)
{
	for (unsigned entries : {1u, 2u, 5u, 16u}) {
		const Bytes stack = stack_of(entries);

		for (std::size_t size = 0; size < stack.size(); size++)
			EXPECT_LT(bottom(stack, size), 0) << entries << " entries, " << size;
		EXPECT_GE(bottom(stack, stack.size()), 0);
	}
}

TEST(Mpls, WhatIsInsideIsToldByItsFirstFourBits)
{
	for (unsigned first = 0; first < 256; first++) {
		u16 protocol = 0;

		if (first >> 4 == 4)
			protocol = 0x0800;
		else if (first >> 4 == 6)
			protocol = 0x86dd;
		EXPECT_EQ(itun_mpls_protocol(static_cast<u8>(first)), protocol) << first;
	}
}

TEST(Mpls, ThePlainStackIsOneLabelWithoutAMarkAndIpBehindIt)
{
	struct Case {
		const char *bytes;
		bool plain;
	};
	// Label 100, S, TTL 64 is 00 06 41 40; its bit 0x40 is one of those that a mark may have.
	const Case cases[] = {
		{"00 06 41 40  45", true},
		{"00 06 41 40  60", true},
		{"08 06 41 40  45", false},
		{"00 06 40 40  45", false},
		{"00 06 41 40  10 00 7f f8", false},
		{"00 06 41 40  00", false},
		{"00 06 41 40", false},
		{"00 06 41", false},
		{"", false},
		{"00 06 40 40  00 06 41 40", false},
	};

	for (const Case &c : cases) {
		const Bytes bytes = hex(c.bytes);
		const Exact stack(bytes);

		EXPECT_EQ(itun_mpls_is_plain(stack.get(), static_cast<u32>(bytes.size()), 0x8000),
			  c.plain)
			<< c.bytes;
		EXPECT_FALSE(
			itun_mpls_is_plain(stack.get(), static_cast<u32>(bytes.size()), 0x8040))
			<< c.bytes;
	}
}

TEST(Mpls, AMessageIsInAChannelForExperiments)
{
	// RFC 5586: 0001, version 0, reserved; type 0x7ff8.
	const Exact ours(hex("10 00 7f f8"));

	EXPECT_TRUE(itun_mpls_is_message(ours.get()));
	for (const char *other : {"10 00 7f f9", "11 00 7f f8", "10 01 7f f8", "00 00 7f f8",
				  "40 00 7f f8", "45 00 00 54"})
		EXPECT_FALSE(itun_mpls_is_message(hex(other).data())) << other;
	EXPECT_EQ(itun_mpls_protocol(0x10), 0);
}

TEST(Mpls, AnEntryIsBuiltAndReadBack)
{
	const Exact entry(hex("a5 a5 a5 a5"));

	itun_mpls_build(entry.get(), 100, 64);
	EXPECT_EQ(Bytes(entry.get(), entry.get() + 4), hex("00 06 41 40"));
	itun_mpls_build(entry.get(), ITUN_MPLS_LABEL_MAX, 255);
	EXPECT_EQ(Bytes(entry.get(), entry.get() + 4), hex("ff ff f1 ff"));
	EXPECT_EQ(itun_mpls_label(entry.get()), unsigned{ITUN_MPLS_LABEL_MAX});
	EXPECT_EQ(itun_mpls_bottom(entry.get(), 4), 0);
}
