/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the generic netlink family share. */
#ifndef ITUN_NETLINK_H
#define ITUN_NETLINK_H

#include <linux/netlink.h>
#include <linux/rhashtable.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "config.h"
#include "net.h"
#include "netlink_gen.h"
#include "wire/tuple.h"

struct itun_endpoint;
struct itun_session;

#define ITUN_VNI_MAX		0xffffff

/* An address in words, for the text of a refusal. */
#define ITUN_ADDR_TEXT		40

char *itun_addr_text(char *text, u8 family, const union itun_addr *addr);

/* What a namespace has while nobody has configured anything. */
extern const struct itun_config itun_config_default;

static inline const struct itun_config *itun_config_shown(struct itun_net *in)
{
	return rcu_dereference(in->config) ?: &itun_config_default;
}

/* Sequence number of a dump of the configuration: never zero, which means
 * "none yet" to netlink.
 */
static inline u32 itun_config_seq(const struct itun_config *config)
{
	return config->generation | BIT(31);
}

bool itun_netlink_allowed(const struct sk_buff *skb, const struct net *net, const char *what,
			  struct netlink_ext_ack *extack);

static inline struct itun_net *itun_dump_net(struct netlink_callback *cb)
{
	return itun_net(sock_net(cb->skb->sk));
}

/* Dumps go on while there is anything to send, and say why if nothing fits. */
static inline int itun_dump_result(const struct sk_buff *skb, int err)
{
	return skb->len ? skb->len : err;
}

void *itun_dump_begin(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd);

struct itun_reply {
	struct sk_buff *skb;
	void *header;
};

int itun_reply_begin(struct itun_reply *reply, struct genl_info *info, size_t size);
int itun_reply_send(struct itun_reply *reply, struct genl_info *info, int err);
int itun_reply_u32(struct genl_info *info, u16 type, u32 value);

int itun_parse_addr(const struct nlattr *attr, union itun_addr *addr, u8 *family,
		    struct netlink_ext_ack *extack);
int itun_parse_prefix(const struct nlattr *attr, const struct nlattr *len_attr,
		      union itun_addr *addr, u8 *family, u8 *len,
		      struct netlink_ext_ack *extack);
int itun_parse_vni(const struct nlattr *attr, u32 *vni, struct netlink_ext_ack *extack);

static inline int itun_addr_len(u8 family)
{
	return family == 4 ? 4 : 16;
}

static inline int itun_put_addr(struct sk_buff *skb, u16 type, u8 family,
				const union itun_addr *addr)
{
	return nla_put(skb, type, itun_addr_len(family), addr);
}

bool itun_addr_is_zero(const union itun_addr *addr);

/* Where a dump stands in a hash table. Kept in the callback's ctx, all zero at
 * the start.
 */
struct itun_place {
	u32 seed, size;		/* which incarnation of the table */
	u32 bucket, skip;
};

int itun_table_dump(struct rhashtable *table, struct itun_place *place, unsigned int limit,
		    struct sk_buff *skb, struct netlink_callback *cb,
		    int (*each)(void *object, void *arg), void *arg);

int itun_put_return_labels(struct sk_buff *skb, const struct itun_config *config);
int itun_put_limits(struct sk_buff *skb, const struct itun_config *config);
int itun_put_peer_key(struct sk_buff *skb, u8 family, const union itun_addr *prefix, u8 len);
int itun_put_endpoint(struct sk_buff *skb, struct itun_endpoint *endpoint);
int itun_put_session(struct sk_buff *skb, struct itun_session *session,
		     const struct itun_config *config);
void itun_session_gone(struct itun_net *in);
bool itun_session_present(struct itun_session *session, const struct itun_config *config);

void itun_notify_config(struct itun_net *in, u32 generation, const struct genl_info *info);

#endif /* ITUN_NETLINK_H */
