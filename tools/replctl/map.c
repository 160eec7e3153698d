// SPDX-License-Identifier: GPL-2.0-only
/* replctl map, diff: what differs */
#include <unistd.h>

#include "commands.h"
#include "extents.h"
#include "output.h"
#include "resolve.h"

static void print_map(const struct extents *extents)
{
	struct node *root, *array, *row;
	unsigned int i;

	root = out_object(NULL, NULL);
	array = out_array(root, "Extents");
	for (i = 0; i < extents->nr; i++) {
		row = out_object(array, NULL);
		out_uint(row, "OffsetBytes", "OFFSET", extents->v[i].offset);
		out_uint(row, "LengthBytes", "LENGTH", extents->v[i].length);
	}
	if (output_is_json())
		out_uint(root, "TotalBytes", NULL, extents_bytes(extents));
	out_print(root, "Nothing differs.");
}

/* As Documentation/json.rst has it. Only what is complete is written: a reader cannot ask. */
static int write_extents(const struct extents *extents, const char *what)
{
	unsigned int i;

	for (i = 0; i < extents->nr; i++) {
		const __le64 packed[] = {
			cpu_to_le64(extents->v[i].offset), cpu_to_le64(extents->v[i].length),
		};

		if (fwrite(packed, sizeof(packed), 1, stdout) != 1)
			break;
	}
	if (i < extents->nr || fflush(stdout))
		return fail(EX_IOERR, what, "the extents cannot be written: %m; do not use what was");
	return 0;
}

static int tell_extents(struct request *req, const char *what, bool binary)
{
	struct extents extents = { 0 };
	int status;

	status = ask_extents(req, what, &extents);
	if (status)
		return status;
	if (binary)
		status = write_extents(&extents, what);
	else
		print_map(&extents);
	extents_free(&extents);
	return status;
}

/* 0, or why the extents cannot be written as bytes. */
static int check_binary(const struct args *a)
{
	if (opt(a, OPT_JSON))
		return fail(EX_USAGE, "--binary", "not together with --json; choose one of both");
	if (isatty(STDOUT_FILENO))
		return fail(EX_USAGE, "--binary",
			    "bytes are not for a terminal; redirect them to a file or a program");
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
	return tell_extents(req, a->argv[0], false);
}

static int diff(const struct args *a)
{
	struct ref one, other;
	int status = opt(a, OPT_BINARY) ? check_binary(a) : 0;

	if (status)
		return status;
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
			    "Invalid Parameter (5): %s and %s are in different pools; compare a snapshot and what it comes from, or the two sides of a synchronization",
			    one.qualified, other.qualified);
	return tell_extents(req_diff(one.pool, one.id, other.id), a->argv[0],
			    opt(a, OPT_BINARY));
}

DEFINE_COMMANDS(map) = {
	{ "map", map, "List the extents that may differ, in bytes", "SYNC", NULL,
	  "replctl map tank/home-copy\nreplctl map tank/home-copy --json", 0, 1, 1, 0 },
	{ "diff", diff, "List the extents in which two elements may differ",
	  "ELEMENT ELEMENT [--binary]",
	  "Two snapshots, or a snapshot and its source, or the two sides of a mirror or clone\n"
	  "that is fractured, split or otherwise does not copy: from metadata, without reading\n"
	  "data. For backups of what has changed. If there is a new point in time before all of\n"
	  "it is told, nothing is.",
	  "replctl diff tank/monday tank/tuesday --json\nreplctl diff tank/monday tank/home\n"
	  "replctl diff tank/home tank/copy --binary >changed", O(BINARY), 2, 2, 0 },
};
END_COMMANDS(map);
