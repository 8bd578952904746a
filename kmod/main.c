// SPDX-License-Identifier: GPL-2.0
/* The module's life, and that of its part in each network namespace.
 *
 * Order of going: hooks are taken away in .pre_exit, what they use is freed in
 * .exit; the kernel guarantees a grace period in between, on the namespace's
 * removal and on the module's. The control plane comes last and goes first.
 */
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>

#include "config.h"
#include "device.h"
#include "endpoint.h"
#include "neighbour.h"
#include "net.h"
#include "notify.h"
#include "port.h"
#include "seal.h"
#include "session.h"
#include "stages.h"
#include "turn.h"

unsigned int itun_net_id __read_mostly;
siphash_key_t itun_hash_key __read_mostly;

/**
 * itun_net_activate() - make the tables of a namespace, with its first change
 * @in: namespace, under its mutex
 *
 * Context: process.
 * Return: 0 or a negative error number.
 */
int itun_net_activate(struct itun_net *in)
{
	int err;

	lockdep_assert_held(&in->mutex);
	if (in->leaving)
		return -ENODEV;
	if (in->active)
		return 0;
	in->stats = alloc_percpu(struct itun_stats);
	if (!in->stats)
		return -ENOMEM;
	err = itun_path_init(in);
	if (err)
		goto free_stats;
	err = itun_endpoint_init(in);
	if (err)
		goto exit_path;
	err = itun_session_init(in);
	if (err)
		goto exit_endpoint;
	err = itun_fragment_init(in);
	if (err)
		goto exit_session;
	in->active = true;
	return 0;

exit_session:
	itun_session_exit(in);
exit_endpoint:
	itun_endpoint_exit(in);
exit_path:
	itun_path_exit(in);
free_stats:
	free_percpu(in->stats);
	in->stats = NULL;
	return err;
}

/**
 * itun_stranger_count() - remember who sends marks and is not trusted
 * @in: namespace
 * @family: 4 or 6
 * @addr: outer source
 *
 * Context: softirq. A few are enough: "status" shows them.
 */
void itun_stranger_count(struct itun_net *in, u8 family, const union itun_addr *addr)
{
	struct itun_stranger *stranger;
	int i;

	spin_lock(&in->stranger_lock);
	for (i = 0; i < ITUN_STRANGERS; i++) {
		stranger = &in->strangers[i];
		if (stranger->family == family && !memcmp(&stranger->addr, addr, sizeof(*addr))) {
			stranger->packets++;
			goto unlock;
		}
	}
	stranger = &in->strangers[in->next_stranger++ % ITUN_STRANGERS];
	stranger->family = family;
	stranger->addr = *addr;
	stranger->packets = 1;
unlock:
	spin_unlock(&in->stranger_lock);
}

static int __net_init itun_net_init(struct net *net)
{
	struct itun_net *in = itun_net(net);

	in->net = net;
	mutex_init(&in->mutex);
	spin_lock_init(&in->stranger_lock);
	spin_lock_init(&in->routed_lock);
	INIT_HLIST_HEAD(&in->routed_zones);
	itun_hold_init(in);
	return 0;
}

static void __net_exit itun_net_pre_exit(struct net *net)
{
	struct itun_net *in = itun_net(net);

	mutex_lock(&in->mutex);
	in->leaving = true;
	if (in->active) {
		/* Those who mark packets for us are told first, while the
		 * record stage still removes marks.
		 */
		itun_probe_farewell(in);
		itun_port_settle(in, NULL);
		itun_hooks_update(in, 0);
	}
	mutex_unlock(&in->mutex);
}

static void __net_exit itun_net_exit(struct net *net)
{
	struct itun_net *in = itun_net(net);

	if (!in->active)
		return;
	/* It steers, and holds devices. */
	itun_hold_exit(in);
	itun_session_exit(in);
	/* Sessions put their paths when RCU frees them, paths their zones and
	 * endpoints: all of that is through before the tables go. RCU takes
	 * paths out of their front, frees them, and then what an external device
	 * was told, with the routes that both have cached: IPv6 counts its routes
	 * in the namespace, which is being taken apart, until the last one is
	 * released.
	 */
	rcu_barrier();
	rcu_barrier();
	rcu_barrier();
	rcu_barrier();
	itun_path_exit(in);
	itun_endpoint_exit(in);
	itun_fragment_exit(in);
	itun_config_release(in);
	kfree(rcu_dereference_protected(in->ports, true));
	free_percpu(in->stats);
}

static struct pernet_operations itun_net_ops = {
	.init = itun_net_init,
	.pre_exit = itun_net_pre_exit,
	.exit = itun_net_exit,
	.id = &itun_net_id,
	.size = sizeof(struct itun_net),
};

static int __init itun_init(void)
{
	int err;

	get_random_bytes(&itun_hash_key, sizeof(itun_hash_key));
	get_random_bytes(&itun_seal_key, sizeof(itun_seal_key));
	err = itun_session_cache_init();
	if (err)
		return err;
	err = itun_turns_init();
	if (err)
		goto exit_cache;
	err = itun_zone_caches_init();
	if (err)
		goto exit_turns;
	err = itun_neighbour_init();
	if (err)
		goto exit_zone_caches;
	err = register_pernet_subsys(&itun_net_ops);
	if (err)
		goto exit_neighbour;
	err = itun_device_init();
	if (err)
		goto exit_net;
	err = itun_netlink_init();
	if (err)
		goto exit_device;
	return 0;

exit_device:
	itun_device_leave();
	unregister_pernet_subsys(&itun_net_ops);
	itun_device_exit();
	goto exit_neighbour;
exit_net:
	unregister_pernet_subsys(&itun_net_ops);
exit_neighbour:
	itun_neighbour_exit();
exit_zone_caches:
	itun_zone_caches_exit();
exit_turns:
	itun_turns_exit();
exit_cache:
	itun_session_cache_exit();
	return err;
}

static void __exit itun_exit(void)
{
	itun_netlink_exit();
	/* The tunnel ports stay known until the hooks are gone: marks that are
	 * still under way are removed.
	 */
	itun_device_leave();
	unregister_pernet_subsys(&itun_net_ops);
	itun_device_exit();
	/* Every call_rcu() of ours has run before its code and caches go. */
	rcu_barrier();
	itun_neighbour_exit();
	itun_zone_caches_exit();
	itun_turns_exit();
	itun_session_cache_exit();
}

module_init(itun_init);
module_exit(itun_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Backhaul of IPVS NAT flows over tunnels");
MODULE_VERSION(ITUN_VERSION);
MODULE_ALIAS_GENL_FAMILY("ipvs_tun");
/* Who segments what a reply's label is put in front of: mpls_router alone does not ask for it. */
MODULE_SOFTDEP("post: mpls_gso");
