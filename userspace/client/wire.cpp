// SPDX-License-Identifier: GPL-2.0
#include "client/wire.h"

#include "client/error.h"

#include <cstring>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

namespace ipvs_tun::wire
{

namespace
{

[[noreturn]] void malformed()
{
	throw Error("the kernel's answer is malformed; are the tool and the module "
		    "from the same release?");
}

template <class T>
Bytes as_bytes(const T &value)
{
	return {reinterpret_cast<const std::uint8_t *>(&value), sizeof(value)};
}

} // namespace

Builder::Builder(std::uint16_t type, std::uint16_t flags, std::uint8_t command,
		 std::uint8_t version)
{
	nlmsghdr header{};
	genlmsghdr generic{};

	buffer_.reserve(512);
	header.nlmsg_type = type;
	header.nlmsg_flags = flags;
	generic.cmd = command;
	generic.version = version;
	for (Bytes part : {as_bytes(header), as_bytes(generic)})
		buffer_.insert(buffer_.end(), part.begin(), part.end());
}

std::size_t Builder::begin(std::uint16_t type)
{
	std::size_t at = buffer_.size();
	nlattr header{0, type};
	Bytes bytes = as_bytes(header);

	buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
	return at;
}

void Builder::end(std::size_t at)
{
	std::size_t length = buffer_.size() - at;
	auto value = static_cast<std::uint16_t>(length);

	if (length > UINT16_MAX)
		throw Misuse("one object is too long for a netlink attribute");
	std::memcpy(&buffer_[at], &value, sizeof(value));
	buffer_.resize(at + MNL_ALIGN(length));
}

void Builder::bytes(std::uint16_t type, Bytes payload)
{
	std::size_t at = begin(type);

	buffer_.insert(buffer_.end(), payload.begin(), payload.end());
	end(at);
}

void Builder::u8(std::uint16_t type, std::uint8_t value)
{
	bytes(type, as_bytes(value));
}

void Builder::u16(std::uint16_t type, std::uint16_t value)
{
	bytes(type, as_bytes(value));
}

void Builder::u32(std::uint16_t type, std::uint32_t value)
{
	bytes(type, as_bytes(value));
}

void Builder::string(std::uint16_t type, std::string_view value)
{
	std::string terminated(value);

	bytes(type,
	      {reinterpret_cast<const std::uint8_t *>(terminated.c_str()), terminated.size() + 1});
}

void Builder::flag(std::uint16_t type)
{
	bytes(type, {});
}

void Builder::address(std::uint16_t type, const Address &value)
{
	bytes(type, value.bytes());
}

void Builder::mac(std::uint16_t type, const Mac &value)
{
	bytes(type, value.bytes);
}

Bytes Builder::finish(std::uint32_t sequence)
{
	auto *header = reinterpret_cast<nlmsghdr *>(buffer_.data());

	header->nlmsg_len = static_cast<std::uint32_t>(buffer_.size());
	header->nlmsg_seq = sequence;
	return buffer_;
}

std::uint16_t Attribute::type() const
{
	return mnl_attr_get_type(attr_);
}

Bytes Attribute::payload() const
{
	return {static_cast<const std::uint8_t *>(mnl_attr_get_payload(attr_)),
		mnl_attr_get_payload_len(attr_)};
}

template <class T>
T Attribute::get() const
{
	T value;

	if (payload().size() != sizeof(T))
		malformed();
	std::memcpy(&value, payload().data(), sizeof(T));
	return value;
}

std::uint8_t Attribute::u8() const
{
	return get<std::uint8_t>();
}

std::uint16_t Attribute::u16() const
{
	return get<std::uint16_t>();
}

std::uint32_t Attribute::u32() const
{
	return get<std::uint32_t>();
}

std::uint64_t Attribute::u64() const
{
	return get<std::uint64_t>();
}

std::string Attribute::string() const
{
	Bytes data = payload();
	const auto *text = reinterpret_cast<const char *>(data.data());

	return {text, strnlen(text, data.size())};
}

Address Attribute::address() const
{
	std::optional<Address> out = Address::from_bytes(payload());

	if (!out)
		malformed();
	return *out;
}

Mac Attribute::mac() const
{
	std::optional<Mac> out = Mac::from_bytes(payload());

	if (!out)
		malformed();
	return *out;
}

Attributes Attribute::nested() const
{
	return Attributes(payload());
}

void Attributes::iterator::check()
{
	const auto *attr = reinterpret_cast<const nlattr *>(rest_.data());

	if (rest_.size() < sizeof(nlattr) || !mnl_attr_ok(attr, static_cast<int>(rest_.size())))
		rest_ = {};
}

Attribute Attributes::iterator::operator*() const
{
	return Attribute(reinterpret_cast<const nlattr *>(rest_.data()));
}

Attributes::iterator &Attributes::iterator::operator++()
{
	std::size_t step = MNL_ALIGN(reinterpret_cast<const nlattr *>(rest_.data())->nla_len);

	rest_ = step < rest_.size() ? rest_.subspan(step) : Bytes{};
	check();
	return *this;
}

Attributes attributes(const nlmsghdr *message)
{
	std::size_t skip = MNL_NLMSG_HDRLEN + GENL_HDRLEN;

	if (message->nlmsg_len < skip)
		malformed();
	return Attributes(Bytes(reinterpret_cast<const std::uint8_t *>(message) + skip,
				message->nlmsg_len - skip));
}

std::uint8_t command(const nlmsghdr *message)
{
	if (message->nlmsg_len < MNL_NLMSG_HDRLEN + GENL_HDRLEN)
		malformed();
	return static_cast<const genlmsghdr *>(mnl_nlmsg_get_payload(message))->cmd;
}

} // namespace ipvs_tun::wire
