/* SPDX-License-Identifier: GPL-2.0 */
/* What the three parts of readiness share: probe.c (messages, the prober's
 * life), probe_ask.c (our probes), probe_answer.c (others' probes).
 */
#ifndef ITUN_PROBER_H
#define ITUN_PROBER_H

#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "endpoint.h"

#define ITUN_ANSWERS_QUEUED	256

struct itun_message {
	u64 nonce;
	union itun_addr remote;
	struct itun_probe_way way;
	u8 family;
	u8 kind;			/* enum itun_probe_kind */
};

struct itun_prober {
	struct itun_net *in;
	struct delayed_work tick;
	bool running;

	struct mutex mutex;		/* the making of sockets */
	struct socket *socket4, *socket6;	/* UDP */
	struct socket *raw4, *raw6;		/* GRE */

	struct work_struct answer;
	spinlock_t lock;		/* BH off; what follows */
	bool quiet;			/* farewell was said: nothing but "not ready" from now on */
	unsigned long second;		/* jiffies: start of the second that in_second counts */
	unsigned int in_second;
	unsigned int first, n_queued;
	struct itun_message queue[ITUN_ANSWERS_QUEUED];
};

int itun_message_send(struct itun_prober *prober, const struct itun_message *message);

/* The work items. */
void itun_probe_tick(struct work_struct *work);
void itun_probe_send_answers(struct work_struct *work);

/* By kind, from itun_probe_receive(). */
void itun_probe_receive_question(struct itun_net *in, const struct itun_config *config,
				 const struct itun_outer *outer, const struct itun_probe *probe,
				 int ifindex);
void itun_probe_receive_answer(struct itun_net *in, const struct itun_config *config,
			       const struct itun_outer *outer, const struct itun_probe *probe);

#endif /* ITUN_PROBER_H */
