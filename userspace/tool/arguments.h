// SPDX-License-Identifier: GPL-2.0
/** @file
 * What users type, as values. Each parser throws Misuse with a sentence that
 * holds the offending text.
 */
#pragma once

#include "client/address.h"
#include "client/mark.h"
#include "client/names.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace CLI
{
class App;
}

namespace ipvs_tun::arguments
{

/** A decimal, 0x hexadecimal or 0 octal number of @p what between the limits. */
std::uint32_t number(std::string_view text, std::string_view what, std::uint32_t least,
		     std::uint32_t most);

std::uint32_t vni(std::string_view text);
std::vector<std::uint32_t> vnis(std::string_view text);
std::uint16_t port(std::string_view text);

/** A prefix as a filter: bits beyond its length do not matter. */
Prefix prefix(std::string_view text);

/** A prefix as a name: bits beyond its length are refused. */
Prefix exact_prefix(std::string_view text);
Address address(std::string_view text);
Mac mac(std::string_view text);
std::uint8_t protocol(std::string_view text);
TunnelType tunnel_type(std::string_view text);
/** What a session's flow came by: a tunnel type, or "local". */
TunnelType session_tunnel(std::string_view text);
std::uint32_t tunnel_mask(std::string_view text);
SessionState session_state(std::string_view text);

/** VALUE[/MASK], both in any base. */
Mark mark(std::string_view text);

/**
 * The bits of a second mark: the whole marked field or only the bits that are
 * added to it; the normal bits of the header are taken off.
 */
std::uint32_t second_mark(std::string_view text, TunnelType type);

/** The name of a device, and of a rule or zone. */
std::string device(std::string_view text);
std::string name(std::string_view text);

/** The name of a device, or a pattern of names with *, ? and [...]. */
std::string device_pattern(std::string_view text);

/** Exact prefixes, none of them twice; the addresses of a balancer itself. */
std::vector<Prefix> own_prefixes(std::string_view text);

/** The parts between commas; Misuse if one is empty. */
std::vector<std::string> split(std::string_view text, std::string_view what);

/** Adds an option (its name starts with dashes) or argument; @p take gets its text. */
void add_text(CLI::App &app, const std::string &name, std::function<void(const std::string &)> take,
	      const std::string &help, const std::string &type, bool required);

/** Adds an option whose text @p parser turns into @p into. */
template <class T, class Parser>
void add(CLI::App &app, const std::string &name, T &into, Parser parser, const std::string &help,
	 const std::string &type)
{
	add_text(
		app, name, [&into, parser](const std::string &text) { into = parser(text); }, help,
		type, false);
}

/** The same for one that cannot be left out. */
template <class T, class Parser>
void need(CLI::App &app, const std::string &name, T &into, Parser parser, const std::string &help,
	  const std::string &type)
{
	add_text(
		app, name, [&into, parser](const std::string &text) { into = parser(text); }, help,
		type, true);
}

} // namespace ipvs_tun::arguments
