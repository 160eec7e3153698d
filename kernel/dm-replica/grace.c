// SPDX-License-Identifier: GPL-2.0-only
#include <linux/delay.h>
#include <linux/jiffies.h>

#include "grace.h"

int drp_grace_init(struct drp_grace *g)
{
	mutex_init(&g->change);
	g->phase = 0;
	g->cpu = alloc_percpu(struct drp_grace_cpu);
	return g->cpu ? 0 : -ENOMEM;
}

void drp_grace_exit(struct drp_grace *g)
{
	free_percpu(g->cpu);
}

/*
 * Outs are summed before ins: a writer that is missed in the ins entered after
 * the barrier and sees what the waiter wrote before it.
 */
static bool phase_idle(struct drp_grace *g, unsigned int phase)
{
	unsigned long in = 0, out = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		out += READ_ONCE(per_cpu_ptr(g->cpu, cpu)->out[phase]);
	smp_mb(); /* pairs with the ones in drp_grace_enter() and drp_grace_leave() */
	for_each_possible_cpu(cpu)
		in += READ_ONCE(per_cpu_ptr(g->cpu, cpu)->in[phase]);
	return in == out;
}

static bool wait_phase(struct drp_grace *g, unsigned int phase, unsigned long end)
{
	unsigned int us = 50;

	while (!phase_idle(g, phase)) {
		if (time_after(jiffies, end))
			return false;
		usleep_range(us, us * 2);
		us = min(us * 2, 4000U);
	}
	return true;
}

bool drp_grace_wait(struct drp_grace *g, unsigned long timeout)
{
	const unsigned long end = jiffies + timeout;
	unsigned int old;
	bool waited;

	mutex_lock(&g->change);
	smp_mb(); /* what the caller changed is seen by who enters from now on */
	old = g->phase;
	/* Stragglers that read the phase before the last flip and counted in late. */
	waited = wait_phase(g, old ^ 1, end);
	if (waited) {
		WRITE_ONCE(g->phase, old ^ 1);
		smp_mb(); /* new writers count in the other phase before the old one is summed */
		waited = wait_phase(g, old, end);
	}
	mutex_unlock(&g->change);
	return waited;
}

u64 drp_grace_entries(struct drp_grace *g)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct drp_grace_cpu *c = per_cpu_ptr(g->cpu, cpu);

		sum += READ_ONCE(c->in[0]) + READ_ONCE(c->in[1]);
	}
	return sum;
}
