/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FAKE_SCHED_MM_H
#define FAKE_SCHED_MM_H
#include <linux/sched.h>
#define memalloc_noio_save()		0U
#define memalloc_noio_restore(flags)	((void)(flags))
#endif
