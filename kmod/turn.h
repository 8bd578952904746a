/* SPDX-License-Identifier: GPL-2.0 */
/* Turns: which servers' replies are left to the bridge, and when.
 *
 * A switch that never sees a server's frames forgets where it is, and floods the
 * requests. And a bridge alone knows whether a port may send at all: what goes
 * past it from the port ("direct") goes so only while the bridge has let another
 * frame of that server, from the same address, in within the last second. For both,
 * each CPU remembers the servers that it has met lately; what it forgets costs the
 * bridge a frame more.
 */
#ifndef ITUN_TURN_H
#define ITUN_TURN_H

#include <linux/etherdevice.h>
#include <linux/hash.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <net/netns/hash.h>

/* One address of a machine at a port: the bridge's rules may let in one and not another. */
struct itun_turn_server {
	u64 mac;		/* port and MAC address */
	u64 address[2];
};

struct itun_turn {
	struct itun_turn_server server;
	u32 due;		/* jiffies: its next frame is the bridge's */
	u32 seen;		/* jiffies: when the bridge has let one in */
};

/* Two to a set: servers that are busy at once seldom meet a third. */
#define ITUN_TURN_SETS_BITS	7
#define ITUN_TURN_WAYS		2

struct itun_turns {
	struct itun_turn turn[1 << ITUN_TURN_SETS_BITS][ITUN_TURN_WAYS];
};

/* bridge.c; BH off. Not static: all modules together have 8 KiB of that for each CPU. */
extern struct itun_turns __percpu *itun_turns;

int itun_turns_init(void);
void itun_turns_exit(void);

/* Open vSwitch's default; the kernel is not told of another. */
#define ITUN_TURN_AGEING	(300 * HZ)

/* At least so often, so that a shorter ageing time is in force before long. */
#define ITUN_TURN_MAX	(15 * HZ)

/* By protocol, too: br_netfilter takes one of them aside and not the other. Nothing of
 * the address is lost in it: another port's machine cannot choose one that fits. Nor one of
 * another namespace, where indices are the same: each has a random number.
 */
static __always_inline void itun_turn_server(const struct sk_buff *skb,
					     const struct net_device *port,
					     struct itun_turn_server *server)
{
	/* Eight bytes at once: the two behind it are shifted out. */
	u64 mac = get_unaligned_le64(eth_hdr(skb)->h_source) << 16 |
		  (port->ifindex & 0x7fff) << 1 | (skb->protocol == htons(ETH_P_IPV6));

	server->mac = mac ^ net_hash_mix(dev_net(port));
	/* Behind a tag, or cut short, it is none that any other frame has. */
	server->address[0] = ~0ull;
	server->address[1] = ~0ull;
	if (likely(skb->protocol == htons(ETH_P_IP) &&
		   skb_headlen(skb) >= sizeof(struct iphdr))) {
		server->address[0] = (__force u32)((const struct iphdr *)skb->data)->saddr;
		server->address[1] = 0;
	} else if (skb->protocol == htons(ETH_P_IPV6) &&
		   skb_headlen(skb) >= sizeof(struct ipv6hdr)) {
		memcpy(server->address, &((const struct ipv6hdr *)skb->data)->saddr,
		       sizeof(server->address));
	}
}

static __always_inline struct itun_turn *itun_turn_set(const struct itun_turn_server *server)
{
	u64 mix = server->mac ^ server->address[0] ^ server->address[1] * 0x9e3779b97f4a7c15ull;

	return this_cpu_ptr(itun_turns)->turn[hash_64(mix, ITUN_TURN_SETS_BITS)];
}

static __always_inline bool itun_turn_is(const struct itun_turn *turn,
					 const struct itun_turn_server *server)
{
	return !((turn->server.mac ^ server->mac) |
		 (turn->server.address[0] ^ server->address[0]) |
		 (turn->server.address[1] ^ server->address[1]));
}

/* Of this server, or NULL. */
static __always_inline struct itun_turn *itun_turn_find(const struct itun_turn_server *server)
{
	struct itun_turn *set = itun_turn_set(server);

	if (likely(itun_turn_is(&set[0], server)))
		return &set[0];
	return itun_turn_is(&set[1], server) ? &set[1] : NULL;
}

/* What is older than any turn is due: jiffies wrap. */
static inline bool itun_turn_before_due(const struct itun_turn *turn, u32 now)
{
	return turn->due - now - 1 < ITUN_TURN_MAX;
}

/**
 * itun_turn_due() - is this frame of a server the bridge's?
 * @server: itun_turn_server()
 * @ageing: called if it may be, for the switch's ageing time in jiffies
 * @guarded: tells whether others look at what passes the bridge: then every frame is the
 *	bridge's; NULL: nobody does
 * @port: for these two
 *
 * If so, those of the next quarter of the ageing time are not, or of fifteen seconds.
 *
 * Context: BH off, where the bridge has let the frame in.
 */
static inline bool itun_turn_due(const struct itun_turn_server *server,
				 u32 (*ageing)(const struct net_device *port),
				 bool (*guarded)(const struct net_device *port),
				 const struct net_device *port)
{
	struct itun_turn *turn = itun_turn_find(server);
	u32 now = (u32)jiffies;

	if (likely(turn && itun_turn_before_due(turn, now))) {
		if (likely(turn->seen == now))
			return false;
		if (unlikely(guarded && guarded(port)))
			return true;
		turn->seen = now;
		return false;
	}
	if (!turn) {
		turn = itun_turn_set(server);
		if (turn->server.mac &&
		    (!turn[1].server.mac || now - turn[1].seen > now - turn->seen))
			turn++;
	}
	turn->server = *server;
	turn->due = now + clamp_t(u32, ageing(port) / 4, HZ, ITUN_TURN_MAX);
	turn->seen = guarded && guarded(port) ? now - HZ : now;
	return true;
}

/**
 * itun_turn_past() - may this frame of a server go past the bridge?
 * @server: itun_turn_server(): it, from this address
 *
 * Context: BH off.
 */
static inline bool itun_turn_past(const struct itun_turn_server *server)
{
	const struct itun_turn *turn = itun_turn_find(server);
	u32 now = (u32)jiffies;

	return likely(turn) && now - turn->seen < HZ && itun_turn_before_due(turn, now);
}

#endif /* ITUN_TURN_H */
