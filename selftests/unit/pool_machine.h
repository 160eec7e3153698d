/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Drives the core's commit protocol on a simulated disk as the module does:
 * random commits, writes that set bits under active extents, checkpoints with a
 * small allocator of page blocks, power failures, recoveries. At every write and
 * flush it looks at what a power failure would leave and compares.
 */
#ifndef POOL_MACHINE_H
#define POOL_MACHINE_H

#include "pool_model.h"

#define MACHINE_DEVICE_BLOCKS	2048
#define MACHINE_JOURNAL_BLOCKS	40
#define MACHINE_CATALOG_BLOCKS	4
#define MACHINE_PAGE_BLOCKS	44	/* few, so that they are used again soon */

/* Deliberate mistakes of the caller or the disk: the harness must notice each. */
enum machine_fault {
	FAULT_NONE,
	FAULT_NO_FLUSH,			/* none before the superblock */
	FAULT_COMMIT_NOT_FUA,
	FAULT_TAIL_RELEASED_EARLY,	/* ring space used again before the superblock is durable */
	FAULT_PAGES_FREED_EARLY,	/* blocks of the last checkpoint used again, likewise */
	FAULT_TORN_SEQUENCE_USED,	/* recovery goes on with the torn commit's sequence */
	FAULT_CATALOG_IN_PLACE,		/* written over the one in use */
	FAULT_CATALOG_LOST,		/* the disk loses one: a load may fail, but never mislead */
	FAULT_OLD_CATALOG_ACCEPTED,	/* likewise, and the check of its sequence is made blind */
	FAULT_NEWEST_SUPER_FIRST,	/* the only newest superblock is the first to be written over */
	FAULT_RETIRED_BEHIND_CUT,	/* extents left out of the catalog after the cut was taken */
	FAULT_WRITE_BEFORE_ACTIVATE,	/* the extent's record is not durable yet */
	FAULT_CONFIRMED_EARLY,		/* before the preserved data is durable */
	FAULT_CUT_PASSES_UNCONFIRMED,	/* a checkpoint takes a put whose data is being written */
	FAULT_CUT_MOVED_BACK,		/* to what is unconfirmed, before extents retired */
	FAULT_SLOT_USED_EARLY,		/* before the commit that freed it is durable */
};

struct machine {
	struct sim_disk *disk;
	struct sim_random random;	/* what happens */
	struct sim_random cuts;		/* what is looked at */
	enum machine_fault fault;

	/* the pool in memory */
	struct drp_super sb;
	struct drp_ring ring;
	struct model_state now;		/* all complete commits */
	struct model_state next;	/* with the one in flight */
	bool in_flight;
	u64 cut_open;			/* id of a CUT without CONFIRM or CUT_ABORT; 0: none */
	u64 last_cut;
	u32 last_version;
	u64 last_page_seq;
	u32 may_active[MODEL_ELEMENTS];	/* in the last durable checkpoint or since */
	u32 new_active[MODEL_ELEMENTS];	/* the same of the checkpoint being written */
	struct drp_dir_entry root[MODEL_SYNCS];
	struct drp_dir_entry dir[MODEL_SYNCS][MODEL_PAGES];
	bool dirty[MODEL_SYNCS][MODEL_PAGES];
	u64 used;			/* page blocks of the last durable checkpoint */
	u64 new_used;			/* and of the one being written */
	struct drp_cow_root cow_root;	/* of the last durable checkpoint */
	struct drp_cow_root new_cow_root; /* of the one being written */
	u64 tree[COW_KEYS];		/* slots that it has, by key */
	u64 new_tree[COW_KEYS];
	struct pending_put {		/* committed or about to be; the data is not written yet */
		u64 version;		/* 0: this key has none */
		struct drp_cut commit;	/* where its record is; seq 0: not sealed yet */
	} pending[COW_KEYS];
	u64 nr_puts, nr_dropped;
	bool recovering;		/* the checkpoint that follows a load: nothing else happens */
	u32 catalog_at;			/* next record of the catalog */

	/* what was found */
	bool formatted;			/* the format is complete: a pool must be there */
	bool image;			/* this one recovers an image: look less closely */
	u32 power_fails_in;		/* operations until then; 0: not */
	u64 nr_cuts;			/* images examined */
	u64 nr_nested;			/* of them, in the middle of a recovery */
	u64 nr_lives, nr_commits, nr_checkpoints, nr_wraps;
	bool refused;			/* a load failed because of the disk's fault */
	const char *violation;		/* the first one */
	struct model_load *load;	/* memory for looking */
	u8 *commit_buf;
	u8 *scratch;			/* 2 blocks */
};

struct machine *machine_new(u64 seed, enum machine_fault fault);
void machine_free(struct machine *m);

/* Format, then @lives times: work until the power fails, recover. Ends early at a violation. */
void machine_run(struct machine *m, u32 lives);

/* Take up what is on the disk, as an activation does. 0, or -EIO when the power fails. */
int machine_recover(struct machine *m);

/* One commit of random records: 0, -ENOSPC if the ring has no room, -EIO when the power fails. */
int machine_commit(struct machine *m);

int machine_checkpoint(struct machine *m);

/* Parts in pool_records.c: random records of one commit, applied to m->next. */
int machine_fill_commit(struct machine *m, struct drp_commit *c);
int machine_encode_element(const struct machine *m, u32 i, void *buf, u32 room);
int machine_encode_sync(const struct machine *m, u32 i, void *buf, u32 room);

/* Parts in pool_preserve.c: COW space. */
int machine_cow_record(struct machine *m, u8 *buf, u32 room);
/* A commit is being sealed: what it may confirm; it has failed, or is durable. */
void machine_cow_seal(struct machine *m);
void machine_cow_sealed(struct machine *m, const struct drp_commit *c);
/* Write the data of a put that lacks it; of all whose commit is before @seq. 0 or -EIO. */
int machine_cow_data(struct machine *m);
int machine_cow_wait(struct machine *m, u64 seq);
/* The cut of a checkpoint, before everything unconfirmed; what its tree will hold. */
struct drp_cut machine_cow_cut(struct machine *m, struct drp_cut cut);
int machine_cow_merge(struct machine *m, u64 (*alloc)(struct machine *m),
		      void (*keep)(struct machine *m, u64 block));

#endif /* POOL_MACHINE_H */
