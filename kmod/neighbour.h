/* SPDX-License-Identifier: GPL-2.0 */
/* Who is behind a MAC address: for tunnels whose packets have no IP header. */
#ifndef ITUN_NEIGHBOUR_H
#define ITUN_NEIGHBOUR_H

#include <linux/netdevice.h>

#include "config.h"
#include "net.h"

bool itun_neighbour_find(struct itun_net *in, const struct itun_config *config,
			 struct net_device *dev, const u8 *mac, union itun_addr *addr, u8 *family);
bool itun_neighbour_mac(struct net_device *dev, u8 family, const union itun_addr *addr, u8 *mac);

int itun_neighbour_init(void);
void itun_neighbour_exit(void);

#endif /* ITUN_NEIGHBOUR_H */
