// SPDX-License-Identifier: GPL-2.0-only
/* Making syncs: mirrors, snapshots, clones. */
#include <errno.h>
#include <string.h>

#include "step.h"

/* Is there a reason why this sync may not be made? */
static bool may_be_refused(struct world *w, const struct element *from, const struct element *to)
{
	struct sync *s;

	for_each_sync(w, s)
		if (s->source == to || s->target == to || s->source == from || s->target == from)
			return true;
	return !from->attached || !to->attached || from->pool->trouble || from->pool->read_only;
}

static void begin_sync(struct sync *s, unsigned int type, struct element *from, struct element *to)
{
	s->type = type;
	s->source = from;
	s->target = to;
	s->manual = s->steady = s->frail = s->lost = s->broke = false;
	s->stops_io = s->auto_delete = FACT_NO;
	s->prio = DRP_PRIO_SAME;
	s->source_wrote = s->target_wrote = WROTE_PERHAPS;
	s->pairs = GONE;
}

int step_create(struct world *w, const struct step *st, struct pending *o)
{
	struct sync *s = &w->s[(unsigned int)st->s % SYNCS_MAX];
	struct element *from = ELEMENT(w, st), *to = &w->e[(unsigned int)st->to % nr_slots(w)];
	bool refusable = may_be_refused(w, from, to);
	/* A snapshot is the source of snapshots, and of nothing else. */
	bool must = from == to || sync_into(w, to) || from->virtual || to->virtual;
	char settings[96];
	struct answer a;
	int r = 0;

	o->done = true;
	if (s->id || from->pool != to->pool || !from->exists || !to->exists ||
	    !from->pool->active)
		return 0;
	if (to->held >= 0 && !st->force) {
		refusable = true;
		must |= !st->n;
	}
	begin_sync(s, DRP_SYNC_MIRROR, from, to);
	*o = (struct pending){ .s = s, .creates = true, .before = GONE };
	o->p.success = st->n ? PAIR(st->n, 0) : PAIR(DRP_CS_UNSYNCHRONIZED, 0);
	operation_settings(st, settings, sizeof(settings));
	if (st->n)
		strcat(settings, st->n == DRP_CS_INACTIVE ? " wait_for_copy_state=inactive" :
							    " wait_for_copy_state=initialized");
	s->id = from->pool->next_id++;
	o->since = content_tick();
	ask_create_sync(s, st->force, settings, &a);
	if (verbose)
		fprintf(stderr, "#   %u %s\n", a.return_value, a.text);
	if (a.return_value == DRP_RV_JOB_STARTED && a.job)
		r = await_job(w, o, &a);
	if (r < 0 || sim_power_is_off())
		return -EIO;
	o->done = true;
	if (is_refusal(a.return_value)) {
		if (!refusable && !must && judge(w, "a sync that could be made was refused", -EREMOTEIO))
			return -EIO;
		s->id = 0;
		counts.refused++;
		return 0;
	}
	if (must)
		broken(w, "a sync from %s to %s was made, which cannot be", from->name, to->name);
	s->pairs = o->p.success;
	counts.operations++;
	return 0;
}

bool begin_snapshot(struct world *w, const struct step *st, struct element *from, bool inactive,
		    struct pending *o)
{
	struct sync *s = &w->s[(unsigned int)st->s % SYNCS_MAX], *into;
	struct element *to;

	if (!w->shape.snapshots)
		return false;
	to = &w->e[w->shape.nr_elements + (unsigned int)st->to % w->shape.snapshots];
	if (s->id || to->exists || from == to || !from->exists || !from->pool->active)
		return false;
	begin_sync(s, DRP_SYNC_SNAPSHOT, from, to);
	to->pool = from->pool;
	to->parent = from;
	to->exists = true;
	to->frail = false;
	content_forget(&to->content);
	content_forget(&to->point);
	*o = (struct pending){ .s = s, .creates = true, .load = st->threads };
	o->p.success = PAIR(inactive ? DRP_CS_INACTIVE : DRP_CS_SYNCHRONIZED, 0);
	o->p.may_change = true;
	if (!inactive)
		predict_point(w, from, st->threads, &o->p);
	/* The target of an unfinished copy: whether it takes a point in time now or later. */
	into = sync_into(w, from);
	if (into && !from->virtual && into->pairs != PAIR(DRP_CS_SYNCHRONIZED, 0))
		o->p.refusals |= refusal_bit(DRP_RV_INVALID_STATE);
	if (from->pool->trouble || from->pool->read_only || from->pool->meta_fails)
		o->p.refusals = ~0U;
	s->id = from->pool->next_id++;
	to->id = from->pool->next_id++;
	return true;
}

/* Asks with hosts at work: 0, or -EIO: the power failed. @kind is for the words. */
static int create_under_load(struct world *w, const struct step *st, const char *kind,
			     const char *settings, struct pending *o)
{
	struct load load = { .seed = st->seed, .threads = st->threads, .element = -1 };
	struct answer a;
	int error;

	spare_target(o, st, &load);
	load_start(w, &load);
	if (st->threads)
		sleep_us(st->seed % 3000);
	ask_create_sync(o->s, st->force, settings, &a);
	if (o->s->type == DRP_SYNC_CLONE)
		note_answer(w, o, &a);
	if (verbose)
		fprintf(stderr, "#   %u %s\n", a.return_value, a.text);
	if (st->threads)
		sleep_us(st->seed % 2000);
	error = load_stop(w) ? -EIO : conclude(w, o, &a, st->force);
	if (error == -EPROTO)
		broken(w, "a %s of %s was refused with %u (%s)", kind, o->s->source->name,
		       a.return_value, a.text);
	return error ? -EIO : 0;
}

int make_snapshot(struct world *w, const struct step *st, const char *settings,
		  struct pending *o)
{
	struct element *to = o->s->target;

	effect_begin(w, o);
	if (create_under_load(w, st, "snapshot", settings, o))
		return -EIO;
	o->done = true;
	if (!o->acted) {
		o->s->id = 0;
		to->exists = false;
		end_operation(w);
		return 0;
	}
	if (element_up(w, to))
		return -EIO;
	check_point(w, o);
	end_operation(w);
	return 0;
}

int step_snapshot(struct world *w, const struct step *st, struct pending *o)
{
	observe(w, true);
	if (!begin_snapshot(w, st, ELEMENT(w, st), st->n, o))
		return 0;
	return make_snapshot(w, st, st->n ? "wait_for_copy_state=inactive" : "", o);
}

/* Nor may it be made, or must not. */
static bool begin_clone(struct world *w, const struct step *st, struct pending *o)
{
	struct sync *s = &w->s[(unsigned int)st->s % SYNCS_MAX];
	struct element *from = ELEMENT(w, st), *to = &w->e[(unsigned int)st->to % nr_slots(w)];
	bool refusable = may_be_refused(w, from, to) || has_snapshots(w, to);
	/* What it must not copy to it may be made for: that is asked again then. */
	bool must = from == to || sync_into(w, to) || from->virtual || to->virtual ||
		    (!st->n && is_snapped(w, to));

	if (s->id || from->pool != to->pool || !from->exists || !to->exists ||
	    !from->pool->active)
		return false;
	if (to->held >= 0 && !st->force) {
		refusable = true;
		must |= !st->n;
	}
	begin_sync(s, DRP_SYNC_CLONE, from, to);
	*o = (struct pending){ .s = s, .creates = true, .load = st->threads };
	o->p.success = must ? 0 : PAIR(st->n ?: DRP_CS_UNSYNCHRONIZED, 0);
	o->p.may_change = true;
	if (!st->n)
		predict_point(w, from, st->threads, &o->p);
	if (refusable || must)
		o->p.refusals = ~0U;
	s->id = from->pool->next_id++;
	return true;
}

int step_clone(struct world *w, const struct step *st, struct pending *o)
{
	char settings[96];

	observe(w, true);
	if (!begin_clone(w, st, o))
		return 0;
	operation_settings(st, settings, sizeof(settings));
	if (st->n)
		strcat(settings, st->n == DRP_CS_INACTIVE ? " wait_for_copy_state=inactive" :
							    " wait_for_copy_state=prepared");
	effect_begin(w, o);
	o->before = GONE;
	if (create_under_load(w, st, "clone", settings, o))
		return -EIO;
	o->done = true;
	if (!o->acted)
		o->s->id = 0;
	else
		check_point(w, o);
	end_operation(w);
	return 0;
}
