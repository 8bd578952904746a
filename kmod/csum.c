// SPDX-License-Identifier: GPL-2.0
/* Checksums of the tunnel packet after an edit: that of UDP, or that of GRE.
 *
 * What the field holds depends on how the packet came to be, and is decided in
 * this order, never by the field's value first:
 *
 * 1. GSO with a tunnel bit: SKB_GSO_UDP_TUNNEL_CSUM says whether there is a
 *    checksum. The field is the pseudo-header's sum, not inverted
 *    (udp_set_csum(), udp_gro_complete()); the segments' checksums are made
 *    from it later, so that only an edit of an address touches it.
 * 2. CHECKSUM_PARTIAL that starts at the outer header: the same.
 * 3. Otherwise zero means none, in both families, and anything else is a
 *    complete checksum, to be updated for every edited byte. That includes
 *    local checksum offload (csum_start at an inner header: lco_csum() has
 *    made the outer one complete) and CHECKSUM_UNNECESSARY, which
 *    skb_checksum_try_convert() may turn into COMPLETE by the field's value.
 * 4. skb->csum of a packet received with CHECKSUM_COMPLETE covers the field
 *    as well: with an updated field the edits cancel, without one skb->csum
 *    is what has to change.
 *
 * GRE has a checksum only if its header says so. It has no pseudo-header: an
 * edit of an address does not touch it, and while the segments are still to be
 * cut (1), or the sum to be made (2), nothing has to be done.
 */
#include "csum.h"

#include <linux/ip.h>
#include <linux/udp.h>

#include "net.h"
#include "outer.h"

/**
 * itun_csum_apply_udp() - bring the outer UDP checksum up to the edits
 * @in: for the counter
 * @skb: tunnel packet, the UDP header writable
 * @transport: offset of the UDP header from skb->data
 * @csum: the edits
 */
void itun_csum_apply_udp(struct itun_net *in, struct sk_buff *skb, int transport,
			 const struct itun_csum *csum)
{
	struct udphdr *uh = (struct udphdr *)(skb->data + transport);
	unsigned int tunnel = 0;
	__wsum sum;

	if (skb_is_gso(skb))
		tunnel = skb_shinfo(skb)->gso_type &
			 (SKB_GSO_UDP_TUNNEL | SKB_GSO_UDP_TUNNEL_CSUM);

	if (tunnel || (skb->ip_summed == CHECKSUM_PARTIAL &&
		       skb_checksum_start_offset(skb) == transport)) {
		if (tunnel && !(tunnel & SKB_GSO_UDP_TUNNEL_CSUM))
			return;
		if (!csum->pseudo_edited)
			return;
		sum = csum_add(csum_unfold(uh->check), csum->pseudo);
		uh->check = ~csum_fold(sum);
		itun_count(in, checksum_updated);
		return;
	}

	if (!uh->check) {
		if (skb->ip_summed == CHECKSUM_COMPLETE && csum->body_edited)
			skb->csum = csum_add(skb->csum, csum->body);
		return;
	}

	sum = csum_add(~csum_unfold(uh->check), csum->body);
	sum = csum_add(sum, csum->pseudo);
	uh->check = csum_fold(sum);
	if (!uh->check)
		uh->check = CSUM_MANGLED_0;
	itun_count(in, checksum_updated);
}

/* Where the checksum of a GRE header is, if it has one. */
static __sum16 *itun_csum_gre_field(u8 *header)
{
	return header[0] & ITUN_GRE_CHECKSUM ? (__sum16 *)(header + ITUN_GRE_HLEN) : NULL;
}

static void itun_csum_apply_gre(struct itun_net *in, struct sk_buff *skb, int offset,
				const struct itun_csum *csum)
{
	__sum16 *field = itun_csum_gre_field(skb->data + offset);

	if (!csum->body_edited)
		return;
	/* gre_gso_segment() makes those of the segments. */
	if (skb_is_gso(skb) && skb_shinfo(skb)->gso_type & (SKB_GSO_GRE | SKB_GSO_GRE_CSUM))
		return;
	if (skb->ip_summed == CHECKSUM_PARTIAL && skb_checksum_start_offset(skb) == offset)
		return;
	if (!field) {
		if (skb->ip_summed == CHECKSUM_COMPLETE)
			skb->csum = csum_add(skb->csum, csum->body);
		return;
	}
	/* Unlike UDP's, zero is a sum like any other. */
	*field = csum_fold(csum_add(~csum_unfold(*field), csum->body));
	itun_count(in, checksum_updated);
}

/**
 * itun_csum_gre_right() - is the checksum of a GRE packet right?
 * @skb: not segmented later
 * @offset: of the GRE header from skb->data
 *
 * What is still to be summed up by a device was never on a wire: as the stack
 * does (skb_csum_unnecessary()), it is believed.
 *
 * Context: any.
 * Return: true if it is, or if there is none.
 */
bool itun_csum_gre_right(const struct sk_buff *skb, int offset)
{
	u8 buffer, *header;

	header = skb_header_pointer(skb, offset, sizeof(buffer), &buffer);
	if (!header || !(*header & ITUN_GRE_CHECKSUM) || skb->ip_summed == CHECKSUM_PARTIAL)
		return header;
	return !csum_fold(skb_checksum(skb, offset, skb->len - offset, 0));
}

/**
 * itun_csum_apply() - bring a tunnel packet's checksum up to the edits
 * @in: for the counter
 * @skb: tunnel packet, writable up to the end of what an edit can touch
 * @outer: its headers
 * @csum: the edits
 *
 * Context: any.
 */
void itun_csum_apply(struct itun_net *in, struct sk_buff *skb, const struct itun_outer *outer,
		     const struct itun_csum *csum)
{
	if (likely(outer->port))
		itun_csum_apply_udp(in, skb, outer->transport, csum);
	else if (itun_outer_over_gre(outer))
		itun_csum_apply_gre(in, skb, outer->transport, csum);
	else if (skb->ip_summed == CHECKSUM_COMPLETE)
		/* Labels have none; rule 4 as for any header without one. */
		skb->csum = csum_add(skb->csum, csum->body);
}
