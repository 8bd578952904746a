// SPDX-License-Identifier: GPL-2.0
/* Packets that belong to a flow and do not have its ports: ICMP errors, looked up by
 * the packet that they are about, and later fragments, by their first one.
 *
 * First fragments are remembered for some seconds, with the ports that they have: a
 * later one of a reply gets them, and is looked up like any packet. The memory is
 * bounded; what is pushed out of it, and what comes before its first fragment, is
 * counted.
 */
#include <linux/jhash.h>
#include <linux/slab.h>

#include "session.h"
#include "stages.h"
#include "wire/embedded.h"
#include "zone.h"

/* Sets of a few: whoever comes into a full one pushes out its oldest. */
#define ITUN_FRAGMENT_SETS	128
#define ITUN_FRAGMENT_WAYS	4
/* Fragments of one packet follow each other closely, whatever the receiver waits. */
#define ITUN_FRAGMENT_LIFE	(5 * HZ)

struct itun_fragment {
	struct itun_tuple tuple;
	u32 zone;
	u32 id;
	u32 at;				/* jiffies */
	u8 owner;			/* enum itun_fragment_owner */
};

struct itun_fragments {
	spinlock_t lock;		/* softirq on any CPU: a machine's frames may change it */
	struct itun_fragment fragment[ITUN_FRAGMENT_SETS][ITUN_FRAGMENT_WAYS];
};

/**
 * itun_fragment_init() - make the memory of a namespace
 * @in: namespace
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int itun_fragment_init(struct itun_net *in)
{
	in->fragments = kvzalloc(sizeof(*in->fragments), GFP_KERNEL_ACCOUNT);
	if (!in->fragments)
		return -ENOMEM;
	spin_lock_init(&in->fragments->lock);
	in->fragment_at = (u32)jiffies - ITUN_FRAGMENT_LIFE;
	return 0;
}

/**
 * itun_fragment_exit() - free it
 * @in: namespace; no hook of it runs any more
 */
void itun_fragment_exit(struct itun_net *in)
{
	kvfree(in->fragments);
	in->fragments = NULL;
}

static struct itun_fragment *itun_fragment_set(struct itun_net *in, const struct itun_tuple *tuple,
					       u32 zone, u32 id)
{
	/* Secret: no machine can choose whose fragments it pushes out. */
	u32 seed = (u32)itun_hash_key.key[0];
	u32 hash = jhash_3words(itun_addr_hash(tuple->family, &tuple->src, seed ^ zone),
				itun_addr_hash(tuple->family, &tuple->dst, seed ^ id),
				tuple->protocol, seed);

	return in->fragments->fragment[hash % ITUN_FRAGMENT_SETS];
}

static bool itun_fragment_is(const struct itun_fragment *fragment, const struct itun_tuple *tuple,
			     u32 zone, u32 id, u32 now)
{
	return fragment->owner && now - fragment->at < ITUN_FRAGMENT_LIFE && fragment->id == id &&
	       fragment->zone == zone && fragment->tuple.family == tuple->family &&
	       fragment->tuple.protocol == tuple->protocol &&
	       !memcmp(&fragment->tuple.src, &tuple->src, sizeof(tuple->src)) &&
	       !memcmp(&fragment->tuple.dst, &tuple->dst, sizeof(tuple->dst));
}

static void itun_fragment_enter(struct itun_net *in, const struct itun_inner *inner, u32 zone,
				enum itun_fragment_owner owner)
{
	struct itun_fragment *set = itun_fragment_set(in, &inner->tuple, zone, inner->fragment_id);
	struct itun_fragment *fragment, *place = set;
	u32 now = (u32)jiffies;

	spin_lock(&in->fragments->lock);
	for (fragment = set; fragment < set + ITUN_FRAGMENT_WAYS; fragment++) {
		if (itun_fragment_is(fragment, &inner->tuple, zone, inner->fragment_id, now)) {
			place = fragment;
			break;
		}
		if (place->owner && (!fragment->owner || (s32)(fragment->at - place->at) < 0))
			place = fragment;
	}
	if (fragment == set + ITUN_FRAGMENT_WAYS && place->owner &&
	    now - place->at < ITUN_FRAGMENT_LIFE)
		itun_count(in, fragment_evicted);
	place->tuple = inner->tuple;
	place->zone = zone;
	place->id = inner->fragment_id;
	place->at = now;
	place->owner = owner;
	spin_unlock(&in->fragments->lock);
	WRITE_ONCE(in->fragment_at, now);
}

/**
 * itun_fragment_remember() - the first fragment of a reply
 * @in: namespace
 * @inner: its headers
 * @zone: its tenant
 *
 * Context: BH off, under RCU.
 */
void itun_fragment_remember(struct itun_net *in, const struct itun_inner *inner, u32 zone)
{
	itun_count(in, fragment_first);
	itun_fragment_enter(in, inner, zone, ITUN_FRAGMENT_REPLY);
}

/**
 * itun_fragment_is_nobodys() - a first fragment was seen that is no reply's
 * @in: namespace
 * @inner: its headers
 * @zone: its tenant
 *
 * Of tenants without sessions nothing would wait for it.
 *
 * Context: BH off, under RCU.
 */
void itun_fragment_is_nobodys(struct itun_net *in, const struct itun_inner *inner, u32 zone)
{
	if (!itun_zone_has_sessions(in, zone))
		return;
	itun_fragment_enter(in, inner, zone, ITUN_FRAGMENT_NOBODY);
}

/**
 * itun_fragment_find() - whose is a later fragment?
 * @in: namespace
 * @tuple: its addresses and protocol; its ports are filled in for a reply
 * @id: its identification
 * @zone: the tenant that it may belong to
 *
 * Context: BH off, under RCU.
 * Return: what its first one was.
 */
enum itun_fragment_owner itun_fragment_find(struct itun_net *in, struct itun_tuple *tuple, u32 id,
					    u32 zone)
{
	struct itun_fragment *set = itun_fragment_set(in, tuple, zone, id), *fragment;
	enum itun_fragment_owner owner = ITUN_FRAGMENT_UNKNOWN;
	u32 now = (u32)jiffies;

	/* Nearly nobody fragments: where nobody did lately there is nothing to find. */
	if (now - READ_ONCE(in->fragment_at) >= ITUN_FRAGMENT_LIFE)
		return owner;
	spin_lock(&in->fragments->lock);
	for (fragment = set; fragment < set + ITUN_FRAGMENT_WAYS; fragment++) {
		if (!itun_fragment_is(fragment, tuple, zone, id, now))
			continue;
		owner = fragment->owner;
		tuple->sport = fragment->tuple.sport;
		tuple->dport = fragment->tuple.dport;
		break;
	}
	spin_unlock(&in->fragments->lock);
	return owner;
}

/* An error goes to the one whose packet it is about: as a reply to it. */
static bool itun_related_error(const struct sk_buff *skb, int base, struct itun_inner *inner)
{
	u8 buffer[ITUN_EMBEDDED_MAX];
	struct itun_tuple about;
	int at = base + inner->l4_offset + ITUN_ICMP_HLEN;
	const u8 *data;
	int avail;

	avail = min_t(int, (int)skb->len - at, sizeof(buffer));
	if (avail <= 0)
		return false;
	data = skb_header_pointer(skb, at, avail, buffer);
	if (!data || !itun_embedded_parse(data, avail, inner->tuple.family, &about) ||
	    memcmp(&about.src, &inner->tuple.dst, sizeof(about.src)))
		return false;
	itun_tuple_reverse(&about, &inner->tuple);
	inner->related = true;
	return true;
}

/**
 * itun_related() - what of a packet that is no flow's by itself its flow is told by
 * @skb: packet
 * @base: where the parser began, from skb->data
 * @verdict: the parser's
 * @inner: what it found; made to look like a reply of the flow
 *
 * Context: any.
 * Return: ITUN_INNER_FLOW if it may be looked up now, else @verdict.
 */
enum itun_inner_verdict itun_related(const struct sk_buff *skb, int base,
				     enum itun_inner_verdict verdict, struct itun_inner *inner)
{
	if (verdict == ITUN_INNER_ICMP_ERROR && itun_related_error(skb, base, inner))
		return ITUN_INNER_FLOW;
	if (verdict == ITUN_INNER_FRAGMENT) {
		inner->later = true;
		return ITUN_INNER_FLOW;
	}
	return verdict;
}
