// SPDX-License-Identifier: GPL-2.0
/* Events, from their bytes to the tool's JSON. */
#include "client/event.h"
#include "fake.h"
#include "tool/render.h"

#include <gtest/gtest.h>

using namespace ipvs_tun;
using namespace ipvs_tun::test;

namespace
{

std::vector<Event> receive(const Buffer &datagram)
{
	Script script;
	Connection connection = connect(script);
	std::vector<Event> out;

	script.answers = {datagram};
	EXPECT_TRUE(receive_events(connection, [&](const Event &event) { out.push_back(event); }));
	return out;
}

Buffer nest(std::uint16_t type, const Buffer &content)
{
	Buffer out;

	attribute(out, type | NLA_F_NESTED, content);
	return out;
}

} // namespace

TEST(Event, HasANamePerCommand)
{
	std::pair<int, const char *> names[] = {
		{IPVS_TUN_CMD_SESSION_NEW, "new"},
		{IPVS_TUN_CMD_SESSION_MOVED, "moved"},
		{IPVS_TUN_CMD_SESSION_EXPIRED, "expired"},
		{IPVS_TUN_CMD_SESSION_DELETED, "deleted"},
		{IPVS_TUN_CMD_CONFIG_CHANGED, "changed"},
		{IPVS_TUN_CMD_PEER_READY, "ready"},
		{IPVS_TUN_CMD_PEER_SILENT, "silent"},
	};

	for (auto [command, name] : names) {
		std::vector<Event> events =
			receive(message(static_cast<std::uint8_t>(command), {}));

		ASSERT_EQ(events.size(), 1u) << name;
		EXPECT_STREQ(events[0].name, name);
	}
	EXPECT_TRUE(receive(message(200, {})).empty()) << "one of a newer module";
}

TEST(Event, SeveralInOneDatagram)
{
	EXPECT_EQ(receive(message(IPVS_TUN_CMD_SESSION_NEW, {}) +
			  message(IPVS_TUN_CMD_SESSION_MOVED, {}))
			  .size(),
		  2u);
}

TEST(Event, OfASession)
{
	Buffer session;

	attribute(session, IPVS_TUN_A_SESSION_SRC, {200, 1, 1, 2});
	attribute(session, IPVS_TUN_A_SESSION_DST, {10, 1, 1, 2});
	attribute(session, IPVS_TUN_A_SESSION_PROTOCOL, {17});
	attribute(session, IPVS_TUN_A_SESSION_STATE, {3});
	std::vector<Event> events = receive(
		message(IPVS_TUN_CMD_SESSION_NEW, nest(IPVS_TUN_A_MESSAGE_SESSION, session)));
	ASSERT_EQ(events.size(), 1u);
	EXPECT_EQ(render::session(std::get<Session>(events[0].object)).dump(),
		  R"({"src_ip":"200.1.1.2","src_port":0,"dst_ip":"10.1.1.2","dst_port":0,)"
		  R"("protocol":17,"protocol_name":"udp","mac":null,"vtep_ip":null,"vni":null,)"
		  R"("tunnel":null,"state":"udp"})");
}

TEST(Event, OfAChange)
{
	Buffer zone, change, attributes;

	attribute(zone, IPVS_TUN_A_ZONE_NAME, text("tenant"));
	attribute(change, IPVS_TUN_A_CHANGE_ACTION, value<std::uint32_t>(IPVS_TUN_ACTION_DEL));
	change = change + nest(IPVS_TUN_A_CHANGE_ZONE, zone);
	attribute(attributes, IPVS_TUN_A_MESSAGE_GENERATION, value<std::uint32_t>(9));
	attribute(attributes, IPVS_TUN_A_MESSAGE_PORTID, value<std::uint32_t>(1234));
	std::vector<Event> events = receive(message(
		IPVS_TUN_CMD_CONFIG_CHANGED, attributes + nest(IPVS_TUN_A_MESSAGE_CHANGE, change)));
	ASSERT_EQ(events.size(), 1u);
	const auto &config = std::get<ConfigEvent>(events[0].object);
	EXPECT_EQ(config.generation, 9u);
	EXPECT_EQ(config.portid, 1234u);
	ASSERT_EQ(config.changes.size(), 1u);
	EXPECT_EQ(render::change(config.changes[0]).dump(),
		  R"({"action":"del","object":"zone","zone":{"name":"tenant"}})");
}

TEST(Event, OfReturnLabelsThatAreNoMore)
{
	Change change;
	Tunnel tunnel;

	tunnel.type = TunnelType::mpls;
	tunnel.symmetric = true;
	change.action = Action::set;
	change.object = tunnel;
	EXPECT_EQ(
		render::change(change).dump(),
		R"({"action":"set","object":"tunnel","tunnel":{"type":"mpls","return_label":"none"}})");
}

TEST(Event, OfAPeerThatNamesOnlyTheEndpoint)
{
	Buffer peer;

	attribute(peer, IPVS_TUN_A_PEER_PREFIX, {192, 0, 2, 1});
	std::vector<Event> events =
		receive(message(IPVS_TUN_CMD_PEER_READY, nest(IPVS_TUN_A_MESSAGE_PEER, peer)));
	ASSERT_EQ(events.size(), 1u);
	EXPECT_EQ(render::peer(std::get<Peer>(events[0].object)).dump(),
		  R"({"prefix":"192.0.2.1"})");
}
