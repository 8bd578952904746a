// SPDX-License-Identifier: GPL-2.0
/* A routed reply that goes into its tunnel in pieces.
 *
 * A router fragments what is too long for the next link and may be fragmented
 * (RFC 791), and hands on in its old pieces what conntrack has put together: who
 * sent those knows of no longer way. The kernel does both behind FORWARD, where a
 * reply does not come by any more.
 *
 * There is no way back once it has begun: what follows FORWARD expects whole packets.
 */
#include <net/gso.h>
#include <net/ip.h>
#include <net/ip6_fib.h>
#include <net/ipv6.h>
#include <net/ipv6_stubs.h>
#include <net/route.h>

#include "compat/dst.h"
#include "stages.h"
#include "wire/inner.h"

/* Whose pieces a CPU makes: the kernel's functions that make them call back with the
 * packet alone. They do so at once, on this CPU, and BH is off.
 */
struct itun_pieces {
	struct itun_net *in;
	struct itun_path *path;
	const struct net_device *port;
	u64 hash;
	enum itun_xmit result;	/* FALLBACK until one was sent */
};

static DEFINE_PER_CPU(struct itun_pieces *, itun_pieces);

static int itun_piece_xmit(struct net *net, struct sock *sk, struct sk_buff *skb)
{
	struct itun_pieces *pieces = __this_cpu_read(itun_pieces);
	enum itun_xmit result = ITUN_XMIT_FALLBACK;

	/* The route is one that ends with the function that made the piece. */
	skb_dst_drop(skb);
	if (likely(itun_forward_frame(skb, pieces->path, pieces->port)))
		result = itun_path_xmit(pieces->path, skb, pieces->hash);
	if (unlikely(result == ITUN_XMIT_FALLBACK)) {
		itun_count(pieces->in, piece_dropped);
		kfree_skb(skb);
		return -ENOBUFS;
	}
	pieces->result = result;
	return 0;
}

/* ip6_fragment() asks: what itun_pieces_size() has said is enough. With a device's MTU, which
 * may change meanwhile, it could find the pieces too long, and tell the server so by a route
 * that is none. Nor can the headers in front of them be too long: the parser takes no more
 * than ITUN_INNER_EXT_BYTES of extensions.
 */
static unsigned int itun_pieces_mtu(const struct dst_entry *dst)
{
	return IP_MAX_MTU;
}

static struct dst_ops itun_pieces_ops = {
	.family	= AF_UNSPEC,
	.mtu	= itun_pieces_mtu,
};

/* The kernel's functions ask a packet's route how long a piece may be: not that of the
 * routing tables, which it does not take, but one that leads to the tunnel's device. See
 * ovs_fragment().
 */
static void itun_pieces_make(struct itun_net *in, struct sk_buff *skb, struct net_device *dev,
			     unsigned int size)
{
	unsigned long tables = skb->_skb_refdst;
	union {
		struct rtable rt4;
		struct rt6_info rt6;
	} route = {};

	if (skb->protocol == htons(ETH_P_IP)) {
		itun_dst_init(&route.rt4.dst, &itun_pieces_ops);
		route.rt4.dst.dev = dev;
		skb_dst_set_noref(skb, &route.rt4.dst);
		IPCB(skb)->frag_max_size = min_t(unsigned int, size, U16_MAX);
		ip_do_fragment(in->net, NULL, skb, itun_piece_xmit);
#if IS_ENABLED(CONFIG_IPV6)
	} else {
		BUILD_BUG_ON(sizeof(struct ipv6hdr) + ITUN_INNER_EXT_BYTES +
			     sizeof(struct frag_hdr) + 8 > IPV6_MIN_MTU);
		itun_dst_init(&route.rt6.dst, &itun_pieces_ops);
		route.rt6.dst.dev = dev;
		skb_dst_set_noref(skb, &route.rt6.dst);
		ipv6_stub->ipv6_fragment(in->net, NULL, skb, itun_piece_xmit);
#endif
	}
	refdst_drop(tables);
}

/**
 * itun_pieces_size() - how long may the pieces be that a packet is to go in?
 * @skb: at FORWARD
 * @mtu: how long a packet may be in its tunnel
 *
 * Context: any.
 * Return: bytes of an IP packet; 0 if it goes as it is, or may not be fragmented.
 */
unsigned int itun_pieces_size(const struct sk_buff *skb, unsigned int mtu)
{
	unsigned int came;

	if (skb->protocol == htons(ETH_P_IP)) {
		came = IPCB(skb)->frag_max_size;
		if (likely(!came) && likely(itun_packet_fits(skb, mtu)))
			return 0;
		/* Of pieces that said so themselves conntrack has made one that says it. */
		if (ip_hdr(skb)->frag_off & htons(IP_DF) && !(came && came <= mtu))
			return 0;
		return mtu < IPV4_MIN_MTU ? 0 : min_not_zero(came, mtu);
	}
	/* Only who sent it makes pieces (RFC 8200, 4.5); ip6_fragment() makes none shorter
	 * than the least MTU.
	 */
	came = IP6CB(skb)->frag_max_size;
	return came && max_t(unsigned int, came, IPV6_MIN_MTU) <= mtu && skb->ignore_df &&
	       skb->len > came ? came : 0;
}

/**
 * itun_path_xmit_pieces() - send a routed packet by a path, in pieces
 * @in: namespace
 * @path: under RCU, usable
 * @skb: at FORWARD; skb->data at the network header; consumed
 * @hash: of the session's key
 * @port: where it came in
 * @dev: what itun_path_takes() has said
 * @size: of itun_pieces_size(), not 0
 *
 * Context: BH off, under RCU.
 * Return: ITUN_XMIT_SENT or ITUN_XMIT_HANDED when a piece is in the tunnel,
 * ITUN_XMIT_FALLBACK when none is.
 */
enum itun_xmit itun_path_xmit_pieces(struct itun_net *in, struct itun_path *path,
				     struct sk_buff *skb, u64 hash,
				     const struct net_device *port, struct net_device *dev,
				     unsigned int size)
{
	struct itun_pieces pieces = {
		.in = in, .path = path, .port = port, .hash = hash,
		.result = ITUN_XMIT_FALLBACK,
	};
	struct itun_pieces *outside = __this_cpu_read(itun_pieces);
	struct sk_buff *segment, *next;

	/* What has been put together keeps its first piece's word of segments, in some kernels. */
	if (skb->protocol == htons(ETH_P_IP) ? IPCB(skb)->frag_max_size : IP6CB(skb)->frag_max_size)
		skb_gso_reset(skb);
	__this_cpu_write(itun_pieces, &pieces);
	if (likely(!skb_is_gso(skb))) {
		itun_pieces_make(in, skb, dev, size);
	} else {
		/* As ip_finish_output_gso() does. */
		segment = skb_gso_segment(skb, 0);
		if (!IS_ERR_OR_NULL(segment)) {
			consume_skb(skb);
			skb_list_walk_safe(segment, segment, next) {
				skb_mark_not_on_list(segment);
				itun_pieces_make(in, segment, dev, size);
			}
		} else {
			itun_count(in, piece_dropped);
			kfree_skb(skb);
		}
	}
	/* A packet inside another one's: a bridge hands what it sends itself to its own host. */
	__this_cpu_write(itun_pieces, outside);
	return pieces.result;
}
