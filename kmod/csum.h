/* SPDX-License-Identifier: GPL-2.0 */
/* Every edit of a tunnel packet keeps its checksums right through here. */
#ifndef ITUN_CSUM_H
#define ITUN_CSUM_H

#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/checksum.h>

struct itun_net;
struct itun_outer;

/* The difference that a set of edits makes, in ones' complement: that of the
 * addresses apart, because they count in the pseudo-header only.
 */
struct itun_csum {
	__wsum pseudo;
	__wsum body;
	bool pseudo_edited;
	bool body_edited;
};

/* The sum of a few bytes. csum_partial() is made for packets: a call, and some
 * fifty instructions for the two bytes that a mark changes.
 */
static __always_inline __wsum itun_csum_of(const void *bytes, int len)
{
	__sum16 half;
	__wsum word;

	if (__builtin_constant_p(len) && len == sizeof(half)) {
		memcpy(&half, bytes, sizeof(half));
		return csum_unfold(half);
	}
	if (__builtin_constant_p(len) && len == sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		return word;
	}
	return csum_partial(bytes, len, 0);
}

/**
 * itun_csum_pseudo() - note an edit of an outer address
 * @csum: the edits so far
 * @old: what stood there
 * @new: what stands there now
 * @len: 4 or 16
 */
static __always_inline void itun_csum_pseudo(struct itun_csum *csum, const void *old,
					     const void *new, int len)
{
	csum->pseudo = csum_add(csum->pseudo, csum_sub(itun_csum_of(new, len),
						       itun_csum_of(old, len)));
	csum->pseudo_edited = true;
}

/**
 * itun_csum_body() - note an edit of bytes that the tunnel's checksum covers
 * @csum: the edits so far
 * @old: what stood there
 * @new: what stands there now
 * @len: bytes; they begin at an even offset from the header of UDP or GRE
 */
static __always_inline void itun_csum_body(struct itun_csum *csum, const void *old,
					   const void *new, int len)
{
	csum->body = csum_add(csum->body, csum_sub(itun_csum_of(new, len),
						   itun_csum_of(old, len)));
	csum->body_edited = true;
}

/**
 * itun_csum_editable() - can this packet be edited and stay right?
 * @skb: tunnel packet
 *
 * UDP_L4 or fraglist segmentation without a tunnel bit would cut the tunnel
 * packet's own UDP datagram: one header is then copied in a way that only the
 * segmenting code knows. Such packets are left as they are. (What comes in so is
 * taken apart before: aggregate.c.)
 */
static inline bool itun_csum_editable(const struct sk_buff *skb)
{
	if (likely(!skb_is_gso(skb)))
		return true;
	if (skb_shinfo(skb)->gso_type & (SKB_GSO_UDP_TUNNEL | SKB_GSO_UDP_TUNNEL_CSUM |
					 SKB_GSO_GRE | SKB_GSO_GRE_CSUM))
		return true;
	return !(skb_shinfo(skb)->gso_type & (SKB_GSO_UDP_L4 | SKB_GSO_FRAGLIST));
}

void itun_csum_apply_udp(struct itun_net *in, struct sk_buff *skb, int transport,
			 const struct itun_csum *csum);
void itun_csum_apply(struct itun_net *in, struct sk_buff *skb, const struct itun_outer *outer,
		     const struct itun_csum *csum);
bool itun_csum_gre_right(const struct sk_buff *skb, int offset);

/**
 * itun_csum_uncovered() - can what a UDP tunnel carries be edited, and no sum with it?
 * @skb: tunnel packet
 * @uh: its outer UDP header
 *
 * Most tunnels have no checksum. A field of zero means so by rule 3, and by rules
 * 1 and 2 it would not change with such an edit: only rule 4 is left.
 *
 * Return: true if so.
 */
static inline bool itun_csum_uncovered(const struct sk_buff *skb, const struct udphdr *uh)
{
	return !uh->check && likely(skb->ip_summed != CHECKSUM_COMPLETE);
}

#endif /* ITUN_CSUM_H */
