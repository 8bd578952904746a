// SPDX-License-Identifier: GPL-2.0
/* Requests, dumps and groups with a kernel that follows a script. */
#include "client/error.h"
#include "fake.h"

#include <gtest/gtest.h>

using namespace ipvs_tun;
using namespace ipvs_tun::test;

namespace
{

Buffer count(std::uint32_t number)
{
	Buffer out;

	attribute(out, IPVS_TUN_A_MESSAGE_COUNT, value(number));
	return out;
}

/* The text of the exception that connecting throws. */
std::string connect_error(Script &script)
{
	try {
		Connection connection(std::make_unique<FakeKernel>(script));
	} catch (const ModuleError &error) {
		return error.what();
	}
	return "none";
}

} // namespace

TEST(Connect, AsksForTheFamilyByName)
{
	Script script;

	script.answers = {family(), ack(0)};
	Connection connection(std::make_unique<FakeKernel>(script));
	Buffer expected;
	attribute(expected, CTRL_ATTR_FAMILY_NAME, text("ipvs_tun"));
	EXPECT_EQ(sent(script), expected);
	EXPECT_EQ(script.requests[0][4], GENL_ID_CTRL);
}

TEST(Connect, SaysThatTheModuleIsNotLoaded)
{
	Script script;

	script.answers = {ack(-ENOENT)};
	EXPECT_EQ(connect_error(script), "the ipvs_tun kernel module is not loaded; load it with "
					 "\"modprobe ipvs_tun\"");
}

TEST(Connect, RefusesAnotherVersion)
{
	Script script;

	script.answers = {family(2), ack(0)};
	EXPECT_NE(connect_error(script).find("speaks version 2"), std::string::npos);
}

TEST(Request, HandlesTheReplyAndWaitsForTheAck)
{
	Script script;
	Connection connection = connect(script);
	std::uint32_t got = 0;

	script.answers = {message(IPVS_TUN_CMD_SESSION_COUNT, count(42)), ack(0)};
	connection.request(IPVS_TUN_CMD_SESSION_COUNT, {}, [&](wire::Attributes attributes) {
		for (wire::Attribute attr : attributes)
			got = attr.u32();
	});
	EXPECT_EQ(got, 42u);
	EXPECT_TRUE(script.answers.empty());
	EXPECT_EQ(script.requests[0][4], family_id);
	EXPECT_EQ(script.requests[0][6], NLM_F_REQUEST | NLM_F_ACK);
	EXPECT_EQ(script.requests[0][16], IPVS_TUN_CMD_SESSION_COUNT);
}

TEST(Request, ThrowsWhatTheKernelSays)
{
	Script script;
	Connection connection = connect(script);
	Buffer attributes;

	attribute(attributes, NLMSGERR_ATTR_MSG, text("no mark rule 0x5"));
	script.answers = {ack(-ENOENT, attributes)};
	try {
		connection.request(IPVS_TUN_CMD_CHANGE_SET);
		FAIL();
	} catch (const KernelError &error) {
		EXPECT_STREQ(error.what(), "no mark rule 0x5");
		EXPECT_EQ(error.code(), ENOENT);
	}
}

TEST(Dump, GoesOnOverDatagramsUntilDone)
{
	Script script;
	Connection connection = connect(script);
	std::vector<std::uint32_t> got;

	script.answers = {message(11, count(1), NLM_F_MULTI) + message(11, count(2), NLM_F_MULTI),
			  message(11, count(3), NLM_F_MULTI), done()};
	EXPECT_TRUE(connection.dump(11, [&](wire::Attributes attributes) {
		for (wire::Attribute attr : attributes)
			got.push_back(attr.u32());
	}));
	EXPECT_EQ(got, (std::vector<std::uint32_t>{1, 2, 3}));
}

TEST(Dump, ReportsAnInterruption)
{
	Script script;
	Connection connection = connect(script);

	script.answers = {message(11, count(1), NLM_F_MULTI | NLM_F_DUMP_INTR), done()};
	EXPECT_FALSE(connection.dump(11, [](wire::Attributes) {}));
}

TEST(Dump, ThrowsAnErrorAtItsEnd)
{
	Script script;
	Connection connection = connect(script);

	script.answers = {message(11, count(1), NLM_F_MULTI), done(-ENOMEM)};
	EXPECT_THROW((void)connection.dump(11, [](wire::Attributes) {}), KernelError);
}

TEST(Collect, StartsAgainAfterAnInterruption)
{
	Script script;
	Connection connection = connect(script);
	std::vector<std::uint32_t> got;

	script.answers = {message(11, count(1), NLM_F_MULTI | NLM_F_DUMP_INTR), done(),
			  message(11, count(2), NLM_F_MULTI), done()};
	connection.collect(
		11, [&] { got.clear(); },
		[&](wire::Attributes attributes) {
			for (wire::Attribute attr : attributes)
				got.push_back(attr.u32());
		});
	EXPECT_EQ(got, std::vector<std::uint32_t>{2});
}

TEST(Groups, AreJoinedByTheirNumbers)
{
	Script script;
	Connection connection = connect(script);

	connection.join("config");
	connection.join("session");
	// Each time that of the controller as well, which says when the family goes.
	EXPECT_EQ(script.joined, (std::vector<std::uint32_t>{8, GENL_ID_CTRL, 7, GENL_ID_CTRL}));
	EXPECT_THROW(connection.join("bogus"), ModuleError);
}

TEST(Groups, NeedAPrivilege)
{
	Script script;
	Connection connection = connect(script);

	script.join_error = EPERM;
	EXPECT_THROW(connection.join("session"), KernelError);
}

TEST(Events, OfAFullSocketAreReportedAsLost)
{
	Script script;
	Connection connection = connect(script);
	int seen = 0;
	auto handle = [&](std::uint8_t command, wire::Attributes) { seen += command; };

	script.receive_error = ENOBUFS;
	script.answers = {message(IPVS_TUN_CMD_SESSION_NEW, {})};
	EXPECT_FALSE(connection.receive(handle));
	EXPECT_TRUE(connection.receive(handle));
	EXPECT_EQ(seen, IPVS_TUN_CMD_SESSION_NEW);
}

TEST(Events, OneLongerThanTheBufferIsLost)
{
	Script script;
	Connection connection = connect(script);

	script.receive_error = ENOSPC;
	EXPECT_FALSE(connection.receive([](std::uint8_t, wire::Attributes) {}));
}

TEST(Events, EndWithTheModule)
{
	Script script;
	Connection connection = connect(script);
	int seen = 0;
	auto handle = [&](std::uint8_t, wire::Attributes) { seen++; };
	auto gone = [](std::uint8_t command, std::uint16_t id) {
		Buffer attributes;

		attribute(attributes, CTRL_ATTR_FAMILY_ID, value(id));
		return message(command, attributes, 0, GENL_ID_CTRL);
	};

	script.answers = {gone(CTRL_CMD_DELFAMILY, family_id + 1),
			  gone(CTRL_CMD_NEWFAMILY, family_id), gone(CTRL_CMD_DELFAMILY, family_id)};
	EXPECT_TRUE(connection.receive(handle));
	EXPECT_TRUE(connection.receive(handle));
	EXPECT_THROW(connection.receive(handle), ModuleError);
	EXPECT_EQ(seen, 0);
}
