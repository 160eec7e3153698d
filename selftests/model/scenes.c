// SPDX-License-Identifier: GPL-2.0-only
/*
 * Scenes: steps in a row that lead to what single ones seldom do. Each has one
 * moment of which the contract says something, and begins just before it.
 */
#include "guess.h"

#define MIRROR		(DRP_SYNC_MIRROR - DRP_SYNC_MIRROR)
#define CLONE		(DRP_SYNC_CLONE - DRP_SYNC_MIRROR)
#define SNAPSHOT	(DRP_SYNC_SNAPSHOT - DRP_SYNC_MIRROR)

/* From all over @e (-1: everything), so that no two writes meet for long. */
static void add_wide_io(struct guess *g, int e, unsigned int n, unsigned int threads)
{
	struct step *st = new_step(g, STEP_IO);

	st->e = e;
	st->n = n;
	st->threads = threads;
	st->force = 1;
}

static struct step *add_operate(struct guess *g, int s, unsigned int operation, int rate)
{
	struct step *st = new_step(g, STEP_OPERATE);

	st->s = s;
	st->n = operation;
	st->force = 1;
	st->rate = rate;
	return st;
}

static void add_end(struct guess *g, bool fails)
{
	unsigned int i;

	if (fails) {
		new_step(g, STEP_POWER)->n = 0;
		for (i = 0; i < SLOTS_MAX; i++)
			g->held[i] = g->detached[i] = false;
		g->fails = g->meta = false;
	} else {
		add_settle(g);
	}
}

/* One of type @type in one of two states, the first at or after a random one; negative: none. */
static int find_sync(struct guess *g, unsigned int type, unsigned int state, unsigned int other)
{
	unsigned int i, s = below(g, SYNCS_MAX);

	for (i = 0; i < SYNCS_MAX; i++, s = (s + 1) % SYNCS_MAX)
		if (g->state[s] && g->type[s] == type && !g->turned[s] &&
		    (g->state[s] == state || g->state[s] == other))
			return s;
	return -1;
}

static bool is_source(const struct guess *g, int e)
{
	int i;

	for (i = 0; i < SYNCS_MAX; i++)
		if (g->state[i] && g->source[i] == e)
			return true;
	return false;
}

/* A disk of the same pool as @e that belongs to no sync; negative: none. */
static int find_unused(struct guess *g, int e)
{
	int n = g->l->shape.nr_elements, pools = g->l->shape.nr_pools, i;
	int to = below(g, n);

	for (i = 0; i < n; i++, to = (to + 1) % n)
		if (to != e && !((to - e) % pools) && !is_guessed_target(g, to) &&
		    !is_source(g, to))
			return to;
	return -1;
}

/* Its writes take a while, so that something is under way. */
static void add_slowness(struct guess *g, int e)
{
	struct step *st = new_step(g, STEP_FAULT);

	st->e = e;
	st->n = 6;
	st->seed = 200 + below(g, 800);
}

static void add_turn(struct guess *g, int s, bool fails)
{
	if (g->state[s] == DRP_CS_SYNCHRONIZED)
		add_operate(g, s, DRP_OP_SPLIT, 0);
	add_wide_io(g, -1, 20 + below(g, 40), 2);
	add_slowness(g, g->source[s]);
	add_operate(g, s, DRP_OP_RESTORE_FROM_REPLICA, 3 + below(g, 3));
	/* Hosts and the copy come to the same regions, and hosts to those that are copied. */
	add_wide_io(g, g->source[s], 40 + below(g, 160), 3);
	add_end(g, fails);
	g->state[s] = fails ? DRP_CS_UNSYNCHRONIZED : DRP_CS_RESTORED;
	g->turned[s] = fails ? RESTORING : NOT_TURNED;
}

/* Hosts write to what is being restored. */
static bool scene_turn(struct guess *g)
{
	int s = find_sync(g, MIRROR, DRP_CS_SYNCHRONIZED, DRP_CS_SPLIT);

	if (s < 0)
		return false;
	add_turn(g, s, !below(g, 4));
	return true;
}

/* Another mirror of what is being restored, which has to follow. */
static bool scene_siblings(struct guess *g)
{
	int s = find_sync(g, MIRROR, DRP_CS_SYNCHRONIZED, DRP_CS_SPLIT), other = free_sync(g), to;
	struct step *st;

	to = s < 0 ? -1 : find_unused(g, g->source[s]);
	if (to < 0 || g->state[other])
		return false;
	st = new_step(g, STEP_CREATE);
	st->s = other;
	st->e = g->source[s];
	st->to = to;
	st->force = 1;
	guess_sync(g, other, st->e, to, DRP_CS_SYNCHRONIZED, DRP_SYNC_MIRROR);
	add_settle(g);
	add_turn(g, s, below(g, 2));
	add_settle(g);
	return true;
}

/* The power fails as soon as the point in time is answered, before anything else flushes the source. */
static bool scene_point(struct guess *g)
{
	unsigned int n = g->l->shape.nr_elements, tries = 6;
	int s = find_sync(g, SNAPSHOT, DRP_CS_SYNCHRONIZED, DRP_CS_SKEWED), to, e;
	struct step *st;

	if (!g->l->shape.snapshots)
		return false;
	if (s >= 0 && g->source[s] < (int)n) {
		add_wide_io(g, g->source[s], 5 + below(g, 20), 1);
		add_operate(g, s, DRP_OP_RESYNC_REPLICA, 0);
		add_end(g, true);
		return true;
	}
	s = free_sync(g);
	do {
		to = below(g, g->l->shape.snapshots);
	} while (g->shows[n + to] && tries--);
	if (g->state[s] || g->shows[n + to])
		return false;
	e = below(g, n);
	add_wide_io(g, e, 5 + below(g, 20), 1);
	st = new_step(g, STEP_SNAPSHOT);
	st->s = s;
	st->e = e;
	st->to = to;
	add_end(g, true);
	g->shows[n + to] = true;
	guess_sync(g, s, e, n + to, DRP_CS_SYNCHRONIZED, DRP_SYNC_SNAPSHOT);
	return true;
}

/* The power fails when what the source overwrites was just brought to the clone. */
static bool scene_clone(struct guess *g)
{
	int e = below(g, g->l->shape.nr_elements), s = free_sync(g), to = find_unused(g, e);
	struct step *st;

	if (to < 0 || g->state[s] || is_guessed_target(g, e))
		return false;
	add_wide_io(g, e, 20 + below(g, 30), 2);
	st = new_step(g, STEP_CLONE);
	st->s = s;
	st->e = e;
	st->to = to;
	st->force = 1;
	st->rate = 8;
	guess_sync(g, s, e, to, DRP_CS_UNSYNCHRONIZED, DRP_SYNC_CLONE);
	add_wide_io(g, e, 3 + below(g, 15), 1 + below(g, 2));
	add_end(g, true);
	return true;
}

bool add_scene(struct guess *g)
{
	static bool (*const scenes[])(struct guess *g) = {
		scene_turn, scene_siblings, scene_point, scene_clone,
	};
	unsigned int i, first = below(g, 4);

	for (i = 0; i < 4; i++)
		if (scenes[first ^ i](g))
			return true;
	return false;
}
