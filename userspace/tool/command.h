// SPDX-License-Identifier: GPL-2.0
/** @file
 * How an object adds its commands: an options struct, and what runs with it.
 */
#pragma once

#include "tool/arguments.h"
#include "tool/context.h"

#include <memory>

namespace ipvs_tun
{

/** Makes @p run, called with the options, what the command line asks for. */
template <class Options, class Run>
void on_command(CLI::App *command, Context &context, std::shared_ptr<Options> options, Run run)
{
	command->callback([&context, options, run] {
		context.action = [&context, options, run] { return run(context, *options); };
	});
}

/** The same for a command without options. */
template <class Run>
void on_command(CLI::App *command, Context &context, Run run)
{
	command->callback([&context, run] { context.action = [&context, run] { return run(context); }; });
}

} // namespace ipvs_tun
