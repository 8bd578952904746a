// SPDX-License-Identifier: GPL-2.0
/* The collector: removes what has expired.
 *
 * One delayed work a namespace, as nf_conntrack's: it goes on where it
 * stopped, has a time budget, and comes sooner the more it finds. Lookups take
 * expired sessions for absent, so that nothing depends on its pace but memory.
 */
#include <linux/ktime.h>

#include "session.h"

#define ITUN_COLLECT_BUDGET	(2 * NSEC_PER_MSEC)
#define ITUN_COLLECT_NEXT	(HZ / 50 + 1)	/* the scan is not finished */
#define ITUN_COLLECT_SOON	HZ		/* much was found */
#define ITUN_COLLECT_LATER	(5 * HZ)

/**
 * itun_collect_one() - remove a session if it is absent already
 * @in: namespace
 * @config: the snapshot in force
 * @session: under RCU
 *
 * Context: softirq or BH off.
 * Return: true if it was removed by this call.
 */
bool itun_collect_one(struct itun_net *in, const struct itun_config *config,
		      struct itun_session *session)
{
	struct itun_path *path;

	if (READ_ONCE(session->word) & ITUN_DEAD)
		return false;
	path = rcu_dereference(session->path);
	if (READ_ONCE(path->dead))
		return itun_session_kill(in, session, ITUN_END_PATH);
	if (itun_session_expires(session, config) <= 0)
		return itun_session_kill(in, session, ITUN_END_EXPIRED);
	return false;
}

/* Returns true when the end of the table was reached within the budget. */
static bool itun_collect_table(struct itun_net *in, struct rhashtable *table,
			       struct rhashtable_iter *walk, u64 deadline,
			       unsigned int *seen, unsigned int *removed)
{
	struct itun_session *session;
	struct itun_config *config;
	bool done = false;

	rhashtable_walk_start(walk);	/* under RCU until walk_stop */
	config = rcu_dereference(in->config);
	for (;;) {
		session = rhashtable_walk_next(walk);
		if (IS_ERR(session))
			continue;	/* resized; it is told once */
		if (!session) {
			done = true;
			break;
		}
		if (config)
			*removed += itun_collect_one(in, config, session);
		if (!(++*seen & 63) && ktime_get_ns() > deadline)
			break;
	}
	rhashtable_walk_stop(walk);
	/* A walk that has come to the end stays there: the next one is another. */
	if (done) {
		rhashtable_walk_exit(walk);
		rhashtable_walk_enter(table, walk);
	}
	return done;
}

static void itun_collect(struct work_struct *work)
{
	struct itun_net *in = container_of(to_delayed_work(work), struct itun_net, collector);
	u64 deadline = ktime_get_ns() + ITUN_COLLECT_BUDGET;
	unsigned int seen = 0, removed = 0;
	unsigned long next = ITUN_COLLECT_NEXT;

	if (itun_collect_table(in, &in->sessions4, &in->walk4, deadline, &seen, &removed) &&
	    itun_collect_table(in, &in->sessions6, &in->walk6, deadline, &seen, &removed))
		next = removed * 8 > seen ? ITUN_COLLECT_SOON : ITUN_COLLECT_LATER;
	if (!atomic_read(&in->n_sessions))
		next = ITUN_COLLECT_LATER;
	/* Power efficient: nobody waits for it. */
	queue_delayed_work(system_power_efficient_wq, &in->collector, next);
}

/**
 * itun_collector_start() - begin to collect
 * @in: namespace, its tables made and its configuration published soon
 *
 * Context: process, under the mutex.
 */
void itun_collector_start(struct itun_net *in)
{
	rhashtable_walk_enter(&in->sessions4, &in->walk4);
	rhashtable_walk_enter(&in->sessions6, &in->walk6);
	INIT_DELAYED_WORK(&in->collector, itun_collect);
	queue_delayed_work(system_power_efficient_wq, &in->collector, ITUN_COLLECT_LATER);
}

/**
 * itun_collector_stop() - end it, and wait for it
 * @in: namespace
 *
 * Context: process, sleeps. Before the configuration is released.
 */
void itun_collector_stop(struct itun_net *in)
{
	cancel_delayed_work_sync(&in->collector);
	rhashtable_walk_exit(&in->walk4);
	rhashtable_walk_exit(&in->walk6);
}
