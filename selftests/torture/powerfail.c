// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mirrors on simdisks, writers, operations, and power failures at random
 * moments; after each the crash contract is checked. To be run as root in the
 * test VM:
 *
 *	powerfail [--directions] [--clones] [--snapshots] [--seed N] [--rounds N] [--failures N] [--seconds N]
 *		  [--per-life N] [--verbose]
 *
 * --directions: with restore, failover, failback and reverse roles.
 * --clones: the first sync of each pool is a clone.
 * --snapshots: of elements and of each other, on a COW device that fails with the rest.
 * A round is one life of a pool: with the seed that is printed it chooses the
 * same things again; when which thread runs is up to the kernel. Ends after
 * --rounds, or when there were --failures power failures (checked after each
 * life), or after --seconds. Exit status 1: the contract is broken.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <unistd.h>

#include <linux/dm-replica.h>

#include "life.h"
#include "machine.h"
#include "snapshot.h"

#define FAILURES_PER_LIFE 10

int verbose;
static unsigned int total_failures, total_unfinished;
static unsigned int per_life = FAILURES_PER_LIFE;
static unsigned int with;		/* what else: life.h */
static unsigned int points, doubtful, broken, restores, nested, unfinished, stuck;

static void show_state(void)
{
	static const char *const devices[] = { "pfpool", "pfa", "pfb", "pfc" };
	char line[4096];
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (!dm_status(devices[i], line, sizeof(line)))
			fprintf(stderr, "# %s: %s\n", devices[i], line);
}

void failed(struct life *l, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "FAILED: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\n# seed %llu, power failure %u of this life (%u in all), %s\n",
		(unsigned long long)l->seed, l->failures, total_failures, l->phase);
	show_state();
	fprintf(stderr, "# again: powerfail %s%s%s--seed %llu --rounds 1\n",
		with & WITH_DIRECTIONS ? "--directions " : "", with & WITH_CLONES ? "--clones " : "",
		with & WITH_SNAPSHOTS ? "--snapshots " : "",
		(unsigned long long)l->seed);
	fflush(stderr);
	_exit(1);
}

/* ---- hangs ---- */

static unsigned int hang_seconds = HANG_SECONDS + 30;

static struct life *current;

/* Says where it hangs; the kernel log gets all tasks that wait. */
static void hangs(int sig)
{
	char text[256];
	int fd = open("/proc/sysrq-trigger", O_WRONLY), n;

	n = snprintf(text, sizeof(text),
		     "FAILED: nothing moves for %u s: seed %llu, power failure %u, %s (signal %d)\n",
		     hang_seconds, (unsigned long long)current->seed, current->failures,
		     current->phase, sig);
	klogctl(8, NULL, 8);	/* all of it on the console */
	if (write(2, text, n) == n && fd >= 0 && write(fd, "w", 1) == 1)
		sleep(2);
	_exit(1);
}

/* ---- the moment of the failure ---- */

enum moment {
	AT_A_WRITE, AFTER_TIME, IN_OPERATION, IN_COPY, WHILE_IDLE, AFTER_STOP, NR_MOMENTS,
	BEHIND_AN_ACK = NR_MOMENTS, NR_MOMENTS_IN_TURNS = NR_MOMENTS + 2,
};

static const char *const moment_names[] = {
	"at a write", "after a time", "in an operation", "in a copy", "while idle", "after a clean stop",
	"behind a flush, after an operation",
};

static const char *name_of(enum moment moment)
{
	return moment_names[moment < BEHIND_AN_ACK ? moment : BEHIND_AN_ACK];
}

static void arm_writes(struct life *l, unsigned int max)
{
	unsigned int n = 1 + rng_below(&l->rng, 1 + rng_below(&l->rng, max));

	if (sim_control("power-fail-after %u %u", n, rng_below(&l->rng, 1U << 30)))
		failed(l, "simdisk refuses power-fail-after");
}

static void arm_time(struct life *l, unsigned int max_us)
{
	if (sim_control("power-fail-in-us %u %u", 1 + rng_below(&l->rng, max_us),
			rng_below(&l->rng, 1U << 30)))
		failed(l, "simdisk refuses power-fail-in-us");
}

static void fail_now(struct life *l)
{
	if (!sim_power_is_on()) {
		sim_control("rearm");
		/* It was armed and nothing came: as good as now. */
	}
	if (sim_control("power-fail %u", rng_below(&l->rng, 1U << 30)))
		failed(l, "simdisk refuses power-fail");
}

/* Operate until the power fails; it does at the latest after @seconds. */
static void operate_until_off(struct life *l, double seconds, unsigned int pause_us)
{
	double end = now_seconds() + seconds;

	while (now_seconds() < end && !sim_power_is_off() && !atomic_load(&writers_failed)) {
		sleep_us(rng_below(&l->rng, pause_us) + 1);
		if (operate(l))
			break;
	}
	if (!sim_power_is_off())
		fail_now(l);
}

static void wait_off(struct life *l, double seconds)
{
	double end = now_seconds() + seconds;

	while (now_seconds() < end && !sim_power_is_off())
		sleep_us(1000);
	if (!sim_power_is_off())
		fail_now(l);
}

static int is_apart(const struct sync *s)
{
	return s->state == DRP_CS_SPLIT || s->state == DRP_CS_FRACTURED ||
	       s->state == DRP_CS_RESTORED;
}

static void fail_in_copy(struct life *l)
{
	unsigned int i;

	arm_writes(l, 60);
	if (l->snapshots && rng_below(&l->rng, 2) && restore_some(l)) {
		wait_off(l, 1);
		return;
	}
	for (i = 0; i < l->nr_syncs; i++) {
		struct sync *s = &l->s[i];
		const char *word;

		if (!s->state && make_sync(l, s))
			break;
		word = s->state ? word_to_copy(s) : NULL;
		if (word && (l->directions || s->clone) && is_apart(s) && rng_below(&l->rng, 3))
			word = "restore-from-replica";
		if (word && do_operation(l, s, word, "force"))
			break;
	}
	wait_off(l, 1);
}

/* A way into a restore or failback that lasts; 0 or -EIO. */
static int begin_turn(struct life *l, struct sync *s)
{
	static const char *const options[] = {
		"force rate_limit=100K", "force rate_limit=1M", "force rate_limit=4M",
	};
	const char *slow = options[rng_below(&l->rng, 3)];
	int r = 0;

	notice_ends(l);
	if (!s->state)
		r = make_sync(l, s);
	if (!r && s->turned && s->state != DRP_CS_UNSYNCHRONIZED)
		return do_operation(l, s, "failback", slow);
	if (!r && !s->turned && !is_apart(s) && s->state != DRP_CS_FAILEDOVER)
		r = do_operation(l, s, rng_below(&l->rng, 2) ? "fracture" : "failover", "force");
	/* Both sides, or the new one, are written. */
	sleep_us(rng_below(&l->rng, 100000));
	if (!r && is_apart(s))
		r = do_operation(l, s, "restore-from-replica", slow);
	else if (!r && s->state == DRP_CS_FAILEDOVER)
		r = do_operation(l, s, "failback", slow);
	return r;
}

/* What a turn says to be here must be here when a FLUSH or FUA write was acknowledged. */
static void fail_behind_ack(struct life *l)
{
	struct sync *s = &l->s[rng_below(&l->rng, l->nr_syncs)];

	if (!(l->directions ? begin_turn(l, s) :
	      rng_below(&l->rng, 2) ? restore_some(l) : snapshot_operate(l))) {
		/* What a new point in time needs is being preserved. */
		if (!l->directions && rng_below(&l->rng, 2)) {
			arm_writes(l, 60);
			operate_until_off(l, 1, 100000);
			return;
		}
		sleep_us(rng_below(&l->rng, l->directions ? 200000 : 20000));
		atomic_store(&ack_failure_seed, rng_below(&l->rng, 1U << 30));
		atomic_store(&acks_to_failure, 1 + rng_below(&l->rng, 3));
	}
	wait_off(l, 1);
	atomic_store(&acks_to_failure, 0);
}

/* Some operations and I/O, then the failure. */
static void until_failure(struct life *l, enum moment moment)
{
	unsigned int n = rng_below(&l->rng, 4) + (l->snapshots ? rng_below(&l->rng, 5) : 0);

	if (moment == AT_A_WRITE)
		arm_writes(l, 2500);
	else if (moment == AFTER_TIME)
		arm_time(l, 800000);
	if (moment == AT_A_WRITE || moment == AFTER_TIME) {
		operate_until_off(l, 2, l->snapshots ? 15000 : 60000);
		return;
	}
	while (n--) {
		sleep_us(rng_below(&l->rng, l->snapshots ? 15000 : 60000));
		if (operate(l))
			return;
	}
	if (moment == IN_COPY) {
		fail_in_copy(l);
		return;
	}
	if (moment >= BEHIND_AN_ACK) {
		fail_behind_ack(l);
		return;
	}
	sleep_us(rng_below(&l->rng, 60000));
	if (writers_quiet())
		failed(l, "a writer hangs");
	if (moment == IN_OPERATION) {
		arm_writes(l, 8);
		operate_until_off(l, 1, 1);
	} else if (moment == WHILE_IDLE) {
		sleep_us(rng_below(&l->rng, 100000));
		fail_now(l);
	}
}

/* ---- one life ---- */

static void go_down(struct life *l, enum moment moment)
{
	snprintf(l->phase, sizeof(l->phase), "going down after a failure %s", name_of(moment));
	if (moment != AFTER_STOP || sim_power_is_off()) {
		if (!sim_power_is_off())
			failed(l, "the power is still on");
		writers_join();
		life_deactivate(l);
		return;
	}
	writers_join();
	life_deactivate(l);
	fail_now(l);
}

static void power_up(struct life *l)
{
	unsigned int i;

	if (atomic_load(&writers_failed))
		failed(l, "a writer saw what must not be");
	if (sim_control("rearm"))
		failed(l, "simdisk refuses rearm");
	disk_drop_cache("/dev/pfmeta");
	for (i = 0; i < l->nr_elements; i++)
		disk_drop_cache(l->e[i].disk_path);
	if (!l->snapshots)
		return;
	disk_drop_cache("/dev/pfcow");
	check_offline(l, "/dev/pfmeta", 0);
}

/* The power fails again while the pool comes up. */
static int fail_at_activation(struct life *l)
{
	if (rng_below(&l->rng, 6))
		return 0;
	snprintf(l->phase, sizeof(l->phase), "at activation");
	arm_writes(l, 30);
	if (!create_pool(l) && !create_elements(l))
		wait_off(l, 0.3);
	else
		wait_off(l, 0);
	life_deactivate(l);
	power_up(l);
	l->failures++;
	total_failures++;
	return 1;
}

static void come_up(struct life *l)
{
	while (fail_at_activation(l))
		;
	snprintf(l->phase, sizeof(l->phase), "coming up");
	if (create_pool(l))
		failed(l, "the power failed by itself");
	verify_survivors(l);
	if (create_elements(l))
		failed(l, "the power failed by itself");
	if (l->snapshots)
		snapshots_verify(l);
	verify_turned(l);
	if (l->snapshots && !rng_below(&l->rng, 8) && snapshots_return_all(l) < 0)
		failed(l, "the power failed by itself");
	set_writable(l);
}

static void one_failure(struct life *l)
{
	enum moment moment = rng_below(&l->rng, l->directions || l->snapshots ? NR_MOMENTS_IN_TURNS :
									       NR_MOMENTS);

	alarm(hang_seconds);
	writers_start(l);
	snprintf(l->phase, sizeof(l->phase), "settling");
	if (!rng_below(&l->rng, 3))
		verify_settled(l);
	snprintf(l->phase, sizeof(l->phase), "%s", name_of(moment));
	until_failure(l, moment);
	go_down(l, moment);
	l->failures++;
	total_failures++;
	if (verbose)
		fprintf(stderr, "# power failure %u: %s, %lu writes so far\n", l->failures, l->phase,
			atomic_load(&writes_done));
	power_up(l);
	come_up(l);
}

static void end_snapshots(struct life *l)
{
	int r;

	alarm(hang_seconds);
	r = snapshots_return_all(l);
	if (r < 0)
		failed(l, "the power failed by itself");
	points += l->snapshots->points;
	doubtful += l->snapshots->doubtful;
	broken += l->snapshots->broken;
	restores += l->snapshots->restores;
	nested += l->snapshots->nested;
	unfinished += l->snapshots->unfinished;
	stuck += l->snapshots->stuck;
	life_deactivate(l);
	check_offline(l, "/dev/pfmeta", !r);
}

/*
 * Before the mirrors of what is restored can be made equal: 0: a full space does not
 * let it end. A clone does not copy to what has snapshots.
 */
static int end_restores(struct life *l)
{
	int r;

	alarm(hang_seconds);
	r = l->clones && l->snapshots ? snapshots_return_all(l) : restores_end(l);
	if (r < 0)
		failed(l, "the power failed by itself");
	return !r;
}

static void one_life(uint64_t seed)
{
	static struct life l;

	current = &l;
	alarm(hang_seconds);
	life_begin(&l, seed, with);
	if (life_activate(&l))
		failed(&l, "the power failed by itself");
	writers_write_first(&l);
	while (l.failures < per_life)
		one_failure(&l);
	writers_start(&l);
	sleep_us(rng_below(&l.rng, 50000));
	snprintf(l.phase, sizeof(l.phase), "end of the life");
	if (end_restores(&l) && verify_resynced(&l))
		failed(&l, "the power failed by itself");
	writers_join();
	if (atomic_load(&writers_failed))
		failed(&l, "a writer saw what must not be");
	total_unfinished += l.unfinished;
	if (l.snapshots)
		end_snapshots(&l);
	life_end(&l);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", 1, NULL, 's' }, { "rounds", 1, NULL, 'r' }, { "failures", 1, NULL, 'f' },
		{ "seconds", 1, NULL, 't' }, { "per-life", 1, NULL, 'p' }, { "verbose", 0, NULL, 'v' },
		{ "directions", 0, NULL, 'd' }, { "clones", 0, NULL, 'c' },
		{ "snapshots", 0, NULL, 'n' },
		{},
	};
	const char *slow = getenv("DRP_SLOW");
	unsigned int rounds = ~0U, enough = 200, lives = 0;
	uint64_t seed = (uint64_t)(now_seconds() * 1000);
	double seconds = 1e9, start = now_seconds();
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'r':
			rounds = atoi(optarg);
			break;
		case 'f':
			enough = atoi(optarg);
			break;
		case 't':
			seconds = atoi(optarg);
			break;
		case 'p':
			per_life = atoi(optarg);
			break;
		case 'v':
			verbose = 1;
			break;
		case 'd':
			with |= WITH_DIRECTIONS;
			break;
		case 'c':
			with |= WITH_CLONES;
			break;
		case 'n':
			with |= WITH_SNAPSHOTS;
			break;
		default:
			return 64;
		}
	}
	if (slow && atoi(slow) > 1)
		hang_seconds *= atoi(slow);
	signal(SIGALRM, hangs);
	while (lives < rounds && total_failures < enough && now_seconds() - start < seconds)
		one_life(seed + lives++);
	printf("%u power failures in %u lives survived, %lu writes, %.0f s\n", total_failures, lives,
	       atomic_load(&writes_done), now_seconds() - start);
	if (with & (WITH_DIRECTIONS | WITH_CLONES))
		printf("%u times a restore or failback%s was unfinished\n", total_unfinished,
		       with & WITH_CLONES ? " or clone" : "");
	if (with & WITH_SNAPSHOTS)
		printf("%u points in time, %u operations without answer, %u snapshots lost with a full space\n"
		       "%u restores of snapshots, %u times one was unfinished, %u given up with a full space\n"
		       "%u of them into a snapshot\n",
		       points, doubtful, broken, restores, unfinished, stuck, nested);
	return 0;
}
