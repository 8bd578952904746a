// SPDX-License-Identifier: GPL-2.0
#include "client/tunnel.h"

#include "client/connection.h"

#include <linux/ipvs_tun.h>

namespace ipvs_tun
{

std::uint32_t normal_bits(TunnelType type)
{
	return type == TunnelType::vxlan ? 0x08 : 0;
}

std::uint32_t field_limit(TunnelType type)
{
	switch (type) {
	case TunnelType::gre:
		return 0x10000;
	case TunnelType::mpls:
		return 0x100000;
	default:
		return 0x100;
	}
}

void Tunnel::put(wire::Builder &builder) const
{
	builder.u8(IPVS_TUN_A_TUNNEL_TYPE, static_cast<std::uint8_t>(type));
	if (second_mark)
		builder.u32(IPVS_TUN_A_TUNNEL_SECOND_MARK, *second_mark);
	for (std::uint32_t mark : accept_marks)
		builder.u32(IPVS_TUN_A_TUNNEL_ACCEPT_MARK, mark);
	if (nvgre)
		builder.u8(IPVS_TUN_A_TUNNEL_NVGRE, *nvgre);
	if (automatic)
		builder.flag(IPVS_TUN_A_TUNNEL_AUTO);
	for (std::uint16_t port : ports)
		builder.u16(IPVS_TUN_A_TUNNEL_PORT, port);
	for (const ReturnLabel &label : return_labels)
		builder.nest(IPVS_TUN_A_TUNNEL_RETURN_LABEL, [&](wire::Builder &nest) {
			nest.u32(IPVS_TUN_A_RETURN_LABEL_FORWARD, label.forward);
			nest.u32(IPVS_TUN_A_RETURN_LABEL_RETURN, label.reply);
		});
	if (symmetric)
		builder.flag(IPVS_TUN_A_TUNNEL_SYMMETRIC);
}

static ReturnLabel parse_return_label(wire::Attributes attributes)
{
	ReturnLabel out;

	for (wire::Attribute attr : attributes) {
		switch (attr.type()) {
		case IPVS_TUN_A_RETURN_LABEL_FORWARD:
			out.forward = attr.u32();
			break;
		case IPVS_TUN_A_RETURN_LABEL_RETURN:
			out.reply = attr.u32();
			break;
		}
	}
	return out;
}

Tunnel Tunnel::parse(wire::Attributes attributes)
{
	Tunnel out;

	for (wire::Attribute attr : attributes) {
		switch (attr.type()) {
		case IPVS_TUN_A_TUNNEL_TYPE:
			out.type = static_cast<TunnelType>(attr.u8());
			break;
		case IPVS_TUN_A_TUNNEL_SECOND_MARK:
			out.second_mark = attr.u32();
			break;
		case IPVS_TUN_A_TUNNEL_ACCEPT_MARK:
			out.accept_marks.push_back(attr.u32());
			break;
		case IPVS_TUN_A_TUNNEL_NVGRE:
			out.nvgre = attr.u8() != 0;
			break;
		case IPVS_TUN_A_TUNNEL_AUTO:
			out.automatic = true;
			break;
		case IPVS_TUN_A_TUNNEL_PORT:
			out.ports.push_back(attr.u16());
			break;
		case IPVS_TUN_A_TUNNEL_PORT_IN_USE:
			out.ports_in_use.push_back(attr.u16());
			break;
		case IPVS_TUN_A_TUNNEL_NORMAL:
			out.normal = attr.u32();
			break;
		case IPVS_TUN_A_TUNNEL_ALLOWED:
			out.allowed = attr.u32();
			break;
		case IPVS_TUN_A_TUNNEL_RETURN_LABEL:
			out.return_labels.push_back(parse_return_label(attr.nested()));
			break;
		case IPVS_TUN_A_TUNNEL_SYMMETRIC:
			out.symmetric = true;
			break;
		case IPVS_TUN_A_TUNNEL_WARNING:
			out.warnings.push_back(attr.string());
			break;
		}
	}
	return out;
}

std::vector<Tunnel> list_tunnels(Connection &connection)
{
	std::vector<Tunnel> out;

	connection.collect(
		IPVS_TUN_CMD_TUNNEL_GET, [&] { out.clear(); },
		[&](wire::Attributes attributes) {
			for (wire::Attribute attr : attributes)
				if (attr.type() == IPVS_TUN_A_MESSAGE_TUNNEL)
					out.push_back(Tunnel::parse(attr.nested()));
		});
	return out;
}

} // namespace ipvs_tun
