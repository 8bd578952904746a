// SPDX-License-Identifier: GPL-2.0
/* The side that asks: probes to the endpoints of send peers, and what their
 * answers, and their silence, make of them.
 */
#include <linux/random.h>

#include "device.h"
#include "neighbour.h"
#include "notify.h"
#include "outer.h"
#include "prober.h"

/* Probes leave in groups, so that thousands of endpoints make no burst. With
 * the pause before it, a probe leaves once a second at the latest.
 */
#define GROUP_PAUSE	(HZ / 25)
#define GROUP_SIZE	256
#define INTERVAL	(HZ - GROUP_PAUSE)

static const char no_answer[] = "no answer to probes";
static const char going_away[] = "it said that it is going away";

static const char *why_not_sent(int err)
{
	switch (err) {
	case -EPERM:
		return "probe cannot be sent: a local firewall rule drops it";
	case -ENODEV:
		return "no tunnel port is in use, or its device is gone";
	case -ENETUNREACH:
	case -EHOSTUNREACH:
		return "probe cannot be sent: no route";
	default:
		return "probe cannot be sent";
	}
}

static u64 recorded_from(const struct itun_endpoint *endpoint)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(endpoint->counts, cpu)->recorded);
	return sum;
}

/* A probe went unanswered, or did not even leave. The lock is held. */
static u8 miss(struct itun_net *in, struct itun_endpoint *endpoint, const char *reason)
{
	u64 recorded = recorded_from(endpoint);
	bool heard = recorded != endpoint->recorded_then;

	endpoint->recorded_then = recorded;
	if (endpoint->missed < ITUN_PROBE_MISSES)
		endpoint->missed++;
	if (endpoint->reason == going_away)
		return 0;	/* says more than its silence, which follows from it */
	/* Whoever still sends marked packets lives, whatever became of our probes. */
	WRITE_ONCE(endpoint->lost, endpoint->answered && !heard &&
		   endpoint->missed == ITUN_PROBE_MISSES);
	if (endpoint->missed == ITUN_PROBE_MISSES)
		return itun_endpoint_set_state(in, endpoint, IPVS_TUN_ENDPOINT_STATE_SILENT,
					       reason);
	if (endpoint->state == IPVS_TUN_ENDPOINT_STATE_PROBING)
		WRITE_ONCE(endpoint->reason, reason);
	return 0;
}

static u64 new_nonce(struct itun_endpoint *endpoint)
{
	u64 nonce;

	do {
		nonce = get_random_u64();
	} while (!nonce);
	endpoint->nonce = nonce;
	endpoint->nonces[endpoint->next_nonce] = nonce;
	endpoint->next_nonce = (endpoint->next_nonce + 1) % ARRAY_SIZE(endpoint->nonces);
	return nonce;
}

/* By the device that its traffic leaves by: under RCU. */
static int find_neighbour(struct itun_net *in, const struct itun_endpoint *endpoint,
			  struct itun_probe_way *way)
{
	struct net_device *dev;

	way->ifindex = READ_ONCE(endpoint->ifindex);
	dev = dev_get_by_index_rcu(in->net, way->ifindex);
	if (!dev)
		return -ENODEV;
	return itun_neighbour_mac(dev, endpoint->key.family, &endpoint->key.addr, way->mac) ?
	       0 : -EHOSTUNREACH;
}

/* Where the next probe goes, and what makes it a marked packet. */
static int find_way(struct itun_net *in, const struct itun_endpoint *endpoint,
		    struct itun_probe_way *way)
{
	const struct itun_config *config;
	const struct itun_ports *ports;
	u8 type = endpoint->key.type;
	u8 carrier = endpoint->key.carrier;
	bool ethernet = type == IPVS_TUN_TUNNEL_TYPE_MPLS && !carrier;
	bool in_use;
	int err = -ENODEV;

	rcu_read_lock();
	config = rcu_dereference(in->config);
	ports = rcu_dereference(in->ports);
	if (carrier == ITUN_MPLS_OVER_GRE)
		in_use = ports && ports->types & BIT(IPVS_TUN_TUNNEL_TYPE_GRE);
	else
		in_use = ports && (ethernet || ports->types & BIT(type));
	if (config && in_use) {
		way->flags = itun_tunnel_normal(type) | config->tunnel[type].second_mark;
		way->type = type;
		way->carrier = carrier;
		way->carrier_key = READ_ONCE(endpoint->carrier_key);
		way->options = config->tunnel[type].nvgre ? ITUN_GRE_NVGRE : 0;
		way->port = carrier == ITUN_MPLS_OVER_GRE ? 0 :
			    itun_ports_choose(ports, type, READ_ONCE(endpoint->port));
		way->id = READ_ONCE(endpoint->id);
		way->ifindex = READ_ONCE(endpoint->ifindex);
		way->local = endpoint->local;
		err = ethernet ? find_neighbour(in, endpoint, way) : 0;
	}
	rcu_read_unlock();
	return err;
}

static void probe_failed(struct itun_net *in, struct itun_endpoint *endpoint, u64 nonce, int err)
{
	u8 event = 0;

	spin_lock_bh(&endpoint->lock);
	/* It may have been the source: that address can have left this host. */
	memset(&endpoint->local, 0, sizeof(endpoint->local));
	if (endpoint->nonce == nonce) {
		endpoint->nonce = 0;
		event = miss(in, endpoint, why_not_sent(err));
	}
	spin_unlock_bh(&endpoint->lock);
	if (event)
		itun_notify_endpoint(in, endpoint, event);
}

struct round {
	unsigned int left;	/* probes that this group may still have */
	unsigned long next;	/* jiffies: when the next probe is due */
};

static void probe_if_due(struct itun_net *in, struct itun_endpoint *endpoint, void *arg)
{
	struct itun_message message = { .kind = ITUN_PROBE_KIND_PROBE };
	struct round *round = arg;
	u8 event = 0;
	int err;

	if (itun_endpoint_retire(in, endpoint))
		return;

	spin_lock_bh(&endpoint->lock);
	if (!endpoint->send || endpoint->state == IPVS_TUN_ENDPOINT_STATE_ALWAYS ||
	    itun_endpoint_is_group(endpoint)) {
		spin_unlock_bh(&endpoint->lock);
		return;
	}
	if (time_before(jiffies, endpoint->probe_at) || !round->left) {
		if (time_before(endpoint->probe_at, round->next))
			round->next = endpoint->probe_at;
		spin_unlock_bh(&endpoint->lock);
		return;
	}
	round->left--;
	if (endpoint->nonce)
		event = miss(in, endpoint, no_answer);
	endpoint->probe_at = jiffies + INTERVAL;
	if (time_before(endpoint->probe_at, round->next))
		round->next = endpoint->probe_at;
	message.nonce = new_nonce(endpoint);
	message.remote = endpoint->key.addr;
	message.family = endpoint->key.family;
	err = find_way(in, endpoint, &message.way);
	spin_unlock_bh(&endpoint->lock);

	if (event)
		itun_notify_endpoint(in, endpoint, event);
	if (!err)
		err = itun_message_send(in->prober, &message);
	if (err)
		probe_failed(in, endpoint, message.nonce, err);
	else
		itun_count(in, probe_sent);
}

/**
 * itun_probe_tick() - probe the endpoints that are due, forget those not needed
 * @work: of the prober
 *
 * Context: process. Takes neither RTNL nor the mutex: under them it is waited for.
 */
void itun_probe_tick(struct work_struct *work)
{
	struct itun_prober *prober = container_of(to_delayed_work(work), struct itun_prober, tick);
	struct round round = { .left = GROUP_SIZE, .next = jiffies + HZ };
	long delay;

	if (!READ_ONCE(prober->running))
		return;
	itun_endpoint_walk(prober->in, probe_if_due, &round);
	delay = clamp_t(long, round.next - jiffies, GROUP_PAUSE, HZ);
	if (READ_ONCE(prober->running))
		queue_delayed_work(system_unbound_wq, &prober->tick, delay);
}

static void take_over(struct itun_endpoint *endpoint, const struct itun_probe *probe)
{
	endpoint->nonce = 0;
	endpoint->missed = 0;
	endpoint->answered = true;
	WRITE_ONCE(endpoint->lost, false);
	endpoint->answered_at = jiffies;
	endpoint->protocol_version = probe->protocol_version;
	endpoint->tunnels = probe->tunnels;
	endpoint->n_accept = min_t(u8, probe->accept_count, IPVS_TUN_MAX_ACCEPT_MARKS);
	memcpy(endpoint->accept_mark, probe->accept_marks,
	       endpoint->n_accept * sizeof(endpoint->accept_mark[0]));
	strscpy(endpoint->version, probe->version, sizeof(endpoint->version));
}

/* "not ready" repeats a nonce that only the two of us know. It is one of the
 * last probes', not just the last one's: that may be under way right now.
 */
static bool knows_a_nonce(const struct itun_endpoint *endpoint, u64 nonce)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(endpoint->nonces); i++)
		if (nonce && endpoint->nonces[i] == nonce)
			return true;
	return false;
}

/**
 * itun_probe_receive_answer() - somebody says that it is ready, or no longer
 * @in: namespace
 * @config: the snapshot in force
 * @outer: the parsed packet
 * @probe: its message: an answer, or "not ready"
 *
 * Believed only with a nonce of ours: that its source address is an
 * endpoint's does not say that the endpoint sent it.
 *
 * Context: softirq, under RCU.
 */
void itun_probe_receive_answer(struct itun_net *in, const struct itun_config *config,
			       const struct itun_outer *outer, const struct itun_probe *probe)
{
	u8 carrier = itun_tunnel_carrier(outer->type, outer->options);
	struct itun_endpoint *endpoint = itun_endpoint_find(in, outer->type, carrier,
							    outer->family, &outer->src);
	bool expected = false;
	u8 event = 0;

	if (!endpoint) {
		itun_count(in, answer_unexpected);
		return;
	}
	spin_lock(&endpoint->lock);
	if (!endpoint->send || endpoint->state == IPVS_TUN_ENDPOINT_STATE_ALWAYS) {
		/* The configuration has changed since the probe left. */
	} else if (probe->kind == ITUN_PROBE_KIND_ANSWER) {
		expected = endpoint->nonce && endpoint->nonce == probe->nonce;
		if (expected) {
			take_over(endpoint, probe);
			event = itun_endpoint_evaluate(in, endpoint, config);
			itun_count(in, answer_received);
		}
	} else {
		expected = knows_a_nonce(endpoint, probe->nonce);
		if (expected) {
			/* An earlier answer that arrives late must not revive it. */
			endpoint->nonce = 0;
			WRITE_ONCE(endpoint->lost, false);
			event = itun_endpoint_set_state(in, endpoint,
							IPVS_TUN_ENDPOINT_STATE_SILENT,
							going_away);
		}
	}
	spin_unlock(&endpoint->lock);
	if (!expected)
		itun_count(in, answer_unexpected);
	if (event)
		itun_notify_endpoint(in, endpoint, event);
}
