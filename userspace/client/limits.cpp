// SPDX-License-Identifier: GPL-2.0
#include "client/limits.h"

#include "client/connection.h"

#include <linux/ipvs_tun.h>

namespace ipvs_tun
{

void Limits::put(wire::Builder &builder) const
{
	if (sessions)
		builder.u32(IPVS_TUN_A_LIMIT_SESSIONS, *sessions);
	if (sessions_per_vni)
		builder.u32(IPVS_TUN_A_LIMIT_SESSIONS_PER_VNI, *sessions_per_vni);
	if (accounting)
		builder.u8(IPVS_TUN_A_LIMIT_ACCOUNTING, *accounting);
}

Limits Limits::parse(wire::Attributes attributes)
{
	Limits out;

	for (wire::Attribute attr : attributes) {
		if (attr.type() == IPVS_TUN_A_LIMIT_SESSIONS)
			out.sessions = attr.u32();
		else if (attr.type() == IPVS_TUN_A_LIMIT_SESSIONS_PER_VNI)
			out.sessions_per_vni = attr.u32();
		else if (attr.type() == IPVS_TUN_A_LIMIT_ACCOUNTING)
			out.accounting = attr.u8() != 0;
	}
	return out;
}

Limits get_limits(Connection &connection)
{
	Limits out;

	connection.request(IPVS_TUN_CMD_LIMIT_GET, {}, [&](wire::Attributes attributes) {
		for (wire::Attribute attr : attributes)
			if (attr.type() == IPVS_TUN_A_MESSAGE_LIMIT)
				out = Limits::parse(attr.nested());
	});
	return out;
}

} // namespace ipvs_tun
