// SPDX-License-Identifier: GPL-2.0-only
/* Laying out a device, making it an empty pool, and telling what a device holds. */
#include "journal.h"
#include "names.h"

static void area_set(struct drp_super *sb, u32 kind, u32 index, u64 *at, u64 blocks)
{
	sb->areas[sb->nr_areas++] = (struct drp_area){
		.kind = kind, .index = index, .first = *at, .blocks = blocks,
	};
	*at += blocks;
}

int drp_format_layout(const struct drp_format_params *p, struct drp_super *sb)
{
	u64 at = DRP_FIRST_AREA_BLOCK, catalog;

	if (!p->nonce || (p->name && *p->name && drp_name_problem(p->name)) ||
	    !drp_super_sizes_ok(p->chunk_sectors, p->region_sectors, p->extent_sectors))
		return -EINVAL;
	if (p->device_blocks < DRP_MIN_DEVICE_BLOCKS)
		return -ENOSPC;
	memset(sb, 0, sizeof(*sb));
	memcpy(sb->uuid, p->uuid, sizeof(sb->uuid));
	sb->nonce = p->nonce;
	if (p->name)
		strscpy(sb->name, p->name, sizeof(sb->name));
	sb->device_blocks = p->device_blocks;
	sb->created = p->now;
	sb->chunk_sectors = p->chunk_sectors;
	sb->region_sectors = p->region_sectors;
	sb->extent_sectors = p->extent_sectors;
	catalog = clamp_t(u64, p->device_blocks >> 5, 32, 16384);
	area_set(sb, DRP_AREA_JOURNAL, 0, &at, clamp_t(u64, p->device_blocks >> 3, 64, 4096));
	area_set(sb, DRP_AREA_CATALOG, 0, &at, catalog);
	area_set(sb, DRP_AREA_CATALOG, 1, &at, catalog);
	area_set(sb, DRP_AREA_PAGES, 0, &at, p->device_blocks - at);
	return 0;
}

/* Whatever the device was before, no part of it may be taken for something that is still there. */
static int wipe_front(const struct drp_io *io, void *scratch)
{
	u64 block;
	int ret;

	memset(scratch, 0, 2 * DRP_BLOCK_BYTES);
	for (block = 0; block <= DRP_SUPER_BLOCK_B; block += 2) {
		u32 n = min_t(u64, 2, DRP_SUPER_BLOCK_B + 1 - block);

		ret = io->ops->write(io->ctx, block, scratch, n, false);
		if (ret)
			return ret;
	}
	return io->ops->flush(io->ctx);
}

static int empty_pool_next(void *ctx, void *buf, u32 room)
{
	const struct drp_pool_rec first = { .next_id = 1, .next_job_id = 1, .next_cut_id = 1 };
	bool *done = ctx;

	if (*done)
		return 0;
	*done = true;
	return drp_encode_pool(&first, buf, room);
}

int drp_format_write(const struct drp_io *io, struct drp_super *sb, void *scratch)
{
	const struct drp_cut start = { .block = 0, .seq = 1 };
	bool done = false;
	int ret;

	ret = wipe_front(io, scratch);
	if (ret)
		return ret;
	sb->seq = 0;
	sb->write_b_first = false;
	sb->catalog_seq = 0;
	sb->catalog_index = 1;	/* so that the first catalog goes to area 0 */
	return drp_checkpoint_write(io, sb, start, empty_pool_next, &done, scratch);
}

/* ---- probe ---- */

enum place {
	PLACE_GOOD,
	PLACE_ZERO,
	PLACE_UNREADABLE,
	PLACE_UNUSABLE,		/* ours and whole, but of another version or size */
	PLACE_TORN,		/* our magic, but damaged */
	PLACE_FOREIGN,
};

static enum place place_classify(const void *block, u64 device_blocks, struct drp_super *sb)
{
	const struct drp_block_id want = { .kind = DRP_BLOCK_SUPER };
	const struct drp_super_disk *d = block;

	if (!drp_super_decode(block, device_blocks, sb))
		return PLACE_GOOD;
	if (!memchr_inv(block, 0, DRP_BLOCK_BYTES))
		return PLACE_ZERO;
	if (memcmp(d->magic, DRP_SUPER_MAGIC, sizeof(d->magic)))
		return PLACE_FOREIGN;
	if (drp_block_check(block, le64_to_cpu(d->h.nonce), &want, NULL) >= 0)
		return PLACE_UNUSABLE;
	return PLACE_TORN;
}

static enum place place_read(const struct drp_io *io, u64 at, u64 device_blocks,
			     struct drp_super *sb, void *block, int *error)
{
	*error = io->ops->read(io->ctx, at, block, 1);
	return *error ? PLACE_UNREADABLE : place_classify(block, device_blocks, sb);
}

/* Are the blocks between the two superblocks zero? 1, 0 or a negative errno. */
static int front_is_zero(const struct drp_io *io, void *scratch)
{
	u64 block;
	int ret;

	for (block = DRP_SUPER_BLOCK_A + 1; block < DRP_SUPER_BLOCK_B; block += 2) {
		u32 n = min_t(u64, 2, DRP_SUPER_BLOCK_B - block);

		ret = io->ops->read(io->ctx, block, scratch, n);
		if (ret)
			return ret;
		if (memchr_inv(scratch, 0, n * DRP_BLOCK_BYTES))
			return 0;
	}
	return 1;
}

/*
 * Only the place at 1 MiB is good. Who puts a file system or a label on a device
 * leaves traces in block 0 or behind it; then the superblock is a leftover, and
 * nothing may be written because of it.
 */
static int probe_only_b(const struct drp_io *io, enum place a, enum drp_probe *what, void *scratch)
{
	int ret;

	*what = DRP_PROBE_REPAIR;
	if (a == PLACE_FOREIGN) {
		*what = DRP_PROBE_FOREIGN;
	} else if (a == PLACE_UNUSABLE) {
		*what = DRP_PROBE_DAMAGED;
	} else if (a == PLACE_ZERO) {
		ret = front_is_zero(io, scratch);
		if (ret < 0)
			return ret;
		if (!ret)
			*what = DRP_PROBE_FOREIGN;
	}
	return 0;
}

static int probe_none(const struct drp_io *io, enum place a, enum place b, enum drp_probe *what,
		      void *scratch)
{
	int ret = 0;

	*what = DRP_PROBE_FOREIGN;
	if (a == PLACE_UNUSABLE || b == PLACE_UNUSABLE || a == PLACE_TORN || b == PLACE_TORN) {
		*what = DRP_PROBE_DAMAGED;
	} else if (a == PLACE_ZERO && b == PLACE_ZERO) {
		ret = front_is_zero(io, scratch);
		if (ret > 0)
			*what = DRP_PROBE_BLANK;
	}
	return ret < 0 ? ret : 0;
}

/* Both are good: @sb becomes the newer one. */
static void probe_both(u64 device_blocks, struct drp_super *sb, enum drp_probe *what,
		       const void *block_a, const void *block_b)
{
	u64 nonce, seq;

	(void)drp_super_decode(block_a, device_blocks, sb);
	nonce = sb->nonce;
	seq = sb->seq;
	(void)drp_super_decode(block_b, device_blocks, sb);
	if (sb->nonce != nonce) {
		*what = DRP_PROBE_DAMAGED;	/* formatting wipes both first: no honest way here */
		return;
	}
	if (sb->seq <= seq) {
		(void)drp_super_decode(block_a, device_blocks, sb);
		sb->write_b_first = true;
	}
	*what = memcmp(block_a, block_b, DRP_BLOCK_BYTES) ? DRP_PROBE_REPAIR : DRP_PROBE_VALID;
}

int drp_probe_device(const struct drp_io *io, u64 device_blocks, struct drp_super *sb,
		     enum drp_probe *what, void *scratch)
{
	u8 *block_a = scratch, *block_b = block_a + DRP_BLOCK_BYTES;
	int error_a, error_b, ret;
	enum place a, b;

	if (device_blocks < DRP_MIN_DEVICE_BLOCKS)
		return -ENOSPC;
	a = place_read(io, DRP_SUPER_BLOCK_A, device_blocks, sb, block_a, &error_a);
	b = place_read(io, DRP_SUPER_BLOCK_B, device_blocks, sb, block_b, &error_b);
	if (a == PLACE_GOOD && b == PLACE_GOOD) {
		probe_both(device_blocks, sb, what, block_a, block_b);
		return 0;
	}
	if (a == PLACE_GOOD) {
		*what = DRP_PROBE_REPAIR;
		ret = drp_super_decode(block_a, device_blocks, sb);
		sb->write_b_first = true;
		return ret;
	}
	if (b == PLACE_GOOD)
		return probe_only_b(io, a, what, scratch);
	if (error_a || error_b)
		return error_a ? error_a : error_b;
	return probe_none(io, a, b, what, scratch);
}
