/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One plane on a simulated disk, beside one byte per bit that says what it must
 * hold. While the plane reads or writes, other threads' work is imitated by
 * acting on it in the middle of that I/O.
 */
#ifndef PLANE_WORLD_H
#define PLANE_WORLD_H

#include "plane.h"
#include "plane_internal.h"
#include "simulated_disk.h"

#define WORLD_BLOCKS	4096
#define WORLD_ROOTS	8

struct world_config {
	const char *name;
	u64 nr_bits;
	u64 max_bits;		/* it may grow to */
	u32 steps;
	u64 memory_max;		/* 0: the default */
	u32 fail_nowait;	/* one allocation in so many fails */
	u32 fail_sleeping;
	u32 fail_read;		/* one read in so many */
	u32 fail_write;
	u32 free_blocks;	/* blocks left to the plane, 0: all */
	bool damage;		/* pages are damaged while the power is off */
};

struct world {
	const struct world_config *config;
	struct sim_random r;
	struct sim_disk *disk;
	struct drp_metadev md;
	struct drp_io_ops ops;
	struct drp_plane_map *plane;
	u64 nr_bits;
	u8 *model;		/* 1: the plane must say 1; 0: it may say 1 only if it may err */
	/* after a crash now: what must be 1, what may be 1 */
	u8 *required, *possible;
	/* the same once the checkpoint under way is durable */
	u8 *next_required, *next_possible;
	bool stored_exact, next_exact;
	struct drp_dir_entry roots[WORLD_ROOTS];
	u64 root_bits;
	u8 *named;		/* blocks that the durable root leads to */
	bool checkpoint;
	bool quiet;		/* nobody interferes */
	u32 depth;
	u64 guard_first, guard_count;	/* being cleared: others keep away */
	u64 crashes, checkpoints, abandoned, meddled;
};

struct world *world_new(const struct world_config *config, u64 seed);
void world_free(struct world *w);
/* Do something, at random. */
void world_step(struct world *w);
/* Compare all bits; the plane must be a superset of the model, or equal where nothing could fail. */
void world_verify(struct world *w);
/* Write a checkpoint that fails nowhere. */
void world_checkpoint(struct world *w);
/* Blocks that the state in memory names must be those in use. */
void world_check_blocks(struct world *w);

#endif /* PLANE_WORLD_H */
