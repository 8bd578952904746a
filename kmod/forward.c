// SPDX-License-Identifier: GPL-2.0
/* Step 5 where this host is the servers' router: a reply that it routes leaves
 * by the tunnel that its request came by, wherever the routing tables would
 * have sent it. Its TTL is decremented, it is filtered: as if it had been sent
 * to the balancer by a route.
 */
#include <linux/etherdevice.h>
#include <linux/icmpv6.h>
#include <net/icmp.h>
#include <net/ip.h>

#include "device.h"
#include "stages.h"

/* Who sends what is too long for the tunnel is told so, as by any router. */
static bool itun_forward_complain(struct sk_buff *skb, unsigned int mtu)
{
	if (skb->protocol == htons(ETH_P_IP)) {
		if (!(ip_hdr(skb)->frag_off & htons(IP_DF)) || mtu < IPV4_MIN_MTU)
			return false;
		icmp_send(skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, htonl(mtu));
		return true;
	}
#if IS_ENABLED(CONFIG_IPV6)
	icmpv6_send(skb, ICMPV6_PKT_TOOBIG, 0, max_t(u32, mtu, IPV6_MIN_MTU));
	return true;
#else
	return false;
#endif
}

/* Zones that are looked in where devices do not tell: those made last. */
#define ITUN_FORWARD_ROUTED	16
/* One for the bridge. */
#define ITUN_FORWARD_ZONES	(1 + ITUN_ROUTED_NETWORKS + ITUN_FORWARD_ROUTED)

/* The tenants that a routed packet's server may be of. */
struct itun_forward_zones {
	u32 zone[ITUN_FORWARD_ZONES];
	unsigned int n;
	bool bridged;		/* the first is that of the bridge it came by */
	bool cut;		/* there are more, which are not looked in */
};

static void itun_forward_add(struct itun_forward_zones *zones, u32 zone)
{
	unsigned int i;

	for (i = 0; i < zones->n; i++)
		if (zones->zone[i] == zone)
			return;
	zones->zone[zones->n++] = zone;
}

/* That of the bridge that it came by, and those of tunnels that carry IP
 * packets, where addresses mean the same for all of them.
 */
static void itun_forward_zones(struct itun_net *in, const struct itun_config *config,
			       const struct sk_buff *skb, const struct net_device *port,
			       struct itun_forward_zones *zones)
{
	u32 vnis[ITUN_ROUTED_NETWORKS], vni;
	const struct itun_zone *zone;
	unsigned int i, n, listed = 0;
	bool others;

	zones->n = 0;
	zones->cut = false;
	zones->bridged = !itun_device_bridge_zone(port, skb, &vni);
	if (zones->bridged)
		itun_forward_add(zones, itun_config_zone(config, vni));
	n = itun_device_routed_networks(port, vnis, &others);
	for (i = 0; i < n; i++)
		itun_forward_add(zones, itun_config_zone(config, vnis[i]));
	/* A routing domain does not say which labels lead into it, nor which
	 * networks an "external" device brings: any may, and their paths say
	 * whether they do.
	 */
	if (likely(!others && !atomic_read(&in->n_mpls_paths)))
		return;
	hlist_for_each_entry_rcu(zone, &in->routed_zones, routed) {
		if (unlikely(listed++ == ITUN_FORWARD_ROUTED)) {
			zones->cut = true;
			break;
		}
		itun_forward_add(zones, zone->id);
	}
}

/* A number that tunnels with IP inside have says nothing of a bridge's network:
 * only the bridge does.
 */
static bool itun_forward_may_take(const struct itun_forward_zones *zones, unsigned int i,
				  struct itun_path *path, const struct net_device *port)
{
	return (path->key.ip_inside || (zones->bridged && !i)) && itun_path_is_from(path, port);
}

/* Of a flow that came through two balancers, one after the other, both have a
 * session if their networks are not one zone: the later one counts.
 */
static bool itun_forward_later(const struct itun_session *a, const struct itun_session *b)
{
	s32 seen = READ_ONCE(a->seen) - READ_ONCE(b->seen);

	return seen ? seen > 0 : (s32)(a->created - b->created) > 0;
}

static bool itun_forward_find(struct itun_net *in, const struct itun_config *config,
			      const struct sk_buff *skb, const struct itun_inner *inner,
			      const struct net_device *port, struct itun_backhaul *found)
{
	struct itun_forward_zones zones;
	struct itun_backhaul reply;
	unsigned int i;

	found->session = NULL;
	itun_forward_zones(in, config, skb, port, &zones);
	if (!zones.n)
		itun_count(in, zone_unknown);
	for (i = 0; i < zones.n; i++) {
		if (!itun_reply_find(in, config, inner, zones.zone[i], &reply) ||
		    itun_path_is_local(&reply.path->key))
			continue;
		/* Before anything is done to a session that may be another tenant's. */
		if (unlikely(!itun_forward_may_take(&zones, i, reply.path, port))) {
			itun_count(in, zone_unknown);
			continue;
		}
		if (!itun_reply_accept(in, config, inner, &reply))
			continue;
		if (!found->session || itun_forward_later(reply.session, found->session))
			*found = reply;
	}
	if (unlikely(zones.cut && !found->session))
		itun_count(in, zone_unknown);
	return found->session;
}

/**
 * itun_forward_frame() - put an Ethernet header in front of a routed packet
 * @skb: skb->data at the network header
 * @path: its way back
 * @port: where it came in
 *
 * It has lost its own: it gets one as if this host had sent it on to the balancer in
 * the server's network.
 *
 * Context: any.
 * Return: false if there is no memory for it; the packet is as it was.
 */
bool itun_forward_frame(struct sk_buff *skb, const struct itun_path *path,
			const struct net_device *port)
{
	struct ethhdr *eth;

	if (path->key.ip_inside)
		return true;
	if (unlikely(skb_cow_head(skb, ETH_HLEN + LL_RESERVED_SPACE(port))))
		return false;
	eth = (struct ethhdr *)(skb->data - ETH_HLEN);
	ether_addr_copy(eth->h_dest, path->key.mac);
	ether_addr_copy(eth->h_source, port->dev_addr);
	eth->h_proto = skb->protocol;
	skb_set_mac_header(skb, -ETH_HLEN);
	skb->mac_len = ETH_HLEN;
	return true;
}

/* What is recorded in the packet's options is noted on its way in, and written behind FORWARD. */
static bool itun_forward_options_due(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IP) && IPCB(skb)->opt.is_changed;
}

/* Is it under a policy of IPsec, which asks for more than a way? It would be by a route
 * to the balancer, too. Or has a switch forwarded it already?
 */
static bool itun_forward_is_others(const struct sk_buff *skb)
{
#ifdef CONFIG_XFRM
	if (skb_dst(skb) && skb_dst(skb)->xfrm)
		return true;
#endif
#ifdef CONFIG_NET_SWITCHDEV
	if (skb->offload_l3_fwd_mark)
		return true;
#endif
	return false;
}

/* BH off: the caches and the flag of path_xmit are this CPU's. */
static unsigned int itun_forward_reply(struct itun_net *in, const struct itun_config *config,
				       struct sk_buff *skb, const struct itun_inner *inner,
				       const struct nf_hook_state *state)
{
	struct itun_backhaul reply;
	unsigned int mtu, pieces;
	struct net_device *dev;
	enum itun_xmit result;
	u32 len;

	if (!state->in || !itun_forward_find(in, config, skb, inner, state->in, &reply))
		return NF_ACCEPT;
	if (unlikely(itun_forward_options_due(skb) || itun_forward_is_others(skb)))
		goto fallback;
	len = skb->len + (reply.path->key.ip_inside ? 0 : ETH_HLEN);
	/* A VLAN tag beside the packet is the port's that it came by: none here. */
	mtu = itun_path_mtu(reply.path, skb);
	pieces = mtu ? itun_pieces_size(skb, mtu) : 0;
	if (unlikely(pieces)) {
		dev = itun_path_takes(reply.path, skb);
		if (unlikely(!dev))
			goto fallback;
		result = itun_path_xmit_pieces(in, reply.path, skb, reply.hash, state->in, dev,
					       pieces);
		if (likely(result != ITUN_XMIT_FALLBACK)) {
			itun_count(in, steer_fragmented);
			itun_steered(in, config, &reply, inner, len, result);
		}
		return NF_STOLEN;
	}
	if (unlikely(mtu && !itun_packet_fits(skb, mtu) && itun_forward_complain(skb, mtu))) {
		itun_count(in, steer_too_long);
		kfree_skb(skb);
		return NF_STOLEN;
	}
	if (unlikely(!itun_forward_frame(skb, reply.path, state->in)))
		goto fallback;
	result = itun_path_xmit(reply.path, skb, reply.hash);
	if (unlikely(result == ITUN_XMIT_FALLBACK))
		goto fallback;
	itun_steered(in, config, &reply, inner, len, result);
	return NF_STOLEN;

fallback:
	itun_count(in, steer_fallback);
	return NF_ACCEPT;
}

/**
 * itun_steer_forward() - a packet that this host routes
 * @in: namespace
 * @config: the snapshot in force
 * @skb: at inet FORWARD, last: filtered, its TTL decremented, its size checked
 * @state: of the hook
 *
 * Context: any, under RCU.
 * Return: NF_ACCEPT, or NF_STOLEN when the reply is in its tunnel, or was too
 * long for it and its sender has been told.
 */
unsigned int itun_steer_forward(struct itun_net *in, const struct itun_config *config,
				struct sk_buff *skb, const struct nf_hook_state *state)
{
	enum itun_inner_verdict parsed;
	struct itun_inner inner;
	unsigned int verdict;

	parsed = itun_packet_parse(skb, &inner);
	if (unlikely(parsed != ITUN_INNER_FLOW))
		parsed = itun_related(skb, 0, parsed, &inner);
	if (parsed != ITUN_INNER_FLOW || likely(!itun_reply_possible(in, &inner)))
		return NF_ACCEPT;
	/* Back from NFQUEUE, the packet comes in process context. */
	local_bh_disable();
	verdict = itun_forward_reply(in, config, skb, &inner, state);
	local_bh_enable();
	return verdict;
}
