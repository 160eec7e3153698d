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
	/* What is above and below may see the same change. */
	for_each_sync(w, s)
		if (s->source == o->s->source || s->source == o->s->target) {
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

void effect(struct world *w, struct pending *o, pairs_t now)
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

void effect_unknown(struct world *w, struct pending *o)
{
	struct sync *s = o->s;

	(void)w;
	if (pairs_may_follow(s, o->before) || pairs_may_follow(s, s->pairs))
		content_forget(&s->target->content);
	if (turns(o->operation) || o->operation == DRP_OP_REVERSE_ROLES)
		content_forget(&s->source->content);
	s->source_wrote = s->target_wrote = WROTE_PERHAPS;
}
