/* SPDX-License-Identifier: GPL-2.0 */
/* The front of the session table: of the sessions met last, one a slot, found by
 * a cheap mix of the key. It spares a busy flow of IPv4 the keyed hash and the
 * table. Whoever makes tuples that share a slot costs their packets this look, and
 * nothing else: what is not here is looked for in the table.
 *
 * A slot holds no reference. Why what it points to is there nevertheless:
 *
 * - A session is put here only by who has just met it in the table, in the same
 *   RCU read-side section. Nobody meets it there who begins after it was unlinked;
 *   it ends with call_rcu() behind that. So when itun_session_retire() runs, all
 *   who could put it here are through, and the slot is emptied for good, if it
 *   still has it.
 * - Who has met it here, before that, is in a read-side section that the second
 *   grace period, from there on, waits for. Only then it is freed.
 * - Between the two it can be met here though it has left the table: it is DEAD.
 *   That was set before the first grace period began, so that it is seen by who
 *   began afterwards; who began before could as well have met it in the table.
 *
 * A session that was never put here (a flood's) needs the first grace period only:
 * its "fronted" is set before it is put, and read when all are through.
 *
 * The array goes when no hook can run any more and all sessions that ended are
 * retired: see itun_session_exit().
 */
#ifndef ITUN_FRONT_H
#define ITUN_FRONT_H

#include "session.h"

static __always_inline struct itun_session __rcu **itun_front_slot(const struct itun_net *in,
								   const struct itun_key4 *key)
{
	const u64 *word = (const u64 *)key;
	/* Odd numbers without a pattern: the topmost bits of the sum depend on all of the key. */
	u64 mix = word[0] * 0x9e3779b97f4a7c15ull + word[1] * 0xc2b2ae3d27d4eb4full;

	return &in->front[mix >> (64 - ITUN_FRONT_BITS)];
}

/**
 * itun_front_find() - the session of a key, if it is one that was met lately
 * @in: namespace
 * @key: IPv4
 *
 * Context: any, under RCU, which protects the result.
 * Return: a session of the table, or NULL, which says nothing.
 */
static __always_inline struct itun_session *itun_front_find(const struct itun_net *in,
							    const struct itun_key4 key)
{
	struct itun_session *session = rcu_dereference(*itun_front_slot(in, &key));
	const u64 *a = (const u64 *)&key, *b;

	if (unlikely(!session))
		return NULL;
	b = (const u64 *)&session->key4;
	if (unlikely((a[0] ^ b[0]) | (a[1] ^ b[1])) ||
	    unlikely(READ_ONCE(session->word) & ITUN_DEAD))
		return NULL;
	return session;
}

/**
 * itun_front_put() - put a session into its slot
 * @in: namespace
 * @session: of IPv4; met in the table, in this RCU read-side section
 *
 * At most once a jiffy a slot: two busy flows that share one would else write to
 * it with every packet.
 *
 * Context: any, under RCU.
 */
static inline void itun_front_put(struct itun_net *in, struct itun_session *session)
{
	struct itun_session __rcu **slot = itun_front_slot(in, &session->key4);
	const struct itun_session *holder = rcu_dereference(*slot);
	u32 now = (u32)jiffies | 1;

	if (holder && READ_ONCE(holder->fronted) == now)
		return;
	WRITE_ONCE(session->fronted, now);
	rcu_assign_pointer(*slot, session);
}

/**
 * itun_front_forget() - nobody is to meet this session here any more
 * @in: namespace
 * @session: unlinked a grace period ago
 *
 * Return: true if somebody may still have met it here.
 */
static inline bool itun_front_forget(struct itun_net *in, struct itun_session *session)
{
	if (!READ_ONCE(session->fronted))
		return false;
	cmpxchg(itun_front_slot(in, &session->key4), RCU_INITIALIZER(session), NULL);
	return true;
}

#endif /* ITUN_FRONT_H */
