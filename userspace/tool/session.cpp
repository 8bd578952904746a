// SPDX-License-Identifier: GPL-2.0
/* session: the flows whose way back is known. */
#include "client/session.h"

#include "client/error.h"
#include "tool/command.h"

#include <cerrno>
#include <netinet/in.h>
#include <set>

namespace ipvs_tun
{

namespace
{

struct TupleOptions {
	std::optional<Address> src, dst;
	std::optional<std::uint16_t> sport, dport;
	std::optional<std::uint8_t> protocol;
	std::optional<std::uint32_t> vni;
};

struct AddOptions {
	TupleOptions tuple;
	Session session;
};

Tuple make_tuple(const TupleOptions &options)
{
	Tuple out{*options.src,
		  *options.dst,
		  options.sport.value_or(0),
		  options.dport.value_or(0),
		  *options.protocol,
		  options.vni};
	bool ports = out.protocol == IPPROTO_TCP || out.protocol == IPPROTO_UDP ||
		     out.protocol == IPPROTO_SCTP;

	if (out.src.is_ipv4() != out.dst.is_ipv4())
		throw Misuse(fmt::format("{} and {} are not of one family", out.src.str(),
					 out.dst.str()));
	if (ports && (!options.sport || !options.dport))
		throw Misuse(
			fmt::format("{} needs --sport and --dport", protocol_name(out.protocol)));
	return out;
}

int run_list(Context &context, const SessionFilter &filter)
{
	constexpr std::size_t address = 15; // an IPv4 address; IPv6 rows are wider
	std::vector<Column> columns = {{"index", 5},	    {"src_ip", address},  {"src_port", 8},
				       {"dst_ip", address}, {"dst_port", 8},	  {"protocol", 8},
				       {"mac", 17},	    {"vtep_ip", address}, {"vni", 8}};
	Connection &connection = context.connection();
	std::uint64_t index = 0;

	if (context.statistics)
		for (Column column :
		     {Column{"tunnel", 6}, Column{"state", 15}, Column{"age", 6},
		      Column{"expires", 7}, Column{"fwd_packets", 11}, Column{"fwd_bytes", 11},
		      Column{"rev_packets", 11}, Column{"rev_bytes", 11}})
			columns.push_back(column);

	// The heading comes with the first answer: a refusal leaves the output empty.
	std::optional<Table> table;
	auto start = [&]() -> Table & {
		if (!table)
			table.emplace(context.output(), columns, Table::Stream::yes);
		return *table;
	};
	bool consistent = dump_sessions(connection, filter, [&](const Session &session) {
		const Tuple &tuple = session.tuple;
		Table &row = start();

		row.put_number("index", ++index);
		row.put_string("src_ip", tuple.src.str()).put_number("src_port", tuple.sport);
		row.put_string("dst_ip", tuple.dst.str()).put_number("dst_port", tuple.dport);
		row.put_number("protocol", tuple.protocol);
		if (context.output().json)
			row.put_string("protocol_name", protocol_name(tuple.protocol));
		if (session.mac)
			row.put_string("mac", session.mac->str());
		else
			row.put("mac", {});
		if (session.vtep)
			row.put_string("vtep_ip", session.vtep->str());
		else
			row.put("vtep_ip", {});
		if (session.vtep_mac)
			row.put_json("vtep_mac", session.vtep_mac->str());
		row.put_number("vni", tuple.vni);
		if (context.statistics) {
			row.put("tunnel", session.tunnel ? Value(name(*session.tunnel)) : Value());
			row.put("state", session.state ? Value(name(*session.state)) : Value());
			row.put_number("age", session.age).put_number("expires", session.expires);
			row.put_number("fwd_packets", session.fwd_packets);
			row.put_number("fwd_bytes", session.fwd_bytes);
			row.put_number("rev_packets", session.rev_packets);
			row.put_number("rev_bytes", session.rev_bytes);
		}
		row.end_row();
	});
	start().finish();
	if (!consistent)
		context.warn("the session table changed during the dump; rows can be missing or "
			     "repeated");
	return exit_done;
}

int run_count(Context &context, const SessionFilter &filter)
{
	print_count(context.output(), "count", count_sessions(context.connection(), filter));
	return exit_done;
}

int run_flush(Context &context, const SessionFilter &filter)
{
	std::uint32_t count = flush_sessions(context.connection(), filter);

	print_count(context.output(), "deleted", count,
		    count == 1 ? "session deleted" : "sessions deleted");
	return exit_done;
}

int run_add(Context &context, const AddOptions &options)
{
	Session session = options.session;

	session.tuple = make_tuple(options.tuple);
	if (!session.mac && session.tunnel != TunnelType::gre)
		throw Misuse("--mac is required: it is the balancer's; only gre can do without");
	if (session.local && session.local->is_ipv4() != session.vtep->is_ipv4())
		throw Misuse(fmt::format("{} and {} are not of one family", session.local->str(),
					 session.vtep->str()));
	add_session(context.connection(), session);
	return exit_done;
}

/* The networks in which a tuple stands, for the refusal of an ambiguous one. */
std::string list_networks(Connection &connection, const Tuple &tuple)
{
	auto whole = [](const Address &address) {
		return Prefix{address, static_cast<std::uint8_t>(address.bits())};
	};
	std::set<std::uint32_t> vnis;
	SessionFilter filter;
	std::string out;

	filter.src = whole(tuple.src);
	filter.dst = whole(tuple.dst);
	filter.sport = tuple.sport;
	filter.dport = tuple.dport;
	filter.protocol = tuple.protocol;
	(void)dump_sessions(connection, filter, [&](const Session &session) {
		if (session.tuple.vni)
			vnis.insert(*session.tuple.vni);
	});
	for (std::uint32_t vni : vnis)
		out += fmt::format("{}{}", out.empty() ? "" : ", ", vni);
	return out;
}

int run_del(Context &context, const TupleOptions &options)
{
	Tuple tuple = make_tuple(options);

	try {
		delete_session(context.connection(), tuple);
	} catch (const KernelError &error) {
		if (error.code() != ENOTUNIQ)
			throw;
		throw KernelError(fmt::format("the tuple stands in more than one zone, with VNI "
					      "{}; give --vni",
					      list_networks(context.connection(), tuple)),
				  ENOTUNIQ);
	}
	return exit_done;
}

void add_filter(CLI::App &command, SessionFilter &filter)
{
	arguments::add(command, "--src", filter.src, arguments::prefix, "Client", "PREFIX");
	arguments::add(command, "--dst", filter.dst, arguments::prefix, "Real server", "PREFIX");
	arguments::add(command, "--sport", filter.sport, arguments::port, "Client's port", "N");
	arguments::add(command, "--dport", filter.dport, arguments::port, "Server's port", "N");
	arguments::add(command, "--proto", filter.protocol, arguments::protocol, "Protocol",
		       "NAME|N");
	arguments::add(command, "--vni", filter.vni, arguments::vni, "Network", "N");
	arguments::add(command, "--vtep", filter.vtep, arguments::prefix, "Balancer's endpoint",
		       "PREFIX");
	arguments::add(command, "--mac", filter.mac, arguments::mac, "Balancer's MAC", "MAC");
	arguments::add(command, "--tunnel", filter.tunnel, arguments::session_tunnel,
		       "Tunnel type, or \"local\"", "TYPE");
	arguments::add(command, "--state", filter.state, arguments::session_state,
		       "One of " + session_state_names(), "NAME");
}

void add_tuple(CLI::App &command, TupleOptions &tuple)
{
	arguments::need(command, "--src", tuple.src, arguments::address, "Client", "IP");
	arguments::add(command, "--sport", tuple.sport, arguments::port,
		       "Client's port; for ICMP echo the identifier", "N");
	arguments::need(command, "--dst", tuple.dst, arguments::address, "Real server", "IP");
	arguments::add(command, "--dport", tuple.dport, arguments::port, "Server's port", "N");
	arguments::need(command, "--proto", tuple.protocol, arguments::protocol, "Protocol",
			"NAME|N");
	arguments::add(command, "--vni", tuple.vni, arguments::vni, "Network", "N");
}

template <class Run>
void setup_filtered(CLI::App &object, Context &context, const char *name, const char *help, Run run)
{
	auto filter = std::make_shared<SessionFilter>();
	CLI::App *command = add_command(object, name, help);

	add_filter(*command, *filter);
	on_command(command, context, filter, run);
}

} // namespace

void setup_session(CLI::App &app, Context &context)
{
	CLI::App *object = add_command(app, "session", "Flows whose way back is known");
	auto added = std::make_shared<AddOptions>();
	auto deleted = std::make_shared<TupleOptions>();

	setup_filtered(*object, context, "list", "List the sessions", run_list);
	setup_filtered(*object, context, "count", "Count the sessions", run_count);

	CLI::App *add = add_command(*object, "add", "Enter a session by hand; it never expires");
	add_tuple(*add, added->tuple);
	arguments::add(*add, "--mac", added->session.mac, arguments::mac,
		       "Balancer's MAC; without one, gre carries IP packets", "MAC");
	arguments::need(*add, "--vtep", added->session.vtep, arguments::address,
			"Balancer's endpoint", "IP");
	arguments::add(*add, "--local", added->session.local, arguments::address,
		       "This host's endpoint", "IP");
	arguments::add(*add, "--tunnel", added->session.tunnel, arguments::tunnel_type,
		       "Tunnel type (default vxlan)", "TYPE");
	on_command(add, context, added, run_add);

	CLI::App *del = add_command(*object, "del", "Delete one session");
	add_tuple(*del, *deleted);
	on_command(del, context, deleted, run_del);
	setup_filtered(*object, context, "flush", "Delete the sessions that match", run_flush);
}

} // namespace ipvs_tun
