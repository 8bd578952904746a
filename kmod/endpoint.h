/* SPDX-License-Identifier: GPL-2.0 */
/* Endpoints: the concrete addresses within peers, and what probing says of
 * them. A mark is a promise that the other side will remove it: only ready
 * endpoints get marks.
 */
#ifndef ITUN_ENDPOINT_H
#define ITUN_ENDPOINT_H

#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/rhashtable.h>
#include <linux/spinlock.h>

#include "config.h"
#include "net.h"
#include "wire/probe.h"

/* As many as peers may be named, in each type of tunnel. */
#define ITUN_MAX_ENDPOINTS	(3 * ITUN_MAX_PEERS)
#define ITUN_MARKABLE_ANY	U32_MAX	/* "always": nobody was asked */
#define ITUN_PROBE_MISSES	3	/* unanswered probes that make an endpoint silent */

struct itun_endpoint_counts {
	u64 marked;
	u64 recorded;
	u64 untrusted;
};

struct itun_endpoint_key {
	union itun_addr addr;
	u8 family;
	u8 type;			/* enum ipvs_tun_tunnel_type: a host may have the module
					 * and still lose what is marked in another tunnel
					 */
	u8 carrier;			/* itun_tunnel_carrier(): of MPLS, what carries it */
	u8 pad[5];			/* zero: keys are compared as words */
} __aligned(8);

/* How a readiness message goes back to where a probe came from. */
struct itun_probe_way {
	union itun_addr local;		/* our address that was probed; zero: by route */
	int ifindex;			/* a VRF, or 0; of MPLS over Ethernet the underlay device */
	u32 id;
	u16 port;			/* host order; 0 for GRE */
	u16 flags;			/* the field that carries the probe's mark, echoed */
	u8 type;			/* enum ipvs_tun_tunnel_type */
	u8 options;			/* ITUN_GRE_NVGRE: its key is NVGRE's */
	u8 carrier;			/* itun_tunnel_carrier() */
	u32 carrier_key;		/* MPLS over GRE: the key of that */
	u8 mac[6];			/* MPLS over Ethernet: the neighbour's, on that device */
};

struct itun_endpoint {
	struct rhash_head node;
	struct itun_net *in;
	struct itun_endpoint_key key;
	refcount_t refs;		/* the table, and paths */
	u8 state;			/* enum ipvs_tun_endpoint_state; WRITE_ONCE under lock */
	bool send;			/* a send peer covers it now */
	bool covered;			/* any peer that sends or accepts covers it now */
	bool pinned;			/* and that peer is this very address: never expires */
	bool gone;			/* no longer in the table */
	bool met;			/* traffic has told what follows */
	u32 markable;			/* READ_ONCE in the data path: the second mark that it may
					 * be sent, 0 for none, or ITUN_MARKABLE_ANY
					 */
	struct itun_endpoint_counts __percpu *counts;
	u32 id;				/* a network that its traffic used, for the probe */
	u16 port;			/* the tunnel's port that its traffic used, host order */
	int ifindex;			/* MPLS over Ethernet: by which device its traffic leaves */
	u32 carrier_key;		/* MPLS over GRE: the key that its traffic used */
	u32 used;			/* jiffies of its last use by traffic, path or probe */
	union itun_addr local;		/* our address that its traffic used; under lock */

	/* What the prober knows; under lock (BH off). */
	spinlock_t lock;
	u64 nonce;			/* of the probe under way; 0: none */
	u64 nonces[ITUN_PROBE_MISSES + 1];	/* of the last probes: "not ready" repeats one */
	u8 next_nonce;			/* the place in nonces for the next one */
	u8 missed;
	unsigned long probe_at;		/* jiffies: when the next probe is due */
	bool answered;			/* ever */
	bool lost;			/* READ_ONCE in the data path: it answered, and then neither
					 * answers nor packets came, nor a farewell
					 */
	u64 recorded_then;		/* marked packets from it, when a probe was missed last */
	unsigned long answered_at;	/* jiffies */
	u32 protocol_version;
	u32 tunnels;
	u8 n_accept;
	u32 accept_mark[IPVS_TUN_MAX_ACCEPT_MARKS];
	char version[32];
	const char *reason;		/* static text */

	/* What the other side asked of us: whom to tell before we go. */
	u64 their_nonce;		/* of its last probe that we answered; 0: none */
	unsigned long their_probe_at;	/* jiffies */
	unsigned long answers_since;	/* jiffies: start of the second that answers counts */
	unsigned int answers;
	unsigned long ask_back_at;	/* jiffies: when we may ask in return again */
	struct itun_probe_way their_way;

	struct rcu_head rcu;
};

/**
 * itun_endpoint_front() - the slot of an IPv4 address in the front of the table
 * @in: namespace
 * @addr: address
 *
 * The front has the endpoints that were marked for last, one a slot: it spares most
 * packets the table. A slot holds no reference; why what it points to is there
 * nevertheless is what front.h says of sessions. An endpoint is put here only by who
 * has just found it in the table, in the same RCU read-side section. What ends with
 * call_rcu() has left the table before: when that runs, all who could put it here are
 * through, and who met it here is waited for by a second grace period.
 *
 * Context: any, under RCU, which protects what is in the slot.
 * Return: the slot; of other addresses and types of tunnels, too.
 */
static __always_inline struct itun_endpoint __rcu **
itun_endpoint_front(const struct itun_net *in, __be32 addr)
{
	/* The topmost bits of this product depend on all bits of the address. */
	u32 mix = (__force u32)addr * 0x9e3779b1u;

	return &in->endpoint_front[mix >> (32 - ITUN_ENDPOINT_FRONT_BITS)];
}

struct itun_endpoint *itun_endpoint_find(struct itun_net *in, u8 type, u8 carrier, u8 family,
					 const union itun_addr *addr);
struct itun_endpoint *itun_endpoint_make(struct itun_net *in, u8 type, u8 carrier, u8 family,
					 const union itun_addr *addr, gfp_t gfp);
bool itun_endpoint_hold(struct itun_endpoint *endpoint);
void itun_endpoint_put(struct itun_endpoint *endpoint);

/**
 * itun_endpoint_use() - traffic towards an endpoint matched a rule
 * @endpoint: under RCU
 * @id: network identifier of the packet
 * @port: its tunnel port, host order
 * @local: its outer source: what the other side trusts, so probes have it too
 *
 * Looks at more than the time once a jiffy only: all CPUs share these fields.
 *
 * Context: any but hard interrupt.
 * Return: true if it did.
 */
static inline bool itun_endpoint_use(struct itun_endpoint *endpoint, u32 id, u16 port,
				     const union itun_addr *local)
{
	u32 now = jiffies;

	if (READ_ONCE(endpoint->used) == now && READ_ONCE(endpoint->met))
		return false;
	WRITE_ONCE(endpoint->met, true);
	WRITE_ONCE(endpoint->used, now);
	if (READ_ONCE(endpoint->id) != id)
		WRITE_ONCE(endpoint->id, id);
	if (READ_ONCE(endpoint->port) != port)
		WRITE_ONCE(endpoint->port, port);
	if (unlikely(memcmp(&endpoint->local, local, sizeof(*local)))) {
		spin_lock_bh(&endpoint->lock);
		endpoint->local = *local;
		spin_unlock_bh(&endpoint->lock);
	}
	return true;
}

/* May it be sent this second mark? */
static inline bool itun_endpoint_markable(const struct itun_endpoint *endpoint, u32 second_mark)
{
	u32 markable = READ_ONCE(endpoint->markable);

	return likely(markable == second_mark) || markable == ITUN_MARKABLE_ANY;
}

int itun_endpoint_init(struct itun_net *in);
void itun_endpoint_exit(struct itun_net *in);

/* Called after each commit, under the mutex: host-prefix send peers get their
 * endpoint, those no longer covered stop being marked at once, the prober
 * starts or stops.
 */
void itun_endpoint_reconfigure(struct itun_net *in, const struct itun_config *config);

/* Softirq, from the record stage: a readiness message inside a tunnel packet. */
struct itun_outer;
struct sk_buff;
bool itun_probe_receive(struct itun_net *in, const struct itun_config *config,
			const struct itun_outer *outer, const struct sk_buff *skb, int ifindex);

/* Under the mutex, before the hooks go: tells those who probed us that we stop,
 * and waits until what they have marked meanwhile has arrived. May sleep.
 */
void itun_probe_farewell(struct itun_net *in);

/* Between the table and the prober. */
u8 itun_endpoint_set_state(struct itun_net *in, struct itun_endpoint *endpoint, u8 state,
			   const char *reason);
u8 itun_endpoint_evaluate(struct itun_net *in, struct itun_endpoint *endpoint,
			  const struct itun_config *config);
bool itun_endpoint_retire(struct itun_net *in, struct itun_endpoint *endpoint);
bool itun_endpoint_is_group(const struct itun_endpoint *endpoint);
void itun_endpoint_walk(struct itun_net *in,
			void (*each)(struct itun_net *in, struct itun_endpoint *endpoint,
				     void *arg),
			void *arg);

int itun_prober_start(struct itun_net *in, bool accepts);
void itun_prober_stop(struct itun_net *in);
void itun_prober_kick(struct itun_net *in);
void itun_prober_free(struct itun_net *in);

#endif /* ITUN_ENDPOINT_H */
