// SPDX-License-Identifier: GPL-2.0
/** @file
 * The state of the module as a whole.
 */
#pragma once

#include "client/limits.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ipvs_tun
{

/** Versions, hooks, numbers of objects and warnings. */
struct Status {
	std::string version; ///< the module's
	std::uint32_t protocol_version = 0;
	std::uint32_t generation = 0;
	std::vector<std::string> hooks;
	std::uint32_t paused = 0; ///< mask of Step
	std::uint32_t sessions = 0;
	std::uint32_t paths = 0;
	std::uint32_t marks = 0;
	std::uint32_t peers = 0;
	std::uint32_t endpoints = 0;
	std::uint32_t endpoints_ready = 0;
	std::uint32_t ports = 0;
	std::uint32_t port_devices = 0; ///< that are ports now
	std::vector<std::string> warnings;
	Limits limits;

	void parse(wire::Attributes attributes);
};

Status get_status(Connection &connection);

} // namespace ipvs_tun
