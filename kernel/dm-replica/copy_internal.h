/* SPDX-License-Identifier: GPL-2.0-only */
/* A copier and its units, for copy*.c. */
#ifndef DRP_COPY_INTERNAL_H
#define DRP_COPY_INTERNAL_H

#include "copy.h"
#include "turn.h"

#define NR_UNITS		64	/* copying, or copied and waiting for a flush; fits a u64 mask */

enum unit_state { UNIT_IDLE, UNIT_LOCKING, UNIT_LOCKED, UNIT_COPYING, UNIT_COPIED };

struct copy_unit {
	struct drp_copier *copier;
	struct drp_range range;
	u64 first, count;		/* regions */
	u32 mirrored;			/* hops of the target's plan that get it: gates held */
	struct drp_turn_fetch fetch;	/* of a turn */
	u8 phase;			/* of the target's grace period */

	/* under copier->lock */
	enum unit_state state;
	bool spoiled;			/* its D bits were set again */
	bool lost;			/* with the cache of the disk: it must be copied again */
	bool read_failed, write_failed;
};

struct drp_copy_nested;

struct drp_copier {
	/* fixed */
	struct drp_sync *s;
	drp_copy_done_fn done;
	struct drp_copy_nested *nested;	/* of a restore into a snapshot: see copy_nested.c; or NULL */
	struct delayed_work work;	/* on op_wq; never runs twice at a time */
	wait_queue_head_t idle;

	spinlock_t lock;		/* irq-safe; protects what follows */
	struct copy_unit unit[NR_UNITS];
	bool running;
	bool held;			/* nothing new is started: somebody looks whether what is in flight ends */
	unsigned int in_flight;		/* units locking, locked or copying */

	/* the worker's own; set up while it does not run */
	struct drp_turn *turn;		/* copies what lives on its other side; or NULL */
	u64 job_id;
	u64 cursor;
	u64 bytes_done;
	u64 unflushed;			/* sectors started since the last flush */
	u64 copied_unflushed;		/* of them, copied */
	u64 host_entries;		/* of the source's grace period, when last looked */
	unsigned long host_seen;	/* jiffies when it had changed */
	u32 refusals;			/* of room in COW space for it, when last looked */
	unsigned int space_ms;		/* how long it waits for that this time; 0: it does not */
	u64 budget_ns;			/* rate limit: when the next unit may start */
	u64 reported_ns;
};

static inline struct drp_element *drp_copy_writes_to(const struct drp_copier *c)
{
	return c->turn ? c->turn->here : c->s->target;
}

static inline struct drp_plane_map *drp_copy_todo(const struct drp_copier *c)
{
	return c->turn ? c->turn->c : c->s->d;
}

/* Flush both legs, then clear what was copied before. 0, -EAGAIN, or the flush's error. The copier's worker. Sleeps. */
int drp_copy_flush(struct drp_copier *c, bool *target_failed);

#define DRP_PROGRESS_NS		NSEC_PER_SEC

/* How far it is, to the job, and once in DRP_PROGRESS_NS to who listens. The copier's worker. */
void drp_copy_report(struct drp_copier *c);

/* May its worker go on, or does somebody stop it, or look whether it ends? Any context. */
bool drp_copy_may_run(struct drp_copier *c);
/* For the worker itself: a kick that has come meanwhile is not put off. */
void drp_copy_again_in(struct drp_copier *c, unsigned long delay);
/* Was @r a gate that is closed, or memory that is short? No fault of a leg, and over by itself: the worker runs again. */
bool drp_copy_try_later(struct drp_copier *c, int r);
/* May it copy now? Otherwise its worker runs again when it may. */
bool drp_copy_within_rate(struct drp_copier *c);
/* It has, so much. */
void drp_copy_pay(struct drp_copier *c, u64 sectors);
/* It is through: see drp_copy_done_fn. The copier's worker. */
void drp_copy_finish(struct drp_copier *c, int error, bool target_failed);

/* ---- restores into snapshots (copy_nested.c) ---- */

/* NULL: no memory. Sleep. */
struct drp_copy_nested *drp_copy_nested_alloc(void);
void drp_copy_nested_free(struct drp_copy_nested *n);
/* It starts, or goes on. op_lock held. */
void drp_copy_nested_start(struct drp_copier *c);
/* One step of the worker, which runs again by itself. Sleeps. */
void drp_copy_nested_work(struct drp_copier *c);
/* Bytes that were not looked at yet. Any context. */
u64 drp_copy_nested_left(const struct drp_copier *c);

#endif /* DRP_COPY_INTERNAL_H */
