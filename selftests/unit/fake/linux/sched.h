/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FAKE_SCHED_H
#define FAKE_SCHED_H
#include <linux/fake_kernel.h>
#define cond_resched()	might_sleep()
#endif
