// SPDX-License-Identifier: GPL-2.0-only
/* The journal ring and the making of one commit. */
#include "journal.h"

#define COMMIT_HEAD	((u32)sizeof(struct drp_commit_disk))

void drp_ring_init(struct drp_ring *ring, const struct drp_super *sb)
{
	const struct drp_area *area = drp_super_area(sb, DRP_AREA_JOURNAL, 0);

	memset(ring, 0, sizeof(*ring));
	if (!area)
		return;		/* no decoded superblock: a ring without room */
	ring->nonce = sb->nonce;
	ring->first = area->first;
	ring->blocks = area->blocks;
	ring->head = ring->done = ring->tail = sb->tail_block;
	ring->head_seq = ring->done_seq = ring->tail_seq = sb->tail_seq;
}

void drp_ring_resume(struct drp_ring *ring, const struct drp_load_result *loaded)
{
	ring->head = ring->done = loaded->next_block;
	ring->head_seq = ring->done_seq = loaded->next_seq;
	ring->confirmed = loaded->confirmed;
}

u64 drp_ring_room(const struct drp_ring *ring)
{
	u64 used = ring->head >= ring->tail ? ring->head - ring->tail :
					      ring->blocks - ring->tail + ring->head;

	/* One block stays free: head == tail means empty. */
	return ring->blocks > used ? ring->blocks - used - 1 : 0;
}

/* Ring index @by (at most a commit) behind @at. */
static u64 ring_behind(const struct drp_ring *ring, u64 at, u32 by)
{
	at += by;
	return at < ring->blocks ? at : at - ring->blocks;
}

static u8 *commit_block(const struct drp_commit *c, u32 i)
{
	return c->buf + (size_t)i * DRP_BLOCK_BYTES;
}

void drp_commit_start(struct drp_commit *c, void *buf, u32 max_blocks)
{
	memset(c, 0, sizeof(*c));
	c->buf = buf;
	c->max_blocks = min_t(u32, max_blocks, DRP_COMMIT_BLOCKS_MAX);
	c->nr_blocks = 1;
	c->fill = COMMIT_HEAD;
	memset(drp_block_payload(buf), 0, COMMIT_HEAD);
}

/* The length of a block that is full stays in its header until the commit is sealed. */
static void commit_close_block(struct drp_commit *c)
{
	struct drp_block_header *h = (void *)commit_block(c, c->nr_blocks - 1);

	h->len = cpu_to_le32(c->fill);
}

int drp_commit_add(struct drp_commit *c, const void *record, u32 len)
{
	if (len < sizeof(struct drp_record_header) || len % 8 || len > DRP_RECORD_MAX)
		return -EINVAL;
	if (len > DRP_BLOCK_PAYLOAD - c->fill) {
		if (c->nr_blocks >= c->max_blocks)
			return -ENOSPC;
		commit_close_block(c);
		c->nr_blocks++;
		c->fill = 0;
	}
	memcpy((u8 *)drp_block_payload(commit_block(c, c->nr_blocks - 1)) + c->fill, record, len);
	c->fill += len;
	c->nr_records++;
	return 0;
}

int drp_commit_seal(struct drp_commit *c, struct drp_ring *ring)
{
	struct drp_commit_disk *head = drp_block_payload(c->buf);
	u32 i;

	if (drp_ring_room(ring) < c->nr_blocks)
		return -ENOSPC;
	commit_close_block(c);
	head->nr_blocks = cpu_to_le32(c->nr_blocks);
	head->confirmed = cpu_to_le64(ring->confirmed);
	c->seq = ring->head_seq;
	c->at = ring->head;
	for (i = 0; i < c->nr_blocks; i++) {
		struct drp_block_header *h = (void *)commit_block(c, i);
		const struct drp_block_id id = {
			.kind = DRP_BLOCK_JOURNAL, .index = i, .seq = c->seq,
		};

		drp_block_seal(h, ring->nonce, &id, le32_to_cpu(h->len));
	}
	ring->head = ring_behind(ring, c->at, c->nr_blocks);
	ring->head_seq++;
	return 0;
}

int drp_commit_write(const struct drp_commit *c, const struct drp_ring *ring,
		     const struct drp_io *io)
{
	u32 before_end = min_t(u64, c->nr_blocks, ring->blocks - c->at);
	int ret;

	ret = io->ops->write(io->ctx, ring->first + c->at, c->buf, before_end, true);
	if (ret || before_end == c->nr_blocks)
		return ret;
	return io->ops->write(io->ctx, ring->first, commit_block(c, before_end),
			      c->nr_blocks - before_end, true);
}

void drp_commit_complete(const struct drp_commit *c, struct drp_ring *ring)
{
	ring->done = ring_behind(ring, c->at, c->nr_blocks);
	ring->done_seq = c->seq + 1;
}

struct drp_cut drp_ring_cut(const struct drp_ring *ring)
{
	return (struct drp_cut){ .block = ring->done, .seq = ring->done_seq };
}

void drp_ring_release(struct drp_ring *ring, struct drp_cut cut)
{
	ring->tail = cut.block;
	ring->tail_seq = cut.seq;
}
