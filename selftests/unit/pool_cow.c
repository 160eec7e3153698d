// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "codec_cow.h"
#include "pool_cow.h"

#define SECTOR_WORDS	64	/* of 8 bytes; tearing is by sectors */

void cow_fill(u8 *block, u32 i, u64 version)
{
	u64 *words = (void *)block;
	u32 w;

	for (w = 0; w < DRP_BLOCK_BYTES / 8; w++)
		words[w] = w == 1 ? i : version * 1000 + w / SECTOR_WORDS;
}

u64 cow_version(const u8 *block, u32 i)
{
	const u64 *words = (const void *)block;
	u32 s;

	for (s = 0; s < 8; s++)
		if (words[s * SECTOR_WORDS] != words[0] + s)
			return 0;
	return words[1] == i ? words[0] / 1000 : 0;
}

u32 cow_crc(const u8 *block)
{
	u32 crc = ~0U, s;

	for (s = 0; s < 8; s++)
		crc = crc32c(crc, block + s * SECTOR_WORDS * 8, 16);
	return crc;
}

/* ---- reading trees ---- */

int cow_reader_get(void *ctx, u64 block, u64 seq, u32 level, const void **node)
{
	const struct cow_reader *r = ctx;
	u8 *copy;

	if (block >= r->disk->blocks)
		return -EIO;
	copy = malloc(DRP_BLOCK_BYTES);
	memcpy(copy, sim_disk_peek(r->disk, block), DRP_BLOCK_BYTES);
	if (drp_cow_node_check(copy, r->nonce, seq, level)) {
		free(copy);
		return -EBADMSG;
	}
	*node = copy;
	return 0;
}

void cow_reader_put(void *ctx, const void *node)
{
	(void)ctx;
	free((void *)node);
}

struct reading {
	const struct drp_cow_store *store;
	u64 *slots;
	u64 n;
};

static int read_leaf(void *ctx, const struct drp_cow_child *child, u32 level)
{
	struct reading *r = ctx;
	struct drp_cow_entry e;
	const void *leaf;
	int ret = 0;
	u32 i, at;

	if (level)
		return 0;
	ret = r->store->get(r->store->ctx, child->block, child->seq, 0, &leaf);
	if (ret)
		return ret;
	for (i = 0; i < drp_cow_node_count(leaf) && !ret; i++) {
		drp_cow_node_entry(leaf, i, &e);
		at = cow_index(&e.key);
		if (at == COW_KEYS || e.slot > COW_SLOTS || r->slots[at])
			ret = -ERANGE;
		else
			r->slots[at] = e.slot;
		r->n++;
	}
	r->store->put(r->store->ctx, leaf);
	return ret;
}

int cow_read_tree(const struct sim_disk *disk, u64 nonce, const struct drp_cow_root *root,
		  u64 slots[COW_KEYS])
{
	struct cow_reader reader = { .disk = disk, .nonce = nonce };
	const struct drp_cow_store store = {
		.get = cow_reader_get, .put = cow_reader_put, .ctx = &reader, .nonce = nonce,
	};
	struct reading r = { .store = &store, .slots = slots };
	int ret;

	memset(slots, 0, COW_KEYS * sizeof(slots[0]));
	ret = drp_cow_visit(&store, root, read_leaf, &r);
	return ret ? ret : r.n == root->entries ? 0 : -ERANGE;
}
