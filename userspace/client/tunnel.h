// SPDX-License-Identifier: GPL-2.0
/** @file
 * The settings of each tunnel type.
 */
#pragma once

#include "client/names.h"

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

/** The bits that an unmarked header of a type has set in the field of the mark. */
std::uint32_t normal_bits(TunnelType type);

/** One past the largest value of the field of the mark. */
std::uint32_t field_limit(TunnelType type);

/** MPLS: replies to requests of one label have another one. */
struct ReturnLabel {
	std::uint32_t forward = 0; ///< without the mark
	std::uint32_t reply = 0;
};

/** Settings; what a change does not name stays as it is. Marks are without the normal bits. */
struct Tunnel {
	TunnelType type = TunnelType::vxlan;
	std::optional<std::uint32_t> second_mark;
	std::vector<std::uint32_t> accept_marks;
	std::optional<bool> nvgre; ///< of gre only: keys are VSID and FlowID
	bool automatic = false;	   ///< the ports follow the existing devices
	std::vector<std::uint16_t> ports;
	std::vector<ReturnLabel> return_labels;	 ///< those named replace the ones before
	bool symmetric = false;			 ///< in a change: no return labels from now on
	std::vector<std::uint16_t> ports_in_use; ///< answered only
	std::uint32_t normal = 0;		 ///< answered only
	std::uint32_t allowed = 0;		 ///< answered only
	std::vector<std::string> warnings;	 ///< answered only

	void put(wire::Builder &builder) const;
	static Tunnel parse(wire::Attributes attributes);
};

std::vector<Tunnel> list_tunnels(Connection &connection);

} // namespace ipvs_tun
