/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A sync: source, target, state, and the D plane of what may differ.
 */
#ifndef DRP_SYNC_H
#define DRP_SYNC_H

#include <linux/rcupdate.h>

#include "core/state.h"
#include "plane.h"
#include "pool.h"

struct drp_element;
struct drp_copier;
struct drp_turn;

/* What a write of the source does for the sync. The I/O path reads it without a lock. */
enum drp_flow {
	DRP_FLOW_NONE,		/* nothing: the sync is going away */
	DRP_FLOW_TRACK,		/* its regions are marked in the D plane */
	DRP_FLOW_MIRROR,	/* it goes to the target, too */
	DRP_FLOW_STOP,		/* it is refused: FailedCopyStopsHostIO */
	DRP_FLOW_CLONE,		/* as TRACK, but first the target gets what is overwritten */
};

/* What its copy waits for, and people can do something about. */
enum drp_wait {
	DRP_WAIT_NONE,
	DRP_WAIT_COW_FULL,	/* room in COW space, and no snapshot may go for it */
	DRP_WAIT_INDEX_FULL,	/* room in its index, likewise */
	DRP_WAIT_COW_FAILS,	/* it cannot be preserved for another reason, likewise */
	DRP_WAIT_MEMORY,	/* memory to begin with */
};

struct drp_sync {
	struct drp_pool *pool;
	struct drp_sync_rec rec;	/* under rec_lock; changed under op_lock or by a commit's apply */
	struct drp_element *source;	/* change places with closed gates, under rec_lock: see op_reverse.c */
	struct drp_element *target;
	struct drp_plane_map *d;
	struct drp_copier *copier;	/* copy.c; made on first use, under op_lock */
	struct drp_turn *turn;		/* while one is under way; under op_lock and checkpoint_lock */
	struct drp_plane_map *arming;	/* its C plane before that: who marks D marks it, too; under RCU */

	/* I/O path, read without a lock */
	u8 flow;			/* enum drp_flow */
	bool readable;			/* target equals source: reads may be balanced */
	bool unflushed;			/* left MIRROR: what it mirrored may be in the target's cache only */
	bool source_noted;		/* rec.source_changed is durable, or need not be */
	bool target_noted;
	/* s since boot: newest change that set source_changed or was tracked; 0: none since activation */
	time64_t source_written;
	time64_t target_written;

	/* faults: set in irq context, read by the fault worker */
	unsigned long faults;		/* DRP_FAULT_* */
	blk_status_t fault_status;

	struct work_struct finish_work;	/* the copy came to its end */
	int finish_error;
	bool finish_target;		/* the target failed, not the source */
	u64 finish_job;

	struct delayed_work recover_work;	/* Broken or Partitioned: try again */
	unsigned int recover_delay;	/* s */
	unsigned int end_ms;		/* how long the last attempt to end its restore waited for I/O; under op_lock */
	struct work_struct free_work;
	struct list_head removed_node;	/* in pool->removed */
	u8 waits;			/* enum drp_wait: see drp_sync_set_wait() */
	u16 progress_now;		/* of an operation under way that records none, or 0 */
	u8 doubt;			/* DRP_DOUBT_*: nothing said that its device is the one of before; under op_lock */
	bool copy_due;			/* it has no copier for want of memory: see drp_op_copy_later(); under op_lock */
	bool undecided;			/* its ends could not be recorded: neither may be written */
	bool removed;			/* under op_lock: no object any more, waits for its plans to go */
};

#define DRP_DOUBT_SOURCE	1	/* bits of doubt */
#define DRP_DOUBT_TARGET	2

#define DRP_FAULT_TARGET	0	/* bits of faults */
#define DRP_FAULT_SOURCE	1
#define DRP_NOTE_SOURCE		2	/* a write waits for source_changed to be durable */
#define DRP_NOTE_TARGET		3
#define DRP_NOTE_GIVE_UP	4	/* a clone's source waits to be written without it */

/* The object for @rec with an all-@ones D plane (a snapshot's: all 0). ERR_PTR(-ENOMEM, -ENOSPC). op_lock held. Sleeps. */
struct drp_sync *drp_sync_alloc(struct drp_pool *pool, const struct drp_sync_rec *rec, bool ones);
/* The same between elements that the pool need not know yet. */
struct drp_sync *drp_sync_make(struct drp_pool *pool, const struct drp_sync_rec *rec,
			       struct drp_element *source, struct drp_element *target, bool ones);
void drp_sync_free(struct drp_sync *s);
/* The same, later: for callers with op_lock, which its works take. Out of all plans. */
void drp_sync_retire(struct drp_sync *s);

/* Nothing flows between its sides: its target is virtual, its D plane one bit that is always 0. */
static inline bool drp_sync_is_snapshot(const struct drp_sync *s)
{
	return s->rec.sync_type == DRP_SYNC_SNAPSHOT;
}

/* Are the devices of both sides attached? A snapshot's target needs none. op_lock held. */
bool drp_sync_has_legs(const struct drp_sync *s);

/* Regions that its D plane has a bit for. op_lock held, or load. */
u64 drp_sync_nr_regions(const struct drp_sync *s);

/*
 * Its copy waits, or goes on (DRP_WAIT_NONE): if that is news, listeners, its job
 * and the kernel log are told. By who may start or stop the copy just now, its
 * worker or with op_lock. Process context, no lock of a record.
 */
void drp_sync_set_wait(struct drp_sync *s, enum drp_wait wait);

/* Why its copy does not go on although it should, in @text; empty: no such reason. rec_lock held. */
void drp_sync_wait_text(const struct drp_sync *s, char text[DRP_IDENTITY_MAX + 1]);

/* ProgressStatus as seen now, of a sync that is seen as @seen_state. rec_lock held. */
u16 drp_sync_seen_progress(const struct drp_sync *s, u16 seen_state);

/* CopyState as seen now: Partitioned if the target is away, Broken if the journal could not say so. rec_lock held. */
u16 drp_sync_seen_state(const struct drp_sync *s);

/* target_consistent with all syncs it comes from. rec_lock held. */
bool drp_sync_consistent(const struct drp_sync *s);

/* Regions of a sector range: the first and their number. */
static inline void drp_sync_regions(const struct drp_pool *pool, u64 start, u64 end,
				    u64 *first, u64 *count)
{
	*first = start >> pool->region_shift;
	*count = ((end + (1ULL << pool->region_shift) - 1) >> pool->region_shift) - *first;
}

/* Sectors may differ. Any context. */
static inline void drp_sync_mark(struct drp_sync *s, u64 start, u64 end)
{
	struct drp_plane_map *arming;
	u64 first, count;

	drp_sync_regions(s->pool, start, end, &first, &count);
	rcu_read_lock(); /* the C plane stays: see drp_op_turn_drop() */
	arming = READ_ONCE(s->arming);
	drp_plane_set(s->d, first, count);
	if (unlikely(arming))
		drp_plane_set(arming, first, count);
	rcu_read_unlock();
}

/* May a cache have what it mirrored? What is neither mirrored nor was until now is in the D plane. Any context. */
static inline bool drp_sync_in_cache(const struct drp_sync *s)
{
	return READ_ONCE(s->flow) == DRP_FLOW_MIRROR || READ_ONCE(s->unflushed);
}

/* A side that is not equal any more has changed, or may have, up to now. Any context. */
static inline void drp_sync_source_changed_now(struct drp_sync *s)
{
	WRITE_ONCE(s->source_written, ktime_get_boottime_seconds());
}

static inline void drp_sync_target_changed_now(struct drp_sync *s)
{
	WRITE_ONCE(s->target_written, ktime_get_boottime_seconds());
}

/* A write of the source alone. Any context. */
static inline void drp_sync_track_source(struct drp_sync *s, u64 start, u64 end)
{
	drp_sync_mark(s, start, end);
	drp_sync_source_changed_now(s);
}

/*
 * Commit @rec as the sync's new state, with @extra records (@extra_len bytes, may
 * be NULL) in the same commit, then install it: flow, access, events. @empty:
 * the commit is refused with -EAGAIN if the D plane is not empty when it is
 * built, and says that the plane is all 0. op_lock held. 0 or -EIO. Sleeps.
 */
int drp_sync_commit(struct drp_sync *s, const struct drp_sync_rec *rec,
		    const void *extra, u32 extra_len, bool empty);

/*
 * The same as the end of the cut @cut_id: the record is CONFIRM's, with what
 * @extra has (@extra_len bytes, may be NULL). op_lock held. 0 or -EIO. Sleeps.
 */
int drp_sync_confirm(struct drp_sync *s, const struct drp_sync_rec *rec, u64 cut_id,
		     const void *extra, u32 extra_len);

/* Flow, readability, notes and access from the state and the attachments. op_lock held. */
void drp_sync_refresh(struct drp_sync *s);

/* Store the flow, for who holds the closed gates of the source: nobody acts on the old one. op_lock held. */
void drp_sync_store_flow(struct drp_sync *s, enum drp_flow flow);

/*
 * Set the flow. True: no writer acts on the old one any more. False after some
 * seconds: a device hangs; all that wait on it have marked what they track.
 * op_lock held. Sleeps.
 */
bool drp_sync_set_flow(struct drp_sync *s, enum drp_flow flow);

/* Tell listeners the state. Process context. */
void drp_sync_report(struct drp_sync *s);

#endif /* DRP_SYNC_H */
