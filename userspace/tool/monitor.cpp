// SPDX-License-Identifier: GPL-2.0
/* monitor: what the module reports, one flushed line an event. */
#include "client/event.h"

#include "client/connection.h"
#include "client/error.h"
#include "tool/command.h"
#include "tool/render.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <type_traits>

namespace ipvs_tun
{

namespace
{

struct MonitorOptions {
	std::vector<std::string> groups;
	bool timestamp = false;
};

/* As iproute2's -ts: local time with microseconds. */
std::string timestamp()
{
	auto now = std::chrono::system_clock::now();
	std::time_t seconds = std::chrono::system_clock::to_time_t(now);
	auto micro = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch());
	char text[32];
	std::tm local;

	localtime_r(&seconds, &local);
	std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &local);
	return fmt::format("{}.{:06}", text, micro.count() % 1000000);
}

/* What the event is about: the group's name and the object. */
std::pair<const char *, Value::Json> describe(const Event &event)
{
	if (const auto *session = std::get_if<Session>(&event.object))
		return {"session", render::session(*session)};
	if (const auto *peer = std::get_if<Peer>(&event.object)) {
		Value::Json out = render::peer(*peer);

		out["endpoints"] = Value::Json::array();
		for (const Endpoint &endpoint : peer->endpoints)
			out["endpoints"].push_back(render::endpoint(endpoint, false));
		return {"peer", out};
	}
	const auto &config = std::get<ConfigEvent>(event.object);
	Value::Json out;

	out["generation"] = config.generation;
	out["portid"] = config.portid;
	out["changes"] = Value::Json::array();
	for (const Change &change : config.changes)
		out["changes"].push_back(render::change(change));
	return {"config", out};
}

/* "name value" for each scalar, the objects in it behind one another. */
void append(std::string &line, const Value::Json &object)
{
	for (const auto &[name, value] : object.items()) {
		if (value.is_null() || (value.is_array() && value.empty()))
			continue;
		if (value.is_object()) {
			append(line, value);
		} else if (value.is_array() && value.front().is_object()) {
			for (const auto &entry : value)
				append(line, entry);
		} else {
			line += fmt::format(" {} {}", name, Value(value).text());
		}
	}
}

void print(Output &output, const Value::Json &json, std::string text)
{
	printable(text);
	if (output.json)
		output.sink.write(json.dump(-1, ' ', false, Value::Json::error_handler_t::replace) +
				  "\n");
	else
		output.sink.write(text + "\n");
	output.sink.flush();
}

void print_event(Context &context, const Event &event, bool with_time)
{
	auto [group, object] = describe(event);
	Value::Json json;
	std::string text;

	if (with_time) {
		json["timestamp"] = timestamp();
		text = fmt::format("[{}] ", json["timestamp"].get<std::string>());
	}
	json["event"] = event.name;
	json[group] = object;
	text += fmt::format("{} {}", group, event.name);
	append(text, object);
	print(context.output(), json, text);
}

void print_lost(Context &context, bool with_time)
{
	const char *sentence = "events were lost; \"ipvs-tunctl session list\" and \"peer list\" "
			       "show what is true now";
	Value::Json json;
	std::string text;

	if (with_time) {
		json["timestamp"] = timestamp();
		text = fmt::format("[{}] ", json["timestamp"].get<std::string>());
	}
	json["event"] = "lost";
	json["reason"] = sentence;
	print(context.output(), json, text + "lost: " + sentence);
}

int run_monitor(Context &context, const MonitorOptions &options)
{
	const std::vector<std::string> all = {"session", "config", "peer"};
	const std::vector<std::string> &groups = options.groups.empty() ? all : options.groups;

	for (const std::string &group : groups)
		if (std::find(all.begin(), all.end(), group) == all.end())
			throw Misuse(fmt::format("there are no \"{}\" events; there are session, "
						 "config and peer events",
						 group));

	Connection &connection = context.connection();
	for (const std::string &group : groups)
		connection.join(group);
	for (;;) {
		bool complete = receive_events(connection, [&](const Event &event) {
			print_event(context, event, options.timestamp);
		});

		if (!complete)
			print_lost(context, options.timestamp);
	}
}

} // namespace

void setup_monitor(CLI::App &app, Context &context)
{
	auto options = std::make_shared<MonitorOptions>();
	CLI::App *command = add_command(app, "monitor", "Print events as they come");

	add_arguments(*command, "KIND", options->groups, "session, config, peer (default: all)",
		      false);
	add_flag(*command, "-t,--timestamp", options->timestamp, "The time before each event");
	on_command(command, context, options, run_monitor);
}

} // namespace ipvs_tun
