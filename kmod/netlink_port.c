// SPDX-License-Identifier: GPL-2.0
/* Ports: from attributes to the copy of a transaction, and their dump. */
#include <linux/ctype.h>
#include <linux/if_bridge.h>
#include <linux/slab.h>

#include "device.h"
#include "netlink_change.h"
#include "port.h"

/* Which port a change is about: "" and a group, or a name and 0. */
static int itun_parse_port_key(const struct itun_change *change, char *name, u32 *group)
{
	struct nlattr *name_attr = change->tb[IPVS_TUN_A_PORT_NAME];
	struct nlattr *group_attr = change->tb[IPVS_TUN_A_PORT_GROUP];
	const char *c;

	name[0] = 0;
	*group = 0;
	if (!name_attr && !group_attr)
		return itun_missing(change, IPVS_TUN_A_PORT_NAME,
				    "a port needs a name or a group");
	if (name_attr && group_attr) {
		NL_SET_ERR_MSG_ATTR(change->extack, group_attr,
				    "a port has a name or a group, not both");
		return -EINVAL;
	}
	if (group_attr) {
		*group = nla_get_u32(group_attr);
		if (*group)
			return 0;
		NL_SET_ERR_MSG_ATTR(change->extack, group_attr,
				    "group 0 is that of every device that has no other");
		return -EINVAL;
	}
	nla_strscpy(name, name_attr, IPVS_TUN_PATTERN_LEN);
	for (c = name; *c && *c != '/' && *c != ':' && !isspace(*c); c++)
		;
	if (*c || c == name) {
		NL_SET_ERR_MSG_ATTR_FMT(change->extack, name_attr,
					"\"%s\" cannot be the name of a device", name);
		return -EINVAL;
	}
	return 0;
}

/* Own addresses, which fit: the caller has counted them. */
static int itun_parse_port_own(const struct itun_change *change, struct itun_port_config *port)
{
	struct nlattr *tb[IPVS_TUN_A_OWN_MAX + 1];
	const struct nlattr *attr;
	struct itun_own *own;
	int rest, err;
	u32 i = 0;

	nla_for_each_nested(attr, change->nest, rest) {
		if (nla_type(attr) != IPVS_TUN_A_PORT_OWN)
			continue;
		err = nla_parse_nested(tb, IPVS_TUN_A_OWN_MAX, attr, ipvs_tun_own_nl_policy,
				       change->extack);
		if (err)
			return err;
		if (!tb[IPVS_TUN_A_OWN_PREFIX]) {
			NL_SET_ERR_MSG_ATTR(change->extack, attr, "an own address is missing");
			NL_SET_ERR_ATTR_MISS(change->extack, attr, IPVS_TUN_A_OWN_PREFIX);
			return -EINVAL;
		}
		own = &port->own[i++];
		err = itun_parse_prefix(tb[IPVS_TUN_A_OWN_PREFIX], tb[IPVS_TUN_A_OWN_PREFIX_LEN],
					&own->prefix, &own->family, &own->len, change->extack);
		if (err)
			return err;
	}
	return 0;
}

static int itun_parse_port(const struct itun_change *change, struct itun_port_config *port)
{
	struct nlattr **tb = change->tb;
	int err;

	if (tb[IPVS_TUN_A_PORT_FLAGS])
		port->flags = nla_get_u32(tb[IPVS_TUN_A_PORT_FLAGS]);
	port->pattern = strpbrk(port->name, "*?[\\");
	port->vni = ITUN_NO_NETWORK;
	if (tb[IPVS_TUN_A_PORT_VNI]) {
		err = itun_parse_vni(tb[IPVS_TUN_A_PORT_VNI], &port->vni, change->extack);
		if (err)
			return err;
	}
	if (port->n_own && !(port->flags & IPVS_TUN_PORT_FLAG_BALANCER)) {
		NL_SET_ERR_MSG_ATTR(change->extack, tb[IPVS_TUN_A_PORT_OWN],
				    "own addresses need the flag balancer");
		return -EINVAL;
	}
	return itun_parse_port_own(change, port);
}

/**
 * itun_change_port() - add, replace or delete a port
 * @change: what is asked for
 *
 * Context: process, under RTNL and the mutex.
 * Return: 0 or a negative error number, with its text.
 */
int itun_change_port(const struct itun_change *change)
{
	char name[IPVS_TUN_PATTERN_LEN];
	struct itun_port_config *port;
	const struct nlattr *key;
	int err, n;
	u32 group;

	err = itun_parse_port_key(change, name, &group);
	if (err)
		return err;
	key = change->tb[IPVS_TUN_A_PORT_NAME] ?: change->tb[IPVS_TUN_A_PORT_GROUP];
	if (change->action == IPVS_TUN_ACTION_DEL)
		return itun_blame(change, key, itun_config_del_port(change->config, name, group,
								    change->extack));

	n = itun_count_attrs(change->nest, IPVS_TUN_A_PORT_OWN);
	err = itun_too_many(change, n, IPVS_TUN_MAX_OWN, "own addresses");
	if (err)
		return err;
	port = kzalloc(struct_size(port, own, n), GFP_KERNEL_ACCOUNT);
	if (!port)
		return -ENOMEM;
	refcount_set(&port->refs, 1);
	strscpy(port->name, name, sizeof(port->name));
	port->group = group;
	port->n_own = n;
	err = itun_parse_port(change, port);
	if (!err)
		err = itun_blame(change, key,
				 itun_config_add_port(change->config, port,
						      change->action == IPVS_TUN_ACTION_REPLACE,
						      change->extack));
	if (err)
		itun_port_config_put(port);
	return err;
}

static int itun_put_port_key(struct sk_buff *skb, const struct itun_port_config *port)
{
	return port->name[0] ? nla_put_string(skb, IPVS_TUN_A_PORT_NAME, port->name) :
			       nla_put_u32(skb, IPVS_TUN_A_PORT_GROUP, port->group);
}

static int itun_put_own(struct sk_buff *skb, const struct itun_own *own)
{
	struct nlattr *nest = nla_nest_start(skb, IPVS_TUN_A_PORT_OWN);

	if (!nest || itun_put_addr(skb, IPVS_TUN_A_OWN_PREFIX, own->family, &own->prefix) ||
	    nla_put_u8(skb, IPVS_TUN_A_OWN_PREFIX_LEN, own->len))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int itun_put_port_settings(struct sk_buff *skb, const struct itun_port_config *port)
{
	u32 i;

	if ((port->vni != ITUN_NO_NETWORK && nla_put_u32(skb, IPVS_TUN_A_PORT_VNI, port->vni)) ||
	    nla_put_u32(skb, IPVS_TUN_A_PORT_FLAGS, port->flags))
		return -EMSGSIZE;
	for (i = 0; i < port->n_own; i++)
		if (itun_put_own(skb, &port->own[i]))
			return -EMSGSIZE;
	return 0;
}

/* What keeps a device's replies from the direct way. Under RCU. */
static const char *itun_port_obstacle(const struct itun_port *port,
				      const struct itun_port_config *setting)
{
	const struct net_device *dev = port->dev;

	if (!(setting->flags & IPVS_TUN_PORT_FLAG_DIRECT))
		return NULL;
	if (!netif_is_bridge_port(dev))
		return netif_is_ovs_port(dev) || port->ops.hooknum == NF_NETDEV_EGRESS ? NULL :
		       "it belongs to no bridge: its packets are routed, and nothing goes directly";
	if (br_port_flag_is_set(dev, BR_PORT_LOCKED | BR_ISOLATED))
		return "the bridge guards this port (locked or isolated): nothing goes directly";
	return NULL;
}

static int itun_put_port_device(struct sk_buff *skb, const struct itun_port *port,
				const struct itun_port_config *setting)
{
	struct nlattr *nest = nla_nest_start(skb, IPVS_TUN_A_PORT_DEVICE);
	const char *obstacle = itun_port_obstacle(port, setting);
	struct itun_port_counts sum = {};
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct itun_port_counts *counts = per_cpu_ptr(port->counts, cpu);

		sum.direct += READ_ONCE(counts->direct);
		sum.balanced += READ_ONCE(counts->balanced);
	}
	if (!nest || nla_put_string(skb, IPVS_TUN_A_PORT_DEVICE_NAME, port->dev->name) ||
	    nla_put_u32(skb, IPVS_TUN_A_PORT_DEVICE_IFINDEX, port->ifindex) ||
	    nla_put_u64_64bit(skb, IPVS_TUN_A_PORT_DEVICE_DIRECT, sum.direct,
			      IPVS_TUN_A_PORT_DEVICE_PAD) ||
	    nla_put_u64_64bit(skb, IPVS_TUN_A_PORT_DEVICE_BALANCED, sum.balanced,
			      IPVS_TUN_A_PORT_DEVICE_PAD) ||
	    (obstacle && nla_put_string(skb, IPVS_TUN_A_PORT_DEVICE_WARNING, obstacle))) {
		if (nest)
			nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

/* Where a dump stands: the port, and how many of its devices are told. One with
 * many is continued in a further message.
 */
struct itun_port_dump {
	u32 port;
	u32 devices;
};

/* Those that are not told yet. */
static int itun_put_port_devices(struct sk_buff *skb, struct itun_net *in,
				 const struct itun_port_config *setting,
				 struct itun_port_dump *dump)
{
	struct itun_port *port = NULL;
	unsigned int bucket = 0;
	u32 n = 0;
	int err;

	while ((port = itun_port_next(in, &bucket, port))) {
		if (rcu_dereference(port->setting) != setting || n++ < dump->devices)
			continue;
		err = itun_put_port_device(skb, port, setting);
		if (err)
			return err;
		dump->devices++;
	}
	return 0;
}

static int itun_dump_port(struct sk_buff *skb, struct netlink_callback *cb, struct itun_net *in,
			  const struct itun_port_config *setting, struct itun_port_dump *dump)
{
	void *header = itun_dump_begin(skb, cb, IPVS_TUN_CMD_PORT_GET);
	struct nlattr *nest = header ? nla_nest_start(skb, IPVS_TUN_A_MESSAGE_PORT) : NULL;
	u32 told = dump->devices;
	int err;

	if (!nest || itun_put_port_key(skb, setting) || itun_put_port_settings(skb, setting)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	err = itun_put_port_devices(skb, in, setting, dump);
	/* Nothing of it fits behind the messages before: the next buffer is empty. */
	if (err && dump->devices == told) {
		genlmsg_cancel(skb, header);
		return err;
	}
	nla_nest_end(skb, nest);
	genlmsg_end(skb, header);
	return err;
}

int ipvs_tun_nl_port_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct itun_port_dump *dump = (void *)cb->ctx;
	struct itun_net *in = itun_dump_net(cb);
	const struct itun_config *config;
	int err = 0;

	BUILD_BUG_ON(sizeof(*dump) > sizeof(cb->ctx));
	rcu_read_lock();
	config = itun_config_shown(in);
	/* Devices come and go without a change of the configuration. */
	cb->seq = (config->generation + atomic_read(&itun_device_generation)) | BIT(31);
	for (; dump->port < config->n_vm_ports; dump->port++) {
		err = itun_dump_port(skb, cb, in, config->vm_ports[dump->port], dump);
		if (err)
			break;
		dump->devices = 0;
	}
	rcu_read_unlock();
	return itun_dump_result(skb, err);
}
