// SPDX-License-Identifier: GPL-2.0-only
/* What all methods of the service have in common. */
#include "method.h"
#include "wait.h"

void report_start(struct report *report, bool several)
{
	memset(report, 0, sizeof(*report));
	report->several = several;
	if (output_is_json()) {
		report->root = out_object(NULL, NULL);
		if (several)
			report->array = out_array(report->root, "Results");
	}
}

static void count_status(struct report *report, int status)
{
	if (!report->status)
		report->status = status;
}

void req_options(struct request *req, const struct args *a)
{
	unsigned int i;

	if (opt(a, OPT_FORCE))
		req_flag(req, DRP_A_FORCE);
	if (opt(a, OPT_DRY_RUN))
		req_flag(req, DRP_A_DRY_RUN);
	if (a->wait_state)
		req_u16(req, DRP_A_WAIT_FOR_COPY_STATE, a->wait_state);
	for (i = 0; i < a->nr_settings; i++)
		req_str(req, DRP_A_SETTING, a->settings[i]);
}

static bool wants_wait(const struct args *a)
{
	return a->wait_state && !opt(a, OPT_DRY_RUN);
}

int wait_prepare(const struct args *a)
{
	struct refusal refusal;

	if (!a->wait_state && opt(a, OPT_TIMEOUT) && (a->command->options & O(WAIT_FOR_COPY_STATE)))
		return fail(EX_USAGE, "--timeout", "nothing is waited for; give --wait-for-copy-state too");
	if (wants_wait(a) && nl_subscribe(&refusal))
		return refusal_report(&refusal, a->command->name);
	return 0;
}

/* The line ReturnValue=..., with what the method made. */
static void print_line(const struct report *report, const struct record *r, const char *what,
		       bool creation)
{
	u32 rv = rec_u64(r, DRP_A_RETURN_VALUE);

	printf("ReturnValue=%u (%s)", rv, drp_name(DRP_ENUM_RETURN_VALUE, rv));
	if (rec_has(r, DRP_A_JOB_ID))
		printf(" Job=%llu", (unsigned long long)rec_u64(r, DRP_A_JOB_ID));
	if (rec_has(r, DRP_A_ASPECT_ID))
		printf(" SettingsState=%llu", (unsigned long long)rec_u64(r, DRP_A_ASPECT_ID));
	if (rec_has(r, DRP_A_UPDATED_SYNC_ID))
		printf(" UpdatedSynchronization=%llu",
		       (unsigned long long)rec_u64(r, DRP_A_UPDATED_SYNC_ID));
	if (rec_has(r, DRP_A_DRY_RUN))
		printf(" DryRun=yes");
	if (creation || report->several)
		printf(" Object=%s", what);
	putchar('\n');
	if (*rec_str(r, DRP_A_MESSAGE))
		printf("  %s\n", rec_str(r, DRP_A_MESSAGE));
	else if (rec_has(r, DRP_A_DRY_RUN))
		puts("  nothing would change");
	fflush(stdout);
}

static const struct field result_fields[] = {
	{ "ReturnValue", DRP_A_RETURN_VALUE, F_ENUM, DRP_ENUM_RETURN_VALUE, NULL },
	{ "Job", DRP_A_JOB_ID, F_UINT, 0, NULL },
	{ "SettingsState", DRP_A_ASPECT_ID, F_UINT, 0, NULL },
	{ "UpdatedSynchronization", DRP_A_UPDATED_SYNC_ID, F_UINT, 0, NULL },
	{ "ElementID", DRP_A_ELEMENT_ID, F_UINT, 0, NULL },
	{ "SynchronizationID", DRP_A_SYNC_ID, F_UINT, 0, NULL },
	{ "GroupID", DRP_A_GROUP_ID, F_UINT, 0, NULL },
	{ "Message", DRP_A_MESSAGE, F_STR, 0, NULL },
};

static void add_json(struct report *report, const struct record *r, const char *what)
{
	struct node *o = report->array ? out_object(report->array, NULL) : report->root;

	out_str(o, "Object", NULL, what);
	out_fields(o, result_fields, ARRAY_SIZE(result_fields), r);
	out_bool(o, "DryRun", NULL, rec_has(r, DRP_A_DRY_RUN));
}

static void add_json_refusal(struct report *report, const char *what, u32 return_value,
			     const char *text)
{
	static const struct record nothing;
	struct node *o = report->array ? out_object(report->array, NULL) : report->root;
	unsigned int i;

	out_str(o, "Object", NULL, what);
	out_enum(o, "ReturnValue", NULL, DRP_ENUM_RETURN_VALUE, return_value);
	for (i = 1; i + 1 < ARRAY_SIZE(result_fields); i++)
		out_fields(o, &result_fields[i], 1, &nothing);
	out_str(o, "Message", NULL, text);
	out_bool(o, "DryRun", NULL, false);
}

int report_refusal(struct report *report, const char *what, const struct refusal *refusal)
{
	int status = refusal_report(refusal, what);

	if (report->root && !refusal->own_status)
		add_json_refusal(report, what, refusal->return_value, refusal->text);
	count_status(report, status);
	return status;
}

void report_completed(struct report *report, const char *what)
{
	if (report->root)
		add_json_refusal(report, what, DRP_RV_COMPLETED, "");
	else
		printf("ReturnValue=%u (%s) Object=%s\n", DRP_RV_COMPLETED,
		       drp_name(DRP_ENUM_RETURN_VALUE, DRP_RV_COMPLETED), what);
}

static void take_id(struct record *answer, const struct record *job, u16 attr, const char *key)
{
	if (rec_has(answer, attr))
		return;
	rec_take(answer, job, attr);
	if (!output_is_json() && rec_has(answer, attr))
		printf("%s=%llu\n", key, (unsigned long long)rec_u64(answer, attr));
}

/* What was not known yet when the job was answered. */
static void add_from_job(struct record *answer, const struct ref *job)
{
	struct refusal refusal;
	struct record r;

	if (!job->id || ref_fetch(job, &r, &refusal))
		return;
	take_id(answer, &r, DRP_A_ASPECT_ID, "SettingsState");
	take_id(answer, &r, DRP_A_UPDATED_SYNC_ID, "UpdatedSynchronization");
	record_free(&r);
}

static int wait_after(const struct args *a, struct record *answer, const char *what,
		      const struct ref *ref)
{
	int status;

	struct wait w = { .what = what, .copy_state = a->wait_state, .timeout = a->timeout };

	if (ref && ref->kind == DRP_OBJ_SYNC) {
		w.sync = *ref;
	} else if (rec_has(answer, DRP_A_SYNC_ID)) {
		w.sync.kind = DRP_OBJ_SYNC;
		w.sync.id = rec_u64(answer, DRP_A_SYNC_ID);
		snprintf(w.sync.pool, sizeof(w.sync.pool), "%.*s", (int)strcspn(what, "/"), what);
	}
	if (rec_has(answer, DRP_A_JOB_ID)) {
		w.job.kind = DRP_OBJ_JOB;
		w.job.id = rec_u64(answer, DRP_A_JOB_ID);
		snprintf(w.job.pool, sizeof(w.job.pool), "%.*s", (int)strcspn(what, "/"), what);
		snprintf(w.job.qualified, sizeof(w.job.qualified), "%s/%llu", w.job.pool,
			 (unsigned long long)w.job.id);
	}
	status = wait_for(&w);
	if (!status)
		add_from_job(answer, &w.job);
	return status;
}

int report_method(struct report *report, const struct args *a, struct request *req,
		  const char *what, const struct ref *ref, enum drp_object_kind made_kind,
		  struct record *answer)
{
	struct refusal refusal;
	struct record r;
	int status;

	if (ask_one(req, &r, &refusal))
		return report_refusal(report, what, &refusal);
	if (!report->root)
		print_line(report, &r, what, made_kind != DRP_OBJ_NONE);
	status = drp_rv_to_exit_status(rec_u64(&r, DRP_A_RETURN_VALUE));
	if (!status && wants_wait(a) && (ref || made_kind == DRP_OBJ_SYNC))
		status = wait_after(a, &r, what, ref);
	if (report->root)
		add_json(report, &r, what);
	count_status(report, status);
	if (answer)
		*answer = r;
	else
		record_free(&r);
	return status;
}

int report_end(struct report *report)
{
	if (report->root)
		out_print(report->root, NULL);
	return report->status;
}
