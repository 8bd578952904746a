/* SPDX-License-Identifier: GPL-2.0 */
/* Where among the hooks of one place ours is: a packet that we have kept goes on from there. */
#ifndef ITUN_HOOK_INDEX_H
#define ITUN_HOOK_INDEX_H

#include <linux/netfilter.h>

struct itun_net;

/**
 * itun_hook_index() - find our hook
 * @entries: all of a place, under RCU; or NULL
 * @in: namespace, which our hooks alone belong to
 *
 * Context: any, under RCU.
 * Return: its index for nf_hook_slow(); -1 if it is being unregistered.
 */
static inline int itun_hook_index(const struct nf_hook_entries *entries,
				  const struct itun_net *in)
{
	int i;

	for (i = 0; entries && i < entries->num_hook_entries; i++)
		if (entries->hooks[i].priv == in)
			return i;
	return -1;
}

#endif /* ITUN_HOOK_INDEX_H */
