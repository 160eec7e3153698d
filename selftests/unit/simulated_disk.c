// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "simulated_disk.h"

#define SECTORS_PER_BLOCK	(DRP_BLOCK_BYTES >> DRP_SECTOR_SHIFT)

static const u8 zero_block[DRP_BLOCK_BYTES];

u64 sim_random(struct sim_random *r)
{
	u64 z = r->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

u32 sim_below(struct sim_random *r, u32 n)
{
	return sim_random(r) % n;
}

bool sim_once_in(struct sim_random *r, u32 n)
{
	return sim_below(r, n) == 0;
}

static void *must(void *memory)
{
	if (!memory)
		abort();
	return memory;
}

static u8 *block_copy(const u8 *data)
{
	return memcpy(must(malloc(DRP_BLOCK_BYTES)), data, DRP_BLOCK_BYTES);
}

static const u8 *durable_block(const struct sim_disk *disk, u64 block)
{
	for (; disk; disk = disk->base)
		if (disk->durable[block])
			return disk->durable[block];
	return zero_block;
}

const u8 *sim_disk_peek(const struct sim_disk *disk, u64 block)
{
	return disk->cached[block] ? disk->cached[block] : durable_block(disk, block);
}

void sim_disk_poke(struct sim_disk *disk, u64 block, const void *data)
{
	u8 *new = block_copy(data);

	free(disk->durable[block]);
	disk->durable[block] = new;
	free(disk->cached[block]);
	disk->cached[block] = NULL;
}

/* ---- the volatile cache ---- */

static void pending_add(struct sim_disk *disk, u64 block, const u8 *data)
{
	if (disk->nr_pending == disk->max_pending) {
		disk->max_pending = disk->max_pending ? 2 * disk->max_pending : 64;
		disk->pending = must(realloc(disk->pending,
					     disk->max_pending * sizeof(*disk->pending)));
	}
	disk->pending[disk->nr_pending++] = (struct sim_pending){ block, block_copy(data) };
	free(disk->cached[block]);
	disk->cached[block] = block_copy(data);
}

static void pending_drop(struct sim_disk *disk)
{
	u32 i;

	for (i = 0; i < disk->nr_pending; i++) {
		free(disk->cached[disk->pending[i].block]);
		disk->cached[disk->pending[i].block] = NULL;
		free(disk->pending[i].data);
	}
	disk->nr_pending = 0;
}

/* @block is durable as it is: nothing older can come up again. */
static void settle_block(struct sim_disk *disk, u64 block)
{
	u32 i, kept = 0;

	if (disk->cached[block])
		sim_disk_poke(disk, block, disk->cached[block]);
	for (i = 0; i < disk->nr_pending; i++) {
		if (disk->pending[i].block == block)
			free(disk->pending[i].data);
		else
			disk->pending[kept++] = disk->pending[i];
	}
	disk->nr_pending = kept;
}

static bool sector_kept(enum sim_keep keep, struct sim_random *r)
{
	return keep != SIM_KEEP_SECTORS || sim_random(r) & 1;
}

/* Apply the sectors of @from's cache that a failure keeps to what is durable on @to. */
static void keep_sectors(struct sim_disk *to, const struct sim_disk *from, enum sim_keep keep,
			 struct sim_random *r)
{
	u32 i, s;

	for (i = 0; i < from->nr_pending; i++) {
		const struct sim_pending *p = &from->pending[i];

		if (keep == SIM_KEEP_NOTHING || (keep == SIM_KEEP_BLOCKS && sim_random(r) & 1))
			continue;
		if (!to->durable[p->block])
			to->durable[p->block] = block_copy(durable_block(to, p->block));
		for (s = 0; s < SECTORS_PER_BLOCK; s++)
			if (sector_kept(keep, r))
				memcpy(to->durable[p->block] + (s << DRP_SECTOR_SHIFT),
				       p->data + (s << DRP_SECTOR_SHIFT), 1 << DRP_SECTOR_SHIFT);
	}
}

/* ---- operations ---- */

static int sim_read(void *ctx, u64 block, void *buf, u32 nr_blocks)
{
	struct sim_disk *disk = ctx;
	u32 i;
	int ret;

	disk->reads++;
	if (disk->fail)
		return disk->fail;
	if (block >= disk->blocks || nr_blocks > disk->blocks - block)
		return -EIO;
	for (i = 0; i < nr_blocks; i++) {
		u8 *to = (u8 *)buf + i * DRP_BLOCK_BYTES;

		memcpy(to, sim_disk_peek(disk, block + i), DRP_BLOCK_BYTES);
		ret = disk->hooks.read ? disk->hooks.read(disk->hooks.ctx, block + i, to) : 0;
		if (ret)
			return ret;
	}
	return 0;
}

static int sim_write(void *ctx, u64 block, const void *buf, u32 nr_blocks, bool fua)
{
	struct sim_disk *disk = ctx;
	u32 i;

	disk->writes++;
	if (disk->fail)
		return disk->fail;
	if (block >= disk->blocks || nr_blocks > disk->blocks - block)
		return -EIO;
	for (i = 0; i < nr_blocks; i++) {
		const u8 *from = (const u8 *)buf + i * DRP_BLOCK_BYTES;

		if (!disk->hooks.lose || !disk->hooks.lose(disk->hooks.ctx, block + i, from))
			pending_add(disk, block + i, from);
	}
	if (disk->hooks.before)
		disk->hooks.before(disk->hooks.ctx, disk);
	if (disk->fail)
		return disk->fail;
	for (i = 0; fua && !disk->ignore_fua && i < nr_blocks; i++)
		settle_block(disk, block + i);
	return 0;
}

static int sim_flush(void *ctx)
{
	struct sim_disk *disk = ctx;
	u32 i;

	disk->flushes++;
	if (disk->fail)
		return disk->fail;
	if (disk->hooks.before)
		disk->hooks.before(disk->hooks.ctx, disk);
	if (disk->fail || disk->ignore_flush)
		return disk->fail;
	for (i = 0; i < disk->nr_pending; i++) {
		u64 block = disk->pending[i].block;

		if (disk->cached[block])
			sim_disk_poke(disk, block, disk->cached[block]);
	}
	pending_drop(disk);
	return 0;
}

static const struct drp_io_ops sim_ops = {
	.read	= sim_read,
	.write	= sim_write,
	.flush	= sim_flush,
};

/* ---- disks and images ---- */

struct sim_disk *sim_disk_new(u64 blocks)
{
	struct sim_disk *disk = must(calloc(1, sizeof(*disk)));

	disk->blocks = blocks;
	disk->io.ops = &sim_ops;
	disk->io.ctx = disk;
	disk->durable = must(calloc(blocks, sizeof(*disk->durable)));
	disk->cached = must(calloc(blocks, sizeof(*disk->cached)));
	return disk;
}

void sim_disk_free(struct sim_disk *disk)
{
	u64 i;

	if (!disk)
		return;
	pending_drop(disk);
	for (i = 0; i < disk->blocks; i++)
		free(disk->durable[i]);
	free(disk->pending);
	free(disk->durable);
	free(disk->cached);
	free(disk);
}

struct sim_disk *sim_disk_image(const struct sim_disk *disk, enum sim_keep keep,
				struct sim_random *r)
{
	struct sim_disk *image = sim_disk_new(disk->blocks);

	image->base = disk;
	keep_sectors(image, disk, keep, r);
	return image;
}

void sim_disk_power_fail(struct sim_disk *disk, enum sim_keep keep, struct sim_random *r)
{
	keep_sectors(disk, disk, keep, r);
	pending_drop(disk);
	disk->fail = 0;
}
