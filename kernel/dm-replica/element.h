/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An element: a block device under management. The object lives as long as the
 * pool knows it; its data device comes and goes with the dm tables that attach
 * it. While it is not attached, its gate has one closer.
 */
#ifndef DRP_ELEMENT_H
#define DRP_ELEMENT_H

#include <linux/device-mapper.h>

#include "gate.h"
#include "grace.h"
#include "pool.h"

#define DRP_HOPS_MAX		24	/* syncs that one write can reach downstream */
#define DRP_LEG_DEADLINE_MS	5000	/* writes wait this long for a suspended or absent leg */
#define DRP_ACTIVE_RUN		32	/* extents activated ahead with one record */
#define DRP_ACTIVE_MAX_DEFAULT	8192	/* 32 GiB of 4 MiB extents */

struct drp_flush;
struct drp_preserved;
struct drp_turn;

/* One sync that a write of the element can reach, after the hop that leads to it. */
struct drp_hop {
	struct drp_sync *sync;
	struct drp_element *target;
	int parent;			/* index of the hop before it; -1: the element itself */
};

/* Where writes of an element go. Immutable; replaced only while the element's gate is closed and drained. */
struct drp_plan {
	struct drp_sync *up;		/* the sync whose target the element is, or NULL */
	unsigned int nr_hops;
	struct drp_hop hop[];		/* parents before children */
};

/* A table that names the element; the live one serves its I/O. */
struct drp_attachment {
	struct drp_pool *pool;		/* with a binding */
	struct drp_element *element;
	struct dm_dev *data;		/* or NULL: a virtual element */
	struct dm_dev *cow;		/* of the pool, for a virtual element's limits */
	struct dm_dev *pool_dev;
	struct dm_target *ti;
	char identity[DRP_IDENTITY_MAX + 1];
};

struct drp_element {
	struct drp_pool *pool;
	struct drp_element_rec rec;	/* under rec_lock; changed under op_lock */

	/* I/O path, read without a lock */
	struct drp_gate gate;
	struct drp_grace grace;
	struct drp_plan *plan;		/* see struct drp_plan */
	struct block_device *bdev;	/* data device: stable inside the gate */
	u64 component;			/* of region locks: stable inside the gate */
	struct drp_flush *flush;	/* for when there is no memory for another: see leg.h */
	struct drp_sync *snap;		/* the snapshot whose target it is, or NULL: stable inside the gate */
	struct drp_turn *inbound;	/* the turn that overwrites it, or NULL: stable inside the gate */
	struct drp_sync *nested;	/* virtual: the snapshot of it that it is restored from, or NULL; set inside the closed gate: see resolve() in vio.c */
	bool keeps_versions;		/* virtual: it is being restored, as the record says: nothing of it is discarded; set inside the closed gate */
	u64 cow_newest;			/* newest generation that snapshots need, 0: none: stable inside the gate */
	u64 cow_said;			/* up to this generation snapshots have source_changed durably; changes under op_lock */
	bool cow_tells;			/* a writer waits for that */
	struct drp_preserved *preserved;	/* what of it is kept; there while cow_newest is set */
	bool cow_split;			/* snapshots were taken since the turn inbound began: stable inside the gate */
	u8 access;			/* enum drp_access */
	bool flush_lost;		/* a FLUSH of ours failed on its device: the next one of its hosts does, too */
	int cow_lost;			/* virtual: failed flushes of COW space that its hosts were told of */
	atomic_t late_lost;		/* FLUSHes that failed after their deadline, and nobody was told yet */
	atomic_t late_flushes;		/* with its device, not inside its gate */
	bool pushing_back;		/* its device is being suspended: who waits for another one goes back to dm */
	u64 nr_extents;
	unsigned long *active;		/* bit per extent: durably marked */
	unsigned long *touched;		/* written since the last tick */
	unsigned long *aged;		/* not touched for a whole tick */
	unsigned long *written;		/* written since it became active */
	unsigned int __percpu *turn;	/* read balancing */

	/* under op_lock */
	struct drp_attachment *live;
	dev_t data_dev, element_dev;	/* of the live one */
	struct drp_attachment *last;	/* was live; its device may still be open */
	bool leg_wanted;		/* I/O needs it while it is not attached */
	bool leaving;			/* what it had last is asked for its end, without op_lock: nobody attaches; changes under it */
	bool leg_gone;			/* detached for good: do not wait the deadline */
	unsigned int bound;		/* tables that name it */
	struct work_struct free_work;
	struct work_struct full_work;	/* its writers could not preserve: see op_snapshot_full.c */
	unsigned long full_since;	/* jiffies: first of the last few times */
	unsigned int full_tries;
	u32 full_refusals;		/* times that nothing could be given up; read without a lock */
	bool full_reclaimed;		/* a pass has brought nothing */
	bool held;			/* suspended internally, with its pool; has a reference on md */
	struct mapped_device *md;	/* while held */
	bool flushed;			/* not attached, and flushed after its last write */
	struct delayed_work leg_deadline;

	/* under pool->cm.ring_lock */
	unsigned long *landing;		/* bit per extent: in the commit under way */
	u64 nr_active;
	u64 land_from, land_to;		/* extents in landing lie in [from, to) */

	spinlock_t wait_lock;		/* irq-safe; protects what follows */
	struct bio_list waiting;	/* bios that wait for their extent */
	bool queued;			/* in pool->extents.waiting */
	struct list_head queue_node;
	struct list_head land_node;	/* under ring_lock */
};

/* Make the object for @rec, unattached, without plan. ERR_PTR(-ENOMEM). Sleeps. */
struct drp_element *drp_element_alloc(struct drp_pool *pool, const struct drp_element_rec *rec);
/* Nothing refers to it any more. Sleeps. */
void drp_element_free(struct drp_element *e);
/* The same, later: for callers with op_lock, which its works take. No object refers to it any more. */
void drp_element_retire(struct drp_element *e);

/*
 * Attach: @at becomes live, its device the leg; identity and fingerprint are
 * checked (a strange device makes its syncs Invalid), syncs that waited for it
 * go on. 0 or a negative errno with a log line. Takes op_lock. Sleeps.
 */
int drp_element_attach(struct drp_element *e, struct drp_attachment *at);

/*
 * Its device is being suspended without a flush (@yes), or not any more: what
 * waits for another element's device, which may be suspended already, goes back
 * to dm instead of being waited for. Takes op_lock. Sleeps.
 */
void drp_element_push_back(struct drp_element *e, bool yes);

/* A bio of @e has parked at the gate of another element; inside the gate of @e. Any context. */
void drp_element_parked_at(struct drp_element *e, struct drp_gate *other);

/* @at's device is suspended: nobody may use the leg until it is attached again. Takes op_lock. Sleeps. */
void drp_element_suspend(struct drp_element *e, struct drp_attachment *at);

/* @at goes away for good; if it was live, remember a fingerprint. Takes op_lock. Sleeps. */
void drp_element_detach(struct drp_element *e, struct drp_attachment *at);

static inline bool drp_element_attached(const struct drp_element *e)
{
	return READ_ONCE(e->live);
}

/* The element's own block device (what consumers open), or NULL. op_lock held. */
struct block_device *drp_element_bdev(struct drp_element *e);

/* Commit @rec as its record and install it: 0 or -EIO. op_lock held. Sleeps. */
int drp_element_commit(struct drp_element *e, const struct drp_element_rec *rec);

/* ---- its size (element_size.c) ---- */

#define DRP_ELEMENT_SECTORS_MAX	(1ULL << 42)	/* 2 PiB */
#define DRP_ELEMENT_EXTENTS_MAX	(1ULL << 29)	/* 64 MiB each of its five bitmaps */

/* So large may one of @pool be, in sectors. */
u64 drp_element_sectors_max(const struct drp_pool *pool);
/* Extents of so many sectors. */
u64 drp_element_extents(const struct drp_pool *pool, u64 sectors);
/* Bitmaps for nr_extents: 0 or -ENOMEM, then they are freed all the same. Sleeps. */
int drp_element_alloc_extents(struct drp_element *e);
void drp_element_free_extents(struct drp_element *e);

/*
 * It and the planes of its syncs become larger, durably, or stay as they are: 0,
 * -EBUSY, -ENOSPC, -ENOMEM, -EIO. Its gate closed and drained, op_lock held. Sleeps.
 */
int drp_element_grow(struct drp_element *e, u64 sectors);

/* During load: the log says that it has grown. */
int drp_element_replay_growth(struct drp_element *e, const struct drp_element_rec *rec);

/* Is it mounted or held exclusively? op_lock held. */
bool drp_element_in_use(struct drp_element *e);

/* I/O needs the leg of @e, whose gate is closed: if it stays away, its sync must give it up. Any context. */
void drp_element_want_leg(struct drp_element *e);

/* Set what hosts may do and tell the world (read-only flag, uevent). op_lock held. */
void drp_element_refresh_access(struct drp_element *e);

/* Drop what the page cache holds of it. op_lock held. Sleeps. */
void drp_element_drop_cache(struct drp_element *e);

/* A FLUSH of its leg failed that no host asked for: those that write to it learn from their next one. Any context. */
static inline void drp_element_flush_lost(struct drp_element *e)
{
	/* A turn tells them of what it had brought: see drp_turn_lose(). */
	if (!READ_ONCE(e->inbound) && READ_ONCE(e->access) == DRP_ACCESS_WRITE)
		WRITE_ONCE(e->flush_lost, true);
}

static inline u64 drp_extent_of(const struct drp_pool *pool, sector_t sector)
{
	return sector >> pool->extent_shift;
}

#endif /* DRP_ELEMENT_H */
