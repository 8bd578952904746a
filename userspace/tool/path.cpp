// SPDX-License-Identifier: GPL-2.0
/* path: the ways back that sessions share. */
#include "client/path.h"

#include "tool/command.h"

namespace ipvs_tun
{

namespace
{

struct KillOptions {
	Address vtep;
	std::optional<Mac> mac;
};

template <class T>
Value text(const std::optional<T> &value)
{
	return value ? Value(value->str()) : Value();
}

/* A device by its name; by its number if it has gone. */
Value device(std::uint32_t ifindex)
{
	if (!ifindex)
		return {};
	return device_name(ifindex).value_or(fmt::format("if{}", ifindex));
}

int run_list(Context &context)
{
	std::vector<Path> paths = list_paths(context.connection());
	Table table(context.output(), {{"tunnel"},
				       {"mac"},
				       {"vtep_ip"},
				       {"vtep_mac"},
				       {"local_ip"},
				       {"vni"},
				       {"zone"},
				       {"dev"},
				       {"tunnel_dev"},
				       {"sessions"},
				       {"dead"}});

	for (const Path &path : paths) {
		table.put("tunnel", path.tunnel ? Value(name(*path.tunnel)) : Value());
		table.put("mac", text(path.mac)).put("vtep_ip", text(path.vtep));
		table.put("vtep_mac", text(path.vtep_mac));
		table.put("local_ip", text(path.local)).put("vni", path.vni);
		table.put("zone", path.zone).put("dev", device(path.ifindex));
		table.put("tunnel_dev", device(path.tunnel_ifindex));
		table.put("sessions", path.sessions).put("dead", path.dead);
		table.end_row();
	}
	table.finish();
	return exit_done;
}

int run_kill(Context &context, const KillOptions &options)
{
	std::uint32_t count = kill_paths(context.connection(), options.vtep, options.mac);

	print_count(context.output(), "killed", count, count == 1 ? "path killed" : "paths killed");
	return exit_done;
}

} // namespace

void setup_path(CLI::App &app, Context &context)
{
	CLI::App *object = add_command(app, "path", "Ways back that sessions share");
	auto options = std::make_shared<KillOptions>();

	on_command(add_command(*object, "list", "List the paths"), context, run_list);
	CLI::App *kill = add_command(*object, "kill",
				     "Declare an endpoint dead: its sessions are absent at once");
	arguments::need(*kill, "--vtep", options->vtep, arguments::address, "The endpoint", "IP");
	arguments::add(*kill, "--mac", options->mac, arguments::mac, "Only this MAC behind it",
		       "MAC");
	on_command(kill, context, options, run_kill);
}

} // namespace ipvs_tun
