// SPDX-License-Identifier: GPL-2.0
/* status: the module as a whole. */
#include "client/status.h"

#include "client/names.h"
#include "tool/command.h"
#include "tool/warning.h"

namespace ipvs_tun
{

namespace
{

std::string joined(const std::vector<std::string> &list)
{
	return list.empty() ? "none" : fmt::format("{}", fmt::join(list, ", "));
}

std::string plural(std::uint64_t count, const char *noun)
{
	return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

void put_text(Object &object, const Status &status)
{
	std::string limit =
		status.limits.sessions ? fmt::format(" of {}", *status.limits.sessions) : "";

	object.put_text("tool", tool_version());
	object.put_text("module", fmt::format("{}, readiness protocol {}", status.version,
					      status.protocol_version));
	object.put_text("configuration", fmt::format("generation {}, {}", status.generation,
						     plural(status.peers, "peer")));
	object.put_text("balancer's side",
			fmt::format("{}, {}, {} ready", plural(status.marks, "mark rule"),
				    plural(status.endpoints, "endpoint"), status.endpoints_ready));
	object.put_text("server's side",
			fmt::format("{} session{}{}, {}", status.sessions,
				    status.sessions == 1 && limit.empty() ? "" : "s", limit,
				    plural(status.paths, "path")));
	object.put_text("ports", fmt::format("{}, {}", plural(status.ports, "port"),
					     plural(status.port_devices, "device")));
	object.put_text("accounting", status.limits.accounting.value_or(false) ? "on" : "off");
	object.put_text("hooks", joined(status.hooks));
	object.put_text("paused", joined(step_names(status.paused)));
}

void put_json(Object &object, const Status &status)
{
	object.put_json("tool_version", tool_version());
	object.put_json("module_version", status.version);
	object.put_json("protocol_version", status.protocol_version);
	object.put_json("generation", status.generation);
	object.put_json("marks", status.marks);
	object.put_json("peers", status.peers);
	object.put_json("endpoints", status.endpoints);
	object.put_json("endpoints_ready", status.endpoints_ready);
	object.put_json("ports", status.ports);
	object.put_json("port_devices", status.port_devices);
	object.put_json("sessions", status.sessions);
	object.put_json("sessions_limit", status.limits.sessions);
	object.put_json("sessions_per_vni_limit", status.limits.sessions_per_vni);
	object.put_json("accounting", status.limits.accounting);
	object.put_json("paths", status.paths);
	object.put_json("hooks", status.hooks);
	object.put_json("paused", step_names(status.paused));
}

int run_show(Context &context)
{
	Status status = get_status(context.connection());
	Object object(context.output());

	if (status.version != tool_version())
		status.warnings.push_back(
			fmt::format("the module is version {} and this tool {}; install both from "
				    "the same release and reload the module",
				    status.version, tool_version()));
	for (std::string &warning : find_warnings(Findings::read(context.connection(), status)))
		status.warnings.push_back(std::move(warning));
	put_json(object, status);
	object.put_json("warnings", status.warnings);
	put_text(object, status);
	for (const std::string &warning : status.warnings)
		object.put_text("warning", warning);
	object.finish();
	return exit_done;
}

} // namespace

void setup_status(CLI::App &app, Context &context)
{
	CLI::App *object = add_command(app, "status", "Versions, hooks, numbers, warnings");

	on_command(object, context, run_show);
	on_command(add_command(*object, "show", "Show the status (default)"), context, run_show);
}

} // namespace ipvs_tun
