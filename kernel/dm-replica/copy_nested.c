// SPDX-License-Identifier: GPL-2.0-only
/*
 * The background copy of a restore into a snapshot: see op_snapshot_nested.c. The
 * source, here, gets a version of its own, of the generation behind gen_start, of
 * each chunk in which what it had differs from what the target, there, shows; or,
 * where that is enough and nobody else needs it, its own version goes, first of
 * all. Neither changes what anybody reads. Contract rules 2, 5 and 7.
 *
 * Only the worker writes such versions besides the hosts of here, and both hold
 * the chunk's range. It works at one window of chunks at a time and holds, for
 * that, the gate of here and the window's range in the space of here; of a device
 * below it only what a read of here would. Nobody who holds these waits for op_lock.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "checkpoint.h"
#include "copy_internal.h"
#include "reclaim.h"
#include "snapshot.h"
#include "vio_internal.h"

#define WINDOW_BYTES	(1U << 20)	/* not less than a chunk */
#define WINDOW_PAGES	(WINDOW_BYTES / PAGE_SIZE)
#define WINDOW_CHUNKS	16

enum { HERE, THERE, SIDES };

/* A range that its holder sleeps for. */
struct lock {
	struct drp_range range;
	struct completion granted;
};

struct drp_copy_nested {
	/* the worker's own; next is read by anybody */
	u64 next[SIDES];		/* no chunk before it is to be done because of entries of that side; U64_MAX: none at all */
	bool found[SIDES];		/* it is one */
	u64 kept;			/* newest generation of here up to gen_start that somebody needs, or an older bound */
	bool copies_too;		/* else it is in its first pass, in which versions only go: that makes room */
	bool reclaimed;			/* what is garbage was asked for, for there was no room */

	/* of one window */
	struct lock window, base;
	u32 nr_copies, nr_gone;
	u64 copies[WINDOW_CHUNKS];	/* chunks */
	struct drp_cow_entry gone[WINDOW_CHUNKS];
	struct page *pages[WINDOW_PAGES];
	struct drp_cow_put put;
	struct completion put_done;
	int put_error;
};

/* ---- life ---- */

/* A pass begins. */
static void rewind(struct drp_copy_nested *n, bool copies_too)
{
	n->found[HERE] = false;
	n->found[THERE] = false;
	WRITE_ONCE(n->copies_too, copies_too);
	WRITE_ONCE(n->next[HERE], 0);
	/* What was written there is copied. */
	WRITE_ONCE(n->next[THERE], copies_too ? 0 : U64_MAX);
}

struct drp_copy_nested *drp_copy_nested_alloc(void)
{
	struct drp_copy_nested *n = kvzalloc(sizeof(*n), GFP_NOIO);

	if (n)
		rewind(n, false);
	return n;
}

void drp_copy_nested_free(struct drp_copy_nested *n)
{
	kvfree(n);
}

void drp_copy_nested_reset(struct drp_copier *c)
{
	rewind(c->nested, false);
}

void drp_copy_nested_start(struct drp_copier *c)
{
	c->nested->reclaimed = false;
	c->nested->kept = drp_snapshot_newest_upto(c->s->source, c->s->rec.gen_start);
}

u64 drp_copy_nested_left(const struct drp_copier *c)
{
	const struct drp_copy_nested *n = c->nested;
	const u64 size = c->s->source->rec.size_sectors;
	u64 next = min(READ_ONCE(n->next[HERE]), READ_ONCE(n->next[THERE]));

	if (!READ_ONCE(n->copies_too))
		return size << SECTOR_SHIFT;
	if (next >= (size >> c->s->pool->cow->chunk_shift) + 1)
		return 0;
	return (size - min(size, next << c->s->pool->cow->chunk_shift)) << SECTOR_SHIFT;
}

u64 drp_copy_nested_dirty(const struct drp_sync *s)
{
	const struct drp_copier *c = READ_ONCE(s->copier);

	return c ? drp_copy_nested_left(c) : s->source->rec.size_sectors << SECTOR_SHIFT;
}

/* ---- what is to be done ---- */

/* The next chunk of @side that has an entry which tells that the two differ: 1, 0, -EINTR, -errno. */
static int look(struct drp_copier *c, unsigned int side)
{
	const struct drp_sync *s = c->s;
	struct drp_copy_nested *n = c->nested;
	/* Those of here that are newer came since the restore began. */
	const u64 upto = side == HERE ? s->rec.gen_start : U64_MAX;
	struct drp_cow_key key = {
		.element = side == HERE ? s->source->rec.id : s->target->rec.id,
		.chunk = n->next[side],
		.generation = s->target->rec.parent_generation,
	};
	const u64 from = key.generation;
	struct drp_cow_entry entry;
	int r;

	while (key.chunk != U64_MAX) {
		if (!drp_copy_may_run(c))
			return -EINTR;
		/* The metadata device may be suspended next. */
		if (READ_ONCE(s->pool->suspended))
			return -EAGAIN;
		r = drp_cow_next(s->pool->cow, &key, &entry);
		if (r < 0)
			return r;
		if (!r || entry.key.element != key.element)
			break;
		n->found[side] = entry.key.generation >= from && entry.key.generation <= upto;
		key.chunk = entry.key.chunk + (entry.key.generation > upto);
		WRITE_ONCE(n->next[side], key.chunk);
		if (n->found[side])
			return 1;
		cond_resched();
	}
	WRITE_ONCE(n->next[side], U64_MAX);
	return 0;
}

/* The first chunk that is left: 1, 0 (none), -errno. */
static int first_chunk(struct drp_copier *c, u64 *chunk)
{
	struct drp_copy_nested *n = c->nested;
	unsigned int side;
	int r;

	for (side = 0; side < SIDES; side++) {
		r = n->found[side] ? 0 : look(c, side);
		if (r < 0)
			return r;
	}
	*chunk = min(n->next[HERE], n->next[THERE]);
	return *chunk != U64_MAX;
}

/* All before chunk @end is done. */
static void advance(struct drp_copy_nested *n, u64 end)
{
	unsigned int side;

	for (side = 0; side < SIDES; side++) {
		if (n->next[side] >= end)
			continue;
		WRITE_ONCE(n->next[side], end);
		n->found[side] = false;
	}
	n->reclaimed = false;
}

/*
 * The newest version of @chunk here, from before the restore, is all that differs:
 * may it go? It is the newest of all, so the reclaimer does not touch it, nor what
 * is below, for that is what there shows. 1, 0, -errno.
 */
static int may_go(struct drp_copier *c, u64 chunk, const struct drp_cow_entry *old)
{
	const struct drp_sync *s = c->s;
	struct drp_cow *cow = s->pool->cow;
	struct drp_cow_entry entry;
	int r;

	if (c->nested->kept > old->key.generation)
		return 0;
	r = drp_cow_find_private(cow, s->source->rec.id, chunk, U64_MAX, &entry);
	if (r <= 0 || entry.key.generation != old->key.generation)
		return min(r, 0);
	r = drp_cow_find_private(cow, s->source->rec.id, chunk, old->key.generation, &entry);
	if (r < 0)
		return r;
	return !r || entry.key.generation < s->target->rec.parent_generation;
}

/* Note what is to be done about @chunk, whose range is held: 0 or -errno. */
static int decide(struct drp_copier *c, u64 chunk)
{
	struct drp_copy_nested *n = c->nested;
	const struct drp_sync *s = c->s;
	const u64 point = s->target->rec.parent_generation, began = s->rec.gen_start;
	struct drp_cow *cow = s->pool->cow;
	struct drp_cow_entry old, other;
	bool changed, written;
	int r;

	r = drp_cow_find_private(cow, s->source->rec.id, chunk, began + 2, &old);
	if (r < 0 || (r && old.key.generation > began))
		return min(r, 0);
	changed = r && old.key.generation >= point;
	r = drp_cow_find_private(cow, s->target->rec.id, chunk, U64_MAX, &other);
	if (r < 0)
		return r;
	written = r && other.key.generation >= point;
	if (!changed && !written)
		return 0;
	r = written ? 0 : may_go(c, chunk, &old);
	if (r < 0)
		return r;
	if (r)
		n->gone[n->nr_gone++] = old;
	else if (n->copies_too)
		n->copies[n->nr_copies++] = chunk;
	return 0;
}

/* ---- ranges ---- */

static void granted(struct drp_range *range)
{
	complete(&container_of(range, struct lock, range)->granted);
}

static void take(struct drp_pool *pool, struct lock *lock, u64 component, u8 use, u64 start, u64 end)
{
	init_completion(&lock->granted);
	lock->range.component = component;
	lock->range.use = use;
	lock->range.start = start;
	lock->range.end = end;
	lock->range.granted = granted;
	if (!drp_range_lock(&pool->ranges, &lock->range))
		wait_for_completion(&lock->granted);
}

/* ---- data ---- */

static u32 chunk_bytes(const struct drp_copier *c)
{
	return 1U << (c->s->pool->cow->chunk_shift + SECTOR_SHIFT);
}

/* @bytes of our pages from @at on. */
static int transfer(struct drp_copy_nested *n, struct block_device *bdev, blk_opf_t opf,
		    sector_t sector, u32 at, u32 bytes)
{
	struct bio *bio = bio_alloc(bdev, DIV_ROUND_UP(offset_in_page(at) + bytes, PAGE_SIZE), opf,
				    GFP_NOIO);
	u32 len;
	int r;

	bio->bi_iter.bi_sector = sector;
	for (; bytes; bytes -= len, at += len) {
		len = min_t(u32, bytes, PAGE_SIZE - offset_in_page(at));
		__bio_add_page(bio, n->pages[at / PAGE_SIZE], len, offset_in_page(at));
	}
	r = submit_bio_wait(bio);
	bio_put(bio);
	return r;
}

/* The device of an ancestor, whose gate and region lock are held, or another leg that has the same. */
static int read_device(struct drp_copy_nested *n, struct drp_element *device, u64 start, u32 at,
		       u32 bytes)
{
	int r = transfer(n, device->bdev, REQ_OP_READ, start, at, bytes);
	struct drp_other_leg leg = {};

	while (unlikely(r) && !drp_other_leg_next(device, &leg)) {
		r = transfer(n, leg.hop->target->bdev, REQ_OP_READ, start, at, bytes);
		r = drp_other_leg_done(device, &leg, start, r);
	}
	return r;
}

static int read_slot(struct drp_copier *c, u64 slot, u32 at)
{
	struct drp_cow *cow = c->s->pool->cow;

	return transfer(c->nested, cow->bdev, REQ_OP_READ, drp_cow_sector(cow, slot), at,
			chunk_bytes(c));
}

/* The device has it, or its writers have preserved it meanwhile. */
static int read_base(struct drp_copier *c, struct drp_vio_place place, u64 chunk, u32 at)
{
	const unsigned int shift = c->s->pool->cow->chunk_shift;
	const u64 start = chunk << shift;
	const u64 end = min(start + (1ULL << shift), c->s->source->rec.size_sectors);
	struct drp_element *device = place.device;
	struct drp_copy_nested *n = c->nested;
	int r = -EAGAIN;

	if (!drp_gate_enter(&device->gate))
		return -EAGAIN;
	take(c->s->pool, &n->base, device->component, DRP_RANGE_SHOW, start, end);
	/* Such a snapshot is not restored: see op_snapshot_nested.c. */
	if (!drp_vio_lives_there(&place, start, end))
		r = drp_vio_resolve(c->s->target, chunk, &place);
	if (!r && place.device)
		r = read_device(n, device, start, at, (end - start) << SECTOR_SHIFT);
	drp_range_unlock(&n->base.range);
	drp_gate_leave(&device->gate);
	return r || place.device ? r : read_slot(c, place.slot, at);
}

static int read_there(struct drp_copier *c, u64 chunk, u32 at)
{
	struct drp_vio_place place;
	int r = drp_vio_resolve(c->s->target, chunk, &place);

	if (r)
		return r;
	return place.device ? read_base(c, place, chunk, at) : read_slot(c, place.slot, at);
}

static int read_all(struct drp_copier *c)
{
	struct drp_copy_nested *n = c->nested;
	int r = 0;
	u32 i;

	for (i = 0; i < n->nr_copies && !r; i++)
		r = read_there(c, n->copies[i], i * chunk_bytes(c));
	return r;
}

/* Durably, those whose slots follow each other at once. */
static int write_all(struct drp_copier *c)
{
	struct drp_copy_nested *n = c->nested;
	const struct drp_cow_entry *entry = n->put.entries;
	struct drp_cow *cow = c->s->pool->cow;
	u32 i, run;
	int r = 0;

	for (i = 0; i < n->nr_copies && !r; i += run) {
		for (run = 1; i + run < n->nr_copies; run++)
			if (entry[i + run].slot != entry[i].slot + run)
				break;
		r = transfer(n, cow->bdev, REQ_OP_WRITE | REQ_FUA | REQ_SYNC,
			     drp_cow_sector(cow, entry[i].slot), i * chunk_bytes(c),
			     run * chunk_bytes(c));
		drp_cow_fua_ended(cow, errno_to_blk_status(r));
	}
	return r;
}

static void free_pages_of(struct drp_copy_nested *n)
{
	u32 i;

	for (i = 0; i < WINDOW_PAGES && n->pages[i]; i++) {
		__free_page(n->pages[i]);
		n->pages[i] = NULL;
	}
}

/* Zeroed, for what is behind the end of the last chunk. */
static int take_pages(struct drp_copier *c)
{
	struct drp_copy_nested *n = c->nested;
	const u32 want = DIV_ROUND_UP(n->nr_copies * chunk_bytes(c), PAGE_SIZE);
	u32 i;

	for (i = 0; i < want; i++) {
		n->pages[i] = alloc_page(GFP_NOIO | __GFP_ZERO | __GFP_NORETRY | __GFP_NOWARN);
		if (!n->pages[i])
			return -ENOMEM;
	}
	return 0;
}

/* ---- slots ---- */

/* What is garbage comes first; then there is none, but for the reserve, which is for others. */
static int no_room(struct drp_copier *c)
{
	struct drp_pool *pool = c->s->pool;

	if (!c->nested->reclaimed) {
		c->nested->reclaimed = true;
		drp_reclaim_kick(pool);
		return -EAGAIN;
	}
	return drp_reclaim_due(pool) ? -EAGAIN : -ENOSPC;
}

bool drp_copy_nested_has_room(struct drp_pool *pool)
{
	struct drp_cow_space space;

	drp_cow_space(pool->cow, &space);
	space.used += WINDOW_CHUNKS;
	return drp_snapshot_level(&space) < DRP_COW_LEVEL_RESERVE;
}

static int take_slots(struct drp_copier *c, u64 *slots)
{
	struct drp_copy_nested *n = c->nested;
	struct drp_cow *cow = c->s->pool->cow;
	struct drp_cow_space space;
	int r;

	drp_cow_space(cow, &space);
	space.used += n->nr_copies;
	if (drp_snapshot_level(&space) >= DRP_COW_LEVEL_RESERVE)
		return no_room(c);
	r = drp_cow_alloc(cow, slots, n->nr_copies);
	if (r == n->nr_copies)
		return 0;
	if (r > 0)
		drp_cow_release(cow, slots, r);
	return r == -EAGAIN ? r : no_room(c);
}

static void put_ended(struct drp_cow_put *put, int error)
{
	struct drp_copy_nested *n = container_of(put, struct drp_copy_nested, put);

	n->put_error = error;
	complete(&n->put_done);
}

static void fill_in(struct drp_copier *c, const u64 *slots)
{
	struct drp_copy_nested *n = c->nested;
	u32 i;

	for (i = 0; i < n->nr_copies; i++)
		n->put.entries[i] = (struct drp_cow_entry){
			.key = { c->s->source->rec.id, n->copies[i], c->s->rec.gen_start + 1 },
			.slot = slots[i],
			.kind = DRP_COW_PRIVATE,
		};
}

/* With slots and memory: they are the entries' then, or given back. */
static int copy_to(struct drp_copier *c, const u64 *slots, bool *target_failed)
{
	struct drp_copy_nested *n = c->nested;
	struct drp_cow *cow = c->s->pool->cow;
	int r, written = 0;

	fill_in(c, slots);
	r = read_all(c);
	if (!r)
		written = write_all(c);
	if (r || written) {
		*target_failed = written;
		drp_cow_put_cancel(&n->put);
		if (written)
			drp_cow_release_bad(cow, slots, n->nr_copies);
		else
			drp_cow_release(cow, slots, n->nr_copies);
		return r ?: written;
	}
	init_completion(&n->put_done);
	n->put.ended = put_ended;
	drp_cow_put_submit(&n->put);
	wait_for_completion(&n->put_done);
	*target_failed = n->put_error;
	if (n->put_error && !n->put.lost)
		drp_cow_release(cow, slots, n->nr_copies);
	return n->put_error;
}

static int copy_all(struct drp_copier *c, bool *target_failed)
{
	struct drp_copy_nested *n = c->nested;
	struct drp_cow *cow = c->s->pool->cow;
	u64 slots[WINDOW_CHUNKS];
	int r;

	memset(&n->put, 0, sizeof(n->put));
	n->put.cow = cow;
	n->put.n = n->nr_copies;
	r = take_pages(c) ?: take_slots(c, slots);
	if (r)
		return r;
	r = drp_cow_put_prepare(&n->put, GFP_NOIO | __GFP_NORETRY | __GFP_NOMEMALLOC | __GFP_NOWARN);
	if (r) {
		drp_cow_release(cow, slots, n->nr_copies);
		return r;
	}
	return copy_to(c, slots, target_failed);
}

/* ---- a window ---- */

/* The range is held. */
static int work_at(struct drp_copier *c, u64 chunk, u64 end, bool *target_failed)
{
	struct drp_copy_nested *n = c->nested;
	struct drp_pool *pool = c->s->pool;
	int r = 0;

	n->nr_copies = 0;
	n->nr_gone = 0;
	for (; chunk < end && !r; chunk++)
		r = decide(c, chunk);
	if (!r && n->nr_gone) {
		r = drp_cow_delete(pool->cow, n->gone, n->nr_gone);
		*target_failed = r;
	}
	if (!r && n->nr_copies) {
		r = copy_all(c, target_failed);
		free_pages_of(n);
	}
	return r;
}

/* The window from @chunk on: 0 or -errno. */
static int do_window(struct drp_copier *c, u64 chunk, bool *target_failed)
{
	struct drp_pool *pool = c->s->pool;
	struct drp_element *here = c->s->source;
	const unsigned int shift = pool->cow->chunk_shift;
	const u64 max = clamp_t(u64, WINDOW_BYTES >> (shift + SECTOR_SHIFT), 1, WINDOW_CHUNKS);
	const u64 start = chunk << shift, size = here->rec.size_sectors;
	/* A range does not cross an extent, unless it is of one chunk. */
	const u64 border = ((start >> pool->extent_shift) + 1) << pool->extent_shift;
	u64 end = min3(chunk + max, max(border >> shift, chunk + 1), ((size - 1) >> shift) + 1);
	int r;

	if (start >= size) {
		advance(c->nested, U64_MAX);
		return 0;
	}
	/* It may wait for a checkpoint: not with hosts behind it. */
	drp_checkpoint_make_room(pool, WINDOW_CHUNKS);
	if (!drp_gate_enter(&here->gate))
		return -EAGAIN;
	take(pool, &c->nested->window, here->rec.id, DRP_RANGE_COPY, start, min(end << shift, size));
	r = work_at(c, chunk, end, target_failed);
	drp_range_unlock(&c->nested->window.range);
	drp_gate_leave(&here->gate);
	if (!r)
		advance(c->nested, end);
	return r;
}

void drp_copy_nested_work(struct drp_copier *c)
{
	bool target_failed = false;
	u64 chunk;
	int r;

	if (!drp_copy_may_run(c))
		return;
	if (ktime_get_ns() - c->reported_ns > DRP_PROGRESS_NS)
		drp_copy_report(c);
	r = first_chunk(c, &chunk);
	if (r == -EINTR)
		return;
	if (!r && !c->nested->copies_too) {
		rewind(c->nested, true);
		drp_copy_again_in(c, 0);
		return;
	}
	if (r > 0) {
		if (!drp_copy_within_rate(c))
			return;
		r = do_window(c, chunk, &target_failed);
		if (!r) {
			drp_copy_pay(c, (u64)c->nested->nr_copies << c->s->pool->cow->chunk_shift);
			drp_copy_again_in(c, 0);
			return;
		}
	}
	if (!r || !drp_copy_try_later(c, r))
		drp_copy_finish(c, r, target_failed);
}
