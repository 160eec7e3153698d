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
	const struct sync *o;

	if (s->type == DRP_SYNC_SNAPSHOT) {
		for_each_sync(w, o)
			if (o != s && ((o->target == s->source && o->type != DRP_SYNC_SNAPSHOT) ||
				       (o->source == s->source && pairs_may_turn(o->pairs))))
				return true;
		return false;
	}
	return is_shared(w, s, s->source) || is_shared(w, s, s->target);
}

bool pairs_whole(pairs_t pairs)
{
	return !(pairs & UNFINISHED);
}

bool is_indirect(const struct world *w, const struct element *e)
{
	const struct sync *s;

	for_each_sync(w, s)
		if ((s->source == e && pairs_may_turn(s->pairs)) ||
		    (s->target == e && s->type == DRP_SYNC_CLONE && !pairs_whole(s->pairs)))
			return true;
	return false;
}

/* A snapshot's device need not be there. */
static bool is_whole(const struct sync *s)
{
	const struct element *e = s->source;

	if (s->type != DRP_SYNC_SNAPSHOT)
		return s->source->attached && s->target->attached;
	while (e->virtual && e->attached)
		e = e->parent;
	return e->attached;
}

/* ---- snapshots ---- */

bool is_restored(const struct world *w, const struct element *e, bool *certain)
{
	const struct sync *s;
	bool perhaps = false;

	*certain = false;
	for_each_sync(w, s) {
		pairs_t pairs = pairs_later(w, s, s->pairs);

		if (s->source != e || !pairs_may_turn(pairs))
			continue;
		perhaps = true;
		*certain |= !(pairs & ((1ULL << 20) - 1));
	}
	return perhaps;
}

static const struct element *child_of(const struct world *w, const struct element *e)
{
	const struct element *child;

	for_each_virtual(w, child)
		if (child->exists && child->parent == e)
			return child;
	return NULL;
}

bool is_snapped(const struct world *w, const struct element *e)
{
	const struct sync *s;

	for_each_sync(w, s)
		if (s->source == e && s->type == DRP_SYNC_SNAPSHOT)
			return true;
	return false;
}

bool has_snapshots(const struct world *w, const struct element *e)
{
	return child_of(w, e) || is_kept(w, e, false);
}

bool is_frail(struct world *w, const struct element *e)
{
	struct sync *s;

	for (; e->virtual; e = e->parent) {
		s = sync_into(w, e);
		if (!e->exists || (s ? !!(s->pairs & ~(SHOWS | PAIR(UNSYNC, 1) |
						       PAIR(DRP_CS_SUSPENDED, 1))) : e->frail))
			return true;
	}
	return false;
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

/* A point in time that nobody can look at just now, or that could not be kept. */
static pairs_t snapshot_in_trouble(const struct sync *s, unsigned int state)
{
	pairs_t lost = s->source->pool->loses ? PAIR(DRP_CS_BROKEN, 0) : 0;

	if (PAIR(state, 0) & SHOWS)
		return PAIR(DRP_CS_PARTITIONED, 0) | lost;
	return state == DRP_CS_PARTITIONED ? SHOWS | lost : 0;
}

static pairs_t from_snapshot(const struct world *w, const struct sync *s, unsigned int bit)
{
	unsigned int state = PAIR_STATE(bit), turned = PAIR_TURNED(bit);
	pairs_t more = 0;

	/* A host writes to the target; a restore ends. */
	if (!turned && (state == SYNCED || state == DRP_CS_RESTORED))
		more |= PAIR(DRP_CS_SKEWED, 0);
	if (turned && state == UNSYNC)
		more |= PAIR(DRP_CS_RESTORED, 0);
	if (PAIR(state, turned) & (SHOWS | PAIR(DRP_CS_PARTITIONED, 0)) && may_go_for_room(w, s))
		more |= PAIR(DRP_CS_BROKEN, 0);
	/* A restore into a snapshot that finds no room, or goes with what it restores. */
	if (turned && w->shape.cow_mib && s->source->virtual)
		more |= with_states(turned, DRP_CS_BROKEN, UNSYNC) | PAIR(DRP_CS_BROKEN, 0);
	if (s->source->pool->trouble || !is_whole(s))
		more |= turned ? from_trouble(s, state, turned) : snapshot_in_trouble(s, state);
	return more;
}

/* A copy that fails is tried again, and what is away may return; a point in time does not. */
static pairs_t clone_in_trouble(const struct sync *s, unsigned int state)
{
	const pairs_t copying = PAIR(UNSYNC, 0) | PAIR(DRP_CS_SUSPENDED, 0);

	if (PAIR(state, 0) & copying)
		return with_states(0, DRP_CS_PARTITIONED, DRP_CS_BROKEN);
	if (state == DRP_CS_PARTITIONED)
		return copying | PAIR(DRP_CS_BROKEN, 0);
	return state == DRP_CS_BROKEN && !s->lost ? PAIR(DRP_CS_PARTITIONED, 0) : 0;
}

static pairs_t from_clone(const struct sync *s, unsigned int bit)
{
	unsigned int state = PAIR_STATE(bit), turned = PAIR_TURNED(bit);
	pairs_t more = 0;

	if (state == UNSYNC)
		more |= turned ? PAIR(DRP_CS_RESTORED, 0) : with_states(0, SYNCED, DRP_CS_SKEWED);
	if (state == SYNCED)
		more |= PAIR(DRP_CS_SKEWED, 0);
	if (state == DRP_CS_BROKEN && !turned && !s->lost)
		more |= PAIR(UNSYNC, 0) | (s->manual ? PAIR(DRP_CS_SUSPENDED, 0) : 0);
	if (s->source->pool->trouble || !is_whole(s))
		more |= turned ? from_trouble(s, state, turned) : clone_in_trouble(s, state);
	return more;
}

static pairs_t from_pair(const struct world *w, const struct sync *s, unsigned int bit)
{
	unsigned int state = PAIR_STATE(bit), turned = PAIR_TURNED(bit);
	pairs_t more = 0;

	if (state == UNSYNC && !turned)
		more |= PAIR(SYNCED, 0);
	if (state == UNSYNC && turned == RESTORING)
		more |= PAIR(DRP_CS_RESTORED, 0);
	if (state == UNSYNC && turned == FAILING_BACK)
		more |= PAIR(UNSYNC, 0);
	if (state == DRP_CS_BROKEN && !turned)
		more |= PAIR(UNSYNC, 0) | (s->manual ? PAIR(DRP_CS_SUSPENDED, 0) : 0);
	/* A restore of its source elsewhere, or into it. */
	if (state == SYNCED && !turned && is_entangled(w, s))
		more |= PAIR(UNSYNC, 0);
	if (s->source->pool->trouble || !is_whole(s))
		more |= from_trouble(s, state, turned);
	return more;
}

static pairs_t from_any(const struct world *w, const struct sync *s, unsigned int bit)
{
	if (s->type == DRP_SYNC_SNAPSHOT)
		return from_snapshot(w, s, bit);
	return s->type == DRP_SYNC_CLONE ? from_clone(s, bit) : from_pair(w, s, bit);
}

pairs_t pairs_later(const struct world *w, const struct sync *s, pairs_t pairs)
{
	pairs_t before;
	unsigned int bit;

	do {
		before = pairs;
		for (bit = 0; bit < NR_PAIRS; bit++)
			if (pairs >> bit & 1)
				pairs |= from_any(w, s, bit);
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

/* Of one that is not copied yet the source cannot be restored. */
static bool has_clones(const struct world *w, const struct element *e)
{
	const struct sync *s;

	for_each_sync(w, s)
		if (s->type == DRP_SYNC_CLONE && s->source == e && !pairs_whole(s->pairs))
			return true;
	return false;
}

/* What the tables, which know of one sync alone, cannot say. */
static uint32_t other_refusals(const struct world *w, const struct sync *s,
			       const struct request_for *r)
{
	const struct pool *p = s->source->pool;
	uint32_t more = 0;

	if (is_entangled(w, s) || has_clones(w, s->source) || !is_whole(s) || p->trouble)
		more |= refusal_bit(DRP_RV_INVALID_STATE) | refusal_bit(DRP_RV_IN_USE) |
			refusal_bit(DRP_RV_NO_SPACE) | refusal_bit(DRP_RV_FAILED);
	if (r->load || p->trouble)
		more |= refusal_bit(DRP_RV_TIMEOUT);
	if (r->operation == DRP_OP_RESET_TO_ASYNC)
		more |= refusal_bit(DRP_RV_NOT_SUPPORTED);
	return more;
}

static void refuse_all(struct prediction *p, uint32_t refusals)
{
	p->success = 0;
	p->may_change = false;
	p->refusals |= refusals;
}

void predict_point(struct world *w, const struct element *e, bool load, struct prediction *p)
{
	struct sync *into = sync_into(w, e);
	bool certain;

	/* In the middle of a restore it is of what hosts see, unless that is lost. */
	if (is_restored(w, e, &certain))
		p->refusals |= refusal_bit(DRP_RV_INVALID_STATE);
	if (e->virtual && w->shape.cow_mib)
		p->refusals |= refusal_bit(DRP_RV_INVALID_STATE);
	/* Frozen, drained and flushed within the deadline. */
	if (load || e->pool->trouble)
		p->refusals |= refusal_bit(DRP_RV_TIMEOUT);
	/* The target of an unfinished copy; nothing that could be kept. */
	if ((into && !e->virtual && into->pairs != PAIR(SYNCED, 0)) || is_frail(w, e))
		p->refusals |= refusal_bit(DRP_RV_INVALID_STATE);
	if (!e->attached || e->pool->trouble)
		p->refusals |= refusal_bit(DRP_RV_INVALID_STATE) | refusal_bit(DRP_RV_FAILED) |
			       refusal_bit(DRP_RV_NO_SPACE);
}

/* Restore from Replica where the source is a snapshot, too. */
static void predict_nested(struct world *w, const struct sync *s, struct prediction *p)
{
	const struct element *e;
	const struct sync *up;
	bool certain;

	/* Either of them, or what they come from, may be in a restore already. */
	for (e = s->target; e; e = e->virtual ? e->parent : NULL) {
		up = sync_into(w, e);
		if (is_restored(w, e, &certain) ||
		    (e != s->target && up && pairs_may_turn(pairs_later(w, up, up->pairs))))
			p->refusals |= refusal_bit(DRP_RV_INVALID_STATE);
	}
	if (is_frail(w, s->source))
		p->refusals |= refusal_bit(DRP_RV_INVALID_STATE);
}

/* What operations.rst says of snapshots, beside the tables. */
static void predict_snapshot(struct world *w, const struct sync *s, const struct request_for *r,
			     struct prediction *p)
{
	const uint32_t invalid = refusal_bit(DRP_RV_INVALID_STATE);
	const uint32_t used = refusal_bit(DRP_RV_IN_USE);
	bool drops = r->operation == DRP_OP_DEACTIVATE || r->operation == DRP_OP_RESYNC_REPLICA ||
		     r->operation == DRP_OP_RETURN_TO_RESOURCE_POOL;
	bool cuts = r->operation == DRP_OP_ACTIVATE || r->operation == DRP_OP_RESYNC_REPLICA;
	bool certain, restored = is_restored(w, s->source, &certain);

	if (drops && has_snapshots(w, s->target))
		p->refusals |= invalid | used;
	if (drops && child_of(w, s->target))
		refuse_all(p, 0);
	/* "In use" is a device that can be opened. */
	if (r->operation == DRP_OP_RETURN_TO_RESOURCE_POOL && s->target->attached)
		p->refusals |= used;
	if (cuts && p->may_change)
		predict_point(w, s->source, r->load, p);
	if (r->operation != DRP_OP_RESTORE_FROM_REPLICA)
		return;
	if (restored)
		p->refusals |= invalid;
	if (certain && !pairs_may_turn(s->pairs))
		refuse_all(p, invalid);
	if (s->source->virtual)
		predict_nested(w, s, p);
}

/* Likewise of clones. */
static void predict_clone(struct world *w, const struct sync *s, const struct request_for *r,
			  struct prediction *p)
{
	if (r->operation != DRP_OP_ACTIVATE && r->operation != DRP_OP_RESYNC_REPLICA)
		return;
	if (!p->may_change)
		return;
	/* A cut, within the deadline. */
	predict_point(w, s->source, r->load, p);
	if (has_snapshots(w, s->target))
		p->refusals |= refusal_bit(DRP_RV_INVALID_STATE);
	if (is_snapped(w, s->target))
		refuse_all(p, 0);
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
	if (s->type == DRP_SYNC_SNAPSHOT)
		predict_snapshot(w, s, r, p);
	else if (s->type == DRP_SYNC_CLONE)
		predict_clone(w, s, r, p);
}
