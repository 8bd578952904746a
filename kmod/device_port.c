// SPDX-License-Identifier: GPL-2.0
/* The UDP ports that carry tunnels in a namespace, and the types in use there: by
 * configuration, or by the devices that there are.
 */
#include <linux/rtnetlink.h>

#include "device.h"
#include "device_list.h"

static int itun_ports_add(struct itun_ports *ports, u8 type, __be16 port)
{
	int i = ports->n++;

	ports->port[i] = port;
	ports->type[i] = type;
	ports->types |= BIT(type);
	return i;
}

static bool itun_ports_room(const struct itun_ports *ports, u8 type)
{
	unsigned int i, n = 0;

	for (i = 0; i < ports->n; i++)
		n += ports->type[i] == type;
	return n < IPVS_TUN_MAX_PORTS;
}

/* Ports that the configuration names, for one type. */
static void itun_device_named_ports(struct itun_ports *ports, const struct itun_config *config,
				    u8 type)
{
	const struct itun_tunnel_config *tunnel = &config->tunnel[type];
	unsigned int i;

	for (i = 0; !tunnel->auto_ports && i < tunnel->n_ports; i++)
		itun_ports_add(ports, type, htons(tunnel->port[i]));
}

/**
 * itun_device_types() - the tunnel types in use in a namespace
 * @in: namespace
 *
 * Context: any but hard interrupt.
 * Return: a mask of 1 << type; VXLAN alone if there is none yet.
 */
unsigned long itun_device_types(struct itun_net *in)
{
	const struct itun_ports *ports;
	unsigned long types = 0;

	rcu_read_lock();
	ports = rcu_dereference(in->ports);
	if (ports)
		types = ports->types;
	rcu_read_unlock();
	if (READ_ONCE(in->n_mpls_devices))
		types |= BIT(IPVS_TUN_TUNNEL_TYPE_MPLS);
	return types ?: BIT(IPVS_TUN_TUNNEL_TYPE_VXLAN);
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
	struct itun_ports *ports, *old;
	struct itun_device *device;
	int i;

	ASSERT_RTNL();
	lockdep_assert_held(&in->mutex);

	ports = kzalloc(sizeof(*ports), GFP_KERNEL);
	if (!ports)
		return -ENOMEM;
	ports->nvgre = config->tunnel[IPVS_TUN_TUNNEL_TYPE_GRE].nvgre;
	itun_device_named_ports(ports, config, IPVS_TUN_TUNNEL_TYPE_VXLAN);
	itun_device_named_ports(ports, config, IPVS_TUN_TUNNEL_TYPE_GENEVE);
	itun_device_named_ports(ports, config, IPVS_TUN_TUNNEL_TYPE_MPLS);

	list_for_each_entry(device, &itun_devices, list) {
		const struct itun_device_kind *kind = &device->kind;
		const struct itun_tunnel_config *tunnel = &config->tunnel[kind->type];

		if (kind->underlay != in->net)
			continue;
		if (!kind->port) {
			if (!kind->two_keys || ports->nvgre)
				ports->types |= BIT(kind->type);
			continue;
		}
		i = itun_port_index(ports, kind->port);
		if (i < 0 && tunnel->auto_ports && itun_ports_room(ports, kind->type))
			i = itun_ports_add(ports, kind->type, kind->port);
		/* A device made after the mark was configured must not get
		 * packets whose bits mean something else to it.
		 */
		if (i >= 0 && ports->type[i] == kind->type && kind->bits & tunnel->second_mark)
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
	const struct itun_ports *ports = rcu_dereference_protected(in->ports,
								   lockdep_is_held(&in->mutex));
	u32 i, j;

	for (i = 0; ports && i < ports->n; i++) {
		const struct itun_tunnel_config *tunnel = &next->tunnel[ports->type[i]];

		if (tunnel->auto_ports)
			continue;
		for (j = 0; j < tunnel->n_ports; j++)
			if (ports->port[i] == htons(tunnel->port[j]))
				break;
		if (j == tunnel->n_ports)
			return true;
	}
	return false;
}
