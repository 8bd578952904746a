// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	kmod/uapi/ipvs_tun.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"

#include <uapi/linux/ipvs_tun.h>

/* Integer value ranges */
static const struct netlink_range_validation ipvs_tun_a_timeout_seconds_range = {
	.min	= 1ULL,
	.max	= 2000000ULL,
};

/* Common nested types */
const struct nla_policy ipvs_tun_change_nl_policy[IPVS_TUN_A_CHANGE_PORT + 1] = {
	[IPVS_TUN_A_CHANGE_ACTION] = NLA_POLICY_MAX(NLA_U32, 4),
	[IPVS_TUN_A_CHANGE_MARK] = NLA_POLICY_NESTED(ipvs_tun_mark_nl_policy),
	[IPVS_TUN_A_CHANGE_TUNNEL] = NLA_POLICY_NESTED(ipvs_tun_tunnel_nl_policy),
	[IPVS_TUN_A_CHANGE_PEER] = NLA_POLICY_NESTED(ipvs_tun_peer_nl_policy),
	[IPVS_TUN_A_CHANGE_ZONE] = NLA_POLICY_NESTED(ipvs_tun_zone_nl_policy),
	[IPVS_TUN_A_CHANGE_TIMEOUT] = NLA_POLICY_NESTED(ipvs_tun_timeout_nl_policy),
	[IPVS_TUN_A_CHANGE_LIMIT] = NLA_POLICY_NESTED(ipvs_tun_limit_nl_policy),
	[IPVS_TUN_A_CHANGE_PAUSE] = NLA_POLICY_NESTED(ipvs_tun_pause_nl_policy),
	[IPVS_TUN_A_CHANGE_PORT] = NLA_POLICY_NESTED(ipvs_tun_port_nl_policy),
};

const struct nla_policy ipvs_tun_endpoint_nl_policy[IPVS_TUN_A_ENDPOINT_TUNNEL + 1] = {
	[IPVS_TUN_A_ENDPOINT_ADDRESS] = { .type = NLA_BINARY, },
	[IPVS_TUN_A_ENDPOINT_STATE] = NLA_POLICY_MAX(NLA_U32, 4),
	[IPVS_TUN_A_ENDPOINT_LAST_SEEN] = { .type = NLA_U32, },
	[IPVS_TUN_A_ENDPOINT_VERSION] = { .type = NLA_NUL_STRING, },
	[IPVS_TUN_A_ENDPOINT_PROTOCOL_VERSION] = { .type = NLA_U32, },
	[IPVS_TUN_A_ENDPOINT_TUNNELS] = { .type = NLA_U32, },
	[IPVS_TUN_A_ENDPOINT_ACCEPT_MARK] = { .type = NLA_U32, },
	[IPVS_TUN_A_ENDPOINT_REASON] = { .type = NLA_NUL_STRING, },
	[IPVS_TUN_A_ENDPOINT_MARKED] = { .type = NLA_U64, },
	[IPVS_TUN_A_ENDPOINT_RECORDED] = { .type = NLA_U64, },
	[IPVS_TUN_A_ENDPOINT_UNTRUSTED] = { .type = NLA_U64, },
	[IPVS_TUN_A_ENDPOINT_TUNNEL] = NLA_POLICY_MAX(NLA_U8, 4),
};

const struct nla_policy ipvs_tun_filter_nl_policy[IPVS_TUN_A_FILTER_STATE + 1] = {
	[IPVS_TUN_A_FILTER_SRC] = { .type = NLA_BINARY, },
	[IPVS_TUN_A_FILTER_SRC_LEN] = { .type = NLA_U8, },
	[IPVS_TUN_A_FILTER_DST] = { .type = NLA_BINARY, },
	[IPVS_TUN_A_FILTER_DST_LEN] = { .type = NLA_U8, },
	[IPVS_TUN_A_FILTER_SPORT] = { .type = NLA_U16, },
	[IPVS_TUN_A_FILTER_DPORT] = { .type = NLA_U16, },
	[IPVS_TUN_A_FILTER_PROTOCOL] = { .type = NLA_U8, },
	[IPVS_TUN_A_FILTER_VNI] = { .type = NLA_U32, },
	[IPVS_TUN_A_FILTER_VTEP] = { .type = NLA_BINARY, },
	[IPVS_TUN_A_FILTER_VTEP_LEN] = { .type = NLA_U8, },
	[IPVS_TUN_A_FILTER_MAC] = NLA_POLICY_EXACT_LEN(6),
	[IPVS_TUN_A_FILTER_TUNNEL] = NLA_POLICY_MAX(NLA_U8, 4),
	[IPVS_TUN_A_FILTER_STATE] = NLA_POLICY_MAX(NLA_U8, 5),
};

const struct nla_policy ipvs_tun_limit_nl_policy[IPVS_TUN_A_LIMIT_ACCOUNTING + 1] = {
	[IPVS_TUN_A_LIMIT_SESSIONS] = { .type = NLA_U32, },
	[IPVS_TUN_A_LIMIT_SESSIONS_PER_VNI] = { .type = NLA_U32, },
	[IPVS_TUN_A_LIMIT_ACCOUNTING] = NLA_POLICY_MAX(NLA_U8, 1),
};

const struct nla_policy ipvs_tun_mark_nl_policy[IPVS_TUN_A_MARK_PAD + 1] = {
	[IPVS_TUN_A_MARK_VALUE] = { .type = NLA_U32, },
	[IPVS_TUN_A_MARK_MASK] = { .type = NLA_U32, },
	[IPVS_TUN_A_MARK_TUNNELS] = { .type = NLA_U32, },
	[IPVS_TUN_A_MARK_VNI] = { .type = NLA_U32, },
	[IPVS_TUN_A_MARK_DST] = { .type = NLA_BINARY, },
	[IPVS_TUN_A_MARK_DST_LEN] = { .type = NLA_U8, },
	[IPVS_TUN_A_MARK_PRIO] = { .type = NLA_U32, },
	[IPVS_TUN_A_MARK_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
	[IPVS_TUN_A_MARK_PACKETS] = { .type = NLA_U64, },
	[IPVS_TUN_A_MARK_NOT_READY] = { .type = NLA_U64, },
};

const struct nla_policy ipvs_tun_own_nl_policy[IPVS_TUN_A_OWN_PREFIX_LEN + 1] = {
	[IPVS_TUN_A_OWN_PREFIX] = { .type = NLA_BINARY, },
	[IPVS_TUN_A_OWN_PREFIX_LEN] = { .type = NLA_U8, },
};

const struct nla_policy ipvs_tun_path_nl_policy[IPVS_TUN_A_PATH_VTEP_MAC + 1] = {
	[IPVS_TUN_A_PATH_TUNNEL] = NLA_POLICY_MAX(NLA_U8, 4),
	[IPVS_TUN_A_PATH_MAC] = NLA_POLICY_EXACT_LEN(6),
	[IPVS_TUN_A_PATH_VTEP] = { .type = NLA_BINARY, },
	[IPVS_TUN_A_PATH_LOCAL] = { .type = NLA_BINARY, },
	[IPVS_TUN_A_PATH_VNI] = { .type = NLA_U32, },
	[IPVS_TUN_A_PATH_ZONE] = { .type = NLA_U32, },
	[IPVS_TUN_A_PATH_IFINDEX] = { .type = NLA_U32, },
	[IPVS_TUN_A_PATH_TUNNEL_IFINDEX] = { .type = NLA_U32, },
	[IPVS_TUN_A_PATH_SESSIONS] = { .type = NLA_U32, },
	[IPVS_TUN_A_PATH_DEAD] = { .type = NLA_FLAG, },
	[IPVS_TUN_A_PATH_VTEP_MAC] = NLA_POLICY_EXACT_LEN(6),
};

const struct nla_policy ipvs_tun_pause_nl_policy[IPVS_TUN_A_PAUSE_STEPS + 1] = {
	[IPVS_TUN_A_PAUSE_STEPS] = NLA_POLICY_MASK(NLA_U32, 0xf),
};

const struct nla_policy ipvs_tun_peer_nl_policy[IPVS_TUN_A_PEER_ENDPOINT + 1] = {
	[IPVS_TUN_A_PEER_PREFIX] = { .type = NLA_BINARY, },
	[IPVS_TUN_A_PEER_PREFIX_LEN] = { .type = NLA_U8, },
	[IPVS_TUN_A_PEER_FLAGS] = NLA_POLICY_MASK(NLA_U32, 0xf),
	[IPVS_TUN_A_PEER_DEV] = { .type = NLA_NUL_STRING, .len = 15, },
	[IPVS_TUN_A_PEER_VNI] = { .type = NLA_U32, },
	[IPVS_TUN_A_PEER_ENDPOINT] = NLA_POLICY_NESTED(ipvs_tun_endpoint_nl_policy),
};

const struct nla_policy ipvs_tun_port_nl_policy[IPVS_TUN_A_PORT_DEVICE + 1] = {
	[IPVS_TUN_A_PORT_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[IPVS_TUN_A_PORT_GROUP] = { .type = NLA_U32, },
	[IPVS_TUN_A_PORT_VNI] = { .type = NLA_U32, },
	[IPVS_TUN_A_PORT_FLAGS] = NLA_POLICY_MASK(NLA_U32, 0x3),
	[IPVS_TUN_A_PORT_OWN] = NLA_POLICY_NESTED(ipvs_tun_own_nl_policy),
	[IPVS_TUN_A_PORT_DEVICE] = NLA_POLICY_NESTED(ipvs_tun_port_device_nl_policy),
};

const struct nla_policy ipvs_tun_port_device_nl_policy[IPVS_TUN_A_PORT_DEVICE_PAD + 1] = {
	[IPVS_TUN_A_PORT_DEVICE_NAME] = { .type = NLA_NUL_STRING, },
	[IPVS_TUN_A_PORT_DEVICE_IFINDEX] = { .type = NLA_U32, },
	[IPVS_TUN_A_PORT_DEVICE_DIRECT] = { .type = NLA_U64, },
	[IPVS_TUN_A_PORT_DEVICE_BALANCED] = { .type = NLA_U64, },
	[IPVS_TUN_A_PORT_DEVICE_WARNING] = { .type = NLA_STRING, },
};

const struct nla_policy ipvs_tun_return_label_nl_policy[IPVS_TUN_A_RETURN_LABEL_RETURN + 1] = {
	[IPVS_TUN_A_RETURN_LABEL_FORWARD] = { .type = NLA_U32, },
	[IPVS_TUN_A_RETURN_LABEL_RETURN] = { .type = NLA_U32, },
};

const struct nla_policy ipvs_tun_session_nl_policy[IPVS_TUN_A_SESSION_PAD + 1] = {
	[IPVS_TUN_A_SESSION_SRC] = { .type = NLA_BINARY, },
	[IPVS_TUN_A_SESSION_DST] = { .type = NLA_BINARY, },
	[IPVS_TUN_A_SESSION_SPORT] = { .type = NLA_U16, },
	[IPVS_TUN_A_SESSION_DPORT] = { .type = NLA_U16, },
	[IPVS_TUN_A_SESSION_PROTOCOL] = { .type = NLA_U8, },
	[IPVS_TUN_A_SESSION_ZONE] = { .type = NLA_U32, },
	[IPVS_TUN_A_SESSION_VNI] = { .type = NLA_U32, },
	[IPVS_TUN_A_SESSION_MAC] = NLA_POLICY_EXACT_LEN(6),
	[IPVS_TUN_A_SESSION_VTEP] = { .type = NLA_BINARY, },
	[IPVS_TUN_A_SESSION_VTEP_MAC] = NLA_POLICY_EXACT_LEN(6),
	[IPVS_TUN_A_SESSION_LOCAL] = { .type = NLA_BINARY, },
	[IPVS_TUN_A_SESSION_IFINDEX] = { .type = NLA_U32, },
	[IPVS_TUN_A_SESSION_TUNNEL] = NLA_POLICY_MAX(NLA_U8, 4),
	[IPVS_TUN_A_SESSION_STATE] = NLA_POLICY_MAX(NLA_U8, 5),
	[IPVS_TUN_A_SESSION_FLAGS] = NLA_POLICY_MASK(NLA_U32, 0x3),
	[IPVS_TUN_A_SESSION_AGE] = { .type = NLA_U32, },
	[IPVS_TUN_A_SESSION_EXPIRES] = { .type = NLA_U32, },
	[IPVS_TUN_A_SESSION_FWD_PACKETS] = { .type = NLA_U64, },
	[IPVS_TUN_A_SESSION_FWD_BYTES] = { .type = NLA_U64, },
	[IPVS_TUN_A_SESSION_REV_PACKETS] = { .type = NLA_U64, },
	[IPVS_TUN_A_SESSION_REV_BYTES] = { .type = NLA_U64, },
};

const struct nla_policy ipvs_tun_timeout_nl_policy[IPVS_TUN_A_TIMEOUT_SECONDS + 1] = {
	[IPVS_TUN_A_TIMEOUT_STATE] = NLA_POLICY_MAX(NLA_U8, 5),
	[IPVS_TUN_A_TIMEOUT_SECONDS] = NLA_POLICY_FULL_RANGE(NLA_U32, &ipvs_tun_a_timeout_seconds_range),
};

const struct nla_policy ipvs_tun_tunnel_nl_policy[IPVS_TUN_A_TUNNEL_NVGRE + 1] = {
	[IPVS_TUN_A_TUNNEL_TYPE] = NLA_POLICY_MAX(NLA_U8, 4),
	[IPVS_TUN_A_TUNNEL_SECOND_MARK] = { .type = NLA_U32, },
	[IPVS_TUN_A_TUNNEL_ACCEPT_MARK] = { .type = NLA_U32, },
	[IPVS_TUN_A_TUNNEL_AUTO] = { .type = NLA_FLAG, },
	[IPVS_TUN_A_TUNNEL_PORT] = { .type = NLA_U16, },
	[IPVS_TUN_A_TUNNEL_PORT_IN_USE] = { .type = NLA_U16, },
	[IPVS_TUN_A_TUNNEL_NORMAL] = { .type = NLA_U32, },
	[IPVS_TUN_A_TUNNEL_ALLOWED] = { .type = NLA_U32, },
	[IPVS_TUN_A_TUNNEL_WARNING] = { .type = NLA_STRING, },
	[IPVS_TUN_A_TUNNEL_RETURN_LABEL] = NLA_POLICY_NESTED(ipvs_tun_return_label_nl_policy),
	[IPVS_TUN_A_TUNNEL_SYMMETRIC] = { .type = NLA_FLAG, },
	[IPVS_TUN_A_TUNNEL_NVGRE] = NLA_POLICY_MAX(NLA_U8, 1),
};

const struct nla_policy ipvs_tun_zone_nl_policy[IPVS_TUN_A_ZONE_ID + 1] = {
	[IPVS_TUN_A_ZONE_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
	[IPVS_TUN_A_ZONE_VNI] = { .type = NLA_U32, },
	[IPVS_TUN_A_ZONE_ID] = { .type = NLA_U32, },
};

/* IPVS_TUN_CMD_CHANGE_SET - do */
static const struct nla_policy ipvs_tun_change_set_nl_policy[IPVS_TUN_A_MESSAGE_CHANGE + 1] = {
	[IPVS_TUN_A_MESSAGE_CHANGE] = NLA_POLICY_NESTED(ipvs_tun_change_nl_policy),
};

/* IPVS_TUN_CMD_SESSION_GET - dump */
static const struct nla_policy ipvs_tun_session_get_nl_policy[IPVS_TUN_A_MESSAGE_FILTER + 1] = {
	[IPVS_TUN_A_MESSAGE_FILTER] = NLA_POLICY_NESTED(ipvs_tun_filter_nl_policy),
};

/* IPVS_TUN_CMD_SESSION_COUNT - do */
static const struct nla_policy ipvs_tun_session_count_nl_policy[IPVS_TUN_A_MESSAGE_FILTER + 1] = {
	[IPVS_TUN_A_MESSAGE_FILTER] = NLA_POLICY_NESTED(ipvs_tun_filter_nl_policy),
};

/* IPVS_TUN_CMD_SESSION_ADD - do */
static const struct nla_policy ipvs_tun_session_add_nl_policy[IPVS_TUN_A_MESSAGE_SESSION + 1] = {
	[IPVS_TUN_A_MESSAGE_SESSION] = NLA_POLICY_NESTED(ipvs_tun_session_nl_policy),
};

/* IPVS_TUN_CMD_SESSION_DEL - do */
static const struct nla_policy ipvs_tun_session_del_nl_policy[IPVS_TUN_A_MESSAGE_SESSION + 1] = {
	[IPVS_TUN_A_MESSAGE_SESSION] = NLA_POLICY_NESTED(ipvs_tun_session_nl_policy),
};

/* IPVS_TUN_CMD_SESSION_FLUSH - do */
static const struct nla_policy ipvs_tun_session_flush_nl_policy[IPVS_TUN_A_MESSAGE_FILTER + 1] = {
	[IPVS_TUN_A_MESSAGE_FILTER] = NLA_POLICY_NESTED(ipvs_tun_filter_nl_policy),
};

/* IPVS_TUN_CMD_PATH_KILL - do */
static const struct nla_policy ipvs_tun_path_kill_nl_policy[IPVS_TUN_A_MESSAGE_PATH + 1] = {
	[IPVS_TUN_A_MESSAGE_PATH] = NLA_POLICY_NESTED(ipvs_tun_path_nl_policy),
};

/* Ops table for ipvs_tun */
static const struct genl_split_ops ipvs_tun_nl_ops[] = {
	{
		.cmd	= IPVS_TUN_CMD_STATUS_GET,
		.doit	= ipvs_tun_nl_status_get_doit,
		.flags	= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= IPVS_TUN_CMD_CHANGE_SET,
		.doit		= ipvs_tun_nl_change_set_doit,
		.policy		= ipvs_tun_change_set_nl_policy,
		.maxattr	= IPVS_TUN_A_MESSAGE_CHANGE,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= IPVS_TUN_CMD_MARK_GET,
		.dumpit	= ipvs_tun_nl_mark_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd	= IPVS_TUN_CMD_TUNNEL_GET,
		.dumpit	= ipvs_tun_nl_tunnel_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd	= IPVS_TUN_CMD_PEER_GET,
		.dumpit	= ipvs_tun_nl_peer_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd	= IPVS_TUN_CMD_ZONE_GET,
		.dumpit	= ipvs_tun_nl_zone_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd	= IPVS_TUN_CMD_TIMEOUT_GET,
		.dumpit	= ipvs_tun_nl_timeout_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd	= IPVS_TUN_CMD_LIMIT_GET,
		.doit	= ipvs_tun_nl_limit_get_doit,
		.flags	= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= IPVS_TUN_CMD_STATS_GET,
		.dumpit	= ipvs_tun_nl_stats_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd	= IPVS_TUN_CMD_STATS_RESET,
		.doit	= ipvs_tun_nl_stats_reset_doit,
		.flags	= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= IPVS_TUN_CMD_SESSION_GET,
		.dumpit		= ipvs_tun_nl_session_get_dumpit,
		.policy		= ipvs_tun_session_get_nl_policy,
		.maxattr	= IPVS_TUN_A_MESSAGE_FILTER,
		.flags		= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= IPVS_TUN_CMD_SESSION_COUNT,
		.doit		= ipvs_tun_nl_session_count_doit,
		.policy		= ipvs_tun_session_count_nl_policy,
		.maxattr	= IPVS_TUN_A_MESSAGE_FILTER,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= IPVS_TUN_CMD_SESSION_ADD,
		.doit		= ipvs_tun_nl_session_add_doit,
		.policy		= ipvs_tun_session_add_nl_policy,
		.maxattr	= IPVS_TUN_A_MESSAGE_SESSION,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= IPVS_TUN_CMD_SESSION_DEL,
		.doit		= ipvs_tun_nl_session_del_doit,
		.policy		= ipvs_tun_session_del_nl_policy,
		.maxattr	= IPVS_TUN_A_MESSAGE_SESSION,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd		= IPVS_TUN_CMD_SESSION_FLUSH,
		.doit		= ipvs_tun_nl_session_flush_doit,
		.policy		= ipvs_tun_session_flush_nl_policy,
		.maxattr	= IPVS_TUN_A_MESSAGE_FILTER,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= IPVS_TUN_CMD_PATH_GET,
		.dumpit	= ipvs_tun_nl_path_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= IPVS_TUN_CMD_PATH_KILL,
		.doit		= ipvs_tun_nl_path_kill_doit,
		.policy		= ipvs_tun_path_kill_nl_policy,
		.maxattr	= IPVS_TUN_A_MESSAGE_PATH,
		.flags		= GENL_CMD_CAP_DO,
	},
	{
		.cmd	= IPVS_TUN_CMD_PORT_GET,
		.dumpit	= ipvs_tun_nl_port_get_dumpit,
		.flags	= GENL_CMD_CAP_DUMP,
	},
};

static const struct genl_multicast_group ipvs_tun_nl_mcgrps[] = {
	[IPVS_TUN_NLGRP_SESSION] = { "session", },
	[IPVS_TUN_NLGRP_CONFIG] = { "config", },
	[IPVS_TUN_NLGRP_PEER] = { "peer", },
};

struct genl_family ipvs_tun_nl_family __ro_after_init = {
	.name		= IPVS_TUN_FAMILY_NAME,
	.version	= IPVS_TUN_FAMILY_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.split_ops	= ipvs_tun_nl_ops,
	.n_split_ops	= ARRAY_SIZE(ipvs_tun_nl_ops),
	.mcgrps		= ipvs_tun_nl_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(ipvs_tun_nl_mcgrps),
};
