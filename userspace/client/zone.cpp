// SPDX-License-Identifier: GPL-2.0
#include "client/zone.h"

#include "client/connection.h"

#include <linux/ipvs_tun.h>

namespace ipvs_tun
{

void Zone::put(wire::Builder &builder) const
{
	builder.string(IPVS_TUN_A_ZONE_NAME, name);
	for (std::uint32_t vni : vnis)
		builder.u32(IPVS_TUN_A_ZONE_VNI, vni);
}

Zone Zone::parse(wire::Attributes attributes)
{
	Zone out;

	for (wire::Attribute attr : attributes) {
		switch (attr.type()) {
		case IPVS_TUN_A_ZONE_NAME:
			out.name = attr.string();
			break;
		case IPVS_TUN_A_ZONE_VNI:
			out.vnis.push_back(attr.u32());
			break;
		case IPVS_TUN_A_ZONE_ID:
			out.id = attr.u32();
			break;
		}
	}
	return out;
}

std::vector<Zone> list_zones(Connection &connection)
{
	std::vector<Zone> out;

	connection.collect(
		IPVS_TUN_CMD_ZONE_GET, [&] { out.clear(); },
		[&](wire::Attributes attributes) {
			for (wire::Attribute attr : attributes)
				if (attr.type() == IPVS_TUN_A_MESSAGE_ZONE)
					out.push_back(Zone::parse(attr.nested()));
		});
	return out;
}

} // namespace ipvs_tun
