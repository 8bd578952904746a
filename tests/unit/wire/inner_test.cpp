// SPDX-License-Identifier: GPL-2.0
// Packets in, result out. Each case has a sentence on what it shows; expected
// values come from the RFCs and the byte counts, never from the parser.
#include "inner.h"
#include "packet.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <ostream>
#include <string>

namespace
{

// What a frame that names a flow must give. "readable" is how many bytes the
// parser may ask for, "headers" how many there must be at all, "end" where the
// IP packet ends when padding follows it (0: with the frame).
struct Expect {
	const char *src;
	const char *dst;
	unsigned sport = 0;
	unsigned dport = 0;
	unsigned protocol = 0;
	unsigned l4 = 34;
	unsigned readable = 0;
	unsigned headers = 0;
	unsigned l3 = 14;
	unsigned tags = 0;
	unsigned tcp_flags = 0;
	bool opens = false;
	bool fragment = false;
	unsigned icmp_type = 0;
	u32 fragment_id = 0;
	unsigned end = 0;
};

struct Flow {
	const char *name;
	const char *shows;
	Bytes frame;
	itun_inner_verdict verdict;
	Expect expect;
};

struct Refused {
	const char *name;
	const char *shows;
	Bytes frame;
	itun_inner_verdict verdict;
};

void PrintTo(const Flow &c, std::ostream *out)
{
	*out << c.shows;
}
void PrintTo(const Refused &c, std::ostream *out)
{
	*out << c.shows;
}

template <typename Case>
std::string name_of(const testing::TestParamInfo<Case> &info)
{
	return info.param.name;
}

const Bytes macs = hex("02 00 00 00 00 0b  02 00 00 00 00 0a");
const Bytes eth4 = macs + hex("08 00");
const Bytes eth6 = macs + hex("86 dd");

// An IPv4 header of 20 bytes, 200.1.1.2 to 10.1.1.2, id 0x1234.
Bytes ip4(std::string_view total, std::string_view protocol, std::string_view fragment = "40 00")
{
	return hex("45 00") + hex(total) + hex("12 34") + hex(fragment) + hex("40") +
	       hex(protocol) + hex("00 00  c8 01 01 02  0a 01 01 02");
}

// An IPv6 header, 2001:db8::1 to 2001:db8::2, flow label 0xabcde.
Bytes ip6(std::string_view payload, std::string_view next)
{
	return hex("60 0a bc de") + hex(payload) + hex(next) +
	       hex("40"
		   "20 01 0d b8  00 00 00 00  00 00 00 00  00 00 00 01"
		   "20 01 0d b8  00 00 00 00  00 00 00 00  00 00 00 02");
}

// 1000 to 80, 20 bytes, no options.
Bytes tcp(std::string_view flags, std::string_view offset = "50")
{
	return hex("03 e8 00 50  00 00 00 01  00 00 00 02") + hex(offset) + hex(flags) +
	       hex("ff ff  be ef  00 00");
}

// 3233 to 102.
Bytes udp(std::string_view length)
{
	return hex("0c a1 00 66") + hex(length) + hex("ca fe");
}

// 5000 to 6000.
Bytes sctp()
{
	return hex("13 88 17 70  00 00 00 07  de ad be ef");
}

// Echo with id 1234, sequence 1.
Bytes echo(std::string_view type)
{
	return hex(type) + hex("00 be ef  04 d2 00 01");
}

constexpr const char *client4 = "200.1.1.2";
constexpr const char *server4 = "10.1.1.2";
constexpr const char *client6 = "2001:db8::1";
constexpr const char *server6 = "2001:db8::2";

// clang-format off
const Flow flows[] = {
	{ "tcp4_syn", "a SYN opens a flow",
	  eth4 + ip4("00 28", "06") + tcp("02"), ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .sport = 1000, .dport = 80,
	    .protocol = 6, .readable = 54, .headers = 54, .tcp_flags = 0x02,
	    .opens = true, .fragment_id = 0x1234 } },
	{ "tcp4_syn_ack", "a SYN with ACK answers, it opens nothing",
	  eth4 + ip4("00 28", "06") + tcp("12"), ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .sport = 1000, .dport = 80,
	    .protocol = 6, .readable = 54, .headers = 54, .tcp_flags = 0x12,
	    .fragment_id = 0x1234 } },
	{ "tcp4_syn_ecn", "ECN set-up bits do not hide the SYN",
	  eth4 + ip4("00 28", "06") + tcp("c2"), ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .sport = 1000, .dport = 80,
	    .protocol = 6, .readable = 54, .headers = 54, .tcp_flags = 0xc2,
	    .opens = true, .fragment_id = 0x1234 } },
	{ "tcp4_data", "the payload need not be readable",
	  eth4 + ip4("00 2c", "06") + tcp("18") + hex("47 45 54 20"),
	  ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .sport = 1000, .dport = 80,
	    .protocol = 6, .readable = 54, .headers = 54, .tcp_flags = 0x18,
	    .fragment_id = 0x1234 } },
	{ "tcp4_tcp_options", "TCP options must exist, not be readable",
	  eth4 + ip4("00 3c", "06") + tcp("02", "a0") + zeros(20),
	  ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .sport = 1000, .dport = 80,
	    .protocol = 6, .readable = 54, .headers = 74, .tcp_flags = 0x02,
	    .opens = true, .fragment_id = 0x1234 } },
	{ "tcp4_ip_options", "40 bytes of IP options move the ports",
	  eth4 + with(ip4("00 50", "06"), 0, "4f") + zeros(40) + tcp("10"),
	  ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .sport = 1000, .dport = 80,
	    .protocol = 6, .l4 = 74, .readable = 94, .headers = 94,
	    .tcp_flags = 0x10, .fragment_id = 0x1234 } },
	{ "tcp4_vlan", "one 802.1Q tag",
	  macs + hex("81 00 00 64 08 00") + ip4("00 28", "06") + tcp("10"),
	  ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .sport = 1000, .dport = 80,
	    .protocol = 6, .l4 = 38, .readable = 58, .headers = 58, .l3 = 18,
	    .tags = 1, .tcp_flags = 0x10, .fragment_id = 0x1234 } },
	{ "tcp4_qinq", "an 802.1ad tag around an 802.1Q tag",
	  macs + hex("88 a8 00 0a 81 00 00 64 08 00") + ip4("00 28", "06") +
		  tcp("10"),
	  ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .sport = 1000, .dport = 80,
	    .protocol = 6, .l4 = 42, .readable = 62, .headers = 62, .l3 = 22,
	    .tags = 2, .tcp_flags = 0x10, .fragment_id = 0x1234 } },
	{ "tcp4_class_e", "240.0.0.0/4 is in use as private addresses",
	  with(eth4 + ip4("00 28", "06") + tcp("10"), 26, "f0 00 00 00"),
	  ITUN_INNER_FLOW,
	  { .src = "240.0.0.0", .dst = server4, .sport = 1000, .dport = 80,
	    .protocol = 6, .readable = 54, .headers = 54, .tcp_flags = 0x10,
	    .fragment_id = 0x1234 } },
	{ "udp4", "UDP has its ports where TCP has them",
	  eth4 + ip4("00 20", "11") + udp("00 0c") + hex("01 02 03 04"),
	  ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .sport = 3233, .dport = 102,
	    .protocol = 17, .readable = 42, .headers = 42,
	    .fragment_id = 0x1234 } },
	{ "udp4_padded", "padding to the smallest frame belongs to nobody",
	  eth4 + ip4("00 1d", "11") + udp("00 09") + hex("01") + zeros(17),
	  ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .sport = 3233, .dport = 102,
	    .protocol = 17, .readable = 42, .headers = 42,
	    .fragment_id = 0x1234, .end = 43 } },
	{ "udp4_length_zero", "UDP length 0: the rest of the packet",
	  eth4 + ip4("00 20", "11") + udp("00 00") + zeros(4),
	  ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .sport = 3233, .dport = 102,
	    .protocol = 17, .readable = 42, .headers = 42,
	    .fragment_id = 0x1234 } },
	{ "udplite4", "UDP-Lite covering its header only",
	  eth4 + ip4("00 20", "88") + udp("00 08") + zeros(4),
	  ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .sport = 3233, .dport = 102,
	    .protocol = 136, .readable = 42, .headers = 42,
	    .fragment_id = 0x1234 } },
	{ "sctp4_init", "an INIT chunk opens an association",
	  eth4 + ip4("00 34", "84") + sctp() + hex("01 00 00 14") + zeros(16),
	  ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .sport = 5000, .dport = 6000,
	    .protocol = 132, .readable = 47, .headers = 46, .opens = true,
	    .fragment_id = 0x1234 } },
	{ "sctp4_init_ack", "an INIT ACK chunk opens nothing",
	  eth4 + ip4("00 34", "84") + sctp() + hex("02 00 00 14") + zeros(16),
	  ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .sport = 5000, .dport = 6000,
	    .protocol = 132, .readable = 47, .headers = 46,
	    .fragment_id = 0x1234 } },
	{ "sctp4_no_chunk", "without a chunk there is no 13th byte to read",
	  eth4 + ip4("00 20", "84") + sctp(), ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .sport = 5000, .dport = 6000,
	    .protocol = 132, .readable = 46, .headers = 46,
	    .fragment_id = 0x1234 } },
	{ "dccp4_request", "DCCP type 0, Request, opens",
	  eth4 + ip4("00 24", "21") +
		  hex("0c a1 00 66  04 00 be ef  01 00 00 00 00 00 00 07"),
	  ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .sport = 3233, .dport = 102,
	    .protocol = 33, .readable = 46, .headers = 46, .opens = true,
	    .fragment_id = 0x1234 } },
	{ "dccp4_data", "DCCP type 2, Data, opens nothing",
	  eth4 + ip4("00 24", "21") +
		  hex("0c a1 00 66  04 00 be ef  05 00 00 00 00 00 00 07"),
	  ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .sport = 3233, .dport = 102,
	    .protocol = 33, .readable = 46, .headers = 46,
	    .fragment_id = 0x1234 } },
	{ "dccp4_sync", "DCCP type 8, Sync: all four bits of the type count",
	  eth4 + ip4("00 24", "21") +
		  hex("0c a1 00 66  04 00 be ef  11 00 00 00 00 00 00 07"),
	  ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .sport = 3233, .dport = 102,
	    .protocol = 33, .readable = 46, .headers = 46,
	    .fragment_id = 0x1234 } },
	{ "icmp4_echo", "a request's ports are its id and its type",
	  eth4 + ip4("00 1c", "01") + echo("08"), ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .sport = 1234, .dport = 8,
	    .protocol = 1, .readable = 42, .headers = 42, .opens = true,
	    .icmp_type = 8, .fragment_id = 0x1234 } },
	{ "icmp4_echo_reply", "a reply's ports are the request's, reversed",
	  eth4 + ip4("00 1c", "01") + echo("00"), ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .sport = 8, .dport = 1234,
	    .protocol = 1, .readable = 42, .headers = 42, .icmp_type = 0,
	    .fragment_id = 0x1234 } },
	{ "icmp4_unreachable", "an error is looked up by what it quotes",
	  eth4 + ip4("00 38", "01") + hex("03 01 be ef 00 00 00 00") +
		  ip4("00 28", "06") + hex("03 e8 00 50 00 00 00 01"),
	  ITUN_INNER_ICMP_ERROR,
	  { .src = client4, .dst = server4, .protocol = 1, .readable = 42,
	    .headers = 42, .icmp_type = 3, .fragment_id = 0x1234 } },
	{ "icmp4_time_exceeded", "type 11 is an error",
	  eth4 + ip4("00 1c", "01") + hex("0b 00 be ef 00 00 00 00"),
	  ITUN_INNER_ICMP_ERROR,
	  { .src = client4, .dst = server4, .protocol = 1, .readable = 42,
	    .headers = 42, .icmp_type = 11, .fragment_id = 0x1234 } },
	{ "esp4", "ESP: addresses alone; SPI and sequence are readable",
	  eth4 + ip4("00 24", "32") + zeros(16), ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .protocol = 50, .readable = 42,
	    .headers = 34, .fragment_id = 0x1234 } },
	{ "other4_empty", "an unknown protocol needs no payload",
	  eth4 + ip4("00 14", "fd"), ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .protocol = 253, .readable = 34,
	    .headers = 34, .fragment_id = 0x1234 } },
	{ "icmpv6_in_ipv4", "protocol 58 in IPv4 is just unknown",
	  eth4 + ip4("00 1c", "3a") + echo("80"), ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .protocol = 58, .readable = 42,
	    .headers = 34, .fragment_id = 0x1234 } },
	{ "fragment4_first", "the first fragment has the ports",
	  eth4 + ip4("00 24", "11", "20 00") + udp("05 dc") + zeros(8),
	  ITUN_INNER_FLOW,
	  { .src = client4, .dst = server4, .sport = 3233, .dport = 102,
	    .protocol = 17, .readable = 42, .headers = 42, .fragment = true,
	    .fragment_id = 0x1234 } },
	{ "fragment4_middle", "a later fragment has addresses and an id",
	  eth4 + ip4("00 1c", "11", "20 01") + zeros(8), ITUN_INNER_FRAGMENT,
	  { .src = client4, .dst = server4, .protocol = 17, .readable = 34,
	    .headers = 34, .fragment_id = 0x1234 } },
	{ "fragment4_last", "the last fragment has no more-fragments bit",
	  eth4 + ip4("00 18", "06", "1f ff") + zeros(4), ITUN_INNER_FRAGMENT,
	  { .src = client4, .dst = server4, .protocol = 6, .readable = 34,
	    .headers = 34, .fragment_id = 0x1234 } },
	{ "tcp6", "IPv6 without extension headers",
	  eth6 + ip6("00 14", "06") + tcp("02"), ITUN_INNER_FLOW,
	  { .src = client6, .dst = server6, .sport = 1000, .dport = 80,
	    .protocol = 6, .l4 = 54, .readable = 74, .headers = 74,
	    .tcp_flags = 0x02, .opens = true } },
	{ "tcp6_qinq", "two tags around IPv6",
	  macs + hex("88 a8 00 0a 88 a8 00 64 86 dd") + ip6("00 14", "06") +
		  tcp("10"),
	  ITUN_INNER_FLOW,
	  { .src = client6, .dst = server6, .sport = 1000, .dport = 80,
	    .protocol = 6, .l4 = 62, .readable = 82, .headers = 82, .l3 = 22,
	    .tags = 2, .tcp_flags = 0x10 } },
	{ "udp6_padded", "bytes behind the payload length are padding",
	  eth6 + ip6("00 08", "11") + udp("00 08") + zeros(3),
	  ITUN_INNER_FLOW,
	  { .src = client6, .dst = server6, .sport = 3233, .dport = 102,
	    .protocol = 17, .l4 = 54, .readable = 62, .headers = 62,
	    .end = 62 } },
	{ "udp6_link_local", "link-local unicast can be a flow",
	  with(with(eth6 + ip6("00 08", "11") + udp("00 08"), 22, "fe 80"),
	       38, "fe 80"),
	  ITUN_INNER_FLOW,
	  { .src = "fe80:db8::1", .dst = "fe80:db8::2", .sport = 3233,
	    .dport = 102, .protocol = 17, .l4 = 54, .readable = 62,
	    .headers = 62 } },
	{ "icmp6_echo", "ICMPv6 request: id and 128",
	  eth6 + ip6("00 08", "3a") + echo("80"), ITUN_INNER_FLOW,
	  { .src = client6, .dst = server6, .sport = 1234, .dport = 128,
	    .protocol = 58, .l4 = 54, .readable = 62, .headers = 62,
	    .opens = true, .icmp_type = 128 } },
	{ "icmp6_echo_reply", "ICMPv6 reply: 128, not 129, and id",
	  eth6 + ip6("00 08", "3a") + echo("81"), ITUN_INNER_FLOW,
	  { .src = client6, .dst = server6, .sport = 128, .dport = 1234,
	    .protocol = 58, .l4 = 54, .readable = 62, .headers = 62,
	    .icmp_type = 129 } },
	{ "icmp6_too_big", "packet too big is an error",
	  eth6 + ip6("00 08", "3a") + hex("02 00 be ef 00 00 05 00"),
	  ITUN_INNER_ICMP_ERROR,
	  { .src = client6, .dst = server6, .protocol = 58, .l4 = 54,
	    .readable = 62, .headers = 62, .icmp_type = 2 } },
	{ "icmp4_in_ipv6", "protocol 1 in IPv6 is just unknown",
	  eth6 + ip6("00 08", "01") + echo("08"), ITUN_INNER_FLOW,
	  { .src = client6, .dst = server6, .protocol = 1, .l4 = 54,
	    .readable = 62, .headers = 54 } },
	{ "ext6_hop_by_hop", "hop-by-hop options of 16 bytes",
	  eth6 + ip6("00 24", "00") + hex("06 01") + zeros(14) + tcp("10"),
	  ITUN_INNER_FLOW,
	  { .src = client6, .dst = server6, .sport = 1000, .dport = 80,
	    .protocol = 6, .l4 = 70, .readable = 90, .headers = 90,
	    .tcp_flags = 0x10 } },
	{ "ext6_routing", "a routing header does not change the destination",
	  eth6 + ip6("00 20", "2b") +
		  hex("11 02 04 01 00 00 00 00"
		      "fd 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01") +
		  udp("00 08"),
	  ITUN_INNER_FLOW,
	  { .src = client6, .dst = server6, .sport = 3233, .dport = 102,
	    .protocol = 17, .l4 = 78, .readable = 86, .headers = 86 } },
	{ "ext6_ah", "AH counts in words of four, less two",
	  eth6 + ip6("00 20", "33") + hex("11 04 00 00") + zeros(20) +
		  udp("00 08"),
	  ITUN_INNER_FLOW,
	  { .src = client6, .dst = server6, .sport = 3233, .dport = 102,
	    .protocol = 17, .l4 = 78, .readable = 86, .headers = 86 } },
	{ "ext6_mobility", "a mobility header may carry another header",
	  eth6 + ip6("00 10", "87") + hex("11 00") + zeros(6) + udp("00 08"),
	  ITUN_INNER_FLOW,
	  { .src = client6, .dst = server6, .sport = 3233, .dport = 102,
	    .protocol = 17, .l4 = 62, .readable = 70, .headers = 70 } },
	{ "ext6_chain", "hop-by-hop, destination, routing, fragment, AH, "
			"destination, in the order of RFC 8200",
	  eth6 + ip6("00 40", "00") + hex("3c 00") + zeros(6) +
		  hex("2b 00") + zeros(6) + hex("2c 00") + zeros(6) +
		  hex("33 00 00 01 00 00 00 63") +
		  hex("3c 02") + zeros(14) + hex("11 00") + zeros(6) +
		  udp("05 dc"),
	  ITUN_INNER_FLOW,
	  { .src = client6, .dst = server6, .sport = 3233, .dport = 102,
	    .protocol = 17, .l4 = 110, .readable = 118, .headers = 118,
	    .fragment = true, .fragment_id = 0x63 } },
	{ "fragment6_first", "offset 0 and more to come: the ports are here",
	  eth6 + ip6("00 18", "2c") + hex("11 00 00 01 01 02 03 04") +
		  udp("05 dc") + zeros(8),
	  ITUN_INNER_FLOW,
	  { .src = client6, .dst = server6, .sport = 3233, .dport = 102,
	    .protocol = 17, .l4 = 62, .readable = 70, .headers = 70,
	    .fragment = true, .fragment_id = 0x01020304 } },
	{ "fragment6_later", "offset 8: no ports",
	  eth6 + ip6("00 10", "2c") + hex("11 00 00 09 01 02 03 04") +
		  zeros(8),
	  ITUN_INNER_FRAGMENT,
	  { .src = client6, .dst = server6, .protocol = 17, .l4 = 62,
	    .readable = 62, .headers = 62, .fragment_id = 0x01020304 } },
	{ "fragment6_atomic", "a lone fragment is a whole packet (RFC 6946)",
	  eth6 + ip6("00 10", "2c") + hex("11 00 00 00 01 02 03 04") +
		  udp("00 08"),
	  ITUN_INNER_FLOW,
	  { .src = client6, .dst = server6, .sport = 3233, .dport = 102,
	    .protocol = 17, .l4 = 62, .readable = 70, .headers = 70,
	    .fragment_id = 0x01020304 } },
};
// clang-format on

const Bytes good4 = eth4 + ip4("00 28", "06") + tcp("10");
const Bytes good6 = eth6 + ip6("00 14", "06") + tcp("10");
const Bytes dst8 = hex("3c 00") + zeros(6);

Bytes repeat(const Bytes &what, unsigned count)
{
	Bytes out;

	while (count--)
		out = out + what;
	return out;
}

// clang-format off
const Refused refused[] = {
	// Well-formed, never a session.
	{ "arp", "ARP",
	  macs + hex("08 06 00 01 08 00 06 04 00 01") + zeros(20),
	  ITUN_INNER_NOT_FLOW },
	{ "lldp", "another EtherType", macs + hex("88 cc") + zeros(46),
	  ITUN_INNER_NOT_FLOW },
	{ "llc", "an 802.3 length instead of an EtherType",
	  macs + hex("00 26 42 42 03") + zeros(35), ITUN_INNER_NOT_FLOW },
	{ "mac_broadcast", "to every host of the segment",
	  with(good4, 0, "ff ff ff ff ff ff"), ITUN_INNER_NOT_FLOW },
	{ "mac_multicast", "to a group of the segment",
	  with(good6, 0, "33 33 00 00 00 01"), ITUN_INNER_NOT_FLOW },
	{ "ip4_multicast", "224.0.0.0/4 with a unicast MAC",
	  with(good4, 30, "e0 00 00 12"), ITUN_INNER_NOT_FLOW },
	{ "ip4_multicast_top", "the last group, 239.255.255.255",
	  with(good4, 30, "ef ff ff ff"), ITUN_INNER_NOT_FLOW },
	{ "ip4_broadcast", "255.255.255.255 with a unicast MAC",
	  with(good4, 30, "ff ff ff ff"), ITUN_INNER_NOT_FLOW },
	{ "ip4_source_zero", "a host without an address, DHCP",
	  with(good4, 26, "00 00 00 00"), ITUN_INNER_NOT_FLOW },
	{ "ip4_source_multicast", "nobody answers to a group",
	  with(good4, 26, "e0 00 00 01"), ITUN_INNER_NOT_FLOW },
	{ "ip4_loopback_source", "127.0.0.0/8 never leaves a host",
	  with(good4, 26, "7f 00 00 01"), ITUN_INNER_NOT_FLOW },
	{ "ip4_loopback_destination", "127.0.0.0/8 never enters a host",
	  with(good4, 30, "7f ff ff fe"), ITUN_INNER_NOT_FLOW },
	{ "ip4_timestamp", "an ICMP request other than echo",
	  eth4 + ip4("00 28", "01") + hex("0d 00 be ef") + zeros(16),
	  ITUN_INNER_NOT_FLOW },
	{ "ip6_unspecified", "duplicate address detection has no source",
	  with(good6, 22, "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"),
	  ITUN_INNER_NOT_FLOW },
	{ "ip6_loopback", "::1 never leaves a host",
	  with(good6, 22, "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01"),
	  ITUN_INNER_NOT_FLOW },
	{ "ip6_multicast", "ff00::/8 with a unicast MAC",
	  with(good6, 38, "ff 02"), ITUN_INNER_NOT_FLOW },
	{ "ip6_no_next_header", "nothing follows, and that is allowed",
	  eth6 + ip6("00 00", "3b"), ITUN_INNER_NOT_FLOW },
	{ "ip6_binding_update", "a mobility header ends with no next header",
	  eth6 + ip6("00 08", "87") + hex("3b 00") + zeros(6),
	  ITUN_INNER_NOT_FLOW },
	{ "mld_query", "130", eth6 + ip6("00 08", "3a") + echo("82"),
	  ITUN_INNER_NOT_FLOW },
	{ "mld_report", "131", eth6 + ip6("00 08", "3a") + echo("83"),
	  ITUN_INNER_NOT_FLOW },
	{ "mld_done", "132", eth6 + ip6("00 08", "3a") + echo("84"),
	  ITUN_INNER_NOT_FLOW },
	{ "nd_rs", "133", eth6 + ip6("00 08", "3a") + echo("85"),
	  ITUN_INNER_NOT_FLOW },
	{ "nd_ra", "134", eth6 + ip6("00 08", "3a") + echo("86"),
	  ITUN_INNER_NOT_FLOW },
	{ "nd_ns", "135, unicast as in reachability checks",
	  eth6 + ip6("00 08", "3a") + echo("87"), ITUN_INNER_NOT_FLOW },
	{ "nd_na", "136", eth6 + ip6("00 08", "3a") + echo("88"),
	  ITUN_INNER_NOT_FLOW },
	{ "nd_redirect", "137", eth6 + ip6("00 08", "3a") + echo("89"),
	  ITUN_INNER_NOT_FLOW },
	{ "mld2_report", "143", eth6 + ip6("00 08", "3a") + echo("8f"),
	  ITUN_INNER_NOT_FLOW },
	{ "probe", "the readiness probe", macs + hex("88 b5 49 54 55 50"),
	  ITUN_INNER_PROBE },
	{ "probe_broadcast", "a probe is one whatever its destination",
	  hex("ff ff ff ff ff ff 02 00 00 00 00 0a 88 b5"),
	  ITUN_INNER_PROBE },
	{ "probe_tagged", "inside a VLAN it is only an EtherType",
	  macs + hex("81 00 00 01 88 b5") + zeros(40), ITUN_INNER_NOT_FLOW },

	// Ethernet.
	{ "empty", "nothing at all", {}, ITUN_INNER_BAD_ETHERNET },
	{ "mac_source_group", "no host has a group address",
	  with(good4, 6, "03"), ITUN_INNER_BAD_ETHERNET },
	{ "mac_source_zero", "no host has the zero address",
	  with(good4, 6, "00 00 00 00 00 00"), ITUN_INNER_BAD_ETHERNET },
	{ "vlan_cut", "a tag of three bytes",
	  macs + hex("81 00 00 64 08"), ITUN_INNER_BAD_VLAN },
	{ "vlan_cut_second", "no room for the second tag",
	  macs + hex("88 a8 00 0a 81 00"), ITUN_INNER_BAD_VLAN },
	{ "vlan_three", "three tags",
	  macs + hex("88 a8 00 0a 81 00 00 01 81 00 00 02 08 00") +
		  ip4("00 28", "06") + tcp("10"),
	  ITUN_INNER_BAD_VLAN },
	{ "vlan_empty", "a tag, then nothing, is cut IPv4",
	  macs + hex("81 00 00 64 08 00"), ITUN_INNER_BAD_IPV4 },

	// IPv4.
	{ "ip4_version", "version 6 behind the EtherType of IPv4",
	  with(good4, 14, "65"), ITUN_INNER_BAD_IPV4 },
	{ "ip4_header_16", "a header of 16 bytes", with(good4, 14, "44"),
	  ITUN_INNER_BAD_IPV4 },
	{ "ip4_header_0", "a header of no bytes", with(good4, 14, "40"),
	  ITUN_INNER_BAD_IPV4 },
	{ "ip4_header_too_long", "a header longer than the packet",
	  with(good4, 14, "4f"), ITUN_INNER_BAD_IPV4 },
	{ "ip4_total_short", "total length shorter than the header",
	  with(good4, 16, "00 13"), ITUN_INNER_BAD_IPV4 },
	{ "ip4_total_long", "total length longer than the frame",
	  with(good4, 16, "00 29"), ITUN_INNER_BAD_IPV4 },
	{ "ip4_total_zero", "total length 0 in a small packet",
	  with(good4, 16, "00 00"), ITUN_INNER_BAD_IPV4 },
	{ "ip4_options_cut", "total length ends inside the options",
	  with(with(eth4 + ip4("00 28", "06") + tcp("10"), 14, "46"), 16,
	       "00 17"),
	  ITUN_INNER_BAD_IPV4 },
	{ "ip4_option_0", "an option of no bytes",
	  with(eth4 + ip4("00 2c", "06") + hex("83 00 00 00") + tcp("10"), 14, "46"),
	  ITUN_INNER_BAD_IPV4 },
	{ "ip4_option_1", "an option of one byte that has a length",
	  with(eth4 + ip4("00 2c", "06") + hex("83 01 00 00") + tcp("10"), 14, "46"),
	  ITUN_INNER_BAD_IPV4 },
	{ "ip4_option_long", "an option longer than the header",
	  with(eth4 + ip4("00 2c", "06") + hex("83 05 00 00") + tcp("10"), 14, "46"),
	  ITUN_INNER_BAD_IPV4 },
	{ "ip4_option_cut", "an option without its length",
	  with(eth4 + ip4("00 2c", "06") + hex("01 01 01 83") + tcp("10"), 14, "46"),
	  ITUN_INNER_BAD_IPV4 },

	// IPv6.
	{ "ip6_version", "version 4 behind the EtherType of IPv6",
	  with(good6, 14, "40"), ITUN_INNER_BAD_IPV6 },
	{ "ip6_payload_long", "payload length longer than the frame",
	  with(good6, 18, "00 15"), ITUN_INNER_BAD_IPV6 },
	{ "ip6_payload_zero", "payload length 0 in front of a TCP header",
	  with(good6, 18, "00 00"), ITUN_INNER_BAD_TRANSPORT },
	{ "ext6_jumbo_small", "hop-by-hop with payload length 0, no jumbogram",
	  eth6 + ip6("00 00", "00") + hex("06 00 c2 04 00 00 00 20") +
		  tcp("10"),
	  ITUN_INNER_BAD_EXTENSION },
	{ "ext6_cut", "four bytes of an extension header",
	  eth6 + ip6("00 04", "3c") + hex("11 00 00 00"),
	  ITUN_INNER_BAD_EXTENSION },
	{ "ext6_long", "an extension header longer than the payload",
	  eth6 + ip6("00 10", "3c") + hex("11 02") + zeros(14),
	  ITUN_INNER_BAD_EXTENSION },
	{ "ext6_ah_long", "AH longer than the payload",
	  eth6 + ip6("00 10", "33") + hex("11 03") + zeros(14),
	  ITUN_INNER_BAD_EXTENSION },
	{ "ext6_hop_by_hop_second", "hop-by-hop behind another header",
	  eth6 + ip6("00 18", "3c") + hex("00 00") + zeros(6) +
		  hex("11 00") + zeros(6) + udp("00 08"),
	  ITUN_INNER_BAD_EXTENSION },
	{ "ext6_option_long", "an option longer than its header",
	  eth6 + ip6("00 10", "3c") + hex("11 00 01 05") + zeros(4) +
		  udp("00 08"),
	  ITUN_INNER_BAD_EXTENSION },
	{ "ext6_option_cut", "an option without its length",
	  eth6 + ip6("00 10", "00") + hex("11 00 01 03 00 00 00 05") +
		  udp("00 08"),
	  ITUN_INNER_BAD_EXTENSION },
	{ "ext6_fragment_twice", "a fragment of a fragment",
	  eth6 + ip6("00 18", "2c") + hex("2c 00 00 01 00 00 00 01") +
		  hex("11 00 00 01 00 00 00 02") + udp("00 08"),
	  ITUN_INNER_BAD_EXTENSION },
	{ "ext6_first_fragment_cut", "the first fragment holds the whole chain "
				     "(RFC 7112)",
	  eth6 + ip6("00 10", "2c") + hex("3c 00 00 01 00 00 00 01") +
		  hex("11 01") + zeros(6),
	  ITUN_INNER_BAD_EXTENSION },
	{ "ext6_nine", "nine extension headers are one too many",
	  eth6 + ip6("00 50", "3c") + repeat(dst8, 8) + hex("11 00") +
		  zeros(6) + udp("00 08"),
	  ITUN_INNER_BAD_EXTENSION },
	{ "ext6_520_bytes", "520 bytes of extension headers are too many",
	  eth6 + ip6("02 10", "3c") + hex("11 40") + zeros(518) +
		  udp("00 08"),
	  ITUN_INNER_BAD_EXTENSION },

	// Transport.
	{ "tcp_offset_16", "a TCP header of 16 bytes", with(good4, 46, "40"),
	  ITUN_INNER_BAD_TRANSPORT },
	{ "tcp_offset_0", "a TCP header of no bytes", with(good4, 46, "00"),
	  ITUN_INNER_BAD_TRANSPORT },
	{ "tcp_offset_long", "a TCP header longer than the packet",
	  with(good4, 46, "60"), ITUN_INNER_BAD_TRANSPORT },
	{ "tcp_19", "19 bytes of TCP",
	  eth4 + ip4("00 27", "06") + zeros(19), ITUN_INNER_BAD_TRANSPORT },
	{ "tcp_padding", "padding does not complete a header",
	  with(good4, 16, "00 27"), ITUN_INNER_BAD_TRANSPORT },
	{ "tcp_first_fragment_cut", "a first fragment without the whole header",
	  eth4 + ip4("00 1c", "06", "20 00") + zeros(8),
	  ITUN_INNER_BAD_TRANSPORT },
	{ "udp_7", "7 bytes of UDP", eth4 + ip4("00 1b", "11") + zeros(7),
	  ITUN_INNER_BAD_TRANSPORT },
	{ "udp_length_7", "a UDP length shorter than its header",
	  eth4 + ip4("00 1c", "11") + udp("00 07"), ITUN_INNER_BAD_TRANSPORT },
	{ "udp_length_long", "a UDP length longer than the packet",
	  eth4 + ip4("00 1c", "11") + udp("00 09"), ITUN_INNER_BAD_TRANSPORT },
	{ "udplite_coverage_7", "RFC 3828: coverage of 1 to 7 is illegal",
	  eth4 + ip4("00 1c", "88") + udp("00 07"), ITUN_INNER_BAD_TRANSPORT },
	{ "sctp_11", "11 bytes of SCTP", eth4 + ip4("00 1f", "84") + zeros(11),
	  ITUN_INNER_BAD_TRANSPORT },
	{ "dccp_11", "11 bytes of DCCP", eth4 + ip4("00 1f", "21") + zeros(11),
	  ITUN_INNER_BAD_TRANSPORT },
	{ "icmp_7", "7 bytes of ICMP", eth4 + ip4("00 1b", "01") + zeros(7),
	  ITUN_INNER_BAD_TRANSPORT },
	{ "icmp6_7", "7 bytes of ICMPv6", eth6 + ip6("00 07", "3a") + zeros(7),
	  ITUN_INNER_BAD_TRANSPORT },
};
// clang-format on

itun_inner garbage()
{
	itun_inner inner;

	std::memset(static_cast<void *>(&inner), 0x5a, sizeof(inner));
	return inner;
}

itun_inner_verdict parse(const Bytes &frame, itun_inner *inner)
{
	const Exact exact(frame);
	const u32 size = static_cast<u32>(frame.size());

	*inner = garbage();
	inner->opens = inner->fragment = false;
	return itun_inner_parse_ethernet(exact.get(), size, size, inner);
}

itun_tuple tuple_of(const Expect &expect, unsigned family)
{
	itun_tuple tuple;

	std::memset(&tuple, 0, sizeof(tuple));
	const int af = family == 4 ? AF_INET : AF_INET6;
	EXPECT_EQ(inet_pton(af, expect.src, tuple.src.bytes), 1);
	EXPECT_EQ(inet_pton(af, expect.dst, tuple.dst.bytes), 1);
	tuple.sport = htons(static_cast<std::uint16_t>(expect.sport));
	tuple.dport = htons(static_cast<std::uint16_t>(expect.dport));
	tuple.family = static_cast<u8>(family);
	tuple.protocol = static_cast<u8>(expect.protocol);
	return tuple;
}

unsigned family_of(const Flow &flow)
{
	// The version nibble.
	return flow.frame[flow.expect.l3] >> 4;
}

void expect_result(const Flow &flow, const itun_inner &inner, unsigned shift = 0)
{
	const Expect &e = flow.expect;
	const unsigned family = family_of(flow);
	const itun_tuple tuple = tuple_of(e, family);

	EXPECT_EQ(std::memcmp(&inner.tuple, &tuple, sizeof(tuple)), 0);
	EXPECT_EQ(ntohs(inner.tuple.sport), e.sport);
	EXPECT_EQ(ntohs(inner.tuple.dport), e.dport);
	EXPECT_EQ(inner.tuple.protocol, e.protocol);
	EXPECT_EQ(inner.l3_offset, e.l3 - shift);
	EXPECT_EQ(inner.l4_offset, e.l4 - shift);
	EXPECT_EQ(inner.ethertype, family == 4 ? 0x0800 : 0x86dd);
	EXPECT_EQ(inner.vlan_tags, shift ? 0 : e.tags);
	EXPECT_EQ(inner.tcp_flags, e.tcp_flags);
	EXPECT_EQ(inner.opens, e.opens);
	EXPECT_EQ(inner.fragment, e.fragment);
	EXPECT_EQ(inner.icmp_type, e.icmp_type);
	EXPECT_EQ(inner.fragment_id, e.fragment_id);
}

class InnerFlow : public testing::TestWithParam<Flow>
{
};

TEST_P(InnerFlow, GivesTheResult)
{
	const Flow &flow = GetParam();
	itun_inner inner;

	ASSERT_EQ(parse(flow.frame, &inner), flow.verdict);
	expect_result(flow, inner);
}

TEST_P(InnerFlow, GivesTheSameAsABarePacket)
{
	const Flow &flow = GetParam();
	const unsigned l3 = flow.expect.l3;
	const Exact exact(Bytes(flow.frame.begin() + l3, flow.frame.end()));
	const u32 size = static_cast<u32>(flow.frame.size() - l3);
	const u16 type = family_of(flow) == 4 ? 0x0800 : 0x86dd;
	itun_inner inner = {};

	ASSERT_EQ(itun_inner_parse_ip(exact.get(), size, size, type, &inner), flow.verdict);
	expect_result(flow, inner, l3);
}

// The frame ends too early: every header's length contradicts it.
TEST_P(InnerFlow, EveryPrefixIsMalformedWhereItIsCut)
{
	const Flow &flow = GetParam();
	const Expect &e = flow.expect;
	const std::size_t end = e.end ? e.end : flow.frame.size();

	for (std::size_t size = 0; size < flow.frame.size(); size++) {
		const Bytes cut(flow.frame.begin(), flow.frame.begin() + size);
		itun_inner_verdict wanted = flow.verdict;
		itun_inner inner;

		if (size < 14)
			wanted = ITUN_INNER_BAD_ETHERNET;
		else if (size < e.l3)
			wanted = ITUN_INNER_BAD_VLAN;
		else if (size < end && family_of(flow) == 4)
			wanted = ITUN_INNER_BAD_IPV4;
		else if (size < end)
			wanted = ITUN_INNER_BAD_IPV6;
		EXPECT_EQ(parse(cut, &inner), wanted) << size << " bytes";
	}
}

// The packet ends too early and its IP header agrees: the layer above is cut.
TEST_P(InnerFlow, EveryShorterPacketIsMalformedWhereItIsCut)
{
	const Flow &flow = GetParam();
	const Expect &e = flow.expect;
	const bool v4 = family_of(flow) == 4;
	const std::size_t fixed = e.l3 + (v4 ? 20 : 40);

	for (std::size_t size = fixed; size < e.headers; size++) {
		Bytes cut(flow.frame.begin(), flow.frame.begin() + size);
		itun_inner_verdict wanted = ITUN_INNER_BAD_TRANSPORT;
		itun_inner inner;

		if (v4)
			wire_put_be16(&cut[e.l3 + 2], static_cast<u16>(size - e.l3));
		else
			wire_put_be16(&cut[e.l3 + 4], static_cast<u16>(size - fixed));
		if (size < e.l4)
			wanted = v4 ? ITUN_INNER_BAD_IPV4 : ITUN_INNER_BAD_EXTENSION;
		EXPECT_EQ(parse(cut, &inner), wanted) << size << " bytes";
	}
}

// All bytes exist, not all are readable.
TEST_P(InnerFlow, AsksForWhatItNeedsAndNoMore)
{
	const Flow &flow = GetParam();
	const u32 total = static_cast<u32>(flow.frame.size());

	for (u32 avail = 0; avail <= total; avail++) {
		const Exact exact(flow.frame, avail);
		itun_inner inner = {};
		const auto verdict = itun_inner_parse_ethernet(exact.get(), avail, total, &inner);

		if (avail >= flow.expect.readable) {
			ASSERT_EQ(verdict, flow.verdict) << avail;
			expect_result(flow, inner);
			continue;
		}
		ASSERT_EQ(verdict, ITUN_INNER_SHORT) << avail;
		EXPECT_GT(inner.need, avail);
		EXPECT_LE(inner.need, flow.expect.readable);
	}
}

INSTANTIATE_TEST_SUITE_P(Wire, InnerFlow, testing::ValuesIn(flows), name_of<Flow>);

class InnerRefused : public testing::TestWithParam<Refused>
{
};

TEST_P(InnerRefused, GivesItsCause)
{
	itun_inner inner;

	EXPECT_EQ(parse(GetParam().frame, &inner), GetParam().verdict);
}

// However much is readable at first, following "need" ends in the same cause.
TEST_P(InnerRefused, GivesItsCauseAlsoByAndBy)
{
	const Bytes &frame = GetParam().frame;
	const u32 total = static_cast<u32>(frame.size());

	for (u32 first = 0; first <= total; first++) {
		itun_inner_verdict verdict;
		itun_inner inner = {};
		u32 avail = first;

		for (;;) {
			const Exact exact(frame, avail);

			verdict = itun_inner_parse_ethernet(exact.get(), avail, total, &inner);
			if (verdict != ITUN_INNER_SHORT)
				break;
			ASSERT_GT(inner.need, avail);
			ASSERT_LE(inner.need, total);
			avail = inner.need;
		}
		EXPECT_EQ(verdict, GetParam().verdict) << first;
	}
}

TEST_P(InnerRefused, NoPrefixOfItIsAFlow)
{
	const Bytes &frame = GetParam().frame;

	for (std::size_t size = 0; size < frame.size(); size++) {
		const Bytes cut(frame.begin(), frame.begin() + size);
		itun_inner inner;

		EXPECT_NE(parse(cut, &inner), ITUN_INNER_FLOW) << size;
	}
}

INSTANTIATE_TEST_SUITE_P(Wire, InnerRefused, testing::ValuesIn(refused), name_of<Refused>);

} // namespace

TEST(Inner, AnEchoReplyReversedIsItsRequest)
{
	const Bytes request = eth4 + ip4("00 1c", "01") + echo("08");
	// The server answers: addresses exchanged, type 0, the same id.
	const Bytes reply =
		with(eth4 + ip4("00 1c", "01") + echo("00"), 26, "0a 01 01 02  c8 01 01 02");
	itun_inner one, two;
	itun_tuple reversed;

	ASSERT_EQ(parse(request, &one), ITUN_INNER_FLOW);
	ASSERT_EQ(parse(reply, &two), ITUN_INNER_FLOW);
	itun_tuple_reverse(&two.tuple, &reversed);
	EXPECT_EQ(std::memcmp(&reversed, &one.tuple, sizeof(reversed)), 0);
}

TEST(Inner, TheServersOwnPingIsNotTheReplyToThePingItGot)
{
	const Bytes request = eth4 + ip4("00 1c", "01") + echo("08");
	const Bytes own = with(request, 26, "0a 01 01 02  c8 01 01 02");
	itun_inner one, two;
	itun_tuple reversed;

	ASSERT_EQ(parse(request, &one), ITUN_INNER_FLOW);
	ASSERT_EQ(parse(own, &two), ITUN_INNER_FLOW);
	EXPECT_TRUE(two.opens);
	itun_tuple_reverse(&two.tuple, &reversed);
	EXPECT_NE(std::memcmp(&reversed, &one.tuple, sizeof(reversed)), 0);
}

TEST(Inner, EveryIcmpTypeHasItsVerdict)
{
	for (unsigned type = 0; type < 256; type++) {
		Bytes frame = eth4 + ip4("00 1c", "01") + echo("00");
		itun_inner_verdict wanted = ITUN_INNER_NOT_FLOW;
		itun_inner inner;

		frame[34] = static_cast<std::uint8_t>(type);
		if (type == 0 || type == 8)
			wanted = ITUN_INNER_FLOW;
		else if (type == 3 || type == 4 || type == 5 || type == 11 || type == 12)
			wanted = ITUN_INNER_ICMP_ERROR;
		EXPECT_EQ(parse(frame, &inner), wanted) << "ICMP " << type;

		frame = eth6 + ip6("00 08", "3a") + echo("00");
		frame[54] = static_cast<std::uint8_t>(type);
		wanted = ITUN_INNER_NOT_FLOW;
		if (type == 128 || type == 129)
			wanted = ITUN_INNER_FLOW;
		else if (type >= 1 && type <= 4)
			wanted = ITUN_INNER_ICMP_ERROR;
		EXPECT_EQ(parse(frame, &inner), wanted) << "ICMPv6 " << type;
	}
}

TEST(Inner, EveryTcpFlagByteOpensOnlyWithSynAndWithoutAck)
{
	for (unsigned flags = 0; flags < 256; flags++) {
		Bytes frame = good4;
		itun_inner inner;

		frame[47] = static_cast<std::uint8_t>(flags);
		ASSERT_EQ(parse(frame, &inner), ITUN_INNER_FLOW);
		EXPECT_EQ(inner.tcp_flags, flags);
		EXPECT_EQ(inner.opens, (flags & 0x12) == 0x02) << flags;
	}
}

TEST(Inner, EightExtensionHeadersAreAllowed)
{
	const Bytes frame = eth6 + ip6("00 48", "3c") + repeat(dst8, 7) + hex("11 00") + zeros(6) +
			    udp("00 08");
	itun_inner inner;

	ASSERT_EQ(parse(frame, &inner), ITUN_INNER_FLOW);
	EXPECT_EQ(inner.l4_offset, 118);
	EXPECT_EQ(ntohs(inner.tuple.dport), 102);
}

TEST(Inner, FiveHundredAndTwelveBytesOfExtensionHeadersAreAllowed)
{
	const Bytes frame = eth6 + ip6("02 08", "3c") + hex("11 3f") + zeros(510) + udp("00 08");
	itun_inner inner;

	ASSERT_EQ(parse(frame, &inner), ITUN_INNER_FLOW);
	EXPECT_EQ(inner.l4_offset, 566);
	EXPECT_EQ(ntohs(inner.tuple.dport), 102);
}

TEST(Inner, AnAggregateTooLongForIpv4HasTotalLengthZero)
{
	// BIG TCP: the headers are readable, 70,000 bytes follow elsewhere.
	const Exact exact(with(good4, 16, "00 00"));
	itun_inner inner = {};

	EXPECT_EQ(itun_inner_parse_ethernet(exact.get(), 54, 54 + 70000, &inner), ITUN_INNER_FLOW);
	EXPECT_EQ(ntohs(inner.tuple.dport), 80);
	// 65,535 bytes of IPv4 would have had a total length.
	EXPECT_EQ(itun_inner_parse_ethernet(exact.get(), 54, 14 + 65535, &inner),
		  ITUN_INNER_BAD_IPV4);
	EXPECT_EQ(itun_inner_parse_ethernet(exact.get(), 54, 14 + 65536, &inner), ITUN_INNER_FLOW);
}

TEST(Inner, AnAggregateTooLongForIpv6HasPayloadLengthZero)
{
	// RFC 2675: a jumbo payload option of 8 + 20 + 70,000 bytes.
	const Exact jumbo(eth6 + ip6("00 00", "00") + hex("06 00 c2 04 00 01 11 8c") + tcp("10"));
	const Exact bare(with(good6, 18, "00 00"));
	itun_inner inner = {};

	EXPECT_EQ(itun_inner_parse_ethernet(jumbo.get(), 82, 82 + 70000, &inner), ITUN_INNER_FLOW);
	EXPECT_EQ(inner.l4_offset, 62);
	EXPECT_EQ(ntohs(inner.tuple.dport), 80);
	// Later kernels leave the option out.
	EXPECT_EQ(itun_inner_parse_ethernet(bare.get(), 74, 74 + 70000, &inner), ITUN_INNER_FLOW);
	EXPECT_EQ(inner.l4_offset, 54);
	EXPECT_EQ(itun_inner_parse_ethernet(bare.get(), 74, 54 + 65535, &inner),
		  ITUN_INNER_BAD_TRANSPORT);
}

TEST(Inner, ABarePacketOfAnotherTypeIsNoFlow)
{
	const Exact exact(Bytes(good4.begin() + 14, good4.end()));
	itun_inner inner = {};

	EXPECT_EQ(itun_inner_parse_ip(exact.get(), 40, 40, 0x0806, &inner), ITUN_INNER_NOT_FLOW);
	EXPECT_EQ(itun_inner_parse_ip(exact.get(), 40, 40, 0x86dd, &inner), ITUN_INNER_BAD_IPV6);
}

namespace
{

u32 fingerprint(const Bytes &frame)
{
	itun_inner inner;

	parse(frame, &inner);
	return inner.fingerprint;
}

} // namespace

TEST(Fingerprint, IsTheSameInCopiesOfAPacket)
{
	EXPECT_EQ(fingerprint(good4), fingerprint(good4));
	EXPECT_EQ(fingerprint(good4), fingerprint(with(good4, 0, "02 00 00 00 00 0c")))
		<< "another MAC";
	EXPECT_EQ(fingerprint(good4), fingerprint(with(good4, 22, "3f"))) << "another TTL";
}

TEST(Fingerprint, DiffersBetweenPacketsOfOneFlow)
{
	const Bytes datagram = eth4 + ip4("00 20", "11") + udp("00 0c") + zeros(4);
	const Bytes echo6 = eth6 + ip6("00 08", "3a") + echo("81");
	const Bytes association = eth4 + ip4("00 20", "84") + sctp();

	EXPECT_NE(fingerprint(good4), fingerprint(with(good4, 18, "12 35")))
		<< "IPv4 identification";
	EXPECT_NE(fingerprint(good4), fingerprint(with(good4, 38, "00 00 00 02")))
		<< "TCP sequence number";
	EXPECT_NE(fingerprint(good4), fingerprint(with(good4, 50, "be ee"))) << "TCP checksum";
	EXPECT_NE(fingerprint(good4), fingerprint(with(good4, 16, "00 29") + zeros(1))) << "length";
	EXPECT_NE(fingerprint(good6), fingerprint(with(good6, 15, "0b"))) << "IPv6 flow label";
	EXPECT_NE(fingerprint(good6), fingerprint(with(good6, 58, "00 00 00 02")))
		<< "TCP sequence number in IPv6";
	EXPECT_NE(fingerprint(datagram), fingerprint(with(datagram, 40, "ca ff")))
		<< "UDP checksum";
	EXPECT_NE(fingerprint(echo6), fingerprint(with(echo6, 60, "00 02")))
		<< "ICMPv6 sequence number";
	EXPECT_NE(fingerprint(association), fingerprint(with(association, 42, "de ad be ee")))
		<< "SCTP checksum";
}
