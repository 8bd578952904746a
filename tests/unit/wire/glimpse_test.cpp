// SPDX-License-Identifier: GPL-2.0
#include "glimpse.h"
#include "packet.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

namespace
{

const Bytes mac = hex("02 00 00 00 00 01  02 00 00 00 00 02");
const Bytes type4 = hex("08 00");
// RFC 791: version and IHL, TOS, length 28; id, DF; TTL, protocol, checksum; 10.1.1.2, 200.1.1.2.
const Bytes ip4 = hex("45 00 00 1c  00 07 40 00  40 11 00 00  0a 01 01 02  c8 01 01 02");
// RFC 768: ports 53 and 40000, length 8.
const Bytes udp = hex("00 35 9c 40  00 08 00 00");

struct Seen {
	bool seen;
	__be32 src = 0;
	__be16 sport = 0;
};

Seen glimpse(const Bytes &frame, std::size_t avail)
{
	const Exact exact(frame, avail);
	Seen result{};

	result.seen = itun_glimpse_ethernet(exact.get(), static_cast<u32>(avail), &result.src,
					    &result.sport);
	return result;
}

Seen glimpse(const Bytes &frame)
{
	return glimpse(frame, frame.size());
}

} // namespace

TEST(Glimpse, FindsSourceAndPortOfUdp)
{
	const Seen seen = glimpse(mac + type4 + ip4 + udp);

	ASSERT_TRUE(seen.seen);
	EXPECT_EQ(ntohl(seen.src), 0x0a010102u);
	EXPECT_EQ(ntohs(seen.sport), 53);
}

TEST(Glimpse, FindsSourceAndPortOfTcp)
{
	const Seen seen = glimpse(mac + type4 + with(ip4, 9, "06") + hex("01 bb 9c 40"));

	ASSERT_TRUE(seen.seen);
	EXPECT_EQ(ntohs(seen.sport), 443);
}

TEST(Glimpse, NeedsThePortsAndNoMore)
{
	const Bytes frame = mac + type4 + ip4 + udp;

	for (std::size_t avail = 0; avail < 14 + 24; avail++)
		EXPECT_FALSE(glimpse(frame, avail).seen) << avail;
	EXPECT_TRUE(glimpse(frame, 14 + 24).seen);
}

TEST(Glimpse, DontFragmentIsNoFragment)
{
	EXPECT_TRUE(glimpse(mac + type4 + with(ip4, 6, "40 00") + udp).seen);
}

TEST(Glimpse, LeavesFragmentsToTheParser)
{
	EXPECT_FALSE(glimpse(mac + type4 + with(ip4, 6, "20 00") + udp).seen) << "first";
	EXPECT_FALSE(glimpse(mac + type4 + with(ip4, 6, "00 01") + udp).seen) << "later";
	EXPECT_FALSE(glimpse(mac + type4 + with(ip4, 6, "1f ff") + udp).seen) << "last";
}

TEST(Glimpse, LeavesOptionsAndOtherVersionsToTheParser)
{
	EXPECT_FALSE(glimpse(mac + type4 + with(ip4, 0, "46") + udp + udp).seen);
	EXPECT_FALSE(glimpse(mac + type4 + with(ip4, 0, "65") + udp).seen);
}

TEST(Glimpse, LeavesOtherProtocolsToTheParser)
{
	// ICMP's first bytes are no port; SCTP's are, but it is rare.
	for (const char *protocol : {"01", "2f", "32", "3a", "84", "88"})
		EXPECT_FALSE(glimpse(mac + type4 + with(ip4, 9, protocol) + udp).seen) << protocol;
}

TEST(Glimpse, LeavesTagsAndIpv6ToTheParser)
{
	EXPECT_FALSE(glimpse(mac + hex("81 00 00 07") + type4 + ip4 + udp).seen);
	EXPECT_FALSE(glimpse(mac + hex("86 dd") + ip4 + udp).seen);
}

// The usual parser: what it takes, and what it leaves to the whole one. The fuzzer shows that the
// two agree.
namespace
{

bool usual(const Bytes &packet, itun_inner *inner, std::size_t avail)
{
	const Exact exact(packet, avail);

	return itun_inner_parse_usual(exact.get(), static_cast<u32>(avail),
				      static_cast<u32>(packet.size()), inner);
}

bool usual(const Bytes &packet)
{
	itun_inner inner;

	return usual(packet, &inner, packet.size());
}

// Total length 40; RFC 9293: ports 443 and 40000, sequence, acknowledgement, offset 5, FIN and ACK.
const Bytes ip4_tcp = with(with(ip4, 2, "00 28"), 9, "06");
const Bytes tcp = hex("01 bb 9c 40  00 00 00 01  00 00 00 02  50 11 01 00  00 00 00 00");

} // namespace

TEST(Usual, ReadsUdp)
{
	itun_inner inner;

	ASSERT_TRUE(usual(ip4 + udp, &inner, 28));
	EXPECT_EQ(ntohl(inner.tuple.src.ip), 0x0a010102u);
	EXPECT_EQ(ntohl(inner.tuple.dst.ip), 0xc8010102u);
	EXPECT_EQ(ntohs(inner.tuple.sport), 53);
	EXPECT_EQ(ntohs(inner.tuple.dport), 40000);
	EXPECT_EQ(inner.tuple.family, 4);
	EXPECT_EQ(inner.tuple.protocol, 17);
	EXPECT_EQ(inner.l4_offset, 20);
	EXPECT_EQ(inner.ethertype, 0x0800);
	EXPECT_EQ(inner.fragment_id, 7u);
	EXPECT_FALSE(inner.opens || inner.fragment || inner.later || inner.related);
}

TEST(Usual, ReadsTcpAndItsFlags)
{
	itun_inner inner;

	ASSERT_TRUE(usual(ip4_tcp + tcp, &inner, 40));
	EXPECT_EQ(ntohs(inner.tuple.sport), 443);
	EXPECT_EQ(inner.tcp_flags, ITUN_TCP_FIN | ITUN_TCP_ACK);
	EXPECT_FALSE(inner.opens);
	ASSERT_TRUE(usual(ip4_tcp + with(tcp, 13, "02"), &inner, 40));
	EXPECT_TRUE(inner.opens) << "SYN";
	ASSERT_TRUE(usual(ip4_tcp + with(tcp, 13, "12"), &inner, 40));
	EXPECT_FALSE(inner.opens) << "SYN, ACK";
}

TEST(Usual, NeedsTheHeadersAndNoMore)
{
	itun_inner inner;

	for (std::size_t avail = 0; avail < 28; avail++)
		EXPECT_FALSE(usual(ip4 + udp, &inner, avail)) << avail;
	for (std::size_t avail = 0; avail < 40; avail++)
		EXPECT_FALSE(usual(ip4_tcp + tcp, &inner, avail)) << avail;
}

TEST(Usual, TakesPadding)
{
	EXPECT_TRUE(usual(ip4 + udp + hex("00 00 00 00")));
}

TEST(Usual, LeavesWrongLengthsToTheParser)
{
	EXPECT_FALSE(usual(with(ip4, 2, "00 1d") + udp)) << "more than there is";
	EXPECT_FALSE(usual(with(ip4, 2, "00 1b") + udp)) << "less than the headers";
	EXPECT_FALSE(usual(with(ip4, 2, "00 00") + udp)) << "none";
	EXPECT_FALSE(usual(ip4 + with(udp, 4, "00 09"))) << "UDP has more";
	EXPECT_FALSE(usual(ip4 + with(udp, 4, "00 00"))) << "UDP has none";
	EXPECT_FALSE(usual(ip4_tcp + with(tcp, 12, "40"))) << "TCP's header too short";
	EXPECT_FALSE(usual(ip4_tcp + with(tcp, 12, "60"))) << "TCP's header too long";
}

TEST(Usual, LeavesAllElseToTheParser)
{
	EXPECT_FALSE(usual(with(ip4, 0, "46") + udp + udp)) << "options";
	EXPECT_FALSE(usual(with(ip4, 0, "65") + udp)) << "version";
	EXPECT_FALSE(usual(with(ip4, 6, "20 00") + udp)) << "first fragment";
	EXPECT_FALSE(usual(with(ip4, 6, "00 01") + udp)) << "later fragment";
	EXPECT_TRUE(usual(with(ip4, 6, "40 00") + udp)) << "DF";
	for (const char *protocol : {"01", "2f", "84", "88"})
		EXPECT_FALSE(usual(with(ip4, 9, protocol) + udp)) << protocol;
	EXPECT_FALSE(usual(with(ip4, 16, "ff ff ff ff") + udp)) << "broadcast";
	EXPECT_FALSE(usual(with(ip4, 12, "00 00 00 00") + udp)) << "no source";
	EXPECT_FALSE(usual(with(ip4, 12, "7f 00 00 01") + udp)) << "loopback";
	EXPECT_FALSE(usual(with(ip4, 16, "e0 00 00 01") + udp)) << "multicast";
}
