// SPDX-License-Identifier: GPL-2.0
/** @file
 * A kernel that answers with bytes that the test wrote down.
 */
#pragma once

#include "client/connection.h"

#include <cerrno>
#include <cstring>
#include <deque>
#include <functional>
#include <linux/genetlink.h>
#include <linux/ipvs_tun.h>
#include <linux/netlink.h>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace ipvs_tun::test
{

using Buffer = std::vector<std::uint8_t>;

constexpr std::uint16_t family_id = 0x21;

/** Appends plain bytes of a value. */
template <class T>
void append(Buffer &buffer, const T &value)
{
	const auto *bytes = reinterpret_cast<const std::uint8_t *>(&value);

	buffer.insert(buffer.end(), bytes, bytes + sizeof(value));
}

/** Writes an attribute by hand, independently of the builder under test. */
inline void attribute(Buffer &buffer, std::uint16_t type, const Buffer &payload)
{
	append<std::uint16_t>(buffer, static_cast<std::uint16_t>(4 + payload.size()));
	append<std::uint16_t>(buffer, type);
	buffer.insert(buffer.end(), payload.begin(), payload.end());
	buffer.resize((buffer.size() + 3) / 4 * 4);
}

/** A nest as an attribute. */
inline Buffer in(std::uint16_t type, const Buffer &nest)
{
	Buffer out;

	attribute(out, type | NLA_F_NESTED, nest);
	return out;
}

template <class T>
Buffer value(T number)
{
	Buffer out;

	append(out, number);
	return out;
}

inline Buffer text(const std::string &string)
{
	return Buffer(string.c_str(), string.c_str() + string.size() + 1);
}

/** A message of the family with @p attributes. */
inline Buffer message(std::uint8_t command, const Buffer &attributes, std::uint16_t flags = 0,
		      std::uint16_t type = family_id)
{
	Buffer out;

	append(out,
	       nlmsghdr{static_cast<std::uint32_t>(20 + attributes.size()), type, flags, 0, 0});
	append(out, genlmsghdr{command, 1, 0});
	out.insert(out.end(), attributes.begin(), attributes.end());
	return out;
}

/** An NLMSG_ERROR without the request, or an NLMSG_DONE, with extended attributes. */
inline Buffer ack(int code, const Buffer &attributes = {}, std::uint16_t type = NLMSG_ERROR)
{
	std::uint16_t flags = attributes.empty() ? 0 : NLM_F_ACK_TLVS;
	Buffer body;
	Buffer out;

	append(body, code);
	if (type == NLMSG_ERROR) {
		append(body, nlmsghdr{});
		flags |= NLM_F_CAPPED;
	}
	body.insert(body.end(), attributes.begin(), attributes.end());
	append(out, nlmsghdr{static_cast<std::uint32_t>(16 + body.size()), type, flags, 0, 0});
	out.insert(out.end(), body.begin(), body.end());
	return out;
}

inline Buffer done(int code = 0, const Buffer &attributes = {})
{
	return ack(code, attributes, NLMSG_DONE);
}

/** Several messages in one datagram. */
inline Buffer operator+(Buffer first, const Buffer &second)
{
	first.insert(first.end(), second.begin(), second.end());
	return first;
}

/** The datagrams that the fake sends, and what it was sent. */
struct Script {
	std::deque<Buffer> answers;
	std::vector<Buffer> requests;
	std::vector<std::uint32_t> joined;
	int join_error = 0;
	int receive_error = 0; ///< once
};

class FakeKernel : public Transport
{
public:
	explicit FakeKernel(Script &script) : script_(script) {}

	void send(wire::Bytes message) override
	{
		nlmsghdr header;

		script_.requests.emplace_back(message.begin(), message.end());
		std::memcpy(&header, message.data(), sizeof(header));
		sequence_ = header.nlmsg_seq;
	}

	wire::Bytes receive() override
	{
		if (int code = std::exchange(script_.receive_error, 0))
			throw std::system_error(code, std::generic_category());
		if (script_.answers.empty())
			throw std::logic_error("the test's script is too short");
		current_ = std::move(script_.answers.front());
		script_.answers.pop_front();
		// The kernel answers with the sequence number of the request.
		for (std::size_t at = 0; at + 16 <= current_.size();) {
			std::uint32_t length;

			std::memcpy(&length, &current_[at], 4);
			std::memcpy(&current_[at + 8], &sequence_, 4);
			at += std::max<std::size_t>((length + 3) / 4 * 4, 16);
		}
		return current_;
	}

	void join(std::uint32_t group) override
	{
		if (script_.join_error)
			throw std::system_error(script_.join_error, std::generic_category());
		script_.joined.push_back(group);
	}

private:
	Script &script_;
	Buffer current_;
	std::uint32_t sequence_ = 0;
};

/** The answer to the look-up of the family. */
inline Buffer family(std::uint32_t version = IPVS_TUN_FAMILY_VERSION)
{
	Buffer attributes, groups;
	std::uint32_t id = 7;

	attribute(attributes, CTRL_ATTR_FAMILY_ID, value<std::uint16_t>(family_id));
	attribute(attributes, CTRL_ATTR_VERSION, value(version));
	for (const char *name : {"session", "config", "peer"}) {
		Buffer group;

		attribute(group, CTRL_ATTR_MCAST_GRP_NAME, text(name));
		attribute(group, CTRL_ATTR_MCAST_GRP_ID, value(id++));
		attribute(groups, static_cast<std::uint16_t>(id), group);
	}
	attribute(attributes, CTRL_ATTR_MCAST_GROUPS, groups);
	return message(CTRL_CMD_NEWFAMILY, attributes, 0, GENL_ID_CTRL);
}

/** A connection to a fake kernel that has found its family. */
inline Connection connect(Script &script)
{
	script.answers.push_front(ack(0));
	script.answers.push_front(family());
	Connection out(std::make_unique<FakeKernel>(script));
	script.requests.clear();
	return out;
}

/** The attributes of what was sent last, behind both headers. */
inline Buffer sent(const Script &script)
{
	return Buffer(script.requests.back().begin() + 20, script.requests.back().end());
}

} // namespace ipvs_tun::test
