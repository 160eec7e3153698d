// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preserving: the old content of a run of chunks is read from the element's
 * device, then written to COW space while the journal takes the record of it;
 * who waited runs again when both are durable. Contract rule 2.
 *
 * No region lock is needed: nobody writes a chunk whose bit is not set, and who
 * wrote before the snapshot was drained when it was taken. The element's gate is
 * held over the read only, and that of a mirror's target over a read of that, where
 * the element's own device fails; nothing over the rest.
 *
 * What cannot be preserved (no slot, the old data cannot be read, COW space
 * takes no writes) waits for the decision of op_snapshot.h: the snapshots that
 * need it become Broken, or the writes fail.
 */
#include <linux/slab.h>

#include "op_snapshot.h"
#include "preserve_internal.h"
#include "reclaim.h"
#include "turn.h"

#define TRIES_MAX	3	/* writes of the same data */

static u64 op_sector(const struct drp_cow_op *op)
{
	return op->first << op->p->chunk_shift;
}

static u32 op_bytes(const struct drp_cow_op *op)
{
	return op->put.n << (op->p->chunk_shift + SECTOR_SHIFT);
}

/* ---- the end of an operation ---- */

void drp_preserved_release(struct drp_preserved *p)
{
	unsigned long flags;

	spin_lock_irqsave(&p->lock, flags);
	/* Under the lock: who finds nothing held frees it. */
	if (!--p->nr_held)
		wake_up(&p->idle);
	spin_unlock_irqrestore(&p->lock, flags);
}

enum outcome {
	AGAIN,		/* who waits looks again */
	CLOSED,		/* the element's gate is */
	FAILED,
};

static void park_at_gate(struct drp_element *e, struct bio_list *bios)
{
	struct bio *bio;

	while ((bio = bio_list_pop(bios))) {
		/* One of another element waits there as its own life wants it. */
		if (drp_io_of(bio)->e != e || !drp_gate_park(&e->gate, bio))
			drp_pool_rerun_bio(e->pool, bio);
		else
			drp_element_want_leg(e);
	}
}

static void wake_sleepers(struct list_head *sleepers, int error)
{
	struct drp_preserve_sleeper *s, *next;

	list_for_each_entry_safe(s, next, sleepers, node) {
		list_del(&s->node);
		s->error = error;
		complete(&s->done);
	}
}

static void fail_bios(struct bio_list *bios, int error)
{
	struct bio *bio;

	while ((bio = bio_list_pop(bios))) {
		bio->bi_status = errno_to_blk_status(error);
		bio_endio(bio);
	}
}

/* Any context. */
static void end_op(struct drp_cow_op *op, enum outcome outcome, int error)
{
	struct drp_preserved *p = op->p;
	struct drp_pool *pool = op->pr->pool;
	struct drp_element *e = p->e;
	struct bio_list bios;
	unsigned long flags;
	LIST_HEAD(sleepers);

	spin_lock_irqsave(&p->lock, flags);
	list_del(&op->node);
	bios = op->waiters;
	list_splice(&op->sleepers, &sleepers);
	spin_unlock_irqrestore(&p->lock, flags);

	if (unlikely(op->ahead && outcome == FAILED)) {
		outcome = AGAIN;
		error = 0;
		drp_ahead_failed(p);
	}
	drp_cow_op_free(op);
	if (outcome == CLOSED)
		park_at_gate(e, &bios);
	else if (outcome == FAILED)
		fail_bios(&bios, error);
	else
		drp_pool_rerun_bios(pool, &bios);
	wake_sleepers(&sleepers, outcome == CLOSED ? -EAGAIN : error);

	drp_preserved_release(p);
}

/* Only a decision helps now. Process context, or the end of a commit. */
static void give_up(struct drp_cow_op *op)
{
	struct drp_preserved *p = op->p;
	struct drp_element *e = p->e;
	unsigned long flags;
	LIST_HEAD(sleepers);
	bool going;

	if (op->ahead) {
		end_op(op, FAILED, -EIO);
		return;
	}
	drp_cow_op_drop(op);
	spin_lock_irqsave(&p->lock, flags);
	op->stuck = true;
	going = p->going;
	list_splice_init(&op->sleepers, &sleepers);
	/* Who decides might end it, and with it the element, as soon as it is stuck. */
	p->nr_held++;
	spin_unlock_irqrestore(&p->lock, flags);

	wake_sleepers(&sleepers, -ENOSPC);
	if (going)
		drp_preserve_decided(e, -EIO);
	else
		drp_snapshot_exhausted(e);
	drp_preserved_release(p);
}

void drp_preserve_decided(struct drp_element *e, int error)
{
	struct drp_preserved *p = READ_ONCE(e->preserved);
	struct drp_cow_op *op, *next;
	unsigned long flags;
	LIST_HEAD(stuck);

	if (!p)
		return;
	spin_lock_irqsave(&p->lock, flags);
	list_for_each_entry_safe(op, next, &p->ops, node)
		if (op->stuck)
			list_move_tail(&op->node, &stuck);
	spin_unlock_irqrestore(&p->lock, flags);
	list_for_each_entry_safe(op, next, &stuck, node)
		end_op(op, error ? FAILED : AGAIN, error);
}

/* ---- data and record ---- */

static void slow_work(struct work_struct *work);

/* The put has ended: committer's context, or the end of a write. */
static void put_ended(struct drp_cow_put *put, int error)
{
	struct drp_cow_op *op = container_of(put, struct drp_cow_op, put);

	op->prepared = false;
	bio_uninit(&op->bio);
	if (!error || put->lost)
		op->has_slots = false;	/* the entries' now, or nobody's */
	if (!error) {
		drp_preserved_set(op->p, op->first, op->put.n, op->label);
		/* Its snapshot went meanwhile, and a pass may have been there before them. */
		if (READ_ONCE(op->bits->newest) < op->label)
			drp_reclaim_kick(op->pr->pool);
		end_op(op, AGAIN, 0);
	} else if (!op->error) {
		end_op(op, FAILED, -EIO);
	} else {
		/* Its places are marked, although it does not try others. */
		if (op->ahead)
			op->tries = TRIES_MAX;
		pr_warn_ratelimited("dm-replica: element %s: COW space does not take what is to be preserved (error %d), %s\n",
				    op->p->e->rec.name, op->error,
				    op->tries < TRIES_MAX ? "trying another place" : "giving up");
		drp_cow_op_spoil(op);
		INIT_WORK(&op->work, slow_work);
		queue_work(op->pr->slow_wq, &op->work);
	}
}

static void write_ended(struct drp_cow_op *op, blk_status_t status)
{
	if (unlikely(status))
		WRITE_ONCE(op->error, blk_status_to_errno(status));
	drp_cow_fua_ended(op->put.cow, status);
	if (!atomic_dec_and_test(&op->writes))
		return;
	if (unlikely(op->error))
		drp_cow_put_abandon(&op->put, op->error);
	else
		drp_cow_put_confirm(&op->put);
}

static void whole_written(struct bio *bio)
{
	write_ended(container_of(bio, struct drp_cow_op, bio), bio->bi_status);
}

static void part_written(struct bio *bio)
{
	struct drp_cow_op *op = bio->bi_private;
	blk_status_t status = bio->bi_status;

	bio_put(bio);
	write_ended(op, status);
}

/* Chunks from @i on whose slots follow each other. */
static u32 adjacent(const struct drp_cow_op *op, u32 i)
{
	const struct drp_cow_entry *entry = op->put.entries;
	u32 n = 1;

	while (i + n < op->put.n && entry[i + n].slot == entry[i].slot + n)
		n++;
	return n;
}

static void write_data(struct drp_cow_op *op)
{
	struct drp_cow *cow = op->put.cow;
	const blk_opf_t opf = REQ_OP_WRITE | REQ_FUA | REQ_SYNC;
	u32 i, n = adjacent(op, 0);
	struct bio *bio;

	atomic_set(&op->writes, 1);
	drp_cow_op_aim(op, cow->bdev, opf, drp_cow_sector(cow, op->put.entries[0].slot),
		       op_bytes(op), whole_written);
	if (n == op->put.n) {
		submit_bio_noacct(&op->bio);
		return;
	}
	/* One from the mempool after the other: each comes back by itself. */
	for (i = 0; i < op->put.n; i += n) {
		n = adjacent(op, i);
		bio = bio_alloc_clone(cow->bdev, &op->bio, GFP_NOIO, &op->pr->bios);
		bio_trim(bio, (sector_t)i << cow->chunk_shift, (sector_t)n << cow->chunk_shift);
		bio->bi_iter.bi_sector = drp_cow_sector(cow, op->put.entries[i].slot);
		bio->bi_private = op;
		bio->bi_end_io = part_written;
		atomic_inc(&op->writes);
		submit_bio_noacct(bio);
	}
	write_ended(op, BLK_STS_OK);
}

static u32 crc_of(const struct drp_cow_op *op, u32 from, u32 bytes)
{
	u32 crc = ~0U, n;

	for (; bytes; bytes -= n, from += n) {
		const u32 within = from & (PAGE_SIZE - 1);

		n = min_t(u32, bytes, PAGE_SIZE - within);
		crc = crc32c(crc, page_address(op->vec[from / PAGE_SIZE].bv_page) + within, n);
	}
	return crc;
}

static void fill_in_entries(struct drp_cow_op *op)
{
	const u32 chunk_bytes = 1U << (op->p->chunk_shift + SECTOR_SHIFT);
	u32 i;

	for (i = 0; i < op->put.n; i++) {
		struct drp_cow_entry *entry = &op->put.entries[i];

		entry->key.element = op->p->e->rec.id;
		entry->key.chunk = op->first + i;
		entry->key.generation = op->label;
		entry->kind = DRP_COW_PRESERVED;
		entry->crc = crc_of(op, i * chunk_bytes, chunk_bytes);
	}
	op->put.parallel = true;
	op->put.ended = put_ended;
}

/* In a worker, with data, memory and slots; @lead: it may wait for a commit. */
static void write_op(struct drp_cow_op *op, bool lead)
{
	if (READ_ONCE(op->bits->newest) != op->label) {
		end_op(op, AGAIN, 0);	/* perhaps nobody needs it any more */
		return;
	}
	op->error = 0;
	op->tries++;
	fill_in_entries(op);
	drp_cow_put_begin(&op->put);
	/* Alone it needs no other thread; with others it may share a commit, which a worker makes of all. */
	if (lead && READ_ONCE(op->p->nr_held) == 1) {
		write_data(op);
		drp_cow_put_commit(&op->put, true);
	} else {
		drp_cow_put_commit(&op->put, false);
		write_data(op);
	}
}

static void write_work(struct work_struct *work)
{
	struct drp_cow_op *op = container_of(work, struct drp_cow_op, work);

	if (unlikely(op->error && op->ahead)) {
		give_up(op);
		return;
	}
	if (unlikely(op->error)) {
		pr_warn_ratelimited("dm-replica: element %s: what is at sector %llu cannot be read (error %d) and so not be preserved\n",
				    op->p->e->rec.name, op_sector(op), op->error);
		give_up(op);
		return;
	}
	op->has_data = true;
	write_op(op, true);
}

/* ---- the old data ---- */

/* Sectors of it that the element has, in bytes. */
static u32 bytes_there(const struct drp_cow_op *op)
{
	return min_t(u64, op_bytes(op), (op->p->e->rec.size_sectors - op_sector(op)) << SECTOR_SHIFT);
}

static void data_read(struct bio *bio);

/* Inside the gate: its own device failed. A mirror has the same, for nobody writes these chunks. */
static void read_other_leg(struct work_struct *work)
{
	struct drp_cow_op *op = container_of(work, struct drp_cow_op, work);
	struct drp_element *e = op->p->e;
	int r = drp_other_leg_next(e, &op->leg);

	if (!r) {
		drp_cow_op_aim(op, op->leg.hop->target->bdev, REQ_OP_READ | REQ_SYNC, op_sector(op),
			       bytes_there(op), data_read);
		submit_bio_noacct(&op->bio);
		return;
	}
	/* Who waits for it, would wait for that leg to write there, too. */
	if (r == -EAGAIN)
		drp_element_want_leg(op->leg.closed);
	drp_gate_leave(&e->gate);
	if (r == -EAGAIN)
		end_op(op, CLOSED, 0);
	else
		write_work(work);
}

static void data_read(struct bio *bio)
{
	struct drp_cow_op *op = container_of(bio, struct drp_cow_op, bio);
	struct drp_element *e = op->p->e;

	op->error = blk_status_to_errno(bio->bi_status);
	bio_uninit(bio);
	if (unlikely(op->leg.hop))
		op->error = drp_other_leg_done(e, &op->leg, op_sector(op), op->error);
	if (unlikely(op->error)) {
		INIT_WORK(&op->work, read_other_leg);
	} else {
		drp_gate_leave(&e->gate);
		INIT_WORK(&op->work, write_work);
	}
	queue_work(op->pr->pool->io_wq, &op->work);
}

/* The last chunk may be shorter than its slot: the rest is zeroes. */
static void zero_behind(struct drp_cow_op *op, u32 from, u32 to)
{
	u32 n;

	for (; from < to; from += n) {
		const u32 within = from & (PAGE_SIZE - 1);

		n = min_t(u32, to - from, PAGE_SIZE - within);
		memset(page_address(op->vec[from / PAGE_SIZE].bv_page) + within, 0, n);
	}
}

/*
 * A snapshot of the middle of a turn needs what hosts see. Its writer had brought
 * that here, but a FLUSH that failed since may have taken it back. Inside the gate.
 */
static bool is_still_here(const struct drp_cow_op *op)
{
	const struct drp_element *e = op->p->e;
	const u64 start = op_sector(op), end = start + (op_bytes(op) >> SECTOR_SHIFT);

	if (likely(!e->cow_split) || op->bits != &op->p->now)
		return true;
	return drp_turn_where(e->inbound, start, min(end, e->rec.size_sectors)) == DRP_HERE;
}

static void read_data(struct drp_cow_op *op)
{
	struct drp_element *e = op->p->e;
	const u32 bytes = op_bytes(op);
	u32 there;

	if (!drp_gate_enter(&e->gate)) {
		end_op(op, CLOSED, 0);
		return;
	}
	if (unlikely((op->ahead && !drp_ahead_still(op)) || !is_still_here(op))) {
		drp_gate_leave(&e->gate);
		end_op(op, AGAIN, 0);
		return;
	}
	op->leg = (struct drp_other_leg){};
	there = bytes_there(op);
	if (there < bytes)
		zero_behind(op, there, bytes);
	drp_cow_op_aim(op, e->bdev, REQ_OP_READ | REQ_SYNC, op_sector(op), there, data_read);
	submit_bio_noacct(&op->bio);
}

static void go_on(struct drp_cow_op *op, int r)
{
	if (!r && op->has_data)
		write_op(op, false);
	else if (!r)
		read_data(op);
	else if (r == -ENOSPC || r == -ENODEV)
		give_up(op);
	else
		end_op(op, FAILED, r);
}

/* What the index must tell, or what has to be waited for. One at a time. */
static void slow_work(struct work_struct *work)
{
	struct drp_cow_op *op = container_of(work, struct drp_cow_op, work);

	if (op->tries >= TRIES_MAX)
		give_up(op);
	else if (READ_ONCE(op->bits->newest) != op->label)
		end_op(op, AGAIN, 0);
	else
		go_on(op, drp_cow_op_take(op, op_bytes(op), true));
}

static void fill_work(struct work_struct *work)
{
	struct drp_cow_op *op = container_of(work, struct drp_cow_op, work);
	int r = drp_preserved_fill(op->p, op->bits, op->first);

	if (!r) {
		end_op(op, AGAIN, 0);
	} else if (r == -ENOMEM) {
		/* Others who need the index would not get memory now, either. */
		schedule_timeout_uninterruptible(HZ / 10);
		end_op(op, AGAIN, 0);
	} else {
		pr_warn_ratelimited("dm-replica: element %s: what is preserved around sector %llu cannot be read (error %d)\n",
				    op->p->e->rec.name, op_sector(op), r);
		give_up(op);
	}
}

void drp_preserve_op_start(struct drp_cow_op *op)
{
	int r;

	if (unlikely(op->fill)) {
		INIT_WORK(&op->work, fill_work);
		queue_work(op->pr->slow_wq, &op->work);
		return;
	}
	r = drp_cow_op_take(op, op_bytes(op), false);
	if (r && op->ahead) {
		give_up(op);
	} else if (r == -EAGAIN) {
		INIT_WORK(&op->work, slow_work);
		queue_work(op->pr->slow_wq, &op->work);
	} else {
		go_on(op, r);
	}
}
