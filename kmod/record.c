// SPDX-License-Identifier: GPL-2.0
/* Step 4: a marked packet leaves its way in the session table, and leaves
 * this stage without a mark, whoever sent it.
 */
#include <linux/etherdevice.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/ip.h>

#include "csum.h"
#include "endpoint.h"
#include "mpls.h"
#include "notify.h"
#include "stages.h"

/**
 * itun_count_malformed() - count what is wrong with inner headers
 * @in: namespace
 * @verdict: the parser's
 */
void itun_count_malformed(struct itun_net *in, enum itun_inner_verdict verdict)
{
	switch (verdict) {
	case ITUN_INNER_BAD_ETHERNET:
		itun_count(in, malformed_ethernet);
		break;
	case ITUN_INNER_BAD_VLAN:
		itun_count(in, malformed_vlan);
		break;
	case ITUN_INNER_BAD_IPV4:
		itun_count(in, malformed_ipv4);
		break;
	case ITUN_INNER_BAD_IPV6:
		itun_count(in, malformed_ipv6);
		break;
	case ITUN_INNER_BAD_EXTENSION:
		itun_count(in, malformed_extension);
		break;
	case ITUN_INNER_BAD_TRANSPORT:
	case ITUN_INNER_SHORT:
		itun_count(in, malformed_transport);
		break;
	default:
		break;
	}
}

/* Remove the mark: the packet is then the one that came before this product. */
static unsigned int itun_clear(struct itun_net *in, struct sk_buff *skb,
			       const struct itun_outer *outer)
{
	struct itun_csum csum = {};
	u8 old[2], new[2];
	u8 *header;

	if (unlikely(skb_ensure_writable(skb, outer->edit))) {
		itun_count(in, clear_failed);
		/* VXLAN's driver would drop it for its bits, and with those of
		 * MPLS it has another label; the others do not look at them, or
		 * (GRE over IPv4, but for its default mark) drop it themselves.
		 */
		return outer->type == IPVS_TUN_TUNNEL_TYPE_VXLAN ||
		       outer->type == IPVS_TUN_TUNNEL_TYPE_MPLS ? NF_DROP : NF_ACCEPT;
	}
	header = skb->data + outer->tunnel;
	memcpy(old, header, sizeof(old));
	itun_tunnel_set_mark(outer->type, header, outer->id, itun_tunnel_normal(outer->type));
	memcpy(new, header, sizeof(new));
	itun_csum_body(&csum, old, new, sizeof(old));
	itun_csum_apply(in, skb, outer, &csum);
	itun_count(in, cleared);
	return NF_ACCEPT;
}

/* Is the outer checksum right? A session is made or moved on nothing less. */
static bool itun_verified(struct itun_net *in, struct sk_buff *skb, const struct itun_outer *outer)
{
	const struct udphdr *uh;
	struct udphdr buffer;

	if (unlikely(outer->fragment)) {
		itun_count(in, unverified);
		return true;
	}
	/* An aggregate's segments were verified before they were joined. */
	if (skb_is_gso(skb))
		return true;
	if (itun_outer_over_ethernet(outer))
		return true;	/* nothing but the Ethernet frame has one */
	if (itun_outer_over_gre(outer)) {
		if (itun_csum_gre_right(skb, outer->transport))
			return true;
		itun_count(in, malformed_checksum);
		return false;
	}
	uh = skb_header_pointer(skb, outer->transport, sizeof(buffer), &buffer);
	if (!uh || !uh->check)
		return uh;
	if (outer->family == 4 ?
	    nf_ip_checksum(skb, NF_INET_LOCAL_IN, outer->transport, IPPROTO_UDP) :
	    nf_ip6_checksum(skb, NF_INET_LOCAL_IN, outer->transport, IPPROTO_UDP)) {
		itun_count(in, malformed_checksum);
		return false;
	}
	return true;
}

static void itun_path_key_fill(struct itun_path_key *key, const struct itun_outer *outer,
			       const u8 *inner, int ifindex)
{
	memset(key, 0, sizeof(*key));
	key->remote = outer->src;
	/* A copy for a group: nobody answers from its address. */
	if (likely(!itun_addr_is_multicast(outer->family, &outer->dst)))
		key->local = outer->dst;
	key->id = outer->id;
	key->carrier_key = outer->carrier_key;
	key->ifindex = ifindex;
	key->port = outer->port;
	key->ip_inside = itun_outer_ip_inside(outer);
	if (likely(!key->ip_inside))
		ether_addr_copy(key->mac, inner + ETH_ALEN);
	else if (itun_outer_over_ethernet(outer))
		ether_addr_copy(key->mac, outer->mac);	/* nobody else has filled it */
	key->type = outer->type;
	key->options = outer->options;
	key->family = outer->family;
}

static void itun_recorded(struct itun_path *path)
{
	if (path->endpoint)
		this_cpu_inc(path->endpoint->counts->recorded);
}

static void itun_untrusted(struct itun_net *in, const struct itun_path_key *key)
{
	u8 carrier = itun_tunnel_carrier(key->type, key->options);
	struct itun_endpoint *endpoint = itun_endpoint_find(in, key->type, carrier, key->family,
							    &key->remote);

	itun_count(in, untrusted);
	if (endpoint)
		this_cpu_inc(endpoint->counts->untrusted);
	if (key->family)
		itun_stranger_count(in, key->family, &key->remote);
}

/**
 * itun_record_session() - make a session, or let it go by another path
 * @in: namespace
 * @config: the snapshot in force
 * @inner: headers of a request, an ITUN_INNER_FLOW
 * @len: its bytes
 * @lookup: its key
 * @session: what was found by it, or NULL
 * @path: a reference, which is the session's in the end, or is put
 *
 * Context: BH off, under RCU.
 */
void itun_record_session(struct itun_net *in, const struct itun_config *config,
			 const struct itun_inner *inner, u32 len, const struct itun_lookup *lookup,
			 struct itun_session *session, struct itun_path *path)
{
	int tries;

	/* Another CPU may make it between our lookup and our insertion. */
	for (tries = 0; tries < 3; tries++) {
		if (tries)
			session = itun_session_find(in, lookup);
		if (session && !(READ_ONCE(session->word) & ITUN_DEAD)) {
			bool alive = itun_session_alive(session, config);

			if (!alive) {
				itun_count(in, expired);
				itun_count(in, recorded);
				itun_session_restart(session, inner);
			}
			if (rcu_dereference(session->path) != path) {
				if (alive)
					itun_path_leave(rcu_dereference(session->path),
							&path->key);
				itun_session_move(session, path);
				if (alive) {
					itun_count(in, moved);
					itun_notify_session(in, session,
							    IPVS_TUN_CMD_SESSION_MOVED);
				}
			} else {
				itun_path_put(path);
			}
			itun_session_forward(session, inner, len);
			itun_recorded(rcu_dereference(session->path));
			return;
		}
		session = itun_session_make(in, config, lookup, path,
					    itun_session_first_word(inner->tuple.family,
								    inner->tuple.protocol,
								    inner->tcp_flags));
		if (!IS_ERR(session)) {
			struct itun_account *account = itun_session_account(session);

			if (account) {
				atomic64_inc(&account->fwd_packets);
				atomic64_add(len, &account->fwd_bytes);
			}
			itun_count(in, recorded);
			itun_recorded(path);
			itun_notify_session(in, session, IPVS_TUN_CMD_SESSION_NEW);
			return;
		}
		if (PTR_ERR(session) != -EEXIST && PTR_ERR(session) != -EAGAIN)
			break;
	}
	if (PTR_ERR(session) != -ENOSPC)	/* which has its own counters */
		itun_count(in, record_no_memory);
	itun_path_put(path);
}

/* A session is to be made, or its way has changed: the slow part. */
static void itun_record_new(struct itun_net *in, const struct itun_config *config,
			    struct sk_buff *skb, const struct itun_outer *outer,
			    const struct itun_inner *inner, const struct itun_lookup *lookup,
			    struct itun_session *session, const struct itun_path_key *key)
{
	struct itun_path *path;

	path = itun_path_get_trusted(in, config, key);
	if (unlikely(!path) && !itun_trusted(in, config, key)) {
		itun_untrusted(in, key);
		return;
	}
	if (!itun_verified(in, skb, outer)) {
		if (path)
			itun_path_put(path);
		return;
	}
	if (unlikely(!path))
		path = itun_path_get(in, config, key, false);
	if (unlikely(!path)) {
		itun_count(in, record_no_memory);
		return;
	}

	itun_record_session(in, config, inner, skb->len - outer->inner, lookup, session, path);
}

/**
 * itun_record_known() - a request of a flow that is known, by the way that it has
 * @in: namespace
 * @config: the snapshot in force
 * @inner: headers of the request, an ITUN_INNER_FLOW
 * @len: its bytes
 * @session: what was found by its key, or NULL
 * @key: the way that it came
 *
 * Context: BH off, under RCU.
 * Return: false if there is a session to be made or moved: see itun_record_session().
 */
bool itun_record_known(struct itun_net *in, const struct itun_config *config,
		       const struct itun_inner *inner, u32 len, struct itun_session *session,
		       const struct itun_path_key *key)
{
	struct itun_path *path;

	if (unlikely(!session || !itun_session_alive(session, config)))
		return false;
	path = rcu_dereference(session->path);
	if (unlikely(!itun_path_key_equal(&path->key, key) || !itun_path_usable(path, config)))
		return false;
	itun_session_forward(session, inner, len);
	itun_count(in, refreshed);
	itun_recorded(path);
	return true;
}

static void itun_record_flow(struct itun_net *in, const struct itun_config *config,
			     struct sk_buff *skb, const struct itun_outer *outer,
			     const struct itun_inner *inner, int ifindex)
{
	struct itun_session *session;
	struct itun_lookup lookup;
	struct itun_path_key key;

	itun_path_key_fill(&key, outer, skb->data + outer->inner, ifindex);
	itun_lookup_init(&lookup, &inner->tuple,
			 itun_config_zone_of(config, outer->type, outer->id));
	session = itun_session_find(in, &lookup);
	if (!itun_record_known(in, config, inner, skb->len - outer->inner, session, &key))
		itun_record_new(in, config, skb, outer, inner, &lookup, session, &key);
}

/**
 * itun_record_ifindex() - the device of the underlay that a packet came in by
 * @skb: at LOCAL_IN; of MPLS over Ethernet where it comes in by a device
 * @outer: its headers
 * @state: of the hook
 *
 * Return: its index.
 */
int itun_record_ifindex(struct sk_buff *skb, const struct itun_outer *outer,
			const struct nf_hook_state *state)
{
	int ifindex = 0;

	/* In a VRF the device is the VRF's: the port that it came by is in the
	 * control block. At a device itself there is none.
	 */
	if (likely(!itun_outer_over_ethernet(outer)))
		ifindex = outer->family == 4 ? inet_sdif(skb) : inet6_sdif(skb);
	return ifindex ? : state->in->ifindex;
}

/**
 * itun_record() - a tunnel packet with other bits than the normal ones
 * @in: namespace of the underlay
 * @config: the snapshot in force
 * @skb: at LOCAL_IN; of MPLS where it comes in by a device
 * @outer: its headers
 * @state: of the hook
 *
 * Context: softirq, under RCU.
 * Return: NF_ACCEPT; NF_DROP for a probe, which ends here, or without memory.
 */
unsigned int itun_record(struct itun_net *in, const struct itun_config *config,
			 struct sk_buff *skb, struct itun_outer *outer,
			 const struct nf_hook_state *state)
{
	enum itun_inner_verdict verdict;
	struct itun_inner inner;
	int ifindex;

	ifindex = itun_record_ifindex(skb, outer, state);

	verdict = itun_outer_parse_inner(skb, outer, &inner);
	/* What only has a probe's EtherType is somebody else's. */
	if (unlikely(verdict == ITUN_INNER_PROBE) && !outer->surplus &&
	    itun_probe_receive(in, config, outer, skb, ifindex))
		return NF_DROP;
	/* Bits that are no mark of ours: they mean something to someone else. */
	if (!itun_config_accepts(config, outer->type, outer->flags)) {
		itun_count(in, foreign_bits);
		return NF_ACCEPT;
	}

	itun_count(in, received_marked);
	/* The inner headers may be among the bytes that UDP will cut off, and
	 * were not looked at by who checked the datagram: nothing is recorded.
	 */
	if (unlikely(outer->surplus)) {
		itun_count(in, malformed_outer);
		return itun_clear(in, skb, outer);
	}
	switch (verdict) {
	case ITUN_INNER_PROBE:
		break;		/* counted when it was read */
	case ITUN_INNER_FLOW:
		if (unlikely(outer->id > ITUN_ID_MAX))
			itun_count(in, record_large_id);
		else if (likely(!(config->paused & IPVS_TUN_STEP_RECORD)))
			itun_record_flow(in, config, skb, outer, &inner, ifindex);
		else
			itun_count(in, record_paused);
		break;
	case ITUN_INNER_FRAGMENT:
		itun_count(in, record_fragment);
		break;
	case ITUN_INNER_ICMP_ERROR:
		itun_count(in, record_icmp_error);
		break;
	case ITUN_INNER_NOT_FLOW:
		itun_count(in, record_not_flow);
		break;
	default:
		itun_count_malformed(in, verdict);
		break;
	}
	return itun_clear(in, skb, outer);
}

static unsigned int itun_record_parsed(struct itun_net *in, const struct itun_config *config,
				       const struct itun_ports *ports, struct sk_buff *skb,
				       const struct nf_hook_state *state, u8 family)
{
	struct itun_outer outer;

	switch (itun_outer_parse_in(skb, ports, family, &outer)) {
	case ITUN_OUTER_NONE:
	case ITUN_OUTER_PLAIN:
		return NF_ACCEPT;
	case ITUN_OUTER_FOREIGN:
		itun_count(in, foreign_bits);
		return NF_ACCEPT;
	case ITUN_OUTER_BAD_LENGTH:
		itun_count(in, malformed_outer);
		return NF_ACCEPT;
	case ITUN_OUTER_BAD_TUNNEL:
		itun_count(in, malformed_tunnel);
		return NF_ACCEPT;
	case ITUN_OUTER_LABELS:
		return itun_mpls_local_in(in, config, skb, &outer, state);
	case ITUN_OUTER_TUNNEL:
		break;
	}
	return itun_record(in, config, skb, &outer, state);
}

/**
 * itun_record_whole() - a packet for this host that may be a marked tunnel packet
 * @in: namespace of the underlay
 * @skb: at LOCAL_IN
 * @state: of the hook
 * @family: 4 or 6
 *
 * Context: any, under RCU.
 * Return: as itun_record().
 */
unsigned int itun_record_whole(struct itun_net *in, struct sk_buff *skb,
			       const struct nf_hook_state *state, u8 family)
{
	const struct itun_config *config = rcu_dereference(in->config);
	const struct itun_ports *ports = rcu_dereference(in->ports);
	unsigned int verdict;

	/* A packet that comes back from NFQUEUE comes in process context, here
	 * as in the other hooks: locks and per-CPU state need BH off.
	 */
	local_bh_disable();
	verdict = itun_record_parsed(in, config, ports, skb, state, family);
	local_bh_enable();
	return verdict;
}
