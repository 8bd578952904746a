// SPDX-License-Identifier: GPL-2.0
#include "client/event.h"

#include "client/connection.h"

#include <linux/ipvs_tun.h>

namespace ipvs_tun
{

std::optional<Event> Event::parse(std::uint8_t command, wire::Attributes attributes)
{
	ConfigEvent config;
	Event out;

	switch (command) {
	case IPVS_TUN_CMD_SESSION_NEW:
		out.name = "new";
		break;
	case IPVS_TUN_CMD_SESSION_MOVED:
		out.name = "moved";
		break;
	case IPVS_TUN_CMD_SESSION_EXPIRED:
		out.name = "expired";
		break;
	case IPVS_TUN_CMD_SESSION_DELETED:
		out.name = "deleted";
		break;
	case IPVS_TUN_CMD_CONFIG_CHANGED:
		out.name = "changed";
		break;
	case IPVS_TUN_CMD_PEER_READY:
		out.name = "ready";
		break;
	case IPVS_TUN_CMD_PEER_SILENT:
		out.name = "silent";
		break;
	default:
		return std::nullopt;
	}
	for (wire::Attribute attr : attributes) {
		switch (attr.type()) {
		case IPVS_TUN_A_MESSAGE_SESSION:
			out.object = Session::parse(attr.nested());
			break;
		case IPVS_TUN_A_MESSAGE_PEER:
			out.object = Peer::parse(attr.nested());
			break;
		case IPVS_TUN_A_MESSAGE_GENERATION:
			config.generation = attr.u32();
			break;
		case IPVS_TUN_A_MESSAGE_PORTID:
			config.portid = attr.u32();
			break;
		case IPVS_TUN_A_MESSAGE_CHANGE:
			config.changes.push_back(Change::parse(attr.nested()));
			break;
		}
	}
	if (command == IPVS_TUN_CMD_CONFIG_CHANGED)
		out.object = std::move(config);
	return out;
}

bool receive_events(Connection &connection, const std::function<void(const Event &)> &handle)
{
	return connection.receive([&](std::uint8_t command, wire::Attributes attributes) {
		if (auto event = Event::parse(command, attributes))
			handle(*event);
	});
}

} // namespace ipvs_tun
