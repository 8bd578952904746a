/* SPDX-License-Identifier: GPL-2.0 */
/* Which packets a rule is for, as far as that can be said without parsing them. */
#ifndef ITUN_MARK_H
#define ITUN_MARK_H

#include <linux/skbuff.h>

#include "config.h"

/**
 * itun_mark_may_match() - does all but where the packet goes fit a rule?
 * @mark: the rule
 * @skb: the packet
 * @type: enum ipvs_tun_tunnel_type
 * @id: its network
 *
 * Context: any, under RCU.
 * Return: false if the rule does not match; true if it does, unless it names a destination.
 */
static inline bool itun_mark_may_match(const struct itun_mark *mark, const struct sk_buff *skb,
				       u8 type, u32 id)
{
	if ((skb->mark & mark->mask) != mark->value)
		return false;
	if (mark->tunnels && !(mark->tunnels & BIT(type)))
		return false;
	return itun_vni_listed(mark->vnis, mark->n_vnis, id);
}

#endif /* ITUN_MARK_H */
