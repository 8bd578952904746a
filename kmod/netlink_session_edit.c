// SPDX-License-Identifier: GPL-2.0
/* One session by its tuple: enter it by hand, delete it. */
#include "netlink.h"

#include <linux/etherdevice.h>
#include <linux/rtnetlink.h>

#include "notify.h"
#include "outer.h"
#include "session.h"

/* A request's session: its attributes and its tuple. */
struct itun_session_request {
	struct nlattr *nest;
	struct nlattr *tb[IPVS_TUN_A_SESSION_MAX + 1];
	struct itun_tuple tuple;
	u32 vni;
};

static int itun_need(const struct itun_session_request *request, u16 type, const char *text,
		     struct netlink_ext_ack *extack)
{
	if (request->tb[type])
		return 0;
	NL_SET_ERR_MSG_ATTR_FMT(extack, request->nest, "a session needs its %s", text);
	NL_SET_ERR_ATTR_MISS(extack, request->nest, type);
	return -EINVAL;
}

static int itun_parse_tuple(struct itun_session_request *request, struct netlink_ext_ack *extack)
{
	struct nlattr **tb = request->tb;
	struct itun_tuple *tuple = &request->tuple;
	u8 family;
	int err;

	err = itun_need(request, IPVS_TUN_A_SESSION_SRC, "source address", extack) ?:
	      itun_need(request, IPVS_TUN_A_SESSION_DST, "destination address", extack) ?:
	      itun_need(request, IPVS_TUN_A_SESSION_PROTOCOL, "protocol", extack) ?:
	      itun_parse_addr(tb[IPVS_TUN_A_SESSION_SRC], &tuple->src, &tuple->family, extack) ?:
	      itun_parse_addr(tb[IPVS_TUN_A_SESSION_DST], &tuple->dst, &family, extack);
	if (err)
		return err;
	if (family != tuple->family) {
		NL_SET_ERR_MSG_ATTR(extack, tb[IPVS_TUN_A_SESSION_DST],
				    "source and destination are of different families");
		return -EINVAL;
	}
	tuple->protocol = nla_get_u8(tb[IPVS_TUN_A_SESSION_PROTOCOL]);
	if (tb[IPVS_TUN_A_SESSION_SPORT])
		tuple->sport = htons(nla_get_u16(tb[IPVS_TUN_A_SESSION_SPORT]));
	if (tb[IPVS_TUN_A_SESSION_DPORT])
		tuple->dport = htons(nla_get_u16(tb[IPVS_TUN_A_SESSION_DPORT]));
	/* The key of an echo is its id and the type of the request. */
	if (!tuple->dport && tuple->family == 4 && tuple->protocol == ITUN_PROTO_ICMP)
		tuple->dport = htons(ITUN_ICMP_ECHO);
	if (!tuple->dport && tuple->family == 6 && tuple->protocol == ITUN_PROTO_ICMPV6)
		tuple->dport = htons(ITUN_ICMPV6_ECHO);
	return 0;
}

static int itun_parse_session(struct genl_info *info, struct itun_session_request *request)
{
	struct nlattr *nest = info->attrs[IPVS_TUN_A_MESSAGE_SESSION];
	int err;

	memset(request, 0, sizeof(*request));
	if (!nest) {
		NL_SET_ERR_MSG(info->extack, "no session is named");
		NL_SET_ERR_ATTR_MISS(info->extack, NULL, IPVS_TUN_A_MESSAGE_SESSION);
		return -EINVAL;
	}
	request->nest = nest;
	err = nla_parse_nested(request->tb, IPVS_TUN_A_SESSION_MAX, nest,
			       ipvs_tun_session_nl_policy, info->extack);
	if (err)
		return err;
	if (request->tb[IPVS_TUN_A_SESSION_VNI])
		err = itun_parse_vni(request->tb[IPVS_TUN_A_SESSION_VNI], &request->vni,
				     info->extack);
	return err ?: itun_parse_tuple(request, info->extack);
}

static int itun_check_flow(const struct itun_session_request *request,
			   struct netlink_ext_ack *extack)
{
	const struct itun_tuple *tuple = &request->tuple;
	const union itun_addr *addrs[] = { &tuple->src, &tuple->dst };
	const u16 types[] = { IPVS_TUN_A_SESSION_SRC, IPVS_TUN_A_SESSION_DST };
	char text[ITUN_ADDR_TEXT];
	int i;

	for (i = 0; i < 2; i++) {
		if (itun_addr_is_zero(addrs[i]) ||
		    itun_addr_is_multicast(tuple->family, addrs[i])) {
			NL_SET_ERR_MSG_ATTR_FMT(extack, request->tb[types[i]],
						"%s is no address of a flow",
						itun_addr_text(text, tuple->family, addrs[i]));
			return -EINVAL;
		}
	}
	return 0;
}

/* The way back of a session that is entered by hand. */
static int itun_parse_way(const struct itun_session_request *request, struct itun_path_key *key,
			  struct netlink_ext_ack *extack)
{
	struct nlattr *const *tb = request->tb;
	char text[ITUN_ADDR_TEXT];
	u8 family;
	int err;

	memset(key, 0, sizeof(*key));
	key->id = request->vni;
	key->type = tb[IPVS_TUN_A_SESSION_TUNNEL] ? nla_get_u8(tb[IPVS_TUN_A_SESSION_TUNNEL]) :
						    IPVS_TUN_TUNNEL_TYPE_VXLAN;
	if (itun_path_is_local(key)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[IPVS_TUN_A_SESSION_TUNNEL],
				    "sessions without a tunnel cannot be entered by hand");
		return -EOPNOTSUPP;
	}
	if (!(ITUN_TUNNELS_HANDLED & BIT(key->type))) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, tb[IPVS_TUN_A_SESSION_TUNNEL],
					"tunnel type %u is not supported by this version",
					key->type);
		return -EOPNOTSUPP;
	}
	if (key->type == IPVS_TUN_TUNNEL_TYPE_MPLS) {
		NL_SET_ERR_MSG_ATTR(extack, tb[IPVS_TUN_A_SESSION_TUNNEL],
				    "sessions of mpls cannot be entered by hand");
		return -EOPNOTSUPP;
	}
	if (tb[IPVS_TUN_A_SESSION_VTEP_MAC]) {
		NL_SET_ERR_MSG_ATTR(extack, tb[IPVS_TUN_A_SESSION_VTEP_MAC],
				    "an endpoint of this tunnel has an IP address, no MAC address");
		return -EOPNOTSUPP;
	}
	/* Of these types GRE alone carries IP packets without an Ethernet header. */
	key->ip_inside = key->type == IPVS_TUN_TUNNEL_TYPE_GRE && !tb[IPVS_TUN_A_SESSION_MAC];
	err = (key->ip_inside ? 0 :
	       itun_need(request, IPVS_TUN_A_SESSION_MAC, "MAC address", extack)) ?:
	      itun_need(request, IPVS_TUN_A_SESSION_VTEP, "tunnel endpoint", extack) ?:
	      itun_parse_addr(tb[IPVS_TUN_A_SESSION_VTEP], &key->remote, &key->family, extack);
	if (err)
		return err;
	if (itun_addr_is_zero(&key->remote) ||
	    itun_addr_is_multicast(key->family, &key->remote)) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, tb[IPVS_TUN_A_SESSION_VTEP],
					"%s is no address of a tunnel endpoint",
					itun_addr_text(text, key->family, &key->remote));
		return -EINVAL;
	}
	if (!key->ip_inside) {
		ether_addr_copy(key->mac, nla_data(tb[IPVS_TUN_A_SESSION_MAC]));
		if (!is_valid_ether_addr(key->mac)) {
			NL_SET_ERR_MSG_ATTR_FMT(extack, tb[IPVS_TUN_A_SESSION_MAC],
						"%pM is no address of a station", key->mac);
			return -EINVAL;
		}
	}
	if (!tb[IPVS_TUN_A_SESSION_LOCAL])
		return 0;
	err = itun_parse_addr(tb[IPVS_TUN_A_SESSION_LOCAL], &key->local, &family, extack);
	if (err)
		return err;
	if (family != key->family) {
		NL_SET_ERR_MSG_ATTR(extack, tb[IPVS_TUN_A_SESSION_LOCAL],
				    "the two tunnel endpoints are of different families");
		return -EINVAL;
	}
	return 0;
}

/* Hooks for the replies of sessions entered by hand, where no peer needs them;
 * none when the last such session is gone. Under RTNL and the mutex.
 */
static int itun_session_settle(struct itun_net *in, struct netlink_ext_ack *extack)
{
	const struct itun_config *config = rcu_dereference_protected(in->config,
								     lockdep_is_held(&in->mutex));
	struct itun_config *next;
	int err;

	if (config && config->steers == (config->any_accept || atomic_read(&in->n_static)))
		return 0;
	next = itun_config_copy(in);
	err = next ? itun_config_commit(in, next, extack) : -ENOMEM;
	if (err)
		itun_config_discard(next);
	return err;
}

/* Tables, a configuration and hooks, for a namespace that has none yet. The
 * session is counted before it exists, so that nobody takes the hooks away.
 */
static int itun_session_prepare(struct itun_net *in, struct netlink_ext_ack *extack)
{
	int err;

	rtnl_lock();
	mutex_lock(&in->mutex);
	err = itun_net_activate(in);
	if (!err) {
		atomic_inc(&in->n_static);
		err = itun_session_settle(in, extack);
		if (err)
			atomic_dec(&in->n_static);
	}
	mutex_unlock(&in->mutex);
	rtnl_unlock();
	return err;
}

/**
 * itun_session_gone() - sessions were deleted: are their hooks still needed?
 * @in: namespace
 *
 * Failing to take hooks away harms nobody.
 *
 * Context: process; takes RTNL and the mutex.
 */
void itun_session_gone(struct itun_net *in)
{
	rtnl_lock();
	mutex_lock(&in->mutex);
	if (in->active && !in->leaving)
		itun_session_settle(in, NULL);
	mutex_unlock(&in->mutex);
	rtnl_unlock();
}

/* BH off, under RCU. */
static int itun_session_enter(struct itun_net *in, const struct itun_session_request *request,
			      struct itun_path_key *key)
{
	const struct itun_config *config = rcu_dereference(in->config);
	const struct itun_tuple *tuple = &request->tuple;
	const struct nlattr *state = request->tb[IPVS_TUN_A_SESSION_STATE];
	struct itun_session *session;
	struct itun_lookup lookup;
	struct itun_path *path;
	u32 word;

	if (!config)
		return -ESHUTDOWN;
	itun_lookup_init(&lookup, tuple, itun_config_zone(config, request->vni));
	session = itun_session_find(in, &lookup);
	if (session) {
		if (itun_session_present(session, config))
			return -EEXIST;
		/* Absent, and merely not removed yet. */
		itun_session_kill(in, session,
				  itun_session_alive(session, config) ? ITUN_END_PATH :
									ITUN_END_EXPIRED);
	}

	word = itun_session_first_word(tuple->family, tuple->protocol, 0) | ITUN_STATIC;
	/* An operator enters flows that exist. */
	if (tuple->protocol == ITUN_PROTO_TCP)
		word = (word & ~ITUN_STATE_MASK) | IPVS_TUN_SESSION_STATE_TCP_ESTABLISHED;
	if (state)
		word = (word & ~ITUN_STATE_MASK) | nla_get_u8(state);

	if (key->type == IPVS_TUN_TUNNEL_TYPE_GRE && !key->ip_inside &&
	    config->tunnel[key->type].nvgre)
		key->options = ITUN_GRE_KEY | ITUN_GRE_NVGRE;
	path = itun_path_get(in, config, key, true);
	if (!path)
		return -ENOMEM;
	session = itun_session_make(in, config, &lookup, path, word);
	if (IS_ERR(session)) {
		itun_path_put(path);
		return PTR_ERR(session);
	}
	itun_notify_session(in, session, IPVS_TUN_CMD_SESSION_NEW);
	return 0;
}

int ipvs_tun_nl_session_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct itun_net *in = itun_net(genl_info_net(info));
	struct itun_session_request request;
	struct itun_path_key key;
	int err;

	if (!itun_netlink_allowed(skb, in->net, "changing sessions", info->extack))
		return -EPERM;
	err = itun_parse_session(info, &request) ?:
	      itun_check_flow(&request, info->extack) ?:
	      itun_parse_way(&request, &key, info->extack) ?:
	      itun_session_prepare(in, info->extack);
	if (err)
		return err;

	rcu_read_lock();
	local_bh_disable();
	err = itun_session_enter(in, &request, &key);
	local_bh_enable();
	rcu_read_unlock();
	if (err) {
		atomic_dec(&in->n_static);
		itun_session_gone(in);
	}
	if (err == -EEXIST)
		NL_SET_ERR_MSG_ATTR_FMT(info->extack, request.nest,
					"the session exists in network %u", request.vni);
	else if (err == -ENOSPC)
		NL_SET_ERR_MSG_ATTR_FMT(info->extack, request.nest,
					"the session table, or network %u's share of it, is full",
					request.vni);
	return err;
}

/* The sessions of a tuple in all zones: how many, and in which networks. */
struct itun_session_hits {
	unsigned int n;
	u32 zone[2], vni[2];
};

static void itun_session_hit(struct itun_net *in, const struct itun_config *config,
			     const struct itun_tuple *tuple, u32 zone,
			     struct itun_session_hits *hits)
{
	struct itun_session *session;
	struct itun_lookup lookup;

	itun_lookup_init(&lookup, tuple, zone);
	local_bh_disable();
	session = itun_session_find(in, &lookup);
	/* A walk can meet a zone twice. */
	if (session && itun_session_present(session, config) &&
	    !(hits->n && hits->zone[0] == zone)) {
		hits->zone[hits->n] = zone;
		hits->vni[hits->n] = rcu_dereference(session->path)->key.id;
		hits->n++;
	}
	local_bh_enable();
}

static void itun_session_hunt(struct itun_net *in, const struct itun_tuple *tuple,
			      struct itun_session_hits *hits)
{
	struct rhashtable_iter iter;
	struct itun_zone *zone;

	rhashtable_walk_enter(&in->zones, &iter);
	rhashtable_walk_start(&iter);
	while (hits->n < 2 && (zone = rhashtable_walk_next(&iter))) {
		if (IS_ERR(zone))
			continue;	/* resized */
		itun_session_hit(in, rcu_dereference(in->config), tuple, zone->id, hits);
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
}

/* Of MPLS too, where the label, not the zone, is what an operator sees. */
static bool itun_session_delete(struct itun_net *in, const struct itun_tuple *tuple, u32 zone,
				const u32 *label)
{
	const struct itun_path_key *key;
	struct itun_session *session;
	struct itun_lookup lookup;
	bool done;

	itun_lookup_init(&lookup, tuple, zone);
	rcu_read_lock();
	local_bh_disable();
	session = itun_session_find(in, &lookup);
	key = session ? &rcu_dereference(session->path)->key : NULL;
	done = session && itun_session_present(session, rcu_dereference(in->config)) &&
	       (!label || (key->type == IPVS_TUN_TUNNEL_TYPE_MPLS && key->id == *label)) &&
	       itun_session_kill(in, session, ITUN_END_DELETED);
	local_bh_enable();
	rcu_read_unlock();
	return done;
}

int ipvs_tun_nl_session_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct itun_net *in = itun_net(genl_info_net(info));
	struct itun_session_request request;
	struct itun_session_hits hits = {};
	int err;

	if (!itun_netlink_allowed(skb, in->net, "changing sessions", info->extack))
		return -EPERM;
	err = itun_parse_session(info, &request);
	if (err)
		return err;

	/* A namespace without configuration has no tables to look into. */
	if (!rcu_access_pointer(in->config)) {
		hits.n = 0;
	} else if (request.tb[IPVS_TUN_A_SESSION_VNI]) {
		rcu_read_lock();
		hits.zone[0] = itun_config_zone(rcu_dereference(in->config), request.vni);
		rcu_read_unlock();
		hits.n = 1;
	} else {
		itun_session_hunt(in, &request.tuple, &hits);
	}
	if (hits.n == 2) {
		NL_SET_ERR_MSG_ATTR_FMT(info->extack, request.nest,
					"tuple is in networks %u and %u; name one with vni",
					min(hits.vni[0], hits.vni[1]),
					max(hits.vni[0], hits.vni[1]));
		return -ENOTUNIQ;
	}
	if (!hits.n ||
	    (!itun_session_delete(in, &request.tuple, hits.zone[0], NULL) &&
	     !(request.tb[IPVS_TUN_A_SESSION_VNI] &&
	       itun_session_delete(in, &request.tuple, 0, &request.vni)))) {
		NL_SET_ERR_MSG_ATTR(info->extack, request.nest, "no such session");
		return -ENOENT;
	}
	itun_session_gone(in);
	return 0;
}
