/* SPDX-License-Identifier: GPL-2.0 */
/* The seal of a balanced flow's packet between its port and its tunnel: see
 * classify.c.
 */
#ifndef ITUN_SEAL_H
#define ITUN_SEAL_H

#include <linux/siphash.h>
#include <linux/skbuff.h>

extern siphash_key_t itun_seal_key;

/* The lowest bits are the same in all seals of a boot, so that of the others 31 of
 * 32 need not be looked at. A tunnel's source port comes from the upper ones.
 */
#define ITUN_SEAL_TAG	0x1f

static inline u32 itun_seal_tag(void)
{
	return itun_seal_key.key[0] & ITUN_SEAL_TAG;
}

/**
 * itun_may_be_classified() - may a packet have a seal?
 * @skb: packet
 *
 * Context: any.
 * Return: false if it has none for certain.
 */
static inline bool itun_may_be_classified(const struct sk_buff *skb)
{
	return skb->sw_hash && skb->l4_hash && (skb->hash & ITUN_SEAL_TAG) == itun_seal_tag();
}

#endif /* ITUN_SEAL_H */
