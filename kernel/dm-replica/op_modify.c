// SPDX-License-Identifier: GPL-2.0-only
/*
 * ModifyReplicaSynchronization: the state table decides, the functions here do.
 * All checks come before the first effect.
 */
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "checkpoint.h"
#include "io.h"
#include "job.h"
#include "op.h"
#include "op_snapshot.h"
#include "op_turn.h"
#include "turn.h"

/* What the decision depends on. rec_lock held. */
static struct drp_state_key key_of(struct drp_sync *s, u16 operation, bool force)
{
	return (struct drp_state_key){
		.sync_type = s->rec.sync_type,
		.operation = operation,
		.copy_state = drp_sync_seen_state(s),
		.target_consistent = drp_sync_consistent(s),
		.in_sync = !s->rec.partitioned && drp_plane_empty(s->d),
		.source_changed = s->rec.source_changed,
		.target_changed = s->rec.target_changed,
		.reverse = s->rec.reverse,
		.force = force,
	};
}

bool drp_op_is_built(u16 sync_type, u16 operation)
{
	if (sync_type == DRP_SYNC_SNAPSHOT)
		return drp_op_snapshot_built(operation);
	switch (operation) {
	case DRP_OP_RESET_TO_ASYNC:
		return false;
	default:
		return drp_state_supported(sync_type, operation);
	}
}

/* ---- stopping the flow ---- */

/* The copy's job ends with the operation. */
static void end_job(struct drp_sync *s, u64 job_id, u16 state)
{
	if (job_id)
		drp_job_end(s->pool, job_id, state, 0, NULL);
}

/* To a state in which writes of the source are only marked and the target stays protected. */
static int stop_flow(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t)
{
	struct drp_sync_rec rec = s->rec;
	u64 job_id = rec.job_id;
	bool suspend = op->req.operation == DRP_OP_SUSPEND;

	/* First, so that nothing is cleared while writers begin to mark. */
	if (s->copier)
		drp_copy_stop(s->copier);
	drp_op_merge_settings(op, &rec);
	rec.copy_state = t->copy_state_after;
	/* Of a turn it says where that leads. */
	if (!rec.reverse)
		rec.requested_copy_state = DRP_CS_NOT_APPLICABLE;
	else
		rec.error_text[0] = '\0';	/* not a fault: see wants_recovery() */
	rec.progress_status = t->progress_after;
	if (suspend) {
		rec.when_suspended = drp_now();
	} else {
		rec.when_deactivated = drp_now();
		rec.job_id = 0;
		rec.target_consistent = rec.target_consistent && !rec.partial;
		rec.partial = false;
	}
	if (drp_sync_commit(s, &rec, NULL, 0, false)) {
		if (job_id && (s->flow == DRP_FLOW_MIRROR || rec.reverse || s->rec.partial) &&
		    s->copier)
			drp_copy_start(s->copier, job_id);
		return drp_op_refuse(op, DRP_RV_FAILED, "the metadata cannot be written");
	}
	if (rec.sync_type == DRP_SYNC_CLONE && !rec.partial)
		drp_op_clone_forget(s);
	drp_sync_refresh(s);
	drp_sync_set_flow(s, s->flow);
	if (READ_ONCE(s->unflushed))
		drp_op_flush_target(s);
	if (suspend)
		drp_job_set_state(s->pool, job_id, DRP_JOB_SUSPENDED);
	else
		end_job(s, job_id, DRP_JOB_TERMINATED);
	return 0;
}

/* Everything differs from now on. */
static int unprepare(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t)
{
	struct drp_sync_rec rec = s->rec;
	u64 job_id = rec.job_id;
	u8 record[64];
	int len;

	if (s->copier)
		drp_copy_stop(s->copier);
	drp_op_merge_settings(op, &rec);
	rec.copy_state = t->copy_state_after;
	rec.requested_copy_state = DRP_CS_NOT_APPLICABLE;
	rec.progress_status = t->progress_after;
	rec.initial_copy = true;
	rec.target_consistent = false;
	rec.in_sync = false;
	rec.partial = false;
	rec.job_id = 0;
	drp_plane_set_all(s->d, true);
	len = drp_encode_plane_all(rec.id, DRP_PLANE_D, true, record, sizeof(record));
	if (len < 0 || drp_sync_commit(s, &rec, record, len, false))
		return drp_op_refuse(op, DRP_RV_FAILED, "the metadata cannot be written");
	if (rec.sync_type == DRP_SYNC_CLONE)
		drp_op_clone_forget(s);
	drp_sync_refresh(s);
	WRITE_ONCE(s->unflushed, false);	/* all is marked */
	end_job(s, job_id, DRP_JOB_TERMINATED);
	return 0;
}

/* ---- starting it ---- */

int drp_op_protect_target(struct drp_op *op, struct drp_sync *s)
{
	struct drp_element *target = s->target;
	bool drained;

	/* Even if it is protected: who passed the check before that may be on the way. */
	WRITE_ONCE(target->access, DRP_ACCESS_READ);
	drp_gate_close(&target->gate);
	drained = drp_gate_wait_drained(&target->gate, drp_op_deadline(op));
	drp_gate_open(&target->gate);
	if (drained)
		return 0;
	drp_element_refresh_access(target);
	return drp_op_refuse(op, DRP_RV_TIMEOUT,
			     "writes of %s did not end in time; nothing was changed",
			     target->rec.name);
}

/* A suspended copy goes on with its old job. */
u64 drp_op_job_for(struct drp_op *op, struct drp_sync *s)
{
	struct drp_job_info job;

	if (op->req.operation == DRP_OP_RESUME && s->rec.job_id &&
	    !drp_job_query_held(op->pool, s->rec.job_id, &job) && job.id == s->rec.job_id &&
	    job.state < DRP_JOB_COMPLETED)
		return job.id;
	return drp_op_take_job(op, s);
}

static int check_flow(struct drp_op *op, struct drp_sync *s)
{
	if (s->rec.sync_type == DRP_SYNC_CLONE && op->req.operation != DRP_OP_RESUME)
		return drp_op_check_clone(op, s);
	if (!s->source->live || !s->target->live)
		return drp_op_refuse(op, DRP_RV_INVALID_STATE, "%s is not attached: activate it first",
				     (s->source->live ? s->target : s->source)->rec.name);
	/* Another sync may restore the source: the copy takes what has arrived there. */
	if ((s->source->inbound && s->source->inbound == s->turn) ||
	    (s->target->inbound && s->target->inbound != s->turn))
		return drp_op_refuse(op, DRP_RV_INVALID_STATE, "%s is being restored: wait for that",
				     (s->target->inbound ? s->target : s->source)->rec.name);
	return drp_op_refuse_cloned(op, s->target);
}

static int start_flow(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t)
{
	struct drp_sync_rec rec = s->rec;
	int r;

	if (rec.sync_type == DRP_SYNC_CLONE)
		return op->req.operation == DRP_OP_RESUME ? drp_op_clone_resume(op, s) :
							    drp_op_clone_begin(op, s, t);
	r = check_flow(op, s) ?: drp_op_protect_target(op, s);
	if (r)
		return r;
	drp_op_merge_settings(op, &rec);
	rec.progress_status = t->progress_during;
	r = drp_op_start_copy(s, &rec, drp_op_job_for(op, s), NULL, 0);
	if (r) {
		drp_sync_refresh(s);
		return drp_op_refuse(op, DRP_RV_FAILED, r == -ENOMEM ? "no memory for the copy" :
				     "the metadata cannot be written");
	}
	op->res.return_value = DRP_RV_JOB_STARTED;
	op->res.job_id = rec.job_id;
	return 0;
}

/* ---- dispatch ---- */

static int execute(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t)
{
	int r = drp_op_copies_end(op, s);

	if (r)
		return r;
	if (drp_sync_is_snapshot(s) && op->req.operation != DRP_OP_SUSPEND &&
	    op->req.operation != DRP_OP_ABORT)
		return drp_op_snapshot(op, s, t);
	switch (op->req.operation) {
	case DRP_OP_RESUME:
		return s->rec.reverse ? drp_op_turn(op, s, t) : start_flow(op, s, t);
	case DRP_OP_ACTIVATE:
	case DRP_OP_RESYNC_REPLICA:
		return start_flow(op, s, t);
	case DRP_OP_RESTORE_FROM_REPLICA:
	case DRP_OP_FAILBACK:
		return drp_op_turn(op, s, t);
	case DRP_OP_FAILOVER:
		return drp_op_failover(op, s, t);
	case DRP_OP_REVERSE_ROLES:
		return drp_op_reverse(op, s, t);
	case DRP_OP_SUSPEND:
	case DRP_OP_DEACTIVATE:
	case DRP_OP_ABORT:
		return stop_flow(op, s, t);
	case DRP_OP_FRACTURE:
	case DRP_OP_SPLIT:
		return drp_op_split(op, s, t);
	case DRP_OP_UNPREPARE:
	case DRP_OP_PREPARE:
		return unprepare(op, s, t);
	case DRP_OP_DETACH:
	case DRP_OP_DISSOLVE:
		return drp_op_remove_sync(op, s);
	case DRP_OP_RESET_TO_SYNC:
		return drp_op_apply_settings(op, s);
	default:
		return drp_op_refuse(op, DRP_RV_NOT_SUPPORTED, "%s is not built yet",
				     drp_name(DRP_ENUM_OPERATION, op->req.operation));
	}
}

/* Would it be refused for another reason than its state? */
static int check_possible(struct drp_op *op, struct drp_sync *s)
{
	switch (op->req.operation) {
	case DRP_OP_RESUME:
		return s->rec.reverse ? drp_op_check_turn(op, s) : check_flow(op, s);
	case DRP_OP_ACTIVATE:
	case DRP_OP_RESYNC_REPLICA:
		return check_flow(op, s);
	case DRP_OP_RESTORE_FROM_REPLICA:
	case DRP_OP_FAILBACK:
		return drp_op_check_turn(op, s);
	case DRP_OP_FAILOVER:
		return drp_op_check_failover(op, s);
	case DRP_OP_REVERSE_ROLES:
		return drp_op_check_reverse(op, s);
	default:
		return 0;
	}
}

/* Who would lose its content or its write access while somebody holds it, or NULL. */
static struct drp_element *victim_in_use(struct drp_sync *s, const struct drp_transition *t)
{
	if (t->overwrites_source && drp_element_in_use(s->source))
		return s->source;
	if (t->overwrites_target && drp_element_in_use(s->target))
		return s->target;
	return NULL;
}

int drp_op_check_in_use(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t)
{
	const struct drp_element *victim = victim_in_use(s, t);

	if (op->req.force || op->req.settings.in_use_ignore || !victim)
		return 0;
	return drp_op_refuse(op, DRP_RV_IN_USE,
			     "%s is mounted or held exclusively and would be overwritten or lose write access: unmount it, or use Force or in_use=ignore",
			     victim->rec.name);
}

/* Cut at its end if the names are very long. */
static __printf(2, 3) void say(struct drp_op *op, const char *fmt, ...)
{
	const size_t len = strlen(op->res.text);
	va_list args;

	va_start(args, fmt);
	vscnprintf(op->res.text + len, sizeof(op->res.text) - len, fmt, args);
	va_end(args);
}

/* How old the newest of the changes is that would go, in words. */
static void say_age(struct drp_op *op, const struct drp_sync *s, bool source)
{
	time64_t at = READ_ONCE(*(source ? &s->source_written : &s->target_written));

	if (s->rec.initial_copy)
		say(op, ", they were not equal yet");
	else if (!(source ? s->rec.source_changed : s->rec.target_changed))
		say(op, ", no changes of its own since it was equal");
	else if (at)
		say(op, ", its newest change is %lld s old", ktime_get_boottime_seconds() - at);
	else if (!drp_sync_is_snapshot(s))
		say(op, ", its newest change is more than %lld s old (older than the activation)",
		    ktime_get_boottime_seconds() - s->pool->activated);
	else
		say(op, ", when it changed last is not known");
}

/* What differs; of an unfinished copy to a side that hosts use: what that lacks. */
static u64 mib_that_differ(struct drp_sync *s)
{
	struct drp_plane_map *p = s->turn ? s->turn->c : s->d;

	return ((drp_plane_count(p) << s->pool->region_shift) + 2047) >> 11;
}

/* Without Force: how much it is that would go, of which side. */
static void say_what_is_lost(struct drp_op *op, struct drp_sync *s)
{
	const bool target = op->req.operation == DRP_OP_RESUME;

	switch (op->req.operation) {
	case DRP_OP_FAILOVER:
	case DRP_OP_RESTORE_FROM_REPLICA:
	case DRP_OP_FAILBACK:
	case DRP_OP_RESUME:
		say(op, " (%llu MiB differ at most", mib_that_differ(s));
		if (target ? s->rec.target_changed : s->rec.source_changed)
			say_age(op, s, !target);
		/* Whose disk failed decides which side lacks what is marked. */
		if (s->rec.copy_state == DRP_CS_BROKEN && s->rec.error_text[0])
			say(op, ", Broken because of: %s", s->rec.error_text);
		say(op, ")");
	}
}

static void say_who_is_overwritten(struct drp_op *op, struct drp_sync *s,
				   const struct drp_transition *t)
{
	const bool source = t->overwrites_source;
	const char *a = s->source->rec.name, *b = s->target->rec.name;
	u64 mib = mib_that_differ(s);

	if (t->starts_copy && (source || t->overwrites_target)) {
		say(op, "%s would overwrite %s: %llu MiB at most", source ? b : a,
		    source ? a : b, mib);
		say_age(op, s, source);
	} else if (t->starts_copy && (s->rec.reverse || s->rec.partial)) {
		say(op, "%s would go on overwriting %s: %llu MiB at most are left",
		    s->rec.reverse ? b : a, s->rec.reverse ? a : b, mib);
	} else if (source) {
		say(op, "nothing would be overwritten, hosts could no longer write %s; %llu MiB differ",
		    a, mib);
		say_age(op, s, true);
	} else {
		say(op, "nothing would be overwritten");
	}
	/* Its second half, which mirrors again. */
	if (op->req.operation == DRP_OP_FAILBACK)
		say(op, "; at its end %s gets what hosts write to %s", b, a);
}

static int say_dry_run(struct drp_op *op, struct drp_sync *s, const struct drp_transition *t)
{
	const struct drp_element *victim = victim_in_use(s, t);

	say_who_is_overwritten(op, s, t);
	if (victim)
		say(op, "; %s is in use", victim->rec.name);
	if (t->needs_force)
		say(op, "; Force consents to: %s", t->reason);
	return 0;
}

u16 drp_op_decide(struct drp_op *op, struct drp_sync *s, struct drp_transition *t)
{
	struct drp_state_key key;

	spin_lock(&op->pool->rec_lock);
	key = key_of(s, op->req.operation, op->req.force);
	spin_unlock(&op->pool->rec_lock);
	drp_state_decide(&key, t);
	return key.copy_state;
}

int drp_op_check_wait_state(struct drp_op *op, const struct drp_sync *s)
{
	const struct drp_settings *set = &op->req.settings;

	if (!(set->mask & DRP_SET_WAIT_STATE) ||
	    drp_state_can_wait_for(s->rec.sync_type, op->req.operation, set->wait_state))
		return 0;
	return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER, "%s never leads to %s",
			     drp_name(DRP_ENUM_OPERATION, op->req.operation),
			     drp_name(DRP_ENUM_COPY_STATE, set->wait_state));
}

int drp_op_modify(struct drp_op *op)
{
	struct drp_transition t;
	struct drp_sync *s;
	u16 state;
	int r;

	if (op->req.object == DRP_OBJ_GROUP)
		return drp_op_refuse(op, DRP_RV_NOT_SUPPORTED, "groups are not built yet");
	s = drp_pool_sync(op->pool, op->req.id);
	if (!s)
		return drp_op_refuse(op, DRP_RV_NOT_FOUND, "there is no sync %llu", op->req.id);
	state = drp_op_decide(op, s, &t);
	if (drp_state_supported(s->rec.sync_type, op->req.operation) &&
	    !drp_op_is_built(s->rec.sync_type, op->req.operation))
		return drp_op_refuse(op, DRP_RV_NOT_SUPPORTED, "%s is not built yet",
				     drp_name(DRP_ENUM_OPERATION, op->req.operation));
	if (t.verdict == DRP_VERDICT_REFUSE) {
		r = drp_op_refuse(op, t.return_value, "%s of %s from %s: %s",
				  drp_name(DRP_ENUM_OPERATION, op->req.operation),
				  s->rec.name, drp_name(DRP_ENUM_COPY_STATE, state),
				  t.reason);
		if (t.return_value == DRP_RV_FORCE_REQUIRED && !drp_sync_is_snapshot(s))
			say_what_is_lost(op, s);
		return r;
	}
	if (op->req.nr_members)
		return drp_op_refuse(op, DRP_RV_INVALID_PARAMETER,
				     "sync pairs are for groups only");
	if (drp_op_check_wait_state(op, s))
		return op->error;
	if (t.verdict == DRP_VERDICT_NO_CHANGE)
		return op->req.dry_run ? 0 : drp_op_apply_settings(op, s);
	r = drp_op_check_in_use(op, s, &t);
	if (r || !op->req.dry_run)
		return r ?: execute(op, s, &t);
	if (drp_sync_is_snapshot(s))
		return drp_op_snapshot_dry_run(op, s, &t);
	return check_possible(op, s) ?: say_dry_run(op, s, &t);
}

/* ---- capabilities ---- */

static void from_states(u16 sync_type, u16 operation, struct drp_capability *cap)
{
	struct drp_transition t;
	unsigned int i;
	u32 state;

	for (i = 0; !drp_enum_value(DRP_ENUM_COPY_STATE, i, &state); i++) {
		struct drp_state_key key = {
			.sync_type = sync_type,
			.operation = operation,
			.copy_state = state,
			.target_consistent = true,
			.in_sync = state == DRP_CS_SYNCHRONIZED,
		};

		if (!drp_state_valid(sync_type, state))
			continue;
		drp_state_decide(&key, &t);
		if (t.verdict == DRP_VERDICT_EXECUTE) {
			cap->from_states |= BIT(state);
			cap->result_copy_state = t.copy_state_after;
			continue;
		}
		key.force = true;
		drp_state_decide(&key, &t);
		if (t.verdict == DRP_VERDICT_EXECUTE)
			cap->from_states_force |= BIT(state);
	}
}

/* What a dry run answers: it asks all that is asked. */
static int try_dry(struct drp_op *op, bool force)
{
	op->req.force = force;
	op->error = 0;
	op->res = (struct drp_result){};
	return drp_op_modify(op);
}

/* The state allows it; what else would be refused for? op_lock held. */
static void ask_all(struct drp_op *op, struct drp_capability *cap)
{
	bool force = cap->requires_force;

	if (!drp_op_admit(op)) {
		if (!try_dry(op, force))
			return;
		if (!force && op->res.return_value == DRP_RV_IN_USE) {
			strscpy(cap->reason, op->res.text, sizeof(cap->reason));
			cap->requires_force = true;
			if (!try_dry(op, true))
				return;
		}
	}
	cap->possible_now = false;
	cap->requires_force = false;
	strscpy(cap->reason, op->res.text, sizeof(cap->reason));
}

static void ask_state(struct drp_sync *s, u16 operation, struct drp_capability *cap)
{
	const struct drp_state_key key = key_of(s, operation, false);
	struct drp_transition t;

	drp_state_decide(&key, &t);
	cap->possible_now = cap->supported && (t.verdict != DRP_VERDICT_REFUSE ||
					       t.return_value == DRP_RV_FORCE_REQUIRED);
	cap->requires_force = t.needs_force;
	strscpy(cap->reason, t.reason, sizeof(cap->reason));
	cap->result_copy_state = t.copy_state_after;
	/* It goes on to where it went before it was suspended. */
	if (operation == DRP_OP_RESUME && s->rec.reverse && s->rec.requested_copy_state)
		cap->result_copy_state = s->rec.requested_copy_state;
}

/* @op may be NULL: then only the state is asked. */
static int ask_sync(struct drp_pool *pool, u64 sync_id, u16 operation, struct drp_op *op,
		    struct drp_capability *cap)
{
	struct drp_sync *s;

	spin_lock(&pool->rec_lock);
	s = drp_pool_sync(pool, sync_id);
	if (s) {
		cap->supported = drp_op_is_built(s->rec.sync_type, operation);
		from_states(s->rec.sync_type, operation, cap);
		ask_state(s, operation, cap);
	}
	spin_unlock(&pool->rec_lock);
	if (op && cap->possible_now)
		ask_all(op, cap);
	return s ? 0 : -ENOENT;
}

static int ask_locked(struct drp_pool *pool, u64 sync_id, u16 operation, long wait,
		      struct drp_capability *cap)
{
	const unsigned long end = jiffies + wait;
	struct drp_op *op = kzalloc(sizeof(*op), GFP_KERNEL);
	unsigned int flags;
	int r;

	if (op) {
		op->pool = pool;
		op->req = (struct drp_request){ .kind = DRP_REQ_MODIFY, .object = DRP_OBJ_SYNC,
			.operation = operation, .id = sync_id, .dry_run = true };
		op->terse = true;
	}
	if (op && !drp_op_begin_until(pool, end, &flags)) {
		kfree(op);
		op = NULL;
	}
	r = ask_sync(pool, sync_id, operation, op, cap);
	if (op)
		drp_op_end(pool, flags);
	kfree(op);
	return r;
}

int drp_capability_query(struct drp_pool *pool, u64 sync_id, u16 sync_type, u16 operation,
			 long wait, struct drp_capability *cap)
{
	int r = 0;

	memset(cap, 0, sizeof(*cap));
	if (operation < DRP_OP_ABORT || operation > DRP_OP_PREPARE)
		return -EINVAL;
	if (!drp_pool_hold(pool))
		return -ENOENT;
	if (sync_id) {
		r = ask_locked(pool, sync_id, operation, wait, cap);
	} else {
		cap->supported = drp_op_is_built(sync_type, operation);
		from_states(sync_type, operation, cap);
	}
	drp_pool_release(pool);
	return r;
}
