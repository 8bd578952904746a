// SPDX-License-Identifier: GPL-2.0
#include "client/status.h"

#include "client/connection.h"

#include <linux/ipvs_tun.h>

namespace ipvs_tun
{

void Status::parse(wire::Attributes attributes)
{
	for (wire::Attribute attr : attributes) {
		switch (attr.type()) {
		case IPVS_TUN_A_STATUS_VERSION:
			version = attr.string();
			break;
		case IPVS_TUN_A_STATUS_PROTOCOL_VERSION:
			protocol_version = attr.u32();
			break;
		case IPVS_TUN_A_STATUS_GENERATION:
			generation = attr.u32();
			break;
		case IPVS_TUN_A_STATUS_HOOK:
			hooks.push_back(attr.string());
			break;
		case IPVS_TUN_A_STATUS_PAUSED:
			paused = attr.u32();
			break;
		case IPVS_TUN_A_STATUS_SESSIONS:
			sessions = attr.u32();
			break;
		case IPVS_TUN_A_STATUS_PATHS:
			paths = attr.u32();
			break;
		case IPVS_TUN_A_STATUS_MARKS:
			marks = attr.u32();
			break;
		case IPVS_TUN_A_STATUS_PEERS:
			peers = attr.u32();
			break;
		case IPVS_TUN_A_STATUS_ENDPOINTS:
			endpoints = attr.u32();
			break;
		case IPVS_TUN_A_STATUS_ENDPOINTS_READY:
			endpoints_ready = attr.u32();
			break;
		case IPVS_TUN_A_STATUS_WARNING:
			warnings.push_back(attr.string());
			break;
		case IPVS_TUN_A_STATUS_PORTS:
			ports = attr.u32();
			break;
		case IPVS_TUN_A_STATUS_PORT_DEVICES:
			port_devices = attr.u32();
			break;
		}
	}
}

Status get_status(Connection &connection)
{
	Status out;

	connection.request(IPVS_TUN_CMD_STATUS_GET, {}, [&](wire::Attributes attributes) {
		for (wire::Attribute attr : attributes) {
			if (attr.type() == IPVS_TUN_A_MESSAGE_STATUS)
				out.parse(attr.nested());
			else if (attr.type() == IPVS_TUN_A_MESSAGE_LIMIT)
				out.limits = Limits::parse(attr.nested());
		}
	});
	return out;
}

} // namespace ipvs_tun
