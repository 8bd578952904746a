// SPDX-License-Identifier: GPL-2.0
/** @file
 * Mark rules: which firewall marks become second marks.
 */
#pragma once

#include "client/address.h"

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

/** A rule; an empty condition matches everything. */
struct Mark {
	std::uint32_t value = 0;
	std::uint32_t mask = 0xffffffff;
	std::uint32_t tunnels = 0; ///< mask of (1 << TunnelType); 0 is any
	std::vector<std::uint32_t> vnis;
	std::optional<Prefix> dst; ///< inner destination
	std::optional<std::uint32_t> prio;
	std::optional<std::string> name;
	std::uint64_t packets = 0;   ///< answered only
	std::uint64_t not_ready = 0; ///< answered only

	void put(wire::Builder &builder) const;
	static Mark parse(wire::Attributes attributes);
};

/** The rules in the order in which they match. */
std::vector<Mark> list_marks(Connection &connection);

} // namespace ipvs_tun
