// SPDX-License-Identifier: GPL-2.0
#include "tool/arguments.h"

#include "client/error.h"
#include "client/port.h"
#include "client/tunnel.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fmt/format.h>

namespace ipvs_tun::arguments
{

namespace
{

/* Strict: no sign, no space, nothing behind. */
std::optional<std::uint64_t> parse_number(std::string_view text)
{
	std::uint64_t value = 0;
	int base = 10;

	if (text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text.remove_prefix(2);
	} else if (text.size() > 1 && text[0] == '0') {
		base = 8;
		text.remove_prefix(1);
	}
	auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, base);
	if (text.empty() || code != std::errc() || end != text.data() + text.size())
		return std::nullopt;
	return value;
}

/* The longest name of a network device. */
constexpr std::size_t most_device_name = 15;

bool can_be_in_device_name(std::string_view text)
{
	return !text.empty() && text != "." && text != ".." &&
	       text.find_first_of("/:") == text.npos &&
	       std::none_of(text.begin(), text.end(),
			    [](unsigned char c) { return std::isspace(c); });
}

} // namespace

std::uint32_t number(std::string_view text, std::string_view what, std::uint32_t least,
		     std::uint32_t most)
{
	std::optional<std::uint64_t> value = parse_number(text);

	if (!value)
		throw Misuse(fmt::format("\"{}\" is no {}: a number from {} to {} is needed", text,
					 what, least, most));
	if (*value < least || *value > most)
		throw Misuse(fmt::format("{} is out of range for a {}: it goes from {} to {}", text,
					 what, least, most));
	return static_cast<std::uint32_t>(*value);
}

std::vector<std::string> split(std::string_view text, std::string_view what)
{
	std::vector<std::string> out;

	for (;;) {
		std::size_t comma = text.find(',');

		out.emplace_back(text.substr(0, comma));
		if (out.back().empty())
			throw Misuse(fmt::format("the list of {} has an empty part", what));
		if (comma == text.npos)
			return out;
		text.remove_prefix(comma + 1);
	}
}

std::uint32_t vni(std::string_view text)
{
	return number(text, "VNI", 0, max_vni);
}

std::vector<std::uint32_t> vnis(std::string_view text)
{
	constexpr std::size_t most = 64;
	std::vector<std::uint32_t> out;

	for (const std::string &part : split(text, "VNIs"))
		out.push_back(vni(part));
	std::sort(out.begin(), out.end());
	out.erase(std::unique(out.begin(), out.end()), out.end());
	if (out.size() > most)
		throw Misuse(
			fmt::format("{} VNIs are too many: {} can be named", out.size(), most));
	return out;
}

std::uint16_t port(std::string_view text)
{
	return static_cast<std::uint16_t>(number(text, "port", 0, 65535));
}

Prefix prefix(std::string_view text)
{
	std::optional<Prefix> out = Prefix::parse(text);

	if (!out)
		throw Misuse(fmt::format(
			"\"{}\" is no IPv4 or IPv6 prefix (ADDRESS or ADDRESS/LENGTH)", text));
	return out->canonical();
}

Prefix exact_prefix(std::string_view text)
{
	Prefix out = prefix(text);

	if (Prefix::parse(text) != out)
		throw Misuse(fmt::format("{} has bits set beyond its length; {} is the prefix",
					 text, out.str()));
	return out;
}

Address address(std::string_view text)
{
	std::optional<Address> out = Address::parse(text);

	if (!out)
		throw Misuse(fmt::format("\"{}\" is no IPv4 or IPv6 address", text));
	return *out;
}

Mac mac(std::string_view text)
{
	std::optional<Mac> out = Mac::parse(text);

	if (!out)
		throw Misuse(
			fmt::format("\"{}\" is no MAC address, such as 02:00:5e:10:00:01", text));
	return *out;
}

std::uint8_t protocol(std::string_view text)
{
	std::optional<std::uint64_t> value = parse_number(text);
	std::optional<std::uint8_t> out;

	if (!value)
		out = parse_protocol(text);
	else if (*value <= 255)
		out = static_cast<std::uint8_t>(*value);
	if (!out)
		throw Misuse(fmt::format("\"{}\" is no IP protocol: a name such as tcp, udp, sctp, "
					 "icmp, icmpv6, or a number from 0 to 255 is needed",
					 text));
	return *out;
}

TunnelType tunnel_type(std::string_view text)
{
	std::optional<TunnelType> out = parse_tunnel_type(text);

	if (!out || *out == TunnelType::local)
		throw Misuse(fmt::format("\"{}\" is no tunnel type; the types are {}", text,
					 tunnel_type_names()));
	return *out;
}

TunnelType session_tunnel(std::string_view text)
{
	return text == name(TunnelType::local) ? TunnelType::local : tunnel_type(text);
}

std::uint32_t tunnel_mask(std::string_view text)
{
	std::uint32_t out = 0;

	for (const std::string &part : split(text, "tunnel types"))
		out |= 1u << static_cast<unsigned>(tunnel_type(part));
	return out;
}

SessionState session_state(std::string_view text)
{
	std::optional<SessionState> out = parse_session_state(text);

	if (!out)
		throw Misuse(fmt::format("\"{}\" is no session state; the states are {}", text,
					 session_state_names()));
	return *out;
}

Mark mark(std::string_view text)
{
	std::size_t slash = text.find('/');
	Mark out;

	out.value = number(text.substr(0, slash), "firewall mark", 0, 0xffffffff);
	if (slash != text.npos)
		out.mask = number(text.substr(slash + 1), "mask", 0, 0xffffffff);
	if (out.mask == 0)
		throw Misuse(fmt::format("the mask of {} has no bit, so that every packet matches",
					 text));
	if (out.value & ~out.mask)
		throw Misuse(fmt::format("{} never matches: the value {:#x} has bits outside of "
					 "the mask {:#x}",
					 text, out.value, out.mask));
	return out;
}

std::uint32_t second_mark(std::string_view text, TunnelType type)
{
	std::uint32_t field =
		number(text, ipvs_tun::name(type) + " second mark", 0, field_limit(type) - 1);
	std::uint32_t bits = field & ~normal_bits(type);

	if (!bits)
		throw Misuse(fmt::format("{} marks nothing: a {} header without a mark has it too",
					 text, ipvs_tun::name(type)));
	return bits;
}

std::string device(std::string_view text)
{
	if (text.size() > most_device_name || !can_be_in_device_name(text))
		throw Misuse(fmt::format("\"{}\" is no name of a network device", text));
	return std::string(text);
}

std::string device_pattern(std::string_view text)
{
	constexpr std::size_t most = 31;

	if (text.find_first_of("*?[\\") == text.npos)
		return device(text);
	if (!can_be_in_device_name(text))
		throw Misuse(fmt::format("\"{}\" is no pattern of names of network devices", text));
	if (text.size() > most)
		throw Misuse(fmt::format(
			"the pattern \"{}\" is too long: it can have {} characters", text, most));
	return std::string(text);
}

std::vector<Prefix> own_prefixes(std::string_view text)
{
	std::vector<Prefix> out;

	for (const std::string &part : split(text, "prefixes")) {
		Prefix prefix = exact_prefix(part);

		if (std::find(out.begin(), out.end(), prefix) == out.end())
			out.push_back(prefix);
	}
	if (out.size() > Port::most_own)
		throw Misuse(fmt::format("{} prefixes are too many: {} can be named", out.size(),
					 Port::most_own));
	return out;
}

std::string name(std::string_view text)
{
	if (text.empty() || text.size() > 63)
		throw Misuse(fmt::format("\"{}\" is no name: it needs 1 to 63 characters", text));
	if (std::any_of(text.begin(), text.end(),
			[](unsigned char c) { return std::iscntrl(c) || c == '"'; }))
		throw Misuse("a name cannot have control characters or quotation marks");
	return std::string(text);
}

} // namespace ipvs_tun::arguments
