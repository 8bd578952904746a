/* SPDX-License-Identifier: GPL-2.0 */
/* How long may a packet be that is put into a tunnel? */
#ifndef ITUN_ROOM_H
#define ITUN_ROOM_H

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <net/dst.h>

#include "path.h"
#include "stages.h"

/**
 * itun_room_route() - of a VXLAN or "external" device's packets, by their route
 * @key: of the path
 * @dst: the route to its endpoint
 *
 * Context: any, under RCU.
 * Return: bytes of an IP packet; 0 if there is room for none.
 */
static __always_inline unsigned int itun_room_route(const struct itun_path_key *key,
						    const struct dst_entry *dst)
{
	unsigned int overhead = key->family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	unsigned int mtu = dst_mtu(dst);

	/* GRE with a key, and neither a checksum nor a sequence number: as an "external"
	 * device is told to send.
	 */
	if (key->type == IPVS_TUN_TUNNEL_TYPE_GRE)
		overhead += ITUN_GRE_HLEN + sizeof(__be32);
	else
		overhead += sizeof(struct udphdr) + ITUN_VXLAN_HLEN;
	if (!key->ip_inside)
		overhead += ETH_HLEN;
	return mtu > overhead ? mtu - overhead : 0;
}

/**
 * itun_room_fits() - does a packet, or each of its segments, fit its route?
 * @skb: skb->data at the network header
 * @dst: the route to the path's endpoint
 * @key: of the path
 *
 * If not, the driver makes the ICMP error that the VM expects.
 *
 * Context: any, under RCU.
 */
static __always_inline bool itun_room_fits(struct sk_buff *skb, const struct dst_entry *dst,
					   const struct itun_path_key *key)
{
	unsigned int mtu = itun_room_route(key, dst);

	if (skb_vlan_tag_present(skb))
		mtu = mtu > VLAN_HLEN ? mtu - VLAN_HLEN : 0;
	return mtu && itun_packet_fits(skb, mtu);
}

unsigned int itun_room_device(const struct itun_path *path, const struct net_device *dev);
unsigned int itun_room_pair(const struct itun_path *path, const struct net_device *dev,
			    const struct sk_buff *skb, const struct dst_entry *dst);

#endif /* ITUN_ROOM_H */
