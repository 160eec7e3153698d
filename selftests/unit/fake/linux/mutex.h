/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FAKE_MUTEX_H
#define FAKE_MUTEX_H
#include <linux/fake_kernel.h>

struct mutex {
	bool held;
};

static inline void mutex_lock(struct mutex *lock)
{
	might_sleep();
	fake_assert(!lock->held);
	lock->held = true;
}

static inline void mutex_unlock(struct mutex *lock)
{
	fake_assert(lock->held);
	lock->held = false;
}
#endif
