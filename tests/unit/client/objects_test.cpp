// SPDX-License-Identifier: GPL-2.0
/* Each object from and to its attributes. */
#include "client/counter.h"
#include "client/limits.h"
#include "client/mark.h"
#include "client/path.h"
#include "client/peer.h"
#include "client/session.h"
#include "client/status.h"
#include "client/tunnel.h"
#include "client/zone.h"
#include "fake.h"

#include <gtest/gtest.h>

using namespace ipvs_tun;
using namespace ipvs_tun::test;

namespace
{

template <class Object>
Buffer put(const Object &object)
{
	wire::Builder builder(0, 0, 0, 0);

	object.put(builder);
	wire::Bytes bytes = builder.finish(0);
	return {bytes.begin() + 20, bytes.end()};
}

Buffer session_bytes()
{
	Buffer out;

	attribute(out, IPVS_TUN_A_SESSION_SRC, {200, 1, 1, 2});
	attribute(out, IPVS_TUN_A_SESSION_DST, {10, 1, 1, 2});
	attribute(out, IPVS_TUN_A_SESSION_SPORT, value<std::uint16_t>(1000));
	attribute(out, IPVS_TUN_A_SESSION_DPORT, value<std::uint16_t>(80));
	attribute(out, IPVS_TUN_A_SESSION_PROTOCOL, value<std::uint8_t>(6));
	attribute(out, IPVS_TUN_A_SESSION_VNI, value<std::uint32_t>(100));
	attribute(out, IPVS_TUN_A_SESSION_MAC, {0x02, 0x83, 0x49, 0xf1, 0x0b, 0x4d});
	attribute(out, IPVS_TUN_A_SESSION_VTEP, {172, 118, 10, 2});
	attribute(out, IPVS_TUN_A_SESSION_TUNNEL, value<std::uint8_t>(1));
	attribute(out, IPVS_TUN_A_SESSION_STATE, value<std::uint8_t>(1));
	return out;
}

} // namespace

TEST(Sessions, DumpGivesTheReferenceRow)
{
	Script script;
	Connection connection = connect(script);
	std::vector<Session> rows;

	script.answers = {message(IPVS_TUN_CMD_SESSION_GET,
				  in(IPVS_TUN_A_MESSAGE_SESSION, session_bytes()), NLM_F_MULTI),
			  done()};
	EXPECT_TRUE(
		dump_sessions(connection, {}, [&](const Session &row) { rows.push_back(row); }));
	ASSERT_EQ(rows.size(), 1u);
	EXPECT_EQ(rows[0].tuple.src.str(), "200.1.1.2");
	EXPECT_EQ(rows[0].tuple.sport, 1000);
	EXPECT_EQ(rows[0].tuple.dst.str(), "10.1.1.2");
	EXPECT_EQ(rows[0].tuple.dport, 80);
	EXPECT_EQ(rows[0].tuple.protocol, 6);
	EXPECT_EQ(rows[0].mac->str(), "02:83:49:f1:0b:4d");
	EXPECT_EQ(rows[0].vtep->str(), "172.118.10.2");
	EXPECT_EQ(rows[0].tuple.vni, 100u);
	EXPECT_EQ(rows[0].state, SessionState::tcp_established);
	EXPECT_FALSE(rows[0].fwd_packets) << "what is not counted is absent";
}

TEST(Sessions, AMacOfZerosIsNone)
{
	Buffer bytes;

	attribute(bytes, IPVS_TUN_A_SESSION_MAC, {0, 0, 0, 0, 0, 0});
	EXPECT_FALSE(Session::parse(wire::Attributes(bytes)).mac);
}

TEST(Sessions, AddSendsAllThatIsGiven)
{
	Script script;
	Connection connection = connect(script);
	Session session = Session::parse(wire::Attributes(session_bytes()));

	session.local = Address::parse("172.118.10.3");
	script.answers = {ack(0)};
	add_session(connection, session);
	Buffer nest;
	attribute(nest, IPVS_TUN_A_SESSION_SRC, {200, 1, 1, 2});
	attribute(nest, IPVS_TUN_A_SESSION_DST, {10, 1, 1, 2});
	attribute(nest, IPVS_TUN_A_SESSION_SPORT, value<std::uint16_t>(1000));
	attribute(nest, IPVS_TUN_A_SESSION_DPORT, value<std::uint16_t>(80));
	attribute(nest, IPVS_TUN_A_SESSION_PROTOCOL, value<std::uint8_t>(6));
	attribute(nest, IPVS_TUN_A_SESSION_VNI, value<std::uint32_t>(100));
	attribute(nest, IPVS_TUN_A_SESSION_MAC, {0x02, 0x83, 0x49, 0xf1, 0x0b, 0x4d});
	attribute(nest, IPVS_TUN_A_SESSION_VTEP, {172, 118, 10, 2});
	attribute(nest, IPVS_TUN_A_SESSION_LOCAL, {172, 118, 10, 3});
	attribute(nest, IPVS_TUN_A_SESSION_TUNNEL, value<std::uint8_t>(1));
	EXPECT_EQ(sent(script), in(IPVS_TUN_A_MESSAGE_SESSION, nest));
}

TEST(Sessions, FilterHasOnlyWhatIsSet)
{
	SessionFilter filter;
	Buffer expected;

	EXPECT_TRUE(put(filter).empty());
	filter.dst = Prefix::parse("2001:db8::/32");
	filter.dport = 80;
	filter.state = SessionState::tcp_syn;
	attribute(expected, IPVS_TUN_A_FILTER_DST,
		  {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
	attribute(expected, IPVS_TUN_A_FILTER_DST_LEN, {32});
	attribute(expected, IPVS_TUN_A_FILTER_DPORT, value<std::uint16_t>(80));
	attribute(expected, IPVS_TUN_A_FILTER_STATE, {0});
	EXPECT_EQ(put(filter), expected);
}

TEST(Sessions, FlushAnswersHowMany)
{
	Script script;
	Connection connection = connect(script);
	Buffer count;

	attribute(count, IPVS_TUN_A_MESSAGE_COUNT, value<std::uint32_t>(3));
	script.answers = {message(IPVS_TUN_CMD_SESSION_FLUSH, count), ack(0)};
	EXPECT_EQ(flush_sessions(connection, {}), 3u);
	EXPECT_EQ(sent(script), in(IPVS_TUN_A_MESSAGE_FILTER, {}));
}

TEST(Peers, DumpWithEndpointsContinuedInTheNextMessage)
{
	Script script;
	Connection connection = connect(script);
	auto peer = [](std::uint8_t last) {
		Buffer endpoint, out;

		attribute(endpoint, IPVS_TUN_A_ENDPOINT_ADDRESS, {192, 0, 2, last});
		attribute(endpoint, IPVS_TUN_A_ENDPOINT_STATE,
			  value<std::uint32_t>(IPVS_TUN_ENDPOINT_STATE_MISMATCH));
		attribute(endpoint, IPVS_TUN_A_ENDPOINT_REASON, text("second mark 0x48"));
		attribute(endpoint, IPVS_TUN_A_ENDPOINT_TUNNEL, {IPVS_TUN_TUNNEL_TYPE_GENEVE});
		attribute(endpoint, IPVS_TUN_A_ENDPOINT_MARKED, value<std::uint64_t>(5));
		attribute(out, IPVS_TUN_A_PEER_PREFIX, {192, 0, 2, 0});
		attribute(out, IPVS_TUN_A_PEER_PREFIX_LEN, {24});
		attribute(
			out, IPVS_TUN_A_PEER_FLAGS,
			value<std::uint32_t>(IPVS_TUN_PEER_FLAG_SEND | IPVS_TUN_PEER_FLAG_ACCEPT));
		return out + in(IPVS_TUN_A_PEER_ENDPOINT, endpoint);
	};

	script.answers = {message(5, in(IPVS_TUN_A_MESSAGE_PEER, peer(1)), NLM_F_MULTI) +
				  message(5, in(IPVS_TUN_A_MESSAGE_PEER, peer(2)), NLM_F_MULTI),
			  done()};
	std::vector<Peer> peers = list_peers(connection);
	ASSERT_EQ(peers.size(), 1u);
	EXPECT_EQ(peers[0].prefix.str(), "192.0.2.0/24");
	EXPECT_TRUE(peers[0].send && peers[0].accept && !peers[0].none && !peers[0].send_always);
	ASSERT_EQ(peers[0].endpoints.size(), 2u);
	EXPECT_EQ(peers[0].endpoints[1].address.str(), "192.0.2.2");
	EXPECT_EQ(peers[0].endpoints[0].state, EndpointState::mismatch);
	EXPECT_EQ(peers[0].endpoints[0].reason, "second mark 0x48");
	EXPECT_EQ(peers[0].endpoints[0].tunnel, TunnelType::geneve);
	EXPECT_EQ(peers[0].endpoints[0].marked, 5u);
	EXPECT_FALSE(peers[0].endpoints[0].last_seen);
}

TEST(Peers, TheLongestPrefixWins)
{
	std::vector<Peer> peers(3);

	peers[0].prefix = *Prefix::parse("10.0.0.0/8");
	peers[1].prefix = *Prefix::parse("10.1.0.0/16");
	peers[2].prefix = *Prefix::parse("::/0");
	EXPECT_EQ(find_peer(peers, *Address::parse("10.1.2.3")), &peers[1]);
	EXPECT_EQ(find_peer(peers, *Address::parse("10.2.2.3")), &peers[0]);
	EXPECT_EQ(find_peer(peers, *Address::parse("2001:db8::1")), &peers[2]);
	EXPECT_EQ(find_peer(peers, *Address::parse("192.0.2.1")), nullptr);
}

TEST(Marks, ComeBackAsTheyWent)
{
	Mark mark;

	mark.value = 0x48594c42;
	mark.mask = 0xfffffff0;
	mark.tunnels = 2;
	mark.vnis = {100, 200};
	mark.dst = Prefix::parse("10.1.0.0/16");
	mark.prio = 7;
	mark.name = "web";
	Buffer bytes = put(mark);
	Mark back = Mark::parse(wire::Attributes(bytes));
	EXPECT_EQ(back.value, mark.value);
	EXPECT_EQ(back.mask, mark.mask);
	EXPECT_EQ(back.tunnels, mark.tunnels);
	EXPECT_EQ(back.vnis, mark.vnis);
	EXPECT_EQ(back.dst, mark.dst);
	EXPECT_EQ(back.prio, mark.prio);
	EXPECT_EQ(back.name, mark.name);
}

TEST(Marks, AnUnnamedConditionIsNotSent)
{
	Mark mark;
	Buffer expected;

	mark.value = 1;
	attribute(expected, IPVS_TUN_A_MARK_VALUE, value<std::uint32_t>(1));
	attribute(expected, IPVS_TUN_A_MARK_MASK, value<std::uint32_t>(0xffffffff));
	EXPECT_EQ(put(mark), expected);
}

TEST(Tunnels, PortsAreInHostOrder)
{
	Tunnel tunnel;
	Buffer expected;

	tunnel.second_mark = 0xf0;
	tunnel.ports = {4789};
	attribute(expected, IPVS_TUN_A_TUNNEL_TYPE, {1});
	attribute(expected, IPVS_TUN_A_TUNNEL_SECOND_MARK, value<std::uint32_t>(0xf0));
	attribute(expected, IPVS_TUN_A_TUNNEL_PORT, value<std::uint16_t>(4789));
	EXPECT_EQ(put(tunnel), expected);
}

TEST(Tunnels, NvgreIsASettingOfGreThatMayBeLeftAsItIs)
{
	Tunnel tunnel;
	Buffer expected;

	tunnel.type = TunnelType::gre;
	tunnel.nvgre = false;
	attribute(expected, IPVS_TUN_A_TUNNEL_TYPE, {2});
	attribute(expected, IPVS_TUN_A_TUNNEL_NVGRE, {0});
	EXPECT_EQ(put(tunnel), expected);
	EXPECT_EQ(Tunnel::parse(wire::Attributes(expected)).nvgre, false);
	tunnel.nvgre.reset();
	EXPECT_EQ(Tunnel::parse(wire::Attributes(put(tunnel))).nvgre, std::nullopt);
}

TEST(Zones, ComeBackAsTheyWent)
{
	Zone zone{"tenant", {100, 5100}, {}};
	Buffer bytes = put(zone);
	Zone back = Zone::parse(wire::Attributes(bytes));

	EXPECT_EQ(back.name, "tenant");
	EXPECT_EQ(back.vnis, zone.vnis);
}

TEST(LimitsAndStatus, ComeInOneMessage)
{
	Script script;
	Connection connection = connect(script);
	Buffer status, limit;

	attribute(status, IPVS_TUN_A_STATUS_VERSION, text("0.1.0"));
	attribute(status, IPVS_TUN_A_STATUS_HOOK, text("inet/local_in/226"));
	attribute(status, IPVS_TUN_A_STATUS_HOOK, text("inet/local_out/-401"));
	attribute(status, IPVS_TUN_A_STATUS_PAUSED, value<std::uint32_t>(12));
	attribute(limit, IPVS_TUN_A_LIMIT_SESSIONS, value<std::uint32_t>(1000));
	attribute(limit, IPVS_TUN_A_LIMIT_ACCOUNTING, {1});
	script.answers = {message(1, in(IPVS_TUN_A_MESSAGE_STATUS, status) +
					     in(IPVS_TUN_A_MESSAGE_LIMIT, limit)),
			  ack(0)};
	Status out = get_status(connection);
	EXPECT_EQ(out.version, "0.1.0");
	EXPECT_EQ(out.hooks.size(), 2u);
	EXPECT_EQ(step_names(out.paused), (std::vector<std::string>{"steer", "rewrite"}));
	EXPECT_EQ(out.limits.sessions, 1000u);
	EXPECT_EQ(out.limits.accounting, true);
	EXPECT_FALSE(out.limits.sessions_per_vni);
}

TEST(Counters, SeveralInOneMessage)
{
	Script script;
	Connection connection = connect(script);
	Buffer first, second;

	attribute(first, IPVS_TUN_A_COUNTER_NAME, text("marked"));
	attribute(first, IPVS_TUN_A_COUNTER_PAD, {});
	attribute(first, IPVS_TUN_A_COUNTER_VALUE, value<std::uint64_t>(1ull << 40));
	attribute(second, IPVS_TUN_A_COUNTER_NAME, text("moved"));
	script.answers = {message(9,
				  in(IPVS_TUN_A_MESSAGE_COUNTER, first) +
					  in(IPVS_TUN_A_MESSAGE_COUNTER, second),
				  NLM_F_MULTI),
			  done()};
	std::vector<Counter> out = list_counters(connection);
	ASSERT_EQ(out.size(), 2u);
	EXPECT_EQ(out[0].name, "marked");
	EXPECT_EQ(out[0].value, 1ull << 40);
	EXPECT_EQ(out[1].value, 0u);
}

TEST(Paths, KillNamesTheEndpointAndPerhapsTheMac)
{
	Script script;
	Connection connection = connect(script);
	Buffer nest;

	script.answers = {ack(0)};
	kill_paths(connection, *Address::parse("192.0.2.1"), Mac::parse("02:00:00:00:00:01"));
	attribute(nest, IPVS_TUN_A_PATH_VTEP, {192, 0, 2, 1});
	attribute(nest, IPVS_TUN_A_PATH_MAC, {2, 0, 0, 0, 0, 1});
	EXPECT_EQ(sent(script), in(IPVS_TUN_A_MESSAGE_PATH, nest));
}
