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

/* As many are reserved at once by who needs many, and for so long. All packets from one host
 * to another share sixteen bits of them: who sends now and then takes a few.
 */
#define ITUN_IDENTS_BLOCK	64
#define ITUN_IDENTS_FEW		4
#define ITUN_IDENTS_LIFE	(HZ / 10)

/**
 * itun_idents_init() - a path's identifications: none yet
 * @path: new
 *
 * Without memory for them each packet asks for its own.
 *
 * Context: softirq or BH off.
 */
void itun_idents_init(struct itun_path *path)
{
	path->idents = alloc_percpu_gfp(struct itun_idents, GFP_ATOMIC | __GFP_NOWARN);
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

static noinline u16 itun_idents_reserve(const struct itun_path *path,
					const struct itun_encap4 *outer, unsigned int packets)
{
	struct iphdr iph = {
		.protocol = IPPROTO_UDP,
		.saddr = outer->local,
		.daddr = outer->remote,
	};

	__ip_select_ident(path->in->net, &iph, packets);
	return ntohs(iph.id);
}

/* Into how many packets will it be segmented? What a machine hands over does not say. */
static unsigned int itun_encap_packets(const struct sk_buff *skb)
{
	const struct skb_shared_info *info = skb_shinfo(skb);

	if (likely(!info->gso_size))
		return 1;
	return info->gso_segs ? :
	       min_t(u32, DIV_ROUND_UP(skb->len, info->gso_size), U16_MAX);
}

/* The first of as many as there will be packets: segmentation counts on from it. Those that
 * may not be fragmented have one, too, as iptunnel_xmit() gives it to them.
 */
static __be16 itun_encap_ident(const struct itun_path *path, const struct itun_encap4 *outer,
			       unsigned int packets)
{
	struct itun_idents *idents;
	u32 now = (u32)jiffies;
	bool fresh;
	u16 ident;

	if (unlikely(!path->idents || packets > ITUN_IDENTS_FEW))
		return htons(itun_idents_reserve(path, outer, packets));
	idents = this_cpu_ptr(path->idents);
	fresh = now - idents->at <= ITUN_IDENTS_LIFE && idents->local == outer->local;
	if (unlikely(!fresh || idents->left < packets)) {
		idents->left = fresh ? ITUN_IDENTS_BLOCK : ITUN_IDENTS_FEW;
		idents->next = itun_idents_reserve(path, outer, idents->left);
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
 * @path: under RCU
 * @rt: route, consumed
 * @sk: the tunnel's socket
 * @skb: skb->data at the tunnel's header, inner headers noted, enough room in front;
 *	skb->dev is the tunnel's device; consumed
 * @outer: the headers
 *
 * Context: softirq, BH off, under RCU. See udp_tunnel_xmit_skb() and iptunnel_xmit().
 */
void itun_encap4(const struct itun_path *path, struct rtable *rt, struct sock *sk,
		 struct sk_buff *skb, const struct itun_encap4 *outer)
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
	iph->id = itun_encap_ident(path, outer, itun_encap_packets(skb));
	iph->frag_off = ip_mtu_locked(&rt->dst) ? 0 : outer->df;
	iph->ttl = outer->ttl;
	iph->protocol = IPPROTO_UDP;
	iph->saddr = outer->local;
	iph->daddr = outer->remote;
	/* That sets length and checksum. */
	err = ip_local_out(path->in->net, sk, skb);
	iptunnel_xmit_stats(dev, unlikely(net_xmit_eval(err)) ? 0 : len);
}
