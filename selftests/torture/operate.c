// SPDX-License-Identifier: GPL-2.0-only
/* The administrator: operations on syncs, and what their answers promise. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/dm-replica.h>

#include "life.h"
#include "machine.h"
#include "snapshot.h"

#define COPYING	DRP_CS_UNSYNCHRONIZED

struct sync *sync_into(struct life *l, struct element *e)
{
	unsigned int i;

	for (i = 0; i < l->nr_syncs; i++)
		if (l->s[i].state && l->s[i].target == e)
			return &l->s[i];
	return NULL;
}

unsigned int reported_state(struct life *l, struct sync *s)
{
	struct sync_info info[INFOS_MAX];
	int i, n = query_syncs(info, INFOS_MAX);

	for (i = 0; i < n; i++)
		if (info[i].id == s->id)
			return info[i].state;
	if (n < 0)
		failed(l, "netlink: %s", strerror(-n));
	return 0;
}

struct line *line_of(struct life *l, struct element *e)
{
	struct sync *s = sync_into(l, e);

	if (!s || s->clone || s->state != COPYING || s->turned)
		return e->line.valid ? &e->line : NULL;
	if (reported_state(l, s) != DRP_CS_SYNCHRONIZED)
		return NULL;
	return line_of(l, s->source);
}

void set_writable(struct life *l)
{
	unsigned int i;

	for (i = 0; i < l->nr_elements; i++)
		line_open(&l->e[i].line, may_write(l, &l->e[i]));
	if (l->snapshots)
		snapshots_set_writable(l);
}

static const struct operation {
	const char *word;
	unsigned int state;		/* after success */
	unsigned int weight, weight_in_turns;	/* the latter: of a life with --directions */
} operations[] = {
	{ "split", DRP_CS_SPLIT, 5, 4 },
	{ "fracture", DRP_CS_FRACTURED, 3, 2 },
	{ "resync-replica", COPYING, 6, 4 },
	{ "suspend", DRP_CS_SUSPENDED, 3, 3 },
	{ "resume", COPYING, 4, 4 },
	{ "abort", DRP_CS_ABORTED, 1, 2 },
	{ "deactivate", DRP_CS_INACTIVE, 1, 1 },
	{ "activate", COPYING, 3, 2 },
	{ "prepare", DRP_CS_PREPARED, 1, 1 },
	{ "detach", 0, 1, 1 },
	{ "restore-from-replica", COPYING, 0, 6 },
	{ "failover", DRP_CS_FAILEDOVER, 0, 6 },
	{ "failback", COPYING, 0, 5 },
	{ "reverse-roles", COPYING, 0, 5 },
};

static const struct operation *find_operation(const char *word)
{
	unsigned int i;

	for (i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		if (!strcmp(operations[i].word, word))
			return &operations[i];
	abort();
}

int no_answer(struct life *l, const char *what, int error)
{
	int i;

	for (i = 0; i < 100 && !sim_power_is_off(); i++)
		sleep_us(1000);
	if (!sim_power_is_off())
		failed(l, "%s failed with %s while the power was on", what, strerror(-error));
	return -EIO;
}

static int is_refusal(int r)
{
	return r == -EBADFD || r == -ECANCELED || r == -EBUSY || r == -EINVAL;
}

/* What the target is from now on, if it parts from the source. */
static void begin_cut(struct life *l, struct sync *s, const struct operation *op)
{
	struct line *from;

	s->cut_into = NULL;
	s->cut_from = NULL;
	if (turn_begin(l, s, op->word) || s->turned || s->clone)
		return;
	if (s->state != COPYING || op->state == COPYING || !op->state)
		return;
	/* A write may wait through all of a resync; it is no part of the new line. */
	writers_drain(l, s->target);
	from = reported_state(l, s) == DRP_CS_SYNCHRONIZED ? line_of(l, s->source) : NULL;
	s->target->line.valid = 0;
	if (!from)
		return;
	line_cut_begin(&s->target->line, from, op->state == DRP_CS_SPLIT,
		       op->state == DRP_CS_SPLIT);
	s->cut_into = &s->target->line;
	s->cut_from = from;
}

void clear_maybe(struct sync *s)
{
	if (s->cut_into)
		line_cut_cancel(s->cut_into);
	s->cut_into = NULL;
	s->cut_from = NULL;
	s->maybe.state = NO_GOAL;
}

static void swap_roles(struct sync *s)
{
	struct element *source = s->source;

	s->source = s->target;
	s->target = source;
	if (s->state == COPYING)
		s->target->line.valid = 0;
}

void it_happened(struct life *l, struct sync *s)
{
	const struct goal goal = s->maybe;

	if (s->cut_into)
		line_cut_end(s->cut_into, s->cut_from);
	if (goal.state == COPYING && s->state != COPYING && !goal.turned && !s->clone)
		s->target->line.valid = 0;
	/* Some of it may have been on the source only. */
	if (s->clone && partial_into(l, s->target) &&
	    (goal.state == DRP_CS_ABORTED || goal.state == DRP_CS_INACTIVE ||
	     goal.state == DRP_CS_PREPARED))
		s->target->line.valid = 0;
	if (s->turned && !goal.turned)
		s->target->line.valid = 0;
	s->state = goal.state;
	s->turned = goal.turned;
	if (goal.swap)
		swap_roles(s);
	if (!s->state) {
		l->retired_id = s->id;
		s->id = 0;
		s->target->line.valid = 0;
	}
	clear_maybe(s);
}

/* With writers at work: the split target must be one moment of the source. */
static void look_at_cut(struct life *l, struct sync *s)
{
	struct element *e = s->target;
	unsigned int index = e - l->e;

	if (!e->line.valid || !e->line.cut || rng_below(&l->rng, 3) ||
	    disk_read(e->disk_path, l->content[index], (size_t)l->nr_blocks * BLOCK_BYTES))
		return;
	if (sim_power_is_off())
		return;
	if (line_check(&e->line, "split target", l->content[index], 0, l->nr_blocks,
		       e->line.durable) ||
	    line_check_cut(&e->line, "split target", l->content[index]))
		failed(l, "%s is not the cut that was answered", e->dm);
}

static const struct sync_info *info_of(struct life *l, const struct sync *s, struct sync_info *all)
{
	int i, n = query_syncs(all, INFOS_MAX);

	if (n < 0)
		failed(l, "netlink: %s", strerror(-n));
	for (i = 0; i < n; i++)
		if (all[i].id == s->id)
			return &all[i];
	return NULL;
}

/*
 * What copies may be told to copy again, and what was restored to be so once
 * more: is it that copy? It may take minutes, by its rate limit.
 */
static int copies_as(struct life *l, const struct sync *s, const struct goal *goal,
		     unsigned long long job)
{
	struct sync_info all[INFOS_MAX];
	const struct sync_info *x;

	if (!job || goal->state != COPYING || !(s->clone || goal->turned))
		return 0;
	x = info_of(l, s, all);
	return x && x->job == job && x->state == COPYING;
}

static int reports(struct life *l, const struct sync *s, const struct goal *goal)
{
	struct sync_info all[INFOS_MAX];

	return is_reached(s, goal, info_of(l, s, all));
}

/*
 * What takes longer than the answer may: a job. Its outcome is known when the
 * state changed or the job ended. 1: done, 0: refused, -EIO: the power failed.
 */
static int await_job(struct life *l, struct sync *s, const struct goal *goal, const char *answer)
{
	const struct goal now = { .state = s->state, .turned = s->turned };
	double end = now_seconds() + HANG_SECONDS;
	unsigned long long id = 0;
	unsigned int state, error;
	int moves = !(goal->state == now.state && goal->swap == now.swap);

	/* Restored again: the states before and after are the same. */
	if (now.state == DRP_CS_RESTORED && goal->turned)
		moves = 0;
	/* Without a job the state alone tells. */
	if (sscanf(answer, "4096 job=%llu", &id) != 1)
		id = 0;
	while (now_seconds() < end) {
		state = query_job(id, &error);
		if (state == DRP_JOB_COMPLETED)
			return 1;
		if (sim_power_is_off())
			return -EIO;
		/* A refusal: that it copies is no sign of the contrary. */
		if (state == DRP_JOB_EXCEPTION && s->clone && !moves)
			return 0;
		if (state == DRP_JOB_EXCEPTION || state == DRP_JOB_TERMINATED)
			return reports(l, s, goal);
		if ((moves && reports(l, s, goal)) || copies_as(l, s, goal, id))
			return 1;
		sleep_us(2000);
	}
	failed(l, "job %llu (%s) does not end", id, answer);
}

/* The answer 0 is not for later. */
static void check_reported(struct life *l, struct sync *s, const char *message, const char *answer)
{
	const struct goal now = { .state = s->state, .turned = s->turned };

	if (reports(l, s, &now) || !sim_power_is_on())
		return;
	failed(l, "'%s' answered '%s', but the state is %u", message, answer, reported_state(l, s));
}

/* Success, but nothing was asked for that was not so already. */
static int changes_nothing(const struct goal *goal, const char *answer)
{
	return goal->turned && goal->state == COPYING && strncmp(answer, "4096 ", 5);
}

/* What is known after the answer; nobody writes the target yet. */
static void note_done(struct life *l, struct sync *s, const struct operation *op,
		      const char *message, const char *answer)
{
	if (changes_nothing(&s->maybe, answer))
		clear_maybe(s);
	else
		it_happened(l, s);
	if (!s->state)
		return;
	notice_ends(l);
	check_reported(l, s, message, answer);
	if (s->state == op->state && (s->state == DRP_CS_SPLIT || s->state == DRP_CS_FAILEDOVER))
		look_at_cut(l, s);
	if (s->state == DRP_CS_FAILEDOVER)
		adopt(l, s->target);
	if (content_is_own(l, s->source))
		adopt(l, s->source);
	if (partial_into(l, s->target))
		adopt(l, s->target);
}

int do_operation(struct life *l, struct sync *s, const char *word, const char *options)
{
	const struct operation *op = find_operation(word);
	char message[128], answer[256];
	unsigned int i, before;
	int r, done;

	notice_ends(l);
	before = s->state;
	snprintf(message, sizeof(message), "modify %s %llu%s%s", word,
		 (unsigned long long)s->id, *options ? " " : "", options);
	line_open(&s->target->line, 0);
	begin_cut(l, s, op);
	s->synchronized = 0;
	for (i = 0; i < l->nr_syncs && (l->directions || l->clones); i++)
		l->s[i].synchronized = 0;
	s->maybe = goal_of(s, word, op->state);
	r = dm_message("pfpool", message, answer);
	done = !r;
	if (!strncmp(answer, "4096 ", 5))
		done = await_job(l, s, &s->maybe, answer);
	if (verbose)
		fprintf(stderr, "# %s (state %u): %d %s: %d\n", message, before, r, answer, done);
	if (r && !is_refusal(r) && r != -ETIMEDOUT)
		return no_answer(l, message, r);
	if (done < 0)
		return done;
	if (done)
		note_done(l, s, op, message, answer);
	else
		clear_maybe(s);
	set_writable(l);
	return 0;
}

/* Does job @id, in which a slow request goes on, end with a refusal? */
static int job_refuses(unsigned long long id)
{
	double end = now_seconds() + HANG_SECONDS;
	unsigned int state = 0, error;

	while (now_seconds() < end && !sim_power_is_off()) {
		state = query_job(id, &error);
		if (state == DRP_JOB_EXCEPTION)
			return 1;
		if (state == DRP_JOB_COMPLETED || !state)
			return 0;
		sleep_us(2000);
	}
	return sim_power_is_off();
}

/* Ids are never given twice. */
static int try_old_id(struct life *l, struct sync *s)
{
	char message[128], answer[256];
	unsigned long long id;
	int r;

	snprintf(message, sizeof(message), "create_sync %llu mirror %u %u",
		 (unsigned long long)l->retired_id, s->source->id, s->target->id);
	r = dm_message("pfpool", message, answer);
	if (!r && (sscanf(answer, "4096 job=%llu", &id) != 1 || !job_refuses(id)))
		failed(l, "'%s' was accepted (%s), but that id was used before", message, answer);
	return sim_power_is_off() ? -EIO : 0;
}

int make_sync(struct life *l, struct sync *s)
{
	char message[128], answer[256];
	int r;

	if (l->retired_id && try_old_id(l, s))
		return -EIO;
	s->id = ++l->last_id;
	s->maybe = (struct goal){ .state = COPYING };
	s->target->line.valid = 0;
	if (s->clone)
		clone_begin(l, s);
	snprintf(message, sizeof(message), "create_sync %llu %s %u %u%s",
		 (unsigned long long)s->id, s->clone ? "clone" : "mirror", s->source->id,
		 s->target->id, rng_below(&l->rng, 4) ? "" : s->clone ? " rate_limit=4M" :
		 " rate_limit=40M");
	r = dm_message("pfpool", message, answer);
	if (verbose)
		fprintf(stderr, "# %s: %d %s\n", message, r, answer);
	/* Being restored from another one, or what a clone needs would be overwritten. */
	if ((r == -EBUSY && (l->directions || l->clones || l->snapshots)) ||
	    (r == -EBADFD && l->clones) ||
	    (r == -ENOSPC && l->snapshots)) {
		clear_maybe(s);
		s->id = 0;
		return 0;
	}
	if (r)
		return no_answer(l, message, r);
	r = await_job(l, s, &s->maybe, answer);
	if (r < 0)
		return r;
	if (!r && l->clones) {
		clear_maybe(s);
		s->id = 0;
		return 0;
	}
	if (!r)
		failed(l, "'%s' answered '%s' and then failed", message, answer);
	if (s->cut_into)
		line_cut_end(s->cut_into, s->cut_from);
	s->cut_into = NULL;
	clear_maybe(s);
	s->state = COPYING;
	return 0;
}

/* ---- at random ---- */

const char *word_to_copy(const struct sync *s)
{
	if (s->turned && s->clone && s->state != COPYING)
		return s->state == DRP_CS_SUSPENDED ? "resume" : "restore-from-replica";
	if (s->turned)
		return s->state == COPYING ? NULL : "failback";
	switch (s->state) {
	case COPYING:
		return NULL;
	case DRP_CS_SUSPENDED:
		return "resume";
	case DRP_CS_INACTIVE:
	case DRP_CS_PREPARED:
		return "activate";
	case DRP_CS_FAILEDOVER:
		return "failback";
	default:
		return "resync-replica";
	}
}

/* Out of a state in which nothing is copied. */
static const char *choose_way_out(struct life *l, const struct sync *s)
{
	static const char *const from_failedover[] = { "failback", "failback", "reverse-roles" };

	if (l->directions && s->turned)
		return s->state == DRP_CS_SUSPENDED && rng_below(&l->rng, 2) ? "resume" :
		       s->state == DRP_CS_BROKEN && rng_below(&l->rng, 2) ?
		       "restore-from-replica" : "failback";
	if (l->directions && s->state == DRP_CS_FAILEDOVER)
		return from_failedover[rng_below(&l->rng, 3)];
	if (l->directions && s->state == DRP_CS_SUSPENDED && !rng_below(&l->rng, 4))
		return "failover";
	if ((l->directions || s->clone) && rng_below(&l->rng, 2) &&
	    (s->state == DRP_CS_SPLIT || s->state == DRP_CS_FRACTURED))
		return "restore-from-replica";
	return word_to_copy(s);
}

static const char *choose_operation(struct life *l, const struct sync *s)
{
	unsigned int i, n = sizeof(operations) / sizeof(*operations), sum = 0, dice;

	/* Mostly, but out of a copy it is a matter of time. */
	if (word_to_copy(s) && rng_below(&l->rng, 2))
		return choose_way_out(l, s);
	for (i = 0; i < n; i++)
		sum += l->directions ? operations[i].weight_in_turns : operations[i].weight;
	dice = rng_below(&l->rng, sum);
	for (i = 0; i < n - 1; i++) {
		unsigned int weight = l->directions ? operations[i].weight_in_turns :
						      operations[i].weight;

		if (dice < weight)
			break;
		dice -= weight;
	}
	/* Whether that one has ended, and another begun, would not be seen. */
	if (s->turned && s->state == COPYING && !strcmp(operations[i].word, "restore-from-replica"))
		return "suspend";
	return operations[i].word;
}

static int change_settings(struct life *l, struct sync *s)
{
	static const char *const settings[] = {
		"rate_limit=0", "rate_limit=20M", "rate_limit=100M", "copy_priority=urgent",
		"copy_priority=low",
	};
	char message[128], answer[256];
	int r;

	snprintf(message, sizeof(message), "set sync:%llu %s", (unsigned long long)s->id,
		 settings[rng_below(&l->rng, 5)]);
	r = dm_message("pfpool", message, answer);
	if (verbose)
		fprintf(stderr, "# %s: %d\n", message, r);
	return r ? no_answer(l, message, r) : 0;
}

static int bounce_device(struct life *l)
{
	struct element *e = &l->e[rng_below(&l->rng, l->nr_elements)];
	unsigned int i;
	int r = dm_suspend(e->dm);

	for (i = 0; i < l->nr_syncs; i++)
		l->s[i].synchronized = 0;
	if (!r && rng_below(&l->rng, 2))
		sleep_us(rng_below(&l->rng, 20000));
	if (!r)
		r = dm_resume(e->dm);
	if (verbose)
		fprintf(stderr, "# suspended and resumed %s: %d\n", e->dm, r);
	return r ? no_answer(l, "dm suspend and resume", r) : 0;
}

/* With directions Force is what most of them need, and a slow copy is one that more happens in. */
static const char *choose_options(struct life *l)
{
	static const char *const options[] = {
		"", "force", "force", "force rate_limit=2M", "force rate_limit=500K",
	};

	if (l->directions || l->clones)
		return options[rng_below(&l->rng, 5)];
	return rng_below(&l->rng, 4) ? "" : "force";
}

int operate(struct life *l)
{
	struct sync *s = &l->s[rng_below(&l->rng, l->nr_syncs)];
	unsigned int dice = rng_below(&l->rng, 20);
	const char *word;

	if (l->snapshots && rng_below(&l->rng, 5))
		return snapshot_operate(l);
	if (!s->state)
		return make_sync(l, s);
	if (dice == 0)
		return bounce_device(l);
	if (dice == 1)
		return change_settings(l, s);
	word = choose_operation(l, s);
	return do_operation(l, s, word, choose_options(l));
}
