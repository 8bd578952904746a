/* SPDX-License-Identifier: GPL-2.0 */
/* What path_xmit pushes in front of a frame for VXLAN over IPv4. */
#ifndef ITUN_ENCAP_H
#define ITUN_ENCAP_H

#include <net/ip.h>
#include <net/route.h>

#include "path.h"

/* Identifications of outer packets that a CPU has reserved for a path. */
struct itun_idents {
	__be32 local;		/* the outer source address that they are for */
	u32 at;			/* jiffies: when */
	u16 next;
	u16 left;
};

/**
 * struct itun_encap4 - the outer headers of a packet
 * @local: source address
 * @remote: destination address
 * @df: the DF bit, or 0
 * @sport: UDP source port
 * @dport: UDP destination port
 * @tos: the outer TOS
 * @ttl: the outer TTL
 * @checksum: is there to be a UDP checksum?
 */
struct itun_encap4 {
	__be32 local;
	__be32 remote;
	__be16 df;
	__be16 sport;
	__be16 dport;
	u8 tos;
	u8 ttl;
	bool checksum;
};

void itun_idents_init(struct itun_path *path);
void itun_idents_free(struct itun_path *path);
void itun_encap4(const struct itun_path *path, struct rtable *rt, struct sock *sk,
		 struct sk_buff *skb, const struct itun_encap4 *outer);

#endif /* ITUN_ENCAP_H */
