/* SPDX-License-Identifier: GPL-2.0 */
/* A tunnel packet as the inet hooks see it: skb->data at the outer IP header. */
#ifndef ITUN_OUTER_H
#define ITUN_OUTER_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/ipv6.h>

#include "device.h"
#include "net.h"
#include "wire/inner.h"
#include "wire/tuple.h"
#include "wire/vxlan.h"

struct itun_outer {
	union itun_addr src, dst;
	u32 id;			/* network identifier */
	u16 transport;		/* offset of UDP from skb->data */
	u16 tunnel;		/* offset of the tunnel header */
	u16 inner;		/* offset of the inner frame */
	u16 port;		/* tunnel port, host order */
	u8 family;		/* 4 or 6 */
	u8 type;		/* enum ipvs_tun_tunnel_type */
	u8 flags;		/* the field that carries the mark */
	bool fragment;		/* first fragment of an outer packet (IPv6) */
	bool surplus;		/* bytes behind the datagram, which UDP will cut off */
};

#endif /* ITUN_OUTER_H */
