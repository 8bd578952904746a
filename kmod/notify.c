// SPDX-License-Identifier: GPL-2.0
/* Events. One that cannot be delivered is lost; the listener's socket says so. */
#include "notify.h"

#include "endpoint.h"
#include "netlink.h"

/* A session with counters and IPv6 everywhere takes less than 300 bytes, an
 * endpoint with all its marks less than 500.
 */
#define ITUN_EVENT_SIZE		768

/* Is the event to be made at all? */
static bool itun_event_wanted(struct itun_net *in, unsigned int group)
{
	return genl_has_listeners(&ipvs_tun_nl_family, in->net, group) > 0;
}

static void *itun_event_begin(struct sk_buff **skb, u8 cmd, size_t size, gfp_t gfp)
{
	void *header;

	*skb = genlmsg_new(size, gfp | __GFP_NOWARN);
	if (!*skb)
		return NULL;
	header = genlmsg_put(*skb, 0, 0, &ipvs_tun_nl_family, 0, cmd);
	if (!header)
		nlmsg_free(*skb);
	return header;
}

static void itun_event_send(struct itun_net *in, struct sk_buff *skb, void *header,
			    unsigned int group, gfp_t gfp, int err)
{
	if (WARN_ON_ONCE(err)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, header);
	genlmsg_multicast_netns(&ipvs_tun_nl_family, in->net, skb, 0, group, gfp);
}

/**
 * itun_notify_session() - tell listeners of a session
 * @in: namespace
 * @session: under RCU
 * @cmd: IPVS_TUN_CMD_SESSION_*
 *
 * Context: any but hard interrupts, under RCU.
 */
void itun_notify_session(struct itun_net *in, struct itun_session *session, u8 cmd)
{
	struct sk_buff *skb;
	void *header;

	if (!itun_event_wanted(in, IPVS_TUN_NLGRP_SESSION))
		return;
	header = itun_event_begin(&skb, cmd, ITUN_EVENT_SIZE, GFP_ATOMIC);
	if (header)
		itun_event_send(in, skb, header, IPVS_TUN_NLGRP_SESSION, GFP_ATOMIC,
				itun_put_session(skb, session, itun_config_shown(in)));
}

/**
 * itun_notify_endpoint() - tell listeners of an endpoint
 * @in: namespace
 * @endpoint: referenced or under RCU; its lock is taken
 * @cmd: IPVS_TUN_CMD_PEER_*
 *
 * The peer of the event is the endpoint's own address.
 *
 * Context: any but hard interrupts, without the endpoint's lock.
 */
void itun_notify_endpoint(struct itun_net *in, struct itun_endpoint *endpoint, u8 cmd)
{
	const struct itun_endpoint_key *key = &endpoint->key;
	struct sk_buff *skb;
	struct nlattr *nest;
	void *header;
	int err;

	if (!itun_event_wanted(in, IPVS_TUN_NLGRP_PEER))
		return;
	header = itun_event_begin(&skb, cmd, ITUN_EVENT_SIZE, GFP_ATOMIC);
	if (!header)
		return;
	nest = nla_nest_start(skb, IPVS_TUN_A_MESSAGE_PEER);
	err = !nest || itun_put_peer_key(skb, key->family, &key->addr,
					 itun_addr_len(key->family) * 8) ||
	      itun_put_endpoint(skb, endpoint);
	if (!err)
		nla_nest_end(skb, nest);
	itun_event_send(in, skb, header, IPVS_TUN_NLGRP_PEER, GFP_ATOMIC, err);
}

static int itun_put_changes(struct sk_buff *skb, const struct genl_info *info)
{
	const struct nlattr *attr;
	int rest;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rest)
		if (nla_type(attr) == IPVS_TUN_A_MESSAGE_CHANGE &&
		    nla_put(skb, attr->nla_type, nla_len(attr), nla_data(attr)))
			return -EMSGSIZE;
	return 0;
}

/**
 * itun_notify_config() - tell listeners of a transaction
 * @in: namespace
 * @generation: that it made
 * @info: the request, whose changes go into the event as they came
 *
 * Context: process, under the mutex.
 */
void itun_notify_config(struct itun_net *in, u32 generation, const struct genl_info *info)
{
	struct sk_buff *skb;
	void *header;
	int err;

	if (!itun_event_wanted(in, IPVS_TUN_NLGRP_CONFIG))
		return;
	header = itun_event_begin(&skb, IPVS_TUN_CMD_CONFIG_CHANGED,
				  info->nlhdr->nlmsg_len + 2 * nla_total_size(sizeof(u32)),
				  GFP_KERNEL);
	if (!header)
		return;
	err = nla_put_u32(skb, IPVS_TUN_A_MESSAGE_GENERATION, generation) ?:
	      nla_put_u32(skb, IPVS_TUN_A_MESSAGE_PORTID, info->snd_portid) ?:
	      itun_put_changes(skb, info);
	itun_event_send(in, skb, header, IPVS_TUN_NLGRP_CONFIG, GFP_KERNEL, err);
}
