// SPDX-License-Identifier: GPL-2.0
/* Sessions: filter, dump, count, flush. */
#include "netlink.h"

#include <linux/etherdevice.h>

#include "session.h"

/* Buckets between two points at which others may run. */
#define ITUN_DUMP_BUCKETS	1024
#define ITUN_FLUSH_PASSES	4

struct itun_filter_prefix {
	u8 family;			/* 0: any address */
	u8 len;
	union itun_addr addr;
};

struct itun_filter {
	u32 set;			/* mask of BIT(IPVS_TUN_A_FILTER_*) that count */
	struct itun_filter_prefix src, dst, vtep;
	__be16 sport, dport;
	u8 protocol, tunnel, state;
	u32 vni;
	u8 mac[ETH_ALEN];
};

static int itun_put_account(struct sk_buff *skb, struct itun_session *session)
{
	const struct itun_account *account = itun_session_account(session);

	if (!account)
		return 0;
	if (nla_put_u64_64bit(skb, IPVS_TUN_A_SESSION_FWD_PACKETS,
			      atomic64_read(&account->fwd_packets), IPVS_TUN_A_SESSION_PAD) ||
	    nla_put_u64_64bit(skb, IPVS_TUN_A_SESSION_FWD_BYTES,
			      atomic64_read(&account->fwd_bytes), IPVS_TUN_A_SESSION_PAD) ||
	    nla_put_u64_64bit(skb, IPVS_TUN_A_SESSION_REV_PACKETS,
			      atomic64_read(&account->rev_packets), IPVS_TUN_A_SESSION_PAD) ||
	    nla_put_u64_64bit(skb, IPVS_TUN_A_SESSION_REV_BYTES,
			      atomic64_read(&account->rev_bytes), IPVS_TUN_A_SESSION_PAD))
		return -EMSGSIZE;
	return 0;
}

static int itun_put_way(struct sk_buff *skb, const struct itun_path_key *key)
{
	bool station = itun_path_is_station(key);

	if (station && nla_put(skb, IPVS_TUN_A_SESSION_VTEP_MAC, sizeof(key->mac), key->mac))
		return -EMSGSIZE;
	if (!station && nla_put(skb, IPVS_TUN_A_SESSION_MAC, sizeof(key->mac), key->mac))
		return -EMSGSIZE;
	if (!station && !itun_path_is_local(key) &&
	    itun_put_addr(skb, IPVS_TUN_A_SESSION_VTEP, key->family, &key->remote))
		return -EMSGSIZE;
	if (nla_put_u32(skb, IPVS_TUN_A_SESSION_VNI, key->id) ||
	    (!itun_addr_is_zero(&key->local) &&
	     itun_put_addr(skb, IPVS_TUN_A_SESSION_LOCAL, key->family, &key->local)) ||
	    nla_put_u32(skb, IPVS_TUN_A_SESSION_IFINDEX, key->ifindex) ||
	    nla_put_u8(skb, IPVS_TUN_A_SESSION_TUNNEL, key->type))
		return -EMSGSIZE;
	return 0;
}

static int itun_put_life(struct sk_buff *skb, struct itun_session *session,
			 const struct itun_config *config)
{
	u32 word = READ_ONCE(session->word), flags = 0;
	long expires = itun_session_expires(session, config);

	if (word & ITUN_SEEN_REPLY)
		flags |= IPVS_TUN_SESSION_FLAG_REPLIED;
	if (word & ITUN_STATIC)
		flags |= IPVS_TUN_SESSION_FLAG_STATIC;
	/* Rounded up: 0 is for those that have expired. */
	expires = expires > 0 ? expires : 0;
	if (nla_put_u8(skb, IPVS_TUN_A_SESSION_STATE, word & ITUN_STATE_MASK) ||
	    nla_put_u32(skb, IPVS_TUN_A_SESSION_FLAGS, flags) ||
	    nla_put_u32(skb, IPVS_TUN_A_SESSION_AGE,
			((u32)jiffies - READ_ONCE(session->created)) / HZ) ||
	    (!(word & ITUN_STATIC) &&
	     nla_put_u32(skb, IPVS_TUN_A_SESSION_EXPIRES, DIV_ROUND_UP((u32)expires, HZ))))
		return -EMSGSIZE;
	return 0;
}

/**
 * itun_put_session() - a session as a nest
 * @skb: message
 * @session: under RCU
 * @config: a snapshot, for the timeouts
 *
 * Context: any, under RCU.
 * Return: 0 or -EMSGSIZE.
 */
int itun_put_session(struct sk_buff *skb, struct itun_session *session,
		     const struct itun_config *config)
{
	const struct itun_path *path = rcu_dereference(session->path);
	struct nlattr *nest = nla_nest_start(skb, IPVS_TUN_A_MESSAGE_SESSION);
	struct itun_tuple tuple;

	itun_session_tuple(session, &tuple);
	if (!nest ||
	    itun_put_addr(skb, IPVS_TUN_A_SESSION_SRC, tuple.family, &tuple.src) ||
	    itun_put_addr(skb, IPVS_TUN_A_SESSION_DST, tuple.family, &tuple.dst) ||
	    nla_put_u16(skb, IPVS_TUN_A_SESSION_SPORT, ntohs(tuple.sport)) ||
	    nla_put_u16(skb, IPVS_TUN_A_SESSION_DPORT, ntohs(tuple.dport)) ||
	    nla_put_u8(skb, IPVS_TUN_A_SESSION_PROTOCOL, tuple.protocol) ||
	    nla_put_u32(skb, IPVS_TUN_A_SESSION_ZONE, itun_session_zone(session)) ||
	    itun_put_way(skb, &path->key) ||
	    itun_put_life(skb, session, config) ||
	    itun_put_account(skb, session))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int itun_filter_parse_prefix(struct nlattr **tb, u16 type, u16 len_type,
				    struct itun_filter_prefix *prefix,
				    struct netlink_ext_ack *extack)
{
	if (tb[type])
		return itun_parse_prefix(tb[type], tb[len_type], &prefix->addr, &prefix->family,
					 &prefix->len, extack);
	if (tb[len_type]) {
		NL_SET_ERR_MSG_ATTR(extack, tb[len_type], "a prefix length needs its address");
		return -EINVAL;
	}
	return 0;
}

/* Reads the filter of a request; @attr is NULL if there is none. */
static int itun_filter_parse(const struct nlattr *attr, struct itun_filter *filter,
			     struct netlink_ext_ack *extack)
{
	struct nlattr *tb[IPVS_TUN_A_FILTER_MAX + 1];
	int i, err;

	memset(filter, 0, sizeof(*filter));
	if (!attr)
		return 0;
	err = nla_parse_nested(tb, IPVS_TUN_A_FILTER_MAX, attr, ipvs_tun_filter_nl_policy, extack);
	if (!err)
		err = itun_filter_parse_prefix(tb, IPVS_TUN_A_FILTER_SRC,
					       IPVS_TUN_A_FILTER_SRC_LEN, &filter->src, extack);
	if (!err)
		err = itun_filter_parse_prefix(tb, IPVS_TUN_A_FILTER_DST,
					       IPVS_TUN_A_FILTER_DST_LEN, &filter->dst, extack);
	if (!err)
		err = itun_filter_parse_prefix(tb, IPVS_TUN_A_FILTER_VTEP,
					       IPVS_TUN_A_FILTER_VTEP_LEN, &filter->vtep, extack);
	if (!err && tb[IPVS_TUN_A_FILTER_VNI])
		err = itun_parse_vni(tb[IPVS_TUN_A_FILTER_VNI], &filter->vni, extack);
	if (err)
		return err;

	for (i = 1; i <= IPVS_TUN_A_FILTER_MAX; i++)
		if (tb[i])
			filter->set |= BIT(i);
	if (tb[IPVS_TUN_A_FILTER_SPORT])
		filter->sport = htons(nla_get_u16(tb[IPVS_TUN_A_FILTER_SPORT]));
	if (tb[IPVS_TUN_A_FILTER_DPORT])
		filter->dport = htons(nla_get_u16(tb[IPVS_TUN_A_FILTER_DPORT]));
	if (tb[IPVS_TUN_A_FILTER_PROTOCOL])
		filter->protocol = nla_get_u8(tb[IPVS_TUN_A_FILTER_PROTOCOL]);
	if (tb[IPVS_TUN_A_FILTER_TUNNEL])
		filter->tunnel = nla_get_u8(tb[IPVS_TUN_A_FILTER_TUNNEL]);
	if (tb[IPVS_TUN_A_FILTER_STATE])
		filter->state = nla_get_u8(tb[IPVS_TUN_A_FILTER_STATE]);
	if (tb[IPVS_TUN_A_FILTER_MAC])
		ether_addr_copy(filter->mac, nla_data(tb[IPVS_TUN_A_FILTER_MAC]));
	return 0;
}

static bool itun_filter_covers(const struct itun_filter_prefix *prefix, u8 family,
			       const union itun_addr *addr)
{
	return !prefix->family ||
	       (prefix->family == family &&
		itun_addr_in_prefix(addr, &prefix->addr, family, prefix->len));
}

static bool itun_filter_wants(const struct itun_filter *filter, u16 type)
{
	return filter->set & BIT(type);
}

static bool itun_filter_tuple(const struct itun_filter *filter, const struct itun_tuple *tuple)
{
	if (itun_filter_wants(filter, IPVS_TUN_A_FILTER_PROTOCOL) &&
	    filter->protocol != tuple->protocol)
		return false;
	if (itun_filter_wants(filter, IPVS_TUN_A_FILTER_SPORT) && filter->sport != tuple->sport)
		return false;
	if (itun_filter_wants(filter, IPVS_TUN_A_FILTER_DPORT) && filter->dport != tuple->dport)
		return false;
	return itun_filter_covers(&filter->src, tuple->family, &tuple->src) &&
	       itun_filter_covers(&filter->dst, tuple->family, &tuple->dst);
}

static bool itun_filter_way(const struct itun_filter *filter, const struct itun_path_key *key)
{
	if (itun_filter_wants(filter, IPVS_TUN_A_FILTER_VNI) && filter->vni != key->id)
		return false;
	if (itun_filter_wants(filter, IPVS_TUN_A_FILTER_TUNNEL) && filter->tunnel != key->type)
		return false;
	if (itun_filter_wants(filter, IPVS_TUN_A_FILTER_MAC) &&
	    (itun_path_is_station(key) ||
	     !ether_addr_equal_unaligned(filter->mac, key->mac)))
		return false;
	return itun_filter_covers(&filter->vtep, key->family, &key->remote);
}

/**
 * itun_session_present() - is a session there for a lookup?
 * @session: under RCU
 * @config: the snapshot in force
 *
 * Expired means absent, and so does a path that is dead or no longer trusted.
 *
 * Context: BH off, under RCU.
 */
bool itun_session_present(struct itun_session *session, const struct itun_config *config)
{
	return itun_session_alive(session, config) &&
	       itun_path_usable(rcu_dereference(session->path), config);
}

/* BH off, under RCU. */
static bool itun_filter_match(const struct itun_filter *filter, struct itun_session *session,
			      const struct itun_config *config)
{
	struct itun_tuple tuple;

	if (!itun_session_present(session, config))
		return false;
	if (!filter->set)
		return true;
	if (itun_filter_wants(filter, IPVS_TUN_A_FILTER_STATE) &&
	    filter->state != (READ_ONCE(session->word) & ITUN_STATE_MASK))
		return false;
	if (!itun_filter_way(filter, &rcu_dereference(session->path)->key))
		return false;
	itun_session_tuple(session, &tuple);
	return itun_filter_tuple(filter, &tuple);
}

/* Where a dump of sessions stands. */
struct itun_session_dump {
	u32 table;
	struct itun_place place;
};

struct itun_session_fill {
	struct sk_buff *skb;
	struct netlink_callback *cb;
	const struct itun_config *config;
	struct itun_filter filter;
};

static int itun_dump_session(void *object, void *arg)
{
	struct itun_session *session = object;
	struct itun_session_fill *fill = arg;
	void *header;
	int err;

	if (!itun_filter_match(&fill->filter, session, fill->config))
		return 0;
	header = itun_dump_begin(fill->skb, fill->cb, IPVS_TUN_CMD_SESSION_GET);
	if (!header)
		return -EMSGSIZE;
	err = itun_put_session(fill->skb, session, fill->config);
	if (err) {
		genlmsg_cancel(fill->skb, header);
		return err;
	}
	genlmsg_end(fill->skb, header);
	return 0;
}

int ipvs_tun_nl_session_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	const struct genl_info *info = genl_info_dump(cb);
	struct itun_session_dump *dump = (void *)cb->ctx;
	struct itun_net *in = itun_dump_net(cb);
	struct itun_session_fill fill = { .skb = skb, .cb = cb };
	int err;

	BUILD_BUG_ON(sizeof(*dump) > sizeof(cb->ctx));
	if (!itun_netlink_allowed(cb->skb, in->net, "reading sessions", cb->extack))
		return -EPERM;
	/* Parsed for each buffer: there is nobody to free it after the dump. */
	err = itun_filter_parse(info->attrs ? info->attrs[IPVS_TUN_A_MESSAGE_FILTER] : NULL,
				&fill.filter, cb->extack);
	if (err)
		return err;

	cb->seq = 1;
	while (dump->table < 2) {
		rcu_read_lock();
		local_bh_disable();
		fill.config = rcu_dereference(in->config);
		/* Without a configuration there are no tables yet. */
		err = fill.config ? itun_table_dump(dump->table ? &in->sessions6 : &in->sessions4,
						    &dump->place, ITUN_DUMP_BUCKETS, skb, cb,
						    itun_dump_session, &fill) : 0;
		local_bh_enable();
		rcu_read_unlock();
		if (!err) {
			dump->table++;
			memset(&dump->place, 0, sizeof(dump->place));
		} else if (err != -EAGAIN) {
			break;
		}
		cond_resched();
	}
	return itun_dump_result(skb, err);
}

struct itun_session_count {
	struct itun_filter filter;
	u32 n;
	bool kill;
};

static int itun_count_session(struct itun_net *in, struct itun_session *session, void *arg)
{
	struct itun_session_count *count = arg;
	bool match;

	local_bh_disable();
	match = itun_filter_match(&count->filter, session, rcu_dereference(in->config));
	if (match && count->kill)
		match = itun_session_kill(in, session, ITUN_END_DELETED);
	local_bh_enable();
	count->n += match;
	return 0;
}

static int itun_count_sessions(struct sk_buff *skb, struct genl_info *info, const char *what,
			       bool kill)
{
	struct itun_net *in = itun_net(genl_info_net(info));
	struct itun_session_count count = { .kill = kill };
	unsigned int passes = 0;
	u32 before;
	int err;

	if (!itun_netlink_allowed(skb, in->net, what, info->extack))
		return -EPERM;
	err = itun_filter_parse(info->attrs[IPVS_TUN_A_MESSAGE_FILTER], &count.filter,
				info->extack);
	if (err)
		return err;
	if (!rcu_access_pointer(in->config))
		return itun_reply_u32(info, IPVS_TUN_A_MESSAGE_COUNT, 0);

	/* A walk that removes entries can skip some where it pauses. Flows that
	 * are made meanwhile are no reason to go on for ever.
	 */
	do {
		before = count.n;
		itun_session_walk(in, itun_count_session, &count);
	} while (kill && count.n != before && ++passes < ITUN_FLUSH_PASSES);
	if (kill)
		itun_session_gone(in);
	return itun_reply_u32(info, IPVS_TUN_A_MESSAGE_COUNT, count.n);
}

int ipvs_tun_nl_session_count_doit(struct sk_buff *skb, struct genl_info *info)
{
	return itun_count_sessions(skb, info, "counting sessions", false);
}

int ipvs_tun_nl_session_flush_doit(struct sk_buff *skb, struct genl_info *info)
{
	return itun_count_sessions(skb, info, "changing sessions", true);
}
