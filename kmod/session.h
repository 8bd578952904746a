/* SPDX-License-Identifier: GPL-2.0 */
/* The session table: which balanced flows there are, and by which path.
 *
 * A session is keyed by the forward tuple (client to real server) and its
 * zone. Readers are under RCU; a session is published last and unlinked before
 * it is freed. Expired means absent already in the lookup. Nothing but the
 * one who sets DEAD unlinks, counts and frees.
 */
#ifndef ITUN_SESSION_H
#define ITUN_SESSION_H

#include <linux/jiffies.h>
#include <linux/rhashtable.h>
#include <linux/siphash.h>

#include "net.h"
#include "path.h"
#include "wire/inner.h"

/* 16 bytes: two words for the hash and for the comparison. */
struct itun_key4 {
	__be32 src, dst;
	__be16 sport, dport;
	u32 zone_protocol;		/* zone << 8 | protocol */
} __aligned(8);

struct itun_key6 {
	__be32 src[4], dst[4];
	__be16 sport, dport;
	u32 zone_protocol;
} __aligned(8);

/* The state word: the state in the low bits, then what has been seen. */
#define ITUN_STATE_MASK		0x07
#define ITUN_SEEN_REPLY		BIT(3)	/* a reply */
#define ITUN_SEEN_ACK		BIT(4)	/* a forward TCP segment other than SYN */
#define ITUN_SEEN_FIN		BIT(5)	/* FIN or RST in either direction */
#define ITUN_STATIC		BIT(6)	/* entered by hand: never expires */
#define ITUN_ACCOUNTED		BIT(7)	/* has counters behind its key */
#define ITUN_DEAD		BIT(8)	/* being removed */
#define ITUN_IPV6		BIT(9)	/* in sessions6 */
#define ITUN_YIELDED		BIT(10)	/* the server opened a flow of its own on the tuple */

struct itun_session {
	struct rhash_head node;		/*  0 */
	struct itun_path __rcu *path;	/*  8: swapped by xchg(), never NULL */
	u32 created;			/* 16: jiffies */
	u32 seen;			/* 20: jiffies of the last packet, to a second */
	u32 word;			/* 24: state and flags, by cmpxchg() */
	u32 fronted;			/* 28: jiffies | 1 when it was put into the front, or 0 */
	union {				/* 32 */
		/* The key's, for as long as the session is in the table: what
		 * resizes or unlinks need not compute it again. Who still meets
		 * the session by RCU afterwards finds another value, and with it
		 * nothing: it is compared and hashed, never followed.
		 */
		u64 hash;
		struct rcu_head rcu;	/* from then on */
	};
	union {				/* 48 */
		struct itun_key4 key4;
		struct itun_key6 key6;
	};
	/* IPv4: 64 bytes, one cache line. struct itun_account may follow the key. */
};

#define ITUN_SESSION4_SIZE	(offsetof(struct itun_session, key4) + sizeof(struct itun_key4))
#define ITUN_SESSION6_SIZE	(offsetof(struct itun_session, key6) + sizeof(struct itun_key6))

struct itun_account {
	atomic64_t fwd_packets, fwd_bytes, rev_packets, rev_bytes;
};

static inline struct itun_account *itun_session_account(struct itun_session *session)
{
	u32 word = READ_ONCE(session->word);

	if (!(word & ITUN_ACCOUNTED))
		return NULL;
	return (void *)session + (word & ITUN_IPV6 ? ITUN_SESSION6_SIZE : ITUN_SESSION4_SIZE);
}

/* What a lookup needs: the key, and its hash, computed once. The low half
 * gives the bucket, the high half the source port of the tunnel.
 */
struct itun_lookup {
	u64 hash;
	u8 family;			/* 4 or 6 */
	union {
		struct itun_key4 key4;
		struct itun_key6 key6;
	};
};

/* At most one write a second: the line is shared by all CPUs of a flow. */
static inline void itun_session_touch(struct itun_session *session)
{
	u32 now = (u32)jiffies;

	if (now - READ_ONCE(session->seen) >= HZ)
		WRITE_ONCE(session->seen, now);
}

/* The lowest bit says which table: 0 for IPv4, 1 for IPv6. */
static inline u64 itun_key4_hash(const struct itun_key4 *key)
{
	const u64 *word = (const u64 *)key;

	return siphash_2u64(word[0], word[1], &itun_hash_key) & ~1ULL;
}

static inline u64 itun_key6_hash(const struct itun_key6 *key)
{
	return siphash(key, sizeof(*key), &itun_hash_key) | 1;
}

/* rhashtable mixes its seed in by giving it to the hash function, which has no
 * room for a second key: a multiplication by the odd seed takes other bits of
 * the 64 into the bucket number when a table is hashed anew.
 */
static inline u32 itun_bucket_hash(u64 hash, u32 seed)
{
	return (hash * (u64)(seed | 1)) >> 32;
}

/**
 * itun_lookup_key4() - the hash of a key
 * @lookup: filled
 * @key: IPv4
 */
static inline void itun_lookup_key4(struct itun_lookup *lookup, const struct itun_key4 *key)
{
	lookup->family = 4;
	lookup->key4 = *key;
	lookup->hash = itun_key4_hash(key);
}

static inline void itun_key4_fill(struct itun_key4 *key, const struct itun_tuple *tuple, u32 zone)
{
	key->src = tuple->src.ip;
	key->dst = tuple->dst.ip;
	key->sport = tuple->sport;
	key->dport = tuple->dport;
	key->zone_protocol = zone << 8 | tuple->protocol;
}

static inline void itun_key6_fill(struct itun_key6 *key, const struct itun_tuple *tuple, u32 zone)
{
	memcpy(key->src, tuple->src.ip6, sizeof(key->src));
	memcpy(key->dst, tuple->dst.ip6, sizeof(key->dst));
	key->sport = tuple->sport;
	key->dport = tuple->dport;
	key->zone_protocol = zone << 8 | tuple->protocol;
}

/**
 * itun_lookup_init() - the key of a forward tuple in a zone, and its hash
 * @lookup: filled
 * @tuple: client to server
 * @zone: 24 bits
 */
static inline void itun_lookup_init(struct itun_lookup *lookup, const struct itun_tuple *tuple,
				    u32 zone)
{
	lookup->family = tuple->family;
	if (likely(tuple->family == 4)) {
		itun_key4_fill(&lookup->key4, tuple, zone);
		lookup->hash = itun_key4_hash(&lookup->key4);
	} else {
		itun_key6_fill(&lookup->key6, tuple, zone);
		lookup->hash = itun_key6_hash(&lookup->key6);
	}
}

/* The filter before the keyed hash: is any session's server at this address
 * and port? A wrong yes costs a lookup, a wrong no cannot happen.
 */
static inline u32 itun_filter_slot4(__be32 server, __be16 port)
{
	u32 mix = (__force u32)server ^ (__force u32)port * 0x9e3779b1u;

	return (mix * 0x9e3779b1u) >> (32 - ITUN_FILTER_BITS);
}

static inline u32 itun_filter_slot(u8 family, const union itun_addr *server, __be16 port)
{
	__be32 mix = server->ip6[0];

	if (family == 6)
		mix ^= server->ip6[1] ^
		       (__force __be32)((__force u32)server->ip6[2] * 0x85ebca6bu ^
					(__force u32)server->ip6[3] * 0xc2b2ae35u);
	return itun_filter_slot4(mix, port);
}

static inline bool itun_filter_has4(const struct itun_net *in, __be32 server, __be16 port)
{
	return atomic_read(&in->filter[itun_filter_slot4(server, port)]);
}

static inline bool itun_filter_has(const struct itun_net *in, u8 family,
				   const union itun_addr *server, __be16 port)
{
	return atomic_read(&in->filter[itun_filter_slot(family, server, port)]);
}

static inline u32 itun_session_zone(const struct itun_session *session)
{
	if (READ_ONCE(session->word) & ITUN_IPV6)
		return session->key6.zone_protocol >> 8;
	return session->key4.zone_protocol >> 8;
}

/**
 * itun_session_expires() - jiffies until a session expires
 * Return: 0 or less if it has, LONG_MAX if it never will.
 */
static inline long itun_session_expires(const struct itun_session *session,
					const struct itun_config *config)
{
	u32 word = READ_ONCE(session->word);

	if (word & ITUN_STATIC)
		return LONG_MAX;
	return (long)config->timeout[word & ITUN_STATE_MASK] -
	       (s32)((u32)jiffies - READ_ONCE(session->seen));
}

static inline bool itun_session_alive(const struct itun_session *session,
				      const struct itun_config *config)
{
	return !(READ_ONCE(session->word) & ITUN_DEAD) &&
	       itun_session_expires(session, config) > 0;
}

/**
 * itun_session_settled() - will a marked packet that opens nothing change no state?
 * @session: under RCU
 * @protocol: of the inner packet
 * @tcp_flags: if it is TCP
 *
 * Return: true for most packets; false if itun_session_forward_rare() has to look.
 */
static inline bool itun_session_settled(const struct itun_session *session, u8 protocol,
					u8 tcp_flags)
{
	const u32 seen = ITUN_SEEN_REPLY | ITUN_SEEN_ACK | ITUN_SEEN_FIN;
	u32 word = READ_ONCE(session->word);

	if (word & (ITUN_YIELDED | ITUN_ACCOUNTED))
		return false;
	if (protocol != ITUN_PROTO_TCP)
		return true;
	return (word & (ITUN_STATE_MASK | seen)) ==
	       (IPVS_TUN_SESSION_STATE_TCP_ESTABLISHED | ITUN_SEEN_REPLY | ITUN_SEEN_ACK) &&
	       !(tcp_flags & (ITUN_TCP_FIN | ITUN_TCP_RST));
}

void itun_session_forward_rare(struct itun_session *session, u8 protocol, u8 tcp_flags, u32 len);

/**
 * itun_session_refresh() - a marked packet that opens nothing
 * @session: under RCU
 * @protocol: of the inner packet
 * @tcp_flags: if it is TCP
 * @len: inner bytes
 *
 * Context: any, under RCU.
 */
static inline void itun_session_refresh(struct itun_session *session, u8 protocol, u8 tcp_flags,
					u32 len)
{
	itun_session_touch(session);
	if (unlikely(!itun_session_settled(session, protocol, tcp_flags)))
		itun_session_forward_rare(session, protocol, tcp_flags, len);
}

struct itun_session *itun_session_find(struct itun_net *in, const struct itun_lookup *lookup);
struct itun_session *itun_session_make(struct itun_net *in, const struct itun_config *config,
				       const struct itun_lookup *lookup, struct itun_path *path,
				       u32 word);
void itun_session_move(struct itun_session *session, struct itun_path *path);
void itun_session_forward(struct itun_session *session, const struct itun_inner *inner, u32 len);
void itun_session_reply(struct itun_session *session, const struct itun_inner *inner, u32 len);
void itun_session_restart(struct itun_session *session, const struct itun_inner *inner);
void itun_session_yield(struct itun_session *session);

/* Why a session ends, for its counter and its event. */
enum itun_end { ITUN_END_EXPIRED, ITUN_END_PATH, ITUN_END_DELETED, ITUN_END_EVICTED };

bool itun_session_kill(struct itun_net *in, struct itun_session *session, enum itun_end why);

u32 itun_session_first_word(u8 family, u8 protocol, u8 tcp_flags);
void itun_session_tuple(const struct itun_session *session, struct itun_tuple *tuple);

/* Tells the collector's users apart: the table of each family, in turn. */
int itun_session_walk(struct itun_net *in,
		      int (*each)(struct itun_net *in, struct itun_session *session, void *arg),
		      void *arg);

int itun_session_init(struct itun_net *in);
void itun_session_exit(struct itun_net *in);
int itun_session_cache_init(void);
void itun_session_cache_exit(void);

void itun_collector_start(struct itun_net *in);
void itun_collector_stop(struct itun_net *in);
bool itun_collect_one(struct itun_net *in, const struct itun_config *config,
		      struct itun_session *session);
bool itun_evict(struct itun_net *in, const struct itun_config *config, struct itun_zone *zone,
		bool whole_table);

extern const struct rhashtable_params itun_session4_params, itun_session6_params;

#endif /* ITUN_SESSION_H */
