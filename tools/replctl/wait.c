// SPDX-License-Identifier: GPL-2.0-only
/* Events wake the loop, a look once a second makes lost ones harmless. */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "advice.h"
#include "output.h"
#include "wait.h"

#define POLL_MS	1000
#define BAR_WIDTH	55	/* columns of bar, percent, rate and ETA */

static bool bar_wanted(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && term && strcmp(term, "dumb");
}

/* What fits before the bar in one line: a longer line could not be drawn over. */
static int label_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		size.ws_col = 80;
	return clamp((int)size.ws_col - BAR_WIDTH, 12, 60);
}

/* What is done to whom, "Restoring copy -> home"; without a copy the operation. */
static void print_label(const struct record *job, const struct record *sync)
{
	u64 progress = rec_u64(sync, DRP_A_PROGRESS_STATUS);
	bool back = sync_overwrites_source(sync) > 0;
	char text[2 * DRP_NAME_MAX + 32];

	if (back || progress == DRP_PS_SYNCHRONIZING || progress == DRP_PS_RESYNCING)
		snprintf(text, sizeof(text), "%s %s -> %s",
			 drp_name(DRP_ENUM_PROGRESS_STATUS, progress),
			 rec_str(sync, back ? DRP_A_TARGET_NAME : DRP_A_SOURCE_NAME),
			 rec_str(sync, back ? DRP_A_SOURCE_NAME : DRP_A_TARGET_NAME));
	else
		snprintf(text, sizeof(text), "%s",
			 drp_name(DRP_ENUM_OPERATION, rec_u64(job, DRP_A_OPERATION)));
	fprintf(stderr, "\r%.*s ", label_width(), text);
}

static void draw_bar(const struct record *job, const struct record *sync)
{
	static const char hashes[] = "####################";
	char rate[32], eta[32];
	unsigned int percent = min_t(u64, rec_u64(job, DRP_A_PERCENT_COMPLETE), 100);
	unsigned int full = percent * (sizeof(hashes) - 1) / 100;

	print_label(job, sync);
	if (!rec_u64(job, DRP_A_BYTES_TOTAL)) {	/* no copy, as a failover that drains */
		fputs("...\033[K", stderr);
		return;
	}
	fprintf(stderr, "[%-*.*s] %3u%% %10s/s", (int)sizeof(hashes) - 1, (int)full, hashes,
		percent, human_bytes(rec_u64(job, DRP_A_RATE), rate, sizeof(rate)));
	if (rec_has(job, DRP_A_ETA_SECONDS))
		fprintf(stderr, " ETA %-8s",
			human_seconds(rec_u64(job, DRP_A_ETA_SECONDS), eta, sizeof(eta)));
	fputs("\033[K", stderr);
}

static s64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (s64)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool job_ended(const struct record *job)
{
	return rec_u64(job, DRP_A_JOB_STATE) >= DRP_JOB_COMPLETED;
}

static int job_failed(const char *what, const struct record *job)
{
	u32 code = rec_u64(job, DRP_A_ERROR_CODE);
	u32 state = rec_u64(job, DRP_A_JOB_STATE);
	char text[DRP_MESSAGE_MAX];

	snprintf(text, sizeof(text), "job %llu ended as %s%s%s",
		 (unsigned long long)rec_u64(job, DRP_A_JOB_ID),
		 drp_name(DRP_ENUM_JOB_STATE, state),
		 *rec_str(job, DRP_A_ERROR_TEXT) ? ": " : "", rec_str(job, DRP_A_ERROR_TEXT));
	return fail_rv(code ? code : DRP_RV_FAILED, what, text);
}

/* These end by themselves in nothing else: who waits for another state waits in vain. */
static bool hopeless(u16 copy_state)
{
	return copy_state == DRP_CS_BROKEN || copy_state == DRP_CS_INVALID ||
	       copy_state == DRP_CS_ABORTED || copy_state == DRP_CS_PARTITIONED;
}

static int not_reached(const struct wait *w, const struct record *sync)
{
	const char *error = rec_str(sync, DRP_A_ERROR_TEXT);
	char text[DRP_MESSAGE_MAX];

	snprintf(text, sizeof(text), "the copy state is %s, %s was waited for%s%s",
		 drp_name(DRP_ENUM_COPY_STATE, rec_u64(sync, DRP_A_COPY_STATE)),
		 drp_name(DRP_ENUM_COPY_STATE, w->copy_state), *error ? ": " : "", error);
	return fail_rv(DRP_RV_FAILED, w->what, text);
}

/*
 * The job first: what the sync says then is not older than the job's end. *@open:
 * it is still a request that nobody knows the outcome of, no copy yet.
 */
static int look_at_job(const struct wait *w, struct record *job, bool *open, bool *ended)
{
	struct refusal refusal;

	if (!w->job.id)
		return -1;
	if (ref_fetch(&w->job, job, &refusal)) {
		if (refusal.return_value != DRP_RV_NOT_FOUND || refusal.own_status)
			return refusal_report(&refusal, w->what);
		*ended = true;	/* removed after its time: the sync tells the rest */
		return -1;
	}
	*ended = job_ended(job);
	*open = !*ended && !rec_has(job, DRP_A_SYNC_ID);
	if (*ended && rec_u64(job, DRP_A_JOB_STATE) != DRP_JOB_COMPLETED)
		return job_failed(w->what, job);
	return *ended && !w->copy_state ? 0 : -1;
}

static bool is_reached(const struct wait *w, const struct record *sync)
{
	u64 state = rec_u64(sync, DRP_A_COPY_STATE);

	/* A clone that hosts wrote to while it was copied. */
	if (state == DRP_CS_SKEWED && w->copy_state == DRP_CS_SYNCHRONIZED)
		return rec_u64(sync, DRP_A_SYNC_TYPE) == DRP_SYNC_CLONE;
	return state == w->copy_state;
}

static int look_at_sync(const struct wait *w, bool ended, struct record *sync)
{
	struct refusal refusal;

	if (ref_fetch(&w->sync, sync, &refusal))
		return refusal_report(&refusal, w->what);
	if (!w->copy_state)
		return -1;
	if (is_reached(w, sync))
		return 0;
	if (ended || (!w->job.id && hopeless(rec_u64(sync, DRP_A_COPY_STATE))))
		return not_reached(w, sync);
	return -1;
}

/* Why a job does not go on, once for each reason. */
static void tell_reason(struct wait *w, const struct record *job, bool bar)
{
	const char *reason = rec_str(job, DRP_A_ERROR_TEXT);

	if (!job->attrs || job_ended(job) || !strcmp(reason, w->told))
		return;
	snprintf(w->told, sizeof(w->told), "%s", reason);
	if (*reason)
		fprintf(stderr, "%sreplctl: job %llu waits: %s\n", bar ? "\r\033[K" : "",
			(unsigned long long)rec_u64(job, DRP_A_JOB_ID), reason);
}

/* One look at sync and job. -1: go on waiting; else the exit status. */
static int look(struct wait *w, bool bar)
{
	struct record sync = { 0 }, job = { 0 };
	bool open = false, ended = false;
	int status = look_at_job(w, &job, &open, &ended);

	if (status < 0 && !open && w->sync.id && (w->copy_state || bar))
		status = look_at_sync(w, ended, &sync);
	else if (status < 0 && ended)
		status = 0;
	tell_reason(w, &job, bar);
	if (bar && job.attrs)
		draw_bar(&job, &sync);
	record_free(&sync);
	record_free(&job);
	return status;
}

static int timed_out(const struct wait *w)
{
	if (w->job.id)
		return fail(drp_rv_to_exit_status(DRP_RV_TIMEOUT), w->what,
			    "Timeout (3): %ld s have passed, job %llu goes on; 'replctl job wait %s' waits on",
			    w->timeout, (unsigned long long)w->job.id, w->job.qualified);
	return fail(drp_rv_to_exit_status(DRP_RV_TIMEOUT), w->what,
		    "Timeout (3): %ld s have passed without the copy state %s; 'replctl show' tells the present one",
		    w->timeout, drp_name(DRP_ENUM_COPY_STATE, w->copy_state));
}

int wait_for(struct wait *w)
{
	s64 end = w->timeout < 0 ? 0 : now_ms() + w->timeout * 1000;
	bool bar = bar_wanted() && w->job.id;
	struct record event;
	int status, got;

	for (;;) {
		s64 left = POLL_MS;

		status = look(w, bar);
		if (status >= 0)
			break;
		if (w->timeout >= 0) {
			left = min(end - now_ms(), (s64)POLL_MS);
			if (left <= 0) {
				if (bar)
					fputc('\n', stderr);
				return timed_out(w);
			}
		}
		got = nl_event(&event, left);
		record_free(&event);
		if (got < 0 && got != -ENOBUFS && got != -EINTR)
			usleep(100000);
	}
	if (bar)
		fputc('\n', stderr);
	return status;
}
