/* SPDX-License-Identifier: GPL-2.0 */
/* One change of a change set: netlink_change.c takes the message apart,
 * netlink_object.c knows what each object may hold.
 */
#ifndef ITUN_NETLINK_CHANGE_H
#define ITUN_NETLINK_CHANGE_H

#include "netlink.h"

/**
 * struct itun_change - what a change is about
 * @in: namespace
 * @config: the copy that is changed
 * @action: enum ipvs_tun_action, one that the object has
 * @nest: the object
 * @tb: its attributes, parsed by its policy
 * @extack: for the refusal
 */
struct itun_change {
	struct itun_net *in;
	struct itun_config *config;
	u32 action;
	const struct nlattr *nest;
	struct nlattr **tb;
	struct netlink_ext_ack *extack;
};

/* Each under RTNL and the mutex. They return 0 or a negative error number. */
int itun_change_mark(const struct itun_change *change);
int itun_change_tunnel(const struct itun_change *change);
int itun_change_peer(const struct itun_change *change);
int itun_change_zone(const struct itun_change *change);
int itun_change_port(const struct itun_change *change);
int itun_change_timeout(const struct itun_change *change);
int itun_change_limit(const struct itun_change *change);
int itun_change_pause(const struct itun_change *change);

/* return_label.c */
int itun_change_return_labels(const struct itun_change *change);
int itun_check_return_labels(const struct itun_change *change);

int itun_missing(const struct itun_change *change, u16 type, const char *text);
int itun_blame(const struct itun_change *change, const struct nlattr *key, int err);
int itun_too_many(const struct itun_change *change, int n, int most, const char *what);
int itun_count_attrs(const struct nlattr *nest, int type);

#endif /* ITUN_NETLINK_CHANGE_H */
