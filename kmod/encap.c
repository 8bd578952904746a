// SPDX-License-Identifier: GPL-2.0
/* UDP and IPv4 in front of a reply.
 *
 * What udp_tunnel_xmit_skb() and iptunnel_xmit() do, in one go, and without a keyed
 * hash for each packet's identification: those are reserved from the kernel's own
 * generator, some at a time.
 */
#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include <linux/percpu.h>
#include <net/ip_tunnels.h>
#include <net/udp.h>

#include "encap.h"

/* As many are reserved at once, and for so long: the sixteen bits that all hosts' packets
 * to one address share are not to come round meanwhile.
 */
#define ITUN_IDENTS_BLOCK	64
#define ITUN_IDENTS_LIFE	(HZ / 10)

/**
 * itun_idents_init() - a path's identifications: none yet
 * @path: new
 *
 * Context: softirq or BH off.
 * Return: 0 or -ENOMEM.
 */
int itun_idents_init(struct itun_path *path)
{
	path->idents = alloc_percpu_gfp(struct itun_idents, GFP_ATOMIC | __GFP_NOWARN);
	return path->idents ? 0 : -ENOMEM;
}

/**
 * itun_idents_free() - give their memory back
 * @path: nobody sends by it any more; may have none
 *
 * Context: any.
 */
void itun_idents_free(struct itun_path *path)
{
	free_percpu(path->idents);
}

/* The first of as many as there will be packets: segmentation counts on from it. Those that
 * may not be fragmented have one, too, as iptunnel_xmit() gives it to them.
 */
static __be16 itun_encap_ident(struct itun_path *path, const struct itun_encap4 *outer,
			       unsigned int packets)
{
	struct itun_idents *idents = this_cpu_ptr(path->idents);
	u32 now = (u32)jiffies;
	u16 ident;

	if (unlikely(idents->left < packets || idents->local != outer->local ||
		     now - idents->at > ITUN_IDENTS_LIFE)) {
		struct iphdr iph = {
			.protocol = IPPROTO_UDP,
			.saddr = outer->local,
			.daddr = outer->remote,
		};

		idents->left = max_t(unsigned int, packets, ITUN_IDENTS_BLOCK);
		__ip_select_ident(path->in->net, &iph, idents->left);
		idents->next = ntohs(iph.id);
		idents->local = outer->local;
		idents->at = now;
	}
	ident = idents->next;
	idents->next += packets;
	idents->left -= packets;
	return htons(ident);
}

/**
 * itun_encap4() - put UDP and IPv4 in front of a packet, and send it
 * @path: under RCU; has identifications
 * @rt: route, consumed
 * @sk: the tunnel's socket
 * @skb: skb->data at the tunnel's header, inner headers noted, enough room in front;
 *	skb->dev is the tunnel's device; consumed
 * @outer: the headers
 *
 * Context: softirq, BH off, under RCU. See udp_tunnel_xmit_skb() and iptunnel_xmit().
 */
void itun_encap4(struct itun_path *path, struct rtable *rt, struct sock *sk, struct sk_buff *skb,
		 const struct itun_encap4 *outer)
{
	int len = skb->len - skb_inner_network_offset(skb);
	struct net_device *dev = skb->dev;
	struct iphdr *iph;
	struct udphdr *uh;
	int err;

	uh = __skb_push(skb, sizeof(*uh));
	skb_reset_transport_header(skb);
	uh->source = outer->sport;
	uh->dest = outer->dport;
	uh->len = htons(skb->len);
	udp_set_csum(!outer->checksum, skb, outer->local, outer->remote, skb->len);

	skb_scrub_packet(skb, false);
	skb_dst_set(skb, &rt->dst);
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));

	iph = __skb_push(skb, sizeof(*iph));
	skb_reset_network_header(skb);
	iph->version = 4;
	iph->ihl = sizeof(*iph) / 4;
	iph->tos = outer->tos;
	iph->id = itun_encap_ident(path, outer, skb_shinfo(skb)->gso_segs ?: 1);
	iph->frag_off = ip_mtu_locked(&rt->dst) ? 0 : outer->df;
	iph->ttl = outer->ttl;
	iph->protocol = IPPROTO_UDP;
	iph->saddr = outer->local;
	iph->daddr = outer->remote;
	/* That sets length and checksum. */
	err = ip_local_out(path->in->net, sk, skb);
	iptunnel_xmit_stats(dev, unlikely(net_xmit_eval(err)) ? 0 : len);
}
