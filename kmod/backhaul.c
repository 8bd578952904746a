// SPDX-License-Identifier: GPL-2.0
/* Step 5: a reply of a recorded flow goes back the way that its requests came.
 *
 * Four places see replies: the port of the server's machine and its bridge (see
 * bridge.c), where they are put straight into their tunnel; inet FORWARD, where
 * the host is the servers' router (forward.c); and LOCAL_OUT of the outer packet,
 * the net under all of them, where the headers are corrected: that is here.
 */
#include <linux/etherdevice.h>
#include <net/dsfield.h>
#include <net/ip.h>

#include "csum.h"
#include "front.h"
#include "stages.h"

/* By the keyed hash, in the table. */
static noinline struct itun_session *itun_reply_search4(struct itun_net *in,
							const struct itun_key4 *key)
{
	struct itun_session *session;
	struct itun_lookup lookup;

	itun_lookup_key4(&lookup, key);
	session = itun_session_find(in, &lookup);
	if (session && !(READ_ONCE(session->word) & ITUN_DEAD))
		itun_front_put(in, session);
	return session;
}

static noinline struct itun_session *itun_reply_search(struct itun_net *in,
						       const struct itun_tuple *tuple, u32 zone)
{
	struct itun_lookup lookup;
	struct itun_tuple forward;

	itun_tuple_reverse(tuple, &forward);
	itun_lookup_init(&lookup, &forward, zone);
	return itun_session_find(in, &lookup);
}

/* By the ports that its first one had. */
static noinline bool itun_reply_find_later(struct itun_net *in, const struct itun_config *config,
					   const struct itun_inner *inner, u32 zone,
					   struct itun_backhaul *reply)
{
	struct itun_inner first = *inner;

	if (itun_fragment_find(in, &first.tuple, inner->fragment_id, zone) != ITUN_FRAGMENT_REPLY)
		return false;
	itun_count(in, fragment_later);
	first.later = false;
	return itun_reply_find(in, config, &first, zone, reply);
}

/**
 * itun_reply_find() - the session that a packet may be a reply of
 * @in: namespace
 * @config: the snapshot in force
 * @inner: its headers; itun_reply_possible()
 * @zone: the tenant that it may belong to
 * @reply: filled
 *
 * Changes nothing: where the packet itself does not say its tenant, the path
 * has to be looked at before itun_reply_accept().
 *
 * Context: softirq or BH off, under RCU.
 * Return: false if there is none.
 */
bool itun_reply_find(struct itun_net *in, const struct itun_config *config,
		     const struct itun_inner *inner, u32 zone, struct itun_backhaul *reply)
{
	struct itun_session *session;

	if (unlikely(inner->later))
		return itun_reply_find_later(in, config, inner, zone, reply);
	if (likely(inner->tuple.family == 4)) {
		struct itun_key4 key = {
			.src = inner->tuple.dst.ip,
			.dst = inner->tuple.src.ip,
			.sport = inner->tuple.dport,
			.dport = inner->tuple.sport,
			.zone_protocol = zone << 8 | inner->tuple.protocol,
		};

		session = itun_front_find(in, key);
		if (unlikely(!session))
			session = itun_reply_search4(in, &key);
	} else {
		session = itun_reply_search(in, &inner->tuple, zone);
	}
	if (!session)
		return false;
	reply->session = session;
	reply->hash = READ_ONCE(session->hash);
	/* The hash first: it is one for as long as the session is not DEAD. */
	smp_rmb();
	if (!itun_session_alive(session, config))
		return false;
	reply->path = itun_path_now(rcu_dereference(session->path), config);
	reply->zone = zone;
	return true;
}

/**
 * itun_reply_accept() - is a packet a reply of the session that was found?
 * @in: namespace
 * @config: the snapshot in force
 * @inner: its headers
 * @reply: as found; its tenant is the packet's
 *
 * What opens a flow of the server's own makes the session step back.
 *
 * Context: softirq or BH off, under RCU.
 * Return: true if so, and if its path may be taken now.
 */
bool itun_reply_accept(struct itun_net *in, const struct itun_config *config,
		       const struct itun_inner *inner, const struct itun_backhaul *reply)
{
	if (unlikely(inner->opens)) {
		itun_session_yield(reply->session);
		return false;
	}
	if (unlikely(READ_ONCE(reply->session->word) & ITUN_YIELDED))
		return false;
	if (unlikely(!itun_path_usable(reply->path, config))) {
		itun_count(in, path_dead);
		return false;
	}
	if (unlikely(inner->related))
		itun_count(in, related);
	if (unlikely(inner->fragment))
		itun_fragment_remember(in, inner, reply->zone);
	return true;
}

/* Does a packet leave in the very tunnel that its path is? Of two that have no
 * key, the host's own end may be all that differs.
 */
static bool itun_gre_same(const struct itun_outer *outer, const struct itun_path *path)
{
	bool labels = outer->type == IPVS_TUN_TUNNEL_TYPE_MPLS;
	const union itun_addr any = {};

	return !memcmp(&outer->dst, &path->key.remote, sizeof(outer->dst)) &&
	       (!memcmp(&outer->src, &path->key.local, sizeof(outer->src)) ||
		!memcmp(&path->key.local, &any, sizeof(any))) &&
	       (labels ? outer->carrier_key == path->key.carrier_key : outer->id == path->key.id) &&
	       !((outer->options ^ path->key.options) & ITUN_GRE_NVGRE);
}

/* May a packet that leaves in GRE go to another endpoint, or with another key,
 * than its own? What is only a number in most tunnels is a stream in these: receivers
 * refuse a checksum or a key that they were not told of, and older sequence
 * numbers; and without a key the two ends are all that tells networks apart,
 * unless labels do.
 */
static bool itun_gre_movable(const struct itun_outer *outer, const struct itun_path *path)
{
	return (outer->options & ITUN_GRE_KEY || outer->type == IPVS_TUN_TUNNEL_TYPE_MPLS) &&
	       !(outer->options & ITUN_GRE_SEQUENCE) && outer->options == path->key.options;
}

/* Are a packet and a path of one type of tunnel, and of one kind of inner packet? */
static bool itun_rewrite_possible(const struct itun_outer *outer, const struct itun_path *path)
{
	const struct itun_path_key *key = &path->key;

	if (unlikely(outer->family != key->family || outer->type != key->type ||
		     itun_outer_ip_inside(outer) != key->ip_inside ||
		     itun_tunnel_carrier(outer->type, outer->options) !=
		     itun_tunnel_carrier(key->type, key->options)))
		return false;
	return likely(!itun_outer_over_gre(outer)) || itun_gre_same(outer, path) ||
	       itun_gre_movable(outer, path);
}

/* The key of what carries labels. */
static void itun_rewrite_carrier_key(struct sk_buff *skb, const struct itun_outer *outer,
				     const struct itun_path *path, struct itun_csum *csum)
{
	u8 *header = skb->data + outer->transport;
	u8 *key = header + itun_gre_key_offset(header);
	u8 old[4];

	if (likely(outer->carrier_key == path->key.carrier_key))
		return;
	memcpy(old, key, sizeof(old));
	if (itun_gre_set_key(header, path->key.carrier_key))
		itun_csum_body(csum, old, key, sizeof(old));
}

/* At LOCAL_OUT: what of the outer packet is to become what. */
static int itun_rewrite_headers(struct itun_net *in, const struct itun_config *config,
				struct sk_buff *skb, const struct itun_outer *outer,
				struct itun_path *path)
{
	bool move = memcmp(&outer->dst, &path->key.remote, sizeof(outer->dst)) ||
		    outer->family != path->key.family;
	struct itun_route route = {};
	struct itun_csum csum = {};
	u8 *header, *number;
	u32 id = path->key.id;
	u8 old[4];

	if (unlikely(!itun_rewrite_possible(outer, path)))
		return -EAFNOSUPPORT;
	if (unlikely(outer->type == IPVS_TUN_TUNNEL_TYPE_MPLS))
		id = itun_config_return_label(config, id);
	/* The route first: nothing is edited if there is none. */
	if (move) {
		u8 tos = outer->family == 4 ? ip_hdr(skb)->tos :
					      ipv6_get_dsfield(ipv6_hdr(skb));
		__be16 sport = 0, dport = 0;
		int err;

		if (outer->port) {
			const struct udphdr *uh = (void *)(skb->data + outer->transport);

			sport = uh->source;
			dport = uh->dest;
		}
		err = itun_path_route(path, skb, tos, sport, dport, &route);
		if (err)
			return err;
	}
	if (skb_ensure_writable(skb, outer->inner + (path->key.ip_inside ? 0 : ETH_ALEN))) {
		dst_release(route.dst);
		return -ENOMEM;
	}

	header = skb->data + outer->tunnel;
	if (outer->id != id) {
		number = header + itun_tunnel_id_offset(outer->type, header);
		memcpy(old, number, sizeof(old));
		/* GRE without a key has no room for one. Nothing is edited yet. */
		if (!itun_tunnel_set_id(outer->type, header, outer->options, id)) {
			dst_release(route.dst);
			return -EMSGSIZE;
		}
		itun_csum_body(&csum, old, number, sizeof(old));
	}
	if (unlikely(outer->type == IPVS_TUN_TUNNEL_TYPE_MPLS))
		itun_rewrite_carrier_key(skb, outer, path, &csum);
	if (!path->key.ip_inside &&
	    !ether_addr_equal_unaligned(skb->data + outer->inner, path->key.mac)) {
		itun_csum_body(&csum, skb->data + outer->inner, path->key.mac, ETH_ALEN);
		memcpy(skb->data + outer->inner, path->key.mac, ETH_ALEN);
	}
	if (path->key.port && outer->port != path->key.port) {
		struct udphdr *uh = (struct udphdr *)(skb->data + outer->transport);
		__be16 port = htons(path->key.port);

		itun_csum_body(&csum, &uh->dest, &port, sizeof(port));
		uh->dest = port;
	}
	if (move && outer->family == 4) {
		struct iphdr *iph = ip_hdr(skb);

		itun_csum_pseudo(&csum, &iph->saddr, &route.local.ip, 4);
		itun_csum_pseudo(&csum, &iph->daddr, &path->key.remote.ip, 4);
		/* A copy for a multicast group has a TTL of 1. */
		if (ipv4_is_multicast(iph->daddr))
			iph->ttl = ip4_dst_hoplimit(route.dst);
		iph->saddr = route.local.ip;
		iph->daddr = path->key.remote.ip;
		ip_send_check(iph);
	} else if (move) {
		struct ipv6hdr *ip6h = ipv6_hdr(skb);

		itun_csum_pseudo(&csum, &ip6h->saddr, route.local.ip6, 16);
		itun_csum_pseudo(&csum, &ip6h->daddr, path->key.remote.ip6, 16);
		if (ipv6_addr_is_multicast(&ip6h->daddr))
			ip6h->hop_limit = ip6_dst_hoplimit(route.dst);
		memcpy(&ip6h->saddr, route.local.ip6, 16);
		memcpy(&ip6h->daddr, path->key.remote.ip6, 16);
	}
	itun_csum_apply(in, skb, outer, &csum);
	if (move) {
		skb_dst_drop(skb);
		skb_dst_set(skb, route.dst);
	}
	if (csum.body_edited || csum.pseudo_edited)
		itun_count(in, rewritten);
	else
		itun_count(in, reply_unchanged);
	return 0;
}

/**
 * itun_rewrite() - correct a reply that leaves in a tunnel
 * @in: namespace of the underlay
 * @config: the snapshot in force
 * @skb: the outer packet at LOCAL_OUT
 * @outer: its headers
 *
 * Context: softirq or BH off, under RCU.
 * Return: NF_ACCEPT, or NF_STOLEN for a further copy of a flooded reply.
 */
unsigned int itun_rewrite(struct itun_net *in, const struct itun_config *config,
			  struct sk_buff *skb, struct itun_outer *outer)
{
	struct itun_backhaul reply;
	enum itun_inner_verdict parsed;
	struct itun_inner inner;
	u32 zone;

	if (unlikely(outer->id > ITUN_ID_MAX))
		return NF_ACCEPT;
	parsed = itun_outer_parse_inner(skb, outer, &inner);
	if (unlikely(parsed != ITUN_INNER_FLOW) &&
	    itun_related(skb, outer->inner, parsed, &inner) != ITUN_INNER_FLOW)
		return NF_ACCEPT;
	if (likely(!itun_reply_possible(in, &inner)))
		return NF_ACCEPT;
	zone = itun_config_zone_of(config, outer->type, outer->id);
	if (!itun_reply_find(in, config, &inner, zone, &reply))
		return NF_ACCEPT;
	/* No tunnel leads to its balancer: where it could be aimed at it, it has not been. */
	if (unlikely(itun_path_is_local(&reply.path->key)))
		return NF_ACCEPT;
	/* A label does not tell tenants apart: routing tables of their own do. */
	if (unlikely(outer->type == IPVS_TUN_TUNNEL_TYPE_MPLS &&
		     !itun_path_is_from(reply.path, skb->dev))) {
		itun_count(in, zone_unknown);
		return NF_ACCEPT;
	}
	if (!itun_reply_accept(in, config, &inner, &reply))
		return NF_ACCEPT;

	if (unlikely(!itun_csum_editable(skb))) {
		itun_count(in, rewrite_unsupported);
		return NF_ACCEPT;
	}
	/* A copy is consumed only if the one before it could be corrected. What
	 * was routed is sent once.
	 */
	if (!itun_outer_ip_inside(outer) &&
	    itun_flood_copy(reply.session, &inner, outer, skb->dev->ifindex)) {
		itun_count(in, flood_suppressed);
		consume_skb(skb);
		return NF_STOLEN;
	}
	if (unlikely(itun_rewrite_headers(in, config, skb, outer, reply.path))) {
		itun_count(in, rewrite_failed);
		itun_flood_forget();
		return NF_ACCEPT;
	}
	itun_session_reply(reply.session, &inner, skb->len - outer->inner);
	itun_count(in, replies);
	return NF_ACCEPT;
}

/**
 * itun_steered() - a reply is on its way
 * @in: namespace
 * @config: the snapshot in force
 * @reply: whose it is
 * @inner: its headers
 * @len: bytes of it, Ethernet header included
 * @result: of itun_path_xmit()
 *
 * One that was handed to its device is counted where it leaves in its tunnel,
 * unless nobody looks there.
 *
 * Context: BH off, under RCU.
 */
void itun_steered(struct itun_net *in, const struct itun_config *config,
		  const struct itun_backhaul *reply, const struct itun_inner *inner, u32 len,
		  enum itun_xmit result)
{
	itun_count(in, steered);
	if (result == ITUN_XMIT_HANDED && !(config->paused & IPVS_TUN_STEP_REWRITE))
		return;
	itun_session_reply(reply->session, inner, len);
	itun_count(in, replies);
}
