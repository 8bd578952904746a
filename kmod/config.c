// SPDX-License-Identifier: GPL-2.0
/* The configuration: snapshots and the transactions that replace them. */
#include "config.h"

#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "device.h"
#include "endpoint.h"
#include "net.h"
#include "netlink.h"
#include "path.h"
#include "port.h"
#include "stages.h"

#define ITUN_DEFAULT_BYTE	(ITUN_VXLAN_NORMAL | ITUN_VXLAN_DEFAULT_MARK)
#define ITUN_DEFAULT_LABEL	(ITUN_MPLS_DEFAULT_MARK >> 6)	/* itun_tunnel_field() */

const struct itun_config itun_config_default = {
	.timeout = {
		[IPVS_TUN_SESSION_STATE_TCP_SYN] = 60 * HZ,
		[IPVS_TUN_SESSION_STATE_TCP_ESTABLISHED] = 900 * HZ,
		[IPVS_TUN_SESSION_STATE_TCP_FIN] = 120 * HZ,
		[IPVS_TUN_SESSION_STATE_UDP] = 300 * HZ,
		[IPVS_TUN_SESSION_STATE_ICMP] = 30 * HZ,
		[IPVS_TUN_SESSION_STATE_OTHER] = 300 * HZ,
	},
	.limit_sessions = 1048576,
	.tunnel[IPVS_TUN_TUNNEL_TYPE_VXLAN] = {
		.second_mark = ITUN_VXLAN_DEFAULT_MARK,
		.n_accept = 1,
		.accept_mark = { ITUN_VXLAN_DEFAULT_MARK },
		.accept_bits = ITUN_VXLAN_DEFAULT_MARK,
		.accept = {
			[BIT_WORD(ITUN_DEFAULT_BYTE)] = BIT_MASK(ITUN_DEFAULT_BYTE),
		},
		.auto_ports = true,
	},
	.tunnel[IPVS_TUN_TUNNEL_TYPE_GRE] = {
		.second_mark = ITUN_GRE_DEFAULT_MARK,
		.n_accept = 1,
		.accept_mark = { ITUN_GRE_DEFAULT_MARK },
		.accept_bits = ITUN_GRE_DEFAULT_MARK,
		.accept = {
			[BIT_WORD(ITUN_GRE_DEFAULT_MARK)] = BIT_MASK(ITUN_GRE_DEFAULT_MARK),
		},
	},
	.tunnel[IPVS_TUN_TUNNEL_TYPE_MPLS] = {
		.second_mark = ITUN_MPLS_DEFAULT_MARK,
		.n_accept = 1,
		.accept_mark = { ITUN_MPLS_DEFAULT_MARK },
		.accept_bits = ITUN_MPLS_DEFAULT_MARK,
		.accept = {
			[BIT_WORD(ITUN_DEFAULT_LABEL)] = BIT_MASK(ITUN_DEFAULT_LABEL),
		},
		.auto_ports = true,
	},
	.tunnel[IPVS_TUN_TUNNEL_TYPE_GENEVE] = {
		.second_mark = ITUN_GENEVE_DEFAULT_MARK,
		.n_accept = 1,
		.accept_mark = { ITUN_GENEVE_DEFAULT_MARK },
		.accept_bits = ITUN_GENEVE_DEFAULT_MARK,
		.accept = {
			[BIT_WORD(ITUN_GENEVE_DEFAULT_MARK)] = BIT_MASK(ITUN_GENEVE_DEFAULT_MARK),
		},
		.auto_ports = true,
	},
};

/**
 * itun_addr_in_prefix() - does a prefix cover an address?
 * @addr: address
 * @prefix: prefix, host bits zero
 * @family: of both, 4 or 6
 * @len: prefix length, within the family's
 *
 * Context: any.
 */
bool itun_addr_in_prefix(const union itun_addr *addr, const union itun_addr *prefix,
			 u8 family, u8 len)
{
	unsigned int whole = len / 32, rest = len % 32;

	if (family == 4 && len > 32)
		return false;
	if (memcmp(addr, prefix, whole * sizeof(addr->ip6[0])))
		return false;
	/* A shift by 32 has no meaning in C, so no rest comes first. */
	return !rest || !((addr->ip6[whole] ^ prefix->ip6[whole]) & htonl(~0U << (32 - rest)));
}

/**
 * itun_config_peer() - the peer that an address belongs to
 * @config: a snapshot, under RCU or the mutex
 * @family: 4 or 6
 * @addr: address
 *
 * Return: the peer with the longest prefix, or NULL.
 */
const struct itun_peer *itun_config_peer(const struct itun_config *config, u8 family,
					 const union itun_addr *addr)
{
	u32 i;

	for (i = 0; i < config->n_peers; i++) {
		const struct itun_peer *peer = config->peers[i];

		if (peer->family == family &&
		    itun_addr_in_prefix(addr, &peer->prefix, family, peer->prefix_len))
			return peer;
	}
	return NULL;
}

/**
 * itun_mark_put() - give a reference to a mark rule back
 * @mark: rule
 *
 * Context: any but hard interrupts.
 */
void itun_mark_put(struct itun_mark *mark)
{
	if (refcount_dec_and_test(&mark->refs)) {
		free_percpu(mark->counts);
		kfree(mark);
	}
}

/**
 * itun_peer_put() - give a reference to a peer back
 * @peer: peer
 */
void itun_peer_put(struct itun_peer *peer)
{
	if (refcount_dec_and_test(&peer->refs))
		kfree(peer);
}

/**
 * itun_zone_config_put() - give a reference to a zone's description back
 * @zone: zone
 */
void itun_zone_config_put(struct itun_zone_config *zone)
{
	if (refcount_dec_and_test(&zone->refs))
		kfree(zone);
}

/**
 * itun_port_config_put() - give a reference to a port's description back
 * @port: port
 */
void itun_port_config_put(struct itun_port_config *port)
{
	if (refcount_dec_and_test(&port->refs))
		kfree(port);
}

/**
 * itun_config_discard() - free a snapshot that nobody reads
 * @config: a copy that was not committed, or a former snapshot after its
 *	grace period; may be NULL
 *
 * Context: any but hard interrupts.
 */
void itun_config_discard(struct itun_config *config)
{
	if (!config)
		return;
	itun_config_flush_marks(config);
	itun_config_flush_peers(config);
	itun_config_flush_zones(config);
	itun_config_flush_ports(config);
	kvfree(config->marks);
	kvfree(config->peers);
	kvfree(config->zones);
	kvfree(config->vm_ports);
	kvfree(config->vni_zones);
	itun_return_labels_put(config->return_labels);
	kfree(config);
}

static void itun_config_free_rcu(struct rcu_head *rcu)
{
	itun_config_discard(container_of(rcu, struct itun_config, rcu));
}

static struct itun_config *itun_config_current(struct itun_net *in)
{
	return rcu_dereference_protected(in->config, lockdep_is_held(&in->mutex));
}

/**
 * itun_config_copy() - begin a transaction
 * @in: namespace
 *
 * The copy shares the objects of the snapshot in force; without one, it has
 * the defaults.
 *
 * Context: process, under RTNL and the mutex.
 * Return: the copy, for itun_config_commit() or itun_config_discard(), or NULL
 * without memory.
 */
struct itun_config *itun_config_copy(struct itun_net *in)
{
	const struct itun_config *old = itun_config_current(in) ?: &itun_config_default;
	struct itun_config *next;
	u32 i;

	next = kmemdup(old, sizeof(*old), GFP_KERNEL_ACCOUNT);
	if (!next)
		return NULL;
	memset(&next->rcu, 0, sizeof(next->rcu));
	next->vni_zones = NULL;
	next->n_vni_zones = 0;
	next->marks = itun_list_copy(old->marks, old->n_marks);
	next->peers = itun_list_copy(old->peers, old->n_peers);
	next->zones = itun_list_copy(old->zones, old->n_zones);
	next->vm_ports = itun_list_copy(old->vm_ports, old->n_vm_ports);
	if (!next->marks || !next->peers || !next->zones || !next->vm_ports) {
		/* No reference was taken yet, so none is to be put. */
		next->n_marks = 0;
		next->n_peers = 0;
		next->n_zones = 0;
		next->n_vm_ports = 0;
		next->return_labels = NULL;
		itun_config_discard(next);
		return NULL;
	}
	for (i = 0; i < next->n_marks; i++)
		refcount_inc(&next->marks[i]->refs);
	for (i = 0; i < next->n_peers; i++)
		refcount_inc(&next->peers[i]->refs);
	for (i = 0; i < next->n_zones; i++)
		refcount_inc(&next->zones[i]->refs);
	for (i = 0; i < next->n_vm_ports; i++)
		refcount_inc(&next->vm_ports[i]->refs);
	if (next->return_labels)
		refcount_inc(&next->return_labels->refs);
	return next;
}

static int itun_compare_marks(const void *a, const void *b)
{
	const struct itun_mark *x = *(struct itun_mark * const *)a;
	const struct itun_mark *y = *(struct itun_mark * const *)b;

	if (x->prio != y->prio)
		return x->prio < y->prio ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int itun_compare_peers(const void *a, const void *b)
{
	const struct itun_peer *x = *(struct itun_peer * const *)a;
	const struct itun_peer *y = *(struct itun_peer * const *)b;

	if (x->family != y->family)
		return x->family - y->family;
	if (x->prefix_len != y->prefix_len)
		return y->prefix_len - x->prefix_len;
	return memcmp(&x->prefix, &y->prefix, sizeof(x->prefix));
}

/* A name comes before patterns, the longest of them first, then groups. */
static unsigned int itun_port_rank(const struct itun_port_config *port)
{
	if (!port->name[0])
		return 0;
	return port->pattern ? strlen(port->name) : IPVS_TUN_PATTERN_LEN;
}

static int itun_compare_ports(const void *a, const void *b)
{
	const struct itun_port_config *x = *(struct itun_port_config * const *)a;
	const struct itun_port_config *y = *(struct itun_port_config * const *)b;

	if (itun_port_rank(x) != itun_port_rank(y))
		return itun_port_rank(x) > itun_port_rank(y) ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int itun_compare_vni_zones(const void *a, const void *b)
{
	const struct itun_vni_zone *x = a, *y = b;

	return x->vni < y->vni ? -1 : x->vni > y->vni;
}

/* What readers need in another order or form than the objects have it. */
static int itun_config_derive(struct itun_net *in, struct itun_config *next)
{
	u32 i, j, n = 0;

	sort(next->marks, next->n_marks, sizeof(*next->marks), itun_compare_marks, NULL);
	sort(next->peers, next->n_peers, sizeof(*next->peers), itun_compare_peers, NULL);
	sort(next->vm_ports, next->n_vm_ports, sizeof(*next->vm_ports), itun_compare_ports, NULL);
	next->balances = false;
	for (i = 0; i < next->n_vm_ports; i++)
		if (next->vm_ports[i]->flags & IPVS_TUN_PORT_FLAG_BALANCER)
			next->balances = true;

	next->any_accept = false;
	next->any_send = false;
	for (i = 0; i < next->n_peers; i++) {
		struct itun_peer *peer = next->peers[i];
		const struct net_device *dev;

		if (peer->flags & IPVS_TUN_PEER_FLAG_ACCEPT)
			next->any_accept = true;
		if (peer->flags & IPVS_TUN_PEER_FLAG_SEND)
			next->any_send = true;
		if (peer->dev[0]) {
			dev = __dev_get_by_name(in->net, peer->dev);
			WRITE_ONCE(peer->ifindex, dev ? dev->ifindex : 0);
		}
	}

	next->local = next->n_marks || next->balances;
	next->steers = next->any_accept || atomic_read(&in->n_static);
	next->rewrites = next->steers && !(next->paused & IPVS_TUN_STEP_REWRITE);

	for (i = 0; i < next->n_zones; i++)
		n += next->zones[i]->n_vnis;
	if (!n)
		return 0;
	next->vni_zones = kvmalloc_array(n, sizeof(*next->vni_zones), GFP_KERNEL_ACCOUNT);
	if (!next->vni_zones)
		return -ENOMEM;
	for (i = 0; i < next->n_zones; i++) {
		const struct itun_zone_config *zone = next->zones[i];

		for (j = 0; j < zone->n_vnis; j++)
			next->vni_zones[next->n_vni_zones++] = (struct itun_vni_zone) {
				.vni = zone->vnis[j],
				.zone = zone->vnis[0],
			};
	}
	sort(next->vni_zones, next->n_vni_zones, sizeof(*next->vni_zones),
	     itun_compare_vni_zones, NULL);
	return 0;
}

static bool itun_config_same_zones(const struct itun_config *a, const struct itun_config *b)
{
	return a->n_vni_zones == b->n_vni_zones &&
	       (!a->n_vni_zones ||
		!memcmp(a->vni_zones, b->vni_zones, a->n_vni_zones * sizeof(*a->vni_zones)));
}

static bool itun_path_of_other_zone(const struct itun_path *path, const void *arg)
{
	const struct itun_config *config = arg;

	return path->zone->id != itun_config_zone_of(config, path->key.type, path->key.id);
}

/* Sessions are keyed by zone: those of a VNI that is of another zone now would
 * never be found again, or be found by the wrong tenant.
 */
static void itun_config_kill_zones(struct itun_net *in, const struct itun_config *config)
{
	/* A packet that still reads the old snapshot may be making a path. */
	synchronize_net();
	local_bh_disable();
	rcu_read_lock();
	itun_path_kill(in, itun_path_of_other_zone, config);
	rcu_read_unlock();
	local_bh_enable();
}

/* Of networks whose number is in a key that may be NVGRE's. */
static bool itun_path_by_key(const struct itun_path *path, const void *arg)
{
	return path->key.type == IPVS_TUN_TUNNEL_TYPE_GRE && !path->key.ip_inside;
}

/* Keys say something else now: what was recorded by them is another network's. */
static void itun_config_kill_keys(struct itun_net *in)
{
	/* As above. */
	synchronize_net();
	itun_path_kill(in, itun_path_by_key, NULL);
}

static bool itun_path_without_tunnel(const struct itun_path *path, const void *arg)
{
	return itun_path_is_local(&path->key);
}

/* Whose requests these were nobody can tell: they will say so again. */
static void itun_config_kill_local(struct itun_net *in)
{
	/* As above. */
	synchronize_net();
	itun_path_kill(in, itun_path_without_tunnel, NULL);
}

/* Has a rule gone, or a balancer's port? Objects are never changed, but replaced. */
static bool itun_config_drops_requests(const struct itun_config *before,
				       const struct itun_config *next)
{
	u32 i, j;

	for (i = 0; i < before->n_marks; i++) {
		for (j = 0; j < next->n_marks; j++)
			if (before->marks[i] == next->marks[j])
				break;
		if (j == next->n_marks)
			return true;
	}
	for (i = 0; i < before->n_vm_ports; i++) {
		for (j = 0; j < next->n_vm_ports; j++)
			if (before->vm_ports[i] == next->vm_ports[j])
				break;
		if (j == next->n_vm_ports &&
		    before->vm_ports[i]->flags & IPVS_TUN_PORT_FLAG_BALANCER)
			return true;
	}
	return false;
}

/* Is a second mark that was accepted no longer accepted? */
static bool itun_config_rejects_marks(const struct itun_config *before,
				      const struct itun_config *next)
{
	unsigned int type;

	for (type = 0; type < ARRAY_SIZE(next->tunnel); type++)
		if (!bitmap_subset(before->tunnel[type].accept, next->tunnel[type].accept,
				   BITS_PER_TYPE(next->tunnel[type].accept)))
			return true;
	return false;
}

/* Who registers the first hook has a snapshot and ports already: hooks need not
 * ask whether there are any. It is what holds where nothing was configured.
 */
static int itun_config_begin(struct itun_net *in)
{
	struct itun_config *first;
	int err;

	if (itun_config_current(in))
		return 0;
	first = itun_config_copy(in);
	if (!first)
		return -ENOMEM;
	err = itun_device_rebuild_ports(in, first);
	if (err) {
		itun_config_discard(first);
		return err;
	}
	rcu_assign_pointer(in->config, first);
	return 0;
}

/**
 * itun_config_commit() - put a changed copy into force
 * @in: namespace, its tables allocated
 * @next: the copy; consumed on success only
 * @extack: for what could not be done
 *
 * Everything that can fail comes before the new snapshot is published: a
 * failure leaves the old state. Hooks are added before and removed after, so
 * that they are there whenever the snapshot needs them.
 *
 * Context: process, under RTNL and the mutex.
 * Return: 0 or a negative error number.
 */
int itun_config_commit(struct itun_net *in, struct itun_config *next,
		       struct netlink_ext_ack *extack)
{
	unsigned int hooks = in->hooks, wanted;
	struct itun_config *before;
	int err;

	ASSERT_RTNL();
	err = itun_config_begin(in);
	if (err)
		return err;
	before = itun_config_current(in);

	/* A path keeps a generation and a verdict in one word: 31 bits. */
	next->generation = (before->generation + 1) & INT_MAX;
	if (!next->generation)
		next->generation = 1;

	err = itun_config_derive(in, next);
	if (err)
		return err;

	wanted = itun_hooks_wanted(next);
	err = itun_hooks_update(in, hooks | wanted);
	if (err) {
		NL_SET_ERR_MSG_FMT(extack, "cannot register hooks (error %d)", -err);
		goto restore_hooks;
	}
	/* Their hooks let everything pass until the snapshot is in force. */
	err = itun_port_prepare(in, next);
	if (err) {
		NL_SET_ERR_MSG_FMT(extack, "cannot register the hooks of ports (error %d)", -err);
		goto restore_hooks;
	}
	/* Those who send a mark that is to be accepted no longer, or to a port
	 * that is to be looked at no longer, must stop first: its bits would
	 * stay, and the driver drop the packets. They are told "not ready", and
	 * with their next probe what is accepted instead.
	 */
	if (hooks & wanted & ITUN_HOOK_IN && (itun_config_rejects_marks(before, next) ||
					      itun_device_leaves_port(in, next)))
		itun_probe_farewell(in);

	err = itun_device_rebuild_ports(in, next);
	if (err) {
		NL_SET_ERR_MSG_FMT(extack, "cannot determine the tunnel ports (error %d)", -err);
		goto restore_hooks;
	}

	rcu_assign_pointer(in->config, next);
	itun_port_settle(in, next);

	if (before->tunnel[IPVS_TUN_TUNNEL_TYPE_GRE].nvgre !=
	    next->tunnel[IPVS_TUN_TUNNEL_TYPE_GRE].nvgre) {
		itun_device_read_keys(in, next);
		itun_config_kill_keys(in);
	}
	if (!itun_config_same_zones(before, next))
		itun_config_kill_zones(in, next);
	if (itun_config_drops_requests(before, next))
		itun_config_kill_local(in);
	if (hooks & ~wanted & ITUN_HOOK_IN) {
		/* Their marks would reach a host that no longer clears them. */
		itun_probe_farewell(in);
	}
	itun_hooks_update(in, wanted);
	itun_endpoint_reconfigure(in, next);
	call_rcu(&before->rcu, itun_config_free_rcu);
	return 0;

restore_hooks:
	/* Taking hooks away cannot fail. */
	itun_port_settle(in, before);
	itun_hooks_update(in, hooks);
	return err;
}

/**
 * itun_config_release() - the end of a namespace's configuration
 * @in: namespace whose hooks are gone
 *
 * Context: process; no transaction can come any more. Whoever unloads the
 * module waits with rcu_barrier() afterwards.
 */
void itun_config_release(struct itun_net *in)
{
	struct itun_config *config = rcu_replace_pointer(in->config, NULL, true);

	if (config)
		call_rcu(&config->rcu, itun_config_free_rcu);
}
