// SPDX-License-Identifier: GPL-2.0
#include "client/change.h"

#include "client/connection.h"

#include <linux/ipvs_tun.h>

namespace ipvs_tun
{

namespace
{

/* For each alternative of Change::Object, in its order. */
struct Kind {
	std::uint16_t attribute;
	const char *name;
};

constexpr Kind kinds[] = {
	{IPVS_TUN_A_CHANGE_MARK, "mark"},	{IPVS_TUN_A_CHANGE_TUNNEL, "tunnel"},
	{IPVS_TUN_A_CHANGE_PEER, "peer"},	{IPVS_TUN_A_CHANGE_ZONE, "zone"},
	{IPVS_TUN_A_CHANGE_TIMEOUT, "timeout"}, {IPVS_TUN_A_CHANGE_LIMIT, "limit"},
	{IPVS_TUN_A_CHANGE_PAUSE, "pause"},	{IPVS_TUN_A_CHANGE_PORT, "port"},
};
static_assert(std::size(kinds) == std::variant_size_v<Change::Object>);

void put_object(wire::Builder &nest, Action action, const Change::Object &object)
{
	if (action == Action::flush)
		return;
	if (const auto *peer = std::get_if<Peer>(&object); peer && action == Action::del)
		return peer->put_key(nest);
	if (const auto *port = std::get_if<Port>(&object); port && action == Action::del)
		return port->put_key(nest);
	std::visit(
		[&](const auto &value) {
			if constexpr (std::is_same_v<std::decay_t<decltype(value)>, Pause>)
				nest.u32(IPVS_TUN_A_PAUSE_STEPS, value.steps);
			else
				value.put(nest);
		},
		object);
}

} // namespace

const char *Change::object_name() const
{
	return kinds[object.index()].name;
}

void Change::put(wire::Builder &builder) const
{
	builder.u32(IPVS_TUN_A_CHANGE_ACTION, static_cast<std::uint32_t>(action));
	builder.nest(kinds[object.index()].attribute,
		     [&](wire::Builder &nest) { put_object(nest, action, object); });
}

Change Change::parse(wire::Attributes attributes)
{
	Change out;

	for (wire::Attribute attr : attributes) {
		switch (attr.type()) {
		case IPVS_TUN_A_CHANGE_ACTION:
			out.action = static_cast<Action>(attr.u32());
			break;
		case IPVS_TUN_A_CHANGE_MARK:
			out.object = Mark::parse(attr.nested());
			break;
		case IPVS_TUN_A_CHANGE_TUNNEL:
			out.object = Tunnel::parse(attr.nested());
			break;
		case IPVS_TUN_A_CHANGE_PEER:
			out.object = Peer::parse(attr.nested());
			break;
		case IPVS_TUN_A_CHANGE_ZONE:
			out.object = Zone::parse(attr.nested());
			break;
		case IPVS_TUN_A_CHANGE_TIMEOUT:
			out.object = Timeout::parse(attr.nested());
			break;
		case IPVS_TUN_A_CHANGE_LIMIT:
			out.object = Limits::parse(attr.nested());
			break;
		case IPVS_TUN_A_CHANGE_PAUSE:
			out.object = Pause{};
			for (wire::Attribute field : attr.nested())
				if (field.type() == IPVS_TUN_A_PAUSE_STEPS)
					out.object = Pause{field.u32()};
			break;
		case IPVS_TUN_A_CHANGE_PORT:
			out.object = Port::parse(attr.nested());
			break;
		}
	}
	return out;
}

Transaction &Transaction::change(Action action, Change::Object object)
{
	changes_.push_back(Change{action, std::move(object)});
	return *this;
}

void Transaction::put(wire::Builder &builder) const
{
	for (const Change &change : changes_)
		builder.nest(IPVS_TUN_A_MESSAGE_CHANGE,
			     [&](wire::Builder &nest) { change.put(nest); });
}

std::uint32_t Transaction::commit(Connection &connection) const
{
	std::uint32_t generation = 0;

	connection.request(
		IPVS_TUN_CMD_CHANGE_SET, [&](wire::Builder &builder) { put(builder); },
		[&](wire::Attributes attributes) {
			for (wire::Attribute attr : attributes)
				if (attr.type() == IPVS_TUN_A_MESSAGE_GENERATION)
					generation = attr.u32();
		});
	return generation;
}

} // namespace ipvs_tun
