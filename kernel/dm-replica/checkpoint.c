// SPDX-License-Identifier: GPL-2.0-only
#include <linux/delay.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "checkpoint.h"
#include "cow.h"
#include "io.h"
#include "leg.h"
#include "turn.h"

#define ROOM_WAIT_SECONDS	10

/* ---- the catalog: one record after the other, each under a short lock ---- */

enum section { SEC_POOL, SEC_ELEMENTS, SEC_ACTIVE, SEC_SYNCS, SEC_PLANES, SEC_TURNS, SEC_GROUPS, SEC_ASPECTS,
	       SEC_COW_ROOT, SEC_COW_SLOTS, SEC_END };

struct catalog {
	struct drp_pool *pool;
	enum section section;
	unsigned long id;		/* of the object to look at next */
	u64 within;			/* extent or directory chunk to go on from */
	u64 gap;			/* inactive extents that a run may bridge */
	u32 runs_max;			/* of one element */
	struct drp_dir_entry entries[DRP_DIR_ENTRIES];
};

/*
 * A scattered set has many runs: bridge gaps, so that the catalog always fits.
 * What it calls active beyond that costs a longer resync after a crash.
 */
static u64 choose_gap(const struct catalog *cat, const struct drp_element *e)
{
	unsigned long x = 0;
	u32 runs = 0;

	for (;;) {
		x = find_next_bit(e->active, e->nr_extents, x);
		if (x >= e->nr_extents)
			return 0;
		if (++runs > cat->runs_max)
			return e->nr_extents / cat->runs_max + 1;
		x = find_next_zero_bit(e->active, e->nr_extents, x);
	}
}

/* The next run of active extents of @e from @cat->within: an encoded record or 0. */
static int next_active(struct catalog *cat, struct drp_element *e, void *buf, u32 room)
{
	unsigned long first, next, end;

	if (!cat->within)
		cat->gap = choose_gap(cat, e);
	first = find_next_bit(e->active, e->nr_extents, cat->within);
	if (first >= e->nr_extents)
		return 0;
	next = first;
	do {
		end = find_next_zero_bit(e->active, e->nr_extents, next);
		next = find_next_bit(e->active, e->nr_extents, end);
	} while (next < e->nr_extents && next - end <= cat->gap);
	cat->within = end;
	return drp_encode_activate(e->rec.id, first, end - first, buf, room);
}

static int next_plane_root(struct catalog *cat, u64 id, enum drp_plane plane,
			   struct drp_plane_map *p, void *buf, u32 room)
{
	u32 n, taken = 0;
	int r;

	n = drp_plane_root(p, cat->within, cat->entries, ARRAY_SIZE(cat->entries));
	if (!n)
		return 0;
	r = drp_encode_plane_root(id, plane, cat->within, cat->entries,
				  min_t(u32, n, ARRAY_SIZE(cat->entries)), &taken, buf, room);
	if (r > 0)
		cat->within += taken;
	return r;
}

static struct xarray *section_objects(struct catalog *cat)
{
	switch (cat->section) {
	case SEC_ELEMENTS:
	case SEC_ACTIVE:
		return &cat->pool->elements;
	case SEC_SYNCS:
	case SEC_PLANES:
	case SEC_TURNS:
		return &cat->pool->syncs;
	case SEC_GROUPS:
		return &cat->pool->groups;
	case SEC_ASPECTS:
		return &cat->pool->aspects;
	default:
		return NULL;
	}
}

/* One record of @object, or 0 when it has no more in this section. rec_lock held. */
static int encode_object(struct catalog *cat, void *object, void *buf, u32 room)
{
	bool first = !cat->within;
	struct drp_sync *s = object;

	switch (cat->section) {
	case SEC_ACTIVE:
		return next_active(cat, object, buf, room);
	case SEC_PLANES:
		return next_plane_root(cat, s->rec.id, DRP_PLANE_D, s->d, buf, room);
	case SEC_TURNS:
		return s->turn ? next_plane_root(cat, s->rec.id, DRP_PLANE_C, s->turn->c, buf,
						 room) : 0;
	default:
		break;
	}
	cat->within = 1;
	if (!first)
		return 0;
	switch (cat->section) {
	case SEC_ELEMENTS:
		return drp_encode_element(&((struct drp_element *)object)->rec, buf, room);
	case SEC_SYNCS:
		return drp_encode_sync(&((struct drp_sync *)object)->rec, buf, room);
	case SEC_GROUPS:
		return drp_encode_group(object, buf, room);
	case SEC_ASPECTS:
		return drp_encode_aspect(object, buf, room);
	default:
		return 0;
	}
}

/* What has no object in a list: one record after the other, 0 when there is no more. rec_lock held. */
static int encode_single(struct catalog *cat, void *buf, u32 room)
{
	struct drp_pool *pool = cat->pool;
	struct drp_cow *cow = pool->cow;
	bool first = !cat->within;

	switch (cat->section) {
	case SEC_POOL:
		cat->within = 1;
		return first ? drp_encode_pool(&pool->rec, buf, room) : 0;
	case SEC_COW_ROOT:
		cat->within = 1;
		return cow && first ? drp_encode_cow_root(&cow->next_root, buf, room) : 0;
	case SEC_COW_SLOTS:
		return cow ? next_plane_root(cat, DRP_COW_PLANE_ID, DRP_PLANE_SLOTS, cow->slots,
					     buf, room) : 0;
	default:
		return 0;
	}
}

static int next_record(void *ctx, void *buf, u32 room)
{
	struct catalog *cat = ctx;
	struct xarray *objects;
	void *object;
	int r = 0;

	spin_lock(&cat->pool->rec_lock);
	while (!r && cat->section < SEC_END) {
		objects = section_objects(cat);
		object = objects ? xa_find(objects, &cat->id, ULONG_MAX, XA_PRESENT) : NULL;
		if (!objects)
			r = encode_single(cat, buf, room);
		if (r)
			break;
		if (object) {
			r = encode_object(cat, object, buf, room);
			if (!r) {
				cat->id++;
				cat->within = 0;
			}
		} else {
			cat->section++;
			cat->id = 0;
			cat->within = 0;
		}
	}
	spin_unlock(&cat->pool->rec_lock);
	return r;
}

#define ACTIVATE_BYTES	32	/* of one record */
#define OBJECT_BYTES	DRP_CATALOG_OBJECT_BYTES

static u64 catalog_bytes(struct drp_pool *pool)
{
	const struct drp_area *area = drp_super_area(&pool->sb, DRP_AREA_CATALOG, 0);

	return area ? area->blocks * (DRP_BLOCK_PAYLOAD - OBJECT_BYTES) : 0;
}

static u64 nr_objects(struct xarray *xa)
{
	unsigned long id;
	void *object;
	u64 n = 0;

	xa_for_each(xa, id, object)
		n++;
	return n;
}

/* Half of the catalog is for active extents, shared by all elements. */
u32 drp_catalog_runs_max(struct drp_pool *pool)
{
	u64 elements = max_t(u64, nr_objects(&pool->elements), 1);

	return clamp_t(u64, catalog_bytes(pool) / 2 / ACTIVATE_BYTES / elements, 4, U32_MAX);
}

bool drp_catalog_has_room(struct drp_pool *pool, u64 more)
{
	u64 bytes = OBJECT_BYTES + more;
	struct drp_sync *s;
	unsigned long id;

	if (pool->cow)
		bytes += drp_catalog_plane_bytes(pool, pool->cow->nr_slots << pool->region_shift);
	bytes += OBJECT_BYTES * (nr_objects(&pool->elements) + nr_objects(&pool->groups) +
				 nr_objects(&pool->aspects));
	xa_for_each(&pool->syncs, id, s)
		bytes += OBJECT_BYTES + (s->turn ? 2 : 1) *
			 drp_catalog_plane_bytes(pool, drp_sync_is_snapshot(s) && !s->turn ? 0 :
						 s->source->rec.size_sectors);
	return bytes <= catalog_bytes(pool) / 2;
}

u64 drp_catalog_plane_bytes(struct drp_pool *pool, u64 sectors)
{
	u64 chunks = div64_u64(sectors >> pool->region_shift, DRP_PAGE_BITS * DRP_DIR_ENTRIES) + 1;

	return chunks * sizeof(struct drp_dir_entry_disk) * 2;
}

/* ---- retirement ---- */

struct retiring {
	struct list_head node;
	struct drp_element *e;
	unsigned long bits[];
};

static void give_back_all(struct list_head *list, bool failed)
{
	struct retiring *x, *next;

	list_for_each_entry_safe(x, next, list, node) {
		if (failed)
			drp_extents_give_back(x->e, x->bits);
		else
			drp_extents_retired(x->e, x->bits);
		kvfree(x);
	}
}

static struct retiring *choose(struct drp_element *e, enum drp_retire how)
{
	struct retiring *x;

	if (!READ_ONCE(e->nr_active))
		return NULL;
	x = kvzalloc(struct_size(x, bits, BITS_TO_LONGS(e->nr_extents)), GFP_NOIO);
	if (!x)
		return NULL;	/* another time */
	x->e = e;
	if (drp_extents_choose(e, x->bits, how))
		return x;
	kvfree(x);
	return NULL;
}

/* Flush its device; one that is not attached was flushed when it was detached, or not: -EAGAIN. */
static int flush_leg(struct drp_element *e)
{
	int r = drp_leg_flush(e, DRP_FLUSH_TIMEOUT);

	return r == -EAGAIN && READ_ONCE(e->flushed) ? 0 : r;
}

/* A flush has failed whose losses are not marked yet; another that succeeds says nothing. */
static bool fault_pending(const struct drp_plan *plan)
{
	unsigned int i;

	for (i = 0; i < plan->nr_hops; i++)
		if (READ_ONCE(plan->hop[i].sync->faults) &
		    (BIT(DRP_FAULT_TARGET) | BIT(DRP_FAULT_SOURCE)))
			return true;
	return false;
}

/* Every device that a write of @e may have reached. Its plan changes only under checkpoint_lock. */
static int flush_legs(struct drp_element *e)
{
	const struct drp_plan *plan = e->plan;
	unsigned int i;
	int r;

	struct drp_turn *turn = READ_ONCE(e->inbound);

	r = flush_leg(e);
	if (r == -ETIMEDOUT)
		drp_fault_leg_slow(e, r);
	/* What others copied from here must not go back to what the other side has. */
	if (!r && turn)
		r = drp_turn_flush(turn);
	for (i = 0; i < plan->nr_hops && !r; i++) {
		const struct drp_hop *hop = &plan->hop[i];

		if (!drp_sync_in_cache(hop->sync))
			continue;
		r = flush_leg(hop->target);
		if (r == -EAGAIN)
			drp_element_want_leg(hop->target);
		else if (r == -ETIMEDOUT)
			drp_fault_leg_slow(hop->target, r);
	}
	return r ?: fault_pending(plan) ? -EAGAIN : 0;
}

/*
 * Choose idle extents, wait for their writers, flush their legs. What cannot be
 * flushed stays active. The elements cannot go away: checkpoint_lock.
 */
static void retire(struct drp_pool *pool, struct list_head *list, enum drp_retire how)
{
	struct retiring *x, *next;
	struct drp_element *e;
	unsigned long id;

	xa_for_each(&pool->elements, id, e) {
		x = choose(e, how);
		if (x)
			list_add_tail(&x->node, list);
	}
	list_for_each_entry_safe(x, next, list, node) {
		if (drp_grace_wait(&x->e->grace, 2 * HZ) && !flush_legs(x->e))
			continue;
		drp_extents_give_back(x->e, x->bits);
		list_del(&x->node);
		kvfree(x);
	}
}

/* ---- the checkpoint ---- */

enum reason { TICK, ASKED, FINAL };

static int write_planes(struct drp_pool *pool)
{
	struct drp_sync *s;
	unsigned long id;
	int r;

	xa_for_each(&pool->syncs, id, s) {
		r = drp_plane_writeback(s->d);
		if (r)
			return r;
		drp_plane_shrink(s->d);
	}
	return pool->md.io.ops->flush(pool->md.io.ctx);
}

/*
 * The cut, behind every commit that was being written when the planes were
 * stored: one that says "all 0" must not be replayed over a mark made after it.
 */
static struct drp_cut cut_behind_commits(struct drp_pool *pool)
{
	struct drp_ring *ring = &pool->cm.ring;
	struct drp_cut cut;
	u64 seq;

	mutex_lock(&pool->cm.ring_lock);
	seq = ring->head_seq;
	for (;;) {
		cut = drp_ring_cut(ring);
		if (pool->cow)
			cut = drp_cow_limit_cut(pool->cow, cut);
		if (cut.seq >= seq || READ_ONCE(pool->cm.failed))
			break;
		mutex_unlock(&pool->cm.ring_lock);
		usleep_range(200, 400);
		mutex_lock(&pool->cm.ring_lock);
	}
	/* All that was committed before the cut, and perhaps more, goes to the tree. */
	if (pool->cow)
		drp_cow_freeze(pool->cow);
	mutex_unlock(&pool->cm.ring_lock);
	return cut;
}

/*
 * Behind the cut: what the journal said before it about a C plane must be in the
 * plane, for nobody replays that. What it says later only clears again.
 */
static int write_turns(struct drp_pool *pool)
{
	struct drp_sync *s;
	unsigned long id;
	int r;

	xa_for_each(&pool->syncs, id, s) {
		if (!s->turn)
			continue;
		drp_turn_checkpoint_begin(s->turn);
		r = drp_plane_writeback(s->turn->c);
		if (r)
			return r;
	}
	return 0;
}

static void turns_written(struct drp_pool *pool)
{
	struct drp_sync *s;
	unsigned long id;

	xa_for_each(&pool->syncs, id, s)
		if (s->turn)
			drp_turn_checkpoint_done(s->turn);
}

/* Behind the cut, too: nobody replays what the journal said of slots before it. */
static int write_cow(struct drp_pool *pool)
{
	struct drp_cow *cow = pool->cow;
	int r;

	if (!cow)
		return 0;
	r = drp_cow_merge_frozen(cow);
	if (!r)
		r = drp_plane_writeback(cow->slots);
	if (!r)
		drp_plane_shrink(cow->slots);
	return r;
}

static int write_checkpoint(struct drp_pool *pool)
{
	struct drp_cut cut;
	struct catalog *cat;
	bool frozen = false;
	void *scratch;
	int r;

	cat = kvzalloc(sizeof(*cat), GFP_NOIO | __GFP_NOFAIL);
	scratch = kmalloc(2 * DRP_BLOCK_BYTES, GFP_NOIO | __GFP_NOFAIL);
	cat->pool = pool;
	cat->runs_max = drp_catalog_runs_max(pool);

	drp_metadev_checkpoint_begin(&pool->md);
	r = write_planes(pool);
	if (!r) {
		cut = cut_behind_commits(pool);
		frozen = pool->cow;
		r = write_turns(pool) ?: write_cow(pool);
	}
	if (!r)
		r = drp_checkpoint_write(&pool->md.io, &pool->sb, cut, next_record, cat, scratch);
	if (!r) {
		mutex_lock(&pool->cm.ring_lock);
		drp_ring_release(&pool->cm.ring, cut);
		mutex_unlock(&pool->cm.ring_lock);
		/* Who searches leaves the old nodes before their blocks are free. */
		if (frozen)
			drp_cow_thaw(pool->cow, true);
		drp_metadev_checkpoint_done(&pool->md);
		turns_written(pool);
		atomic64_inc(&pool->checkpoints);
	}
	if (frozen && r)
		drp_cow_thaw(pool->cow, false);
	kfree(scratch);
	kvfree(cat);
	return r;
}

static bool planes_dirty(struct drp_pool *pool)
{
	struct drp_sync *s;
	unsigned long id;

	if (pool->cow && drp_cow_dirty(pool->cow))
		return true;
	xa_for_each(&pool->syncs, id, s)
		if (drp_plane_dirty(s->d) || (s->turn && drp_plane_dirty(s->turn->c)))
			return true;
	return false;
}

/*
 * Does a tick have a reason to write? Active extents cover what the planes have
 * in memory only, so dirty planes can wait: for memory, and to bound what a
 * copy repeats after a crash.
 */
static bool worth_writing(struct drp_pool *pool, const struct list_head *retiring)
{
	if (!list_empty(retiring))
		return true;
	if (drp_ring_room(&pool->cm.ring) < pool->cm.ring.blocks / 2)
		return true;
	if (pool->cow && drp_cow_crowded(pool->cow))
		return true;
	if (!planes_dirty(pool))
		return false;
	return pool->md.memory > pool->md.memory_max / 2 ||
	       ++pool->dirty_ticks % DRP_DIRTY_TICKS == 0;
}

static int checkpoint_plain(struct drp_pool *pool)
{
	int r = write_checkpoint(pool);

	lockdep_assert_held(&pool->checkpoint_lock);
	if (r == -ENOSPC)
		drp_pool_set_mode(pool, DRP_POOL_RO, "the catalog or page area is full");
	else if (r)
		drp_pool_set_mode(pool, DRP_POOL_RO, "a checkpoint could not be written");
	if (r)
		drp_committer_fail(&pool->cm);
	return r;
}

static void checkpoint_locked(struct drp_pool *pool, enum reason why)
{
	enum drp_retire how = DRP_RETIRE_IDLE;
	LIST_HEAD(retiring);
	int r;

	/* Writers wait for it, whom a retirement would wait for. */
	if (why == TICK && pool->cow && drp_cow_short_of_nodes(pool->cow) &&
	    !READ_ONCE(pool->checkpoint_retire_all)) {
		checkpoint_plain(pool);
		return;
	}
	if (why == FINAL)
		how = DRP_RETIRE_ALL;
	else if (xchg(&pool->checkpoint_retire_all, false))
		how = DRP_RETIRE_FULL;
	retire(pool, &retiring, how);
	/* A full set of which nothing can go: not again and again at once. */
	WRITE_ONCE(pool->retire_futile, how == DRP_RETIRE_FULL && list_empty(&retiring));
	if (why == TICK && how == DRP_RETIRE_IDLE && !worth_writing(pool, &retiring))
		return;
	r = checkpoint_plain(pool);
	give_back_all(&retiring, r);
}

static int checkpoint(struct drp_pool *pool, enum reason why)
{
	unsigned int flags = memalloc_noio_save();

	mutex_lock(&pool->checkpoint_lock);
	if (drp_pool_writable(pool))
		checkpoint_locked(pool, why);
	mutex_unlock(&pool->checkpoint_lock);
	memalloc_noio_restore(flags);
	drp_committer_kick(&pool->cm);	/* room again, or nothing will ever be */
	return drp_pool_writable(pool) ? 0 : -EROFS;
}

int drp_checkpoint(struct drp_pool *pool)
{
	return checkpoint(pool, ASKED);
}

/* A checkpoint that can be waited for with a deadline; both sides have a reference. */
struct timed_checkpoint {
	struct work_struct work;
	struct drp_pool *pool;
	struct completion done;
	struct kref ref;
	u32 room;			/* wanted for so many entries of COW space; 0: it is wanted anyway */
	int error;
};

static void free_checkpoint(struct kref *ref)
{
	kfree(container_of(ref, struct timed_checkpoint, ref));
}

static void timed_checkpoint_work(struct work_struct *work)
{
	struct timed_checkpoint *c = container_of(work, struct timed_checkpoint, work);
	unsigned int flags = memalloc_noio_save();

	mutex_lock(&c->pool->checkpoint_lock);
	if (!drp_pool_writable(c->pool))
		c->error = -EROFS;
	else if (!c->room || !drp_cow_has_room(c->pool->cow, c->room))	/* else one before it was enough */
		c->error = checkpoint_plain(c->pool);
	mutex_unlock(&c->pool->checkpoint_lock);
	memalloc_noio_restore(flags);
	complete(&c->done);
	kref_put(&c->ref, free_checkpoint);
}

static int within(struct drp_pool *pool, long timeout, u32 room)
{
	struct timed_checkpoint *c = kzalloc(sizeof(*c), GFP_NOIO);
	int r;

	if (!c)
		return -ENOMEM;
	c->pool = pool;
	c->room = room;
	init_completion(&c->done);
	kref_init(&c->ref);
	kref_get(&c->ref);
	INIT_WORK(&c->work, timed_checkpoint_work);
	queue_work(pool->checkpoint_wq, &c->work);
	r = wait_for_completion_timeout(&c->done, max(timeout, 1L)) ? c->error : -ETIMEDOUT;
	kref_put(&c->ref, free_checkpoint);
	return r;
}

int drp_checkpoint_within(struct drp_pool *pool, long timeout)
{
	return within(pool, timeout, 0);
}

void drp_checkpoint_make_room(struct drp_pool *pool, u32 n)
{
	/* One that does not come must not keep space from coming back. */
	if (!drp_cow_has_room(pool->cow, n))
		within(pool, ROOM_WAIT_SECONDS * HZ, n);
}

int drp_checkpoint_final(struct drp_pool *pool)
{
	return checkpoint(pool, FINAL);
}

void drp_checkpoint_work(struct work_struct *work)
{
	struct drp_pool *pool = container_of(to_delayed_work(work), struct drp_pool,
					     checkpoint_work);

	WRITE_ONCE(pool->checkpoint_again, false);
	if (pool->active)
		checkpoint(pool, TICK);
	if (!pool->stopping && !READ_ONCE(pool->suspended))
		queue_delayed_work(pool->checkpoint_wq, &pool->checkpoint_work,
				   DRP_CHECKPOINT_SECONDS * HZ);
}
