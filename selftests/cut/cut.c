// SPDX-License-Identifier: GPL-2.0-only
/*
 * cut [--seed N] [--cuts N] [--fault NAME] [--cut EVENT.VARIANT [--save DIR]]
 *     [--sample N --save DIR] [--list] RECORDING...
 *
 * Cuts each recording at every event, with several choices of what a volatile
 * cache kept; with --cuts about that many, spread over it. --cut: only that one.
 * --save: the images of the cut, DIR/DISK, or with --sample N of so many cuts
 * DIR/1/DISK ..., with what is expected of them in the file "expect".
 * Exit status: 0 all as the contract says, 1 not, 2 a recording cannot be used.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "cut.h"

static struct {
	u64 seed, cuts, sample;
	enum fault fault;
	u32 event, variant;
	bool one, list;
	const char *save;
} options = { .seed = 1 };

static u64 total_cuts, total_blocks, total_operations, total_acked, total_saved;

void die(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "cut: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(2);
}

void *must_alloc(size_t bytes)
{
	void *p = calloc(1, bytes ? bytes : 1);

	if (!p)
		die("no memory");
	return p;
}

/* ---- what survives ---- */

static const struct {
	enum keep metadata, data;
} variants[] = {
	{ KEEP_NONE, KEEP_NONE },
	{ KEEP_ALL, KEEP_NONE },
	{ KEEP_NONE, KEEP_ALL },
	{ KEEP_SECTORS, KEEP_SECTORS },
	{ KEEP_ALL, KEEP_ALL },
	{ KEEP_WRITES, KEEP_WRITES },
	{ KEEP_DONE, KEEP_SECTORS },
	{ KEEP_BUT_ONE, KEEP_WRITES },
	{ KEEP_SECTORS, KEEP_NONE },
	{ KEEP_WRITES, KEEP_ALL },
};

static struct random cut_random(u32 event, u32 variant)
{
	struct random r = { options.seed ^ (u64)event << 8 ^ variant };

	random_next(&r);
	return r;
}

/* ---- saved images ---- */

static void save_image(const char *dir, const struct disk *d)
{
	static const u8 zeroes[4096];
	char path[512];
	u64 at, bytes = d->sectors * SECTOR;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, d->name);
	f = fopen(path, "wb");
	if (!f)
		die("%s cannot be written", path);
	for (at = 0; at < bytes; at += sizeof(zeroes)) {
		size_t n = min_t(u64, sizeof(zeroes), bytes - at);

		if (memcmp(d->image + at, zeroes, n) || at + n == bytes) {
			if (fseek(f, at, SEEK_SET) || fwrite(d->image + at, 1, n, f) != n)
				die("%s cannot be written", path);
		}
	}
	if (fclose(f))
		die("%s cannot be written", path);
}

/* For the program that activates it: disks, elements, syncs and their regions. */
static void save_expected(const char *dir, const struct host *h, struct media *m, struct pool *p)
{
	char path[512];
	u32 i, r;
	FILE *f;

	snprintf(path, sizeof(path), "%s/expect", dir);
	f = fopen(path, "w");
	if (!f)
		die("%s cannot be written", path);
	for (i = 0; i < m->nr_disks; i++)
		fprintf(f, "disk %s %llu\n", m->disks[i].name, m->disks[i].sectors);
	for (i = 0; i < ELEMENTS_MAX; i++)
		if (h->elements[i].id && pool_element(p, h->elements[i].id))
			fprintf(f, "element %llu %s %llu\n", h->elements[i].id,
				h->elements[i].disk->name,
				pool_element(p, h->elements[i].id)->rec.size_sectors);
	for (i = 0; i < SYNCS_MAX; i++) {
		const struct pool_sync *s = &p->syncs[i];

		if (!s->rec.id)
			continue;
		fprintf(f, "sync %llu %llu %llu %u %u ", s->rec.id, s->rec.source_id,
			s->rec.target_id, s->rec.copy_state, s->rec.reverse);
		for (r = 0; r < REGIONS_MAX; r++)
			fputc(s->d[r] ? '1' : '0', f);
		fputc('\n', f);
	}
	if (fclose(f))
		die("%s cannot be written", path);
}

static void save(const struct host *h, struct media *m, struct pool *p)
{
	char dir[400];
	u32 i;

	snprintf(dir, sizeof(dir), options.sample ? "%s/%llu" : "%s", options.save, ++total_saved);
	mkdir(options.save, 0755);
	mkdir(dir, 0755);
	for (i = 0; i < m->nr_disks; i++)
		save_image(dir, &m->disks[i]);
	save_expected(dir, h, m, p);
}

/* ---- one recording ---- */

struct run {
	const char *path;
	struct log log;
	struct media m;
	struct host *h;
	struct pool p;
	u64 before;			/* cuts of other recordings */
	u64 expected;			/* cuts of this one, about */
	u64 quota, saved;		/* images of this one */
};

/* Spread over the recording; not of its very beginning. */
static bool is_sampled(const struct run *run)
{
	if (options.one || !options.save)
		return options.save;
	return run->saved < run->quota && run->h->formatted && pool_usable(&run->p) &&
	       total_cuts - run->before >= (run->saved + 1) * run->expected / (run->quota + 2);
}

static bool cut_once(struct run *run, u32 event, u32 variant)
{
	struct random r = cut_random(event, variant);
	const char *bad;

	media_cut(&run->m, variants[variant].metadata, variants[variant].data, &r);
	bad = judge(run->h, &run->m, &run->p, &total_blocks);
	total_cuts++;
	if (is_sampled(run)) {
		save(run->h, &run->m, &run->p);
		run->saved++;
	}
	media_restore(&run->m);
	if (!bad)
		return true;
	printf("FAILED: %s\n# %s (%s), cut %u.%u, seed %llu\n# again: cut --seed %llu --cut %u.%u %s\n",
	       bad, run->path, run->h->scenario, event, variant, options.seed, options.seed, event,
	       variant, run->path);
	return false;
}

/* With nothing under way the choices are all the same. */
static u32 variants_at(const struct run *run)
{
	return media_pending(&run->m) ? ARRAY_SIZE(variants) : 1;
}

static bool cuts_at(struct run *run, u32 event, u64 share)
{
	u32 v, n = variants_at(run);

	/* Of what was there before nothing is known until then. */
	if (run->m.has_base && !run->h->adopted)
		return true;
	for (v = 0; v < n; v++) {
		struct random r = cut_random(event, v + 50);

		if (options.one ? event != options.event || v != options.variant :
		    random_next(&r) % 1024 >= share)
			continue;
		if (!cut_once(run, event, v))
			return false;
	}
	return true;
}

static void take_event(struct run *run, u32 event)
{
	const struct event *e = &run->log.events[event];
	char text[SIM_RECORD_MARK_MAX + 1];

	if (options.list && e->h.kind != SIM_RECORD_MARK)
		printf("%u: kind %u disk %u id %llu sector %llu+%u flags %u\n", event, e->h.kind,
		       e->h.disk, e->h.id, e->h.sector, e->h.sectors, e->h.flags);
	if (e->h.kind != SIM_RECORD_MARK) {
		media_event(&run->m, e);
		return;
	}
	if (e->h.bytes > SIM_RECORD_MARK_MAX)
		die("event %u: a mark of %u bytes", event, e->h.bytes);
	memcpy(text, e->data, e->h.bytes);
	text[e->h.bytes] = '\0';
	if (options.list)
		printf("%u: %s\n", event, text);
	host_mark(run->h, &run->m, text, event);
}

static bool is_start(const struct event *e)
{
	return e->h.kind == SIM_RECORD_DISK || e->h.kind == SIM_RECORD_BASE;
}

/* How many of 1024 cuts to make. */
static u64 plan(struct run *run, u32 index, u32 recordings)
{
	u64 all = 0, share = 1024;
	u32 e;

	for (e = 0; e < run->log.nr; e++)
		all += is_start(&run->log.events[e]) ? 0 : ARRAY_SIZE(variants);
	if (options.cuts && all)
		share = min_t(u64, 1024, options.cuts / recordings * 1024 / all + 1);
	run->before = total_cuts;
	run->expected = all * share / 1024;
	run->quota = options.sample * (index + 1) / recordings - options.sample * index / recordings;
	return share;
}

static bool cut_recording(const char *path, u32 index, u32 recordings)
{
	static struct run run;
	bool good = true;
	u64 share;
	u32 e;

	memset(&run, 0, sizeof(run));
	run.path = path;
	run.m.fault = options.fault;
	run.h = host_new();
	log_read(&run.log, path);
	share = plan(&run, index, recordings);
	for (e = 0; e < run.log.nr && good; e++) {
		take_event(&run, e);
		if (!is_start(&run.log.events[e]))
			good = cuts_at(&run, e, share);
	}
	total_operations += run.h->nr_operations;
	total_acked += run.h->nr_acked;
	if (!options.one && good)
		printf("# %s: %u events, %llu cuts\n", run.h->scenario, run.log.nr,
		       total_cuts - run.before);
	media_free(&run.m);
	log_free(&run.log);
	return good;
}

/* ---- options ---- */

static const char * const faults[FAULTS] = {
	"none", "no-leg-flush", "no-metadata-flush", "commit-not-waited",
};

static void parse_fault(const char *word)
{
	u32 i;

	for (i = 0; i < FAULTS; i++)
		if (!strcmp(faults[i], word))
			break;
	if (i == FAULTS)
		die("there is no fault %s", word);
	options.fault = i;
}

static void parse(int argc, char **argv)
{
	static const struct option words[] = {
		{ "seed", 1, NULL, 's' }, { "cuts", 1, NULL, 'n' }, { "fault", 1, NULL, 'f' },
		{ "cut", 1, NULL, 'c' }, { "save", 1, NULL, 'S' }, { "sample", 1, NULL, 'N' },
		{ "list", 0, NULL, 'l' }, {},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", words, NULL)) != -1) {
		if (c == 's')
			options.seed = strtoull(optarg, NULL, 0);
		else if (c == 'n')
			options.cuts = strtoull(optarg, NULL, 0);
		else if (c == 'f')
			parse_fault(optarg);
		else if (c == 'S')
			options.save = optarg;
		else if (c == 'N')
			options.sample = strtoull(optarg, NULL, 0);
		else if (c == 'l')
			options.list = true;
		else if (c == 'c' && sscanf(optarg, "%u.%u", &options.event, &options.variant) == 2)
			options.one = true;
		else
			die("use cut [--seed N] [--cuts N] [--fault NAME] [--cut EVENT.VARIANT] [--sample N] [--save DIR] [--list] RECORDING...");
	}
	if (optind == argc)
		die("no recording is given");
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	double start = now();
	bool good = true;
	int i;

	parse(argc, argv);
	for (i = optind; i < argc; i++)
		good = cut_recording(argv[i], i - optind, argc - optind) && good;
	printf("%llu cuts of %d recordings, %llu operations, %llu writes acknowledged, %llu blocks compared, seed %llu, %.0f s\n",
	       total_cuts, argc - optind, total_operations, total_acked, total_blocks,
	       options.seed, now() - start);
	return good ? 0 : 1;
}
