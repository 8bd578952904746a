// SPDX-License-Identifier: GPL-2.0
/* zone: networks that belong to one tenant. */
#include "client/change.h"
#include "tool/command.h"
#include "tool/render.h"

namespace ipvs_tun
{

namespace
{

int run_change(Context &context, const Zone &zone, Action action)
{
	Transaction().change(action, zone).commit(context.connection());
	return exit_done;
}

int run_list(Context &context)
{
	std::vector<Zone> zones = list_zones(context.connection());
	Table table(context.output(), {{"name"}, {"vni"}, {"id"}});

	for (const Zone &zone : zones)
		table.put("name", zone.name).put("vni", zone.vnis).put("id", zone.id).end_row();
	table.finish();
	return exit_done;
}

} // namespace

void setup_zone(CLI::App &app, Context &context)
{
	CLI::App *object = app.add_subcommand("zone", "Networks that belong to one tenant");
	auto zone = std::make_shared<Zone>();
	CLI::App *add = object->add_subcommand("add", "Join networks into a zone");
	CLI::App *del = object->add_subcommand("del", "Delete a zone");

	for (CLI::App *command : {add, del})
		arguments::add(*command, "NAME", zone->name, arguments::name, "The zone's name",
			       "NAME")
			->required();
	arguments::add(*add, "--vni", zone->vnis, arguments::vnis, "Its networks", "N,...")
		->required();
	on_command(add, context, zone, [](Context &context, const Zone &zone) {
		return run_change(context, zone, Action::add);
	});
	on_command(del, context, zone, [](Context &context, const Zone &zone) {
		return run_change(context, zone, Action::del);
	});
	on_command(object->add_subcommand("list", "List the zones"), context, run_list);
}

} // namespace ipvs_tun
