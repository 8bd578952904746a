// SPDX-License-Identifier: GPL-2.0
/* Step 5 at a port: a reply goes from the server's machine straight into its
 * tunnel, past bridge, forwarding database and second lookup ("direct").
 *
 * What must be seen by others goes the ordinary way all the same, and is corrected
 * further on: what opens and ends a connection, and of each server a packet now
 * and then (see turn.h).
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>

#include "device.h"
#include "first_look.h"
#include "port.h"
#include "stages.h"
#include "turn.h"

/* The ordinary way of what no bridge of ours will see again: to the balancer, so
 * that the switch takes it to the tunnel, where LOCAL_OUT does the rest.
 */
static void itun_direct_aim(struct sk_buff *skb, const struct itun_path *path)
{
	if (likely(!skb_cow_head(skb, 0)))
		ether_addr_copy(eth_hdr(skb)->h_dest, path->key.mac);
}

static u32 itun_direct_ageing(const struct net_device *port)
{
	return ITUN_TURN_AGEING;
}

/* Whose turn is it at a switch that learns, and that we do not see into? */
static bool itun_direct_turn(const struct sk_buff *skb, const struct net_device *dev)
{
	struct itun_turn_server server;

	if (!netif_is_ovs_port(dev) && !netif_is_ovs_master(dev))
		return false;
	itun_turn_server(skb, dev, &server);
	return itun_turn_due(&server, itun_direct_ageing, NULL, dev);
}

static bool itun_direct_shows(const struct itun_inner *inner)
{
	return inner->tcp_flags & (ITUN_TCP_FIN | ITUN_TCP_SYN | ITUN_TCP_RST);
}

/* Of what no bridge will see: is it to take the switch's way? Not if the net under that
 * is switched off, unless the operator has not asked for another one.
 */
static bool itun_direct_ordinary(const struct itun_config *config,
				 const struct itun_port_config *setting,
				 const struct sk_buff *skb, const struct itun_inner *inner,
				 const struct net_device *dev)
{
	if (!(setting->flags & IPVS_TUN_PORT_FLAG_DIRECT))
		return true;
	return !(config->paused & IPVS_TUN_STEP_REWRITE) &&
	       (itun_direct_shows(inner) || itun_direct_turn(skb, dev));
}

/* BH off: the caches and the flag of path_xmit are this CPU's. */
static unsigned int itun_direct_reply(struct itun_port *port, const struct itun_config *config,
				      const struct itun_port_config *setting, struct sk_buff *skb,
				      const struct itun_inner *inner, bool bridged)
{
	struct itun_net *in = port->in;
	struct itun_backhaul reply;
	u32 len = skb->len + ETH_HLEN;
	enum itun_xmit result;
	u32 vni;

	/* Whether a tag may leave here only the switch can say; and at a bridge's port,
	 * whether it is the bridge's at all, and not that of a device on top of the port.
	 */
	if (unlikely(skb_vlan_tag_present(skb) || eth_type_vlan(skb->protocol)))
		return NF_ACCEPT;
	/* What a bridge is left with is counted there. */
	if (itun_device_bridge_zone(port->dev, skb, &vni)) {
		if (!bridged)
			itun_count(in, zone_unknown);
		return NF_ACCEPT;
	}
	if (!itun_reply_find(in, config, inner, itun_config_zone(config, vni), &reply))
		return NF_ACCEPT;
	/* This host routes it: see forward.c; or it does not leave this host: bridge.c. */
	if (unlikely(reply.path->key.ip_inside || itun_path_is_local(&reply.path->key)))
		return NF_ACCEPT;
	if (unlikely(!itun_path_is_from(reply.path, port->dev))) {
		if (!bridged)
			itun_count(in, zone_unknown);
		return NF_ACCEPT;
	}
	if (!itun_reply_accept(in, config, inner, &reply))
		return NF_ACCEPT;
	if (unlikely(!bridged && itun_direct_ordinary(config, setting, skb, inner, port->dev))) {
		itun_count(in, steer_ordinary);
		itun_direct_aim(skb, reply.path);
		return NF_ACCEPT;
	}

	result = itun_path_xmit(reply.path, skb, reply.hash);
	if (unlikely(result == ITUN_XMIT_FALLBACK)) {
		if (!bridged) {
			itun_count(in, steer_fallback);
			itun_direct_aim(skb, reply.path);
		}
		return NF_ACCEPT;
	}
	if (unlikely(inner->fragment))
		itun_hold_release(in, config, inner, reply.zone);
	itun_count(in, direct);
	this_cpu_inc(port->counts->direct);
	itun_steered(in, config, &reply, inner, len, result);
	return NF_STOLEN;
}

/**
 * itun_direct() - a frame that a virtual machine has sent
 * @port: its port, under RCU
 * @config: the snapshot in force
 * @setting: what that says of the port
 * @skb: not shared; skb->data at the network header, the Ethernet header before it
 *
 * Context: BH off, under RCU.
 * Return: NF_ACCEPT, or NF_STOLEN when the reply is in its tunnel.
 */
unsigned int itun_direct(struct itun_port *port, const struct itun_config *config,
			 const struct itun_port_config *setting, struct sk_buff *skb)
{
	bool bridged = netif_is_bridge_port(port->dev);
	struct itun_turn_server server;
	struct itun_inner inner;

	/* Of a bridge's port what the bridge itself would not see; of one that is no
	 * switch's nothing: this host is the machine's router.
	 */
	if (bridged) {
		if (!(setting->flags & IPVS_TUN_PORT_FLAG_DIRECT))
			return NF_ACCEPT;
		itun_turn_server(skb, port->dev, &server);
		if (!itun_turn_past(&server))
			return NF_ACCEPT;
	} else if (port->ops.hooknum == NF_NETDEV_INGRESS && !netif_is_ovs_port(port->dev)) {
		return NF_ACCEPT;
	}
	if (itun_frame_look(skb, &inner) != ITUN_INNER_FLOW ||
	    (bridged && itun_direct_shows(&inner)))
		return NF_ACCEPT;
	if (likely(!itun_reply_possible(port->in, &inner)))
		return NF_ACCEPT;
	return itun_direct_reply(port, config, setting, skb, &inner, bridged);
}
