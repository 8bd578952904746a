// SPDX-License-Identifier: GPL-2.0
/* Addresses and the names of things. */
#include "client/address.h"
#include "client/names.h"

#include <gtest/gtest.h>

using namespace ipvs_tun;

TEST(Address, BothFamilies)
{
	EXPECT_EQ(Address::parse("192.0.2.1")->str(), "192.0.2.1");
	EXPECT_EQ(Address::parse("2001:DB8:0::1")->str(), "2001:db8::1");
	for (const char *bad :
	     {"", "1.2.3", "01.2.3.4", "1.2.3.4.5", "1.2.3.256", "::g", " 1.2.3.4"})
		EXPECT_FALSE(Address::parse(bad)) << bad;
}

TEST(Prefix, LengthsAreChecked)
{
	EXPECT_EQ(Prefix::parse("10.0.0.0/8")->str(), "10.0.0.0/8");
	EXPECT_EQ(Prefix::parse("10.0.0.1")->str(), "10.0.0.1");
	EXPECT_EQ(Prefix::parse("10.0.0.1/32")->str(), "10.0.0.1");
	EXPECT_EQ(Prefix::parse("0.0.0.0/0")->str(), "0.0.0.0/0");
	EXPECT_EQ(Prefix::parse("2001:db8::/32")->length, 32);
	for (const char *bad : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "/8",
				"::/129", "10.0.0.0/ 8"})
		EXPECT_FALSE(Prefix::parse(bad)) << bad;
}

TEST(Prefix, MasksAtEveryLength)
{
	Address ones = *Address::parse("255.255.255.255");

	for (unsigned length = 0; length <= 32; length++) {
		std::uint32_t expected = length ? 0xffffffffu << (32 - length) : 0;
		Address masked = ones.masked(length);
		auto bytes = masked.bytes();
		std::uint32_t got = static_cast<std::uint32_t>(bytes[0]) << 24 | bytes[1] << 16 |
				    bytes[2] << 8 | bytes[3];

		EXPECT_EQ(got, expected) << length;
	}
}

TEST(Prefix, ContainsOnlyItsFamily)
{
	EXPECT_TRUE(Prefix::parse("0.0.0.0/0")->contains(*Address::parse("1.2.3.4")));
	EXPECT_FALSE(Prefix::parse("0.0.0.0/0")->contains(*Address::parse("::1")));
	EXPECT_FALSE(Prefix::parse("10.0.0.0/9")->contains(*Address::parse("10.128.0.0")));
}

TEST(Mac, StrictInItsForm)
{
	EXPECT_EQ(Mac::parse("02:83:49:F1:0b:4d")->str(), "02:83:49:f1:0b:4d");
	EXPECT_EQ(Mac::parse("02-83-49-f1-0b-4d")->str(), "02:83:49:f1:0b:4d");
	for (const char *bad : {"", "02:83:49:f1:0b", "02:83:49:f1:0b:4", "02:83:49:f1:0b:4d:00",
				"02:83:49:f1:0b:g0", "02:83-49:f1:0b:4d", "0283:49:f1:0b:4d:0"})
		EXPECT_FALSE(Mac::parse(bad)) << bad;
}

TEST(Names, OfProtocols)
{
	EXPECT_EQ(protocol_name(6), "tcp");
	EXPECT_EQ(protocol_name(17), "udp");
	EXPECT_EQ(protocol_name(58), "icmpv6");
	EXPECT_EQ(protocol_name(132), "sctp");
	EXPECT_EQ(protocol_name(253), "253");
	EXPECT_EQ(parse_protocol("tcp"), 6);
	EXPECT_EQ(parse_protocol("ipv6-icmp"), 58);
	EXPECT_EQ(parse_protocol("icmpv6"), 58);
	EXPECT_EQ(parse_protocol("0"), 0);
	EXPECT_EQ(parse_protocol("255"), 255);
	for (const char *bad : {"", "256", "-1", "6x", "nonsense"})
		EXPECT_FALSE(parse_protocol(bad)) << bad;
}

TEST(Names, OfWhatOnlyANewerModuleKnows)
{
	EXPECT_EQ(name(static_cast<SessionState>(99)), "unknown-99");
	EXPECT_EQ(name(static_cast<TunnelType>(99)), "unknown-99");
	EXPECT_EQ(name(TunnelType::vxlan), "vxlan");
}

TEST(Names, OfSteps)
{
	EXPECT_EQ(parse_steps("all"), 15u);
	EXPECT_EQ(parse_steps("backhaul"), 12u);
	EXPECT_EQ(parse_steps("record"), 2u);
	EXPECT_FALSE(parse_steps("bogus"));
	EXPECT_EQ(step_names(5), (std::vector<std::string>{"mark", "steer"}));
}
