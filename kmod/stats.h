/* SPDX-License-Identifier: GPL-2.0 */
/* What the module counts. One list names each counter once: the kernel, the
 * tool, the documentation and the metrics all take it from here.
 */
#ifndef ITUN_STATS_H
#define ITUN_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>

/* COUNTER(name, sentence) in the order in which a packet meets them. */
#define ITUN_COUNTERS(COUNTER)						\
	COUNTER(classified, "packets that a balancer's port sent for others, taken for requests") \
	COUNTER(classified_inner, "packets with the first mark in a namespace whose tunnels leave from another one, taken for requests there") \
	COUNTER(local, "requests that reached a server of this host, with no tunnel in between") \
	COUNTER(marked, "packets that were given the second mark")	\
	COUNTER(mark_not_ready, "packets that matched a mark rule but went unmarked, because their endpoint was not ready") \
	COUNTER(mark_no_peer, "packets that matched a mark rule but went unmarked, because no send peer covers their endpoint") \
	COUNTER(mark_busy_bits, "packets that matched a mark rule but whose tunnel header had other bits than the normal ones") \
	COUNTER(mark_label, "packets that matched a mark rule but whose MPLS label has bits of the second mark itself, or is one of the reserved ones") \
	COUNTER(mark_collision, "packets that matched a mark rule but went unmarked, because a device uses the bits of the second mark") \
	COUNTER(mark_large_id, "packets that matched a mark rule but whose GRE key has more than 24 bits") \
	COUNTER(mark_unwritable, "packets that could not be marked for lack of memory") \
	COUNTER(joined, "aggregates of whole tunnel packets, joined by somebody who did not see the tunnel; taken apart") \
	COUNTER(joined_dropped, "aggregates of whole tunnel packets that could not be taken apart; dropped") \
	COUNTER(received_marked, "packets received with a second mark") \
	COUNTER(foreign_bits, "tunnel packets received with other bits than the normal ones and no accepted mark; left alone") \
	COUNTER(recorded, "sessions made from a marked packet")		\
	COUNTER(refreshed, "marked packets that found their session")	\
	COUNTER(moved, "sessions that a marked packet gave another path") \
	COUNTER(cleared, "packets from which a second mark was removed") \
	COUNTER(clear_failed, "marked packets whose header could not be written for lack of memory; those of VXLAN are dropped") \
	COUNTER(untrusted, "marked packets whose source may not record here; unmarked and delivered") \
	COUNTER(record_paused, "marked packets not recorded because recording is paused") \
	COUNTER(record_not_flow, "marked packets that are no flow (ARP, neighbour discovery, multicast, broadcast, other protocols)") \
	COUNTER(record_fragment, "marked inner fragments without ports; not recorded") \
	COUNTER(record_large_id, "marked packets whose GRE key has more than 24 bits; not recorded") \
	COUNTER(record_icmp_error, "marked ICMP errors; not recorded")	\
	COUNTER(record_no_memory, "sessions not made for lack of memory") \
	COUNTER(unverified, "marked packets recorded although their outer checksum could not be verified (first fragments)") \
	COUNTER(malformed_outer, "tunnel packets whose outer header or length is wrong") \
	COUNTER(malformed_checksum, "marked packets whose outer checksum is wrong; not recorded") \
	COUNTER(malformed_tunnel, "tunnel packets too short for the tunnel header") \
	COUNTER(malformed_ethernet, "packets cut within the inner Ethernet header") \
	COUNTER(malformed_vlan, "packets with a cut or a third inner VLAN tag") \
	COUNTER(malformed_ipv4, "packets with a wrong inner IPv4 header") \
	COUNTER(malformed_ipv6, "packets with a wrong inner IPv6 header") \
	COUNTER(malformed_extension, "packets with a wrong or too long chain of inner IPv6 extension headers") \
	COUNTER(malformed_transport, "packets with a wrong inner transport header") \
	COUNTER(replies, "packets found to be replies of a session")	\
	COUNTER(steered, "replies put straight into their tunnel")	\
	COUNTER(direct, "of these, replies that went so from their server's port, past the bridge") \
	COUNTER(steer_ordinary, "replies left to the bridge or to Open vSwitch, so that these keep learning the server's address, or see connections come and go, or for rules that look at what a bridge forwards; corrected in their tunnel") \
	COUNTER(steer_too_long, "routed replies that were too long for their tunnel; the server was told so, as by any router") \
	COUNTER(steer_fragmented, "routed replies that went into their tunnel in fragments: those too long for it that may be fragmented, and those that conntrack had put together") \
	COUNTER(piece_dropped, "fragments of routed replies that their tunnel refused, and replies that could not be cut into segments for it; dropped") \
	COUNTER(steer_fallback, "replies that could not be put into their tunnel directly and went the ordinary way, corrected there") \
	COUNTER(returned_local, "replies of servers that were aimed at a balancer of this host") \
	COUNTER(rewritten, "replies corrected while they left in a tunnel") \
	COUNTER(reply_unchanged, "replies that left in a tunnel and needed no correction") \
	COUNTER(rewrite_failed, "replies that could not be corrected for lack of memory or of a route, and went their ordinary way") \
	COUNTER(rewrite_unsupported, "replies whose segmentation or header cannot be edited; they went their ordinary way") \
	COUNTER(flood_suppressed, "further copies of a flooded reply, consumed") \
	COUNTER(related, "ICMP errors about packets of a session, that went back as its replies do") \
	COUNTER(fragment_first, "first fragments of replies, remembered for their later ones") \
	COUNTER(fragment_later, "later fragments of replies, found by their first one") \
	COUNTER(fragment_unknown, "later fragments that came to a bridge before their first one") \
	COUNTER(fragment_held, "later fragments that came before their first one, and waited for it") \
	COUNTER(fragment_evicted, "first fragments forgotten before their time, for there were too many") \
	COUNTER(local_zone_unknown, "possible requests to a server of this host, on a bridge whose network is not known; not recorded") \
	COUNTER(zone_unknown, "possible replies whose network is not known at the place where they were seen") \
	COUNTER(opening, "packets that open a flow in the direction of replies; never steered") \
	COUNTER(path_dead, "lookups that found a session with a dead or no longer trusted path") \
	COUNTER(path_followed, "replies that took the way of their balancer's other sessions, because its host is lost") \
	COUNTER(expired, "sessions that ended by their timeout")	\
	COUNTER(deleted, "sessions deleted by request")			\
	COUNTER(path_expired, "sessions removed because their path died") \
	COUNTER(evicted, "sessions without a reply evicted to make room") \
	COUNTER(refused_limit, "sessions not made because the table is full") \
	COUNTER(refused_vni_limit, "sessions not made because their network has its share") \
	COUNTER(checksum_updated, "outer checksums corrected after an edit") \
	COUNTER(probe_sent, "readiness probes sent")			\
	COUNTER(probe_received, "readiness probes received from accept peers") \
	COUNTER(probe_untrusted, "readiness probes from others; not answered") \
	COUNTER(probe_limited, "readiness probes not answered because of the rate limit") \
	COUNTER(answer_sent, "answers to readiness probes sent")	\
	COUNTER(answer_received, "valid answers to readiness probes")	\
	COUNTER(answer_unexpected, "answers to readiness probes that fit no probe") \
	COUNTER(probe_malformed, "readiness messages that cannot be read") \
	COUNTER(endpoint_limit, "endpoints not probed because the endpoint table is full")

enum itun_counter {
#define COUNTER(name, text) ITUN_COUNT_##name,
	ITUN_COUNTERS(COUNTER)
#undef COUNTER
	ITUN_COUNTERS_MAX
};

struct itun_stats {
	u64 value[ITUN_COUNTERS_MAX];
};

extern const char * const itun_counter_name[ITUN_COUNTERS_MAX];
extern const char * const itun_counter_text[ITUN_COUNTERS_MAX];

/* Any context: this_cpu_inc() is safe against interrupts. */
#define itun_count(in, name) this_cpu_inc((in)->stats->value[ITUN_COUNT_##name])

#endif /* ITUN_STATS_H */
