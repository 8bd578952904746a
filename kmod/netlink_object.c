// SPDX-License-Identifier: GPL-2.0
/* The objects of a change set: from attributes to the copy of a transaction. */
#include "netlink_change.h"

#include <linux/netdevice.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/user_namespace.h>

#include "device.h"
#include "outer.h"

static const char *itun_tunnel_name(u8 type)
{
	static const char * const names[] = {
		[IPVS_TUN_TUNNEL_TYPE_LOCAL] = "local",
		[IPVS_TUN_TUNNEL_TYPE_VXLAN] = "vxlan",
		[IPVS_TUN_TUNNEL_TYPE_GRE] = "gre",
		[IPVS_TUN_TUNNEL_TYPE_MPLS] = "mpls",
		[IPVS_TUN_TUNNEL_TYPE_GENEVE] = "geneve",
	};

	return names[type];
}

/**
 * itun_missing() - refuse an object for what it lacks
 * @change: what is asked for
 * @type: the attribute
 * @text: why it is needed
 *
 * Return: -EINVAL.
 */
int itun_missing(const struct itun_change *change, u16 type, const char *text)
{
	NL_SET_ERR_MSG_ATTR_FMT(change->extack, change->nest, "%s", text);
	NL_SET_ERR_ATTR_MISS(change->extack, change->nest, type);
	return -EINVAL;
}

/**
 * itun_blame() - a refusal by the configuration is about the object's key
 * @change: what is asked for
 * @key: the key's attribute
 * @err: 0 if it was not refused
 *
 * Return: @err.
 */
int itun_blame(const struct itun_change *change, const struct nlattr *key, int err)
{
	if (err)
		NL_SET_BAD_ATTR(change->extack, key);
	return err;
}

static int itun_compare_u32(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

/**
 * itun_count_attrs() - how often an attribute occurs
 * @nest: nest
 * @type: attribute
 */
int itun_count_attrs(const struct nlattr *nest, int type)
{
	const struct nlattr *attr;
	int rest, n = 0;

	nla_for_each_nested(attr, nest, rest)
		n += nla_type(attr) == type;
	return n;
}

/* The VNIs of an object, ascending. They fit: the caller has counted them. */
static int itun_parse_vnis(const struct itun_change *change, int type, u32 *vnis, u32 n)
{
	const struct nlattr *attr;
	int rest, err;
	u32 i = 0;

	nla_for_each_nested(attr, change->nest, rest) {
		if (nla_type(attr) != type)
			continue;
		err = itun_parse_vni(attr, &vnis[i++], change->extack);
		if (err)
			return err;
	}
	sort(vnis, n, sizeof(*vnis), itun_compare_u32, NULL);
	for (i = 1; i < n; i++) {
		if (vnis[i] == vnis[i - 1]) {
			NL_SET_ERR_MSG_ATTR_FMT(change->extack, change->nest,
						"vni %u is named twice", vnis[i]);
			return -EINVAL;
		}
	}
	return 0;
}

/**
 * itun_too_many() - refuse an object for what it has too many of
 * @change: what is asked for
 * @n: how many
 * @most: how many it may have
 * @what: what of
 *
 * Return: 0 or -E2BIG.
 */
int itun_too_many(const struct itun_change *change, int n, int most, const char *what)
{
	if (n <= most)
		return 0;
	NL_SET_ERR_MSG_ATTR_FMT(change->extack, change->nest, "%d %s are too many, at most %d",
				n, what, most);
	return -E2BIG;
}

static int itun_parse_mark_dst(const struct itun_change *change, struct itun_mark *mark)
{
	struct nlattr *dst = change->tb[IPVS_TUN_A_MARK_DST];
	struct nlattr *len = change->tb[IPVS_TUN_A_MARK_DST_LEN];

	if (dst)
		return itun_parse_prefix(dst, len, &mark->dst, &mark->dst_family, &mark->dst_len,
					 change->extack);
	if (len) {
		NL_SET_ERR_MSG_ATTR(change->extack, len,
				    "a prefix length needs its destination address");
		return -EINVAL;
	}
	return 0;
}

static int itun_parse_mark(const struct itun_change *change, struct itun_mark *mark)
{
	const u32 every_tunnel = GENMASK(IPVS_TUN_TUNNEL_TYPE_MAX, IPVS_TUN_TUNNEL_TYPE_VXLAN);
	struct nlattr **tb = change->tb;
	int err;

	if (mark->value & ~mark->mask) {
		NL_SET_ERR_MSG_ATTR_FMT(change->extack, tb[IPVS_TUN_A_MARK_VALUE],
					"mark value 0x%x has bits outside its mask 0x%x",
					mark->value, mark->mask);
		return -EINVAL;
	}
	if (tb[IPVS_TUN_A_MARK_TUNNELS]) {
		mark->tunnels = nla_get_u32(tb[IPVS_TUN_A_MARK_TUNNELS]);
		if (mark->tunnels & ~every_tunnel) {
			NL_SET_ERR_MSG_ATTR_FMT(change->extack, tb[IPVS_TUN_A_MARK_TUNNELS],
						"tunnel mask 0x%x has unknown types",
						mark->tunnels);
			return -EINVAL;
		}
		/* All of them is the same as no condition. */
		if (mark->tunnels == every_tunnel)
			mark->tunnels = 0;
	}
	err = itun_parse_mark_dst(change, mark);
	if (err)
		return err;
	if (tb[IPVS_TUN_A_MARK_PRIO])
		mark->prio = nla_get_u32(tb[IPVS_TUN_A_MARK_PRIO]);
	if (tb[IPVS_TUN_A_MARK_NAME])
		nla_strscpy(mark->name, tb[IPVS_TUN_A_MARK_NAME], sizeof(mark->name));
	return itun_parse_vnis(change, IPVS_TUN_A_MARK_VNI, mark->vnis, mark->n_vnis);
}

/**
 * itun_change_mark() - add, replace or delete a mark rule
 * @change: what is asked for
 *
 * Context: process, under RTNL and the mutex.
 * Return: 0 or a negative error number, with its text.
 */
int itun_change_mark(const struct itun_change *change)
{
	struct nlattr **tb = change->tb;
	u32 value, mask = U32_MAX;
	struct itun_mark *mark;
	int err, n;

	if (!tb[IPVS_TUN_A_MARK_VALUE])
		return itun_missing(change, IPVS_TUN_A_MARK_VALUE, "a mark rule needs its value");
	value = nla_get_u32(tb[IPVS_TUN_A_MARK_VALUE]);
	if (tb[IPVS_TUN_A_MARK_MASK])
		mask = nla_get_u32(tb[IPVS_TUN_A_MARK_MASK]);
	if (!mask) {
		NL_SET_ERR_MSG_ATTR(change->extack, tb[IPVS_TUN_A_MARK_MASK],
				    "mask 0x0 would match every packet");
		return -EINVAL;
	}
	if (change->action == IPVS_TUN_ACTION_DEL)
		return itun_blame(change, tb[IPVS_TUN_A_MARK_VALUE],
				  itun_config_del_mark(change->config, value, mask,
						       change->extack));

	n = itun_count_attrs(change->nest, IPVS_TUN_A_MARK_VNI);
	err = itun_too_many(change, n, IPVS_TUN_MAX_VNIS, "vnis");
	if (err)
		return err;
	mark = kzalloc(struct_size(mark, vnis, n), GFP_KERNEL_ACCOUNT);
	if (!mark)
		return -ENOMEM;
	refcount_set(&mark->refs, 1);
	mark->value = value;
	mark->mask = mask;
	mark->n_vnis = n;
	mark->counts = alloc_percpu_gfp(struct itun_mark_counts, GFP_KERNEL_ACCOUNT);
	err = mark->counts ? itun_parse_mark(change, mark) : -ENOMEM;
	if (!err)
		err = itun_blame(change, tb[IPVS_TUN_A_MARK_VALUE],
				 itun_config_add_mark(change->config, mark,
						      change->action == IPVS_TUN_ACTION_REPLACE,
						      change->extack));
	if (err)
		itun_mark_put(mark);
	return err;
}

static int itun_parse_peer_flags(const struct itun_change *change, struct itun_peer *peer)
{
	const u32 some = IPVS_TUN_PEER_FLAG_SEND | IPVS_TUN_PEER_FLAG_ACCEPT;
	struct nlattr *attr = change->tb[IPVS_TUN_A_PEER_FLAGS];
	u32 flags = attr ? nla_get_u32(attr) : 0;
	char text[ITUN_ADDR_TEXT];

	if (flags & IPVS_TUN_PEER_FLAG_SEND_ALWAYS)
		flags |= IPVS_TUN_PEER_FLAG_SEND;
	peer->flags = flags;
	if (!flags)
		return itun_missing(change, IPVS_TUN_A_PEER_FLAGS,
				    "a peer needs one of send, accept and none");
	if (flags & IPVS_TUN_PEER_FLAG_NONE && flags & some) {
		NL_SET_ERR_MSG_ATTR(change->extack, attr, "none excludes send and accept");
		return -EINVAL;
	}
	if (flags & IPVS_TUN_PEER_FLAG_ACCEPT && peer->prefix_len &&
	    itun_addr_is_multicast(peer->family, &peer->prefix)) {
		NL_SET_ERR_MSG_ATTR_FMT(change->extack, change->tb[IPVS_TUN_A_PEER_PREFIX],
					"%s is multicast, no source of packets to accept",
					itun_addr_text(text, peer->family, &peer->prefix));
		return -EINVAL;
	}
	return 0;
}

static int itun_parse_peer(const struct itun_change *change, struct itun_peer *peer)
{
	struct nlattr *dev = change->tb[IPVS_TUN_A_PEER_DEV];
	int err = itun_parse_peer_flags(change, peer);

	if (err)
		return err;
	if (dev) {
		nla_strscpy(peer->dev, dev, sizeof(peer->dev));
		if (!dev_valid_name(peer->dev)) {
			NL_SET_ERR_MSG_ATTR_FMT(change->extack, dev,
						"\"%s\" cannot be the name of a device",
						peer->dev);
			return -EINVAL;
		}
	}
	return itun_parse_vnis(change, IPVS_TUN_A_PEER_VNI, peer->vnis, peer->n_vnis);
}

/**
 * itun_change_peer() - add, replace or delete a peer
 * @change: what is asked for
 *
 * Context: process, under RTNL and the mutex.
 * Return: 0 or a negative error number, with its text.
 */
int itun_change_peer(const struct itun_change *change)
{
	struct nlattr *key = change->tb[IPVS_TUN_A_PEER_PREFIX];
	union itun_addr prefix;
	struct itun_peer *peer;
	u8 family, len;
	int err, n;

	if (!key)
		return itun_missing(change, IPVS_TUN_A_PEER_PREFIX, "a peer needs its prefix");
	err = itun_parse_prefix(key, change->tb[IPVS_TUN_A_PEER_PREFIX_LEN], &prefix, &family,
				&len, change->extack);
	if (err)
		return err;
	if (change->action == IPVS_TUN_ACTION_DEL)
		return itun_blame(change, key,
				  itun_config_del_peer(change->config, family, &prefix, len,
						       change->extack));

	n = itun_count_attrs(change->nest, IPVS_TUN_A_PEER_VNI);
	err = itun_too_many(change, n, IPVS_TUN_MAX_VNIS, "vnis");
	if (err)
		return err;
	peer = kzalloc(struct_size(peer, vnis, n), GFP_KERNEL_ACCOUNT);
	if (!peer)
		return -ENOMEM;
	refcount_set(&peer->refs, 1);
	peer->prefix = prefix;
	peer->family = family;
	peer->prefix_len = len;
	peer->n_vnis = n;
	err = itun_parse_peer(change, peer);
	if (!err)
		err = itun_blame(change, key,
				 itun_config_add_peer(change->config, peer,
						      change->action == IPVS_TUN_ACTION_REPLACE,
						      change->extack));
	if (err)
		itun_peer_put(peer);
	return err;
}

/**
 * itun_change_zone() - add, replace or delete a zone
 * @change: what is asked for
 *
 * Context: process, under RTNL and the mutex.
 * Return: 0 or a negative error number, with its text.
 */
int itun_change_zone(const struct itun_change *change)
{
	struct nlattr *key = change->tb[IPVS_TUN_A_ZONE_NAME];
	char name[IPVS_TUN_NAME_LEN];
	struct itun_zone_config *zone;
	int err, n;

	if (!key || nla_strscpy(name, key, sizeof(name)) <= 0)
		return itun_missing(change, IPVS_TUN_A_ZONE_NAME, "a zone needs its name");
	if (change->action == IPVS_TUN_ACTION_DEL)
		return itun_blame(change, key, itun_config_del_zone(change->config, name,
								    change->extack));

	n = itun_count_attrs(change->nest, IPVS_TUN_A_ZONE_VNI);
	if (!n)
		return itun_missing(change, IPVS_TUN_A_ZONE_VNI, "a zone needs at least one vni");
	err = itun_too_many(change, n, IPVS_TUN_MAX_VNIS, "vnis");
	if (err)
		return err;
	zone = kzalloc(struct_size(zone, vnis, n), GFP_KERNEL_ACCOUNT);
	if (!zone)
		return -ENOMEM;
	refcount_set(&zone->refs, 1);
	strscpy(zone->name, name, sizeof(zone->name));
	zone->n_vnis = n;
	err = itun_parse_vnis(change, IPVS_TUN_A_ZONE_VNI, zone->vnis, n);
	if (!err)
		err = itun_blame(change, key,
				 itun_config_add_zone(change->config, zone,
						      change->action == IPVS_TUN_ACTION_REPLACE,
						      change->extack));
	if (err)
		itun_zone_config_put(zone);
	return err;
}

/* A second mark, sent or accepted: a part of the reserved bits, and not none. */
static int itun_check_bits(const struct itun_change *change, u8 type, const struct nlattr *attr,
			   const char *what)
{
	u32 bits = nla_get_u32(attr);

	if (!bits) {
		NL_SET_ERR_MSG_ATTR_FMT(change->extack, attr, "%s 0x0 marks nothing", what);
		return -EINVAL;
	}
	if (bits & ~itun_tunnel_allowed(type)) {
		NL_SET_ERR_MSG_ATTR_FMT(change->extack, attr,
					"%s 0x%x has bits outside 0x%x, those of %s",
					what, bits, itun_tunnel_allowed(type),
					itun_tunnel_name(type));
		return -EINVAL;
	}
	return 0;
}

static int itun_set_second_mark(const struct itun_change *change, u8 type,
				struct itun_tunnel_config *tunnel)
{
	struct nlattr *attr = change->tb[IPVS_TUN_A_TUNNEL_SECOND_MARK];
	char name[IFNAMSIZ];
	u32 bits;
	int err;

	err = itun_check_bits(change, type, attr, "second mark");
	if (err)
		return err;
	bits = nla_get_u32(attr);
	if (itun_device_collision(change->in, type, bits, name)) {
		NL_SET_ERR_MSG_ATTR_FMT(change->extack, attr,
					"second mark 0x%02x collides with a bit that device %s uses",
					bits, name);
		return -EBUSY;
	}
	tunnel->second_mark = bits;
	return 0;
}

static int itun_set_accept_marks(const struct itun_change *change, u8 type,
				 struct itun_tunnel_config *tunnel)
{
	const struct nlattr *attr;
	int rest, err, n;

	n = itun_count_attrs(change->nest, IPVS_TUN_A_TUNNEL_ACCEPT_MARK);
	err = itun_too_many(change, n, IPVS_TUN_MAX_ACCEPT_MARKS, "accept marks");
	if (err)
		return err;
	tunnel->n_accept = 0;
	tunnel->accept_bits = 0;
	bitmap_zero(tunnel->accept, ITUN_TUNNEL_FIELDS);
	nla_for_each_nested(attr, change->nest, rest) {
		u32 bits;

		if (nla_type(attr) != IPVS_TUN_A_TUNNEL_ACCEPT_MARK)
			continue;
		err = itun_check_bits(change, type, attr, "accept mark");
		if (err)
			return err;
		bits = nla_get_u32(attr);
		if (__test_and_set_bit(itun_tunnel_field(type, itun_tunnel_normal(type) | bits),
				       tunnel->accept)) {
			NL_SET_ERR_MSG_ATTR_FMT(change->extack, attr,
						"accept mark 0x%02x is named twice", bits);
			return -EINVAL;
		}
		tunnel->accept_mark[tunnel->n_accept++] = bits;
		tunnel->accept_bits |= bits;
	}
	return 0;
}

static int itun_set_ports(const struct itun_change *change, struct itun_tunnel_config *tunnel)
{
	const struct nlattr *attr;
	int rest, err, n;
	u32 i;

	n = itun_count_attrs(change->nest, IPVS_TUN_A_TUNNEL_PORT);
	err = itun_too_many(change, n, IPVS_TUN_MAX_PORTS, "ports");
	if (err)
		return err;
	if (n && change->tb[IPVS_TUN_A_TUNNEL_AUTO]) {
		NL_SET_ERR_MSG_ATTR(change->extack, change->tb[IPVS_TUN_A_TUNNEL_AUTO],
				    "ports are either auto or named, not both");
		return -EINVAL;
	}
	tunnel->auto_ports = !n;
	tunnel->n_ports = 0;
	nla_for_each_nested(attr, change->nest, rest) {
		u16 port;

		if (nla_type(attr) != IPVS_TUN_A_TUNNEL_PORT)
			continue;
		port = nla_get_u16(attr);
		if (!port) {
			NL_SET_ERR_MSG_ATTR(change->extack, attr, "port 0 cannot be used");
			return -EINVAL;
		}
		for (i = 0; i < tunnel->n_ports; i++) {
			if (tunnel->port[i] == port) {
				NL_SET_ERR_MSG_ATTR_FMT(change->extack, attr,
							"port %u is named twice", port);
				return -EINVAL;
			}
		}
		tunnel->port[tunnel->n_ports++] = port;
	}
	return 0;
}

/**
 * itun_change_tunnel() - set what a tunnel type uses
 * @change: what is asked for
 *
 * Context: process, under RTNL and the mutex.
 * Return: 0 or a negative error number, with its text.
 */
int itun_change_tunnel(const struct itun_change *change)
{
	struct nlattr **tb = change->tb, *labels;
	struct itun_tunnel_config *tunnel;
	int err = 0;
	u8 type;

	if (!tb[IPVS_TUN_A_TUNNEL_TYPE])
		return itun_missing(change, IPVS_TUN_A_TUNNEL_TYPE, "a tunnel needs its type");
	type = nla_get_u8(tb[IPVS_TUN_A_TUNNEL_TYPE]);
	if (!(ITUN_TUNNELS_HANDLED & BIT(type))) {
		NL_SET_ERR_MSG_ATTR_FMT(change->extack, tb[IPVS_TUN_A_TUNNEL_TYPE],
					"tunnel type %s is not supported by this version",
					itun_tunnel_name(type));
		return -EOPNOTSUPP;
	}
	if (type == IPVS_TUN_TUNNEL_TYPE_GRE &&
	    (tb[IPVS_TUN_A_TUNNEL_AUTO] || tb[IPVS_TUN_A_TUNNEL_PORT])) {
		NL_SET_ERR_MSG_ATTR_FMT(change->extack,
					tb[IPVS_TUN_A_TUNNEL_PORT] ?: tb[IPVS_TUN_A_TUNNEL_AUTO],
					"tunnel type %s has no ports", itun_tunnel_name(type));
		return -EINVAL;
	}
	labels = tb[IPVS_TUN_A_TUNNEL_RETURN_LABEL] ?: tb[IPVS_TUN_A_TUNNEL_SYMMETRIC];
	if (labels && type != IPVS_TUN_TUNNEL_TYPE_MPLS) {
		NL_SET_ERR_MSG_ATTR_FMT(change->extack, labels, "tunnel type %s has no labels",
					itun_tunnel_name(type));
		return -EINVAL;
	}
	if (type != IPVS_TUN_TUNNEL_TYPE_GRE && tb[IPVS_TUN_A_TUNNEL_NVGRE]) {
		NL_SET_ERR_MSG_ATTR_FMT(change->extack, tb[IPVS_TUN_A_TUNNEL_NVGRE],
					"tunnel type %s has no keys", itun_tunnel_name(type));
		return -EINVAL;
	}
	if (!tb[IPVS_TUN_A_TUNNEL_SECOND_MARK] && !tb[IPVS_TUN_A_TUNNEL_ACCEPT_MARK] &&
	    !tb[IPVS_TUN_A_TUNNEL_AUTO] && !tb[IPVS_TUN_A_TUNNEL_PORT] &&
	    !tb[IPVS_TUN_A_TUNNEL_NVGRE] && !labels)
		return itun_missing(change, IPVS_TUN_A_TUNNEL_SECOND_MARK,
				    "nothing to set: no second mark, accept mark, port, nvgre or return label");

	tunnel = &change->config->tunnel[type];
	if (tb[IPVS_TUN_A_TUNNEL_SECOND_MARK])
		err = itun_set_second_mark(change, type, tunnel);
	if (!err && tb[IPVS_TUN_A_TUNNEL_ACCEPT_MARK])
		err = itun_set_accept_marks(change, type, tunnel);
	if (!err && (tb[IPVS_TUN_A_TUNNEL_AUTO] || tb[IPVS_TUN_A_TUNNEL_PORT]))
		err = itun_set_ports(change, tunnel);
	if (!err && labels)
		err = itun_change_return_labels(change);
	if (!err && type == IPVS_TUN_TUNNEL_TYPE_MPLS)
		err = itun_check_return_labels(change);
	if (!err && tb[IPVS_TUN_A_TUNNEL_NVGRE])
		tunnel->nvgre = nla_get_u8(tb[IPVS_TUN_A_TUNNEL_NVGRE]);
	return err;
}

/**
 * itun_change_timeout() - set the timeout of a state
 * @change: what is asked for
 *
 * Context: process, under RTNL and the mutex.
 * Return: 0 or a negative error number, with its text.
 */
int itun_change_timeout(const struct itun_change *change)
{
	struct nlattr **tb = change->tb;

	if (!tb[IPVS_TUN_A_TIMEOUT_STATE])
		return itun_missing(change, IPVS_TUN_A_TIMEOUT_STATE, "a timeout needs its state");
	if (!tb[IPVS_TUN_A_TIMEOUT_SECONDS])
		return itun_missing(change, IPVS_TUN_A_TIMEOUT_SECONDS,
				    "a timeout needs its seconds");
	/* The policy keeps both within range: 2000000 s fit 31 bits of jiffies. */
	change->config->timeout[nla_get_u8(tb[IPVS_TUN_A_TIMEOUT_STATE])] =
		nla_get_u32(tb[IPVS_TUN_A_TIMEOUT_SECONDS]) * HZ;
	return 0;
}

/**
 * itun_change_limit() - set limits
 * @change: what is asked for
 *
 * Context: process, under RTNL and the mutex.
 * Return: 0 or a negative error number, with its text.
 */
int itun_change_limit(const struct itun_change *change)
{
	struct nlattr *sessions = change->tb[IPVS_TUN_A_LIMIT_SESSIONS];
	struct nlattr *per_vni = change->tb[IPVS_TUN_A_LIMIT_SESSIONS_PER_VNI];
	struct nlattr *accounting = change->tb[IPVS_TUN_A_LIMIT_ACCOUNTING];
	struct itun_config *config = change->config;

	if (!sessions && !per_vni && !accounting)
		return itun_missing(change, IPVS_TUN_A_LIMIT_SESSIONS, "no limit is named");
	if (sessions)
		config->limit_sessions = nla_get_u32(sessions);
	if (!config->limit_sessions || config->limit_sessions > INT_MAX) {
		NL_SET_ERR_MSG_ATTR_FMT(change->extack, sessions,
					"a limit of %u sessions is not within 1 to %d",
					config->limit_sessions, INT_MAX);
		return -ERANGE;
	}
	/* Sessions are made in softirq: no memory group is charged for them. */
	if (sessions && change->in->net->user_ns != &init_user_ns &&
	    config->limit_sessions > itun_config_default.limit_sessions) {
		NL_SET_ERR_MSG_ATTR_FMT(change->extack, sessions,
					"a user namespace may have at most %u sessions",
					itun_config_default.limit_sessions);
		return -EPERM;
	}
	if (per_vni)
		config->limit_per_vni = nla_get_u32(per_vni);
	if (config->limit_per_vni > INT_MAX) {
		NL_SET_ERR_MSG_ATTR_FMT(change->extack, per_vni,
					"a limit of %u sessions per vni is above %d",
					config->limit_per_vni, INT_MAX);
		return -ERANGE;
	}
	if (accounting)
		config->accounting = nla_get_u8(accounting);
	return 0;
}

/**
 * itun_change_pause() - pause steps, or let them go on
 * @change: what is asked for
 *
 * Context: process, under RTNL and the mutex.
 * Return: 0 or a negative error number, with its text.
 */
int itun_change_pause(const struct itun_change *change)
{
	struct nlattr *attr = change->tb[IPVS_TUN_A_PAUSE_STEPS];
	u32 steps = attr ? nla_get_u32(attr) : 0;

	if (!steps)
		return itun_missing(change, IPVS_TUN_A_PAUSE_STEPS, "no step is named");
	if (change->action == IPVS_TUN_ACTION_ADD)
		change->config->paused |= steps;
	else
		change->config->paused &= ~steps;
	return 0;
}
