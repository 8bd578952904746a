// SPDX-License-Identifier: GPL-2.0
#include "client/peer.h"

#include "client/connection.h"

#include <iterator>
#include <linux/ipvs_tun.h>

namespace ipvs_tun
{

void Peer::put_key(wire::Builder &builder) const
{
	builder.address(IPVS_TUN_A_PEER_PREFIX, prefix.address);
	builder.u8(IPVS_TUN_A_PEER_PREFIX_LEN, prefix.length);
}

void Peer::put(wire::Builder &builder) const
{
	std::uint32_t flags = 0;

	if (send || send_always)
		flags |= IPVS_TUN_PEER_FLAG_SEND;
	if (send_always)
		flags |= IPVS_TUN_PEER_FLAG_SEND_ALWAYS;
	if (accept)
		flags |= IPVS_TUN_PEER_FLAG_ACCEPT;
	if (none)
		flags |= IPVS_TUN_PEER_FLAG_NONE;
	put_key(builder);
	builder.u32(IPVS_TUN_A_PEER_FLAGS, flags);
	if (dev)
		builder.string(IPVS_TUN_A_PEER_DEV, *dev);
	for (std::uint32_t vni : vnis)
		builder.u32(IPVS_TUN_A_PEER_VNI, vni);
}

Peer Peer::parse(wire::Attributes attributes)
{
	std::optional<std::uint8_t> length;
	std::uint32_t flags = 0;
	Peer out;

	out.complete = false;
	for (wire::Attribute attr : attributes) {
		switch (attr.type()) {
		case IPVS_TUN_A_PEER_PREFIX:
			out.prefix.address = attr.address();
			break;
		case IPVS_TUN_A_PEER_PREFIX_LEN:
			length = attr.u8();
			break;
		case IPVS_TUN_A_PEER_FLAGS:
			flags = attr.u32();
			out.complete = true;
			break;
		case IPVS_TUN_A_PEER_DEV:
			out.dev = attr.string();
			break;
		case IPVS_TUN_A_PEER_VNI:
			out.vnis.push_back(attr.u32());
			break;
		case IPVS_TUN_A_PEER_ENDPOINT:
			out.endpoints.push_back(Endpoint::parse(attr.nested()));
			break;
		}
	}
	out.prefix.length = length.value_or(static_cast<std::uint8_t>(out.prefix.address.bits()));
	out.send_always = flags & IPVS_TUN_PEER_FLAG_SEND_ALWAYS;
	out.send = out.send_always || flags & IPVS_TUN_PEER_FLAG_SEND;
	out.accept = flags & IPVS_TUN_PEER_FLAG_ACCEPT;
	out.none = flags & IPVS_TUN_PEER_FLAG_NONE;
	return out;
}

std::vector<Peer> list_peers(Connection &connection)
{
	std::vector<Peer> out;

	connection.collect(
		IPVS_TUN_CMD_PEER_GET, [&] { out.clear(); },
		[&](wire::Attributes attributes) {
			for (wire::Attribute attr : attributes) {
				if (attr.type() != IPVS_TUN_A_MESSAGE_PEER)
					continue;
				Peer peer = Peer::parse(attr.nested());
				// A peer with many endpoints is continued in the next message.
				if (!out.empty() && out.back().prefix == peer.prefix)
					std::move(peer.endpoints.begin(), peer.endpoints.end(),
						  std::back_inserter(out.back().endpoints));
				else
					out.push_back(std::move(peer));
			}
		});
	return out;
}

const Peer *find_peer(std::span<const Peer> peers, const Address &address)
{
	const Peer *best = nullptr;

	for (const Peer &peer : peers)
		if (peer.prefix.contains(address) &&
		    (!best || peer.prefix.length > best->prefix.length))
			best = &peer;
	return best;
}

} // namespace ipvs_tun
