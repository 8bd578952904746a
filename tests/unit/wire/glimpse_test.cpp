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
