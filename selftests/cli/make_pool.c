// SPDX-License-Identifier: GPL-2.0-only
/*
 * make_pool DEVICE NAME [HOST]: an empty pool, written by the core, for the tests
 * of offline commands; as another HOST left it that did not stop it.
 * make_pool DEVICE NAME --cow COW-DEVICE [CHUNKS SECTORS]: one with a snapshot that
 * keeps 200 chunks of 64 KiB, or so many of so many sectors: chunk c in slot c + 1.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cow.h"
#include "journal.h"

static int fd;

static int io_read(void *ctx, u64 block, void *buf, u32 nr)
{
	(void)ctx;
	return pread(fd, buf, nr * DRP_BLOCK_BYTES, block * DRP_BLOCK_BYTES) ==
	       (ssize_t)(nr * DRP_BLOCK_BYTES) ? 0 : -EIO;
}

static int io_write(void *ctx, u64 block, const void *buf, u32 nr, bool fua)
{
	(void)ctx;
	(void)fua;
	return pwrite(fd, buf, nr * DRP_BLOCK_BYTES, block * DRP_BLOCK_BYTES) ==
	       (ssize_t)(nr * DRP_BLOCK_BYTES) ? 0 : -EIO;
}

static int io_flush(void *ctx)
{
	(void)ctx;
	return fsync(fd) ? -EIO : 0;
}

/* ---- COW space: an element, its snapshot, and chunks in a tree (200: three nodes) ---- */

struct content {
	struct drp_io *io;
	struct drp_super *sb;
	struct drp_cow_root root;
	u64 next_block, seq;
	u32 chunks, chunk, record;
};

static int op_get(void *ctx, u64 block, u64 seq, u32 level, const void **node)
{
	(void)ctx;
	(void)block;
	(void)seq;
	(void)level;
	(void)node;
	return -EIO;	/* a tree that is made anew reads nothing */
}

static u64 op_alloc(void *ctx)
{
	return ((struct content *)ctx)->next_block++;
}

static int op_write(void *ctx, u64 block, const void *node)
{
	(void)ctx;
	return io_write(NULL, block, node, 1, false);
}

static u64 op_next_seq(void *ctx)
{
	return ++((struct content *)ctx)->seq;
}

static int next_chunk(void *ctx, struct drp_cow_mod *mod)
{
	struct content *c = ctx;

	if (c->chunk == c->chunks)
		return 0;
	*mod = (struct drp_cow_mod){ .entry = {
		.key = { 1, c->chunk, 1 }, .slot = 1 + c->chunk, .kind = DRP_COW_PRESERVED,
	} };
	c->chunk++;
	return 1;
}

/* Those of the label and of the chunks are used: a directory at @at, its pages behind it. */
static int write_slots(const struct drp_super *sb, u64 at, u32 pages, u64 used)
{
	struct drp_dir_entry entries[DRP_DIR_ENTRIES] = { };
	u64 words[DRP_PAGE_BYTES / 8];
	u8 block[DRP_BLOCK_BYTES] __aligned(8);
	int err = 0;
	u32 i, bit;
	u64 seq;

	for (i = 0; i < pages && !err; i++) {
		memset(words, 0, sizeof(words));
		for (bit = 0; bit < DRP_PAGE_BITS && (u64)i * DRP_PAGE_BITS + bit < used; bit++)
			words[bit / 64] |= 1ULL << bit % 64;
		/* As the module makes them: it learns from there how many are set. */
		seq = 2 << 16 | bit;
		entries[i] = (struct drp_dir_entry){ DRP_PAGE_STORED, at + 1 + i, seq };
		drp_page_encode(block, sb->nonce, DRP_COW_PLANE_ID, DRP_PLANE_SLOTS, i, seq, words);
		err = io_write(NULL, at + 1 + i, block, 1, false);
	}
	drp_dir_encode(block, sb->nonce, DRP_COW_PLANE_ID, DRP_PLANE_SLOTS, 0, 1, entries);
	return err ? err : io_write(NULL, at, block, 1, false);
}

static int next_record(void *ctx, void *buf, u32 room)
{
	static const struct drp_pool_rec pool = { 3, 1, 1, 0, 0 };
	struct content *c = ctx;
	const u64 sectors = max_t(u64, 1 << 20, (u64)c->chunks * c->sb->chunk_sectors);
	const struct drp_element_rec elements[] = {
		{ .id = 1, .name = "home", .size_sectors = sectors, .generation = 1 },
		{ .id = 2, .name = "monday", .size_sectors = sectors, .parent_element = 1,
		  .parent_generation = 1 },
	};
	const struct drp_dir_entry e = {
		DRP_PAGE_STORED, drp_super_area(c->sb, DRP_AREA_PAGES, 0)->first, 1,
	};
	u32 taken;

	switch (c->record++) {
	case 0:
		return drp_encode_pool(&pool, buf, room);
	case 1:
	case 2:
		return drp_encode_element(&elements[c->record - 2], buf, room);
	case 3:
		return drp_encode_plane_root(DRP_COW_PLANE_ID, DRP_PLANE_SLOTS, 0, &e, 1, &taken,
					     buf, room);
	case 4:
		return drp_encode_cow_root(&c->root, buf, room);
	default:
		return 0;
	}
}

static int write_label(const char *path, struct drp_super *sb)
{
	u8 block[DRP_BLOCK_BYTES] __aligned(8);
	int cow = open(path, O_RDWR);

	if (cow < 0)
		return -errno;
	sb->incompat = DRP_INCOMPAT_COW;
	sb->cow_sectors = lseek(cow, 0, SEEK_END) >> DRP_SECTOR_SHIFT;
	drp_cow_label_encode(sb, block);
	return pwrite(cow, block, sizeof(block), 0) == sizeof(block) && !fsync(cow) ? 0 : -EIO;
}

static int add_cow(struct drp_io *io, struct drp_super *sb, const char *path, u32 chunks,
		   void *scratch)
{
	const u64 first = drp_super_area(sb, DRP_AREA_PAGES, 0)->first;
	const u32 pages = DIV_ROUND_UP(chunks + 1, DRP_PAGE_BITS);
	struct content c = {
		.io = io, .sb = sb, .chunks = chunks, .next_block = first + 1 + pages,
	};
	const struct drp_cow_store store = {
		.get = op_get, .alloc = op_alloc, .write = op_write, .next_seq = op_next_seq,
		.ctx = &c, .nonce = sb->nonce,
	};
	struct drp_cut cut = { sb->tail_block, sb->tail_seq };
	void *merge = malloc(drp_cow_merge_bytes());
	int err = merge ? write_label(path, sb) : -ENOMEM;

	if (!err)
		err = drp_cow_merge(&store, &c.root, next_chunk, &c, merge);
	free(merge);
	if (!err)
		err = write_slots(sb, first, pages, chunks + 1);
	if (!err)
		err = drp_checkpoint_write(io, sb, cut, next_record, &c, scratch);
	return err;
}

int main(int argc, char **argv)
{
	static const struct drp_io_ops ops = { io_read, io_write, io_flush };
	static u8 scratch[2 * DRP_BLOCK_BYTES] __aligned(8);
	struct drp_format_params p = {
		.uuid = { 1, 2, 3, 4 }, .nonce = 0x1234567890abcdefULL, .now = 1,
		.chunk_sectors = 128, .region_sectors = 8, .extent_sectors = 8192,
	};
	struct drp_io io = { &ops, NULL };
	struct drp_super sb;
	int err;

	const bool cow = (argc == 5 || argc == 7) && !strcmp(argv[3], "--cow");
	u32 chunks = 200;

	if (argc < 3 || (argc > 4 && !cow))
		return 64;
	if (argc == 7) {
		chunks = atoi(argv[5]);
		p.chunk_sectors = atoi(argv[6]);
		if (!chunks || chunks >= DRP_DIR_ENTRIES * DRP_PAGE_BITS)
			return 64;
	}
	fd = open(argv[1], O_RDWR);
	if (fd < 0)
		return 66;
	p.name = argv[2];
	p.device_blocks = lseek(fd, 0, SEEK_END) / DRP_BLOCK_BYTES;
	err = drp_format_layout(&p, &sb);
	if (!err && argc == 4) {
		sb.clean = false;
		memset(sb.owner_uuid, 0x5a, sizeof(sb.owner_uuid));
		strscpy(sb.owner_name, argv[3], sizeof(sb.owner_name));
	}
	if (!err)
		err = drp_format_write(&io, &sb, scratch);
	if (!err && cow)
		err = add_cow(&io, &sb, argv[4], chunks, scratch);
	if (err)
		fprintf(stderr, "make_pool: %s\n", strerror(-err));
	return err ? 1 : 0;
}
