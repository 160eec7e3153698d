// SPDX-License-Identifier: GPL-2.0-only
/*
 * Aspects: the points in time that dissolved snapshots leave. They are what
 * ModifySettingsDefineState is about: Copy To Target makes a snapshot of one,
 * which can be restored as any other; Delete ends it.
 */
#include <errno.h>

#include "step.h"

#define SEEN_MAX	64

/* ---- what there is ---- */

bool is_kept(const struct world *w, const struct element *e, bool surely)
{
	const struct aspect *a;

	for_each_aspect(w, a)
		if (a->source == e && !(surely && (a->frail || a->ends)))
			return true;
	return false;
}

struct aspect *free_aspect(struct world *w)
{
	struct aspect *a;

	for (a = w->a; a < w->a + ASPECTS_MAX; a++)
		if (!a->sync)
			return a;
	return NULL;
}

void leave_aspect(struct world *w, const struct sync *s)
{
	const struct pool *p = s->source->pool;
	struct aspect *a = free_aspect(w);

	if (!a)
		broken(w, "there are too many aspects for this program");
	a->sync = s->id;
	a->id = 0;
	a->source = s->source;
	a->point = s->point;
	a->frail = p->trouble || p->loses || w->shape.cow_mib;
	a->ends = false;
	if (!a->content.s)
		content_alloc(&a->content, w->nr_sectors);
	content_cut(&a->content, &s->target->point, content_tick(), true);
}

static void observe_aspect(struct world *w, struct aspect *a, const struct seen_aspect *x)
{
	if (!x) {
		if (!a->frail && !a->ends)
			suspect(w, "the aspect of sync %llu, a point in time of %s, is gone",
				(unsigned long long)a->sync, a->source->name);
		a->sync = 0;
		return;
	}
	if (x->source != a->source->id || !x->keeps || (a->id && x->id != a->id))
		suspect(w, "aspect %llu is of element %llu and keeps %s, but sync %llu left %llu, a point in time of %llu",
			(unsigned long long)x->id, (unsigned long long)x->source,
			x->keeps ? "a point in time" : "nothing", (unsigned long long)a->sync,
			(unsigned long long)a->id, (unsigned long long)a->source->id);
	a->id = x->id;
	a->ends = false;
}

void observe_aspects(struct world *w, struct pool *p)
{
	struct seen_aspect seen[SEEN_MAX], *x;
	int i, n, kept = 0, known = 0;
	struct aspect *a;
	char text[256];

	if (!w->shape.snapshots)
		return;
	n = ask_aspects(p, seen, SEEN_MAX, text);
	if (n < 0)
		suspect(w, "pool %s cannot be asked for aspects: %s", p->name, text);
	for_each_aspect(w, a) {
		if (a->source->pool != p)
			continue;
		x = NULL;
		for (i = 0; i < n; i++)
			if (seen[i].sync == a->sync)
				x = &seen[i];
		observe_aspect(w, a, x);
		known += !!x;
	}
	for (i = 0; i < n; i++)
		kept += seen[i].type == DRP_SYNC_SNAPSHOT;
	if (kept != known)
		suspect(w, "pool %s has %d aspects of snapshots, but %d were left", p->name, kept,
			known);
}

/* ---- Copy To Target ---- */

/* The nth that is left, around and around. */
static struct aspect *nth_aspect(struct world *w, unsigned int n)
{
	unsigned int nr = 0;
	struct aspect *a;

	for_each_aspect(w, a)
		nr++;
	if (!nr)
		return NULL;
	n %= nr;
	for_each_aspect(w, a)
		if (!n--)
			break;
	return a;
}

int step_copy(struct world *w, const struct step *st, struct pending *o)
{
	struct aspect *a;
	char setting[64];

	observe(w, true);
	a = nth_aspect(w, st->n);
	if (!a || !a->id || !begin_snapshot(w, st, a->source, false, o))
		return 0;
	o->copies = a;
	snprintf(setting, sizeof(setting), "aspect=%llu", (unsigned long long)a->id);
	return make_snapshot(w, st, setting, o);
}

/* ---- Delete ---- */

static int delete_aspect(struct world *w, const struct pool *p, const struct seen_aspect *x)
{
	struct aspect *a, *left = NULL;
	struct answer answer;

	for_each_aspect(w, a)
		if (a->sync == x->sync && x->type == DRP_SYNC_SNAPSHOT)
			left = a;
	if (left)
		left->ends = true;
	ask_delete_aspect(p, x->id, &answer);
	if (!is_refusal(answer.return_value)) {
		if (left && !sim_power_is_off())
			left->sync = 0;
		return 0;
	}
	if (p->trouble || p->read_only || p->meta_fails)
		return sim_power_is_off() ? -EIO : 0;
	fprintf(stderr, "# delete aspect %llu: %u %s\n", (unsigned long long)x->id,
		answer.return_value, answer.text);
	return judge(w, "delete an aspect", -EIO);
}

int step_aspects(struct world *w, const struct step *st)
{
	struct seen_aspect seen[SEEN_MAX];
	struct pool *p = POOL(w, st);
	char text[256];
	int i, n, r = 0;

	if (!p->active)
		return 0;
	observe(w, true);
	n = ask_aspects(p, seen, SEEN_MAX, text);
	for (i = 0; i < n && !r; i++)
		if (!st->n || st->n % n == i)
			r = delete_aspect(w, p, &seen[i]);
	return r ?: sim_power_is_off() ? -EIO : 0;
}
