// SPDX-License-Identifier: GPL-2.0
/* Peers are addresses of IP, and MPLS over Ethernet shows a MAC address and a
 * device: the host's own neighbour tables say whose that is.
 *
 * They have no index by MAC, so that a search walks all of them. What it finds
 * is kept by each CPU, and looked up in the tables, by its address, once a
 * second. Searches are limited: MAC addresses can be made up.
 */
#include "neighbour.h"

#include <linux/etherdevice.h>
#include <linux/jhash.h>
#include <linux/percpu.h>
#include <net/arp.h>
#include <net/ipv6_stubs.h>
#include <net/ip6_route.h>
#include <net/l3mdev.h>
#include <net/ndisc.h>
#include <net/route.h>

struct itun_neighbour {
	u64 net_cookie;
	int ifindex;
	u32 generation;		/* of the configuration that chose among several addresses */
	u32 at;			/* jiffies: when the tables were asked */
	u8 mac[ETH_ALEN];
	u8 family;		/* 4 or 6; 0: nobody is known */
	bool peer;		/* that address is one */
	union itun_addr addr;
};

#define ITUN_NEIGHBOURS_BITS	6

/* The tables are searched so often in a jiffy: several that are new can send at
 * once, and where one host's namespaces are neighbours, one packet is looked at
 * where it leaves and where it comes in. Who makes addresses up costs no more.
 */
#define ITUN_SEARCHES_A_JIFFY	4

struct itun_neighbours {
	struct itun_neighbour known[1 << ITUN_NEIGHBOURS_BITS];
	u32 searched;		/* jiffies */
	u32 searches;		/* in that one */
};

/* Not static: all modules share 8 kB of that. */
static struct itun_neighbours __percpu *itun_neighbours;

struct itun_search {
	const struct itun_config *config;
	const struct net_device *dev;
	const u8 *mac;
	u8 family;		/* of the table at hand */

	/* The best that was found. */
	u8 found;		/* its family; 0 for none */
	unsigned int width;	/* bits of its address that its peer leaves open; more: no peer */
	union itun_addr addr;
};

#define ITUN_NO_PEER	129

static bool itun_neighbour_is(struct neighbour *neighbour, const struct net_device *dev,
			      const u8 *mac)
{
	u8 address[MAX_ADDR_LEN];

	if (!(READ_ONCE(neighbour->nud_state) & NUD_VALID))
		return false;
	neigh_ha_snapshot(address, neighbour, dev);
	return ether_addr_equal_unaligned(address, mac);
}

/* Of several addresses the one whose peer is named most closely, so that it does
 * not depend on their order in the table which peer is meant.
 */
static void itun_neighbour_consider(struct neighbour *neighbour, void *arg)
{
	struct itun_search *search = arg;
	const struct itun_peer *peer;
	union itun_addr addr = {};
	unsigned int width = ITUN_NO_PEER;

	if (neighbour->dev != search->dev ||
	    !itun_neighbour_is(neighbour, search->dev, search->mac))
		return;
	memcpy(&addr, neighbour->primary_key, search->family == 4 ? 4 : 16);
	peer = itun_config_peer(search->config, search->family, &addr);
	if (peer)
		width = (search->family == 4 ? 32 : 128) - peer->prefix_len;
	if (search->found &&
	    (width > search->width ||
	     (width == search->width && (search->family > search->found ||
					 memcmp(&addr, &search->addr, sizeof(addr)) >= 0))))
		return;
	search->found = search->family;
	search->width = width;
	search->addr = addr;
}

static void itun_neighbour_search(struct itun_search *search)
{
	search->found = 0;
	search->family = 4;
	neigh_for_each(&arp_tbl, itun_neighbour_consider, search);
#if IS_ENABLED(CONFIG_IPV6)
	if (!ipv6_stub->nd_tbl)
		return;
	search->family = 6;
	neigh_for_each(ipv6_stub->nd_tbl, itun_neighbour_consider, search);
#endif
}

static struct neighbour *itun_neighbour_lookup(struct net_device *dev, u8 family,
					       const union itun_addr *addr)
{
	if (family == 4)
		return __ipv4_neigh_lookup_noref(dev, (__force u32)addr->ip);
#if IS_ENABLED(CONFIG_IPV6)
	if (ipv6_stub->nd_tbl)
		return __ipv6_neigh_lookup_noref_stub(dev, addr->ip6);
#endif
	return NULL;
}

/* Does this host's way to an address lead by that device? A neighbour table
 * believes what is said on its link: without this, a VM could say there that it
 * has a peer's address.
 */
static bool itun_neighbour_routed(struct itun_net *in, const struct net_device *dev, u8 family,
				  const union itun_addr *addr)
{
	struct dst_entry *dst;
	bool routed;

	if (family == 4) {
		struct flowi4 fl4 = {
			.daddr = addr->ip,
			.flowi4_oif = l3mdev_master_ifindex_rcu(dev),
		};
		struct rtable *rt = ip_route_output_key(in->net, &fl4);

		if (IS_ERR(rt))
			return false;
		dst = &rt->dst;
	} else {
#if IS_ENABLED(CONFIG_IPV6)
		struct flowi6 fl6 = { .flowi6_oif = l3mdev_master_ifindex_rcu(dev) };

		memcpy(&fl6.daddr, addr->ip6, sizeof(fl6.daddr));
		if (ipv6_addr_type(&fl6.daddr) & IPV6_ADDR_LINKLOCAL)
			fl6.flowi6_oif = dev->ifindex;
		dst = ipv6_stub->ipv6_dst_lookup_flow(in->net, NULL, &fl6, NULL);
		if (IS_ERR(dst))
			return false;
#else
		return false;
#endif
	}
	routed = dst->dev == dev;
	dst_release(dst);
	return routed;
}

/* Is what was found still so? An entry that has been forgotten says nothing
 * against it, one with another MAC does. Who is no peer by what is known of him
 * can be one by an address that the tables learn later: in IPv6 the first that
 * they learn is often link-local.
 */
static bool itun_neighbour_stands(struct net_device *dev, struct itun_neighbour *known)
{
	bool peer = known->family && known->peer;
	struct neighbour *neighbour;

	/* A stranger may become a peer with the next answer to a question of
	 * ARP, and his next packet is a request.
	 */
	if ((u32)jiffies - known->at < (peer ? HZ : HZ / 10))
		return true;
	if (!peer)
		return false;
	neighbour = itun_neighbour_lookup(dev, known->family, &known->addr);
	if (neighbour && READ_ONCE(neighbour->nud_state) & NUD_VALID &&
	    !itun_neighbour_is(neighbour, dev, known->mac))
		return false;
	known->at = jiffies;
	return true;
}

static bool itun_neighbour_may_search(struct itun_neighbours *neighbours)
{
	if (neighbours->searched != (u32)jiffies) {
		neighbours->searched = jiffies;
		neighbours->searches = 0;
	}
	return neighbours->searches++ < ITUN_SEARCHES_A_JIFFY;
}

/**
 * itun_neighbour_find() - the address of IP behind a MAC address
 * @in: namespace
 * @config: the snapshot in force
 * @dev: device of the link
 * @mac: address on it
 * @addr: filled
 * @family: filled: 4 or 6
 *
 * Context: BH off, under RCU.
 * Return: false if nobody is known there, or if it cannot be found out now.
 */
bool itun_neighbour_find(struct itun_net *in, const struct itun_config *config,
			 struct net_device *dev, const u8 *mac, union itun_addr *addr, u8 *family)
{
	struct itun_neighbours *neighbours = this_cpu_ptr(itun_neighbours);
	struct itun_search search = { .config = config, .dev = dev, .mac = mac };
	struct itun_neighbour *known;
	bool same;
	u32 slot;

	/* Keyed: whoever makes addresses up cannot aim at another's place. */
	slot = siphash_2u64(ether_addr_to_u64(mac), dev->ifindex, &itun_hash_key);
	known = &neighbours->known[slot % (1 << ITUN_NEIGHBOURS_BITS)];
	same = known->net_cookie == in->net->net_cookie && known->ifindex == dev->ifindex &&
	       ether_addr_equal_unaligned(known->mac, mac);
	if (likely(same && known->generation == config->generation &&
		   itun_neighbour_stands(dev, known)))
		goto out;

	if (!itun_neighbour_may_search(neighbours))
		return false;
	itun_neighbour_search(&search);
	if (search.found && !itun_neighbour_routed(in, dev, search.found, &search.addr))
		search.found = 0;
	/* Nobody takes the place of somebody who is in use. */
	if (!same && !search.found && known->family && (u32)jiffies - known->at < 60 * HZ)
		return false;
	known->net_cookie = in->net->net_cookie;
	known->ifindex = dev->ifindex;
	known->generation = config->generation;
	known->at = jiffies;
	ether_addr_copy(known->mac, mac);
	known->family = search.found;
	known->peer = search.found && search.width != ITUN_NO_PEER;
	known->addr = search.addr;
out:
	*addr = known->addr;
	*family = known->family;
	return known->family;
}

/**
 * itun_neighbour_mac() - the MAC address of a neighbour
 * @dev: device of the link
 * @family: 4 or 6
 * @addr: its address
 * @mac: filled
 *
 * Context: any, under RCU.
 * Return: false if it is not known.
 */
bool itun_neighbour_mac(struct net_device *dev, u8 family, const union itun_addr *addr, u8 *mac)
{
	struct neighbour *neighbour;
	u8 address[MAX_ADDR_LEN];
	bool valid;

	rcu_read_lock_bh();
	neighbour = itun_neighbour_lookup(dev, family, addr);
	valid = neighbour && READ_ONCE(neighbour->nud_state) & NUD_VALID;
	if (valid)
		neigh_ha_snapshot(address, neighbour, dev);
	rcu_read_unlock_bh();
	if (valid)
		ether_addr_copy(mac, address);
	return valid;
}

/**
 * itun_neighbour_init() - make the place for what is found
 * Return: 0 or -ENOMEM.
 */
int __init itun_neighbour_init(void)
{
	itun_neighbours = alloc_percpu(struct itun_neighbours);
	return itun_neighbours ? 0 : -ENOMEM;
}

/**
 * itun_neighbour_exit() - free it
 *
 * Context: process; all hooks are gone, and a grace period has passed.
 */
void itun_neighbour_exit(void)
{
	free_percpu(itun_neighbours);
}
