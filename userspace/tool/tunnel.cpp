// SPDX-License-Identifier: GPL-2.0
/* tunnel: second marks and ports of each tunnel type. */
#include "client/change.h"
#include "client/error.h"
#include "tool/command.h"
#include "tool/render.h"

#include <linux/ipvs_tun.h>

namespace ipvs_tun
{

namespace
{

/* Marks and ports stay text until the type is known. */
struct SetOptions {
	TunnelType type = TunnelType::vxlan;
	std::optional<std::string> second_mark;
	std::optional<std::string> accept_mark;
	std::optional<std::string> port;
	std::optional<std::string> nvgre;
	std::optional<std::string> return_label;
};

ReturnLabel return_label(const std::string &text)
{
	std::size_t at = text.find('=');

	if (at == std::string::npos)
		throw Misuse(fmt::format("\"{}\" is no FORWARD=RETURN", text));
	return {.forward = arguments::number(text.substr(0, at), "label", 16, 0xfffff),
		.reply = arguments::number(text.substr(at + 1), "label", 16, 0xfffff)};
}

Tunnel make_tunnel(const SetOptions &options)
{
	Tunnel out;

	out.type = options.type;
	if (options.second_mark)
		out.second_mark = arguments::second_mark(*options.second_mark, out.type);
	if (options.accept_mark)
		for (const std::string &part :
		     arguments::split(*options.accept_mark, "accepted marks"))
			out.accept_marks.push_back(arguments::second_mark(part, out.type));
	if (options.nvgre && *options.nvgre != "on" && *options.nvgre != "off")
		throw Misuse(fmt::format("nvgre is on or off, not \"{}\"", *options.nvgre));
	if (options.nvgre)
		out.nvgre = options.nvgre == "on";
	if (options.return_label == "none")
		out.symmetric = true;
	else if (options.return_label)
		for (const std::string &part :
		     arguments::split(*options.return_label, "return labels"))
			out.return_labels.push_back(return_label(part));
	if (options.port == "auto")
		out.automatic = true;
	else if (options.port)
		for (const std::string &part : arguments::split(*options.port, "ports"))
			out.ports.push_back(static_cast<std::uint16_t>(
				arguments::number(part, "port", 1, 65535)));
	if (out.accept_marks.size() > IPVS_TUN_MAX_ACCEPT_MARKS)
		throw Misuse(fmt::format("{} accepted marks are too many: {} can be named",
					 out.accept_marks.size(), IPVS_TUN_MAX_ACCEPT_MARKS));
	if (out.return_labels.size() > IPVS_TUN_MAX_RETURN_LABELS)
		throw Misuse(fmt::format("{} return labels are too many: {} can be named",
					 out.return_labels.size(), IPVS_TUN_MAX_RETURN_LABELS));
	if (out.ports.size() > IPVS_TUN_MAX_PORTS)
		throw Misuse(fmt::format("{} ports are too many: {} can be named", out.ports.size(),
					 IPVS_TUN_MAX_PORTS));
	return out;
}

int run_set(Context &context, const SetOptions &options)
{
	if (!options.second_mark && !options.accept_mark && !options.port && !options.nvgre &&
	    !options.return_label)
		throw Misuse(
			"nothing to set: give --second-mark, --accept-mark, --port, --nvgre or "
			"--return-label");

	Tunnel tunnel = make_tunnel(options);

	Transaction().change(Action::set, tunnel).commit(context.connection());
	for (const Tunnel &now : list_tunnels(context.connection()))
		if (now.type == tunnel.type)
			for (const std::string &warning : now.warnings)
				context.warn(warning);
	return exit_done;
}

int run_list(Context &context)
{
	std::vector<Tunnel> tunnels = list_tunnels(context.connection());
	Table table(context.output(), {{"type"},
				       {"second_mark"},
				       {"accept_mark"},
				       {"port"},
				       {"nvgre"},
				       {"return_label"},
				       {"ports_in_use"},
				       {"normal"},
				       {"allowed"},
				       {"warnings"}});

	for (const Tunnel &tunnel : tunnels) {
		Value::Json row = render::tunnel(tunnel);

		for (const char *field : {"type", "second_mark", "accept_mark", "port"})
			table.put(field, row[field]);
		table.put("nvgre", tunnel.nvgre, tunnel.nvgre ? *tunnel.nvgre ? "on" : "off" : "-");
		table.put("return_label", row.value("return_label", Value::Json::array()));
		table.put("ports_in_use", tunnel.ports_in_use);
		table.put("normal", render::hex(tunnel.normal));
		table.put("allowed", render::hex(tunnel.allowed));
		table.put("warnings", tunnel.warnings);
		table.end_row();
	}
	table.finish();
	return exit_done;
}

/* What "status" warns of where it is not so. */
constexpr const char *needs =
	"What each type needs:\n"
	"  vxlan   the other host ready, or it drops marked packets; no device of gbp or gpe with\n"
	"          bits of the mark on its port\n"
	"  geneve  nothing: other hosts ignore the mark\n"
	"  gre     keys of 24 bits, or --nvgre on; over IPv4 the mark 0x0080, which other hosts\n"
	"          ignore; GRO joins what is marked behind the tunnel device only\n"
	"  mpls    labels with zeros where the mark is (net.mpls.platform_labels up to 32768 by\n"
	"          default); net.mpls.conf.DEV.input=1; the other host ready, and a neighbour";

std::string same(const std::string &text)
{
	return text;
}

} // namespace

void setup_tunnel(CLI::App &app, Context &context)
{
	CLI::App *object = add_command(app, "tunnel", "Second marks and ports of each tunnel type");
	CLI::App *set = add_command(*object, "set", "Change the settings of a tunnel type");
	auto options = std::make_shared<SetOptions>();

	add_footer(*object, needs);
	add_footer(*set, needs);
	arguments::need(*set, "TYPE", options->type, arguments::tunnel_type,
			"One of " + tunnel_type_names(), "TYPE");
	arguments::add(*set, "--second-mark", options->second_mark, same,
		       "What is set in packets sent; with or without the header's normal bits",
		       "BITS");
	arguments::add(*set, "--accept-mark", options->accept_mark, same,
		       "What counts as a mark in packets received", "BITS,...");
	arguments::add(*set, "--port", options->port, same,
		       "UDP ports, or those of the existing devices", "auto|N,...");
	arguments::add(*set, "--nvgre", options->nvgre, same,
		       "Of gre: keys are a VSID of 24 bits, the network, and a FlowID", "on|off");
	arguments::add(*set, "--return-label", options->return_label, same,
		       "Of mpls: replies to requests of label FORWARD have label RETURN",
		       "FORWARD=RETURN,...|none");
	on_command(set, context, options, run_set);
	on_command(add_command(*object, "list", "List the settings"), context, run_list);
}

} // namespace ipvs_tun
