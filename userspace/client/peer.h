// SPDX-License-Identifier: GPL-2.0
/** @file
 * Peers: which other hosts get marks, and whose marks are believed.
 */
#pragma once

#include "client/address.h"
#include "client/endpoint.h"

#include <cstdint>
#include <optional>
#include <span>
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

/** One prefix of tunnel endpoints and what it is trusted with. */
struct Peer {
	Prefix prefix;
	bool send = false;
	bool send_always = false; ///< implies send
	bool accept = false;
	bool none = false;
	std::optional<std::string> dev; ///< accept only what comes in by it
	std::vector<std::uint32_t> vnis;
	std::vector<Endpoint> endpoints; ///< answered only
	bool complete = true;		 ///< false in events that name only the prefix

	void put(wire::Builder &builder) const;

	/** What names it in a "del". */
	void put_key(wire::Builder &builder) const;
	static Peer parse(wire::Attributes attributes);
};

std::vector<Peer> list_peers(Connection &connection);

/** The peer with the longest prefix around an address, or null. */
const Peer *find_peer(std::span<const Peer> peers, const Address &address);

} // namespace ipvs_tun
