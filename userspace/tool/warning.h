// SPDX-License-Identifier: GPL-2.0
/** @file
 * What is not as a type of tunnel needs it on this host, each in a sentence with what to do.
 */
#pragma once

#include "client/counter.h"
#include "client/peer.h"
#include "client/port.h"
#include "client/status.h"
#include "client/tunnel.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ipvs_tun
{

/** The kernel's settings for MPLS. */
struct MplsSettings {
	/** One past its largest label; nothing where it does not handle MPLS. */
	std::optional<std::uint32_t> labels;
	bool input = false; ///< a device takes its packets

	/** Of the network namespace that the thread is in. */
	static MplsSettings read();
};

/** What of this host looks at the frames of a bridge, or takes them over. */
struct BridgeSettings {
	std::vector<std::string> calls; ///< of br_netfilter: "iptables", "ip6tables"
	bool conntrack = false;		///< nf_conntrack_bridge is loaded
	/** Devices of ports that belong to Open vSwitch. */
	std::vector<std::string> openvswitch;

	/** Of the network namespace that the thread is in. */
	static BridgeSettings read(const std::vector<Port> &ports);
};

/** What the warnings are found in. */
struct Findings {
	std::vector<Tunnel> tunnels;
	std::vector<Peer> peers;
	std::vector<Counter> counters;
	std::uint32_t marks = 0; ///< mark rules
	MplsSettings mpls;
	std::vector<Port> ports;
	BridgeSettings bridge;

	static Findings read(Connection &connection, const Status &status);
};

std::vector<std::string> find_warnings(const Findings &findings);

} // namespace ipvs_tun
