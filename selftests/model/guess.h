/* SPDX-License-Identifier: GPL-2.0-only */
/* What choose.c and scenes.c have in common: a list of steps that grows. */
#ifndef MODEL_GUESS_H
#define MODEL_GUESS_H

#include "step.h"

/*
 * What the list may have led to, if all goes well: only for choosing what is
 * worth trying.
 */
struct guess {
	struct steps *l;
	uint64_t rng;
	unsigned int state[SYNCS_MAX], turned[SYNCS_MAX];	/* state 0: none */
	unsigned int type[SYNCS_MAX];				/* SyncType - 6 */
	int source[SYNCS_MAX], target[SYNCS_MAX];
	bool held[SLOTS_MAX], detached[SLOTS_MAX], shows[SLOTS_MAX], fails, meta;
	unsigned int clones;					/* of 8 syncs between disks */
	unsigned int aspects;					/* that snapshots left */
};

static inline unsigned int below(struct guess *g, unsigned int n)
{
	return rng_below(&g->rng, n);
}

/* ---- choose.c ---- */
struct step *new_step(struct guess *g, enum step_kind kind);
void guess_sync(struct guess *g, int s, int source, int target, unsigned int state,
		unsigned int type);
bool is_guessed_target(const struct guess *g, int e);
/* The last slot where all are taken. */
int free_sync(const struct guess *g);
void add_settle(struct guess *g);

/* ---- scenes.c ---- */
/* Several steps that belong together: false: there is no place for any now. */
bool add_scene(struct guess *g);

#endif
