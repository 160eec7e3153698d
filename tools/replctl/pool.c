// SPDX-License-Identifier: GPL-2.0-only
/* replctl pool create, list, show, destroy */
#include <sys/sysmacros.h>

#include "commands.h"
#include "fields.h"
#include "metadata.h"
#include "method.h"
#include "pool.h"

/* A size option in sectors: a power of two between @low and @high bytes. */
static int size_option(const struct args *a, enum option_id id, u64 dflt, u64 low, u64 high,
		       u32 *sectors)
{
	char l[32], h[32];
	u64 bytes = dflt;

	if (opt(a, id) && (parse_size(a->value[id], &bytes) || bytes < low || bytes > high ||
			   (bytes & (bytes - 1))))
		return fail(EX_USAGE, a->value[id], "--%s takes a power of two from %s to %s, e.g. 64K",
			    option_specs[id].name, human_bytes(low, l, sizeof(l)),
			    human_bytes(high, h, sizeof(h)));
	*sectors = bytes >> DRP_SECTOR_SHIFT;
	return 0;
}

/* May the pool have this device? --force lets foreign content pass, never a use. */
static int check_device(const struct args *a, const char *path, struct device *d)
{
	char what[DRP_MESSAGE_MAX];
	int status, content;

	status = device_open(path, d);
	if (status)
		return status;
	if (device_in_use(d, what, sizeof(what)))
		return fail(drp_rv_to_exit_status(DRP_RV_IN_USE), path,
			    "In Use (6): it is %s; free it or choose another device", what);
	content = device_content(d, what, sizeof(what));
	if (content < 0)
		return fail(EX_IOERR, path, "cannot be read: %s; check the device",
			    strerror(-content));
	if (content != CONTENT_NONE && !opt(a, OPT_FORCE))
		return fail(drp_rv_to_exit_status(DRP_RV_FORCE_REQUIRED), path,
			    "Force Required (32769): it holds %s; --force destroys that", what);
	return 0;
}

static int check_metadata_size(const struct device *d)
{
	char have[32], want[32];
	u64 least = (u64)DRP_MIN_DEVICE_BLOCKS * DRP_BLOCK_BYTES;

	if (d->bytes >= least)
		return 0;
	return fail(drp_rv_to_exit_status(DRP_RV_NO_SPACE), d->path,
		    "No Space (32770): it has %s, a pool's metadata needs at least %s; choose a larger device",
		    human_bytes(d->bytes, have, sizeof(have)),
		    human_bytes(least, want, sizeof(want)));
}

static int parse_create(const struct args *a, struct pool_table *t)
{
	const char *problem = drp_name_problem(a->argv[0]);
	int status;

	t->name = a->argv[0];
	t->format = opt(a, OPT_FORCE);
	if (problem)
		return fail(EX_USAGE, t->name, "%s; choose another name", problem);
	if (!opt(a, OPT_METADATA))
		return fail(EX_USAGE, "--metadata", "missing; say which device holds the metadata");
	status = size_option(a, OPT_CHUNK_SIZE, 65536, 4096, 1 << 20, &t->chunk_sectors);
	if (!status)
		status = size_option(a, OPT_REGION_SIZE, 4096, 4096, 1 << 20, &t->region_sectors);
	if (!status)
		status = size_option(a, OPT_EXTENT_SIZE, 4 << 20, 65536, 64 << 20,
				     &t->extent_sectors);
	if (!status && t->region_sectors > t->extent_sectors)
		return fail(EX_USAGE, "--region-size", "a region is at most as large as an extent; choose a smaller one");
	if (!status && t->chunk_sectors > t->extent_sectors)
		return fail(EX_USAGE, "--chunk-size", "a chunk is at most as large as an extent; choose a smaller one");
	return status;
}

static int pool_create(const struct args *a)
{
	struct device metadata, cow;
	struct pool_table t = { 0 };
	struct report report;
	int status;

	status = parse_create(a, &t);
	if (!status)
		status = check_device(a, a->value[OPT_METADATA], &metadata);
	if (!status)
		status = check_metadata_size(&metadata);
	if (!status && opt(a, OPT_COW))
		status = check_device(a, a->value[OPT_COW], &cow);
	if (status)
		return status;
	if (opt(a, OPT_COW))
		device_identify(&cow);
	t.metadata = &metadata;
	t.cow = opt(a, OPT_COW) ? &cow : NULL;
	if (t.cow && cow.dev == metadata.dev)
		return fail(EX_USAGE, cow.path, "it is the metadata device too; give another one");
	status = pool_device_create(&t);
	if (status)
		return status;
	report_start(&report, false);
	report_completed(&report, t.name);
	return report_end(&report);
}

static int pool_list(const struct args *a)
{
	return run_list(a, DRP_OBJ_POOL, "Pools",
			"No pool is active; 'replctl pool activate --all' activates those of this machine.");
}

static int pool_show(const struct args *a)
{
	return run_show(a, DRP_OBJ_POOL);
}

/* Without --force only an empty pool goes. */
static int check_empty(const struct args *a, const struct ref *pool)
{
	struct records elements, syncs;
	struct refusal refusal;
	int status = 0;

	if (opt(a, OPT_FORCE))
		return 0;
	if (list_objects(DRP_OBJ_ELEMENT, pool->pool, &elements, &refusal))
		return refusal_report(&refusal, pool->name);
	if (list_objects(DRP_OBJ_SYNC, pool->pool, &syncs, &refusal)) {
		records_free(&elements);
		return refusal_report(&refusal, pool->name);
	}
	if (elements.nr)
		status = fail(drp_rv_to_exit_status(DRP_RV_FORCE_REQUIRED), pool->name,
			      "Force Required (32769): it has %u elements and %u synchronizations; their data devices keep their data, what the pool knows of them is lost with --force",
			      elements.nr, syncs.nr);
	records_free(&elements);
	records_free(&syncs);
	return status;
}

static int pool_destroy(const struct args *a)
{
	struct report report;
	struct device d = { 0 };
	struct ref pool;
	int status, err;

	status = resolve(DRP_OBJ_POOL, a->argv[0], &pool);
	if (status)
		return status;
	d.dev = kernel_dev(rec_u64(&pool.record, DRP_A_METADATA_DEV));
	device_path(d.dev, d.path, sizeof(d.path));
	status = check_empty(a, &pool);
	if (!status)
		status = pool_devices_remove(&pool, false);
	ref_free(&pool);
	if (status)
		return status;
	err = metadata_wipe(&d);
	if (err)
		return fail(EX_IOERR, d.path,
			    "the pool is inactive, its metadata could not be wiped: %s; 'wipefs' or 'dd' may do it",
			    strerror(-err));
	report_start(&report, false);
	report_completed(&report, a->argv[0]);
	return report_end(&report);
}

DEFINE_COMMANDS(pool) = {
	{ "pool create", pool_create, "Create a pool on a metadata device",
	  "NAME --metadata DEV [--cow DEV] [--chunk-size SIZE] [--region-size SIZE] [--extent-size SIZE] [--force]",
	  "A device that holds something else is refused by name; --force formats it. A device\n"
	  "in use is always refused.",
	  "replctl pool create tank --metadata /dev/nvme0n1p3\n"
	  "replctl pool create tank --metadata /dev/sdb1 --cow /dev/sdb2 --chunk-size 128K",
	  O(METADATA) | O(COW) | O(CHUNK_SIZE) | O(REGION_SIZE) | O(EXTENT_SIZE) | O(FORCE), 1, 1, 0 },
	{ "pool list", pool_list, "List the active pools", "", NULL,
	  "replctl pool list\nreplctl pool list --json", 0, 0, 0, 0 },
	{ "pool show", pool_show, "Show everything about a pool", "NAME", NULL,
	  "replctl pool show tank", 0, 1, 1, 0 },
	{ "pool destroy", pool_destroy, "Deactivate a pool and wipe its metadata", "NAME [--force]",
	  "The data devices of its elements are left as they are.",
	  "replctl pool destroy tank\nreplctl pool destroy tank --force", O(FORCE), 1, 1, 0 },
};
END_COMMANDS(pool);
