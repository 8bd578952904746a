// SPDX-License-Identifier: GPL-2.0
/* Transactions: several changes, one message. */
#include "client/change.h"
#include "client/error.h"
#include "fake.h"

#include <gtest/gtest.h>

using namespace ipvs_tun;
using namespace ipvs_tun::test;

namespace
{

Buffer action(std::uint32_t number)
{
	Buffer out;

	attribute(out, IPVS_TUN_A_CHANGE_ACTION, value(number));
	return out;
}

Buffer u32(std::uint16_t type, std::uint32_t number)
{
	Buffer out;

	attribute(out, type, value(number));
	return out;
}

} // namespace

TEST(Transaction, SendsAllChangesInOneMessage)
{
	Script script;
	Connection connection = connect(script);
	Buffer generation = u32(IPVS_TUN_A_MESSAGE_GENERATION, 17);
	Mark mark;

	mark.value = 5;
	script.answers = {message(IPVS_TUN_CMD_CHANGE_SET, generation), ack(0)};
	EXPECT_EQ(Transaction()
			  .change(Action::flush, Mark())
			  .change(Action::add, mark)
			  .change(Action::add, Pause{step_steer | step_rewrite})
			  .commit(connection),
		  17u);
	ASSERT_EQ(script.requests.size(), 1u);
	EXPECT_EQ(sent(script),
		  in(IPVS_TUN_A_MESSAGE_CHANGE,
		     action(IPVS_TUN_ACTION_FLUSH) + in(IPVS_TUN_A_CHANGE_MARK, {})) +
			  in(IPVS_TUN_A_MESSAGE_CHANGE,
			     action(IPVS_TUN_ACTION_ADD) +
				     in(IPVS_TUN_A_CHANGE_MARK,
					u32(IPVS_TUN_A_MARK_VALUE, 5) +
						u32(IPVS_TUN_A_MARK_MASK, 0xffffffff))) +
			  in(IPVS_TUN_A_MESSAGE_CHANGE,
			     action(IPVS_TUN_ACTION_ADD) +
				     in(IPVS_TUN_A_CHANGE_PAUSE, u32(IPVS_TUN_A_PAUSE_STEPS, 12))));
}

TEST(Transaction, DeletesAPeerByItsPrefixAlone)
{
	wire::Builder builder(0, 0, 0, 0);
	Buffer key;
	Peer peer;

	peer.prefix = *Prefix::parse("192.0.2.0/24");
	peer.accept = true;
	Transaction().change(Action::del, peer).put(builder);
	wire::Bytes bytes = builder.finish(0);
	attribute(key, IPVS_TUN_A_PEER_PREFIX, {192, 0, 2, 0});
	attribute(key, IPVS_TUN_A_PEER_PREFIX_LEN, {24});
	EXPECT_EQ(Buffer(bytes.begin() + 20, bytes.end()),
		  in(IPVS_TUN_A_MESSAGE_CHANGE,
		     action(IPVS_TUN_ACTION_DEL) + in(IPVS_TUN_A_CHANGE_PEER, key)));
}

TEST(Transaction, SaysWhichChangeWasRefused)
{
	Script script;
	Connection connection = connect(script);
	Buffer attributes;
	Timeout timeout{SessionState::udp, 5};
	Limits limits;

	limits.sessions = 1;
	attribute(attributes, NLMSGERR_ATTR_MSG, text("too few"));
	// The second change starts behind the headers (20) and the first (4 + 8 + 4 + 8 + 8).
	attribute(attributes, NLMSGERR_ATTR_OFFS, value<std::uint32_t>(20 + 32));
	script.answers = {ack(-EINVAL, attributes)};
	try {
		Transaction()
			.change(Action::set, timeout)
			.change(Action::set, limits)
			.commit(connection);
		FAIL();
	} catch (const KernelError &error) {
		EXPECT_EQ(error.change, 1u);
		EXPECT_EQ(error.attribute, "change");
	}
}

TEST(Change, ComesBackAsItWent)
{
	wire::Builder builder(0, 0, 0, 0);
	Change change{Action::set, Timeout{SessionState::tcp_fin, 77}};

	change.put(builder);
	wire::Bytes bytes = builder.finish(0);
	Change back = Change::parse(wire::Attributes(bytes.subspan(20)));
	EXPECT_EQ(back.action, Action::set);
	EXPECT_STREQ(back.object_name(), "timeout");
	EXPECT_EQ(std::get<Timeout>(back.object).seconds, 77u);
	EXPECT_EQ(std::get<Timeout>(back.object).state, SessionState::tcp_fin);
}
