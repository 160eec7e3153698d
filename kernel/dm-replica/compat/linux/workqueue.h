/* SPDX-License-Identifier: GPL-2.0-only */
/* 7.x kernels want to be told that a work queue is bound to processors. */
#ifndef DRP_COMPAT_WORKQUEUE_H
#define DRP_COMPAT_WORKQUEUE_H

#include_next <linux/workqueue.h>
#include <linux/version.h>

/* Before, every queue without WQ_UNBOUND was. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 18, 0)
#define WQ_PERCPU	0
#endif

#endif /* DRP_COMPAT_WORKQUEUE_H */
