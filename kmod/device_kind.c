// SPDX-License-Identifier: GPL-2.0
/* Tunnel devices by their drivers. VXLAN's is described in a header; Geneve's is
 * not, and GRE's differs between kernels: what these are is asked in the way
 * that "ip link show" asks, by the driver's own netlink attributes.
 */
#include "device_kind.h"

#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>
#include <net/geneve.h>
#include <net/gre.h>
#include <net/netlink.h>
#include <net/rtnetlink.h>
#include <net/vxlan.h>

#include "config.h"

/* More than the attributes of any of these drivers. */
#define ITUN_LINK_INFO	1024

static void itun_kind_vxlan(const struct net_device *dev, struct itun_device_kind *kind)
{
	const struct vxlan_dev *vxlan = netdev_priv(dev);
	u32 flags = vxlan->cfg.flags;

	kind->type = IPVS_TUN_TUNNEL_TYPE_VXLAN;
	kind->underlay = vxlan->net;
	kind->id = be32_to_cpu(vxlan->cfg.vni);
	kind->port = vxlan->cfg.dst_port;
	kind->external = flags & VXLAN_F_COLLECT_METADATA;
	if (!kind->external)
		kind->family = flags & VXLAN_F_IPV6 ? 6 : 4;
	if (flags & VXLAN_F_GBP)
		kind->bits |= 0x80;
	if (flags & VXLAN_F_GPE)
		kind->bits |= 0x35;
	/* Remote checksum offload: VXLAN_HF_RCO is bit 21 of the first word,
	 * outside of the flag byte.
	 */
}

static void itun_kind_remote(struct itun_device_kind *kind, const struct nlattr *attr, u8 family)
{
	kind->family = family;
	if (!attr || nla_len(attr) != (family == 4 ? 4 : 16))
		return;
	memcpy(&kind->remote, nla_data(attr), nla_len(attr));
	kind->remote_known = memchr_inv(nla_data(attr), 0, nla_len(attr));
}

static void itun_kind_geneve(struct nlattr **tb, struct itun_device_kind *kind)
{
	kind->type = IPVS_TUN_TUNNEL_TYPE_GENEVE;
	if (tb[IFLA_GENEVE_ID])
		kind->id = nla_get_u32(tb[IFLA_GENEVE_ID]);
	if (tb[IFLA_GENEVE_PORT])
		kind->port = nla_get_be16(tb[IFLA_GENEVE_PORT]);
	kind->external = tb[IFLA_GENEVE_COLLECT_METADATA];
	if (tb[IFLA_GENEVE_REMOTE])
		itun_kind_remote(kind, tb[IFLA_GENEVE_REMOTE], 4);
	else if (tb[IFLA_GENEVE_REMOTE6])
		itun_kind_remote(kind, tb[IFLA_GENEVE_REMOTE6], 6);
}

static bool itun_kind_named(const struct net_device *dev, const char *kind)
{
	return dev->rtnl_link_ops && !strcmp(dev->rtnl_link_ops->kind, kind);
}

/* GRE's devices that carry IP have no test in a header, as the others have. An
 * "external" one has no type, as it has no header of its own (ip_gre.c).
 */
static bool itun_kind_is_gre(const struct net_device *dev)
{
	return itun_kind_named(dev, "gre") &&
	       (dev->type == ARPHRD_IPGRE || dev->type == ARPHRD_NONE);
}

static bool itun_kind_is_ip6gre(const struct net_device *dev)
{
	return itun_kind_named(dev, "ip6gre") && dev->type == ARPHRD_IP6GRE;
}

/* Generic UDP encapsulation of labels (FOU) is a setting of the devices that put
 * IP into IP.
 */
static bool itun_kind_may_have_fou(const struct net_device *dev)
{
	return itun_kind_named(dev, "ipip") || itun_kind_named(dev, "sit") ||
	       itun_kind_named(dev, "ip6tnl");
}

static u32 itun_kind_key(const struct nlattr *flags, const struct nlattr *key)
{
	return flags && key && nla_get_be16(flags) & GRE_KEY ? be32_to_cpu(nla_get_be32(key)) : 0;
}

/* A key, and neither checksum nor sequence number: the form of NVGRE. */
static bool itun_kind_key_alone(const struct nlattr *flags)
{
	const __be16 parts = GRE_CSUM | GRE_KEY | GRE_SEQ;

	return flags && (nla_get_be16(flags) & parts) == GRE_KEY;
}

/* Two kinds of GRE devices are none of ours. One without another end (gretap0
 * and gre0, which the driver makes in each namespace) leads nowhere in particular. One
 * with two keys sends in another network than it receives in, unless they are
 * those of NVGRE and differ in the FlowID only.
 */
static bool itun_kind_gre(struct nlattr **tb, struct itun_device_kind *kind, u8 family)
{
	const struct nlattr *local = tb[IFLA_GRE_LOCAL];
	u32 okey;

	kind->type = IPVS_TUN_TUNNEL_TYPE_GRE;
	kind->external = tb[IFLA_GRE_COLLECT_METADATA];
	itun_kind_remote(kind, kind->external ? NULL : tb[IFLA_GRE_REMOTE], family);
	if (local && nla_len(local) == (family == 4 ? 4 : 16))
		memcpy(&kind->local, nla_data(local), nla_len(local));
	kind->id = itun_kind_key(tb[IFLA_GRE_IFLAGS], tb[IFLA_GRE_IKEY]);
	okey = itun_kind_key(tb[IFLA_GRE_OFLAGS], tb[IFLA_GRE_OKEY]);
	kind->two_keys = kind->id != okey;
	kind->nvgre = !kind->ip_inside && itun_kind_key_alone(tb[IFLA_GRE_IFLAGS]) &&
		      itun_kind_key_alone(tb[IFLA_GRE_OFLAGS]) &&
		      kind->id >> ITUN_GRE_FLOWID_BITS == okey >> ITUN_GRE_FLOWID_BITS;
	return kind->external || (kind->remote_known && (!kind->two_keys || kind->nvgre));
}

/* Those that can carry labels, in UDP without a header of its own. */
static bool itun_kind_fou(const struct net_device *dev, struct nlattr **tb,
			  struct itun_device_kind *kind)
{
	u8 family = itun_kind_named(dev, "ip6tnl") ? 6 : 4;
	const struct nlattr *local = tb[IFLA_IPTUN_LOCAL];
	u8 protocol = tb[IFLA_IPTUN_PROTO] ? nla_get_u8(tb[IFLA_IPTUN_PROTO]) : 0;

	/* 0: whatever it is given. */
	if (!tb[IFLA_IPTUN_ENCAP_TYPE] ||
	    nla_get_u16(tb[IFLA_IPTUN_ENCAP_TYPE]) != TUNNEL_ENCAP_FOU ||
	    (protocol && protocol != IPPROTO_MPLS) || tb[IFLA_IPTUN_COLLECT_METADATA] ||
	    !tb[IFLA_IPTUN_ENCAP_DPORT])
		return false;
	kind->type = IPVS_TUN_TUNNEL_TYPE_MPLS;
	kind->port = nla_get_be16(tb[IFLA_IPTUN_ENCAP_DPORT]);
	itun_kind_remote(kind, tb[IFLA_IPTUN_REMOTE], family);
	if (local && nla_len(local) == (family == 4 ? 4 : 16))
		memcpy(&kind->local, nla_data(local), nla_len(local));
	return kind->remote_known && kind->port;
}

/* Of all the drivers' attributes, by number; what is not one of a driver's is
 * never looked at.
 */
#define ITUN_LINK_ATTRS	32
static_assert(ITUN_LINK_ATTRS >= IFLA_GRE_MAX && ITUN_LINK_ATTRS >= IFLA_GENEVE_MAX &&
	      ITUN_LINK_ATTRS >= IFLA_IPTUN_MAX);

static bool itun_kind_ask(const struct net_device *dev, struct itun_device_kind *kind)
{
	const struct rtnl_link_ops *ops = dev->rtnl_link_ops;
	struct nlattr *tb[ITUN_LINK_ATTRS + 1] = {};
	const struct nlattr *attr;
	struct sk_buff *info;
	bool ours = true;
	int rest;

	if (!ops->fill_info)
		return false;
	info = alloc_skb(ITUN_LINK_INFO, GFP_KERNEL);
	if (!info)
		return false;
	if (ops->fill_info(info, dev)) {
		kfree_skb(info);
		return false;
	}
	nla_for_each_attr(attr, (const struct nlattr *)info->data, info->len, rest)
		if (nla_type(attr) <= ITUN_LINK_ATTRS)
			tb[nla_type(attr)] = (struct nlattr *)attr;

	kind->ip_inside = dev->type != ARPHRD_ETHER;
	if (netif_is_geneve(dev))
		itun_kind_geneve(tb, kind);
	else if (itun_kind_may_have_fou(dev))
		ours = itun_kind_fou(dev, tb, kind);
	else
		ours = itun_kind_gre(tb, kind,
				     netif_is_gretap(dev) || itun_kind_is_gre(dev) ? 4 : 6);
	/* Geneve does not tell: one whose underlay is in another namespace than
	 * the device is not known as such, and not supported.
	 */
	kind->underlay = ops->get_link_net ? ops->get_link_net(dev) : dev_net(dev);
	kfree_skb(info);
	return ours;
}

/**
 * itun_device_kind() - what tunnel does a device lead into?
 * @dev: device, registered or about to be
 * @kind: filled
 *
 * Context: process, under RTNL; may sleep.
 * Return: false if it is no tunnel of ours, or if memory ran out.
 */
bool itun_device_kind(const struct net_device *dev, struct itun_device_kind *kind)
{
	ASSERT_RTNL();
	memset(kind, 0, sizeof(*kind));
	if (netif_is_vxlan(dev)) {
		itun_kind_vxlan(dev, kind);
		return true;
	}
	if (netif_is_geneve(dev) || netif_is_gretap(dev) || netif_is_ip6gretap(dev) ||
	    itun_kind_is_gre(dev) || itun_kind_is_ip6gre(dev) || itun_kind_may_have_fou(dev))
		return itun_kind_ask(dev, kind);
	return false;
}
