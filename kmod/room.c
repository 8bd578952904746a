// SPDX-License-Identifier: GPL-2.0
/* How long may a packet be that is put into a tunnel? Its device says so, and the route to
 * its other end, where a link may be narrower than the device's MTU supposes.
 */
#include "room.h"

#include <linux/if_arp.h>
#include <net/ip.h>
#include <net/ip6_tunnel.h>
#include <net/ip_tunnels.h>

#include "mpls.h"

/* What the option costs that limits tunnels in tunnels (RFC 2473, 4.1.1). */
#define ITUN_ENCAP_LIMIT_HLEN	8

/**
 * itun_room_device() - by the device alone
 * @path: under RCU
 * @dev: the device that it goes into, or leaves by to a station
 *
 * Context: any, under RCU.
 * Return: bytes of an IP packet; 0 if there is room for none.
 */
unsigned int itun_room_device(const struct itun_path *path, const struct net_device *dev)
{
	unsigned int mtu = READ_ONCE(dev->mtu);

	if (path->key.type != IPVS_TUN_TUNNEL_TYPE_MPLS)
		return mtu;
	return mtu > ITUN_MPLS_HLEN ? mtu - ITUN_MPLS_HLEN : 0;
}

/* ip_tunnel_xmit() sets DF where the device says so, or the packet in it has it. Of labelled
 * packets it looks at none.
 */
static bool itun_room_is_bound(const struct ip_tunnel *tunnel, const struct itun_path *path,
			       const struct sk_buff *skb)
{
	if (tunnel->parms.iph.frag_off & htons(IP_DF))
		return true;
	return path->key.type != IPVS_TUN_TUNNEL_TYPE_MPLS && !tunnel->ignore_df &&
	       skb->protocol == htons(ETH_P_IP) && ip_hdr(skb)->frag_off & htons(IP_DF);
}

/**
 * itun_room_pair() - by the route of a device with one other end
 * @path: under RCU
 * @dev: classic GRE, or what carries labels in IP or in UDP: a driver of ip_tunnel's or
 *       ip6_tunnel's family
 * @skb: skb->data at the network header
 * @dst: the route to the path's endpoint
 *
 * The driver drops what is too long, and can tell nobody: packets that path_xmit hands to it
 * have no route any more, by which icmp_send() finds its own.
 *
 * Context: any, under RCU.
 * Return: bytes of an IP packet, 0 if there is room for none; UINT_MAX where the outer packet
 * may be fragmented.
 */
unsigned int itun_room_pair(const struct itun_path *path, const struct net_device *dev,
			    const struct sk_buff *skb, const struct dst_entry *dst)
{
	unsigned int overhead, mtu = dst_mtu(dst), least = 0;

	if (path->key.family == 4) {
		const struct ip_tunnel *tunnel = netdev_priv(dev);

		if (!itun_room_is_bound(tunnel, path, skb))
			return UINT_MAX;
		overhead = sizeof(struct iphdr) + tunnel->hlen;
	} else {
		const struct ip6_tnl *tunnel = netdev_priv(dev);

		overhead = sizeof(struct ipv6hdr) + tunnel->hlen;
		if (!(tunnel->parms.flags & IP6_TNL_F_IGN_ENCAP_LIMIT))
			overhead += ITUN_ENCAP_LIMIT_HLEN;
		/* ip6_tnl_xmit() fragments rather than let less than this through. */
		least = skb->protocol == htons(ETH_P_IPV6) ? IPV6_MIN_MTU : IPV4_MIN_MTU;
	}
	if (dev->type == ARPHRD_ETHER)
		overhead += ETH_HLEN;
	if (path->key.type == IPVS_TUN_TUNNEL_TYPE_MPLS)
		overhead += ITUN_MPLS_HLEN;
	return max(mtu > overhead ? mtu - overhead : 0, least);
}
