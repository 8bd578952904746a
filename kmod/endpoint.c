// SPDX-License-Identifier: GPL-2.0
/* The table of endpoints, and what decides whether one may be sent marks: the
 * configuration in force and the last answer to a probe. Who asks and who
 * answers is in probe.c.
 *
 * Lookups are under RCU and take no reference. The table holds one, a path
 * holds one, a walk holds one while it looks at an endpoint.
 */
#include <linux/in.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "device.h"
#include "endpoint.h"
#include "notify.h"
#include "wire/mpls.h"

/* How long an address of a wide prefix is remembered after its last use. */
#define UNUSED_KEPT	(600 * HZ)

/* How long a prober counts as one: it probes once a second. Kept a little
 * longer than the farewell looks back, so that a peer that was just deleted is
 * still told.
 */
#define PROBER_KEPT	(10 * HZ)

/* The data path asks for one with each packet that a rule matches. */
static u32 endpoint_hash(const void *data, u32 len, u32 seed)
{
	const struct itun_endpoint_key *key = data;

	return itun_addr_hash(key->family, &key->addr, seed);
}

static int endpoint_compare(struct rhashtable_compare_arg *arg, const void *object)
{
	const struct itun_endpoint *endpoint = object;
	const u64 *a = arg->key, *b = (const u64 *)&endpoint->key;

	BUILD_BUG_ON(sizeof(struct itun_endpoint_key) != 3 * sizeof(u64));
	return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2])) != 0;
}

static const struct rhashtable_params endpoint_params = {
	.hashfn = endpoint_hash,
	.obj_cmpfn = endpoint_compare,
	.key_len = sizeof(struct itun_endpoint_key),
	.key_offset = offsetof(struct itun_endpoint, key),
	.head_offset = offsetof(struct itun_endpoint, node),
	.automatic_shrinking = true,
};

static void make_key(struct itun_endpoint_key *key, u8 type, u8 carrier, u8 family,
		     const union itun_addr *addr)
{
	memset(key, 0, sizeof(*key));
	key->type = type;
	key->carrier = carrier;
	key->family = family;
	if (family == 4)
		key->addr.ip = addr->ip;
	else
		key->addr = *addr;
}

static void free_endpoint(struct itun_endpoint *endpoint)
{
	free_percpu(endpoint->counts);
	kfree(endpoint);
}

static void free_endpoint_rcu(struct rcu_head *rcu)
{
	free_endpoint(container_of(rcu, struct itun_endpoint, rcu));
}

/* After a grace period: nobody puts it into the front any more. Who has met it
 * there needs a grace period of its own.
 */
static void leave_front(struct rcu_head *rcu)
{
	struct itun_endpoint *endpoint = container_of(rcu, struct itun_endpoint, rcu);

	if (endpoint->key.family == 4)
		cmpxchg(itun_endpoint_front(endpoint->in, endpoint->key.addr.ip),
			RCU_INITIALIZER(endpoint), NULL);
	call_rcu(rcu, free_endpoint_rcu);
}

static void drop(struct itun_endpoint *endpoint)
{
	if (refcount_dec_and_test(&endpoint->refs))
		call_rcu(&endpoint->rcu, leave_front);
}

/**
 * itun_endpoint_hold() - take a reference
 * @endpoint: under RCU
 *
 * Context: any.
 * Return: false if it is being freed: look it up again.
 */
bool itun_endpoint_hold(struct itun_endpoint *endpoint)
{
	return refcount_inc_not_zero(&endpoint->refs);
}

/**
 * itun_endpoint_put() - give a reference back
 * @endpoint: may be gone afterwards; it is freed after a grace period
 *
 * Context: any.
 */
void itun_endpoint_put(struct itun_endpoint *endpoint)
{
	/* Its counters stay readable for a while after its last path. */
	WRITE_ONCE(endpoint->used, (u32)jiffies);
	drop(endpoint);
}

/**
 * itun_endpoint_is_group() - is it a multicast address?
 * @endpoint: any
 *
 * Return: true if so: nobody answers for a group, so it cannot be probed.
 */
bool itun_endpoint_is_group(const struct itun_endpoint *endpoint)
{
	return itun_addr_is_multicast(endpoint->key.family, &endpoint->key.addr);
}

static bool may_have_marks(u8 state)
{
	return state == IPVS_TUN_ENDPOINT_STATE_READY || state == IPVS_TUN_ENDPOINT_STATE_ALWAYS;
}

/**
 * itun_endpoint_set_state() - the one place where a state changes
 * @in: namespace
 * @endpoint: with its lock held
 * @state: enum ipvs_tun_endpoint_state
 * @reason: why it is not ready, static text; NULL if it is
 *
 * Context: BH off.
 * Return: the event that tells of it, for itun_notify_endpoint() once the lock
 * is released, or 0.
 */
u8 itun_endpoint_set_state(struct itun_net *in, struct itun_endpoint *endpoint, u8 state,
			   const char *reason)
{
	u8 old = endpoint->state;

	lockdep_assert_held(&endpoint->lock);
	if (endpoint->gone)
		return 0;
	WRITE_ONCE(endpoint->reason, reason);
	if (state == old)
		return 0;
	WRITE_ONCE(endpoint->state, state);
	/* "ready" is for a certain mark: itun_endpoint_evaluate() says which. */
	WRITE_ONCE(endpoint->markable,
		   state == IPVS_TUN_ENDPOINT_STATE_ALWAYS ? ITUN_MARKABLE_ANY : 0);
	if (may_have_marks(state) && !may_have_marks(old))
		atomic_inc(&in->n_ready);
	else if (!may_have_marks(state) && may_have_marks(old))
		atomic_dec(&in->n_ready);

	switch (state) {
	case IPVS_TUN_ENDPOINT_STATE_READY:
		return IPVS_TUN_CMD_PEER_READY;
	case IPVS_TUN_ENDPOINT_STATE_SILENT:
	case IPVS_TUN_ENDPOINT_STATE_MISMATCH:
		return IPVS_TUN_CMD_PEER_SILENT;
	default:
		return 0;
	}
}

/* What is wrong with the endpoint's last answer, for us as we are configured. */
static const char *fault(const struct itun_endpoint *endpoint, const struct itun_config *config)
{
	u32 mark = config->tunnel[endpoint->key.type].second_mark;
	unsigned int i;

	if (endpoint->protocol_version != ITUN_PROBE_PROTOCOL)
		return "its readiness protocol has another version";
	if (!(endpoint->tunnels & BIT(endpoint->key.type)))
		return "it does not handle this type of tunnel";
	for (i = 0; i < endpoint->n_accept; i++)
		if (endpoint->accept_mark[i] == mark)
			return NULL;
	return "it does not accept our second mark";
}

/**
 * itun_endpoint_evaluate() - ready or mismatch, by the last answer
 * @in: namespace
 * @endpoint: with its lock held; it has answered
 * @config: the snapshot in force
 *
 * Context: BH off, under RCU.
 * Return: as itun_endpoint_set_state().
 */
u8 itun_endpoint_evaluate(struct itun_net *in, struct itun_endpoint *endpoint,
			  const struct itun_config *config)
{
	const char *reason = fault(endpoint, config);
	u8 event;

	if (reason)
		return itun_endpoint_set_state(in, endpoint, IPVS_TUN_ENDPOINT_STATE_MISMATCH,
					       reason);
	event = itun_endpoint_set_state(in, endpoint, IPVS_TUN_ENDPOINT_STATE_READY, NULL);
	/* The mark by name: between the commit of another one and the look at
	 * this endpoint, packets must not get one that it does not accept.
	 */
	if (!endpoint->gone)
		WRITE_ONCE(endpoint->markable,
			   config->tunnel[endpoint->key.type].second_mark);
	return event;
}

static bool is_host_prefix(const struct itun_peer *peer)
{
	return peer->prefix_len == (peer->family == 4 ? 32 : 128);
}

/* The types in which an address is known to be an endpoint before any traffic.
 * Of MPLS it is traffic that tells by which device, or in which tunnel, it is reached.
 */
static unsigned long types_known(struct itun_net *in)
{
	return itun_device_types(in) & ~BIT(IPVS_TUN_TUNNEL_TYPE_MPLS);
}

/* Makes an endpoint what the configuration says. Returns an event, or 0. */
static u8 apply(struct itun_net *in, struct itun_endpoint *endpoint,
		const struct itun_config *config)
{
	const struct itun_peer *peer =
		itun_config_peer(config, endpoint->key.family, &endpoint->key.addr);
	u32 flags = peer ? peer->flags : 0;
	bool always = flags & IPVS_TUN_PEER_FLAG_SEND_ALWAYS;
	bool send = always || flags & IPVS_TUN_PEER_FLAG_SEND;
	bool sent = endpoint->send;

	/* Retired meanwhile: whoever still meets it looks for the one in the table. */
	if (endpoint->gone)
		return 0;
	WRITE_ONCE(endpoint->send, send);
	endpoint->covered = send || flags & IPVS_TUN_PEER_FLAG_ACCEPT;
	endpoint->pinned = endpoint->covered && is_host_prefix(peer) &&
			   types_known(in) & BIT(endpoint->key.type);

	/* Nobody asks it, or from now on anew. */
	if (!send || !sent || always)
		WRITE_ONCE(endpoint->lost, false);
	if (!send) {
		endpoint->nonce = 0;
		return itun_endpoint_set_state(in, endpoint, IPVS_TUN_ENDPOINT_STATE_PROBING, NULL);
	}
	if (always)
		return itun_endpoint_set_state(in, endpoint, IPVS_TUN_ENDPOINT_STATE_ALWAYS, NULL);
	if (itun_endpoint_is_group(endpoint))
		return itun_endpoint_set_state(in, endpoint, IPVS_TUN_ENDPOINT_STATE_PROBING,
			"a multicast group cannot be probed; use send=always");
	if (!sent || endpoint->state == IPVS_TUN_ENDPOINT_STATE_ALWAYS) {
		endpoint->nonce = 0;
		endpoint->missed = 0;
		endpoint->probe_at = jiffies;
		return itun_endpoint_set_state(in, endpoint, IPVS_TUN_ENDPOINT_STATE_PROBING,
					       "no probe has been answered yet");
	}
	/* Our second mark may be another one now. */
	if (endpoint->state == IPVS_TUN_ENDPOINT_STATE_READY ||
	    endpoint->state == IPVS_TUN_ENDPOINT_STATE_MISMATCH)
		return itun_endpoint_evaluate(in, endpoint, config);
	return 0;
}

static void apply_and_tell(struct itun_net *in, struct itun_endpoint *endpoint,
			   const struct itun_config *config)
{
	u8 event;

	spin_lock_bh(&endpoint->lock);
	event = apply(in, endpoint, config);
	spin_unlock_bh(&endpoint->lock);
	if (event)
		itun_notify_endpoint(in, endpoint, event);
}

/**
 * itun_endpoint_find() - the endpoint of an address
 * @in: namespace
 * @type: enum ipvs_tun_tunnel_type
 * @carrier: itun_tunnel_carrier()
 * @family: 4 or 6
 * @addr: address
 *
 * Context: any, under RCU.
 * Return: the endpoint, not referenced, or NULL.
 */
struct itun_endpoint *itun_endpoint_find(struct itun_net *in, u8 type, u8 carrier, u8 family,
					 const union itun_addr *addr)
{
	struct itun_endpoint_key key;

	make_key(&key, type, carrier, family, addr);
	return rhashtable_lookup(&in->endpoints, &key, endpoint_params);
}

static struct itun_endpoint *alloc_endpoint(struct itun_net *in, u8 type, u8 carrier, u8 family,
					    const union itun_addr *addr, gfp_t gfp)
{
	struct itun_endpoint *endpoint = kzalloc(sizeof(*endpoint), gfp | __GFP_NOWARN);

	if (!endpoint)
		return NULL;
	endpoint->counts = alloc_percpu_gfp(struct itun_endpoint_counts, gfp | __GFP_NOWARN);
	if (!endpoint->counts) {
		kfree(endpoint);
		return NULL;
	}
	endpoint->in = in;
	make_key(&endpoint->key, type, carrier, family, addr);
	refcount_set(&endpoint->refs, 1);
	spin_lock_init(&endpoint->lock);
	endpoint->state = IPVS_TUN_ENDPOINT_STATE_PROBING;
	endpoint->used = jiffies;
	endpoint->probe_at = jiffies;
	endpoint->answers_since = jiffies;
	endpoint->ask_back_at = jiffies;
	return endpoint;
}

/**
 * itun_endpoint_make() - the endpoint of an address, made if it is new
 * @in: namespace
 * @type: enum ipvs_tun_tunnel_type
 * @carrier: itun_tunnel_carrier()
 * @family: 4 or 6
 * @addr: address
 * @gfp: GFP_ATOMIC in softirq or under RCU
 *
 * If a send peer covers it, its first probe leaves in a moment: until the
 * answer comes, nothing is marked.
 *
 * Context: any but hard interrupt; the result is valid under the caller's RCU.
 * Return: the endpoint, not referenced, or NULL when the table is full
 * (counted) or without memory.
 */
struct itun_endpoint *itun_endpoint_make(struct itun_net *in, u8 type, u8 carrier, u8 family,
					 const union itun_addr *addr, gfp_t gfp)
{
	struct itun_endpoint *endpoint, *other;
	const struct itun_config *config;
	bool send;

	rcu_read_lock();
	endpoint = itun_endpoint_find(in, type, carrier, family, addr);
	rcu_read_unlock();
	if (endpoint)
		return endpoint;
	if (!atomic_add_unless(&in->n_endpoints, 1, ITUN_MAX_ENDPOINTS)) {
		itun_count(in, endpoint_limit);
		return NULL;
	}
	endpoint = alloc_endpoint(in, type, carrier, family, addr, gfp);
	if (!endpoint) {
		atomic_dec(&in->n_endpoints);
		return NULL;
	}

	rcu_read_lock();
	other = rhashtable_lookup_get_insert_fast(&in->endpoints, &endpoint->node,
						  endpoint_params);
	if (other) {
		rcu_read_unlock();
		atomic_dec(&in->n_endpoints);
		free_endpoint(endpoint);
		return IS_ERR(other) ? NULL : other;
	}
	/* Either this sees the new configuration, or the walk that follows the
	 * publication of the new configuration sees the endpoint.
	 */
	smp_mb();
	config = rcu_dereference(in->config);
	if (config)
		apply_and_tell(in, endpoint, config);
	send = READ_ONCE(endpoint->send);
	rcu_read_unlock();
	if (send)
		itun_prober_kick(in);
	return endpoint;
}

/**
 * itun_endpoint_walk() - visit every endpoint, referenced, with no lock held
 * @in: namespace
 * @each: may sleep, and may retire the endpoint
 * @arg: for @each
 *
 * All are collected before the first is visited: a walk that is stopped and
 * started again loses its place when entries before it are removed, and an
 * endpoint that is passed over would go on being marked.
 *
 * An endpoint that comes meanwhile may be missed, and with a resize one may be
 * visited twice: what @each does must not mind.
 *
 * Context: process.
 */
void itun_endpoint_walk(struct itun_net *in,
			void (*each)(struct itun_net *in, struct itun_endpoint *endpoint,
				     void *arg),
			void *arg)
{
	/* Room for those that come meanwhile, and for a few visited twice. */
	unsigned int room = atomic_read(&in->n_endpoints) + 256;
	struct itun_endpoint *endpoint, **found;
	struct rhashtable_iter iter;
	unsigned int i, n = 0;

	/* At most a few pages: the table is bounded. A caller that takes the
	 * right to be marked away cannot do with less than all of them.
	 */
	found = kvmalloc_array(room, sizeof(*found), GFP_KERNEL | __GFP_NOFAIL);
	rhashtable_walk_enter(&in->endpoints, &iter);
	rhashtable_walk_start(&iter);
	while (n < room && (endpoint = rhashtable_walk_next(&iter))) {
		if (IS_ERR(endpoint))	/* a resize: it starts over */
			continue;
		if (itun_endpoint_hold(endpoint))
			found[n++] = endpoint;
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
	for (i = 0; i < n; i++) {
		each(in, found[i], arg);
		drop(found[i]);
		cond_resched();
	}
	kvfree(found);
}

/* The type of the devices that its packets go through. */
static u8 carrying_type(const struct itun_endpoint *endpoint)
{
	return endpoint->key.carrier == ITUN_MPLS_OVER_GRE ? IPVS_TUN_TUNNEL_TYPE_GRE :
							     endpoint->key.type;
}

static bool is_needed(struct itun_net *in, const struct itun_endpoint *endpoint)
{
	if (refcount_read(&endpoint->refs) > 2)	/* more than the table's and the walk's */
		return true;
	if (endpoint->their_nonce &&
	    time_before(jiffies, endpoint->their_probe_at + PROBER_KEPT))
		return true;
	if (!endpoint->covered)
		return false;
	/* The last device of its type has gone: silent for ever, it would
	 * speak for an address that is ready in the type that is in use.
	 */
	if (!(itun_device_types(in) & BIT(carrying_type(endpoint))))
		return false;
	return endpoint->pinned || (u32)jiffies - READ_ONCE(endpoint->used) < UNUSED_KEPT;
}

/**
 * itun_endpoint_retire() - remove an endpoint that nobody needs any more
 * @in: namespace
 * @endpoint: visited by itun_endpoint_walk()
 *
 * Context: process.
 * Return: true if it is out of the table.
 */
bool itun_endpoint_retire(struct itun_net *in, struct itun_endpoint *endpoint)
{
	bool retire;

	spin_lock_bh(&endpoint->lock);
	retire = !endpoint->gone && !is_needed(in, endpoint);
	if (retire) {
		itun_endpoint_set_state(in, endpoint, IPVS_TUN_ENDPOINT_STATE_PROBING, NULL);
		WRITE_ONCE(endpoint->send, false);
		endpoint->gone = true;
	}
	spin_unlock_bh(&endpoint->lock);
	if (!retire)
		return false;
	rhashtable_remove_fast(&in->endpoints, &endpoint->node, endpoint_params);
	atomic_dec(&in->n_endpoints);
	drop(endpoint);
	return true;
}

static void reconfigure(struct itun_net *in, struct itun_endpoint *endpoint, void *arg)
{
	apply_and_tell(in, endpoint, arg);
	itun_endpoint_retire(in, endpoint);
}

/**
 * itun_endpoint_reconfigure() - bring endpoints and prober in line
 * @in: namespace
 * @config: the snapshot that was just published
 *
 * What no send peer covers any more is unmarked when this returns. Without
 * memory for an endpoint or the prober, the endpoints concerned stay unmarked
 * until traffic or the next change makes them.
 *
 * Context: process, under RTNL and the mutex.
 */
void itun_endpoint_reconfigure(struct itun_net *in, const struct itun_config *config)
{
	const u32 sends = IPVS_TUN_PEER_FLAG_SEND | IPVS_TUN_PEER_FLAG_SEND_ALWAYS;
	unsigned long types;
	unsigned int type;
	u32 i;

	if (!config->any_send && !config->any_accept)
		itun_prober_stop(in);

	smp_mb();	/* pairs with itun_endpoint_make() */
	itun_endpoint_walk(in, reconfigure, (void *)config);

	if (!config->any_send && !config->any_accept)
		return;
	if (itun_prober_start(in, config->any_accept))
		return;
	types = types_known(in);
	for (i = 0; i < config->n_peers; i++) {
		const struct itun_peer *peer = config->peers[i];

		if (!(peer->flags & sends) || !is_host_prefix(peer))
			continue;
		for_each_set_bit(type, &types, ITUN_TUNNELS)
			itun_endpoint_make(in, type, 0, peer->family, &peer->prefix,
					   GFP_KERNEL);
	}
	itun_prober_kick(in);
}

/**
 * itun_endpoint_init() - make the table
 * @in: namespace
 *
 * Context: process.
 * Return: 0 or a negative error number.
 */
int itun_endpoint_init(struct itun_net *in)
{
	int err;

	atomic_set(&in->n_endpoints, 0);
	atomic_set(&in->n_ready, 0);
	in->prober = NULL;
	in->endpoint_front = kcalloc(1 << ITUN_ENDPOINT_FRONT_BITS, sizeof(*in->endpoint_front),
				     GFP_KERNEL);
	if (!in->endpoint_front)
		return -ENOMEM;
	err = rhashtable_init(&in->endpoints, &endpoint_params);
	if (err)
		kfree(in->endpoint_front);
	return err;
}

static void free_from_table(void *object, void *arg)
{
	drop(object);
}

/**
 * itun_endpoint_exit() - stop the prober, release its sockets, free the table
 * @in: namespace
 *
 * Context: process; the hooks are gone and a grace period has passed.
 */
void itun_endpoint_exit(struct itun_net *in)
{
	itun_prober_free(in);
	rhashtable_free_and_destroy(&in->endpoints, free_from_table, NULL);
	/* All that end, here or before, look into the front when RCU frees them. */
	rcu_barrier();
	kfree(in->endpoint_front);
}
