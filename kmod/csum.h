/* SPDX-License-Identifier: GPL-2.0 */
/* Every edit of a tunnel packet keeps its checksums right through here. */
#ifndef ITUN_CSUM_H
#define ITUN_CSUM_H

#include <linux/skbuff.h>
#include <net/checksum.h>

struct itun_net;

/* The difference that a set of edits makes, in ones' complement: that of the
 * addresses apart, because they count in the pseudo-header only.
 */
struct itun_csum {
	__wsum pseudo;
	__wsum body;
	bool pseudo_edited;
	bool body_edited;
};

void itun_csum_pseudo(struct itun_csum *csum, const void *old, const void *new, int len);
void itun_csum_body(struct itun_csum *csum, const void *old, const void *new, int len);
bool itun_csum_editable(const struct sk_buff *skb);
void itun_csum_apply_udp(struct itun_net *in, struct sk_buff *skb, int transport,
			 const struct itun_csum *csum);

#endif /* ITUN_CSUM_H */
