// SPDX-License-Identifier: GPL-2.0
/** @file
 * What all commands of the tool share.
 */
#pragma once

#include "client/connection.h"
#include "tool/output.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace CLI
{
class App;
}

namespace ipvs_tun
{

/** The exit statuses of the tool. */
enum ExitStatus { exit_done = 0, exit_misuse = 1, exit_refused = 2, exit_not_ready = 3 };

/** The version of the tool. */
const char *tool_version();

/** One line on standard error: "Error" or "Warning", and a sentence. Never throws for want of a
 * reader. */
void print_error(std::string_view kind, std::string_view text);

/** Global options, the output, and the connection once a command needs it. */
class Context
{
public:
	bool json = false;
	bool pretty = false;
	bool statistics = false;
	std::optional<std::string> netns;

	/** What the command line asks for; set while it is parsed, run after it. */
	std::function<int()> action;

	Output &output();

	/** Enters the namespace of -n and opens a connection, at the first call. */
	Connection &connection();

	/** One line on standard error, after what was printed so far. */
	void warn(std::string_view text);

	/**
	 * A sentence on the module's version where it is not the tool's; empty if it
	 * is, or cannot be asked for.
	 */
	std::string version_difference();

private:
	std::optional<Output> output_;
	std::unique_ptr<Connection> connection_;
};

/** Adds the global options and all objects. */
void setup(CLI::App &app, Context &context);

/** Runs a command line; @return the exit status. */
int run(int argc, const char *const *argv);

/** Each adds its object. */
void setup_status(CLI::App &app, Context &context);
void setup_mark(CLI::App &app, Context &context);
void setup_tunnel(CLI::App &app, Context &context);
void setup_peer(CLI::App &app, Context &context);
void setup_port(CLI::App &app, Context &context);
void setup_zone(CLI::App &app, Context &context);
void setup_session(CLI::App &app, Context &context);
void setup_path(CLI::App &app, Context &context);
void setup_timeout(CLI::App &app, Context &context);
void setup_limit(CLI::App &app, Context &context);
void setup_stats(CLI::App &app, Context &context);
void setup_monitor(CLI::App &app, Context &context);
void setup_pause(CLI::App &app, Context &context);

} // namespace ipvs_tun
