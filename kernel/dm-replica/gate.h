/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A gate: what every I/O that reaches an element passes. Closing it stops new
 * I/O without blocking its threads (bios are parked) and lets what is in flight
 * drain; opening it lets the parked bios run again.
 *
 * Closers count, so that a suspended device and a cut can overlap. The count
 * of I/O inside is a percpu_ref; it is switched to atomic mode before it is
 * killed, so that no RCU grace period falls into the stall.
 */
#ifndef DRP_GATE_H
#define DRP_GATE_H

#include <linux/bio.h>
#include <linux/percpu-refcount.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

struct drp_gate;

/* Run @bios again; called on opening, process context. */
typedef void (*drp_gate_rerun_fn)(struct drp_gate *gate, struct bio_list *bios);

struct drp_gate {
	struct percpu_ref inside;
	wait_queue_head_t drained;
	drp_gate_rerun_fn rerun;
	struct mutex change;		/* serialises close and open; may sleep for RCU */

	spinlock_t lock;		/* irq-safe; protects what follows */
	unsigned int closers;
	struct bio_list parked;
};

/* A gate with @closers closers from the start (0: open). 0 or -ENOMEM. Sleeps. */
int drp_gate_init(struct drp_gate *gate, unsigned int closers, drp_gate_rerun_fn rerun);

/* No I/O may be inside and nothing parked. Sleeps. */
void drp_gate_exit(struct drp_gate *gate);

/* Go in: false if the gate is closed. Any context. */
static inline bool drp_gate_enter(struct drp_gate *gate)
{
	return percpu_ref_tryget_live(&gate->inside);
}

static inline void drp_gate_leave(struct drp_gate *gate)
{
	percpu_ref_put(&gate->inside);
}

/* Park @bio until the gate opens; false if it is open by now: try to enter again. Any context. */
bool drp_gate_park(struct drp_gate *gate, struct bio *bio);

/* Cheap preparation for a close whose stall should be short: slow part, while I/O flows. Sleeps. */
void drp_gate_prepare(struct drp_gate *gate);

/* One more closer. Does not wait for what is inside. Sleeps (never for I/O). */
void drp_gate_close(struct drp_gate *gate);

/* Wait until nothing is inside: true; false after @timeout jiffies (MAX_SCHEDULE_TIMEOUT: for ever). */
bool drp_gate_wait_drained(struct drp_gate *gate, long timeout);

/* One closer less; the last one opens it and runs what was parked. Sleeps (never for I/O). */
void drp_gate_open(struct drp_gate *gate);

/* Run what is parked although the gate stays closed: it may not need this gate any more. */
void drp_gate_rerun(struct drp_gate *gate);

#endif /* DRP_GATE_H */
