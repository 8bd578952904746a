// SPDX-License-Identifier: GPL-2.0
#include "client/address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <fmt/format.h>

namespace ipvs_tun
{

std::optional<Address> Address::parse(std::string_view text)
{
	std::string copy(text);
	Address out;

	if (inet_pton(AF_INET, copy.c_str(), out.bytes_.data()) == 1)
		return out;
	out.size_ = 16;
	if (inet_pton(AF_INET6, copy.c_str(), out.bytes_.data()) == 1)
		return out;
	return std::nullopt;
}

std::optional<Address> Address::from_bytes(std::span<const std::uint8_t> bytes)
{
	Address out;

	if (bytes.size() != 4 && bytes.size() != 16)
		return std::nullopt;
	out.size_ = static_cast<std::uint8_t>(bytes.size());
	std::copy(bytes.begin(), bytes.end(), out.bytes_.begin());
	return out;
}

std::string Address::str() const
{
	char text[INET6_ADDRSTRLEN];

	if (is_ipv4()) // the hot path of a long dump
		return fmt::format(FMT_STRING("{}.{}.{}.{}"), bytes_[0], bytes_[1], bytes_[2],
				   bytes_[3]);
	return inet_ntop(AF_INET6, bytes_.data(), text, sizeof(text));
}

Address Address::masked(unsigned length) const
{
	Address out = *this;

	for (unsigned bit = length; bit < bits(); bit++)
		out.bytes_[bit / 8] &= static_cast<std::uint8_t>(~(0x80u >> (bit % 8)));
	return out;
}

std::optional<Prefix> Prefix::parse(std::string_view text)
{
	std::size_t slash = text.find('/');
	std::optional<Address> address = Address::parse(text.substr(0, slash));
	unsigned length;

	if (!address)
		return std::nullopt;
	length = address->bits();
	if (slash != std::string_view::npos) {
		std::string_view digits = text.substr(slash + 1);
		auto [end, code] =
			std::from_chars(digits.data(), digits.data() + digits.size(), length);

		if (code != std::errc() || end != digits.data() + digits.size() ||
		    length > address->bits())
			return std::nullopt;
	}
	return Prefix{*address, static_cast<std::uint8_t>(length)};
}

std::string Prefix::str() const
{
	if (length == address.bits())
		return address.str();
	return fmt::format("{}/{}", address.str(), length);
}

bool Prefix::contains(const Address &other) const
{
	return other.bits() == address.bits() && other.masked(length) == address.masked(length);
}

std::optional<Mac> Mac::parse(std::string_view text)
{
	Mac out;

	if (text.size() != 17)
		return std::nullopt;
	for (std::size_t i = 0; i < 6; i++) {
		const char *at = text.data() + i * 3;
		auto [end, code] = std::from_chars(at, at + 2, out.bytes[i], 16);

		if (code != std::errc() || end != at + 2)
			return std::nullopt;
		if (i < 5 && (at[2] != text[2] || (at[2] != ':' && at[2] != '-')))
			return std::nullopt;
	}
	return out;
}

std::optional<Mac> Mac::from_bytes(std::span<const std::uint8_t> bytes)
{
	Mac out;

	if (bytes.size() != out.bytes.size())
		return std::nullopt;
	std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
	return out;
}

std::string Mac::str() const
{
	return fmt::format(FMT_STRING("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}"), bytes[0],
			   bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]);
}

} // namespace ipvs_tun
