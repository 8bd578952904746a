/* SPDX-License-Identifier: GPL-2.0 */
/* What <net/gso.h> has since 6.5 was in <linux/skbuff.h> before. */
#ifndef ITUN_COMPAT_NET_GSO_H
#define ITUN_COMPAT_NET_GSO_H

#if __has_include_next(<net/gso.h>)
#include_next <net/gso.h>
#else
#include <linux/skbuff.h>
#endif

#endif /* ITUN_COMPAT_NET_GSO_H */
