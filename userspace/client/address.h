// SPDX-License-Identifier: GPL-2.0
/** @file
 * Addresses and prefixes of both IP families, and Ethernet addresses.
 */
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ipvs_tun
{

/** An IPv4 or IPv6 address, in network byte order. */
class Address
{
public:
	/** Parses by inet_pton(3), so "1.2.3" and "01.2.3.4" are no addresses. */
	static std::optional<Address> parse(std::string_view text);

	/** From 4 or 16 bytes; nothing for any other number. */
	static std::optional<Address> from_bytes(std::span<const std::uint8_t> bytes);

	std::span<const std::uint8_t> bytes() const { return {bytes_.data(), size_}; }
	bool is_ipv4() const { return size_ == 4; }
	unsigned bits() const { return size_ * 8u; }
	std::string str() const;

	/** The address with all bits behind the first @p length cleared. */
	Address masked(unsigned length) const;

	bool operator==(const Address &) const = default;

private:
	std::array<std::uint8_t, 16> bytes_{};
	std::uint8_t size_ = 4;
};

/** An address with a prefix length. */
struct Prefix {
	Address address;
	std::uint8_t length = 0;

	/** "ADDRESS" or "ADDRESS/LENGTH"; bits beyond the length are kept. */
	static std::optional<Prefix> parse(std::string_view text);

	/** As iproute2 prints it: no length where it is the whole address. */
	std::string str() const;

	bool contains(const Address &other) const;

	/** The prefix with the bits beyond its length cleared. */
	Prefix canonical() const { return {address.masked(length), length}; }

	bool operator==(const Prefix &) const = default;
};

/** An Ethernet address. */
struct Mac {
	std::array<std::uint8_t, 6> bytes{};

	/** Six pairs of hexadecimal digits, colons or dashes between them. */
	static std::optional<Mac> parse(std::string_view text);
	static std::optional<Mac> from_bytes(std::span<const std::uint8_t> bytes);

	bool is_zero() const { return *this == Mac{}; }
	std::string str() const;

	bool operator==(const Mac &) const = default;
};

} // namespace ipvs_tun
