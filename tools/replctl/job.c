// SPDX-License-Identifier: GPL-2.0-only
/* replctl job list, show, wait, suspend, resume, terminate */
#include "commands.h"
#include "fields.h"
#include "method.h"
#include "wait.h"

static int job_list(const struct args *a)
{
	return run_list(a, DRP_OBJ_JOB, "Jobs", "There is no job.");
}

static int job_show(const struct args *a)
{
	return run_show(a, DRP_OBJ_JOB);
}

static int job_wait(const struct args *a)
{
	struct wait w = { .what = a->argv[0], .timeout = a->timeout };
	struct refusal refusal;
	struct record job;
	struct node *root;
	int status;

	if (nl_subscribe(&refusal))
		return refusal_report(&refusal, a->argv[0]);
	status = resolve(DRP_OBJ_JOB, a->argv[0], &w.job);
	if (status)
		return status;
	status = wait_for(&w);
	if (!status && !ref_fetch(&w.job, &job, &refusal)) {
		root = out_object(NULL, NULL);
		out_object_fields(root, DRP_OBJ_JOB, &job);
		out_print(root, NULL);
		record_free(&job);
	}
	ref_free(&w.job);
	return status;
}

static int change(const struct args *a, u16 requested)
{
	struct report report;
	struct request *req;
	unsigned int i;
	struct ref job;
	int status;

	report_start(&report, a->argc > 1);
	for (i = 0; i < a->argc; i++) {
		status = resolve(DRP_OBJ_JOB, a->argv[i], &job);
		if (status) {
			report.status = report.status ? report.status : status;
			continue;
		}
		req = req_new(DRP_CMD_CHANGE_JOB);
		req_ref(req, &job);
		req_u16(req, DRP_A_REQUESTED_JOB_STATE, requested);
		report_method(&report, a, req, job.qualified, NULL, DRP_OBJ_NONE, NULL);
		ref_free(&job);
	}
	return report_end(&report);
}

static int job_suspend(const struct args *a)
{
	return change(a, DRP_JOB_REQ_SUSPEND);
}

static int job_resume(const struct args *a)
{
	return change(a, DRP_JOB_REQ_START);
}

static int job_terminate(const struct args *a)
{
	return change(a, DRP_JOB_REQ_TERMINATE);
}

DEFINE_COMMANDS(job) = {
	{ "job list", job_list, "List running and recent jobs", "[POOL]",
	  "A job that has ended is forgotten about five minutes later, sooner if there are more than\n"
	  "1024, and when its pool is deactivated.",
	  "replctl job list\nreplctl job list --json", 0, 0, 1, 0 },
	{ "job show", job_show, "Show everything about a job", "JOB",
	  "JOB is POOL/NUMBER, or NUMBER where it is unique.",
	  "replctl job show tank/7", 0, 1, 1, 0 },
	{ "job wait", job_wait, "Wait until a job has ended", "JOB [--timeout SECONDS]",
	  "The exit status is that of the job's result. Why a job does not go on is said meanwhile.",
	  "replctl job wait tank/7\nreplctl job wait 7 --timeout 60", O(TIMEOUT), 1, 1, 0 },
	{ "job suspend", job_suspend, "Stop a job for a while", "JOB...",
	  "That is suspend of its synchronization, without --force. A job that has none cannot be\n"
	  "changed: Not Supported (1).",
	  "replctl job suspend tank/7", 0, 1, MANY, 0 },
	{ "job resume", job_resume, "Let a suspended job go on", "JOB...",
	  "That is resume of its synchronization.",
	  "replctl job resume tank/7", 0, 1, MANY, 0 },
	{ "job terminate", job_terminate, "End a job", "JOB...",
	  "That is abort of its synchronization, without --force.",
	  "replctl job terminate tank/7", 0, 1, MANY, 0 },
};
END_COMMANDS(job);
