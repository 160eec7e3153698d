// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations, I/O, faults and power failures on pools, elements and syncs,
 * compared after each step with a reference model. To be run as root in the VM:
 *
 *	model [--seed N] [--runs N] [--seconds N] [--steps N] [--save FILE] [--shrink FILE] [-v]
 *	model --replay FILE...
 *
 * --all: go on after a failure (the lists are FILE.SEED).
 *
 * A run is a list of steps made from its seed, which is printed. Each runs in a
 * process of its own. The list of one that fails is written to FILE (--save), and
 * a shorter one that still fails to another FILE (--shrink). Ends after --runs or
 * --seconds. Exit status 1: the contract is broken.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "step.h"

int verbose;
struct counts counts;

static unsigned int hang_seconds = 420;
static const char *running = "";
static struct counts *shared;

void broken(struct world *w, const char *fmt, ...)
{
	char line[1024], name[32];
	struct element *e;
	struct pool *p;
	va_list args;

	fprintf(stderr, "FAILED: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\n# %s, step %u, %s\n", running, w->step, w->phase);
	for_each_pool(w, p) {
		snprintf(name, sizeof(name), "%s", p->name);
		if (!dm_status(name, line, sizeof(line)))
			fprintf(stderr, "# %s: %s\n", name, line);
	}
	for_each_element(w, e)
		if (!dm_status(e->dm, line, sizeof(line)))
			fprintf(stderr, "# %s: %s\n", e->dm, line);
	fflush(stderr);
	_exit(1);
}

void suspect(struct world *w, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	if (power_failed())
		longjmp(w->off, 1);
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	broken(w, "%s", text);
}

/* Says where it hangs; the kernel log gets all tasks that wait. */
static void hangs(int sig)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY), n;
	char text[160];

	n = snprintf(text, sizeof(text), "FAILED: nothing moves for %u s: %s (signal %d)\n",
		     hang_seconds, running, sig);
	klogctl(8, NULL, 8);
	if (write(2, text, n) == n && fd >= 0 && write(fd, "w", 1) == 1)
		sleep(2);
	_exit(1);
}

static void add_counts(void)
{
	unsigned char *to = (void *)shared->cells, *from = (void *)counts.cells;
	unsigned int i;

	shared->steps += counts.steps;
	shared->operations += counts.operations;
	shared->refused += counts.refused;
	shared->power_failures += counts.power_failures;
	shared->restarts += counts.restarts;
	shared->host_io += counts.host_io;
	shared->reads += counts.reads;
	shared->blocks += counts.blocks;
	shared->faults += counts.faults;
	shared->settled += counts.settled;
	shared->points += counts.points;
	shared->copies += counts.copies;
	shared->broke += counts.broke;
	for (i = 0; i < sizeof(counts.cells); i++)
		to[i] |= from[i];
}

/* In a process of its own: 0, or 1: it failed. @quiet: nothing is said. */
static int run_alone(const struct steps *l, uint64_t seed, const char *name, bool quiet)
{
	int status = 0, null;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child < 0)
		err(1, "fork");
	if (!child) {
		running = name;
		signal(SIGALRM, hangs);
		alarm(hang_seconds + l->nr);
		null = open("/dev/null", O_WRONLY);
		if (quiet && null >= 0)
			dup2(null, 2);
		run(l, seed);
		add_counts();
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child)
		err(1, "wait");
	if (status)
		world_sweep();
	return status ? 1 : 0;
}

/* ---- shrinking ---- */

#define TRIES	2

/* Does @l without @nr steps from @from on still fail? Then it is that. */
static bool shorter(struct steps *l, unsigned int from, unsigned int nr, uint64_t seed)
{
	struct steps less = { .shape = l->shape };
	unsigned int i;
	bool fails = false;

	for (i = 0; i < l->nr; i++)
		if (i < from || i >= from + nr)
			steps_add(&less, l->v[i]);
	for (i = 0; i < TRIES && !fails; i++)
		fails = run_alone(&less, seed, "shrinking", true);
	if (!fails) {
		free(less.v);
		return false;
	}
	free(l->v);
	*l = less;
	return true;
}

static void shrink(struct steps *l, uint64_t seed, double seconds)
{
	double end = now_seconds() + seconds;
	unsigned int size, from;

	for (size = l->nr / 2; size >= 1; size = size == 1 ? 0 : (size + 1) / 2) {
		from = 0;
		while (from < l->nr && now_seconds() < end)
			if (!shorter(l, from, size < l->nr - from ? size : l->nr - from, seed))
				from += size;
	}
}

/* ---- main ---- */

static struct {
	const char *save, *shrink;
	unsigned int steps, runs;
	double seconds, shrink_seconds;
	uint64_t seed;
	bool replay, all;
} opts = { .steps = 60, .runs = ~0U, .seconds = 1e9, .shrink_seconds = 240 };

static void keep(struct steps *l, uint64_t seed)
{
	char comment[96], path[256];
	unsigned int was = l->nr;

	snprintf(comment, sizeof(comment), "# seed %llu\n", (unsigned long long)seed);
	snprintf(path, sizeof(path), opts.all ? "%s.%llu" : "%s", opts.save,
		 (unsigned long long)seed);
	if (opts.save)
		steps_write(l, path, comment);
	if (!opts.shrink)
		return;
	shrink(l, seed, opts.shrink_seconds);
	snprintf(comment, sizeof(comment), "# seed %llu, %u of %u steps\n", (unsigned long long)seed,
		 l->nr, was);
	steps_write(l, opts.shrink, comment);
	printf("# %u steps still fail:\n", l->nr);
}

static int at_random(void)
{
	double start = now_seconds();
	unsigned int i, bad = 0;

	for (i = 0; i < opts.runs && now_seconds() - start < opts.seconds; i++) {
		uint64_t seed = opts.seed + i;
		struct steps l;
		char name[64];

		steps_random(&l, seed, opts.steps);
		snprintf(name, sizeof(name), "seed %llu", (unsigned long long)seed);
		if (run_alone(&l, seed, name, false)) {
			printf("# again: model --seed %llu --runs 1 --steps %u\n",
			       (unsigned long long)seed, opts.steps);
			keep(&l, seed);
			bad++;
			if (!opts.all)
				return 1;
		}
		free(l.v);
	}
	printf("%u seeds from %llu, %u failed, ", i, (unsigned long long)opts.seed, bad);
	return bad ? 1 : 0;
}

static int replay(char **files)
{
	unsigned int n = 0;
	struct steps l;

	for (; *files; files++, n++) {
		if (steps_read(&l, *files))
			return 64;
		if (run_alone(&l, opts.seed, *files, false)) {
			keep(&l, opts.seed);
			return 1;
		}
		free(l.v);
	}
	printf("%u lists, ", n);
	return 0;
}

static void report(double seconds)
{
	unsigned char *cell = (void *)shared->cells;
	unsigned int i, cells = 0;

	for (i = 0; i < sizeof(shared->cells); i++)
		cells += cell[i];
	printf("%lu steps, %lu operations done and %lu refused (%u cells of the tables), %lu points in time and %lu of aspects, %lu broke for room, %lu power failures, %lu restarts, %lu faults, %lu times settled, %lu host I/Os (%lu reads), %lu blocks compared, %.0f s\n",
	       shared->steps, shared->operations, shared->refused, cells, shared->points,
	       shared->copies, shared->broke, shared->power_failures,
	       shared->restarts, shared->faults, shared->settled, shared->host_io, shared->reads,
	       shared->blocks, seconds);
}

static int parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", 1, NULL, 's' }, { "runs", 1, NULL, 'r' }, { "seconds", 1, NULL, 't' },
		{ "steps", 1, NULL, 'n' }, { "save", 1, NULL, 'f' }, { "shrink", 1, NULL, 'k' },
		{ "shrink-seconds", 1, NULL, 'K' }, { "replay", 0, NULL, 'p' },
		{ "all", 0, NULL, 'a' }, { "verbose", 0, NULL, 'v' }, {},
	};
	int c;

	while ((c = getopt_long(argc, argv, "v", options, NULL)) != -1) {
		switch (c) {
		case 's':
			opts.seed = strtoull(optarg, NULL, 0);
			break;
		case 'r':
			opts.runs = atoi(optarg);
			break;
		case 't':
			opts.seconds = atoi(optarg);
			break;
		case 'n':
			opts.steps = atoi(optarg);
			break;
		case 'f':
			opts.save = optarg;
			break;
		case 'k':
			opts.shrink = optarg;
			break;
		case 'K':
			opts.shrink_seconds = atoi(optarg);
			break;
		case 'p':
			opts.replay = true;
			break;
		case 'a':
			opts.all = true;
			break;
		case 'v':
			verbose = 1;
			break;
		default:
			return -1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *slow = getenv("DRP_SLOW");
	double start = now_seconds();
	int r;

	opts.seed = (uint64_t)(start * 1000);
	if (parse(argc, argv))
		return 64;
	if (slow && atoi(slow) > 1)
		hang_seconds *= atoi(slow);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		err(1, "mmap");
	r = opts.replay ? replay(argv + optind) : at_random();
	sim_control("rearm");	/* the last run may have armed a failure that did not come */
	report(now_seconds() - start);
	return r;
}
