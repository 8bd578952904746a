// SPDX-License-Identifier: GPL-2.0
#include "client/mark.h"

#include "client/connection.h"

#include <linux/ipvs_tun.h>

namespace ipvs_tun
{

void Mark::put(wire::Builder &builder) const
{
	builder.u32(IPVS_TUN_A_MARK_VALUE, value);
	builder.u32(IPVS_TUN_A_MARK_MASK, mask);
	if (tunnels)
		builder.u32(IPVS_TUN_A_MARK_TUNNELS, tunnels);
	for (std::uint32_t vni : vnis)
		builder.u32(IPVS_TUN_A_MARK_VNI, vni);
	if (dst) {
		builder.address(IPVS_TUN_A_MARK_DST, dst->address);
		builder.u8(IPVS_TUN_A_MARK_DST_LEN, dst->length);
	}
	if (prio)
		builder.u32(IPVS_TUN_A_MARK_PRIO, *prio);
	if (name)
		builder.string(IPVS_TUN_A_MARK_NAME, *name);
}

Mark Mark::parse(wire::Attributes attributes)
{
	std::optional<std::uint8_t> length;
	Mark out;

	for (wire::Attribute attr : attributes) {
		switch (attr.type()) {
		case IPVS_TUN_A_MARK_VALUE:
			out.value = attr.u32();
			break;
		case IPVS_TUN_A_MARK_MASK:
			out.mask = attr.u32();
			break;
		case IPVS_TUN_A_MARK_TUNNELS:
			out.tunnels = attr.u32();
			break;
		case IPVS_TUN_A_MARK_VNI:
			out.vnis.push_back(attr.u32());
			break;
		case IPVS_TUN_A_MARK_DST:
			out.dst = Prefix{attr.address(), 0};
			break;
		case IPVS_TUN_A_MARK_DST_LEN:
			length = attr.u8();
			break;
		case IPVS_TUN_A_MARK_PRIO:
			out.prio = attr.u32();
			break;
		case IPVS_TUN_A_MARK_NAME:
			out.name = attr.string();
			break;
		case IPVS_TUN_A_MARK_PACKETS:
			out.packets = attr.u64();
			break;
		case IPVS_TUN_A_MARK_NOT_READY:
			out.not_ready = attr.u64();
			break;
		}
	}
	if (out.dst)
		out.dst->length =
			length.value_or(static_cast<std::uint8_t>(out.dst->address.bits()));
	return out;
}

std::vector<Mark> list_marks(Connection &connection)
{
	std::vector<Mark> out;

	connection.collect(
		IPVS_TUN_CMD_MARK_GET, [&] { out.clear(); },
		[&](wire::Attributes attributes) {
			for (wire::Attribute attr : attributes)
				if (attr.type() == IPVS_TUN_A_MESSAGE_MARK)
					out.push_back(Mark::parse(attr.nested()));
		});
	return out;
}

} // namespace ipvs_tun
