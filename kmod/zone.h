/* SPDX-License-Identifier: GPL-2.0 */
/* Zones in use: one tenant's sessions, counted. */
#ifndef ITUN_ZONE_H
#define ITUN_ZONE_H

#include "path.h"

struct itun_zone *itun_zone_get(struct itun_net *in, u32 id);
void itun_zone_route(struct itun_net *in, struct itun_zone *zone);
void itun_zone_put(struct itun_net *in, struct itun_zone *zone);
int itun_zone_init(struct itun_net *in);
bool itun_zone_has_sessions(struct itun_net *in, u32 id);
void itun_zone_exit(struct itun_net *in);

#endif /* ITUN_ZONE_H */
