// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commit protocol over a disk that loses and tears what was not flushed: at
 * every write and flush of long random runs, of format, commits, checkpoints and
 * recoveries, a power failure must leave all completed commits, the one in flight
 * entirely or not at all, and nothing else. The same runs with deliberate
 * mistakes show that the harness would notice.
 */
#include "unit.h"

#include "pool_machine.h"

#define LIVES		80
#define MIN_CUTS	20000

static u64 first_seed(void)
{
	const char *text = getenv("DRP_SEED");

	return text ? strtoull(text, NULL, 0) : 1;
}

static void power_failures_leave_what_was_committed(void **state)
{
	struct machine *m = machine_new(first_seed(), FAULT_NONE);

	(void)state;
	machine_run(m, LIVES);
	if (m->violation)
		print_error("seed %llu, life %llu, cut %llu: %s\n", first_seed(), m->nr_lives,
			    m->nr_cuts, m->violation);
	print_message("# did: seed %llu, %llu cuts examined (%llu in recoveries of images), %llu lives, %llu commits, %llu checkpoints, %llu wraps\n",
		      first_seed(), m->nr_cuts, m->nr_nested, m->nr_lives, m->nr_commits,
		      m->nr_checkpoints, m->nr_wraps);
	print_message("           %llu chunks preserved, %llu of them dropped by a load\n",
		      m->nr_puts, m->nr_dropped);
	assert_null(m->violation);
	assert_true(m->nr_cuts >= MIN_CUTS);
	assert_true(m->nr_wraps >= 20);
	assert_true(m->nr_checkpoints >= LIVES);
	assert_true(m->nr_puts >= 300 && m->nr_dropped >= 15);
	machine_free(m);
}

static void lost_catalogs_are_refused(void **state)
{
	u64 seed, cuts = 0;
	u32 refused = 0;

	(void)state;
	for (seed = 1; seed <= 60; seed++) {
		struct machine *m = machine_new(seed, FAULT_CATALOG_LOST);

		machine_run(m, 6);
		if (m->violation)
			print_error("seed %llu, life %llu: %s\n", seed, m->nr_lives, m->violation);
		assert_null(m->violation);
		refused += m->refused;
		cuts += m->nr_cuts;
		machine_free(m);
	}
	print_message("           refused in %u of 60 runs, %llu cuts\n", refused, cuts);
	assert_true(refused >= 30);
}

/* The mistake must be noticed in one of a few runs. */
static void assert_noticed(enum machine_fault fault, u32 runs)
{
	u64 seed, cuts = 0;

	for (seed = 1; seed <= runs; seed++) {
		struct machine *m = machine_new(seed, fault);
		const char *violation;

		machine_run(m, 40);
		violation = m->violation;
		cuts += m->nr_cuts;
		machine_free(m);
		if (violation) {
			print_message("           noticed after %llu cuts: %s\n", cuts, violation);
			return;
		}
	}
	fail_msg("not noticed in %llu cuts", cuts);
}

#define NOTICED(name, fault, runs)			\
static void name(void **state)				\
{							\
	(void)state;					\
	assert_noticed(fault, runs);			\
}

NOTICED(notices_no_flush_before_superblock, FAULT_NO_FLUSH, 3)
NOTICED(notices_commit_without_fua, FAULT_COMMIT_NOT_FUA, 3)
NOTICED(notices_tail_released_before_superblock, FAULT_TAIL_RELEASED_EARLY, 20)
NOTICED(notices_pages_freed_before_superblock, FAULT_PAGES_FREED_EARLY, 3)
NOTICED(notices_torn_sequence_used_again, FAULT_TORN_SEQUENCE_USED, 20)
NOTICED(notices_catalog_written_in_place, FAULT_CATALOG_IN_PLACE, 3)
NOTICED(notices_older_catalog_accepted, FAULT_OLD_CATALOG_ACCEPTED, 20)
NOTICED(notices_newest_superblock_written_first, FAULT_NEWEST_SUPER_FIRST, 20)
NOTICED(notices_extents_retired_behind_the_cut, FAULT_RETIRED_BEHIND_CUT, 20)
NOTICED(notices_write_before_activation, FAULT_WRITE_BEFORE_ACTIVATE, 3)
NOTICED(notices_confirmed_before_durable, FAULT_CONFIRMED_EARLY, 3)
NOTICED(notices_a_cut_behind_what_is_unconfirmed, FAULT_CUT_PASSES_UNCONFIRMED, 3)
NOTICED(notices_a_cut_before_retired_extents, FAULT_CUT_MOVED_BACK, 20)
NOTICED(notices_slots_used_before_they_are_free, FAULT_SLOT_USED_EARLY, 3)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_failures_leave_what_was_committed),
		cmocka_unit_test(lost_catalogs_are_refused),
		cmocka_unit_test(notices_no_flush_before_superblock),
		cmocka_unit_test(notices_commit_without_fua),
		cmocka_unit_test(notices_tail_released_before_superblock),
		cmocka_unit_test(notices_pages_freed_before_superblock),
		cmocka_unit_test(notices_torn_sequence_used_again),
		cmocka_unit_test(notices_catalog_written_in_place),
		cmocka_unit_test(notices_older_catalog_accepted),
		cmocka_unit_test(notices_newest_superblock_written_first),
		cmocka_unit_test(notices_extents_retired_behind_the_cut),
		cmocka_unit_test(notices_write_before_activation),
		cmocka_unit_test(notices_confirmed_before_durable),
		cmocka_unit_test(notices_a_cut_behind_what_is_unconfirmed),
		cmocka_unit_test(notices_a_cut_before_retired_extents),
		cmocka_unit_test(notices_slots_used_before_they_are_free),
	};

	return cmocka_run_group_tests_name("crash", tests, NULL, NULL);
}
