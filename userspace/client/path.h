// SPDX-License-Identifier: GPL-2.0
/** @file
 * Paths: the ways back that sessions share.
 */
#pragma once

#include "client/address.h"
#include "client/names.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace ipvs_tun
{

class Connection;
namespace wire
{
class Attributes;
} // namespace wire

/** One way back to a balancer. */
struct Path {
	std::optional<TunnelType> tunnel;
	std::optional<Mac> mac;
	std::optional<Address> vtep;
	std::optional<Mac> vtep_mac;
	std::optional<Address> local;
	std::optional<std::uint32_t> vni;
	std::optional<std::uint32_t> zone;
	std::uint32_t ifindex = 0;	  ///< the underlay device; 0 if any
	std::uint32_t tunnel_ifindex = 0; ///< 0 if none is known yet
	std::uint32_t sessions = 0;
	bool dead = false;

	static Path parse(wire::Attributes attributes);
};

std::vector<Path> list_paths(Connection &connection);

/** Declares the paths to an endpoint, or to one MAC behind it, dead; answers how many. */
std::uint32_t kill_paths(Connection &connection, const Address &vtep,
			 const std::optional<Mac> &mac);

} // namespace ipvs_tun
