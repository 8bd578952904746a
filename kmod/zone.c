// SPDX-License-Identifier: GPL-2.0
/* Zones in use: made with a tenant's first path, gone with its last. */
#include "zone.h"

#include <linux/slab.h>

static const struct rhashtable_params zone_params = {
	.head_offset = offsetof(struct itun_zone, node),
	.key_offset = offsetof(struct itun_zone, id),
	.key_len = sizeof_field(struct itun_zone, id),
	.automatic_shrinking = true,
};

/**
 * itun_zone_get() - find or make the object of a zone
 * @in: namespace
 * @id: the zone's number
 *
 * Context: softirq or BH off, under RCU.
 * Return: referenced, or NULL without memory.
 */
struct itun_zone *itun_zone_get(struct itun_net *in, u32 id)
{
	struct itun_zone *zone, *old;
	int tries;

	zone = rhashtable_lookup(&in->zones, &id, zone_params);
	if (likely(zone && refcount_inc_not_zero(&zone->refs)))
		return zone;

	zone = kzalloc(sizeof(*zone), GFP_ATOMIC | __GFP_NOWARN);
	if (!zone)
		return NULL;
	zone->id = id;
	refcount_set(&zone->refs, 1);
	for (tries = 0; tries < 4; tries++) {
		old = rhashtable_lookup_get_insert_fast(&in->zones, &zone->node, zone_params);
		if (!old) {
			atomic_inc(&in->n_zones);
			return zone;
		}
		if (IS_ERR(old))
			break;
		if (refcount_inc_not_zero(&old->refs)) {
			kfree(zone);
			return old;
		}
		/* On its way out: whoever is first unlinks, its owner frees. */
		rhashtable_remove_fast(&in->zones, &old->node, zone_params);
	}
	kfree(zone);
	return NULL;
}

/**
 * itun_zone_route() - a path brings IP packets of this zone to this host's routing tables
 * @in: namespace
 * @zone: referenced
 *
 * A zone that has had one stays listed until its last path goes. Where devices do
 * not tell which networks lead to a routing domain, FORWARD looks for replies in
 * the zones that are listed.
 *
 * Context: softirq or BH off.
 */
void itun_zone_route(struct itun_net *in, struct itun_zone *zone)
{
	/* By record stages on any CPU. */
	spin_lock_bh(&in->routed_lock);
	if (hlist_unhashed(&zone->routed))
		hlist_add_head_rcu(&zone->routed, &in->routed_zones);
	spin_unlock_bh(&in->routed_lock);
}

/**
 * itun_zone_put() - give a reference back
 * @in: namespace
 * @zone: referenced
 *
 * Context: any.
 */
void itun_zone_put(struct itun_net *in, struct itun_zone *zone)
{
	if (!refcount_dec_and_test(&zone->refs))
		return;
	rhashtable_remove_fast(&in->zones, &zone->node, zone_params);
	atomic_dec(&in->n_zones);
	spin_lock_bh(&in->routed_lock);
	hlist_del_init_rcu(&zone->routed);
	spin_unlock_bh(&in->routed_lock);
	kfree_rcu(zone, rcu);
}

/**
 * itun_zone_has_sessions() - has a tenant any?
 * @in: namespace
 * @id: his zone's number
 *
 * Context: under RCU.
 */
bool itun_zone_has_sessions(struct itun_net *in, u32 id)
{
	const struct itun_zone *zone = rhashtable_lookup(&in->zones, &id, zone_params);

	return zone && atomic_read(&zone->sessions);
}

int itun_zone_init(struct itun_net *in)
{
	return rhashtable_init(&in->zones, &zone_params);
}

void itun_zone_exit(struct itun_net *in)
{
	rhashtable_destroy(&in->zones);
}
