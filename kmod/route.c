// SPDX-License-Identifier: GPL-2.0
/* The route of a path: cached a CPU, looked up with the tunnel's ports. */
#include <net/dst_cache.h>
#include <net/inet_dscp.h>
#include <net/inet_ecn.h>
#include <net/ip6_route.h>
#include <net/ipv6_stubs.h>
#include <net/l3mdev.h>
#include <net/route.h>

#include "stages.h"

/* A VRF's routes, where the underlay device is in one; a link-local endpoint
 * is reached by its link.
 */
static int itun_route_device(const struct itun_path *path)
{
	struct net_device *dev;
	int master;

	if (!path->key.ifindex)
		return 0;
	dev = dev_get_by_index_rcu(path->in->net, path->key.ifindex);
	if (!dev)
		return 0;
	master = l3mdev_master_ifindex_rcu(dev);
	if (master)
		return master;
	if (path->key.family == 6 &&
	    ipv6_addr_type((const struct in6_addr *)path->key.remote.ip6) & IPV6_ADDR_LINKLOCAL)
		return path->key.ifindex;
	return 0;
}

static u8 itun_route_protocol(const struct itun_path *path)
{
	return path->key.type == IPVS_TUN_TUNNEL_TYPE_GRE ? IPPROTO_GRE : IPPROTO_UDP;
}

static noinline int itun_route4_lookup(struct itun_path *path, const struct sk_buff *skb, u8 tos,
				       __be16 sport, __be16 dport, bool cached,
				       struct itun_route *route)
{
	struct flowi4 fl4 = {
		.daddr = path->key.remote.ip,
		.saddr = path->key.local.ip,
		.fl4_sport = sport,
		.fl4_dport = dport,
		.flowi4_proto = itun_route_protocol(path),
		.flowi4_tos = tos & INET_DSCP_MASK,
		.flowi4_mark = skb->mark,
	};
	struct rtable *rt;

	fl4.flowi4_oif = itun_route_device(path);
	rt = ip_route_output_flow(path->in->net, &fl4, NULL);
	if (IS_ERR(rt))
		return PTR_ERR(rt);
	route->dst = &rt->dst;
	route->local.ip = fl4.saddr;
	if (cached)
		dst_cache_set_ip4(&path->dst_cache, &rt->dst, fl4.saddr);
	return 0;
}

static int itun_route4(struct itun_path *path, const struct sk_buff *skb, u8 tos,
		       __be16 sport, __be16 dport, bool cached, struct itun_route *route)
{
	struct rtable *rt;

	if (likely(cached)) {
		rt = dst_cache_get_ip4(&path->dst_cache, &route->local.ip);
		if (likely(rt)) {
			route->dst = &rt->dst;
			return 0;
		}
	}
	return itun_route4_lookup(path, skb, tos, sport, dport, cached, route);
}

#if IS_ENABLED(CONFIG_IPV6)
static int itun_route6(struct itun_path *path, const struct sk_buff *skb, u8 tos,
		       __be16 sport, __be16 dport, bool cached, struct itun_route *route)
{
	struct flowi6 fl6 = {
		.fl6_sport = sport,
		.fl6_dport = dport,
		.flowi6_proto = itun_route_protocol(path),
		.flowlabel = ip6_make_flowinfo(tos, 0),
		.flowi6_mark = skb->mark,
	};
	struct dst_entry *dst;
	struct in6_addr local;

	if (likely(cached)) {
		dst = dst_cache_get_ip6(&path->dst_cache, &local);
		if (likely(dst)) {
			memcpy(route->local.ip6, &local, sizeof(local));
			route->dst = dst;
			return 0;
		}
	}
	memcpy(&fl6.daddr, path->key.remote.ip6, sizeof(fl6.daddr));
	memcpy(&fl6.saddr, path->key.local.ip6, sizeof(fl6.saddr));
	fl6.flowi6_oif = itun_route_device(path);
	dst = ipv6_stub->ipv6_dst_lookup_flow(path->in->net, NULL, &fl6, NULL);
	if (IS_ERR(dst))
		return PTR_ERR(dst);
	memcpy(route->local.ip6, &fl6.saddr, sizeof(fl6.saddr));
	route->dst = dst;
	if (cached)
		dst_cache_set_ip6(&path->dst_cache, dst, &fl6.saddr);
	return 0;
}
#endif

/**
 * itun_path_route() - the route back to a path's endpoint
 * @path: under RCU
 * @skb: for its mark
 * @tos: of the outer header; not zero costs a fresh lookup
 * @sport: tunnel source port, so that IPsec policies apply
 * @dport: tunnel port
 * @route: the route, referenced, and the outer source address
 *
 * Context: BH off: the cache is this CPU's.
 * Return: 0 or a negative error number.
 */
int itun_path_route(struct itun_path *path, const struct sk_buff *skb, u8 tos,
		    __be16 sport, __be16 dport, struct itun_route *route)
{
	/* Policy routing looks at mark and TOS, which the cache has no key for. */
	bool cached = !skb->mark && !(tos & ~INET_ECN_MASK);

	if (likely(path->key.family == 4))
		return itun_route4(path, skb, tos, sport, dport, cached, route);
#if IS_ENABLED(CONFIG_IPV6)
	return itun_route6(path, skb, tos, sport, dport, cached, route);
#else
	return -EAFNOSUPPORT;
#endif
}
