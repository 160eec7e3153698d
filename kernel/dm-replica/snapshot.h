/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What belongs to whom among virtual elements: a snapshot's target shows its
 * parent's content as of a generation, and keeps that generation alive.
 */
#ifndef DRP_SNAPSHOT_H
#define DRP_SNAPSHOT_H

#include "element.h"
#include "sync.h"

#define DRP_SNAPSHOT_DEPTH	8	/* snapshots of snapshots */

/* The element with a device that the content of @e comes from in the end; NULL: the records are not consistent. op_lock or rec_lock held. */
struct drp_element *drp_snapshot_root(struct drp_element *e);

/* Levels above the root: 0 of an element with a device. op_lock held. */
unsigned int drp_snapshot_depth(struct drp_element *e);

/* Is the source of @s a snapshot, too? op_lock or rec_lock held, or fixed with @s. */
static inline bool drp_snapshot_is_nested(const struct drp_sync *s)
{
	return drp_sync_is_snapshot(s) && s->source->rec.parent_element;
}

/* Has the virtual element @x a point in time that can be read? op_lock or rec_lock held. */
bool drp_snapshot_live(const struct drp_element *x);

/* What was written to @x before this generation counts no more; U64_MAX: nothing does. op_lock or rec_lock held. */
u64 drp_snapshot_base(const struct drp_element *x);

/* Is @x the element @e, or does it come from that, at any level? op_lock held. */
bool drp_snapshot_comes_from(struct drp_element *x, const struct drp_element *e);

/* A virtual element that comes from @e, or NULL. op_lock held. */
struct drp_element *drp_snapshot_child(struct drp_element *e);

/* An aspect that keeps a generation of @e, or NULL. op_lock held. */
struct drp_aspect_rec *drp_snapshot_aspect(struct drp_element *e);

/* CopyState of a snapshot as seen now: Partitioned while its root is away. rec_lock held. */
u16 drp_snapshot_seen_state(const struct drp_sync *s);

/* Its root's device was removed, so it shows nothing; one that is being loaded anew, or was not there yet, is waited for. op_lock held. */
bool drp_snapshot_cut_off(const struct drp_sync *s);
/* Host access of all snapshots whose root is @root. op_lock held. */
void drp_snapshot_refresh_all(struct drp_element *root);

/*
 * Some generation of @e may not be needed any more: its writers preserve for
 * the newest one that is. Stalls its I/O at most @timeout jiffies; if they do
 * not suffice, more is preserved, and kept, than needed, until it is called again;
 * a pass of the reclaimer is due when it has succeeded. op_lock held. Sleeps.
 */
void drp_snapshot_settle(struct drp_element *e, long timeout);
/* Is that still to be done for @e? op_lock held. */
bool drp_snapshot_unsettled(struct drp_element *e);
/* For any of the pool? What is given up then brings no room yet. op_lock held. */
bool drp_snapshot_any_unsettled(struct drp_pool *pool);
/* The same for all of the pool that it did not succeed for. */
void drp_snapshot_settle_all(struct drp_pool *pool, long timeout);
/* Was the virtual element @x taken since the unfinished restore of what it comes from began, at any level? op_lock held, or load. */
bool drp_snapshot_in_turn(struct drp_element *x);
/* The same of unfinished restores of snapshots that it comes from: see op_snapshot_nested.c. */
bool drp_snapshot_in_nested(struct drp_element *x);
/* The newest generation of @e, up to @limit, that somebody needs, or 0. op_lock or rec_lock held. */
u64 drp_snapshot_newest_upto(struct drp_element *e, u64 limit);
/*
 * What writers of @e preserve for: its @newest generation, and for what a restore
 * overwrites the newest from before that. See drp_preserve_set_newest().
 */
int drp_snapshot_set_alive(struct drp_element *e, u64 newest, bool fresh);

struct drp_cow_entry;
struct drp_cow_space;

#define DRP_COW_LOW_PERCENT	80	/* of COW space, or room for its index, in use: the first watermark */
#define DRP_COW_LEVEL_RESERVE	2	/* what is left is the reserve */

/* The watermark that is reached, of chunks or the index, whichever is scarcer: 0 (none), 1, 2. Pure. */
u16 drp_snapshot_level(const struct drp_cow_space *space);
/* That of the index alone. Pure. */
u16 drp_snapshot_index_level(const struct drp_cow_space *space);

/* Tell listeners while it is not 0, and when it is again. op_lock held. */
void drp_snapshot_watch(struct drp_pool *pool);

/*
 * Elements that are about to preserve a chunk for the first time since a point
 * in time (cow_tells): source_changed of their snapshots is durable then
 * (cow_said). op_lock held. Sleeps.
 */
void drp_snapshot_tell_changes(struct drp_pool *pool);

/* After the replay: who is whose target. What a lost restore takes with it is Invalid. */
void drp_snapshot_link(struct drp_pool *pool);
/* Then, for each @entry of which that is true, as drp_cow_load_end() wants it: what needs it is Invalid or gone; -EIO: a restore needs it. */
int drp_snapshot_lost_chunk(struct drp_pool *pool, const struct drp_cow_entry *entry, u64 above);
/* Then: what writers preserve for. 0 or -ENOMEM. Sleeps. */
int drp_snapshot_load(struct drp_pool *pool);

#endif /* DRP_SNAPSHOT_H */
