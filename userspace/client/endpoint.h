// SPDX-License-Identifier: GPL-2.0
/** @file
 * Tunnel endpoints that were found inside a peer's prefix.
 */
#pragma once

#include "client/address.h"
#include "client/names.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ipvs_tun
{

namespace wire
{
class Attributes;
} // namespace wire

/** What probing and traffic tell about one endpoint. */
struct Endpoint {
	Address address;
	TunnelType tunnel = TunnelType::vxlan; ///< each type is probed in its own tunnel
	EndpointState state = EndpointState::probing;
	std::optional<std::uint32_t> last_seen; ///< seconds since its last answer
	std::optional<std::string> version;
	std::optional<std::uint32_t> protocol_version;
	std::uint32_t tunnels = 0; ///< mask of (1 << TunnelType)
	std::vector<std::uint32_t> accept_marks;
	std::optional<std::string> reason;
	std::uint64_t marked = 0;
	std::uint64_t recorded = 0;
	std::uint64_t untrusted = 0;

	bool ready() const
	{
		return state == EndpointState::ready || state == EndpointState::always;
	}

	static Endpoint parse(wire::Attributes attributes);
};

} // namespace ipvs_tun
