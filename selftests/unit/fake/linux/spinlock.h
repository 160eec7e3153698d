/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FAKE_SPINLOCK_H
#define FAKE_SPINLOCK_H
#include <linux/fake_kernel.h>

typedef struct { bool held; } spinlock_t;

static inline void spin_lock_init(spinlock_t *lock)
{
	lock->held = false;
}

static inline void fake_lock(spinlock_t *lock)
{
	fake_assert(!lock->held);
	lock->held = true;
	fake_kernel.locks_held++;
}

static inline void fake_unlock(spinlock_t *lock)
{
	fake_assert(lock->held);
	lock->held = false;
	fake_kernel.locks_held--;
}

#define spin_lock_irqsave(lock, flags)	do { (flags) = 0; fake_lock(lock); } while (0)
#define spin_unlock_irqrestore(lock, flags)	do { (void)(flags); fake_unlock(lock); } while (0)
#define spin_lock_irq(lock)	fake_lock(lock)
#define spin_unlock_irq(lock)	fake_unlock(lock)
#endif
