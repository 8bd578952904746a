// SPDX-License-Identifier: GPL-2.0
/** @file
 * How long a session lives in each state.
 */
#pragma once

#include "client/names.h"

#include <cstdint>
#include <vector>

namespace ipvs_tun
{

class Connection;
namespace wire
{
class Attributes;
class Builder;
} // namespace wire

/** The timeout of one state. */
struct Timeout {
	/** The longest that the contract allows. */
	static constexpr std::uint32_t max_seconds = 2000000;

	SessionState state = SessionState::other;
	std::uint32_t seconds = 0;

	void put(wire::Builder &builder) const;
	static Timeout parse(wire::Attributes attributes);
};

std::vector<Timeout> list_timeouts(Connection &connection);

} // namespace ipvs_tun
