// SPDX-License-Identifier: GPL-2.0
#include "packet.h"
#include "vxlan.h"

#include <gtest/gtest.h>

TEST(Vxlan, ReadsTheHeaderOfRfc7348)
{
	// Section 5: flags, 24 reserved bits, VNI, 8 reserved bits.
	const Exact h(hex("08 00 00 00  12 34 56 00"));

	EXPECT_EQ(itun_vxlan_flags(h.get()), ITUN_VXLAN_NORMAL);
	EXPECT_EQ(itun_vxlan_vni(h.get()), 0x123456u);
}

TEST(Vxlan, ReservedBytesAreNotPartOfTheIdentifier)
{
	const Exact h(hex("08 ff ff ff  00 00 64 ff"));

	EXPECT_EQ(itun_vxlan_vni(h.get()), 100u);
}

TEST(Vxlan, TheDefaultMarkGivesF8AndTouchesNothingElse)
{
	Bytes h = hex("08 01 02 03  04 05 06 07");

	itun_vxlan_set_flags(h.data(), ITUN_VXLAN_NORMAL | ITUN_VXLAN_DEFAULT_MARK);
	EXPECT_EQ(h, hex("f8 01 02 03  04 05 06 07"));
	EXPECT_EQ(itun_vxlan_flags(h.data()), 0xf8);
}

TEST(Vxlan, TheMarkMayUseEveryBitButI)
{
	EXPECT_EQ(ITUN_VXLAN_ALLOWED | ITUN_VXLAN_NORMAL, 0xff);
	EXPECT_EQ(ITUN_VXLAN_ALLOWED & ITUN_VXLAN_NORMAL, 0);
	EXPECT_EQ(ITUN_VXLAN_DEFAULT_MARK & ~ITUN_VXLAN_ALLOWED, 0);
}

TEST(Vxlan, SettingTheIdentifierLeavesTheByteBehindIt)
{
	Bytes h = hex("f8 01 02 03  04 05 06 07");

	itun_vxlan_set_vni(h.data(), 0xabcdef);
	EXPECT_EQ(h, hex("f8 01 02 03  ab cd ef 07"));
	EXPECT_EQ(itun_vxlan_vni(h.data()), 0xabcdefu);
}

TEST(Vxlan, OnlyTwentyFourBitsOfAnIdentifierAreWritten)
{
	Bytes h = hex("08 00 00 00  00 00 00 00");

	itun_vxlan_set_vni(h.data(), 0xff000001);
	EXPECT_EQ(h, hex("08 00 00 00  00 00 01 00"));
}

TEST(Vxlan, NeedsEightBytesAndNoMore)
{
	const Exact h(hex("08 00 00 00  00 00 01 00"), ITUN_VXLAN_HLEN);

	itun_vxlan_set_flags(h.get(), 0x48);
	itun_vxlan_set_vni(h.get(), 2);
	EXPECT_EQ(itun_vxlan_flags(h.get()), 0x48);
	EXPECT_EQ(itun_vxlan_vni(h.get()), 2u);
}
