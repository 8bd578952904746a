// SPDX-License-Identifier: GPL-2.0
/* Ports: which devices they are now, and their hooks.
 *
 * A transaction prepares what can fail (memory, hooks), and settles what
 * cannot once its snapshot is in force. Devices that come later get what the
 * snapshot in force says.
 *
 * Lock order: RTNL, the namespace's mutex, this file's. A device that is listed
 * here has not been unregistered, and its namespace's part of the module is there.
 */
#include "port.h"

#include <linux/glob.h>
#include <linux/hashtable.h>
#include <linux/if_arp.h>
#include <linux/if_bridge.h>
#include <linux/if_macvlan.h>
#include <linux/if_vlan.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "device.h"
#include "path.h"
#include "stages.h"

/* Of all namespaces, by index: a device may go while its namespace does. */
static DEFINE_HASHTABLE(itun_port_table, 8);
static DEFINE_MUTEX(itun_port_mutex);

/* A machine is behind none of these, whatever their names. */
static bool itun_port_possible(const struct net_device *dev)
{
	return dev->type == ARPHRD_ETHER && !(dev->flags & IFF_LOOPBACK) && !itun_is_tunnel(dev) &&
	       !netif_is_bridge_master(dev);
}

/* The first that fits: the list is in the order of their rank. */
static const struct itun_port_config *itun_port_match(const struct itun_config *config,
						      const struct net_device *dev)
{
	u32 i;

	if (!config || !config->n_vm_ports || !itun_port_possible(dev))
		return NULL;
	for (i = 0; i < config->n_vm_ports; i++) {
		const struct itun_port_config *port = config->vm_ports[i];

		if (!port->name[0] ? dev->group == port->group :
		    port->pattern ? glob_match(port->name, dev->name) :
				    !strcmp(port->name, dev->name))
			return port;
	}
	return NULL;
}

/* What a machine sends comes out of most devices; of these it goes into them. */
static bool itun_port_is_egress(const struct net_device *dev)
{
	return netif_is_macvlan(dev) || netif_is_ovs_master(dev);
}

/* By its master: the flag that says it is set after the notifier was called. */
static bool itun_port_in_ovs(struct net_device *dev)
{
	const struct net_device *master = netdev_master_upper_dev_get(dev);

	return master && netif_is_ovs_master(master);
}

/* Open vSwitch is not told where a reply goes: the port has to say it. */
static bool itun_port_wants_hook(const struct itun_config *config,
				 const struct itun_port_config *port, struct net_device *dev)
{
	if (port->flags & IPVS_TUN_PORT_FLAG_BALANCER)
		return true;
	return config->steers && (port->flags & IPVS_TUN_PORT_FLAG_DIRECT ||
				  itun_port_in_ovs(dev) || netif_is_ovs_master(dev));
}

/* A device that moves between namespaces may keep its index. */
static struct itun_port *itun_port_listed(const struct net_device *dev)
{
	struct itun_port *port;

	lockdep_assert_held(&itun_port_mutex);
	hash_for_each_possible(itun_port_table, port, node, dev->ifindex)
		if (port->dev == dev && port->in->net == dev_net(dev))
			return port;
	return NULL;
}

/**
 * itun_port_find() - the port that a device is
 * @in: namespace
 * @ifindex: the device's index
 *
 * Context: under RCU, which protects the result.
 * Return: NULL if it is none.
 */
const struct itun_port *itun_port_find(const struct itun_net *in, int ifindex)
{
	const struct itun_port *port;

	hash_for_each_possible_rcu(itun_port_table, port, node, ifindex)
		if (port->ifindex == ifindex && port->in == in)
			return port;
	return NULL;
}

/**
 * itun_port_network() - does a port name its network?
 * @dev: device
 * @vni: filled
 *
 * Context: under RCU.
 * Return: true if it is a port, and does.
 */
bool itun_port_network(const struct net_device *dev, u32 *vni)
{
	const struct itun_net *in = itun_net(dev_net(dev));
	const struct itun_port_config *setting;
	const struct itun_port *port;

	if (likely(!READ_ONCE(in->n_port_devices)))
		return false;
	port = itun_port_find(in, dev->ifindex);
	setting = port ? rcu_dereference(port->setting) : NULL;
	if (!setting || setting->vni == ITUN_NO_NETWORK)
		return false;
	*vni = setting->vni;
	return true;
}

/**
 * itun_port_next() - the next port of a namespace, in no order
 * @in: namespace
 * @bucket: where the search stands; 0 at first
 * @after: the port before; NULL at first
 *
 * Context: under RCU.
 * Return: NULL if there are no more.
 */
struct itun_port *itun_port_next(const struct itun_net *in, unsigned int *bucket,
				 const struct itun_port *after)
{
	struct hlist_node *node;

	for (node = after ? rcu_dereference(hlist_next_rcu(&after->node)) :
			    rcu_dereference(hlist_first_rcu(&itun_port_table[*bucket]));;) {
		while (!node && ++*bucket < HASH_SIZE(itun_port_table))
			node = rcu_dereference(hlist_first_rcu(&itun_port_table[*bucket]));
		if (!node)
			return NULL;
		if (hlist_entry(node, struct itun_port, node)->in == in)
			return hlist_entry(node, struct itun_port, node);
		node = rcu_dereference(hlist_next_rcu(node));
	}
}

static void itun_port_free(struct rcu_head *rcu)
{
	struct itun_port *port = container_of(rcu, struct itun_port, rcu);

	free_percpu(port->counts);
	kfree(port);
}

static struct itun_port *itun_port_add(struct itun_net *in, struct net_device *dev)
{
	struct itun_port *port = kzalloc(sizeof(*port), GFP_KERNEL);

	if (!port)
		return NULL;
	port->counts = alloc_percpu(struct itun_port_counts);
	if (!port->counts) {
		kfree(port);
		return NULL;
	}
	port->in = in;
	port->dev = dev;
	port->ifindex = dev->ifindex;
	port->ops.dev = dev;
	port->ops.pf = NFPROTO_NETDEV;
	port->ops.priority = ITUN_PRI_PORT;
	port->ops.priv = port;
	if (itun_port_is_egress(dev)) {
		port->ops.hook = itun_port_egress;
		port->ops.hooknum = NF_NETDEV_EGRESS;
	} else {
		port->ops.hook = itun_port_ingress;
		port->ops.hooknum = NF_NETDEV_INGRESS;
	}
	hash_add_rcu(itun_port_table, &port->node, dev->ifindex);
	WRITE_ONCE(in->n_port_devices, in->n_port_devices + 1);
	return port;
}

static void itun_port_unhook(struct itun_port *port)
{
	if (port->hooked)
		nf_unregister_net_hook(port->in->net, &port->ops);
	port->hooked = false;
}

static void itun_port_remove(struct itun_port *port)
{
	struct itun_net *in = port->in;

	itun_port_unhook(port);
	hash_del_rcu(&port->node);
	WRITE_ONCE(in->n_port_devices, in->n_port_devices - 1);
	/* Hooks, and who lists them, may still be reading it. */
	call_rcu(&port->rcu, itun_port_free);
}

/* A machine's packets are never believed. What was believed of a device before it
 * became a port, or is to be afterwards, is asked anew.
 */
static void itun_port_distrust(struct itun_net *in, int ifindex)
{
	if (in->active)
		itun_path_kill_device(in, ifindex);
}

/* What can fail, for one device. */
static int itun_port_prepare_device(struct itun_net *in, const struct itun_config *config,
				    struct net_device *dev)
{
	const struct itun_port_config *match = itun_port_match(config, dev);
	struct itun_port *port;
	int err;

	if (!match)
		return 0;
	port = itun_port_listed(dev) ?: itun_port_add(in, dev);
	if (!port)
		return -ENOMEM;
	if (port->hooked || !itun_port_wants_hook(config, match, dev))
		return 0;
	err = nf_register_net_hook(in->net, &port->ops);
	port->hooked = !err;
	return err;
}

/* What cannot, for one device. */
static bool itun_port_settle_device(const struct itun_config *config, struct net_device *dev)
{
	const struct itun_port_config *match = itun_port_match(config, dev), *before;
	struct itun_port *port = itun_port_listed(dev);

	if (!port)
		return false;
	before = rcu_dereference_protected(port->setting, lockdep_is_held(&itun_port_mutex));
	rcu_assign_pointer(port->setting, match);
	if (!match) {
		itun_port_remove(port);
		return before;
	}
	if (!itun_port_wants_hook(config, match, dev))
		itun_port_unhook(port);
	return !before;
}

/**
 * itun_port_prepare() - what may fail of a transaction on ports
 * @in: namespace
 * @next: the snapshot that is to come
 *
 * Return: 0 or a negative error number; then itun_port_settle() with the
 * snapshot in force undoes it.
 */
int itun_port_prepare(struct itun_net *in, const struct itun_config *next)
{
	struct net_device *dev;
	int err = 0;

	ASSERT_RTNL();
	lockdep_assert_held(&in->mutex);
	if (!next->n_vm_ports)
		return 0;
	mutex_lock(&itun_port_mutex);
	for_each_netdev(in->net, dev) {
		err = itun_port_prepare_device(in, next, dev);
		if (err)
			break;
	}
	mutex_unlock(&itun_port_mutex);
	return err;
}

/**
 * itun_port_settle() - ports are as a snapshot says
 * @in: namespace, under its mutex
 * @config: in force; NULL: there are none any more, RTNL is not needed then
 *
 * What was named by the snapshot before may be freed a grace period after this.
 */
void itun_port_settle(struct itun_net *in, const struct itun_config *config)
{
	struct hlist_node *next;
	struct itun_port *port;
	int i;

	lockdep_assert_held(&in->mutex);
	if (!READ_ONCE(in->n_port_devices))
		return;
	mutex_lock(&itun_port_mutex);
	hash_for_each_safe(itun_port_table, i, next, port, node) {
		int ifindex = port->ifindex;

		if (port->in == in && itun_port_settle_device(config, port->dev) && config)
			itun_port_distrust(in, ifindex);
	}
	mutex_unlock(&itun_port_mutex);
	/* Networks of ports are others now. */
	itun_device_changed();
}

/**
 * itun_port_follow() - a device is new, or has another name, group or master
 * @dev: device
 * @registered: it is new: nothing has come in by it yet
 *
 * Context: process, under RTNL.
 */
void itun_port_follow(struct net_device *dev, bool registered)
{
	struct itun_net *in = itun_net(dev_net(dev));
	const struct itun_config *config;
	int err = 0;

	if (!itun_device_is_there(dev))
		return;

	mutex_lock(&in->mutex);
	config = rcu_dereference_protected(in->config, lockdep_is_held(&in->mutex));
	if (config && !in->leaving && (config->n_vm_ports || READ_ONCE(in->n_port_devices))) {
		mutex_lock(&itun_port_mutex);
		err = itun_port_prepare_device(in, config, dev);
		if (itun_port_settle_device(config, dev)) {
			/* Paths that are being made of what came in by it before. */
			if (!registered)
				synchronize_net();
			itun_port_distrust(in, dev->ifindex);
		}
		mutex_unlock(&itun_port_mutex);
	}
	mutex_unlock(&in->mutex);
	if (err)
		netdev_warn(dev, "ipvs_tun: no hook for this port (error %d)\n", err);
}

/**
 * itun_port_forget() - a device is going
 * @dev: device, in any namespace
 *
 * Context: process, under RTNL.
 */
void itun_port_forget(struct net_device *dev)
{
	struct itun_port *port;

	mutex_lock(&itun_port_mutex);
	port = itun_port_listed(dev);
	if (port)
		itun_port_remove(port);
	mutex_unlock(&itun_port_mutex);
}

/**
 * itun_port_hooks_describe() - the hooks of ports, for "status"
 * @in: namespace, under its mutex
 * @emit: called with "family/hook/priority"; nonzero stops
 * @arg: for @emit
 *
 * Return: what @emit returned last.
 */
int itun_port_hooks_describe(struct itun_net *in, int (*emit)(void *arg, const char *text),
			     void *arg)
{
	bool ingress = false, egress = false;
	struct itun_port *port;
	char text[48];
	int i, err = 0;

	mutex_lock(&itun_port_mutex);
	hash_for_each(itun_port_table, i, port, node) {
		if (!port->hooked || port->in != in)
			continue;
		if (port->ops.hooknum == NF_NETDEV_EGRESS)
			egress = true;
		else
			ingress = true;
	}
	mutex_unlock(&itun_port_mutex);
	if (ingress) {
		snprintf(text, sizeof(text), "netdev/ingress/%d", ITUN_PRI_PORT);
		err = emit(arg, text);
	}
	if (egress && !err) {
		snprintf(text, sizeof(text), "netdev/egress/%d", ITUN_PRI_PORT);
		err = emit(arg, text);
	}
	return err;
}
