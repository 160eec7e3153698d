// SPDX-License-Identifier: GPL-2.0-only
/*
 * I/O of virtual elements. What a chunk is, the index says: the element's own
 * newest version, else what its parent's point in time shows, and so on up to an
 * element that has a device: see vio_base.c for that.
 *
 * Who is at work holds the element's gate and the range of sectors (a write: of
 * the whole chunk) in a space of region locks of the element's own. A write
 * holds them over the commit of its new version: that a cut drains it is what
 * makes its generation true. So nobody may drain the gate of a virtual element
 * while he holds what a commit waits for.
 */
#include <linux/slab.h>

#include "vio_internal.h"

#define DEPTH_MAX	32	/* of steps: up to three for each level of snapshots, which are refused long before */

static u64 chunk_of(const struct drp_io_ctx *io)
{
	return io->iter.bi_sector >> io->e->pool->cow->chunk_shift;
}

/* Where in its chunk the bio begins, in sectors. */
static u64 within_chunk(const struct drp_io_ctx *io)
{
	return io->iter.bi_sector & ((1ULL << io->e->pool->cow->chunk_shift) - 1);
}

/* ---- steps ---- */

static void step_work(struct work_struct *work)
{
	struct drp_vio *vio = container_of(work, struct drp_vio, work);

	vio->step(drp_vio_bio(vio));
}

void drp_vio_queue(struct bio *bio, void (*step)(struct bio *bio))
{
	struct drp_io_ctx *io = drp_io_of(bio);

	io->vio.step = step;
	INIT_WORK(&io->vio.work, step_work);
	queue_work(io->e->pool->preserver->vio_wq, &io->vio.work);
}

void drp_vio_leave(struct drp_io_ctx *io)
{
	drp_vio_leave_base(io);
	if (io->vio.op)
		drp_cow_op_free(io->vio.op);
	io->vio.op = NULL;
	drp_io_leave(io);
}

void drp_vio_finish(struct bio *bio, blk_status_t status)
{
	drp_vio_leave(drp_io_of(bio));
	bio->bi_status = status;
	bio_endio(bio);
}

/* To COW space, at its place in @slot. */
static void aim_at_slot(struct bio *bio, u64 slot)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_cow *cow = io->e->pool->cow;

	bio_set_dev(bio, cow->bdev);
	bio->bi_iter.bi_sector = drp_cow_sector(cow, slot) + within_chunk(io);
}

/* ---- what a chunk is ---- */

/* In versions of @e of generations < @below, or what a point in time of it of that generation shows. */
static int resolve(struct drp_element *e, u64 chunk, u64 below, struct drp_vio_place *place)
{
	struct drp_cow *cow = e->pool->cow;
	struct drp_cow_entry entry;
	struct drp_sync *nested;
	unsigned int depth;
	int r;

	for (depth = 0; e && depth < DEPTH_MAX; depth++) {
		/* Before the search: without it all is found that its restore has copied. */
		nested = smp_load_acquire(&e->nested);
		if (nested && below <= READ_ONCE(nested->rec.gen_start))
			nested = NULL;
		place->device = NULL;
		if (drp_element_virtual(e))
			r = drp_cow_find_private(cow, e->rec.id, chunk, below, &entry);
		else
			r = drp_cow_find_preserved(cow, e->rec.id, chunk, below, &entry);
		if (r < 0)
			return r;
		/* Of one that is restored only what came since counts, else what it is restored from. */
		if (unlikely(nested) &&
		    (!r || entry.key.generation <= READ_ONCE(nested->rec.gen_start))) {
			e = nested->target;
			below = U64_MAX;
			continue;
		}
		/* What was written to a virtual element before its point in time is not of it. */
		if (r && (!drp_element_virtual(e) ||
			  entry.key.generation >= READ_ONCE(e->rec.parent_generation))) {
			place->slot = entry.slot;
			return 0;
		}
		if (!drp_element_virtual(e)) {
			place->device = e;
			place->generation = below;
			return 0;
		}
		below = READ_ONCE(e->rec.parent_generation);
		if (!below)
			return -ENODATA;
		/* Stays while it has children. */
		e = drp_pool_element(e->pool, e->rec.parent_element);
	}
	return -ENODATA;
}

int drp_vio_resolve(struct drp_element *e, u64 chunk, struct drp_vio_place *place)
{
	return resolve(e, chunk, U64_MAX, place);
}

int drp_vio_resolve_beneath(struct drp_element *e, u64 chunk, struct drp_vio_place *place)
{
	struct drp_element *parent = drp_pool_element(e->pool, e->rec.parent_element);
	const u64 generation = READ_ONCE(e->rec.parent_generation);

	return parent && generation ? resolve(parent, chunk, generation, place) : -ENODATA;
}

/* ---- reads ---- */

static bool is_whole_blocks(const struct bio *bio, struct block_device *bdev)
{
	const u64 mask = (bdev_logical_block_size(bdev) >> SECTOR_SHIFT) - 1;

	return !((bio->bi_iter.bi_sector | bio_sectors(bio)) & mask);
}

/* The region lock is held: what is still there now stays until we have read it. */
static void read_base(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_vio_place place;

	if (drp_vio_resolve(io->e, chunk_of(io), &place)) {
		drp_vio_finish(bio, BLK_STS_IOERR);
		return;
	}
	if (place.device && !is_whole_blocks(bio, place.device->bdev)) {
		/* Its limits say so, unless the source came after this device. */
		DMERR_LIMIT("snapshot %s: reads of less than a block of the source's disk: activate it after its source",
			    io->e->rec.name);
		drp_vio_finish(bio, BLK_STS_IOERR);
		return;
	}
	if (place.device) {
		bio_set_dev(bio, place.device->bdev);
	} else {
		drp_vio_leave_base(io);
		aim_at_slot(bio, place.slot);
	}
	submit_bio_noacct(bio);
}

static void read(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_vio_place place;

	if (drp_vio_resolve(io->e, chunk_of(io), &place)) {
		drp_vio_finish(bio, BLK_STS_IOERR);
	} else if (place.device) {
		drp_vio_enter_base(bio, &place, read_base);
	} else {
		aim_at_slot(bio, place.slot);
		submit_bio_noacct(bio);
	}
}

/* ---- writes ---- */

static void run(struct bio *bio);

/* Sectors of the chunk that the element has. */
static u64 chunk_sectors(const struct drp_io_ctx *io)
{
	return io->range.end - io->range.start;
}

static bool covers_chunk(const struct drp_io_ctx *io)
{
	return io->iter.bi_size >> SECTOR_SHIFT == chunk_sectors(io);
}

static u32 pages_needed(const struct drp_io_ctx *io)
{
	return covers_chunk(io) ? 0 : chunk_sectors(io) << SECTOR_SHIFT;
}

/* The new version is known, or not: committer's context. */
static void version_ended(struct drp_cow_put *put, int error)
{
	struct drp_cow_op *op = container_of(put, struct drp_cow_op, put);

	op->prepared = false;
	if (!error || put->lost)
		op->has_slots = false;	/* the entry's now, or nobody's */
	drp_vio_finish(op->host, errno_to_blk_status(error));
}

/* Its data is durable. Any context. */
static void commit_version(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_cow_op *op = io->vio.op;
	struct drp_cow_entry *entry = op->put.entries;

	entry->key.element = io->e->rec.id;
	entry->key.chunk = chunk_of(io);
	entry->key.generation = io->e->rec.generation;
	entry->kind = DRP_COW_PRIVATE;
	entry->crc = 0;
	op->host = bio;
	op->put.parallel = false;
	op->put.ended = version_ended;
	drp_cow_put_submit(&op->put);
}

static void merged_written(struct bio *write)
{
	struct drp_cow_op *op = container_of(write, struct drp_cow_op, bio);
	blk_status_t status = write->bi_status;

	bio_uninit(write);
	drp_cow_fua_ended(op->put.cow, status);
	if (status) {
		drp_cow_op_spoil(op);
		drp_vio_finish(op->host, status);
	} else {
		commit_version(op->host);
	}
}

/* What the host writes, over what was there. */
static void merge(struct bio *bio, struct drp_cow_op *op)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	u32 at = within_chunk(io) << SECTOR_SHIFT;
	struct bvec_iter iter = io->iter;
	struct bio_vec bv;

	__bio_for_each_segment(bv, bio, iter, io->iter) {
		void *from = bvec_kmap_local(&bv);
		u32 done, n;

		for (done = 0; done < bv.bv_len; done += n, at += n) {
			const u32 within = at & (PAGE_SIZE - 1);

			n = min_t(u32, bv.bv_len - done, PAGE_SIZE - within);
			memcpy(page_address(op->vec[at / PAGE_SIZE].bv_page) + within, from + done, n);
		}
		kunmap_local(from);
	}
}

static void old_read(struct bio *read);

/* Could another leg give the old content? Then it is being read from there. */
static bool read_old_again(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_cow_op *op = io->vio.op;

	op->error = drp_vio_base_error(io, op->error);
	if (likely(!op->error) || !drp_vio_other_leg(io))
		return false;
	drp_cow_op_aim(op, io->vio.leg.hop->target->bdev, REQ_OP_READ, io->range.start,
		       chunk_sectors(io) << SECTOR_SHIFT, old_read);
	submit_bio_noacct(&op->bio);
	return true;
}

static void write_merged(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_cow *cow = io->e->pool->cow;
	struct drp_cow_op *op = io->vio.op;

	if (unlikely(read_old_again(bio)))
		return;
	drp_vio_leave_base(io);
	if (op->error) {
		drp_vio_finish(bio, errno_to_blk_status(op->error));
		return;
	}
	merge(bio, op);
	drp_cow_op_aim(op, cow->bdev, REQ_OP_WRITE | REQ_FUA | REQ_SYNC,
		       drp_cow_sector(cow, op->put.entries[0].slot),
		       chunk_sectors(io) << SECTOR_SHIFT, merged_written);
	submit_bio_noacct(&op->bio);
}

static void old_read(struct bio *read)
{
	struct drp_cow_op *op = container_of(read, struct drp_cow_op, bio);

	op->error = blk_status_to_errno(read->bi_status);
	bio_uninit(read);
	drp_vio_queue(op->host, write_merged);
}

static void read_old(struct bio *bio, const struct drp_vio_place *place)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_cow *cow = io->e->pool->cow;
	struct drp_cow_op *op = io->vio.op;

	op->host = bio;
	if (place->device) {
		drp_cow_op_aim(op, place->device->bdev, REQ_OP_READ, io->range.start,
			       chunk_sectors(io) << SECTOR_SHIFT, old_read);
	} else {
		drp_vio_leave_base(io);
		drp_cow_op_aim(op, cow->bdev, REQ_OP_READ, drp_cow_sector(cow, place->slot),
			       chunk_sectors(io) << SECTOR_SHIFT, old_read);
	}
	submit_bio_noacct(&op->bio);
}

static void read_old_base(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_vio_place place;

	if (drp_vio_resolve(io->e, chunk_of(io), &place))
		drp_vio_finish(bio, BLK_STS_IOERR);
	else
		read_old(bio, &place);
}

static void write_version(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_vio_place place;

	if (covers_chunk(io)) {
		bio->bi_opf |= REQ_FUA;
		io->vio.version = true;
		aim_at_slot(bio, io->vio.op->put.entries[0].slot);
		submit_bio_noacct(bio);
	} else if (drp_vio_resolve(io->e, chunk_of(io), &place)) {
		drp_vio_finish(bio, BLK_STS_IOERR);
	} else if (place.device) {
		drp_vio_enter_base(bio, &place, read_old_base);
	} else {
		read_old(bio, &place);
	}
}

/* In slow_wq, with nothing held: then it begins anew. */
static void take_work(struct work_struct *work)
{
	struct drp_vio *vio = container_of(work, struct drp_vio, work);
	struct drp_cow_op *op = vio->op;
	struct bio *bio = drp_vio_bio(vio);
	int r = drp_cow_op_take(op, pages_needed(drp_io_of(bio)), true);

	if (r)
		drp_vio_finish(bio, errno_to_blk_status(r));
	else
		drp_vio_queue(bio, run);
}

/* Memory and a slot: false: it comes back when it has them. */
static bool take(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_preserver *pr = io->e->pool->preserver;
	struct drp_vio *vio = &io->vio;
	struct drp_cow_op *op;
	int r;

	if (!vio->op) {
		vio->op = drp_cow_op_get(pr);
		if (!vio->op) {
			drp_vio_leave(io);
			drp_cow_op_starve(pr, bio);
			return false;
		}
		vio->op->put.n = 1;
	}
	op = vio->op;
	r = drp_cow_op_take(op, pages_needed(io), false);
	if (!r)
		return true;
	if (r != -EAGAIN) {
		drp_vio_finish(bio, errno_to_blk_status(r));
		return false;
	}
	vio->op = NULL;
	drp_vio_leave(io);
	vio->op = op;
	INIT_WORK(&vio->work, take_work);
	queue_work(pr->slow_wq, &vio->work);
	return false;
}

static void write(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_cow_entry entry;
	int r = drp_cow_find_private(io->e->pool->cow, io->e->rec.id, chunk_of(io), U64_MAX, &entry);

	if (r < 0) {
		drp_vio_finish(bio, BLK_STS_IOERR);
	} else if (r && entry.key.generation == io->e->rec.generation) {
		/* No snapshot has it: in place. */
		aim_at_slot(bio, entry.slot);
		submit_bio_noacct(bio);
	} else if (take(bio)) {
		write_version(bio);
	}
}

/* ---- discards ---- */

/* Else there is nothing to give back, and a discard does not count as a change. */
static bool was_written(const struct drp_element *e)
{
	return !e->snap || READ_ONCE(e->snap->rec.target_changed);
}

/* The whole chunks of what is to be discarded, as it lies in the element; false: there are none. */
static bool whole_chunks(const struct drp_io_ctx *io, u64 *start, u64 *end)
{
	const u64 chunk = 1ULL << io->e->pool->cow->chunk_shift;

	*start = round_up(io->iter.bi_sector, chunk);
	*end = io->iter.bi_sector + (io->iter.bi_size >> SECTOR_SHIFT);
	/* The last one may be shorter. */
	if (*end != io->e->rec.size_sectors)
		*end = round_down(*end, chunk);
	return *start < *end;
}

static void discard(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	drp_vio_finish(bio, errno_to_blk_status(drp_vio_discard(io->e, io->range.start, io->range.end)));
}

/* ---- from the start ---- */

static void granted(struct drp_range *range)
{
	struct drp_io_ctx *io = container_of(range, struct drp_io_ctx, range);

	drp_vio_queue(drp_vio_bio(&io->vio), io->vio.locked);
}

static void lock_range(struct bio *bio, u64 start, u64 end, void (*step)(struct bio *bio))
{
	struct drp_io_ctx *io = drp_io_of(bio);

	io->range.use = bio_op(bio) == REQ_OP_READ ? DRP_RANGE_READ : DRP_RANGE_WRITE;
	io->range.component = io->e->rec.id;
	io->range.start = start;
	io->range.end = end;
	io->range.granted = granted;
	io->vio.locked = step;
	io->in_range = true;
	if (drp_range_lock(&io->e->pool->ranges, &io->range))
		step(bio);
}

/* The first write of a snapshot's target is durably known before it. False: it waits for that. Inside. */
static bool noted(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_sync *s = io->e->snap;

	if (!s || READ_ONCE(s->target_noted))
		return true;
	if (!drp_pool_writable(io->e->pool)) {
		drp_vio_finish(bio, BLK_STS_IOERR);
		return false;
	}
	set_bit(DRP_NOTE_TARGET, &s->faults);
	drp_vio_leave(io);
	drp_note_park(io->e->pool, bio);
	return false;
}

/* Take the gate, or park. */
static bool enter(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	while (!drp_gate_enter(&io->e->gate)) {
		if (io->vio.op)
			drp_cow_op_free(io->vio.op);
		io->vio.op = NULL;
		if (drp_gate_park(&io->e->gate, bio))
			return false;
	}
	io->inside = true;
	return true;
}

static bool may(const struct drp_io_ctx *io, u8 access)
{
	return READ_ONCE(io->e->access) >= access && READ_ONCE(io->e->rec.parent_generation);
}

static void run(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);
	struct drp_element *e = io->e;
	const u64 chunk = 1ULL << e->pool->cow->chunk_shift;
	u64 start = io->iter.bi_sector;
	u64 end = start + (io->iter.bi_size >> SECTOR_SHIFT);

	if (!enter(bio))
		return;
	if (bio_op(bio) == REQ_OP_READ) {
		if (may(io, DRP_ACCESS_READ))
			lock_range(bio, start, end, read);
		else
			drp_vio_finish(bio, BLK_STS_IOERR);
		return;
	}
	if (!may(io, DRP_ACCESS_WRITE)) {
		drp_vio_finish(bio, BLK_STS_IOERR);
		return;
	}
	if (bio_op(bio) == REQ_OP_DISCARD && !(was_written(e) && whole_chunks(io, &start, &end))) {
		drp_vio_finish(bio, BLK_STS_OK);
		return;
	}
	if (!noted(bio))
		return;
	if (e->snap)
		drp_sync_target_changed_now(e->snap);
	if (bio_op(bio) == REQ_OP_DISCARD)
		lock_range(bio, start, end, discard);
	else
		lock_range(bio, round_down(start, chunk),
			   min_t(u64, round_down(start, chunk) + chunk, e->rec.size_sectors),
			   write);
}

static int flush(struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	if (!enter(bio))
		return DM_MAPIO_SUBMITTED;
	if (READ_ONCE(io->e->access) == DRP_ACCESS_NONE || !drp_cow_is_proven(io->e->pool->cow)) {
		drp_vio_leave(io);
		return DM_MAPIO_KILL;
	}
	bio_set_dev(bio, io->e->pool->cow->bdev);
	return DM_MAPIO_REMAPPED;
}

int drp_vio_map(struct bio *bio)
{
	struct drp_vio *vio = &drp_io_of(bio)->vio;

	vio->op = NULL;
	vio->from = NULL;
	vio->in_base = false;
	vio->version = false;
	vio->since = 0;
	if (bio->bi_opf & REQ_PREFLUSH)
		return flush(bio);
	switch (bio_op(bio)) {
	case REQ_OP_READ:
	case REQ_OP_WRITE:
	case REQ_OP_DISCARD:
		drp_vio_queue(bio, run);
		return DM_MAPIO_SUBMITTED;
	default:
		return DM_MAPIO_KILL;
	}
}

void drp_vio_run(struct bio *bio)
{
	int r;

	if (!(bio->bi_opf & REQ_PREFLUSH)) {
		drp_vio_queue(bio, run);
		return;
	}
	r = flush(bio);
	if (r == DM_MAPIO_REMAPPED)
		submit_bio_noacct(bio);
	else if (r == DM_MAPIO_KILL)
		bio_io_error(bio);
}

int drp_vio_end(struct bio *bio, blk_status_t *error)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	if (unlikely(drp_vio_base_failed(bio, error)))
		return DM_ENDIO_INCOMPLETE;
	if (io->vio.version && !*error) {
		io->vio.version = false;
		commit_version(bio);
		return DM_ENDIO_INCOMPLETE;
	}
	drp_vio_look_at_flush(bio, error);
	if (io->vio.version)
		drp_cow_op_spoil(io->vio.op);
	drp_vio_leave(io);
	return DM_ENDIO_DONE;
}
