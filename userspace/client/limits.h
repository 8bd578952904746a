// SPDX-License-Identifier: GPL-2.0
/** @file
 * How many sessions there may be, and whether their packets are counted.
 */
#pragma once

#include <cstdint>
#include <optional>

namespace ipvs_tun
{

class Connection;
namespace wire
{
class Attributes;
class Builder;
} // namespace wire

/** The limits; what a change does not name stays as it is. */
struct Limits {
	std::optional<std::uint32_t> sessions;
	std::optional<std::uint32_t> sessions_per_vni; ///< 0 is no limit of its own
	std::optional<bool> accounting;

	void put(wire::Builder &builder) const;
	static Limits parse(wire::Attributes attributes);
};

Limits get_limits(Connection &connection);

} // namespace ipvs_tun
