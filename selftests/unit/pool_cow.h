/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * COW space of the small pool: keys that have a slot or none, slots as blocks
 * behind the pool's own on the same disk, so that a power failure hits both.
 */
#ifndef POOL_COW_H
#define POOL_COW_H

#include "cow.h"
#include "simulated_disk.h"

#define COW_KEYS	160	/* more than a leaf holds */
#define COW_SLOTS	190
#define COW_FIRST_BLOCK	1000

struct cow_value {
	u64 slot;		/* 0: none */
	u64 version;		/* of what is in it */
	bool sure;		/* record and data are durable: its source may be overwritten */
};

static inline struct drp_cow_key cow_key(u32 i)
{
	return (struct drp_cow_key){ 1, i / 2, 1 + i % 2 };
}

/* The number of a key, COW_KEYS if it is none. */
static inline u32 cow_index(const struct drp_cow_key *key)
{
	if (key->element != 1 || key->generation < 1 || key->generation > 2 ||
	    key->chunk >= COW_KEYS / 2)
		return COW_KEYS;
	return 2 * key->chunk + key->generation - 1;
}

/* What a slot holds of @version of key @i. */
void cow_fill(u8 *block, u32 i, u64 version);
/* Its version, 0 if it is torn or something else. */
u64 cow_version(const u8 *block, u32 i);
u32 cow_crc(const u8 *block);

/* Nodes read from a disk: ctx of a store with these two operations. */
struct cow_reader {
	const struct sim_disk *disk;
	u64 nonce;
};

int cow_reader_get(void *ctx, u64 block, u64 seq, u32 level, const void **node);
void cow_reader_put(void *ctx, const void *node);

/* All entries of a tree: slots by key. 0 or -errno. */
int cow_read_tree(const struct sim_disk *disk, u64 nonce, const struct drp_cow_root *root,
		  u64 slots[COW_KEYS]);

#endif /* POOL_COW_H */
