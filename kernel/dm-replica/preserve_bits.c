// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is preserved: pages of bits with the generation that they are about. A
 * snapshot that is just taken makes all bits 0 by its number alone; where the
 * newest one went, or after activation, a page is filled from the index before
 * it answers.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>

#include "preserve_internal.h"

/* ---- pages ---- */

/* What the allocator takes for one. */
#define BITS_PAGE_BYTES	(DRP_BITS_PER_PAGE / BITS_PER_BYTE + sizeof(struct drp_bits_page))

static struct drp_bits_page *alloc_page_of_bits(struct drp_preserved *p, gfp_t gfp)
{
	struct drp_bits_page *page = kmalloc(sizeof(*page), gfp);

	if (!page)
		return NULL;
	page->newest = 0;
	page->bits = kzalloc(DRP_BITS_PER_PAGE / BITS_PER_BYTE, gfp);
	if (page->bits) {
		atomic64_add(BITS_PAGE_BYTES, &p->e->pool->bits_bytes);
		return page;
	}
	kfree(page);
	return NULL;
}

static void free_page_of_bits(struct drp_preserved *p, struct drp_bits_page *page)
{
	atomic64_sub(BITS_PAGE_BYTES, &p->e->pool->bits_bytes);
	kfree(page->bits);
	kfree(page);
}

struct drp_bits_page *__drp_preserved_page(struct drp_preserved *p, struct drp_bits *bits, u64 chunk)
{
	const unsigned long index = chunk >> DRP_BITS_SHIFT;
	struct drp_bits_page *page = xa_load(&bits->pages, index);

	lockdep_assert_held(&p->lock);
	if (page && page->newest == bits->newest)
		return page;
	if (!page || !bits->fresh)
		return NULL;
	bitmap_zero(page->bits, DRP_BITS_PER_PAGE);
	smp_store_release(&page->newest, bits->newest); /* readers look at it first */
	return page;
}

static void drop_pages(struct drp_preserved *p, struct drp_bits *bits)
{
	struct drp_bits_page *page;
	unsigned long index;

	xa_for_each(&bits->pages, index, page) {
		spin_lock_irq(&p->lock);
		xa_erase(&bits->pages, index);
		spin_unlock_irq(&p->lock);
		free_page_of_bits(p, page);
		cond_resched();
	}
}

static void __mark_armed(struct drp_preserved *p, u64 first, u32 n)
{
	const u64 start = first << p->chunk_shift;
	const u64 end = min_t(u64, (first + n) << p->chunk_shift, p->e->rec.size_sectors);
	u64 region, count;

	drp_sync_regions(p->e->pool, start, end, &region, &count);
	drp_plane_set(p->arming, region, count);
}

void drp_preserve_arm(struct drp_element *e, struct drp_plane_map *c)
{
	struct drp_preserved *p = e->preserved;

	if (!p)
		return;
	spin_lock_irq(&p->lock);
	p->arming = c;
	spin_unlock_irq(&p->lock);
}

static void __set_bits(struct drp_bits *bits, u64 first, u32 n, u64 label)
{
	struct drp_bits_page *page = NULL;
	u32 i;

	if (bits->newest)
		page = xa_load(&bits->pages, first >> DRP_BITS_SHIFT);
	/* It serves older ones, too, if the newest has gone meanwhile. */
	if (page && page->newest == bits->newest && label >= bits->newest)
		for (i = 0; i < n; i++)
			set_bit((first + i) & (DRP_BITS_PER_PAGE - 1), page->bits);
}

void drp_preserved_set(struct drp_preserved *p, u64 first, u32 n, u64 label)
{
	unsigned long flags;

	spin_lock_irqsave(&p->lock, flags);
	if (unlikely(p->arming))
		__mark_armed(p, first, n);
	__set_bits(&p->now, first, n, label);
	__set_bits(&p->before, first, n, label);
	spin_unlock_irqrestore(&p->lock, flags);
}

static bool is_lacking(struct drp_preserved *p, struct drp_bits *of, u64 newest, u64 start, u64 end)
{
	const u64 last = (end - 1) >> p->chunk_shift;
	u64 chunk;

	for (chunk = start >> p->chunk_shift; chunk <= last; ) {
		struct drp_bits_page *page = xa_load(&of->pages, chunk >> DRP_BITS_SHIFT);
		u32 from = chunk & (DRP_BITS_PER_PAGE - 1);
		u32 to = min_t(u64, DRP_BITS_PER_PAGE, from + last - chunk + 1);

		/* The bits count for that generation only if they are read behind it. */
		if (!page || smp_load_acquire(&page->newest) != newest ||
		    find_next_zero_bit(page->bits, to, from) < to)
			return true;
		chunk += to - from;
	}
	return false;
}

bool drp_preserve_needed(struct drp_element *e, u64 start, u64 end)
{
	const u64 newest = READ_ONCE(e->cow_newest);

	if (likely(!newest))
		return false;
	if (is_lacking(e->preserved, &e->preserved->now, newest, start, end))
		return true;
	drp_ahead_passed(e->preserved, start, end);
	return false;
}

bool drp_preserve_turn_needed(struct drp_element *e, u64 start, u64 end)
{
	struct drp_preserved *p = e->preserved;
	u64 newest;

	if (likely(!e->cow_split))
		return drp_preserve_needed(e, start, end);
	newest = READ_ONCE(p->before.newest);
	return newest && is_lacking(p, &p->before, newest, start, end);
}

struct drp_element *drp_preserve_lacking(struct drp_element *e, const struct drp_plan *plan,
					 u32 mask, const struct drp_range *range)
{
	if (drp_preserve_needed(e, range->start, range->end))
		return e;
	for (; mask; mask &= mask - 1) {
		e = plan->hop[__ffs(mask)].target;
		if (drp_preserve_needed(e, range->start, range->end))
			return e;
	}
	return NULL;
}

/* ---- from the index ---- */

static int scan(struct drp_preserved *p, u64 first, u64 newest, unsigned long *bits)
{
	struct drp_cow *cow = p->e->pool->cow;
	struct drp_cow_key key = { .element = p->e->rec.id, .chunk = first, .generation = newest };
	struct drp_cow_entry entry;
	int r;

	for (;;) {
		r = drp_cow_next(cow, &key, &entry);
		if (r <= 0 || entry.key.element != key.element ||
		    entry.key.chunk >= first + DRP_BITS_PER_PAGE)
			return min(r, 0);
		key = entry.key;
		if (key.generation < newest) {
			key.generation = newest;
		} else if (entry.kind == DRP_COW_PRESERVED) {
			__set_bit(key.chunk - first, bits);
			key.chunk++;
			key.generation = newest;
		} else {
			key.generation++;
		}
		cond_resched();
	}
}

static bool counts_already(struct drp_preserved *p, struct drp_bits *bits,
			   struct drp_bits_page *page, u64 chunk, bool *fresh)
{
	bool counts;

	spin_lock_irq(&p->lock);
	counts = !bits->newest || __drp_preserved_page(p, bits, chunk);
	page->newest = bits->newest;
	*fresh = bits->fresh;
	spin_unlock_irq(&p->lock);
	return counts;
}

/* Returns the page that is not needed. */
static struct drp_bits_page *__install(struct drp_preserved *p, struct drp_bits *bits,
				       struct drp_bits_page *page, unsigned long index, bool fresh)
{
	struct drp_bits_page *old = xa_load(&bits->pages, index);

	lockdep_assert_held(&p->lock);
	/* Something has changed meanwhile: it is asked again, if need be. */
	if (page->newest != bits->newest || fresh != bits->fresh ||
	    (old && old->newest == bits->newest))
		return page;
	if (!old) {
		/* Its node was reserved. */
		if (!WARN_ON_ONCE(xa_is_err(xa_store(&bits->pages, index, page, GFP_NOWAIT))))
			return NULL;
		return page;
	}
	/* Who reads the old one without the lock keeps it. */
	bitmap_copy(old->bits, page->bits, DRP_BITS_PER_PAGE);
	smp_store_release(&old->newest, page->newest); /* readers look at it first */
	return page;
}

int drp_preserved_fill(struct drp_preserved *p, struct drp_bits *bits, u64 chunk)
{
	const unsigned long index = chunk >> DRP_BITS_SHIFT;
	struct drp_bits_page *page = alloc_page_of_bits(p, GFP_NOIO | __GFP_NOFAIL);
	bool fresh;
	int r = 0;

	if (!counts_already(p, bits, page, chunk, &fresh)) {
		if (!fresh)
			r = scan(p, round_down(chunk, DRP_BITS_PER_PAGE), page->newest, page->bits);
		if (!r)
			r = xa_reserve_irq(&bits->pages, index, GFP_NOIO | __GFP_NOFAIL);
		if (!r) {
			spin_lock_irq(&p->lock);
			page = __install(p, bits, page, index, fresh);
			spin_unlock_irq(&p->lock);
		}
	}
	if (page)
		free_page_of_bits(p, page);
	return r;
}

/* ---- what is alive ---- */

static int make(struct drp_element *e)
{
	struct drp_preserved *p;
	int r = e->pool->cow ? drp_preserver_make(e->pool) : -ENODEV;

	if (r)
		return r;
	p = kzalloc(sizeof(*p), GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	p->e = e;
	p->chunk_shift = e->pool->cow->chunk_shift;
	init_waitqueue_head(&p->idle);
	xa_init_flags(&p->now.pages, XA_FLAGS_LOCK_IRQ);
	xa_init_flags(&p->before.pages, XA_FLAGS_LOCK_IRQ);
	spin_lock_init(&p->lock);
	INIT_LIST_HEAD(&p->ops);
	drp_ahead_init(p);
	e->preserved = p;
	return 0;
}

static void set_newest(struct drp_preserved *p, struct drp_bits *bits, u64 newest, bool fresh)
{
	bool stale;

	spin_lock_irq(&p->lock);
	/* One that was about this generation once does not know what was preserved since. */
	stale = newest != bits->newest && !fresh;
	if (stale)
		bits->newest = 0;
	spin_unlock_irq(&p->lock);
	if (stale)
		drop_pages(p, bits);
	spin_lock_irq(&p->lock);
	__drp_ahead_forget(p);
	bits->newest = newest;
	bits->fresh = fresh;
	spin_unlock_irq(&p->lock);
}

int drp_preserve_set_newest(struct drp_element *e, u64 newest, bool fresh)
{
	int r = 0;

	/* A virtual element is not copied before it is written: see vio.c. */
	if (drp_element_virtual(e) || (!e->preserved && !newest))
		return 0;
	if (!e->preserved)
		r = make(e);
	if (r)
		return r;
	set_newest(e->preserved, &e->preserved->now, newest, fresh);
	WRITE_ONCE(e->cow_newest, newest);
	return 0;
}

void drp_preserve_set_before(struct drp_element *e, bool split, u64 before)
{
	struct drp_preserved *p = e->preserved;

	if (!p || (!split && !e->cow_split))
		return;
	set_newest(p, &p->before, before, false);
	WRITE_ONCE(e->cow_split, split);
}

u64 drp_preserve_before(const struct drp_element *e)
{
	return e->preserved ? READ_ONCE(e->preserved->before.newest) : 0;
}

u64 drp_preserve_stuck(struct drp_element *e)
{
	struct drp_preserved *p = e->preserved;
	struct drp_cow_op *op;
	unsigned long flags;
	u64 newest = 0;

	if (!p)
		return 0;
	spin_lock_irqsave(&p->lock, flags);
	list_for_each_entry(op, &p->ops, node)
		if (op->stuck)
			newest = max(newest, op->label);
	spin_unlock_irqrestore(&p->lock, flags);
	return newest;
}

static bool is_idle(struct drp_preserved *p)
{
	bool idle;

	spin_lock_irq(&p->lock);
	idle = !p->nr_held;
	spin_unlock_irq(&p->lock);
	return idle;
}

void drp_preserve_drain(struct drp_element *e)
{
	if (e->preserved)
		wait_event(e->preserved->idle, is_idle(e->preserved));
}

void drp_preserve_exit(struct drp_element *e)
{
	struct drp_preserved *p = e->preserved;

	if (!p)
		return;
	spin_lock_irq(&p->lock);
	p->going = true;
	spin_unlock_irq(&p->lock);
	drp_preserve_decided(e, -EIO);
	wait_event(p->idle, is_idle(p));
	WRITE_ONCE(e->cow_newest, 0);
	WRITE_ONCE(e->cow_split, false);
	WRITE_ONCE(e->preserved, NULL);
	/* It may still look at what it decided; one that comes later finds nothing. */
	cancel_work_sync(&e->full_work);
	drop_pages(p, &p->now);
	drop_pages(p, &p->before);
	xa_destroy(&p->now.pages);
	xa_destroy(&p->before.pages);
	kfree(p);
}
