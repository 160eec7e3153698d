/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The commit protocol: journal ring, checkpoint, load and replay, as straight
 * steps over three device operations that the caller provides. Pure: no lock,
 * no allocation, no clock; it sleeps only where the operations do. The caller
 * serialises calls on one struct drp_ring.
 *
 * Order that everything relies on (contract rules 1, 5, 6):
 *   commit:     all blocks of commit n with FUA; n+1 is written only after n is durable.
 *   checkpoint: plane pages to blocks not in use, catalog to the other area
 *               -> flush -> one superblock (FUA) -> the other (FUA) -> only
 *               then the ring space and the old blocks may be reused.
 *   the cut of a checkpoint is the first commit that is not yet complete; what
 *   the catalog says may be newer than the cut, never older; records are
 *   idempotent, so replay from the cut gives the state of the last commit.
 *   A PLANE_ALL 0 behind the cut is replayed over pages that may be newer: the
 *   catalog leaves out only extents that were retired before the cut was taken,
 *   and a load ORs the active extents into D after the last record.
 *   after every load a checkpoint is written before I/O is admitted; its tail
 *   sequence skips one number, so that blocks of a torn commit can never
 *   complete a later one.
 */
#ifndef DRP_CORE_JOURNAL_H
#define DRP_CORE_JOURNAL_H

#include "codec.h"

/* Device operations in blocks; 0 or a negative errno. @fua: durable when it returns. */
struct drp_io_ops {
	int (*read)(void *ctx, u64 block, void *buf, u32 nr_blocks);
	int (*write)(void *ctx, u64 block, const void *buf, u32 nr_blocks, bool fua);
	int (*flush)(void *ctx);
};

struct drp_io {
	const struct drp_io_ops *ops;
	void *ctx;
};

struct drp_ring {
	u64 nonce;
	u64 first;		/* device block of ring index 0 */
	u64 blocks;
	u64 head;		/* ring index of the next commit */
	u64 head_seq;		/* its sequence */
	u64 done;		/* first commit that is not complete: cut of a checkpoint */
	u64 done_seq;
	u64 tail;		/* replay starts here */
	u64 tail_seq;
	u64 confirmed;		/* highest commit up to which all preserved data is durable: the caller's */
};

/* A ring for @sb's journal area, empty, at the root's tail. */
void drp_ring_init(struct drp_ring *ring, const struct drp_super *sb);

struct drp_load_result;

/* Go on behind what a load replayed: head and cut; the tail stays the superblock's. */
void drp_ring_resume(struct drp_ring *ring, const struct drp_load_result *loaded);

/* Blocks that may still be written before the head would reach the tail. */
u64 drp_ring_room(const struct drp_ring *ring);

/* ---- building one commit ---- */

struct drp_commit {
	u8 *buf;		/* DRP_COMMIT_BLOCKS_MAX blocks, the caller's */
	u32 max_blocks;
	u32 nr_blocks;		/* in use */
	u32 fill;		/* payload bytes used in the last one */
	u32 nr_records;
	u64 seq;		/* after sealing */
	u64 at;			/* ring index, after sealing */
};

/* Start an empty commit in @buf of @max_blocks (<= DRP_COMMIT_BLOCKS_MAX) blocks. */
void drp_commit_start(struct drp_commit *c, void *buf, u32 max_blocks);

/* Append a whole encoded record: 0, or -ENOSPC if the commit is full (seal, write, start anew). */
int drp_commit_add(struct drp_commit *c, const void *record, u32 len);

/*
 * Give the commit its place and sequence, and what the ring says is confirmed;
 * seal its blocks, move the head. -ENOSPC: no room in the ring.
 */
int drp_commit_seal(struct drp_commit *c, struct drp_ring *ring);

/*
 * Write a sealed commit with FUA (two writes if it wraps). After an error it is
 * unknown which of its blocks are durable: the only write that may follow is
 * the same commit again. Sleeps.
 */
int drp_commit_write(const struct drp_commit *c, const struct drp_ring *ring,
		     const struct drp_io *io);

/* The commit is durable and its effects are in memory: the next cut may pass it. */
void drp_commit_complete(const struct drp_commit *c, struct drp_ring *ring);

/* ---- checkpoint ---- */

/*
 * Yields the next encoded record of the pool's state at @buf: its length, 0 at
 * the end, negative errno. @room is always DRP_RECORD_MAX.
 */
typedef int (*drp_catalog_next_fn)(void *ctx, void *buf, u32 room);

struct drp_cut {
	u64 block;
	u64 seq;
};

/* Where a checkpoint that starts now begins its replay. */
struct drp_cut drp_ring_cut(const struct drp_ring *ring);

/*
 * Write a checkpoint: catalog from @next into the area not in use, flush, both
 * superblocks with the new root. The flush also covers the plane pages that the
 * caller wrote before. @sb is the caller's copy; its root is updated on success
 * only. @scratch: 2 blocks. -ENOSPC: the state does not fit the catalog area
 * (nothing has changed). On an I/O error the outcome on the device is unknown:
 * the caller must stop writing (pool mode ro). Sleeps.
 */
int drp_checkpoint_write(const struct drp_io *io, struct drp_super *sb, struct drp_cut cut,
			 drp_catalog_next_fn next, void *ctx, void *scratch);

/* After a successful checkpoint: the ring space before @cut is free. */
void drp_ring_release(struct drp_ring *ring, struct drp_cut cut);

/*
 * Write @sb to both places, one after the other, FUA (e.g. the clean flag). A
 * write may be torn, so the place that alone holds the newest superblock is
 * never the first: drp_probe_device() notes which that is. After an error the
 * outcome is unknown and the caller must stop writing. @scratch: 1 block. Sleeps.
 */
int drp_super_write(const struct drp_io *io, struct drp_super *sb, void *scratch);

/* ---- format, load, replay ---- */

struct drp_format_params {
	u8 uuid[DRP_UUID_BYTES];
	u64 nonce;		/* random */
	const char *name;
	u64 device_blocks;
	u64 now;
	u32 chunk_sectors;
	u32 region_sectors;
	u32 extent_sectors;
};

/*
 * Lay out areas for the device size. 0, -ENOSPC if it is too small
 * (DRP_MIN_DEVICE_BLOCKS), -EINVAL for a bad name, size or nonce.
 */
int drp_format_layout(const struct drp_format_params *p, struct drp_super *sb);

/*
 * Write an empty pool: zero blocks 0 to 256, flush, catalog, flush, superblocks.
 * @sb as laid out; its root is filled in. @scratch: 2 blocks. Sleeps.
 */
int drp_format_write(const struct drp_io *io, struct drp_super *sb, void *scratch);

enum drp_probe {
	DRP_PROBE_VALID,	/* @sb is the newest of two good superblocks */
	DRP_PROBE_REPAIR,	/* one is good, the other zero, damaged, unreadable or older: rewrite both */
	DRP_PROBE_BLANK,	/* both places and the first 1 MiB are zero */
	DRP_PROBE_FOREIGN,	/* something else is there */
	DRP_PROBE_DAMAGED,	/* ours, but no superblock can be used (version, size) */
};

/*
 * What is on the device? @scratch: 2 blocks. @sb counts only with VALID and
 * REPAIR. -ENOSPC: too small; a read error counts only if the other place is
 * not good. Sleeps.
 */
int drp_probe_device(const struct drp_io *io, u64 device_blocks, struct drp_super *sb,
		     enum drp_probe *what, void *scratch);

/*
 * What a load hands out, in the order of the log. Each returns 0 or a negative
 * errno, which ends the load. Puts replace an object of the same id. Names,
 * ids and references have been checked for form, not for existence: the catalog
 * may be newer than the first commits that are replayed, so a deletion, an
 * activation or a plane may be about an object that is not there (any more),
 * and is then ignored.
 */
struct drp_cow_entry;
struct drp_cow_key;
struct drp_cow_root;

struct drp_load_sink {
	int (*pool)(void *ctx, const struct drp_pool_rec *rec);
	int (*element)(void *ctx, const struct drp_element_rec *rec);
	int (*sync)(void *ctx, const struct drp_sync_rec *rec);
	int (*group)(void *ctx, const struct drp_group_rec *rec);
	int (*aspect)(void *ctx, const struct drp_aspect_rec *rec);
	int (*object_del)(void *ctx, enum drp_object_kind kind, u64 id);
	int (*activate)(void *ctx, u64 element_id, u64 first, u64 count);
	int (*plane_all)(void *ctx, u64 sync_id, enum drp_plane plane, bool value);
	int (*plane_root)(void *ctx, u64 sync_id, enum drp_plane plane, u64 first,
			  const struct drp_dir_entry *entries, u32 n);
	int (*c_clear)(void *ctx, u64 sync_id, u64 first, u64 count);
	/*
	 * COW space. NULL: a pool with such records is refused, -EPROTONOSUPPORT;
	 * the plane of slots comes to plane_root only with cow_root. A put or del
	 * may be in the tree of the catalog already. @commit_seq: of the commit
	 * that says so; behind the result's confirmed, the slot's content must be
	 * compared with the entry's crc.
	 */
	int (*cow_put)(void *ctx, const struct drp_cow_entry *entry, u64 commit_seq);
	int (*cow_del)(void *ctx, const struct drp_cow_key *key);
	int (*cow_root)(void *ctx, const struct drp_cow_root *root);
};

#define DRP_LOAD_SCRATCH_BLOCKS	(DRP_COMMIT_BLOCKS_MAX + 2)

struct drp_load_result {
	u64 commits;		/* replayed */
	u64 next_block;		/* ring index behind the last good commit */
	u64 next_seq;		/* first sequence that may be used: skips the torn one */
	u64 confirmed;		/* highest that a commit says; 0: none does */
	bool torn;		/* an incomplete commit was found at the end */
	const char *problem;	/* static text when the load fails */
};

/*
 * Read the catalog that @sb names and replay the journal into @sink.
 * -EBADMSG: catalog unreadable; -ESTALE: behind the last good commit lies a
 * newer one, so the superblock is older than the journal or a durable commit is
 * damaged; -EPROTONOSUPPORT: a critical record of an unknown type. Sleeps.
 * @scratch: DRP_LOAD_SCRATCH_BLOCKS blocks, aligned to 8 bytes.
 */
int drp_load(const struct drp_io *io, const struct drp_super *sb, const struct drp_load_sink *sink,
	     void *ctx, void *scratch, struct drp_load_result *result);

#endif /* DRP_CORE_JOURNAL_H */
