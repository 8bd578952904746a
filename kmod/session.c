// SPDX-License-Identifier: GPL-2.0
/* The session table: find, make, move, restart, end. */
#include "session.h"

#include <linux/slab.h>
#include <net/tcp.h>

#include "front.h"
#include "notify.h"

/* Sessions of each size, with and without counters: what is not counted costs
 * no memory.
 */
static struct kmem_cache *itun_session_cache[2][2];	/* [IPv6][accounted] */

static struct kmem_cache *itun_session_cache_of(u32 word)
{
	return itun_session_cache[!!(word & ITUN_IPV6)][!!(word & ITUN_ACCOUNTED)];
}

static u32 itun_lookup_hash(const void *data, u32 len, u32 seed)
{
	const struct itun_lookup *lookup = data;

	return itun_bucket_hash(lookup->hash, seed);
}

static u32 itun_session_hash(const void *data, u32 len, u32 seed)
{
	const struct itun_session *session = data;

	return itun_bucket_hash(session->hash, seed);
}

static int itun_session4_compare(struct rhashtable_compare_arg *arg, const void *object)
{
	const struct itun_lookup *lookup = arg->key;
	const struct itun_session *session = object;
	const u64 *a = (const u64 *)&lookup->key4;
	const u64 *b = (const u64 *)&session->key4;

	return a[0] != b[0] || a[1] != b[1];
}

static int itun_session6_compare(struct rhashtable_compare_arg *arg, const void *object)
{
	const struct itun_lookup *lookup = arg->key;
	const struct itun_session *session = object;

	return memcmp(&lookup->key6, &session->key6, sizeof(lookup->key6));
}

static const struct rhashtable_params session4_params = {
	.head_offset = offsetof(struct itun_session, node),
	.key_len = sizeof(struct itun_key4),
	.hashfn = itun_lookup_hash,
	.obj_hashfn = itun_session_hash,
	.obj_cmpfn = itun_session4_compare,
	.min_size = 1024,
	.automatic_shrinking = true,
};

static const struct rhashtable_params session6_params = {
	.head_offset = offsetof(struct itun_session, node),
	.key_len = sizeof(struct itun_key6),
	.hashfn = itun_lookup_hash,
	.obj_hashfn = itun_session_hash,
	.obj_cmpfn = itun_session6_compare,
	.min_size = 1024,
	.automatic_shrinking = true,
};

/**
 * itun_session_find() - the session of a key
 * @in: namespace
 * @lookup: forward tuple, zone and hash
 *
 * It may be expired or being removed: see itun_session_alive().
 *
 * Context: under RCU, which protects the result.
 */
struct itun_session *itun_session_find(struct itun_net *in, const struct itun_lookup *lookup)
{
	if (likely(lookup->family == 4))
		return rhashtable_lookup(&in->sessions4, lookup, session4_params);
	return rhashtable_lookup(&in->sessions6, lookup, session6_params);
}

static struct itun_session *itun_session_insert(struct itun_net *in,
						const struct itun_lookup *lookup,
						struct itun_session *session)
{
	if (likely(lookup->family == 4))
		return rhashtable_lookup_get_insert_key(&in->sessions4, lookup, &session->node,
							session4_params);
	return rhashtable_lookup_get_insert_key(&in->sessions6, lookup, &session->node,
						session6_params);
}

static int itun_session_unlink(struct itun_net *in, struct itun_session *session)
{
	if (READ_ONCE(session->word) & ITUN_IPV6)
		return rhashtable_remove_fast(&in->sessions6, &session->node, session6_params);
	return rhashtable_remove_fast(&in->sessions4, &session->node, session4_params);
}

/* The filter's slot of a session: its server's address and port. */
static atomic_t *itun_session_slot(struct itun_net *in, const struct itun_session *session)
{
	union itun_addr server = {};

	if (READ_ONCE(session->word) & ITUN_IPV6) {
		memcpy(server.ip6, session->key6.dst, sizeof(server.ip6));
		return &in->filter[itun_filter_slot(6, &server, session->key6.dport)];
	}
	server.ip = session->key4.dst;
	return &in->filter[itun_filter_slot(4, &server, session->key4.dport)];
}

/**
 * itun_session_first_word() - the state of a session that its first packet makes
 * @family: 4 or 6
 * @protocol: of the packet
 * @tcp_flags: if it is TCP
 *
 * A segment other than SYN means that the table was emptied meanwhile (a
 * module reloaded): the session is established as soon as a reply is seen.
 */
u32 itun_session_first_word(u8 family, u8 protocol, u8 tcp_flags)
{
	u32 word = family == 6 ? ITUN_IPV6 : 0;

	switch (protocol) {
	case IPPROTO_TCP:
		word |= IPVS_TUN_SESSION_STATE_TCP_SYN;
		if (!(tcp_flags & TCPHDR_SYN))
			word |= ITUN_SEEN_ACK;
		if (tcp_flags & (TCPHDR_RST | TCPHDR_FIN))
			word = (word & ~ITUN_STATE_MASK) | IPVS_TUN_SESSION_STATE_TCP_FIN |
			       ITUN_SEEN_FIN;
		return word;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return word | IPVS_TUN_SESSION_STATE_UDP;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return word | IPVS_TUN_SESSION_STATE_ICMP;
	default:
		return word | IPVS_TUN_SESSION_STATE_OTHER;
	}
}

/* After a grace period: only now can no move swap the path any more, so that
 * what stands there is the session's own reference.
 */
static void itun_session_free(struct rcu_head *rcu)
{
	struct itun_session *session = container_of(rcu, struct itun_session, rcu);

	itun_path_put(rcu_dereference_raw(session->path));
	kmem_cache_free(itun_session_cache_of(session->word), session);
}

/* After a grace period: who met the session in the table is through, and may
 * have left it in the front. Who met it there needs a grace period of its own.
 */
static void itun_session_retire(struct rcu_head *rcu)
{
	struct itun_session *session = container_of(rcu, struct itun_session, rcu);

	if (itun_front_forget(rcu_dereference_raw(session->path)->in, session))
		call_rcu(rcu, itun_session_free);
	else
		itun_session_free(rcu);
}

/* Room for one more? Counts it if so: in the table and in its zone. Counted
 * first and looked at then, so that two CPUs do not both take the last place.
 */
static bool itun_session_reserve(struct itun_net *in, const struct itun_config *config,
				 struct itun_zone *zone)
{
	u32 in_zone = atomic_inc_return(&zone->sessions);

	if (config->limit_per_vni && in_zone > config->limit_per_vni &&
	    !itun_evict(in, config, zone, false)) {
		itun_count(in, refused_vni_limit);
		goto refuse_zone;
	}
	if ((u32)atomic_inc_return(&in->n_sessions) > config->limit_sessions &&
	    !itun_evict(in, config, zone, true)) {
		itun_count(in, refused_limit);
		goto refuse;
	}
	return true;

refuse:
	atomic_dec(&in->n_sessions);
refuse_zone:
	atomic_dec(&zone->sessions);
	return false;
}

/**
 * itun_session_make() - enter a session
 * @in: namespace
 * @config: the snapshot in force
 * @lookup: key and hash
 * @path: referenced; the reference passes to the session on success
 * @word: first state
 *
 * Context: softirq or BH off, under RCU.
 * Return: the session made; ERR_PTR(-EEXIST) if one that is alive was entered
 * meanwhile, -ENOSPC at a limit, -ENOMEM.
 */
struct itun_session *itun_session_make(struct itun_net *in, const struct itun_config *config,
				       const struct itun_lookup *lookup, struct itun_path *path,
				       u32 word)
{
	struct itun_session *session, *old;
	atomic_t *slot;
	int tries;

	if (!itun_session_reserve(in, config, path->zone))
		return ERR_PTR(-ENOSPC);

	if (config->accounting)
		word |= ITUN_ACCOUNTED;
	session = kmem_cache_alloc(itun_session_cache_of(word), GFP_ATOMIC | __GFP_NOWARN);
	if (unlikely(!session)) {
		old = ERR_PTR(-ENOMEM);
		goto refuse;
	}
	session->created = (u32)jiffies;
	session->seen = session->created;
	session->word = word;
	session->hash = lookup->hash;
	session->fronted = 0;
	RCU_INIT_POINTER(session->path, path);
	if (lookup->family == 4)
		session->key4 = lookup->key4;
	else
		session->key6 = lookup->key6;
	if (word & ITUN_ACCOUNTED)
		memset(itun_session_account(session), 0, sizeof(struct itun_account));

	/* The filter before the table: whoever finds the session by a reply
	 * must have passed the filter.
	 */
	slot = itun_session_slot(in, session);
	atomic_inc(slot);

	for (tries = 0; tries < 4; tries++) {
		old = itun_session_insert(in, lookup, session);
		if (likely(!old)) {
			u32 place = atomic_inc_return(&path->zone->n_recent);

			WRITE_ONCE(path->zone->recent[place % ITUN_ZONE_RECENT], lookup->hash);
			return session;
		}
		if (IS_ERR(old))
			break;
		if (!(READ_ONCE(old->word) & ITUN_DEAD)) {
			old = ERR_PTR(-EEXIST);
			break;
		}
		/* Its remover is between marking and unlinking it: whoever of
		 * us comes first unlinks, the remover alone frees.
		 */
		itun_session_unlink(in, old);
		old = ERR_PTR(-EAGAIN);
	}

	atomic_dec(slot);
	kmem_cache_free(itun_session_cache_of(word), session);
refuse:
	atomic_dec(&path->zone->sessions);
	atomic_dec(&in->n_sessions);
	return old;
}

/**
 * itun_session_kill() - end a session
 * @in: namespace
 * @session: under RCU
 * @why: for the counter and the event
 *
 * Context: any, under RCU. The winner of a race unlinks, counts and frees.
 * Return: true if this call ended it.
 */
bool itun_session_kill(struct itun_net *in, struct itun_session *session, enum itun_end why)
{
	u32 word = READ_ONCE(session->word);
	struct itun_path *path;

	do {
		if (word & ITUN_DEAD)
			return false;
		/* Revived by a packet since the caller looked? */
		if (why == ITUN_END_EXPIRED) {
			struct itun_config *config = rcu_dereference(in->config);

			if (itun_session_expires(session, config) > 0)
				return false;
		}
		/* Or given another path? */
		if (why == ITUN_END_PATH && !READ_ONCE(rcu_dereference(session->path)->dead))
			return false;
	} while (!try_cmpxchg(&session->word, &word, word | ITUN_DEAD));

	itun_session_unlink(in, session);
	atomic_dec(itun_session_slot(in, session));
	if (word & ITUN_STATIC)
		atomic_dec(&in->n_static);

	itun_notify_session(in, session, why == ITUN_END_EXPIRED || why == ITUN_END_PATH ?
			    IPVS_TUN_CMD_SESSION_EXPIRED : IPVS_TUN_CMD_SESSION_DELETED);

	/* A move in progress may swap the pointer, but never the zone. The
	 * reference is put when the session is freed.
	 */
	path = rcu_dereference(session->path);
	atomic_dec(&path->zone->sessions);
	atomic_dec(&in->n_sessions);

	switch (why) {
	case ITUN_END_EXPIRED:
		itun_count(in, expired);
		break;
	case ITUN_END_PATH:
		itun_count(in, path_expired);
		break;
	case ITUN_END_DELETED:
		itun_count(in, deleted);
		break;
	case ITUN_END_EVICTED:
		itun_count(in, evicted);
		break;
	}
	call_rcu(&session->rcu, itun_session_retire);
	return true;
}

/* Set and clear bits of the state word, unless the session is being removed. */
static bool itun_session_change(struct itun_session *session, u32 clear, u32 set)
{
	u32 word = READ_ONCE(session->word);

	do {
		if (word & ITUN_DEAD)
			return false;
		if (((word & ~clear) | set) == word)
			return true;
	} while (!try_cmpxchg(&session->word, &word, (word & ~clear) | set));
	return true;
}

static void itun_session_state(struct itun_session *session, u32 word, u32 state, u32 seen)
{
	if ((word & ITUN_STATE_MASK) != state || (word & seen) != seen) {
		/* A new state has a timeout of its own, from now. */
		WRITE_ONCE(session->seen, (u32)jiffies);
		itun_session_change(session, ITUN_STATE_MASK, state | seen);
	}
}

static void itun_session_tcp(struct itun_session *session, u8 flags, bool reply)
{
	u32 word = READ_ONCE(session->word);
	u32 seen = 0;

	if (reply)
		seen |= ITUN_SEEN_REPLY;
	else if (!(flags & TCPHDR_SYN))
		seen |= ITUN_SEEN_ACK;
	if (flags & (TCPHDR_FIN | TCPHDR_RST))
		seen |= ITUN_SEEN_FIN;

	if ((word | seen) & ITUN_SEEN_FIN)
		itun_session_state(session, word, IPVS_TUN_SESSION_STATE_TCP_FIN, seen);
	else if (((word | seen) & (ITUN_SEEN_REPLY | ITUN_SEEN_ACK)) ==
		 (ITUN_SEEN_REPLY | ITUN_SEEN_ACK))
		itun_session_state(session, word, IPVS_TUN_SESSION_STATE_TCP_ESTABLISHED, seen);
	else if ((word & seen) != seen)
		itun_session_change(session, 0, seen);
}

/**
 * itun_session_forward() - a marked packet of a session
 * @session: under RCU
 * @inner: its headers
 * @len: inner bytes
 *
 * Context: softirq.
 */
void itun_session_forward(struct itun_session *session, const struct itun_inner *inner, u32 len)
{
	/* The tuple is used again after the old connection's end. */
	if (unlikely(inner->tuple.protocol == IPPROTO_TCP && inner->opens &&
		     (READ_ONCE(session->word) & ITUN_STATE_MASK) ==
		     IPVS_TUN_SESSION_STATE_TCP_FIN))
		itun_session_restart(session, inner);
	itun_session_refresh(session, inner->tuple.protocol, inner->tcp_flags, len);
}

/**
 * itun_session_forward_rare() - what itun_session_refresh() leaves
 * @session: under RCU
 * @protocol: of the inner packet
 * @tcp_flags: if it is TCP
 * @len: inner bytes
 *
 * Context: any, under RCU.
 */
void itun_session_forward_rare(struct itun_session *session, u8 protocol, u8 tcp_flags, u32 len)
{
	struct itun_account *account = itun_session_account(session);

	if (unlikely(READ_ONCE(session->word) & ITUN_YIELDED))
		itun_session_change(session, ITUN_YIELDED, 0);
	if (protocol == IPPROTO_TCP)
		itun_session_tcp(session, tcp_flags, false);
	if (account) {
		atomic64_inc(&account->fwd_packets);
		atomic64_add(len, &account->fwd_bytes);
	}
}

/**
 * itun_session_reply() - a reply of a session
 * @session: under RCU
 * @inner: its headers
 * @len: inner bytes
 *
 * Context: softirq or BH off. A stream that only the server feeds lives on.
 */
void itun_session_reply(struct itun_session *session, const struct itun_inner *inner, u32 len)
{
	struct itun_account *account = itun_session_account(session);

	/* An error is no word of the server's: it keeps nothing alive. */
	if (unlikely(inner->related))
		goto account;
	itun_session_touch(session);
	if (inner->tuple.protocol == IPPROTO_TCP)
		itun_session_tcp(session, inner->tcp_flags, true);
	else if (!(READ_ONCE(session->word) & ITUN_SEEN_REPLY))
		itun_session_change(session, 0, ITUN_SEEN_REPLY);
account:
	if (account) {
		atomic64_inc(&account->rev_packets);
		atomic64_add(len, &account->rev_bytes);
	}
}

/**
 * itun_session_yield() - the server opens a flow of its own on a session's tuple
 * @session: under RCU
 *
 * What follows the first packet is the server's own as well. If it was not, the
 * client's next packet takes the tuple back.
 *
 * Context: softirq or BH off.
 */
void itun_session_yield(struct itun_session *session)
{
	itun_session_change(session, 0, ITUN_YIELDED);
}

/**
 * itun_session_restart() - a flow begins anew on the tuple of an old one
 * @session: under RCU; expired, or closed
 * @inner: headers of the packet
 *
 * Context: softirq.
 */
void itun_session_restart(struct itun_session *session, const struct itun_inner *inner)
{
	u32 word = itun_session_first_word(inner->tuple.family, inner->tuple.protocol,
					   inner->tcp_flags);

	/* The time first, for the collector, which reads the word before it
	 * looks at the time: try_cmpxchg() here orders the two.
	 */
	WRITE_ONCE(session->seen, (u32)jiffies);
	if (itun_session_change(session, ITUN_STATE_MASK | ITUN_SEEN_REPLY | ITUN_SEEN_ACK |
				ITUN_SEEN_FIN, word & ~ITUN_IPV6))
		WRITE_ONCE(session->created, (u32)jiffies);
}

/**
 * itun_session_move() - give a session another path
 * @session: under RCU
 * @path: referenced, of the same zone; the reference passes to the session
 *
 * The zone's object is the same: it is interned by the number that is in the
 * key, and the old path holds it until the new one does.
 *
 * Context: softirq. Readers see the old path or the new one.
 */
void itun_session_move(struct itun_session *session, struct itun_path *path)
{
	struct itun_path *old;

	old = unrcu_pointer(xchg(&session->path, RCU_INITIALIZER(path)));
	itun_path_put(old);
}

/**
 * itun_session_tuple() - a session's key as a tuple
 * @session: any
 * @tuple: filled
 */
void itun_session_tuple(const struct itun_session *session, struct itun_tuple *tuple)
{
	memset(tuple, 0, sizeof(*tuple));
	if (READ_ONCE(session->word) & ITUN_IPV6) {
		memcpy(tuple->src.ip6, session->key6.src, sizeof(tuple->src.ip6));
		memcpy(tuple->dst.ip6, session->key6.dst, sizeof(tuple->dst.ip6));
		tuple->sport = session->key6.sport;
		tuple->dport = session->key6.dport;
		tuple->family = 6;
		tuple->protocol = session->key6.zone_protocol & 0xff;
	} else {
		tuple->src.ip = session->key4.src;
		tuple->dst.ip = session->key4.dst;
		tuple->sport = session->key4.sport;
		tuple->dport = session->key4.dport;
		tuple->family = 4;
		tuple->protocol = session->key4.zone_protocol & 0xff;
	}
}

/**
 * itun_session_walk() - call a function for each session
 * @in: namespace
 * @each: called under RCU; may end the session; nonzero stops the walk
 * @arg: passed on
 *
 * A session can be met twice or not at all while the table is resized.
 *
 * Context: process, may sleep between batches.
 * Return: what @each returned last.
 */
int itun_session_walk(struct itun_net *in,
		      int (*each)(struct itun_net *in, struct itun_session *session, void *arg),
		      void *arg)
{
	struct rhashtable *tables[] = { &in->sessions4, &in->sessions6 };
	struct itun_session *session;
	struct rhashtable_iter iter;
	unsigned int batch, i;
	int result = 0;

	for (i = 0; i < ARRAY_SIZE(tables) && !result; i++) {
		bool more = true;

		rhashtable_walk_enter(tables[i], &iter);
		while (more && !result) {
			rhashtable_walk_start(&iter);
			for (batch = 0; batch < 1024; batch++) {
				session = rhashtable_walk_next(&iter);
				if (IS_ERR(session))
					continue;	/* resized: goes on */
				more = session;
				if (!session)
					break;
				result = each(in, session, arg);
				if (result)
					break;
			}
			rhashtable_walk_stop(&iter);
			cond_resched();
		}
		rhashtable_walk_exit(&iter);
	}
	return result;
}

/**
 * itun_session_init() - the tables of a namespace
 * @in: namespace, under its mutex
 * Return: 0 or a negative error number.
 */
int itun_session_init(struct itun_net *in)
{
	int err;

	in->filter = kvcalloc(1 << ITUN_FILTER_BITS, sizeof(*in->filter), GFP_KERNEL);
	if (!in->filter)
		return -ENOMEM;
	in->front = kvcalloc(1 << ITUN_FRONT_BITS, sizeof(*in->front), GFP_KERNEL);
	err = -ENOMEM;
	if (!in->front)
		goto free_filter;
	err = rhashtable_init(&in->sessions4, &session4_params);
	if (err)
		goto free_front;
	err = rhashtable_init(&in->sessions6, &session6_params);
	if (err)
		goto free_sessions4;
	itun_collector_start(in);
	return 0;

free_sessions4:
	rhashtable_destroy(&in->sessions4);
free_front:
	kvfree(in->front);
free_filter:
	kvfree(in->filter);
	return err;
}

static void itun_session_drop(void *object, void *arg)
{
	struct itun_session *session = object;

	/* By RCU, though no packet is left: a dump may still read it. */
	call_rcu(&session->rcu, itun_session_free);
}

/**
 * itun_session_exit() - give the tables back
 * @in: namespace; no hook of it runs any more
 *
 * Context: process.
 */
void itun_session_exit(struct itun_net *in)
{
	itun_collector_stop(in);
	rhashtable_free_and_destroy(&in->sessions4, itun_session_drop, in);
	rhashtable_free_and_destroy(&in->sessions6, itun_session_drop, in);
	/* Sessions that ended before look into the front when RCU retires them. */
	rcu_barrier();
	kvfree(in->front);
	kvfree(in->filter);
}

/**
 * itun_session_cache_init() - the slab caches, once a module
 * Return: 0 or -ENOMEM.
 */
int __init itun_session_cache_init(void)
{
	static const char * const name[2][2] = {
		{ "itun_session4", "itun_session4_acct" },
		{ "itun_session6", "itun_session6_acct" },
	};
	int six, accounted;

	for (six = 0; six < 2; six++) {
		for (accounted = 0; accounted < 2; accounted++) {
			unsigned int size = six ? ITUN_SESSION6_SIZE : ITUN_SESSION4_SIZE;

			if (accounted)
				size += sizeof(struct itun_account);
			itun_session_cache[six][accounted] =
				kmem_cache_create(name[six][accounted], size, 0,
						  SLAB_HWCACHE_ALIGN, NULL);
			if (!itun_session_cache[six][accounted]) {
				itun_session_cache_exit();
				return -ENOMEM;
			}
		}
	}
	return 0;
}

/**
 * itun_session_cache_exit() - give the caches back, after rcu_barrier()
 */
void itun_session_cache_exit(void)
{
	int six, accounted;

	BUILD_BUG_ON(ITUN_SESSION4_SIZE != 64);
	for (six = 0; six < 2; six++)
		for (accounted = 0; accounted < 2; accounted++)
			kmem_cache_destroy(itun_session_cache[six][accounted]);
}
