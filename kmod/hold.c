// SPDX-License-Identifier: GPL-2.0
/* Later fragments that come before their first one: whose they are it alone can say.
 *
 * At a bridge they wait for it, a tenth of a second at most and few at a time, and
 * only those of tenants that have sessions; then they go on as they would have.
 * Whoever sends fragments in order never waits: the first one, a reply's or not, has
 * been remembered (related.c).
 */
#include <linux/netdevice.h>
#include <linux/netfilter_bridge.h>
#include <linux/slab.h>

#include "hook_index.h"
#include "session.h"
#include "stages.h"
#include "zone.h"

#define ITUN_HELD_MAX	64
#define ITUN_HELD_LIFE	(HZ / 10)

struct itun_held {
	struct list_head list;
	struct sk_buff *skb;
	struct net_device *dev;		/* the port, held */
	const struct net_device *bridge;	/* compared only */
	int (*okfn)(struct net *net, struct sock *sk, struct sk_buff *skb);
	struct itun_tuple tuple;
	u32 zone;
	u32 id;
	u32 until;			/* jiffies */
};

/* The bridge's function takes the device for a port of it, whatever it is by now: one
 * that has another master would be mistaken. Whoever sees it as a port, under RCU,
 * may call that function until RCU is left.
 */
static bool itun_held_is_the_bridges(const struct itun_held *held)
{
	return netif_is_bridge_port(held->dev) &&
	       netdev_master_upper_dev_get_rcu(held->dev) == held->bridge;
}

static void itun_held_free(struct itun_held *held)
{
	dev_put(held->dev);
	kfree(held);
}

static struct nf_hook_state itun_held_state(struct itun_net *in, const struct itun_held *held)
{
	return (struct nf_hook_state) {
		.hook = NF_BR_PRE_ROUTING,
		.pf = NFPROTO_BRIDGE,
		.in = held->dev,
		.net = in->net,
		.okfn = held->okfn,
	};
}

/* As if the hook had let it pass: to those behind it, and to the bridge. BH off, under RCU. */
static void itun_held_goes_on(struct itun_net *in, struct itun_held *held)
{
	struct nf_hook_state state = itun_held_state(in, held);
	const struct nf_hook_entries *entries = NULL;
	int ours;

#if IS_ENABLED(CONFIG_NETFILTER_FAMILY_BRIDGE)
	entries = rcu_dereference(in->net->nf.hooks_bridge[NF_BR_PRE_ROUTING]);
#endif
	ours = itun_hook_index(entries, in);
	/* Where ours is being unregistered, nobody can say who was behind it: it is let
	 * through rather than lost.
	 */
	if (unlikely(!itun_held_is_the_bridges(held)))
		kfree_skb(held->skb);
	else if (ours < 0 || nf_hook_slow(held->skb, &state, entries, ours + 1) == 1)
		held->okfn(in->net, NULL, held->skb);
	itun_held_free(held);
}

static void itun_held_steer(struct itun_net *in, const struct itun_config *config,
			    struct itun_held *held)
{
	const struct nf_hook_state state = itun_held_state(in, held);

	if (likely(itun_held_is_the_bridges(held)) &&
	    itun_steer_bridge_held(in, config, held->skb, &state) != NF_ACCEPT)
		itun_held_free(held);
	else
		itun_held_goes_on(in, held);
}

/**
 * itun_hold() - let a later fragment wait for its first one
 * @in: namespace
 * @skb: at bridge PREROUTING
 * @inner: its headers
 * @zone: its tenant
 * @state: of the hook
 *
 * Context: BH off, under RCU.
 * Return: true if it waits: it is ours then.
 */
bool itun_hold(struct itun_net *in, struct sk_buff *skb, const struct itun_inner *inner, u32 zone,
	       const struct nf_hook_state *state)
{
	struct itun_held *held;

	if (READ_ONCE(in->n_held) >= ITUN_HELD_MAX || !itun_zone_has_sessions(in, zone))
		return false;
	held = kmalloc(sizeof(*held), GFP_ATOMIC | __GFP_NOWARN);
	if (!held)
		return false;
	held->skb = skb;
	held->dev = state->in;
	held->bridge = netdev_master_upper_dev_get_rcu(state->in);
	held->okfn = state->okfn;
	held->tuple = inner->tuple;
	held->zone = zone;
	held->id = inner->fragment_id;
	held->until = (u32)jiffies + ITUN_HELD_LIFE;

	spin_lock(&in->held_lock);
	if (in->n_held >= ITUN_HELD_MAX || in->held_leaving) {
		spin_unlock(&in->held_lock);
		kfree(held);
		return false;
	}
	dev_hold(held->dev);
	list_add_tail(&held->list, &in->held);
	if (!in->n_held++)
		mod_timer(&in->held_timer, jiffies + ITUN_HELD_LIFE);
	spin_unlock(&in->held_lock);
	itun_count(in, fragment_held);
	return true;
}

/**
 * itun_hold_release() - a first fragment has come: those that wait for it go on
 * @in: namespace
 * @config: the snapshot in force
 * @inner: the first one's headers
 * @zone: its tenant
 *
 * Context: BH off, under RCU.
 */
void itun_hold_release(struct itun_net *in, const struct itun_config *config,
		       const struct itun_inner *inner, u32 zone)
{
	struct itun_held *held, *next;
	LIST_HEAD(released);

	if (likely(!READ_ONCE(in->n_held)))
		return;
	spin_lock(&in->held_lock);
	list_for_each_entry_safe(held, next, &in->held, list) {
		if (held->zone != zone || held->id != inner->fragment_id ||
		    held->tuple.family != inner->tuple.family ||
		    held->tuple.protocol != inner->tuple.protocol ||
		    memcmp(&held->tuple.src, &inner->tuple.src, sizeof(held->tuple.src)) ||
		    memcmp(&held->tuple.dst, &inner->tuple.dst, sizeof(held->tuple.dst)))
			continue;
		list_move_tail(&held->list, &released);
		in->n_held--;
	}
	spin_unlock(&in->held_lock);
	list_for_each_entry_safe(held, next, &released, list)
		itun_held_steer(in, config, held);
}

static void itun_hold_timer(struct timer_list *timer)
{
	struct itun_net *in = container_of(timer, struct itun_net, held_timer);
	struct itun_held *held, *next;
	u32 now = (u32)jiffies;
	LIST_HEAD(late);

	spin_lock(&in->held_lock);
	list_for_each_entry_safe(held, next, &in->held, list) {
		if ((s32)(now - held->until) < 0)
			break;		/* they are in the order of their time */
		list_move_tail(&held->list, &late);
		in->n_held--;
	}
	if (in->n_held)
		mod_timer(&in->held_timer, jiffies + HZ / 100 + 1);
	spin_unlock(&in->held_lock);
	/* What they go on into expects to be called as from a hook. */
	rcu_read_lock();
	list_for_each_entry_safe(held, next, &late, list)
		itun_held_goes_on(in, held);
	rcu_read_unlock();
}

/**
 * itun_hold_init() - nothing waits
 * @in: namespace
 */
void itun_hold_init(struct itun_net *in)
{
	spin_lock_init(&in->held_lock);
	INIT_LIST_HEAD(&in->held);
	timer_setup(&in->held_timer, itun_hold_timer, 0);
}

/**
 * itun_hold_exit() - what waits is dropped
 * @in: namespace; no hook of it runs any more
 *
 * Context: process; may sleep.
 */
void itun_hold_exit(struct itun_net *in)
{
	struct itun_held *held, *next;

	spin_lock_bh(&in->held_lock);
	in->held_leaving = true;
	spin_unlock_bh(&in->held_lock);
	del_timer_sync(&in->held_timer);
	list_for_each_entry_safe(held, next, &in->held, list) {
		kfree_skb(held->skb);
		itun_held_free(held);
	}
	INIT_LIST_HEAD(&in->held);
	in->n_held = 0;
}
