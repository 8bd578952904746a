// SPDX-License-Identifier: GPL-2.0
/* Step 4 for most packets: one of a session that is known, by the way that is
 * known, or the first one of a flow by a way that is known. Plain headers at fixed
 * places are compared where they lie.
 *
 * Whatever is not exactly that is left, untouched, to the whole record stage
 * (record.c): nothing here may refuse a packet, count it as wrong, or move a
 * session. What is accepted here, the parsers there accept too, and read the same
 * in it: hostile.py has an independent judge for both.
 */
#include <linux/etherdevice.h>
#include <linux/netfilter_ipv4.h>
#include <net/ip.h>
#include <net/tcp.h>

#include "csum.h"
#include "endpoint.h"
#include "front.h"
#include "notify.h"
#include "stages.h"
#include "usual.h"

/* Are its headers the usual ones, and right? Gives the inner TCP flags. */
static __always_inline bool itun_is_usual(const struct sk_buff *skb,
					  const struct itun_usual *packet, u8 *tcp_flags)
{
	unsigned int length;

	if (skb_headlen(skb) < ITUN_USUAL_UDP)
		return false;
	if (packet->outer.ihl != 5 || packet->outer.protocol != IPPROTO_UDP ||
	    ntohs(packet->udp.len) != skb->len - ITUN_USUAL_OUTER)
		return false;
	if (packet->eth.h_dest[0] & 1 || packet->eth.h_proto != htons(ETH_P_IP))
		return false;
	if (packet->inner.version != 4 || packet->inner.ihl != 5 ||
	    packet->inner.frag_off & htons(IP_MF | IP_OFFSET))
		return false;
	length = ntohs(packet->inner.tot_len);
	if (length > skb->len - ITUN_USUAL_INNER)
		return false;

	*tcp_flags = 0;
	if (packet->inner.protocol == IPPROTO_UDP) {
		return length >= sizeof(struct iphdr) + sizeof(struct udphdr) &&
		       ntohs(packet->inner_udp.len) == length - sizeof(struct iphdr);
	}
	if (packet->inner.protocol != IPPROTO_TCP || skb_headlen(skb) < ITUN_USUAL_TCP ||
	    length < sizeof(struct iphdr) + sizeof(struct tcphdr))
		return false;
	*tcp_flags = tcp_flag_byte(&packet->inner_tcp);
	return packet->inner_tcp.doff >= 5 &&
	       packet->inner_tcp.doff * 4 <= length - sizeof(struct iphdr);
}

/* May its flow have a session at all? For one that is there, this was asked. */
static bool itun_is_usual_flow(const struct itun_usual *packet)
{
	return !(packet->eth.h_source[0] & 1) && !itun_inner_mac_is_zero(packet->eth.h_source) &&
	       itun_inner_ip4_host(ntohl(packet->inner.saddr)) &&
	       itun_inner_ip4_host(ntohl(packet->inner.daddr));
}

/* Is this path the way that the packet came? */
static __always_inline bool itun_path_is_usual(const struct itun_path_key *key,
					       const struct itun_usual *packet, int ifindex)
{
	return key->remote.ip == packet->outer.saddr && key->local.ip == packet->outer.daddr &&
	       key->id == itun_vxlan_vni(packet->vxlan) && key->ifindex == ifindex &&
	       key->port == ntohs(packet->udp.dest) && key->family == 4 &&
	       key->type == IPVS_TUN_TUNNEL_TYPE_VXLAN &&
	       ether_addr_equal_unaligned(key->mac, packet->eth.h_source);
}

/* In a VRF the port that it came by is in the control block. */
static __always_inline int itun_usual_ifindex(struct sk_buff *skb,
					      const struct nf_hook_state *state)
{
	int ifindex = 0;

	/* inet_sdif(), which asks whether there is a packet at all. */
	if (unlikely(ipv4_l3mdev_skb(IPCB(skb)->flags)))
		ifindex = IPCB(skb)->iif;
	return unlikely(ifindex) ? ifindex : state->in->ifindex;
}

static __always_inline void itun_usual_counted(struct itun_net *in, const struct itun_path *path)
{
	struct itun_stats __percpu *stats = in->stats;

	this_cpu_inc(stats->value[ITUN_COUNT_received_marked]);
	this_cpu_inc(stats->value[ITUN_COUNT_cleared]);
	if (likely(path->endpoint))
		this_cpu_inc(path->endpoint->counts->recorded);
}

/* Remove the mark from a header that is writable. */
static void itun_usual_clear(struct itun_net *in, struct sk_buff *skb)
{
	itun_usual_set_flags(in, skb, ITUN_VXLAN_NORMAL);
}

static bool itun_usual_writable(struct sk_buff *skb)
{
	return !skb_ensure_writable(skb, ITUN_USUAL_FRAME);
}

/* The rest for a packet that is its session's, where more is to be done than to
 * write one byte: true if it is done with.
 */
static noinline bool itun_refresh_rare(struct itun_net *in, struct sk_buff *skb,
				       struct itun_session *session, struct itun_path *path,
				       u8 tcp_flags)
{
	if (unlikely(!itun_usual_writable(skb)))
		return false;
	itun_usual_clear(in, skb);
	itun_session_refresh(session, ((struct itun_usual *)skb->data)->inner.protocol, tcp_flags,
			     skb->len - ITUN_USUAL_FRAME);
	itun_count(in, refreshed);
	itun_usual_counted(in, path);
	return true;
}

/* A marked packet of a known flow that is not DEAD: true if it is done with and
 * unmarked. What calls anything is apart: see itun_refresh_rare().
 */
static __always_inline bool itun_refresh_session(struct itun_net *in,
						 const struct itun_config *config,
						 struct sk_buff *skb,
						 const struct nf_hook_state *state,
						 struct itun_session *session, u8 tcp_flags)
{
	struct itun_usual *packet = (struct itun_usual *)skb->data;
	struct itun_path *path = rcu_dereference(session->path);

	/* SYN may open the flow anew. */
	if (unlikely(itun_session_expires(session, config) <= 0 || tcp_flags & TCPHDR_SYN ||
		     !itun_path_is_usual(&path->key, packet, itun_usual_ifindex(skb, state)) ||
		     !itun_path_found_usable(path, config)))
		return false;
	if (unlikely(skb_cloned(skb) ||
		     !itun_session_settled(session, packet->inner.protocol, tcp_flags)) ||
	    unlikely(!itun_usual_try_flags(in, skb, ITUN_VXLAN_NORMAL)))
		return itun_refresh_rare(in, skb, session, path, tcp_flags);

	itun_session_touch(session);
	itun_count(in, refreshed);
	itun_usual_counted(in, path);
	return true;
}

/* The way that the packet came. */
static __always_inline void itun_usual_path(struct itun_path_key *key,
					    const struct itun_usual *packet, int ifindex)
{
	*key = (struct itun_path_key) {
		.remote.ip = packet->outer.saddr,
		/* Of a copy for a group none, as in record.c. */
		.local.ip = ipv4_is_multicast(packet->outer.daddr) ? 0 : packet->outer.daddr,
		.id = itun_vxlan_vni(packet->vxlan),
		.ifindex = ifindex,
		.port = ntohs(packet->udp.dest),
		.type = IPVS_TUN_TUNNEL_TYPE_VXLAN,
		.family = 4,
	};
	ether_addr_copy(key->mac, packet->eth.h_source);
}

/* The path of a way that others have come, referenced; or NULL, which says nothing. */
static __always_inline struct itun_path *itun_usual_path_get(struct itun_net *in,
							     const struct itun_config *config,
							     const struct itun_usual *packet,
							     int ifindex)
{
	struct itun_path __rcu **slot = itun_path_front(in, packet->outer.saddr,
							itun_vxlan_vni(packet->vxlan));
	struct itun_path *path = rcu_dereference(*slot);
	struct itun_path_key key;

	if (likely(path && itun_path_is_usual(&path->key, packet, ifindex) &&
		   itun_path_hold_trusted(path, config)))
		return path;
	itun_usual_path(&key, packet, ifindex);
	path = itun_path_get_trusted(in, config, &key);
	/* One that was recorded from a copy for a group is never what is met here. */
	if (path && rcu_access_pointer(*slot) != path)
		rcu_assign_pointer(*slot, path);
	return path;
}

/* The first packet of a flow, by a way that others have come: true if it is done
 * with. BH off.
 */
static bool itun_refresh_first(struct itun_net *in, const struct itun_config *config,
			       struct sk_buff *skb, const struct nf_hook_state *state,
			       const struct itun_lookup *lookup, u8 tcp_flags)
{
	const struct itun_usual *packet = (const struct itun_usual *)skb->data;
	struct itun_account *account;
	struct itun_session *session = NULL;
	struct itun_path *path;

	path = itun_usual_path_get(in, config, packet, itun_usual_ifindex(skb, state));
	if (unlikely(!path))
		return false;
	/* An aggregate's segments were verified before they were joined. */
	if (packet->udp.check && !skb_is_gso(skb) &&
	    nf_ip_checksum(skb, NF_INET_LOCAL_IN, ITUN_USUAL_OUTER, IPPROTO_UDP))
		goto leave;
	session = itun_session_make(in, config, lookup, path,
				    itun_session_first_word(4, packet->inner.protocol,
							    tcp_flags));
	if (!IS_ERR(session)) {
		account = itun_session_account(session);
		if (account) {
			atomic64_inc(&account->fwd_packets);
			atomic64_add(skb->len - ITUN_USUAL_FRAME,
				     &account->fwd_bytes);
		}
		itun_count(in, recorded);
		itun_usual_counted(in, path);
		itun_notify_session(in, session, IPVS_TUN_CMD_SESSION_NEW);
		itun_usual_clear(in, skb);
		return true;
	}
	/* At a limit: that has been counted, and is not to be tried again. */
	if (PTR_ERR(session) == -ENOSPC) {
		itun_count(in, received_marked);
		itun_count(in, cleared);
		itun_usual_clear(in, skb);
	}

leave:
	itun_path_put(path);
	return PTR_ERR(session) == -ENOSPC;
}

static u8 itun_usual_tcp_flags(const struct sk_buff *skb)
{
	const struct itun_usual *packet = (const struct itun_usual *)skb->data;

	return packet->inner.protocol == IPPROTO_TCP ? tcp_flag_byte(&packet->inner_tcp) : 0;
}

/* By the keyed hash, in the table. As many arguments as there are registers: one
 * more, and who calls this pays for a frame with every packet.
 */
static noinline bool itun_refresh_search(struct itun_net *in, const struct itun_config *config,
					 struct sk_buff *skb, const struct nf_hook_state *state,
					 struct itun_key4 key)
{
	u8 tcp_flags = itun_usual_tcp_flags(skb);
	struct itun_session *session;
	struct itun_lookup lookup;
	bool done;

	itun_lookup_key4(&lookup, &key);
	session = itun_session_find(in, &lookup);
	if (session) {
		if (unlikely(READ_ONCE(session->word) & ITUN_DEAD))
			return false;
		itun_front_put(in, session);
		return itun_refresh_session(in, config, skb, state, session, tcp_flags);
	}
	if (!itun_is_usual_flow((const struct itun_usual *)skb->data) ||
	    !itun_usual_writable(skb))
		return false;
	local_bh_disable();
	done = itun_refresh_first(in, config, skb, state, &lookup, tcp_flags);
	local_bh_enable();
	return done;
}

/**
 * itun_refresh() - a packet that may be marked
 * @in: namespace of the underlay
 * @skb: at LOCAL_IN, IPv4
 * @state: of the hook
 *
 * Context: any, under RCU: it may come back from NFQUEUE.
 * Return: as itun_record(), which does all that is not usual.
 */
unsigned int itun_refresh(struct itun_net *in, struct sk_buff *skb,
			  const struct nf_hook_state *state)
{
	const struct itun_config *config = rcu_dereference(in->config);
	const struct itun_ports *ports = rcu_dereference(in->ports);
	struct itun_usual *packet = (struct itun_usual *)skb->data;
	struct itun_session *session;
	struct itun_key4 key;
	u8 tcp_flags;
	bool done;

	if (!itun_is_usual(skb, packet, &tcp_flags) ||
	    !itun_config_accepts(config, IPVS_TUN_TUNNEL_TYPE_VXLAN,
				 itun_vxlan_flags(packet->vxlan)) ||
	    config->paused & IPVS_TUN_STEP_RECORD ||
	    !itun_port_is_vxlan(ports, packet->udp.dest))
		goto whole;

	key.src = packet->inner.saddr;
	key.dst = packet->inner.daddr;
	key.sport = packet->inner_udp.source;
	key.dport = packet->inner_udp.dest;
	key.zone_protocol = itun_config_zone(config, itun_vxlan_vni(packet->vxlan)) << 8 |
			    packet->inner.protocol;
	session = itun_front_find(in, key);
	if (likely(session))
		done = itun_refresh_session(in, config, skb, state, session, tcp_flags);
	else
		done = itun_refresh_search(in, config, skb, state, key);
	if (likely(done))
		return NF_ACCEPT;
whole:
	return itun_record_whole(in, skb, state, 4);
}
