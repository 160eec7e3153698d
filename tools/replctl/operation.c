// SPDX-License-Identifier: GPL-2.0-only
/* replctl <operation>, modify: ModifyReplicaSynchronization */
#include "commands.h"
#include "method.h"
#include "snapshot.h"

#define GROUP_PREFIX	"group:"

/* SYNC, or group:GROUP for an operation on all of a group at one instant. */
static int resolve_subject(const char *text, struct ref *ref)
{
	size_t len = strlen(GROUP_PREFIX);

	if (!strncmp(text, GROUP_PREFIX, len))
		return resolve(DRP_OBJ_GROUP, text + len, ref);
	return resolve(DRP_OBJ_SYNC, text, ref);
}

static int add_sync_pairs(struct request *req, const struct args *a, const char *pool)
{
	struct ref pair;
	unsigned int i;
	int status;

	for (i = 0; i < a->nr_sync_pairs; i++) {
		status = resolve(DRP_OBJ_SYNC, a->sync_pairs[i], &pair);
		if (status)
			return status;
		ref_free(&pair);
		if (strcmp(pair.pool, pool))
			return fail(drp_rv_to_exit_status(DRP_RV_INVALID_PARAMETER),
				    a->sync_pairs[i],
				    "Invalid Parameter (5): it is in the pool %s, not in %s; all pairs are in one pool",
				    pair.pool, pool);
		req_u64(req, DRP_A_SYNC_PAIR, pair.id);
	}
	return 0;
}

/* Whose roles have changed wants to see them. */
static void say_roles(const struct ref *sync)
{
	struct refusal refusal;
	struct record now;

	if (ref_fetch(sync, &now, &refusal))
		return;
	printf("  %s is the source now, %s the target\n", rec_str(&now, DRP_A_SOURCE_NAME),
	       rec_str(&now, DRP_A_TARGET_NAME));
	record_free(&now);
}

static int operate(struct report *report, const struct args *a, u16 operation, const char *subject)
{
	struct record answer = { 0 };
	struct request *req;
	bool device = false;
	struct ref ref;
	int status;

	status = resolve_subject(subject, &ref);
	if (!status && operation == DRP_OP_RETURN_TO_RESOURCE_POOL && !opt(a, OPT_DRY_RUN))
		status = snapshot_device_remove(&ref, &device);
	if (status) {
		if (!report->status)
			report->status = status;
		return status;
	}
	req = req_new(DRP_CMD_MODIFY_SYNC);
	req_ref(req, &ref);
	req_u16(req, DRP_A_OPERATION, operation);
	req_options(req, a);
	status = add_sync_pairs(req, a, ref.pool);
	if (status) {
		req_free(req);
		report->status = status;
	} else {
		status = report_method(report, a, req, ref.qualified, &ref, DRP_OBJ_NONE, &answer);
		if (!status && rec_has(&answer, DRP_A_UPDATED_SYNC_ID) && !opt(a, OPT_DRY_RUN) &&
		    !report->root)
			say_roles(&ref);
		/* Refused: its target stays. */
		if (device && !answer.attrs)
			snapshot_device_again(&ref);
		record_free(&answer);
	}
	ref_free(&ref);
	return status;
}

static int run_operation(const struct args *a)
{
	struct report report;
	unsigned int i;
	int status;

	status = wait_prepare(a);
	if (status)
		return status;
	report_start(&report, a->argc > 1);
	for (i = 0; i < a->argc; i++)
		operate(&report, a, a->command->operation, a->argv[i]);
	return report_end(&report);
}

static int modify(const struct args *a)
{
	struct report report;
	u32 operation;
	int status;

	if (!opt(a, OPT_OPERATION))
		return fail(EX_USAGE, "--operation", "missing; see 'replctl help modify'");
	if (!opt(a, OPT_SYNCHRONIZATION))
		return fail(EX_USAGE, "--synchronization", "missing; see 'replctl help modify'");
	if (drp_parse_name(DRP_ENUM_OPERATION, a->value[OPT_OPERATION], &operation))
		return fail(EX_USAGE, a->value[OPT_OPERATION],
			    "not an operation; 'replctl help' lists them, e.g. 12 or fracture");
	status = wait_prepare(a);
	if (status)
		return status;
	report_start(&report, false);
	operate(&report, a, operation, a->value[OPT_SYNCHRONIZATION]);
	return report_end(&report);
}

#define COMMON	(O(FORCE) | O(SETTING) | O(WAIT_FOR_COPY_STATE) | O(TIMEOUT) | O(DRY_RUN))
#define USAGE	"SYNC... [--force] [--setting KEY=VALUE]... [--wait-for-copy-state STATE] [--timeout SECONDS] [--dry-run]"
#define PAIR_USAGE	"group:GROUP [--sync-pair SYNC]... [--force] [--setting KEY=VALUE]... [--wait-for-copy-state STATE] [--timeout SECONDS] [--dry-run]"
#define SEVERAL	"With several SYNCs each is operated on in turn and the exit status is that of the\n" \
	"first failure; group:GROUP operates on all members at one instant (not built yet)."

#define VERB(verb, number, summary, example)	\
	{ verb, run_operation, summary, USAGE, SEVERAL, example, COMMON, 1, MANY, number }
#define TURN(verb, number, summary, details, example)	\
	{ verb, run_operation, summary, USAGE, details "\n\n" SEVERAL, example, COMMON, 1, MANY, \
	  number }
#define GROUP_VERB(verb, number, summary, pairs, usage, example)	\
	{ verb, run_operation, summary, usage, "Groups are not built yet.", example, COMMON | (pairs), 1, 1, number }

DEFINE_COMMANDS(operation) = {
	VERB("abort", DRP_OP_ABORT, "Stop a copy and keep what it knows (2)",
	     "replctl abort tank/home-copy"),
	GROUP_VERB("activate-consistency", DRP_OP_ACTIVATE_CONSISTENCY,
		   "Keep the members of a group consistent (3)", O(SYNC_PAIR), PAIR_USAGE,
		   "replctl activate-consistency group:tank/database"),
	VERB("activate", DRP_OP_ACTIVATE, "Start an inactive, prepared or initialized one (4)",
	     "replctl activate tank/home-copy --wait-for-copy-state synchronized"),
	GROUP_VERB("add-sync-pair", DRP_OP_ADD_SYNC_PAIR, "Add a member to a group's synchronization (5)",
		   O(SYNC_PAIR), PAIR_USAGE,
		   "replctl add-sync-pair group:tank/database --sync-pair tank/log-copy"),
	GROUP_VERB("deactivate-consistency", DRP_OP_DEACTIVATE_CONSISTENCY,
		   "Stop keeping the members of a group consistent (6)", O(SYNC_PAIR), PAIR_USAGE,
		   "replctl deactivate-consistency group:tank/database"),
	VERB("deactivate", DRP_OP_DEACTIVATE, "Stop mirroring, to Inactive (7)",
	     "replctl deactivate tank/home-copy"),
	VERB("detach", DRP_OP_DETACH, "Remove the association, both sides become independent (8)",
	     "replctl detach tank/home-copy\nreplctl detach tank/home-copy --force --dry-run"),
	VERB("dissolve", DRP_OP_DISSOLVE, "Detach and leave an aspect, the point in time (9)",
	     "replctl dissolve tank/home-copy"),
	TURN("failover", DRP_OP_FAILOVER, "Let the hosts go on with the target (10)",
	     "The source is blocked, drained and protected, then the target becomes writable and its\n"
	     "changes are tracked. Stop what writes to the source and unmount it first. Nothing is\n"
	     "lost from Synchronized. When the source's disk is gone, writes that the target never got\n"
	     "are lost: the refusal says so, --force consents. Failback or reverse-roles comes next.",
	     "replctl failover tank/home-copy --dry-run\n"
	     "replctl failover tank/home-copy --wait-for-copy-state failedover"),
	TURN("failback", DRP_OP_FAILBACK, "Copy the target's changes back after a failover (11)",
	     "Unmount the target first. The source can be used at once and shows the target's content;\n"
	     "the data follows, and the mirror ends Synchronized with the roles that it had. Writes of\n"
	     "the source that the target never got are overwritten, with --force only.",
	     "replctl failback tank/home-copy --dry-run\n"
	     "replctl failback tank/home-copy --wait-for-copy-state synchronized"),
	VERB("fracture", DRP_OP_FRACTURE, "Stop mirroring, both sides writable, changes tracked (12)",
	     "replctl fracture tank/home-copy\nreplctl fracture home-copy log-copy"),
	GROUP_VERB("remove-sync-pair", DRP_OP_REMOVE_SYNC_PAIR,
		   "Remove a member from a group's synchronization (13)", O(SYNC_PAIR), PAIR_USAGE,
		   "replctl remove-sync-pair group:tank/database --sync-pair tank/log-copy"),
	VERB("resync-replica", DRP_OP_RESYNC_REPLICA, "Copy what differs to the target again (14)",
	     "replctl resync-replica tank/home-copy --wait-for-copy-state synchronized\n"
	     "replctl resync-replica tank/home-copy --dry-run"),
	TURN("restore-from-replica", DRP_OP_RESTORE_FROM_REPLICA, "Copy what differs back to the source (15)",
	     "The source becomes what the target is: after a split or fracture, or what a snapshot\n"
	     "shows. Unmount both first. The source can be used at once and shows the target's content;\n"
	     "the data follows. What was written to the source since is overwritten, with --force only.\n"
	     "It ends Restored: both sides writable. resync-replica then mirrors again, or takes a\n"
	     "snapshot's next point in time; other snapshots of the source keep theirs.",
	     "replctl restore-from-replica tank/home-copy --dry-run\n"
	     "replctl restore-from-replica tank/home-copy --dry-run --force\n"
	     "replctl restore-from-replica tank/home-copy --force --wait-for-copy-state restored"),
	VERB("resume", DRP_OP_RESUME, "Go on after suspend (16)", "replctl resume tank/home-copy"),
	VERB("reset-to-sync", DRP_OP_RESET_TO_SYNC, "Make the mode synchronous (17)",
	     "replctl reset-to-sync tank/home-copy"),
	VERB("reset-to-async", DRP_OP_RESET_TO_ASYNC, "Make the mode asynchronous (18; not built yet)",
	     "replctl reset-to-async tank/home-copy"),
	TURN("return-to-resource-pool", DRP_OP_RETURN_TO_RESOURCE_POOL,
	     "Delete a snapshot and free its space (19)",
	     "Its target goes, and the device of that; what uses it must be stopped before. The space\n"
	     "is back when the job ends.",
	     "replctl return-to-resource-pool tank/monday"),
	TURN("reverse-roles", DRP_OP_REVERSE_ROLES, "Swap source and target (20)",
	     "From Synchronized it stays Synchronized; unmount the source first. From Failedover the\n"
	     "target, which the hosts use, becomes the source and nothing is interrupted; it ends\n"
	     "Suspended, and resume copies to the other side. UpdatedSynchronization is returned.",
	     "replctl reverse-roles tank/home-copy --dry-run\n"
	     "replctl reverse-roles tank/home-copy\n"
	     "replctl resume tank/home-copy --wait-for-copy-state synchronized"),
	VERB("split", DRP_OP_SPLIT, "Fracture at one instant, the target is consistent (21)",
	     "replctl split tank/home-copy\nreplctl split tank/home-copy --setting deadline_ms=500"),
	VERB("suspend", DRP_OP_SUSPEND, "Stop copying for a while, the target stays protected (22)",
	     "replctl suspend tank/home-copy"),
	VERB("unprepare", DRP_OP_UNPREPARE, "Forget what is equal, to Prepared (23)",
	     "replctl unprepare tank/home-copy"),
	VERB("prepare", DRP_OP_PREPARE, "The same as unprepare (24)",
	     "replctl prepare tank/home-copy"),
	{ "modify", modify, "Any operation by number or name",
	  "--operation OPERATION --synchronization SYNC [--sync-pair SYNC]... [--force] [--setting KEY=VALUE]... [--wait-for-copy-state STATE] [--timeout SECONDS] [--dry-run]",
	  "ModifyReplicaSynchronization with all its parameters.",
	  "replctl modify --operation 12 --synchronization tank/home-copy\n"
	  "replctl modify --operation resync-replica --synchronization tank/home-copy --dry-run",
	  COMMON | O(OPERATION) | O(SYNCHRONIZATION) | O(SYNC_PAIR), 0, 0, 0 },
};
END_COMMANDS(operation);
