// SPDX-License-Identifier: GPL-2.0
/* Ports: their bytes, what users type, and what they read. */
#include "tool/port.h"

#include "client/change.h"
#include "client/error.h"
#include "client/extack.h"
#include "client/status.h"
#include "fake.h"
#include "misuse.h"
#include "tool/arguments.h"
#include "tool/render.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace ipvs_tun;
using namespace ipvs_tun::test;

namespace
{

template <class T>
Buffer with(std::uint16_t type, T number)
{
	Buffer out;

	attribute(out, type, value(number));
	return out;
}

Buffer name_of(const char *name)
{
	Buffer out;

	attribute(out, IPVS_TUN_A_PORT_NAME, text(name));
	return out;
}

Buffer put(const Port &port)
{
	wire::Builder builder(0, 0, 0, 0);

	port.put(builder);
	wire::Bytes bytes = builder.finish(0);
	return {bytes.begin() + 20, bytes.end()};
}

/* What a change set of this one change consists of. */
Buffer changed(Action action, const Port &port)
{
	wire::Builder builder(0, 0, 0, 0);

	Transaction().change(action, port).put(builder);
	wire::Bytes bytes = builder.finish(0);
	return {bytes.begin() + 20, bytes.end()};
}

Port balancer()
{
	Port out;

	out.dev = "lb*";
	out.vni = 100;
	out.direct = out.balancer = true;
	out.own = {*Prefix::parse("192.0.2.1"), *Prefix::parse("2001:db8::/64")};
	return out;
}

Buffer device_bytes(const char *name, std::uint32_t ifindex)
{
	Buffer out;

	attribute(out, IPVS_TUN_A_PORT_DEVICE_NAME, text(name));
	attribute(out, IPVS_TUN_A_PORT_DEVICE_IFINDEX, value(ifindex));
	attribute(out, IPVS_TUN_A_PORT_DEVICE_PAD, {});
	attribute(out, IPVS_TUN_A_PORT_DEVICE_DIRECT, value<std::uint64_t>(1ull << 33));
	attribute(out, IPVS_TUN_A_PORT_DEVICE_BALANCED, value<std::uint64_t>(ifindex));
	return in(IPVS_TUN_A_PORT_DEVICE, out);
}

PortDevice device(const char *name, std::uint32_t ifindex)
{
	PortDevice out;

	out.name = name;
	out.ifindex = ifindex;
	return out;
}

/* Two devices, a group without one. */
std::vector<Port> three_ports()
{
	std::vector<Port> out(3);

	out[0] = balancer();
	out[0].devices = {device("lb0", 5), device("lb1", 6)};
	out[0].devices[0].direct = 7;
	out[0].devices[1].balanced = 8;
	out[0].devices[1].warnings = {"its zone is not known"};
	out[1].dev = "tap0";
	out[1].devices = {device("tap0", 9)};
	out[2].group = 3;
	out[2].direct = true;
	return out;
}

/* What is printed for three_ports(). */
std::string printed(bool json, bool statistics)
{
	char path[] = "/tmp/ipvs-tun-ports-XXXXXX";
	int fd = mkstemp(path);
	char buffer[4096];
	ssize_t size;

	unlink(path);
	{
		Output output(fd, json, false);

		print_ports(output, three_ports(), statistics);
	}
	size = pread(fd, buffer, sizeof(buffer), 0);
	close(fd);
	return {buffer, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

} // namespace

TEST(Ports, SendOnlyWhatIsGiven)
{
	Port port;

	port.dev = "tap0";
	EXPECT_EQ(put(port), name_of("tap0") + with<std::uint32_t>(IPVS_TUN_A_PORT_FLAGS, 0));
	port.dev.reset();
	port.group = 0;
	port.direct = true;
	EXPECT_EQ(put(port),
		  with<std::uint32_t>(IPVS_TUN_A_PORT_GROUP, 0) +
			  with<std::uint32_t>(IPVS_TUN_A_PORT_FLAGS, IPVS_TUN_PORT_FLAG_DIRECT));
}

TEST(Ports, EachOwnPrefixIsANest)
{
	Buffer first, second;

	attribute(first, IPVS_TUN_A_OWN_PREFIX, {192, 0, 2, 1});
	attribute(first, IPVS_TUN_A_OWN_PREFIX_LEN, {32});
	attribute(second, IPVS_TUN_A_OWN_PREFIX,
		  {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
	attribute(second, IPVS_TUN_A_OWN_PREFIX_LEN, {64});
	EXPECT_EQ(put(balancer()), name_of("lb*") + with<std::uint32_t>(IPVS_TUN_A_PORT_VNI, 100) +
					   with<std::uint32_t>(IPVS_TUN_A_PORT_FLAGS, 3) +
					   in(IPVS_TUN_A_PORT_OWN, first) +
					   in(IPVS_TUN_A_PORT_OWN, second));
}

TEST(Ports, ComeBackAsTheyWent)
{
	Port port = balancer();
	Port back = Port::parse(wire::Attributes(put(port)));

	EXPECT_TRUE(back.same(port));
	EXPECT_EQ(back.vni, port.vni);
	EXPECT_EQ(back.direct, true);
	EXPECT_EQ(back.balancer, true);
	EXPECT_EQ(back.own, port.own);
	EXPECT_TRUE(back.devices.empty());
}

TEST(Ports, AnOwnAddressNeedsNoLength)
{
	Buffer own;

	attribute(own, IPVS_TUN_A_OWN_PREFIX, {192, 0, 2, 1});
	Port port = Port::parse(wire::Attributes(in(IPVS_TUN_A_PORT_OWN, own)));
	ASSERT_EQ(port.own.size(), 1u);
	EXPECT_EQ(port.own[0].str(), "192.0.2.1");
}

TEST(Ports, OneFullOfOwnPrefixesFitsIntoAChange)
{
	Port port = balancer();

	port.own.assign(Port::most_own, *Prefix::parse("2001:db8::1"));
	EXPECT_EQ(Port::parse(wire::Attributes(put(port))).own.size(), Port::most_own);
	EXPECT_LT(changed(Action::add, port).size(), 4096u);
}

TEST(Ports, AreDeletedByTheirNameOrGroupAlone)
{
	auto change = [](std::uint32_t action, const Buffer &port) {
		return in(IPVS_TUN_A_MESSAGE_CHANGE,
			  with<std::uint32_t>(IPVS_TUN_A_CHANGE_ACTION, action) +
				  in(IPVS_TUN_A_CHANGE_PORT, port));
	};
	Port group;

	group.group = 7;
	EXPECT_EQ(changed(Action::del, balancer()), change(IPVS_TUN_ACTION_DEL, name_of("lb*")));
	EXPECT_EQ(changed(Action::del, group),
		  change(IPVS_TUN_ACTION_DEL, with<std::uint32_t>(IPVS_TUN_A_PORT_GROUP, 7)));
	EXPECT_EQ(changed(Action::flush, balancer()), change(IPVS_TUN_ACTION_FLUSH, {}));
}

TEST(Ports, DumpWithDevicesContinuedInTheNextMessage)
{
	Script script;
	Connection connection = connect(script);
	auto part = [](const Buffer &key, const Buffer &devices) {
		Buffer port = key + with<std::uint32_t>(IPVS_TUN_A_PORT_FLAGS, 1) + devices;

		return message(IPVS_TUN_CMD_PORT_GET, in(IPVS_TUN_A_MESSAGE_PORT, port),
			       NLM_F_MULTI);
	};
	Buffer group = with<std::uint32_t>(IPVS_TUN_A_PORT_GROUP, 3);

	script.answers = {part(name_of("tap*"), device_bytes("tap0", 5)) +
				  part(name_of("tap*"), device_bytes("tap1", 6)),
			  part(name_of("tap0"), {}) + part(group, device_bytes("eth9", 9)),
			  part(group, device_bytes("eth10", 10)), done()};
	std::vector<Port> ports = list_ports(connection);
	ASSERT_EQ(ports.size(), 3u);
	EXPECT_EQ(ports[0].str(), "tap*");
	EXPECT_EQ(ports[1].str(), "tap0");
	EXPECT_EQ(ports[2].str(), "of group 3");
	ASSERT_EQ(ports[0].devices.size(), 2u);
	EXPECT_TRUE(ports[1].devices.empty());
	ASSERT_EQ(ports[2].devices.size(), 2u);
	EXPECT_EQ(ports[2].devices[1].name, "eth10");
	EXPECT_EQ(ports[0].devices[1].name, "tap1");
	EXPECT_EQ(ports[0].devices[1].ifindex, 6u);
	EXPECT_EQ(ports[0].devices[1].direct, 1ull << 33);
	EXPECT_EQ(ports[0].devices[1].balanced, 6u);
	EXPECT_EQ(script.requests[0][16], IPVS_TUN_CMD_PORT_GET);
}

TEST(Ports, AreCountedInTheStatus)
{
	Status status;

	status.parse(wire::Attributes(with<std::uint32_t>(IPVS_TUN_A_STATUS_PORTS, 2) +
				      with<std::uint32_t>(IPVS_TUN_A_STATUS_PORT_DEVICES, 30)));
	EXPECT_EQ(status.ports, 2u);
	EXPECT_EQ(status.port_devices, 30u);
}

TEST(Ports, WhereARefusedAttributeStands)
{
	wire::Builder builder(family_id, 0, IPVS_TUN_CMD_CHANGE_SET, 1);

	Transaction().change(Action::add, balancer()).put(builder);
	wire::Bytes bytes = builder.finish(1);
	// Headers 20, change 4, action 8, port 4, its name 8, VNI 8 and flags 8.
	constexpr std::size_t name = 20 + 4 + 8 + 4, own = name + 8 + 8 + 8;
	EXPECT_EQ(wire::find_attribute(bytes, name)->path, "change.port.name");
	EXPECT_EQ(wire::find_attribute(bytes, name + 8)->path, "change.port.vni");
	EXPECT_EQ(wire::find_attribute(bytes, name + 16)->path, "change.port.flags");
	EXPECT_EQ(wire::find_attribute(bytes, own)->path, "change.port.own");
	EXPECT_EQ(wire::find_attribute(bytes, own + 4)->path, "change.port.own.prefix");
	EXPECT_EQ(wire::find_attribute(bytes, own + 12)->path, "change.port.own.prefix-len");
	EXPECT_EQ(wire::find_attribute(bytes, 32, IPVS_TUN_A_PORT_GROUP)->path,
		  "change.port.group");
}

TEST(Ports, AsAListOfRows)
{
	EXPECT_EQ(printed(false, false),
		  "port  group  vni   direct  balancer  own                      devices\n"
		  "lb*   -      100   yes     yes       192.0.2.1,2001:db8::/64  lb0,lb1\n"
		  "tap0  -      auto  no      no        -                        tap0\n"
		  "-     3      auto  yes     no        -                        -\n");
}

TEST(Ports, WithCountersEachDeviceHasARow)
{
	std::string blank(55, ' ');

	EXPECT_EQ(printed(false, true),
		  "port  group  vni   direct  balancer  own                      devices  "
		  "direct_packets  balanced_packets\n"
		  "lb*   -      100   yes     yes       192.0.2.1,2001:db8::/64  lb0      "
		  "7               0\n" +
			  blank +
			  "       lb1      0               8\n"
			  "tap0  -      auto  no      no        -                        tap0     "
			  "0               0\n"
			  "-     3      auto  yes     no        -                        -        "
			  "-               -\n");
}

TEST(Ports, AsJson)
{
	EXPECT_EQ(printed(true, false),
		  R"([{"dev":"lb*","group":null,"vni":100,"direct":true,"balancer":true,)"
		  R"("own":["192.0.2.1","2001:db8::/64"],"devices":[)"
		  R"({"name":"lb0","ifindex":5,"warnings":[]},)"
		  R"({"name":"lb1","ifindex":6,"warnings":["its zone is not known"]}]},)"
		  R"({"dev":"tap0","group":null,"vni":null,"direct":false,"balancer":false,)"
		  R"("own":[],"devices":[{"name":"tap0","ifindex":9,"warnings":[]}]},)"
		  R"({"dev":null,"group":3,"vni":null,"direct":true,"balancer":false,)"
		  R"("own":[],"devices":[]}])"
		  "\n");
	nlohmann::json ports = nlohmann::json::parse(printed(true, true));
	EXPECT_EQ(ports[0]["devices"][0]["direct_packets"], 7);
	EXPECT_EQ(ports[0]["devices"][1]["balanced_packets"], 8);
	EXPECT_EQ(ports[1]["devices"][0]["direct_packets"], 0);
}

TEST(Ports, InEvents)
{
	auto event = [](Action action, const Port &port) {
		Buffer bytes = changed(action, port);
		wire::Attribute change = *wire::Attributes(bytes).begin();

		return render::change(Change::parse(change.nested())).dump();
	};
	Port group;

	group.group = 3;
	EXPECT_EQ(
		event(Action::replace, balancer()),
		R"({"action":"replace","object":"port","port":{"dev":"lb*","group":null,)"
		R"("vni":100,"direct":true,"balancer":true,"own":["192.0.2.1","2001:db8::/64"]}})");
	EXPECT_EQ(event(Action::del, balancer()),
		  R"({"action":"del","object":"port","port":{"dev":"lb*"}})");
	EXPECT_EQ(event(Action::del, group),
		  R"({"action":"del","object":"port","port":{"group":3}})");
	EXPECT_EQ(event(Action::flush, balancer()), R"({"action":"flush","object":"port"})");
}

TEST(Patterns, AreNamesOrGlobs)
{
	for (const char *good : {"tap0", "tap*", "*", "vnet?", "tap[0-3]*", "[ab]",
				 "0123456789abcde", "0123456789abcdef*", "eth0.100"})
		EXPECT_EQ(arguments::device_pattern(good), good);
	EXPECT_EQ(arguments::device_pattern(std::string(30, 'x') + "*").size(), 31u);
	EXPECT_EQ(misuse([] { arguments::device_pattern(std::string(31, 'x') + "*"); }),
		  "the pattern \"" + std::string(31, 'x') +
			  "*\" is too long: it can have 31 characters");
	EXPECT_EQ(misuse([] { arguments::device_pattern("0123456789abcdef"); }),
		  "\"0123456789abcdef\" is no name of a network device");
	EXPECT_EQ(misuse([] { arguments::device_pattern("a/*"); }),
		  "\"a/*\" is no pattern of names of network devices");
	for (const char *bad : {"", "a b", "a b*", "tap*\n", "/"})
		EXPECT_NE(misuse([&] { arguments::device_pattern(bad); }), "none") << bad;
}

TEST(OwnPrefixes, AListWithoutRepetition)
{
	std::vector<Prefix> own = arguments::own_prefixes("192.0.2.1,10.0.0.0/8,192.0.2.1/32,::/0");

	ASSERT_EQ(own.size(), 3u);
	EXPECT_EQ(own[0].str(), "192.0.2.1");
	EXPECT_EQ(own[1].str(), "10.0.0.0/8");
	EXPECT_EQ(own[2].str(), "::/0");
	EXPECT_EQ(misuse([] { arguments::own_prefixes("192.0.2.1,10.0.0.1/8"); }),
		  "10.0.0.1/8 has bits set beyond its length; 10.0.0.0/8 is the prefix");
	EXPECT_EQ(misuse([] { arguments::own_prefixes("192.0.2.1,"); }),
		  "the list of prefixes has an empty part");
	EXPECT_NE(misuse([] { arguments::own_prefixes("lb"); }), "none");
	std::string many = "10.0.0.0";
	for (int i = 1; i < 64; i++)
		many.append(",10.0.0.").append(std::to_string(i));
	EXPECT_EQ(arguments::own_prefixes(many).size(), Port::most_own);
	EXPECT_EQ(misuse([&] { arguments::own_prefixes(many + ",::"); }),
		  "65 prefixes are too many: 64 can be named");
}
