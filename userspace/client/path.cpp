// SPDX-License-Identifier: GPL-2.0
#include "client/path.h"

#include "client/connection.h"

#include <linux/ipvs_tun.h>

namespace ipvs_tun
{

Path Path::parse(wire::Attributes attributes)
{
	Path out;

	for (wire::Attribute attr : attributes) {
		switch (attr.type()) {
		case IPVS_TUN_A_PATH_TUNNEL:
			out.tunnel = static_cast<TunnelType>(attr.u8());
			break;
		case IPVS_TUN_A_PATH_MAC:
			out.mac = attr.mac();
			if (out.mac->is_zero())
				out.mac.reset();
			break;
		case IPVS_TUN_A_PATH_VTEP:
			out.vtep = attr.address();
			break;
		case IPVS_TUN_A_PATH_VTEP_MAC:
			out.vtep_mac = attr.mac();
			break;
		case IPVS_TUN_A_PATH_LOCAL:
			out.local = attr.address();
			break;
		case IPVS_TUN_A_PATH_VNI:
			out.vni = attr.u32();
			break;
		case IPVS_TUN_A_PATH_ZONE:
			out.zone = attr.u32();
			break;
		case IPVS_TUN_A_PATH_IFINDEX:
			out.ifindex = attr.u32();
			break;
		case IPVS_TUN_A_PATH_TUNNEL_IFINDEX:
			out.tunnel_ifindex = attr.u32();
			break;
		case IPVS_TUN_A_PATH_SESSIONS:
			out.sessions = attr.u32();
			break;
		case IPVS_TUN_A_PATH_DEAD:
			out.dead = true;
			break;
		}
	}
	return out;
}

std::vector<Path> list_paths(Connection &connection)
{
	std::vector<Path> out;

	connection.collect(
		IPVS_TUN_CMD_PATH_GET, [&] { out.clear(); },
		[&](wire::Attributes attributes) {
			for (wire::Attribute attr : attributes)
				if (attr.type() == IPVS_TUN_A_MESSAGE_PATH)
					out.push_back(Path::parse(attr.nested()));
		});
	return out;
}

std::uint32_t kill_paths(Connection &connection, const Address &vtep, const std::optional<Mac> &mac)
{
	std::uint32_t count = 0;

	connection.request(
		IPVS_TUN_CMD_PATH_KILL,
		[&](wire::Builder &builder) {
			builder.nest(IPVS_TUN_A_MESSAGE_PATH, [&](wire::Builder &nest) {
				nest.address(IPVS_TUN_A_PATH_VTEP, vtep);
				if (mac)
					nest.mac(IPVS_TUN_A_PATH_MAC, *mac);
			});
		},
		[&](wire::Attributes attributes) {
			for (wire::Attribute attr : attributes)
				if (attr.type() == IPVS_TUN_A_MESSAGE_COUNT)
					count = attr.u32();
		});
	return count;
}

} // namespace ipvs_tun
