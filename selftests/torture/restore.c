// SPDX-License-Identifier: GPL-2.0-only
/*
 * Snapshots are restored into their source while hosts write it. From the answer on
 * the source is what the snapshot is, whatever is copied yet; the end of the copy
 * changes nothing that is to be seen.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/dm-replica.h>

#include "machine.h"
#include "snapshot.h"

#define STUCK_SECONDS	15	/* with a full space: the copy of a few MiB takes less */

int is_restoring(const struct snapshot *x)
{
	return x->state == RESTORE_RUNS || x->state == RESTORE_SUSPENDED || x->state == RESTORE_ABORTED;
}

struct snapshot *restored_into(struct life *l, struct element *e)
{
	unsigned int i;

	for (i = 0; l->snapshots && i < SNAPSHOTS_MAX; i++)
		if (is_restoring(&l->snapshots->x[i]) && l->snapshots->x[i].source == e)
			return &l->snapshots->x[i];
	return NULL;
}

int restore_is_held(struct life *l, struct element *e)
{
	const struct snapshot *x = restored_into(l, e);

	return x && x->state != RESTORE_RUNS;
}

/* ---- what the kernel says ---- */

static enum snapshot_state state_said(const struct sync_info *s)
{
	/* After its end it may be lost like any other: who looks for those that are sees it next. */
	if (!s->reverse)
		return s->state == DRP_CS_RESTORED || s->state == DRP_CS_PARTITIONED ||
		       s->state == DRP_CS_BROKEN ? ACTIVE : UNUSED;
	/* Partitioned until its source is attached again. */
	return s->state == DRP_CS_UNSYNCHRONIZED || s->state == DRP_CS_PARTITIONED ? RESTORE_RUNS :
	       s->state == DRP_CS_SUSPENDED ? RESTORE_SUSPENDED :
	       s->state == DRP_CS_BROKEN ? RESTORE_ABORTED : UNUSED;
}

int restore_has_happened(const struct snapshot *x, const struct sync_info *s)
{
	if (x->maybe == RESTORE_BEGUN)
		return s->activated != x->activated;
	return x->maybe == RESTORE_MOVED && x->goal == RESTORE_RUNS &&
	       (state_said(s) == RESTORE_RUNS || !s->reverse);
}

void restore_resolve(struct life *l, struct snapshot *x, const struct sync_info *s, int sure)
{
	enum snapshot_state said = state_said(s);
	int may_be = said == x->state || !sure || (x->state == RESTORE_RUNS && said == ACTIVE) ||
		     (x->state == RESTORE_RUNS && said == RESTORE_ABORTED && l->snapshots->small);

	if (said == UNUSED || !may_be)
		failed(l, "%s is being restored, %s, but its sync is in state %u, %s (%s)", x->e.dm,
		       x->state == RESTORE_RUNS ? "copied" :
		       x->state == RESTORE_SUSPENDED ? "suspended" : "aborted",
		       s->state, s->reverse ? "unfinished" : "finished", s->error);
	x->state = said;
	if (said == ACTIVE)
		atomic_store(&x->source->restored, 0);
}

static int query(struct life *l, struct sync_info *info)
{
	int n = query_syncs(info, INFOS_MAX);

	if (n < 0)
		failed(l, "netlink: %s", strerror(-n));
	return n;
}

void restores_notice(struct life *l)
{
	struct sync_info info[INFOS_MAX];
	unsigned int k;
	int i, n;

	if (!l->snapshots)
		return;
	n = query(l, info);
	for (k = 0; k < SNAPSHOTS_MAX; k++) {
		struct snapshot *x = &l->snapshots->x[k];

		for (i = 0; i < n && is_restoring(x) && !x->maybe; i++)
			if (info[i].id == x->sync_id)
				restore_resolve(l, x, &info[i], 1);
	}
}

/* ---- what hosts see ---- */

/* Where what hosts read of it is kept. */
static uint8_t *content_of(struct life *l, const struct element *e)
{
	return e >= l->e && e < l->e + ELEMENTS_MAX ? l->content[e - l->e] : l->snapshots->content;
}

/* In pieces that never lie on both sides: nothing needs to be copied for that. */
static int read_small(struct life *l, struct element *e)
{
	uint8_t *content = content_of(l, e);
	int fd = open(e->dev, O_RDONLY | O_DIRECT | O_CLOEXEC), r = fd < 0 ? -errno : 0;
	uint32_t b;

	for (b = 0; b < l->nr_blocks && !r; b++)
		if (pread(fd, content + (size_t)b * BLOCK_BYTES, BLOCK_BYTES,
			  (off_t)b * BLOCK_BYTES) != BLOCK_BYTES)
			r = errno ? -errno : -EIO;
	if (fd >= 0)
		close(fd);
	return r;
}

int restore_read(struct life *l, struct element *e)
{
	int r = disk_read(e->dev, content_of(l, e), (size_t)l->nr_blocks * BLOCK_BYTES);

	/* What lies on both sides comes to the source first, which takes space. */
	return r == -ENOSPC && l->snapshots->small ? read_small(l, e) : r;
}

/* The source, while hosts write it. */
static int look_at_source(struct life *l, struct element *e)
{
	uint32_t *floor = calloc(l->nr_blocks, sizeof(*floor));
	unsigned int generation, bad = 0;
	char what[64];
	int r;

	if (!floor)
		err(1, "memory");
	snprintf(what, sizeof(what), "%s in the middle of a restore", e->dm);
	generation = line_read_begin(&e->line, 0, l->nr_blocks, floor);
	r = restore_read(l, e);
	if (sim_power_is_off())
		r = -EIO;
	else if (r)
		r = no_answer(l, what, -r);
	else if (e->line.valid)
		bad = line_read_end(&e->line, what, content_of(l, e), 0, l->nr_blocks, floor,
				    generation);
	free(floor);
	if (bad)
		failed(l, "%s does not show what was restored", e->dm);
	return r;
}

/* ---- operations ---- */

/* A snapshot of a snapshot is restored into that, which is not in the middle of a restore. */
static int takes_restore(const struct snapshot *parent)
{
	return !parent->maybe && (parent->state == ACTIVE || parent->state == LOOSE) &&
	       parent->e.line.valid;
}

static int can_be_restored(struct life *l, struct snapshot *x)
{
	return x->state == ACTIVE && x->e.line.valid && *x->source->dev &&
	       (x->parent ? takes_restore(x->parent) : content_is_own(l, x->source)) &&
	       !restored_into(l, x->source) && !restored_into(l, &x->e);
}

int restore_begin(struct life *l, struct snapshot *x, const char *options)
{
	struct sync_info info[INFOS_MAX];
	char message[96];
	unsigned int k;
	int i, n, r;

	if (!can_be_restored(l, x))
		return 0;
	n = query(l, info);
	for (i = 0; i < n; i++)
		if (info[i].id == x->sync_id)
			x->activated = info[i].activated;
	for (k = 0; k < l->nr_syncs; k++)
		l->s[k].synchronized = 0;
	line_open(&x->e.line, 0);
	if (rng_below(&l->rng, 2))
		snapshot_wait_unused(l, x);
	atomic_store(&x->source->restored, 1);
	line_cut_begin(&x->source->line, &x->e.line, 1, 0);
	x->maybe = RESTORE_BEGUN;
	snprintf(message, sizeof(message), "modify restore-from-replica %llu%s",
		 (unsigned long long)x->sync_id, options);
	r = snapshot_settle(l, x, snapshot_ask(l, x, message));
	if (r <= 0)
		return r;
	set_writable(l);
	return rng_below(&l->rng, 3) ? 0 : look_at_source(l, x->source);
}

int restore_some(struct life *l)
{
	static const char *const options[] = {
		" force rate_limit=100K", " force rate_limit=1M", " force rate_limit=4M",
	};
	unsigned int i, first = rng_below(&l->rng, SNAPSHOTS_MAX);

	for (i = 0; i < SNAPSHOTS_MAX; i++) {
		struct snapshot *x = &l->snapshots->x[(first + i) % SNAPSHOTS_MAX];

		if (can_be_restored(l, x))
			return restore_begin(l, x, options[rng_below(&l->rng, 3)]);
	}
	return 0;
}

static int move(struct life *l, struct snapshot *x, const char *word, enum snapshot_state goal)
{
	char message[96];

	x->maybe = RESTORE_MOVED;
	x->goal = goal;
	snprintf(message, sizeof(message), "modify %s %llu%s", word, (unsigned long long)x->sync_id,
		 goal == RESTORE_ABORTED ? " force" : "");
	return snapshot_settle(l, x, snapshot_ask(l, x, message));
}

static int go_on(struct life *l, struct snapshot *x)
{
	return x->state == RESTORE_SUSPENDED ? move(l, x, "resume", RESTORE_RUNS) :
					       move(l, x, "restore-from-replica", RESTORE_RUNS);
}

/* What would take the point in time away, or the space that it is in. */
static int try_refused(struct life *l, struct snapshot *x)
{
	static const char *const words[] = {
		"return-to-resource-pool", "dissolve", "deactivate", "resync-replica",
	};
	char message[96];
	int r;

	/* One that runs may just have ended. */
	if (x->state == RESTORE_RUNS)
		return 0;
	snprintf(message, sizeof(message), "modify %s %llu", words[rng_below(&l->rng, 4)],
		 (unsigned long long)x->sync_id);
	r = snapshot_ask(l, NULL, message);
	if (r > 0)
		failed(l, "'%s' was accepted in the middle of a restore", message);
	return r;
}

int restore_operate(struct life *l, struct snapshot *x)
{
	unsigned int dice = rng_below(&l->rng, 100);
	int r;

	if (dice < 15)
		r = look_at_source(l, x->source);
	else if (dice < 30)
		r = snapshot_examine(l, x);
	else if (dice < 40)
		r = try_refused(l, x);
	else if (x->state != RESTORE_RUNS)
		r = dice < 85 ? go_on(l, x) : 0;
	else
		r = dice < 60 ? move(l, x, "suspend", RESTORE_SUSPENDED) :
		    dice < 75 ? move(l, x, "abort", RESTORE_ABORTED) : 0;
	return r < 0 ? r : 0;
}

/* ---- to the end ---- */

void restores_hurry(struct life *l)
{
	char message[64], answer[256];
	unsigned int i;

	for (i = 0; l->snapshots && i < SNAPSHOTS_MAX; i++) {
		struct snapshot *x = &l->snapshots->x[i];

		if (!is_restoring(x))
			continue;
		snprintf(message, sizeof(message), "set sync:%llu rate_limit=0",
			 (unsigned long long)x->sync_id);
		dm_message("pfpool", message, answer);
	}
}

int restores_give_up(struct life *l)
{
	unsigned int i;

	for (i = 0; l->snapshots && l->snapshots->small && i < SNAPSHOTS_MAX; i++) {
		struct snapshot *x = &l->snapshots->x[i];

		if (x->state != RESTORE_RUNS)
			continue;
		fprintf(stderr, "# %s: its restore stands still with a full space, and is given up\n", x->e.dm);
		l->snapshots->stuck++;
		if (move(l, x, "abort", RESTORE_ABORTED) < 0)
			return -EIO;
	}
	return 0;
}

/* 1: there are some, 0, -EIO. */
static int push_on(struct life *l)
{
	unsigned int i;
	int some = 0;

	if (sim_power_is_off())
		return -EIO;
	restores_notice(l);
	for (i = 0; i < SNAPSHOTS_MAX; i++) {
		struct snapshot *x = &l->snapshots->x[i];

		some |= is_restoring(x);
		if (restore_is_held(l, x->source) && is_restoring(x) && go_on(l, x) < 0)
			return -EIO;
	}
	return some;
}

int restores_end(struct life *l)
{
	double end = now_seconds() + STUCK_SECONDS * 4;
	int r, returned = 0;

	if (!l->snapshots)
		return 0;
	restores_hurry(l);
	while ((r = push_on(l)) == 1 && now_seconds() < end) {
		sleep_us(5000);
		if (!l->snapshots->small || returned || now_seconds() < end - STUCK_SECONDS * 3)
			continue;
		/* Their space may be what it needs. */
		returned = 1;
		snapshots_notice_broken(l);
		if (snapshots_return_some(l) || snapshots_return_some(l))
			return -EIO;
	}
	if (r == 1 && !l->snapshots->small)
		failed(l, "the restores do not end within %d s", STUCK_SECONDS * 4);
	l->snapshots->stuck += r == 1;
	set_writable(l);
	return r;
}
