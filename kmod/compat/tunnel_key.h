/* SPDX-License-Identifier: GPL-2.0 */
/* The flags of struct ip_tunnel_key: __be16 until 6.9, a bitmap since. */
#ifndef ITUN_COMPAT_TUNNEL_KEY_H
#define ITUN_COMPAT_TUNNEL_KEY_H

#include <linux/version.h>
#include <net/ip_tunnels.h>

static inline void itun_tunnel_key_flags(struct ip_tunnel_key *key, bool id, bool checksum)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
	ip_tunnel_flags_zero(key->tun_flags);
	if (id)
		__set_bit(IP_TUNNEL_KEY_BIT, key->tun_flags);
	if (checksum)
		__set_bit(IP_TUNNEL_CSUM_BIT, key->tun_flags);
#else
	key->tun_flags = (id ? TUNNEL_KEY : 0) | (checksum ? TUNNEL_CSUM : 0);
#endif
}

#endif /* ITUN_COMPAT_TUNNEL_KEY_H */
