// SPDX-License-Identifier: GPL-2.0
/* MPLS: what leaves by way of the module itself; over Ethernet to a neighbour of
 * a device of the underlay.
 */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/ipv6.h>
#include <net/ip.h>

#include "mpls.h"
#include "prober.h"
#include "room.h"
#include "wire/mpls.h"

/* The inner packet's time to live goes on in the label, as with Linux's own. */
static u8 itun_mpls_ttl(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IP) ? ip_hdr(skb)->ttl : ipv6_hdr(skb)->hop_limit;
}

/**
 * itun_mpls_push() - put a label in front of a reply
 * @path: of MPLS, under RCU
 * @skb: skb->data at the network header, room for the label before it
 *
 * Context: softirq, BH off, under RCU.
 */
void itun_mpls_push(const struct itun_path *path, struct sk_buff *skb)
{
	const struct itun_config *config = rcu_dereference(path->in->config);
	u8 ttl = itun_mpls_ttl(skb);

	/* What segments it later must find the packet behind the labels. */
	skb_set_inner_protocol(skb, skb->protocol);
	skb_reset_inner_network_header(skb);
	itun_mpls_build(skb_push(skb, ITUN_MPLS_HLEN),
			itun_config_return_label(config, path->key.id), ttl);
	skb_reset_network_header(skb);
	skb->protocol = htons(ETH_P_MPLS_UC);
}

/**
 * itun_mpls_device() - the device that a path's packets leave by
 * @path: of MPLS over Ethernet, under RCU
 *
 * Return: the one that its requests came in by, or NULL if it is not up.
 */
struct net_device *itun_mpls_device(const struct itun_path *path)
{
	struct net_device *dev = dev_get_by_index_rcu(path->in->net, path->key.ifindex);

	return dev && dev->flags & IFF_UP && netif_running(dev) && dev->type == ARPHRD_ETHER ?
	       dev : NULL;
}

/**
 * itun_mpls_xmit() - send a reply to the neighbour that its request came from
 * @path: under RCU, usable
 * @skb: skb->data at the network header; not encapsulated
 * @hash: of the session's key
 *
 * Context: softirq, BH off, under RCU.
 * Return: ITUN_XMIT_SENT, or ITUN_XMIT_FALLBACK and the packet is as it was.
 */
enum itun_xmit itun_mpls_xmit(struct itun_path *path, struct sk_buff *skb, u64 hash)
{
	struct net_device *dev = itun_mpls_device(path);

	if (unlikely(!dev || !itun_packet_fits(skb, itun_room_device(path, dev)) ||
		     skb_cow_head(skb, LL_RESERVED_SPACE(dev) + ITUN_MPLS_HLEN)))
		return ITUN_XMIT_FALLBACK;
	itun_mpls_push(path, skb);
	itun_xmit_to(skb, hash, dev);
	/* A mark that it may have is no first mark: it is a reply. */
	skb->mark = 0;
	skb_dst_drop(skb);
	nf_reset_ct(skb);
	if (unlikely(dev_hard_header(skb, dev, ETH_P_MPLS_UC, path->key.mac, NULL, skb->len) < 0)) {
		kfree_skb(skb);
		return ITUN_XMIT_SENT;
	}
	dev_queue_xmit(skb);
	return ITUN_XMIT_SENT;
}

/**
 * itun_mpls_send() - send a readiness message
 * @in: namespace
 * @message: whereto
 * @payload: what, label and channel in front
 * @len: of it
 *
 * Context: process.
 * Return: 0 or a negative error number.
 */
int itun_mpls_send(struct itun_net *in, const struct itun_message *message, const u8 *payload,
		   int len)
{
	struct net_device *dev = dev_get_by_index(in->net, message->way.ifindex);
	struct sk_buff *skb;
	int err = -ENODEV;

	if (!dev)
		return err;
	if (!(dev->flags & IFF_UP) || dev->type != ARPHRD_ETHER)
		goto put;
	err = -ENOMEM;
	skb = alloc_skb(LL_RESERVED_SPACE(dev) + len + dev->needed_tailroom, GFP_KERNEL);
	if (!skb)
		goto put;
	skb_reserve(skb, LL_RESERVED_SPACE(dev));
	skb_put_data(skb, payload, len);
	skb_reset_network_header(skb);
	skb->dev = dev;
	skb->protocol = htons(ETH_P_MPLS_UC);
	err = -EINVAL;
	if (dev_hard_header(skb, dev, ETH_P_MPLS_UC, message->way.mac, NULL, len) < 0) {
		kfree_skb(skb);
		goto put;
	}
	err = dev_queue_xmit(skb);
	if (err > 0)
		err = net_xmit_errno(err);
put:
	dev_put(dev);
	return err;
}
