// SPDX-License-Identifier: GPL-2.0
/* Dumps of the configuration, and of what its objects have counted and found. */
#include "netlink.h"

#include <linux/rtnetlink.h>

#include "device.h"
#include "endpoint.h"
#include "outer.h"

/**
 * itun_put_limits() - the limits as a nest
 * @skb: message
 * @config: a snapshot
 *
 * Return: 0 or -EMSGSIZE.
 */
int itun_put_limits(struct sk_buff *skb, const struct itun_config *config)
{
	struct nlattr *nest = nla_nest_start(skb, IPVS_TUN_A_MESSAGE_LIMIT);

	if (!nest ||
	    nla_put_u32(skb, IPVS_TUN_A_LIMIT_SESSIONS, config->limit_sessions) ||
	    nla_put_u32(skb, IPVS_TUN_A_LIMIT_SESSIONS_PER_VNI, config->limit_per_vni) ||
	    nla_put_u8(skb, IPVS_TUN_A_LIMIT_ACCOUNTING, config->accounting))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

int ipvs_tun_nl_limit_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct itun_net *in = itun_net(genl_info_net(info));
	struct itun_reply reply;
	int err;

	err = itun_reply_begin(&reply, info, NLMSG_DEFAULT_SIZE);
	if (err)
		return err;
	rcu_read_lock();
	err = itun_put_limits(reply.skb, itun_config_shown(in));
	rcu_read_unlock();
	return itun_reply_send(&reply, info, err);
}

static int itun_put_vnis(struct sk_buff *skb, u16 type, const u32 *vnis, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (nla_put_u32(skb, type, vnis[i]))
			return -EMSGSIZE;
	return 0;
}

/* Dumps that have one message for each of a list's objects. */
struct itun_list_dump {
	u8 cmd;
	u16 type;		/* IPVS_TUN_A_MESSAGE_*, the nest around an object */
	u32 (*length)(const struct itun_config *config);
	int (*put)(struct sk_buff *skb, const struct itun_config *config, u32 i);
};

static int itun_dump_list(struct sk_buff *skb, struct netlink_callback *cb,
			  const struct itun_list_dump *dump)
{
	struct itun_net *in = itun_dump_net(cb);
	const struct itun_config *config;
	int err = 0;

	rcu_read_lock();
	config = itun_config_shown(in);
	cb->seq = itun_config_seq(config);
	for (; cb->args[0] < dump->length(config); cb->args[0]++) {
		void *header = itun_dump_begin(skb, cb, dump->cmd);
		struct nlattr *nest = header ? nla_nest_start(skb, dump->type) : NULL;

		err = nest ? dump->put(skb, config, cb->args[0]) : -EMSGSIZE;
		if (err) {
			genlmsg_cancel(skb, header);
			break;
		}
		nla_nest_end(skb, nest);
		genlmsg_end(skb, header);
	}
	rcu_read_unlock();
	return itun_dump_result(skb, err);
}

static u32 itun_marks_length(const struct itun_config *config)
{
	return config->n_marks;
}

static int itun_put_mark(struct sk_buff *skb, const struct itun_config *config, u32 i)
{
	const struct itun_mark *mark = config->marks[i];
	u64 packets = 0, not_ready = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct itun_mark_counts *counts = per_cpu_ptr(mark->counts, cpu);

		packets += READ_ONCE(counts->packets);
		not_ready += READ_ONCE(counts->not_ready);
	}
	if (nla_put_u32(skb, IPVS_TUN_A_MARK_VALUE, mark->value) ||
	    nla_put_u32(skb, IPVS_TUN_A_MARK_MASK, mark->mask) ||
	    (mark->tunnels && nla_put_u32(skb, IPVS_TUN_A_MARK_TUNNELS, mark->tunnels)) ||
	    itun_put_vnis(skb, IPVS_TUN_A_MARK_VNI, mark->vnis, mark->n_vnis) ||
	    (mark->dst_family &&
	     (itun_put_addr(skb, IPVS_TUN_A_MARK_DST, mark->dst_family, &mark->dst) ||
	      nla_put_u8(skb, IPVS_TUN_A_MARK_DST_LEN, mark->dst_len))) ||
	    nla_put_u32(skb, IPVS_TUN_A_MARK_PRIO, mark->prio) ||
	    (mark->name[0] && nla_put_string(skb, IPVS_TUN_A_MARK_NAME, mark->name)) ||
	    nla_put_u64_64bit(skb, IPVS_TUN_A_MARK_PACKETS, packets, IPVS_TUN_A_MARK_PAD) ||
	    nla_put_u64_64bit(skb, IPVS_TUN_A_MARK_NOT_READY, not_ready, IPVS_TUN_A_MARK_PAD))
		return -EMSGSIZE;
	return 0;
}

int ipvs_tun_nl_mark_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	static const struct itun_list_dump dump = {
		IPVS_TUN_CMD_MARK_GET, IPVS_TUN_A_MESSAGE_MARK, itun_marks_length, itun_put_mark,
	};

	return itun_dump_list(skb, cb, &dump);
}

static u32 itun_zones_length(const struct itun_config *config)
{
	return config->n_zones;
}

static int itun_put_zone(struct sk_buff *skb, const struct itun_config *config, u32 i)
{
	const struct itun_zone_config *zone = config->zones[i];

	if (nla_put_string(skb, IPVS_TUN_A_ZONE_NAME, zone->name) ||
	    itun_put_vnis(skb, IPVS_TUN_A_ZONE_VNI, zone->vnis, zone->n_vnis) ||
	    nla_put_u32(skb, IPVS_TUN_A_ZONE_ID, zone->vnis[0]))
		return -EMSGSIZE;
	return 0;
}

int ipvs_tun_nl_zone_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	static const struct itun_list_dump dump = {
		IPVS_TUN_CMD_ZONE_GET, IPVS_TUN_A_MESSAGE_ZONE, itun_zones_length, itun_put_zone,
	};

	return itun_dump_list(skb, cb, &dump);
}

static u32 itun_timeouts_length(const struct itun_config *config)
{
	return ITUN_STATES;
}

static int itun_put_timeout(struct sk_buff *skb, const struct itun_config *config, u32 i)
{
	if (nla_put_u8(skb, IPVS_TUN_A_TIMEOUT_STATE, i) ||
	    nla_put_u32(skb, IPVS_TUN_A_TIMEOUT_SECONDS, config->timeout[i] / HZ))
		return -EMSGSIZE;
	return 0;
}

int ipvs_tun_nl_timeout_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	static const struct itun_list_dump dump = {
		IPVS_TUN_CMD_TIMEOUT_GET, IPVS_TUN_A_MESSAGE_TIMEOUT, itun_timeouts_length,
		itun_put_timeout,
	};

	return itun_dump_list(skb, cb, &dump);
}

static int itun_put_tunnel_warning(void *arg, const char *text)
{
	return nla_put_string(arg, IPVS_TUN_A_TUNNEL_WARNING, text);
}

/* Under RTNL and the mutex, for the devices and their ports. */
static int itun_put_tunnel(struct sk_buff *skb, struct itun_net *in,
			   const struct itun_config *config, u8 type)
{
	const struct itun_tunnel_config *tunnel = &config->tunnel[type];
	const struct itun_ports *ports;
	struct nlattr *nest;
	u32 i;

	nest = nla_nest_start(skb, IPVS_TUN_A_MESSAGE_TUNNEL);
	if (!nest ||
	    nla_put_u8(skb, IPVS_TUN_A_TUNNEL_TYPE, type) ||
	    nla_put_u32(skb, IPVS_TUN_A_TUNNEL_SECOND_MARK, tunnel->second_mark))
		return -EMSGSIZE;
	for (i = 0; i < tunnel->n_accept; i++)
		if (nla_put_u32(skb, IPVS_TUN_A_TUNNEL_ACCEPT_MARK, tunnel->accept_mark[i]))
			return -EMSGSIZE;
	if (type == IPVS_TUN_TUNNEL_TYPE_GRE &&
	    nla_put_u8(skb, IPVS_TUN_A_TUNNEL_NVGRE, tunnel->nvgre))
		return -EMSGSIZE;
	if (tunnel->auto_ports && nla_put_flag(skb, IPVS_TUN_A_TUNNEL_AUTO))
		return -EMSGSIZE;
	for (i = 0; i < tunnel->n_ports; i++)
		if (nla_put_u16(skb, IPVS_TUN_A_TUNNEL_PORT, tunnel->port[i]))
			return -EMSGSIZE;
	ports = rcu_dereference_protected(in->ports, lockdep_is_held(&in->mutex));
	for (i = 0; ports && i < ports->n; i++)
		if (ports->type[i] == type &&
		    nla_put_u16(skb, IPVS_TUN_A_TUNNEL_PORT_IN_USE, ntohs(ports->port[i])))
			return -EMSGSIZE;
	if (nla_put_u32(skb, IPVS_TUN_A_TUNNEL_NORMAL, itun_tunnel_normal(type)) ||
	    nla_put_u32(skb, IPVS_TUN_A_TUNNEL_ALLOWED, itun_tunnel_allowed(type)))
		return -EMSGSIZE;
	if (type == IPVS_TUN_TUNNEL_TYPE_MPLS && itun_put_return_labels(skb, config))
		return -EMSGSIZE;
	/* What does not fit is left out: each says the same of another device. */
	itun_device_warnings(in, config, type, itun_put_tunnel_warning, skb);
	nla_nest_end(skb, nest);
	return 0;
}

int ipvs_tun_nl_tunnel_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct itun_net *in = itun_dump_net(cb);
	const struct itun_config *config;
	void *header;
	int err = 0;

	rtnl_lock();
	mutex_lock(&in->mutex);
	config = rcu_dereference_protected(in->config, lockdep_is_held(&in->mutex));
	if (!config)
		config = &itun_config_default;
	cb->seq = itun_config_seq(config);
	/* args[0] is the next type. */
	for (; cb->args[0] < ITUN_TUNNELS; cb->args[0]++) {
		if (!(ITUN_TUNNELS_HANDLED & BIT(cb->args[0])))
			continue;
		header = itun_dump_begin(skb, cb, IPVS_TUN_CMD_TUNNEL_GET);
		err = header ? itun_put_tunnel(skb, in, config, cb->args[0]) : -EMSGSIZE;
		if (err) {
			genlmsg_cancel(skb, header);
			break;
		}
		genlmsg_end(skb, header);
	}
	mutex_unlock(&in->mutex);
	rtnl_unlock();
	return itun_dump_result(skb, err);
}

/**
 * itun_put_peer_key() - what tells peers apart
 * @skb: message, in the peer's nest
 * @family: 4 or 6
 * @prefix: prefix
 * @len: its length
 *
 * Return: 0 or -EMSGSIZE.
 */
int itun_put_peer_key(struct sk_buff *skb, u8 family, const union itun_addr *prefix, u8 len)
{
	if (itun_put_addr(skb, IPVS_TUN_A_PEER_PREFIX, family, prefix) ||
	    nla_put_u8(skb, IPVS_TUN_A_PEER_PREFIX_LEN, len))
		return -EMSGSIZE;
	return 0;
}

static int itun_put_endpoint_counts(struct sk_buff *skb, const struct itun_endpoint *endpoint)
{
	struct itun_endpoint_counts sum = {};
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct itun_endpoint_counts *counts = per_cpu_ptr(endpoint->counts, cpu);

		sum.marked += READ_ONCE(counts->marked);
		sum.recorded += READ_ONCE(counts->recorded);
		sum.untrusted += READ_ONCE(counts->untrusted);
	}
	if (nla_put_u64_64bit(skb, IPVS_TUN_A_ENDPOINT_MARKED, sum.marked,
			      IPVS_TUN_A_ENDPOINT_PAD) ||
	    nla_put_u64_64bit(skb, IPVS_TUN_A_ENDPOINT_RECORDED, sum.recorded,
			      IPVS_TUN_A_ENDPOINT_PAD) ||
	    nla_put_u64_64bit(skb, IPVS_TUN_A_ENDPOINT_UNTRUSTED, sum.untrusted,
			      IPVS_TUN_A_ENDPOINT_PAD))
		return -EMSGSIZE;
	return 0;
}

static int itun_put_endpoint_state(struct sk_buff *skb, const struct itun_endpoint *endpoint)
{
	u32 i;

	if (itun_put_addr(skb, IPVS_TUN_A_ENDPOINT_ADDRESS, endpoint->key.family,
			  &endpoint->key.addr) ||
	    nla_put_u8(skb, IPVS_TUN_A_ENDPOINT_TUNNEL, endpoint->key.type) ||
	    nla_put_u32(skb, IPVS_TUN_A_ENDPOINT_STATE, endpoint->state) ||
	    (endpoint->reason &&
	     nla_put_string(skb, IPVS_TUN_A_ENDPOINT_REASON, endpoint->reason)))
		return -EMSGSIZE;
	if (!endpoint->answered)
		return 0;
	if (nla_put_u32(skb, IPVS_TUN_A_ENDPOINT_LAST_SEEN,
			(jiffies - endpoint->answered_at) / HZ) ||
	    nla_put_string(skb, IPVS_TUN_A_ENDPOINT_VERSION, endpoint->version) ||
	    nla_put_u32(skb, IPVS_TUN_A_ENDPOINT_PROTOCOL_VERSION,
			endpoint->protocol_version) ||
	    nla_put_u32(skb, IPVS_TUN_A_ENDPOINT_TUNNELS, endpoint->tunnels))
		return -EMSGSIZE;
	for (i = 0; i < endpoint->n_accept; i++)
		if (nla_put_u32(skb, IPVS_TUN_A_ENDPOINT_ACCEPT_MARK, endpoint->accept_mark[i]))
			return -EMSGSIZE;
	return 0;
}

/**
 * itun_put_endpoint() - an endpoint as a nest
 * @skb: message, in its peer's nest
 * @endpoint: under RCU; its lock is taken
 *
 * Context: any but hard interrupts.
 * Return: 0, or -EMSGSIZE and nothing of it is in @skb.
 */
int itun_put_endpoint(struct sk_buff *skb, struct itun_endpoint *endpoint)
{
	struct nlattr *nest = nla_nest_start(skb, IPVS_TUN_A_PEER_ENDPOINT);
	int err;

	if (!nest)
		return -EMSGSIZE;
	spin_lock_bh(&endpoint->lock);
	err = itun_put_endpoint_state(skb, endpoint);
	spin_unlock_bh(&endpoint->lock);
	if (!err)
		err = itun_put_endpoint_counts(skb, endpoint);
	if (err) {
		nla_nest_cancel(skb, nest);
		return err;
	}
	nla_nest_end(skb, nest);
	return 0;
}

/* Where a dump of peers stands. A peer with many endpoints is continued in a
 * further message with the same prefix.
 */
struct itun_peer_dump {
	u32 peer;
	u16 continued;
	u16 kind;		/* for a whole address: of the next of its endpoints */
	struct itun_place place;
};

struct itun_peer_fill {
	struct sk_buff *skb;
	const struct itun_config *config;
	const struct itun_peer *peer;
	u32 n;
};

static int itun_put_endpoint_of_peer(void *object, void *arg)
{
	struct itun_endpoint *endpoint = object;
	struct itun_peer_fill *fill = arg;
	const struct itun_peer *peer = fill->peer;
	int err;

	if (endpoint->key.family != peer->family ||
	    !itun_addr_in_prefix(&endpoint->key.addr, &peer->prefix, peer->family,
				 peer->prefix_len) ||
	    itun_config_peer(fill->config, peer->family, &endpoint->key.addr) != peer)
		return 0;
	err = itun_put_endpoint(fill->skb, endpoint);
	if (!err)
		fill->n++;
	return err;
}

static int itun_put_endpoints(struct itun_net *in, struct itun_peer_fill *fill,
			      struct itun_peer_dump *dump, struct netlink_callback *cb)
{
	/* What an address can be an endpoint of. */
	static const struct {
		u8 type, carrier;
	} kinds[] = {
		{ IPVS_TUN_TUNNEL_TYPE_VXLAN },
		{ IPVS_TUN_TUNNEL_TYPE_GRE },
		{ IPVS_TUN_TUNNEL_TYPE_MPLS },
		{ IPVS_TUN_TUNNEL_TYPE_MPLS, ITUN_MPLS_OVER_GRE },
		{ IPVS_TUN_TUNNEL_TYPE_MPLS, ITUN_MPLS_OVER_UDP },
		{ IPVS_TUN_TUNNEL_TYPE_GENEVE },
	};
	const struct itun_peer *peer = fill->peer;
	struct itun_endpoint *endpoint;
	int err;

	if (peer->prefix_len < itun_addr_len(peer->family) * 8)
		return itun_table_dump(&in->endpoints, &dump->place, UINT_MAX, fill->skb, cb,
				       itun_put_endpoint_of_peer, fill);
	/* Whole addresses are what a large configuration has most of. */
	for (; dump->kind < ARRAY_SIZE(kinds); dump->kind++) {
		endpoint = itun_endpoint_find(in, kinds[dump->kind].type,
					      kinds[dump->kind].carrier, peer->family,
					      &peer->prefix);
		err = endpoint ? itun_put_endpoint_of_peer(endpoint, fill) : 0;
		if (err)
			return err;
	}
	return 0;
}

/* One message: a peer, and as many of its endpoints as fit. */
static int itun_dump_peer(struct itun_net *in, struct itun_peer_fill *fill,
			  struct itun_peer_dump *dump, struct netlink_callback *cb)
{
	const struct itun_peer *peer = fill->peer;
	struct sk_buff *skb = fill->skb;
	void *header = itun_dump_begin(skb, cb, IPVS_TUN_CMD_PEER_GET);
	struct nlattr *nest = header ? nla_nest_start(skb, IPVS_TUN_A_MESSAGE_PEER) : NULL;
	int err;

	if (!nest || itun_put_peer_key(skb, peer->family, &peer->prefix, peer->prefix_len) ||
	    nla_put_u32(skb, IPVS_TUN_A_PEER_FLAGS, peer->flags) ||
	    (peer->dev[0] && nla_put_string(skb, IPVS_TUN_A_PEER_DEV, peer->dev)) ||
	    itun_put_vnis(skb, IPVS_TUN_A_PEER_VNI, peer->vnis, peer->n_vnis)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	fill->n = 0;
	err = itun_put_endpoints(in, fill, dump, cb);
	/* Nothing of it fits behind the messages before: the next buffer is
	 * empty. Or nothing was left of a peer that is continued.
	 */
	if (!fill->n && (err || dump->continued)) {
		genlmsg_cancel(skb, header);
		return err;
	}
	nla_nest_end(skb, nest);
	genlmsg_end(skb, header);
	dump->continued = !!err;
	return err;
}

int ipvs_tun_nl_peer_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct itun_peer_dump *dump = (void *)cb->ctx;
	struct itun_net *in = itun_dump_net(cb);
	struct itun_peer_fill fill = { .skb = skb };
	int err = 0;

	BUILD_BUG_ON(sizeof(*dump) > sizeof(cb->ctx));
	while (!err) {
		rcu_read_lock();
		fill.config = itun_config_shown(in);
		cb->seq = itun_config_seq(fill.config);
		if (dump->peer >= fill.config->n_peers) {
			rcu_read_unlock();
			break;
		}
		fill.peer = fill.config->peers[dump->peer];
		err = itun_dump_peer(in, &fill, dump, cb);
		rcu_read_unlock();
		if (!err) {
			dump->peer++;
			dump->continued = 0;
			dump->kind = 0;
			memset(&dump->place, 0, sizeof(dump->place));
		}
		cond_resched();
	}
	return itun_dump_result(skb, err);
}
