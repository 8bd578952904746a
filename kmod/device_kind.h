/* SPDX-License-Identifier: GPL-2.0 */
/* What a tunnel device is, whatever driver made it. */
#ifndef ITUN_DEVICE_KIND_H
#define ITUN_DEVICE_KIND_H

#include <linux/netdevice.h>
#include <linux/types.h>

#include "wire/tuple.h"

/* As read from the device when it came, or changed. */
struct itun_device_kind {
	u8 type;		/* enum ipvs_tun_tunnel_type; MPLS: what carries it in UDP */
	u8 family;		/* of its endpoints: 4 or 6; 0 for both */
	bool external;		/* takes its instructions from metadata: any network */
	bool ip_inside;		/* carries IP packets, no Ethernet frames */
	bool remote_known;	/* its one other end */
	union itun_addr remote;
	union itun_addr local;	/* its own end; zero for any */
	u32 id;			/* network identifier of what comes in; of GRE the whole key */
	bool nvgre;		/* the keys of both directions can be NVGRE's, of one network */
	bool two_keys;		/* what comes in has another one than what is sent */
	u32 bits;		/* those of the mark's field that it uses for extensions */
	__be16 port;		/* 0 for GRE */
	struct net *underlay;	/* compared only */
};

bool itun_device_kind(const struct net_device *dev, struct itun_device_kind *kind);

#endif /* ITUN_DEVICE_KIND_H */
