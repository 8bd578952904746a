/* SPDX-License-Identifier: GPL-2.0 */
/* The steps of the method as functions, for the hooks that call them. */
#ifndef ITUN_STAGES_H
#define ITUN_STAGES_H

#include <linux/netfilter.h>
#include <linux/percpu.h>
#include <net/gso.h>

#include "config.h"
#include "net.h"
#include "outer.h"
#include "session.h"

struct itun_port;

/* Groups of hooks; which are registered depends on the configuration. */
enum itun_hook_group {
	ITUN_HOOK_OUT		= BIT(0),	/* inet LOCAL_OUT: mark, rewrite */
	ITUN_HOOK_IN		= BIT(1),	/* inet LOCAL_IN: record, probes */
	ITUN_HOOK_BRIDGE	= BIT(2),	/* bridge PREROUTING: steer */
	ITUN_HOOK_FORWARD	= BIT(3),	/* inet FORWARD: steer */
	ITUN_HOOK_MPLS		= BIT(4),	/* devices that carry MPLS: mark, record */
	ITUN_HOOK_BRIDGE_OUT	= BIT(5),	/* bridge POSTROUTING: record without a tunnel */
};

/* outer.c: the first look at a packet that this host sends in a tunnel. */
struct itun_look {
	unsigned int transport, tunnel;	/* offsets from skb->data */
	int port;			/* which of the ports; negative for GRE */
	u8 type;			/* enum ipvs_tun_tunnel_type */
	u32 carrier_key;		/* MPLS over GRE: the key of that */
	struct itun_tunnel_header header;
};

bool itun_outer_look_out(const struct sk_buff *skb, const struct itun_ports *ports, u8 family,
			 struct itun_look *look);
bool itun_outer_may_reply(const struct itun_net *in, const struct sk_buff *skb,
			  const struct itun_look *look);
void itun_outer_parse_out(const struct sk_buff *skb, u8 family, const struct itun_look *look,
			  struct itun_outer *outer);

enum itun_outer_verdict {
	ITUN_OUTER_NONE,	/* no tunnel packet of ours */
	ITUN_OUTER_PLAIN,	/* a tunnel packet without a mark */
	ITUN_OUTER_TUNNEL,	/* a tunnel packet with other bits than the normal ones */
	ITUN_OUTER_LABELS,	/* one that carries labels of MPLS, which may have a mark */
	ITUN_OUTER_FOREIGN,	/* one whose bits are no mark, whatever is accepted */
	ITUN_OUTER_BAD_LENGTH,
	ITUN_OUTER_BAD_TUNNEL,
};

enum itun_outer_verdict itun_outer_parse_in(const struct sk_buff *skb,
					    const struct itun_ports *ports, u8 family,
					    struct itun_outer *outer);
enum itun_inner_verdict itun_outer_parse_inner(struct sk_buff *skb, const struct itun_outer *outer,
					       struct itun_inner *inner);

/* stamp.c: steps 1 and 2 for most packets */
bool itun_stamp(struct itun_net *in, const struct itun_config *config,
		const struct itun_ports *ports, struct sk_buff *skb);

/* mark.c: steps 1 and 2 */
struct itun_mark *itun_mark_find(const struct itun_config *config, const struct sk_buff *skb,
				 const struct itun_inner *inner, u8 type, u32 id);
bool itun_mark(struct itun_net *in, const struct itun_config *config, struct sk_buff *skb,
	       struct itun_outer *outer, bool collision);

/* refresh.c: step 4 for most packets */
unsigned int itun_refresh(struct itun_net *in, struct sk_buff *skb,
			  const struct nf_hook_state *state);

/* record.c: step 4 */
unsigned int itun_record(struct itun_net *in, const struct itun_config *config,
			 struct sk_buff *skb, struct itun_outer *outer,
			 const struct nf_hook_state *state);
unsigned int itun_record_whole(struct itun_net *in, struct sk_buff *skb,
			       const struct nf_hook_state *state, u8 family);
bool itun_record_known(struct itun_net *in, const struct itun_config *config,
		       const struct itun_inner *inner, u32 len, struct itun_session *session,
		       const struct itun_path_key *key);
void itun_record_session(struct itun_net *in, const struct itun_config *config,
			 const struct itun_inner *inner, u32 len, const struct itun_lookup *lookup,
			 struct itun_session *session, struct itun_path *path);
void itun_count_malformed(struct itun_net *in, enum itun_inner_verdict verdict);
int itun_record_ifindex(struct sk_buff *skb, const struct itun_outer *outer,
			const struct nf_hook_state *state);

/* backhaul.c: step 5 */
struct itun_backhaul {
	struct itun_session *session;	/* under RCU */
	struct itun_path *path;		/* the same */
	u64 hash;			/* of the session's key */
	u32 zone;			/* the tenant that it was found for */
};

/**
 * itun_reply_possible() - could a packet be a session's reply?
 * @in: namespace
 * @inner: its headers, an ITUN_INNER_FLOW
 *
 * The part that a packet which is nobody's passes through: no keyed hash.
 *
 * Context: any, under RCU.
 * Return: false if it is nobody's for certain.
 */
static inline bool itun_reply_possible(struct itun_net *in, const struct itun_inner *inner)
{
	/* It is for its first one to say. */
	if (unlikely(inner->later))
		return true;
	if (!itun_filter_has(in, inner->tuple.family, &inner->tuple.src, inner->tuple.sport))
		return false;
	/* What opens a flow from the server's side is the server's own. A
	 * request for an echo is so by itself: its answer is not the server's.
	 * A connection's further packets look like replies: itun_reply_find()
	 * remembers whose they are.
	 */
	if (unlikely(inner->opens)) {
		itun_count(in, opening);
		return !inner->icmp_type;
	}
	return true;
}

bool itun_reply_find(struct itun_net *in, const struct itun_config *config,
		     const struct itun_inner *inner, u32 zone, struct itun_backhaul *reply);
bool itun_reply_accept(struct itun_net *in, const struct itun_config *config,
		       const struct itun_inner *inner, const struct itun_backhaul *reply);
unsigned int itun_rewrite(struct itun_net *in, const struct itun_config *config,
			  struct sk_buff *skb, struct itun_outer *outer);

/* bridge.c: step 5 where a bridge receives the reply */
enum itun_inner_verdict itun_frame_find(struct sk_buff *skb, struct itun_inner *inner);
enum itun_inner_verdict itun_frame_parse(struct sk_buff *skb, struct itun_inner *inner);
enum itun_inner_verdict itun_packet_parse(struct sk_buff *skb, struct itun_inner *inner);
bool itun_bridge_has_guards(const struct net *net);
unsigned int itun_steer_bridge_held(struct itun_net *in, const struct itun_config *config,
				    struct sk_buff *skb, const struct nf_hook_state *state);
unsigned int itun_steer_bridge(struct itun_net *in, const struct itun_config *config,
			       struct sk_buff *skb, const struct nf_hook_state *state);

/* related.c: ICMP errors and later fragments of replies */
int itun_fragment_init(struct itun_net *in);
void itun_fragment_exit(struct itun_net *in);
void itun_fragment_remember(struct itun_net *in, const struct itun_inner *inner, u32 zone);

enum itun_fragment_owner {
	ITUN_FRAGMENT_UNKNOWN,	/* its first one has not been seen */
	ITUN_FRAGMENT_REPLY,
	ITUN_FRAGMENT_NOBODY,	/* its first one was no reply */
};

enum itun_fragment_owner itun_fragment_find(struct itun_net *in, struct itun_tuple *tuple, u32 id,
					    u32 zone);
void itun_fragment_is_nobodys(struct itun_net *in, const struct itun_inner *inner, u32 zone);
enum itun_inner_verdict itun_related(const struct sk_buff *skb, int base,
				     enum itun_inner_verdict verdict, struct itun_inner *inner);

/* hold.c: later fragments that come before their first one */
void itun_hold_init(struct itun_net *in);
void itun_hold_exit(struct itun_net *in);
bool itun_hold(struct itun_net *in, struct sk_buff *skb, const struct itun_inner *inner, u32 zone,
	       const struct nf_hook_state *state);
void itun_hold_release(struct itun_net *in, const struct itun_config *config,
		       const struct itun_inner *inner, u32 zone);

/* direct.c: step 5 at the port of the server's machine */
unsigned int itun_direct(struct itun_port *port, const struct itun_config *config,
			 const struct itun_port_config *setting, struct sk_buff *skb);

/* classify.c: step 1 where the balancer is a machine behind a port */
void itun_classify(struct itun_port *port, const struct itun_port_config *setting,
		   struct sk_buff *skb);
void itun_classify_inner(struct itun_net *in, const struct itun_config *config,
			 struct sk_buff *skb);
bool itun_classified(const struct itun_net *in, const struct sk_buff *skb,
		     const struct itun_inner *inner);

/* local.c: all steps where balancer and server are on one host */
void itun_local_record(struct itun_net *in, const struct itun_config *config, struct sk_buff *skb,
		       const struct nf_hook_state *state);
bool itun_local_return(struct itun_net *in, const struct itun_config *config, struct sk_buff *skb,
		       const struct itun_inner *inner, u32 vni, const struct itun_backhaul *reply);

/* forward.c: step 5 where this host is the servers' router */
unsigned int itun_steer_forward(struct itun_net *in, const struct itun_config *config,
				struct sk_buff *skb, const struct nf_hook_state *state);
bool itun_forward_frame(struct sk_buff *skb, const struct itun_path *path,
			const struct net_device *port);

/* flood.c */
bool itun_flood_copy(const struct itun_session *session, const struct itun_inner *inner,
		     const struct itun_outer *outer, int ifindex);
void itun_flood_forget(void);

/* xmit.c: the primitive for the way back */
enum itun_xmit {
	ITUN_XMIT_SENT,		/* the packet is consumed */
	ITUN_XMIT_HANDED,	/* the same; LOCAL_OUT will see it as a reply */
	ITUN_XMIT_FALLBACK,	/* it is as it was; let it go its ordinary way */
};

void itun_xmit_to(struct sk_buff *skb, u64 hash, struct net_device *dev);
enum itun_xmit itun_path_xmit(struct itun_path *path, struct sk_buff *skb, u64 hash);
struct net_device *itun_path_takes(struct itun_path *path, struct sk_buff *skb);
bool itun_path_is_from(struct itun_path *path, const struct net_device *port);
unsigned int itun_path_mtu(struct itun_path *path, const struct sk_buff *skb);
void itun_steered(struct itun_net *in, const struct itun_config *config,
		  const struct itun_backhaul *reply, const struct itun_inner *inner, u32 len,
		  enum itun_xmit result);

/* refragment.c: the same in pieces */
unsigned int itun_pieces_size(const struct sk_buff *skb, unsigned int mtu);
enum itun_xmit itun_path_xmit_pieces(struct itun_net *in, struct itun_path *path,
				     struct sk_buff *skb, u64 hash,
				     const struct net_device *port, struct net_device *dev,
				     unsigned int size);

struct itun_route {
	struct dst_entry *dst;	/* referenced */
	union itun_addr local;
};

int itun_path_route(struct itun_path *path, const struct sk_buff *skb, u8 tos,
		    __be16 sport, __be16 dport, struct itun_route *route);

/* What path_xmit sends right now: LOCAL_OUT has nothing to do for it, nor for what drivers make
 * of it. To be compared from anywhere; to be written, and asked for any packet, with BH off.
 */
DECLARE_PER_CPU(const struct sk_buff *, itun_sending);

/* Is a packet, or each of its segments, at most so long from the network header? */
static inline bool itun_packet_fits(const struct sk_buff *skb, unsigned int mtu)
{
	return skb_is_gso(skb) ? skb_gso_validate_network_len(skb, mtu) : skb->len <= mtu;
}

/* hook.c */
int itun_hooks_update(struct itun_net *in, unsigned int wanted);
unsigned int itun_hooks_wanted(const struct itun_config *config);
int itun_hooks_describe(struct itun_net *in, int (*emit)(void *arg, const char *text), void *arg);

#endif /* ITUN_STAGES_H */
