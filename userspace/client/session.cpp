// SPDX-License-Identifier: GPL-2.0
#include "client/session.h"

#include "client/connection.h"

#include <linux/ipvs_tun.h>

namespace ipvs_tun
{

namespace
{

void put_tuple(wire::Builder &builder, const Tuple &tuple)
{
	builder.address(IPVS_TUN_A_SESSION_SRC, tuple.src);
	builder.address(IPVS_TUN_A_SESSION_DST, tuple.dst);
	builder.u16(IPVS_TUN_A_SESSION_SPORT, tuple.sport);
	builder.u16(IPVS_TUN_A_SESSION_DPORT, tuple.dport);
	builder.u8(IPVS_TUN_A_SESSION_PROTOCOL, tuple.protocol);
	if (tuple.vni)
		builder.u32(IPVS_TUN_A_SESSION_VNI, *tuple.vni);
}

void put_filter(wire::Builder &builder, const SessionFilter &filter)
{
	builder.nest(IPVS_TUN_A_MESSAGE_FILTER, [&](wire::Builder &nest) { filter.put(nest); });
}

std::uint32_t ask_count(Connection &connection, std::uint8_t command, const SessionFilter &filter)
{
	std::uint32_t count = 0;

	connection.request(
		command, [&](wire::Builder &builder) { put_filter(builder, filter); },
		[&](wire::Attributes attributes) {
			for (wire::Attribute attr : attributes)
				if (attr.type() == IPVS_TUN_A_MESSAGE_COUNT)
					count = attr.u32();
		});
	return count;
}

} // namespace

void Session::put(wire::Builder &builder) const
{
	put_tuple(builder, tuple);
	if (mac)
		builder.mac(IPVS_TUN_A_SESSION_MAC, *mac);
	if (vtep)
		builder.address(IPVS_TUN_A_SESSION_VTEP, *vtep);
	if (local)
		builder.address(IPVS_TUN_A_SESSION_LOCAL, *local);
	if (tunnel)
		builder.u8(IPVS_TUN_A_SESSION_TUNNEL, static_cast<std::uint8_t>(*tunnel));
}

Session Session::parse(wire::Attributes attributes)
{
	std::uint32_t flags = 0;
	Session out;

	for (wire::Attribute attr : attributes) {
		switch (attr.type()) {
		case IPVS_TUN_A_SESSION_SRC:
			out.tuple.src = attr.address();
			break;
		case IPVS_TUN_A_SESSION_DST:
			out.tuple.dst = attr.address();
			break;
		case IPVS_TUN_A_SESSION_SPORT:
			out.tuple.sport = attr.u16();
			break;
		case IPVS_TUN_A_SESSION_DPORT:
			out.tuple.dport = attr.u16();
			break;
		case IPVS_TUN_A_SESSION_PROTOCOL:
			out.tuple.protocol = attr.u8();
			break;
		case IPVS_TUN_A_SESSION_ZONE:
			out.zone = attr.u32();
			break;
		case IPVS_TUN_A_SESSION_VNI:
			out.tuple.vni = attr.u32();
			break;
		case IPVS_TUN_A_SESSION_MAC:
			out.mac = attr.mac();
			if (out.mac->is_zero())
				out.mac.reset();
			break;
		case IPVS_TUN_A_SESSION_VTEP:
			out.vtep = attr.address();
			break;
		case IPVS_TUN_A_SESSION_VTEP_MAC:
			out.vtep_mac = attr.mac();
			break;
		case IPVS_TUN_A_SESSION_LOCAL:
			out.local = attr.address();
			break;
		case IPVS_TUN_A_SESSION_IFINDEX:
			out.ifindex = attr.u32();
			break;
		case IPVS_TUN_A_SESSION_TUNNEL:
			out.tunnel = static_cast<TunnelType>(attr.u8());
			break;
		case IPVS_TUN_A_SESSION_STATE:
			out.state = static_cast<SessionState>(attr.u8());
			break;
		case IPVS_TUN_A_SESSION_FLAGS:
			flags = attr.u32();
			break;
		case IPVS_TUN_A_SESSION_AGE:
			out.age = attr.u32();
			break;
		case IPVS_TUN_A_SESSION_EXPIRES:
			out.expires = attr.u32();
			break;
		case IPVS_TUN_A_SESSION_FWD_PACKETS:
			out.fwd_packets = attr.u64();
			break;
		case IPVS_TUN_A_SESSION_FWD_BYTES:
			out.fwd_bytes = attr.u64();
			break;
		case IPVS_TUN_A_SESSION_REV_PACKETS:
			out.rev_packets = attr.u64();
			break;
		case IPVS_TUN_A_SESSION_REV_BYTES:
			out.rev_bytes = attr.u64();
			break;
		}
	}
	out.replied = flags & IPVS_TUN_SESSION_FLAG_REPLIED;
	out.is_static = flags & IPVS_TUN_SESSION_FLAG_STATIC;
	return out;
}

void SessionFilter::put(wire::Builder &builder) const
{
	struct {
		const std::optional<Prefix> &prefix;
		std::uint16_t address, length;
	} prefixes[] = {
		{src, IPVS_TUN_A_FILTER_SRC, IPVS_TUN_A_FILTER_SRC_LEN},
		{dst, IPVS_TUN_A_FILTER_DST, IPVS_TUN_A_FILTER_DST_LEN},
		{vtep, IPVS_TUN_A_FILTER_VTEP, IPVS_TUN_A_FILTER_VTEP_LEN},
	};

	for (const auto &entry : prefixes) {
		if (!entry.prefix)
			continue;
		builder.address(entry.address, entry.prefix->address);
		builder.u8(entry.length, entry.prefix->length);
	}
	if (sport)
		builder.u16(IPVS_TUN_A_FILTER_SPORT, *sport);
	if (dport)
		builder.u16(IPVS_TUN_A_FILTER_DPORT, *dport);
	if (protocol)
		builder.u8(IPVS_TUN_A_FILTER_PROTOCOL, *protocol);
	if (vni)
		builder.u32(IPVS_TUN_A_FILTER_VNI, *vni);
	if (mac)
		builder.mac(IPVS_TUN_A_FILTER_MAC, *mac);
	if (tunnel)
		builder.u8(IPVS_TUN_A_FILTER_TUNNEL, static_cast<std::uint8_t>(*tunnel));
	if (state)
		builder.u8(IPVS_TUN_A_FILTER_STATE, static_cast<std::uint8_t>(*state));
}

bool dump_sessions(Connection &connection, const SessionFilter &filter,
		   const std::function<void(const Session &)> &handle)
{
	return connection.dump(
		IPVS_TUN_CMD_SESSION_GET,
		[&](wire::Attributes attributes) {
			for (wire::Attribute attr : attributes)
				if (attr.type() == IPVS_TUN_A_MESSAGE_SESSION)
					handle(Session::parse(attr.nested()));
		},
		[&](wire::Builder &builder) { put_filter(builder, filter); });
}

std::uint32_t count_sessions(Connection &connection, const SessionFilter &filter)
{
	return ask_count(connection, IPVS_TUN_CMD_SESSION_COUNT, filter);
}

std::uint32_t flush_sessions(Connection &connection, const SessionFilter &filter)
{
	return ask_count(connection, IPVS_TUN_CMD_SESSION_FLUSH, filter);
}

void add_session(Connection &connection, const Session &session)
{
	connection.request(IPVS_TUN_CMD_SESSION_ADD, [&](wire::Builder &builder) {
		builder.nest(IPVS_TUN_A_MESSAGE_SESSION,
			     [&](wire::Builder &nest) { session.put(nest); });
	});
}

void delete_session(Connection &connection, const Tuple &tuple)
{
	connection.request(IPVS_TUN_CMD_SESSION_DEL, [&](wire::Builder &builder) {
		builder.nest(IPVS_TUN_A_MESSAGE_SESSION,
			     [&](wire::Builder &nest) { put_tuple(nest, tuple); });
	});
}

} // namespace ipvs_tun
