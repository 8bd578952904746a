// SPDX-License-Identifier: GPL-2.0
/* peer: which other hosts get marks, and whose marks are believed. */
#include "client/change.h"
#include "client/error.h"
#include "client/status.h"
#include "tool/command.h"
#include "tool/render.h"

namespace ipvs_tun
{

namespace
{

struct AddOptions {
	Peer peer;
	std::string send;
};

int run_add(Context &context, const AddOptions &options, Action action)
{
	Peer peer = options.peer;

	if (options.send == "always")
		peer.send = peer.send_always = true;
	else if (options.send == "true")
		peer.send = true;
	else if (!options.send.empty())
		throw Misuse(fmt::format("--send={} means nothing: it is --send or --send=always",
					 options.send));
	if (!peer.send && !peer.accept && !peer.none)
		throw Misuse(
			"what the peer may do is missing: --send marks packets to it once it is "
			"ready (--send=always without asking it), --accept believes marked packets "
			"from it, --none does neither where a shorter prefix would");
	if (peer.none && (peer.send || peer.accept))
		throw Misuse("--none excludes --send and --accept");
	if (peer.dev && !peer.accept)
		throw Misuse("--dev binds what is accepted and needs --accept");
	if (!peer.vnis.empty() && !peer.accept)
		throw Misuse("--vni limits what the peer may record and needs --accept");
	Transaction().change(action, peer).commit(context.connection());
	return exit_done;
}

int run_del(Context &context, const Peer &peer)
{
	Transaction().change(Action::del, peer).commit(context.connection());
	return exit_done;
}

int run_flush(Context &context)
{
	Transaction().change(Action::flush, Peer()).commit(context.connection());
	return exit_done;
}

/* The columns of an endpoint; blank where the row has none. */
void put_endpoint(Table &table, const Endpoint *endpoint, bool statistics)
{
	Value::Json json;

	if (endpoint) {
		json = render::endpoint(*endpoint, statistics);
		if (endpoint->last_seen)
			json["last_seen"] = render::seconds(*endpoint->last_seen);
	}
	for (const char *field :
	     {"address", "tunnel", "state", "last_seen", "version", "accept_mark"})
		table.put_text(endpoint ? Value(json[field]).text() : "-");
	if (statistics)
		for (const char *field : {"marked", "recorded", "untrusted"})
			table.put_text(endpoint ? Value(json[field]).text() : "-");
	table.put_text(endpoint ? Value(json["reason"]).text() : "-");
}

int run_list(Context &context)
{
	std::vector<Peer> peers = list_peers(context.connection());
	std::vector<Column> columns = {{"prefix"}, {"send"},	  {"accept"},	{"none"},
				       {"dev"},	   {"vni"},	  {"endpoint"}, {"tunnel"},
				       {"state"},  {"last_seen"}, {"version"},	{"accept_mark"}};

	if (context.statistics)
		for (const char *name : {"marked", "recorded", "untrusted"})
			columns.push_back({name});
	columns.push_back({"reason"});

	Table table(context.output(), columns);
	for (const Peer &peer : peers) {
		Value::Json row = render::peer(peer);
		Value::Json endpoints = Value::Json::array();
		bool first = true;

		for (const char *field : {"prefix", "send", "accept", "none", "dev"})
			table.put(field, row[field]);
		table.put("vni", row["vni"], peer.vnis.empty() ? "any" : Value(row["vni"]).text());
		for (const Endpoint &endpoint : peer.endpoints)
			endpoints.push_back(render::endpoint(endpoint, context.statistics));
		table.put_json("endpoints", endpoints);
		if (context.output().json) {
			table.end_row();
			continue;
		}
		// The first endpoint stands in the peer's row, the others below it.
		for (const Endpoint &endpoint : peer.endpoints) {
			if (!first)
				for (int i = 0; i < 6; i++)
					table.put_text("");
			put_endpoint(table, &endpoint, context.statistics);
			table.end_row();
			first = false;
		}
		if (first) {
			put_endpoint(table, nullptr, context.statistics);
			table.end_row();
		}
	}
	table.finish();
	return exit_done;
}

/* What "check" finds out, in the order in which it is printed. */
struct Verdict {
	std::optional<std::string> prefix;
	std::optional<std::string> state;
	std::optional<std::string> tunnel;
	std::string reason;
	bool ready = false;
};

Verdict judge(const std::vector<Peer> &peers, const Address &address)
{
	const Peer *peer = find_peer(peers, address);
	Verdict out;

	if (!peer) {
		out.reason = "no peer covers this address; \"peer add\" names one";
		return out;
	}
	out.prefix = peer->prefix.str();
	// One in several types of tunnel is as ready as the least ready of them.
	for (const Endpoint &endpoint : peer->endpoints) {
		if (endpoint.address != address || (out.state && !out.ready))
			continue;
		out.state = name(endpoint.state);
		out.tunnel = name(endpoint.tunnel);
		out.reason.clear();
		out.ready = peer->send && endpoint.ready();
		if (endpoint.reason)
			out.reason = *endpoint.reason;
		else if (endpoint.state == EndpointState::probing)
			out.reason = "it is being asked and has not answered yet";
		else if (endpoint.state == EndpointState::silent && endpoint.last_seen)
			out.reason = fmt::format("it does not answer; the last answer came {} ago",
						 render::seconds(*endpoint.last_seen));
		else if (endpoint.state == EndpointState::silent)
			out.reason = "it never answered";
	}
	if (!peer->send) {
		out.ready = false;
		out.reason = "the peer is not one that marks are sent to (--send)";
	} else if (peer->send_always) {
		out.state = name(EndpointState::always);
		out.ready = true;
		out.reason = "marks are sent to it without asking it";
	} else if (!out.state) {
		out.reason = "it is not known yet; it is asked when the first packet goes to it";
	}
	return out;
}

int run_check(Context &context, const Address &address)
{
	Verdict verdict = judge(list_peers(context.connection()), address);
	Object object(context.output());

	if (verdict.ready && get_status(context.connection()).paused & step_mark) {
		verdict.ready = false;
		verdict.reason = "marking is paused; \"resume mark\" goes on";
	}

	object.put("address", address.str()).put("prefix", verdict.prefix);
	object.put("ready", verdict.ready).put("state", verdict.state);
	object.put("tunnel", verdict.tunnel);
	object.put("reason", verdict.reason.empty() ? Value() : Value(sentence(verdict.reason)));
	object.finish();
	return verdict.ready ? exit_done : exit_not_ready;
}

void setup_add(CLI::App &object, Context &context, const char *name, const char *help,
	       Action action)
{
	auto options = std::make_shared<AddOptions>();
	CLI::App *command = add_command(object, name, help);
	Peer &peer = options->peer;

	arguments::need(*command, "PREFIX", peer.prefix, arguments::exact_prefix,
			"Outer addresses of other hosts", "PREFIX");
	add_flag(*command, "--send", options->send,
		 "Mark packets to it once it is ready; --send=always: without asking it");
	add_flag(*command, "--accept", peer.accept,
		 "Marked packets from it make and move sessions");
	add_flag(*command, "--none", peer.none,
		 "Neither, although a shorter prefix says otherwise");
	arguments::add(*command, "--dev", peer.dev, arguments::device,
		       "Accept only what comes in by this device", "DEV");
	arguments::add(*command, "--vni", peer.vnis, arguments::vnis,
		       "Accept only in these networks", "N,...");
	on_command(command, context, options,
		   [action](Context &context, const AddOptions &options) {
			   return run_add(context, options, action);
		   });
}

} // namespace

void setup_peer(CLI::App &app, Context &context)
{
	CLI::App *object = add_command(
		app, "peer", "Other hosts: which get marks, and whose marks are believed");
	auto key = std::make_shared<Peer>();
	auto address = std::make_shared<Address>();

	setup_add(*object, context, "add", "Add a peer", Action::add);
	setup_add(*object, context, "replace", "Change a peer, or add it", Action::replace);
	CLI::App *del = add_command(*object, "del", "Delete a peer");
	arguments::need(*del, "PREFIX", key->prefix, arguments::exact_prefix, "The peer's prefix",
			"PREFIX");
	on_command(del, context, key, run_del);
	on_command(add_command(*object, "list", "List the peers and their endpoints"), context,
		   run_list);
	CLI::App *check =
		add_command(*object, "check", "Tell whether packets to an address get marks");
	arguments::need(*check, "ADDRESS", *address, arguments::address, "A tunnel endpoint",
			"ADDRESS");
	on_command(check, context, address, run_check);
	on_command(add_command(*object, "flush", "Delete all peers"), context, run_flush);
}

} // namespace ipvs_tun
