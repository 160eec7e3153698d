/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FAKE_PRINTK_H
#define FAKE_PRINTK_H
#include <linux/fake_kernel.h>
#define pr_warn_ratelimited(...) \
	((void)snprintf(fake_kernel.log, sizeof(fake_kernel.log), __VA_ARGS__), \
	 (void)fake_kernel.warnings++)
#endif
