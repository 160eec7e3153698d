// SPDX-License-Identifier: GPL-2.0-only
/* What operations mean for contents, by their definitions in operations.rst. */
#include <string.h>

#include "world.h"

#define SYNCED	PAIR(DRP_CS_SYNCHRONIZED, 0)

static bool turns(unsigned int operation)
{
	return operation == DRP_OP_RESTORE_FROM_REPLICA || operation == DRP_OP_FAILBACK;
}

void effect_begin(struct world *w, struct pending *o)
{
	struct sync *s;

	o->since = content_tick();
	o->before = o->s->pairs;
	content_keep(true);
	for_each_sync(w, s)
		s->steady = false;
	atomic_store(&o->s->source->unsure, true);
	atomic_store(&o->s->target->unsure, true);
	/* A source has to notice nothing of its snapshots but a restore. */
	if (o->s->type != DRP_SYNC_MIRROR && !turns(o->operation))
		atomic_store(&o->s->source->unsure, pairs_may_turn(o->before));
	if (o->s->type == DRP_SYNC_SNAPSHOT && !turns(o->operation))
		return;
	/* What is above and below may see the same change. */
	for_each_sync(w, s)
		if ((s->source == o->s->source && atomic_load(&s->source->unsure)) ||
		    s->source == o->s->target) {
			atomic_store(&s->target->unsure, true);
			atomic_store(&s->source->unsure, true);
		}
}

/* The target parts from the source: with what? */
static void part(struct world *w, struct pending *o)
{
	struct sync *s = o->s;
	struct content *from;
	bool cut = o->operation == DRP_OP_SPLIT || o->operation == DRP_OP_FAILOVER ||
		   o->operation == DRP_OP_REVERSE_ROLES;

	/* A failback that had just ended counts. */
	if (!pairs_may_follow(s, pairs_later(w, s, o->before)))
		return;
	/* A split proves that it was Synchronized. */
	if (o->operation == DRP_OP_SPLIT || o->operation == DRP_OP_REVERSE_ROLES)
		s->pairs = pairs_follow(s, o->before) ? SYNCED : s->pairs;
	/* What others make durable meanwhile need not be so here. */
	if (o->load && !cut && o->operation != DRP_OP_FRACTURE)
		s->pairs = 0;
	from = s->pairs == SYNCED && !s->source->pool->trouble ? content_of(w, s->source) : NULL;
	if (from)
		content_cut(&s->target->content, from, o->since, cut);
	else
		content_forget(&s->target->content);
}

/* The source becomes what the target is; hosts may go on writing to it. */
static void turn(struct world *w, struct pending *o)
{
	struct content *from = content_of(w, o->s->target);
	struct content *late;

	const pairs_t invalid = PAIR(DRP_CS_INVALID, 1) | PAIR(DRP_CS_INVALID, 2);

	if (pairs_may_turn(o->before) && !(o->before & (((1ULL << 20) - 1) | invalid)))
		return;			/* it goes on */
	if (!from || pairs_may_turn(o->before)) {
		content_forget(&o->s->source->content);
		return;
	}
	late = content_late(&o->s->source->content, o->since);
	content_cut(&o->s->source->content, from, o->since, true);
	content_add_late(&o->s->source->content, late);
}

static void swap_roles(struct sync *s)
{
	struct element *source = s->source;

	s->source = s->target;
	s->target = source;
}

static void effect_mirror(struct world *w, struct pending *o, pairs_t now)
{
	struct sync *s = o->s;
	bool turned = pairs_may_turn(now) && turns(o->operation);

	if (o->operation == DRP_OP_REVERSE_ROLES) {
		part(w, o);
		swap_roles(s);
	} else if (turned) {
		turn(w, o);
	} else if (!pairs_may_follow(s, now)) {
		part(w, o);
	}
	s->source_wrote = s->target_wrote = o->operation == DRP_OP_SPLIT && o->before == SYNCED && !o->load ?
					    WROTE_NOTHING : WROTE_PERHAPS;
	s->pairs = now;
	if (now == GONE)
		s->id = 0;
}

/* ---- points in time ---- */

bool is_point_in_time(const struct pending *o)
{
	const pairs_t later = PAIR(DRP_CS_INACTIVE, 0) | PAIR(DRP_CS_PREPARED, 0);

	return o->s->type != DRP_SYNC_MIRROR &&
	       (o->creates ? !(o->p.success & later) :
		o->operation == DRP_OP_ACTIVATE || o->operation == DRP_OP_RESYNC_REPLICA);
}

/* The target becomes a copy of the source, and what hosts write to it since. */
static void take_point(struct world *w, struct pending *o)
{
	struct content *from = content_of(w, o->s->source);
	struct content *to = &o->s->target->content, *late;

	if (o->copies)
		from = o->copies->content.known ? &o->copies->content : NULL;
	if (!from || (!o->copies && is_frail(w, o->s->source))) {
		content_forget(to);
		if (o->s->target->virtual)
			content_forget(&o->s->target->point);
		return;
	}
	counts.points += !o->copies;
	counts.copies += !!o->copies;
	late = content_late(to, o->since);
	content_cut(to, from, o->since, true);
	if (o->s->target->virtual)
		content_cut(&o->s->target->point, from, o->since, true);
	o->s->point = o->copies ? o->copies->point : o->since;
	if (o->until)
		content_end(to, o->until);
	content_add_late(to, late);
}

static void effect_snapshot(struct world *w, struct pending *o, pairs_t now)
{
	struct sync *s = o->s;
	uint8_t wrote = WROTE_PERHAPS;

	if (is_point_in_time(o)) {
		take_point(w, o);
		wrote = o->load ? WROTE_PERHAPS : WROTE_NOTHING;
	} else if (turns(o->operation) && pairs_may_turn(now)) {
		turn(w, o);
	} else if (now == PAIR(DRP_CS_INACTIVE, 0)) {
		content_forget(&s->target->point);
		content_forget(&s->target->content);
	}
	s->source_wrote = s->target_wrote = wrote;
	/* Of a moment that is over nobody knows it, nor of a snapshot: it counts as changed. */
	if (is_point_in_time(o) && (o->copies || s->source->virtual))
		s->source_wrote = WROTE;
	s->pairs = now;
	if (now != GONE)
		return;
	if (o->operation == DRP_OP_DISSOLVE) {
		leave_aspect(w, s);
		s->target->frail = s->source->pool->trouble || w->shape.cow_mib;
	} else {
		s->target->exists = false;
	}
	s->id = 0;
}

static void effect_clone(struct world *w, struct pending *o, pairs_t now)
{
	bool stays = o->operation == DRP_OP_SUSPEND || o->operation == DRP_OP_RESUME;
	uint8_t wrote = WROTE_PERHAPS;
	struct sync *s = o->s;

	if (is_point_in_time(o)) {
		take_point(w, o);
		s->lost = false;
		/* What fails or is away goes on doing so. */
		s->frail = s->source->pool->trouble;
		wrote = o->load ? WROTE_PERHAPS : WROTE_NOTHING;
	} else if (turns(o->operation) && pairs_may_turn(now)) {
		turn(w, o);
	} else if (!stays && !o->creates && !pairs_whole(pairs_later(w, s, o->before))) {
		/* A mix, which nobody is shown without Force. */
		content_forget(&s->target->content);
	}
	if (!stays)
		s->source_wrote = s->target_wrote = wrote;
	s->pairs = now;
	if (now == GONE)
		s->id = 0;
}

/* Its copy may have ended before anybody looks: others of the source learn of it here. */
static void tell_others(struct world *w, const struct element *restored)
{
	struct sync *s;

	for_each_sync(w, s) {
		if (s->source == restored && s->source_wrote == WROTE_NOTHING)
			s->source_wrote = WROTE_PERHAPS;
		if (s->target == restored && s->target_wrote == WROTE_NOTHING)
			s->target_wrote = WROTE_PERHAPS;
	}
}

void effect(struct world *w, struct pending *o, pairs_t now)
{
	if (turns(o->operation) && pairs_may_turn(now))
		tell_others(w, o->s->source);
	if (o->s->type == DRP_SYNC_SNAPSHOT)
		effect_snapshot(w, o, now);
	else if (o->s->type == DRP_SYNC_CLONE)
		effect_clone(w, o, now);
	else
		effect_mirror(w, o, now);
}

static void point_unknown(struct world *w, struct pending *o)
{
	struct content *from = content_of(w, o->s->source);

	if (is_point_in_time(o) && o->s->target->virtual)
		content_forget(&o->s->target->point);
	/* It shows one of the two points in time. */
	if (is_point_in_time(o) && from && !is_frail(w, o->s->source))
		content_add_late(&o->s->target->content, content_late(from, 0));
	else if (is_point_in_time(o))
		content_forget(&o->s->target->content);
	else if (turns(o->operation))
		content_forget(&o->s->source->content);
	else if (o->s->type == DRP_SYNC_CLONE && !pairs_whole(o->before))
		content_forget(&o->s->target->content);
}

void effect_unknown(struct world *w, struct pending *o)
{
	struct sync *s = o->s;

	if (s->type != DRP_SYNC_MIRROR)
		point_unknown(w, o);
	if (pairs_may_follow(s, o->before) || pairs_may_follow(s, s->pairs))
		content_forget(&s->target->content);
	if (s->type == DRP_SYNC_MIRROR &&
	    (turns(o->operation) || o->operation == DRP_OP_REVERSE_ROLES))
		content_forget(&s->source->content);
	s->source_wrote = s->target_wrote = WROTE_PERHAPS;
}
