// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the origin of a turn has. That of a restore from a snapshot is virtual:
 * a chunk lies in COW space, or is the source's own, and then it is here already.
 * Nothing of it changes while the turn lasts: the snapshot is protected, slots
 * that it needs are not reused, and who overwrites a chunk of the source preserves
 * it first, which leaves what the snapshot shows as it was. So no gate of the
 * snapshot is taken: its device need not even exist.
 */
#include "preserve_internal.h"
#include "turn.h"

bool drp_turn_is_virtual(const struct drp_turn *t)
{
	return drp_element_virtual(t->origin);
}

unsigned int drp_turn_virtual_block_size(const struct drp_turn *t)
{
	/* Blocks of a real origin are not larger than ours: see op_create.c, op_clone.c. */
	return drp_turn_is_virtual(t) ? bdev_logical_block_size(t->s->pool->cow->bdev) : 1;
}

static u64 chunk_end(const struct drp_turn *t, u64 sector)
{
	return ((sector >> t->s->pool->cow->chunk_shift) + 1) << t->s->pool->cow->chunk_shift;
}

u64 drp_turn_one_piece(const struct drp_turn *t, u64 start, u64 end)
{
	return drp_turn_is_virtual(t) ? min(end, chunk_end(t, start)) : end;
}

/* Where the chunk of @sector is, as an address of *@bdev; here: NULL. */
static int find(const struct drp_turn *t, u64 sector, struct block_device **bdev, u64 *address)
{
	struct drp_cow *cow = t->s->pool->cow;
	struct drp_vio_place place;
	int r;

	r = drp_vio_resolve(t->origin, sector >> cow->chunk_shift, &place);
	if (r)
		return r;
	*bdev = place.device ? NULL : cow->bdev;
	*address = place.device ? sector : drp_cow_sector(cow, place.slot) +
					   (sector & ((1ULL << cow->chunk_shift) - 1));
	return 0;
}

/* ---- copies ---- */

static void end_piece(struct drp_turn_fetch *f)
{
	if (atomic_dec_and_test(&f->pending))
		f->ended(READ_ONCE(f->read_err), READ_ONCE(f->write_err), f->context);
}

static void piece_copied(int read_err, unsigned long write_err, void *context)
{
	struct drp_turn_fetch *f = context;

	if (read_err)
		WRITE_ONCE(f->read_err, read_err);
	if (write_err)
		WRITE_ONCE(f->write_err, write_err);
	end_piece(f);
}

static void copy_piece(struct drp_turn *t, struct drp_turn_fetch *f,
		       struct dm_io_region *from, u64 start)
{
	struct dm_io_region to = {
		.bdev = t->here->bdev,
		.sector = start,
		.count = from->count,
	};

	if (!from->count)
		return;
	atomic_inc(&f->pending);
	dm_kcopyd_copy(t->s->pool->copier, from, 1, &to, 0, piece_copied, f);
}

/* Chunks that follow each other in COW space are copied at once. */
static int fetch_virtual(struct drp_turn *t, struct drp_turn_fetch *f, u64 start, u64 end)
{
	struct dm_io_region from = {};
	u64 at = start, next, address;
	struct block_device *bdev;
	int r;

	for (; start < end; start = next) {
		next = min(end, chunk_end(t, start));
		r = find(t, start, &bdev, &address);
		if (r)
			return r;
		if (bdev && from.count && from.sector + from.count == address) {
			from.count += next - start;
			continue;
		}
		copy_piece(t, f, &from, at);
		at = start;
		from = (struct dm_io_region){ bdev, address, bdev ? next - start : 0 };
	}
	copy_piece(t, f, &from, at);
	return 0;
}

void drp_turn_fetch(struct drp_turn *t, struct drp_turn_fetch *f, u64 start, u64 end,
		    dm_kcopyd_notify_fn ended, void *context)
{
	struct dm_io_region from = {
		.bdev = t->origin->bdev,
		.sector = start,
		.count = end - start,
	};

	f->read_err = 0;
	f->write_err = 0;
	f->ended = ended;
	f->context = context;
	atomic_set(&f->pending, 1);
	if (!drp_turn_is_virtual(t))
		copy_piece(t, f, &from, start);
	else if (fetch_virtual(t, f, start, end))
		WRITE_ONCE(f->read_err, 1);
	end_piece(f);
}

/* ---- reads ---- */

bool drp_turn_can_read(const struct drp_turn *t, const struct bio *bio)
{
	const u64 start = bio->bi_iter.bi_sector, end = bio_end_sector(bio);
	const u64 block = bdev_logical_block_size(t->s->pool->cow->bdev) >> SECTOR_SHIFT;

	return end <= chunk_end(t, start) && !((start | end) & (block - 1));
}

static void read_work(struct work_struct *work)
{
	struct drp_vio *vio = container_of(work, struct drp_vio, work);
	struct drp_io_ctx *io = container_of(vio, struct drp_io_ctx, vio);
	struct bio *bio = dm_bio_from_per_bio_data(io, sizeof(*io));
	struct block_device *bdev;
	u64 address;

	if (find(io->e->inbound, bio->bi_iter.bi_sector, &bdev, &address)) {
		drp_io_leave(io);
		bio_io_error(bio);
		return;
	}
	bio_set_dev(bio, bdev ?: io->e->bdev);
	bio->bi_iter.bi_sector = address;
	submit_bio_noacct(bio);
}

void drp_turn_read_virtual(struct drp_turn *t, struct bio *bio)
{
	struct drp_io_ctx *io = drp_io_of(bio);

	io->there = true;
	INIT_WORK(&io->vio.work, read_work);
	queue_work(t->s->pool->preserver->vio_wq, &io->vio.work);
}
