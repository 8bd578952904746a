// SPDX-License-Identifier: GPL-2.0
/* Where balancer and server are on one host, and share a bridge: no tunnel is in
 * between, so nothing carries a second mark. A request is recorded where the bridge sends
 * it to its server, with the balancer's MAC as all there is of a path; its reply is
 * aimed at that where the bridge receives it, and the bridge knows the rest.
 *
 * A host cannot see whether a server is its own: one that is flooded for, because the
 * bridge does not know its port yet, may be recorded as one. Nothing asks for such a
 * session: the server's replies come out of a tunnel.
 */
#include <linux/etherdevice.h>

#include "device.h"
#include "seal.h"
#include "stages.h"

/* Before anything is asked of its network: others use marks too. */
static bool itun_local_may_be_request(const struct itun_config *config, const struct sk_buff *skb)
{
	u32 i;

	for (i = 0; skb->mark && i < config->n_marks; i++)
		if ((skb->mark & config->marks[i]->mask) == config->marks[i]->value)
			return true;
	return itun_may_be_classified(skb);
}

/* Has it the first mark, or was it taken for a request at its balancer's port? */
static bool itun_local_is_request(struct itun_net *in, const struct itun_config *config,
				  const struct sk_buff *skb, const struct itun_inner *inner,
				  u32 vni)
{
	struct itun_mark *mark = itun_mark_find(config, skb, inner, vni);

	if (mark) {
		this_cpu_inc(mark->counts->packets);
		return true;
	}
	return itun_may_be_classified(skb) && itun_classified(in, skb, inner);
}

/* BH off: counters of this CPU, and the session table's locks. */
static void itun_local_enter(struct itun_net *in, const struct itun_config *config,
			     const struct sk_buff *skb, const struct itun_inner *inner, u32 vni)
{
	struct itun_path_key key = {
		.id = vni,
		.type = IPVS_TUN_TUNNEL_TYPE_LOCAL,
	};
	struct itun_session *session;
	struct itun_lookup lookup;
	struct itun_path *path;

	ether_addr_copy(key.mac, eth_hdr(skb)->h_source);
	itun_lookup_init(&lookup, &inner->tuple, itun_config_zone(config, vni));
	session = itun_session_find(in, &lookup);
	if (likely(session && itun_session_alive(session, config))) {
		path = rcu_dereference(session->path);
		if (likely(itun_path_key_equal(&path->key, &key) &&
			   itun_path_usable(path, config))) {
			itun_session_forward(session, inner, skb->len + ETH_HLEN);
			itun_count(in, refreshed);
			return;
		}
	}
	path = itun_path_get(in, config, &key, false);
	if (unlikely(!path)) {
		itun_count(in, record_no_memory);
		return;
	}
	itun_record_session(in, config, inner, skb->len + ETH_HLEN, &lookup, session, path);
}

/**
 * itun_local_record() - a frame that may be a request to a server of this host
 * @in: namespace
 * @config: the snapshot in force
 * @skb: at bridge POSTROUTING: skb->data at the network header, the Ethernet header before
 *       it; on its way to a port that is no tunnel
 * @state: of the hook
 *
 * Context: any, under RCU. May move the packet's bytes.
 */
void itun_local_record(struct itun_net *in, const struct itun_config *config, struct sk_buff *skb,
		       const struct nf_hook_state *state)
{
	struct itun_inner inner;
	u32 vni;

	if (!itun_local_may_be_request(config, skb) ||
	    itun_frame_parse(skb, &inner) != ITUN_INNER_FLOW)
		return;
	/* The host's own frames pass bridges in process context too. */
	local_bh_disable();
	if (itun_device_bridge_zone(state->out, skb, &vni)) {
		itun_count(in, local_zone_unknown);
	} else if (itun_local_is_request(in, config, skb, &inner, vni)) {
		itun_count(in, local);
		if (unlikely(config->paused & IPVS_TUN_STEP_RECORD))
			itun_count(in, record_paused);
		else
			itun_local_enter(in, config, skb, &inner, vni);
	}
	local_bh_enable();
}

/**
 * itun_local_return() - a reply whose balancer is on this host
 * @in: namespace
 * @config: the snapshot in force
 * @skb: at bridge PREROUTING
 * @inner: its headers
 * @vni: the network that it came by
 * @reply: as found for it
 *
 * It stays in the bridge's care, whatever guards its port.
 *
 * Context: BH off, under RCU.
 */
void itun_local_return(struct itun_net *in, const struct itun_config *config, struct sk_buff *skb,
		       const struct itun_inner *inner, u32 vni, const struct itun_backhaul *reply)
{
	const struct itun_path_key *key = &reply->path->key;
	const struct net_device *bridge;

	/* One tenant's networks are segments of their own: the balancer is in one. */
	if (key->id != vni) {
		itun_count(in, zone_unknown);
		return;
	}
	if (!itun_reply_accept(in, config, inner, reply))
		return;
	if (unlikely(skb_cow_head(skb, 0))) {
		itun_count(in, rewrite_failed);
		return;
	}
	ether_addr_copy(eth_hdr(skb)->h_dest, key->mac);
	/* Whether the frame is for the host itself the bridge has looked at before. */
	bridge = netdev_master_upper_dev_get_rcu(skb->dev);
	skb->pkt_type = bridge && ether_addr_equal(bridge->dev_addr, key->mac) ? PACKET_HOST :
										 PACKET_OTHERHOST;
	itun_session_reply(reply->session, inner, skb->len + ETH_HLEN);
	itun_count(in, returned_local);
	itun_count(in, replies);
}
