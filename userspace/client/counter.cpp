// SPDX-License-Identifier: GPL-2.0
#include "client/counter.h"

#include "client/connection.h"

#include <linux/ipvs_tun.h>

namespace ipvs_tun
{

Counter Counter::parse(wire::Attributes attributes)
{
	Counter out;

	for (wire::Attribute attr : attributes) {
		if (attr.type() == IPVS_TUN_A_COUNTER_NAME)
			out.name = attr.string();
		else if (attr.type() == IPVS_TUN_A_COUNTER_VALUE)
			out.value = attr.u64();
		else if (attr.type() == IPVS_TUN_A_COUNTER_TEXT)
			out.text = attr.string();
	}
	return out;
}

std::vector<Counter> list_counters(Connection &connection)
{
	std::vector<Counter> out;

	connection.collect(
		IPVS_TUN_CMD_STATS_GET, [&] { out.clear(); },
		[&](wire::Attributes attributes) {
			for (wire::Attribute attr : attributes)
				if (attr.type() == IPVS_TUN_A_MESSAGE_COUNTER)
					out.push_back(Counter::parse(attr.nested()));
		});
	return out;
}

void reset_counters(Connection &connection)
{
	connection.request(IPVS_TUN_CMD_STATS_RESET);
}

} // namespace ipvs_tun
