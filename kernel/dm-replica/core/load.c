// SPDX-License-Identifier: GPL-2.0-only
/* Reading the catalog and replaying the journal. */
#include "cow.h"
#include "journal.h"

#define ENTRIES_MAX	(DRP_RECORD_MAX / sizeof(struct drp_dir_entry_disk))

static_assert(ENTRIES_MAX * sizeof(struct drp_dir_entry) <= 2 * DRP_BLOCK_BYTES);

struct load {
	const struct drp_io *io;
	const struct drp_super *sb;
	const struct drp_load_sink *sink;
	void *ctx;
	u8 *window;			/* DRP_COMMIT_BLOCKS_MAX blocks */
	struct drp_dir_entry *entries;	/* 2 blocks */
	struct drp_load_result *result;
	const struct drp_area *ring;
	u64 commit_seq;			/* being applied; 0: the catalog */
	u64 window_at;			/* ring index of the window's first block */
	u32 window_blocks;		/* 0: nothing read yet */
};

static int fail(struct load *l, int error, const char *problem)
{
	l->result->problem = problem;
	return error;
}

/* ---- records ---- */

static int apply_object(struct load *l, const struct drp_record *rec)
{
	union {
		struct drp_pool_rec pool;
		struct drp_element_rec element;
		struct drp_sync_rec sync;
		struct drp_group_rec group;
		struct drp_aspect_rec aspect;
	} u;
	int ret;

	switch (rec->type) {
	case DRP_REC_POOL:
		ret = drp_decode_pool(rec->body, rec->len, &u.pool);
		return ret ? ret : l->sink->pool(l->ctx, &u.pool);
	case DRP_REC_ELEMENT:
		ret = drp_decode_element(rec->body, rec->len, &u.element);
		return ret ? ret : l->sink->element(l->ctx, &u.element);
	case DRP_REC_SYNC:
		ret = drp_decode_sync(rec->body, rec->len, &u.sync);
		return ret ? ret : l->sink->sync(l->ctx, &u.sync);
	case DRP_REC_GROUP:
		ret = drp_decode_group(rec->body, rec->len, &u.group);
		return ret ? ret : l->sink->group(l->ctx, &u.group);
	default:
		ret = drp_decode_aspect(rec->body, rec->len, &u.aspect);
		return ret ? ret : l->sink->aspect(l->ctx, &u.aspect);
	}
}

static int no_cow(struct load *l)
{
	return fail(l, -EPROTONOSUPPORT, "the pool has COW space, which is not known here");
}

static int apply_plane_root(struct load *l, const struct drp_record *rec)
{
	enum drp_plane plane;
	u64 sync_id, first;
	u32 n, i;
	int ret;

	ret = drp_decode_plane_root(rec->body, rec->len, &sync_id, &plane, &first, l->entries,
				    ENTRIES_MAX, &n);
	for (i = 0; !ret && i < n; i++)
		if (l->entries[i].state == DRP_PAGE_STORED &&
		    l->entries[i].block >= l->sb->device_blocks)
			ret = -EBADMSG;
	if (!ret && plane == DRP_PLANE_SLOTS && !l->sink->cow_root)
		return no_cow(l);
	return ret ? ret : l->sink->plane_root(l->ctx, sync_id, plane, first, l->entries, n);
}

static int apply_cow(struct load *l, const struct drp_record *rec)
{
	struct drp_cow_entry entry;
	struct drp_cow_root root;
	struct drp_cow_key key;
	int ret;

	switch (rec->type) {
	case DRP_REC_COW_PUT:
		ret = drp_decode_cow_put(rec->body, rec->len, &entry);
		if (!ret && !l->sink->cow_put)
			return no_cow(l);
		return ret ? ret : l->sink->cow_put(l->ctx, &entry, l->commit_seq);
	case DRP_REC_COW_DEL:
		ret = drp_decode_cow_del(rec->body, rec->len, &key);
		if (!ret && !l->sink->cow_del)
			return no_cow(l);
		return ret ? ret : l->sink->cow_del(l->ctx, &key);
	default:
		ret = drp_decode_cow_root(rec->body, rec->len, &root);
		if (!ret && root.block >= l->sb->device_blocks)
			ret = -EBADMSG;
		if (!ret && !l->sink->cow_root)
			return no_cow(l);
		return ret ? ret : l->sink->cow_root(l->ctx, &root);
	}
}

/* The records that may stand in the catalog, in a commit, and nested in a CONFIRM. */
static int apply_plain(struct load *l, const struct drp_record *rec)
{
	enum drp_object_kind kind;
	enum drp_plane plane;
	u64 id, first, count;
	bool value;
	int ret;

	switch (rec->type) {
	case DRP_REC_POOL:
	case DRP_REC_ELEMENT:
	case DRP_REC_SYNC:
	case DRP_REC_GROUP:
	case DRP_REC_ASPECT:
		return apply_object(l, rec);
	case DRP_REC_OBJECT_DEL:
		ret = drp_decode_object_del(rec->body, rec->len, &kind, &id);
		return ret ? ret : l->sink->object_del(l->ctx, kind, id);
	case DRP_REC_ACTIVATE:
		ret = drp_decode_activate(rec->body, rec->len, &id, &first, &count);
		return ret ? ret : l->sink->activate(l->ctx, id, first, count);
	case DRP_REC_C_CLEAR:
		ret = drp_decode_c_clear(rec->body, rec->len, &id, &first, &count);
		return ret ? ret : l->sink->c_clear(l->ctx, id, first, count);
	case DRP_REC_PLANE_ALL:
		ret = drp_decode_plane_all(rec->body, rec->len, &id, &plane, &value);
		return ret ? ret : l->sink->plane_all(l->ctx, id, plane, value);
	}
	if (rec->flags & DRP_RECORD_CRITICAL)
		return fail(l, -EPROTONOSUPPORT, "a critical record of a type that this version does not know");
	return 0;
}

/* What was cut holds from here on. */
static int apply_confirm(struct load *l, const struct drp_record *confirm)
{
	struct drp_record rec;
	const void *nested;
	u32 nested_len, pos = 0;
	u64 cut_id;
	int ret;

	ret = drp_decode_confirm(confirm->body, confirm->len, &cut_id, &nested, &nested_len);
	if (ret)
		return ret;
	while ((ret = drp_record_next(nested, nested_len, &pos, &rec)) > 0) {
		ret = apply_plain(l, &rec);
		if (ret)
			break;
	}
	return ret;
}

/* A cut that nothing confirms changes nothing, but its record must be one. */
static int check_cut(const struct drp_record *rec)
{
	u64 cut_id;
	u32 n;

	return drp_decode_cut(rec->body, rec->len, &cut_id, NULL, U32_MAX, &n);
}

static int apply_record(struct load *l, const struct drp_record *rec, bool catalog)
{
	switch (rec->type) {
	case DRP_REC_PLANE_ROOT:
		return catalog ? apply_plane_root(l, rec) : -EBADMSG;
	case DRP_REC_COW_ROOT:
		return catalog ? apply_cow(l, rec) : -EBADMSG;
	case DRP_REC_COW_PUT:
	case DRP_REC_COW_DEL:
		return catalog ? -EBADMSG : apply_cow(l, rec);
	case DRP_REC_CUT:
	case DRP_REC_CUT_ABORT:
		return catalog ? -EBADMSG : check_cut(rec);
	case DRP_REC_CONFIRM:
		return catalog ? -EBADMSG : apply_confirm(l, rec);
	default:
		return apply_plain(l, rec);
	}
}

/* All records of one block's payload: how many, or a negative errno. */
static int apply_payload(struct load *l, const u8 *payload, u32 from, u32 len, bool catalog)
{
	struct drp_record rec;
	u32 pos = from;
	int ret, n = 0;

	while ((ret = drp_record_next(payload, len, &pos, &rec)) > 0) {
		ret = apply_record(l, &rec, catalog);
		if (ret)
			break;
		n++;
	}
	if (!ret)
		return n;
	if (!l->result->problem)
		l->result->problem = ret == -EBADMSG ? "a record that is damaged or makes no sense" :
						       "a record could not be taken in";
	return ret;
}

/* ---- catalog ---- */

static int load_catalog_block(struct load *l, const struct drp_area *area, u32 index, u32 *expected)
{
	const struct drp_block_id want = { .kind = DRP_BLOCK_CATALOG, .index = index };
	const u8 *payload = drp_block_payload(l->window);
	struct drp_catalog_disk head;
	u32 from = 0;
	u64 seq;
	int len;

	len = l->io->ops->read(l->io->ctx, area->first + index, l->window, 1);
	if (len)
		return fail(l, len, "the catalog cannot be read");
	len = drp_block_check(l->window, l->sb->nonce, &want, &seq);
	if (len < 0)
		return fail(l, -EBADMSG, "a block of the catalog is damaged");
	if (seq != l->sb->catalog_seq)
		return fail(l, -EBADMSG, "a block of the catalog is of another checkpoint");
	if (!index) {
		if (len < (int)sizeof(head))
			return fail(l, -EBADMSG, "the catalog has no head");
		memcpy(&head, payload, sizeof(head));
		*expected = le32_to_cpu(head.nr_records);
		from = sizeof(head);
	}
	return apply_payload(l, payload, from, len, true);
}

static int load_catalog(struct load *l)
{
	const struct drp_area *area = drp_super_area(l->sb, DRP_AREA_CATALOG, l->sb->catalog_index);
	u32 expected = 0, found = 0, i;
	int ret;

	if (!area || l->sb->catalog_blocks > area->blocks)
		return fail(l, -EBADMSG, "the superblock names no catalog");
	for (i = 0; i < l->sb->catalog_blocks; i++) {
		ret = load_catalog_block(l, area, i, &expected);
		if (ret < 0)
			return ret;
		found += ret;
	}
	if (found != expected)
		return fail(l, -EBADMSG, "the catalog has not the records that it counts");
	return 0;
}

/* ---- journal ---- */

static u64 ring_behind(const struct load *l, u64 at, u32 by)
{
	at += by;
	return at < l->ring->blocks ? at : at - l->ring->blocks;
}

/* Blocks @at..@at+@n of the ring, in memory until the next call: 0 and *@to, or a negative errno. */
static int ring_read(struct load *l, u64 at, u32 n, u8 **to)
{
	u64 offset = at >= l->window_at ? at - l->window_at : at + l->ring->blocks - l->window_at;
	u32 before_end;
	int ret;

	if (l->window_blocks < n || offset > l->window_blocks - n) {
		l->window_blocks = 0;
		before_end = min_t(u64, DRP_COMMIT_BLOCKS_MAX, l->ring->blocks - at);
		ret = l->io->ops->read(l->io->ctx, l->ring->first + at, l->window, before_end);
		if (!ret && before_end < DRP_COMMIT_BLOCKS_MAX)
			ret = l->io->ops->read(l->io->ctx, l->ring->first,
					       l->window + before_end * DRP_BLOCK_BYTES,
					       DRP_COMMIT_BLOCKS_MAX - before_end);
		if (ret)
			return fail(l, ret, "the journal cannot be read");
		l->window_at = at;
		l->window_blocks = DRP_COMMIT_BLOCKS_MAX;
		offset = 0;
	}
	*to = l->window + offset * DRP_BLOCK_BYTES;
	return 0;
}

/* Is @block the @index-th of commit @seq? Its payload length, or negative. */
static int commit_block_check(const struct load *l, const u8 *block, u32 index, u64 seq)
{
	const struct drp_block_id want = { .kind = DRP_BLOCK_JOURNAL, .index = index };
	u64 found;
	int len = drp_block_check(block, l->sb->nonce, &want, &found);

	return len >= 0 && found != seq ? -ENOENT : len;
}

/* Blocks of the commit @seq at ring index @at, all of them good; 0: no such commit. */
static int commit_find(struct load *l, u64 at, u64 seq)
{
	struct drp_commit_disk head;
	u8 *blocks;
	u32 n, i;
	int ret;

	ret = ring_read(l, at, 1, &blocks);
	if (ret)
		return ret;
	if (commit_block_check(l, blocks, 0, seq) < (int)sizeof(head))
		return 0;
	memcpy(&head, drp_block_payload(blocks), sizeof(head));
	n = le32_to_cpu(head.nr_blocks);
	if (!n || n > DRP_COMMIT_BLOCKS_MAX)
		return 0;
	ret = ring_read(l, at, n, &blocks);
	if (ret)
		return ret;
	for (i = 1; i < n; i++)
		if (commit_block_check(l, blocks + i * DRP_BLOCK_BYTES, i, seq) < 0)
			return 0;
	return n;
}

/* What a commit says is confirmed; it comes before all that it may say it of. */
static void take_confirmed(struct load *l, const void *first_block, u64 seq)
{
	const u8 *payload = (const u8 *)first_block + sizeof(struct drp_block_header);
	struct drp_commit_disk head;
	u64 confirmed;

	memcpy(&head, payload, sizeof(head));
	confirmed = min_t(u64, le64_to_cpu(head.confirmed), seq - 1);
	l->result->confirmed = max_t(u64, l->result->confirmed, confirmed);
}

static int commit_apply(struct load *l, u64 at, u32 nr_blocks, u64 seq)
{
	u8 *blocks;
	u32 i;
	int ret;

	ret = ring_read(l, at, nr_blocks, &blocks);
	if (ret)
		return ret;
	l->commit_seq = seq;
	take_confirmed(l, blocks, seq);
	for (i = 0; !ret && i < nr_blocks; i++) {
		struct drp_block_header *h = (void *)(blocks + i * DRP_BLOCK_BYTES);
		u32 from = i ? 0 : sizeof(struct drp_commit_disk);

		ret = apply_payload(l, drp_block_payload(h), from, le32_to_cpu(h->len), false);
		ret = ret < 0 ? ret : 0;
	}
	return ret;
}

/*
 * Behind the last good commit there may be blocks of the one that was in flight,
 * of sequence @seq, and nothing newer: commits are written one after the other.
 * A newer one means that what lies between is lost.
 */
static int scan_behind(struct load *l, u64 seq)
{
	const struct drp_block_header *h;
	struct drp_block_id want = { .kind = DRP_BLOCK_JOURNAL };
	u64 at, found;
	u8 *block;
	int ret;

	for (at = 0; at < l->ring->blocks; at++) {
		ret = ring_read(l, at, 1, &block);
		if (ret)
			return ret;
		h = (const void *)block;
		want.index = le64_to_cpu(h->index);
		if (le64_to_cpu(h->seq) < seq ||
		    drp_block_check(block, l->sb->nonce, &want, &found) < 0)
			continue;
		if (found > seq)
			return fail(l, -ESTALE,
				    "the journal goes on behind a gap: the superblock is too old or a commit is damaged");
		l->result->torn = true;
	}
	return 0;
}

static int replay(struct load *l)
{
	u64 at = l->sb->tail_block, seq = l->sb->tail_seq, used = 0;
	int nr_blocks, ret;

	for (;;) {
		nr_blocks = commit_find(l, at, seq);
		if (nr_blocks < 0)
			return nr_blocks;
		if (!nr_blocks)
			break;
		used += nr_blocks;
		if (used > l->ring->blocks)
			return fail(l, -EBADMSG, "the journal is longer than its ring");
		ret = commit_apply(l, at, nr_blocks, seq);
		if (ret)
			return ret;
		at = ring_behind(l, at, nr_blocks);
		seq++;
		l->result->commits++;
	}
	l->result->next_block = at;
	l->result->next_seq = seq + 1;	/* what is left of commit @seq can never complete another */
	return scan_behind(l, seq);
}

int drp_load(const struct drp_io *io, const struct drp_super *sb, const struct drp_load_sink *sink,
	     void *ctx, void *scratch, struct drp_load_result *result)
{
	struct load l = {
		.io = io,
		.sb = sb,
		.sink = sink,
		.ctx = ctx,
		.window = scratch,
		.entries = (void *)((u8 *)scratch + DRP_COMMIT_BLOCKS_MAX * DRP_BLOCK_BYTES),
		.result = result,
		.ring = drp_super_area(sb, DRP_AREA_JOURNAL, 0),
	};
	int ret;

	memset(result, 0, sizeof(*result));
	if (!l.ring || l.ring->blocks < DRP_MIN_JOURNAL_BLOCKS)
		return fail(&l, -EBADMSG, "the superblock names no journal");
	if (sb->incompat & DRP_INCOMPAT_COW && !sink->cow_root)
		return no_cow(&l);
	ret = load_catalog(&l);
	return ret ? ret : replay(&l);
}
