// SPDX-License-Identifier: GPL-2.0-only
/* What there is must be among what may be: it narrows that, and says what follows for contents. */
#include "world.h"

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
		match = PAIR(x->state, 1) | PAIR(x->state, 2);
	else
		match = PAIR(x->state, 0);
	return allowed & match;
}

/* Is what hosts wrote since still counted from where it was? */
static bool counts_on(const struct sync *s, pairs_t both)
{
	pairs_t on = SHOWS;

	if (s->type == DRP_SYNC_CLONE)
		on |= UNFINISHED & ~(PAIR(DRP_CS_ABORTED, 0) | PAIR(DRP_CS_INVALID, 0));
	return s->type != DRP_SYNC_MIRROR && !(both & ~on);
}

static void observe_clone(struct world *w, struct sync *s, const struct seen *x)
{
	if (x->state != DRP_CS_BROKEN || x->reverse || x->progress != DRP_PS_REQUIRES_RESYNC ||
	    s->lost)
		return;
	if (!s->frail)
		suspect(w, "clone %llu (%s to %s) lost its point in time, but nothing had failed: %s",
			(unsigned long long)s->id, s->source->name, s->target->name, x->error);
	s->lost = true;
	content_forget(&s->target->content);
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
	/* The point in time went, and with it what only the snapshot had. */
	if (s->type == DRP_SYNC_SNAPSHOT && pairs_may_turn(was) && now == PAIR(DRP_CS_INVALID, 0))
		content_forget(&s->source->content);
	if (s->type == DRP_SYNC_CLONE)
		observe_clone(w, s, x);
	if (s->type == DRP_SYNC_SNAPSHOT && now == PAIR(DRP_CS_BROKEN, 0) && !(was & ~SHOWS) &&
	    !s->source->pool->trouble)
		s->broke = true;
	if (now != was && !counts_on(s, now | was))
		s->source_wrote = s->target_wrote = WROTE_PERHAPS;
	s->pairs = now;
}

static void observe_pool(struct world *w, struct pool *p, bool devices)
{
	struct seen seen[SYNCS_MAX + 4], *x;
	int i, n, known = 0;
	struct element *e;
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
	for_each_virtual(w, e)
		if (e->pool == p && e->id && ask_element(p, e->id) == !e->exists)
			suspect(w, "the snapshot's element %s %s", e->name,
				e->exists ? "is gone" : "is still there");
	observe_aspects(w, p);
	observe_room(w, p);
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
