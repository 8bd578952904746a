// SPDX-License-Identifier: GPL-2.0
/* Labels of replies, where label-switched paths are not symmetric: a request of
 * one label has its replies sent with another one.
 */
#include <linux/slab.h>
#include <linux/sort.h>

#include "netlink_change.h"

/**
 * itun_return_labels_put() - give a reference back
 * @labels: may be NULL
 *
 * Context: any but hard interrupts.
 */
void itun_return_labels_put(struct itun_return_labels *labels)
{
	if (labels && refcount_dec_and_test(&labels->refs))
		kfree(labels);
}

static int itun_parse_label(const struct itun_change *change, const struct nlattr *nest,
			    const struct nlattr *attr, const char *what, u32 *label)
{
	if (!attr) {
		NL_SET_ERR_MSG_ATTR_FMT(change->extack, nest, "a return label needs its %s label",
					what);
		return -EINVAL;
	}
	*label = nla_get_u32(attr);
	if (*label >= ITUN_MPLS_LABEL_FIRST && *label <= ITUN_MPLS_LABEL_MAX)
		return 0;
	NL_SET_ERR_MSG_ATTR_FMT(change->extack, attr, "label %u is not within %u to %u", *label,
				ITUN_MPLS_LABEL_FIRST, ITUN_MPLS_LABEL_MAX);
	return -ERANGE;
}

static int itun_parse_return_label(const struct itun_change *change, const struct nlattr *nest,
				   struct itun_return_label *label)
{
	struct nlattr *tb[IPVS_TUN_A_RETURN_LABEL_MAX + 1];

	/* The policy of the whole message has been applied to it already. */
	return nla_parse_nested(tb, IPVS_TUN_A_RETURN_LABEL_MAX, nest,
				ipvs_tun_return_label_nl_policy, change->extack) ?:
	       itun_parse_label(change, nest, tb[IPVS_TUN_A_RETURN_LABEL_FORWARD], "forward",
				&label->forward) ?:
	       itun_parse_label(change, nest, tb[IPVS_TUN_A_RETURN_LABEL_RETURN], "return",
				&label->reply);
}

static int itun_compare_labels(const void *a, const void *b)
{
	const struct itun_return_label *x = a, *y = b;

	return x->forward < y->forward ? -1 : x->forward > y->forward;
}

static int itun_parse_return_labels(const struct itun_change *change,
				    struct itun_return_labels *labels)
{
	const struct nlattr *attr;
	int rest, err;
	u32 i;

	nla_for_each_nested(attr, change->nest, rest) {
		if (nla_type(attr) != IPVS_TUN_A_TUNNEL_RETURN_LABEL)
			continue;
		err = itun_parse_return_label(change, attr, &labels->label[labels->n]);
		if (err)
			return err;
		labels->n++;
	}
	sort(labels->label, labels->n, sizeof(labels->label[0]), itun_compare_labels, NULL);
	for (i = 1; i < labels->n; i++) {
		if (labels->label[i].forward != labels->label[i - 1].forward)
			continue;
		NL_SET_ERR_MSG_ATTR_FMT(change->extack, change->tb[IPVS_TUN_A_TUNNEL_RETURN_LABEL],
					"label %u has two return labels", labels->label[i].forward);
		return -EINVAL;
	}
	return 0;
}

/**
 * itun_change_return_labels() - set the labels of replies
 * @change: a change of MPLS that has IPVS_TUN_A_TUNNEL_RETURN_LABEL or _SYMMETRIC
 *
 * Context: process, under RTNL and the mutex.
 * Return: 0 or a negative error number, with its text.
 */
int itun_change_return_labels(const struct itun_change *change)
{
	int n = itun_count_attrs(change->nest, IPVS_TUN_A_TUNNEL_RETURN_LABEL), err;
	struct itun_return_labels *labels = NULL;

	if (n && change->tb[IPVS_TUN_A_TUNNEL_SYMMETRIC]) {
		NL_SET_ERR_MSG_ATTR(change->extack, change->tb[IPVS_TUN_A_TUNNEL_SYMMETRIC],
				    "labels are either symmetric or have return labels, not both");
		return -EINVAL;
	}
	if (n > IPVS_TUN_MAX_RETURN_LABELS) {
		NL_SET_ERR_MSG_ATTR_FMT(change->extack, change->nest,
					"%d return labels are too many, at most %d", n,
					IPVS_TUN_MAX_RETURN_LABELS);
		return -E2BIG;
	}
	if (n) {
		labels = kzalloc(struct_size(labels, label, n), GFP_KERNEL_ACCOUNT);
		if (!labels)
			return -ENOMEM;
		refcount_set(&labels->refs, 1);
		err = itun_parse_return_labels(change, labels);
		if (err) {
			kfree(labels);
			return err;
		}
	}
	itun_return_labels_put(change->config->return_labels);
	change->config->return_labels = labels;
	return 0;
}

/**
 * itun_check_return_labels() - do labels and marks go together?
 * @change: a change of MPLS, done
 *
 * Whatever of the two was changed: a reply whose label has bits of a mark would
 * be taken for a request where it arrives, and no request has them left when it
 * is recorded.
 *
 * Context: process, under RTNL and the mutex.
 * Return: 0 or -EINVAL, with its text.
 */
int itun_check_return_labels(const struct itun_change *change)
{
	const struct itun_tunnel_config *mpls =
		&change->config->tunnel[IPVS_TUN_TUNNEL_TYPE_MPLS];
	const struct itun_return_labels *labels = change->config->return_labels;
	u32 i, label, bits = mpls->accept_bits | mpls->second_mark;

	for (i = 0; labels && i < labels->n; i++) {
		label = labels->label[i].forward & bits ? labels->label[i].forward :
							  labels->label[i].reply;
		if (!(label & bits))
			continue;
		NL_SET_ERR_MSG_ATTR_FMT(change->extack, change->nest,
					"label %u of a return label has bits of a mark (0x%05x)",
					label, label & bits);
		return -EINVAL;
	}
	return 0;
}

/**
 * itun_put_return_labels() - write them, in a tunnel's nest
 * @skb: message
 * @config: a snapshot
 *
 * Return: 0 or -EMSGSIZE.
 */
int itun_put_return_labels(struct sk_buff *skb, const struct itun_config *config)
{
	const struct itun_return_labels *labels = config->return_labels;
	struct nlattr *nest;
	u32 i;

	for (i = 0; labels && i < labels->n; i++) {
		nest = nla_nest_start(skb, IPVS_TUN_A_TUNNEL_RETURN_LABEL);
		if (!nest ||
		    nla_put_u32(skb, IPVS_TUN_A_RETURN_LABEL_FORWARD, labels->label[i].forward) ||
		    nla_put_u32(skb, IPVS_TUN_A_RETURN_LABEL_RETURN, labels->label[i].reply))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	}
	return 0;
}
