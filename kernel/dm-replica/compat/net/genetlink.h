/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of <net/genetlink.h> that kernels before 6.2 and 6.6 do not have. */
#ifndef DRP_COMPAT_NET_GENETLINK_H
#define DRP_COMPAT_NET_GENETLINK_H

#include_next <net/genetlink.h>
#include <linux/version.h>

/* pre_doit and post_doit: same fields, other tag. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#define genl_split_ops	genl_ops
#endif

/* genl_info_dump(cb)->attrs: the attributes hung directly below. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define genl_info_dump(cb)	genl_dumpit_info(cb)
#endif

#endif /* DRP_COMPAT_NET_GENETLINK_H */
