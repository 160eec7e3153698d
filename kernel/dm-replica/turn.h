/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A turn: while one side of a sync shows what the other has, although not all of
 * it is copied yet. The C plane says of which regions the content still lives on
 * the other side, the origin. Contract rules 2 and 10.
 *
 *	Restore from Replica, Failback	the source shows what the target has;
 *					the target, the origin, is protected
 *	Restore from Replica of a	the source shows what the snapshot has; the
 *	snapshot			origin is virtual: see turn_origin.c
 *	clone				the target shows what the source had;
 *					the source, the origin, is written by
 *					hosts: see clone.c
 *
 * A region is resolved when its content is here: copied, or written whole by a
 * host, or both. Resolved regions leave the C plane in memory only after the
 * device was flushed behind them, and by the journal before a FLUSH or FUA write
 * that relies on them is acknowledged, and before the origin is overwritten:
 *
 *	there -> resolved (in memory, nowhere else) -> 0 in the plane -> journalled
 *	there <- resolved, when a flush has failed: the cache may be gone
 *
 * Bits of the plane are only cleared once the turn has begun.
 */
#ifndef DRP_TURN_H
#define DRP_TURN_H

#include <linux/dm-kcopyd.h>
#include <linux/mempool.h>
#include <linux/mutex.h>

#include "sync.h"

#define DRP_TURN_RUNS	256	/* cleared runs that are remembered for the journal */

struct drp_turn {
	/* fixed; here and origin: before any I/O looks at it */
	struct drp_sync *s;
	struct drp_element *here;	/* shows the content: it is its inbound */
	struct drp_element *origin;	/* where the content of C regions lives */
	u64 size;			/* sectors of the content */
	u64 began;			/* newest generation of here when it began, at least 1; 0: a clone, or not known */
	struct drp_plane_map *c;
	unsigned int shift;		/* log2 of the regions of an extent */
	struct xarray extents;		/* struct turn_extent by extent; only grows */
	struct mutex clear_lock;	/* a clear and its note belong together; a leaf that sleeps for memory */
	struct mutex settle_lock;	/* one who settles; held over flush and commit: only FLUSH waits for it */
	struct delayed_work work;	/* on copy_wq: settles for who waits */
	struct delayed_work feed;	/* on copy_wq: runs again who starved */

	int confirmed;			/* under lock to write: 1; 0: not yet, -1: never: nothing is copied for hosts */
	bool origin_lost;		/* it stays away: what lives there cannot be read */
	bool here_lost;			/* the same of the other side: what the origin overwrites cannot be copied */
	bool given_up;			/* durably: the origin is overwritten, who still needs it fails */
	unsigned long host_read;	/* jiffies of a host's read lately; read and set without a lock */
	bool armed_late;		/* who did not see that it is armed may still mark D; under op_lock */
	unsigned long short_since;	/* jiffies since when there is no memory to settle, 0: there is; the work's own */
	bool flush_late;		/* the last flush took longer than it got; the work's own */
	bool lost;			/* a flush failed: what is resolved may be gone; until it is unresolved */
	bool owed;			/* and no host was told of it by a FLUSH that failed */
	u32 losses;			/* times that something was unresolved */
	unsigned long lost_since;	/* jiffies */
	unsigned int end_ms;		/* how long its last attempt to end waited for I/O; under op_lock */

	spinlock_t lock;		/* irq-safe, outside the plane's; protects what follows */
	struct list_head unsettled;	/* extents with resolved regions */
	struct bio_list unconfirmed;	/* bios that need something copied, before the turn is confirmed */
	struct bio_list waiting;	/* FLUSHes to run, FUA writes to end, when all is settled */
	struct bio_list starved;	/* bios to run again when there may be memory */
	bool settling;
	unsigned int clearing;		/* clears that are not noted yet */
	struct drp_turn_run {
		u64 first, count;
	} cleared[DRP_TURN_RUNS];	/* runs durable to added, modulo its size */
	u64 added, durable;		/* ever */
	u64 sealed;			/* runs before this one are being written: not extended any more */
	u64 overflows;			/* runs that found no room: a checkpoint must tell them */
	u64 overflows_durable;
	u64 mark_added, mark_overflows;	/* when the checkpoint under way began */
};

enum drp_where {
	DRP_HERE,		/* all on the source */
	DRP_THERE,		/* all on the target */
	DRP_MIXED,
};

/* A turn of @s whose C plane is all 0, to show the content of the other side on @here. ERR_PTR(-ENOMEM, -ENOSPC). Sleeps. */
struct drp_turn *drp_turn_alloc(struct drp_sync *s, struct drp_element *here);
/* During load: the direction is known at its end. */
void drp_turn_aim(struct drp_turn *t, struct drp_element *here);
/* Do hosts write the origin? */
static inline bool drp_turn_is_clone(const struct drp_turn *t)
{
	return t->here == t->s->target;
}
/* No I/O looks at it any more; who waits goes on, what it needs is durable. Sleeps. */
void drp_turn_free(struct drp_turn *t);

/* Where the content of these sectors lives. Any context. */
enum drp_where drp_turn_where(struct drp_turn *t, u64 start, u64 end);

/* Memory for drp_turn_resolved() in the extent of @sector: false if there is none now. Any context. */
bool drp_turn_prepare(struct drp_turn *t, u64 sector);
/* Whole regions of one extent, which was prepared, have their content here. Any context. */
void drp_turn_resolved(struct drp_turn *t, u64 start, u64 end);

/* Regions that are here, and flushed: out of the plane. 0, -ENOMEM, -EAGAIN (a flush failed since). Sleeps. */
int drp_turn_clear(struct drp_turn *t, u64 first, u64 count);

/* Cut [*first, *first + *count) to its first run that is not resolved; *skipped before it. Any context. */
void drp_turn_trim(struct drp_turn *t, u64 *first, u64 *count, u64 *skipped);

/* Is anything resolved or cleared that the journal does not know? Any context. */
bool drp_turn_pending(struct drp_turn *t);

/* The same of these sectors, which are all here; rather true than not. Any context. */
bool drp_turn_range_pending(struct drp_turn *t, u64 start, u64 end);

/*
 * Flush the device and make durable what was resolved before the call. 0,
 * -EAGAIN (its gate is closed, or it takes long), -EIO, the device's error,
 * -ENOMEM. Once a flush has failed -EAGAIN until what it lost is unresolved.
 * Sleeps; no lock of a region, gate or checkpoint held.
 */
int drp_turn_settle(struct drp_turn *t);

/*
 * The same without the journal, which the end of the turn needs not: 0, -EAGAIN
 * (also while somebody else settles), -ETIMEDOUT, the device's error, -ENOMEM. For who
 * must not wait for a commit. Sleeps.
 */
int drp_turn_flush(struct drp_turn *t);

/*
 * Its device goes, and nothing is under way to it. @flushed: as drp_turn_settle(),
 * for what hosts wrote must be there when it comes back; else what was resolved
 * lives on the other side again.
 */
int drp_turn_leave(struct drp_turn *t, bool flushed);

/*
 * A flush of the device failed: it may have dropped what is resolved. Nothing is
 * settled or cleared until it lives on the other side again, which is queued.
 * Inside the device's gate. Any context.
 */
void drp_turn_lose(struct drp_turn *t);

/*
 * What is resolved, and not durably here, lives on the other side again, as after
 * a loss of power: copied anew, and what hosts wrote there and did not flush is
 * gone. The gate of the device closed and drained. Sleeps.
 */
void drp_turn_unresolve(struct drp_turn *t);

/* @bio, which holds nothing, goes on (FLUSH, write of the origin) or ends (FUA write) when all is settled. Any context. */
void drp_turn_wait(struct drp_turn *t, struct bio *bio);

/* @bio, which holds its own gate only, runs again in a while: there was no memory. Any context. */
void drp_turn_starve(struct drp_turn *t, struct bio *bio);

/*
 * Before CONFIRM is durable nothing may be copied: it changes only by its hosts'
 * own writes: @bio, which holds its own gate only, waits: true; or may go on.
 * Any context.
 */
bool drp_turn_wait_confirmed(struct drp_turn *t, struct bio *bio);
/* It is, or (not @ok) never will be: who waits goes on, or fails. Process context. */
void drp_turn_confirm(struct drp_turn *t, bool ok);

/* What a host's I/O that copies needs: one is kept, so that it gets on without memory. NULL: no memory. */
mempool_t *drp_turn_make_copies(void);

/* ---- what the origin has (turn_origin.c) ---- */

/* One that is under way. */
struct drp_turn_fetch {
	atomic_t pending;
	int read_err;
	unsigned long write_err;
	dm_kcopyd_notify_fn ended;
	void *context;

	/* of one that looks for zeroes first */
	struct drp_turn *t;
	u64 start, end;
	struct work_struct work;
};

/*
 * Copy [start, end), sectors of one extent and of the content, from the origin
 * here; @ended is told, in any context. Region lock and the gates of the devices
 * held. Process context; sleeps for nodes of the index if the origin is virtual.
 */
void drp_turn_fetch(struct drp_turn *t, struct drp_turn_fetch *f, u64 start, u64 end,
		    dm_kcopyd_notify_fn ended, void *context);

/*
 * The same; what is all zero in the source of a clone is written as zeroes by the
 * target, where that can. Region lock and gates held. Process context, does not wait.
 */
void drp_turn_fetch_sparse(struct drp_turn *t, struct drp_turn_fetch *f, u64 start, u64 end,
			   dm_kcopyd_notify_fn ended, void *context);

/* Is the origin a snapshot, which has no device of its own? */
bool drp_turn_is_virtual(const struct drp_turn *t);
/* Of what a virtual origin has in COW space, else 1: the device of a real one may be away. Any context. */
unsigned int drp_turn_virtual_block_size(const struct drp_turn *t);
/* Of [start, end), which begins in the origin, what can be read with one bio ends here. Any context. */
u64 drp_turn_one_piece(const struct drp_turn *t, u64 start, u64 end);
/* Can what @bio reads be read from a virtual origin with that bio? Any context. */
bool drp_turn_can_read(const struct drp_turn *t, const struct bio *bio);
/* Read there, in a worker: @bio, which holds its own gate, goes on. Any context. */
void drp_turn_read_virtual(struct drp_turn *t, struct bio *bio);

/* Around a checkpoint, which makes durable what was cleared before it began. */
void drp_turn_checkpoint_begin(struct drp_turn *t);
void drp_turn_checkpoint_done(struct drp_turn *t);

#endif /* DRP_TURN_H */
