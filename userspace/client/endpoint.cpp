// SPDX-License-Identifier: GPL-2.0
#include "client/endpoint.h"

#include "client/wire.h"

#include <linux/ipvs_tun.h>

namespace ipvs_tun
{

Endpoint Endpoint::parse(wire::Attributes attributes)
{
	Endpoint out;

	for (wire::Attribute attr : attributes) {
		switch (attr.type()) {
		case IPVS_TUN_A_ENDPOINT_ADDRESS:
			out.address = attr.address();
			break;
		case IPVS_TUN_A_ENDPOINT_TUNNEL:
			out.tunnel = static_cast<TunnelType>(attr.u8());
			break;
		case IPVS_TUN_A_ENDPOINT_STATE:
			out.state = static_cast<EndpointState>(attr.u32());
			break;
		case IPVS_TUN_A_ENDPOINT_LAST_SEEN:
			out.last_seen = attr.u32();
			break;
		case IPVS_TUN_A_ENDPOINT_VERSION:
			out.version = attr.string();
			break;
		case IPVS_TUN_A_ENDPOINT_PROTOCOL_VERSION:
			out.protocol_version = attr.u32();
			break;
		case IPVS_TUN_A_ENDPOINT_TUNNELS:
			out.tunnels = attr.u32();
			break;
		case IPVS_TUN_A_ENDPOINT_ACCEPT_MARK:
			out.accept_marks.push_back(attr.u32());
			break;
		case IPVS_TUN_A_ENDPOINT_REASON:
			out.reason = attr.string();
			break;
		case IPVS_TUN_A_ENDPOINT_MARKED:
			out.marked = attr.u64();
			break;
		case IPVS_TUN_A_ENDPOINT_RECORDED:
			out.recorded = attr.u64();
			break;
		case IPVS_TUN_A_ENDPOINT_UNTRUSTED:
			out.untrusted = attr.u64();
			break;
		}
	}
	return out;
}

} // namespace ipvs_tun
