// SPDX-License-Identifier: GPL-2.0-only
/*
 * record OUT [SCENARIO]...		records scenarios to OUT/SCENARIO.log
 * record --activate DIR OUT		activates the cut images in DIR/1 ..., records
 *					that to OUT/recovery-1.log ...
 * record --mutate DIR ROUNDS SEED	activates those of DIR with changed metadata
 * As root, in the VM. Exit status 1: something went wrong, or was not as expected.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder.h"

#define SETTLE_SECONDS	90

int verbose;
static uint64_t next_sync = 100;

/* ---- asking ---- */

void message(const char *fmt, ...)
{
	char text[256], answer[256];
	va_list args;
	int r;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	r = dm_message("cutpool", text, answer);
	if (r)
		failed("'%s': %s", text, strerror(-r));
}

/* Its copy state, 0: there is none. */
unsigned int state_of(uint64_t sync, struct sync_info *info)
{
	struct sync_info all[8];
	int i, n = query_syncs(all, 8);

	if (n < 0)
		failed("netlink: %s", strerror(-n));
	for (i = 0; i < n; i++) {
		if (all[i].id == sync) {
			if (info)
				*info = all[i];
			return all[i].state;
		}
	}
	return 0;
}

static const struct operation {
	const char *word;
	unsigned int from;		/* only from there; 0: any */
	const char *effect, *states;	/* as in the marks */
} operations[] = {
	{ "split", 0, "cut", "7" },
	{ "fracture", 0, "part", "6" },
	{ "suspend", 0, "part", "9" },
	{ "resume", 0, "copy", "3 4" },
	{ "resync-replica", 0, "copy", "3 4" },
	{ "activate", 0, "copy", "3 4" },
	{ "deactivate", 0, "copy", "8" },
	{ "prepare", 0, "copy", "11" },
	{ "abort", 0, "copy", "12" },
	{ "detach", 0, "copy", "0" },
	{ "dissolve", 0, "copy", "0" },
	{ "restore-from-replica", 0, "turn", "3 18" },
	{ "failover", 0, "cut", "10" },
	{ "failback", 0, "turn", "3 4" },
	{ "reverse-roles", DRP_CS_SYNCHRONIZED, "swap", "4" },
	{ "reverse-roles", DRP_CS_FAILEDOVER, "roles", "9" },
};

static const struct operation *find_operation(const char *word, unsigned int from)
{
	unsigned int i;

	for (i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		if (!strcmp(operations[i].word, word) &&
		    (!operations[i].from || operations[i].from == from))
			return &operations[i];
	failed("no operation %s from state %u", word, from);
}

/* A slow request goes on as a job: wait until it is done, or its copy runs. */
static void await_job(const char *answer, uint64_t sync, unsigned int from, uint64_t source)
{
	double limit = now_seconds() + SETTLE_SECONDS;
	struct sync_info info = { .source = source };
	unsigned long long id = 0;
	unsigned int error, state;

	if (sscanf(answer, "4096 job=%llu", &id) != 1)
		return;
	while (now_seconds() < limit) {
		state = query_job(id, &error);
		if (state == DRP_JOB_EXCEPTION || state == DRP_JOB_TERMINATED)
			failed("job %llu ended with error %u", id, error);
		if (state == DRP_JOB_COMPLETED || state_of(sync, &info) != from ||
		    info.source != source)
			return;
		sleep_us(1000);
	}
	failed("job %llu does not end", id);
}

static void ask(uint64_t sync, const char *text, unsigned int from)
{
	struct sync_info info = {};
	char answer[256];
	int r;

	state_of(sync, &info);
	r = dm_message("cutpool", text, answer);
	if (r)
		failed("'%s': %s", text, strerror(-r));
	await_job(answer, sync, from, info.source);
	mark("end %llu ok", (unsigned long long)sync);
	if (verbose)
		fprintf(stderr, "# %s: %s\n", text, answer);
}

uint64_t mirror(unsigned int source, unsigned int target, const char *options)
{
	uint64_t id = next_sync += 10;	/* aspects take ids between */
	char text[128];

	mark("sync %llu %u %u", (unsigned long long)id, source, target);
	mark("op %llu 0 copy 2 3 4", (unsigned long long)id);
	snprintf(text, sizeof(text), "create_sync %llu mirror %u %u%s%s", (unsigned long long)id,
		 source, target, *options ? " " : "", options);
	ask(id, text, 0);
	return id;
}

void operate(uint64_t sync, const char *word, unsigned int from, const char *options)
{
	const struct operation *op = find_operation(word, from);
	char text[128];

	mark("op %llu %u %s %s", (unsigned long long)sync, from, op->effect, op->states);
	snprintf(text, sizeof(text), "modify %s %llu%s%s", word, (unsigned long long)sync,
		 *options ? " " : "", options);
	ask(sync, text, from);
}

void await(uint64_t sync, unsigned int state)
{
	double limit = now_seconds() + SETTLE_SECONDS;

	while (state_of(sync, NULL) != state) {
		if (now_seconds() > limit)
			failed("sync %llu stays in state %u", (unsigned long long)sync,
			       state_of(sync, NULL));
		sleep_us(1000);
	}
	mark("is %llu %u", (unsigned long long)sync, state);
}

/* ---- the program ---- */

static int is_wanted(const char *name, int argc, char **argv)
{
	int i;

	for (i = 2; i < argc; i++)
		if (!strcmp(argv[i], name))
			return 1;
	return argc <= 2;
}

static void record(int argc, char **argv)
{
	char path[512];
	unsigned int i;

	for (i = 0; i < nr_scenarios; i++) {
		double start = now_seconds();

		if (!is_wanted(scenarios[i].name, argc, argv))
			continue;
		alarm(300);
		scenarios[i].run();
		snprintf(path, sizeof(path), "%s/%s.log", argv[1], scenarios[i].name);
		world_end(path);
		printf("# %s took %.1f s\n", scenarios[i].name, now_seconds() - start);
	}
}

static void activate_all(const char *images, const char *out)
{
	char dir[400], path[400];
	unsigned int i;

	for (i = 1;; i++) {
		snprintf(dir, sizeof(dir), "%s/%u", images, i);
		snprintf(path, sizeof(path), "%s/recovery-%u.log", out, i);
		if (access(dir, F_OK))
			break;
		alarm(300);
		activate(dir, path);
	}
	printf("%u cut images activated\n", i - 1);
	if (i == 1)
		failed("there are no images in %s", images);
}

static void mutate_all(const char *images, unsigned int rounds, uint64_t seed)
{
	unsigned int i, nr = 0, taken = 0;
	char dir[400];

	do
		snprintf(dir, sizeof(dir), "%s/%u", images, ++nr);
	while (!access(dir, F_OK));
	nr--;
	if (!nr)
		failed("there are no images in %s", images);
	for (i = 1; i <= nr; i++) {
		snprintf(dir, sizeof(dir), "%s/%u", images, i);
		taken += activate_mutated(dir, (rounds + nr - 1) / nr, seed + i);
	}
	rounds = nr * ((rounds + nr - 1) / nr);
	printf("%u changed metadata images activated, %u refused, %u taken in, seed %llu\n", rounds,
	       rounds - taken, taken, (unsigned long long)seed);
}

int main(int argc, char **argv)
{
	verbose = !!getenv("VERBOSE");
	if (argc == 4 && !strcmp(argv[1], "--activate"))
		activate_all(argv[2], argv[3]);
	else if (argc == 5 && !strcmp(argv[1], "--mutate"))
		mutate_all(argv[2], atoi(argv[3]), strtoull(argv[4], NULL, 0));
	else if (argc > 1 && argv[1][0] != '-')
		record(argc, argv);
	else
		return 64;
	return 0;
}
