// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slots: which are free, which are at hand, which come back. The plane of used
 * slots says what is committed; a slot that was found free is noted in "taken"
 * until it is an entry's or given back, so that it is not found twice. One that
 * took no data is free, and noted there until no other is found.
 */
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/sched/mm.h>

#include "cow_internal.h"
#include "pool.h"

enum { TAKEN = 1, BAD = 2 };	/* in taken; the plane's page is pinned for the former */

/* @slot, which was taken, is taken no more. Any context. */
static void forget(struct drp_cow *cow, u64 slot)
{
	unsigned long flags;
	bool pinned;

	xa_lock_irqsave(&cow->taken, flags);
	/* It may have turned out to be bad meanwhile. */
	pinned = __xa_cmpxchg(&cow->taken, slot, xa_mk_value(TAKEN), NULL, 0) == xa_mk_value(TAKEN);
	xa_unlock_irqrestore(&cow->taken, flags);
	if (pinned)
		drp_plane_unpin(cow->slots, slot);
}

/* ---- handing out ---- */

static void __want_refill(struct drp_cow *cow)
{
	lockdep_assert_held(&cow->lock);
	if (!cow->full && cow->nr_ready < DRP_COW_READY_SLOTS / 2)
		queue_work(cow->pool->op_wq, &cow->refill_work);
}

int drp_cow_alloc(struct drp_cow *cow, u64 *slots, u32 n)
{
	unsigned long flags;
	int r;

	spin_lock_irqsave(&cow->lock, flags);
	if (cow->nr_ready >= n || (cow->full && cow->nr_ready)) {
		r = min(n, cow->nr_ready);
		for (n = 0; n < r; n++)
			slots[n] = cow->ready[--cow->nr_ready];
		cow->nr_taken += r;
	} else if (cow->full) {
		r = -ENOSPC;
	} else {
		r = -EAGAIN;
		queue_work(cow->pool->op_wq, &cow->refill_work);
	}
	__want_refill(cow);
	spin_unlock_irqrestore(&cow->lock, flags);
	return r;
}

bool drp_cow_can_spare(struct drp_cow *cow, u32 n, u32 percent)
{
	u64 used = drp_plane_count(cow->slots), max;
	unsigned long flags;
	bool can;

	spin_lock_irqsave(&cow->lock, flags);
	used += cow->nr_taken + n;
	max = div_u64(cow->nr_slots * percent, 100);
	can = !cow->full && cow->nr_recent <= cow->recent_max && used < max &&
	      cow->nr_ready >= n + min_t(u64, DRP_COW_READY_SLOTS / 4, max - used);
	__want_refill(cow);
	spin_unlock_irqrestore(&cow->lock, flags);
	return can;
}

void drp_cow_release(struct drp_cow *cow, const u64 *slots, u32 n)
{
	unsigned long flags;
	u32 i;

	spin_lock_irqsave(&cow->lock, flags);
	cow->nr_taken -= n;
	cow->full = false;
	for (i = 0; i < n; i++) {
		if (cow->nr_ready < DRP_COW_READY_SLOTS)
			cow->ready[cow->nr_ready++] = slots[i];
		else
			forget(cow, slots[i]);
	}
	spin_unlock_irqrestore(&cow->lock, flags);
}

/* Without memory for the note it may be found again at once, which is no harm. */
static void mark_bad(struct drp_cow *cow, u64 slot)
{
	unsigned long flags;
	void *was;

	xa_lock_irqsave(&cow->taken, flags);
	was = __xa_store(&cow->taken, slot, xa_mk_value(BAD), GFP_NOWAIT | __GFP_NOWARN);
	xa_unlock_irqrestore(&cow->taken, flags);
	if (was == xa_mk_value(TAKEN))
		drp_plane_unpin(cow->slots, slot);
	WRITE_ONCE(cow->has_bad, true);
}

void drp_cow_release_bad(struct drp_cow *cow, const u64 *slots, u32 n)
{
	unsigned long flags;
	u32 i;

	for (i = 0; i < n; i++)
		mark_bad(cow, slots[i]);
	spin_lock_irqsave(&cow->lock, flags);
	cow->nr_taken -= n;
	cow->full = false;
	spin_unlock_irqrestore(&cow->lock, flags);
}

void drp_cow_slot_committed(struct drp_cow *cow, u64 slot)
{
	unsigned long flags;

	drp_plane_set(cow->slots, slot, 1);
	spin_lock_irqsave(&cow->lock, flags);
	cow->nr_taken--;
	forget(cow, slot);
	spin_unlock_irqrestore(&cow->lock, flags);
}

void drp_cow_watch(struct drp_cow *cow, u64 used)
{
	WRITE_ONCE(cow->watch_at, used);
}

void drp_cow_look_at_mark(struct drp_cow *cow)
{
	/* The label's slot counts, too. */
	if (drp_plane_count(cow->slots) <= READ_ONCE(cow->watch_at))
		return;
	WRITE_ONCE(cow->watch_at, U64_MAX);
	queue_work(cow->pool->op_wq, &cow->pool->watch_work);
}

void drp_cow_wait_slots(struct drp_cow *cow)
{
	u64 refills = atomic64_read(&cow->refills);

	queue_work(cow->pool->op_wq, &cow->refill_work);
	wait_event(cow->refilled, atomic64_read(&cow->refills) != refills);
}

/* ---- finding free ones ---- */

/* Entries need nodes, and a checkpoint needs room for new ones beside the old. */
int drp_cow_reserve_nodes(struct drp_cow *cow, u64 more)
{
	u64 want = READ_ONCE(cow->root.nodes) + more / (DRP_COW_LEAF_ENTRIES / 4) + 32;
	unsigned long flags;
	int r = 0;

	spin_lock_irqsave(&cow->lock, flags);
	if (want > cow->nodes_reserved) {
		want = round_up(want, 64);
		r = drp_metadev_reserve(&cow->pool->md, want - cow->nodes_reserved);
		if (!r)
			cow->nodes_reserved = want;
	}
	spin_unlock_irqrestore(&cow->lock, flags);
	return r;
}

/* Note it, if it is free and nobody has: 1, 0, or -ENOMEM. */
static int take_one(struct drp_cow *cow, u64 slot)
{
	if (!slot || xa_load(&cow->taken, slot))
		return 0;
	/* Who commits it cannot wait for memory. */
	if (drp_plane_pin(cow->slots, slot))
		return -ENOMEM;
	if (xa_is_err(xa_store_irq(&cow->taken, slot, xa_mk_value(TAKEN), GFP_NOIO))) {
		drp_plane_unpin(cow->slots, slot);
		return -ENOMEM;
	}
	/* Its put may have landed since the plane was read: it says so there before its note goes. */
	if (drp_plane_any(cow->slots, slot, 1)) {
		forget(cow, slot);
		return 0;
	}
	return 1;
}

/* Take the free slots of a run that are not taken yet. 0 or -ENOMEM. */
static int take_run(struct drp_cow *cow, u64 first, u64 count, u64 *found, u32 *n, u32 max)
{
	u64 slot;
	int r;

	for (slot = first; slot < first + count && *n < max; slot++) {
		r = take_one(cow, slot);
		if (r < 0)
			return r;
		if (r)
			found[(*n)++] = slot;
	}
	return 0;
}

/*
 * Look for free slots from the cursor to the end, then from the start to the
 * cursor; how many is in @found_n. 0, or -errno: there may be more.
 */
static int look(struct drp_cow *cow, u64 *found, u32 max, u32 *found_n)
{
	u64 from = cow->cursor, first, count;
	bool wrapped = false;
	u32 n = 0;
	int r = 0;

	while (n < max) {
		r = drp_plane_next_clear(cow->slots, from, max, &first, &count);
		if (r < 0)
			break;
		if (!r || (wrapped && first >= cow->cursor)) {
			if (wrapped)
				break;
			wrapped = true;
			from = 0;
			continue;
		}
		r = take_run(cow, first, count, found, &n, max);
		if (r)
			break;
		from = first + count;
		cond_resched();
	}
	if (n)
		cow->cursor = found[n - 1] + 1;
	*found_n = n;
	return min(r, 0);
}

/* @found is ascending and is handed out from the end of the list. */
static u32 __add_ready(struct drp_cow *cow, const u64 *found, u32 n)
{
	u32 room = DRP_COW_READY_SLOTS - cow->nr_ready, i;

	lockdep_assert_held(&cow->lock);
	n = min(n, room);
	memmove(cow->ready + n, cow->ready, cow->nr_ready * sizeof(u64));
	for (i = 0; i < n; i++)
		cow->ready[i] = found[n - 1 - i];
	cow->nr_ready += n;
	return n;
}

/* Those that took no data are better than none. */
static bool take_back_bad(struct drp_cow *cow)
{
	unsigned long slot;
	void *what;

	if (!xchg(&cow->has_bad, false))
		return false;
	xa_for_each(&cow->taken, slot, what)
		if (xa_to_value(what) == BAD)
			xa_erase_irq(&cow->taken, slot);
	return true;
}

static u64 entries_under_way(struct drp_cow *cow)
{
	u64 n;

	spin_lock_irq(&cow->lock);
	n = cow->nr_recent + cow->nr_frozen + cow->nr_taken + DRP_COW_READY_SLOTS;
	spin_unlock_irq(&cow->lock);
	return n;
}

/* May slots be handed out? It is said why not. */
static bool can_be_used(struct drp_cow *cow)
{
	if (drp_cow_prove(cow))
		return false;
	if (!drp_cow_reserve_nodes(cow, entries_under_way(cow)))
		return true;
	pr_warn_ratelimited("dm-replica: pool %s: its metadata device has no room for more of the COW index: return a snapshot\n",
			    cow->pool->sb.name);
	return false;
}

static void refill(struct drp_cow *cow, u64 *found)
{
	u32 n = 0, used;
	int r = 0;

	if (can_be_used(cow)) {
		r = look(cow, found, DRP_COW_READY_SLOTS / 2, &n);
		if (!r && !n && take_back_bad(cow))
			r = look(cow, found, DRP_COW_READY_SLOTS / 2, &n);
	}
	spin_lock_irq(&cow->lock);
	used = __add_ready(cow, found, n);
	/* Without memory to look it is looked again, as whoever needs a slot asks for it. */
	cow->full = !n && r != -ENOMEM && list_empty(&cow->freed) && READ_ONCE(cow->proven);
	spin_unlock_irq(&cow->lock);
	while (used < n)
		forget(cow, found[used++]);
}

void drp_cow_refill_work(struct work_struct *work)
{
	struct drp_cow *cow = container_of(work, struct drp_cow, refill_work);
	unsigned int flags = memalloc_noio_save();
	u64 *found = kvmalloc_array(DRP_COW_READY_SLOTS / 2, sizeof(u64), GFP_NOIO);

	drp_cow_clear_freed(cow);
	if (found)
		refill(cow, found);
	kvfree(found);
	memalloc_noio_restore(flags);
	atomic64_inc(&cow->refills);
	wake_up_all(&cow->refilled);
}

/* ---- coming back ---- */

void drp_cow_note_freed(struct drp_cow *cow, struct drp_cow_freed *freed)
{
	unsigned long flags;

	spin_lock_irqsave(&cow->lock, flags);
	list_add_tail(&freed->node, &cow->freed);
	cow->full = false;
	spin_unlock_irqrestore(&cow->lock, flags);
}

void drp_cow_slot_bad(struct drp_cow *cow, u64 slot)
{
	struct drp_cow_freed *freed = kmalloc(sizeof(*freed), GFP_NOWAIT | __GFP_NOWARN);

	if (!freed)
		return;		/* it stays in use */
	mark_bad(cow, slot);
	freed->slot = slot;
	drp_cow_note_freed(cow, freed);
	/* Nobody may ask for a slot any more: it is cleared all the same. */
	queue_work(cow->pool->op_wq, &cow->refill_work);
}

static struct drp_cow_freed *first_freed(struct drp_cow *cow)
{
	struct drp_cow_freed *f;

	spin_lock_irq(&cow->lock);
	f = list_first_entry_or_null(&cow->freed, struct drp_cow_freed, node);
	spin_unlock_irq(&cow->lock);
	return f;
}

int drp_cow_clear_freed(struct drp_cow *cow)
{
	struct drp_cow_freed *f;
	int r = 0;

	mutex_lock(&cow->clear_lock);
	while (!r && (f = first_freed(cow))) {
		r = drp_plane_clear(cow->slots, f->slot, 1);
		if (r)
			break;
		spin_lock_irq(&cow->lock);
		list_del(&f->node);
		cow->full = false;
		spin_unlock_irq(&cow->lock);
		WRITE_ONCE(cow->watch_at, 0);
		kfree(f);
	}
	mutex_unlock(&cow->clear_lock);
	return r;
}
