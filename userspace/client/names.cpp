// SPDX-License-Identifier: GPL-2.0
#include "client/names.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/ipvs_tun.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <span>

namespace ipvs_tun
{

namespace
{

constexpr const char *types[] = {"local", "vxlan", "gre", "mpls", "geneve"};
constexpr const char *states[] = {"tcp-syn", "tcp-established", "tcp-fin", "udp", "icmp", "other"};
constexpr const char *endpoint_states[] = {"probing", "ready", "silent", "mismatch", "always"};
constexpr const char *actions[] = {"add", "replace", "del", "flush", "set"};
constexpr const char *steps_by_bit[] = {"mark", "record", "steer", "rewrite"};

static_assert(std::size(types) == IPVS_TUN_TUNNEL_TYPE_MAX + 1);
static_assert(std::size(states) == IPVS_TUN_SESSION_STATE_MAX + 1);
static_assert(step_rewrite == static_cast<unsigned>(IPVS_TUN_STEP_REWRITE));
static_assert(std::size(endpoint_states) == IPVS_TUN_ENDPOINT_STATE_ALWAYS + 1);
static_assert(std::size(actions) == IPVS_TUN_ACTION_SET + 1);

struct Protocol {
	std::uint8_t number;
	const char *name;
};

/* Those of daily life, so that no dump reads /etc/protocols for each row. */
constexpr Protocol protocols[] = {
	{IPPROTO_ICMP, "icmp"},	    {IPPROTO_TCP, "tcp"},   {IPPROTO_UDP, "udp"},
	{IPPROTO_ICMPV6, "icmpv6"}, {IPPROTO_SCTP, "sctp"},
};

std::string lookup(std::span<const char *const> names, unsigned value)
{
	if (value < names.size() && names[value])
		return names[value];
	return fmt::format("unknown-{}", value);
}

std::optional<unsigned> find(std::span<const char *const> names, std::string_view text)
{
	for (unsigned i = 0; i < names.size(); i++)
		if (names[i] && text == names[i])
			return i;
	return std::nullopt;
}

} // namespace

std::string name(TunnelType type)
{
	return lookup(types, static_cast<unsigned>(type));
}

std::string name(SessionState state)
{
	return lookup(states, static_cast<unsigned>(state));
}

std::string name(EndpointState state)
{
	return lookup(endpoint_states, static_cast<unsigned>(state));
}

std::string name(Action action)
{
	return lookup(actions, static_cast<unsigned>(action));
}

std::optional<TunnelType> parse_tunnel_type(std::string_view text)
{
	if (auto found = find(types, text))
		return static_cast<TunnelType>(*found);
	return std::nullopt;
}

std::optional<SessionState> parse_session_state(std::string_view text)
{
	if (auto found = find(states, text))
		return static_cast<SessionState>(*found);
	return std::nullopt;
}

std::string tunnel_type_names()
{
	return fmt::format("{}", fmt::join(std::begin(types) + 1, std::end(types), ", "));
}

std::string session_state_names()
{
	return fmt::format("{}", fmt::join(states, ", "));
}

std::vector<std::string> step_names(std::uint32_t steps)
{
	std::vector<std::string> out;

	for (unsigned bit = 0; bit < 32; bit++)
		if (steps & (1u << bit))
			out.push_back(lookup(steps_by_bit, bit));
	return out;
}

std::optional<std::uint32_t> parse_steps(std::string_view text)
{
	if (text == "all")
		return step_mark | step_record | step_steer | step_rewrite;
	if (text == "backhaul")
		return step_steer | step_rewrite;
	if (auto found = find(steps_by_bit, text))
		return 1u << *found;
	return std::nullopt;
}

std::vector<std::string> tunnel_names(std::uint32_t mask)
{
	std::vector<std::string> out;

	for (unsigned type = 1; type < 32; type++)
		if (mask & (1u << type))
			out.push_back(lookup(types, type));
	return out;
}

std::string protocol_name(std::uint8_t protocol)
{
	// getprotobynumber(3) is not cheap; what it said is kept.
	static std::array<std::string, 256> known;
	std::string &out = known[protocol];

	if (!out.empty())
		return out;
	for (const Protocol &entry : protocols)
		if (entry.number == protocol)
			return out = entry.name;
	const protoent *entry = getprotobynumber(protocol);
	return out = entry ? entry->p_name : fmt::format("{}", protocol);
}

std::optional<std::uint8_t> parse_protocol(std::string_view text)
{
	std::uint8_t number = 0;
	auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);

	if (code == std::errc() && end == text.data() + text.size())
		return number;
	for (const Protocol &entry : protocols)
		if (text == entry.name)
			return entry.number;
	if (text == "ipv6-icmp")
		return IPPROTO_ICMPV6;
	const protoent *entry = getprotobyname(std::string(text).c_str());
	if (entry && entry->p_proto >= 0 && entry->p_proto <= 255)
		return static_cast<std::uint8_t>(entry->p_proto);
	return std::nullopt;
}

std::optional<std::string> device_name(std::uint32_t ifindex)
{
	char buffer[IF_NAMESIZE];

	if (!ifindex || !if_indextoname(ifindex, buffer))
		return std::nullopt;
	return buffer;
}

} // namespace ipvs_tun
