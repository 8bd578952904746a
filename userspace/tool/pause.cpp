// SPDX-License-Identifier: GPL-2.0
/* pause, resume: step back without losing the configuration. */
#include "client/change.h"
#include "client/error.h"
#include "tool/command.h"

namespace ipvs_tun
{

namespace
{

std::uint32_t parse(const std::vector<std::string> &names)
{
	std::uint32_t out = 0;

	for (const std::string &name : names) {
		std::optional<std::uint32_t> steps = parse_steps(name);

		if (!steps)
			throw Misuse(
				fmt::format("\"{}\" is no step; the steps are mark, record, "
					    "backhaul (or its parts steer and rewrite) and all",
					    name));
		out |= *steps;
	}
	return out;
}

void setup_one(CLI::App &app, Context &context, const char *name, const char *help, Action action)
{
	auto names = std::make_shared<std::vector<std::string>>();
	CLI::App *command = add_command(app, name, help);

	add_arguments(*command, "STEP", *names,
		      "mark, record, backhaul (steer and rewrite), steer, rewrite or all", true);
	on_command(command, context, names,
		   [action](Context &context, const std::vector<std::string> &names) {
			   Transaction()
				   .change(action, Pause{parse(names)})
				   .commit(context.connection());
			   return int(exit_done);
		   });
}

} // namespace

void setup_pause(CLI::App &app, Context &context)
{
	setup_one(app, context, "pause", "Stop a step, keeping its configuration", Action::add);
	setup_one(app, context, "resume", "Go on with a step", Action::del);
}

} // namespace ipvs_tun
