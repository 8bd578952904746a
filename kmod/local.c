// SPDX-License-Identifier: GPL-2.0
/* Where balancer and server are on one host, and share a bridge: no tunnel is in
 * between, so nothing carries a second mark. A request is recorded where the bridge sends
 * it to its server, with the MACs of both as all there is of a path; its reply is
 * aimed at the balancer's where the bridge receives it, and the bridge knows the rest.
 *
 * A reply is what comes from the MAC that the request went to. What a balancer
 * itself forwards, or a machine between the two, has the same addresses of IP.
 *
 * A host cannot see whether a server is its own: one that is flooded for, because the
 * bridge does not know its port yet, may be recorded as one. Nothing asks for such a
 * session: the server's replies come out of a tunnel.
 */
#include <linux/etherdevice.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "device.h"
#include "seal.h"
#include "stages.h"

/* Before anything is asked of its network: others use marks too. */
static bool itun_local_may_be_request(const struct itun_config *config, const struct sk_buff *skb)
{
	u32 i;

	/* Rules that restore connections' marks put them on answers to clients, too. */
	if (skb_get_nfct(skb) & NFCT_PTRMASK &&
	    CTINFO2DIR(skb_get_nfct(skb) & NFCT_INFOMASK) == IP_CT_DIR_REPLY)
		return false;
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
	struct itun_mark *mark = itun_mark_find(config, skb, inner, IPVS_TUN_TUNNEL_TYPE_LOCAL,
						vni);

	if (mark) {
		this_cpu_inc(mark->counts->packets);
		return true;
	}
	return itun_may_be_classified(skb) && itun_classified(in, skb, inner);
}

/* The host's own packets in tunnels, where a bridge has the underlay's cable: they have
 * the first mark as well.
 */
static bool itun_local_is_tunnelled(struct itun_net *in, const struct sk_buff *skb)
{
	struct itun_look look;
	u8 family;

	if (skb->protocol == htons(ETH_P_IP))
		family = 4;
	else if (skb->protocol == htons(ETH_P_IPV6))
		family = 6;
	else
		return false;
	if (skb_headlen(skb) < (family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)))
		return false;
	return itun_outer_look_out(skb, rcu_dereference(in->ports), family, &look);
}

/* The network of a frame that leaves by a port. The port shows it by its VLAN, which it may
 * share with others' untagged frames: so where the frame came in by the same bridge, it
 * must be the network there, too. What came out of a tunnel has been recorded with that,
 * or is not to be: a driver may give it a mark that the other side has chosen. BH off.
 */
static int itun_local_network(struct itun_net *in, const struct sk_buff *skb,
			      const struct net_device *port, u32 *vni)
{
	struct net_device *from = skb->skb_iif ? dev_get_by_index_rcu(in->net, skb->skb_iif) :
						 NULL;
	u32 network;

	if (itun_device_bridge_zone(port, skb, vni))
		return -ENOENT;
	if (!from || !netif_is_bridge_port(from) ||
	    netdev_master_upper_dev_get_rcu(from) !=
	    netdev_master_upper_dev_get_rcu((struct net_device *)port))
		return 0;
	if (itun_is_tunnel(from))
		return -EREMOTE;
	return itun_device_bridge_zone(from, skb, &network) || network != *vni ? -ENOENT : 0;
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
	ether_addr_copy(key.remote.bytes, eth_hdr(skb)->h_dest);
	itun_lookup_init(&lookup, &inner->tuple, itun_config_zone(config, vni));
	session = itun_session_find(in, &lookup);
	if (likely(itun_record_known(in, config, inner, skb->len + ETH_HLEN, session, &key)))
		return;
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
	int err;

	if (!itun_local_may_be_request(config, skb) || itun_local_is_tunnelled(in, skb) ||
	    itun_frame_parse(skb, &inner) != ITUN_INNER_FLOW)
		return;
	/* The host's own frames pass bridges in process context too. */
	local_bh_disable();
	err = itun_local_network(in, skb, state->out, &vni);
	if (err == -ENOENT) {
		itun_count(in, local_zone_unknown);
	} else if (!err && itun_local_is_request(in, config, skb, &inner, vni)) {
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
 * Return: false if it is no reply: from another machine than the server, or in another
 * network.
 */
bool itun_local_return(struct itun_net *in, const struct itun_config *config, struct sk_buff *skb,
		       const struct itun_inner *inner, u32 vni, const struct itun_backhaul *reply)
{
	const struct itun_path_key *key = &reply->path->key;
	const struct net_device *bridge;

	if (!ether_addr_equal(eth_hdr(skb)->h_source, key->remote.bytes))
		return false;
	/* One tenant's networks are segments of their own: the balancer is in one. */
	if (key->id != vni) {
		itun_count(in, zone_unknown);
		return false;
	}
	if (!itun_reply_accept(in, config, inner, reply))
		return true;
	if (unlikely(skb_cow_head(skb, 0))) {
		itun_count(in, rewrite_failed);
		return true;
	}
	ether_addr_copy(eth_hdr(skb)->h_dest, key->mac);
	/* Whether the frame is for the host itself the bridge has looked at before. */
	bridge = netdev_master_upper_dev_get_rcu(skb->dev);
	skb->pkt_type = bridge && ether_addr_equal(bridge->dev_addr, key->mac) ? PACKET_HOST :
										 PACKET_OTHERHOST;
	itun_session_reply(reply->session, inner, skb->len + ETH_HLEN);
	itun_count(in, returned_local);
	itun_count(in, replies);
	return true;
}
