/* SPDX-License-Identifier: GPL-2.0 */
/* What the module keeps for one network namespace: that of the underlay. */
#ifndef ITUN_NET_H
#define ITUN_NET_H

#include <linux/atomic.h>
#include <linux/jhash.h>
#include <linux/mutex.h>
#include <linux/netfilter.h>
#include <linux/rhashtable.h>
#include <linux/siphash.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include <net/netns/generic.h>

#include "stats.h"
#include "wire/tuple.h"

struct itun_config;
struct itun_ports;
struct itun_prober;
struct itun_fragments;
struct itun_endpoint;
struct itun_path;

/* 4096 counters of 4 bytes: large enough that a handful of servers leaves it
 * nearly empty, small enough to stay in the second-level cache.
 */
#define ITUN_FILTER_BITS	12

/* 4096 pointers: as many flows can be busy at a time without much company. */
#define ITUN_FRONT_BITS		12

/* 256 pointers: as many ways as marked packets come by at a time, or some more. */
#define ITUN_PATH_FRONT_BITS	8

/* 1024 pointers: some times as many as a balancer has servers' hosts. */
#define ITUN_ENDPOINT_FRONT_BITS	10

/* Strangers whose marked packets were refused, for "status": the last few. */
#define ITUN_STRANGERS		8

struct itun_stranger {
	union itun_addr addr;
	u8 family;
	u64 packets;
};

/* Groups of netfilter hooks, and hooks in each: see hook.c. */
#define ITUN_HOOK_GROUPS	5
#define ITUN_GROUP_HOOKS	2

struct itun_net {
	struct net *net;

	/* Serialises configuration. Taken inside RTNL, never around it:
	 * notifiers run under RTNL and need it.
	 */
	struct mutex mutex;
	/* Written under the mutex; both are there while there is a hook. */
	struct itun_config __rcu *config;
	struct itun_ports __rcu *ports;
	unsigned int hooks;			/* enum itun_hook_group, under mutex */
	struct nf_hook_ops hook_ops[ITUN_HOOK_GROUPS][ITUN_GROUP_HOOKS];
	unsigned int n_mpls_devices;		/* with hooks of ours; written in mpls_device.c */
	unsigned int n_port_devices;		/* of virtual machines; written in port.c */
	bool active;				/* tables exist; under mutex */
	bool leaving;				/* the namespace is going; under mutex */

	struct itun_stats __percpu *stats;
	struct itun_stats baseline;		/* what "stats reset" subtracts; under mutex */

	struct rhashtable sessions4;
	struct rhashtable sessions6;
	atomic_t n_sessions;
	atomic_t n_static;			/* entered by hand, or about to be */
	atomic_t *filter;			/* of 1 << ITUN_FILTER_BITS */
	struct itun_fragments *fragments;	/* of replies: see related.c */
	u32 fragment_at;			/* jiffies: when the last one came */
	spinlock_t held_lock;			/* softirq: what waits; see hold.c */
	struct list_head held;
	unsigned int n_held;
	bool held_leaving;
	struct timer_list held_timer;
	struct itun_session __rcu **front;	/* of 1 << ITUN_FRONT_BITS: see front.h */
	struct delayed_work collector;
	struct rhashtable_iter walk4, walk6;	/* the collector's place */

	u64 sends_outside;			/* generation of the device table << 1 | what
						 * itun_device_sends_outside() found then
						 */

	struct rhashtable paths;
	struct itun_path __rcu **path_front;	/* of 1 << ITUN_PATH_FRONT_BITS: see path.h */
	atomic_t n_paths;
	atomic_t n_mpls_paths;			/* of them, those of MPLS */
	struct rhashtable zones;
	atomic_t n_zones;
	spinlock_t routed_lock;			/* softirq: the record stage writes */
	struct hlist_head routed_zones;		/* see itun_zone_route(); read under RCU */

	struct rhashtable endpoints;
	struct itun_endpoint __rcu **endpoint_front;	/* of 1 << ITUN_ENDPOINT_FRONT_BITS */
	atomic_t n_endpoints;
	atomic_t n_ready;
	struct itun_prober *prober;		/* NULL until a send or accept peer exists */

	spinlock_t stranger_lock;		/* softirq: the record stage writes */
	struct itun_stranger strangers[ITUN_STRANGERS];
	unsigned int next_stranger;
};

extern unsigned int itun_net_id;
extern siphash_key_t itun_hash_key;

static inline struct itun_net *itun_net(const struct net *net)
{
	return net_generic(net, itun_net_id);
}

/* Of an address, for tables that are bounded and that trusted peers alone enter. */
static inline u32 itun_addr_hash(u8 family, const union itun_addr *addr, u32 seed)
{
	if (likely(family == 4))
		return jhash_1word((__force u32)addr->ip, seed);
	return jhash2((__force const u32 *)addr->ip6, ARRAY_SIZE(addr->ip6), seed);
}

int itun_net_activate(struct itun_net *in);
void itun_stranger_count(struct itun_net *in, u8 family, const union itun_addr *addr);

#endif /* ITUN_NET_H */
