// SPDX-License-Identifier: GPL-2.0
/* Tunnel devices of others: found by notifier, named by ifindex.
 *
 * A VXLAN device sends and receives in vxlan->net, which need not be the
 * namespace that it is in. The list is global and changes under RTNL; the data
 * path reads it under RCU, and keeps nothing of it but indices, valid for one
 * generation.
 */
#include "device.h"

#include <linux/if_bridge.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include <net/netns/generic.h>
#include <net/vxlan.h>

#include "path.h"
#include "stages.h"
#include "wire/vxlan.h"

struct itun_device {
	struct list_head list;
	struct net_device *dev;		/* valid while listed */
	struct net *underlay;		/* compared only */
	u32 vni;
	u32 flags;			/* VXLAN_F_* */
	__be16 port;
	struct rcu_head rcu;
};

static LIST_HEAD(itun_devices);		/* RTNL, RCU */
static bool itun_device_leaving;	/* RTNL: the namespaces' part of the module is going */
atomic_t itun_device_generation = ATOMIC_INIT(1);

/* The reserved bits that a device's extensions use (vxlan.h). */
static u32 itun_device_bits(u32 flags)
{
	u32 bits = 0;

	if (flags & VXLAN_F_GBP)
		bits |= 0x80;
	if (flags & VXLAN_F_GPE)
		bits |= 0x35;
	/* Remote checksum offload: VXLAN_HF_RCO is bit 21 of the first word,
	 * outside of the flag byte.
	 */
	return bits;
}

/**
 * itun_device_collision() - does a device use bits of a second mark?
 * @in: namespace of the underlay
 * @second_mark: VXLAN flag bits
 * @name: filled with the device's name, IFNAMSIZ
 *
 * Context: RTNL.
 */
bool itun_device_collision(struct itun_net *in, u32 second_mark, char *name)
{
	struct itun_device *device;

	list_for_each_entry(device, &itun_devices, list) {
		if (device->underlay == in->net && itun_device_bits(device->flags) & second_mark) {
			strscpy(name, device->dev->name, IFNAMSIZ);
			return true;
		}
	}
	return false;
}

/**
 * itun_device_warnings() - what devices do that an operator should know
 * @in: namespace
 * @config: a snapshot
 * @emit: called with each sentence; nonzero stops
 * @arg: for @emit
 *
 * Context: RTNL.
 */
void itun_device_warnings(struct itun_net *in, const struct itun_config *config,
			  int (*emit)(void *arg, const char *text), void *arg)
{
	u32 mark = config->tunnel[IPVS_TUN_TUNNEL_TYPE_VXLAN].second_mark;
	struct itun_device *device;
	char text[160];

	list_for_each_entry(device, &itun_devices, list) {
		if (device->underlay != in->net || !(itun_device_bits(device->flags) & mark))
			continue;
		snprintf(text, sizeof(text),
			 "device %s uses bits of the second mark (0x%02x); nothing is marked on its port %u",
			 device->dev->name, itun_device_bits(device->flags) & mark,
			 ntohs(device->port));
		if (emit(arg, text))
			return;
	}
}

/**
 * itun_device_rebuild_ports() - the tunnel ports in effect
 * @in: namespace, under RTNL and its mutex
 * @config: the snapshot that is or will be in force
 *
 * Return: 0 or -ENOMEM, then nothing has changed.
 */
int itun_device_rebuild_ports(struct itun_net *in, const struct itun_config *config)
{
	const struct itun_tunnel_config *vxlan = &config->tunnel[IPVS_TUN_TUNNEL_TYPE_VXLAN];
	struct itun_ports *ports, *old;
	struct itun_device *device;
	int i;

	ASSERT_RTNL();
	lockdep_assert_held(&in->mutex);

	ports = kzalloc(sizeof(*ports), GFP_KERNEL);
	if (!ports)
		return -ENOMEM;
	if (!vxlan->auto_ports)
		for (i = 0; i < vxlan->n_ports; i++)
			ports->port[ports->n++] = htons(vxlan->port[i]);

	list_for_each_entry(device, &itun_devices, list) {
		if (device->underlay != in->net)
			continue;
		i = itun_port_index(ports, device->port);
		if (i < 0 && vxlan->auto_ports && ports->n < IPVS_TUN_MAX_PORTS) {
			i = ports->n++;
			ports->port[i] = device->port;
		}
		/* A device made after the mark was configured must not get
		 * packets whose bits mean something else to it.
		 */
		if (i >= 0 && itun_device_bits(device->flags) & vxlan->second_mark)
			ports->collision[i] = true;
	}
	old = rcu_replace_pointer(in->ports, ports, lockdep_is_held(&in->mutex));
	kfree_rcu(old, rcu);
	return 0;
}

/**
 * itun_device_leaves_port() - will a port in effect be looked at no longer?
 * @in: namespace, under its mutex
 * @next: the snapshot that is to come
 *
 * By itself a port goes with its last device, and nobody is left to drop what
 * is marked.
 *
 * Context: process, under the mutex.
 * Return: true if those who send marks to it must be told first.
 */
bool itun_device_leaves_port(struct itun_net *in, const struct itun_config *next)
{
	const struct itun_tunnel_config *vxlan = &next->tunnel[IPVS_TUN_TUNNEL_TYPE_VXLAN];
	const struct itun_ports *ports = rcu_dereference_protected(in->ports,
								   lockdep_is_held(&in->mutex));
	u32 i, j;

	if (!ports || vxlan->auto_ports)
		return false;
	for (i = 0; i < ports->n; i++) {
		for (j = 0; j < vxlan->n_ports; j++)
			if (ports->port[i] == htons(vxlan->port[j]))
				break;
		if (j == vxlan->n_ports)
			return true;
	}
	return false;
}

/**
 * itun_device_find_tunnel() - the device into which a path's packets go
 * @net: namespace of the underlay
 * @vni: network
 * @family: of the endpoint, 4 or 6
 * @port: tunnel port, host order; 0 for any
 * @external: set if it takes its instructions from metadata
 *
 * Context: under RCU.
 * Return: its index, or 0. A device of the network itself comes before one
 * that carries any.
 */
int itun_device_find_tunnel(struct net *net, u32 vni, u8 family, u16 port, bool *external)
{
	struct itun_device *device;
	int found = 0;

	*external = false;
	list_for_each_entry_rcu(device, &itun_devices, list) {
		/* Device and underlay in one namespace: else the driver does
		 * what it does when a packet changes namespaces.
		 */
		if (device->underlay != net || !net_eq(dev_net(device->dev), net))
			continue;
		if (port && device->port != htons(port))
			continue;
		if (device->flags & VXLAN_F_COLLECT_METADATA) {
			if (!found) {
				found = device->dev->ifindex;
				*external = true;
			}
			continue;
		}
		if (device->vni == vni && (device->flags & VXLAN_F_IPV6 ? 6 : 4) == family) {
			*external = false;
			return device->dev->ifindex;
		}
	}
	return found;
}

/* The network of a bridge: that of its one classic VXLAN port (in a VLAN). */
static int itun_device_bridge_vni(const struct net_device *bridge, u16 vlan, u32 *vni)
{
	struct itun_device *device;
	int found = 0;

	list_for_each_entry_rcu(device, &itun_devices, list) {
		u16 pvid;

		if (netdev_master_upper_dev_get_rcu(device->dev) != bridge)
			continue;
		if (vlan && (br_vlan_get_pvid_rcu(device->dev, &pvid) || pvid != vlan))
			continue;
		/* One that carries any network, or a second one: not known. */
		if (device->flags & VXLAN_F_COLLECT_METADATA || found++)
			return -ENOENT;
		*vni = device->vni;
	}
	return found ? 0 : -ENOENT;
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

static DEFINE_PER_CPU(struct itun_zone_cache[ITUN_ZONE_CACHE], itun_zone_cache);

/**
 * itun_device_bridge_zone() - the network of a frame that comes in by a port
 * @port: bridge port that is no tunnel, or the bridge itself
 * @skb: the frame
 * @vni: filled
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

	cache = this_cpu_ptr(&itun_zone_cache[port->ifindex % ITUN_ZONE_CACHE]);
	if (likely(cache->net == dev_net(port) && cache->ifindex == port->ifindex &&
		   cache->generation == generation)) {
		*vni = cache->vni;
		return cache->result;
	}

	bridge = port;
	if (!netif_is_bridge_master(port))
		bridge = netdev_master_upper_dev_get_rcu((struct net_device *)port);
	if (!bridge || !netif_is_bridge_master(bridge))
		return -ENOENT;
	if (br_vlan_enabled(bridge)) {
		u16 pvid;

		if (skb_vlan_tag_present(skb) || eth_type_vlan(skb->protocol) ||
		    br_vlan_get_pvid_rcu(port, &pvid) || !pvid)
			return -ENOENT;
		return itun_device_bridge_vni(bridge, pvid, vni);
	}

	cache->vni = 0;
	cache->result = itun_device_bridge_vni(bridge, 0, &cache->vni);
	cache->net = dev_net(port);
	cache->ifindex = port->ifindex;
	cache->generation = generation;
	*vni = cache->vni;
	return cache->result;
}

static void itun_device_changed(void)
{
	/* What has changed is seen by whoever sees the new generation. */
	smp_mb__before_atomic();
	atomic_inc(&itun_device_generation);
}

static struct itun_device *itun_device_listed(const struct net_device *dev)
{
	struct itun_device *device;

	list_for_each_entry(device, &itun_devices, list)
		if (device->dev == dev)
			return device;
	return NULL;
}

static void itun_device_ports_changed(struct net *net)
{
	struct itun_net *in = itun_net(net);
	struct itun_config *config;

	mutex_lock(&in->mutex);
	config = rcu_dereference_protected(in->config, lockdep_is_held(&in->mutex));
	/* Without memory the old ports stay: a new device is not served yet. */
	if (config && !in->leaving && itun_device_rebuild_ports(in, config))
		net_warn_ratelimited("ipvs_tun: no memory for a change of tunnel ports\n");
	mutex_unlock(&in->mutex);
}

static void itun_device_add(struct net_device *dev)
{
	const struct vxlan_dev *vxlan = netdev_priv(dev);
	struct itun_device *device;

	if (itun_device_listed(dev))
		return;
	device = kzalloc(sizeof(*device), GFP_KERNEL);
	if (!device) {
		netdev_warn(dev, "ipvs_tun: no memory to follow this device\n");
		return;
	}
	device->dev = dev;
	device->underlay = vxlan->net;
	device->vni = be32_to_cpu(vxlan->cfg.vni);
	device->flags = vxlan->cfg.flags;
	device->port = vxlan->cfg.dst_port;
	list_add_tail_rcu(&device->list, &itun_devices);
	itun_device_ports_changed(device->underlay);
}

static void itun_device_remove(struct net_device *dev)
{
	struct itun_device *device = itun_device_listed(dev);

	if (!device)
		return;
	list_del_rcu(&device->list);
	if (!itun_device_leaving)
		itun_device_ports_changed(device->underlay);
	kfree_rcu(device, rcu);
}

static bool itun_path_by_device(const struct itun_path *path, const void *arg)
{
	return path->key.ifindex == *(const int *)arg;
}

/* Peers bound to a device by name follow it as it comes and goes. */
static void itun_device_peers(struct net_device *dev, bool gone)
{
	struct itun_net *in = itun_net(dev_net(dev));
	struct itun_config *config;
	bool changed = gone;
	u32 i;

	mutex_lock(&in->mutex);
	config = rcu_dereference_protected(in->config, lockdep_is_held(&in->mutex));
	for (i = 0; config && i < config->n_peers; i++) {
		struct itun_peer *peer = config->peers[i];
		int ifindex = peer->ifindex;

		if (!peer->dev[0])
			continue;
		if (gone && ifindex == dev->ifindex)
			ifindex = 0;
		else if (!gone && !strcmp(peer->dev, dev->name))
			ifindex = dev->ifindex;
		else if (!gone && ifindex == dev->ifindex)
			ifindex = 0;	/* renamed away */
		if (ifindex == peer->ifindex)
			continue;
		WRITE_ONCE(peer->ifindex, ifindex);
		changed = true;
	}
	/* Also if another peer is meant now: paths keep the verdict on theirs. */
	if (changed && in->active)
		itun_path_kill(in, itun_path_by_device, &dev->ifindex);
	mutex_unlock(&in->mutex);
}

static int itun_device_event(struct notifier_block *block, unsigned long event, void *arg)
{
	struct net_device *dev = netdev_notifier_info_to_dev(arg);

	/* Unloading: ports stay as they are, so that marks are removed to the
	 * last, and what belongs to a namespace may be gone already. A device
	 * that goes is taken off the list still.
	 */
	if (itun_device_leaving) {
		if (event == NETDEV_UNREGISTER) {
			itun_device_remove(dev);
			itun_device_changed();
		}
		return NOTIFY_DONE;
	}

	switch (event) {
	case NETDEV_REGISTER:
		if (netif_is_vxlan(dev))
			itun_device_add(dev);
		itun_device_peers(dev, false);
		itun_device_changed();
		break;
	case NETDEV_CHANGENAME:
		itun_device_peers(dev, false);
		break;
	case NETDEV_UNREGISTER:
		/* The generation first: who finds the new one finds no trace
		 * of the device any more, once it is off the list.
		 */
		itun_device_remove(dev);
		itun_device_peers(dev, true);
		itun_device_changed();
		break;
	case NETDEV_CHANGEUPPER:
	case NETDEV_CHANGEINFODATA:
	case NETDEV_CHANGE:
		itun_device_changed();
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block itun_device_notifier = {
	.notifier_call = itun_device_event,
};

/**
 * itun_device_init() - follow devices; tells of those that exist already
 * Return: 0 or a negative error number.
 */
int __init itun_device_init(void)
{
	return register_netdevice_notifier(&itun_device_notifier);
}

/**
 * itun_device_leave() - the namespaces are about to go
 *
 * Context: process, before unregister_pernet_subsys().
 */
void itun_device_leave(void)
{
	rtnl_lock();
	itun_device_leaving = true;
	rtnl_unlock();
}

/**
 * itun_device_exit() - stop following; empties the list
 *
 * Context: process, after itun_device_leave().
 */
void itun_device_exit(void)
{
	unregister_netdevice_notifier(&itun_device_notifier);
}
