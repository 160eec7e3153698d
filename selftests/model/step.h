/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The steps of a run. A list is made from a seed alone, without looking at the
 * kernel; it is written to and read from a file, a line a step, and every part of
 * it is a list that can be run: what there is nothing to do for is passed over.
 */
#ifndef MODEL_STEP_H
#define MODEL_STEP_H

#include "world.h"

enum step_kind {
	STEP_IO,		/* e (-1: all) n: each thread, threads, seed, force: all over */
	STEP_PROTECTED,		/* e seed: writes where none are allowed */
	STEP_CREATE,		/* s e: source, to: target, force, rate, n: WaitForCopyState */
	STEP_OPERATE,		/* s n: operation, force, rate, threads: load meanwhile, seed */
	STEP_SET,		/* s e n: which setting */
	STEP_FAULT,		/* e n: which, seed */
	STEP_HEAL,		/* all faults of disks */
	STEP_META,		/* e: pool, n: 1 metadata fails */
	STEP_DETACH,		/* e: its device goes */
	STEP_ATTACH,
	STEP_BOUNCE,		/* e threads seed: suspend, resume */
	STEP_RELOAD,		/* likewise */
	STEP_POOL_BOUNCE,	/* e: pool */
	STEP_RECREATE,		/* e: element deleted, made again */
	STEP_HOLD,		/* e n: 1 opened exclusively, 0 closed */
	STEP_ASPECTS,		/* e: pool, n: delete that one, 0: all of them */
	STEP_SETTLE,
	STEP_RESTART,		/* cleanly */
	STEP_TAMPER,		/* e seed: likewise, its disk is written meanwhile */
	STEP_POWER,		/* seed, n: again while it comes up */
	STEP_ARM,		/* n: at the nth write from now, seed */
	STEP_SNAPSHOT,		/* s e: source, to: of the virtual ones, n: Inactive, threads, seed */
	STEP_COPY,		/* s, to, threads, seed: as of a snapshot, n: of which aspect */
	STEP_CLONE,		/* s e: source, to: target, force, rate, n: WaitForCopyState, threads, seed */
	NR_STEPS
};

struct step {
	enum step_kind kind;
	int s, e, to, n, force, rate, threads;
	uint32_t seed;
};

struct steps {
	struct shape shape;
	struct step *v;
	unsigned int nr, room;
};

void steps_random(struct steps *l, uint64_t seed, unsigned int nr);
void steps_add(struct steps *l, struct step st);
/* 0, or -1 with words on stderr. */
int steps_read(struct steps *l, const char *path);
int steps_write(const struct steps *l, const char *path, const char *comment);
void step_text(const struct step *st, char *buf, size_t size);

#define SETTINGS	16		/* of STEP_SET */

/* What a step is about. */
#define ELEMENT(w, st)	(&(w)->e[(unsigned int)(st)->e % nr_slots(w)])
#define POOL(w, st)	(&(w)->p[(unsigned int)(st)->e % (w)->shape.nr_pools])

/* ---- devices.c: 0, or -EIO: the power failed ---- */
int step_set(struct world *w, const struct step *st);
int step_fault(struct world *w, const struct step *st);
int step_meta(struct world *w, const struct step *st);
int step_detach(struct world *w, struct element *e);
int step_attach(struct world *w, struct element *e);
int step_bounce(struct world *w, const struct step *st);
int step_pool_bounce(struct world *w, const struct step *st);
int step_recreate(struct world *w, struct element *e);
int step_hold(struct world *w, const struct step *st);
int step_restart(struct world *w, struct element *changed, uint32_t seed);

/* ---- create.c: likewise ---- */
int step_create(struct world *w, const struct step *st, struct pending *o);
int step_snapshot(struct world *w, const struct step *st, struct pending *o);
int step_clone(struct world *w, const struct step *st, struct pending *o);
/* A slot that is free, and what is made in it: of @from. */
bool begin_snapshot(struct world *w, const struct step *st, struct element *from, bool inactive,
		    struct pending *o);
/* Asks for that, and concludes it. */
int make_snapshot(struct world *w, const struct step *st, const char *settings,
		  struct pending *o);

/* ---- aspects.c ---- */
/* Copy To Target, likewise. */
int step_copy(struct world *w, const struct step *st, struct pending *o);
int step_aspects(struct world *w, const struct step *st);

/* ---- run.c ---- */
/* Of an operation, from the request to what it means: in this order. */
void operation_settings(const struct step *st, char *buf, size_t size);
/* Every other time nobody writes to the target, which can be judged as a whole then. */
void spare_target(struct pending *o, const struct step *st, struct load *load);
/* The target of a clone can be used from here on. */
void note_answer(struct world *w, struct pending *o, const struct answer *a);
/* 0 done, -EIO the power failed; else the refusal is in @a. */
int await_job(struct world *w, struct pending *o, struct answer *a);
/* Done, refused, or the power failed: then -EIO. */
int conclude(struct world *w, struct pending *o, struct answer *a, bool force);
/* With hosts still: the point in time is one moment of the source, and durable. */
void check_point(struct world *w, struct pending *o);
void end_operation(struct world *w);
/* Returns when all was well. */
void run(const struct steps *l, uint64_t seed);

#endif
