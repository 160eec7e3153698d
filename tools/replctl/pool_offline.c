// SPDX-License-Identifier: GPL-2.0-only
/* replctl pool dump, repair: the metadata device of an inactive pool, with the module's own code. */
#include "commands.h"
#include "dump.h"
#include "offline.h"
#include "method.h"
#include "output.h"

static void out_super(struct node *o, const struct drp_super *sb, enum drp_probe what)
{
	out_str(o, "Name", NULL, sb->name);
	out_uuid(o, "UUID", NULL, sb->uuid);
	out_str(o, "Superblocks", NULL, offline_probe_text(what));
	out_bool(o, "StoppedCleanly", NULL, sb->clean);
	out_uint(o, "Activations", NULL, sb->activation);
	out_str(o, "OwnerName", NULL, sb->owner_name);
	out_bytes(o, "DeviceBytes", NULL, sb->device_blocks * DRP_BLOCK_BYTES);
	out_bytes(o, "ChunkBytes", NULL, (u64)sb->chunk_sectors << DRP_SECTOR_SHIFT);
	out_bytes(o, "RegionBytes", NULL, (u64)sb->region_sectors << DRP_SECTOR_SHIFT);
	out_bytes(o, "ExtentBytes", NULL, (u64)sb->extent_sectors << DRP_SECTOR_SHIFT);
	out_str(o, "CowIdentity", NULL, sb->incompat & DRP_INCOMPAT_COW ? sb->cow_identity : "");
	out_bytes(o, "CowBytes", NULL, sb->incompat & DRP_INCOMPAT_COW ?
		  sb->cow_sectors << DRP_SECTOR_SHIFT : 0);
	out_uint(o, "CatalogSequence", NULL, sb->catalog_seq);
	out_uint(o, "CatalogBlocks", NULL, sb->catalog_blocks);
	out_uint(o, "TailBlock", NULL, sb->tail_block);
	out_uint(o, "TailSequence", NULL, sb->tail_seq);
}

static void out_load(struct node *o, const struct image *image)
{
	out_uint(o, "CommitsReplayed", NULL, image->result.commits);
	out_bool(o, "TornCommit", NULL, image->result.torn);
	out_uint(o, "NextSequence", NULL, image->result.next_seq);
	out_uint(o, "NextID", NULL, image->pool.next_id);
	out_uint(o, "NextJobID", NULL, image->pool.next_job_id);
	out_uint(o, "ActiveExtents", NULL, image->activations);
	out_uint(o, "ConfirmedSequence", NULL, image->result.confirmed);
	out_bool(o, "ReclaimDue", NULL, image->pool.reclaim);
	out_uint(o, "CowMemoryMiB", NULL, image->pool.cow_memory);
	out_uint(o, "CowRootBlock", NULL, image->cow_root.block);
	out_uint(o, "CowHeight", NULL, image->cow_root.height);
	out_uint(o, "CowEntries", NULL, image->cow_root.entries);
	out_uint(o, "CowNodes", NULL, image->cow_root.nodes);
	out_uint(o, "CowPuts", NULL, image->cow_puts);
	out_uint(o, "CowDeletions", NULL, image->cow_dels);
}

static void out_areas(struct node *root, const struct drp_super *sb)
{
	static const char * const kinds[] = { "none", "journal", "catalog", "pages" };
	struct node *array = out_array(root, "Areas");
	unsigned int i;

	for (i = 0; i < sb->nr_areas && i < DRP_NR_AREAS; i++) {
		struct node *row = out_object(array, NULL);

		out_str(row, "Kind", "KIND", sb->areas[i].kind < ARRAY_SIZE(kinds) ?
			kinds[sb->areas[i].kind] : "unknown");
		out_uint(row, "Index", "INDEX", sb->areas[i].index);
		out_uint(row, "FirstBlock", "FIRST-BLOCK", sb->areas[i].first);
		out_uint(row, "Blocks", "BLOCKS", sb->areas[i].blocks);
	}
}

static void out_elements(struct node *root, const struct image *image)
{
	struct node *array = out_array(root, "Elements");
	unsigned int i;

	for (i = 0; i < image->nr_elements; i++) {
		const struct drp_element_rec *e = &image->elements[i];
		struct node *row = out_object(array, NULL);

		out_uint(row, "ElementID", "ID", e->id);
		out_str(row, "Name", "NAME", e->name);
		out_bytes(row, "SizeBytes", "SIZE", e->size_sectors << DRP_SECTOR_SHIFT);
		out_str(row, "DeviceIdentity", "IDENTITY", e->identity);
		out_bool(row, "FingerprintValid", "FINGERPRINT", e->fingerprint_valid);
		out_uint(row, "Generation", "GENERATION", e->generation);
		out_uint(row, "ParentElementID", "PARENT", e->parent_element);
		out_uint(row, "ParentGeneration", "OF", e->parent_generation);
	}
}

static void out_syncs(struct node *root, const struct image *image)
{
	struct node *array = out_array(root, "Synchronizations");
	unsigned int i;

	for (i = 0; i < image->nr_syncs; i++) {
		const struct drp_sync_rec *s = &image->syncs[i];
		struct node *row = out_object(array, NULL);

		out_uint(row, "SynchronizationID", "ID", s->id);
		out_str(row, "Name", "NAME", s->name);
		out_enum(row, "SyncType", "TYPE", DRP_ENUM_SYNC_TYPE, s->sync_type);
		out_uint(row, "SystemElementID", "SOURCE", s->source_id);
		out_uint(row, "SyncedElementID", "TARGET", s->target_id);
		out_enum(row, "CopyState", "COPYSTATE", DRP_ENUM_COPY_STATE, s->copy_state);
		out_enum(row, "ProgressStatus", "PROGRESS", DRP_ENUM_PROGRESS_STATUS,
			 s->progress_status);
		out_bool(row, "TargetConsistent", "CONSISTENT", s->target_consistent);
		out_bool(row, "InSync", "INSYNC", s->in_sync);
		out_bool(row, "SourceChanged", NULL, s->source_changed);
		out_bool(row, "TargetChanged", NULL, s->target_changed);
		out_bool(row, "Partitioned", NULL, s->partitioned);
		out_uint(row, "Job", NULL, s->job_id);
		out_str(row, "ErrorText", NULL, s->error_text);
	}
}

static void out_others(struct node *root, const struct image *image)
{
	struct node *groups = out_array(root, "Groups"), *aspects = out_array(root, "Aspects");
	static const char * const planes_words[] = { "D", "C", "slots" };
	struct node *planes = out_array(root, "Planes"), *row;
	unsigned int i;

	for (i = 0; i < image->nr_groups; i++) {
		row = out_object(groups, NULL);
		out_uint(row, "GroupID", "ID", image->groups[i].id);
		out_str(row, "Name", "NAME", image->groups[i].name);
		out_uint(row, "Members", "MEMBERS", image->groups[i].nr_members);
	}
	for (i = 0; i < image->nr_aspects; i++) {
		row = out_object(aspects, NULL);
		out_uint(row, "AspectID", "ID", image->aspects[i].id);
		out_str(row, "Name", "NAME", image->aspects[i].name);
		out_str(row, "SourceElement", "SOURCE", image->aspects[i].source_name);
		out_str(row, "TargetElement", "TARGET", image->aspects[i].target_name);
	}
	for (i = 0; i < image->nr_planes; i++) {
		row = out_object(planes, NULL);
		out_uint(row, "SynchronizationID", "SYNC", image->planes[i].sync_id);
		out_str(row, "Plane", "PLANE", planes_words[image->planes[i].plane]);
		out_uint(row, "ChunksStored", "STORED", image->planes[i].stored);
		out_uint(row, "ChunksDirty", "DIRTY", image->planes[i].dirty);
		out_str(row, "WholePlane", "WHOLE", !image->planes[i].all_known ? "" :
			image->planes[i].all_value ? "all dirty" : "all clean");
	}
}

static int load_failed(const struct device *d, const struct image *image, int err)
{
	return fail(EX_DATAERR, d->path, "the metadata cannot be loaded: %s (%s); the data devices are readable without the pool",
		    image->result.problem ? image->result.problem : "damaged", strerror(-err));
}

static int pool_dump(const struct args *a)
{
	struct image image;
	struct drp_super sb;
	enum drp_probe what;
	struct metadata m;
	struct device d;
	struct node *root;
	int status, err;

	status = offline_open(a, false, &d, &m, &what, &sb);
	if (status)
		return status;
	err = image_load(&m, &sb, &image);
	metadata_close(&m);
	root = out_object(NULL, NULL);
	out_super(root, &sb, what);
	if (!err)
		out_load(root, &image);
	else
		status = load_failed(&d, &image, err);
	out_areas(root, &sb);
	out_elements(root, &image);
	out_syncs(root, &image);
	out_others(root, &image);
	out_print(root, NULL);
	image_free(&image);
	return status;
}

static int pool_repair(const struct args *a)
{
	struct report report;
	struct drp_super sb;
	enum drp_probe what;
	struct metadata m;
	struct device d;
	int status, err = 0;

	status = offline_open(a, true, &d, &m, &what, &sb);
	if (status)
		return status;
	if (what == DRP_PROBE_REPAIR)
		err = drp_super_write(&m.io, &sb, m.scratch);
	metadata_close(&m);
	if (err)
		return fail(EX_IOERR, d.path, "the superblocks could not be written: %s; check the device",
			    strerror(-err));
	if (what == DRP_PROBE_VALID)
		note(d.path, "both superblocks are good, nothing was written; other damage cannot be repaired, 'replctl pool check' finds it");
	report_start(&report, false);
	report_completed(&report, sb.name);
	return report_end(&report);
}

DEFINE_COMMANDS(pool_offline) = {
	{ "pool dump", pool_dump, "Print what a metadata device holds", "DEV",
	  "The pool must be inactive. Reads only.",
	  "replctl pool dump /dev/nvme0n1p3\nreplctl pool dump /dev/nvme0n1p3 --json", 0, 1, 1, 0 },
	{ "pool repair", pool_repair, "Rewrite a damaged superblock from the good one", "DEV",
	  "The pool must be inactive. This repairs superblocks only; it never guesses at other\n"
	  "damage.",
	  "replctl pool repair /dev/nvme0n1p3", 0, 1, 1, 0 },
};
END_COMMANDS(pool_offline);
