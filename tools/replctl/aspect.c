// SPDX-License-Identifier: GPL-2.0-only
/* replctl aspect list, show, delete: points in time that Dissolve left behind */
#include "commands.h"
#include "fields.h"
#include "method.h"

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

DEFINE_COMMANDS(aspect) = {
	{ "aspect list", aspect_list, "List points in time without a synchronization", "[POOL]", NULL,
	  "replctl aspect list", 0, 0, 1, 0 },
	{ "aspect show", aspect_show, "Show everything about an aspect", "NAME", NULL,
	  "replctl aspect show tank/monday", 0, 1, 1, 0 },
	{ "aspect delete", aspect_delete, "Forget an aspect", "NAME [--force]", NULL,
	  "replctl aspect delete tank/monday", O(FORCE), 1, 1, 0 },
};
END_COMMANDS(aspect);
