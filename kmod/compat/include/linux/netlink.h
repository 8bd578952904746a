/* SPDX-License-Identifier: GPL-2.0 */
/* Refusals with values in their text, which Linux has since 6.3. */
#ifndef ITUN_COMPAT_LINUX_NETLINK_H
#define ITUN_COMPAT_LINUX_NETLINK_H

#include_next <linux/netlink.h>

#ifndef NL_SET_ERR_MSG_FMT
#define NETLINK_MAX_FMTMSG_LEN	80

char *itun_compat_extack_text(void);

#define NL_SET_ERR_MSG_ATTR_FMT(extack, attr, fmt, args...) do {		\
	struct netlink_ext_ack *__extack = (extack);				\
	char *__text;								\
										\
	if (!__extack)								\
		break;								\
	__text = itun_compat_extack_text();					\
	snprintf(__text, NETLINK_MAX_FMTMSG_LEN, fmt, ##args);			\
	do_trace_netlink_extack(__text);					\
	__extack->_msg = __text;						\
	__extack->bad_attr = (attr);						\
	__extack->policy = NULL;						\
} while (0)

#define NL_SET_ERR_MSG_FMT(extack, fmt, args...) do {				\
	struct netlink_ext_ack *__ack = (extack);				\
										\
	if (__ack)								\
		NL_SET_ERR_MSG_ATTR_FMT(__ack, __ack->bad_attr, fmt, ##args);	\
} while (0)
#endif

#endif /* ITUN_COMPAT_LINUX_NETLINK_H */
