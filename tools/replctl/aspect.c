// SPDX-License-Identifier: GPL-2.0-only
/* replctl aspect: points in time that Dissolve left behind, ModifySettingsDefineState */
#include <unistd.h>

#include "commands.h"
#include "fields.h"
#include "method.h"
#include "snapshot.h"

static int aspect_list(const struct args *a)
{
	return run_list(a, DRP_OBJ_ASPECT, "Aspects", "There is no aspect.");
}

static int aspect_show(const struct args *a)
{
	return run_show(a, DRP_OBJ_ASPECT);
}

static int aspect_delete(const struct args *a)
{
	struct report report;
	struct request *req;
	struct ref aspect;
	int status;

	status = resolve(DRP_OBJ_ASPECT, a->argv[0], &aspect);
	if (status)
		return status;
	ref_free(&aspect);
	req = req_new(DRP_CMD_DELETE_ASPECT);
	req_ref(req, &aspect);
	if (opt(a, OPT_FORCE))
		req_flag(req, DRP_A_FORCE);
	report_start(&report, false);
	report_method(&report, a, req, aspect.qualified, NULL, DRP_OBJ_NONE, NULL);
	return report_end(&report);
}

/* Names of a new target and its sync. */
static int target_names(const struct args *a, const struct ref *aspect, char *target, char *sync)
{
	char pool[DRP_NAME_MAX + 1];
	const char *problem;
	int status;

	status = split_name(a->value[OPT_TARGET], pool, target);
	if (status)
		return status;
	if (*pool && strcmp(pool, aspect->pool))
		return fail(drp_rv_to_exit_status(DRP_RV_INVALID_PARAMETER), a->value[OPT_TARGET],
			    "Invalid Parameter (5): the aspect is in the pool %s; the target is made there",
			    aspect->pool);
	strscpy(sync, opt(a, OPT_NAME) ? a->value[OPT_NAME] : target, DRP_NAME_MAX + 1);
	problem = drp_name_problem(sync);
	return problem ? fail(EX_USAGE, sync, "%s; choose another name", problem) : 0;
}

static int send_copy(const struct args *a, const struct ref *aspect, const char *target,
		     const char *sync)
{
	struct request *req = req_new(DRP_CMD_CREATE_SYNC);
	char text[64], qualified[REPLCTL_QUALIFIED_MAX];
	struct record answer = { 0 };
	struct report report;
	int status;

	snprintf(qualified, sizeof(qualified), "%s/%s", aspect->pool, sync);
	snprintf(text, sizeof(text), "aspect=%llu", (unsigned long long)aspect->id);
	req_str(req, DRP_A_POOL_NAME, aspect->pool);
	req_str(req, DRP_A_SYNC_NAME, sync);
	req_u16(req, DRP_A_SYNC_TYPE, DRP_SYNC_SNAPSHOT);
	req_u64(req, DRP_A_SOURCE_ID, rec_u64(&aspect->record, DRP_A_SOURCE_ID));
	req_str(req, DRP_A_TARGET_NAME, target);
	req_str(req, DRP_A_SETTING, text);
	req_options(req, a);
	report_start(&report, false);
	status = report_method(&report, a, req, qualified, NULL, DRP_OBJ_SYNC, &answer);
	if (answer.attrs && !opt(a, OPT_DRY_RUN))
		status = snapshot_device_create(aspect->pool, target, &answer);
	record_free(&answer);
	return report_end(&report) ?: status;
}

static int aspect_copy_to_target(const struct args *a)
{
	char target[DRP_NAME_MAX + 1], sync[DRP_NAME_MAX + 1];
	struct ref aspect;
	int status;

	if (!opt(a, OPT_TARGET))
		return fail(EX_USAGE, "--target", "missing; see 'replctl help aspect copy-to-target'");
	status = resolve(DRP_OBJ_ASPECT, a->argv[0], &aspect);
	if (status)
		return status;
	status = target_names(a, &aspect, target, sync);
	if (!status)
		status = send_copy(a, &aspect, target, sync);
	ref_free(&aspect);
	return status;
}

/* ---- restore ---- */

#define POLL_US	100000

/* The snapshot that is restored, told by the answer, or by the job of a request that takes long. */
static int find_made(const char *pool, const struct record *answer, struct record *sync)
{
	struct ref job = { .kind = DRP_OBJ_JOB, .id = rec_u64(answer, DRP_A_JOB_ID) };
	struct ref ref = { .kind = DRP_OBJ_SYNC, .id = rec_u64(answer, DRP_A_SYNC_ID) };
	struct refusal refusal;
	struct record r;
	bool ended = false;

	strscpy(job.pool, pool, sizeof(job.pool));
	strscpy(ref.pool, pool, sizeof(ref.pool));
	while (!ref.id && job.id && !ended) {
		if (ref_fetch(&job, &r, &refusal))
			return -1;
		ref.id = rec_u64(&r, DRP_A_SYNC_ID);
		ended = rec_u64(&r, DRP_A_JOB_STATE) >= DRP_JOB_COMPLETED;
		record_free(&r);
		if (!ref.id && !ended)
			usleep(POLL_US);
	}
	return ref.id ? ref_fetch(&ref, sync, &refusal) : -1;
}

/* A request that failed as a job has made none: the job says why. */
static int attach_made(const struct ref *aspect, struct record *answer)
{
	struct record made, now = { 0 };
	const char *target;
	int status;

	if (find_made(aspect->pool, answer, &made))
		return fail(drp_rv_to_exit_status(DRP_RV_FAILED), aspect->qualified,
			    "Failed (4): nothing is restored; job %llu says why",
			    (unsigned long long)rec_u64(answer, DRP_A_JOB_ID));
	target = rec_str(&made, DRP_A_TARGET_NAME);
	if (!output_is_json())
		printf("  %s gets what %s/%s shows\n", rec_str(&made, DRP_A_SOURCE_NAME),
		       aspect->pool, rec_str(&made, DRP_A_SYNC_NAME));
	/* It is there: no job is waited for. */
	status = snapshot_device_create(aspect->pool, target, &now);
	record_free(&made);
	return status;
}

static int send_restore(const struct args *a, const struct ref *aspect, const char *target,
			const char *sync)
{
	struct request *req = req_new(DRP_CMD_RESTORE_ASPECT);
	struct record answer = { 0 };
	struct report report;
	int status;

	req_ref(req, aspect);
	if (target)
		req_str(req, DRP_A_TARGET_NAME, target);
	if (sync)
		req_str(req, DRP_A_SYNC_NAME, sync);
	req_options(req, a);
	report_start(&report, false);
	status = report_method(&report, a, req, aspect->qualified, NULL, DRP_OBJ_SYNC, &answer);
	if (answer.attrs && !opt(a, OPT_DRY_RUN))
		status = attach_made(aspect, &answer);
	record_free(&answer);
	return report_end(&report) ?: status;
}

static int aspect_restore(const struct args *a)
{
	char target[DRP_NAME_MAX + 1], sync[DRP_NAME_MAX + 1];
	struct ref aspect;
	int status;

	status = wait_prepare(a) ?: resolve(DRP_OBJ_ASPECT, a->argv[0], &aspect);
	if (status)
		return status;
	if (opt(a, OPT_TARGET))
		status = target_names(a, &aspect, target, sync);
	if (!status)
		status = send_restore(a, &aspect, opt(a, OPT_TARGET) ? target : NULL,
				      opt(a, OPT_NAME) ? a->value[OPT_NAME] : NULL);
	ref_free(&aspect);
	return status;
}

DEFINE_COMMANDS(aspect) = {
	{ "aspect list", aspect_list, "List points in time without a synchronization", "[POOL]", NULL,
	  "replctl aspect list", 0, 0, 1, 0 },
	{ "aspect show", aspect_show, "Show everything about an aspect", "NAME", NULL,
	  "replctl aspect show tank/monday", 0, 1, 1, 0 },
	{ "aspect copy-to-target", aspect_copy_to_target, "Attach a new snapshot to an aspect's point in time",
	  "NAME --target ELEMENT [--name SYNC] [--setting KEY=VALUE]... [--dry-run]",
	  "Of an aspect that a dissolved snapshot has left. The target is made as that of any\n"
	  "snapshot; the aspect stays. The synchronization is named as the target unless --name\n"
	  "gives another.",
	  "replctl aspect copy-to-target tank/monday --target again", O(TARGET) | O(NAME) | O(SETTING) | O(DRY_RUN), 1, 1, 0 },
	{ "aspect restore", aspect_restore, "Give the source an aspect's point in time",
	  "NAME [--target ELEMENT] [--name SYNC] [--force] [--setting KEY=VALUE]... [--wait-for-copy-state STATE] [--timeout SECONDS] [--dry-run]",
	  "Of an aspect that a dissolved snapshot has left: a snapshot of it is made, as\n"
	  "copy-to-target does, and the source is restored from that. Unmount the source first; it\n"
	  "can be used at once and shows the point in time, the data follows. What was written to it\n"
	  "since is overwritten, with --force only. The snapshot ends Restored and stays until it is\n"
	  "returned, the aspect until it is deleted. Without --target and --name names are chosen.",
	  "replctl aspect restore tank/monday --dry-run --force\n"
	  "replctl aspect restore tank/monday --force --wait-for-copy-state restored\n"
	  "replctl aspect restore tank/monday --force --target again",
	  O(TARGET) | O(NAME) | O(FORCE) | O(SETTING) | O(WAIT_FOR_COPY_STATE) | O(TIMEOUT) | O(DRY_RUN),
	  1, 1, 0 },
	{ "aspect delete", aspect_delete, "Forget an aspect and the point in time that it keeps", "NAME [--force]",
	  "--force is taken and changes nothing.",
	  "replctl aspect delete tank/monday", O(FORCE), 1, 1, 0 },
};
END_COMMANDS(aspect);
