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

/* One attempt with room for @max objects and roots. */
static int attempt(const struct metadata *m, u32 max, struct findings *findings,
		   struct drp_check_result *result)
{
	static const struct drp_check_sink sink = { .finding = add_finding };
	struct drp_check_memory memory = {
		.scratch = m->scratch, .max_objects = max, .max_roots = max,
	};
	int err;

	memory.page = xalloc(sizeof(*memory.page));
	memory.used = xalloc((m->blocks / 64 + 1) * sizeof(*memory.used));
	memory.objects = xalloc((size_t)max * sizeof(*memory.objects));
	memory.roots = xalloc((size_t)max * sizeof(*memory.roots));
	err = drp_check(&m->io, m->blocks, &sink, findings, &memory, result);
	free(memory.page);
	free(memory.used);
	free(memory.objects);
	free(memory.roots);
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
	array = out_array(root, "Findings");
	for (i = 0; i < findings->nr; i++) {
		row = out_object(array, NULL);
		out_str(row, "Severity", "SEVERITY", severities[findings->list[i].severity]);
		out_str(row, "Text", "FINDING", findings->list[i].text);
	}
	out_print(root, NULL);
}

/* Check @m and print; @result tells the counts. 0 or a negative errno. */
static int check_and_print(const struct metadata *m, struct drp_check_result *result)
{
	struct findings *findings = xalloc(sizeof(*findings));
	int err = -ENOBUFS;
	u32 max;

	for (max = 1024; err == -ENOBUFS && max <= OBJECTS_MAX; max *= 4) {
		findings->nr = 0;
		err = attempt(m, max, findings, result);
	}
	if (!err)
		print_result(result, findings);
	free(findings);
	return err;
}

static int pool_check(const struct args *a)
{
	struct drp_check_result result;
	struct drp_super sb;
	enum drp_probe what;
	struct metadata m;
	struct device d;
	int status, err;

	status = offline_open(a, false, &d, &m, &what, &sb);
	if (status)
		return status;
	err = check_and_print(&m, &result);
	metadata_close(&m);
	if (err)
		return fail(EX_IOERR, d.path, "cannot be checked: %s; check the device",
			    strerror(-err));
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
	{ "pool check", pool_check, "Check a metadata device for damage", "DEV",
	  "The pool must be inactive. Reads only: superblocks, catalog, journal, references\n"
	  "between objects, and every page of every bitmap. Exit status 65 when something is wrong.",
	  "replctl pool check /dev/nvme0n1p3\nreplctl pool check /dev/nvme0n1p3 --json", 0, 1, 1, 0 },
};
END_COMMANDS(pool_check);
