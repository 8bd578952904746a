// SPDX-License-Identifier: GPL-2.0
#include "tool/context.h"

#include "client/error.h"
#include "client/status.h"

#include <cstdio>
#include <unistd.h>

namespace ipvs_tun
{

const char *tool_version()
{
	return IPVS_TUN_VERSION;
}

void print_error(std::string_view kind, std::string_view text)
{
	std::string line = fmt::format("{}: {}\n", kind, sentence(text));

	// The exit status stays, if nobody can be told why.
	(void)std::fwrite(line.data(), 1, line.size(), stderr);
}

Output &Context::output()
{
	if (!output_)
		output_.emplace(STDOUT_FILENO, json, pretty);
	return *output_;
}

Connection &Context::connection()
{
	if (!connection_) {
		if (netns)
			enter_netns(*netns);
		connection_ = std::make_unique<Connection>();
	}
	return *connection_;
}

void Context::warn(std::string_view text)
{
	if (output_)
		output_->sink.flush();
	print_error("Warning", text);
}

std::string Context::version_difference()
{
	if (!connection_)
		return "";
	try {
		Status status = get_status(*connection_);

		if (!status.version.empty() && status.version != tool_version())
			return fmt::format("the module is version {} and this tool {}; install "
					   "both from the same release and reload the module",
					   status.version, tool_version());
	} catch (const std::exception &) {
		// The error that led here is the one to show.
	}
	return "";
}

} // namespace ipvs_tun
