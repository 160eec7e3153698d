// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults of legs. A write whose copy failed is acknowledged only when the
 * journal says that its sync is Broken (contract rules 1 and 3); where the
 * journal cannot say it, the write fails. Notes that a side of a split sync
 * changes are made durable the same way, before the first such write.
 */
#include "copy.h"
#include "cow.h"
#include "io.h"
#include "job.h"
#include "leg.h"
#include "op.h"
#include "snapshot.h"
#include "turn.h"

#define RECOVER_DELAY_MIN	2	/* s */
#define RECOVER_DELAY_MAX	60

/* Or may it have been the FLUSH behind a write that failed? */
static bool was_flush(const struct bio *bio, const struct drp_io_ctx *io, struct block_device *bdev)
{
	return io->range.start == io->range.end ||
	       ((bio->bi_opf & REQ_FUA) && drp_fua_flushes(bdev));
}

static void concern(struct drp_io_ctx *io, struct drp_sync *s, int fault, blk_status_t status,
		    bool flush)
{
	struct drp_copier *copier = READ_ONCE(s->copier);

	/* Spoil first: a copy that clears the mark behind us will find that it must set it again. */
	if (copier && flush)
		drp_copy_spoil(copier, 0, U64_MAX);	/* nothing copied is safe */
	else if (copier)
		drp_copy_spoil(copier, io->range.start, io->range.end);
	drp_sync_mark(s, io->range.start, io->range.end);
	WRITE_ONCE(s->fault_status, status);
	set_bit(fault, &s->faults);
	io->faulted = true;
	if (READ_ONCE(s->rec.failed_copy_stops_host_io))
		io->stop = true;
}

/* The legs of every sync that ends or starts at the failed one may differ now. */
void drp_fault_leg(struct bio *bio, int hop, blk_status_t status)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	const struct drp_plan *plan = io->e->plan;
	bool flush = was_flush(bio, io, hop < 0 ? io->e->bdev : plan->hop[hop].target->bdev);
	u32 mask = io->mirrored;

	if (hop >= 0) {
		concern(io, plan->hop[hop].sync, DRP_FAULT_TARGET, status, flush);
	} else if (flush) {
		drp_fault_leg_flush(io->e, blk_status_to_errno(status));
		if (io->range.start == io->range.end)
			WRITE_ONCE(io->e->flush_lost, false);	/* this is how they learn */
	}
	for (; mask; mask &= mask - 1) {
		unsigned int i = __ffs(mask);

		if (plan->hop[i].parent == hop)
			concern(io, plan->hop[i].sync, DRP_FAULT_SOURCE, status, flush);
	}
}

void drp_fault_park(struct bio *bio)
{
	struct drp_pool *pool = drp_io_of(bio)->e->pool;
	unsigned long flags;

	spin_lock_irqsave(&pool->fault_lock, flags);
	bio_list_add(&pool->fault_list, bio);
	spin_unlock_irqrestore(&pool->fault_lock, flags);
	queue_work(pool->op_wq, &pool->fault_work);
}

void drp_note_park(struct drp_pool *pool, struct bio *bio)
{
	unsigned long flags;

	spin_lock_irqsave(&pool->note_lock, flags);
	bio_list_add(&pool->note_list, bio);
	spin_unlock_irqrestore(&pool->note_lock, flags);
	queue_work(pool->op_wq, &pool->note_work);
}

void drp_fault_recover(struct drp_sync *s)
{
	s->recover_delay = clamp(s->recover_delay * 2, RECOVER_DELAY_MIN, RECOVER_DELAY_MAX);
	mod_delayed_work(s->pool->copy_wq, &s->recover_work, s->recover_delay * HZ);
}

int drp_fault_break(struct drp_sync *s, const char *why)
{
	struct drp_sync_rec rec = s->rec;
	int r;

	if (rec.copy_state == DRP_CS_BROKEN)
		return 0;
	if (rec.partial)
		return drp_op_clone_break(s, why);
	/* A copy that goes on could clear what is marked from now on. */
	if (s->copier)
		drp_copy_stop(s->copier);
	/*
	 * Nobody writes into its cache any more when its losses are marked;
	 * what is only marked meanwhile waits until the journal says Broken.
	 */
	WRITE_ONCE(s->source_noted, false);
	drp_extents_to_d(s, drp_sync_set_flow(s, DRP_FLOW_TRACK));
	WRITE_ONCE(s->unflushed, false);
	rec.copy_state = DRP_CS_BROKEN;
	/* Of a turn it says where that leads. */
	if (!rec.reverse)
		rec.requested_copy_state = DRP_CS_NOT_APPLICABLE;
	rec.progress_status = DRP_PS_NOT_APPLICABLE;
	rec.in_sync = false;
	rec.source_changed = rec.source_changed || !rec.reverse;
	drp_sync_source_changed_now(s);
	strscpy(rec.error_text, why, sizeof(rec.error_text));
	r = drp_sync_commit(s, &rec, NULL, 0, false);
	if (r) {
		/* The copy was stopped all the same. */
		drp_job_unrecorded(s->pool, rec.job_id);
		return r;
	}
	pr_warn("dm-replica: sync %s is Broken: %s\n", rec.name, why);
	drp_sync_refresh(s);
	if (rec.job_id)
		drp_job_end(s->pool, rec.job_id, DRP_JOB_EXCEPTION, DRP_RV_FAILED, why);
	drp_fault_recover(s);
	return 0;
}

void drp_fault_flush(struct drp_sync *s, int fault, int error)
{
	struct drp_copier *copier = READ_ONCE(s->copier);

	if (copier)
		drp_copy_spoil(copier, 0, U64_MAX);
	WRITE_ONCE(s->fault_status, errno_to_blk_status(error));
	set_bit(fault, &s->faults);
	queue_work(s->pool->op_wq, &s->pool->fault_work);
}

void drp_fault_leg_slow(struct drp_element *e, int error)
{
	const struct drp_plan *plan = e->plan;
	unsigned int i;

	if (plan->up && drp_sync_in_cache(plan->up))
		drp_fault_flush(plan->up, DRP_FAULT_TARGET, error);
	for (i = 0; i < plan->nr_hops; i++)
		if (plan->hop[i].parent < 0 && drp_sync_in_cache(plan->hop[i].sync))
			drp_fault_flush(plan->hop[i].sync, DRP_FAULT_SOURCE, error);
}

void drp_fault_leg_flush(struct drp_element *e, int error)
{
	const struct drp_plan *plan = e->plan;
	struct drp_turn *turn = READ_ONCE(e->inbound);
	struct drp_copier *copier = turn ? READ_ONCE(turn->s->copier) : NULL;
	unsigned int i;

	if (copier)
		drp_copy_spoil(copier, 0, U64_MAX);
	if (turn)
		drp_turn_lose(turn);
	drp_element_flush_lost(e);
	if (plan->up && !drp_sync_is_snapshot(plan->up))
		drp_fault_flush(plan->up, DRP_FAULT_TARGET, error);
	for (i = 0; i < plan->nr_hops; i++)
		if (plan->hop[i].parent < 0 && !drp_sync_is_snapshot(plan->hop[i].sync))
			drp_fault_flush(plan->hop[i].sync, DRP_FAULT_SOURCE, error);
}

void drp_fault_late_flush(struct drp_element *e)
{
	atomic_inc(&e->late_lost);
	drp_element_flush_lost(e);
	queue_work(e->pool->op_wq, &e->pool->fault_work);
}

static void tell_late_flushes(struct drp_pool *pool)
{
	struct drp_element *e;
	unsigned long id;
	int lost;

	xa_for_each(&pool->elements, id, e) {
		lost = atomic_read(&e->late_lost);
		if (!lost)
			continue;
		drp_fault_leg_flush(e, -EIO);
		smp_mb__before_atomic();	/* who finds none finds the faults */
		atomic_sub(lost, &e->late_lost);
	}
}

/* Nobody knows what reached those that follow the target. */
void drp_fault_copy(struct drp_sync *s, u32 mirrored, const struct drp_range *range)
{
	for (; mirrored; mirrored &= mirrored - 1) {
		struct drp_sync *hop = s->target->plan->hop[__ffs(mirrored)].sync;
		struct drp_copier *copier = READ_ONCE(hop->copier);

		if (copier)
			drp_copy_spoil(copier, range->start, range->end);
		drp_sync_mark(hop, range->start, range->end);
		drp_fault_flush(hop, DRP_FAULT_TARGET, -EIO);
	}
}

static void break_faulted(struct drp_pool *pool)
{
	struct drp_sync *s;
	unsigned long id;

	xa_for_each(&pool->syncs, id, s) {
		bool target = test_bit(DRP_FAULT_TARGET, &s->faults);
		bool source = test_bit(DRP_FAULT_SOURCE, &s->faults);
		char why[64];

		if (!target && !source)
			continue;
		snprintf(why, sizeof(why), "%s write error %d", target ? "target" : "source",
			 blk_status_to_errno(READ_ONCE(s->fault_status)));
		/* One that mirrors no more has marks for what it wrote since, not for what is lost. */
		if (s->flow == DRP_FLOW_MIRROR)
			drp_fault_break(s, why);
		else
			drp_extents_to_d(s, true);
		/* Not before all is marked: while they are set no checkpoint retires its extents. */
		if (target)
			clear_bit(DRP_FAULT_TARGET, &s->faults);
		if (source)
			clear_bit(DRP_FAULT_SOURCE, &s->faults);
	}
}

void drp_fault_work(struct work_struct *work)
{
	struct drp_pool *pool = container_of(work, struct drp_pool, fault_work);
	struct bio_list done;
	struct bio *bio;
	unsigned int flags;

	/* The bios first: all their faults are set by now. */
	spin_lock_irq(&pool->fault_lock);
	done = pool->fault_list;
	bio_list_init(&pool->fault_list);
	spin_unlock_irq(&pool->fault_lock);

	flags = drp_op_begin(pool);
	tell_late_flushes(pool);
	break_faulted(pool);
	drp_op_end(pool, flags);

	while ((bio = bio_list_pop(&done))) {
		struct drp_io_ctx *io = drp_io_of(bio);

		bio->bi_status = io->status;
		if (!bio->bi_status && (io->stop || !drp_pool_writable(pool)))
			bio->bi_status = BLK_STS_IOERR;
		bio_endio(bio);
	}
}

static void note_one(struct drp_sync *s)
{
	bool source = test_and_clear_bit(DRP_NOTE_SOURCE, &s->faults);
	bool target = test_and_clear_bit(DRP_NOTE_TARGET, &s->faults);
	bool give_up = test_and_clear_bit(DRP_NOTE_GIVE_UP, &s->faults);
	struct drp_sync_rec rec;

	if (give_up)
		drp_op_clone_give_up(s, "the source was written, and the target could not be copied to");
	rec = s->rec;
	/* It mirrors again: what waited needs no note. */
	if (READ_ONCE(s->flow) == DRP_FLOW_MIRROR || (!source && !target))
		return;
	rec.source_changed |= source;
	rec.target_changed |= target;
	if (source)
		drp_sync_source_changed_now(s);
	if (target)
		drp_sync_target_changed_now(s);
	rec.in_sync = false;
	/* What is written is not its point in time any more. */
	if (target && (drp_sync_is_snapshot(s) || rec.sync_type == DRP_SYNC_CLONE) &&
	    rec.copy_state == DRP_CS_SYNCHRONIZED)
		rec.copy_state = DRP_CS_SKEWED;
	if (!drp_sync_commit(s, &rec, NULL, 0, false))
		drp_sync_refresh(s);
}

void drp_note_work(struct work_struct *work)
{
	struct drp_pool *pool = container_of(work, struct drp_pool, note_work);
	struct bio_list bios;
	struct drp_sync *s;
	unsigned int flags;
	unsigned long id;

	spin_lock_irq(&pool->note_lock);
	bios = pool->note_list;
	bio_list_init(&pool->note_list);
	spin_unlock_irq(&pool->note_lock);

	flags = drp_op_begin(pool);
	xa_for_each(&pool->syncs, id, s)
		note_one(s);
	drp_snapshot_tell_changes(pool);
	drp_op_end(pool, flags);
	drp_pool_rerun_bios(pool, &bios);
}

/* ---- recovery ---- */

/* Can the leg be read and flushed? Inside its gate, so that its device stays. */
static int probe_leg(struct drp_element *e)
{
	struct page *page;
	struct bio *bio;
	int r;

	if (!drp_gate_enter(&e->gate))
		return -ENODEV;
	page = alloc_page(GFP_NOIO);
	if (page) {
		bio = bio_alloc(e->bdev, 1, REQ_OP_READ, GFP_NOIO);
		__bio_add_page(bio, page, bdev_logical_block_size(e->bdev), 0);
		r = submit_bio_wait(bio);
		bio_put(bio);
		__free_page(page);
		r = r ?: drp_leg_flush(e, DRP_FLUSH_TIMEOUT);
	} else {
		r = -ENOMEM;
	}
	drp_gate_leave(&e->gate);
	return r;
}

/* The same of COW space, and has it room? */
static int probe_cow(struct drp_pool *pool)
{
	int r = drp_cow_prove(pool->cow) ?: drp_cow_flush(pool->cow, DRP_FLUSH_TIMEOUT);

	return r || drp_copy_nested_has_room(pool) ? r : -ENOSPC;
}

/* Manual: the administrator resumes; Automatic: go on by itself. op_lock held. */
static void path_is_back(struct drp_sync *s)
{
	struct drp_sync_rec rec = s->rec;

	if (rec.recovery_mode != DRP_RECOVERY_MANUAL) {
		if (rec.reverse)
			drp_op_copy_later(s, drp_op_turn_continue(s, 0, 0));
		else if (rec.partial)
			drp_op_copy_later(s, drp_op_clone_continue(s, 0));
		else
			drp_op_restart_copy(s);
		return;
	}
	rec.copy_state = DRP_CS_SUSPENDED;
	rec.progress_status = DRP_PS_REQUIRES_RESUME;
	rec.partitioned = false;
	rec.error_text[0] = '\0';
	if (!drp_sync_commit(s, &rec, NULL, 0, false))
		drp_sync_refresh(s);
}

static bool wants_recovery(const struct drp_sync *s)
{
	/* Only a restore goes on: a point in time that was lost never comes back. */
	if (drp_sync_is_snapshot(s) && !s->rec.reverse)
		return false;
	return !s->removed && !s->pool->stopping && drp_pool_writable(s->pool) &&
	       (s->rec.copy_state == DRP_CS_BROKEN || s->rec.partitioned) &&
	       (!s->rec.reverse || s->rec.error_text[0]) &&	/* else it was aborted */
	       /* A new point in time is for people to take. */
	       (s->rec.sync_type != DRP_SYNC_CLONE || s->rec.reverse || s->rec.partial) &&
	       drp_sync_has_legs(s);	/* else attaching starts us again */
}

void drp_recover_work(struct work_struct *work)
{
	struct drp_sync *s = container_of(to_delayed_work(work), struct drp_sync, recover_work);
	unsigned int flags = drp_op_begin(s->pool);
	bool wanted = wants_recovery(s);
	struct drp_element *root = drp_snapshot_is_nested(s) ? drp_snapshot_root(s->source) : NULL;
	int r;

	drp_op_end(s->pool, flags);
	if (!wanted)
		return;
	/* A leg that hangs must not keep other operations waiting. */
	r = root ? probe_cow(s->pool) : 0;
	/* A root stays while something comes from it. */
	r = r ?: probe_leg(root ?: s->source);
	if (!r && !drp_sync_is_snapshot(s))
		r = probe_leg(s->target);

	flags = drp_op_begin(s->pool);
	if (wants_recovery(s)) {
		if (r)
			drp_fault_recover(s);
		else
			path_is_back(s);
	}
	drp_op_end(s->pool, flags);
}
