// SPDX-License-Identifier: GPL-2.0
/* What users type. */
#include "misuse.h"
#include "tool/arguments.h"

#include <gtest/gtest.h>

using namespace ipvs_tun;
using namespace ipvs_tun::test;

TEST(Numbers, InThreeBases)
{
	EXPECT_EQ(arguments::number("10", "n", 0, 100), 10u);
	EXPECT_EQ(arguments::number("0x10", "n", 0, 100), 16u);
	EXPECT_EQ(arguments::number("0X1f", "n", 0, 100), 31u);
	EXPECT_EQ(arguments::number("010", "n", 0, 100), 8u);
	EXPECT_EQ(arguments::number("0", "n", 0, 100), 0u);
}

TEST(Numbers, AreStrict)
{
	for (const char *bad :
	     {"", "x", "-1", "+1", " 1", "1 ", "1.0", "0x", "0xg", "08", "99999999999999999999"})
		EXPECT_NE(misuse([&] { arguments::number(bad, "thing", 0, 100); }), "none") << bad;
	EXPECT_EQ(misuse([] { arguments::number("101", "thing", 1, 100); }),
		  "101 is out of range for a thing: it goes from 1 to 100");
	EXPECT_EQ(misuse([] { arguments::number("4294967296", "thing", 0, 0xffffffff); }),
		  "4294967296 is out of range for a thing: it goes from 0 to 4294967295");
}

TEST(Marks, ValueAndMask)
{
	Mark mark = arguments::mark("0x48594c42");

	EXPECT_EQ(mark.value, 0x48594c42u);
	EXPECT_EQ(mark.mask, 0xffffffffu);
	mark = arguments::mark("16384/0x4000");
	EXPECT_EQ(mark.value, 0x4000u);
	EXPECT_EQ(mark.mask, 0x4000u);
	EXPECT_EQ(arguments::mark("0/1").value, 0u);
}

TEST(Marks, ThatCannotMatchAreRefused)
{
	EXPECT_EQ(misuse([] { arguments::mark("0x3/0x1"); }),
		  "0x3/0x1 never matches: the value 0x3 has bits outside of the mask 0x1");
	EXPECT_NE(misuse([] { arguments::mark("0/0"); }), "none");
	EXPECT_NE(misuse([] { arguments::mark("1/"); }), "none");
	EXPECT_NE(misuse([] { arguments::mark("1/2/3"); }), "none");
	EXPECT_NE(misuse([] { arguments::mark("0x100000000"); }), "none");
}

TEST(Vnis, ASortedListWithoutRepetition)
{
	EXPECT_EQ(arguments::vnis("300,100,300"), (std::vector<std::uint32_t>{100, 300}));
	EXPECT_EQ(arguments::vnis("16777215").front(), 16777215u);
	EXPECT_NE(misuse([] { arguments::vnis("16777216"); }), "none");
	EXPECT_NE(misuse([] { arguments::vnis("1,,2"); }), "none");
	EXPECT_NE(misuse([] { arguments::vnis("1,"); }), "none");
	std::string many = "0";
	for (int i = 1; i < 65; i++)
		many.append(",").append(std::to_string(i));
	EXPECT_EQ(misuse([&] { arguments::vnis(many); }), "65 VNIs are too many: 64 can be named");
}

TEST(Prefixes, AsNamesHaveNoBitsBeyondTheirLength)
{
	EXPECT_EQ(arguments::exact_prefix("10.0.0.0/8").str(), "10.0.0.0/8");
	EXPECT_EQ(misuse([] { arguments::exact_prefix("10.0.0.1/8"); }),
		  "10.0.0.1/8 has bits set beyond its length; 10.0.0.0/8 is the prefix");
	EXPECT_EQ(arguments::prefix("10.0.0.1/8").str(), "10.0.0.0/8");
}

TEST(SecondMarks, WithAndWithoutTheNormalBits)
{
	EXPECT_EQ(arguments::second_mark("0xf8", TunnelType::vxlan), 0xf0u);
	EXPECT_EQ(arguments::second_mark("0xf0", TunnelType::vxlan), 0xf0u);
	EXPECT_EQ(arguments::second_mark("0x80", TunnelType::gre), 0x80u);
	EXPECT_EQ(arguments::second_mark("0x08000", TunnelType::mpls), 0x8000u);
	EXPECT_NE(misuse([] { arguments::second_mark("0x08", TunnelType::vxlan); }), "none");
	EXPECT_NE(misuse([] { arguments::second_mark("0x100", TunnelType::vxlan); }), "none");
	EXPECT_NE(misuse([] { arguments::second_mark("0", TunnelType::gre); }), "none");
}

TEST(Tunnels, AsAMask)
{
	EXPECT_EQ(arguments::tunnel_mask("vxlan"), 2u);
	EXPECT_EQ(arguments::tunnel_mask("vxlan,gre"), 6u);
	EXPECT_EQ(misuse([] { arguments::tunnel_mask("vxlan,ipip"); }),
		  "\"ipip\" is no tunnel type; the types are vxlan, gre, mpls, geneve");
}

TEST(Tunnels, NoneIsAWayOfSessionsAlone)
{
	EXPECT_EQ(arguments::session_tunnel("local"), TunnelType::local);
	EXPECT_EQ(arguments::session_tunnel("gre"), TunnelType::gre);
	EXPECT_EQ(misuse([] { arguments::tunnel_type("local"); }),
		  "\"local\" is no tunnel type; the types are vxlan, gre, mpls, geneve");
	EXPECT_EQ(misuse([] { arguments::tunnel_mask("vxlan,local"); }),
		  "\"local\" is no tunnel type; the types are vxlan, gre, mpls, geneve");
}

TEST(Protocols, AreNamesOrNumbersOfAnyKind)
{
	EXPECT_EQ(arguments::protocol("tcp"), 6);
	EXPECT_EQ(arguments::protocol("17"), 17);
	EXPECT_EQ(arguments::protocol("0x6"), 6);
	EXPECT_EQ(arguments::protocol("010"), 8);
	for (const char *bad : {"256", "0x100", "-1", "6 ", "bogus", ""})
		EXPECT_NE(misuse([&] { arguments::protocol(bad); }), "none") << bad;
}

TEST(Names, OfDevicesAndRules)
{
	EXPECT_EQ(arguments::device("eth0.100"), "eth0.100");
	for (const char *bad : {"", "0123456789abcdef", "a b", "a/b", "a:b", ".", ".."})
		EXPECT_NE(misuse([&] { arguments::device(bad); }), "none") << bad;
	EXPECT_EQ(arguments::name("web shop"), "web shop");
	EXPECT_NE(misuse([] { arguments::name(""); }), "none");
	EXPECT_NE(misuse([] { arguments::name(std::string(64, 'x')); }), "none");
	EXPECT_NE(misuse([] { arguments::name("a\nb"); }), "none");
}
