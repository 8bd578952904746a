// SPDX-License-Identifier: GPL-2.0
// What an ICMP error has of the packet that it is about. Expected values come from
// RFC 791, RFC 792, RFC 8200 and RFC 4443, by hand.
#include "embedded.h"
#include "packet.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <string>

namespace
{

// 200.1.1.2 to 10.1.1.2, UDP, 8 bytes of it.
const Bytes ip4 = hex("45000054 12344000 4011 0000 c8010102 0a010102");
const Bytes udp = hex("9c40 0009 0040 1234");
// 2001:db8:c1::2 to 2001:db8:10::2
const Bytes ip6 = hex("60000000 0040 11 40"
		      "20010db8 00c10000 00000000 00000002 20010db8 00100000 00000000 00000002");

std::string address(const itun_addr &addr, int family)
{
	char text[INET6_ADDRSTRLEN];

	return inet_ntop(family == 4 ? AF_INET : AF_INET6, addr.bytes, text, sizeof(text));
}

// "SRC SPORT DST DPORT PROTOCOL", or "" where the flow cannot be told.
std::string parsed(const Bytes &bytes, u8 family)
{
	const Exact exact(bytes);
	itun_tuple tuple;

	if (!itun_embedded_parse(exact.get(), static_cast<u32>(bytes.size()), family, &tuple))
		return "";
	EXPECT_EQ(tuple.family, family);
	EXPECT_EQ(tuple.pad, 0);
	return address(tuple.src, family) + " " + std::to_string(ntohs(tuple.sport)) + " " +
	       address(tuple.dst, family) + " " + std::to_string(ntohs(tuple.dport)) + " " +
	       std::to_string(tuple.protocol);
}

TEST(Embedded, UdpOverIp4)
{
	EXPECT_EQ(parsed(ip4 + udp, 4), "200.1.1.2 40000 10.1.1.2 9 17");
}

TEST(Embedded, FourBytesOfTransportAreEnough)
{
	EXPECT_EQ(parsed(ip4 + hex("9c40 0009"), 4), "200.1.1.2 40000 10.1.1.2 9 17");
	EXPECT_EQ(parsed(ip4 + hex("9c40 00"), 4), "");
}

TEST(Embedded, OptionsAreSteppedOver)
{
	EXPECT_EQ(parsed(with(ip4, 0, "47") + hex("01010101 01010100") + udp, 4),
		  "200.1.1.2 40000 10.1.1.2 9 17");
	EXPECT_EQ(parsed(with(ip4, 0, "4f") + udp, 4), "") << "options beyond what there is";
	EXPECT_EQ(parsed(with(ip4, 0, "44") + udp, 4), "") << "a header shorter than a header";
}

TEST(Embedded, TcpSctpAndOthers)
{
	EXPECT_EQ(parsed(with(ip4, 9, "06") + udp, 4), "200.1.1.2 40000 10.1.1.2 9 6");
	EXPECT_EQ(parsed(with(ip4, 9, "84") + udp, 4), "200.1.1.2 40000 10.1.1.2 9 132");
	EXPECT_EQ(parsed(with(ip4, 9, "2f") + udp, 4), "200.1.1.2 0 10.1.1.2 0 47")
		<< "by addresses alone";
}

// An echo request's identifier stands where the session's source port is, its type
// where the destination's; in a reply the other way round.
TEST(Embedded, Echo)
{
	EXPECT_EQ(parsed(with(ip4, 9, "01") + hex("0800 0000 1234 0001"), 4),
		  "200.1.1.2 4660 10.1.1.2 8 1");
	EXPECT_EQ(parsed(with(ip4, 9, "01") + hex("0000 0000 1234 0001"), 4),
		  "200.1.1.2 8 10.1.1.2 4660 1");
	EXPECT_EQ(parsed(with(ip4, 9, "01") + hex("0303 0000 0000 0000"), 4), "")
		<< "an error about an error";
	EXPECT_EQ(parsed(with(ip6, 6, "3a") + hex("8000 0000 1234 0001"), 6),
		  "2001:db8:c1::2 4660 2001:db8:10::2 128 58");
}

TEST(Embedded, Fragments)
{
	EXPECT_EQ(parsed(with(ip4, 6, "2000") + udp, 4), "200.1.1.2 40000 10.1.1.2 9 17")
		<< "the first one has the ports";
	EXPECT_EQ(parsed(with(ip4, 6, "0001") + udp, 4), "") << "a later one has none";
	EXPECT_EQ(parsed(with(ip6, 6, "2c") + hex("11000001 00000007") + udp, 6),
		  "2001:db8:c1::2 40000 2001:db8:10::2 9 17");
	EXPECT_EQ(parsed(with(ip6, 6, "2c") + hex("11000008 00000007") + udp, 6), "");
}

TEST(Embedded, UdpOverIp6)
{
	EXPECT_EQ(parsed(ip6 + udp, 6), "2001:db8:c1::2 40000 2001:db8:10::2 9 17");
}

TEST(Embedded, ExtensionsAreSteppedOver)
{
	const Bytes options = hex("00 00 0104 00000000");

	EXPECT_EQ(parsed(with(ip6, 6, "3c") + with(options, 0, "11") + udp, 6),
		  "2001:db8:c1::2 40000 2001:db8:10::2 9 17");
	EXPECT_EQ(parsed(with(ip6, 6, "3c") + hex("11 ff 0104 00000000") + udp, 6), "")
		<< "one that is longer than what there is";
	Bytes chain = with(ip6, 6, "3c");
	for (int i = 0; i < 9; i++)
		chain = chain + with(options, 0, i == 8 ? "11" : "3c");
	EXPECT_EQ(parsed(chain + udp, 6), "") << "nine of them";
}

TEST(Embedded, OtherFamilyThanTheError)
{
	EXPECT_EQ(parsed(ip4 + udp, 6), "");
	EXPECT_EQ(parsed(ip6 + udp, 4), "");
}

// Nothing beyond what is there is read, wherever it ends: the sanitizer watches.
TEST(Embedded, CutAtEachByte)
{
	const Bytes whole4 = with(ip4, 0, "46") + hex("01010101") + udp;
	const Bytes whole6 =
		with(ip6, 6, "2c") + hex("3c000001 00000007") + hex("11 00 0104 00000000") + udp;

	for (std::size_t size = 0; size < whole4.size() - 4; size++)
		EXPECT_EQ(parsed(Bytes(whole4.begin(), whole4.begin() + size), 4), "") << size;
	for (std::size_t size = 0; size < whole6.size() - 4; size++)
		EXPECT_EQ(parsed(Bytes(whole6.begin(), whole6.begin() + size), 6), "") << size;
}

} // namespace
