// SPDX-License-Identifier: GPL-2.0
/** @file
 * The end of a request or dump: error code, and the kernel's extended
 * acknowledgement. libmnl and libnl have no parser for the latter.
 */
#pragma once

#include "client/error.h"
#include "client/wire.h"

#include <optional>
#include <string>

namespace ipvs_tun::wire
{

/** What an NLMSG_ERROR or NLMSG_DONE says. */
struct Ack {
	int error = 0; ///< positive errno, 0 for success
	std::optional<std::string> message;
	std::optional<std::uint32_t> offset;	   ///< of the bad attribute in the request
	std::optional<std::uint32_t> missing;	   ///< type of the missing attribute
	std::optional<std::uint32_t> missing_nest; ///< offset of the nest that misses it
};

/** Parses an NLMSG_ERROR or NLMSG_DONE. */
Ack parse_ack(const nlmsghdr *message);

/** Where in a request an attribute stands. */
struct Place {
	std::string path;		   ///< dotted names, for example "change.mark.vni"
	std::optional<std::size_t> change; ///< the change that it is in, counted from 0
};

/**
 * Finds the attribute that starts at @p offset of @p request; @p missing, if
 * given, is the type of one that should stand in it.
 */
std::optional<Place> find_attribute(Bytes request, std::size_t offset,
				    std::optional<std::uint16_t> missing = std::nullopt);

/** The exception for a refused @p request. */
KernelError make_error(const Ack &ack, Bytes request);

} // namespace ipvs_tun::wire
