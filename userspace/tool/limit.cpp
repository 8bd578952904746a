// SPDX-License-Identifier: GPL-2.0
/* limit: how many sessions there may be, and whether their packets are counted. */
#include "client/change.h"
#include "client/error.h"
#include "tool/command.h"

namespace ipvs_tun
{

namespace
{

struct SetOptions {
	std::string name;
	std::string value;
};

Limits make_limits(const SetOptions &options)
{
	Limits out;

	if (options.name == "sessions") {
		out.sessions =
			arguments::number(options.value, "number of sessions", 1, 0x7fffffff);
	} else if (options.name == "sessions-per-vni") {
		out.sessions_per_vni =
			arguments::number(options.value, "number of sessions", 0, 0x7fffffff);
	} else if (options.name == "accounting") {
		if (options.value != "on" && options.value != "off")
			throw Misuse(
				fmt::format("accounting is on or off, not \"{}\"", options.value));
		out.accounting = options.value == "on";
	} else {
		throw Misuse(fmt::format("there is no limit \"{}\"; there are sessions, "
					 "sessions-per-vni and accounting",
					 options.name));
	}
	return out;
}

int run_set(Context &context, const SetOptions &options)
{
	Limits limits = make_limits(options);

	Transaction().change(Action::set, limits).commit(context.connection());
	return exit_done;
}

int run_list(Context &context)
{
	Limits limits = get_limits(context.connection());
	Table table(context.output(), {{"name"}, {"value"}});

	table.put("name", "sessions").put("value", limits.sessions).end_row();
	table.put("name", "sessions-per-vni")
		.put("value", limits.sessions_per_vni,
		     limits.sessions_per_vni.value_or(0) ? Value(limits.sessions_per_vni).text()
							 : "none")
		.end_row();
	table.put("name", "accounting")
		.put("value", limits.accounting, limits.accounting.value_or(false) ? "on" : "off")
		.end_row();
	table.finish();
	return exit_done;
}

} // namespace

void setup_limit(CLI::App &app, Context &context)
{
	CLI::App *object = add_command(app, "limit", "How many sessions there may be");
	CLI::App *set = add_command(*object, "set", "Change a limit");
	auto options = std::make_shared<SetOptions>();

	add_argument(*set, "NAME", options->name,
		     "sessions, sessions-per-vni (0: none) or accounting", "NAME");
	add_argument(*set, "VALUE", options->value, "A number; on or off for accounting",
		     "N|on|off");
	on_command(set, context, options, run_set);
	on_command(add_command(*object, "list", "List the limits"), context, run_list);
}

} // namespace ipvs_tun
