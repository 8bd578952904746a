// SPDX-License-Identifier: GPL-2.0
/* stats: the module's counters. */
#include "client/counter.h"

#include "client/error.h"
#include "tool/command.h"

#include <algorithm>

namespace ipvs_tun
{

namespace
{

struct ShowOptions {
	bool explain = false;
};

int run_show(Context &context, const ShowOptions &options)
{
	std::vector<Counter> counters = list_counters(context.connection());
	Object object(context.output());
	std::size_t width = 0;

	for (const Counter &counter : counters)
		width = std::max(width, std::to_string(counter.value).size());
	for (const Counter &counter : counters) {
		object.put_json(counter.name, counter.value);
		if (context.output().json)
			continue;
		object.put_text(counter.name, options.explain && !counter.text.empty()
						      ? fmt::format("{:>{}}  {}", counter.value,
								    width, sentence(counter.text))
						      : fmt::format("{}", counter.value));
	}
	object.finish();
	return exit_done;
}

int run_reset(Context &context)
{
	reset_counters(context.connection());
	return exit_done;
}

} // namespace

void setup_stats(CLI::App &app, Context &context)
{
	CLI::App *object = add_command(app, "stats", "Counters");
	CLI::App *show = add_command(*object, "show", "Show the counters");
	auto options = std::make_shared<ShowOptions>();

	add_flag(*show, "--explain", options->explain, "Say what each counts");
	on_command(show, context, options, run_show);
	on_command(add_command(*object, "reset", "Set the counters to zero"), context, run_reset);
}

} // namespace ipvs_tun
