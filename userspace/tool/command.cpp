// SPDX-License-Identifier: GPL-2.0
#include "tool/command.h"

#include <CLI/CLI.hpp>

namespace ipvs_tun
{

CLI::App *add_command(CLI::App &parent, const std::string &name, const std::string &help)
{
	return parent.add_subcommand(name, help)
		->group(parent.get_parent() ? "Commands" : "Objects");
}

void add_footer(CLI::App &command, const std::string &text)
{
	command.footer(text);
}

void add_flag(CLI::App &command, const std::string &name, bool &into, const std::string &help)
{
	command.add_flag(name, into, help);
}

void add_flag(CLI::App &command, const std::string &name, std::string &into,
	      const std::string &help)
{
	command.add_flag(name, into, help);
}

void add_argument(CLI::App &command, const std::string &name, std::string &into,
		  const std::string &help, const std::string &type)
{
	command.add_option(name, into, help)->required()->type_name(type);
}

void add_arguments(CLI::App &command, const std::string &name, std::vector<std::string> &into,
		   const std::string &help, bool required)
{
	command.add_option(name, into, help)->required(required)->delimiter(',')->type_name(name);
}

void on_action(CLI::App *command, Context &context, std::function<int()> action)
{
	command->callback([&context, action] { context.action = action; });
}

void arguments::add_text(CLI::App &app, const std::string &name,
			 std::function<void(const std::string &)> take, const std::string &help,
			 const std::string &type, bool required)
{
	app.add_option_function<std::string>(name, take, help)
		->type_name(type)
		->allow_extra_args(false)
		->required(required);
}

} // namespace ipvs_tun
