// SPDX-License-Identifier: GPL-2.0-only
/* replctl monitor: events as they come */

#include "commands.h"
#include "nl.h"
#include "output.h"

static const struct field event_fields[] = {
	{ "EventType", DRP_A_EVENT_TYPE, F_ENUM, DRP_ENUM_EVENT_TYPE, NULL },
	{ "Pool", DRP_A_POOL_NAME, F_STR, 0, NULL },
	{ "ElementID", DRP_A_ELEMENT_ID, F_UINT, 0, NULL },
	{ "ElementName", DRP_A_ELEMENT_NAME, F_STR, 0, NULL },
	{ "SynchronizationID", DRP_A_SYNC_ID, F_UINT, 0, NULL },
	{ "SynchronizationName", DRP_A_SYNC_NAME, F_STR, 0, NULL },
	{ "GroupID", DRP_A_GROUP_ID, F_UINT, 0, NULL },
	{ "GroupName", DRP_A_GROUP_NAME, F_STR, 0, NULL },
	{ "AspectID", DRP_A_ASPECT_ID, F_UINT, 0, NULL },
	{ "AspectName", DRP_A_ASPECT_NAME, F_STR, 0, NULL },
	{ "CopyState", DRP_A_COPY_STATE, F_ENUM, DRP_ENUM_COPY_STATE, NULL },
	{ "ProgressStatus", DRP_A_PROGRESS_STATUS, F_ENUM, DRP_ENUM_PROGRESS_STATUS, NULL },
	{ "Job", DRP_A_JOB_ID, F_UINT, 0, NULL },
	{ "JobState", DRP_A_JOB_STATE, F_ENUM, DRP_ENUM_JOB_STATE, NULL },
	{ "PercentComplete", DRP_A_PERCENT_COMPLETE, F_PERCENT, 0, NULL },
	{ "Attached", DRP_A_ATTACHED, F_BOOL, 0, NULL },
	{ "CowLevel", DRP_A_COW_LEVEL, F_UINT, 0, NULL },
	{ "PoolMode", DRP_A_POOL_MODE, F_ENUM, DRP_ENUM_POOL_MODE, NULL },
	{ "Message", DRP_A_MESSAGE, F_STR, 0, NULL },
};

static int monitor(const struct args *a)
{
	struct refusal refusal;
	struct record event;
	int got;

	(void)a;
	if (nl_subscribe(&refusal))
		return refusal_report(&refusal, "monitor");
	for (;;) {
		struct node *root;

		got = nl_event(&event, -1);
		if (got == -ENOBUFS) {
			note("monitor", "events came faster than they could be read, some were lost");
			continue;
		}
		if (got == -EINTR || !got)
			continue;
		if (got < 0)
			return fail(EX_IOERR, "monitor", "%s; start it again", strerror(-got));
		root = out_object(NULL, NULL);
		out_fields(root, event_fields, ARRAY_SIZE(event_fields), &event);
		out_print_line(root);
		record_free(&event);
		if (fflush(stdout) || ferror(stdout))
			return EX_IOERR;
	}
}

DEFINE_COMMANDS(monitor) = {
	{ "monitor", monitor, "Print events as they come", "",
	  "One line for each event, with --json one object in a line. Runs until it is killed.",
	  "replctl monitor\nreplctl monitor --json", 0, 0, 0, 0 },
};
END_COMMANDS(monitor);
