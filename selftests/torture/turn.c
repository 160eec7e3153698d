// SPDX-License-Identifier: GPL-2.0-only
/* Operations that turn the direction: what their answers promise about each line. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/dm-replica.h>

#include "life.h"
#include "machine.h"
#include "snapshot.h"

#define COPYING	DRP_CS_UNSYNCHRONIZED

static int separated(unsigned int state)
{
	return state == DRP_CS_FRACTURED || state == DRP_CS_SPLIT || state == DRP_CS_RESTORED ||
	       state == DRP_CS_FAILEDOVER;
}

struct sync *turned_into(struct life *l, struct element *e)
{
	unsigned int i;

	for (i = 0; i < l->nr_syncs; i++)
		if (l->s[i].turned && l->s[i].source == e)
			return &l->s[i];
	return NULL;
}

struct sync *partial_into(struct life *l, struct element *e)
{
	struct sync *s = sync_into(l, e);

	return s && s->clone && !s->turned &&
	       (s->state == COPYING || s->state == DRP_CS_SUSPENDED) ? s : NULL;
}

/* Does @e wait for what only a suspended or aborted copy would bring? */
static int is_incomplete(struct life *l, const struct sync *s, struct element *e)
{
	const struct sync *turned = turned_into(l, e), *clone = partial_into(l, e);

	return (turned && turned != s && turned->state != COPYING) ||
	       (clone && clone->state != COPYING) || restore_is_held(l, e);
}

int is_held(struct life *l, const struct sync *s)
{
	const struct sync *up = s;
	unsigned int hops;

	for (hops = 0; up && up->state == COPYING && hops < SYNCS_MAX; hops++) {
		if (is_incomplete(l, s, up->source))
			return 1;
		up = sync_into(l, up->source);
	}
	return 0;
}

/* Never a target, but by a sync that was removed: what is on a target then is nobody's. */
static int is_root(struct life *l, const struct element *e)
{
	unsigned int i;

	for (i = 0; i < l->nr_syncs; i++)
		if (l->s[i].target == e)
			return 0;
	return 1;
}

int content_is_own(struct life *l, struct element *e)
{
	struct sync *s = sync_into(l, e);

	if (!s)
		return is_root(l, e);
	return s->clone || s->turned || s->state != COPYING;
}

int may_write(struct life *l, struct element *e)
{
	unsigned int i;

	if (!e->line.valid || !content_is_own(l, e))
		return 0;
	for (i = 0; i < l->nr_syncs; i++) {
		struct sync *s = &l->s[i];

		if (!s->state || (s->source != e && s->target != e))
			continue;
		if (s->maybe.state != NO_GOAL)
			return 0;
		if (s->source == e && s->state == DRP_CS_FAILEDOVER)
			return 0;
		if (s->target == e && (s->turned || !(separated(s->state) || partial_into(l, e))))
			return 0;
	}
	return 1;
}

/* Does the kernel say that a restore or failback of @s is unfinished? Its devices are there. */
static int reported_turned(struct life *l, struct sync *s)
{
	char line[4096], flags[16];
	unsigned long long id;
	const char *p = line;
	int skip = 0;

	if (dm_status(s->source->dm, line, sizeof(line)))
		failed(l, "%s has no status", s->source->dm);
	if (sscanf(p, "%*s %*s %*s %*s %*s %*s%n", &skip) < 0)
		skip = 0;
	for (p += skip; skip; p += skip) {
		skip = 0;
		if (sscanf(p, " %llu %*s %*s %*s %*s %*s %*s %15s%n", &id, flags, &skip) < 2)
			break;
		if (id == s->id)
			return !!strchr(flags, 'R');
	}
	failed(l, "the status of %s does not tell of sync %llu: %s", s->source->dm,
	       (unsigned long long)s->id, line);
}

void notice_ends(struct life *l)
{
	unsigned int i, seen;

	for (i = 0; i < l->nr_syncs; i++) {
		struct sync *s = &l->s[i];

		if (!s->turned || reported_turned(l, s))
			continue;
		seen = reported_state(l, s);
		if (s->turned == RESTORING && seen == DRP_CS_RESTORED)
			s->state = DRP_CS_RESTORED;
		else	/* the target gets what hosts wrote to the source meanwhile */
			s->target->line.valid = 0;
		if (s->state == DRP_CS_BROKEN)
			s->state = seen;	/* aborted, but not what we meant */
		s->turned = NOT_TURNED;
	}
}

/*
 * What is not possible while a restore or failback is unfinished means, if it
 * succeeds, that this had just ended.
 */
struct goal goal_of(const struct sync *s, const char *word, unsigned int state)
{
	struct goal goal = { .state = state };

	if (!strcmp(word, "restore-from-replica"))
		goal.turned = RESTORING;
	else if (!strcmp(word, "failback"))
		goal.turned = FAILING_BACK;
	else if (!strcmp(word, "suspend") || !strcmp(word, "resume") || !strcmp(word, "abort"))
		goal.turned = s->turned;
	else if (!strcmp(word, "reverse-roles"))
		goal.swap = 1;
	if (goal.turned && !strcmp(word, "abort"))
		goal.state = DRP_CS_BROKEN;
	if (goal.swap && s->state == DRP_CS_FAILEDOVER)
		goal.state = DRP_CS_SUSPENDED;
	return goal;
}

int is_reached(const struct sync *s, const struct goal *goal, const struct sync_info *info)
{
	unsigned int seen = info ? info->state : 0;

	if (info && info->source != (goal->swap ? s->target : s->source)->id)
		return 0;
	if (goal->state == DRP_CS_BROKEN && goal->turned == FAILING_BACK)
		return seen == DRP_CS_BROKEN || seen == DRP_CS_ABORTED;
	if (goal->state != COPYING)
		return seen == goal->state;
	if (s->clone && !goal->turned && seen == DRP_CS_SKEWED)
		return 1;
	return seen == COPYING ||
	       seen == (goal->turned == RESTORING ? DRP_CS_RESTORED : DRP_CS_SYNCHRONIZED);
}

/* ---- content of which nothing is known ---- */

int read_logical(struct life *l, struct element *e)
{
	if (restored_into(l, e))
		return restore_read(l, e);
	return disk_read(turned_into(l, e) || partial_into(l, e) ? e->dev : e->disk_path, l->content[e - l->e],
			 (size_t)l->nr_blocks * BLOCK_BYTES);
}

void adopt(struct life *l, struct element *e)
{
	if (e->line.valid || !(l->directions || l->clones))
		return;
	writers_drain(l, e);
	if (!read_logical(l, e) && !sim_power_is_off())
		line_adopt(&e->line, l->content[e - l->e]);
}

/* ---- before the operation ---- */

static void cut(struct sync *s, struct line *into, const struct line *from, int flushed,
		int consistent)
{
	if (!from)
		return;
	line_cut_begin(into, from, flushed, consistent);
	s->cut_into = into;
	s->cut_from = from;
}

/* The source becomes what the target is; hosts may go on writing to it. */
static void begin_restore(struct life *l, struct sync *s)
{
	if (s->turned || !separated(s->state))
		return;		/* goes on, or is refused */
	adopt(l, s->target);
	if (s->target->line.valid)
		cut(s, &s->source->line, &s->target->line, 1, 0);
}

/* The target becomes what the source is at this moment, and is written from then on. */
static void begin_takeover(struct life *l, struct sync *s, int flushed)
{
	struct line *from;

	if (s->turned || s->state != COPYING)
		return;
	writers_drain(l, s->target);
	from = reported_state(l, s) == DRP_CS_SYNCHRONIZED ? line_of(l, s->source) : NULL;
	s->target->line.valid = 0;
	cut(s, &s->target->line, from, flushed, 1);
}

/* A point in time of the source, shown and written by the target. */
void clone_begin(struct life *l, struct sync *s)
{
	struct line *from = line_of(l, s->source);

	writers_drain(l, s->target);
	if (from)
		cut(s, &s->target->line, from, 1, 1);
	else
		s->target->line.valid = 0;
}

int turn_begin(struct life *l, struct sync *s, const char *word)
{
	if (s->clone && (!strcmp(word, "resync-replica") || !strcmp(word, "activate"))) {
		/* Activate takes none while there is one. */
		if (s->state != COPYING || strcmp(word, "activate"))
			clone_begin(l, s);
		return 1;
	}
	if (!strcmp(word, "restore-from-replica")) {
		begin_restore(l, s);
	} else if (!strcmp(word, "failback")) {
		if (s->state == DRP_CS_FAILEDOVER)
			writers_drain(l, s->source);
		begin_restore(l, s);
	} else if (!strcmp(word, "failover")) {
		line_open(&s->source->line, 0);
		begin_takeover(l, s, 1);
	} else if (!strcmp(word, "reverse-roles")) {
		line_open(&s->source->line, 0);
		begin_takeover(l, s, 1);
	} else {
		return 0;
	}
	return 1;
}
