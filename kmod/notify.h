/* SPDX-License-Identifier: GPL-2.0 */
/* Events to userspace. All may be called in softirq; all are free of cost
 * while nobody listens.
 */
#ifndef ITUN_NOTIFY_H
#define ITUN_NOTIFY_H

#include "session.h"

struct itun_endpoint;

void itun_notify_session(struct itun_net *in, struct itun_session *session, u8 cmd);
void itun_notify_endpoint(struct itun_net *in, struct itun_endpoint *endpoint, u8 cmd);

int itun_netlink_init(void);
void itun_netlink_exit(void);

#endif /* ITUN_NOTIFY_H */
