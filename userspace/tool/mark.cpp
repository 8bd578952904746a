// SPDX-License-Identifier: GPL-2.0
/* mark: which firewall marks become second marks. */
#include "client/change.h"
#include "client/error.h"
#include "tool/command.h"
#include "tool/render.h"

namespace ipvs_tun
{

namespace
{

int run_add(Context &context, const Mark &mark)
{
	Transaction().change(Action::add, mark).commit(context.connection());
	return exit_done;
}

int run_del(Context &context, const Mark &mark)
{
	Transaction().change(Action::del, mark).commit(context.connection());
	return exit_done;
}

int run_flush(Context &context)
{
	Transaction().change(Action::flush, Mark()).commit(context.connection());
	return exit_done;
}

int run_list(Context &context)
{
	std::vector<Mark> marks = list_marks(context.connection());
	std::vector<Column> columns = {{"value"}, {"mask"}, {"tunnel"}, {"vni"},
				       {"dst"},	  {"prio"}, {"name"}};

	if (context.statistics) {
		columns.push_back({"packets"});
		columns.push_back({"not_ready"});
	}
	Table table(context.output(), columns);
	for (const Mark &mark : marks) {
		Value::Json row = render::mark(mark);

		for (const char *field : {"value", "mask"})
			table.put(field, row[field]);
		table.put("tunnel", row["tunnel"],
			  mark.tunnels ? Value(row["tunnel"]).text() : "any");
		table.put("vni", row["vni"], mark.vnis.empty() ? "any" : Value(row["vni"]).text());
		table.put("dst", row["dst"], mark.dst ? mark.dst->str() : "any");
		table.put("prio", row["prio"]).put("name", row["name"]);
		if (context.statistics)
			table.put("packets", mark.packets).put("not_ready", mark.not_ready);
		table.end_row();
	}
	table.finish();
	return exit_done;
}

/* The conditions of a rule land in a Mark of their own until VALUE is known too. */
struct AddOptions {
	Mark key;
	Mark rest;
};

void setup_add(CLI::App &object, Context &context)
{
	auto options = std::make_shared<AddOptions>();
	CLI::App *command = add_command(object, "add", "Add a rule");
	Mark &rest = options->rest;

	arguments::need(*command, "VALUE", options->key, arguments::mark,
			"Firewall mark, and which of its bits count", "VALUE[/MASK]");
	arguments::add(*command, "--tunnel", rest.tunnels, arguments::tunnel_mask,
		       "Only in these tunnels", "TYPE,...");
	arguments::add(*command, "--vni", rest.vnis, arguments::vnis, "Only in these networks",
		       "N,...");
	arguments::add(*command, "--dst", rest.dst, arguments::exact_prefix,
		       "Only to these inner destinations (the real servers)", "PREFIX");
	arguments::add(
		*command, "--prio", rest.prio,
		[](const std::string &text) {
			return arguments::number(text, "priority", 0, 0xffffffff);
		},
		"Lowest first, then oldest (default 0)", "N");
	arguments::add(*command, "--name", rest.name, arguments::name, "A name for people", "TEXT");
	on_command(command, context, options, [](Context &context, const AddOptions &options) {
		Mark mark = options.rest;

		mark.value = options.key.value;
		mark.mask = options.key.mask;
		return run_add(context, mark);
	});
}

} // namespace

void setup_mark(CLI::App &app, Context &context)
{
	CLI::App *object =
		add_command(app, "mark", "Firewall marks that become second marks (balancer)");
	auto key = std::make_shared<Mark>();

	setup_add(*object, context);
	CLI::App *del = add_command(*object, "del", "Delete a rule");
	arguments::need(*del, "VALUE", *key, arguments::mark, "The rule's mark and mask",
			"VALUE[/MASK]");
	on_command(del, context, key, run_del);
	on_command(add_command(*object, "list", "List the rules in the order in which they match"),
		   context, run_list);
	on_command(add_command(*object, "flush", "Delete all rules"), context, run_flush);
}

} // namespace ipvs_tun
