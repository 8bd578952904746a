/* SPDX-License-Identifier: GPL-2.0 */
/* MPLS: over Ethernet, which passes no hook of IP on its way through the underlay,
 * and in the tunnels of IP that carry labels.
 */
#ifndef ITUN_MPLS_H
#define ITUN_MPLS_H

#include <linux/netdevice.h>
#include <linux/netfilter.h>

#include "stages.h"

struct itun_message;

/* The first to see what comes in: nothing behind it meets a mark. The first to
 * see what leaves: the host's own rules for the device see the final label.
 */
#define ITUN_PRI_MPLS	INT_MIN

/* mpls_device.c: where its packets pass */
int itun_mpls_attach(struct itun_net *in);
void itun_mpls_detach(struct itun_net *in);
void itun_mpls_follow(struct net_device *dev);
void itun_mpls_forget(struct net_device *dev);

/* mpls.c: what they meet there */
unsigned int itun_mpls_ingress(void *priv, struct sk_buff *skb, const struct nf_hook_state *state);
unsigned int itun_mpls_egress(void *priv, struct sk_buff *skb, const struct nf_hook_state *state);

/* mpls.c: and at the hooks of IP, in GRE or UDP */
unsigned int itun_mpls_local_in(struct itun_net *in, const struct itun_config *config,
				struct sk_buff *skb, struct itun_outer *outer,
				const struct nf_hook_state *state);
void itun_mpls_judge(const struct itun_config *config, struct itun_outer *outer);

/* mpls_xmit.c: what we send */
struct net_device *itun_mpls_device(const struct itun_path *path);
void itun_mpls_push(const struct itun_path *path, struct sk_buff *skb);
enum itun_xmit itun_mpls_xmit(struct itun_path *path, struct sk_buff *skb, u64 hash);
int itun_mpls_send(struct itun_net *in, const struct itun_message *message, const u8 *payload,
		   int len);

#endif /* ITUN_MPLS_H */
