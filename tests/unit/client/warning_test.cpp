// SPDX-License-Identifier: GPL-2.0
// What is not as a type of tunnel needs it.
#include "tool/warning.h"

#include <gtest/gtest.h>

using namespace ipvs_tun;

namespace
{

// Of a host that has all types, as they are by default, and nothing wrong.
Findings healthy()
{
	Findings out;
	const std::pair<TunnelType, std::uint32_t> defaults[] = {
		{TunnelType::vxlan, 0xf0},
		{TunnelType::gre, 0x80},
		{TunnelType::mpls, 0x8000},
		{TunnelType::geneve, 0x01},
	};

	for (auto [type, mark] : defaults) {
		Tunnel tunnel;

		tunnel.type = type;
		tunnel.second_mark = mark;
		tunnel.accept_marks = {mark};
		out.tunnels.push_back(tunnel);
	}
	out.tunnels[1].nvgre = false;
	out.peers.resize(1);
	out.peers[0].prefix = *Prefix::parse("192.0.2.0/24");
	out.peers[0].send = true;
	out.marks = 1;
	out.mpls = {0x8000, true};
	return out;
}

Endpoint endpoint(const char *address, TunnelType type, EndpointState state)
{
	Endpoint out;

	out.address = *Address::parse(address);
	out.tunnel = type;
	out.state = state;
	return out;
}

// The one warning, or how many there are.
std::string only_one(const Findings &findings)
{
	std::vector<std::string> warnings = find_warnings(findings);

	return warnings.size() == 1 ? warnings[0] : std::to_string(warnings.size()) + " warnings";
}

bool has(const std::string &text, const char *part)
{
	return text.find(part) != std::string::npos;
}

} // namespace

TEST(Warnings, NothingIsWrong)
{
	Findings findings = healthy();

	EXPECT_EQ(find_warnings(findings), std::vector<std::string>());
	findings.peers[0].endpoints = {
		endpoint("192.0.2.1", TunnelType::vxlan, EndpointState::ready),
		endpoint("192.0.2.2", TunnelType::gre, EndpointState::always),
		endpoint("192.0.2.3", TunnelType::mpls, EndpointState::probing),
	};
	EXPECT_EQ(find_warnings(findings), std::vector<std::string>());
}

TEST(Warnings, AMarkOfGreThatStockHostsDrop)
{
	Findings findings = healthy();

	for (std::uint32_t mark : {0x40, 0x08, 0xc0, 0xf8}) {
		findings.tunnels[1].second_mark = mark;
		EXPECT_TRUE(has(only_one(findings), "tunnel set gre --second-mark 0x0080")) << mark;
	}
	findings.tunnels[1].second_mark = 0xc0;
	EXPECT_TRUE(has(only_one(findings), "second mark of gre is 0x00c0"));
	// What is accepted harms nobody.
	findings.tunnels[1].second_mark = 0x80;
	findings.tunnels[1].accept_marks = {0x80, 0x40};
	EXPECT_EQ(find_warnings(findings), std::vector<std::string>());
}

TEST(Warnings, GreIsJoinedBehindItsTunnelOnlyOnceMarksAreSent)
{
	Findings findings = healthy();
	Endpoint gre = endpoint("192.0.2.1", TunnelType::gre, EndpointState::ready);

	gre.recorded = 5;
	findings.peers[0].endpoints = {gre};
	EXPECT_EQ(find_warnings(findings), std::vector<std::string>());
	findings.peers[0].endpoints[0].marked = 1;
	EXPECT_TRUE(has(only_one(findings), "GRO"));
	findings.peers[0].endpoints[0].tunnel = TunnelType::geneve;
	EXPECT_EQ(find_warnings(findings), std::vector<std::string>());
}

TEST(Warnings, KeysThatMayBeNvgres)
{
	Findings findings = healthy();

	findings.counters = {{"mark_large_id", 2, ""}, {"record_large_id", 3, ""}};
	EXPECT_TRUE(has(only_one(findings), "5 packets"));
	EXPECT_TRUE(has(only_one(findings), "tunnel set gre --nvgre on"));
	findings.tunnels[1].nvgre = true;
	EXPECT_EQ(find_warnings(findings), std::vector<std::string>());
}

TEST(Warnings, LabelsThatHaveTheBitsThemselves)
{
	Findings findings = healthy();

	findings.counters = {{"mark_label", 7, ""}};
	EXPECT_TRUE(has(only_one(findings), "7 packets"));
	EXPECT_TRUE(has(only_one(findings), "0x08000"));
}

TEST(Warnings, LabelsThatCanHaveTheBits)
{
	Findings findings = healthy();

	findings.mpls.labels = 0x8001;
	EXPECT_TRUE(has(only_one(findings), "net.mpls.platform_labels=32768"));
	// The lowest bit counts, of what is accepted too.
	findings.tunnels[2].accept_marks = {0x8000, 0x0c00};
	EXPECT_TRUE(has(only_one(findings), "net.mpls.platform_labels=1024"));
	EXPECT_TRUE(has(only_one(findings), "0x08c00"));
	findings.mpls.labels = 1024;
	EXPECT_EQ(find_warnings(findings), std::vector<std::string>());
}

TEST(Warnings, NoDeviceTakesMpls)
{
	Findings findings = healthy();

	findings.mpls.input = false;
	EXPECT_TRUE(has(only_one(findings), "net.mpls.conf.DEV.input=1"));
}

TEST(Warnings, NoTableOfLabels)
{
	Findings findings = healthy();

	findings.mpls.labels = 0;
	findings.peers[0].endpoints = {
		endpoint("192.0.2.3", TunnelType::mpls, EndpointState::ready)};
	EXPECT_TRUE(has(only_one(findings), "net.mpls.platform_labels is 0"));
}

TEST(Warnings, NothingIsSaidOfMplsWhereNobodyWantsIt)
{
	Findings findings = healthy();

	findings.mpls = {};
	EXPECT_EQ(find_warnings(findings), std::vector<std::string>());
	findings.mpls.labels = 0;
	EXPECT_EQ(find_warnings(findings), std::vector<std::string>());
	findings.mpls = {0x100000, false};
	findings.peers.clear();
	findings.marks = 0;
	EXPECT_EQ(find_warnings(findings), std::vector<std::string>());
}

TEST(Warnings, AnEndpointThatIsSilent)
{
	Findings findings = healthy();
	Endpoint silent = endpoint("192.0.2.9", TunnelType::vxlan, EndpointState::silent);

	silent.reason = "no answer to probes";
	findings.peers[0].endpoints = {silent};
	EXPECT_TRUE(
		has(only_one(findings), "192.0.2.9 is marked (vxlan), for no answer to probes"));
	EXPECT_TRUE(has(only_one(findings), "load ipvs_tun there"));
	// It is this host that does not ask.
	findings.peers[0].endpoints[0].reason = "probe cannot be sent: no route";
	EXPECT_TRUE(has(only_one(findings), "no route; mend that on this host"));
	// Nobody marks towards it.
	findings.peers[0].send = false;
	EXPECT_EQ(find_warnings(findings), std::vector<std::string>());
	// Nothing is to be marked at all.
	findings.peers[0].send = true;
	findings.marks = 0;
	EXPECT_EQ(find_warnings(findings), std::vector<std::string>());
	// What a balancer behind a port sends is marked without a rule.
	findings.ports.resize(1);
	findings.ports[0].dev = "lb0";
	findings.ports[0].balancer = true;
	findings.ports[0].own = {*Prefix::parse("192.0.2.100")};
	EXPECT_TRUE(has(only_one(findings), "no packet to 192.0.2.9 is marked"));
}

TEST(Warnings, AnAddressIsReadyInOneTypeOfTunnel)
{
	Findings findings = healthy();

	findings.peers[0].endpoints = {
		endpoint("192.0.2.9", TunnelType::vxlan, EndpointState::silent),
		endpoint("192.0.2.9", TunnelType::gre, EndpointState::ready)};
	EXPECT_EQ(find_warnings(findings), std::vector<std::string>());
}

TEST(Warnings, AnAddressThatAnswersAndDoesNotFit)
{
	Findings findings = healthy();

	findings.peers[0].endpoints = {
		endpoint("192.0.2.9", TunnelType::vxlan, EndpointState::silent),
		endpoint("192.0.2.9", TunnelType::gre, EndpointState::mismatch)};
	findings.peers[0].endpoints[1].reason = "it does not accept our second mark";
	EXPECT_TRUE(
		has(only_one(findings),
		    "192.0.2.9 is marked (vxlan, gre), for it does not accept our second mark"));
}

TEST(Warnings, ManySilentEndpointsAreSummedUp)
{
	Findings findings = healthy();

	for (unsigned i = 1; i <= 100; i++)
		findings.peers[0].endpoints.push_back(
			endpoint(("192.0.2." + std::to_string(i)).c_str(), TunnelType::vxlan,
				 EndpointState::silent));
	EXPECT_EQ(find_warnings(findings).size(), 9u);
	EXPECT_TRUE(has(find_warnings(findings).back(), "92 further endpoints"));
}

TEST(Warnings, WhatDevicesOfPortsSay)
{
	Findings findings = healthy();

	findings.ports.resize(2);
	findings.ports[0].dev = "tap*";
	findings.ports[0].devices.resize(2);
	findings.ports[0].devices[1].name = "tap1";
	EXPECT_EQ(find_warnings(findings), std::vector<std::string>());
	findings.ports[0].devices[1].warnings = {"its zone is not known"};
	EXPECT_EQ(only_one(findings), "port tap1: its zone is not known");
	findings.ports[1].devices.resize(100, findings.ports[0].devices[1]);
	EXPECT_EQ(find_warnings(findings).size(), 9u);
	EXPECT_TRUE(has(find_warnings(findings).back(), "93 further warnings"));
}

TEST(Warnings, WhoDoesNotSeeDirectReplies)
{
	Findings findings = healthy();
	std::vector<std::string> warnings;

	findings.bridge.calls = {"iptables", "ip6tables"};
	findings.bridge.conntrack = true;
	findings.ports.resize(1);
	findings.ports[0].dev = "tap*";
	EXPECT_EQ(find_warnings(findings), std::vector<std::string>()) << "no port is direct";
	findings.ports[0].direct = true;
	warnings = find_warnings(findings);
	ASSERT_EQ(warnings.size(), 3u);
	EXPECT_TRUE(has(warnings[0], "net.bridge.bridge-nf-call-iptables=0"));
	EXPECT_TRUE(has(warnings[1], "net.bridge.bridge-nf-call-ip6tables=0"));
	EXPECT_TRUE(has(warnings[2], "rmmod nf_conntrack_bridge"));
	findings.bridge = {};
	EXPECT_EQ(find_warnings(findings), std::vector<std::string>());
	findings.bridge.openvswitch = {"tap0"};
	EXPECT_TRUE(has(only_one(findings), "port tap0: it belongs to Open vSwitch"));
	findings.bridge.openvswitch.resize(20, "tap0");
	EXPECT_EQ(find_warnings(findings).size(), 9u);
	EXPECT_TRUE(has(find_warnings(findings).back(), "12 further devices"));
}

TEST(Warnings, ABalancerWithoutAddressesOfItsOwn)
{
	Findings findings = healthy();

	findings.ports.resize(1);
	findings.ports[0].dev = "lb*";
	findings.ports[0].vni = 100;
	EXPECT_EQ(find_warnings(findings), std::vector<std::string>());
	findings.ports[0].balancer = true;
	EXPECT_TRUE(has(only_one(findings), "port lb*: it has no --own"));
	EXPECT_TRUE(has(only_one(findings),
			"port replace 'lb*' --vni 100 --balancer --own PREFIX,..."));
	findings.ports[0].dev.reset();
	findings.ports[0].vni.reset();
	findings.ports[0].group = 3;
	findings.ports[0].direct = true;
	EXPECT_TRUE(has(only_one(findings), "port of group 3: it has no --own"));
	EXPECT_TRUE(has(only_one(findings), "port replace --group 3 --direct --balancer --own"));
	findings.ports[0].own = {*Prefix::parse("192.0.2.1")};
	EXPECT_EQ(find_warnings(findings), std::vector<std::string>());
}
