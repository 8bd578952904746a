// SPDX-License-Identifier: GPL-2.0
/* Tunnel devices of others: found by notifier, named by ifindex.
 *
 * A tunnel device sends and receives in a namespace that need not be the one
 * that it is in. The list is global and changes under RTNL; the data
 * path reads it under RCU, and keeps nothing of it but indices, valid for one
 * generation.
 */
#include "device.h"

#include <linux/rtnetlink.h>
#include <net/netns/generic.h>

#include "device_list.h"
#include "endpoint.h"
#include "mpls.h"
#include "path.h"
#include "port.h"
#include "stages.h"

LIST_HEAD(itun_devices);
static bool itun_device_leaving;	/* RTNL: the namespaces' part of the module is going */
atomic_t itun_device_generation = ATOMIC_INIT(1);

const struct rtnl_link_ops *itun_tunnel_kinds[ITUN_TUNNEL_KINDS] __read_mostly;
u8 itun_device_one_type __read_mostly;

/**
 * itun_device_changed() - what was found of devices is to be found anew
 *
 * Context: any.
 */
void itun_device_changed(void)
{
	/* What has changed is seen by whoever sees the new generation. */
	smp_mb__before_atomic();
	atomic_inc(&itun_device_generation);
}

/* The drivers of the devices that there are. While they are written, a tunnel's
 * packet may be taken for one that could be a reply: it is none.
 */
static void itun_device_list_kinds(void)
{
	struct itun_device *device;
	unsigned int n = 0, i;
	u32 types = 0;

	list_for_each_entry(device, &itun_devices, list) {
		types |= BIT(device->kind.type);
		for (i = 0; i < n; i++)
			if (itun_tunnel_kinds[i] == device->dev->rtnl_link_ops)
				break;
		if (i == n && n < ITUN_TUNNEL_KINDS)
			WRITE_ONCE(itun_tunnel_kinds[n++], device->dev->rtnl_link_ops);
	}
	for (; n < ITUN_TUNNEL_KINDS; n++)
		WRITE_ONCE(itun_tunnel_kinds[n], NULL);
	WRITE_ONCE(itun_device_one_type, hweight32(types) == 1 ? __ffs(types) : 0);
}

/* What a device's key says depends on a setting of the underlay's namespace. */
static u32 itun_device_network(const struct itun_device_kind *kind, bool nvgre)
{
	if (nvgre && kind->nvgre)
		return kind->id >> ITUN_GRE_FLOWID_BITS;
	return kind->two_keys ? ITUN_NO_NETWORK : kind->id;
}

/**
 * itun_device_read_keys() - the keys of GRE devices say something else now
 * @in: namespace of the underlay
 * @config: the snapshot that says what
 *
 * Context: RTNL.
 */
void itun_device_read_keys(struct itun_net *in, const struct itun_config *config)
{
	bool nvgre = config->tunnel[IPVS_TUN_TUNNEL_TYPE_GRE].nvgre;
	struct itun_device *device;

	ASSERT_RTNL();
	list_for_each_entry(device, &itun_devices, list)
		if (device->kind.underlay == in->net)
			WRITE_ONCE(device->id, itun_device_network(&device->kind, nvgre));
	itun_device_changed();
}

/**
 * itun_device_collision() - does a device use bits of a second mark?
 * @in: namespace of the underlay
 * @type: enum ipvs_tun_tunnel_type
 * @second_mark: its bits
 * @name: filled with the device's name, IFNAMSIZ
 *
 * Context: RTNL.
 */
bool itun_device_collision(struct itun_net *in, u8 type, u32 second_mark, char *name)
{
	struct itun_device *device;

	list_for_each_entry(device, &itun_devices, list) {
		if (device->kind.underlay == in->net && device->kind.type == type &&
		    device->kind.bits & second_mark) {
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
 * @type: enum ipvs_tun_tunnel_type
 * @emit: called with each sentence; nonzero stops
 * @arg: for @emit
 *
 * Context: RTNL.
 */
void itun_device_warnings(struct itun_net *in, const struct itun_config *config, u8 type,
			  int (*emit)(void *arg, const char *text), void *arg)
{
	u32 mark = config->tunnel[type].second_mark;
	struct itun_device *device;
	char text[160];

	list_for_each_entry(device, &itun_devices, list) {
		if (device->kind.underlay != in->net || device->kind.type != type ||
		    !(device->kind.bits & mark))
			continue;
		snprintf(text, sizeof(text),
			 "device %s uses bits of the second mark (0x%02x); nothing is marked on its port %u",
			 device->dev->name, device->kind.bits & mark, ntohs(device->kind.port));
		if (emit(arg, text))
			return;
	}
}

/* Does a device lead into the tunnel of this network? What carries labels does for
 * all of them.
 */
static bool itun_device_network_fits(const struct itun_device_kind *kind,
				     const struct itun_path_key *path)
{
	if (path->type != IPVS_TUN_TUNNEL_TYPE_MPLS)
		return kind->type == path->type &&
		       itun_device_network(kind, path->options & ITUN_GRE_NVGRE) == path->id;
	if (path->options & ITUN_MPLS_OVER_GRE)
		return kind->type == IPVS_TUN_TUNNEL_TYPE_GRE && !kind->external &&
		       kind->id == path->carrier_key;
	return kind->type == IPVS_TUN_TUNNEL_TYPE_MPLS;
}

/* Drivers tell devices apart by their own end as well. */
static bool itun_device_local_fits(const struct itun_device_kind *kind,
				   const struct itun_path_key *path)
{
	const u32 any[4] = {};

	return !memcmp(&kind->local, any, sizeof(any)) || !memcmp(&path->local, any, sizeof(any)) ||
	       !memcmp(&kind->local, &path->local, sizeof(kind->local));
}

/**
 * itun_device_find_tunnel() - the device into which a path's packets go
 * @net: namespace of the underlay
 * @path: the path's key
 *
 * Context: under RCU.
 * Return: its index, or 0. A device of the network itself comes before one
 * that carries any, which has ITUN_TUNNEL_EXTERNAL set.
 */
u32 itun_device_find_tunnel(struct net *net, const struct itun_path_key *path)
{
	struct itun_device *device;
	u32 found = 0;

	list_for_each_entry_rcu(device, &itun_devices, list) {
		const struct itun_device_kind *kind = &device->kind;

		/* Device and underlay in one namespace: else the driver does
		 * what it does when a packet changes namespaces.
		 */
		if (kind->underlay != net || !net_eq(dev_net(device->dev), net) ||
		    kind->ip_inside != path->ip_inside)
			continue;
		if ((path->port && kind->port != htons(path->port)) ||
		    (kind->family && kind->family != path->family))
			continue;
		if (kind->external) {
			if (!found && kind->type == path->type)
				found = device->dev->ifindex | ITUN_TUNNEL_EXTERNAL;
			continue;
		}
		/* One with one other end serves that alone; of the others,
		 * VXLAN's can be told each packet's endpoint.
		 */
		if (!itun_device_network_fits(kind, path) ||
		    (kind->type != IPVS_TUN_TUNNEL_TYPE_VXLAN &&
		     (!kind->remote_known ||
		      memcmp(&kind->remote, &path->remote, sizeof(kind->remote)) ||
		      !itun_device_local_fits(kind, path))))
			continue;
		return device->dev->ifindex;
	}
	return found;
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
	if (config && !in->leaving) {
		unsigned long types = itun_device_types(in);

		if (itun_device_rebuild_ports(in, config))
			net_warn_ratelimited("ipvs_tun: no memory for a change of tunnel ports\n");
		/* Endpoints of a new type are to be probed, too. */
		if (types != itun_device_types(in))
			itun_endpoint_reconfigure(in, config);
	}
	mutex_unlock(&in->mutex);
}

/* Under RTNL, by which the configuration changes. */
static bool itun_device_nvgre(struct net *underlay)
{
	struct itun_net *in = itun_net(underlay);
	const struct itun_config *config;
	bool nvgre;

	mutex_lock(&in->mutex);
	config = rcu_dereference_protected(in->config, lockdep_is_held(&in->mutex));
	nvgre = config && config->tunnel[IPVS_TUN_TUNNEL_TYPE_GRE].nvgre;
	mutex_unlock(&in->mutex);
	return nvgre;
}

static bool itun_device_add(struct net_device *dev, const struct itun_device_kind *kind)
{
	struct itun_device *device = kzalloc(sizeof(*device), GFP_KERNEL);

	if (!device)
		return false;
	device->dev = dev;
	device->kind = *kind;
	device->id = itun_device_network(kind, itun_device_nvgre(kind->underlay));
	list_add_tail_rcu(&device->list, &itun_devices);
	itun_device_list_kinds();
	itun_device_ports_changed(kind->underlay);
	return true;
}

static void itun_device_remove(struct net_device *dev)
{
	struct itun_device *device = itun_device_listed(dev);

	if (!device)
		return;
	list_del_rcu(&device->list);
	itun_device_list_kinds();
	if (!itun_device_leaving)
		itun_device_ports_changed(device->kind.underlay);
	kfree_rcu(device, rcu);
}

/* A device is new, or may be another tunnel than it was: key and other end of
 * some can be changed.
 */
static void itun_device_follow(struct net_device *dev)
{
	const struct itun_device *listed = itun_device_listed(dev);
	struct itun_device_kind kind;

	if (!itun_device_kind(dev, &kind)) {
		itun_device_remove(dev);	/* one that was may be none of ours now */
		return;
	}
	if (listed) {
		if (!memcmp(&listed->kind, &kind, sizeof(kind)))
			return;
		itun_device_remove(dev);
	}
	if (!itun_device_add(dev, &kind))
		netdev_warn(dev, "ipvs_tun: no memory to follow this device\n");
}

/**
 * itun_device_is_there() - is a device in its namespace still?
 * @dev: device of a notifier
 *
 * Other drivers that are told of its end after us unlink it from theirs, of which we
 * are told in turn: it has been taken off its namespace's list by then.
 *
 * Context: process, under RTNL.
 */
bool itun_device_is_there(struct net_device *dev)
{
	return __dev_get_by_index(dev_net(dev), dev->ifindex) == dev;
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
		itun_path_kill_device(in, dev->ifindex);
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
			itun_mpls_forget(dev);
			itun_port_forget(dev);
			itun_device_remove(dev);
			itun_device_changed();
		}
		return NOTIFY_DONE;
	}

	switch (event) {
	case NETDEV_REGISTER:
		itun_device_follow(dev);
		itun_mpls_follow(dev);
		itun_port_follow(dev, true);
		itun_device_peers(dev, false);
		itun_device_changed();
		break;
	case NETDEV_CHANGENAME:
		itun_device_peers(dev, false);
		itun_port_follow(dev, false);
		itun_device_changed();
		break;
	case NETDEV_UNREGISTER:
		/* The generation first: who finds the new one finds no trace
		 * of the device any more, once it is off the list.
		 */
		itun_mpls_forget(dev);
		itun_port_forget(dev);
		itun_device_remove(dev);
		itun_device_peers(dev, true);
		itun_device_changed();
		break;
	case NETDEV_CHANGE:
	case NETDEV_UP:		/* what was changed while it was down was not told */
		itun_device_follow(dev);
		itun_mpls_follow(dev);
		itun_port_follow(dev, false);
		itun_device_changed();
		break;
	case NETDEV_CHANGEUPPER:
		itun_mpls_follow(dev);
		itun_port_follow(dev, false);
		fallthrough;
	case NETDEV_CHANGEINFODATA:
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
