/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Nodes of a COW index in memory for tests: who frees twice, reads what is free,
 * writes over what is in use or keeps a node is found out, and every operation
 * can be made to fail.
 */
#ifndef COW_STORE_H
#define COW_STORE_H

#include "cow.h"
#include "simulated_disk.h"

#define STORE_BLOCKS	16384
#define STORE_FIRST	1000ULL		/* block of the first one */

enum store_fault {
	STORE_GET,
	STORE_ALLOC,
	STORE_WRITE,
	STORE_NEXT,		/* of the changes, for who uses it: see store_fails() */
	STORE_FAULTS
};

struct cow_store {
	struct drp_cow_store ops;
	struct sim_random random;
	u8 *data[STORE_BLOCKS];	/* NULL: not allocated */
	bool written[STORE_BLOCKS];
	u32 nr_blocks;		/* that may be allocated at all */
	u32 used;
	u64 seq;
	u32 held;		/* nodes got and not put */
	u64 count[STORE_FAULTS];
	u64 fail_at[STORE_FAULTS]; /* the operation with this number fails; 0: none */
	bool fail_on;		/* and all behind it */
	const char *problem;	/* the first misuse */
};

struct cow_store *store_new(u64 seed);
void store_free(struct cow_store *s);

/* Count an operation: must it fail? */
bool store_fails(struct cow_store *s, enum store_fault which);
void store_heal(struct cow_store *s);

u8 *store_block(struct cow_store *s, u64 block);

/*
 * Are the blocks in use exactly those of @root, its counts right, its keys in
 * order, no node but the root less than a quarter full? NULL or what is wrong.
 */
const char *store_check(struct cow_store *s, const struct drp_cow_root *root);

#endif /* COW_STORE_H */
