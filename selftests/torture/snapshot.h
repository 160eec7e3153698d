/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Snapshots of a life: made, written, renewed, dissolved, returned at random, and
 * what each of them must show. Called by the main thread but for what says
 * otherwise.
 */
#ifndef TORTURE_SNAPSHOT_H
#define TORTURE_SNAPSHOT_H

#include <stddef.h>

#include "life.h"

#define SNAPSHOTS_MAX	12	/* with targets that outlived their sync */
#define ASPECTS_MAX	4
#define DEPTH_MAX	3

enum snapshot_state {
	UNUSED,
	ACTIVE,			/* shows its point in time */
	INACTIVE,
	LOST,			/* Broken, because the space was full */
	LOOSE,			/* dissolved: a target without a sync */
	LOOSE_LOST,
};

/* An operation without answer. */
enum snapshot_maybe { NOTHING, MADE, MADE_INACTIVE, RENEWED, DROPPED, DISSOLVED, GONE };

/* What was at a moment, whoever shows it. */
struct point {
	struct line line;		/* never written */
	uint64_t *hash;			/* of each block once it was seen; 0: it was not */
};

struct snapshot {
	struct element e;		/* the target, with its line */
	struct point point;
	uint8_t *written;		/* blocks that may be other than the point's: by writes to the target */
	enum snapshot_state state;
	enum snapshot_maybe maybe;
	uint64_t sync_id, generation;	/* of the point in time */
	struct element *source;
	struct snapshot *parent;	/* whose target the source is, or NULL */
	const struct line *from;	/* line_cut_begin() without end, or NULL */
	atomic_int users;		/* threads that have it open or are about to */
	atomic_int broken;		/* a thread was told so */
};

struct aspect {
	uint64_t id;			/* 0: there is none */
	int going;			/* deleted without an answer */
	uint64_t generation;
	struct element *source;
	struct point point;
};

struct snapshots {
	struct snapshot x[SNAPSHOTS_MAX];
	struct aspect a[ASPECTS_MAX];
	unsigned int max;		/* snapshots at a time */
	unsigned int cow_mib, chunk_sectors;
	int small;			/* the space may become full, and then snapshots break */
	uint8_t *content;
	unsigned int points, broken, doubtful;	/* for the summary */
};

static inline struct snapshot *snapshot_of(struct element *e)
{
	return (struct snapshot *)((char *)e - offsetof(struct snapshot, e));
}

/* ---- snapshot.c ---- */
void snapshots_begin(struct life *l);
void snapshots_end(struct life *l);
/* One operation on a random snapshot or aspect; -EIO when the power seems to have failed. */
int snapshot_operate(struct life *l);
void snapshots_set_writable(struct life *l);
int snapshot_attach(struct life *l, struct snapshot *x);
/* Devices go; 0, or -EIO. */
void snapshots_remove_devices(struct life *l);
/* Return all, and look that no chunk stays: 0, or -EIO. */
int snapshots_return_all(struct life *l);
/* The operation happened, or it did not. */
void snapshot_happened(struct life *l, struct snapshot *x);
void snapshot_did_not(struct snapshot *x);
void snapshot_lost(struct life *l, struct snapshot *x, const char *why);
struct aspect *aspect_of(struct life *l, uint64_t id);

/* ---- snapshot_check.c ---- */
/* After a power failure, with only the pool: which of them are there? How many syncs they have. */
unsigned int snapshots_resolve(struct life *l, const struct sync_info *info, int n);
/* Then with all devices of elements: what do they show? */
void snapshots_verify(struct life *l);
/* While hosts write: 0, or -EIO. */
int snapshot_examine(struct life *l, struct snapshot *x);
/* Which ones broke? Only of a small space, and only when it was full. */
void snapshots_notice_broken(struct life *l);
/* Chunks in use. */
unsigned int cow_used(struct life *l);

/* ---- offline.c ---- */
/* The core's check of the metadata of an inactive pool; @clean: stopped, all returned. */
void check_offline(struct life *l, const char *path, int clean);

#endif
