// SPDX-License-Identifier: GPL-2.0
/** @file
 * Zones: networks that belong to one tenant.
 */
#pragma once

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

/** VNIs within which addresses are unique. */
struct Zone {
	std::string name;
	std::vector<std::uint32_t> vnis;
	std::optional<std::uint32_t> id; ///< answered only: the lowest VNI

	void put(wire::Builder &builder) const;
	static Zone parse(wire::Attributes attributes);
};

std::vector<Zone> list_zones(Connection &connection);

} // namespace ipvs_tun
