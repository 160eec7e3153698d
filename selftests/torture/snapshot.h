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
	RESTORE_RUNS,		/* its source is what it shows; it is not written */
	RESTORE_SUSPENDED,
	RESTORE_ABORTED,
};

/* An operation without answer. */
enum snapshot_maybe { NOTHING, MADE, MADE_INACTIVE, RENEWED, DROPPED, DISSOLVED, GONE, RESTORE_BEGUN, RESTORE_MOVED };

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
	enum snapshot_state goal;	/* of RESTORE_MOVED */
	uint64_t activated;		/* before RESTORE_BEGUN: the sync's */
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
	unsigned int restores, nested, unfinished, stuck;
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
/* What follows from an answer of snapshot_ask() to x->maybe; its values. */
int snapshot_settle(struct life *l, struct snapshot *x, int done);
/* Nobody writes it any more, nor has it open. */
void snapshot_wait_unused(struct life *l, struct snapshot *x);
/* All but what is being restored: 0 or -EIO. */
int snapshots_return_some(struct life *l);

/* ---- ask.c ---- */
/* Ask for x->maybe (@x may be NULL): 1 it happened, 0 refused, -EIO: the power failed. */
int snapshot_ask(struct life *l, struct snapshot *x, const char *message);

/* ---- restore.c ---- */
int is_restoring(const struct snapshot *x);
/* The snapshot whose unfinished restore @e shows, or NULL. */
struct snapshot *restored_into(struct life *l, struct element *e);
/* What is not copied yet waits for an operation. */
int restore_is_held(struct life *l, struct element *e);
/* Begin to restore @x into its source, if that is possible: 0 or -EIO. */
int restore_begin(struct life *l, struct snapshot *x, const char *options);
/* The same with one that can be, slowly. */
int restore_some(struct life *l);
/* Something with @x, which is being restored: 0 or -EIO. */
int restore_operate(struct life *l, struct snapshot *x);
/* Has x->maybe of a restore come true, by what the kernel says? */
int restore_has_happened(const struct snapshot *x, const struct sync_info *s);
/* What the kernel says of @x, which is being restored, must follow from what is known. @sure: all is. */
void restore_resolve(struct life *l, struct snapshot *x, const struct sync_info *s, int sure);
/* Restores end by themselves: look which ones did. */
void restores_notice(struct life *l);
/* No limit of their rate any more. */
void restores_hurry(struct life *l);
/* Those that a full space has stopped are given up: 0 or -EIO. */
int restores_give_up(struct life *l);
/* All to their end: 0, -EIO, 1: a full space stops one, all other snapshots are returned. */
int restores_end(struct life *l);
/* As its hosts read @e, which is being restored, into l->content: 0 or a negative errno. */
int restore_read(struct life *l, struct element *e);

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
