// SPDX-License-Identifier: GPL-2.0-only
/* replctl map, diff: what differs */
#include "commands.h"
#include "extents.h"
#include "output.h"
#include "resolve.h"

static int print_map(struct request *req, const char *what)
{
	struct extents extents = { 0 };
	struct node *root, *array, *row;
	unsigned int i;
	int status;

	status = ask_extents(req, what, &extents);
	if (status)
		return status;
	root = out_object(NULL, NULL);
	array = out_array(root, "Extents");
	for (i = 0; i < extents.nr; i++) {
		row = out_object(array, NULL);
		out_uint(row, "OffsetBytes", "OFFSET", extents.v[i].offset);
		out_uint(row, "LengthBytes", "LENGTH", extents.v[i].length);
	}
	if (output_is_json())
		out_uint(root, "TotalBytes", NULL, extents_bytes(&extents));
	out_print(root, "Nothing differs.");
	extents_free(&extents);
	return 0;
}

static int map(const struct args *a)
{
	struct request *req;
	struct ref sync;
	int status;

	status = resolve(DRP_OBJ_SYNC, a->argv[0], &sync);
	if (status)
		return status;
	req = req_new(DRP_CMD_MAP);
	req_ref(req, &sync);
	ref_free(&sync);
	return print_map(req, a->argv[0]);
}

static int diff(const struct args *a)
{
	struct ref one, other;
	int status;

	status = resolve(DRP_OBJ_ELEMENT, a->argv[0], &one);
	if (status)
		return status;
	status = resolve(DRP_OBJ_ELEMENT, a->argv[1], &other);
	ref_free(&one);
	if (status)
		return status;
	ref_free(&other);
	if (strcmp(one.pool, other.pool))
		return fail(drp_rv_to_exit_status(DRP_RV_INVALID_PARAMETER), a->argv[1],
			    "Invalid Parameter (5): %s and %s are in different pools; only a snapshot and what it comes from can be compared",
			    one.qualified, other.qualified);
	return print_map(req_diff(one.pool, one.id, other.id), a->argv[0]);
}

DEFINE_COMMANDS(map) = {
	{ "map", map, "List the extents that may differ, in bytes", "SYNC", NULL,
	  "replctl map tank/home-copy\nreplctl map tank/home-copy --json", 0, 1, 1, 0 },
	{ "diff", diff, "List the extents in which two elements of one family may differ",
	  "ELEMENT ELEMENT",
	  "Two snapshots, or a snapshot and its source: from the index, without reading data. For\n"
	  "backups of what has changed.",
	  "replctl diff tank/monday tank/tuesday --json\nreplctl diff tank/monday tank/home", 0, 2, 2, 0 },
};
END_COMMANDS(map);
