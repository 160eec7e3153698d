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
	STEP_IO,		/* e (-1: all) n: each thread, threads, seed */
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
	STEP_ASPECTS,		/* e: pool; delete them */
	STEP_SETTLE,
	STEP_RESTART,		/* cleanly */
	STEP_TAMPER,		/* e seed: likewise, its disk is written meanwhile */
	STEP_POWER,		/* seed, n: again while it comes up */
	STEP_ARM,		/* n: at the nth write from now, seed */
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

/* ---- run.c ---- */
/* Returns when all was well. */
void run(const struct steps *l, uint64_t seed);

#endif
