// SPDX-License-Identifier: GPL-2.0
#include "client/timeout.h"

#include "client/connection.h"

#include <linux/ipvs_tun.h>

namespace ipvs_tun
{

void Timeout::put(wire::Builder &builder) const
{
	builder.u8(IPVS_TUN_A_TIMEOUT_STATE, static_cast<std::uint8_t>(state));
	builder.u32(IPVS_TUN_A_TIMEOUT_SECONDS, seconds);
}

Timeout Timeout::parse(wire::Attributes attributes)
{
	Timeout out;

	for (wire::Attribute attr : attributes) {
		if (attr.type() == IPVS_TUN_A_TIMEOUT_STATE)
			out.state = static_cast<SessionState>(attr.u8());
		else if (attr.type() == IPVS_TUN_A_TIMEOUT_SECONDS)
			out.seconds = attr.u32();
	}
	return out;
}

std::vector<Timeout> list_timeouts(Connection &connection)
{
	std::vector<Timeout> out;

	connection.collect(
		IPVS_TUN_CMD_TIMEOUT_GET, [&] { out.clear(); },
		[&](wire::Attributes attributes) {
			for (wire::Attribute attr : attributes)
				if (attr.type() == IPVS_TUN_A_MESSAGE_TIMEOUT)
					out.push_back(Timeout::parse(attr.nested()));
		});
	return out;
}

} // namespace ipvs_tun
