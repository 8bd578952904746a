/* SPDX-License-Identifier: GPL-2.0 */
/* dst_init() was told how many references there are, before 6.7. */
#ifndef ITUN_COMPAT_DST_H
#define ITUN_COMPAT_DST_H

#include <linux/version.h>
#include <net/dst.h>

/* A route of nobody's, that nothing counts. */
static inline void itun_dst_init(struct dst_entry *dst, struct dst_ops *ops)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	dst_init(dst, ops, NULL, DST_OBSOLETE_NONE, DST_NOCOUNT);
#else
	dst_init(dst, ops, NULL, 1, DST_OBSOLETE_NONE, DST_NOCOUNT);
#endif
}

#endif /* ITUN_COMPAT_DST_H */
