// SPDX-License-Identifier: GPL-2.0-only
/* Writing the catalog and the superblocks that root it. */
#include "journal.h"

#define CATALOG_HEAD	((u32)sizeof(struct drp_catalog_disk))

struct catalog_writer {
	const struct drp_io *io;
	const struct drp_area *area;
	u8 *block;		/* being filled */
	u8 *record;		/* a block: room for any record, whatever @block has left */
	u32 fill;
	u32 nr_blocks;		/* with the one being filled */
	u32 nr_records;
	u64 nonce;
	u64 seq;
};

static int catalog_write_block(struct catalog_writer *w, void *block, u32 index, u32 fill)
{
	const struct drp_block_id id = {
		.kind = DRP_BLOCK_CATALOG, .index = index, .seq = w->seq,
	};

	drp_block_seal(block, w->nonce, &id, fill);
	return w->io->ops->write(w->io->ctx, w->area->first + index, block, 1, false);
}

static int catalog_add(struct catalog_writer *w, u32 len)
{
	int ret;

	if (len > DRP_RECORD_MAX || len % 8)
		return -EINVAL;
	if (len > DRP_BLOCK_PAYLOAD - w->fill) {
		if (w->nr_blocks >= w->area->blocks)
			return -ENOSPC;
		ret = catalog_write_block(w, w->block, w->nr_blocks - 1, w->fill);
		if (ret)
			return ret;
		w->nr_blocks++;
		w->fill = 0;
	}
	memcpy((u8 *)drp_block_payload(w->block) + w->fill, w->record, len);
	w->fill += len;
	w->nr_records++;
	return 0;
}

static void catalog_set_head(struct catalog_writer *w, void *block, u64 activation)
{
	struct drp_catalog_disk *head = drp_block_payload(block);

	memset(head, 0, sizeof(*head));
	head->nr_records = cpu_to_le32(w->nr_records);
	head->activation = cpu_to_le64(activation);
}

/* Write the last block; the head of the first one counts all records, so that one comes again. */
static int catalog_finish(struct catalog_writer *w, u64 activation)
{
	const struct drp_block_id id = { .kind = DRP_BLOCK_CATALOG };
	u64 seq;
	int ret;

	if (w->nr_blocks == 1)
		catalog_set_head(w, w->block, activation);
	ret = catalog_write_block(w, w->block, w->nr_blocks - 1, w->fill);
	if (ret || w->nr_blocks == 1)
		return ret;
	ret = w->io->ops->read(w->io->ctx, w->area->first, w->record, 1);
	if (ret)
		return ret;
	ret = drp_block_check(w->record, w->nonce, &id, &seq);
	if (ret < 0 || seq != w->seq)
		return -EIO;
	catalog_set_head(w, w->record, activation);
	return catalog_write_block(w, w->record, 0, ret);
}

static int catalog_write(const struct drp_io *io, struct drp_super *sb, drp_catalog_next_fn next,
			 void *ctx, void *scratch)
{
	struct catalog_writer w = {
		.io = io,
		.area = drp_super_area(sb, DRP_AREA_CATALOG, sb->catalog_index),
		.block = scratch,
		.record = (u8 *)scratch + DRP_BLOCK_BYTES,
		.fill = CATALOG_HEAD,
		.nr_blocks = 1,
		.nonce = sb->nonce,
		.seq = sb->catalog_seq,
	};
	int len, ret;

	if (!w.area)
		return -EINVAL;
	memset(drp_block_payload(w.block), 0, CATALOG_HEAD);
	while ((len = next(ctx, w.record, DRP_RECORD_MAX)) > 0) {
		ret = catalog_add(&w, len);
		if (ret)
			return ret;
	}
	if (len)
		return len;
	ret = catalog_finish(&w, sb->activation);
	sb->catalog_blocks = w.nr_blocks;
	return ret;
}

int drp_super_write(const struct drp_io *io, struct drp_super *sb, void *scratch)
{
	const u64 first = sb->write_b_first ? DRP_SUPER_BLOCK_B : DRP_SUPER_BLOCK_A;
	const u64 second = sb->write_b_first ? DRP_SUPER_BLOCK_A : DRP_SUPER_BLOCK_B;
	int ret;

	/* A sequence is used once, even if its write fails: two superblocks never tie. */
	sb->seq++;
	drp_super_encode(sb, scratch);
	ret = io->ops->write(io->ctx, first, scratch, 1, true);
	if (ret)
		return ret;
	return io->ops->write(io->ctx, second, scratch, 1, true);
}

int drp_checkpoint_write(const struct drp_io *io, struct drp_super *sb, struct drp_cut cut,
			 drp_catalog_next_fn next, void *ctx, void *scratch)
{
	struct drp_super new = *sb;
	int ret;

	new.catalog_index = !sb->catalog_index;
	new.catalog_seq++;
	new.tail_block = cut.block;
	new.tail_seq = cut.seq;
	ret = catalog_write(io, &new, next, ctx, scratch);
	if (ret)
		return ret;
	ret = io->ops->flush(io->ctx);
	if (ret)
		return ret;
	ret = drp_super_write(io, &new, scratch);
	if (ret) {
		sb->seq = new.seq;
		return ret;
	}
	*sb = new;
	return 0;
}
