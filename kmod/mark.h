/* SPDX-License-Identifier: GPL-2.0 */
/* Which packets a rule is for. */
#ifndef ITUN_MARK_H
#define ITUN_MARK_H

#include <linux/skbuff.h>

#include "config.h"
#include "wire/inner.h"

/**
 * itun_mark_may_match() - does all but where the packet goes fit a rule?
 * @mark: the rule
 * @skb: the packet
 * @type: enum ipvs_tun_tunnel_type
 * @id: its network
 *
 * To ask for its destination, it has to be parsed.
 *
 * Context: any, under RCU.
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

/**
 * itun_mark_leads_to() - does a packet go where a rule says?
 * @mark: a rule that names a destination
 * @inner: the packet's headers, of which there are addresses
 *
 * Context: any, under RCU.
 */
static inline bool itun_mark_leads_to(const struct itun_mark *mark, const struct itun_inner *inner)
{
	return inner->tuple.family == mark->dst_family &&
	       itun_addr_in_prefix(&inner->tuple.dst, &mark->dst, mark->dst_family, mark->dst_len);
}

#endif /* ITUN_MARK_H */
