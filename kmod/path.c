// SPDX-License-Identifier: GPL-2.0
/* Paths: interning, verdicts, death. */
#include "path.h"

#include <linux/etherdevice.h>
#include <linux/slab.h>
#include <net/dst_metadata.h>

#include "encap.h"
#include "endpoint.h"
#include "port.h"
#include "zone.h"

/* Paths are few and made by trusted peers only: a multiplication of each of the
 * words that differ (remote address; network; MAC) is enough to tell them apart.
 */
static __always_inline u32 itun_path_hash(const void *data, u32 len, u32 seed)
{
	const u64 *word = data;

	return (word[0] * 0x9e3779b97f4a7c15ull + (word[1] ^ seed) * 0xc2b2ae3d27d4eb4full +
		word[4] * 0x165667b19e3779f9ull + word[5] * 0xd6e8feb86659fd93ull) >> 32;
}

static __always_inline int itun_path_compare(struct rhashtable_compare_arg *arg, const void *object)
{
	const struct itun_path *path = object;

	return !itun_path_key_equal(arg->key, &path->key);
}

static const struct rhashtable_params path_params = {
	.head_offset = offsetof(struct itun_path, node),
	.key_offset = offsetof(struct itun_path, key),
	.key_len = sizeof_field(struct itun_path, key),
	.hashfn = itun_path_hash,
	.obj_cmpfn = itun_path_compare,
	.automatic_shrinking = true,
};

/**
 * itun_trusted() - may a marked packet by this way make and move sessions?
 * @in: namespace
 * @config: the snapshot in force
 * @key: the way
 *
 * Context: under RCU.
 * Return: true if the longest peer prefix of the source accepts, by this
 * device and in this network; for a way without a tunnel while there are rules, or balancers'
 * ports. What comes in by a machine's port never is; what a
 * machine sends to this host through a bridge cannot be told from others'.
 */
bool itun_trusted(const struct itun_net *in, const struct itun_config *config,
		  const struct itun_path_key *key)
{
	const struct itun_peer *peer;

	/* The operator's rules and ports have said that it is a request. */
	if (itun_path_is_local(key))
		return config->local;
	if (!config->any_accept)
		return false;
	peer = itun_config_peer(config, key->family, &key->remote);
	if (!peer || !(peer->flags & IPVS_TUN_PEER_FLAG_ACCEPT))
		return false;
	if (itun_is_port(in, key->ifindex))
		return false;
	if (peer->dev[0] && READ_ONCE(peer->ifindex) != key->ifindex)
		return false;
	return itun_vni_listed(peer->vnis, peer->n_vnis, key->id);
}

/**
 * itun_path_judge() - compute a path's verdict for the snapshot in force
 * @path: under RCU
 * @config: the snapshot
 *
 * Context: softirq or BH off.
 * Return: the verdict, which the path keeps for this generation.
 */
bool itun_path_judge(struct itun_path *path, const struct itun_config *config)
{
	bool trusted = path->by_hand || itun_trusted(path->in, config, &path->key);

	WRITE_ONCE(path->verdict, (u64)config->generation << 1 | trusted);
	return trusted;
}

static void itun_path_free(struct rcu_head *rcu)
{
	struct itun_path *path = container_of(rcu, struct itun_path, rcu);

	dst_cache_destroy(&path->dst_cache);
	itun_idents_free(path);
	/* Core code destroys it when the last packet is through; no reference
	 * to this module is involved.
	 */
	if (path->metadata)
		dst_release(&path->metadata->dst);
	kfree(rcu_dereference_raw(path->successor));
	kfree(path);
}

/* After a grace period: nobody puts it into the front any more. */
static void itun_path_leave_front(struct rcu_head *rcu)
{
	struct itun_path *path = container_of(rcu, struct itun_path, rcu);

	if (path->key.type == IPVS_TUN_TUNNEL_TYPE_VXLAN && path->key.family == 4)
		cmpxchg(itun_path_front(path->in, path->key.remote.ip, path->key.id),
			RCU_INITIALIZER(path), NULL);
	call_rcu(rcu, itun_path_free);
}

static struct itun_path *itun_path_alloc(struct itun_net *in, const struct itun_config *config,
					 const struct itun_path_key *key, bool by_hand)
{
	struct itun_endpoint *endpoint = NULL;
	struct itun_path *path;

	path = kzalloc(sizeof(*path), GFP_ATOMIC | __GFP_NOWARN);
	if (!path)
		return NULL;
	path->key = *key;
	refcount_set(&path->refs, 1);
	path->by_hand = by_hand;
	path->in = in;
	path->zone = itun_zone_get(in, itun_config_zone_of(config, key->type, key->id));
	if (!path->zone)
		goto free_path;
	/* dst_cache needs per-CPU memory, which is scarce in softirq. */
	if (likely(!itun_path_is_local(key)) &&
	    dst_cache_init(&path->dst_cache, GFP_ATOMIC | __GFP_NOWARN))
		goto put_zone;
	if (key->type == IPVS_TUN_TUNNEL_TYPE_VXLAN && key->family == 4)
		itun_idents_init(path);
	if (likely(!itun_path_is_local(key)))
		endpoint = itun_endpoint_make(in, key->type,
					      itun_tunnel_carrier(key->type, key->options),
					      key->family, &key->remote,
					      GFP_ATOMIC | __GFP_NOWARN);
	if (endpoint && itun_endpoint_hold(endpoint))
		path->endpoint = endpoint;
	itun_path_judge(path, config);
	if (key->ip_inside)
		itun_zone_route(in, path->zone);
	if (key->type == IPVS_TUN_TUNNEL_TYPE_MPLS)
		atomic_inc(&in->n_mpls_paths);
	return path;

put_zone:
	itun_zone_put(in, path->zone);
free_path:
	kfree(path);
	return NULL;
}

static void itun_path_release(struct itun_path *path)
{
	if (path->endpoint)
		itun_endpoint_put(path->endpoint);
	if (path->key.type == IPVS_TUN_TUNNEL_TYPE_MPLS)
		atomic_dec(&path->in->n_mpls_paths);
	itun_zone_put(path->in, path->zone);
	call_rcu(&path->rcu, itun_path_leave_front);
}

/* A change of zones takes a moment to find the paths that it concerns: until
 * then, sessions of the new zone must not be counted in the old one.
 */
static __always_inline bool itun_path_serves(const struct itun_path *path,
					     const struct itun_config *config)
{
	return !READ_ONCE(path->dead) &&
	       path->zone->id == itun_config_zone_of(config, path->key.type, path->key.id);
}

/**
 * itun_path_hold_trusted() - take a path, if it is one that may record
 * @path: under RCU
 * @config: the snapshot in force
 *
 * Context: softirq or BH off.
 * Return: true if a reference was taken; false says nothing.
 */
bool itun_path_hold_trusted(struct itun_path *path, const struct itun_config *config)
{
	/* First of all: a path that nobody has any more, as the front may still show
	 * it, has let go of its zone and endpoint.
	 */
	if (!refcount_inc_not_zero(&path->refs))
		return false;
	if (likely(!path->by_hand && itun_path_usable(path, config) &&
		   itun_path_serves(path, config)))
		return true;
	itun_path_put(path);
	return false;
}

/**
 * itun_path_get_trusted() - the path of a key, if it is one that may record
 * @in: namespace
 * @config: the snapshot in force
 * @key: key, all bytes set
 *
 * Says what itun_trusted() says of the key, by the verdict that the path has. An
 * operator's path is trusted with what it was entered for, and no more.
 *
 * Context: softirq or BH off, under RCU.
 * Return: a referenced path, or NULL, which says nothing.
 */
struct itun_path *itun_path_get_trusted(struct itun_net *in, const struct itun_config *config,
					const struct itun_path_key *key)
{
	struct itun_path *path = rhashtable_lookup(&in->paths, key, path_params);

	return path && itun_path_hold_trusted(path, config) ? path : NULL;
}

struct itun_path *itun_path_get(struct itun_net *in, const struct itun_config *config,
				const struct itun_path_key *key, bool by_hand)
{
	struct itun_path *path, *old;
	int tries;

	path = rhashtable_lookup(&in->paths, key, path_params);
	if (likely(path && itun_path_serves(path, config) && refcount_inc_not_zero(&path->refs)))
		return path;

	path = itun_path_alloc(in, config, key, by_hand);
	if (!path)
		return NULL;
	for (tries = 0; tries < 4; tries++) {
		old = rhashtable_lookup_get_insert_fast(&in->paths, &path->node, path_params);
		if (!old) {
			atomic_inc(&in->n_paths);
			return path;
		}
		if (IS_ERR(old))
			break;
		if (itun_path_serves(old, config) && refcount_inc_not_zero(&old->refs)) {
			itun_path_release(path);
			return old;
		}
		/* Dead, of another zone, or put for the last time: it makes
		 * room at once.
		 */
		WRITE_ONCE(old->dead, true);
		rhashtable_remove_fast(&in->paths, &old->node, path_params);
	}
	itun_path_release(path);
	return NULL;
}

/**
 * itun_path_put() - give a reference back
 * @path: referenced
 *
 * Context: any. Readers may go on until the end of their RCU section.
 */
void itun_path_put(struct itun_path *path)
{
	if (!refcount_dec_and_test(&path->refs))
		return;
	rhashtable_remove_fast(&path->in->paths, &path->node, path_params);
	atomic_dec(&path->in->n_paths);
	itun_path_release(path);
}

/**
 * itun_path_leave() - a session has got another path, by a marked packet
 * @path: that it had, under RCU
 * @successor: the other one's key
 *
 * Context: softirq or BH off.
 */
void itun_path_leave(struct itun_path *path, const struct itun_path_key *successor)
{
	struct itun_successor *old = rcu_dereference(path->successor), *new;

	if (old && itun_path_key_equal(&old->key, successor))
		return;
	new = kmalloc(sizeof(*new), GFP_ATOMIC | __GFP_NOWARN);
	if (!new)
		return;	/* the next session to leave says it again */
	new->key = *successor;
	old = unrcu_pointer(xchg(&path->successor, RCU_INITIALIZER(new)));
	if (old)
		kfree_rcu(old, rcu);
}

static bool itun_path_is_lost(const struct itun_path *path)
{
	return path->endpoint && READ_ONCE(path->endpoint->lost);
}

/**
 * itun_path_follow() - the successor of a path, if it has to take its replies
 * @path: under RCU
 * @config: the snapshot in force
 * @successor: of @path
 *
 * The session keeps its path: the client's answer to what it gets moves it.
 *
 * Context: softirq or BH off.
 * Return: a path under RCU; @path if it is not lost, or the other one no better.
 */
struct itun_path *itun_path_follow(struct itun_path *path, const struct itun_config *config,
				   const struct itun_successor *successor)
{
	struct itun_path *next;

	if (likely(!itun_path_is_lost(path)))
		return path;
	next = rhashtable_lookup(&path->in->paths, &successor->key, path_params);
	if (!next || next->zone != path->zone || !itun_path_usable(next, config) ||
	    itun_path_is_lost(next))
		return path;
	itun_count(path->in, path_followed);
	return next;
}

/**
 * itun_path_kill() - declare paths dead
 * @in: namespace
 * @match: which; called under RCU
 * @arg: for @match
 *
 * Their sessions are absent at once; a marked packet makes a new path.
 *
 * Context: process; may be under RTNL and the mutex.
 * Return: how many.
 */
unsigned int itun_path_kill(struct itun_net *in,
			    bool (*match)(const struct itun_path *path, const void *arg),
			    const void *arg)
{
	struct rhashtable_iter iter;
	struct itun_path *path;
	unsigned int killed = 0;

	rhashtable_walk_enter(&in->paths, &iter);
	rhashtable_walk_start(&iter);
	while ((path = rhashtable_walk_next(&iter))) {
		if (IS_ERR(path))
			continue;	/* resized: once more from the start */
		if (READ_ONCE(path->dead) || !match(path, arg))
			continue;
		WRITE_ONCE(path->dead, true);
		rhashtable_remove_fast(&in->paths, &path->node, path_params);
		killed++;
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
	return killed;
}

static bool itun_path_by_device(const struct itun_path *path, const void *arg)
{
	return path->key.ifindex == *(const int *)arg;
}

/**
 * itun_path_kill_device() - declare dead what came by a device
 * @in: namespace, its tables allocated
 * @ifindex: of the underlay device
 *
 * Context: as itun_path_kill().
 */
void itun_path_kill_device(struct itun_net *in, int ifindex)
{
	itun_path_kill(in, itun_path_by_device, &ifindex);
}

int itun_path_init(struct itun_net *in)
{
	int err = itun_zone_init(in);

	if (err)
		return err;
	err = -ENOMEM;
	in->path_front = kcalloc(1 << ITUN_PATH_FRONT_BITS, sizeof(*in->path_front), GFP_KERNEL);
	if (!in->path_front)
		goto exit_zone;
	err = rhashtable_init(&in->paths, &path_params);
	if (!err)
		return 0;
	kfree(in->path_front);
exit_zone:
	itun_zone_exit(in);
	return err;
}

/**
 * itun_path_exit() - the tables of a namespace go
 * @in: namespace; all its sessions are freed, RCU callbacks included
 *
 * Context: process.
 */
void itun_path_exit(struct itun_net *in)
{
	rhashtable_destroy(&in->paths);
	kfree(in->path_front);
	itun_zone_exit(in);
}
