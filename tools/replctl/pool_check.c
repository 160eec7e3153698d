// SPDX-License-Identifier: GPL-2.0-only
/* replctl pool check: the core's check, with memory from here and findings in the output */
#include <stdlib.h>

#include "check.h"
#include "commands.h"
#include "offline.h"
#include "output.h"

#define FINDINGS_MAX	1000	/* who has more does not read them */
#define OBJECTS_MAX	(1 << 22)

struct findings {
	unsigned int nr;
	struct finding {
		enum drp_check_severity severity;
		char text[DRP_MESSAGE_MAX + 1];
	} list[FINDINGS_MAX];
};

static void add_finding(void *ctx, enum drp_check_severity severity, const char *text)
{
	struct findings *f = ctx;

	if (f->nr == FINDINGS_MAX)
		return;
	f->list[f->nr].severity = severity;
	strscpy(f->list[f->nr++].text, text, sizeof(f->list[0].text));
}

/* One attempt with room for @max objects, roots and changes, and for the slots of @sb. */
static int attempt(const struct metadata *m, const struct drp_super *sb, u32 max,
		   struct findings *findings, struct drp_check_result *result)
{
	const u64 slots = drp_check_slots(sb);
	static const struct drp_check_sink sink = { .finding = add_finding };
	struct drp_check_memory memory = {
		.scratch = m->scratch, .max_objects = max, .max_roots = max, .max_mods = max,
		.max_slots = slots,
	};
	int err;

	memory.page = xalloc(sizeof(*memory.page));
	memory.used = xalloc((m->blocks / 64 + 1) * sizeof(*memory.used));
	memory.objects = xalloc((size_t)max * sizeof(*memory.objects));
	memory.roots = xalloc((size_t)max * sizeof(*memory.roots));
	memory.mods = xalloc((size_t)max * sizeof(*memory.mods));
	memory.nodes = xalloc((size_t)DRP_COW_HEIGHT_MAX * DRP_BLOCK_BYTES);
	memory.slots = xalloc((slots / 64 + 1) * sizeof(*memory.slots));
	memory.slots_used = xalloc((slots / 64 + 1) * sizeof(*memory.slots_used));
	err = drp_check(&m->io, m->blocks, &sink, findings, &memory, result);
	free(memory.page);
	free(memory.used);
	free(memory.objects);
	free(memory.roots);
	free(memory.mods);
	free(memory.nodes);
	free(memory.slots);
	free(memory.slots_used);
	return err;
}

static void print_result(const struct drp_check_result *r, const struct findings *findings)
{
	static const char * const severities[] = { "note", "harmless", "error" };
	struct node *root = out_object(NULL, NULL), *array, *row;
	unsigned int i;

	out_str(root, "Name", NULL, r->sb.name);
	out_str(root, "Superblocks", NULL, offline_probe_text(r->probe));
	out_bool(root, "StoppedCleanly", NULL, r->sb.clean);
	out_uint(root, "CommitsReplayed", NULL, r->load.commits);
	out_bool(root, "TornCommit", NULL, r->load.torn);
	out_uint(root, "PagesRead", NULL, r->pages);
	out_uint(root, "Errors", NULL, r->errors);
	out_uint(root, "Harmless", NULL, r->harmless);
	out_uint(root, "Notes", NULL, r->notes);
	out_uint(root, "CowSlots", NULL, drp_check_slots(&r->sb));
	out_uint(root, "CowEntries", NULL, r->cow_entries);
	out_uint(root, "CowGarbage", NULL, r->cow_garbage);
	out_uint(root, "CowNodes", NULL, r->cow_nodes);
	array = out_array(root, "Findings");
	for (i = 0; i < findings->nr; i++) {
		row = out_object(array, NULL);
		out_str(row, "Severity", "SEVERITY", severities[findings->list[i].severity]);
		out_str(row, "Text", "FINDING", findings->list[i].text);
	}
	out_print(root, NULL);
}

static const char *label_problem(const void *block, const struct device *d,
				 const struct drp_super *sb)
{
	if (!(sb->incompat & DRP_INCOMPAT_COW))
		return "the pool has no COW space, but a COW device was given";
	if (d->bytes >> DRP_SECTOR_SHIFT < sb->cow_sectors)
		return "COW device: it is smaller than the pool's COW space";
	switch (drp_cow_label_check(block, sb)) {
	case 0:
		return NULL;
	case -ENOENT:
		return "COW device: it is blank where its label should be";
	case -EUCLEAN:
		return "COW device: it belongs to another pool";
	default:
		return "COW device: its label is damaged, or it is something else";
	}
}

/* Is the device at @path the COW space that @sb speaks of? 0, or the exit status with a finding. */
static int check_label(const char *path, const struct drp_super *sb, struct drp_check_result *r,
		       struct findings *findings)
{
	u8 *block = xalloc(DRP_BLOCK_BYTES);
	const char *text = NULL;
	struct device d;
	int status, err;

	status = device_open(path, &d);
	err = status ? 0 : metadata_read_front(&d, block);
	if (err)
		status = fail(EX_IOERR, path, "cannot be read: %s; check the device", strerror(-err));
	if (!status)
		text = label_problem(block, &d, sb);
	if (text) {
		r->errors++;
		add_finding(findings, DRP_CHECK_ERROR, text);
	}
	free(block);
	return status;
}

/*
 * Check @m, and @cow if it is given, and print; @result tells the counts. 0, or
 * the exit status with the error printed.
 */
static int check_and_print(const struct device *d, const struct metadata *m,
			   const struct drp_super *sb, const char *cow,
			   struct drp_check_result *result)
{
	struct findings *findings = xalloc(sizeof(*findings));
	int err = -ENOBUFS, status = 0;
	u32 max;

	for (max = 1024; err == -ENOBUFS && max <= OBJECTS_MAX; max *= 4) {
		findings->nr = 0;
		err = attempt(m, sb, max, findings, result);
	}
	if (err)
		status = fail(EX_IOERR, d->path, "cannot be checked: %s; check the device",
			      strerror(-err));
	else if (cow)
		status = check_label(cow, sb, result, findings);
	if (!status)
		print_result(result, findings);
	free(findings);
	return status;
}

static int pool_check(const struct args *a)
{
	struct drp_check_result result;
	struct drp_super sb;
	enum drp_probe what;
	struct metadata m;
	struct device d;
	int status;

	status = offline_open(a, false, &d, &m, &what, &sb);
	if (status)
		return status;
	status = check_and_print(&d, &m, &sb, a->value[OPT_COW], &result);
	metadata_close(&m);
	if (status)
		return status;
	if (result.errors)
		return fail(EX_DATAERR, d.path,
			    "%u errors; recreate the pool, its data devices are readable without it",
			    result.errors);
	if (what == DRP_PROBE_REPAIR)
		return fail(EX_DATAERR, d.path, "%s; 'replctl pool repair %s'",
			    offline_probe_text(what), d.path);
	if (result.harmless)
		return fail(EX_DATAERR, d.path,
			    "%u damaged pages; nothing is lost, the next resync copies more",
			    result.harmless);
	return 0;
}

DEFINE_COMMANDS(pool_check) = {
	{ "pool check", pool_check, "Check a metadata device for damage", "DEV [--cow DEV]",
	  "The pool must be inactive. Reads only: superblocks, catalog, journal, references\n"
	  "between objects, every page of every bitmap, and the index of old data. With --cow\n"
	  "also whether that device is the pool's. Exit status 65 when something is wrong.",
	  "replctl pool check /dev/nvme0n1p3\nreplctl pool check /dev/nvme0n1p3 --cow /dev/nvme1n1 --json",
	  O(COW), 1, 1, 0 },
};
END_COMMANDS(pool_check);
