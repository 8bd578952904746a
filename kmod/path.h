/* SPDX-License-Identifier: GPL-2.0 */
/* A path: the way that a balanced flow came, and that its replies go back.
 *
 * Paths are interned: all sessions by one way share one object, which holds
 * the cached route, the tunnel device's index and the verdict on the peer. It
 * lives as long as a session refers to it. A dead path makes all its sessions
 * absent at once; the collector removes them later.
 */
#ifndef ITUN_PATH_H
#define ITUN_PATH_H

#include <linux/rhashtable.h>
#include <net/dst_cache.h>

#include "config.h"
#include "net.h"
#include "wire/mpls.h"
#include "wire/tuple.h"

struct itun_endpoint;
struct itun_idents;
struct metadata_dst;

struct itun_path_key {
	union itun_addr remote;	/* outer source of the marked packet; or the neighbour; of
				 * a way without a tunnel the server's MAC
				 */
	union itun_addr local;	/* its outer destination; zero: by route */
	u32 id;			/* network identifier (VNI) */
	int ifindex;		/* underlay device; 0: entered by hand */
	u16 port;		/* tunnel port of the marked packet, host order; 0: the device's */
	u8 mac[6];		/* inner source, the balancer's; of MPLS over Ethernet the
				 * neighbour's
				 */
	u8 type;		/* enum ipvs_tun_tunnel_type */
	u8 family;		/* of remote and local: 4 or 6 */
	u8 options;		/* itun_tunnel_header.options */
	bool ip_inside;		/* no Ethernet header inside, and no MAC there */
	u32 carrier_key;	/* MPLS over GRE: the key of that */
} __aligned(8);			/* no gap: keys are compared as words */

/**
 * itun_path_is_station() - is the other end a station of a link, not a host of IP?
 * @key: of a path
 *
 * Return: true for MPLS over Ethernet.
 */
static inline bool itun_path_is_station(const struct itun_path_key *key)
{
	return key->type == IPVS_TUN_TUNNEL_TYPE_MPLS && !(key->options & ITUN_MPLS_CARRIER);
}

/**
 * itun_path_is_local() - are balancer and server on this host?
 * @key: of a path
 *
 * Return: true if there is no tunnel in between: nothing but the network and the
 * two MACs are set.
 */
static inline bool itun_path_is_local(const struct itun_path_key *key)
{
	return key->type == IPVS_TUN_TUNNEL_TYPE_LOCAL;
}

/* The last sessions of a zone are remembered by their hash: see evict.c. */
#define ITUN_ZONE_RECENT	32

/* Sessions of one tenant, counted for the limits. */
struct itun_zone {
	struct rhash_head node;
	u32 id;
	struct hlist_node routed;	/* in itun_net.routed_zones; under its lock */
	atomic_t sessions;
	atomic_t n_recent;
	u64 recent[ITUN_ZONE_RECENT];	/* a ring; 0 for none */
	refcount_t refs;	/* paths */
	struct rcu_head rcu;
};

/* Of a path: where its sessions went. By its key, for paths that referred to
 * each other would never be freed.
 */
struct itun_successor {
	struct itun_path_key key;
	struct rcu_head rcu;
};

struct itun_path {
	struct rhash_head node;
	struct itun_path_key key;
	refcount_t refs;	/* one per session */
	bool dead;		/* WRITE_ONCE; never comes back to life */
	bool by_hand;		/* entered by session-add: trusted as such */
	u64 verdict;		/* generation << 1 | trusted, in one word: of one time */
	struct itun_net *in;
	struct itun_zone *zone;
	struct itun_endpoint *endpoint;	/* counted; NULL if the table is full */
	struct itun_successor __rcu *successor;	/* of the session that left it last; or NULL */

	/* What path_xmit needs; BH off. */
	u64 tunnel;		/* generation of the device table << 32 | what
				 * itun_device_find_tunnel() found then
				 */
	struct dst_cache dst_cache;
	struct itun_idents __percpu *idents;	/* of VXLAN over IPv4, or NULL; see encap.c */
	struct metadata_dst *metadata;	/* for external tunnel devices, made on first use */
	struct rcu_head rcu;
};

static inline bool itun_path_key_equal(const struct itun_path_key *a,
				       const struct itun_path_key *b)
{
	const u64 *x = (const u64 *)a, *y = (const u64 *)b;

	BUILD_BUG_ON(sizeof(*a) != 7 * sizeof(u64));
	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) |
		 (x[4] ^ y[4]) | (x[5] ^ y[5]) | (x[6] ^ y[6]));
}

/**
 * itun_path_get() - find or make the path of a key
 * @in: namespace
 * @config: the snapshot in force
 * @key: key, all bytes set
 * @by_hand: entered by an operator
 *
 * Context: softirq or BH off, under RCU.
 * Return: a referenced path, or NULL without memory.
 */
struct itun_path *itun_path_get(struct itun_net *in, const struct itun_config *config,
				const struct itun_path_key *key, bool by_hand);
struct itun_path *itun_path_get_trusted(struct itun_net *in, const struct itun_config *config,
					const struct itun_path_key *key);
bool itun_path_hold_trusted(struct itun_path *path, const struct itun_config *config);
void itun_path_put(struct itun_path *path);

/**
 * itun_path_front() - the slot of a way of VXLAN over IPv4 in the front of the table
 * @in: namespace
 * @remote: outer source of the marked packet
 * @id: network identifier
 *
 * The front has the paths by which flows began last, one a slot: it spares a flow's first
 * packet the key and the table. A slot holds no reference; why what it points to is there
 * nevertheless is what front.h says of sessions: a path is put here only by who has just
 * found it in the table, in the same RCU read-side section; when it ends, a grace period
 * lets all of them through, the slot is emptied, and a second one waits for who met it here.
 *
 * Context: any, under RCU, which protects what is in the slot.
 */
static __always_inline struct itun_path __rcu **itun_path_front(const struct itun_net *in,
								__be32 remote, u32 id)
{
	/* The topmost bits of the sum depend on all of both. */
	u32 mix = (__force u32)remote * 0x9e3779b1u + id * 0x85ebca77u;

	return &in->path_front[mix >> (32 - ITUN_PATH_FRONT_BITS)];
}

bool itun_path_judge(struct itun_path *path, const struct itun_config *config);

/**
 * itun_path_usable() - may replies take this path now?
 * @path: under RCU
 * @config: the snapshot in force
 *
 * The verdict is computed anew only when the configuration has changed.
 */
static inline bool itun_path_usable(struct itun_path *path, const struct itun_config *config)
{
	u64 verdict = READ_ONCE(path->verdict);

	if (unlikely(READ_ONCE(path->dead)))
		return false;
	if (unlikely((u32)(verdict >> 1) != config->generation))
		return itun_path_judge(path, config);
	return verdict & 1;
}

/**
 * itun_path_found_usable() - is it known that replies may take this path now?
 * @path: under RCU
 * @config: the snapshot in force
 *
 * Return: as itun_path_usable(), but false too if it was not asked since the
 * configuration changed.
 */
static inline bool itun_path_found_usable(const struct itun_path *path,
					  const struct itun_config *config)
{
	return !READ_ONCE(path->dead) &&
	       READ_ONCE(path->verdict) == ((u64)config->generation << 1 | 1);
}

void itun_path_leave(struct itun_path *path, const struct itun_path_key *successor);
struct itun_path *itun_path_follow(struct itun_path *path, const struct itun_config *config,
				   const struct itun_successor *successor);

/**
 * itun_path_now() - the path that replies take now
 * @path: their session's, under RCU
 * @config: the snapshot in force
 *
 * Where a balancer's host died, clients that wait for an answer send nothing, and
 * nothing of theirs moves their sessions. Others' did.
 *
 * Context: softirq or BH off.
 * Return: @path, or its successor if its endpoint is lost.
 */
static inline struct itun_path *itun_path_now(struct itun_path *path,
					      const struct itun_config *config)
{
	const struct itun_successor *successor = rcu_dereference(path->successor);

	return likely(!successor) ? path : itun_path_follow(path, config, successor);
}

bool itun_trusted(const struct itun_net *in, const struct itun_config *config,
		  const struct itun_path_key *key);

unsigned int itun_path_kill(struct itun_net *in,
			    bool (*match)(const struct itun_path *path, const void *arg),
			    const void *arg);
void itun_path_kill_device(struct itun_net *in, int ifindex);
int itun_path_init(struct itun_net *in);
void itun_path_exit(struct itun_net *in);

#endif /* ITUN_PATH_H */
