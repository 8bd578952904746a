/* SPDX-License-Identifier: GPL-2.0 */
/* The seal of a balanced flow's packet on its way to its tunnel: see classify.c. */
#ifndef ITUN_SEAL_H
#define ITUN_SEAL_H

#include <linux/siphash.h>
#include <linux/skbuff.h>

extern siphash_key_t itun_seal_key;
extern bool itun_seals;

/* Five bits are the same in all seals of a boot, so that of other hashes 31 of 32 need not
 * be looked at. Not the lowest, by which bonds and queues choose; nor the
 * uppermost, from which a tunnel's source port comes.
 */
#define ITUN_SEAL_TAG	(0x1f << 11)

static inline u32 itun_seal_tag(void)
{
	return (u32)itun_seal_key.key[0] & ITUN_SEAL_TAG;
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
	return READ_ONCE(itun_seals) && skb->sw_hash && skb->l4_hash &&
	       (skb->hash & ITUN_SEAL_TAG) == itun_seal_tag();
}

#endif /* ITUN_SEAL_H */
