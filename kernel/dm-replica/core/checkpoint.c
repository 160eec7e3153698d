// SPDX-License-Identifier: GPL-2.0-only
/* Writing the catalog and the superblocks that root it. */
#include "journal.h"

#define CATALOG_HEAD	((u32)sizeof(struct drp_catalog_disk))

struct catalog_writer {
	const struct drp_io *io;
	const struct drp_area *area;
	u8 *first;		/* kept until the end: its head counts all records */
	u8 *block;		/* being filled: @first or the block behind it */
	u32 fill;
	u32 first_fill;
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

static int catalog_next_block(struct catalog_writer *w)
{
	int ret = 0;

	if (w->nr_blocks >= w->area->blocks)
		return -ENOSPC;
	if (w->block == w->first)
		w->first_fill = w->fill;
	else
		ret = catalog_write_block(w, w->block, w->nr_blocks - 1, w->fill);
	w->block = w->first + DRP_BLOCK_BYTES;
	w->fill = 0;
	w->nr_blocks++;
	return ret;
}

/* One record from the caller: its length, 0 at the end, negative errno. */
static int catalog_take_record(struct catalog_writer *w, drp_catalog_next_fn next, void *ctx)
{
	u8 *payload = drp_block_payload(w->block);
	int len, ret;

	len = next(ctx, payload + w->fill, DRP_BLOCK_PAYLOAD - w->fill);
	if (len != -ENOSPC || !w->fill)
		return len;
	ret = catalog_next_block(w);
	if (ret)
		return ret;
	return next(ctx, drp_block_payload(w->block), DRP_BLOCK_PAYLOAD);
}

static int catalog_finish(struct catalog_writer *w, u64 activation)
{
	struct drp_catalog_disk *head = drp_block_payload(w->first);
	int ret;

	if (w->block == w->first) {
		w->first_fill = w->fill;
	} else {
		ret = catalog_write_block(w, w->block, w->nr_blocks - 1, w->fill);
		if (ret)
			return ret;
	}
	memset(head, 0, sizeof(*head));
	head->nr_records = cpu_to_le32(w->nr_records);
	head->activation = cpu_to_le64(activation);
	return catalog_write_block(w, w->first, 0, w->first_fill);
}

static int catalog_write(const struct drp_io *io, struct drp_super *sb, drp_catalog_next_fn next,
			 void *ctx, void *scratch)
{
	struct catalog_writer w = {
		.io = io,
		.area = drp_super_area(sb, DRP_AREA_CATALOG, sb->catalog_index),
		.first = scratch,
		.block = scratch,
		.fill = CATALOG_HEAD,
		.nr_blocks = 1,
		.nonce = sb->nonce,
		.seq = sb->catalog_seq,
	};
	int len, ret;

	if (!w.area)
		return -EINVAL;
	while ((len = catalog_take_record(&w, next, ctx)) > 0) {
		if ((u32)len > DRP_BLOCK_PAYLOAD - w.fill || len % 8)
			return -EINVAL;
		w.fill += len;
		w.nr_records++;
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
