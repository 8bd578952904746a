// SPDX-License-Identifier: GPL-2.0
/* path_xmit: puts a reply straight into its tunnel.
 *
 * No flood, no forwarding database and no second lookup are involved. Whatever
 * cannot be done right here is left to the ordinary way, and corrected at
 * LOCAL_OUT: every check stands before the first edit.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <net/dst_metadata.h>
#include <net/inet_ecn.h>
#include <net/ip_tunnels.h>
#include <net/sch_generic.h>
#include <net/udp_tunnel.h>
#include <net/vxlan.h>

#include "compat/egress.h"
#include "compat/tunnel_key.h"
#include "encap.h"
#include "mpls.h"
#include "port.h"
#include "room.h"
#include "stages.h"

DEFINE_PER_CPU(const struct sk_buff *, itun_sending);

/* Segmentation that the tunnel's drivers can do for an inner packet. */
#define ITUN_GSO_GOOD	(SKB_GSO_TCPV4 | SKB_GSO_TCPV6 | SKB_GSO_TCP_ECN | \
			 SKB_GSO_TCP_FIXEDID | SKB_GSO_UDP_L4 | SKB_GSO_DODGY)

/* Extensions that need more than a standard header. */
#define ITUN_VXLAN_OTHER (VXLAN_F_GBP | VXLAN_F_GPE | VXLAN_F_REMCSUM_TX)

static bool itun_xmit_packet_fits(struct sk_buff *skb)
{
	if (skb->encapsulation)
		return false;
	/* A second VLAN tag in the packet itself stands where TOS and DF of the
	 * inner header are looked for.
	 */
	if (eth_type_vlan(skb->protocol))
		return false;
	/* An SCTP CRC that a driver is still to compute cannot be covered by
	 * the outer checksum.
	 */
	if (skb->ip_summed == CHECKSUM_PARTIAL && skb_csum_is_sctp(skb))
		return false;
	return !skb_is_gso(skb) || !(skb_shinfo(skb)->gso_type & ~ITUN_GSO_GOOD);
}

/* The device that a path's packets go into, found anew when devices changed.
 * Index and generation are one word: of two CPUs that search at once, the one
 * that began before the change must not leave its answer as that of the other.
 */
static struct net_device *itun_xmit_device(struct itun_path *path, bool *external)
{
	u32 generation = atomic_read_acquire(&itun_device_generation);
	u64 tunnel = READ_ONCE(path->tunnel);
	struct net_device *dev;

	if (unlikely(tunnel >> 32 != generation)) {
		tunnel = (u64)generation << 32 |
			 itun_device_find_tunnel(path->in->net, &path->key);
		WRITE_ONCE(path->tunnel, tunnel);
	}
	if (unlikely(!(u32)tunnel))
		return NULL;
	*external = tunnel & ITUN_TUNNEL_EXTERNAL;
	dev = dev_get_by_index_rcu(path->in->net, (u32)tunnel & ~ITUN_TUNNEL_EXTERNAL);
	/* What is not operative is out of use at its bridge as well. */
	if (unlikely(!dev || !itun_is_tunnel(dev) || !(dev->flags & IFF_UP) ||
		     !netif_running(dev) || !netif_oper_up(dev)))
		return NULL;
	return dev;
}

/* A queue or a program on the tunnel device has a right to see the packet. */
static bool itun_xmit_device_plain(const struct net_device *dev)
{
	const struct netdev_queue *queue = netdev_get_tx_queue(dev, 0);
	const struct Qdisc *qdisc = rcu_dereference_bh(queue->qdisc);

	return !qdisc->enqueue && !itun_device_has_egress(dev);
}

/* Does a VXLAN device's header need more than the standard one? */
static bool itun_xmit_extended(const struct itun_path *path, const struct net_device *dev)
{
	const struct vxlan_dev *vxlan = netdev_priv(dev);

	return path->key.type == IPVS_TUN_TUNNEL_TYPE_VXLAN &&
	       vxlan->cfg.flags & ITUN_VXLAN_OTHER;
}

/**
 * itun_xmit_to() - a packet's device is another one now
 * @skb: packet
 * @hash: of the session's key
 * @dev: where it is to leave
 *
 * What it has from the way that it came is none of the tunnel's. Its hash is the
 * other half of the one that found the session: the same for all packets of the
 * flow, and no flow dissection for the source port.
 */
void itun_xmit_to(struct sk_buff *skb, u64 hash, struct net_device *dev)
{
	skb->dev = dev;
	skb_set_queue_mapping(skb, 0);
	skb_clear_tstamp(skb);
	skb_reset_redirect(skb);
	__skb_set_sw_hash(skb, hash >> 32, true);
}

/* From here on the packet is ours: from a frame of the bridge to one that the
 * tunnel driver would have got. Returns NULL if memory ran out; then the
 * packet is gone.
 */
static struct sk_buff *itun_xmit_frame(struct itun_path *path, struct sk_buff *skb, u64 hash,
				       struct net_device *dev)
{
	if (path->key.ip_inside) {
		if (path->key.type == IPVS_TUN_TUNNEL_TYPE_MPLS)
			itun_mpls_push(path, skb);
		skb_reset_mac_header(skb);
		skb_reset_mac_len(skb);
		itun_xmit_to(skb, hash, dev);
		return skb;
	}
	__skb_push(skb, skb->data - skb_mac_header(skb));
	skb_reset_mac_header(skb);
	ether_addr_copy(eth_hdr(skb)->h_dest, path->key.mac);
	if (skb_vlan_tag_present(skb)) {
		skb = __vlan_hwaccel_push_inside(skb);
		if (unlikely(!skb))
			return NULL;
		skb_reset_mac_header(skb);
	}
	skb_reset_mac_len(skb);
	itun_xmit_to(skb, hash, dev);
	return skb;
}

/* The outer TOS that a classic VXLAN device gives a packet, its ECN bits apart. */
static __always_inline u8 itun_xmit_tos(const struct net_device *dev, const struct sk_buff *skb)
{
	const struct vxlan_dev *vxlan = netdev_priv(dev);

	return vxlan->cfg.tos == 1 ? ip_tunnel_get_dsfield(ip_hdr(skb), skb) : vxlan->cfg.tos;
}

static enum itun_xmit itun_xmit_classic(struct itun_path *path, struct sk_buff *skb, u64 hash,
					struct net_device *dev)
{
	struct vxlan_dev *vxlan = netdev_priv(dev);
	const struct iphdr *inner = ip_hdr(skb);
	struct vxlan_sock *sock;
	__be16 sport, df = 0;
	struct itun_route route;
	bool checksum;
	u8 tos, ttl;
	int headroom;
	u8 *header;

	if (path->key.family == 4) {
		sock = rcu_dereference(vxlan->vn4_sock);
		checksum = !(vxlan->cfg.flags & VXLAN_F_UDP_ZERO_CSUM_TX);
	} else {
#if IS_ENABLED(CONFIG_IPV6)
		sock = rcu_dereference(vxlan->vn6_sock);
		checksum = !(vxlan->cfg.flags & VXLAN_F_UDP_ZERO_CSUM6_TX);
#else
		return ITUN_XMIT_FALLBACK;
#endif
	}
	if (unlikely(!sock))
		return ITUN_XMIT_FALLBACK;

	tos = itun_xmit_tos(dev, skb);
	/* The port is not known before the hash is set; a policy that wants a
	 * certain source port of a tunnel does not exist.
	 */
	if (itun_path_route(path, skb, tos, 0, vxlan->cfg.dst_port, &route))
		return ITUN_XMIT_FALLBACK;
	if (unlikely(route.dst->dev == dev || !itun_room_fits(skb, route.dst, &path->key)))
		goto fallback;

	tos = ip_tunnel_ecn_encap(tos, inner, skb);
	if (vxlan->cfg.flags & VXLAN_F_TTL_INHERIT)
		ttl = ip_tunnel_get_ttl(inner, skb);
	else
		ttl = vxlan->cfg.ttl;
	if (vxlan->cfg.df == VXLAN_DF_SET)
		df = htons(IP_DF);
	else if (vxlan->cfg.df == VXLAN_DF_INHERIT &&
		 (skb->protocol == htons(ETH_P_IPV6) ||
		  (skb->protocol == htons(ETH_P_IP) && inner->frag_off & htons(IP_DF))))
		df = htons(IP_DF);

	/* What will be pushed in front of the network header, and no more: each
	 * byte too many makes packets be copied that have just enough room.
	 */
	headroom = LL_RESERVED_SPACE(route.dst->dev) + route.dst->header_len +
		   (path->key.family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)) +
		   sizeof(struct udphdr) + ITUN_VXLAN_HLEN + ETH_HLEN +
		   (skb_vlan_tag_present(skb) ? VLAN_HLEN : 0);
	/* A tap that listens on the port holds a clone: its copy keeps the
	 * MAC address that the VM has sent.
	 */
	if (unlikely(skb_cow_head(skb, headroom)))
		goto fallback;
	skb = itun_xmit_frame(path, skb, hash, dev);
	if (unlikely(!skb)) {
		dst_release(route.dst);
		return ITUN_XMIT_SENT;
	}
	sport = udp_flow_src_port(path->in->net, skb, vxlan->cfg.port_min, vxlan->cfg.port_max,
				  true);
	/* Scrubbed before the offloads are noted, as vxlan does for IPv6. */
	if (path->key.family == 6)
		skb_scrub_packet(skb, false);
	if (unlikely(iptunnel_handle_offloads(skb, checksum ? SKB_GSO_UDP_TUNNEL_CSUM :
							      SKB_GSO_UDP_TUNNEL))) {
		dst_release(route.dst);
		dev_core_stats_tx_dropped_inc(dev);
		kfree_skb(skb);
		return ITUN_XMIT_SENT;
	}
	header = __skb_push(skb, ITUN_VXLAN_HLEN);
	memset(header, 0, ITUN_VXLAN_HLEN);
	itun_vxlan_set_flags(header, ITUN_VXLAN_NORMAL);
	itun_vxlan_set_vni(header, path->key.id);
	skb_set_inner_protocol(skb, htons(ETH_P_TEB));

	if (path->key.family == 4) {
		const struct itun_encap4 outer = {
			.local = route.local.ip,
			.remote = path->key.remote.ip,
			.df = df,
			.sport = sport,
			.dport = vxlan->cfg.dst_port,
			.tos = tos,
			.ttl = ttl ? : ip4_dst_hoplimit(route.dst),
			.checksum = checksum,
		};

		itun_encap4(path, container_of(route.dst, struct rtable, dst), sock->sock->sk, skb,
			    &outer);
#if IS_ENABLED(CONFIG_IPV6)
	} else {
		struct in6_addr local, remote;

		memcpy(&local, route.local.ip6, sizeof(local));
		memcpy(&remote, path->key.remote.ip6, sizeof(remote));
		udp_tunnel6_xmit_skb(route.dst, sock->sock->sk, skb, dev, &local, &remote, tos,
				     ttl ? : ip6_dst_hoplimit(route.dst), vxlan->cfg.label,
				     sport, vxlan->cfg.dst_port, !checksum);
#endif
	}
	return ITUN_XMIT_SENT;

fallback:
	dst_release(route.dst);
	return ITUN_XMIT_FALLBACK;
}

/* What an external VXLAN device would do by itself; the others are told all. */
static void itun_xmit_inherit(const struct net_device *dev, u8 family, struct ip_tunnel_key *key,
			      bool *checksum)
{
	const struct vxlan_dev *vxlan = netdev_priv(dev);

	if (!netif_is_vxlan(dev)) {
		/* Geneve takes 0 as it is, GRE for the inner packet's. */
		key->ttl = IPDEFTTL;
		return;
	}
	key->ttl = vxlan->cfg.ttl;
	*checksum = !(vxlan->cfg.flags & (family == 4 ? VXLAN_F_UDP_ZERO_CSUM_TX :
							VXLAN_F_UDP_ZERO_CSUM6_TX));
}

/* The instructions for an external device, made once a path. */
static struct metadata_dst *itun_xmit_metadata(struct itun_path *path, struct net_device *dev)
{
	/* UDP gets a checksum, which IPv6 needs (RFC 6936); GRE gets none. */
	bool checksum = path->key.type != IPVS_TUN_TUNNEL_TYPE_GRE;
	bool nvgre = path->key.options & ITUN_GRE_NVGRE;
	struct metadata_dst *metadata = READ_ONCE(path->metadata);
	struct ip_tunnel_info *info;

	if (likely(metadata))
		return metadata;
	metadata = metadata_dst_alloc(0, METADATA_IP_TUNNEL, GFP_ATOMIC | __GFP_NOWARN);
	if (!metadata)
		return NULL;
	info = &metadata->u.tun_info;
	/* metadata_dst_alloc() leaves the cache empty; tun_dst_free() destroys it. */
	if (dst_cache_init(&info->dst_cache, GFP_ATOMIC | __GFP_NOWARN)) {
		dst_release(&metadata->dst);
		return NULL;
	}
	itun_xmit_inherit(dev, path->key.family, &info->key, &checksum);
	info->mode = IP_TUNNEL_INFO_TX;
	if (path->key.family == 6)
		info->mode |= IP_TUNNEL_INFO_IPV6;
	info->key.tun_id = key32_to_tunnel_id(cpu_to_be32(nvgre ?
							  path->key.id << ITUN_GRE_FLOWID_BITS :
							  path->key.id));
	info->key.tp_dst = htons(path->key.port);
	/* A key of 0 is none in GRE, and a network in the others. */
	itun_tunnel_key_flags(&info->key, path->key.id || nvgre ||
			      path->key.type != IPVS_TUN_TUNNEL_TYPE_GRE, checksum);
	if (path->key.family == 4) {
		info->key.u.ipv4.dst = path->key.remote.ip;
		info->key.u.ipv4.src = path->key.local.ip;
	} else {
		memcpy(&info->key.u.ipv6.dst, path->key.remote.ip6, 16);
		memcpy(&info->key.u.ipv6.src, path->key.local.ip6, 16);
	}
	/* Two CPUs may have made one; the first to store it wins. */
	if (cmpxchg(&path->metadata, NULL, metadata)) {
		dst_release(&metadata->dst);
		metadata = READ_ONCE(path->metadata);
	}
	return metadata;
}

static enum itun_xmit itun_xmit_external(struct itun_path *path, struct sk_buff *skb, u64 hash,
					 struct net_device *dev)
{
	struct metadata_dst *metadata = itun_xmit_metadata(path, dev);
	struct itun_route route;
	bool fits;

	if (unlikely(!metadata))
		return ITUN_XMIT_FALLBACK;
	if (itun_path_route(path, skb, 0, 0, htons(path->key.port), &route))
		return ITUN_XMIT_FALLBACK;
	fits = itun_room_fits(skb, route.dst, &path->key);
	dst_release(route.dst);
	if (unlikely(!fits || skb_cow_head(skb, LL_RESERVED_SPACE(dev) + ETH_HLEN + VLAN_HLEN)))
		return ITUN_XMIT_FALLBACK;
	skb = itun_xmit_frame(path, skb, hash, dev);
	if (unlikely(!skb))
		return ITUN_XMIT_SENT;
	/* A marked packet would make the driver ignore the route cache. */
	skb->mark = 0;
	skb_dst_drop(skb);
	dst_hold(&metadata->dst);
	skb_dst_set(skb, &metadata->dst);
	dev_queue_xmit(skb);
	return ITUN_XMIT_SENT;
}

/* Of a device that is not "external": of which family is its driver? */
static bool itun_xmit_is_pair(const struct itun_path *path)
{
	return path->key.type == IPVS_TUN_TUNNEL_TYPE_GRE ||
	       path->key.type == IPVS_TUN_TUNNEL_TYPE_MPLS;
}

/* A device with one other end, the path's: its driver does all the rest. */
static enum itun_xmit itun_xmit_pair(struct itun_path *path, struct sk_buff *skb, u64 hash,
				     struct net_device *dev)
{
	/* What is too long is the ordinary way's to drop, or to complain of. */
	if (unlikely(!itun_packet_fits(skb, itun_room_device(path, dev))))
		return ITUN_XMIT_FALLBACK;
	if (unlikely(skb_cow_head(skb, LL_RESERVED_SPACE(dev) + ETH_HLEN + VLAN_HLEN)))
		return ITUN_XMIT_FALLBACK;
	skb = itun_xmit_frame(path, skb, hash, dev);
	if (unlikely(!skb))
		return ITUN_XMIT_SENT;
	/* A mark that it may have is no first mark: it is a reply. */
	skb->mark = 0;
	skb_dst_drop(skb);
	dev_queue_xmit(skb);
	return ITUN_XMIT_SENT;
}

static enum itun_xmit itun_xmit_into(struct itun_path *path, struct sk_buff *skb, u64 hash,
				     struct net_device *dev, bool external)
{
	if (unlikely(external))
		return itun_xmit_external(path, skb, hash, dev);
	if (likely(path->key.type == IPVS_TUN_TUNNEL_TYPE_VXLAN))
		return itun_xmit_classic(path, skb, hash, dev);
	return itun_xmit_pair(path, skb, hash, dev);
}

/* Through a device's queue, where it waits with other packets, and leaves on
 * another CPU perhaps: LOCAL_OUT sees it as a reply that needs no correction.
 */
static enum itun_xmit itun_xmit_queued(struct itun_path *path, struct sk_buff *skb, u64 hash,
				       struct net_device *dev, bool external)
{
	enum itun_xmit result = itun_xmit_into(path, skb, hash, dev, external);

	return result == ITUN_XMIT_SENT ? ITUN_XMIT_HANDED : result;
}

static struct net_device *itun_path_device(struct itun_path *path, bool *external)
{
	return itun_path_is_station(&path->key) ? itun_mpls_device(path) :
						  itun_xmit_device(path, external);
}

/**
 * itun_path_is_from() - may a reply that came in here take this path?
 * @path: under RCU, usable
 * @port: bridge port, or the bridge itself
 *
 * Numbers of networks are the same for every type of tunnel, and none is one as
 * well: for what is not VXLAN they are not enough to tell tenants apart. So the
 * path's device has to be a port of the same bridge; one that carries IP
 * packets has to be served by the same routing tables.
 *
 * Context: softirq, under RCU.
 * Return: true if so; for VXLAN if one of the bridge's tunnels is VXLAN.
 */
bool itun_path_is_from(struct itun_path *path, const struct net_device *port)
{
	const struct net_device *bridge = port, *dev;
	bool external;
	u32 vni;

	if (likely(path->key.type == IPVS_TUN_TUNNEL_TYPE_VXLAN &&
		   itun_device_bridge_has(port, IPVS_TUN_TUNNEL_TYPE_VXLAN)))
		return true;
	/* No switch says anything of this port: the operator has named its network. Of
	 * another type it may be another tenant's, where there are several.
	 */
	if (!path->key.ip_inside && path->key.type != IPVS_TUN_TUNNEL_TYPE_MPLS &&
	    itun_device_only_type(path->key.type) &&
	    !netdev_master_upper_dev_get_rcu((struct net_device *)port) &&
	    itun_port_network(port, &vni))
		return true;
	if (path->key.type == IPVS_TUN_TUNNEL_TYPE_VXLAN)
		return false;
	dev = itun_path_device(path, &external);
	if (path->key.ip_inside)
		return dev && itun_device_routed_to(port, dev);
	if (!netif_is_bridge_master(port))
		bridge = netdev_master_upper_dev_get_rcu((struct net_device *)port);
	return dev && bridge && netdev_master_upper_dev_get_rcu((struct net_device *)dev) == bridge;
}

/**
 * itun_path_mtu() - how long may a packet be that takes this path?
 * @path: under RCU, usable
 * @skb: the packet, for its mark
 *
 * Context: softirq, BH off, under RCU.
 * Return: bytes of an IP packet; 0 if it cannot be said.
 */
unsigned int itun_path_mtu(struct itun_path *path, const struct sk_buff *skb)
{
	const struct net_device *dev;
	struct itun_route route;
	unsigned int mtu;
	bool external = false;
	u8 tos = 0;

	dev = itun_path_device(path, &external);
	if (unlikely(!dev))
		return 0;
	mtu = itun_room_device(path, dev);
	if (itun_path_is_station(&path->key))
		return mtu;
	if (!external && path->key.type == IPVS_TUN_TUNNEL_TYPE_VXLAN)
		tos = itun_xmit_tos(dev, skb);
	if (itun_path_route(path, skb, tos, 0, htons(path->key.port), &route))
		return 0;
	mtu = min(mtu, !external && itun_xmit_is_pair(path) ?
		       itun_room_pair(path, dev, skb, route.dst) :
		       itun_room_route(&path->key, route.dst));
	dst_release(route.dst);
	return mtu;
}

/* The device that a path's packets can be put into right now, past whatever is in
 * front of it; NULL if they have to go their ordinary way.
 */
static __always_inline struct net_device *itun_xmit_open(struct itun_path *path, bool *external,
							 bool *queued)
{
	struct net_device *dev = itun_xmit_device(path, external);

	if (unlikely(!dev))
		return NULL;
	/* A tunnel whose underlay runs through one of our bridges ends here: neither
	 * itun_encap4() nor 6.1's iptunnel_xmit() has a guard against recursion of its own.
	 */
	if (unlikely(__this_cpu_read(itun_sending)))
		return NULL;
	*queued = unlikely(!itun_xmit_device_plain(dev));
	/* A classic VXLAN device would not see it. */
	if (unlikely(*queued && path->key.type == IPVS_TUN_TUNNEL_TYPE_VXLAN))
		return NULL;
	return unlikely(itun_xmit_extended(path, dev)) ? NULL : dev;
}

/**
 * itun_path_takes() - would itun_path_xmit() send pieces of a packet?
 * @path: under RCU, usable
 * @skb: the packet
 *
 * For who cannot go back once it has begun. What a path refuses for a moment alone (memory)
 * or for the size of a packet is not foreseen.
 *
 * Context: softirq, BH off, under RCU.
 * Return: the device that they would go into, or leave by to a station, under RCU; NULL if
 * it would send none of them.
 */
struct net_device *itun_path_takes(struct itun_path *path, struct sk_buff *skb)
{
	bool external, queued;

	if (unlikely(!itun_xmit_packet_fits(skb)))
		return NULL;
	if (itun_path_is_station(&path->key))
		return itun_mpls_device(path);
	return itun_xmit_open(path, &external, &queued);
}

/**
 * itun_path_xmit() - send a frame by a path
 * @path: under RCU, usable
 * @skb: skb->data at the network header, the Ethernet header before it, unless
 *       the path's tunnel has none inside; its VLAN tag may be beside it
 * @hash: of the session's key
 *
 * Context: softirq, BH off, under RCU.
 * Return: ITUN_XMIT_SENT or ITUN_XMIT_HANDED when the packet is consumed,
 * ITUN_XMIT_FALLBACK when it is as it was.
 */
enum itun_xmit itun_path_xmit(struct itun_path *path, struct sk_buff *skb, u64 hash)
{
	struct net_device *dev;
	bool external, queued;
	enum itun_xmit result;

	if (unlikely(!itun_xmit_packet_fits(skb)))
		return ITUN_XMIT_FALLBACK;
	if (unlikely(itun_path_is_station(&path->key)))
		return itun_mpls_xmit(path, skb, hash);
	dev = itun_xmit_open(path, &external, &queued);
	if (unlikely(!dev))
		return ITUN_XMIT_FALLBACK;
	if (unlikely(queued))
		return itun_xmit_queued(path, skb, hash, dev, external);
	/* Into the tunnel at once, on this CPU: LOCAL_OUT is told to let it be. */
	__this_cpu_write(itun_sending, skb);
	result = itun_xmit_into(path, skb, hash, dev, external);
	__this_cpu_write(itun_sending, NULL);
	return result;
}
