// SPDX-License-Identifier: GPL-2.0
/* Paths: dump and kill. */
#include "device.h"
#include "netlink.h"

#include <linux/etherdevice.h>

#include "path.h"

#define ITUN_DUMP_BUCKETS	1024

struct itun_path_fill {
	struct sk_buff *skb;
	struct netlink_callback *cb;
};

static int itun_put_path(struct sk_buff *skb, const struct itun_path *path)
{
	const struct itun_path_key *key = &path->key;
	bool station = itun_path_is_station(key);

	if (nla_put_u8(skb, IPVS_TUN_A_PATH_TUNNEL, key->type) ||
	    nla_put(skb, station ? IPVS_TUN_A_PATH_VTEP_MAC : IPVS_TUN_A_PATH_MAC, sizeof(key->mac),
		    key->mac) ||
	    (!itun_path_is_local(key) &&
	     itun_put_addr(skb, IPVS_TUN_A_PATH_VTEP, key->family, &key->remote)) ||
	    (!itun_addr_is_zero(&key->local) &&
	     itun_put_addr(skb, IPVS_TUN_A_PATH_LOCAL, key->family, &key->local)) ||
	    nla_put_u32(skb, IPVS_TUN_A_PATH_VNI, key->id) ||
	    nla_put_u32(skb, IPVS_TUN_A_PATH_ZONE, path->zone->id) ||
	    nla_put_u32(skb, IPVS_TUN_A_PATH_IFINDEX, key->ifindex) ||
	    nla_put_u32(skb, IPVS_TUN_A_PATH_TUNNEL_IFINDEX,
			(u32)READ_ONCE(path->tunnel) & ~ITUN_TUNNEL_EXTERNAL) ||
	    nla_put_u32(skb, IPVS_TUN_A_PATH_SESSIONS, refcount_read(&path->refs)) ||
	    (READ_ONCE(path->dead) && nla_put_flag(skb, IPVS_TUN_A_PATH_DEAD)))
		return -EMSGSIZE;
	return 0;
}

static int itun_dump_path(void *object, void *arg)
{
	struct itun_path_fill *fill = arg;
	struct sk_buff *skb = fill->skb;
	void *header = itun_dump_begin(skb, fill->cb, IPVS_TUN_CMD_PATH_GET);
	struct nlattr *nest = header ? nla_nest_start(skb, IPVS_TUN_A_MESSAGE_PATH) : NULL;

	if (!nest || itun_put_path(skb, object)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	genlmsg_end(skb, header);
	return 0;
}

/* Where a dump of paths stands. */
struct itun_path_dump {
	u32 done;
	struct itun_place place;
};

int ipvs_tun_nl_path_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct itun_path_dump *dump = (void *)cb->ctx;
	struct itun_path_fill fill = { skb, cb };
	struct itun_net *in = itun_dump_net(cb);
	int err = 0;

	BUILD_BUG_ON(sizeof(*dump) > sizeof(cb->ctx));
	if (!itun_netlink_allowed(cb->skb, in->net, "reading paths", cb->extack))
		return -EPERM;
	/* Without a configuration there is no table yet. */
	if (dump->done || !rcu_access_pointer(in->config))
		return 0;
	cb->seq = 1;
	do {
		rcu_read_lock();
		err = itun_table_dump(&in->paths, &dump->place, ITUN_DUMP_BUCKETS, skb, cb,
				      itun_dump_path, &fill);
		rcu_read_unlock();
		cond_resched();
	} while (err == -EAGAIN);
	dump->done = !err;
	return itun_dump_result(skb, err);
}

struct itun_path_match {
	union itun_addr remote;
	u8 family;
	const u8 *mac;		/* NULL: any */
};

static bool itun_path_matches(const struct itun_path *path, const void *arg)
{
	const struct itun_path_match *match = arg;

	return path->key.family == match->family &&
	       !memcmp(&path->key.remote, &match->remote, sizeof(match->remote)) &&
	       (!match->mac || ether_addr_equal_unaligned(path->key.mac, match->mac));
}

int ipvs_tun_nl_path_kill_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *nest = info->attrs[IPVS_TUN_A_MESSAGE_PATH], *vtep;
	struct itun_net *in = itun_net(genl_info_net(info));
	struct nlattr *tb[IPVS_TUN_A_PATH_MAX + 1] = {};
	struct itun_path_match match = {};
	char text[ITUN_ADDR_TEXT];
	unsigned int killed = 0;
	int err;

	if (!itun_netlink_allowed(skb, in->net, "killing paths", info->extack))
		return -EPERM;
	if (nest) {
		err = nla_parse_nested(tb, IPVS_TUN_A_PATH_MAX, nest, ipvs_tun_path_nl_policy,
				       info->extack);
		if (err)
			return err;
	}
	vtep = tb[IPVS_TUN_A_PATH_VTEP];
	if (!vtep) {
		NL_SET_ERR_MSG(info->extack, "no tunnel endpoint is named");
		NL_SET_ERR_ATTR_MISS(info->extack, nest, nest ? IPVS_TUN_A_PATH_VTEP :
								IPVS_TUN_A_MESSAGE_PATH);
		return -EINVAL;
	}
	err = itun_parse_addr(vtep, &match.remote, &match.family, info->extack);
	if (err)
		return err;
	if (tb[IPVS_TUN_A_PATH_MAC])
		match.mac = nla_data(tb[IPVS_TUN_A_PATH_MAC]);

	if (rcu_access_pointer(in->config))
		killed = itun_path_kill(in, itun_path_matches, &match);
	if (!killed) {
		itun_addr_text(text, match.family, &match.remote);
		if (match.mac)
			NL_SET_ERR_MSG_ATTR_FMT(info->extack, vtep, "no path to %s and %pM",
						text, match.mac);
		else
			NL_SET_ERR_MSG_ATTR_FMT(info->extack, vtep, "no path to %s", text);
		return -ENOENT;
	}
	return itun_reply_u32(info, IPVS_TUN_A_MESSAGE_COUNT, killed);
}
