/* SPDX-License-Identifier: GPL-2.0-only */
/* A table of small values. Stores that allocate fail as fake_kernel says. */
#ifndef FAKE_XARRAY_H
#define FAKE_XARRAY_H
#include <linux/slab.h>
#include <linux/spinlock.h>

#define FAKE_XA_MAX	(1U << 17)

struct xarray {
	spinlock_t lock;
	void *entries[FAKE_XA_MAX];
};

/* Called before a load: what others do just then. */
extern void (*fake_before_xa_load)(struct xarray *xa, unsigned long index);

#define xa_mk_value(v)		((void *)(((unsigned long)(v) << 1) | 1))
#define xa_to_value(entry)	((unsigned long)(entry) >> 1)
#define xa_is_err(entry)	((entry) == (void *)-2L)

static inline void **fake_xa_at(struct xarray *xa, unsigned long index)
{
	fake_assert(index < FAKE_XA_MAX);
	return &xa->entries[index];
}

static inline void *xa_load(struct xarray *xa, unsigned long index)
{
	if (fake_before_xa_load)
		fake_before_xa_load(xa, index);
	return *fake_xa_at(xa, index);
}

static inline void *__xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	void **at = fake_xa_at(xa, index), *old = *at;

	if (!old && fake_refuses(gfp & GFP_NOWAIT ? fake_kernel.fail_nowait :
						    fake_kernel.fail_sleeping))
		return (void *)-2L;
	*at = entry;
	return old;
}

static inline void *__xa_erase(struct xarray *xa, unsigned long index)
{
	void **at = fake_xa_at(xa, index), *old = *at;

	fake_assert(xa->lock.held);
	*at = NULL;
	return old;
}

/* Erases only: allocates nothing. */
static inline void *__xa_cmpxchg(struct xarray *xa, unsigned long index, void *old, void *entry,
				 gfp_t gfp)
{
	void **at = fake_xa_at(xa, index), *was = *at;

	(void)gfp;
	fake_assert(xa->lock.held && !entry);
	if (was == old)
		*at = entry;
	return was;
}

static inline void *xa_erase_irq(struct xarray *xa, unsigned long index)
{
	void *old;

	fake_lock(&xa->lock);
	old = __xa_erase(xa, index);
	fake_unlock(&xa->lock);
	return old;
}

static inline void *xa_store_irq(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	might_sleep();
	return __xa_store(xa, index, entry, gfp);
}

#define xa_lock_irqsave(xa, flags)	spin_lock_irqsave(&(xa)->lock, flags)
#define xa_unlock_irqrestore(xa, flags)	spin_unlock_irqrestore(&(xa)->lock, flags)
#define xa_for_each(xa, index, entry) \
	for ((index) = 0; (index) < FAKE_XA_MAX; (index)++) \
		if (((entry) = (xa)->entries[index]))
#endif
