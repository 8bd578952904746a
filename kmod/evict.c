// SPDX-License-Identifier: GPL-2.0
/* Room for a new session at a limit: what never saw a reply goes first, in the
 * network that is over its share. Nothing that is established ever does.
 */
#include <linux/random.h>

#include "session.h"

/* What a search at random looks at: buckets, and sessions in them. Its cost is
 * that of a few packets, for a packet that would else be refused.
 */
#define ITUN_EVICT_BUCKETS	64
#define ITUN_EVICT_SESSIONS	64

static struct rhashtable *itun_evict_table(struct itun_net *in, u64 hash)
{
	return hash & 1 ? &in->sessions6 : &in->sessions4;
}

/* May this session go? What ever saw a reply, or was entered by hand, stays. */
static bool itun_evictable(const struct itun_session *session)
{
	return !(READ_ONCE(session->word) & (ITUN_DEAD | ITUN_SEEN_REPLY | ITUN_STATIC));
}

static bool itun_evict_hash(struct itun_net *in, const struct itun_zone *zone, u64 hash)
{
	struct rhashtable *table = itun_evict_table(in, hash);
	struct itun_session *session;
	struct bucket_table *tbl;
	struct rhash_head *pos;
	u32 bucket;

	/* While the table is resized, there are two of them. */
	for (tbl = rht_dereference_rcu(table->tbl, table); tbl;
	     tbl = rht_dereference_rcu(tbl->future_tbl, table)) {
		bucket = rht_bucket_index(tbl, itun_bucket_hash(hash, tbl->hash_rnd));
		rht_for_each_rcu(pos, tbl, bucket) {
			session = container_of(pos, struct itun_session, node);
			if (session->hash != hash || !itun_evictable(session) ||
			    rcu_dereference(session->path)->zone != zone)
				continue;
			if (itun_session_kill(in, session, ITUN_END_EVICTED))
				return true;
		}
	}
	return false;
}

/* The oldest of a zone's last sessions that never saw a reply. A flood finds its
 * own there, however small a part of the table it may have.
 */
static bool itun_evict_recent(struct itun_net *in, struct itun_zone *zone)
{
	u32 i, last = atomic_read(&zone->n_recent);

	for (i = 1; i <= ITUN_ZONE_RECENT; i++) {
		u64 *recent = &zone->recent[(last + i) % ITUN_ZONE_RECENT];
		u64 hash = READ_ONCE(*recent);

		if (!hash)
			continue;
		/* It goes now, or has gone, or has seen its reply: whatever it
		 * is, nobody need look there again.
		 */
		WRITE_ONCE(*recent, 0);
		if (itun_evict_hash(in, zone, hash))
			return true;
	}
	return false;
}

/* Somewhere in the table: what is absent already, or what never saw a reply, of
 * @zone if @share is 0, else of any zone that has more than @share.
 */
static bool itun_evict_somewhere(struct itun_net *in, const struct itun_config *config,
				 struct rhashtable *table, const struct itun_zone *zone,
				 bool whole_table, u32 share)
{
	unsigned int buckets, looked = 0;
	struct itun_session *session;
	struct bucket_table *tbl;
	struct rhash_head *pos;
	struct itun_path *path;
	u32 bucket;

	for (tbl = rht_dereference_rcu(table->tbl, table); tbl;
	     tbl = rht_dereference_rcu(tbl->future_tbl, table)) {
		/* Another place each time: no two floods search the same ground. */
		bucket = get_random_u32();
		for (buckets = 0; buckets < min_t(u32, tbl->size, ITUN_EVICT_BUCKETS); buckets++) {
			bucket = (bucket + 1) & (tbl->size - 1);
			rht_for_each_rcu(pos, tbl, bucket) {
				if (++looked > ITUN_EVICT_SESSIONS)
					return false;
				session = container_of(pos, struct itun_session, node);
				path = rcu_dereference(session->path);
				/* What is absent makes room in its zone, and in
				 * the whole table if that is what is full.
				 */
				if ((whole_table || path->zone == zone) &&
				    itun_collect_one(in, config, session))
					return true;
				if (!itun_evictable(session))
					continue;
				if (share ? atomic_read(&path->zone->sessions) <= share :
					    path->zone != zone)
					continue;
				if (itun_session_kill(in, session, ITUN_END_EVICTED))
					return true;
			}
		}
	}
	return false;
}

/**
 * itun_evict() - make room for one session of a zone
 * @in: namespace
 * @config: the snapshot in force
 * @zone: the zone that wants it; it is counted there already
 * @whole_table: the table is full; else the zone has its share
 *
 * A zone that has its share evicts its own only, so that no tenant's flood costs
 * another's sessions; one under its share evicts from those that are over, and
 * its own only if none of theirs is found to go.
 *
 * Context: softirq or BH off, under RCU; bounded.
 * Return: true if a session was removed.
 */
bool itun_evict(struct itun_net *in, const struct itun_config *config, struct itun_zone *zone,
		bool whole_table)
{
	u32 zones = max(1, atomic_read(&in->n_zones));
	u32 share = config->limit_sessions / zones;
	bool own = !whole_table || atomic_read(&zone->sessions) > share;

	if (own)
		share = 0;
	return (own && itun_evict_recent(in, zone)) ||
	       itun_evict_somewhere(in, config, &in->sessions4, zone, whole_table, share) ||
	       itun_evict_somewhere(in, config, &in->sessions6, zone, whole_table, share) ||
	       (!own && itun_evict_recent(in, zone));
}
