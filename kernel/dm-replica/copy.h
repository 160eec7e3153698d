/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The copy engine: makes the target of a sync equal to its source where the D
 * plane says that they may differ. Contract rules 1 and 6: a bit is cleared
 * only after both legs were flushed behind the copy; a bit that was set
 * meanwhile stays.
 */
#ifndef DRP_COPY_H
#define DRP_COPY_H

#include "sync.h"

/* What the engine calls when it is through: @error 0 and D empty, or what failed. Process context, no locks. */
typedef void (*drp_copy_done_fn)(struct drp_sync *s, int error, bool target_failed);

struct drp_copier *drp_copier_alloc(struct drp_sync *s, drp_copy_done_fn done);
void drp_copier_free(struct drp_copier *c);

/*
 * Start or go on, reporting to @job_id, but not before @ms milliseconds. The flow
 * must be MIRROR already, or a turn under way. op_lock held.
 */
void drp_copy_start_in(struct drp_copier *c, u64 job_id, unsigned int ms);

static inline void drp_copy_start(struct drp_copier *c, u64 job_id)
{
	drp_copy_start_in(c, job_id, 0);
}

/* Stop; when it returns nothing is in flight and done() is not called any more. op_lock held. Sleeps for copies in flight. */
void drp_copy_stop(struct drp_copier *c);

/*
 * Does all end that it has in flight, in less than @wait (jiffies) one after the
 * other? It starts nothing meanwhile, and goes on behind it. Asked before a request
 * stops it, which would wait as long as a device hangs. op_lock held. Sleeps.
 */
bool drp_copy_drains(struct drp_copier *c, long wait);

/* Something it waited for may be there (a gate opened, a setting changed). Any context. */
void drp_copy_kick(struct drp_copier *c);

/*
 * D of the sync was set again in [start, end): copies that cover it must not clear
 * it. [0, U64_MAX): a cache was lost, what is copied and not flushed is to be
 * copied again. Any context.
 */
void drp_copy_spoil(struct drp_copier *c, u64 start, u64 end);

bool drp_copy_running(const struct drp_copier *c);

/* ---- restores into snapshots: see op_snapshot_nested.c ---- */

/* Another one than before begins: it looks at all chunks again. It does not run. op_lock held. */
void drp_copy_nested_reset(struct drp_copier *c);
/* Bytes of the source of @s, which is being restored, that were not looked at yet. rec_lock held. */
u64 drp_copy_nested_dirty(const struct drp_sync *s);
/* Is there so much room in COW space that one is worth a try? Any context. */
bool drp_copy_nested_has_room(struct drp_pool *pool);

#endif /* DRP_COPY_H */
