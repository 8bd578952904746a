// SPDX-License-Identifier: GPL-2.0
/* The generic netlink family: registration, what all commands share, status
 * and counters.
 */
#include "netlink.h"

#include <linux/capability.h>
#include <linux/math64.h>
#include <linux/rtnetlink.h>

#include "device.h"
#include "endpoint.h"
#include "notify.h"
#include "stages.h"
#include "stats.h"

/* Enough for the hooks and a page of warnings; what does not fit is left out. */
#define ITUN_STATUS_SIZE	16000

/**
 * itun_addr_text() - an address in words
 * @text: of ITUN_ADDR_TEXT bytes
 * @family: 4 or 6
 * @addr: address
 *
 * Return: @text.
 */
char *itun_addr_text(char *text, u8 family, const union itun_addr *addr)
{
	if (family == 4)
		snprintf(text, ITUN_ADDR_TEXT, "%pI4", &addr->ip);
	else
		snprintf(text, ITUN_ADDR_TEXT, "%pI6c", addr->ip6);
	return text;
}

/**
 * itun_addr_is_zero() - is it the unspecified address?
 * @addr: address of either family
 */
bool itun_addr_is_zero(const union itun_addr *addr)
{
	return !memchr_inv(addr, 0, sizeof(*addr));
}

/**
 * itun_netlink_allowed() - does the sender have CAP_NET_ADMIN here?
 * @skb: request
 * @net: namespace that it concerns
 * @what: what it wants, "changing ..." or "reading ..."
 * @extack: for the refusal
 *
 * The schema of the generated tables has no flag for this check in the
 * namespace's own user namespace, so each handler begins with it.
 *
 * Context: process.
 */
bool itun_netlink_allowed(const struct sk_buff *skb, const struct net *net, const char *what,
			  struct netlink_ext_ack *extack)
{
	if (netlink_ns_capable(skb, net->user_ns, CAP_NET_ADMIN))
		return true;
	NL_SET_ERR_MSG_FMT(extack, "%s needs CAP_NET_ADMIN in this network namespace", what);
	return false;
}

/**
 * itun_dump_begin() - begin a message of a dump
 * @skb: being filled
 * @cb: dump, its seq set
 * @cmd: IPVS_TUN_CMD_*
 *
 * Return: header for genlmsg_end(), or NULL if there is no room.
 */
void *itun_dump_begin(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	void *header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				   &ipvs_tun_nl_family, NLM_F_MULTI, cmd);

	if (header)
		genl_dump_check_consistent(cb, header);
	return header;
}

/**
 * itun_reply_begin() - begin the answer to a request
 * @reply: filled
 * @info: request
 * @size: room for attributes
 *
 * Return: 0 or -ENOMEM.
 */
int itun_reply_begin(struct itun_reply *reply, struct genl_info *info, size_t size)
{
	reply->skb = genlmsg_new(size, GFP_KERNEL);
	if (!reply->skb)
		return -ENOMEM;
	reply->header = genlmsg_put_reply(reply->skb, info, &ipvs_tun_nl_family, 0,
					  info->genlhdr->cmd);
	if (!reply->header) {
		nlmsg_free(reply->skb);
		return -ENOMEM;
	}
	return 0;
}

/**
 * itun_reply_send() - send an answer, or drop it
 * @reply: begun
 * @info: request
 * @err: nonzero if it could not be filled
 *
 * Return: @err, or what sending it returned.
 */
int itun_reply_send(struct itun_reply *reply, struct genl_info *info, int err)
{
	if (err) {
		nlmsg_free(reply->skb);
		return err;
	}
	genlmsg_end(reply->skb, reply->header);
	return genlmsg_reply(reply->skb, info);
}

/**
 * itun_reply_u32() - answer with one number
 * @info: request
 * @type: IPVS_TUN_A_MESSAGE_*
 * @value: number
 *
 * Return: 0 or a negative error number.
 */
int itun_reply_u32(struct genl_info *info, u16 type, u32 value)
{
	struct itun_reply reply;
	int err = itun_reply_begin(&reply, info, nla_total_size(sizeof(u32)));

	if (err)
		return err;
	return itun_reply_send(&reply, info, nla_put_u32(reply.skb, type, value));
}

/**
 * itun_parse_addr() - read an address of either family
 * @attr: 4 or 16 bytes
 * @addr: filled, unused bytes zero
 * @family: 4 or 6
 * @extack: for the refusal
 *
 * Return: 0 or -EINVAL.
 */
int itun_parse_addr(const struct nlattr *attr, union itun_addr *addr, u8 *family,
		    struct netlink_ext_ack *extack)
{
	int len = nla_len(attr);

	if (len != 4 && len != 16) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, attr,
					"an address of %d bytes is neither IPv4 nor IPv6", len);
		return -EINVAL;
	}
	memset(addr, 0, sizeof(*addr));
	memcpy(addr, nla_data(attr), len);
	*family = len == 4 ? 4 : 6;
	return 0;
}

/**
 * itun_parse_prefix() - read a prefix of either family
 * @attr: address, 4 or 16 bytes
 * @len_attr: its length; the whole address if NULL
 * @addr: filled
 * @family: 4 or 6
 * @len: prefix length
 * @extack: for the refusal
 *
 * Return: 0 or -EINVAL.
 */
int itun_parse_prefix(const struct nlattr *attr, const struct nlattr *len_attr,
		      union itun_addr *addr, u8 *family, u8 *len,
		      struct netlink_ext_ack *extack)
{
	char text[ITUN_ADDR_TEXT];
	unsigned int bits, bit;
	int err = itun_parse_addr(attr, addr, family, extack);

	if (err)
		return err;
	bits = itun_addr_len(*family) * 8;
	*len = len_attr ? nla_get_u8(len_attr) : bits;
	if (*len > bits) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, len_attr,
					"prefix length %u is above %u", *len, bits);
		return -EINVAL;
	}
	for (bit = *len; bit < bits; bit++) {
		if (addr->bytes[bit / 8] & (0x80 >> bit % 8)) {
			NL_SET_ERR_MSG_ATTR_FMT(extack, attr, "prefix %s/%u has host bits set",
						itun_addr_text(text, *family, addr), *len);
			return -EINVAL;
		}
	}
	return 0;
}

/**
 * itun_parse_vni() - read a network identifier
 * @attr: number
 * @vni: filled
 * @extack: for the refusal
 *
 * Return: 0 or -EINVAL.
 */
int itun_parse_vni(const struct nlattr *attr, u32 *vni, struct netlink_ext_ack *extack)
{
	*vni = nla_get_u32(attr);
	if (*vni > ITUN_VNI_MAX) {
		NL_SET_ERR_MSG_ATTR_FMT(extack, attr, "vni %u is above %u", *vni, ITUN_VNI_MAX);
		return -EINVAL;
	}
	return 0;
}

/* The incarnation of the table in which a dump stands. A table that is being
 * resized is a chain of two: entries move from the first into the second, so
 * none is missed when both are read in this order, though one may be met
 * twice. If its incarnation is gone, the dump goes on at the same proportion
 * of the new one; either way userspace is told.
 */
static struct bucket_table *itun_place_find(struct rhashtable *table, struct itun_place *place,
					    struct netlink_callback *cb)
{
	struct bucket_table *first = rht_dereference_rcu(table->tbl, table), *buckets;

	if (place->size) {
		for (buckets = first; buckets;
		     buckets = rht_dereference_rcu(buckets->future_tbl, table))
			if (buckets->hash_rnd == place->seed && buckets->size == place->size)
				return buckets;
		place->bucket = div_u64((u64)place->bucket * first->size, place->size);
		if (cb->prev_seq)
			cb->prev_seq = ~cb->seq;
	}
	place->seed = first->hash_rnd;
	place->size = first->size;
	place->skip = 0;
	return first;
}

/* Buckets are short: as a rule, one that does not fit whole waits for the next
 * message buffer, so that what comes and goes meanwhile shifts nothing.
 */
static int itun_bucket_dump(struct rhashtable *table, const struct bucket_table *buckets,
			    struct itun_place *place, struct sk_buff *skb, bool first,
			    int (*each)(void *object, void *arg), void *arg)
{
	unsigned char *begin = skb_tail_pointer(skb);
	struct rhash_head *position;
	u32 n = 0;
	int err;

	rht_for_each_rcu(position, buckets, place->bucket) {
		if (n < place->skip) {
			n++;
			continue;
		}
		err = each(rht_obj(table, position), arg);
		if (err) {
			if (first)
				place->skip = n;
			else
				nlmsg_trim(skb, begin);
			return err;
		}
		n++;
	}
	place->bucket++;
	place->skip = 0;
	return 0;
}

/**
 * itun_table_dump() - call a function for the entries of a hash table
 * @table: table
 * @place: where to go on; updated
 * @limit: most buckets to look at in this call
 * @skb: message buffer that @each fills
 * @cb: dump; marked as interrupted when the table was resized
 * @each: fills in one entry; an error stops, and the entry is met again
 * @arg: for @each
 *
 * Unlike rhashtable's own walk this holds nothing between two calls: the
 * generated operations have no function in which to give it back.
 *
 * Context: under RCU.
 * Return: 0 at the end of the table, -EAGAIN after @limit buckets, or the
 * error of @each.
 */
int itun_table_dump(struct rhashtable *table, struct itun_place *place, unsigned int limit,
		    struct sk_buff *skb, struct netlink_callback *cb,
		    int (*each)(void *object, void *arg), void *arg)
{
	unsigned char *begin = skb_tail_pointer(skb);
	struct bucket_table *buckets = itun_place_find(table, place, cb);
	int err;

	while (limit--) {
		if (place->bucket >= buckets->size) {
			buckets = rht_dereference_rcu(buckets->future_tbl, table);
			if (!buckets)
				return 0;
			*place = (struct itun_place) {
				.seed = buckets->hash_rnd,
				.size = buckets->size,
			};
			if (cb->prev_seq)
				cb->prev_seq = ~cb->seq;
			continue;
		}
		err = itun_bucket_dump(table, buckets, place, skb,
				       skb_tail_pointer(skb) == begin, each, arg);
		if (err)
			return err;
	}
	return -EAGAIN;
}

struct itun_text_sink {
	struct sk_buff *skb;
	u16 type;
};

static int itun_put_text(void *arg, const char *text)
{
	struct itun_text_sink *sink = arg;

	return nla_put_string(sink->skb, sink->type, text);
}

static void itun_put_strangers(struct sk_buff *skb, struct itun_net *in)
{
	char text[ITUN_ADDR_TEXT], line[128];
	struct itun_stranger stranger;
	unsigned int i;

	for (i = 0; i < ITUN_STRANGERS; i++) {
		spin_lock_bh(&in->stranger_lock);
		stranger = in->strangers[i];
		spin_unlock_bh(&in->stranger_lock);

		if (!stranger.packets)
			continue;
		snprintf(line, sizeof(line),
			 "marked packets from %s, which is no accept peer: %llu",
			 itun_addr_text(text, stranger.family, &stranger.addr),
			 stranger.packets);
		if (nla_put_string(skb, IPVS_TUN_A_STATUS_WARNING, line))
			return;
	}
}

/* Under the mutex. */
static void itun_put_guards(struct sk_buff *skb, struct itun_net *in)
{
	bool guarded;

	if (!(in->hooks & ITUN_HOOK_BRIDGE))
		return;
	rcu_read_lock();
	guarded = itun_bridge_has_guards(in->net);
	rcu_read_unlock();
	/* What does not fit is left out. */
	if (guarded)
		nla_put_string(skb, IPVS_TUN_A_STATUS_WARNING,
			       "others look at what bridges forward (rules of nft or ebtables, or connection tracking): replies are left to the bridges and corrected in the tunnel");
}

static int itun_put_status(struct sk_buff *skb, struct itun_net *in,
			   const struct itun_config *config)
{
	struct itun_text_sink hooks = { skb, IPVS_TUN_A_STATUS_HOOK };
	struct itun_text_sink warnings = { skb, IPVS_TUN_A_STATUS_WARNING };
	struct nlattr *nest = nla_nest_start(skb, IPVS_TUN_A_MESSAGE_STATUS);

	if (!nest ||
	    nla_put_string(skb, IPVS_TUN_A_STATUS_VERSION, ITUN_VERSION) ||
	    nla_put_u32(skb, IPVS_TUN_A_STATUS_PROTOCOL_VERSION, ITUN_PROBE_PROTOCOL) ||
	    nla_put_u32(skb, IPVS_TUN_A_STATUS_GENERATION, config->generation) ||
	    itun_hooks_describe(in, itun_put_text, &hooks) ||
	    nla_put_u32(skb, IPVS_TUN_A_STATUS_PAUSED, config->paused) ||
	    nla_put_u32(skb, IPVS_TUN_A_STATUS_SESSIONS, atomic_read(&in->n_sessions)) ||
	    nla_put_u32(skb, IPVS_TUN_A_STATUS_PATHS, atomic_read(&in->n_paths)) ||
	    nla_put_u32(skb, IPVS_TUN_A_STATUS_MARKS, config->n_marks) ||
	    nla_put_u32(skb, IPVS_TUN_A_STATUS_PEERS, config->n_peers) ||
	    nla_put_u32(skb, IPVS_TUN_A_STATUS_ENDPOINTS, atomic_read(&in->n_endpoints)) ||
	    nla_put_u32(skb, IPVS_TUN_A_STATUS_ENDPOINTS_READY, atomic_read(&in->n_ready)) ||
	    nla_put_u32(skb, IPVS_TUN_A_STATUS_PORTS, config->n_vm_ports) ||
	    nla_put_u32(skb, IPVS_TUN_A_STATUS_PORT_DEVICES,
			READ_ONCE(in->n_port_devices)))
		return -EMSGSIZE;
	itun_device_warnings(in, config, IPVS_TUN_TUNNEL_TYPE_VXLAN, itun_put_text, &warnings);
	itun_put_guards(skb, in);
	itun_put_strangers(skb, in);
	nla_nest_end(skb, nest);
	return 0;
}

int ipvs_tun_nl_status_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct itun_net *in = itun_net(genl_info_net(info));
	const struct itun_config *config;
	struct itun_reply reply;
	int err;

	err = itun_reply_begin(&reply, info, ITUN_STATUS_SIZE);
	if (err)
		return err;

	rtnl_lock();
	mutex_lock(&in->mutex);
	config = rcu_dereference_protected(in->config, lockdep_is_held(&in->mutex));
	if (!config)
		config = &itun_config_default;
	/* The limits first: warnings take whatever room is left. */
	err = itun_put_limits(reply.skb, config) ?: itun_put_status(reply.skb, in, config);
	mutex_unlock(&in->mutex);
	rtnl_unlock();
	return itun_reply_send(&reply, info, err);
}

/* Under the mutex. */
static void itun_stats_sum(struct itun_net *in, struct itun_stats *sum)
{
	unsigned int i;
	int cpu;

	memset(sum, 0, sizeof(*sum));
	/* There is nothing to count in before the first change set. */
	if (!in->stats)
		return;
	for_each_possible_cpu(cpu) {
		const struct itun_stats *stats = per_cpu_ptr(in->stats, cpu);

		for (i = 0; i < ITUN_COUNTERS_MAX; i++)
			sum->value[i] += READ_ONCE(stats->value[i]);
	}
}

static int itun_put_counter(struct sk_buff *skb, unsigned int counter, u64 value)
{
	struct nlattr *nest = nla_nest_start(skb, IPVS_TUN_A_MESSAGE_COUNTER);

	if (nest &&
	    !nla_put_string(skb, IPVS_TUN_A_COUNTER_NAME, itun_counter_name[counter]) &&
	    !nla_put_u64_64bit(skb, IPVS_TUN_A_COUNTER_VALUE, value, IPVS_TUN_A_COUNTER_PAD) &&
	    !nla_put_string(skb, IPVS_TUN_A_COUNTER_TEXT, itun_counter_text[counter])) {
		nla_nest_end(skb, nest);
		return 0;
	}
	nla_nest_cancel(skb, nest);
	return -EMSGSIZE;
}

int ipvs_tun_nl_stats_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct itun_net *in = itun_dump_net(cb);
	unsigned int counter = cb->args[0];
	struct itun_stats sum, *baseline = &in->baseline;
	void *header;

	if (counter >= ITUN_COUNTERS_MAX)
		return 0;
	cb->seq = 1;
	header = itun_dump_begin(skb, cb, IPVS_TUN_CMD_STATS_GET);
	if (!header)
		return -EMSGSIZE;

	mutex_lock(&in->mutex);
	itun_stats_sum(in, &sum);
	while (counter < ITUN_COUNTERS_MAX &&
	       !itun_put_counter(skb, counter, sum.value[counter] - baseline->value[counter]))
		counter++;
	mutex_unlock(&in->mutex);

	if (counter == cb->args[0]) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	cb->args[0] = counter;
	return skb->len;
}

int ipvs_tun_nl_stats_reset_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct itun_net *in = itun_net(genl_info_net(info));

	if (!itun_netlink_allowed(skb, in->net, "resetting the counters", info->extack))
		return -EPERM;
	mutex_lock(&in->mutex);
	itun_stats_sum(in, &in->baseline);
	mutex_unlock(&in->mutex);
	return 0;
}

/**
 * itun_netlink_init() - register the family
 *
 * Context: process, last of the module's initialisation: requests can come
 * before this returns.
 * Return: 0 or a negative error number.
 */
int __init itun_netlink_init(void)
{
	static struct genl_multicast_group groups[IPVS_TUN_NLGRP_PEER + 1];

	/* The schema has no word for a group that needs a capability. Sessions
	 * show tenants' addresses.
	 */
	memcpy(groups, ipvs_tun_nl_family.mcgrps, sizeof(groups));
	groups[IPVS_TUN_NLGRP_SESSION].flags = GENL_MCAST_CAP_NET_ADMIN;
	ipvs_tun_nl_family.mcgrps = groups;
	return genl_register_family(&ipvs_tun_nl_family);
}

/**
 * itun_netlink_exit() - unregister the family; no handler runs afterwards
 *
 * Context: process, first of the module's end.
 */
void itun_netlink_exit(void)
{
	genl_unregister_family(&ipvs_tun_nl_family);
}
