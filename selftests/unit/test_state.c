// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walks every key of the state table, also those that no sync can have: the
 * table must answer them, and conservatively.
 */
#include "unit.h"
#include "names.h"
#include "state_rows.h"

#define LAST_NUMBER	30	/* past the last operation and the last copy state */

typedef void visit(const struct drp_state_key *key, const struct drp_transition *t);

/* Calls @visit for all keys; numbers that stand for nothing are among them. */
static unsigned int walk(visit *visit)
{
	unsigned int visited = 0, type, op, state, flags;

	for (type = 5; type <= 9; type++)
		for (op = 0; op <= LAST_NUMBER; op++)
			for (state = 0; state <= LAST_NUMBER + 40; state++)
				for (flags = 0; flags < BIT(STATE_KEY_FLAGS); flags++) {
					struct drp_state_key key = {
						.sync_type = type, .operation = op,
						.copy_state = state,
					};
					struct drp_transition t;

					state_key_set_flags(&key, flags);
					memset(&t, 0xff, sizeof(t));
					drp_state_decide(&key, &t);
					visit(&key, &t);
					visited++;
				}
	return visited;
}

static bool known(enum drp_enum which, u32 value)
{
	return strcmp(drp_name(which, value), "Unknown") != 0;
}

static void visit_answer(const struct drp_state_key *key, const struct drp_transition *t)
{
	(void)key;
	assert_true(t->verdict == DRP_VERDICT_EXECUTE || t->verdict == DRP_VERDICT_NO_CHANGE ||
		    t->verdict == DRP_VERDICT_REFUSE);
	assert_non_null(t->reason);
	assert_true(strlen(t->reason) > 0 && strlen(t->reason) <= DRP_MESSAGE_MAX);
	assert_int_equal(t->verdict == DRP_VERDICT_REFUSE, t->return_value != 0);
	if (t->return_value)
		assert_true(t->return_value == DRP_RV_NOT_SUPPORTED ||
			    t->return_value == DRP_RV_INVALID_PARAMETER ||
			    t->return_value == DRP_RV_INVALID_STATE ||
			    t->return_value == DRP_RV_FORCE_REQUIRED);
}

static void every_key_has_an_answer(void **state)
{
	(void)state;
	assert_int_equal(walk(visit_answer), 5 * 31 * 71 * 64);
}

static void visit_force(const struct drp_state_key *key, const struct drp_transition *t)
{
	struct drp_state_key forced = *key;
	struct drp_transition with;

	if (t->return_value == DRP_RV_FORCE_REQUIRED) {
		assert_true(t->needs_force);
		assert_false(key->force);
	} else if (t->verdict == DRP_VERDICT_EXECUTE) {
		assert_true(key->force || !t->needs_force);
	} else {
		assert_false(t->needs_force);
	}
	if (key->force)
		return;
	forced.force = true;
	drp_state_decide(&forced, &with);
	if (t->return_value == DRP_RV_FORCE_REQUIRED) {
		assert_int_equal(with.verdict, DRP_VERDICT_EXECUTE);
		assert_true(with.needs_force);
	} else {
		/* Force changes nothing that was not waiting for it */
		assert_int_equal(with.verdict, t->verdict);
		assert_int_equal(with.return_value, t->return_value);
		assert_int_equal(with.needs_force, t->needs_force);
	}
	assert_int_equal(with.removes, t->removes);
	assert_int_equal(with.starts_copy, t->starts_copy);
	assert_int_equal(with.overwrites_source, t->overwrites_source);
	assert_int_equal(with.overwrites_target, t->overwrites_target);
	assert_int_equal(with.copy_state_during, t->copy_state_during);
	assert_int_equal(with.progress_during, t->progress_during);
	assert_int_equal(with.copy_state_after, t->copy_state_after);
	assert_int_equal(with.progress_after, t->progress_after);
	assert_string_equal(with.reason, t->reason);
}

static void force_is_consent_only(void **state)
{
	(void)state;
	walk(visit_force);
}

static bool acts(const struct drp_transition *t)
{
	return t->verdict == DRP_VERDICT_EXECUTE || t->return_value == DRP_RV_FORCE_REQUIRED;
}

static void visit_outcome(const struct drp_state_key *key, const struct drp_transition *t)
{
	if (!acts(t)) {
		assert_int_equal(t->copy_state_after, key->copy_state);
		assert_int_equal(t->copy_state_during, 0);
		assert_int_equal(t->progress_during, 0);
		assert_int_equal(t->progress_after, 0);
		assert_false(t->removes || t->starts_copy);
		assert_false(t->overwrites_source || t->overwrites_target);
		return;
	}
	assert_true(drp_state_supported(key->sync_type, key->operation));
	assert_true(drp_state_valid(key->sync_type, key->copy_state));
	assert_true(known(DRP_ENUM_PROGRESS_STATUS, t->progress_during));
	if (t->copy_state_during)
		assert_true(drp_state_valid(key->sync_type, t->copy_state_during));
	if (t->removes) {
		assert_int_equal(t->copy_state_after, 0);
		assert_int_equal(t->progress_after, 0);
		return;
	}
	assert_true(drp_state_valid(key->sync_type, t->copy_state_after));
	assert_true(t->progress_after && known(DRP_ENUM_PROGRESS_STATUS, t->progress_after));
	assert_true(drp_state_can_wait_for(key->sync_type, key->operation, t->copy_state_after));
	/* a copy is visible as such while it runs */
	assert_int_equal(t->starts_copy, t->copy_state_during == DRP_CS_UNSYNCHRONIZED);
}

static void outcomes_are_states_of_the_type(void **state)
{
	(void)state;
	walk(visit_outcome);
}

static void visit_unknown(const struct drp_state_key *key, const struct drp_transition *t)
{
	u32 op = key->operation;
	bool group = op == 3 || op == 5 || op == 6 || op == 13;

	if (key->sync_type < 6 || key->sync_type > 8)
		assert_int_equal(t->return_value, DRP_RV_INVALID_PARAMETER);
	else if (group)
		assert_int_equal(t->return_value, DRP_RV_INVALID_PARAMETER);
	else if (op < 2 || op > 24)
		assert_int_equal(t->return_value, DRP_RV_NOT_SUPPORTED);
	else if (!drp_state_supported(key->sync_type, op))
		assert_int_equal(t->return_value, DRP_RV_NOT_SUPPORTED);
	else if (!drp_state_valid(key->sync_type, key->copy_state))
		assert_int_equal(t->return_value, DRP_RV_INVALID_STATE);
	else
		assert_true(t->return_value == 0 || t->return_value == DRP_RV_INVALID_STATE ||
			    t->return_value == DRP_RV_FORCE_REQUIRED);
}

static void what_is_unknown_is_refused(void **state)
{
	(void)state;
	walk(visit_unknown);
}

/* While a restore or failback is unfinished only it may go on or be broken off. */
static void visit_reverse(const struct drp_state_key *key, const struct drp_transition *t)
{
	if (!key->reverse || !acts(t))
		return;
	assert_false(t->removes);
	assert_false(t->overwrites_target);
	switch (key->operation) {
	case DRP_OP_RESTORE_FROM_REPLICA:
	case DRP_OP_FAILBACK:
	case DRP_OP_RESUME:
		assert_true(t->starts_copy);
		break;
	case DRP_OP_SUSPEND:
		assert_int_equal(t->copy_state_after, DRP_CS_SUSPENDED);
		break;
	case DRP_OP_ABORT:
		assert_true(t->needs_force);
		assert_int_equal(t->copy_state_after, DRP_CS_BROKEN);
		break;
	default:
		fail_msg("operation %u acts while a restore is unfinished", key->operation);
	}
}

static void unfinished_restore_keeps_the_target(void **state)
{
	(void)state;
	walk(visit_reverse);
}

/* A half-copied or outdated target is handed to hosts only with consent. */
static void visit_consistency(const struct drp_state_key *key, const struct drp_transition *t)
{
	if (key->target_consistent && key->in_sync)
		return;
	if (key->operation == DRP_OP_SPLIT && !key->target_consistent)
		assert_false(acts(t));
	if (!acts(t) || key->force)
		return;
	if (key->operation == DRP_OP_FAILOVER)
		assert_int_equal(t->return_value, DRP_RV_FORCE_REQUIRED);
	if (!key->target_consistent &&
	    (key->operation == DRP_OP_FRACTURE || key->operation == DRP_OP_DETACH ||
	     key->operation == DRP_OP_RESTORE_FROM_REPLICA) &&
	    key->sync_type != DRP_SYNC_SNAPSHOT && !key->reverse)
		assert_int_equal(t->return_value, DRP_RV_FORCE_REQUIRED);
}

static void inconsistent_targets_need_force(void **state)
{
	(void)state;
	walk(visit_consistency);
}

/* Repeating an operation that has come to its end is a success without change. */
static void visit_again(const struct drp_state_key *key, const struct drp_transition *t)
{
	struct drp_state_key again = {
		.sync_type = key->sync_type, .operation = key->operation,
		.copy_state = t->copy_state_after, .target_consistent = true, .in_sync = true,
	};
	bool point_in_time = key->sync_type != DRP_SYNC_MIRROR;
	struct drp_transition u;

	if (t->verdict != DRP_VERDICT_EXECUTE || t->removes || key->reverse)
		return;
	if (key->operation == DRP_OP_REVERSE_ROLES)
		return;
	drp_state_decide(&again, &u);
	if (point_in_time && (key->operation == DRP_OP_RESYNC_REPLICA ||
			      key->operation == DRP_OP_RESTORE_FROM_REPLICA))
		assert_int_equal(u.verdict, DRP_VERDICT_EXECUTE);
	else
		assert_int_equal(u.verdict, DRP_VERDICT_NO_CHANGE);
}

static void repeating_changes_nothing(void **state)
{
	(void)state;
	walk(visit_again);
}

static struct drp_host_access access_after(const struct drp_state_key *key,
					   const struct drp_transition *t)
{
	bool keeps = t->copy_state_after == DRP_CS_BROKEN ||
		     t->copy_state_after == DRP_CS_SUSPENDED;
	struct drp_host_access a = drp_state_access(key->sync_type, t->copy_state_after,
						    key->reverse && keeps);

	if (key->operation == DRP_OP_REVERSE_ROLES)
		a = (struct drp_host_access){ a.target, a.source };
	return a;
}

static void visit_in_use(const struct drp_state_key *key, const struct drp_transition *t)
{
	struct drp_host_access before, after;

	if (!acts(t) || t->removes)
		return;
	before = drp_state_access(key->sync_type, key->copy_state, key->reverse);
	after = access_after(key, t);
	if (after.source < before.source)
		assert_true(t->overwrites_source);
	if (after.target < before.target)
		assert_true(t->overwrites_target);
}

static void lost_access_is_in_use(void **state)
{
	(void)state;
	walk(visit_in_use);
}

static void writable_implies_tracked(void **state)
{
	unsigned int type, s, reverse, writable = 0;

	(void)state;
	for (type = 5; type <= 9; type++)
		for (s = 0; s <= LAST_NUMBER + 40; s++)
			for (reverse = 0; reverse <= 1; reverse++) {
				struct drp_host_access a = drp_state_access(type, s, reverse);
				bool tracks = drp_state_tracks(type, s);

				if (!drp_state_valid(type, s)) {
					assert_int_equal(a.source, DRP_ACCESS_NONE);
					assert_int_equal(a.target, DRP_ACCESS_NONE);
					assert_false(tracks || drp_state_mirrors(type, s));
					continue;
				}
				if (a.target == DRP_ACCESS_WRITE) {
					assert_true(tracks);
					writable++;
				}
				/* without tracking there is no target content to differ from */
				if (a.source == DRP_ACCESS_WRITE && !tracks)
					assert_int_equal(a.target, DRP_ACCESS_NONE);
				if (type != DRP_SYNC_SNAPSHOT)
					assert_true(tracks);
				/* a mirror leg that hosts write to would be written twice */
				if (drp_state_mirrors(type, s))
					assert_int_not_equal(a.target, DRP_ACCESS_WRITE);
				if (reverse)
					assert_int_not_equal(a.target, DRP_ACCESS_WRITE);
			}
	assert_true(writable > 0);
}

static void mirror_source_stays_writable(void **state)
{
	u32 s;

	(void)state;
	for (s = 0; s <= LAST_NUMBER; s++) {
		struct drp_host_access a = drp_state_access(DRP_SYNC_MIRROR, s, false);

		if (!drp_state_valid(DRP_SYNC_MIRROR, s))
			continue;
		assert_int_equal(a.source, s == DRP_CS_FAILEDOVER ? DRP_ACCESS_READ :
							       DRP_ACCESS_WRITE);
	}
}

static void wait_states(void **state)
{
	(void)state;
	assert_true(drp_state_can_wait_for(DRP_SYNC_MIRROR, 0, DRP_CS_INITIALIZED));
	assert_true(drp_state_can_wait_for(DRP_SYNC_MIRROR, 0, DRP_CS_INACTIVE));
	assert_false(drp_state_can_wait_for(DRP_SYNC_MIRROR, 0, DRP_CS_SPLIT));
	assert_true(drp_state_can_wait_for(DRP_SYNC_CLONE, 0, DRP_CS_PREPARED));
	assert_true(drp_state_can_wait_for(DRP_SYNC_SNAPSHOT, 0, DRP_CS_INACTIVE));
	assert_false(drp_state_can_wait_for(DRP_SYNC_SNAPSHOT, 0, DRP_CS_UNSYNCHRONIZED));
	assert_true(drp_state_can_wait_for(DRP_SYNC_MIRROR, DRP_OP_SPLIT, DRP_CS_SPLIT));
	assert_false(drp_state_can_wait_for(DRP_SYNC_MIRROR, DRP_OP_SPLIT, DRP_CS_FRACTURED));
	assert_false(drp_state_can_wait_for(DRP_SYNC_MIRROR, DRP_OP_DETACH, DRP_CS_SYNCHRONIZED));
	assert_true(drp_state_can_wait_for(DRP_SYNC_MIRROR, DRP_OP_UNPREPARE, DRP_CS_PREPARED));
	assert_false(drp_state_can_wait_for(DRP_SYNC_MIRROR, DRP_OP_RESUME, DRP_CS_MIXED));
	assert_false(drp_state_can_wait_for(9, 0, DRP_CS_SYNCHRONIZED));
}

struct golden {
	FILE *file;
	unsigned int line;
	unsigned int differences;
};

static bool next_golden(struct golden *g, char *buf, size_t size)
{
	while (fgets(buf, size, g->file)) {
		g->line++;
		buf[strcspn(buf, "\n")] = '\0';
		if (buf[0] != '#')
			return true;
	}
	return false;
}

static void compare_line(void *ctx, const char *line)
{
	struct golden *g = ctx;
	char expected[STATE_LINE_MAX + 2];

	if (!next_golden(g, expected, sizeof(expected)))
		strcpy(expected, "(end of file)");
	if (!strcmp(expected, line))
		return;
	if (g->differences++ < 5)
		print_error("%s:%u\n  has   %s\n  table %s\n", GOLDEN_FILE, g->line, expected, line);
}

static void table_is_the_golden_one(void **state)
{
	struct golden g = { .file = fopen(GOLDEN_FILE, "r") };
	char rest[STATE_LINE_MAX + 2];

	(void)state;
	assert_non_null(g.file);
	state_rows(compare_line, &g);
	assert_false(next_golden(&g, rest, sizeof(rest)));
	fclose(g.file);
	if (g.differences)
		fail_msg("%u lines differ: if the change is meant, run make golden and review its diff",
			 g.differences);
	assert_true(g.line > 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_has_an_answer),
		cmocka_unit_test(force_is_consent_only),
		cmocka_unit_test(outcomes_are_states_of_the_type),
		cmocka_unit_test(what_is_unknown_is_refused),
		cmocka_unit_test(unfinished_restore_keeps_the_target),
		cmocka_unit_test(inconsistent_targets_need_force),
		cmocka_unit_test(repeating_changes_nothing),
		cmocka_unit_test(lost_access_is_in_use),
		cmocka_unit_test(writable_implies_tracked),
		cmocka_unit_test(mirror_source_stays_writable),
		cmocka_unit_test(wait_states),
		cmocka_unit_test(table_is_the_golden_one),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
