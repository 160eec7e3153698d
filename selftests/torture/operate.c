// SPDX-License-Identifier: GPL-2.0-only
/* The administrator: operations on syncs, and what their answers promise. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/dm-replica.h>

#include "life.h"
#include "machine.h"

#define COPYING	DRP_CS_UNSYNCHRONIZED

struct sync *sync_into(struct life *l, struct element *e)
{
	unsigned int i;

	for (i = 0; i < l->nr_syncs; i++)
		if (l->s[i].state && l->s[i].target == e)
			return &l->s[i];
	return NULL;
}

static unsigned int reported_state(struct life *l, struct sync *s)
{
	struct sync_info info[8];
	int i, n = query_syncs(info, 8);

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

	if (!s || s->state != COPYING)
		return e->line.valid ? &e->line : NULL;
	if (reported_state(l, s) != DRP_CS_SYNCHRONIZED)
		return NULL;
	return line_of(l, s->source);
}

static int separated(unsigned int state)
{
	return state == DRP_CS_FRACTURED || state == DRP_CS_SPLIT;
}

void set_writable(struct life *l)
{
	unsigned int i;

	for (i = 1; i < l->nr_elements; i++) {
		struct sync *s = sync_into(l, &l->e[i]);

		/* Without a sync nobody tells what is on it before the next one. */
		line_open(&l->e[i].line, s && s->maybe == -1U && separated(s->state) &&
			  l->e[i].line.valid);
	}
	line_open(&l->e[0].line, 1);
}

static const struct operation {
	const char *word;
	unsigned int state;		/* after success */
	unsigned int weight;
} operations[] = {
	{ "split", DRP_CS_SPLIT, 5 },
	{ "fracture", DRP_CS_FRACTURED, 3 },
	{ "resync-replica", COPYING, 6 },
	{ "suspend", DRP_CS_SUSPENDED, 3 },
	{ "resume", COPYING, 4 },
	{ "abort", DRP_CS_ABORTED, 1 },
	{ "deactivate", DRP_CS_INACTIVE, 1 },
	{ "activate", COPYING, 3 },
	{ "prepare", DRP_CS_PREPARED, 1 },
	{ "detach", 0, 1 },
};

static const struct operation *find_operation(const char *word)
{
	unsigned int i;

	for (i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		if (!strcmp(operations[i].word, word))
			return &operations[i];
	abort();
}

/* -EIO when it was the power; anything else that was not foreseen ends the test. */
static int no_answer(struct life *l, const char *what, int error)
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

	s->cut_from = NULL;
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
	s->cut_from = from;
}

static void succeeded(struct life *l, struct sync *s, const struct operation *op)
{
	if (s->cut_from)
		line_cut_end(&s->target->line, s->cut_from);
	if (op->state == COPYING && s->state != COPYING)
		s->target->line.valid = 0;
	s->state = op->state;
	if (!op->state) {
		l->retired_id = s->id;
		s->id = 0;
		s->target->line.valid = 0;
	}
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

static int in_class(unsigned int state, unsigned int reported)
{
	return reported == state || (state == COPYING && reported == DRP_CS_SYNCHRONIZED);
}

/*
 * What takes longer than the answer may: a job. Its outcome is known when the
 * state changed or the job ended. 1: done, 0: refused, -EIO: the power failed.
 */
static int await_job(struct life *l, struct sync *s, unsigned int goal, const char *answer)
{
	double end = now_seconds() + 30;
	unsigned long long id = 0;
	unsigned int state, error;

	/* Without a job the state alone tells. */
	if (sscanf(answer, "4096 job=%llu", &id) != 1)
		id = 0;
	while (now_seconds() < end) {
		state = query_job(id, &error);
		if (state == DRP_JOB_EXCEPTION || state == DRP_JOB_TERMINATED)
			return in_class(goal, reported_state(l, s));
		if (state == DRP_JOB_COMPLETED)
			return 1;
		if (!in_class(s->state, goal) && in_class(goal, reported_state(l, s)))
			return 1;
		if (sim_power_is_off())
			return -EIO;
		sleep_us(2000);
	}
	failed(l, "job %llu (%s) does not end", id, answer);
}

/* The answer 0 is not for later. */
static void check_reported(struct life *l, struct sync *s, const char *message, const char *answer)
{
	unsigned int state = s->state ? reported_state(l, s) : 0;

	if (in_class(s->state, state) || !sim_power_is_on())
		return;
	failed(l, "'%s' answered '%s', but the state is %u", message, answer, state);
}

int do_operation(struct life *l, struct sync *s, const char *word, const char *options)
{
	const struct operation *op = find_operation(word);
	char message[128], answer[256];
	int r, done;

	snprintf(message, sizeof(message), "modify %s %llu%s%s", word,
		 (unsigned long long)s->id, *options ? " " : "", options);
	line_open(&s->target->line, 0);
	begin_cut(l, s, op);
	s->synchronized = 0;
	s->maybe = op->state;
	r = dm_message("pfpool", message, answer);
	done = !r;
	if (!strncmp(answer, "4096 ", 5))
		done = await_job(l, s, op->state, answer);
	if (verbose)
		fprintf(stderr, "# %s (state %u): %d %s: %d\n", message, s->state, r, answer, done);
	if (r && !is_refusal(r) && r != -ETIMEDOUT)
		return no_answer(l, message, r);
	if (done < 0)
		return done;
	s->maybe = -1U;
	if (done)
		succeeded(l, s, op);
	s->cut_from = NULL;
	if (done && s->state)
		check_reported(l, s, message, answer);
	if (done && s->state == DRP_CS_SPLIT && op->state == DRP_CS_SPLIT)
		look_at_cut(l, s);
	set_writable(l);
	return 0;
}

/* Ids are never given twice. */
static int try_old_id(struct life *l, struct sync *s)
{
	char message[128], answer[256];
	int r;

	snprintf(message, sizeof(message), "create_sync %llu mirror %u %u",
		 (unsigned long long)l->retired_id, s->source->id, s->target->id);
	r = dm_message("pfpool", message, answer);
	if (!r)
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
	s->maybe = COPYING;
	s->target->line.valid = 0;
	snprintf(message, sizeof(message), "create_sync %llu mirror %u %u%s",
		 (unsigned long long)s->id, s->source->id, s->target->id,
		 rng_below(&l->rng, 4) ? "" : " rate_limit=40M");
	r = dm_message("pfpool", message, answer);
	if (verbose)
		fprintf(stderr, "# %s: %d %s\n", message, r, answer);
	if (r)
		return no_answer(l, message, r);
	r = await_job(l, s, COPYING, answer);
	if (r < 0)
		return r;
	if (!r)
		failed(l, "'%s' answered '%s' and then failed", message, answer);
	s->maybe = -1U;
	s->state = COPYING;
	return 0;
}

/* ---- at random ---- */

static const char *choose_operation(struct life *l, const struct sync *s)
{
	unsigned int i, n = sizeof(operations) / sizeof(*operations), sum = 0, dice;

	/* Out of a state in which nothing is copied, mostly. */
	if (s->state != COPYING && rng_below(&l->rng, 2)) {
		if (s->state == DRP_CS_SUSPENDED)
			return "resume";
		if (s->state == DRP_CS_INACTIVE || s->state == DRP_CS_PREPARED)
			return "activate";
		return "resync-replica";
	}
	for (i = 0; i < n; i++)
		sum += operations[i].weight;
	dice = rng_below(&l->rng, sum);
	for (i = 0; dice >= operations[i].weight; i++)
		dice -= operations[i].weight;
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

int operate(struct life *l)
{
	struct sync *s = &l->s[rng_below(&l->rng, l->nr_syncs)];
	unsigned int dice = rng_below(&l->rng, 20);
	const char *word;

	if (!s->state)
		return make_sync(l, s);
	if (dice == 0)
		return bounce_device(l);
	if (dice == 1)
		return change_settings(l, s);
	word = choose_operation(l, s);
	return do_operation(l, s, word, rng_below(&l->rng, 4) ? "" : "force");
}
