// SPDX-License-Identifier: GPL-2.0-only
/*
 * The reference model of states: a sync is in one of a set of pairs, which grows
 * with what may happen by itself and shrinks with what is seen. What an operation
 * may answer and lead to is looked up in the tables of operations.rst.
 */
#include <string.h>

#include "world.h"

#define UNSYNC	DRP_CS_UNSYNCHRONIZED
#define SYNCED	DRP_CS_SYNCHRONIZED

/* ---- what there is ---- */

struct sync *sync_into(struct world *w, const struct element *e)
{
	struct sync *s;

	for_each_sync(w, s)
		if (s->target == e)
			return s;
	return NULL;
}

bool is_shared(const struct world *w, const struct sync *s, const struct element *e)
{
	const struct sync *o;

	for_each_sync(w, o)
		if (o != s && (o->source == e || o->target == e))
			return true;
	return false;
}

bool is_entangled(const struct world *w, const struct sync *s)
{
	return is_shared(w, s, s->source) || is_shared(w, s, s->target);
}

static bool is_whole(const struct sync *s)
{
	return s->source->attached && s->target->attached;
}

/* ---- what may happen by itself ---- */

static pairs_t with_states(unsigned int turned, unsigned int a, unsigned int b)
{
	return PAIR(a, turned) | PAIR(b, turned);
}

/* From copying, when something fails or goes away. */
static pairs_t from_trouble(const struct sync *s, unsigned int state, unsigned int turned)
{
	bool copies = state == UNSYNC || state == SYNCED;
	pairs_t more = 0;

	if (copies)
		more |= with_states(turned, DRP_CS_BROKEN, DRP_CS_PARTITIONED);
	if (copies && !turned)
		more |= PAIR(UNSYNC, 0);
	if (state == DRP_CS_BROKEN)
		more |= with_states(turned, UNSYNC, DRP_CS_PARTITIONED);
	if (state == DRP_CS_PARTITIONED)
		more |= with_states(turned, UNSYNC, DRP_CS_BROKEN);
	/* Manual now, or when it was decided. */
	if (s->manual && (state == DRP_CS_BROKEN || state == DRP_CS_PARTITIONED))
		more |= PAIR(DRP_CS_SUSPENDED, turned);
	return more;
}

static pairs_t from_pair(const struct world *w, const struct sync *s, unsigned int bit)
{
	unsigned int state = PAIR_STATE(bit), turned = PAIR_TURNED(bit);
	bool copied = s->type != DRP_SYNC_MIRROR;
	pairs_t more = 0;

	if (state == UNSYNC && !turned)
		more |= PAIR(SYNCED, 0);
	if (copied && !turned && (state == UNSYNC || state == SYNCED))
		more |= PAIR(DRP_CS_SKEWED, 0);
	if (state == UNSYNC && turned == RESTORING)
		more |= PAIR(DRP_CS_RESTORED, 0);
	if (state == UNSYNC && turned == FAILING_BACK)
		more |= PAIR(UNSYNC, 0);
	if (state == DRP_CS_BROKEN && !turned)
		more |= PAIR(UNSYNC, 0) | (s->manual ? PAIR(DRP_CS_SUSPENDED, 0) : 0);
	/* A restore of its source elsewhere, or into it. */
	if (state == SYNCED && !turned && !copied && is_entangled(w, s))
		more |= PAIR(UNSYNC, 0);
	if (s->source->pool->trouble || !is_whole(s))
		more |= from_trouble(s, state, turned);
	return more;
}

pairs_t pairs_later(const struct world *w, const struct sync *s, pairs_t pairs)
{
	pairs_t before;
	unsigned int bit;

	do {
		before = pairs;
		for (bit = 0; bit < NR_PAIRS; bit++)
			if (pairs >> bit & 1)
				pairs |= from_pair(w, s, bit);
	} while (pairs != before);
	return pairs;
}

static const pairs_t follows = PAIR(UNSYNC, 0) | PAIR(SYNCED, 0);

bool pairs_follow(const struct sync *s, pairs_t pairs)
{
	return s->type == DRP_SYNC_MIRROR && !(pairs & ~follows);
}

bool pairs_may_follow(const struct sync *s, pairs_t pairs)
{
	return s->type == DRP_SYNC_MIRROR && (pairs & follows);
}

bool pairs_may_turn(pairs_t pairs)
{
	return (pairs & ~GONE) >> 20;
}

struct content *content_of(struct world *w, struct element *e)
{
	struct sync *s = sync_into(w, e);

	if (!s || !pairs_may_follow(s, s->pairs))
		return e->content.known ? &e->content : NULL;
	return s->pairs == PAIR(SYNCED, 0) ? content_of(w, s->source) : NULL;
}

/* ---- access ---- */

void may_do(struct world *w, const struct element *e, int *least, int *most)
{
	struct sync *s;

	*least = *most = 2;
	for_each_sync(w, s) {
		pairs_t pairs = pairs_later(w, s, s->pairs);
		int low = 2, high = 0, role = s->target == e;
		unsigned int bit;

		if (s->source != e && s->target != e)
			continue;
		for (bit = 0; bit < NR_PAIRS; bit++) {
			const struct access *a = &access_table[s->type - 6][PAIR_STATE(bit)];
			int may = a->host[!!PAIR_TURNED(bit)][role];

			if (!(pairs >> bit & 1))
				continue;
			low = may < low ? may : low;
			high = may > high ? may : high;
		}
		*least = low < *least ? low : *least;
		*most = high < *most ? high : *most;
	}
}

/* ---- predictions ---- */

uint32_t refusal_bit(uint32_t return_value)
{
	return return_value < 16 ? 1U << return_value : 1U << (16 + (return_value & 7));
}

/* A fact as it may be by the time it is looked at. */
static uint8_t fact_now(const struct world *w, const struct sync *s, uint8_t fact,
			const struct request_for *r)
{
	if (r->load || s->source->pool->trouble || is_entangled(w, s) ||
	    (s->pairs & ~PAIR(SYNCED, 0)) & (follows | PAIR(UNSYNC, 1) | PAIR(UNSYNC, 2)))
		return FACT_EITHER;
	return fact;
}

struct verdict {
	bool refuse, pass;		/* may */
	uint32_t refusals;
	bool acts;
};

/* One sentence "If ...: ...". */
static void judge_condition(struct verdict *v, unsigned int condition, uint8_t fact, uint8_t bad,
			    bool force)
{
	uint8_t good = FACT_EITHER & ~bad;

	if (!condition || !(fact & bad))
		return;
	if (condition == COND_ACTS || (condition == COND_FORCE && force)) {
		v->acts = true;
		return;
	}
	v->refusals |= refusal_bit(condition == COND_FORCE ? DRP_RV_FORCE_REQUIRED :
							     DRP_RV_INVALID_STATE);
	v->refuse = true;
	if (!(fact & good))
		v->pass = false;
}

static void judge_rule(const struct world *w, const struct sync *s, const struct request_for *r,
		       const struct rule *rule, struct verdict *v)
{
	const struct facts *f = &s->facts;

	*v = (struct verdict){ .pass = true };
	judge_condition(v, rule->if_inconsistent, fact_now(w, s, f->consistent, r), FACT_NO,
			r->force);
	judge_condition(v, rule->if_not_in_sync, fact_now(w, s, f->in_sync, r), FACT_NO, r->force);
	judge_condition(v, rule->if_source_changed, fact_now(w, s, f->source_changed, r), FACT_YES,
			r->force);
	judge_condition(v, rule->if_target_changed, fact_now(w, s, f->target_changed, r), FACT_YES,
			r->force);
	if (rule->force && !r->force) {
		v->refusals |= refusal_bit(DRP_RV_FORCE_REQUIRED);
		v->pass = false;
	}
	if (!r->force && (((rule->in_use & RULE_SOURCE) && s->source->held >= 0) ||
			  ((rule->in_use & RULE_TARGET) && s->target->held >= 0))) {
		v->refusals |= refusal_bit(DRP_RV_IN_USE);
		v->pass = false;
	}
}

/* Where the operation leads from a state and direction. */
static pairs_t goal(const struct rule *rule, unsigned int operation, unsigned int turned)
{
	unsigned int to = rule->turned ? rule->turned : turned;

	if (operation == DRP_OP_RESUME && turned)
		to = turned;
	if (rule->kind == RULE_GONE)
		return GONE;
	if (rule->during)
		return PAIR(rule->during, to);
	return PAIR(rule->after, turned);
}

/* Asked again for what there is, but it has something to do: the same as from Split. */
static void acts_again(const struct sync *s, unsigned int operation, struct prediction *p)
{
	const struct rule *rule = &rule_table[s->type - 6][0][operation][DRP_CS_SPLIT];

	p->success |= goal(rule, operation, 0);
	p->may_change = true;
}

static void predict_from(const struct world *w, const struct sync *s, const struct request_for *r,
			 unsigned int bit, struct prediction *p)
{
	unsigned int state = PAIR_STATE(bit), turned = PAIR_TURNED(bit);
	const struct rule *rule = &rule_table[s->type - 6][!!turned][r->operation][state];
	struct verdict v;

	if (rule->kind == RULE_NONE || rule->kind == RULE_INVALID) {
		p->refusals |= refusal_bit(DRP_RV_INVALID_STATE);
		return;
	}
	judge_rule(w, s, r, rule, &v);
	p->refusals |= v.refusals;
	if (!v.pass)
		return;
	counts.cells[s->type - 6][!!turned][r->operation][state] |= 1;
	if (rule->kind == RULE_SAME) {
		p->success |= PAIR(state, turned);
		if (v.acts)
			acts_again(s, r->operation, p);
		return;
	}
	p->success |= goal(rule, r->operation, turned);
	p->may_change = true;
	p->swaps |= r->operation == DRP_OP_REVERSE_ROLES;
}

/* What the tables, which know of one sync alone, cannot say. */
static uint32_t other_refusals(const struct world *w, const struct sync *s,
			       const struct request_for *r)
{
	const struct pool *p = s->source->pool;
	uint32_t more = 0;

	if (is_entangled(w, s) || !is_whole(s) || p->trouble)
		more |= refusal_bit(DRP_RV_INVALID_STATE) | refusal_bit(DRP_RV_IN_USE) |
			refusal_bit(DRP_RV_NO_SPACE) | refusal_bit(DRP_RV_FAILED);
	if (r->load || p->trouble)
		more |= refusal_bit(DRP_RV_TIMEOUT);
	if (r->operation == DRP_OP_RESET_TO_ASYNC)
		more |= refusal_bit(DRP_RV_NOT_SUPPORTED);
	return more;
}

static bool is_of_groups(unsigned int operation)
{
	return operation == DRP_OP_ACTIVATE_CONSISTENCY || operation == DRP_OP_ADD_SYNC_PAIR ||
	       operation == DRP_OP_DEACTIVATE_CONSISTENCY || operation == DRP_OP_REMOVE_SYNC_PAIR;
}

void predict(struct world *w, const struct sync *s, const struct request_for *r,
	     struct prediction *p)
{
	pairs_t pairs = pairs_later(w, s, s->pairs);
	unsigned int bit, state;
	bool is_in_table = false;

	memset(p, 0, sizeof(*p));
	/* Of several reasons to refuse, no document says which one is named. */
	if (s->source->pool->read_only || s->source->pool->meta_fails)
		p->refusals = ~0U;
	if (is_of_groups(r->operation)) {
		p->refusals |= refusal_bit(DRP_RV_INVALID_PARAMETER);
		return;
	}
	for (state = 0; state < 32; state++)
		is_in_table |= rule_table[s->type - 6][0][r->operation][state].kind != RULE_NONE;
	if (!is_in_table) {
		p->refusals |= refusal_bit(DRP_RV_NOT_SUPPORTED);
		return;
	}
	for (bit = 0; bit < NR_PAIRS; bit++)
		if (pairs >> bit & 1)
			predict_from(w, s, r, bit, p);
	p->refusals |= other_refusals(w, s, r);
}

/* ---- what is seen ---- */

const char *pairs_text(pairs_t pairs, char *buf, size_t size)
{
	static const char *const names[20] = {
		[2] = "Initialized", [3] = "Unsynchronized", [4] = "Synchronized", [5] = "Broken",
		[6] = "Fractured", [7] = "Split", [8] = "Inactive", [9] = "Suspended",
		[10] = "Failedover", [11] = "Prepared", [12] = "Aborted", [13] = "Skewed",
		[16] = "Partitioned", [17] = "Invalid", [18] = "Restored",
	};
	static const char *const turned[] = { "", " (restoring)", " (failing back)" };
	unsigned int bit;
	size_t n = 0;

	*buf = '\0';
	for (bit = 0; bit < NR_PAIRS && n < size - 40; bit++)
		if (pairs >> bit & 1)
			n += snprintf(buf + n, size - n, "%s%s%s", n ? ", " : "",
				      names[PAIR_STATE(bit)] ? names[PAIR_STATE(bit)] : "?",
				      turned[PAIR_TURNED(bit)]);
	if (pairs & GONE)
		snprintf(buf + n, size - n, "%sgone", n ? ", " : "");
	return buf;
}

static pairs_t matching(pairs_t allowed, const struct seen *x)
{
	pairs_t match = 0;

	if (x->reverse)
		match = with_states(0, x->state, x->state) << 20 | PAIR(x->state, 2);
	else
		match = PAIR(x->state, 0);
	return allowed & match;
}

static void observe_sync(struct world *w, struct sync *s, const struct seen *x, bool devices)
{
	pairs_t was = s->pairs, allowed = pairs_later(w, s, was), now;
	char expected[400];

	if (!x)
		suspect(w, "sync %llu is gone, it was %s", (unsigned long long)s->id,
		       pairs_text(allowed, expected, sizeof(expected)));
	if (x->source != s->source->id || x->target != s->target->id || x->type != s->type)
		suspect(w, "sync %llu is type %u from %llu to %llu, but was made as %u from %llu to %llu",
		       (unsigned long long)s->id, x->type, (unsigned long long)x->source,
		       (unsigned long long)x->target, s->type, (unsigned long long)s->source->id,
		       (unsigned long long)s->target->id);
	now = matching(allowed, x);
	if (!now)
		suspect(w, "sync %llu (%s to %s) is in state %u%s%s%s, but may only be %s",
		       (unsigned long long)s->id, s->source->name, s->target->name, x->state,
		       x->reverse ? " (reverse)" : "", *x->error ? ": " : "", x->error,
		       pairs_text(allowed, expected, sizeof(expected)));
	s->facts = x->facts;
	/* Without its devices nobody can tell what a sync that copies is about. */
	if (!devices && x->state == DRP_CS_PARTITIONED) {
		s->pairs = allowed;
		return;
	}
	if (pairs_may_follow(s, was) && !pairs_follow(s, now))
		content_forget(&s->target->content);
	if (now != was)
		s->source_wrote = s->target_wrote = WROTE_PERHAPS;
	s->pairs = now;
}

static void observe_pool(struct world *w, struct pool *p, bool devices)
{
	struct seen seen[SYNCS_MAX + 4], *x;
	int i, n, known = 0;
	struct sync *s;
	char text[256];

	n = ask_syncs(p, seen, SYNCS_MAX + 4, text);
	if (n < 0)
		suspect(w, "pool %s cannot be asked: %s", p->name, text);
	for_each_sync(w, s) {
		if (s->source->pool != p)
			continue;
		x = NULL;
		for (i = 0; i < n; i++)
			if (seen[i].id == s->id)
				x = &seen[i];
		observe_sync(w, s, x, devices);
		known++;
	}
	if (known != n)
		suspect(w, "pool %s has %d syncs, but %d were made", p->name, n, known);
}

void observe(struct world *w, bool devices)
{
	struct pool *p;

	for_each_pool(w, p)
		if (p->active)
			observe_pool(w, p, devices);
}
