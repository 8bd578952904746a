// SPDX-License-Identifier: GPL-2.0
/* The side that is asked: answers to the probes of accept peers, and the
 * farewell to them before we stop.
 */
#include <linux/delay.h>
#include <net/ipv6.h>
#include <net/l3mdev.h>

#include "outer.h"
#include "prober.h"

#define ANSWERS_A_SECOND	ITUN_MAX_ENDPOINTS
/* For one endpoint, in one second: it asks each of our addresses, and all of
 * them at the same time.
 */
#define ANSWERS_TO_ONE		16
#define ASK_BACK_INTERVAL	(HZ / 4)

/* Who probed within this time may be sending marks. */
#define FAREWELL_RECENT		(5 * HZ)
#define FAREWELL_AGAIN_MS	20
#define FAREWELL_DRAIN_MS	200

static bool take_answer(struct itun_prober *prober, struct itun_message *message)
{
	bool taken = false;

	spin_lock_bh(&prober->lock);
	if (prober->n_queued) {
		*message = prober->queue[prober->first];
		prober->first = (prober->first + 1) % ITUN_ANSWERS_QUEUED;
		prober->n_queued--;
		taken = true;
	}
	spin_unlock_bh(&prober->lock);
	return taken;
}

/**
 * itun_probe_send_answers() - send what is queued
 * @work: of the prober
 *
 * Context: process. Takes neither RTNL nor the mutex: under them it is waited for.
 */
void itun_probe_send_answers(struct work_struct *work)
{
	struct itun_prober *prober = container_of(work, struct itun_prober, answer);
	struct itun_message message;

	while (take_answer(prober, &message)) {
		if (!itun_message_send(prober, &message) && message.kind == ITUN_PROBE_KIND_ANSWER)
			itun_count(prober->in, answer_sent);
		cond_resched();
	}
}

/* Softirq. Returns false if there are too many. */
static bool queue_answer(struct itun_prober *prober, struct itun_message *message)
{
	bool queued = false;
	unsigned int last;

	spin_lock(&prober->lock);
	if (time_after(jiffies, prober->second + HZ)) {
		prober->second = jiffies;
		prober->in_second = 0;
	}
	if (prober->n_queued < ITUN_ANSWERS_QUEUED && prober->in_second < ANSWERS_A_SECOND) {
		message->kind = prober->quiet ? ITUN_PROBE_KIND_NOT_READY : ITUN_PROBE_KIND_ANSWER;
		last = (prober->first + prober->n_queued++) % ITUN_ANSWERS_QUEUED;
		prober->queue[last] = *message;
		prober->in_second++;
		queued = true;
	}
	spin_unlock(&prober->lock);
	if (queued)
		queue_work(system_unbound_wq, &prober->answer);
	return queued;
}

/* Answers go out by the device that the probe came by only where routing needs
 * to be told: link-local addresses, and a routing domain of its own (VRF).
 */
static int answer_ifindex(struct itun_net *in, const struct itun_outer *outer, int ifindex)
{
	if (outer->family == 6 &&
	    ipv6_addr_type((const struct in6_addr *)&outer->src) & IPV6_ADDR_LINKLOCAL)
		return ifindex;
	return l3mdev_master_ifindex_by_index(in->net, ifindex);
}

/**
 * itun_probe_receive_question() - somebody asks whether we remove marks
 * @in: namespace
 * @config: the snapshot in force
 * @outer: the parsed packet
 * @probe: its message
 * @ifindex: device that it came by
 *
 * Context: softirq, under RCU.
 */
void itun_probe_receive_question(struct itun_net *in, const struct itun_config *config,
				 const struct itun_outer *outer, const struct itun_probe *probe,
				 int ifindex)
{
	struct itun_prober *prober = READ_ONCE(in->prober);
	const struct itun_peer *peer = itun_config_peer(config, outer->family, &outer->src);
	struct itun_message message = {
		.nonce = probe->nonce,
		.remote = outer->src,
		.family = outer->family,
		.way = {
			.local = outer->dst,
			.id = outer->id,
			.port = outer->port,
			.flags = outer->flags,
			.options = outer->options & ITUN_GRE_NVGRE,
			.type = outer->type,
			.carrier = itun_tunnel_carrier(outer->type, outer->options),
			.carrier_key = outer->carrier_key,
		},
	};
	struct itun_endpoint *endpoint;
	bool allowed, ask = false;

	if (!prober || !peer || !(peer->flags & IPVS_TUN_PEER_FLAG_ACCEPT) ||
	    (peer->dev[0] && READ_ONCE(peer->ifindex) != ifindex)) {
		itun_count(in, probe_untrusted);
		return;
	}
	itun_count(in, probe_received);
	if (itun_outer_over_ethernet(outer)) {
		memcpy(message.way.mac, outer->mac, sizeof(message.way.mac));
		message.way.ifindex = ifindex;
	} else {
		message.way.ifindex = answer_ifindex(in, outer, ifindex);
	}
	endpoint = itun_endpoint_make(in, outer->type, message.way.carrier, outer->family,
				      &outer->src, GFP_ATOMIC);
	if (!endpoint) {
		itun_count(in, probe_limited);
		return;
	}

	spin_lock(&endpoint->lock);
	if (time_after_eq(jiffies, endpoint->answers_since + HZ)) {
		endpoint->answers_since = jiffies;
		endpoint->answers = 0;
	}
	allowed = endpoint->answers < ANSWERS_TO_ONE;
	if (allowed) {
		endpoint->answers++;
		endpoint->their_nonce = probe->nonce;
		endpoint->their_probe_at = jiffies;
		endpoint->their_way = message.way;
		/* Its module is there, which we did not know: we ask now, not
		 * in up to a second, and the backhaul works again at once.
		 */
		ask = endpoint->send && (endpoint->state == IPVS_TUN_ENDPOINT_STATE_PROBING ||
					 endpoint->state == IPVS_TUN_ENDPOINT_STATE_SILENT) &&
		      time_after_eq(jiffies, endpoint->ask_back_at);
		if (ask) {
			endpoint->probe_at = jiffies;
			endpoint->ask_back_at = jiffies + ASK_BACK_INTERVAL;
		}
	}
	spin_unlock(&endpoint->lock);
	WRITE_ONCE(endpoint->used, (u32)jiffies);
	if (ask)
		itun_prober_kick(in);
	if (!allowed || !queue_answer(prober, &message))
		itun_count(in, probe_limited);
}

static void say_farewell(struct itun_net *in, struct itun_endpoint *endpoint, void *arg)
{
	struct itun_message message = {
		.kind = ITUN_PROBE_KIND_NOT_READY,
		.remote = endpoint->key.addr,
		.family = endpoint->key.family,
	};
	unsigned int *told = arg;
	bool recent;

	spin_lock_bh(&endpoint->lock);
	recent = endpoint->their_nonce &&
		 time_before(jiffies, endpoint->their_probe_at + FAREWELL_RECENT);
	message.nonce = endpoint->their_nonce;
	message.way = endpoint->their_way;
	spin_unlock_bh(&endpoint->lock);
	if (!recent)
		return;
	itun_message_send(in->prober, &message);
	++*told;
}

/**
 * itun_probe_farewell() - tell those who probed us that we stop
 * @in: namespace
 *
 * Returns at once if nobody did. From here on probes are answered with
 * "not ready", until itun_endpoint_reconfigure() finds an accept peer again.
 *
 * Context: process, under the mutex, with the hooks still registered. Sleeps
 * about a quarter of a second.
 */
void itun_probe_farewell(struct itun_net *in)
{
	struct itun_prober *prober = in->prober;
	unsigned int told = 0;

	if (!prober)
		return;
	spin_lock_bh(&prober->lock);
	prober->quiet = true;
	prober->n_queued = 0;
	spin_unlock_bh(&prober->lock);
	/* Not one "ready" may leave after the first "not ready". */
	flush_work(&prober->answer);

	itun_endpoint_walk(in, say_farewell, &told);
	if (!told)
		return;
	msleep(FAREWELL_AGAIN_MS);	/* once more: the underlay may lose one */
	itun_endpoint_walk(in, say_farewell, &told);

	/* A mark is a promise that we remove it. Packets that were marked before
	 * the farewell reached their sender are still under way: our hooks must
	 * see them.
	 */
	msleep(FAREWELL_DRAIN_MS);
}
