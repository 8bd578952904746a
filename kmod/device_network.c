// SPDX-License-Identifier: GPL-2.0
/* Which network a packet belongs to that comes in by a port: where it is not in
 * the packet, it is that of the tunnel devices that share a bridge, or routing tables,
 * with the port.
 */
#include <linux/if_bridge.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include <net/l3mdev.h>

#include "device.h"
#include "device_list.h"
#include "outer.h"
#include "port.h"

/* The network of a bridge: that of its classic tunnel ports (in a VLAN). */
static int itun_device_bridge_vni(const struct net_device *bridge, u16 vlan, u32 *vni)
{
	struct itun_device *device;
	bool found = false, unnamed = false;

	list_for_each_entry_rcu(device, &itun_devices, list) {
		u32 id = READ_ONCE(device->id);
		u16 pvid;

		if (netdev_master_upper_dev_get_rcu(device->dev) != bridge)
			continue;
		if (vlan && (br_vlan_get_pvid_rcu(device->dev, &pvid) || pvid != vlan))
			continue;
		/* One that carries any network, or two networks: not known. */
		if (device->kind.external || id > ITUN_ID_MAX)
			return -ENOENT;
		/* GRE without a key says nothing against what others say. */
		if (!id && device->kind.type == IPVS_TUN_TUNNEL_TYPE_GRE) {
			unnamed = true;
			continue;
		}
		if (found && *vni != id)
			return -ENOENT;
		*vni = id;
		found = true;
	}
	if (!found && unnamed)
		*vni = 0;
	return found || unnamed ? 0 : -ENOENT;
}

/**
 * itun_device_sends_outside() - does a tunnel device here send from another namespace?
 * @in: namespace
 *
 * As one does that was made in a host's namespace and given to a container's.
 *
 * Context: any, under RCU.
 */
bool itun_device_sends_outside(struct itun_net *in)
{
	u32 generation = atomic_read_acquire(&itun_device_generation);
	u64 known = READ_ONCE(in->sends_outside);
	struct itun_device *device;
	bool found = false;

	if (likely((u32)(known >> 1) == generation))
		return known & 1;
	list_for_each_entry_rcu(device, &itun_devices, list)
		if (net_eq(dev_net(device->dev), in->net) && device->kind.underlay != in->net)
			found = true;
	WRITE_ONCE(in->sends_outside, (u64)generation << 1 | found);
	return found;
}

/**
 * itun_device_only_type() - are all tunnel devices of this type, or is it VXLAN?
 * @type: enum ipvs_tun_tunnel_type
 *
 * Context: any.
 */
bool itun_device_only_type(u8 type)
{
	return type == IPVS_TUN_TUNNEL_TYPE_VXLAN || READ_ONCE(itun_device_one_type) == type;
}

/**
 * itun_device_bridge_has() - is one of a bridge's ports a tunnel of this type?
 * @port: bridge port, or the bridge itself
 * @type: enum ipvs_tun_tunnel_type
 *
 * Context: under RCU.
 */
bool itun_device_bridge_has(const struct net_device *port, u8 type)
{
	const struct net_device *bridge = port;
	struct itun_device *device;

	/* Where nothing but this type exists there is nothing to look for. */
	if (likely(READ_ONCE(itun_device_one_type) == type))
		return true;
	if (!netif_is_bridge_master(port))
		bridge = netdev_master_upper_dev_get_rcu((struct net_device *)port);
	list_for_each_entry_rcu(device, &itun_devices, list)
		if (device->kind.type == type &&
		    netdev_master_upper_dev_get_rcu(device->dev) == bridge)
			return true;
	return false;
}

/**
 * itun_device_routed_to() - may a packet that came in here leave there?
 * @port: where a packet that this host routes came in
 * @tunnel: tunnel device that carries IP packets
 *
 * Context: under RCU.
 * Return: true if one set of routing tables serves both: where addresses are
 * the same for two tenants, a VRF or a namespace of its own has each of them.
 */
bool itun_device_routed_to(const struct net_device *port, const struct net_device *tunnel)
{
	return net_eq(dev_net(port), dev_net(tunnel)) &&
	       l3mdev_master_ifindex_rcu(port) == l3mdev_master_ifindex_rcu(tunnel);
}

/**
 * itun_device_routed_networks() - the networks that tunnels bring to a routing domain
 * @port: where a packet that this host routes came in
 * @vnis: filled
 * @others: set to true if there are more, or an "external" device brings any
 *
 * Context: under RCU.
 * Return: how many, at most ITUN_ROUTED_NETWORKS.
 */
unsigned int itun_device_routed_networks(const struct net_device *port,
					 u32 vnis[ITUN_ROUTED_NETWORKS], bool *others)
{
	struct itun_device *device;
	unsigned int n = 0, i;

	*others = false;
	list_for_each_entry_rcu(device, &itun_devices, list) {
		if (!device->kind.ip_inside ||
		    device->kind.type == IPVS_TUN_TUNNEL_TYPE_MPLS ||
		    !itun_device_routed_to(port, device->dev))
			continue;
		if (device->kind.external)
			*others = true;
		if (device->kind.external || device->kind.id > ITUN_ID_MAX)
			continue;
		for (i = 0; i < n; i++)
			if (vnis[i] == device->kind.id)
				break;
		if (i < n)
			continue;
		if (n == ITUN_ROUTED_NETWORKS) {
			*others = true;
			break;
		}
		vnis[n++] = device->kind.id;
	}
	return n;
}

/* What was found for a port last time. A bridge with VLAN filtering is asked
 * each time: its VLANs change without a notifier.
 */
struct itun_zone_cache {
	const struct net *net;		/* compared only */
	int ifindex;
	u32 generation;
	int result;
	u32 vni;
};

#define ITUN_ZONE_CACHE	64

struct itun_zone_caches {
	struct itun_zone_cache port[ITUN_ZONE_CACHE];
};

/* Not static: all modules together have 8 KiB of that for each CPU. */
static struct itun_zone_caches __percpu *itun_zone_caches __read_mostly;

/**
 * itun_zone_caches_init() - make the memory of what was found for ports
 *
 * Context: process, before the first hook.
 * Return: 0 or -ENOMEM.
 */
int __init itun_zone_caches_init(void)
{
	itun_zone_caches = alloc_percpu(struct itun_zone_caches);
	return itun_zone_caches ? 0 : -ENOMEM;
}

/**
 * itun_zone_caches_exit() - free it; no hook runs any more
 */
void itun_zone_caches_exit(void)
{
	free_percpu(itun_zone_caches);
}

/**
 * itun_device_bridge_zone() - the network of a frame that comes in by a port
 * @port: port of a virtual machine, bridge port that is no tunnel, or the bridge itself
 * @skb: the frame
 * @vni: filled
 *
 * What the operator says of the port comes before what its bridge shows.
 *
 * Frames with a VLAN tag at a bridge that filters VLANs are left to it: only
 * it knows whether the port may send them.
 *
 * Context: softirq, under RCU.
 * Return: 0, or -ENOENT if the network is not known.
 */
int itun_device_bridge_zone(const struct net_device *port, const struct sk_buff *skb, u32 *vni)
{
	u32 generation = atomic_read_acquire(&itun_device_generation);
	struct itun_zone_cache *cache;
	const struct net_device *bridge;
	u32 network = 0;
	bool named;

	cache = &this_cpu_ptr(itun_zone_caches)->port[port->ifindex % ITUN_ZONE_CACHE];
	if (likely(cache->net == dev_net(port) && cache->ifindex == port->ifindex &&
		   cache->generation == generation)) {
		*vni = cache->vni;
		return cache->result;
	}

	named = itun_port_network(port, &network);
	bridge = port;
	if (!netif_is_bridge_master(port))
		bridge = netdev_master_upper_dev_get_rcu((struct net_device *)port);
	if (!named && (!bridge || !netif_is_bridge_master(bridge)))
		return -ENOENT;
	if (bridge && netif_is_bridge_master(bridge) && br_vlan_enabled(bridge)) {
		u16 pvid;

		if (skb_vlan_tag_present(skb) || eth_type_vlan(skb->protocol) ||
		    br_vlan_get_pvid_rcu(port, &pvid) || !pvid)
			return -ENOENT;
		*vni = network;
		return named ? 0 : itun_device_bridge_vni(bridge, pvid, vni);
	}

	cache->vni = network;
	cache->result = named ? 0 : itun_device_bridge_vni(bridge, 0, &cache->vni);
	cache->net = dev_net(port);
	cache->ifindex = port->ifindex;
	cache->generation = generation;
	*vni = cache->vni;
	return cache->result;
}
