// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target: all decoders, and loading and checking of a pool on a disk in
 * memory. The input's first byte picks: a decoder that gets the rest as it is,
 * or a list of edits to the blocks of a good pool. Edited blocks get their
 * checksums anew, so that what lies behind the checksum is reached.
 *
 * An edit is 8 bytes: block (2), offset (2), length of a run (1), value (1),
 * how (1), unused (1).
 */
#include <stdlib.h>

#include "codec_samples.h"
#include "simulated_disk.h"
#include "bitmap.h"
#include "check.h"
#include "codec_cow.h"
#include "fuzz.h"

#define DISK_BLOCKS	2048
#define PAGE_AREA	(257 + 256 + 64 + 64)
#define OBJECTS		64
#define ROOTS		64
#define SLOTS		4096
#define NEW_NODES	1500	/* blocks behind this one are free */

static struct sim_disk *good;
static u8 scratch[DRP_LOAD_SCRATCH_BLOCKS * DRP_BLOCK_BYTES] __aligned(8);
static struct drp_check_page page;
static u64 used[DISK_BLOCKS / 64 + 1];
static struct drp_check_object objects[OBJECTS];
static struct drp_check_root roots[ROOTS];
static struct drp_check_mod mods[64];
static u8 nodes[DRP_COW_HEIGHT_MAX * DRP_BLOCK_BYTES] __aligned(8);
static u64 slots[SLOTS / 64 + 1], slots_used[SLOTS / 64 + 1];

/* ---- a good pool: a catalog of all samples, a plane, and commits ---- */

static const enum sample in_catalog[] = {
	SAMPLE_POOL, SAMPLE_ELEMENT, SAMPLE_SYNC, SAMPLE_GROUP, SAMPLE_ASPECT, SAMPLE_ACTIVATE,
	SAMPLE_COW_ROOT,
};

static int next_record(void *ctx, void *buf, u32 room)
{
	const struct drp_dir_entry e = { DRP_PAGE_STORED, PAGE_AREA, 10 };
	u32 *at = ctx, taken;

	if (*at < ARRAY_SIZE(in_catalog))
		return sample_encode(in_catalog[(*at)++], buf, room);
	if ((*at)++ == ARRAY_SIZE(in_catalog))
		return drp_encode_plane_root(0x21, DRP_PLANE_D, 0, &e, 1, &taken, buf, room);
	return 0;
}

static void put_plane(void)
{
	struct drp_dir_entry entries[DRP_DIR_ENTRIES] = { { DRP_PAGE_STORED, PAGE_AREA + 1, 20 } };
	u64 words[DRP_PAGE_BYTES / 8] = { 7 };
	u8 block[DRP_BLOCK_BYTES] __aligned(8);

	drp_dir_encode(block, SAMPLE_NONCE, 0x21, DRP_PLANE_D, 0, 10, entries);
	sim_disk_poke(good, PAGE_AREA, block);
	drp_page_encode(block, SAMPLE_NONCE, 0x21, DRP_PLANE_D, 0, 20, words);
	sim_disk_poke(good, PAGE_AREA + 1, block);
}

static void seal_node(u32 level, u64 at, u64 seq, u8 *block, u32 len)
{
	const struct drp_block_id id = {
		.kind = DRP_BLOCK_COW_NODE, .flags = level, .seq = seq,
	};

	drp_block_seal(block, SAMPLE_NONCE, &id, len);
	sim_disk_poke(good, at, block);
}

/* What SAMPLE_COW_ROOT speaks of: block 700 of sequence 99, two leaves, 200 entries. */
static void put_tree(void)
{
	u8 block[DRP_BLOCK_BYTES] __aligned(8);
	struct drp_cow_child_disk *children = drp_block_payload(block), both[2];
	struct drp_cow_entry_disk *entries = drp_block_payload(block);
	u32 leaf, i;

	for (leaf = 0; leaf < 2; leaf++) {
		struct drp_cow_child child = { { 0x11, 1000 * leaf, 1 }, 701 + leaf, 1 + leaf };

		for (i = 0; i < 100; i++) {
			const struct drp_cow_entry e = {
				{ 0x11, 1000 * leaf + i, 1 }, 1 + 200 * leaf + i, 0,
				DRP_COW_PRIVATE,
			};

			drp_cow_entry_pack(&entries[i], &e);
		}
		seal_node(0, child.block, child.seq, block, 100 * sizeof(*entries));
		drp_cow_child_pack(&both[leaf], &child);
	}
	memcpy(children, both, sizeof(both));
	seal_node(1, 700, 99, block, sizeof(both));
}

static void put_commits(const struct drp_super *sb)
{
	static u8 buf[4 * DRP_BLOCK_BYTES] __aligned(8);
	struct drp_ring ring;
	struct drp_commit c;
	u8 record[DRP_RECORD_MAX];
	u32 i;
	int len;

	drp_ring_init(&ring, sb);
	for (i = 0; i < SAMPLES; i++) {
		if (i == SAMPLE_PLANE_ROOT || i == SAMPLE_COW_ROOT)
			continue;
		drp_commit_start(&c, buf, 4);
		do {
			len = sample_encode(i, record, sizeof(record));
		} while (c.nr_blocks < 2 && i == SAMPLE_SYNC && !drp_commit_add(&c, record, len));
		if (i != SAMPLE_SYNC)
			len = drp_commit_add(&c, record, len);
		if (drp_commit_seal(&c, &ring) || drp_commit_write(&c, &ring, &good->io))
			abort();
	}
}

static void make_good(void)
{
	struct drp_format_params p = {
		.nonce = SAMPLE_NONCE, .name = "pool", .device_blocks = DISK_BLOCKS,
		.chunk_sectors = 128, .region_sectors = 8, .extent_sectors = 8192,
	};
	struct drp_cut cut = { 0, 1 };
	struct drp_super sb;
	u32 at = 0;

	good = sim_disk_new(DISK_BLOCKS);
	if (drp_format_layout(&p, &sb) || drp_format_write(&good->io, &sb, scratch))
		abort();
	sb.incompat = DRP_INCOMPAT_COW;
	sb.cow_sectors = 128 * 1000;
	if (drp_checkpoint_write(&good->io, &sb, cut, next_record, &at, scratch))
		abort();
	put_plane();
	put_tree();
	put_commits(&sb);
	good->io.ops->flush(good);
}

/* ---- edits ---- */

/* Most blocks are empty: only these are worth an edit. */
static u64 interesting_block(u32 pick)
{
	static const u64 blocks[] = { 0, 256, 513, 577, 578, PAGE_AREA, PAGE_AREA + 1, 700, 701, 702 };

	if (pick & 1)
		return 257 + (pick >> 1) % 24;	/* the journal's commits */
	return blocks[(pick >> 1) % ARRAY_SIZE(blocks)];
}

static void reseal(u8 *block)
{
	struct drp_block_header *h = (void *)block;
	const struct drp_block_id id = {
		le32_to_cpu(h->kind), le32_to_cpu(h->flags), le64_to_cpu(h->object),
		le64_to_cpu(h->index), le64_to_cpu(h->seq),
	};
	u32 len = le32_to_cpu(h->len);

	drp_block_seal(block, le64_to_cpu(h->nonce), &id, len);
}

static void edit(struct sim_disk *disk, const u8 *e)
{
	u64 at = interesting_block(e[0] | e[1] << 8);
	u32 offset = (e[2] | e[3] << 8) % DRP_BLOCK_BYTES;
	u32 run = min_t(u32, 1 + e[4] % 16, DRP_BLOCK_BYTES - offset);
	u8 block[DRP_BLOCK_BYTES] __aligned(8);
	u32 i;

	memcpy(block, sim_disk_peek(disk, at), sizeof(block));
	for (i = 0; i < run; i++)
		block[offset + i] = e[6] & 2 ? block[offset + i] + e[5] : e[5];
	if (!(e[6] & 1))
		reseal(block);
	sim_disk_poke(disk, at, block);
}

static void ignore_finding(void *ctx, enum drp_check_severity severity, const char *text)
{
	(void)ctx;
	(void)severity;
	if (strnlen(text, DRP_MESSAGE_MAX + 1) > DRP_MESSAGE_MAX)
		abort();
}

/* ---- the COW index: searches and a merge over what the edits left of it ---- */

struct node_store {
	struct sim_disk *disk;
	u64 next;		/* free block */
	u64 seq;
	u32 held;
	u32 left;		/* of the changes */
};

static int op_get(void *ctx, u64 block, u64 seq, u32 level, const void **node)
{
	struct node_store *s = ctx;
	u8 *copy;

	if (block >= DISK_BLOCKS)
		return -EIO;
	copy = malloc(DRP_BLOCK_BYTES);
	memcpy(copy, sim_disk_peek(s->disk, block), DRP_BLOCK_BYTES);
	if (drp_cow_node_check(copy, SAMPLE_NONCE, seq, level)) {
		free(copy);
		return -EBADMSG;
	}
	s->held++;
	*node = copy;
	return 0;
}

static void op_put(void *ctx, const void *node)
{
	((struct node_store *)ctx)->held--;
	free((void *)node);
}

static u64 op_alloc(void *ctx)
{
	struct node_store *s = ctx;

	return s->next < DISK_BLOCKS ? s->next++ : 0;
}

static int op_write(void *ctx, u64 block, const void *node)
{
	sim_disk_poke(((struct node_store *)ctx)->disk, block, node);
	return 0;
}

static void op_free(void *ctx, u64 block)
{
	if (block < DRP_FIRST_AREA_BLOCK || block >= ((struct node_store *)ctx)->next)
		abort();
}

static u64 op_next_seq(void *ctx)
{
	return ++((struct node_store *)ctx)->seq;
}

/* Puts and dels over both leaves and behind them. */
static int op_next(void *ctx, struct drp_cow_mod *mod)
{
	struct node_store *s = ctx;

	if (!s->left)
		return 0;
	*mod = (struct drp_cow_mod){
		.entry = { { 0x11, 1200 - 30ULL * s->left, 1 }, 900 + s->left, 0, DRP_COW_PRIVATE },
		.del = s->left % 3 == 0,
	};
	s->left--;
	return 1;
}

static void search_and_merge(struct sim_disk *disk)
{
	struct node_store s = { .disk = disk, .next = NEW_NODES, .seq = 1000, .left = 40 };
	const struct drp_cow_store store = {
		.get = op_get, .put = op_put, .alloc = op_alloc, .write = op_write,
		.free = op_free, .next_seq = op_next_seq, .ctx = &s, .nonce = SAMPLE_NONCE,
	};
	static const struct drp_cow_key keys[] = { { 0, 0, 0 }, { 0x11, 99, 2 }, { 0x12, 0, 0 } };
	struct drp_cow_root root = { 700, 99, 2, 200, 3 };
	static struct drp_cow_merge *merge;
	struct drp_cow_entry e;
	u32 i;

	if (!merge)
		merge = aligned_alloc(8, (drp_cow_merge_bytes() + 7) / 8 * 8);
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		drp_cow_find_ge(&store, &root, &keys[i], &e);
		drp_cow_find_le(&store, &root, &keys[i], &e);
	}
	if (!drp_cow_merge(&store, &root, op_next, &s, merge)) {
		drp_cow_find_ge(&store, &root, &keys[0], &e);
		drp_cow_find_le(&store, &root, &keys[2], &e);
	}
	if (s.held)
		abort();
}

static void check_edited(const u8 *edits, size_t size)
{
	const struct drp_check_memory memory = {
		.scratch = scratch, .page = &page, .used = used, .objects = objects,
		.max_objects = OBJECTS, .roots = roots, .max_roots = ROOTS,
		.nodes = nodes, .mods = mods, .max_mods = ARRAY_SIZE(mods), .slots = slots,
		.slots_used = slots_used, .max_slots = SLOTS,
	};
	const struct drp_check_sink sink = { .finding = ignore_finding };
	struct sim_random r = { 1 };
	struct drp_check_result result;
	struct sim_disk *disk = sim_disk_image(good, SIM_KEEP_NOTHING, &r);

	for (; size >= 8; edits += 8, size -= 8)
		edit(disk, edits);
	drp_check(&disk->io, disk->blocks, &sink, NULL, &memory, &result);
	search_and_merge(disk);
	sim_disk_free(disk);
}

/* ---- single decoders ---- */

/* What a decoder accepts, the encoder must accept again, and decode to the same bytes. */
static void decode_record(u16 type, const u8 *body, u32 len)
{
	u8 once[DRP_BLOCK_BYTES], twice[DRP_BLOCK_BYTES];
	int n, m;

	if (sample_decode(type, body, len))
		return;
	n = sample_reencode(type, body, len, once, sizeof(once));
	if (n == -ENOSPC && len > DRP_RECORD_MAX - 8)
		return;
	if (n < 8)
		abort();
	m = sample_reencode(type, once + 8, n - 8, twice, sizeof(twice));
	if (m != n || memcmp(once, twice, n))
		abort();
}

static void decode_list(const u8 *data, u32 size)
{
	struct drp_record rec;
	u32 pos = 0;

	while (drp_record_next(data, size, &pos, &rec) > 0)
		decode_record(rec.type, rec.body, rec.len);
}

static void decode_block(const u8 *data, size_t size)
{
	static u64 words[DRP_PAGE_BYTES / 8];
	static struct drp_dir_entry entries[DRP_DIR_ENTRIES];
	u8 block[DRP_BLOCK_BYTES] __aligned(8) = { };
	struct drp_block_header *h = (void *)block;
	struct drp_super sb = { };

	memcpy(block, data, min_t(size_t, size, sizeof(block)));
	reseal(block);
	drp_super_decode(block, le64_to_cpu(h->object), &sb);
	drp_cow_node_check(block, le64_to_cpu(h->nonce), le64_to_cpu(h->seq),
			   le32_to_cpu(h->flags));
	drp_cow_label_check(block, &sb);
	drp_page_decode(block, le64_to_cpu(h->nonce), le64_to_cpu(h->object), DRP_PLANE_D,
			le64_to_cpu(h->index), le64_to_cpu(h->seq), words);
	drp_dir_decode(block, le64_to_cpu(h->nonce), le64_to_cpu(h->object), DRP_PLANE_D,
		       le64_to_cpu(h->index), le64_to_cpu(h->seq), DISK_BLOCKS, entries);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	if (!good)
		make_good();
	if (!size)
		return 0;
	switch (data[0] % 4) {
	case 0:
		decode_list(data + 1, size - 1);
		break;
	case 1:
		if (size > 1)
			decode_record(data[1] % 21, data + 2, size - 2);
		break;
	case 2:
		decode_block(data + 1, size - 1);
		break;
	default:
		check_edited(data + 1, size - 1);
	}
	return 0;
}
