// SPDX-License-Identifier: GPL-2.0
#include "client/connection.h"

#include "client/error.h"
#include "client/extack.h"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/ipvs_tun.h>
#include <system_error>

namespace ipvs_tun
{

Connection::Connection() : Connection(open_netlink()) {}

Connection::Connection(std::unique_ptr<Transport> transport)
	: transport_(std::move(transport)),
	  sequence_(static_cast<std::uint32_t>(std::time(nullptr)))
{
	resolve();
}

/* Looks the family up by its name; the kernel may load the module for it. */
void Connection::resolve()
{
	wire::Builder message(GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_ACK, CTRL_CMD_GETFAMILY, 1);
	std::uint32_t version = 0;

	message.string(CTRL_ATTR_FAMILY_NAME, IPVS_TUN_FAMILY_NAME);
	try {
		exchange(message, false, [&](const nlmsghdr *reply) {
			for (wire::Attribute attr : wire::attributes(reply)) {
				if (attr.type() == CTRL_ATTR_FAMILY_ID)
					family_ = attr.u16();
				else if (attr.type() == CTRL_ATTR_VERSION)
					version = attr.u32();
				else if (attr.type() == CTRL_ATTR_MCAST_GROUPS)
					for (wire::Attribute group : attr.nested()) {
						std::string name;
						std::uint32_t id = 0;

						for (wire::Attribute field : group.nested())
							if (field.type() ==
							    CTRL_ATTR_MCAST_GRP_NAME)
								name = field.string();
							else if (field.type() ==
								 CTRL_ATTR_MCAST_GRP_ID)
								id = field.u32();
						groups_[name] = id;
					}
			}
		});
	} catch (const KernelError &error) {
		if (error.code() != ENOENT)
			throw;
		throw ModuleError("the ipvs_tun kernel module is not loaded; load it with "
				  "\"modprobe ipvs_tun\"");
	}
	if (version != IPVS_TUN_FAMILY_VERSION)
		throw ModuleError(fmt::format(
			"the loaded ipvs_tun module speaks version {} of the netlink protocol and "
			"this tool version {}; install both from the same release and reload the "
			"module",
			version, IPVS_TUN_FAMILY_VERSION));
}

/* Sends @message and handles the answers; false if a dump was interrupted by a change. */
bool Connection::exchange(wire::Builder &message, bool dump,
			  const std::function<void(const nlmsghdr *)> &handle)
{
	std::uint32_t sequence = ++sequence_;
	wire::Bytes request = message.finish(sequence);
	bool consistent = true;

	transport_->send(request);
	for (;;) {
		wire::Bytes data = transport_->receive();
		const auto *reply = reinterpret_cast<const nlmsghdr *>(data.data());
		int left = static_cast<int>(data.size());

		for (; mnl_nlmsg_ok(reply, left); reply = mnl_nlmsg_next(reply, &left)) {
			if (reply->nlmsg_seq != sequence)
				continue;
			if (reply->nlmsg_flags & NLM_F_DUMP_INTR)
				consistent = false;
			if (reply->nlmsg_type == NLMSG_ERROR ||
			    (dump && reply->nlmsg_type == NLMSG_DONE)) {
				wire::Ack ack = wire::parse_ack(reply);

				if (ack.error)
					throw wire::make_error(ack, request);
				return consistent;
			}
			if (reply->nlmsg_type >= NLMSG_MIN_TYPE)
				handle(reply);
		}
	}
}

void Connection::request(std::uint8_t command, const Fill &fill, const Handle &handle)
{
	wire::Builder message(family_, NLM_F_REQUEST | NLM_F_ACK, command, IPVS_TUN_FAMILY_VERSION);

	if (fill)
		fill(message);
	exchange(message, false, [&](const nlmsghdr *reply) {
		if (handle)
			handle(wire::attributes(reply));
	});
}

bool Connection::dump(std::uint8_t command, const Handle &handle, const Fill &fill)
{
	wire::Builder message(family_, NLM_F_REQUEST | NLM_F_ACK | NLM_F_DUMP, command,
			      IPVS_TUN_FAMILY_VERSION);

	if (fill)
		fill(message);
	return exchange(message, true,
			[&](const nlmsghdr *reply) { handle(wire::attributes(reply)); });
}

void Connection::collect(std::uint8_t command, const std::function<void()> &clear,
			 const Handle &handle)
{
	constexpr int attempts = 20;

	for (int i = 0; i < attempts; i++) {
		clear();
		if (dump(command, handle))
			return;
	}
	throw Error(
		fmt::format("the table changed during each of {} readings; try again", attempts));
}

void Connection::join(std::string_view group)
{
	auto found = groups_.find(group);

	if (found == groups_.end())
		throw ModuleError(fmt::format("the module has no events of the kind \"{}\"; it is "
					      "older than the tool",
					      group));
	try {
		transport_->join(found->second);
		// Who takes the family away takes its groups as well: from then on nothing would
		// come.
		transport_->join(GENL_ID_CTRL);
	} catch (const std::system_error &error) {
		if (error.code().value() == EPERM || error.code().value() == EACCES)
			throw KernelError(fmt::format("permission denied; {} events need "
						      "CAP_NET_ADMIN in the network namespace",
						      group),
					  EPERM);
		throw Error(fmt::format("cannot subscribe to {} events: {}", group,
					std::strerror(error.code().value())));
	}
}

bool Connection::receive(const std::function<void(std::uint8_t command, wire::Attributes)> &handle)
{
	wire::Bytes data;

	try {
		data = transport_->receive();
	} catch (const std::system_error &error) {
		// Too many of them, or one that is longer than the buffer.
		if (error.code().value() == ENOBUFS || error.code().value() == ENOSPC)
			return false;
		throw;
	}
	const auto *event = reinterpret_cast<const nlmsghdr *>(data.data());
	int left = static_cast<int>(data.size());

	for (; mnl_nlmsg_ok(event, left); event = mnl_nlmsg_next(event, &left))
		if (event->nlmsg_type == family_)
			handle(wire::command(event), wire::attributes(event));
		else if (event->nlmsg_type == GENL_ID_CTRL &&
			 wire::command(event) == CTRL_CMD_DELFAMILY && is_about_family(event))
			throw ModuleError("the ipvs_tun kernel module was unloaded");
	return true;
}

bool Connection::is_about_family(const nlmsghdr *message) const
{
	for (wire::Attribute attr : wire::attributes(message))
		if (attr.type() == CTRL_ATTR_FAMILY_ID)
			return attr.u16() == family_;
	return false;
}

} // namespace ipvs_tun
