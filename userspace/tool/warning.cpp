// SPDX-License-Identifier: GPL-2.0
#include "tool/warning.h"

#include "tool/render.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fstream>
#include <map>
#include <net/if.h>

namespace ipvs_tun
{

namespace
{

using Sentences = std::vector<std::string>;

/* So many endpoints are named, for there may be thousands. */
constexpr std::size_t most_endpoints = 8;

/* The same of the devices of ports. */
constexpr std::size_t most_devices = 8;

/* Sentences that are always the same. */
constexpr const char *gre_one_by_one =
	"marked packets of gre reach the tunnel's device one by one, for GRO joins them behind it "
	"only; where uploads are large, vxlan and geneve have no such loss";
constexpr const char *no_mpls_input =
	"no device takes packets of mpls; for each device of the underlay: sysctl -w "
	"net.mpls.conf.DEV.input=1";
constexpr const char *bridge_conntrack =
	"nf_conntrack_bridge is loaded: replies that conntrack of a bridge follows are left to the "
	"bridge, and those that go the direct way from a port it does not see; where no rule needs "
	"it: rmmod nf_conntrack_bridge";

/* The one bit of GRE's mark that stock Linux hosts do not look at. */
constexpr std::uint32_t gre_harmless = 0x80;

const std::filesystem::path sysfs = "/sys/class/net";

std::optional<std::uint32_t> read_number(const std::filesystem::path &path)
{
	std::ifstream file(path);
	std::uint32_t out = 0;

	return file >> out ? std::optional(out) : std::nullopt;
}

/*
 * Whether a device and its index are what /sys says of them: it shows the network namespace in
 * which it was mounted, which is not always the one that the thread is in.
 */
bool is_in_sysfs(const std::string &name, std::uint32_t ifindex)
{
	return ifindex && read_number(sysfs / name / "ifindex") == ifindex;
}

bool is_of_openvswitch(const PortDevice &device)
{
	constexpr const char *datapath = "ovs-system";
	std::error_code error;

	return is_in_sysfs(device.name, device.ifindex) &&
	       is_in_sysfs(datapath, if_nametoindex(datapath)) &&
	       std::filesystem::read_symlink(sysfs / device.name / "master", error).filename() ==
		       datapath;
}

const Tunnel *settings_of(const Findings &findings, TunnelType type)
{
	for (const Tunnel &tunnel : findings.tunnels)
		if (tunnel.type == type)
			return &tunnel;
	return nullptr;
}

std::uint64_t count_of(const Findings &findings, std::string_view name)
{
	for (const Counter &counter : findings.counters)
		if (counter.name == name)
			return counter.value;
	return 0;
}

/* By a rule, or by a balancer behind a port. */
bool is_marking(const Findings &findings)
{
	return findings.marks || std::any_of(findings.ports.begin(), findings.ports.end(),
					     [](const Port &port) { return port.balancer; });
}

template <class Condition>
bool any_endpoint(const Findings &findings, TunnelType type, Condition condition)
{
	for (const Peer &peer : findings.peers)
		for (const Endpoint &endpoint : peer.endpoints)
			if (endpoint.tunnel == type && condition(endpoint))
				return true;
	return false;
}

void look_at_gre(const Findings &findings, Sentences &out)
{
	const Tunnel *gre = settings_of(findings, TunnelType::gre);
	std::uint64_t large =
		count_of(findings, "mark_large_id") + count_of(findings, "record_large_id");

	if (!gre)
		return;
	if (gre->second_mark.value_or(0) & ~gre_harmless)
		out.push_back(fmt::format(
			"the second mark of gre is {}, which over IPv4 a host without ipvs_tun "
			"takes "
			"for a part of the version, and drops; where one may get it, set the bit "
			"that it ignores: tunnel set gre --second-mark {}",
			render::second_mark(*gre->second_mark, TunnelType::gre),
			render::second_mark(gre_harmless, TunnelType::gre)));
	if (any_endpoint(findings, TunnelType::gre,
			 [](const Endpoint &endpoint) { return endpoint.marked > 0; }))
		out.emplace_back(gre_one_by_one);
	if (large && !gre->nvgre.value_or(false))
		out.push_back(fmt::format(
			"{} packets were not marked, or not recorded, for their gre key has more "
			"than 24 bits; if such keys are NVGRE's, say so: tunnel set gre --nvgre on",
			large));
}

/* The mark's bits in a label: those that are sent and those that are accepted. */
std::uint32_t label_bits(const Tunnel &mpls)
{
	std::uint32_t bits = mpls.second_mark.value_or(0);

	for (std::uint32_t mark : mpls.accept_marks)
		bits |= mark;
	return bits;
}

void look_at_labels(const Findings &findings, const Tunnel &mpls, Sentences &out)
{
	std::uint32_t bits = label_bits(mpls), lowest = bits & -bits;
	std::uint32_t labels = *findings.mpls.labels;
	std::uint64_t busy = count_of(findings, "mark_label");

	if (busy)
		out.push_back(fmt::format(
			"{} packets went unmarked, for their label has bits of the second mark "
			"itself, or is below 16; hand out labels that have zeros there ({})",
			busy, render::second_mark(bits, TunnelType::mpls)));
	if (labels > lowest)
		out.push_back(fmt::format(
			"net.mpls.platform_labels is {}, so that labels of this host can have bits "
			"of the mark ({}), and would be taken for marked; sysctl -w "
			"net.mpls.platform_labels={}",
			labels, render::second_mark(bits, TunnelType::mpls), lowest));
	if (!labels)
		out.push_back(fmt::format("net.mpls.platform_labels is 0, so that packets of mpls "
					  "are dropped as they "
					  "come; sysctl -w net.mpls.platform_labels={}",
					  lowest));
}

void look_at_mpls(const Findings &findings, Sentences &out)
{
	const Tunnel *mpls = settings_of(findings, TunnelType::mpls);
	bool met = any_endpoint(findings, TunnelType::mpls, [](const Endpoint &) { return true; });

	if (!mpls || !findings.mpls.labels || (!is_marking(findings) && findings.peers.empty()))
		return;
	/* The kernel can do it, and nobody wants it. */
	if (!*findings.mpls.labels && !met)
		return;
	look_at_labels(findings, *mpls, out);
	if (!findings.mpls.input)
		out.emplace_back(no_mpls_input);
}

/* What a user types to have such a port, but for --own. */
std::string arguments_of(const Port &port)
{
	std::string out = port.dev ? fmt::format("'{}'", *port.dev)
				   : fmt::format("--group {}", port.group.value_or(0));

	if (port.vni)
		out += fmt::format(" --vni {}", *port.vni);
	if (port.direct)
		out += " --direct";
	if (port.balancer)
		out += " --balancer";
	return out;
}

/* The types in which an address is asked, and what it says in the one that says most. */
struct Asked {
	const Endpoint *endpoint = nullptr;
	std::vector<std::string> tunnels;
	bool hopeful = false; ///< ready in one of them, or perhaps in a moment
};

/* The addresses to which nothing is marked. */
std::map<std::string, Asked> unready_addresses(const Peer &peer)
{
	std::map<std::string, Asked> out;

	for (const Endpoint &endpoint : peer.endpoints) {
		Asked &asked = out[endpoint.address.str()];

		asked.tunnels.push_back(name(endpoint.tunnel));
		asked.hopeful |= endpoint.ready() || endpoint.state == EndpointState::probing;
		// One that answers, and says why not, says more than silence.
		if (!asked.endpoint || endpoint.state == EndpointState::mismatch)
			asked.endpoint = &endpoint;
	}
	std::erase_if(out, [](const auto &item) { return item.second.hopeful; });
	return out;
}

/* What to do about it: the kernel's reason is about one host or the other. */
const char *remedy(const Endpoint &endpoint, const std::string &reason)
{
	if (endpoint.state == EndpointState::mismatch)
		return "have one version, and the same second marks, on both hosts";
	if (reason.starts_with("probe cannot be sent") || reason.starts_with("no tunnel port"))
		return "mend that on this host";
	return "load ipvs_tun there, and name this host: peer add ADDRESS --accept";
}

std::string unready_sentence(const Asked &asked)
{
	const Endpoint &endpoint = *asked.endpoint;
	std::string reason = endpoint.reason.value_or("it is not ready");

	return fmt::format("no packet to {} is marked ({}), for {}; {}", endpoint.address.str(),
			   fmt::join(asked.tunnels, ", "), reason, remedy(endpoint, reason));
}

void look_at_endpoints(const Findings &findings, Sentences &out)
{
	std::size_t count = 0;

	// Where nothing is to be marked it does not matter who would be ready.
	if (!is_marking(findings))
		return;
	for (const Peer &peer : findings.peers) {
		if (!peer.send)
			continue;
		for (const auto &[address, asked] : unready_addresses(peer))
			if (count++ < most_endpoints)
				out.push_back(unready_sentence(asked));
	}
	if (count > most_endpoints)
		out.push_back(fmt::format(
			"no packet to {} further endpoints is marked; peer list has them",
			count - most_endpoints));
}

/* What the devices of ports say of themselves. */
void look_at_port_devices(const Findings &findings, Sentences &out)
{
	std::size_t count = 0;

	for (const Port &port : findings.ports)
		for (const PortDevice &device : port.devices)
			for (const std::string &warning : device.warnings)
				if (count++ < most_devices)
					out.push_back(
						fmt::format("port {}: {}", device.name, warning));
	if (count > most_devices)
		out.push_back(fmt::format(
			"{} further warnings are of devices of ports; port list has them with -j",
			count - most_devices));
}

/* Who does not see the replies that go straight from a port into their tunnel. */
void look_at_direct(const Findings &findings, Sentences &out)
{
	const std::vector<std::string> &switched = findings.bridge.openvswitch;

	if (std::none_of(findings.ports.begin(), findings.ports.end(),
			 [](const Port &port) { return port.direct; }))
		return;
	for (const std::string &table : findings.bridge.calls)
		out.push_back(fmt::format(
			"br_netfilter hands the frames of bridges to {0}: replies that it sees are "
			"left to the bridge, and those that go the direct way from a port it does "
			"not see; where such rules matter, take --direct off, else: sysctl -w "
			"net.bridge.bridge-nf-call-{0}=0",
			table));
	if (findings.bridge.conntrack)
		out.emplace_back(bridge_conntrack);
	for (std::size_t i = 0; i < switched.size() && i < most_devices; i++)
		out.push_back(fmt::format(
			"port {}: it belongs to Open vSwitch, and conntrack in its flows does not "
			"see replies that go the direct way; where flows use ct, take --direct off",
			switched[i]));
	if (switched.size() > most_devices)
		out.push_back(fmt::format(
			"{} further devices of ports with --direct belong to Open vSwitch",
			switched.size() - most_devices));
}

void look_at_balancers(const Findings &findings, Sentences &out)
{
	for (const Port &port : findings.ports)
		if (port.balancer && port.own.empty())
			out.push_back(fmt::format(
				"port {}: it has no --own, so that all that leaves it counts as "
				"balanced, the balancer's own connections too; name its addresses: "
				"port replace {} --own PREFIX,...",
				port.str(), arguments_of(port)));
}

} // namespace

MplsSettings MplsSettings::read()
{
	const std::filesystem::path settings = "/proc/sys/net/mpls";
	MplsSettings out;
	std::error_code error;

	out.labels = read_number(settings / "platform_labels");
	for (const auto &device : std::filesystem::directory_iterator(settings / "conf", error))
		if (read_number(device.path() / "input").value_or(0))
			out.input = true;
	return out;
}

BridgeSettings BridgeSettings::read(const std::vector<Port> &ports)
{
	const std::filesystem::path settings = "/proc/sys/net/bridge";
	BridgeSettings out;
	std::error_code error;

	for (const char *table : {"iptables", "ip6tables"})
		if (read_number(settings / fmt::format("bridge-nf-call-{}", table)).value_or(0))
			out.calls.emplace_back(table);
	out.conntrack = std::filesystem::exists("/sys/module/nf_conntrack_bridge", error);
	for (const Port &port : ports)
		for (const PortDevice &device : port.devices)
			if (port.direct && is_of_openvswitch(device))
				out.openvswitch.push_back(device.name);
	return out;
}

Findings Findings::read(Connection &connection, const Status &status)
{
	Findings out;

	out.tunnels = list_tunnels(connection);
	out.peers = list_peers(connection);
	out.counters = list_counters(connection);
	out.marks = status.marks;
	out.mpls = MplsSettings::read();
	if (status.ports)
		out.ports = list_ports(connection);
	out.bridge = BridgeSettings::read(out.ports);
	return out;
}

std::vector<std::string> find_warnings(const Findings &findings)
{
	Sentences out;

	look_at_gre(findings, out);
	look_at_mpls(findings, out);
	look_at_endpoints(findings, out);
	look_at_port_devices(findings, out);
	look_at_direct(findings, out);
	look_at_balancers(findings, out);
	return out;
}

} // namespace ipvs_tun
