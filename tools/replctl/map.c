// SPDX-License-Identifier: GPL-2.0-only
/* replctl map: what differs */
#include "commands.h"
#include "output.h"
#include "resolve.h"

static int map(const struct args *a)
{
	struct request *req = req_new(DRP_CMD_MAP);
	struct node *root, *array, *row;
	struct drp_extent extent;
	struct refusal refusal;
	struct records answers;
	struct ref sync;
	u64 total = 0;
	unsigned int m, i;
	const void *p;
	u32 len;
	int status;

	status = resolve(DRP_OBJ_SYNC, a->argv[0], &sync);
	if (status) {
		req_free(req);
		return status;
	}
	req_ref(req, &sync);
	ref_free(&sync);
	if (ask_all(req, &answers, &refusal))
		return refusal_report(&refusal, a->argv[0]);
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

DEFINE_COMMANDS(map) = {
	{ "map", map, "List the extents that may differ, in bytes", "SYNC", NULL,
	  "replctl map tank/home-copy\nreplctl map tank/home-copy --json", 0, 1, 1, 0 },
};
END_COMMANDS(map);
