// SPDX-License-Identifier: GPL-2.0
/* A routed reply that goes into its tunnel in pieces.
 *
 * A router fragments what is too long for the next link and may be fragmented
 * (RFC 791), and hands on in its old pieces what conntrack has put together: who
 * sent those knows of no longer way. The kernel does both behind FORWARD, where a
 * reply does not come by any more.
 */
#include <linux/ipv6.h>
#include <net/dst.h>
#include <net/gso.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <net/ipv6_stubs.h>

#include "stages.h"

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

/* One piece; what cannot be put into the tunnel goes where the tables say, as a whole reply
 * would, for LOCAL_OUT to correct.
 */
static int itun_piece_xmit(struct net *net, struct sock *sk, struct sk_buff *skb)
{
	struct itun_pieces *pieces = __this_cpu_read(itun_pieces);
	enum itun_xmit result = ITUN_XMIT_FALLBACK;

	if (likely(itun_forward_frame(skb, pieces->path, pieces->port)))
		result = itun_path_xmit(pieces->path, skb, pieces->hash);
	if (unlikely(result == ITUN_XMIT_FALLBACK)) {
		itun_count(pieces->in, steer_fallback);
		return dst_output(net, sk, skb);
	}
	pieces->result = result;
	return 0;
}

static void itun_pieces_make(struct net *net, struct sk_buff *skb, unsigned int size)
{
	if (skb->protocol == htons(ETH_P_IP)) {
		/* The lesser of this and of what the routing tables' way has room for. */
		IPCB(skb)->frag_max_size = min_t(unsigned int, size, U16_MAX);
		ip_do_fragment(net, NULL, skb, itun_piece_xmit);
#if IS_ENABLED(CONFIG_IPV6)
	} else {
		ipv6_stub->ipv6_fragment(net, NULL, skb, itun_piece_xmit);
#endif
	}
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
	/* Only who sent it makes pieces (RFC 8200, 4.5). */
	came = IP6CB(skb)->frag_max_size;
	return came && came <= mtu && skb->ignore_df && skb->len > came ? came : 0;
}

/**
 * itun_path_xmit_pieces() - send a routed packet by a path, in pieces
 * @in: namespace
 * @path: under RCU, usable
 * @skb: at FORWARD, with a route; skb->data at the network header
 * @hash: of the session's key
 * @port: where it came in
 * @size: of itun_pieces_size(), not 0
 *
 * Context: BH off, under RCU.
 * Return: ITUN_XMIT_SENT or ITUN_XMIT_HANDED when a piece is in the tunnel; all are
 * consumed. ITUN_XMIT_FALLBACK when none was: they have gone the ordinary way.
 */
enum itun_xmit itun_path_xmit_pieces(struct itun_net *in, struct itun_path *path,
				     struct sk_buff *skb, u64 hash,
				     const struct net_device *port, unsigned int size)
{
	struct itun_pieces pieces = {
		.in = in, .path = path, .port = port, .hash = hash,
		.result = ITUN_XMIT_FALLBACK,
	};
	struct itun_pieces *outside = __this_cpu_read(itun_pieces);
	struct sk_buff *segment, *next;

	__this_cpu_write(itun_pieces, &pieces);
	if (likely(!skb_is_gso(skb))) {
		itun_pieces_make(in->net, skb, size);
	} else {
		/* As ip_finish_output_gso() does. */
		segment = skb_gso_segment(skb, 0);
		if (!IS_ERR_OR_NULL(segment)) {
			consume_skb(skb);
			skb_list_walk_safe(segment, segment, next) {
				skb_mark_not_on_list(segment);
				itun_pieces_make(in->net, segment, size);
			}
		} else {
			kfree_skb(skb);
		}
	}
	/* A packet inside another one's: a bridge hands what it sends itself to its own host. */
	__this_cpu_write(itun_pieces, outside);
	return pieces.result;
}
