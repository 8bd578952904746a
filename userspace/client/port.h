// SPDX-License-Identifier: GPL-2.0
/** @file
 * Ports: the devices behind which VMs are.
 */
#pragma once

#include "client/address.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ipvs_tun
{

class Connection;
namespace wire
{
class Attributes;
class Builder;
} // namespace wire

/** A device that a port fits now. */
struct PortDevice {
	std::string name;
	std::uint32_t ifindex = 0;
	std::uint64_t direct = 0;   ///< replies that went straight into their tunnel
	std::uint64_t balanced = 0; ///< packets that it sent for others
	std::vector<std::string> warnings;

	static PortDevice parse(wire::Attributes attributes);
};

/** Devices, by a name or pattern or by their group, and what is done at them. */
struct Port {
	/** Prefixes of its own that a balancer can have. */
	static constexpr std::size_t most_own = 64;

	std::optional<std::string> dev; ///< either this, a name or pattern, or a group
	std::optional<std::uint32_t> group;
	std::optional<std::uint32_t> vni; ///< found by the bridge if absent
	bool direct = false;
	bool balancer = false;
	std::vector<Prefix> own;
	std::vector<PortDevice> devices; ///< answered only

	void put(wire::Builder &builder) const;

	/** What names it in a "del". */
	void put_key(wire::Builder &builder) const;
	static Port parse(wire::Attributes attributes);

	/** Whether both are named alike. */
	bool same(const Port &other) const { return dev == other.dev && group == other.group; }

	/** Its name in a sentence: "tap*" or "of group 7". */
	std::string str() const;
};

std::vector<Port> list_ports(Connection &connection);

} // namespace ipvs_tun
