// SPDX-License-Identifier: GPL-2.0
/* The underlay devices that carry MPLS, each with a hook where packets come in
 * and one where they leave.
 *
 * They have them while the configuration has peers or mark rules, and while
 * MPLS itself is there (the module mpls_router). Devices that only carry what
 * belongs to another one have none: ports of bridges and bonds.
 *
 * Lock order: RTNL, the namespace's mutex, this file's. A device that is listed
 * here has not been unregistered.
 */
#include <linux/if_arp.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netfilter_netdev.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "device.h"
#include "endpoint.h"
#include "mpls.h"

struct itun_mpls_device {
	struct list_head list;
	struct net_device *dev;
	struct net *net;
	struct nf_hook_ops ops[2];
	struct rcu_head rcu;		/* who lists hooks reads ops under RCU */
};

static LIST_HEAD(itun_mpls_devices);
static DEFINE_MUTEX(itun_mpls_mutex);

static bool itun_mpls_serves(struct net_device *dev)
{
#if IS_ENABLED(CONFIG_MPLS_ROUTING)
	const struct net_device *master = netdev_master_upper_dev_get(dev);

	return rcu_access_pointer(dev->mpls_ptr) && dev->type == ARPHRD_ETHER &&
	       !(dev->flags & IFF_LOOPBACK) && !itun_is_tunnel(dev) &&
	       (!master || netif_is_l3_master(master));
#else
	return false;
#endif
}

static struct itun_mpls_device *itun_mpls_listed(const struct net_device *dev)
{
	struct itun_mpls_device *device;

	list_for_each_entry(device, &itun_mpls_devices, list)
		if (device->dev == dev)
			return device;
	return NULL;
}

static void itun_mpls_counted(const struct itun_mpls_device *device, int by)
{
	struct itun_net *in = itun_net(device->net);

	WRITE_ONCE(in->n_mpls_devices, in->n_mpls_devices + by);
}

static int itun_mpls_add(struct net_device *dev)
{
	struct itun_mpls_device *device = kzalloc(sizeof(*device), GFP_KERNEL);
	unsigned int i;
	int err;

	if (!device)
		return -ENOMEM;
	device->dev = dev;
	device->net = dev_net(dev);
	for (i = 0; i < ARRAY_SIZE(device->ops); i++) {
		device->ops[i].dev = dev;
		device->ops[i].pf = NFPROTO_NETDEV;
		device->ops[i].priority = ITUN_PRI_MPLS;
		device->ops[i].priv = itun_net(device->net);
	}
	device->ops[0].hook = itun_mpls_ingress;
	device->ops[0].hooknum = NF_NETDEV_INGRESS;
	device->ops[1].hook = itun_mpls_egress;
	device->ops[1].hooknum = NF_NETDEV_EGRESS;
	err = nf_register_net_hooks(device->net, device->ops, ARRAY_SIZE(device->ops));
	if (err) {
		kfree(device);
		return err;
	}
	list_add_tail(&device->list, &itun_mpls_devices);
	itun_mpls_counted(device, 1);
	return 0;
}

static void itun_mpls_remove(struct itun_mpls_device *device)
{
	nf_unregister_net_hooks(device->net, device->ops, ARRAY_SIZE(device->ops));
	list_del(&device->list);
	itun_mpls_counted(device, -1);
	kfree_rcu(device, rcu);
}

static int itun_mpls_settle(struct net_device *dev)
{
	struct itun_mpls_device *device = itun_mpls_listed(dev);
	bool serves = itun_mpls_serves(dev);

	if (device && !serves)
		itun_mpls_remove(device);
	return serves && !device ? itun_mpls_add(dev) : 0;
}

/**
 * itun_mpls_attach() - give the devices of a namespace their hooks
 * @in: namespace, under RTNL and its mutex
 *
 * Those that have them already keep them.
 *
 * Context: process.
 * Return: 0 or a negative error number; then some devices may have theirs.
 */
int itun_mpls_attach(struct itun_net *in)
{
	struct net_device *dev;
	int err = 0;

	ASSERT_RTNL();
	mutex_lock(&itun_mpls_mutex);
	for_each_netdev(in->net, dev) {
		err = itun_mpls_settle(dev);
		if (err)
			break;
	}
	mutex_unlock(&itun_mpls_mutex);
	return err;
}

/**
 * itun_mpls_detach() - take the hooks of a namespace's devices away
 * @in: namespace, under its mutex
 *
 * Context: process. RTNL is not needed: no device goes while it is listed.
 */
void itun_mpls_detach(struct itun_net *in)
{
	struct itun_mpls_device *device, *next;

	mutex_lock(&itun_mpls_mutex);
	list_for_each_entry_safe(device, next, &itun_mpls_devices, list)
		if (device->net == in->net)
			itun_mpls_remove(device);
	mutex_unlock(&itun_mpls_mutex);
}

/**
 * itun_mpls_follow() - a device is new, came up, or changed its master
 * @dev: device, in a namespace that is ours
 *
 * Context: process, under RTNL.
 */
void itun_mpls_follow(struct net_device *dev)
{
	struct itun_net *in = itun_net(dev_net(dev));
	const struct itun_config *config;
	unsigned long types;
	int err = 0;

	if (!itun_device_is_there(dev))
		return;

	mutex_lock(&in->mutex);
	if (in->hooks & ITUN_HOOK_MPLS) {
		types = itun_device_types(in);
		mutex_lock(&itun_mpls_mutex);
		err = itun_mpls_settle(dev);
		mutex_unlock(&itun_mpls_mutex);
		/* Which types endpoints are of has changed with it. */
		config = rcu_dereference_protected(in->config, lockdep_is_held(&in->mutex));
		if (config && types != itun_device_types(in))
			itun_endpoint_reconfigure(in, config);
	}
	mutex_unlock(&in->mutex);
	if (err)
		netdev_warn(dev, "ipvs_tun: no hooks for MPLS (error %d)\n", -err);
}

/**
 * itun_mpls_forget() - a device is going
 * @dev: device, in any namespace
 *
 * Context: process, under RTNL.
 */
void itun_mpls_forget(struct net_device *dev)
{
	struct itun_mpls_device *device;

	mutex_lock(&itun_mpls_mutex);
	device = itun_mpls_listed(dev);
	if (device)
		itun_mpls_remove(device);
	mutex_unlock(&itun_mpls_mutex);
}
