// SPDX-License-Identifier: GPL-2.0
/** @file
 * Sessions: the flows whose way back is known.
 */
#pragma once

#include "client/address.h"
#include "client/names.h"

#include <cstdint>
#include <functional>
#include <optional>

namespace ipvs_tun
{

class Connection;
namespace wire
{
class Attributes;
class Builder;
} // namespace wire

/** A flow: what names a session. */
struct Tuple {
	Address src;		 ///< the client
	Address dst;		 ///< the real server
	std::uint16_t sport = 0; ///< for ICMP echo the identifier
	std::uint16_t dport = 0;
	std::uint8_t protocol = 0;
	std::optional<std::uint32_t> vni;
};

/** A session. What the kernel did not give, or does not count, is empty. */
struct Session {
	Tuple tuple;
	std::optional<std::uint32_t> zone;
	std::optional<Mac> mac; ///< the inner source MAC, the balancer's
	std::optional<Address> vtep;
	std::optional<Mac> vtep_mac;
	std::optional<Address> local;
	std::optional<std::uint32_t> ifindex;
	std::optional<TunnelType> tunnel;
	std::optional<SessionState> state;
	bool replied = false;
	bool is_static = false; ///< entered by hand, never expires
	std::optional<std::uint32_t> age;
	std::optional<std::uint32_t> expires;
	std::optional<std::uint64_t> fwd_packets, fwd_bytes;
	std::optional<std::uint64_t> rev_packets, rev_bytes;

	void put(wire::Builder &builder) const;
	static Session parse(wire::Attributes attributes);
};

/** Which sessions; an empty filter is all of them. */
struct SessionFilter {
	std::optional<Prefix> src, dst, vtep;
	std::optional<std::uint16_t> sport, dport;
	std::optional<std::uint8_t> protocol;
	std::optional<std::uint32_t> vni;
	std::optional<Mac> mac;
	std::optional<TunnelType> tunnel;
	std::optional<SessionState> state;

	void put(wire::Builder &builder) const;
};

/**
 * Calls @p handle for each session as the dump arrives.
 * @return false if the table changed meanwhile, so that rows can be missing or repeated.
 */
[[nodiscard]] bool dump_sessions(Connection &connection, const SessionFilter &filter,
				 const std::function<void(const Session &)> &handle);

std::uint32_t count_sessions(Connection &connection, const SessionFilter &filter);

/** Enters a session by hand. */
void add_session(Connection &connection, const Session &session);

/** Deletes one session; KernelError with ENOTUNIQ if the tuple is in several zones. */
void delete_session(Connection &connection, const Tuple &tuple);

/** @return how many it deleted. */
std::uint32_t flush_sessions(Connection &connection, const SessionFilter &filter);

} // namespace ipvs_tun
