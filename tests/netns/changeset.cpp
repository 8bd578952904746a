// SPDX-License-Identifier: GPL-2.0
/*
 * A change set as large as a whole configuration, for the scenario "atomic":
 *   changeset a|b         replaces the configuration by the one of that name, in one message
 *   changeset refused     the same for b, with one more change behind it, which the kernel refuses
 *   changeset kill        runs a and b in turn, killed where each of their system calls begins
 *   changeset fail        applies b, while each of the kernel's memory allocations fails once
 *   changeset print a|b   prints what the kernel should have then
 *   changeset show        prints what the kernel has
 * "kill" and "fail" look at the configuration after each run and print what they found: NAME
 * NUMBER.
 */
#include "client/change.h"
#include "client/connection.h"
#include "client/error.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <set>
#include <string>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

using namespace ipvs_tun;

namespace
{

struct Configuration {
	std::vector<Mark> marks;
	std::vector<Peer> peers;
	std::vector<Zone> zones;
	std::vector<Port> ports;
	std::vector<Timeout> timeouts;
	Tunnel tunnel;
	Limits limits;
};

Configuration make(bool b)
{
	Configuration out;

	for (std::uint32_t i = 0; i < 50; i++) {
		Mark mark;

		mark.value = 0x1000 + i;
		mark.mask = b ? 0xffff : 0xffffffff;
		mark.prio = b ? i : 50 - i;
		mark.vnis = {i, 1000 + i};
		mark.dst = Prefix::parse(fmt::format("{}.0/24", b ? "203.0.113" : "198.51.100"));
		mark.name = fmt::format("rule-{}-{}", b ? 'b' : 'a', i);
		out.marks.push_back(mark);
	}
	for (std::uint32_t i = 0; i < 200; i++) {
		Peer peer;

		// A half of them is in both, with other rights.
		peer.prefix = *Prefix::parse(fmt::format("2001:db8:{:x}::/64", b ? i : i + 100));
		peer.accept = true;
		peer.send = b;
		peer.vnis = {i + b};
		out.peers.push_back(peer);
	}
	for (std::uint32_t i = 0; i < 20; i++) {
		Zone zone;

		zone.name = fmt::format("tenant-{}", i);
		zone.vnis = {2 * i + b, 2 * i + b + 2000};
		out.zones.push_back(zone);
	}
	for (std::uint32_t i = 0; i < 20; i++) {
		Port port;

		// By names and by groups; a half of the names is in both.
		if (i < 15)
			port.dev = fmt::format("tap{}-*", b ? i : i + 5);
		else
			port.group = i;
		port.vni = i + b;
		port.direct = b;
		port.balancer = i % 2;
		if (port.balancer)
			port.own = {*Prefix::parse(fmt::format("192.0.2.{}", i + b)),
				    *Prefix::parse("2001:db8::/64")};
		out.ports.push_back(port);
	}
	for (std::uint32_t state = 0; state <= static_cast<std::uint32_t>(SessionState::other);
	     state++)
		out.timeouts.push_back(
			{static_cast<SessionState>(state), (b ? 2000u : 1000u) + state});
	out.tunnel.type = TunnelType::vxlan;
	out.tunnel.second_mark = b ? 0x40 : 0xf0;
	out.tunnel.accept_marks =
		b ? std::vector<std::uint32_t>{0x40, 0x80} : std::vector<std::uint32_t>{0xf0};
	out.tunnel.ports = {static_cast<std::uint16_t>(b ? 8472 : 4789)};
	out.limits.sessions = b ? 200000 : 100000;
	out.limits.sessions_per_vni = b ? 0 : 5000;
	out.limits.accounting = b;
	return out;
}

Transaction replace(const Configuration &wanted)
{
	Transaction out;

	out.change(Action::flush, Mark());
	for (const Mark &mark : wanted.marks)
		out.change(Action::add, mark);
	out.change(Action::flush, Peer());
	for (const Peer &peer : wanted.peers)
		out.change(Action::add, peer);
	out.change(Action::flush, Zone());
	for (const Zone &zone : wanted.zones)
		out.change(Action::add, zone);
	out.change(Action::flush, Port());
	for (const Port &port : wanted.ports)
		out.change(Action::add, port);
	for (const Timeout &timeout : wanted.timeouts)
		out.change(Action::set, timeout);
	out.change(Action::set, wanted.tunnel);
	out.change(Action::set, wanted.limits);
	return out;
}

Configuration read(Connection &connection)
{
	Configuration out;

	out.marks = list_marks(connection);
	out.peers = list_peers(connection);
	out.zones = list_zones(connection);
	out.ports = list_ports(connection);
	out.timeouts = list_timeouts(connection);
	for (const Tunnel &tunnel : list_tunnels(connection))
		if (tunnel.type == TunnelType::vxlan)
			out.tunnel = tunnel;
	out.limits = get_limits(connection);
	return out;
}

std::vector<std::string> own_of(const Port &port)
{
	std::vector<std::string> out;

	for (const Prefix &prefix : port.own)
		out.push_back(prefix.str());
	return out;
}

/* Sorted: the order of marks is among their attributes, the others have none. */
std::set<std::string> describe(const Configuration &config)
{
	std::set<std::string> lines;

	for (const Mark &mark : config.marks)
		lines.insert(fmt::format("mark {:#x}/{:#x} vni {} dst {} prio {} name {}",
					 mark.value, mark.mask, fmt::join(mark.vnis, ","),
					 mark.dst ? mark.dst->str() : "any", mark.prio.value_or(0),
					 mark.name.value_or("-")));
	for (const Peer &peer : config.peers)
		lines.insert(fmt::format("peer {} send {} accept {} none {} vni {}",
					 peer.prefix.str(), peer.send, peer.accept, peer.none,
					 fmt::join(peer.vnis, ",")));
	for (const Zone &zone : config.zones)
		lines.insert(fmt::format("zone {} vni {}", zone.name, fmt::join(zone.vnis, ",")));
	for (const Port &port : config.ports)
		lines.insert(fmt::format("port {} vni {} direct {} balancer {} own {}", port.str(),
					 port.vni ? fmt::format("{}", *port.vni) : "auto",
					 port.direct, port.balancer, fmt::join(own_of(port), ",")));
	for (const Timeout &timeout : config.timeouts)
		lines.insert(fmt::format("timeout {} {}", name(timeout.state), timeout.seconds));
	lines.insert(fmt::format("tunnel second mark {:#x} accept {} auto {} port {}",
				 config.tunnel.second_mark.value_or(0),
				 fmt::join(config.tunnel.accept_marks, ","),
				 config.tunnel.automatic, fmt::join(config.tunnel.ports, ",")));
	lines.insert(fmt::format("limit sessions {} per vni {} accounting {}",
				 config.limits.sessions.value_or(0),
				 config.limits.sessions_per_vni.value_or(0),
				 config.limits.accounting.value_or(false)));
	return lines;
}

void print(const Configuration &config)
{
	for (const std::string &line : describe(config))
		fmt::print("{}\n", line);
}

/* Which configuration the kernel has: 'a', 'b', or '-' if it is between the two. */
class Judge
{
public:
	char look()
	{
		std::set<std::string> now = describe(read(connection_));

		return now == a_ ? 'a' : now == b_ ? 'b' : '-';
	}

	void apply(bool b) { replace(make(b)).commit(connection_); }

private:
	Connection connection_;
	std::set<std::string> a_ = describe(make(false));
	std::set<std::string> b_ = describe(make(true));
};

/* This program with another argument, stopped where its system calls begin. */
class Traced
{
public:
	explicit Traced(const char *argument) : pid_(fork())
	{
		if (pid_ < 0)
			throw Error("cannot fork");
		if (!pid_) {
			ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
			raise(SIGSTOP);
			execl("/proc/self/exe", "changeset", argument, nullptr);
			_exit(127);
		}
		wait();
		ptrace(PTRACE_SETOPTIONS, pid_, nullptr,
		       PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
	}
	~Traced()
	{
		kill(pid_, SIGKILL);
		while (!ended_)
			wait();
	}

	/* Goes on to the next system call; false if it ended by itself. */
	bool step()
	{
		do {
			ptrace(PTRACE_SYSCALL, pid_, nullptr, nullptr);
			wait();
		} while (!ended_ && !enters());
		return !ended_;
	}

private:
	bool enters() const
	{
		__ptrace_syscall_info info = {};

		return WSTOPSIG(status_) == (SIGTRAP | 0x80) &&
		       ptrace(PTRACE_GET_SYSCALL_INFO, pid_, sizeof(info), &info) > 0 &&
		       info.op == PTRACE_SYSCALL_INFO_ENTRY;
	}

	void wait()
	{
		if (waitpid(pid_, &status_, 0) < 0 && errno != EINTR)
			throw Error("cannot wait for the traced program");
		ended_ = WIFEXITED(status_) || WIFSIGNALED(status_);
	}

	pid_t pid_;
	int status_ = 0;
	bool ended_ = false;
};

bool run_until(const char *argument, unsigned calls)
{
	Traced program(argument);

	while (calls--)
		if (!program.step())
			return false;
	return true;
}

int sweep_kills()
{
	unsigned calls = 0, old = 0, changed = 0, between = 0;
	Judge judge;

	judge.apply(false);
	for (char now = 'a'; run_until(now == 'a' ? "b" : "a", calls + 1); calls++) {
		char found = judge.look();

		if (found == now) {
			old++;
		} else if (found != '-') {
			changed++;
			now = found;
		} else {
			fmt::print("between a and b when killed at call {}\n", calls);
			between++;
			judge.apply(now == 'b');
		}
	}
	fmt::print("calls {}\nold {}\nnew {}\nbetween {}\n", calls, old, changed, between);
	return 0;
}

/* The kernel's fault injection: the Nth allocation of this thread from now on fails. */
class FailNth
{
public:
	explicit FailNth(unsigned n) : fd_(open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC))
	{
		set(n);
	}
	~FailNth() { close(fd_); }

	/* Ends it; whether an allocation was made to fail. */
	bool finish()
	{
		char text[16] = "";

		if (pread(fd_, text, sizeof(text) - 1, 0) < 0)
			throw Error("cannot read fail-nth");
		set(0);
		return std::atoi(text) == 0;
	}

private:
	void set(unsigned n)
	{
		std::string text = fmt::format("{}", n);

		if (pwrite(fd_, text.data(), text.size(), 0) < 0)
			throw Error("cannot write fail-nth");
	}

	int fd_;
};

/* One run; false if the Nth allocation was not reached. */
bool run_failing(Connection &connection, const Transaction &transaction, unsigned n,
		 bool &committed)
{
	FailNth injection(n);

	committed = true;
	try {
		transaction.commit(connection);
	} catch (const std::exception &) {
		committed = false;
	}
	return injection.finish();
}

int sweep_failures()
{
	constexpr unsigned one_by_one = 60, stride = 7; // of the many alike, samples
	unsigned n = 1, runs = 0, refused = 0, between = 0;
	Transaction transaction = replace(make(true));
	Judge judge;
	bool committed;

	judge.apply(false);
	for (;; n += n < one_by_one ? 1 : stride) {
		// A socket of its own: what is lost with a failure must not be waited for later.
		Connection connection;

		if (!run_failing(connection, transaction, n, committed))
			break;
		char found = judge.look();

		runs++;
		refused += !committed && found == 'a';
		// An answer can be lost behind a commit; what must not be is a part of it.
		if (found == '-' || (committed && found != 'b')) {
			fmt::print("allocation {} failed: {}, configuration {}\n", n,
				   committed ? "committed" : "refused", found);
			between++;
		}
		if (found != 'a')
			judge.apply(false);
	}
	fmt::print("allocations {}\nruns {}\nrefused {}\nbetween {}\n", n, runs, refused, between);
	return 0;
}

int run(const std::vector<std::string> &arguments)
{
	const std::string &what = arguments.at(1);

	if (what == "print") {
		print(make(arguments.at(2) == "b"));
		return 0;
	}

	if (what == "kill")
		return sweep_kills();
	if (what == "fail")
		return sweep_failures();

	Connection connection;

	if (what == "show") {
		print(read(connection));
	} else if (what == "refused") {
		Mark twice = make(true).marks.front();

		replace(make(true)).change(Action::add, twice).commit(connection);
	} else {
		replace(make(what == "b")).commit(connection);
	}
	return 0;
}

} // namespace

int main(int argc, char **argv)
{
	try {
		return run({argv, argv + argc});
	} catch (const KernelError &error) {
		fmt::print(stderr, "change {}: {}\n",
			   error.change ? fmt::format("{}", *error.change) : "-", error.what());
		return 2;
	} catch (const std::exception &error) {
		fmt::print(stderr, "{}\n", error.what());
		return 1;
	}
}
