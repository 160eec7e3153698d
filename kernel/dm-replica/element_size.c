// SPDX-License-Identifier: GPL-2.0-only
/*
 * How large an element is: its extents, and how it grows with its syncs' planes.
 */
#include <linux/slab.h>

#include "element.h"
#include "preserve.h"
#include "snapshot.h"
#include "sync.h"

/* ---- extents ---- */

u64 drp_element_sectors_max(const struct drp_pool *pool)
{
	return min(DRP_ELEMENT_SECTORS_MAX, DRP_ELEMENT_EXTENTS_MAX << pool->extent_shift);
}

int drp_element_alloc_extents(struct drp_element *e)
{
	const u64 bytes = BITS_TO_LONGS(e->nr_extents) * sizeof(long);

	/* What is loaded may be larger than what is made now, or nonsense. */
	if (bytes > INT_MAX)
		return -ENOMEM;
	e->active = kvzalloc(bytes, GFP_KERNEL);
	e->touched = kvzalloc(bytes, GFP_KERNEL);
	e->aged = kvzalloc(bytes, GFP_KERNEL);
	e->written = kvzalloc(bytes, GFP_KERNEL);
	e->landing = kvzalloc(bytes, GFP_KERNEL);
	e->land_from = e->nr_extents;
	if (e->active && e->touched && e->aged && e->written && e->landing)
		return 0;
	return -ENOMEM;
}

void drp_element_free_extents(struct drp_element *e)
{
	kvfree(e->active);
	kvfree(e->touched);
	kvfree(e->aged);
	kvfree(e->written);
	kvfree(e->landing);
}

u64 drp_element_extents(const struct drp_pool *pool, u64 sectors)
{
	return (sectors + (1ULL << pool->extent_shift) - 1) >> pool->extent_shift;
}

/* ---- growing ---- */

/* Room for @sectors. Its gate is closed and drained, nothing is active in the new part. */
static int grow_extents(struct drp_element *e, u64 sectors)
{
	struct drp_element old = *e;
	u64 extents = drp_element_extents(e->pool, sectors);
	const size_t bytes = BITS_TO_LONGS(old.nr_extents) * sizeof(long);

	if (extents == e->nr_extents)
		return 0;
	e->active = NULL;
	e->touched = NULL;
	e->aged = NULL;
	e->written = NULL;
	e->landing = NULL;
	e->nr_extents = extents;
	if (drp_element_alloc_extents(e)) {
		drp_element_free_extents(e);
		e->active = old.active;
		e->touched = old.touched;
		e->aged = old.aged;
		e->written = old.written;
		e->landing = old.landing;
		e->nr_extents = old.nr_extents;
		e->land_from = old.nr_extents;
		return -ENOMEM;
	}
	memcpy(e->active, old.active, bytes);
	memcpy(e->touched, old.touched, bytes);
	memcpy(e->aged, old.aged, bytes);
	memcpy(e->written, old.written, bytes);
	drp_element_free_extents(&old);
	return 0;
}

static u64 regions_of(const struct drp_pool *pool, u64 sectors)
{
	return (sectors + (1ULL << pool->region_shift) - 1) >> pool->region_shift;
}

/* The rest of a region that the old size cuts differs, too. */
static void mark_old_end(struct drp_sync *s, u64 sectors)
{
	if (sectors & ((1ULL << s->pool->region_shift) - 1))
		drp_plane_set(s->d, sectors >> s->pool->region_shift, 1);
}

static int may_grow(struct drp_element *e, u64 sectors)
{
	const struct drp_element_rec *rec = &e->rec;
	struct drp_sync *s;
	unsigned long id;

	if (sectors > drp_element_sectors_max(e->pool)) {
		DMERR("element %s cannot grow beyond %llu sectors with the extents of this pool",
		      rec->name, drp_element_sectors_max(e->pool));
		return -EINVAL;
	}
	/* What lies behind the old end has no point in time. */
	if (rec->parent_element || drp_snapshot_child(e) || drp_snapshot_aspect(e)) {
		DMERR("element %s cannot grow while it %s", rec->name,
		      rec->parent_element ? "is a snapshot" : "has snapshots");
		return -EBUSY;
	}
	xa_for_each(&e->pool->syncs, id, s) {
		if (s->source == e && s->turn) {
			DMERR("element %s cannot grow while it and %s are copied to one another",
			      rec->name, s->target->rec.name);
			return -EBUSY;
		}
		if (s->source != e || s->target->rec.size_sectors >= sectors)
			continue;
		DMERR("element %s cannot grow: %s, its target, is smaller; grow that first",
		      rec->name, s->target->rec.name);
		return -ENOSPC;
	}
	return 0;
}

/* Of all syncs or of none: marks behind the end of an element that stays as it is would never be copied. */
static int prepare_planes(struct drp_element *e, u64 sectors)
{
	struct drp_sync *s;
	unsigned long id;
	int r;

	xa_for_each(&e->pool->syncs, id, s) {
		if (s->source != e || drp_sync_is_snapshot(s))
			continue;
		r = drp_plane_grow_prepare(s->d, regions_of(e->pool, sectors));
		if (!r)
			continue;
		DMERR("element %s cannot grow: no %s for the bitmap of %s", e->rec.name,
		      r == -ENOSPC ? "room on the metadata device" : "memory", s->rec.name);
		return r;
	}
	return 0;
}

/* What was prepared: all new regions differ, or nothing has happened. */
static void end_planes(struct drp_element *e, bool grow)
{
	struct drp_sync *s;
	unsigned long id;

	xa_for_each(&e->pool->syncs, id, s) {
		if (s->source != e || drp_sync_is_snapshot(s))
			continue;
		if (!grow) {
			drp_plane_grow_cancel(s->d);
			continue;
		}
		mark_old_end(s, e->rec.size_sectors);
		drp_plane_grow_prepared(s->d, true);
	}
}

int drp_element_grow(struct drp_element *e, u64 sectors)
{
	struct drp_element_rec rec = e->rec;
	int r = may_grow(e, sectors) ?: prepare_planes(e, sectors);

	if (!r) {
		/* A checkpoint reads the extents without the ring's lock. */
		mutex_lock(&e->pool->checkpoint_lock);
		mutex_lock(&e->pool->cm.ring_lock);
		r = grow_extents(e, sectors);
		mutex_unlock(&e->pool->cm.ring_lock);
		mutex_unlock(&e->pool->checkpoint_lock);
	}
	/* New regions differ before the size is durable: never the other way round. */
	end_planes(e, !r);
	if (r)
		return r;
	rec.size_sectors = sectors;
	return drp_element_commit(e, &rec);
}

int drp_element_replay_growth(struct drp_element *e, const struct drp_element_rec *rec)
{
	struct drp_sync *s;
	unsigned long id;
	int r;

	/* An older record than the catalog's: sizes only grow. */
	if (rec->size_sectors < e->rec.size_sectors) {
		u64 size = e->rec.size_sectors;

		e->rec = *rec;
		e->rec.size_sectors = size;
		return 0;
	}
	r = drp_element_virtual(e) ? 0 : grow_extents(e, rec->size_sectors);
	xa_for_each(&e->pool->syncs, id, s) {
		if (r || s->source != e || drp_sync_is_snapshot(s))
			continue;
		mark_old_end(s, e->rec.size_sectors);
		r = drp_plane_resize(s->d, regions_of(e->pool, rec->size_sectors), true);
	}
	e->rec = *rec;
	return r;
}
