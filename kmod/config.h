/* SPDX-License-Identifier: GPL-2.0 */
/* The configuration: an immutable snapshot, published by RCU.
 *
 * A transaction copies the snapshot in force, changes the copy, and publishes
 * it: a packet sees all of a change set or nothing of it. Rules and peers are
 * counted objects that snapshots share, so that what a change set does not
 * name is not disturbed, its counters included.
 */
#ifndef ITUN_CONFIG_H
#define ITUN_CONFIG_H

#include <linux/if.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <uapi/linux/ipvs_tun.h>

#include "wire/tunnel.h"
#include "wire/tuple.h"

struct itun_net;
struct netlink_ext_ack;

#define ITUN_TUNNELS	(IPVS_TUN_TUNNEL_TYPE_MAX + 1)
#define ITUN_STATES	(IPVS_TUN_SESSION_STATE_MAX + 1)

#define ITUN_MAX_MARKS	256
#define ITUN_MAX_PEERS	4096
#define ITUN_MAX_ZONES	4096
#define ITUN_MAX_VM_PORTS	1024

struct itun_mark_counts {
	u64 packets;
	u64 not_ready;
};

/* A mark rule. Immutable but for its counters. */
struct itun_mark {
	refcount_t refs;
	u32 value, mask;
	u32 tunnels;			/* mask of 1 << type; all if 0 */
	u32 prio;
	u32 order;			/* age among rules of one prio */
	u8 dst_family;			/* 0: any destination; else 4 or 6 */
	u8 dst_len;
	union itun_addr dst;		/* inner destination */
	char name[IPVS_TUN_NAME_LEN];
	struct itun_mark_counts __percpu *counts;
	u32 n_vnis;			/* any network if 0 */
	u32 vnis[];
};

/* A peer. Immutable but for ifindex. */
struct itun_peer {
	refcount_t refs;
	union itun_addr prefix;
	u8 family;
	u8 prefix_len;
	u32 flags;			/* IPVS_TUN_PEER_FLAG_* */
	char dev[IFNAMSIZ];		/* "" for any */
	int ifindex;			/* of dev, 0 while it is absent; WRITE_ONCE under RTNL */
	u32 n_vnis;			/* any network if 0 */
	u32 vnis[];
};

/* VNIs that are one tenant. Its number is the lowest of them. */
struct itun_zone_config {
	refcount_t refs;
	char name[IPVS_TUN_NAME_LEN];
	u32 n_vnis;
	u32 vnis[];			/* ascending */
};

struct itun_own {
	union itun_addr prefix;
	u8 family;			/* 4 or 6 */
	u8 len;
};

/* Devices behind which virtual machines are: see port.h. Immutable. */
struct itun_port_config {
	refcount_t refs;
	char name[IPVS_TUN_PATTERN_LEN];	/* "" for a group */
	bool pattern;			/* it has *, ?, [ or \ */
	u32 group;
	u32 order;			/* age among ports that rank the same */
	u32 vni;			/* ITUN_NO_NETWORK: by its bridge */
	u32 flags;			/* IPVS_TUN_PORT_FLAG_* */
	u32 n_own;
	struct itun_own own[];
};

/* No network: of a device which receives and sends in two, or of a port that names none. */
#define ITUN_NO_NETWORK	U32_MAX

struct itun_tunnel_config {
	u32 second_mark;
	u32 n_accept;
	u32 accept_mark[IPVS_TUN_MAX_ACCEPT_MARKS];
	DECLARE_BITMAP(accept, ITUN_TUNNEL_FIELDS);	/* whole fields that count as marked */
	u32 accept_bits;		/* all bits of the accept marks */
	bool nvgre;			/* GRE: keys are VSIDs of 24 bits, and FlowIDs */
	bool auto_ports;
	u32 n_ports;
	u16 port[IPVS_TUN_MAX_PORTS];
};

struct itun_vni_zone {
	u32 vni, zone;
};

/* MPLS: requests of one label have replies of another one. */
struct itun_return_label {
	u32 forward, reply;
};

struct itun_return_labels {
	refcount_t refs;		/* snapshots */
	u32 n;
	struct itun_return_label label[];	/* ascending by forward */
};

struct itun_config {
	struct rcu_head rcu;
	u32 generation;
	u32 paused;			/* IPVS_TUN_STEP_* */
	u32 timeout[ITUN_STATES];	/* jiffies */
	u32 limit_sessions;
	u32 limit_per_vni;		/* 0: none */
	bool accounting;
	u32 next_order;
	struct itun_tunnel_config tunnel[ITUN_TUNNELS];

	u32 n_marks, n_peers, n_zones, n_vni_zones, n_vm_ports;
	bool any_accept, any_send;
	bool steers;			/* there may be sessions: by peers or by hand */
	bool rewrites;			/* so, and their replies are corrected at LOCAL_OUT */
	bool balances;			/* a balancer is behind some port */
	bool local;			/* there may be requests of balancers of this host */
	struct itun_mark **marks;	/* in the order in which they match */
	struct itun_peer **peers;	/* longest prefix first */
	struct itun_zone_config **zones;
	struct itun_port_config **vm_ports;	/* in the order in which they match */
	struct itun_vni_zone *vni_zones;	/* ascending by VNI */
	struct itun_return_labels *return_labels;	/* NULL if there are none */
};

/**
 * itun_config_zone() - the zone of a VNI
 * @config: a snapshot, under RCU or the mutex
 * @vni: network identifier
 *
 * Return: the lowest VNI of the named zone that has it, or the VNI itself.
 */
static inline u32 itun_config_zone(const struct itun_config *config, u32 vni)
{
	u32 low = 0, high = config->n_vni_zones;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (config->vni_zones[middle].vni == vni)
			return config->vni_zones[middle].zone;
		if (config->vni_zones[middle].vni < vni)
			low = middle + 1;
		else
			high = middle;
	}
	return vni;
}

/**
 * itun_config_zone_of() - the zone of a network in a type of tunnel
 * @config: a snapshot, under RCU or the mutex
 * @type: enum ipvs_tun_tunnel_type
 * @id: its identifier there
 *
 * A label of MPLS is a number that this host itself has given, as a rule one for
 * each destination, and says nothing of a network: all that no zone names are
 * one.
 *
 * Return: as itun_config_zone(), and 0 for labels that are in no named zone.
 */
static inline u32 itun_config_zone_of(const struct itun_config *config, u8 type, u32 id)
{
	u32 zone = itun_config_zone(config, id), i;

	if (likely(type != IPVS_TUN_TUNNEL_TYPE_MPLS) || zone != id)
		return zone;
	for (i = 0; i < config->n_vni_zones; i++)
		if (config->vni_zones[i].vni == id)
			return zone;
	return 0;
}

/**
 * itun_config_return_label() - the label of replies
 * @config: a snapshot, under RCU or the mutex; NULL is one without such labels
 * @label: of their requests, without the mark
 *
 * Return: @label itself if nothing else was configured.
 */
static inline u32 itun_config_return_label(const struct itun_config *config, u32 label)
{
	const struct itun_return_labels *labels = config ? config->return_labels : NULL;
	u32 low = 0, high;

	if (likely(!labels))
		return label;
	for (high = labels->n; low < high;) {
		u32 middle = low + (high - low) / 2;

		if (labels->label[middle].forward == label)
			return labels->label[middle].reply;
		if (labels->label[middle].forward < label)
			low = middle + 1;
		else
			high = middle;
	}
	return label;
}

const struct itun_peer *itun_config_peer(const struct itun_config *config, u8 family,
					 const union itun_addr *addr);

/* Is what a tunnel packet has in the field of the mark an accepted mark? */
static inline bool itun_config_accepts(const struct itun_config *config, u8 type, u16 flags)
{
	return test_bit(itun_tunnel_field(type, flags), config->tunnel[type].accept);
}

static inline bool itun_vni_listed(const u32 *vnis, u32 n, u32 vni)
{
	u32 i;

	if (!n)
		return true;
	for (i = 0; i < n; i++)
		if (vnis[i] == vni)
			return true;
	return false;
}

bool itun_addr_in_prefix(const union itun_addr *addr, const union itun_addr *prefix,
			 u8 family, u8 len);

/* A transaction. All of it under RTNL and the namespace's mutex. */
struct itun_config *itun_config_copy(struct itun_net *in);
void itun_config_discard(struct itun_config *config);
int itun_config_commit(struct itun_net *in, struct itun_config *next,
		       struct netlink_ext_ack *extack);
void itun_config_release(struct itun_net *in);

/* config_edit.c: what a transaction does to its copy. The object's reference passes to the
 * copy on success only; on failure it stays the caller's.
 */
void *itun_list_copy(void *list, u32 n);
int itun_config_add_mark(struct itun_config *config, struct itun_mark *mark, bool replace,
			 struct netlink_ext_ack *extack);
int itun_config_del_mark(struct itun_config *config, u32 value, u32 mask,
			 struct netlink_ext_ack *extack);
void itun_config_flush_marks(struct itun_config *config);
int itun_config_add_peer(struct itun_config *config, struct itun_peer *peer, bool replace,
			 struct netlink_ext_ack *extack);
int itun_config_del_peer(struct itun_config *config, u8 family, const union itun_addr *prefix,
			 u8 len, struct netlink_ext_ack *extack);
void itun_config_flush_peers(struct itun_config *config);
int itun_config_add_zone(struct itun_config *config, struct itun_zone_config *zone, bool replace,
			 struct netlink_ext_ack *extack);
int itun_config_del_zone(struct itun_config *config, const char *name,
			 struct netlink_ext_ack *extack);
void itun_config_flush_zones(struct itun_config *config);

int itun_config_add_port(struct itun_config *config, struct itun_port_config *port, bool replace,
			 struct netlink_ext_ack *extack);
int itun_config_del_port(struct itun_config *config, const char *name, u32 group,
			 struct netlink_ext_ack *extack);
void itun_config_flush_ports(struct itun_config *config);

void itun_mark_put(struct itun_mark *mark);
void itun_peer_put(struct itun_peer *peer);
void itun_zone_config_put(struct itun_zone_config *zone);
void itun_port_config_put(struct itun_port_config *port);
void itun_return_labels_put(struct itun_return_labels *labels);

#endif /* ITUN_CONFIG_H */
