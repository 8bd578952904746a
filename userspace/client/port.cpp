// SPDX-License-Identifier: GPL-2.0
#include "client/port.h"

#include "client/connection.h"

#include <fmt/format.h>
#include <iterator>
#include <linux/ipvs_tun.h>

namespace ipvs_tun
{

static_assert(Port::most_own == IPVS_TUN_MAX_OWN);

namespace
{

void put_own(wire::Builder &builder, const Prefix &prefix)
{
	builder.address(IPVS_TUN_A_OWN_PREFIX, prefix.address);
	builder.u8(IPVS_TUN_A_OWN_PREFIX_LEN, prefix.length);
}

Prefix parse_own(wire::Attributes attributes)
{
	std::optional<std::uint8_t> length;
	Prefix out;

	for (wire::Attribute attr : attributes) {
		switch (attr.type()) {
		case IPVS_TUN_A_OWN_PREFIX:
			out.address = attr.address();
			break;
		case IPVS_TUN_A_OWN_PREFIX_LEN:
			length = attr.u8();
			break;
		}
	}
	out.length = length.value_or(static_cast<std::uint8_t>(out.address.bits()));
	return out;
}

} // namespace

PortDevice PortDevice::parse(wire::Attributes attributes)
{
	PortDevice out;

	for (wire::Attribute attr : attributes) {
		switch (attr.type()) {
		case IPVS_TUN_A_PORT_DEVICE_NAME:
			out.name = attr.string();
			break;
		case IPVS_TUN_A_PORT_DEVICE_IFINDEX:
			out.ifindex = attr.u32();
			break;
		case IPVS_TUN_A_PORT_DEVICE_DIRECT:
			out.direct = attr.u64();
			break;
		case IPVS_TUN_A_PORT_DEVICE_BALANCED:
			out.balanced = attr.u64();
			break;
		case IPVS_TUN_A_PORT_DEVICE_WARNING:
			out.warnings.push_back(attr.string());
			break;
		}
	}
	return out;
}

void Port::put_key(wire::Builder &builder) const
{
	if (dev)
		builder.string(IPVS_TUN_A_PORT_NAME, *dev);
	if (group)
		builder.u32(IPVS_TUN_A_PORT_GROUP, *group);
}

void Port::put(wire::Builder &builder) const
{
	std::uint32_t flags = 0;

	if (direct)
		flags |= IPVS_TUN_PORT_FLAG_DIRECT;
	if (balancer)
		flags |= IPVS_TUN_PORT_FLAG_BALANCER;
	put_key(builder);
	if (vni)
		builder.u32(IPVS_TUN_A_PORT_VNI, *vni);
	builder.u32(IPVS_TUN_A_PORT_FLAGS, flags);
	for (const Prefix &prefix : own)
		builder.nest(IPVS_TUN_A_PORT_OWN,
			     [&](wire::Builder &nest) { put_own(nest, prefix); });
}

Port Port::parse(wire::Attributes attributes)
{
	std::uint32_t flags = 0;
	Port out;

	for (wire::Attribute attr : attributes) {
		switch (attr.type()) {
		case IPVS_TUN_A_PORT_NAME:
			out.dev = attr.string();
			break;
		case IPVS_TUN_A_PORT_GROUP:
			out.group = attr.u32();
			break;
		case IPVS_TUN_A_PORT_VNI:
			out.vni = attr.u32();
			break;
		case IPVS_TUN_A_PORT_FLAGS:
			flags = attr.u32();
			break;
		case IPVS_TUN_A_PORT_OWN:
			out.own.push_back(parse_own(attr.nested()));
			break;
		case IPVS_TUN_A_PORT_DEVICE:
			out.devices.push_back(PortDevice::parse(attr.nested()));
			break;
		}
	}
	out.direct = flags & IPVS_TUN_PORT_FLAG_DIRECT;
	out.balancer = flags & IPVS_TUN_PORT_FLAG_BALANCER;
	return out;
}

std::string Port::str() const
{
	return dev ? *dev : fmt::format("of group {}", group.value_or(0));
}

std::vector<Port> list_ports(Connection &connection)
{
	std::vector<Port> out;

	connection.collect(
		IPVS_TUN_CMD_PORT_GET, [&] { out.clear(); },
		[&](wire::Attributes attributes) {
			for (wire::Attribute attr : attributes) {
				if (attr.type() != IPVS_TUN_A_MESSAGE_PORT)
					continue;
				Port port = Port::parse(attr.nested());
				// A port with many devices is continued in the next message.
				if (!out.empty() && out.back().same(port))
					std::move(port.devices.begin(), port.devices.end(),
						  std::back_inserter(out.back().devices));
				else
					out.push_back(std::move(port));
			}
		});
	return out;
}

} // namespace ipvs_tun
