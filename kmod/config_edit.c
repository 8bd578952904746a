// SPDX-License-Identifier: GPL-2.0
/* What a transaction does to its copy of the configuration: rules, peers, zones
 * and ports come and go. Nothing here is seen by a packet before the commit.
 */
#include "config.h"

#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/netlink.h>
#include <linux/slab.h>

#include "net.h"
#include "netlink.h"

/* An array of n pointers has room for the next power of two, and at least for
 * eight: so its capacity needs no field, and adding one is cheap on average.
 */
static size_t itun_list_room(u32 n)
{
	return n <= 8 ? 8 : roundup_pow_of_two(n);
}

static void **itun_list_grow(void **list, u32 n)
{
	void **grown;

	if (list && (n < 8 || !is_power_of_2(n)))
		return list;
	grown = kvmalloc_array(itun_list_room(n + 1), sizeof(*list), GFP_KERNEL_ACCOUNT);
	if (!grown)
		return NULL;
	if (n)
		memcpy(grown, list, n * sizeof(*list));
	kvfree(list);
	return grown;
}

static int itun_list_add(void ***list, u32 *n, void *object)
{
	void **grown = itun_list_grow(*list, *n);

	if (!grown)
		return -ENOMEM;
	grown[(*n)++] = object;
	*list = grown;
	return 0;
}

static void itun_list_remove(void *list, u32 *n, u32 i)
{
	void **at = (void **)list + i;

	memmove(at, at + 1, (--*n - i) * sizeof(*at));
}

/**
 * itun_list_copy() - a list of the same objects, with room for more
 * @list: array of pointers
 * @n: how many
 *
 * Takes no references.
 *
 * Context: process.
 * Return: the copy, for kvfree(), or NULL without memory.
 */
void *itun_list_copy(void *list, u32 n)
{
	void *copy = kvmalloc_array(itun_list_room(n), sizeof(void *), GFP_KERNEL_ACCOUNT);

	if (copy && n)
		memcpy(copy, list, n * sizeof(void *));
	return copy;
}

static int itun_config_find_mark(const struct itun_config *config, u32 value, u32 mask)
{
	u32 i;

	for (i = 0; i < config->n_marks; i++)
		if (config->marks[i]->value == value && config->marks[i]->mask == mask)
			return i;
	return -1;
}

static bool itun_mark_same(const struct itun_mark *a, const struct itun_mark *b)
{
	return a->value == b->value && a->mask == b->mask && a->tunnels == b->tunnels &&
	       a->prio == b->prio && a->dst_family == b->dst_family &&
	       a->dst_len == b->dst_len && !memcmp(&a->dst, &b->dst, sizeof(a->dst)) &&
	       !strcmp(a->name, b->name) && a->n_vnis == b->n_vnis &&
	       !memcmp(a->vnis, b->vnis, a->n_vnis * sizeof(*a->vnis));
}

/**
 * itun_config_add_mark() - add a mark rule to a copy
 * @config: copy
 * @mark: rule; its reference passes to the copy on success
 * @replace: take the place of a rule of the same value and mask
 * @extack: for the refusal
 *
 * An equal rule is left as it is, its counters included. One that differs
 * keeps its age, and counts from zero.
 *
 * Context: process, under RTNL and the mutex.
 * Return: 0, -EEXIST, -ENOSPC or -ENOMEM.
 */
int itun_config_add_mark(struct itun_config *config, struct itun_mark *mark, bool replace,
			 struct netlink_ext_ack *extack)
{
	int at = itun_config_find_mark(config, mark->value, mark->mask);

	if (at >= 0) {
		struct itun_mark *old = config->marks[at];

		if (!replace) {
			NL_SET_ERR_MSG_FMT(extack, "mark rule 0x%x/0x%x exists",
					   mark->value, mark->mask);
			return -EEXIST;
		}
		if (itun_mark_same(old, mark)) {
			itun_mark_put(mark);
			return 0;
		}
		mark->order = old->order;
		config->marks[at] = mark;
		itun_mark_put(old);
		return 0;
	}
	if (config->n_marks >= ITUN_MAX_MARKS) {
		NL_SET_ERR_MSG_FMT(extack, "there are %u mark rules already, the most possible",
				   ITUN_MAX_MARKS);
		return -ENOSPC;
	}
	mark->order = config->next_order++;
	return itun_list_add((void ***)&config->marks, &config->n_marks, mark);
}

/**
 * itun_config_del_mark() - take a mark rule out of a copy
 * @config: copy
 * @value: mark
 * @mask: its mask
 * @extack: for the refusal
 *
 * Return: 0 or -ENOENT.
 */
int itun_config_del_mark(struct itun_config *config, u32 value, u32 mask,
			 struct netlink_ext_ack *extack)
{
	int at = itun_config_find_mark(config, value, mask);

	if (at < 0) {
		NL_SET_ERR_MSG_FMT(extack, "no mark rule 0x%x/0x%x", value, mask);
		return -ENOENT;
	}
	itun_mark_put(config->marks[at]);
	itun_list_remove(config->marks, &config->n_marks, at);
	return 0;
}

/**
 * itun_config_flush_marks() - take all mark rules out of a copy
 * @config: copy
 */
void itun_config_flush_marks(struct itun_config *config)
{
	while (config->n_marks)
		itun_mark_put(config->marks[--config->n_marks]);
}

static int itun_config_find_peer(const struct itun_config *config, u8 family,
				 const union itun_addr *prefix, u8 len)
{
	u32 i;

	for (i = 0; i < config->n_peers; i++) {
		const struct itun_peer *peer = config->peers[i];

		if (peer->family == family && peer->prefix_len == len &&
		    !memcmp(&peer->prefix, prefix, sizeof(*prefix)))
			return i;
	}
	return -1;
}

static bool itun_peer_same(const struct itun_peer *a, const struct itun_peer *b)
{
	return a->flags == b->flags && !strcmp(a->dev, b->dev) && a->n_vnis == b->n_vnis &&
	       !memcmp(a->vnis, b->vnis, a->n_vnis * sizeof(*a->vnis));
}

/**
 * itun_config_add_peer() - add a peer to a copy
 * @config: copy
 * @peer: peer; its reference passes to the copy on success
 * @replace: take the place of a peer of the same prefix
 * @extack: for the refusal
 *
 * Return: 0, -EEXIST, -ENOSPC or -ENOMEM.
 */
int itun_config_add_peer(struct itun_config *config, struct itun_peer *peer, bool replace,
			 struct netlink_ext_ack *extack)
{
	int at = itun_config_find_peer(config, peer->family, &peer->prefix, peer->prefix_len);
	char text[ITUN_ADDR_TEXT];

	if (at >= 0) {
		struct itun_peer *old = config->peers[at];

		if (!replace) {
			NL_SET_ERR_MSG_FMT(extack, "peer %s/%u exists",
					   itun_addr_text(text, peer->family, &peer->prefix),
					   peer->prefix_len);
			return -EEXIST;
		}
		if (itun_peer_same(old, peer)) {
			itun_peer_put(peer);
			return 0;
		}
		config->peers[at] = peer;
		itun_peer_put(old);
		return 0;
	}
	if (config->n_peers >= ITUN_MAX_PEERS) {
		NL_SET_ERR_MSG_FMT(extack, "there are %u peers already, the most possible",
				   ITUN_MAX_PEERS);
		return -ENOSPC;
	}
	return itun_list_add((void ***)&config->peers, &config->n_peers, peer);
}

/**
 * itun_config_del_peer() - take a peer out of a copy
 * @config: copy
 * @family: 4 or 6
 * @prefix: its prefix
 * @len: prefix length
 * @extack: for the refusal
 *
 * Return: 0 or -ENOENT.
 */
int itun_config_del_peer(struct itun_config *config, u8 family, const union itun_addr *prefix,
			 u8 len, struct netlink_ext_ack *extack)
{
	int at = itun_config_find_peer(config, family, prefix, len);
	char text[ITUN_ADDR_TEXT];

	if (at < 0) {
		NL_SET_ERR_MSG_FMT(extack, "no peer %s/%u",
				   itun_addr_text(text, family, prefix), len);
		return -ENOENT;
	}
	itun_peer_put(config->peers[at]);
	itun_list_remove(config->peers, &config->n_peers, at);
	return 0;
}

/**
 * itun_config_flush_peers() - take all peers out of a copy
 * @config: copy
 */
void itun_config_flush_peers(struct itun_config *config)
{
	while (config->n_peers)
		itun_peer_put(config->peers[--config->n_peers]);
}

static int itun_config_find_zone(const struct itun_config *config, const char *name)
{
	u32 i;

	for (i = 0; i < config->n_zones; i++)
		if (!strcmp(config->zones[i]->name, name))
			return i;
	return -1;
}

/* The lowest VNI that two zones have in common, or -1. Both lists ascend. */
static s64 itun_zones_overlap(const struct itun_zone_config *a, const struct itun_zone_config *b)
{
	u32 i = 0, j = 0;

	while (i < a->n_vnis && j < b->n_vnis) {
		if (a->vnis[i] == b->vnis[j])
			return a->vnis[i];
		if (a->vnis[i] < b->vnis[j])
			i++;
		else
			j++;
	}
	return -1;
}

/**
 * itun_config_add_zone() - add a zone to a copy
 * @config: copy
 * @zone: zone; its reference passes to the copy on success
 * @replace: take the place of a zone of the same name
 * @extack: for the refusal
 *
 * Return: 0, -EEXIST, -ENOSPC or -ENOMEM.
 */
int itun_config_add_zone(struct itun_config *config, struct itun_zone_config *zone, bool replace,
			 struct netlink_ext_ack *extack)
{
	int at = itun_config_find_zone(config, zone->name);
	s64 vni;
	u32 i;

	if (at >= 0 && !replace) {
		NL_SET_ERR_MSG_FMT(extack, "zone %.48s exists", zone->name);
		return -EEXIST;
	}
	for (i = 0; i < config->n_zones; i++) {
		if (i == at)
			continue;
		vni = itun_zones_overlap(config->zones[i], zone);
		if (vni >= 0) {
			NL_SET_ERR_MSG_FMT(extack, "vni %u is in zone %.40s already",
					   (u32)vni, config->zones[i]->name);
			return -EEXIST;
		}
	}
	if (at >= 0) {
		itun_zone_config_put(config->zones[at]);
		config->zones[at] = zone;
		return 0;
	}
	if (config->n_zones >= ITUN_MAX_ZONES) {
		NL_SET_ERR_MSG_FMT(extack, "there are %u zones already, the most possible",
				   ITUN_MAX_ZONES);
		return -ENOSPC;
	}
	return itun_list_add((void ***)&config->zones, &config->n_zones, zone);
}

/**
 * itun_config_del_zone() - take a zone out of a copy
 * @config: copy
 * @name: its name
 * @extack: for the refusal
 *
 * Return: 0 or -ENOENT.
 */
int itun_config_del_zone(struct itun_config *config, const char *name,
			 struct netlink_ext_ack *extack)
{
	int at = itun_config_find_zone(config, name);

	if (at < 0) {
		NL_SET_ERR_MSG_FMT(extack, "no zone %.48s", name);
		return -ENOENT;
	}
	itun_zone_config_put(config->zones[at]);
	itun_list_remove(config->zones, &config->n_zones, at);
	return 0;
}

/**
 * itun_config_flush_zones() - take all zones out of a copy
 * @config: copy
 */
void itun_config_flush_zones(struct itun_config *config)
{
	while (config->n_zones)
		itun_zone_config_put(config->zones[--config->n_zones]);
}

static int itun_config_find_port(const struct itun_config *config, const char *name, u32 group)
{
	u32 i;

	for (i = 0; i < config->n_vm_ports; i++)
		if (!strcmp(config->vm_ports[i]->name, name) && config->vm_ports[i]->group == group)
			return i;
	return -1;
}

static bool itun_port_same(const struct itun_port_config *a, const struct itun_port_config *b)
{
	return a->vni == b->vni && a->flags == b->flags && a->n_own == b->n_own &&
	       !memcmp(a->own, b->own, a->n_own * sizeof(*a->own));
}

/**
 * itun_config_add_port() - add a port to a copy
 * @config: copy
 * @port: port; its reference passes to the copy on success
 * @replace: take the place of a port of the same name or group
 * @extack: for the refusal
 *
 * Return: 0, -EEXIST, -ENOSPC or -ENOMEM.
 */
int itun_config_add_port(struct itun_config *config, struct itun_port_config *port, bool replace,
			 struct netlink_ext_ack *extack)
{
	int at = itun_config_find_port(config, port->name, port->group);

	if (at >= 0 && !replace) {
		if (port->name[0])
			NL_SET_ERR_MSG_FMT(extack, "port %s exists", port->name);
		else
			NL_SET_ERR_MSG_FMT(extack, "port of group %u exists", port->group);
		return -EEXIST;
	}
	if (at >= 0) {
		struct itun_port_config *old = config->vm_ports[at];

		if (itun_port_same(old, port)) {
			itun_port_config_put(port);
			return 0;
		}
		port->order = old->order;
		config->vm_ports[at] = port;
		itun_port_config_put(old);
		return 0;
	}
	if (config->n_vm_ports >= ITUN_MAX_VM_PORTS) {
		NL_SET_ERR_MSG_FMT(extack, "there are %u ports already, the most possible",
				   ITUN_MAX_VM_PORTS);
		return -ENOSPC;
	}
	port->order = config->next_order++;
	return itun_list_add((void ***)&config->vm_ports, &config->n_vm_ports, port);
}

/**
 * itun_config_del_port() - take a port out of a copy
 * @config: copy
 * @name: its name or pattern; "" for a group
 * @group: its group; 0 for a name
 * @extack: for the refusal
 *
 * Return: 0 or -ENOENT.
 */
int itun_config_del_port(struct itun_config *config, const char *name, u32 group,
			 struct netlink_ext_ack *extack)
{
	int at = itun_config_find_port(config, name, group);

	if (at < 0) {
		if (name[0])
			NL_SET_ERR_MSG_FMT(extack, "no port %s", name);
		else
			NL_SET_ERR_MSG_FMT(extack, "no port of group %u", group);
		return -ENOENT;
	}
	itun_port_config_put(config->vm_ports[at]);
	itun_list_remove(config->vm_ports, &config->n_vm_ports, at);
	return 0;
}

/**
 * itun_config_flush_ports() - take all ports out of a copy
 * @config: copy
 */
void itun_config_flush_ports(struct itun_config *config)
{
	while (config->n_vm_ports)
		itun_port_config_put(config->vm_ports[--config->n_vm_ports]);
}
