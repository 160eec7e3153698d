/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A host's bio on its way through an element. The context lives in the bio's
 * per-bio data, and the clone for the first leg with it; nothing is allocated
 * but the clones for further legs.
 *
 * Every bio is run from the start until it can be submitted: what it lacks
 * (open gates, an active extent, a durable note) parks it on a list, without
 * anything held, and whoever provides that runs it again. Only behind the
 * region lock does it go on from where it was.
 */
#ifndef DRP_IO_H
#define DRP_IO_H

#include "element.h"
#include "range.h"
#include "sync.h"

#define DRP_OWN_LEG	BIT(31)		/* in a mask of hops: the element's own leg */

enum drp_io_step {
	DRP_STEP_RUN,		/* from the start */
	DRP_STEP_SUBMIT,	/* region lock granted */
	DRP_STEP_READ_AGAIN,	/* read failed: try another leg */
	DRP_STEP_RESOLVE,	/* region lock granted to a read of both sides of a turn */
	DRP_STEP_READ_LOCKED,	/* region lock granted to a read of a clone's source */
	DRP_STEP_WRITTEN,	/* FUA write that waits until its turn is settled */
	DRP_STEP_PRESERVE,	/* write of a clone's source that waits for the same */
};

/* A clone for one leg. */
struct drp_leg_bio {
	struct bio *host;		/* the bio it belongs to */
	int hop;			/* -1: the element's own leg */
	struct bio bio;
};

/* Another leg to read from, where an element's own device has failed. */
struct drp_other_leg {
	const struct drp_hop *hop;	/* that is read from: the gate of its target is held; or NULL */
	struct drp_element *closed;	/* target that might have served, but for its closed gate; or NULL */
	u32 tried;			/* hops */
};

struct drp_cow_op;

/* I/O of a virtual element: see vio.c. */
struct drp_vio {
	struct work_struct work;
	void (*step)(struct bio *bio);	/* what work does */
	void (*locked)(struct bio *bio);	/* behind the element's own range */
	void (*base_step)(struct bio *bio);	/* behind base */
	struct drp_range base;		/* of an ancestor's device */
	struct drp_element *from;	/* that ancestor: its gate is held */
	struct drp_other_leg leg;	/* read instead of from's device */
	struct drp_cow_op *op;		/* a write: memory and slot for a new version */
	unsigned long since;		/* jiffies: waits for the ancestor's device; 0: does not */
	bool in_base;
	bool version;			/* the host's bio itself writes the new version */
};

struct drp_io_ctx {
	struct drp_element *e;
	struct drp_range range;
	struct bvec_iter iter;		/* as it came: for a second try */
	union {
		struct drp_leg_bio leg;	/* the first leg's clone: a usual mirror allocates nothing */
		struct drp_vio vio;	/* a virtual element has no legs */
	};
	/* zero at the start, from here on */
	atomic_t pending;		/* legs under way */
	u32 mirrored;			/* hops whose target gets it: gates held */
	u32 tracked;			/* hops whose D plane is marked instead */
	u32 tried;			/* read: legs tried, DRP_OWN_LEG for the own one */
	u32 clones;			/* hops that may still need what the write overwrites */
	u32 losses;			/* of the turn inbound, when it began to wait for it */
	struct drp_element *origin;	/* read from there: gate held */
	u8 step;			/* enum drp_io_step */
	u8 phase;			/* of the grace period */
	bool track_up;			/* the sync whose target this is tracks it */
	bool inside;			/* own gate held */
	bool in_grace;
	bool in_range;
	bool has_legs;			/* clones are under way beside the bio itself */
	bool faulted;			/* a leg failed: waits for its sync to be Broken */
	bool stop;			/* FailedCopyStopsHostIO: fail it then */
	bool alone;			/* write that no sync concerns, of an element with snapshots */
	bool turned;			/* write of an element that is being restored */
	bool resolves;			/* of regions whose content was there until now */
	bool settled;			/* what it waited for is durable */
	bool there;			/* read from the other side: no other leg will do */
	blk_status_t status;		/* of the own leg */
};

static inline struct drp_io_ctx *drp_io_of(struct bio *bio)
{
	return dm_per_bio_data(bio, sizeof(struct drp_io_ctx));
}

/* dm's .map and .end_io of the element target. Never sleep. */
int drp_io_map(struct dm_target *ti, struct bio *bio);
int drp_io_end(struct dm_target *ti, struct bio *bio, blk_status_t *error);

/* Worker bodies: run what is on the pool's lists. Process context, memory from mempools only. */
void drp_io_work(struct work_struct *work);
void drp_fault_work(struct work_struct *work);
void drp_note_work(struct work_struct *work);

/* ---- between the files of the I/O engine ---- */

/*
 * Run @bio: DM_MAPIO_SUBMITTED (it went, or is parked), DM_MAPIO_REMAPPED
 * (device and sector are set, the caller submits), DM_MAPIO_KILL (refused).
 * @may_sleep: for clones, in a worker.
 */
int drp_write_run(struct bio *bio, bool may_sleep);
int drp_read_run(struct bio *bio, bool may_sleep);
int drp_flush_run(struct bio *bio, bool may_sleep);

/* A read is back: DM_ENDIO_*. Any context. */
int drp_read_end(struct bio *bio, blk_status_t error);
/* Second try in a worker. */
void drp_read_again(struct bio *bio);
/* A read that has failed as it was before it was submitted, but for its device. Any context. */
void drp_read_rewind(struct bio *bio);

/*
 * What a snapshot needs could not be read from the device of @e: another leg, which
 * has the same: 0 and @leg->hop; -EAGAIN: none now, but one whose gate is closed;
 * -ENODATA. @leg is all 0 at first. Inside the gate of @e all the time, and nobody
 * writes there what is read. Any context.
 */
int drp_other_leg_next(struct drp_element *e, struct drp_other_leg *leg);
/*
 * That leg has been read from, with @error: 0, what was read counts; or a negative
 * errno, also if the leg may have changed meanwhile: look for the next one. @sector
 * is for the log. Any context.
 */
int drp_other_leg_done(struct drp_element *e, struct drp_other_leg *leg, u64 sector, int error);

/* Behind the region lock. */
int drp_write_submit(struct bio *bio, bool may_sleep);

/* Send clones of @bio to the legs of io->mirrored; the caller submits @bio itself. False: no memory now. */
bool drp_legs_submit(struct bio *bio, bool may_sleep);

/* Take the own gate and those of all mirrored hops, or none: false and parked (or again: -EAGAIN is handled inside). */
enum drp_enter {
	DRP_ENTERED,
	DRP_PARKED,
	DRP_REFUSED,		/* a sync stops host I/O, or the element's state forbids it */
};
enum drp_enter drp_io_enter(struct bio *bio, bool write);
void drp_io_leave(struct drp_io_ctx *io);
/* Only what a write holds of others than its own element, and the grace period. */
void drp_io_leave_hops(struct drp_io_ctx *io);

/*
 * The element that must preserve what is in its range before @io is written
 * there: its own, or one of the mirrored hops; NULL: none. Inside. Any context.
 */
struct drp_element *drp_io_unpreserved(struct drp_io_ctx *io);
/* Give up all that @bio holds and park it until @at has preserved that. Inside. Any context. */
void drp_io_park_to_preserve(struct bio *bio, struct drp_element *at);
/* The same for what a turn's copy into @at would overwrite there: [start, end). */
void drp_io_park_to_copy(struct bio *bio, struct drp_element *at, u64 start, u64 end);

/* All legs are back. Any context. */
void drp_write_done(struct bio *bio);
/* The own leg of a write or flush is back: DM_ENDIO_*. Any context. */
int drp_write_end(struct bio *bio, blk_status_t *error);

/* Widen the range to whole regions. */
void drp_turn_widen(struct drp_io_ctx *io);
/* A read of an element that is being restored: DM_MAPIO_*. Inside. */
int drp_turn_read(struct bio *bio, bool may_sleep);
/* Region lock held by such a read that needs both sides, or drp_turn_bring()'s write: copies, then runs it again. In a worker. */
void drp_turn_read_resolve(struct bio *bio);
/*
 * Snapshots were taken since the turn began, so that a write must preserve what
 * the element shows, and that must be here: true if all its chunks are; false: they
 * are copied, then the write runs again from the start. Inside. Any context.
 */
bool drp_turn_bring(struct bio *bio, bool may_sleep);
/* Region lock granted to a read from a clone's source. In a worker. */
void drp_turn_read_granted(struct bio *bio);
/* Region lock held by a write: true to go on; false: it was handed on, or waits. */
bool drp_turn_write(struct bio *bio, bool may_sleep);
/* The write is done, its locks still held. Any context. */
void drp_turn_written(struct bio *bio);
/*
 * Must @bio, a FLUSH that enters or a FUA write that is done, wait until the
 * turn is settled? True: it left everything and was handed over. Any context.
 */
bool drp_turn_must_settle(struct bio *bio, enum drp_io_step step);

/*
 * Copy the regions of @bio's range that are not here yet, at its edges only or
 * all of them: true if there are none; false: it goes on later, or was handed on.
 * @bio is one of here or of the origin. Region lock held, in a worker.
 */
bool drp_turn_copy_for(struct drp_turn *t, struct bio *bio, bool edges);

/* ---- writes of a clone's source (clone.c) ---- */

/*
 * Region lock held by a write of which a clone may still need what it
 * overwrites: true to go on; false: it was handed on, or waits. Any context.
 */
bool drp_clone_write(struct bio *bio, bool may_sleep);
/* What @bio overwrites was copied: it goes on when that is durable. In any context. */
void drp_clone_wait(struct drp_turn *t, struct bio *bio);
/*
 * It cannot be copied: the write of the source goes on when the clone is durably
 * given up, or fails if its settings want that. Gives up all that @bio holds. Any
 * context.
 */
void drp_clone_failed(struct drp_sync *s, struct bio *bio);

/* Give up all that @bio holds and park it at @closed, a gate of another element; runs it again if that is open by now. Inside. Any context. */
void drp_io_park_at(struct bio *bio, struct drp_gate *closed);

/* ---- faults (fault.c) ---- */

/* A leg of @bio failed: marks D of what it concerns, remembers the fault. Any context. */
void drp_fault_leg(struct bio *bio, int hop, blk_status_t status);
/* @bio waits until the syncs it tracks have durably noted that a side changes. Any context. */
void drp_note_park(struct drp_pool *pool, struct bio *bio);
/* The finished @bio waits until its failed syncs are durably Broken. Any context. */
void drp_fault_park(struct bio *bio);
/* A flush of a leg of @s failed outside of any bio: Broken, soon. Any context. */
void drp_fault_flush(struct drp_sync *s, int fault, int error);
/*
 * A flush of @e's device failed, and may have dropped its cache: the next one
 * will succeed. Tells all that may have something there: the mirror to it,
 * those that start at it, the copy to it, and the hosts that write to it, whose
 * next FLUSH fails. Inside its gate, or that is closed by the caller, or op_lock
 * held. Any context.
 */
void drp_fault_leg_flush(struct drp_element *e, int error);
/* The same outside of all that: soon, and until then no flush of its leg is believed. Any context. */
void drp_fault_late_flush(struct drp_element *e);
/* The same of one that takes too long: mirrors and copies do not wait, what hosts have there stays. */
void drp_fault_leg_slow(struct drp_element *e, int error);
/* A copy of @s failed that the hops in @mirrored of its target's plan should get, too. Inside their gates. Any context. */
void drp_fault_copy(struct drp_sync *s, u32 mirrored, const struct drp_range *range);
/* Make @s Broken now, with @why. op_lock held. 0 or -EIO. Sleeps. */
int drp_fault_break(struct drp_sync *s, const char *why);
void drp_recover_work(struct work_struct *work);
/* @s is Broken: try again later. op_lock held. */
void drp_fault_recover(struct drp_sync *s);

/* ---- extents (extent.c) ---- */

/* Is the extent durably active? Marks it touched. Inside a grace period. Any context. */
static inline bool drp_extent_touch(struct drp_element *e, u64 extent)
{
	if (!test_bit(extent, e->active))
		return false;
	if (!test_bit(extent, e->touched))
		set_bit(extent, e->touched);
	if (!test_bit(extent, e->written))
		set_bit(extent, e->written);
	return true;
}

/* What was retired and flushed, and is not active again, was not written since. */
void drp_extents_retired(struct drp_element *e, const unsigned long *retiring);

/* @e is going: off all lists. Sleeps. */
void drp_extents_forget(struct drp_element *e);

/* Park @bio until its extent is active. Any context. */
void drp_extent_park(struct drp_element *e, struct bio *bio);
/* Wait until @extent is active: 0 or -EIO. Sleeps. */
int drp_extent_activate(struct drp_element *e, u64 extent);
extern const struct drp_committer_ops drp_committer_ops;

/* D of @s |= all extents of its elements (and of what flows into its source) that may differ: after a crash, or a lost cache. Sleeps. */
void drp_extents_to_d(struct drp_sync *s, bool written_only);

/*
 * @s will go, and nothing flows through it any more: what is active above it
 * becomes active in its target, because the legs below the target may differ
 * there and nobody will look further up after a crash. 0, -ENOMEM, -EIO.
 * op_lock held. Sleeps.
 */
int drp_extents_hand_down(struct drp_sync *s);

/*
 * The same in steps, for who commits the records (at most DRP_COMMIT_REQ_MAX
 * bytes) himself: what is active in @from and above it, for @to. prepare:
 * checkpoint_lock held; NULL: no memory. apply: when they are durable; takes
 * ring_lock. All sleep.
 */
struct drp_hand_down;
struct drp_hand_down *drp_hand_down_prepare(struct drp_element *from, struct drp_element *to);
const void *drp_hand_down_records(const struct drp_hand_down *h, u32 *len);
void drp_hand_down_apply(struct drp_hand_down *h);
void drp_hand_down_free(struct drp_hand_down *h);

/*
 * Retirement, in three steps of a checkpoint: choose and clear (returns how
 * many), wait and say whose legs to flush, give back on failure.
 */
enum drp_retire {
	DRP_RETIRE_IDLE,	/* untouched for two ticks */
	DRP_RETIRE_FULL,	/* the set is full: untouched since the last tick, if need be all */
	DRP_RETIRE_ALL,
};
u64 drp_extents_choose(struct drp_element *e, unsigned long *retiring, enum drp_retire how);
void drp_extents_give_back(struct drp_element *e, const unsigned long *retiring);

#endif /* DRP_IO_H */
