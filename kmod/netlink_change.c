// SPDX-License-Identifier: GPL-2.0
/* change-set: a transaction on the configuration, in one message. */
#include "netlink_change.h"

#include <linux/rtnetlink.h>

/* As many attributes as the object with the most of them has. */
union itun_change_attrs {
	u8 mark[IPVS_TUN_A_MARK_MAX];
	u8 tunnel[IPVS_TUN_A_TUNNEL_MAX];
	u8 peer[IPVS_TUN_A_PEER_MAX];
	u8 zone[IPVS_TUN_A_ZONE_MAX];
	u8 timeout[IPVS_TUN_A_TIMEOUT_MAX];
	u8 limit[IPVS_TUN_A_LIMIT_MAX];
	u8 pause[IPVS_TUN_A_PAUSE_MAX];
	u8 port[IPVS_TUN_A_PORT_MAX];
};

#define ITUN_CHANGE_MAX_ATTRS	sizeof(union itun_change_attrs)

/* What there is to know of a kind of objects. */
struct itun_change_kind {
	const char *name;
	const struct nla_policy *policy;
	u16 max;			/* highest attribute of the policy */
	u8 actions;			/* mask of 1 << action */
	int (*apply)(const struct itun_change *change);
	void (*flush)(struct itun_config *config);
};

#define ITUN_ACTIONS_OBJECT	(BIT(IPVS_TUN_ACTION_ADD) | BIT(IPVS_TUN_ACTION_REPLACE) | \
				 BIT(IPVS_TUN_ACTION_DEL) | BIT(IPVS_TUN_ACTION_FLUSH))

static const struct itun_change_kind itun_change_kinds[IPVS_TUN_A_CHANGE_MAX + 1] = {
	[IPVS_TUN_A_CHANGE_MARK] = {
		.name = "mark",
		.policy = ipvs_tun_mark_nl_policy,
		.max = IPVS_TUN_A_MARK_MAX,
		.actions = ITUN_ACTIONS_OBJECT,
		.apply = itun_change_mark,
		.flush = itun_config_flush_marks,
	},
	[IPVS_TUN_A_CHANGE_TUNNEL] = {
		.name = "tunnel",
		.policy = ipvs_tun_tunnel_nl_policy,
		.max = IPVS_TUN_A_TUNNEL_MAX,
		.actions = BIT(IPVS_TUN_ACTION_SET),
		.apply = itun_change_tunnel,
	},
	[IPVS_TUN_A_CHANGE_PEER] = {
		.name = "peer",
		.policy = ipvs_tun_peer_nl_policy,
		.max = IPVS_TUN_A_PEER_MAX,
		.actions = ITUN_ACTIONS_OBJECT,
		.apply = itun_change_peer,
		.flush = itun_config_flush_peers,
	},
	[IPVS_TUN_A_CHANGE_ZONE] = {
		.name = "zone",
		.policy = ipvs_tun_zone_nl_policy,
		.max = IPVS_TUN_A_ZONE_MAX,
		.actions = ITUN_ACTIONS_OBJECT,
		.apply = itun_change_zone,
		.flush = itun_config_flush_zones,
	},
	[IPVS_TUN_A_CHANGE_TIMEOUT] = {
		.name = "timeout",
		.policy = ipvs_tun_timeout_nl_policy,
		.max = IPVS_TUN_A_TIMEOUT_MAX,
		.actions = BIT(IPVS_TUN_ACTION_SET),
		.apply = itun_change_timeout,
	},
	[IPVS_TUN_A_CHANGE_LIMIT] = {
		.name = "limit",
		.policy = ipvs_tun_limit_nl_policy,
		.max = IPVS_TUN_A_LIMIT_MAX,
		.actions = BIT(IPVS_TUN_ACTION_SET),
		.apply = itun_change_limit,
	},
	[IPVS_TUN_A_CHANGE_PAUSE] = {
		.name = "pause",
		.policy = ipvs_tun_pause_nl_policy,
		.max = IPVS_TUN_A_PAUSE_MAX,
		.actions = BIT(IPVS_TUN_ACTION_ADD) | BIT(IPVS_TUN_ACTION_DEL),
		.apply = itun_change_pause,
	},
	[IPVS_TUN_A_CHANGE_PORT] = {
		.name = "port",
		.policy = ipvs_tun_port_nl_policy,
		.max = IPVS_TUN_A_PORT_MAX,
		.actions = ITUN_ACTIONS_OBJECT,
		.apply = itun_change_port,
		.flush = itun_config_flush_ports,
	},
};

/* Carries out one change on the copy. */
static int itun_apply(struct itun_net *in, struct itun_config *config, const struct nlattr *attr,
		      struct netlink_ext_ack *extack)
{
	static const char * const actions[] = { "add", "replace", "del", "flush", "set" };
	struct nlattr *parts[IPVS_TUN_A_CHANGE_MAX + 1];
	struct nlattr *tb[ITUN_CHANGE_MAX_ATTRS + 1];
	const struct itun_change_kind *kind;
	struct itun_change change = {
		.in = in, .config = config, .tb = tb, .extack = extack,
	};
	int err, type, found = 0;

	err = nla_parse_nested(parts, IPVS_TUN_A_CHANGE_MAX, attr, ipvs_tun_change_nl_policy,
			       extack);
	if (err)
		return err;
	if (!parts[IPVS_TUN_A_CHANGE_ACTION]) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "a change needs its action");
		NL_SET_ERR_ATTR_MISS(extack, attr, IPVS_TUN_A_CHANGE_ACTION);
		return -EINVAL;
	}
	change.action = nla_get_u32(parts[IPVS_TUN_A_CHANGE_ACTION]);

	for (type = IPVS_TUN_A_CHANGE_MARK; type <= IPVS_TUN_A_CHANGE_MAX; type++)
		found += itun_count_attrs(attr, type);
	if (found != 1) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, attr, "a change has one object, this one %d",
					found);
		return -EINVAL;
	}
	for (type = IPVS_TUN_A_CHANGE_MARK; !parts[type]; type++)
		;
	kind = &itun_change_kinds[type];
	change.nest = parts[type];
	if (!(kind->actions & BIT(change.action))) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, parts[IPVS_TUN_A_CHANGE_ACTION],
					"%s has no action %s", kind->name,
					actions[change.action]);
		return -EINVAL;
	}
	if (change.action == IPVS_TUN_ACTION_FLUSH) {
		if (nla_len(change.nest)) {
			NL_SET_ERR_MSG_ATTR_FMT(extack, change.nest,
						"%s flush takes no attributes", kind->name);
			return -EINVAL;
		}
		kind->flush(config);
		return 0;
	}

	err = nla_parse_nested(tb, kind->max, change.nest, kind->policy, extack);
	return err ?: kind->apply(&change);
}

/* The changes of a request, in their order. */
static int itun_apply_all(struct itun_net *in, struct itun_config *config,
			  const struct genl_info *info)
{
	const struct nlattr *attr;
	int rest, err;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rest) {
		if (nla_type(attr) != IPVS_TUN_A_MESSAGE_CHANGE)
			continue;
		err = itun_apply(in, config, attr, info->extack);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

/* All of the changes or none. Under RTNL and the mutex. */
static int itun_transaction(struct itun_net *in, const struct genl_info *info, u32 *generation)
{
	struct itun_config *next;
	int err;

	err = itun_net_activate(in);
	if (err)
		return err;
	next = itun_config_copy(in);
	if (!next)
		return -ENOMEM;
	err = itun_apply_all(in, next, info);
	if (!err)
		err = itun_config_commit(in, next, info->extack);
	if (err) {
		itun_config_discard(next);
		return err;
	}
	*generation = next->generation;
	return 0;
}

int ipvs_tun_nl_change_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct itun_net *in = itun_net(genl_info_net(info));
	u32 generation;
	int err;

	if (!itun_netlink_allowed(skb, in->net, "changing the configuration", info->extack))
		return -EPERM;
	if (!info->attrs[IPVS_TUN_A_MESSAGE_CHANGE]) {
		NL_SET_ERR_MSG(info->extack, "the change set is empty");
		NL_SET_ERR_ATTR_MISS(info->extack, NULL, IPVS_TUN_A_MESSAGE_CHANGE);
		return -EINVAL;
	}

	rtnl_lock();
	mutex_lock(&in->mutex);
	err = itun_transaction(in, info, &generation);
	/* Under the mutex, so that events come in the order of generations. */
	if (!err)
		itun_notify_config(in, generation, info);
	mutex_unlock(&in->mutex);
	rtnl_unlock();
	return err ?: itun_reply_u32(info, IPVS_TUN_A_MESSAGE_GENERATION, generation);
}
