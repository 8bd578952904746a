/* SPDX-License-Identifier: GPL-2.0 */
/* Endpoints: the concrete addresses within peers, and what probing says of
 * them. A mark is a promise that the other side will remove it: only ready
 * endpoints get marks.
 */
#ifndef ITUN_ENDPOINT_H
#define ITUN_ENDPOINT_H

#include <linux/percpu.h>
#include <linux/rhashtable.h>

#include "config.h"
#include "net.h"

#define ITUN_MAX_ENDPOINTS	4096
#define ITUN_PROBE_PROTOCOL	1

struct itun_endpoint_counts {
	u64 marked;
	u64 recorded;
	u64 untrusted;
};

struct itun_endpoint_key {
	union itun_addr addr;
	u8 family;
	u8 pad[3];
};

struct itun_endpoint {
	struct rhash_head node;
	struct itun_endpoint_key key;
	refcount_t refs;		/* the table, and paths */
	u8 state;			/* enum ipvs_tun_endpoint_state; WRITE_ONCE under lock */
	bool send;			/* a send peer covers it now */
	bool markable;			/* READ_ONCE in the data path: state is ready or always */
	struct itun_endpoint_counts __percpu *counts;
	u32 id;				/* a network that its traffic used, for the probe */
	u16 port;			/* the tunnel's port that its traffic used, host order */
	u32 used;			/* jiffies of the last packet towards it that matched a rule */

	/* What the prober knows; under lock (BH off). */
	spinlock_t lock;
	u64 nonce;			/* of the probe under way; 0: none */
	u64 last_nonce;			/* of the last probe that was answered or is under way */
	u8 missed;
	bool answered;			/* ever */
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
	unsigned long answer_allowed_at;	/* rate limit */
	u8 their_flags;			/* the flag byte of its probe, echoed */
	u32 their_id;
	u16 their_port;

	struct rcu_head rcu;
};

struct itun_endpoint *itun_endpoint_find(struct itun_net *in, u8 family,
					 const union itun_addr *addr);
struct itun_endpoint *itun_endpoint_make(struct itun_net *in, u8 family,
					 const union itun_addr *addr, gfp_t gfp);
bool itun_endpoint_hold(struct itun_endpoint *endpoint);
void itun_endpoint_put(struct itun_endpoint *endpoint);

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
void itun_probe_receive(struct itun_net *in, const struct itun_config *config,
			const struct itun_outer *outer, const struct sk_buff *skb, int ifindex);

/* Under the mutex, before the hooks go: tells those who probed us that we stop,
 * and waits until what they have marked meanwhile has arrived. May sleep.
 */
void itun_probe_farewell(struct itun_net *in);

#endif /* ITUN_ENDPOINT_H */
