/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rules of the state table as data; included by state.c alone.
 *
 * The rules of one (SyncType, Operation) stand together, the first that matches
 * decides, and the last matches every state. No condition looks at Force:
 * Force only turns a CONSENT rule from a refusal into an execution, so it can
 * never lead somewhere else.
 *
 * A rule without REV speaks of syncs whose source is not being overwritten.
 * While a restore or failback is unfinished (reverse) only REV rules count,
 * because then the target may hold the only copy of regions of the source.
 */
#ifndef DRP_CORE_STATE_RULES_H
#define DRP_CORE_STATE_RULES_H

#include "types.h"

/* What the first copied region, a leg's loss or a host's write has left behind. */
#define MIX	BIT(0)		/* target_consistent is false */
#define LAG	BIT(1)		/* in_sync is false */
#define SRC	BIT(2)		/* source_changed */
#define TGT	BIT(3)		/* target_changed */
#define REV	BIT(4)		/* reverse */

#define CS_I	BIT(DRP_CS_INITIALIZED)
#define CS_U	BIT(DRP_CS_UNSYNCHRONIZED)
#define CS_S	BIT(DRP_CS_SYNCHRONIZED)
#define CS_B	BIT(DRP_CS_BROKEN)
#define CS_F	BIT(DRP_CS_FRACTURED)
#define CS_SP	BIT(DRP_CS_SPLIT)
#define CS_IN	BIT(DRP_CS_INACTIVE)
#define CS_SU	BIT(DRP_CS_SUSPENDED)
#define CS_FO	BIT(DRP_CS_FAILEDOVER)
#define CS_PR	BIT(DRP_CS_PREPARED)
#define CS_AB	BIT(DRP_CS_ABORTED)
#define CS_SK	BIT(DRP_CS_SKEWED)
#define CS_PA	BIT(DRP_CS_PARTITIONED)
#define CS_IV	BIT(DRP_CS_INVALID)
#define CS_RE	BIT(DRP_CS_RESTORED)
#define ANY	(~0U)

#define MIRROR_STATES	(CS_I | CS_U | CS_S | CS_B | CS_F | CS_SP | CS_IN | CS_SU | CS_FO | \
			 CS_PR | CS_AB | CS_SK | CS_PA | CS_IV | CS_RE)
/* Unsynchronized and Suspended: only while a restore copies */
#define SNAPSHOT_STATES	(CS_U | CS_S | CS_B | CS_IN | CS_SU | CS_SK | CS_PA | CS_IV | CS_RE)
#define CLONE_STATES	(CS_U | CS_S | CS_B | CS_F | CS_SP | CS_IN | CS_SU | CS_PR | CS_AB | \
			 CS_SK | CS_PA | CS_IV | CS_RE)

/* Separated on purpose: hosts may write both sides. */
#define APART		(CS_F | CS_SP | CS_SK | CS_RE)

enum rule_kind {
	RUN,			/* execute */
	CONSENT,		/* execute with Force, else Force Required */
	SAME,			/* the asked state holds: no change */
	NO,			/* Invalid State */
};

enum effect_id {
	E_NONE,
	E_ABORT,
	E_ABORT_REVERSE,
	E_SYNCHRONIZE,
	E_POINT,
	E_RESYNC,
	E_NEW_POINT,
	E_DEACTIVATE,
	E_DROP_POINT,
	E_FRACTURE,
	E_SPLIT,
	E_CONTINUE,
	E_RESTORE,
	E_CONTINUE_RESTORE,
	E_FAILOVER,
	E_FAILBACK,
	E_CONTINUE_FAILBACK,
	E_SWAP,
	E_SWAP_FAILEDOVER,
	E_SUSPEND,
	E_PREPARE,
	E_DETACH,
	E_DISSOLVE,
	E_RETURN,
};

#define REMOVES		BIT(0)
#define COPIES		BIT(1)	/* a job */
#define OVER_SRC	BIT(2)	/* overwrites the source */
#define OVER_TGT	BIT(3)
#define REVERSES	BIT(4)	/* runs with reverse set */
#define KEEPS_REVERSE	BIT(5)	/* an unfinished restore stays unfinished */
#define SWAPS		BIT(6)	/* source and target change places */

static const struct effect {
	u8 during;		/* 0: stays */
	u8 progress_during;
	u8 after;
	u8 progress_after;
	u8 flags;
} effects[] = {
	[E_NONE]	= { },
	[E_ABORT]	= { 0, DRP_PS_ABORTING, DRP_CS_ABORTED, DRP_PS_REQUIRES_RESYNC, 0 },
	[E_ABORT_REVERSE] = { 0, DRP_PS_ABORTING, DRP_CS_BROKEN, DRP_PS_NOT_APPLICABLE,
			      KEEPS_REVERSE },
	[E_SYNCHRONIZE]	= { DRP_CS_UNSYNCHRONIZED, DRP_PS_SYNCHRONIZING,
			    DRP_CS_SYNCHRONIZED, DRP_PS_COMPLETED, COPIES | OVER_TGT },
	[E_POINT]	= { 0, DRP_PS_INITIALIZING, DRP_CS_SYNCHRONIZED, DRP_PS_COMPLETED, 0 },
	[E_RESYNC]	= { DRP_CS_UNSYNCHRONIZED, DRP_PS_RESYNCING,
			    DRP_CS_SYNCHRONIZED, DRP_PS_COMPLETED, COPIES | OVER_TGT },
	[E_NEW_POINT]	= { 0, DRP_PS_RESYNCING, DRP_CS_SYNCHRONIZED, DRP_PS_COMPLETED, OVER_TGT },
	[E_DEACTIVATE]	= { 0, DRP_PS_SUSPENDING, DRP_CS_INACTIVE, DRP_PS_DORMANT, 0 },
	[E_DROP_POINT]	= { 0, DRP_PS_TERMINATING, DRP_CS_INACTIVE, DRP_PS_DORMANT, OVER_TGT },
	[E_FRACTURE]	= { 0, DRP_PS_FRACTURING, DRP_CS_FRACTURED, DRP_PS_COMPLETED, 0 },
	[E_SPLIT]	= { 0, DRP_PS_SPLITTING, DRP_CS_SPLIT, DRP_PS_COMPLETED, 0 },
	/* Continuing shows hosts nothing new: they read through to the other side all along. */
	[E_CONTINUE]	= { DRP_CS_UNSYNCHRONIZED, DRP_PS_SYNCHRONIZING,
			    DRP_CS_SYNCHRONIZED, DRP_PS_COMPLETED, COPIES },
	[E_RESTORE]	= { DRP_CS_UNSYNCHRONIZED, DRP_PS_RESTORING,
			    DRP_CS_RESTORED, DRP_PS_COMPLETED, COPIES | OVER_SRC | REVERSES },
	[E_CONTINUE_RESTORE] = { DRP_CS_UNSYNCHRONIZED, DRP_PS_RESTORING,
				 DRP_CS_RESTORED, DRP_PS_COMPLETED, COPIES | REVERSES },
	[E_FAILOVER]	= { 0, DRP_PS_FAILING_OVER, DRP_CS_FAILEDOVER, DRP_PS_COMPLETED, 0 },
	[E_FAILBACK]	= { DRP_CS_UNSYNCHRONIZED, DRP_PS_FAILING_BACK,
			    DRP_CS_SYNCHRONIZED, DRP_PS_COMPLETED, COPIES | OVER_SRC | REVERSES },
	[E_CONTINUE_FAILBACK] = { DRP_CS_UNSYNCHRONIZED, DRP_PS_FAILING_BACK,
				  DRP_CS_SYNCHRONIZED, DRP_PS_COMPLETED, COPIES | REVERSES },
	[E_SWAP]	= { 0, DRP_PS_PENDING, DRP_CS_SYNCHRONIZED, DRP_PS_COMPLETED, SWAPS },
	[E_SWAP_FAILEDOVER] = { 0, DRP_PS_PENDING, DRP_CS_SUSPENDED, DRP_PS_REQUIRES_RESUME,
				SWAPS },
	[E_SUSPEND]	= { 0, DRP_PS_SUSPENDING, DRP_CS_SUSPENDED, DRP_PS_DORMANT,
			    KEEPS_REVERSE },
	[E_PREPARE]	= { 0, DRP_PS_PREPARING, DRP_CS_PREPARED, DRP_PS_REQUIRES_ACTIVATE, 0 },
	[E_DETACH]	= { 0, DRP_PS_DETACHING, 0, 0, REMOVES },
	[E_DISSOLVE]	= { 0, DRP_PS_TERMINATING, 0, 0, REMOVES },
	[E_RETURN]	= { 0, DRP_PS_TERMINATING, 0, 0, REMOVES | COPIES | OVER_TGT },
};

struct rule {
	u8 operation;
	u8 kind;		/* enum rule_kind */
	u8 when;		/* all of these must hold; without REV: reverse must not */
	u8 effect;		/* enum effect_id */
	u32 from;		/* copy states */
	const char *reason;
};

#define MIXED_TARGET	"the target is a mix of two points in time, nobody has seen that content"
#define LOST_WRITES	"writes that the target never got are lost to those who use the target"
#define HALF_COPIED	"the copy is not finished, the target stays a mix of two points in time"
#define SOURCE_NEWER	"the source changed since, those changes are overwritten"
#define NOT_ATTACHED	"the target element is not attached: attach its device first"
#define KEEP_REACHABLE	"only the target has the last writes: use Failback, Reverse Roles or Detach"

static const struct rule mirror_rules[] = {
	{ DRP_OP_ABORT, SAME, 0, E_NONE, CS_AB, "already Aborted" },
	{ DRP_OP_ABORT, RUN, 0, E_ABORT, CS_U | CS_I,
	  "the copy stops, what differs stays recorded" },
	{ DRP_OP_ABORT, CONSENT, REV, E_ABORT_REVERSE, CS_U,
	  "the source stays half restored until Restore from Replica or Failback is done again" },
	{ DRP_OP_ABORT, NO, 0, E_NONE, ANY,
	  "Abort needs a running copy or an Initialized mirror" },

	{ DRP_OP_ACTIVATE, RUN, 0, E_SYNCHRONIZE, CS_IN | CS_PR | CS_I, "copies what differs" },
	{ DRP_OP_ACTIVATE, SAME, 0, E_NONE, CS_S | CS_U, "already active" },
	{ DRP_OP_ACTIVATE, NO, 0, E_NONE, CS_SU, "the mirror is suspended: use Resume" },
	{ DRP_OP_ACTIVATE, NO, 0, E_NONE, APART | CS_B | CS_AB | CS_IV,
	  "use Resync Replica: Activate starts from Inactive, Prepared or Initialized" },
	{ DRP_OP_ACTIVATE, NO, 0, E_NONE, ANY,
	  "Activate starts from Inactive, Prepared or Initialized" },

	/* Not from Invalid: Deactivate and Activate would be Resync without its Force. */
	{ DRP_OP_DEACTIVATE, SAME, 0, E_NONE, CS_IN, "already Inactive" },
	{ DRP_OP_DEACTIVATE, CONSENT, 0, E_DEACTIVATE, CS_U, HALF_COPIED },
	{ DRP_OP_DEACTIVATE, RUN, 0, E_DEACTIVATE,
	  CS_S | CS_SU | APART | CS_B | CS_AB | CS_PR | CS_I | CS_PA,
	  "stops mirroring, what differs is recorded, the target is protected" },
	{ DRP_OP_DEACTIVATE, NO, 0, E_NONE, CS_IV,
	  "the target cannot be trusted: Resync Replica with Force or Detach with Force" },
	{ DRP_OP_DEACTIVATE, NO, 0, E_NONE, ANY, KEEP_REACHABLE },

	{ DRP_OP_DETACH, CONSENT, MIX, E_DETACH, ANY, MIXED_TARGET },
	{ DRP_OP_DETACH, RUN, 0, E_DETACH, CS_S | CS_F | CS_SP | CS_SU | CS_FO,
	  "the association goes, both elements are independent" },
	{ DRP_OP_DETACH, CONSENT, 0, E_DETACH, ANY,
	  "source and target may differ and what differs will no longer be known" },

	{ DRP_OP_DISSOLVE, CONSENT, MIX, E_DISSOLVE, ANY, MIXED_TARGET },
	{ DRP_OP_DISSOLVE, RUN, 0, E_DISSOLVE, CS_S | CS_F | CS_SP | CS_SU | CS_FO,
	  "the association goes and leaves an aspect, both elements are independent" },
	{ DRP_OP_DISSOLVE, CONSENT, 0, E_DISSOLVE, ANY,
	  "source and target may differ and what differs will no longer be known" },

	{ DRP_OP_FAILOVER, SAME, 0, E_NONE, CS_FO, "already Failedover" },
	{ DRP_OP_FAILOVER, CONSENT, MIX, E_FAILOVER, CS_U | CS_S | CS_B | CS_PA | CS_SU,
	  MIXED_TARGET },
	{ DRP_OP_FAILOVER, CONSENT, LAG, E_FAILOVER, CS_U | CS_S | CS_B | CS_PA | CS_SU,
	  LOST_WRITES },
	{ DRP_OP_FAILOVER, CONSENT, 0, E_FAILOVER, CS_U, HALF_COPIED },
	{ DRP_OP_FAILOVER, RUN, 0, E_FAILOVER, CS_S | CS_B | CS_PA | CS_SU,
	  "the source is protected, the target takes the writes" },
	{ DRP_OP_FAILOVER, NO, 0, E_NONE, ANY,
	  "Failover needs a mirror with a running, suspended, lost or finished copy" },

	/* The second consent is not idle: until now the source still had those writes. */
	{ DRP_OP_FAILBACK, SAME, 0, E_NONE, CS_S, "roles are as before" },
	{ DRP_OP_FAILBACK, CONSENT, MIX, E_FAILBACK, CS_FO, MIXED_TARGET },
	{ DRP_OP_FAILBACK, CONSENT, SRC, E_FAILBACK, CS_FO, SOURCE_NEWER },
	{ DRP_OP_FAILBACK, RUN, 0, E_FAILBACK, CS_FO,
	  "the target's changes go back to the source" },
	{ DRP_OP_FAILBACK, RUN, REV, E_CONTINUE_FAILBACK, CS_B | CS_SU,
	  "continues copying to the source" },
	{ DRP_OP_FAILBACK, NO, 0, E_NONE, ANY, "Failback needs a mirror that is Failedover" },

	{ DRP_OP_FRACTURE, SAME, 0, E_NONE, CS_F, "already Fractured" },
	{ DRP_OP_FRACTURE, CONSENT, 0, E_FRACTURE, CS_U, HALF_COPIED },
	{ DRP_OP_FRACTURE, CONSENT, MIX, E_FRACTURE, CS_S | CS_SU | CS_RE, MIXED_TARGET },
	/* Restored: hosts already write both sides, only the name of that changes. */
	{ DRP_OP_FRACTURE, RUN, 0, E_FRACTURE, CS_S | CS_SU | CS_RE,
	  "both sides become writable, their changes are tracked" },
	{ DRP_OP_FRACTURE, NO, 0, E_NONE, ANY,
	  "Fracture needs a Synchronized, Suspended, Restored or Unsynchronized mirror" },

	{ DRP_OP_SPLIT, SAME, 0, E_NONE, CS_SP, "already Split" },
	{ DRP_OP_SPLIT, NO, MIX, E_NONE, CS_S | CS_SU,
	  "a Split promises a consistent target: finish the copy first, or Fracture with Force" },
	{ DRP_OP_SPLIT, RUN, 0, E_SPLIT, CS_S | CS_SU,
	  "both sides become writable at one consistent moment, their changes are tracked" },
	{ DRP_OP_SPLIT, NO, 0, E_NONE, CS_U,
	  "the copy is not finished, a Split promises a consistent target: wait for Synchronized" },
	{ DRP_OP_SPLIT, NO, 0, E_NONE, ANY,
	  "Split needs a mirror that is Synchronized or Suspended" },

	{ DRP_OP_RESYNC_REPLICA, SAME, 0, E_NONE, CS_S | CS_U, "already synchronized or copying" },
	{ DRP_OP_RESYNC_REPLICA, RUN, 0, E_RESYNC, APART | CS_B | CS_AB,
	  "copies what differs, the target's own changes are discarded" },
	{ DRP_OP_RESYNC_REPLICA, CONSENT, 0, E_RESYNC, CS_IV,
	  "what differs is unknown, the target may be another disk: all of it is overwritten" },
	{ DRP_OP_RESYNC_REPLICA, NO, 0, E_NONE, CS_SU, "the mirror is suspended: use Resume" },
	{ DRP_OP_RESYNC_REPLICA, NO, 0, E_NONE, CS_PA, NOT_ATTACHED },
	{ DRP_OP_RESYNC_REPLICA, NO, 0, E_NONE, CS_FO, KEEP_REACHABLE },
	{ DRP_OP_RESYNC_REPLICA, NO, 0, E_NONE, ANY, "the mirror is not active: use Activate" },

	{ DRP_OP_RESTORE_FROM_REPLICA, CONSENT, MIX, E_RESTORE, APART, MIXED_TARGET },
	{ DRP_OP_RESTORE_FROM_REPLICA, CONSENT, SRC, E_RESTORE, APART, SOURCE_NEWER },
	{ DRP_OP_RESTORE_FROM_REPLICA, RUN, TGT, E_RESTORE, CS_RE,
	  "the source becomes what the target is" },
	{ DRP_OP_RESTORE_FROM_REPLICA, SAME, 0, E_NONE, CS_RE, "already Restored and unchanged" },
	{ DRP_OP_RESTORE_FROM_REPLICA, RUN, 0, E_RESTORE, APART,
	  "the source becomes what the target is" },
	{ DRP_OP_RESTORE_FROM_REPLICA, RUN, REV, E_CONTINUE_RESTORE, CS_B,
	  "continues copying to the source" },
	/* The only way out when nobody knows which side holds which region. */
	{ DRP_OP_RESTORE_FROM_REPLICA, CONSENT, REV, E_RESTORE, CS_IV,
	  "which regions were restored is not known: all of the source is overwritten" },
	{ DRP_OP_RESTORE_FROM_REPLICA, NO, REV, E_NONE, CS_SU,
	  "a restore is suspended: use Resume" },
	{ DRP_OP_RESTORE_FROM_REPLICA, NO, 0, E_NONE, ANY,
	  "Restore from Replica needs a mirror that is Fractured, Split, Skewed or Restored" },

	{ DRP_OP_SUSPEND, SAME, 0, E_NONE, CS_SU, "already Suspended" },
	{ DRP_OP_SUSPEND, SAME, REV, E_NONE, CS_SU, "already Suspended" },
	{ DRP_OP_SUSPEND, RUN, 0, E_SUSPEND, CS_U | CS_S,
	  "stops copying and mirroring, the source's writes are recorded" },
	{ DRP_OP_SUSPEND, RUN, REV, E_SUSPEND, CS_U, "stops copying to the source" },
	{ DRP_OP_SUSPEND, NO, 0, E_NONE, ANY,
	  "Suspend needs a mirror that is Synchronized or Unsynchronized" },

	/* After an unplanned failover and Reverse Roles the target can have writes of its own. */
	{ DRP_OP_RESUME, CONSENT, TGT, E_RESYNC, CS_SU,
	  "the target has changes of its own, they are discarded" },
	{ DRP_OP_RESUME, RUN, 0, E_RESYNC, CS_SU, "copies what was recorded meanwhile" },
	{ DRP_OP_RESUME, RUN, REV, E_CONTINUE_RESTORE, CS_SU, "continues copying to the source" },
	{ DRP_OP_RESUME, SAME, 0, E_NONE, CS_S | CS_U, "not suspended" },
	{ DRP_OP_RESUME, SAME, REV, E_NONE, CS_U, "not suspended" },
	{ DRP_OP_RESUME, NO, 0, E_NONE, ANY, "Resume needs a mirror that is Suspended" },

	/* Mode is not a copy state; catching up is part of changing it. */
	{ DRP_OP_RESET_TO_SYNC, NO, 0, E_NONE, CS_FO | CS_PA | CS_IV,
	  "Mode can be changed while source and target are connected" },
	{ DRP_OP_RESET_TO_SYNC, SAME, 0, E_NONE, ANY, "only Mode changes" },
	{ DRP_OP_RESET_TO_SYNC, SAME, REV, E_NONE, CS_U | CS_SU | CS_B, "only Mode changes" },

	{ DRP_OP_REVERSE_ROLES, NO, MIX, E_NONE, CS_S,
	  "the target is not consistent: wait for the copy" },
	{ DRP_OP_REVERSE_ROLES, NO, LAG, E_NONE, CS_S,
	  "the target lags behind: wait until it has caught up, or use Failover" },
	{ DRP_OP_REVERSE_ROLES, RUN, 0, E_SWAP, CS_S, "source and target change places" },
	{ DRP_OP_REVERSE_ROLES, RUN, 0, E_SWAP_FAILEDOVER, CS_FO,
	  "the element that takes the writes becomes the source; Resume then copies to the other" },
	{ DRP_OP_REVERSE_ROLES, NO, 0, E_NONE, ANY,
	  "Reverse Roles needs a mirror that is Synchronized or Failedover" },

	{ DRP_OP_PREPARE, SAME, 0, E_NONE, CS_PR, "already Prepared" },
	{ DRP_OP_PREPARE, RUN, 0, E_PREPARE, CS_IN | CS_AB | CS_B | CS_F | CS_SP | CS_I,
	  "all regions are marked, Activate then copies everything" },
	{ DRP_OP_PREPARE, NO, 0, E_NONE, ANY,
	  "needs a mirror that is Inactive, Aborted, Broken, Fractured, Split or Initialized" },
};

#define SNAPSHOT_LOST	"the point in time and what was written to the target are dropped"
#define SOURCE_MISSING	"the source element is not attached: attach its device first"

static const struct rule snapshot_rules[] = {
	{ DRP_OP_ABORT, CONSENT, REV, E_ABORT_REVERSE, CS_U,
	  "the source stays half restored until Restore from Replica is done again" },
	{ DRP_OP_ABORT, NO, 0, E_NONE, ANY, "Abort needs a running restore" },

	{ DRP_OP_ACTIVATE, SAME, 0, E_NONE, CS_S, "already active" },
	{ DRP_OP_ACTIVATE, RUN, 0, E_POINT, CS_IN, "takes the point in time" },
	{ DRP_OP_ACTIVATE, NO, 0, E_NONE, ANY,
	  "Activate starts from Inactive; Resync Replica takes a new point in time" },

	/* Not from Partitioned and Invalid: Return To ResourcePool with Force ends those. */
	{ DRP_OP_DEACTIVATE, SAME, 0, E_NONE, CS_IN, "already Inactive" },
	{ DRP_OP_DEACTIVATE, RUN, 0, E_DROP_POINT, CS_S | CS_SK | CS_RE | CS_B, SNAPSHOT_LOST },
	{ DRP_OP_DEACTIVATE, NO, 0, E_NONE, ANY,
	  "Deactivate needs a snapshot that is Synchronized, Skewed, Restored or Broken" },

	{ DRP_OP_DISSOLVE, RUN, 0, E_DISSOLVE, CS_S | CS_SK | CS_RE,
	  "the point in time stays as an aspect, the target element lives on without a sync" },
	{ DRP_OP_DISSOLVE, NO, 0, E_NONE, CS_B | CS_IN,
	  "there is no point in time that could stay: use Return To ResourcePool" },
	{ DRP_OP_DISSOLVE, NO, 0, E_NONE, ANY,
	  "Dissolve needs a snapshot that is Synchronized, Skewed or Restored" },

	{ DRP_OP_RESYNC_REPLICA, RUN, 0, E_NEW_POINT, CS_S | CS_SK | CS_RE | CS_B | CS_IN,
	  "takes a new point in time, the old one and the target's changes are dropped" },
	{ DRP_OP_RESYNC_REPLICA, CONSENT, 0, E_NEW_POINT, CS_IV, SNAPSHOT_LOST },
	{ DRP_OP_RESYNC_REPLICA, NO, 0, E_NONE, CS_PA, SOURCE_MISSING },
	{ DRP_OP_RESYNC_REPLICA, NO, 0, E_NONE, ANY,
	  "Resync Replica needs a snapshot that is not restoring" },

	{ DRP_OP_RESTORE_FROM_REPLICA, CONSENT, SRC, E_RESTORE, CS_S | CS_SK | CS_RE,
	  SOURCE_NEWER },
	{ DRP_OP_RESTORE_FROM_REPLICA, RUN, 0, E_RESTORE, CS_S | CS_SK | CS_RE,
	  "the source becomes what the snapshot is" },
	{ DRP_OP_RESTORE_FROM_REPLICA, RUN, REV, E_CONTINUE_RESTORE, CS_B,
	  "continues copying to the source" },
	{ DRP_OP_RESTORE_FROM_REPLICA, CONSENT, REV, E_RESTORE, CS_IV,
	  "which regions were restored is not known: what was written since then is overwritten" },
	{ DRP_OP_RESTORE_FROM_REPLICA, NO, REV, E_NONE, CS_SU,
	  "a restore is suspended: use Resume" },
	{ DRP_OP_RESTORE_FROM_REPLICA, NO, 0, E_NONE, CS_PA, SOURCE_MISSING },
	{ DRP_OP_RESTORE_FROM_REPLICA, NO, 0, E_NONE, ANY,
	  "Restore from Replica needs a snapshot that is Synchronized, Skewed or Restored" },

	{ DRP_OP_SUSPEND, SAME, REV, E_NONE, CS_SU, "already Suspended" },
	{ DRP_OP_SUSPEND, RUN, REV, E_SUSPEND, CS_U, "stops copying to the source" },
	{ DRP_OP_SUSPEND, NO, 0, E_NONE, ANY, "a snapshot copies only while it is restored" },
	{ DRP_OP_RESUME, SAME, REV, E_NONE, CS_U, "not suspended" },
	{ DRP_OP_RESUME, RUN, REV, E_CONTINUE_RESTORE, CS_SU, "continues copying to the source" },
	{ DRP_OP_RESUME, NO, 0, E_NONE, ANY, "a snapshot copies only while it is restored" },

	{ DRP_OP_RETURN_TO_RESOURCE_POOL, CONSENT, 0, E_RETURN, CS_PA,
	  "the source is not attached, so nobody can look at this point in time before it goes" },
	{ DRP_OP_RETURN_TO_RESOURCE_POOL, CONSENT, 0, E_RETURN, CS_IV,
	  "what the snapshot holds is not known" },
	{ DRP_OP_RETURN_TO_RESOURCE_POOL, RUN, 0, E_RETURN, CS_S | CS_SK | CS_RE | CS_B | CS_IN,
	  "the target element and the association go, the space is freed" },
	{ DRP_OP_RETURN_TO_RESOURCE_POOL, NO, 0, E_NONE, ANY,
	  "Return To ResourcePool needs a snapshot that is not restoring" },
};

static const struct rule clone_rules[] = {
	{ DRP_OP_ABORT, SAME, 0, E_NONE, CS_AB, "already Aborted" },
	{ DRP_OP_ABORT, CONSENT, TGT, E_ABORT, CS_U,
	  "what hosts wrote to the target is lost with the unfinished copy" },
	{ DRP_OP_ABORT, RUN, 0, E_ABORT, CS_U, "the copy stops, the target is not usable" },
	{ DRP_OP_ABORT, CONSENT, REV, E_ABORT_REVERSE, CS_U,
	  "the source stays half restored until Restore from Replica is done again" },
	{ DRP_OP_ABORT, NO, 0, E_NONE, ANY, "Abort needs a running copy" },

	{ DRP_OP_ACTIVATE, RUN, 0, E_SYNCHRONIZE, CS_IN | CS_PR,
	  "takes the point in time and copies it" },
	{ DRP_OP_ACTIVATE, SAME, 0, E_NONE, CS_S | CS_U, "already active" },
	{ DRP_OP_ACTIVATE, NO, 0, E_NONE, ANY,
	  "Activate starts from Inactive or Prepared; Resync Replica takes a new point in time" },

	/* A clone that is not copied may need regions that only the source holds. */
	{ DRP_OP_DEACTIVATE, SAME, 0, E_NONE, CS_IN, "already Inactive" },
	{ DRP_OP_DEACTIVATE, CONSENT, 0, E_DEACTIVATE, CS_U | CS_SU | CS_PA | CS_B | CS_AB, HALF_COPIED },
	{ DRP_OP_DEACTIVATE, RUN, 0, E_DEACTIVATE, CS_S | APART | CS_PR,
	  "the point in time is given up, what differs is recorded, the target is protected" },
	{ DRP_OP_DEACTIVATE, NO, 0, E_NONE, ANY,
	  "the target cannot be trusted: Resync Replica with Force or Detach with Force" },

	{ DRP_OP_DETACH, CONSENT, MIX, E_DETACH, ANY, MIXED_TARGET },
	{ DRP_OP_DETACH, CONSENT, 0, E_DETACH, CS_U | CS_SU, HALF_COPIED },
	{ DRP_OP_DETACH, CONSENT, 0, E_DETACH, CS_PA | CS_IV,
	  "what the target holds is not known" },
	{ DRP_OP_DETACH, RUN, 0, E_DETACH, ANY,
	  "the association goes, both elements are independent" },

	{ DRP_OP_DISSOLVE, CONSENT, MIX, E_DISSOLVE, ANY, MIXED_TARGET },
	{ DRP_OP_DISSOLVE, CONSENT, 0, E_DISSOLVE, CS_U | CS_SU, HALF_COPIED },
	{ DRP_OP_DISSOLVE, CONSENT, 0, E_DISSOLVE, CS_PA | CS_IV,
	  "what the target holds is not known" },
	{ DRP_OP_DISSOLVE, RUN, 0, E_DISSOLVE, ANY,
	  "the association goes and leaves an aspect, both elements are independent" },

	{ DRP_OP_FRACTURE, SAME, 0, E_NONE, CS_F, "already Fractured" },
	{ DRP_OP_FRACTURE, CONSENT, MIX, E_FRACTURE, CS_S | CS_RE, MIXED_TARGET },
	{ DRP_OP_FRACTURE, RUN, 0, E_FRACTURE, CS_S | CS_RE,
	  "both sides are independent, their changes are tracked" },
	{ DRP_OP_FRACTURE, NO, 0, E_NONE, ANY,
	  "Fracture needs a clone that is Synchronized or Restored" },

	{ DRP_OP_SPLIT, SAME, 0, E_NONE, CS_SP, "already Split" },
	{ DRP_OP_SPLIT, NO, MIX, E_NONE, CS_S,
	  "the target is not consistent, a Split promises that it is" },
	{ DRP_OP_SPLIT, RUN, 0, E_SPLIT, CS_S,
	  "both sides are independent, their changes are tracked" },
	{ DRP_OP_SPLIT, NO, 0, E_NONE, ANY, "Split needs a clone that is Synchronized" },

	{ DRP_OP_RESYNC_REPLICA, RUN, 0, E_RESYNC, CS_S | APART | CS_B | CS_AB,
	  "copies what differs from a new point in time, the target's own changes are discarded" },
	{ DRP_OP_RESYNC_REPLICA, CONSENT, 0, E_RESYNC, CS_IV,
	  "what differs is unknown, the target may be another disk: all of it is overwritten" },
	{ DRP_OP_RESYNC_REPLICA, NO, 0, E_NONE, CS_PA, NOT_ATTACHED },
	{ DRP_OP_RESYNC_REPLICA, NO, 0, E_NONE, CS_IN | CS_PR,
	  "the clone is not active: use Activate" },
	{ DRP_OP_RESYNC_REPLICA, NO, 0, E_NONE, ANY,
	  "the last point in time is still being copied: wait for it or Abort" },

	/* From Synchronized as well: a clone has no data flow for a Fracture to stop. */
	{ DRP_OP_RESTORE_FROM_REPLICA, CONSENT, MIX, E_RESTORE, CS_S | APART, MIXED_TARGET },
	{ DRP_OP_RESTORE_FROM_REPLICA, CONSENT, SRC, E_RESTORE, CS_S | APART, SOURCE_NEWER },
	{ DRP_OP_RESTORE_FROM_REPLICA, RUN, 0, E_RESTORE, CS_S | APART,
	  "the source becomes what the target is" },
	{ DRP_OP_RESTORE_FROM_REPLICA, RUN, REV, E_CONTINUE_RESTORE, CS_B,
	  "continues copying to the source" },
	{ DRP_OP_RESTORE_FROM_REPLICA, CONSENT, REV, E_RESTORE, CS_IV,
	  "which regions were restored is not known: all of the source is overwritten" },
	{ DRP_OP_RESTORE_FROM_REPLICA, NO, REV, E_NONE, CS_SU,
	  "a restore is suspended: use Resume" },
	{ DRP_OP_RESTORE_FROM_REPLICA, NO, 0, E_NONE, ANY,
	  "Restore from Replica needs a Synchronized, Fractured, Split, Skewed or Restored clone" },

	{ DRP_OP_SUSPEND, SAME, 0, E_NONE, CS_SU, "already Suspended" },
	{ DRP_OP_SUSPEND, SAME, REV, E_NONE, CS_SU, "already Suspended" },
	{ DRP_OP_SUSPEND, RUN, 0, E_SUSPEND, CS_U, "stops the background copy" },
	{ DRP_OP_SUSPEND, RUN, REV, E_SUSPEND, CS_U, "stops copying to the source" },
	{ DRP_OP_SUSPEND, NO, 0, E_NONE, ANY, "Suspend needs a clone that is copying" },
	{ DRP_OP_RESUME, RUN, 0, E_CONTINUE, CS_SU, "continues the background copy" },
	{ DRP_OP_RESUME, RUN, REV, E_CONTINUE_RESTORE, CS_SU, "continues copying to the source" },
	{ DRP_OP_RESUME, SAME, 0, E_NONE, CS_S | CS_U, "not suspended" },
	{ DRP_OP_RESUME, SAME, REV, E_NONE, CS_U, "not suspended" },
	{ DRP_OP_RESUME, NO, 0, E_NONE, ANY, "Resume needs a clone that is Suspended" },

	{ DRP_OP_PREPARE, SAME, 0, E_NONE, CS_PR, "already Prepared" },
	{ DRP_OP_PREPARE, CONSENT, 0, E_PREPARE, CS_AB | CS_B, HALF_COPIED },
	{ DRP_OP_PREPARE, RUN, 0, E_PREPARE, CS_IN | CS_F | CS_SP,
	  "all regions are marked, Activate then copies everything" },
	{ DRP_OP_PREPARE, NO, 0, E_NONE, ANY,
	  "needs a clone that is Inactive, Aborted, Broken, Fractured or Split" },
};

#endif /* DRP_CORE_STATE_RULES_H */
