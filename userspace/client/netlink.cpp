// SPDX-License-Identifier: GPL-2.0
/* The transport of real life: a netlink socket of libmnl, and its namespace. */
#include "client/connection.h"
#include "client/error.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <sched.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace ipvs_tun
{

namespace
{

struct CloseSocket {
	void operator()(mnl_socket *socket) const { mnl_socket_close(socket); }
};

[[noreturn]] void fail(const char *what)
{
	int code = errno;

	throw Error(fmt::format("{}: {}", what, std::strerror(code)));
}

class NetlinkSocket : public Transport
{
public:
	NetlinkSocket() : socket_(mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC)), buffer_(1 << 18)
	{
		int on = 1;

		if (!socket_)
			fail("cannot open a netlink socket");
		// Both are as old as the oldest kernel that the module supports.
		mnl_socket_setsockopt(socket_.get(), NETLINK_EXT_ACK, &on, sizeof(on));
		mnl_socket_setsockopt(socket_.get(), NETLINK_CAP_ACK, &on, sizeof(on));
		if (mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0)
			fail("cannot bind a netlink socket");
	}

	void send(wire::Bytes message) override
	{
		while (mnl_socket_sendto(socket_.get(), message.data(), message.size()) < 0) {
			if (errno == EMSGSIZE || errno == ENOBUFS) {
				grow(SO_SNDBUFFORCE, SO_SNDBUF, message.size());
				continue;
			}
			if (errno != EINTR)
				fail("cannot send to the kernel");
		}
	}

	wire::Bytes receive() override
	{
		ssize_t size;

		do
			size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
		while (size < 0 && errno == EINTR);
		if (size < 0)
			throw std::system_error(errno, std::generic_category(),
						"cannot receive from the kernel");
		return {buffer_.data(), static_cast<std::size_t>(size)};
	}

	void join(std::uint32_t group) override
	{
		int size = 8 << 20;
		int fd = mnl_socket_get_fd(socket_.get());

		// As much room for bursts of events as the caller's privileges allow.
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
			setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		if (mnl_socket_setsockopt(socket_.get(), NETLINK_ADD_MEMBERSHIP, &group,
					  sizeof(group)) < 0)
			throw std::system_error(errno, std::generic_category());
	}

private:
	/* Makes room for a change set of @size bytes, once. */
	void grow(int force, int plain, std::size_t size)
	{
		int fd = mnl_socket_get_fd(socket_.get());
		int wanted = static_cast<int>(size) * 2 + (1 << 16);

		if (grown_ || (setsockopt(fd, SOL_SOCKET, force, &wanted, sizeof(wanted)) < 0 &&
			       setsockopt(fd, SOL_SOCKET, plain, &wanted, sizeof(wanted)) < 0))
			throw Error("the change set is too large for the socket buffer");
		grown_ = true;
	}

	std::unique_ptr<mnl_socket, CloseSocket> socket_;
	std::vector<std::uint8_t> buffer_;
	bool grown_ = false;
};

} // namespace

std::unique_ptr<Transport> open_netlink()
{
	return std::make_unique<NetlinkSocket>();
}

void enter_netns(const std::string &name)
{
	std::string path = "/run/netns/" + name;
	int fd = -1;
	int code;

	if (name.empty() || name.find('/') != name.npos || name == "." || name == "..")
		throw Misuse(fmt::format("\"{}\" is no name of a network namespace", name));
	fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		throw Misuse(fmt::format("there is no network namespace \"{}\"; "
					 "\"ip netns list\" shows them",
					 name));
	code = fd < 0 || setns(fd, CLONE_NEWNET) < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	if (code == EINVAL)
		throw Misuse(fmt::format("\"{}\" is not a network namespace any more", name));
	if (code)
		throw Error(fmt::format("cannot enter the network namespace \"{}\": {}", name,
					std::strerror(code)));
}

} // namespace ipvs_tun
