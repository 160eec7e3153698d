// SPDX-License-Identifier: GPL-2.0-only
/*
 * A COW device that lists fill. operations.rst says who goes when there is no
 * room: snapshots with AutoDelete, of any element; then the others of the element
 * that is written, the lowest CopyPriority first, the oldest first among equals;
 * none with FailedCopyStopsHostIO, for which the write fails instead.
 */
#include "world.h"

#define RECLAIM_SECONDS	60

static bool shows(const struct sync *s)
{
	return s->type == DRP_SYNC_SNAPSHOT && !(s->pairs & ~SHOWS);
}

/* Does a snapshot need what @e shows? AutoDelete leaves it alone then. */
static bool is_needed(const struct world *w, const struct element *e)
{
	const struct sync *s;

	for_each_sync(w, s)
		if (s->source == e && shows(s))
			return true;
	return false;
}

/* Of a snapshot: is its source written, by hosts or by what copies to it? */
static bool source_is_written(const struct world *w, const struct sync *s)
{
	return s->source_wrote != WROTE_NOTHING || is_entangled(w, s);
}

/* One that does not go, whatever is written. */
static bool insists(const struct sync *s)
{
	return s->type == DRP_SYNC_SNAPSHOT &&
	       (s->stops_io != FACT_NO || pairs_may_turn(s->pairs));
}

/* It, or what was taken from it: then it stays, too. @surely: that is known. */
static bool has_to_stay(const struct world *w, const struct sync *s, bool surely)
{
	const struct sync *below;

	if (surely ? s->stops_io == FACT_YES : insists(s))
		return true;
	for_each_sync(w, below)
		if (below->type == DRP_SYNC_SNAPSHOT && below->source == s->target &&
		    has_to_stay(w, below, surely) &&
		    (!surely || shows(below)))
			return true;
	return false;
}

/* By itself, not with its source. */
static bool may_go_first(const struct world *w, const struct sync *s)
{
	if (has_to_stay(w, s, true))
		return false;
	if (source_is_written(w, s))
		return true;
	return s->auto_delete != FACT_NO && s->target_wrote != WROTE_NOTHING &&
	       !is_needed(w, s->target);
}

bool may_go_for_room(const struct world *w, const struct sync *s)
{
	const struct element *e;
	const struct sync *up;

	if (!w->shape.cow_mib || s->type != DRP_SYNC_SNAPSHOT)
		return false;
	if (may_go_first(w, s))
		return true;
	/* Its source goes, a snapshot itself, or what one has left. */
	for (e = s->source; e->virtual; e = e->parent) {
		up = sync_into((struct world *)w, e);
		if (!up || !shows(up) || may_go_first(w, up))
			return true;
	}
	return false;
}

bool may_lack_room(const struct world *w, const struct element *e)
{
	const struct sync *s;

	if (!w->shape.cow_mib)
		return false;
	for_each_sync(w, s)
		if (has_to_stay(w, s, false) && (s->source == e || is_entangled(w, s)))
			return true;
	return e->virtual;		/* what is written to it lies there, too */
}

/* Went @s although @t should have gone before? */
static bool goes_before(const struct world *w, const struct sync *t, const struct sync *s)
{
	return t != s && t->source == s->source && shows(t) && !has_to_stay(w, t, false) &&
	       s->auto_delete == FACT_NO && t->prio <= s->prio && t->point < s->point &&
	       t->pairs != PAIR(DRP_CS_RESTORED, 0) && !is_entangled(w, s);
}

void observe_room(struct world *w, struct pool *p)
{
	struct sync *s, *t;

	if (!w->shape.cow_mib)
		return;
	for_each_sync(w, s) {
		if (s->source->pool != p)
			continue;
		for_each_sync(w, t)
			if (s->broke && goes_before(w, t, s))
				suspect(w, "snapshot %llu of %s broke for want of room, but %llu, which is older and no more important, did not",
					(unsigned long long)s->id, s->source->name,
					(unsigned long long)t->id);
		/* What is copied to where writes fail breaks, too. */
		if (insists(s) && is_entangled(w, s))
			p->trouble = true;
	}
	for_each_sync(w, s) {
		counts.broke += s->source->pool == p && s->broke;
		if (s->source->pool == p)
			s->broke = false;
	}
}

void make_room(struct world *w)
{
	struct answer a;
	struct sync *s;

	if (!w->shape.cow_mib)
		return;
	for_each_sync(w, s) {
		if (s->type != DRP_SYNC_SNAPSHOT)
			continue;
		ask_set_sync(s, "failed_copy_stops_host_io=no", &a);
		if (!is_refusal(a.return_value) && !sim_power_is_off())
			s->stops_io = FACT_NO;
	}
}

static bool keeps_nothing(const struct world *w, const struct pool *p)
{
	const struct element *e;
	const struct aspect *a;

	for_each_virtual(w, e)
		if (e->exists && e->pool == p)
			return false;
	for_each_aspect(w, a)
		if (a->source->pool == p)
			return false;
	return p->active && *p->cow && !p->read_only;
}

void check_room(struct world *w)
{
	double end = now_seconds() + RECLAIM_SECONDS;
	struct pool *p;

	for_each_pool(w, p) {
		if (!keeps_nothing(w, p))
			continue;
		while (ask_cow_used(p) && now_seconds() < end)
			sleep_us(5000);
		if (ask_cow_used(p))
			suspect(w, "pool %s keeps %ld bytes for no point in time", p->name,
				ask_cow_used(p));
	}
}
