// SPDX-License-Identifier: GPL-2.0-only
/* replctl map, diff: what differs */
#include "commands.h"
#include "output.h"
#include "resolve.h"

static int print_map(struct request *req, const char *what)
{
	struct node *root, *array, *row;
	struct drp_extent extent;
	struct refusal refusal;
	struct records answers;
	u64 total = 0;
	unsigned int m, i;
	const void *p;
	u32 len;

	if (ask_all(req, &answers, &refusal))
		return refusal_report(&refusal, what);
	root = out_object(NULL, NULL);
	array = out_array(root, "Extents");
	for (m = 0; m < answers.nr; m++)
		for (i = 0; (p = rec_bin_at(&answers.v[m], DRP_A_EXTENT, i, &len)); i++) {
			if (len < sizeof(extent))
				continue;
			memcpy(&extent, p, sizeof(extent));
			row = out_object(array, NULL);
			out_uint(row, "OffsetBytes", "OFFSET", extent.offset);
			out_uint(row, "LengthBytes", "LENGTH", extent.length);
			total += extent.length;
		}
	if (output_is_json())
		out_uint(root, "TotalBytes", NULL, total);
	out_print(root, "Nothing differs.");
	records_free(&answers);
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
	struct request *req;
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
	req = req_new(DRP_CMD_MAP);
	req_str(req, DRP_A_POOL_NAME, one.pool);
	req_u64(req, DRP_A_SOURCE_ID, one.id);
	req_u64(req, DRP_A_TARGET_ID, other.id);
	return print_map(req, a->argv[0]);
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
