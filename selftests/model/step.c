// SPDX-License-Identifier: GPL-2.0-only
/* Lists of steps: at random, as text. */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "step.h"

static const char *const names[NR_STEPS] = {
	"io", "protected", "create", "operate", "set", "fault", "heal", "meta", "detach",
	"attach", "bounce", "reload", "pool-bounce", "recreate", "hold", "aspects", "settle",
	"restart", "tamper", "power", "arm",
};

/* ---- text ---- */

void step_text(const struct step *st, char *buf, size_t size)
{
	snprintf(buf, size,
		 "%s s=%d e=%d to=%d n=%d force=%d rate=%d threads=%d seed=%u",
		 names[st->kind], st->s, st->e, st->to, st->n, st->force, st->rate, st->threads,
		 st->seed);
}

static int parse_step(const char *line, struct step *st)
{
	char name[32];
	int i;

	if (sscanf(line, "%31s s=%d e=%d to=%d n=%d force=%d rate=%d threads=%d seed=%u", name,
		   &st->s, &st->e, &st->to, &st->n, &st->force, &st->rate, &st->threads,
		   &st->seed) != 9)
		return -1;
	for (i = 0; i < NR_STEPS; i++)
		if (!strcmp(names[i], name)) {
			st->kind = i;
			return 0;
		}
	return -1;
}

#define SHAPE "shape pools=%u elements=%u mib=%u extent=%u active=%u meta=%u cache=%u slow=%u"

static int parse_shape(const char *line, struct shape *s)
{
	return sscanf(line, SHAPE, &s->nr_pools, &s->nr_elements, &s->mib, &s->extent, &s->active,
		      &s->meta_mib, &s->cache, &s->slow) == 8 &&
	       s->nr_pools >= 1 && s->nr_pools <= POOLS_MAX && s->nr_elements >= 1 &&
	       s->nr_elements <= ELEMENTS_MAX && s->mib >= 1 && s->mib <= 64 ? 0 : -1;
}

void steps_add(struct steps *l, struct step st)
{
	if (l->nr == l->room) {
		l->room = l->room ? 2 * l->room : 64;
		l->v = realloc(l->v, l->room * sizeof(*l->v));
		if (!l->v)
			err(1, "memory");
	}
	l->v[l->nr++] = st;
}

int steps_read(struct steps *l, const char *path)
{
	FILE *f = fopen(path, "r");
	unsigned int number = 0;
	bool shaped = false;
	char line[256];
	struct step st;

	memset(l, 0, sizeof(*l));
	if (!f) {
		warn("%s", path);
		return -1;
	}
	while (fgets(line, sizeof(line), f)) {
		number++;
		if (*line == '#' || *line == '\n')
			continue;
		if (!shaped && !parse_shape(line, &l->shape)) {
			shaped = true;
		} else if (shaped && !parse_step(line, &st)) {
			steps_add(l, st);
		} else {
			warnx("%s:%u: not understood: %s", path, number, line);
			fclose(f);
			return -1;
		}
	}
	fclose(f);
	return shaped ? 0 : -1;
}

int steps_write(const struct steps *l, const char *path, const char *comment)
{
	const struct shape *s = &l->shape;
	FILE *f = fopen(path, "w");
	char line[256];
	unsigned int i;

	if (!f) {
		warn("%s", path);
		return -1;
	}
	fprintf(f, "%s" SHAPE "\n", comment, s->nr_pools, s->nr_elements, s->mib, s->extent,
		s->active, s->meta_mib, s->cache, s->slow);
	for (i = 0; i < l->nr; i++) {
		step_text(&l->v[i], line, sizeof(line));
		fprintf(f, "%s\n", line);
	}
	return fclose(f) ? -1 : 0;
}

/* ---- at random ---- */

/*
 * What the list may have led to, if all goes well: only for choosing what is
 * worth trying.
 */
struct guess {
	struct steps *l;
	uint64_t rng;
	unsigned int state[SYNCS_MAX], turned[SYNCS_MAX];	/* state 0: none */
	int source[SYNCS_MAX], target[SYNCS_MAX];
	bool held[ELEMENTS_MAX], detached[ELEMENTS_MAX], fails, meta;
};

static unsigned int below(struct guess *g, unsigned int n)
{
	return rng_below(&g->rng, n);
}

static struct step *new_step(struct guess *g, enum step_kind kind)
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
}

static bool is_target(const struct guess *g, int e)
{
	int i;

	for (i = 0; i < SYNCS_MAX; i++)
		if (g->state[i] && g->target[i] == e)
			return true;
	return false;
}

static void add_create(struct guess *g, int s)
{
	unsigned int n = g->l->shape.nr_elements, pools = g->l->shape.nr_pools, tries = 6;
	struct step *st = new_step(g, STEP_CREATE);
	int e = below(g, n), to;

	do {
		to = below(g, n);
	} while ((to == e || (to - e) % (int)pools || is_target(g, to)) && tries--);
	st->s = s;
	st->e = e;
	st->to = to;
	st->force = below(g, 2);
	st->rate = below(g, 3) ? 0 : 1 + below(g, 8);
	st->n = below(g, 6) ? 0 : below(g, 2) ? DRP_CS_INACTIVE : DRP_CS_INITIALIZED;
	if (to == e || (to - e) % (int)pools || is_target(g, to) || is_target(g, e))
		return;
	g->state[s] = st->n ? st->n : DRP_CS_SYNCHRONIZED;
	g->turned[s] = NOT_TURNED;
	g->source[s] = e;
	g->target[s] = to;
}

static bool is_worth_trying(const struct guess *g, int s, unsigned int operation)
{
	const struct rule *r = &rule_table[0][!!g->turned[s]][operation][g->state[s]];

	return r->kind == RULE_CHANGES || r->kind == RULE_GONE;
}

static void guess_result(struct guess *g, const struct step *st)
{
	const struct rule *r = &rule_table[0][!!g->turned[st->s]][st->n][g->state[st->s]];
	int s = st->s, source = g->source[s];

	if (r->kind == RULE_GONE)
		g->state[s] = 0;
	if (r->kind != RULE_CHANGES)
		return;
	if (r->during && r->turned && st->rate) {
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

static void add_io(struct guess *g)
{
	struct step *st = new_step(g, STEP_IO);
	unsigned int dice = below(g, 10);

	st->e = dice < 6 ? -1 : (int)below(g, g->l->shape.nr_elements);
	st->n = 1 + below(g, 30);
	st->threads = 1 + below(g, 3);
	if (dice == 9)
		st->kind = STEP_PROTECTED;
}

static void add_power(struct guess *g);

static void add_operation(struct guess *g, int s)
{
	struct step *st = new_step(g, STEP_OPERATE);
	unsigned int tries = 40, turn = below(g, 3) ? 0 : turning(g, s);
	bool turns;

	do {
		st->n = turn ? turn : 2 + below(g, 23);
		/* Without associations nothing happens. */
		if ((st->n == DRP_OP_DETACH || st->n == DRP_OP_DISSOLVE) && below(g, 3))
			continue;
	} while (!is_worth_trying(g, s, st->n) && below(g, 25) && tries--);
	turns = st->n == DRP_OP_RESTORE_FROM_REPLICA || st->n == DRP_OP_FAILBACK;
	st->s = s;
	st->force = below(g, 3) != 0 || (turns && below(g, 2));
	st->rate = below(g, turns ? 6 : 3) < (turns ? 1 : 2) ? 0 : 1 + below(g, 8);
	st->threads = below(g, 2) ? 1 + below(g, 3) : 0;
	guess_result(g, st);
	/* While it copies. */
	if (turns && below(g, 2)) {
		add_io(g);
		add_power(g);
	}
}

static void add_fault(struct guess *g)
{
	struct step *st = new_step(g, STEP_FAULT);

	st->e = below(g, g->l->shape.nr_elements);
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
	for (i = 0; i < ELEMENTS_MAX; i++)
		g->held[i] = g->detached[i] = false;
	g->fails = g->meta = false;
}

static void add_device(struct guess *g)
{
	unsigned int dice = below(g, 16), e = below(g, g->l->shape.nr_elements);
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
	} else if (dice < 12) {
		st = new_step(g, STEP_RESTART);
	} else if (dice < 14) {
		st = new_step(g, STEP_TAMPER);
	} else if (dice < 15) {
		st = new_step(g, STEP_ASPECTS);
	} else {
		st = new_step(g, STEP_META);
	}
	st->e = e;
	if (st->kind == STEP_POOL_BOUNCE || st->kind == STEP_ASPECTS || st->kind == STEP_META)
		st->e = below(g, g->l->shape.nr_pools);
	st->threads = below(g, 3);
}

static void add_any(struct guess *g)
{
	unsigned int dice = below(g, 100), s = below(g, SYNCS_MAX);
	struct step *st;

	/* Few syncs at a time, most of the time. */
	if (!g->state[s] && below(g, 3))
		for (s = 0; s < SYNCS_MAX - 1 && !g->state[s];)
			s++;
	if (dice < 30)
		add_io(g);
	else if (dice < 68 && g->state[s])
		add_operation(g, s);
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
		new_step(g, STEP_SETTLE);
	if (dice < 97)
		return;
	st = new_step(g, STEP_SET);
	st->s = s;
	st->e = below(g, g->l->shape.nr_elements);
	st->n = below(g, 14);
}

void steps_random(struct steps *l, uint64_t seed, unsigned int nr)
{
	struct guess g = { .l = l, .rng = seed };

	memset(l, 0, sizeof(*l));
	choose_shape(&g, &l->shape);
	add_create(&g, 0);
	add_io(&g);
	while (l->nr < nr)
		add_any(&g);
	new_step(&g, STEP_SETTLE);
}
