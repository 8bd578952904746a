// SPDX-License-Identifier: GPL-2.0
/* What a virtual machine sends, where its device hands it over: at netdev ingress of
 * taps and veths, at netdev egress of macvtap and Open vSwitch's internal ports.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>

#include "first_look.h"
#include "port.h"
#include "stages.h"

/* skb->data at the network header. */
static __always_inline unsigned int itun_port_packet(struct itun_port *port, struct sk_buff *skb)
{
	const struct itun_port_config *setting = rcu_dereference(port->setting);
	const struct itun_config *config;
	struct itun_net *in = port->in;

	/* Its bytes must not be moved. Taps that listen on the device have copies of their
	 * own; who shares the packet itself is a generator of test packets.
	 */
	if (unlikely(skb_shared(skb)))
		return NF_ACCEPT;
	/* Registered for a transaction that is not in force yet, or no more. */
	if (unlikely(!setting))
		return NF_ACCEPT;
	config = rcu_dereference(in->config);
	if (setting->flags & IPVS_TUN_PORT_FLAG_BALANCER &&
	    !(config->paused & IPVS_TUN_STEP_MARK))
		itun_classify(port, setting, skb);
	if (likely(!config->steers || !itun_may_reply(in, skb)) ||
	    config->paused & IPVS_TUN_STEP_STEER)
		return NF_ACCEPT;
	return itun_direct(port, config, setting, skb);
}

/**
 * itun_port_ingress() - a frame that comes in by a port's device
 * @priv: struct itun_port
 * @skb: skb->data at the network header
 * @state: of the hook
 *
 * Context: BH off, under RCU.
 * Return: NF_ACCEPT, or NF_STOLEN when it was a reply and is in its tunnel.
 */
unsigned int itun_port_ingress(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	return itun_port_packet(priv, skb);
}

/**
 * itun_port_egress() - a frame that leaves by a port's device
 * @priv: struct itun_port
 * @skb: skb->data at the Ethernet header
 * @state: of the hook
 *
 * Context: BH off, under RCU.
 * Return: as itun_port_ingress().
 */
unsigned int itun_port_egress(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	unsigned int verdict;

	if (unlikely(skb_headlen(skb) < ETH_HLEN))
		return NF_ACCEPT;
	/* As a device hands it over: what follows looks from the network header. */
	__skb_pull(skb, ETH_HLEN);
	if (likely(!eth_type_vlan(skb->protocol)))
		skb_reset_network_header(skb);
	verdict = itun_port_packet(priv, skb);
	if (verdict == NF_ACCEPT)
		__skb_push(skb, ETH_HLEN);
	return verdict;
}
