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
	CLI::App *object = add_command(app, "zone", "Networks that belong to one tenant");
	auto zone = std::make_shared<Zone>();
	CLI::App *add = add_command(*object, "add", "Join networks into a zone");
	CLI::App *del = add_command(*object, "del", "Delete a zone");

	for (CLI::App *command : {add, del})
		arguments::need(*command, "NAME", zone->name, arguments::name, "The zone's name",
				"NAME");
	arguments::need(*add, "--vni", zone->vnis, arguments::vnis, "Its networks", "N,...");
	on_command(add, context, zone, [](Context &context, const Zone &zone) {
		return run_change(context, zone, Action::add);
	});
	on_command(del, context, zone, [](Context &context, const Zone &zone) {
		return run_change(context, zone, Action::del);
	});
	on_command(add_command(*object, "list", "List the zones"), context, run_list);
}

} // namespace ipvs_tun
