// SPDX-License-Identifier: GPL-2.0
/* port: the devices behind which VMs are. */
#include "tool/port.h"

#include "client/change.h"
#include "client/error.h"
#include "tool/command.h"
#include "tool/render.h"

namespace ipvs_tun
{

namespace
{

void check_key(const Port &port)
{
	if (!port.dev && !port.group)
		throw Misuse("the port's name is missing: DEV, a device or a pattern of names "
			     "('tap*'), or --group N, all devices of that group");
	if (port.dev && port.group)
		throw Misuse(fmt::format("DEV and --group exclude each other: \"{}\" names "
					 "devices, and --group {} all of a group",
					 *port.dev, *port.group));
}

int run_add(Context &context, const Port &port, Action action)
{
	check_key(port);
	if (!port.own.empty() && !port.balancer)
		throw Misuse("--own names addresses that a balancer has itself, and needs "
			     "--balancer");
	Transaction().change(action, port).commit(context.connection());
	return exit_done;
}

int run_del(Context &context, const Port &port)
{
	check_key(port);
	Transaction().change(Action::del, port).commit(context.connection());
	return exit_done;
}

int run_flush(Context &context)
{
	Transaction().change(Action::flush, Port()).commit(context.connection());
	return exit_done;
}

/* What the rows have in JSON: the port, and its devices as objects. */
void put_json(Table &table, const Port &port, const Value::Json &row, bool statistics)
{
	Value::Json devices = Value::Json::array();

	for (const PortDevice &device : port.devices)
		devices.push_back(render::port_device(device, statistics));
	for (const auto &[name, value] : row.items())
		table.put_json(name, value);
	table.put_json("devices", devices);
	table.end_row();
}

/* The port's own columns. */
void put_text(Table &table, const Port &port, const Value::Json &row)
{
	for (const char *field : {"dev", "group"})
		table.put_text(Value(row[field]).text());
	// Without a number of its own it has that of its bridge.
	table.put_text(port.vni ? Value(*port.vni).text() : "auto");
	for (const char *field : {"direct", "balancer", "own"})
		table.put_text(Value(row[field]).text());
}

std::string device_names(const Port &port)
{
	std::vector<std::string> names;

	for (const PortDevice &device : port.devices)
		names.push_back(device.name);
	return Value(names).text();
}

/* A row a device; the first stands in the port's row, the others below it. */
void put_devices(Table &table, const Port &port)
{
	constexpr int columns_of_port = 6;
	bool first = true;

	for (const PortDevice &device : port.devices) {
		for (int i = 0; i < columns_of_port && !first; i++)
			table.put_text("");
		table.put_text(device.name).put_text(Value(device.direct).text());
		table.put_text(Value(device.balanced).text()).end_row();
		first = false;
	}
	if (first)
		table.put_text("-").put_text("-").put_text("-").end_row();
}

int run_list(Context &context)
{
	print_ports(context.output(), list_ports(context.connection()), context.statistics);
	return exit_done;
}

void setup_key(CLI::App &command, Port &port)
{
	arguments::add(
		command, "DEV", port.dev, arguments::device_pattern,
		"A device, or a pattern of names with *, ? and [...]; devices may come later",
		"DEV");
	arguments::add(
		command, "--group", port.group,
		[](const std::string &text) {
			std::uint32_t group = arguments::number(text, "group", 0, 0xffffffff);

			if (!group)
				throw Misuse("group 0 is that of every device that has no other");
			return group;
		},
		"Instead of DEV: all devices of a group (ip link set DEV group N)", "N");
}

void setup_add(CLI::App &object, Context &context, const char *name, const char *help,
	       Action action)
{
	auto port = std::make_shared<Port>();
	CLI::App *command = add_command(object, name, help);

	setup_key(*command, *port);
	arguments::add(*command, "--vni", port->vni, arguments::vni,
		       "The network behind it (default: that of its bridge)", "N");
	add_flag(*command, "--direct", port->direct,
		 "Replies go from it straight into their tunnel, past its bridge");
	add_flag(*command, "--balancer", port->balancer,
		 "A balancer is behind it; what it sends for others are balanced flows");
	arguments::add(*command, "--own", port->own, arguments::own_prefixes,
		       "Addresses of the balancer itself; what it sends from them is no such flow",
		       "PREFIX,...");
	on_command(command, context, port, [action](Context &context, const Port &port) {
		return run_add(context, port, action);
	});
}

} // namespace

void print_ports(Output &output, const std::vector<Port> &ports, bool statistics)
{
	std::vector<Column> columns = {{"port"},     {"group"}, {"vni"},    {"direct"},
				       {"balancer"}, {"own"},	{"devices"}};

	if (statistics)
		for (const char *name : {"direct_packets", "balanced_packets"})
			columns.push_back({name});

	Table table(output, columns);
	for (const Port &port : ports) {
		Value::Json row = render::port(port);

		if (output.json) {
			put_json(table, port, row, statistics);
			continue;
		}
		put_text(table, port, row);
		if (statistics)
			put_devices(table, port);
		else
			table.put_text(device_names(port)).end_row();
	}
	table.finish();
}

void setup_port(CLI::App &app, Context &context)
{
	CLI::App *object = add_command(app, "port", "Devices of VMs: what is done where they send");
	auto key = std::make_shared<Port>();

	setup_add(*object, context, "add", "Add a port", Action::add);
	setup_add(*object, context, "replace", "Change a port, or add it", Action::replace);
	CLI::App *del = add_command(*object, "del", "Delete a port");
	setup_key(*del, *key);
	on_command(del, context, key, run_del);
	on_command(add_command(*object, "list", "List the ports and their devices"), context,
		   run_list);
	on_command(add_command(*object, "flush", "Delete all ports"), context, run_flush);
}

} // namespace ipvs_tun
