// SPDX-License-Identifier: GPL-2.0
/** @file
 * The module's counters. Their names and sentences come from the module.
 */
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ipvs_tun
{

class Connection;
namespace wire
{
class Attributes;
} // namespace wire

/** One counter. */
struct Counter {
	std::string name;
	std::uint64_t value = 0;
	std::string text; ///< one sentence on what it counts

	static Counter parse(wire::Attributes attributes);
};

std::vector<Counter> list_counters(Connection &connection);
void reset_counters(Connection &connection);

} // namespace ipvs_tun
