// SPDX-License-Identifier: GPL-2.0
/* Readiness messages, and the life of the prober that sends them.
 *
 * A probe is a marked tunnel packet, so a host without the module drops it
 * just as it would drop a marked packet of a flow. It leaves by a socket: our
 * own LOCAL_OUT hook does not look at what has no device yet. Answers come in
 * by the record stage, never by the socket.
 *
 * Of MPLS over Ethernet it leaves by a device (mpls_xmit.c), without a first mark.
 *
 * For GRE, and for MPLS in it, it is a raw socket that takes whole IP packets
 * (IPPROTO_RAW): such a one gets no copies of the tunnel's traffic, as one for GRE
 * would.
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/slab.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/ipv6_stubs.h>
#include <net/sock.h>

#include "mpls.h"
#include "outer.h"
#include "prober.h"

static struct socket *make_socket(struct net *net, int family, bool raw)
{
	struct socket *socket;
	int err = sock_create_kern(net, family, raw ? SOCK_RAW : SOCK_DGRAM,
				   raw ? IPPROTO_RAW : IPPROTO_UDP, &socket);

	if (err)
		return ERR_PTR(err);
	/* It takes an ephemeral port, to which anyone may send: nothing reads
	 * what comes, so no more than one packet is to be kept.
	 */
	socket->sk->sk_rcvbuf = 0;
	if (family == AF_INET6)
		ip6_sock_set_v6only(socket->sk);
	return socket;
}

/* On first use: most hosts need one family only. */
static struct socket *get_socket(struct itun_prober *prober, u8 family, bool raw)
{
	struct socket **place, *socket;

	if (raw)
		place = family == 4 ? &prober->raw4 : &prober->raw6;
	else
		place = family == 4 ? &prober->socket4 : &prober->socket6;

	mutex_lock(&prober->mutex);
	socket = *place;
	if (!socket) {
		socket = make_socket(prober->in->net, family == 4 ? AF_INET : AF_INET6, raw);
		if (!IS_ERR(socket))
			*place = socket;
	}
	mutex_unlock(&prober->mutex);
	return socket;
}

/* All of the payload: a header of GRE with a key, one of the tunnel, the frame. */
#define MESSAGE_LEN	(8 + 8 + ITUN_PROBE_FRAME_LEN)

/* The tunnel header and the frame in it; returns their length. */
static int build(struct itun_net *in, const struct itun_message *message, u8 *payload)
{
	/* A group that no bridge forwards, should a tunnel driver let it in. */
	struct itun_probe probe = {
		.dst = { 0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e },
		.src = { 0x02, 0x00, 0x00, 0x00, 0x88, 0xb5 },
		.nonce = message->nonce,
		.protocol_version = ITUN_PROBE_PROTOCOL,
		.kind = message->kind,
		.tunnels = ITUN_TUNNELS_HANDLED,
		.tunnel_type = message->way.type,
		.version = ITUN_VERSION,
	};
	const struct itun_tunnel_config *tunnel;
	const struct itun_config *config;
	u16 len = 0;

	BUILD_BUG_ON(IPVS_TUN_MAX_ACCEPT_MARKS > ITUN_PROBE_MARKS_MAX);
	rcu_read_lock();
	config = rcu_dereference(in->config);
	if (!config) {
		rcu_read_unlock();
		return -ESHUTDOWN;
	}
	tunnel = &config->tunnel[message->way.type];
	probe.accept_count = tunnel->n_accept;
	memcpy(probe.accept_marks, tunnel->accept_mark, 4 * tunnel->n_accept);
	rcu_read_unlock();

	if (message->way.carrier == ITUN_MPLS_OVER_GRE)
		len = itun_tunnel_build_gre(payload, ITUN_PROTOCOL_MPLS, message->way.carrier_key);
	len += itun_tunnel_build(message->way.type, payload + len, message->way.options,
				 message->way.id, message->way.flags);
	itun_probe_build(payload + len, &probe);
	return len + ITUN_PROBE_FRAME_LEN;
}

/* The IP header of a message without UDP; the kernel adds length, identifier
 * and checksum of IPv4's. Returns its length.
 */
static int build_ip(const struct itun_message *message, const union itun_addr *local, int payload,
		    u8 *header)
{
	struct ipv6hdr *ip6h = (struct ipv6hdr *)header;
	struct iphdr *iph = (struct iphdr *)header;

	if (message->family == 4) {
		memset(iph, 0, sizeof(*iph));
		iph->version = 4;
		iph->ihl = sizeof(*iph) / 4;
		iph->ttl = 64;
		iph->protocol = IPPROTO_GRE;
		iph->saddr = local->ip;
		iph->daddr = message->remote.ip;
		return sizeof(*iph);
	}
	memset(ip6h, 0, sizeof(*ip6h));
	ip6h->version = 6;
	ip6h->payload_len = htons(payload);
	ip6h->nexthdr = IPPROTO_GRE;
	ip6h->hop_limit = 64;
	memcpy(&ip6h->saddr, local, sizeof(ip6h->saddr));
	memcpy(&ip6h->daddr, &message->remote, sizeof(ip6h->daddr));
	return sizeof(*ip6h);
}

/* Whole IPv6 packets need their source address; by route, as UDP would choose. */
static int choose_local6(struct itun_net *in, const struct itun_message *message,
			 union itun_addr *local)
{
#if IS_ENABLED(CONFIG_IPV6)
	struct flowi6 fl6 = { .flowi6_oif = message->way.ifindex, .flowi6_proto = IPPROTO_GRE };
	struct dst_entry *dst;

	memcpy(&fl6.daddr, &message->remote, sizeof(fl6.daddr));
	dst = ipv6_stub->ipv6_dst_lookup_flow(in->net, NULL, &fl6, NULL);
	if (IS_ERR(dst))
		return PTR_ERR(dst);
	dst_release(dst);
	memcpy(local, &fl6.saddr, sizeof(fl6.saddr));
	return 0;
#else
	return -EAFNOSUPPORT;
#endif
}

/**
 * itun_message_send() - send one readiness message
 * @prober: the namespace's
 * @message: what, whereto and how
 *
 * Context: process.
 * Return: 0 or a negative error number.
 */
int itun_message_send(struct itun_prober *prober, const struct itun_message *message)
{
	const struct itun_probe_way *way = &message->way;
	u8 payload[MESSAGE_LEN], header[sizeof(struct ipv6hdr)];
	struct kvec vec[2] = { { .iov_base = header }, { .iov_base = payload } };
	bool raw = way->type == IPVS_TUN_TUNNEL_TYPE_GRE || way->carrier == ITUN_MPLS_OVER_GRE;
	union itun_addr local = way->local;
	union {
		struct cmsghdr header;
		u8 bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = {};
	struct sockaddr_in6 to6 = {
		.sin6_family = AF_INET6,
		/* Of a raw socket it is the protocol that routing and IPsec see. */
		.sin6_port = htons(raw ? IPPROTO_GRE : way->port),
		.sin6_scope_id = way->ifindex,
	};
	struct sockaddr_in to4 = {
		.sin_family = AF_INET,
		.sin_port = htons(way->port),
		.sin_addr.s_addr = message->remote.ip,
	};
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT, .msg_control = &control };
	struct socket *socket;
	int sent;

	sent = build(prober->in, message, payload);
	if (sent < 0)
		return sent;
	if (way->type == IPVS_TUN_TUNNEL_TYPE_MPLS && !way->carrier)
		return itun_mpls_send(prober->in, message, payload, sent);
	vec[1].iov_len = sent;
	if (raw && message->family == 6 && !memchr_inv(&local, 0, sizeof(local))) {
		sent = choose_local6(prober->in, message, &local);
		if (sent)
			return sent;
	}
	if (raw)
		vec[0].iov_len = build_ip(message, &local, vec[1].iov_len, header);
	socket = get_socket(prober, message->family, raw);
	if (IS_ERR(socket))
		return PTR_ERR(socket);

	if (message->family == 4) {
		struct in_pktinfo *info = CMSG_DATA(&control.header);

		msg.msg_name = &to4;
		msg.msg_namelen = sizeof(to4);
		msg.msg_controllen = CMSG_SPACE(sizeof(*info));
		control.header.cmsg_level = SOL_IP;
		control.header.cmsg_type = IP_PKTINFO;
		control.header.cmsg_len = CMSG_LEN(sizeof(*info));
		info->ipi_ifindex = way->ifindex;
		info->ipi_spec_dst.s_addr = local.ip;
	} else {
		struct in6_pktinfo *info = CMSG_DATA(&control.header);

		memcpy(&to6.sin6_addr, &message->remote, sizeof(to6.sin6_addr));
		msg.msg_name = &to6;
		msg.msg_namelen = sizeof(to6);
		msg.msg_controllen = CMSG_SPACE(sizeof(*info));
		control.header.cmsg_level = SOL_IPV6;
		control.header.cmsg_type = IPV6_PKTINFO;
		control.header.cmsg_len = CMSG_LEN(sizeof(*info));
		info->ipi6_ifindex = way->ifindex;
		memcpy(&info->ipi6_addr, &local, sizeof(info->ipi6_addr));
	}
	sent = kernel_sendmsg(socket, &msg, raw ? vec : &vec[1], raw ? 2 : 1,
			      vec[0].iov_len + vec[1].iov_len);
	return min(sent, 0);
}

/**
 * itun_probe_receive() - a readiness message inside a tunnel packet
 * @in: namespace
 * @config: the snapshot in force
 * @outer: the parsed packet; its flags are not the normal ones
 * @skb: the packet, not changed; if it is ours, the caller consumes it
 * @ifindex: device that it came by
 *
 * Context: softirq, under RCU.
 * Return: false if it is none of ours: the packet then goes on.
 */
bool itun_probe_receive(struct itun_net *in, const struct itun_config *config,
			const struct itun_outer *outer, const struct sk_buff *skb, int ifindex)
{
	u8 frame[ITUN_PROBE_FRAME_LEN];
	struct itun_probe probe;

	if (skb_copy_bits(skb, outer->inner, frame, sizeof(frame)) ||
	    itun_probe_parse(frame, sizeof(frame), &probe)) {
		itun_count(in, probe_malformed);
		return false;
	}
	switch (probe.kind) {
	case ITUN_PROBE_KIND_PROBE:
		itun_probe_receive_question(in, config, outer, &probe, ifindex);
		break;
	case ITUN_PROBE_KIND_ANSWER:
	case ITUN_PROBE_KIND_NOT_READY:
		itun_probe_receive_answer(in, config, outer, &probe);
		break;
	default:	/* of another version of the protocol */
		itun_count(in, probe_malformed);
	}
	return true;
}

/**
 * itun_prober_kick() - probe what is due now
 * @in: namespace
 *
 * A jiffy later, so that who made an endpoint for a packet can still call
 * itun_endpoint_use(), and that many new endpoints make one round.
 *
 * Context: any but hard interrupt.
 */
void itun_prober_kick(struct itun_net *in)
{
	struct itun_prober *prober = READ_ONCE(in->prober);

	if (prober && READ_ONCE(prober->running))
		mod_delayed_work(system_unbound_wq, &prober->tick, 1);
}

/**
 * itun_prober_start() - probe and answer from now on
 * @in: namespace
 * @accepts: there are accept peers
 *
 * Context: process, under the mutex.
 * Return: 0 or -ENOMEM.
 */
int itun_prober_start(struct itun_net *in, bool accepts)
{
	struct itun_prober *prober = in->prober;

	if (!prober) {
		prober = kvzalloc(sizeof(*prober), GFP_KERNEL);
		if (!prober)
			return -ENOMEM;
		prober->in = in;
		prober->second = jiffies;
		mutex_init(&prober->mutex);
		spin_lock_init(&prober->lock);
		INIT_DELAYED_WORK(&prober->tick, itun_probe_tick);
		INIT_WORK(&prober->answer, itun_probe_send_answers);
		/* The data path reads the pointer with READ_ONCE(). */
		smp_store_release(&in->prober, prober);
	}
	if (accepts) {
		spin_lock_bh(&prober->lock);
		prober->quiet = false;
		spin_unlock_bh(&prober->lock);
	}
	WRITE_ONCE(prober->running, true);
	return 0;
}

/**
 * itun_prober_stop() - probe no more
 * @in: namespace
 *
 * The prober itself stays: a farewell may still have to be said.
 *
 * Context: process, under the mutex; waits for a probe that is being sent.
 */
void itun_prober_stop(struct itun_net *in)
{
	if (!in->prober)
		return;
	WRITE_ONCE(in->prober->running, false);
	cancel_delayed_work_sync(&in->prober->tick);
}

/**
 * itun_prober_free() - stop and release everything
 * @in: namespace
 *
 * Its sockets hold no reference to the namespace, so this comes before that
 * goes.
 *
 * Context: process; no softirq can come here any more.
 */
void itun_prober_free(struct itun_net *in)
{
	struct itun_prober *prober = in->prober;

	if (!prober)
		return;
	itun_prober_stop(in);
	cancel_work_sync(&prober->answer);
	if (prober->socket4)
		sock_release(prober->socket4);
	if (prober->socket6)
		sock_release(prober->socket6);
	if (prober->raw4)
		sock_release(prober->raw4);
	if (prober->raw6)
		sock_release(prober->raw6);
	in->prober = NULL;
	kvfree(prober);
}
