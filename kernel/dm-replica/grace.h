/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Grace periods of an element's writers: "everybody who might have seen the old
 * value has finished". Writers count themselves in and out on their own CPU in
 * one of two phases; waiting flips the phase and waits for the other to drain,
 * as SRCU does. A writer may count out on another CPU and in irq context.
 */
#ifndef DRP_GRACE_H
#define DRP_GRACE_H

#include <linux/mutex.h>
#include <linux/percpu.h>

struct drp_grace_cpu {
	unsigned long in[2];
	unsigned long out[2];
};

struct drp_grace {
	struct drp_grace_cpu __percpu *cpu;
	unsigned int phase;		/* written under change, read by writers */
	struct mutex change;		/* one waiter at a time */
};

int drp_grace_init(struct drp_grace *g);
void drp_grace_exit(struct drp_grace *g);

/* Count in; returns the phase for drp_grace_leave(). Full barrier: what is read next is read later. Any context. */
static inline unsigned int drp_grace_enter(struct drp_grace *g)
{
	unsigned int phase = READ_ONCE(g->phase) & 1;

	this_cpu_inc(g->cpu->in[phase]);
	smp_mb(); /* pairs with the one in drp_grace_wait() */
	return phase;
}

static inline void drp_grace_leave(struct drp_grace *g, unsigned int phase)
{
	smp_mb(); /* what the writer did comes before its leaving */
	this_cpu_inc(g->cpu->out[phase]);
}

/*
 * Wait until all who entered before the call have left; who enters later is
 * not waited for. False if that took longer than @timeout jiffies (a writer's
 * device hangs). Polls: sleeps up to a few ms. Process context.
 */
bool drp_grace_wait(struct drp_grace *g, unsigned long timeout);

/* How often writers came in, in all: for telling whether they are at work. Any context. */
u64 drp_grace_entries(struct drp_grace *g);

#endif /* DRP_GRACE_H */
