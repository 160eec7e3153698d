/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A plane: one bit per region of a sync, paged, with pages absent-clean,
 * absent-dirty, stored, or in memory. Used for the D plane, where 1 ("may
 * differ") is always safe: when memory or a page is missing, the answer is 1.
 *
 * Memory follows what is mixed: an all-0 or all-1 plane of any size costs its
 * table of directory chunks only, and chunks exist only where a page differs
 * from its chunk's uniform state.
 */
#ifndef DRP_PLANE_H
#define DRP_PLANE_H

#include "metadev.h"

struct drp_plane_map;

/*
 * A C plane is exact: where a D plane may say 1, it may not, once its turn has
 * begun. So its pages stay in memory, a checkpoint that finds no block for one
 * fails, and a page that cannot be read makes the plane lost: see
 * drp_plane_load_all().
 */

/*
 * A plane of @nr_bits (1 to 2^40), all 0 or all 1. NULL: no memory. Reserves its
 * blocks: ERR_PTR(-ENOSPC). ERR_PTR(-EINVAL): size. Sleeps, GFP_NOIO.
 */
struct drp_plane_map *drp_plane_create(struct drp_metadev *md, u64 sync_id, enum drp_plane which,
				       u64 nr_bits, bool ones);

/* Forget the plane; its stored pages are freed with the next checkpoint. Sleeps. */
void drp_plane_destroy(struct drp_plane_map *p);

/* Set a range. Any context (irq-safe); never fails: without memory the page becomes absent-dirty. */
void drp_plane_set(struct drp_plane_map *p, u64 first, u64 count);

/*
 * Until drp_plane_unpin(), as often, setting bit @bit needs no memory, so it
 * sets no other. 0, -ENOMEM. Sleeps, GFP_NOIO.
 */
int drp_plane_pin(struct drp_plane_map *p, u64 bit);
/* Any context. */
void drp_plane_unpin(struct drp_plane_map *p, u64 bit);

/*
 * Clear a range, process context; loads pages if needed. 0, or -ENOMEM (some
 * bits then stay set; also when dirty pages hold twice the pool's memory bound:
 * a checkpoint helps). A page that cannot be read counts as all 1 and is then
 * cleared like any other. Sleeps, GFP_NOIO.
 */
int drp_plane_clear(struct drp_plane_map *p, u64 first, u64 count);

/* All 0 or all 1. Sleeps (frees pages). Setting all 1 never fails. */
void drp_plane_set_all(struct drp_plane_map *p, bool ones);

/* May a bit of the range be 1? Any context; true when it cannot be told without I/O. */
bool drp_plane_any(struct drp_plane_map *p, u64 first, u64 count);

/* Bits that are 1 (an upper bound while stored pages have pending sets). Any context. */
u64 drp_plane_count(struct drp_plane_map *p);

/* Surely no bit set? Any context; exact under the plane's lock. */
bool drp_plane_empty(struct drp_plane_map *p);

/*
 * The next run of 1s at or behind @from, at most @max bits and within one page:
 * 1 and *@first, *@count; 0: none up to the end; negative errno (a page that
 * cannot be read or does not match becomes absent-dirty, is logged once and is
 * no error). Sleeps.
 */
int drp_plane_next_run(struct drp_plane_map *p, u64 from, u64 max, u64 *first, u64 *count);

/*
 * The next run of 0s, likewise: 1, 0 or -ENOMEM (a page has to be loaded and
 * kept for it). Sleeps.
 */
int drp_plane_next_clear(struct drp_plane_map *p, u64 from, u64 max, u64 *first, u64 *count);

/* D |= other, both of the same size. 0, -ENOMEM (some bits may be missing), -EINVAL (sizes). Sleeps. */
int drp_plane_or(struct drp_plane_map *p, struct drp_plane_map *other);

/*
 * The plane's size changes (an element grew): new bits are @ones. 0, -ENOMEM,
 * -ENOSPC; -EINVAL if it would shrink. One at a time, not during load; all else
 * may go on meanwhile. Sleeps, GFP_NOIO.
 */
int drp_plane_resize(struct drp_plane_map *p, u64 nr_bits, bool ones);

/*
 * The same in two steps, where several planes grow or none: once prepared, the
 * second step cannot fail, and what is cancelled has changed nothing. Both may
 * come without the first. Sleeps, GFP_NOIO.
 */
int drp_plane_grow_prepare(struct drp_plane_map *p, u64 nr_bits);
void drp_plane_grow_prepared(struct drp_plane_map *p, bool ones);
void drp_plane_grow_cancel(struct drp_plane_map *p);

/* ---- load ---- */

/*
 * A root record of the catalog: directory chunks @first.. . Reads the chunks,
 * claims blocks. A chunk that cannot be trusted becomes absent-dirty (logged).
 * 0, -EBADMSG (out of range), -ENOMEM. Sleeps.
 */
int drp_plane_load_root(struct drp_plane_map *p, u64 first, const struct drp_dir_entry *entries, u32 n);

/*
 * Bring all stored pages into memory. 0, -ENOMEM, -EIO: some of them, or of the
 * directory, could not be read, now or when the root was loaded. Sleeps.
 */
int drp_plane_load_all(struct drp_plane_map *p);

/* ---- checkpoint (one at a time; the caller serialises) ---- */

/*
 * Write all pages and directory chunks that changed to free blocks. Bits set
 * meanwhile may or may not be in; they stay dirty for the next checkpoint. No
 * free block: the page's root entry says absent-dirty. 0 or a negative errno
 * of the device. Does not flush. Sleeps, GFP_NOIO.
 */
int drp_plane_writeback(struct drp_plane_map *p);

/*
 * Root entries for the catalog as of the last writeback: up to @max chunks from
 * @first; returns how many there are from there on at all. If the plane is empty
 * right now, they say so. Any context.
 */
u32 drp_plane_root(struct drp_plane_map *p, u64 first, struct drp_dir_entry *entries, u32 max);

/* Has anything changed since the last writeback? Any context. */
bool drp_plane_dirty(struct drp_plane_map *p);

/* Drop clean pages of this plane until the pool's memory is under its bound. Process context. */
void drp_plane_shrink(struct drp_plane_map *p);

/* Bytes of memory held now, and at worst (all pages mixed, bounded by memory_max). */
u64 drp_plane_memory(struct drp_plane_map *p);
u64 drp_plane_memory_max(struct drp_plane_map *p);

#endif /* DRP_PLANE_H */
