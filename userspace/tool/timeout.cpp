// SPDX-License-Identifier: GPL-2.0
/* timeout: how long a session lives in each state. */
#include "client/timeout.h"

#include "client/change.h"
#include "tool/command.h"

namespace ipvs_tun
{

namespace
{

int run_set(Context &context, const Timeout &timeout)
{
	Transaction().change(Action::set, timeout).commit(context.connection());
	return exit_done;
}

int run_list(Context &context)
{
	std::vector<Timeout> timeouts = list_timeouts(context.connection());
	Table table(context.output(), {{"name"}, {"seconds"}});

	for (const Timeout &timeout : timeouts)
		table.put("name", name(timeout.state)).put("seconds", timeout.seconds).end_row();
	table.finish();
	return exit_done;
}

} // namespace

void setup_timeout(CLI::App &app, Context &context)
{
	CLI::App *object = add_command(app, "timeout", "How long a session lives in each state");
	CLI::App *set = add_command(*object, "set", "Change a timeout");
	auto timeout = std::make_shared<Timeout>();

	arguments::need(*set, "NAME", timeout->state, arguments::session_state,
			"One of " + session_state_names(), "NAME");
	arguments::need(
		*set, "SECONDS", timeout->seconds,
		[](const std::string &text) {
			return arguments::number(text, "timeout in seconds", 1,
						 Timeout::max_seconds);
		},
		"Seconds without a packet", "SECONDS");
	on_command(set, context, timeout, run_set);
	on_command(add_command(*object, "list", "List the timeouts"), context, run_list);
}

} // namespace ipvs_tun
