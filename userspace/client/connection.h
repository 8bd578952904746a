// SPDX-License-Identifier: GPL-2.0
/** @file
 * The connection to the module: requests, dumps and multicast groups of the
 * generic netlink family.
 */
#pragma once

#include "client/wire.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace ipvs_tun
{

/** What a connection sends to and receives from; the tests have one without a kernel. */
class Transport
{
public:
	virtual ~Transport() = default;
	virtual void send(wire::Bytes message) = 0;

	/** One datagram; throws std::system_error, with ENOBUFS where some were lost. */
	virtual wire::Bytes receive() = 0;
	virtual void join(std::uint32_t group) = 0;
};

/** A netlink socket in the network namespace that the thread is in. */
std::unique_ptr<Transport> open_netlink();

/** Moves the thread to a network namespace that "ip netns" made; Misuse if there is none. */
void enter_netns(const std::string &name);

/**
 * A connection to the family. One request at a time; a connection that joined
 * groups is used for nothing but events.
 */
class Connection
{
public:
	using Fill = std::function<void(wire::Builder &)>;
	using Handle = std::function<void(wire::Attributes)>;

	/** Opens a socket and looks the family up; ModuleError if it is not there. */
	Connection();
	explicit Connection(std::unique_ptr<Transport> transport);

	/** Sends a request and waits for its acknowledgement; KernelError if it is refused. */
	void request(std::uint8_t command, const Fill &fill = {}, const Handle &handle = {});

	/**
	 * Dumps. Each message is handled as it arrives.
	 * @return whether it was consistent: false means that the table changed
	 * meanwhile, so that entries can be missing or come twice.
	 */
	[[nodiscard]] bool dump(std::uint8_t command, const Handle &handle, const Fill &fill = {});

	/**
	 * Dumps a short table: @p clear and again when it changed meanwhile.
	 */
	void collect(std::uint8_t command, const std::function<void()> &clear,
		     const Handle &handle);

	/** Joins a multicast group by its name. */
	void join(std::string_view group);

	/**
	 * Waits for events and hands over those of one datagram.
	 * @return false if some were lost because nobody read them in time, or had no room.
	 * @throws ModuleError once the module is unloaded.
	 */
	bool receive(const std::function<void(std::uint8_t command, wire::Attributes)> &handle);

private:
	void resolve();
	bool is_about_family(const nlmsghdr *message) const;
	bool exchange(wire::Builder &message, bool dump,
		      const std::function<void(const nlmsghdr *)> &handle);

	std::unique_ptr<Transport> transport_;
	std::map<std::string, std::uint32_t, std::less<>> groups_;
	std::uint16_t family_ = 0;
	std::uint32_t sequence_ = 0;
};

} // namespace ipvs_tun
