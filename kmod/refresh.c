// SPDX-License-Identifier: GPL-2.0
/* Step 4 for most packets: one of a session that is known, by the way that is
 * known. Plain headers at fixed places are compared where they lie.
 *
 * Whatever is not exactly that is left, untouched, to the whole record stage
 * (record.c): nothing here may refuse a packet, count it as wrong, make a
 * session or move one. What is accepted here, the parsers there accept too, and
 * read the same in it: hostile.py has an independent judge for both.
 */
#include <linux/etherdevice.h>
#include <net/ip.h>
#include <net/tcp.h>

#include "csum.h"
#include "endpoint.h"
#include "stages.h"

/* UDP over IPv4, VXLAN, untagged Ethernet, IPv4: no options anywhere. */
struct itun_usual {
	struct iphdr outer;
	struct udphdr udp;
	u8 vxlan[ITUN_VXLAN_HLEN];
	struct ethhdr eth;
	struct iphdr inner;
	union {
		struct udphdr inner_udp;
		struct tcphdr inner_tcp;
	};
} __packed;

#define ITUN_USUAL_OUTER	offsetof(struct itun_usual, udp)
#define ITUN_USUAL_INNER	offsetof(struct itun_usual, inner)
#define ITUN_USUAL_TRANSPORT	offsetof(struct itun_usual, inner_udp)
#define ITUN_USUAL_UDP		(ITUN_USUAL_TRANSPORT + sizeof(struct udphdr))
#define ITUN_USUAL_TCP		(ITUN_USUAL_TRANSPORT + sizeof(struct tcphdr))

/* Are its headers the usual ones, and right? Gives the inner TCP flags. */
static bool itun_is_usual(const struct sk_buff *skb, const struct itun_usual *packet,
			  u8 *tcp_flags)
{
	unsigned int length;

	if (skb_headlen(skb) < ITUN_USUAL_UDP || skb_is_gso(skb))
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
		unsigned int covered = ntohs(packet->inner_udp.len);

		return length >= sizeof(struct iphdr) + sizeof(struct udphdr) &&
		       covered >= sizeof(struct udphdr) &&
		       covered <= length - sizeof(struct iphdr);
	}
	if (packet->inner.protocol != IPPROTO_TCP || skb_headlen(skb) < ITUN_USUAL_TCP ||
	    length < sizeof(struct iphdr) + sizeof(struct tcphdr))
		return false;
	*tcp_flags = tcp_flag_byte(&packet->inner_tcp);
	return packet->inner_tcp.doff >= 5 &&
	       packet->inner_tcp.doff * 4 <= length - sizeof(struct iphdr) &&
	       !(*tcp_flags & TCPHDR_SYN);
}

/* Is this path the way that the packet came? */
static bool itun_path_is_usual(const struct itun_path_key *key, const struct itun_usual *packet,
			       u32 vni, int ifindex)
{
	return key->remote.ip == packet->outer.saddr && key->local.ip == packet->outer.daddr &&
	       key->id == vni && key->ifindex == ifindex &&
	       key->port == ntohs(packet->udp.dest) && key->family == 4 &&
	       key->type == IPVS_TUN_TUNNEL_TYPE_VXLAN &&
	       ether_addr_equal_unaligned(key->mac, packet->eth.h_source);
}

/**
 * itun_refresh() - a marked packet of a known flow
 * @in: namespace of the underlay
 * @config: the snapshot in force
 * @ports: tunnel ports of the namespace
 * @skb: at LOCAL_IN, IPv4
 * @state: of the hook
 * @found: what was looked up, for the rest of the record stage
 *
 * Context: softirq or BH off, under RCU.
 * Return: true if the packet is done with and unmarked; false if nothing was
 * touched and the whole stage has to look.
 */
bool itun_refresh(struct itun_net *in, const struct itun_config *config,
		  const struct itun_ports *ports, struct sk_buff *skb,
		  const struct nf_hook_state *state, struct itun_found *found)
{
	const struct itun_tunnel_config *vxlan = &config->tunnel[IPVS_TUN_TUNNEL_TYPE_VXLAN];
	struct itun_usual *packet = (struct itun_usual *)skb->data;
	struct itun_lookup *lookup = &found->lookup;
	struct itun_session *session;
	struct itun_csum csum = {};
	struct itun_path *path;
	u8 old[2], tcp_flags;
	int ifindex, port;
	u32 vni;

	found->valid = false;
	if (!itun_is_usual(skb, packet, &tcp_flags) ||
	    !test_bit(itun_vxlan_flags(packet->vxlan), vxlan->accept) ||
	    config->paused & IPVS_TUN_STEP_RECORD)
		return false;
	port = itun_port_index(ports, packet->udp.dest);
	if (port < 0 || ports->type[port] != IPVS_TUN_TUNNEL_TYPE_VXLAN)
		return false;

	vni = itun_vxlan_vni(packet->vxlan);
	lookup->family = 4;
	lookup->key4.src = packet->inner.saddr;
	lookup->key4.dst = packet->inner.daddr;
	lookup->key4.sport = packet->inner_udp.source;
	lookup->key4.dport = packet->inner_udp.dest;
	lookup->key4.zone_protocol = itun_config_zone(config, vni) << 8 | packet->inner.protocol;
	lookup->hash = itun_key4_hash(&lookup->key4);
	session = itun_session_find(in, lookup);
	found->session = session;
	found->valid = true;
	if (unlikely(!session || !itun_session_alive(session, config)))
		return false;

	ifindex = inet_sdif(skb);
	if (likely(!ifindex))
		ifindex = state->in->ifindex;
	path = rcu_dereference(session->path);
	if (unlikely(!itun_path_is_usual(&path->key, packet, vni, ifindex) ||
		     !itun_path_usable(path, config) ||
		     skb_ensure_writable(skb, offsetof(struct itun_usual, eth))))
		return false;

	packet = (struct itun_usual *)skb->data;
	memcpy(old, packet->vxlan, sizeof(old));
	itun_vxlan_set_flags(packet->vxlan, ITUN_VXLAN_NORMAL);
	itun_csum_body(&csum, old, packet->vxlan, sizeof(old));
	itun_csum_apply_udp(in, skb, ITUN_USUAL_OUTER, &csum);

	itun_session_refresh(session, packet->inner.protocol, tcp_flags,
			     skb->len - offsetof(struct itun_usual, eth));
	itun_count(in, received_marked);
	itun_count(in, refreshed);
	itun_count(in, cleared);
	if (path->endpoint)
		this_cpu_inc(path->endpoint->counts->recorded);
	return true;
}
