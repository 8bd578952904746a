// SPDX-License-Identifier: GPL-2.0
/** @file
 * How an object adds its commands: an options struct, and what runs with it.
 * CLI11 itself, which takes long to compile, stays in command.cpp.
 */
#pragma once

#include "tool/arguments.h"
#include "tool/context.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace ipvs_tun
{

/** Adds an object to the tool, or a command to an object. */
CLI::App *add_command(CLI::App &parent, const std::string &name, const std::string &help);

/** What its help says at the end. */
void add_footer(CLI::App &command, const std::string &text);

void add_flag(CLI::App &command, const std::string &name, bool &into, const std::string &help);

/** A flag that can have a value, "--send=always"; "true" without one. */
void add_flag(CLI::App &command, const std::string &name, std::string &into,
	      const std::string &help);

/** An argument that is taken as it stands. */
void add_argument(CLI::App &command, const std::string &name, std::string &into,
		  const std::string &help, const std::string &type);

/** Arguments that can be repeated, or listed with commas. */
void add_arguments(CLI::App &command, const std::string &name, std::vector<std::string> &into,
		   const std::string &help, bool required);

/** Makes @p action what runs if the command line names @p command. */
void on_action(CLI::App *command, Context &context, std::function<int()> action);

/** The same for @p run, which is called with the command's options. */
template <class Options, class Run>
void on_command(CLI::App *command, Context &context, std::shared_ptr<Options> options, Run run)
{
	on_action(command, context, [&context, options, run] { return run(context, *options); });
}

/** The same for a command without options. */
template <class Run>
void on_command(CLI::App *command, Context &context, Run run)
{
	on_action(command, context, [&context, run] { return run(context); });
}

} // namespace ipvs_tun
