// SPDX-License-Identifier: GPL-2.0
/* One reply, one packet: further copies of a flooded frame are consumed.
 *
 * For an unknown MAC vxlan sends a copy to every remote of its flood list.
 * Each of them is a reply and would be rewritten to the same endpoint. Nothing
 * in the skb tells the copies apart, but they come back to back on one CPU
 * and differ in their original destination only. One slot a CPU remembers the
 * last reply that passed: a copy of it towards another destination is
 * consumed. A true retransmission repeats a destination: the one that passed,
 * or one that was consumed already, and passes.
 */
#include <linux/percpu.h>

#include "stages.h"

/* The copies of one flood that are remembered one by one. Of a longer flood list
 * the rest is consumed all the same: a flood is likelier than a retransmission.
 */
#define ITUN_FLOOD_REMEMBERED	64

struct itun_flood_slot {
	const struct itun_session *session;	/* compared only, never followed */
	u32 fingerprint;
	u32 passed;		/* original destination of the copy that passed */
	u32 n;
	/* Those of the copies consumed, whole: if two of a flood list looked
	 * the same, the second would pass as a retransmission.
	 */
	u32 consumed[ITUN_FLOOD_REMEMBERED];
};

static DEFINE_PER_CPU(struct itun_flood_slot, itun_flood_slot);

static u32 itun_flood_destination(const struct itun_outer *outer, int ifindex)
{
	u32 mix = (__force u32)outer->dst.ip6[0];

	if (outer->family == 6)
		mix ^= (__force u32)outer->dst.ip6[1] * 3 ^ (__force u32)outer->dst.ip6[2] * 5 ^
		       (__force u32)outer->dst.ip6[3] * 7;
	/* Several tunnel devices of one bridge flood as well. */
	return (mix ^ (u32)ifindex * 0x9e3779b1u) + outer->id * 0x85ebca6bu;
}

static bool itun_flood_was_consumed(const struct itun_flood_slot *slot, u32 destination)
{
	u32 i;

	for (i = 0; i < slot->n; i++)
		if (slot->consumed[i] == destination)
			return true;
	return false;
}

/**
 * itun_flood_copy() - is this a further copy of a reply that has passed?
 * @session: the reply's session
 * @inner: its inner headers
 * @outer: its outer headers, still with the original destination
 * @ifindex: its tunnel device
 *
 * Context: LOCAL_OUT with BH off: the slot is this CPU's.
 * Return: true if the packet must be consumed.
 */
bool itun_flood_copy(const struct itun_session *session, const struct itun_inner *inner,
		     const struct itun_outer *outer, int ifindex)
{
	struct itun_flood_slot *slot = this_cpu_ptr(&itun_flood_slot);
	u32 destination = itun_flood_destination(outer, ifindex);

	if (slot->session == session && slot->fingerprint == inner->fingerprint &&
	    slot->passed != destination && !itun_flood_was_consumed(slot, destination)) {
		if (slot->n < ITUN_FLOOD_REMEMBERED)
			slot->consumed[slot->n++] = destination;
		return true;
	}
	slot->session = session;
	slot->fingerprint = inner->fingerprint;
	slot->passed = destination;
	slot->n = 0;
	return false;
}

/**
 * itun_flood_forget() - the reply that passed could not be corrected
 *
 * It is on its way to where the flood sent it: the copies must go theirs, or
 * the one that would have reached the balancer is lost.
 *
 * Context: as itun_flood_copy().
 */
void itun_flood_forget(void)
{
	this_cpu_write(itun_flood_slot.session, NULL);
}
