/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	kmod/uapi/ipvs_tun.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_IPVS_TUN_GEN_H
#define _LINUX_IPVS_TUN_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/ipvs_tun.h>

/* Common nested types */
extern const struct nla_policy ipvs_tun_change_nl_policy[IPVS_TUN_A_CHANGE_PORT + 1];
extern const struct nla_policy ipvs_tun_endpoint_nl_policy[IPVS_TUN_A_ENDPOINT_TUNNEL + 1];
extern const struct nla_policy ipvs_tun_filter_nl_policy[IPVS_TUN_A_FILTER_STATE + 1];
extern const struct nla_policy ipvs_tun_limit_nl_policy[IPVS_TUN_A_LIMIT_ACCOUNTING + 1];
extern const struct nla_policy ipvs_tun_mark_nl_policy[IPVS_TUN_A_MARK_PAD + 1];
extern const struct nla_policy ipvs_tun_own_nl_policy[IPVS_TUN_A_OWN_PREFIX_LEN + 1];
extern const struct nla_policy ipvs_tun_path_nl_policy[IPVS_TUN_A_PATH_VTEP_MAC + 1];
extern const struct nla_policy ipvs_tun_pause_nl_policy[IPVS_TUN_A_PAUSE_STEPS + 1];
extern const struct nla_policy ipvs_tun_peer_nl_policy[IPVS_TUN_A_PEER_ENDPOINT + 1];
extern const struct nla_policy ipvs_tun_port_nl_policy[IPVS_TUN_A_PORT_DEVICE + 1];
extern const struct nla_policy ipvs_tun_port_device_nl_policy[IPVS_TUN_A_PORT_DEVICE_PAD + 1];
extern const struct nla_policy ipvs_tun_return_label_nl_policy[IPVS_TUN_A_RETURN_LABEL_RETURN + 1];
extern const struct nla_policy ipvs_tun_session_nl_policy[IPVS_TUN_A_SESSION_PAD + 1];
extern const struct nla_policy ipvs_tun_timeout_nl_policy[IPVS_TUN_A_TIMEOUT_SECONDS + 1];
extern const struct nla_policy ipvs_tun_tunnel_nl_policy[IPVS_TUN_A_TUNNEL_NVGRE + 1];
extern const struct nla_policy ipvs_tun_zone_nl_policy[IPVS_TUN_A_ZONE_ID + 1];

int ipvs_tun_nl_status_get_doit(struct sk_buff *skb, struct genl_info *info);
int ipvs_tun_nl_change_set_doit(struct sk_buff *skb, struct genl_info *info);
int ipvs_tun_nl_mark_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int ipvs_tun_nl_tunnel_get_dumpit(struct sk_buff *skb,
				  struct netlink_callback *cb);
int ipvs_tun_nl_peer_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int ipvs_tun_nl_zone_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int ipvs_tun_nl_timeout_get_dumpit(struct sk_buff *skb,
				   struct netlink_callback *cb);
int ipvs_tun_nl_limit_get_doit(struct sk_buff *skb, struct genl_info *info);
int ipvs_tun_nl_stats_get_dumpit(struct sk_buff *skb,
				 struct netlink_callback *cb);
int ipvs_tun_nl_stats_reset_doit(struct sk_buff *skb, struct genl_info *info);
int ipvs_tun_nl_session_get_dumpit(struct sk_buff *skb,
				   struct netlink_callback *cb);
int ipvs_tun_nl_session_count_doit(struct sk_buff *skb, struct genl_info *info);
int ipvs_tun_nl_session_add_doit(struct sk_buff *skb, struct genl_info *info);
int ipvs_tun_nl_session_del_doit(struct sk_buff *skb, struct genl_info *info);
int ipvs_tun_nl_session_flush_doit(struct sk_buff *skb, struct genl_info *info);
int ipvs_tun_nl_path_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int ipvs_tun_nl_path_kill_doit(struct sk_buff *skb, struct genl_info *info);
int ipvs_tun_nl_port_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);

enum {
	IPVS_TUN_NLGRP_SESSION,
	IPVS_TUN_NLGRP_CONFIG,
	IPVS_TUN_NLGRP_PEER,
};

extern struct genl_family ipvs_tun_nl_family;

#endif /* _LINUX_IPVS_TUN_GEN_H */
