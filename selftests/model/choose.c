// SPDX-License-Identifier: GPL-2.0-only
/* Lists of steps at random: one after the other. */
#include <string.h>

#include "guess.h"

struct step *new_step(struct guess *g, enum step_kind kind)
{
	steps_add(g->l, (struct step){ .kind = kind, .s = -1, .e = -1, .to = -1 });
	g->l->v[g->l->nr - 1].seed = rng_next(&g->rng) >> 40;
	return &g->l->v[g->l->nr - 1];
}

static void choose_shape(struct guess *g, struct shape *s)
{
	static const unsigned int extents[] = { 128, 256, 256, 1024, 8192 };

	s->nr_pools = below(g, 4) ? 1 : 2;
	s->nr_elements = (s->nr_pools == 2 ? 4 : 2) + below(g, 3);
	s->mib = 1 + below(g, 3);
	s->extent = extents[below(g, 5)];
	s->active = below(g, 3) ? 32 : 1024;
	s->meta_mib = below(g, 3) ? 8 : 16;
	s->cache = below(g, 4) ? 0 : below(g, 3);
	s->slow = !below(g, 4);
	if (!below(g, 3))
		return;
	s->snapshots = 1 + below(g, VIRTUAL_MAX);
	s->chunk = 8U << 2 * below(g, 3);
	s->cow_mib = below(g, 4) ? 0 : 1 + below(g, 2);
}

static unsigned int slots(const struct guess *g)
{
	return g->l->shape.nr_elements + g->l->shape.snapshots;
}

bool is_guessed_target(const struct guess *g, int e)
{
	int i;

	for (i = 0; i < SYNCS_MAX; i++)
		if (g->state[i] && g->target[i] == e)
			return true;
	return false;
}

void guess_sync(struct guess *g, int s, int source, int target, unsigned int state,
		       unsigned int type)
{
	g->state[s] = state;
	g->turned[s] = NOT_TURNED;
	g->source[s] = source;
	g->target[s] = target;
	g->type[s] = type - DRP_SYNC_MIRROR;
}

static void add_create(struct guess *g, int s)
{
	unsigned int n = g->l->shape.nr_elements, pools = g->l->shape.nr_pools, tries = 6;
	bool clone = below(g, 8) < g->clones;
	struct step *st = new_step(g, clone ? STEP_CLONE : STEP_CREATE);
	int e = below(g, n), to;

	do {
		to = below(g, n);
	} while ((to == e || (to - e) % (int)pools || is_guessed_target(g, to)) && tries--);
	st->s = s;
	st->e = e;
	st->to = to;
	st->force = below(g, 2);
	st->rate = below(g, 3) ? 0 : 1 + below(g, 8);
	st->n = below(g, 6) ? 0 : below(g, 2) ? DRP_CS_INACTIVE :
		clone ? DRP_CS_PREPARED : DRP_CS_INITIALIZED;
	st->threads = clone ? below(g, 3) : 0;
	if (to == e || (to - e) % (int)pools || is_guessed_target(g, to) || is_guessed_target(g, e))
		return;
	guess_sync(g, s, e, to, st->n ? st->n : clone && st->rate ? DRP_CS_UNSYNCHRONIZED :
		   DRP_CS_SYNCHRONIZED, clone ? DRP_SYNC_CLONE : DRP_SYNC_MIRROR);
}

static void add_snapshot(struct guess *g, int s)
{
	unsigned int n = g->l->shape.nr_elements, tries = 6;
	struct step *st = new_step(g, STEP_SNAPSHOT);

	st->s = s;
	/* Most are of what has a disk, and of the same one. */
	st->e = below(g, 5) ? below(g, below(g, 2) ? n : 2) : below(g, slots(g));
	do {
		st->to = below(g, g->l->shape.snapshots);
	} while (g->shows[n + st->to] && tries--);
	st->n = below(g, 6) ? 0 : DRP_CS_INACTIVE;
	st->threads = below(g, 3);
	if (g->shows[n + st->to] || (st->e >= n && !g->shows[st->e]) || st->e == n + st->to)
		return;
	g->shows[n + st->to] = true;
	guess_sync(g, s, st->e, n + st->to, st->n ? st->n : DRP_CS_SYNCHRONIZED,
		   DRP_SYNC_SNAPSHOT);
	/* Before anything else has flushed the source. */
	if (!below(g, 4))
		new_step(g, STEP_POWER);
}

static void add_io(struct guess *g)
{
	struct step *st = new_step(g, STEP_IO);
	unsigned int dice = below(g, 10);

	st->e = dice < 6 ? -1 : (int)below(g, slots(g));
	st->n = 1 + below(g, 30);
	st->threads = 1 + below(g, 3);
	if (dice == 9)
		st->kind = STEP_PROTECTED;
}

/* A snapshot of a point in time that an aspect keeps. */
static void add_copy(struct guess *g, int s)
{
	struct step *st = new_step(g, STEP_COPY);
	unsigned int n = g->l->shape.nr_elements, tries = 6;

	do {
		st->to = below(g, g->l->shape.snapshots);
	} while (g->shows[n + st->to] && tries--);
	st->s = s;
	st->n = below(g, 8);
	st->threads = below(g, 3);
	if (g->shows[n + st->to])
		return;
	g->shows[n + st->to] = true;
	/* Of what it is does not matter here: of anything that has a disk. */
	guess_sync(g, s, 0, n + st->to, DRP_CS_SYNCHRONIZED, DRP_SYNC_SNAPSHOT);
}

/* The target that it leaves is in the way of others, unless it goes, too. */
static void add_dissolved(struct guess *g, int s)
{
	int target = g->target[s];

	g->aspects++;
	if (below(g, 4)) {
		new_step(g, STEP_RECREATE)->e = target;
		g->shows[target] = false;
	}
	if (below(g, 3))
		return;
	add_io(g);
	add_copy(g, s);
}

static bool is_worth_trying(const struct guess *g, int s, unsigned int operation)
{
	const struct rule *r = &rule_table[g->type[s]][!!g->turned[s]][operation][g->state[s]];

	return r->kind == RULE_CHANGES || r->kind == RULE_GONE;
}

static bool is_clone(const struct guess *g, int s)
{
	return g->type[s] == DRP_SYNC_CLONE - DRP_SYNC_MIRROR;
}

static bool is_snapshot(const struct guess *g, int s)
{
	return g->type[s] == DRP_SYNC_SNAPSHOT - DRP_SYNC_MIRROR;
}

static void guess_result(struct guess *g, const struct step *st)
{
	const struct rule *r = &rule_table[g->type[st->s]][!!g->turned[st->s]][st->n][g->state[st->s]];
	int s = st->s, source = g->source[s];

	if (r->kind == RULE_GONE)
		g->state[s] = 0;
	if (r->kind == RULE_GONE && st->n == DRP_OP_RETURN_TO_RESOURCE_POOL)
		g->shows[g->target[s]] = false;
	if (r->kind != RULE_CHANGES)
		return;
	if (r->during && st->rate && (r->turned || is_clone(g, s))) {
		g->state[s] = r->during;
		g->turned[s] = r->turned;
	} else {
		g->state[s] = r->after;
		if (r->during)
			g->turned[s] = NOT_TURNED;
	}
	if (st->n == DRP_OP_REVERSE_ROLES) {
		g->source[s] = g->target[s];
		g->target[s] = source;
	}
}

/* What leads to a restore or a failback, or is one; 0: nothing does. */
static unsigned int turning(struct guess *g, int s)
{
	static const unsigned int steps[] = {
		DRP_OP_RESTORE_FROM_REPLICA, DRP_OP_FAILBACK, DRP_OP_SPLIT, DRP_OP_FAILOVER,
	};
	unsigned int i, first = below(g, 4);

	for (i = 0; i < 4; i++)
		if (is_worth_trying(g, s, steps[first ^ i]))
			return steps[first ^ i];
	return 0;
}

static void add_power(struct guess *g);

static bool takes_point(unsigned int operation)
{
	return operation == DRP_OP_ACTIVATE || operation == DRP_OP_RESYNC_REPLICA;
}

static void add_operation(struct guess *g, int s)
{
	struct step *st = new_step(g, STEP_OPERATE);
	unsigned int tries = 40, turn = below(g, 3) ? 0 : turning(g, s);
	bool turns;

	/* Points in time are what snapshots are about. */
	if (is_snapshot(g, s) && below(g, 2))
		turn = g->state[s] == DRP_CS_INACTIVE ? DRP_OP_ACTIVATE :
		       below(g, 3) ? DRP_OP_RESYNC_REPLICA : DRP_OP_DISSOLVE;
	if (is_clone(g, s) && !below(g, 3))
		turn = is_worth_trying(g, s, DRP_OP_ACTIVATE) ? DRP_OP_ACTIVATE :
								DRP_OP_RESYNC_REPLICA;

	do {
		st->n = turn ? turn : 2 + below(g, 23);
		/* Without associations nothing happens. */
		if (!turn && (st->n == DRP_OP_DETACH || st->n == DRP_OP_DISSOLVE ||
			      st->n == DRP_OP_RETURN_TO_RESOURCE_POOL) && below(g, 3))
			continue;
	} while (!is_worth_trying(g, s, st->n) && below(g, 25) && tries--);
	turns = st->n == DRP_OP_RESTORE_FROM_REPLICA || st->n == DRP_OP_FAILBACK;
	st->s = s;
	st->force = below(g, 3) != 0 || (turns && below(g, 2));
	st->rate = below(g, turns ? 6 : 3) < (turns ? 1 : 2) ? 0 : 1 + below(g, 8);
	st->threads = below(g, 2) ? 1 + below(g, 3) : 0;
	if (is_clone(g, s) && takes_point(st->n))
		st->rate = below(g, 4) ? 1 + below(g, 8) : 0;
	guess_result(g, st);
	if (is_snapshot(g, s) && st->n == DRP_OP_DISSOLVE && !g->state[s])
		add_dissolved(g, s);
	/* While it copies. */
	if (turns && below(g, 2)) {
		add_io(g);
		add_power(g);
	}
}

static void add_fault(struct guess *g)
{
	struct step *st = new_step(g, STEP_FAULT);

	st->e = below(g, slots(g));
	st->n = below(g, 7);
	g->fails = true;
}

static void add_power(struct guess *g)
{
	unsigned int dice = below(g, 4);
	struct step *st;
	int i;

	/* What is Synchronized has to keep what is flushed. */
	if (!below(g, 4)) {
		new_step(g, STEP_SETTLE);
		add_io(g);
	}
	st = new_step(g, dice < 2 ? STEP_ARM : STEP_POWER);
	st->n = st->kind == STEP_ARM ? 1 + below(g, 1 + below(g, 300)) :
		below(g, 4) ? 0 : below(g, 200);
	for (i = 0; i < SLOTS_MAX; i++)
		g->held[i] = g->detached[i] = false;
	g->fails = g->meta = false;
}

static void add_device(struct guess *g)
{
	unsigned int dice = below(g, 16), e = below(g, slots(g));
	struct step *st;

	if (dice < 3) {
		st = new_step(g, g->detached[e] ? STEP_ATTACH : STEP_DETACH);
		g->detached[e] = !g->detached[e];
	} else if (dice < 5) {
		st = new_step(g, STEP_BOUNCE);
	} else if (dice < 7) {
		st = new_step(g, STEP_RELOAD);
	} else if (dice < 8) {
		st = new_step(g, STEP_POOL_BOUNCE);
	} else if (dice < 10) {
		st = new_step(g, STEP_HOLD);
		st->n = g->held[e] = !g->held[e];
	} else if (dice < 11) {
		st = new_step(g, STEP_RECREATE);
		g->shows[e] = false;
	} else if (dice < 12) {
		st = new_step(g, STEP_RESTART);
	} else if (dice < 14) {
		st = new_step(g, STEP_TAMPER);
	} else if (dice < 15) {
		st = new_step(g, STEP_ASPECTS);
		st->n = below(g, 3);
		g->aspects = st->n ? g->aspects : 0;
	} else {
		st = new_step(g, STEP_META);
	}
	st->e = e;
	if (st->kind == STEP_POOL_BOUNCE || st->kind == STEP_ASPECTS || st->kind == STEP_META)
		st->e = below(g, g->l->shape.nr_pools);
	st->threads = below(g, 3);
}

int free_sync(const struct guess *g)
{
	int s;

	for (s = SYNCS_MAX - 1; s && g->state[s];)
		s--;
	return s;
}

void add_settle(struct guess *g)
{
	int s;

	new_step(g, STEP_SETTLE);
	for (s = 0; s < SYNCS_MAX; s++)
		if (is_clone(g, s) && g->state[s] == DRP_CS_UNSYNCHRONIZED && !g->turned[s])
			g->state[s] = DRP_CS_SYNCHRONIZED;
}

static void add_setting(struct guess *g, int s, unsigned int n)
{
	struct step *st = new_step(g, STEP_SET);

	st->s = s;
	st->e = below(g, slots(g));
	st->n = n;
}

/* What goes first when COW space is full, and what does not. */
static void add_policy(struct guess *g, int s)
{
	static const unsigned int n[] = { 3, 4, 7, 8, 14, 14, 15 };

	add_setting(g, s, n[below(g, 7)]);
}

static void add_any(struct guess *g)
{
	unsigned int dice = below(g, 100), s = below(g, SYNCS_MAX);

	if (!below(g, 10) && add_scene(g))
		return;
	if (g->l->shape.cow_mib && is_snapshot(g, s) && !below(g, 6))
		add_policy(g, s);
	/* Few syncs at a time, most of the time. */
	if (!g->state[s] && below(g, 3))
		for (s = 0; s < SYNCS_MAX - 1 && !g->state[s];)
			s++;
	if (dice < 30)
		add_io(g);
	else if (dice < 68 && g->aspects && !below(g, 6))
		add_copy(g, free_sync(g));
	else if (dice < 68 && g->l->shape.snapshots && !below(g, 4))
		add_snapshot(g, free_sync(g));
	else if (dice < 68 && g->state[s])
		add_operation(g, s);
	else if (dice < 68 && g->l->shape.snapshots && below(g, 3))
		add_snapshot(g, s);
	else if (dice < 68)
		add_create(g, s);
	else if (dice < 74)
		add_device(g);
	else if (dice < 77)
		add_fault(g);
	else if (dice < 80)
		new_step(g, STEP_HEAL);
	else if (dice < 90)
		add_power(g);
	else if (dice < 97)
		add_settle(g);
	if (dice < 97)
		return;
	add_setting(g, s, below(g, SETTINGS));
}

void steps_random(struct steps *l, uint64_t seed, unsigned int nr)
{
	struct guess g = { .l = l, .rng = seed };

	memset(l, 0, sizeof(*l));
	choose_shape(&g, &l->shape);
	g.clones = below(&g, 3) * 3;
	add_create(&g, 0);
	add_io(&g);
	if (l->shape.snapshots) {
		add_snapshot(&g, SYNCS_MAX - 1);
		add_io(&g);
	}
	while (l->nr < nr)
		add_any(&g);
	new_step(&g, STEP_SETTLE);
}
