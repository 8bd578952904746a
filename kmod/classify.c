// SPDX-License-Identifier: GPL-2.0
/* Step 1 where the balancer is a virtual machine: what leaves its port with a
 * source that is not its own is a balanced flow's request. And where it is in
 * a namespace of its own, and its tunnel leaves from another one: there the
 * operator's own rule says so, but the mark is lost between the two.
 *
 * Between the port and the tunnel a bridge or a router has the packet, and the
 * tunnel driver scrubs what it knows of its past. The fwmark would survive in
 * one namespace, but it is the operator's: his rules route by it, restore it from
 * conntrack, and a driver that sees one does not use its route cache. What survives
 * as well is the flow hash, if it is said to be one of the ports too: it is made a
 * seal, a keyed hash of the tuple. Nobody else's hash fits, and no guest can make
 * one that does. For the tunnel's source port it is as good as any other.
 */
#include <linux/etherdevice.h>
#include <linux/siphash.h>

#include "port.h"
#include "seal.h"
#include "session.h"
#include "stages.h"

siphash_key_t itun_seal_key __read_mostly;
/* Whether there has been any: until then nobody looks for one. */
bool itun_seals __read_mostly;

/* The namespaces of one owner believe each other: a packet comes from one to the other
 * by a veth or a tunnel. Who has got a namespace in a user namespace of his own may
 * configure there what he likes, and nobody outside believes his seals.
 */
static u32 itun_seal(const struct itun_net *in, const struct itun_tuple *tuple)
{
	siphash_key_t secret = itun_seal_key;
	u64 hash;

	secret.key[1] ^= (unsigned long)in->net->user_ns;
	/* The layout of a session's key has no gaps. */
	if (likely(tuple->family == 4)) {
		struct itun_key4 key;
		const u64 *word = (const u64 *)&key;

		itun_key4_fill(&key, tuple, 0);
		hash = siphash_2u64(word[0], word[1], &secret);
	} else {
		struct itun_key6 key;

		itun_key6_fill(&key, tuple, 0);
		hash = siphash(&key, sizeof(key), &secret);
	}
	return (hash & ~(u64)ITUN_SEAL_TAG) | itun_seal_tag();
}

static void itun_seal_packet(const struct itun_net *in, struct sk_buff *skb,
			     const struct itun_tuple *tuple)
{
	__skb_set_sw_hash(skb, itun_seal(in, tuple), true);
	if (unlikely(!READ_ONCE(itun_seals)))
		WRITE_ONCE(itun_seals, true);
}

/* What no balancer forwards: a machine's own traffic on its link. */
static bool itun_classify_is_local(const struct itun_tuple *tuple)
{
	if (tuple->family == 4)
		return ipv4_is_zeronet(tuple->src.ip) || ipv4_is_linklocal_169(tuple->src.ip);
	return (tuple->src.ip6[0] & htonl(0xffc00000)) == htonl(0xfe800000) ||
	       !(tuple->src.ip6[0] | tuple->src.ip6[1] | tuple->src.ip6[2] | tuple->src.ip6[3]);
}

static bool itun_classify_is_own(const struct itun_port_config *setting,
				 const struct itun_tuple *tuple)
{
	u32 i;

	for (i = 0; i < setting->n_own; i++)
		if (setting->own[i].family == tuple->family &&
		    itun_addr_in_prefix(&tuple->src, &setting->own[i].prefix, tuple->family,
					setting->own[i].len))
			return true;
	return itun_classify_is_local(tuple);
}

/**
 * itun_classify() - does a balancer send this for others?
 * @port: the balancer's port, under RCU
 * @setting: what the snapshot in force says of it
 * @skb: not shared; skb->data at the network header, the Ethernet header before it
 *
 * Later fragments and ICMP errors of a flow are marked as well, as a rule would.
 *
 * Context: BH off, under RCU.
 */
void itun_classify(struct itun_port *port, const struct itun_port_config *setting,
		   struct sk_buff *skb)
{
	struct itun_inner inner;

	if (!itun_inner_has_addresses(itun_frame_parse(skb, &inner)) ||
	    itun_classify_is_own(setting, &inner.tuple))
		return;
	itun_seal_packet(port->in, skb, &inner.tuple);
	this_cpu_inc(port->counts->balanced);
	itun_count(port->in, classified);
}

/**
 * itun_classify_inner() - a packet with the first mark, before it is in its tunnel
 * @in: namespace of the balancer, in which there is a tunnel device that sends from another
 * @config: the snapshot in force
 * @skb: at LOCAL_OUT, where IPVS has chosen its server; skb->data at the network header
 *
 * A rule that names networks or types of tunnels does not match: here they are not known.
 *
 * Context: any, under RCU. May move the packet's bytes.
 */
void itun_classify_inner(struct itun_net *in, const struct itun_config *config,
			 struct sk_buff *skb)
{
	struct itun_inner inner;
	struct itun_mark *mark;

	if (!itun_inner_has_addresses(itun_packet_parse(skb, &inner)))
		return;
	mark = itun_mark_find(config, skb, &inner, IPVS_TUN_TUNNEL_TYPE_LOCAL, ITUN_ID_MAX + 1);
	if (!mark)
		return;
	itun_seal_packet(in, skb, &inner.tuple);
	/* From NFQUEUE it comes in process context. */
	local_bh_disable();
	this_cpu_inc(mark->counts->packets);
	itun_count(in, classified_inner);
	local_bh_enable();
}

/**
 * itun_classified() - was this packet taken for a balanced flow's before?
 * @in: namespace that asks
 * @skb: at LOCAL_OUT, or where it leaves in MPLS; itun_may_be_classified()
 * @inner: its headers, of which there are addresses
 *
 * Context: any.
 */
bool itun_classified(const struct itun_net *in, const struct sk_buff *skb,
		     const struct itun_inner *inner)
{
	return skb->hash == itun_seal(in, &inner->tuple);
}
