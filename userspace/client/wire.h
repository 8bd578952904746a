// SPDX-License-Identifier: GPL-2.0
/** @file
 * Netlink messages as bytes: a builder that writes them and views that read
 * them. Nothing outside the client library includes this.
 */
#pragma once

#include "client/address.h"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <linux/netlink.h>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ipvs_tun::wire
{

using Bytes = std::span<const std::uint8_t>;

/** Writes one generic netlink message into a buffer of its own that grows. */
class Builder
{
public:
	Builder(std::uint16_t type, std::uint16_t flags, std::uint8_t command,
		std::uint8_t version);

	void bytes(std::uint16_t type, Bytes payload);
	void u8(std::uint16_t type, std::uint8_t value);
	void u16(std::uint16_t type, std::uint16_t value);
	void u32(std::uint16_t type, std::uint32_t value);
	void string(std::uint16_t type, std::string_view value);
	void flag(std::uint16_t type);
	void address(std::uint16_t type, const Address &value);
	void mac(std::uint16_t type, const Mac &value);

	/** Calls @p fill, and puts all that it writes into a nest. */
	template <class Fill>
	void nest(std::uint16_t type, Fill &&fill)
	{
		std::size_t at = begin(type | NLA_F_NESTED);

		fill(*this);
		end(at);
	}

	/** Completes the header; the bytes are valid until the builder changes. */
	Bytes finish(std::uint32_t sequence);

	std::size_t size() const { return buffer_.size(); }

private:
	std::size_t begin(std::uint16_t type);
	void end(std::size_t at);

	std::vector<std::uint8_t> buffer_;
};

class Attributes;

/** One attribute. The getters throw Error if its length is not that of the type. */
class Attribute
{
public:
	explicit Attribute(const nlattr *attr) : attr_(attr) {}

	std::uint16_t type() const;
	Bytes payload() const;
	std::uint8_t u8() const;
	std::uint16_t u16() const;
	std::uint32_t u32() const;
	std::uint64_t u64() const;
	std::string string() const;
	Address address() const;
	Mac mac() const;
	Attributes nested() const;

private:
	template <class T>
	T get() const;

	const nlattr *attr_;
};

/** A range of attributes; it ends at the first that is cut off. */
class Attributes
{
public:
	explicit Attributes(Bytes bytes) : bytes_(bytes) {}

	class iterator
	{
	public:
		using difference_type = std::ptrdiff_t;
		using value_type = Attribute;

		explicit iterator(Bytes rest = {}) : rest_(rest) { check(); }
		Attribute operator*() const;
		iterator &operator++();
		bool operator==(const iterator &other) const
		{
			return rest_.size() == other.rest_.size();
		}

	private:
		void check();

		Bytes rest_;
	};

	iterator begin() const { return iterator(bytes_); }
	iterator end() const { return iterator(); }

private:
	Bytes bytes_;
};

/** The attributes of a generic netlink message; throws Error if it is too short for them. */
Attributes attributes(const nlmsghdr *message);

/** Its command. */
std::uint8_t command(const nlmsghdr *message);

} // namespace ipvs_tun::wire
