// SPDX-License-Identifier: GPL-2.0
/* From the command line to an exit status. */
#include "client/error.h"
#include "tool/context.h"

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <system_error>
#include <unistd.h>

namespace ipvs_tun
{

namespace
{

int complain(const std::string &text, ExitStatus status)
{
	print_error("Error", text);
	return status;
}

/* The innermost object or command that was named. */
const CLI::App *innermost(const CLI::App &app)
{
	const CLI::App *at = &app;

	for (;;) {
		std::vector<CLI::App *> parsed = const_cast<CLI::App *>(at)->get_subcommands();

		if (parsed.empty())
			return at;
		at = parsed.front();
	}
}

std::string path_of(const CLI::App *app)
{
	if (!app->get_parent())
		return "ipvs-tunctl";
	return path_of(app->get_parent()) + " " + app->get_name();
}

std::string commands_of(const CLI::App *app)
{
	std::string out;

	for (const CLI::App *sub : app->get_subcommands([](const CLI::App *) { return true; }))
		out += (out.empty() ? "" : ", ") + sub->get_name();
	return out;
}

bool is_global(const std::string &option)
{
	for (const char *name : {"-j", "--json", "-p", "--pretty", "-n", "--netns", "-s",
				 "--statistics", "-V", "--version"})
		if (option == name)
			return true;
	return false;
}

/* The sentence for something that no option or command takes. */
std::string unexpected(const CLI::App *at, const std::string &argument)
{
	bool has_commands = !commands_of(at).empty();

	if (is_global(argument) && at->get_parent())
		return fmt::format("{} is an option of ipvs-tunctl itself and stands before the "
				   "object",
				   argument);
	if (argument.size() > 1 && argument[0] == '-')
		return fmt::format("\"{}\" has no option {}; \"{} --help\" lists them", path_of(at),
				   argument, path_of(at));
	if (has_commands && !at->get_parent())
		return fmt::format("there is no object \"{}\"; the objects are {}", argument,
				   commands_of(at));
	if (has_commands)
		return fmt::format("\"{}\" has no command \"{}\"; it has {}", at->get_name(),
				   argument, commands_of(at));
	return fmt::format("\"{}\" is one argument too many for \"{}\"", argument, path_of(at));
}

/*
 * CLI11 takes any argument for a command that bears the name of one, even of
 * another object ("pause mark", "zone add list"): once an object or command
 * is entered, all others are out of the game.
 */
void isolate(CLI::App *app)
{
	for (CLI::App *sub : app->get_subcommands([](const CLI::App *) { return true; })) {
		sub->preparse_callback([sub](std::size_t) {
			const CLI::App *keep = sub;

			for (CLI::App *at = sub->get_parent(); at; at = at->get_parent()) {
				for (CLI::App *other :
				     at->get_subcommands([](const CLI::App *) { return true; }))
					other->disabled(other != keep);
				keep = at;
			}
		});
		isolate(sub);
	}
}

/* CLI11's errors in the words of this tool. */
std::string explain(const CLI::App &app, const CLI::ParseError &error)
{
	const CLI::App *at = innermost(app);
	std::string text = error.what();

	if (dynamic_cast<const CLI::ExtrasError *>(&error)) {
		// Before an object stands what is for the tool itself.
		std::vector<std::string> own = app.remaining(false);
		std::vector<std::string> extras = app.remaining(true);

		if (!own.empty())
			return unexpected(&app, own.front());
		if (!extras.empty())
			return unexpected(at, extras.front());
	}
	if (dynamic_cast<const CLI::RequiredError *>(&error)) {
		std::size_t end = text.find(" is required");

		if (end != text.npos)
			return fmt::format("{} is missing; \"{} --help\" shows the command",
					   text.substr(0, end), path_of(at));
	}
	if (dynamic_cast<const CLI::ArgumentMismatch *>(&error)) {
		std::size_t end = text.find(':');

		if (text.compare(0, 1, "-") == 0 && text.find("received") != text.npos)
			return fmt::format("option {} is given more than once",
					   text.substr(0, end));
		if (text.compare(0, 1, "-") == 0 && text.find("required") != text.npos)
			return fmt::format("option {} needs a value", text.substr(0, end));
	}
	return text;
}

int print(const std::string &text)
{
	Output output(fileno(stdout), false, false);

	output.sink.write(text);
	output.sink.flush();
	return exit_done;
}

// An argument is called by its form (VALUE[/MASK]); CLI11 would print its name before it.
class Help : public CLI::Formatter
{
public:
	std::string make_option_name(const CLI::Option *option, bool positional) const override
	{
		return positional ? option->get_type_name()
				  : Formatter::make_option_name(option, positional);
	}

	std::string make_option_opts(const CLI::Option *option) const override
	{
		if (option->get_positional())
			return option->get_items_expected_max() > 1 ? "..." : "";
		return Formatter::make_option_opts(option);
	}
};

int help(const CLI::App *at)
{
	// CLI11 puts the name behind what it is given, but for the tool itself.
	const CLI::App *parent = at->get_parent();

	at->get_formatter()->label("SUBCOMMAND", parent ? "COMMAND" : "OBJECT COMMAND");
	at->get_formatter()->label("Positionals", "Arguments");
	at->get_formatter()->label("REQUIRED", "");
	return print(at->help(parent ? path_of(parent) : ""));
}

/*
 * What is opened first would get the number of a standard stream that is closed, and what is
 * printed would go there: to the kernel, as a netlink message. So each has something behind it that
 * refuses.
 */
void occupy_standard_streams()
{
	for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
		if (fcntl(fd, F_GETFD) < 0)
			// The lowest free number, which is this one.
			(void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int run_parsed(CLI::App &app, Context &context)
{
	if (context.action)
		return context.action();

	const CLI::App *at = innermost(app);

	if (!at->get_parent())
		throw Misuse(
			fmt::format("an object is missing; the objects are {}", commands_of(at)));
	throw Misuse(fmt::format("\"{}\" needs a command: {}", at->get_name(), commands_of(at)));
}

int run_guarded(CLI::App &app, Context &context, int argc, const char *const *argv)
{
	try {
		app.parse(argc, argv);
		return run_parsed(app, context);
	} catch (const CLI::CallForHelp &) {
		return help(innermost(app));
	} catch (const CLI::CallForVersion &) {
		return print(fmt::format("ipvs-tunctl {}\n", tool_version()));
	} catch (const CLI::ParseError &error) {
		return complain(explain(app, error), exit_misuse);
	} catch (const Misuse &error) {
		// Who asks for help gets it, whatever else is wrong.
		if (const CLI::App *at = innermost(app); at->get_help_ptr()->count())
			return help(at);
		return complain(error.what(), exit_misuse);
	} catch (const KernelError &error) {
		std::string difference = context.version_difference();

		return complain(difference.empty()
					? error.what()
					: fmt::format("{} ({})", error.what(), difference),
				exit_refused);
	} catch (const std::system_error &error) {
		return complain(fmt::format("cannot talk to the kernel: {}",
					    std::strerror(error.code().value())),
				exit_refused);
	} catch (const Error &error) {
		return complain(error.what(), exit_refused);
	}
}

} // namespace

void setup(CLI::App &app, Context &context)
{
	app.formatter(std::make_shared<Help>());
	app.get_formatter()->column_width(34);
	app.set_help_flag("-h,--help", "Print this help");
	app.set_version_flag("-V,--version", tool_version(), "Print the version");
	app.add_flag("-j,--json", context.json, "Print JSON");
	app.add_flag("-p,--pretty", context.pretty, "Print JSON with indentation");
	app.add_flag("-s,--statistics", context.statistics, "Print more, and counters");
	app.add_option("-n,--netns", context.netns, "Work in a network namespace of \"ip netns\"")
		->type_name("NAME");
	setup_status(app, context);
	setup_mark(app, context);
	setup_tunnel(app, context);
	setup_peer(app, context);
	setup_port(app, context);
	setup_zone(app, context);
	setup_session(app, context);
	setup_path(app, context);
	setup_timeout(app, context);
	setup_limit(app, context);
	setup_stats(app, context);
	setup_monitor(app, context);
	setup_pause(app, context);
	isolate(&app);
}

int run(int argc, const char *const *argv)
{
	CLI::App app("Configures and shows ipvs_tun: the way back of IPVS NAT flows over tunnels",
		     "ipvs-tunctl");
	Context context;

	occupy_standard_streams();
	std::signal(SIGPIPE, SIG_IGN);
	try {
		setup(app, context);
		int status = run_guarded(app, context, argc, argv);

		if (status == exit_done || status == exit_not_ready)
			context.output().sink.flush();
		return status;
	} catch (const ClosedPipe &) {
		return exit_done;
	} catch (const std::exception &error) {
		return complain(error.what(), exit_refused);
	}
}

} // namespace ipvs_tun
