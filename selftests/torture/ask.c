// SPDX-License-Identifier: GPL-2.0-only
/* Requests about snapshots, and their answers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/dm-replica.h>

#include "machine.h"
#include "snapshot.h"

/* Where space is full an aspect may have gone since it was looked at. */
static int is_refusal(struct life *l, int r)
{
	return r == -EBADFD || r == -ECANCELED || r == -EBUSY || r == -ETIMEDOUT || r == -ENOSPC ||
	       (r == -ENOENT && l->snapshots->small);
}

/* The job of a restore lasts as long as its copy. */
static int is_under_way(struct life *l, const struct snapshot *x)
{
	struct sync_info info[INFOS_MAX];
	int i, n;

	if (!x || (x->maybe != RESTORE_BEGUN && x->maybe != RESTORE_MOVED))
		return 0;
	n = query_syncs(info, INFOS_MAX);
	if (n < 0)
		failed(l, "netlink: %s", strerror(-n));
	for (i = 0; i < n; i++)
		if (info[i].id == x->sync_id)
			return restore_has_happened(x, &info[i]);
	return 0;
}

/* 1: done, 0: refused, -EIO: the power failed. */
static int await(struct life *l, struct snapshot *x, const char *what, const char *answer)
{
	double end = now_seconds() + HANG_SECONDS;
	unsigned int state, error;
	unsigned long long id;

	if (sscanf(answer, "4096 job=%llu", &id) != 1)
		return 1;
	while (now_seconds() < end) {
		state = query_job(id, &error);
		if (state == DRP_JOB_COMPLETED || state == DRP_JOB_TERMINATED || is_under_way(l, x))
			return 1;
		if (sim_power_is_off())
			return -EIO;
		if (state == DRP_JOB_EXCEPTION)
			return 0;
		sleep_us(2000);
	}
	failed(l, "the job of '%s' (%s) does not end", what, answer);
}

int snapshot_ask(struct life *l, struct snapshot *x, const char *message)
{
	char answer[256];
	int r = dm_message("pfpool", message, answer), done = !r;

	if (!r)
		done = await(l, x, message, answer);
	if (verbose)
		fprintf(stderr, "# %s: %d %s: %d\n", message, r, answer, done);
	if (r && !is_refusal(l, r))
		return no_answer(l, message, r);
	return done;
}
