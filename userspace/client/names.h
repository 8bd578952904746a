// SPDX-License-Identifier: GPL-2.0
/** @file
 * The enumerations of the contract and the names that users know them by.
 */
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipvs_tun
{

/** Largest network identifier of a tunnel. */
constexpr std::uint32_t max_vni = 0xffffff;

/** The types of tunnels; "local" is none: balancer and server are on one host. */
enum class TunnelType : std::uint8_t { local, vxlan, gre, mpls, geneve };
enum class SessionState : std::uint8_t { tcp_syn, tcp_established, tcp_fin, udp, icmp, other };
enum class EndpointState : std::uint8_t { probing, ready, silent, mismatch, always };
enum class Action : std::uint8_t { add, replace, del, flush, set };

/** Steps that can be paused; bits. */
enum Step : std::uint32_t { step_mark = 1, step_record = 2, step_steer = 4, step_rewrite = 8 };

/** The name of a value; "unknown-N" for one that only a newer module knows. */
std::string name(TunnelType type);
std::string name(SessionState state);
std::string name(EndpointState state);
std::string name(Action action);

std::optional<TunnelType> parse_tunnel_type(std::string_view text);
std::optional<SessionState> parse_session_state(std::string_view text);

/** All names of a kind, separated by commas, for messages; "local" is no tunnel's. */
std::string tunnel_type_names();
std::string session_state_names();

/** The names of the steps in a mask. */
std::vector<std::string> step_names(std::uint32_t steps);

/** The steps that a name stands for: a step, "backhaul" (steer and rewrite) or "all". */
std::optional<std::uint32_t> parse_steps(std::string_view text);

/** The tunnel types in a mask of (1 << type). */
std::vector<std::string> tunnel_names(std::uint32_t mask);

/** The name of an IP protocol: "tcp", "icmpv6", …; its number where it has none. */
std::string protocol_name(std::uint8_t protocol);

/** By name or number. */
std::optional<std::uint8_t> parse_protocol(std::string_view text);

/** The name of a device in this network namespace; nothing if it has gone. */
std::optional<std::string> device_name(std::uint32_t ifindex);

} // namespace ipvs_tun
