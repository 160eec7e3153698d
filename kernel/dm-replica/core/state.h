/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one table of the state model: which Operation is possible in which
 * CopyState of which SyncType, what it leads to, when it needs Force, and what
 * the hosts may do meanwhile. Pure; any context.
 *
 * Source: CIM_ReplicationService.ModifyReplicaSynchronization and the value
 * maps of CIM_Synchronized (DMTF CIM 2.41); from-states that the schema leaves
 * to the implementation are this project's, published in
 * Documentation/operations.rst.
 */
#ifndef DRP_CORE_STATE_H
#define DRP_CORE_STATE_H

#include "types.h"

/*
 * Everything the decision depends on. "reverse": the source is being, or was
 * only half, overwritten by a restore or failback, so the target may hold the
 * only copy of some of its regions.
 */
struct drp_state_key {
	u16 sync_type;			/* enum drp_sync_type */
	u16 operation;			/* enum drp_operation */
	u16 copy_state;			/* enum drp_copy_state */
	bool target_consistent;
	bool in_sync;
	bool source_changed;		/* since the split, fracture or point in time */
	bool target_changed;
	bool reverse;			/* a restore or failback is unfinished (C plane exists) */
	bool force;
};

enum drp_verdict {
	DRP_VERDICT_EXECUTE,		/* do it */
	DRP_VERDICT_NO_CHANGE,		/* the asked state already holds: success */
	DRP_VERDICT_REFUSE,
};

struct drp_transition {
	enum drp_verdict verdict;
	u32 return_value;		/* of a refusal; 0 otherwise */
	bool needs_force;		/* Force is (or was) what lets it pass */
	bool removes;			/* the sync is gone afterwards */
	/* In Use rules apply: content is overwritten, or hosts may do less than before */
	bool overwrites_source;
	bool overwrites_target;
	bool starts_copy;		/* a job: *_during until it ends */
	u16 copy_state_during;		/* 0: stays as it is */
	u16 progress_during;		/* 0: stays as it is */
	u16 copy_state_after;		/* 0 if removed; as it was if nothing is done */
	u16 progress_after;		/* 0: stays as it is */
	const char *reason;		/* why not, what for Force, or what happens; never NULL */
};

/*
 * Decide @key. Always fills @t; after Force Required @t also says what Force
 * would lead to. Does not know what is built, nor Mode: Reset To Sync and Async
 * change no copy state and are DRP_VERDICT_NO_CHANGE here. A clone that hosts
 * wrote to while it was copied is Skewed where the table says Synchronized.
 */
void drp_state_decide(const struct drp_state_key *key, struct drp_transition *t);

/*
 * Is @operation meant for @sync_type at all (else Not Supported, or Invalid
 * Parameter for group operations)? Not whether it is built.
 */
bool drp_state_supported(u16 sync_type, u16 operation);

struct drp_host_access {
	u8 source;			/* enum drp_access */
	u8 target;
};

/*
 * What hosts may do in a state. @reverse as in the key. Writable implies
 * tracked. A state that the type does not have: nothing.
 */
struct drp_host_access drp_state_access(u16 sync_type, u16 copy_state, bool reverse);

/* May this CopyState be met by a sync of this type (valid row of the table)? */
bool drp_state_valid(u16 sync_type, u16 copy_state);

/*
 * Are writes of the source copied to the target (a leg of the write plan) in
 * this state? Mirror only, and never while reverse.
 */
bool drp_state_mirrors(u16 sync_type, u16 copy_state);

/*
 * Are differences tracked in this state (D plane; of snapshots the COW index)?
 * Only an Inactive snapshot has nothing that could differ.
 */
bool drp_state_tracks(u16 sync_type, u16 copy_state);

/* May a caller wait for @copy_state as the outcome of @operation (0: create)? */
bool drp_state_can_wait_for(u16 sync_type, u16 operation, u16 copy_state);

#endif /* DRP_CORE_STATE_H */
