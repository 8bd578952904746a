/* SPDX-License-Identifier: GPL-2.0 */
/* Split operations, which the generated tables have and Linux since 6.2, and
 * struct genl_info in dumps, since 6.6.
 *
 * The family becomes a struct of ours around the kernel's: what takes a family
 * is wrapped. At registration, operations are converted; in our contract each
 * command is either a do or a dump, so this is one to one.
 */
#ifndef ITUN_COMPAT_NET_GENETLINK_H
#define ITUN_COMPAT_NET_GENETLINK_H

#include <linux/version.h>
#include_next <net/genetlink.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)

/* Lives as long as the block that names it. */
#define genl_info_dump(cb) (&(const struct genl_info) {			\
	.attrs = genl_dumpit_info(cb)->attrs,				\
	.extack = (cb)->extack,						\
})

#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)

#include <linux/slab.h>

struct genl_split_ops {
	int (*doit)(struct sk_buff *skb, struct genl_info *info);
	int (*dumpit)(struct sk_buff *skb, struct netlink_callback *cb);
	const struct nla_policy *policy;
	unsigned int maxattr;
	u8 cmd;
	u8 internal_flags;
	u8 flags;
	u8 validate;
};

struct itun_genl_family {
	struct genl_family real;
	char name[GENL_NAMSIZ];
	unsigned int version;
	u8 netnsok:1;
	u8 parallel_ops:1;
	u8 n_split_ops;
	u8 n_mcgrps;
	const struct genl_split_ops *split_ops;
	const struct genl_multicast_group *mcgrps;
	struct module *module;
};

static inline int itun_genl_register_family(struct itun_genl_family *family)
{
	struct genl_ops *ops;
	int i, err;

	ops = kcalloc(family->n_split_ops, sizeof(*ops), GFP_KERNEL);
	if (!ops)
		return -ENOMEM;
	for (i = 0; i < family->n_split_ops; i++) {
		const struct genl_split_ops *split = &family->split_ops[i];

		ops[i].doit = split->doit;
		ops[i].dumpit = split->dumpit;
		ops[i].policy = split->policy;
		ops[i].maxattr = split->maxattr;
		ops[i].cmd = split->cmd;
		ops[i].internal_flags = split->internal_flags;
		/* What it can do, the kernel sees by the functions here. */
		ops[i].flags = split->flags & ~(GENL_CMD_CAP_DO | GENL_CMD_CAP_DUMP);
		ops[i].validate = split->validate;
	}

	strscpy(family->real.name, family->name, sizeof(family->real.name));
	family->real.version = family->version;
	family->real.netnsok = family->netnsok;
	family->real.parallel_ops = family->parallel_ops;
	family->real.module = family->module;
	family->real.mcgrps = family->mcgrps;
	family->real.n_mcgrps = family->n_mcgrps;
	family->real.ops = ops;
	family->real.n_ops = family->n_split_ops;
	err = genl_register_family(&family->real);
	if (err)
		kfree(ops);
	return err;
}

static inline int itun_genl_unregister_family(const struct itun_genl_family *family)
{
	int err = genl_unregister_family(&family->real);

	kfree(family->real.ops);
	return err;
}

static inline void *itun_genlmsg_put(struct sk_buff *skb, u32 portid, u32 seq,
				     const struct itun_genl_family *family, int flags, u8 cmd)
{
	return genlmsg_put(skb, portid, seq, &family->real, flags, cmd);
}

static inline void *itun_genlmsg_put_reply(struct sk_buff *skb, struct genl_info *info,
					   const struct itun_genl_family *family, int flags,
					   u8 cmd)
{
	return genlmsg_put_reply(skb, info, &family->real, flags, cmd);
}

static inline int itun_genlmsg_multicast_netns(const struct itun_genl_family *family,
					       struct net *net, struct sk_buff *skb, u32 portid,
					       unsigned int group, gfp_t flags)
{
	return genlmsg_multicast_netns(&family->real, net, skb, portid, group, flags);
}

static inline int itun_genl_has_listeners(const struct itun_genl_family *family, struct net *net,
					  unsigned int group)
{
	return genl_has_listeners(&family->real, net, group);
}

#define genl_family		itun_genl_family
#define genl_register_family	itun_genl_register_family
#define genl_unregister_family	itun_genl_unregister_family
#define genlmsg_put		itun_genlmsg_put
#define genlmsg_put_reply	itun_genlmsg_put_reply
#define genlmsg_multicast_netns	itun_genlmsg_multicast_netns
#define genl_has_listeners	itun_genl_has_listeners

#endif

#endif /* ITUN_COMPAT_NET_GENETLINK_H */
