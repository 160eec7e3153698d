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

#define NODES_WAIT	(HZ / 20)

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
	if (cow->root.nodes * 100 >= __drp_cow_max_nodes(cow) * percent) {
		spin_unlock_irqrestore(&cow->lock, flags);
		return false;
	}
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

void drp_cow_watch(struct drp_cow *cow, u64 used, u64 nodes)
{
	WRITE_ONCE(cow->watch_at, used);
	WRITE_ONCE(cow->watch_nodes_at, nodes);
}

void drp_cow_look_at_mark(struct drp_cow *cow)
{
	/* The label's slot counts, too. */
	if (drp_plane_count(cow->slots) <= READ_ONCE(cow->watch_at) &&
	    READ_ONCE(cow->root.nodes) < READ_ONCE(cow->watch_nodes_at))
		return;
	drp_cow_watch(cow, U64_MAX, U64_MAX);
	queue_work(cow->pool->op_wq, &cow->pool->watch_work);
}

void drp_cow_wait_slots(struct drp_cow *cow)
{
	u64 refills = atomic64_read(&cow->refills);

	queue_work(cow->pool->op_wq, &cow->refill_work);
	wait_event(cow->refilled, atomic64_read(&cow->refills) != refills);
	/* What was asked for comes with the next checkpoint, if that can be begun. */
	wait_event_timeout(cow->refilled, !READ_ONCE(cow->short_of_nodes) || READ_ONCE(cow->full),
			   NODES_WAIT);
}

/* ---- room for the index ---- */

u64 __drp_cow_max_nodes(struct drp_cow *cow)
{
	const u64 all = cow->nodes_reserved + drp_metadev_room(&cow->pool->md);
	const u64 few = drp_cow_nodes_needed(0, DRP_COW_PUT_MAX) + DRP_COW_PUT_MAX;
	const u64 spare = all > few ? all - few : 0;

	lockdep_assert_held(&cow->lock);
	/* As drp_cow_nodes_needed() counts, whichever of the two parts that grow with the tree ends first. */
	return max(spare > DRP_COW_PUT_MAX ? spare - DRP_COW_PUT_MAX : 0, div_u64(spare * 32, 33));
}

static int __reserve(struct drp_cow *cow, u64 nodes)
{
	int r;

	lockdep_assert_held(&cow->lock);
	if (nodes <= cow->nodes_reserved)
		return 0;
	r = drp_metadev_reserve(&cow->pool->md, nodes - cow->nodes_reserved);
	if (!r)
		cow->nodes_reserved = nodes;
	return r;
}

/* Entries need nodes, and a checkpoint needs room for new ones beside the old. */
static int __reserve_for(struct drp_cow *cow, u64 more)
{
	u64 want = drp_cow_nodes_needed(cow->root.nodes, more);

	/* Some ahead, as long as there is plenty. */
	return __reserve(cow, round_up(want, 64)) ? __reserve(cow, want) : 0;
}

void drp_cow_reserve_nodes(struct drp_cow *cow, u64 more)
{
	unsigned long flags;

	spin_lock_irqsave(&cow->lock, flags);
	if (__reserve_for(cow, more))
		__reserve(cow, cow->nodes_reserved + drp_metadev_room(&cow->pool->md));
	spin_unlock_irqrestore(&cow->lock, flags);
}

/* Entries that are not in the tree yet. */
static u64 __under_way(struct drp_cow *cow)
{
	lockdep_assert_held(&cow->lock);
	return cow->nr_recent + cow->nr_frozen + cow->nr_taken;
}

void drp_cow_nodes_changed(struct drp_cow *cow)
{
	unsigned long flags;
	u64 keep;

	spin_lock_irqsave(&cow->lock, flags);
	keep = round_up(drp_cow_nodes_needed(cow->root.nodes, __under_way(cow) + DRP_COW_READY_SLOTS), 64);
	if (cow->nodes_reserved > keep) {
		drp_metadev_unreserve(&cow->pool->md, cow->nodes_reserved - keep);
		cow->nodes_reserved = keep;
	}
	if (cow->short_of_nodes)
		cow->full = false;
	cow->short_of_nodes = false;
	spin_unlock_irqrestore(&cow->lock, flags);
	wake_up_all(&cow->refilled);
	drp_cow_look_at_mark(cow);
}

bool drp_cow_short_of_nodes(struct drp_cow *cow)
{
	return READ_ONCE(cow->short_of_nodes) && READ_ONCE(cow->nr_recent);
}

/* ---- finding free ones ---- */

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

/*
 * As many slots may be at hand as the index has room for, but one who asks must
 * get what one put can take. 0: none; more only when what is under way is in the tree.
 */
static u32 __ready_max(struct drp_cow *cow)
{
	u32 n;

	lockdep_assert_held(&cow->lock);
	for (n = DRP_COW_READY_SLOTS; n >= DRP_COW_PUT_MAX; n /= 2)
		if (!__reserve_for(cow, __under_way(cow) + n))
			return n;
	return 0;
}

enum may { NOT_KNOWN, LOOK, ENOUGH, LATER, NEVER };

/* How many slots may be looked for? */
static enum may may_look(struct drp_cow *cow, u32 *n)
{
	enum may may = LATER;
	u32 max;

	if (drp_cow_prove(cow))
		return NOT_KNOWN;
	spin_lock_irq(&cow->lock);
	max = __ready_max(cow);
	*n = max > cow->nr_ready ? min(max - cow->nr_ready, DRP_COW_READY_SLOTS / 2) : 0;
	if (max)
		may = *n ? LOOK : ENOUGH;
	else if (!cow->nr_recent && !cow->nr_frozen && __reserve_for(cow, DRP_COW_PUT_MAX))
		may = NEVER;
	cow->short_of_nodes = !max;
	spin_unlock_irq(&cow->lock);
	return may;
}

/* What is under way may take less room than it was promised: a checkpoint shows. */
static void want_nodes(struct drp_cow *cow)
{
	struct drp_committer *cm = &cow->pool->cm;

	if (drp_cow_short_of_nodes(cow))
		cm->ops->want_checkpoint(cm->ctx);
}

static void refill(struct drp_cow *cow, u64 *found)
{
	u32 max, n = 0, used;
	enum may may = may_look(cow, &max);
	bool none = may == NEVER;
	int r = 0;

	if (may == LOOK) {
		r = look(cow, found, max, &n);
		if (!r && !n && take_back_bad(cow))
			r = look(cow, found, max, &n);
		/* Without memory to look it is looked again, as whoever needs a slot asks for it. */
		none = !n && r != -ENOMEM && list_empty(&cow->freed);
	} else if (may == LATER) {
		want_nodes(cow);
	} else if (may == NEVER) {
		pr_warn_ratelimited("dm-replica: pool %s: its metadata device has no room for more of the COW index: return a snapshot\n",
				    cow->pool->sb.name);
	}
	spin_lock_irq(&cow->lock);
	used = __add_ready(cow, found, n);
	cow->full = none && READ_ONCE(cow->proven);
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
