/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A disk in memory for tests of the commit protocol. Writes go to a volatile
 * cache; a power failure keeps an arbitrary part of what was not flushed, torn
 * at 512 bytes. Before each write and flush takes effect, with the write already
 * among what may be lost, the test may look at what a failure would leave.
 */
#ifndef SIMULATED_DISK_H
#define SIMULATED_DISK_H

#include "journal.h"

struct sim_random {
	u64 state;
};

u64 sim_random(struct sim_random *r);
/* 0 to @n - 1. */
u32 sim_below(struct sim_random *r, u32 n);
/* True once in @n. */
bool sim_once_in(struct sim_random *r, u32 n);

enum sim_keep {
	SIM_KEEP_NOTHING,	/* of what is not flushed */
	SIM_KEEP_ALL,
	SIM_KEEP_SECTORS,	/* each one by chance */
	SIM_KEEP_BLOCKS,	/* each one by chance, whole */
};

struct sim_disk;

struct sim_hooks {
	/* before a write or flush takes effect */
	void (*before)(void *ctx, struct sim_disk *disk);
	/* may change what a read of one block returns, or fail it */
	int (*read)(void *ctx, u64 block, u8 *data);
	/* true: this write of one block never reaches the disk, although it succeeds */
	bool (*lose)(void *ctx, u64 block, const u8 *data);
	void *ctx;
};

struct sim_disk {
	u64 blocks;
	struct drp_io io;		/* the core's operations on this disk */
	struct sim_hooks hooks;
	bool ignore_flush;		/* a fault of the caller: no flush is sent */
	bool ignore_fua;
	int fail;			/* if not 0: what every operation returns, without effect */
	u64 reads, writes, flushes;
	/* private */
	const struct sim_disk *base;	/* what is not here lies there */
	u8 **durable;
	u8 **cached;			/* newest content that is not durable */
	struct sim_pending {
		u64 block;
		u8 *data;
	} *pending;			/* in the order of writing */
	u32 nr_pending;
	u32 max_pending;
};

struct sim_disk *sim_disk_new(u64 blocks);
void sim_disk_free(struct sim_disk *disk);

/*
 * The disk as a power failure now would leave it, without hooks. @disk must not
 * change while the image lives.
 */
struct sim_disk *sim_disk_image(const struct sim_disk *disk, enum sim_keep keep,
				struct sim_random *r);

/* The power fails and comes back: @fail ends, hooks stay. */
void sim_disk_power_fail(struct sim_disk *disk, enum sim_keep keep, struct sim_random *r);

/* What a read of @block gives now; never NULL. */
const u8 *sim_disk_peek(const struct sim_disk *disk, u64 block);
/* Replace @block, durably and silently. */
void sim_disk_poke(struct sim_disk *disk, u64 block, const void *data);

#endif /* SIMULATED_DISK_H */
