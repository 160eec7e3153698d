// SPDX-License-Identifier: GPL-2.0-only
#include <linux/mutex.h>

#include "gate.h"

static void gate_released(struct percpu_ref *ref)
{
	struct drp_gate *gate = container_of(ref, struct drp_gate, inside);

	wake_up_all(&gate->drained);
}

int drp_gate_init(struct drp_gate *gate, unsigned int closers, drp_gate_rerun_fn rerun)
{
	unsigned int flags = PERCPU_REF_ALLOW_REINIT;
	int r;

	if (closers)
		flags |= PERCPU_REF_INIT_DEAD;
	r = percpu_ref_init(&gate->inside, gate_released, flags, GFP_KERNEL);
	if (r)
		return r;
	init_waitqueue_head(&gate->drained);
	mutex_init(&gate->change);
	spin_lock_init(&gate->lock);
	bio_list_init(&gate->parked);
	gate->closers = closers;
	gate->rerun = rerun;
	return 0;
}

void drp_gate_exit(struct drp_gate *gate)
{
	WARN_ON_ONCE(!bio_list_empty(&gate->parked));
	percpu_ref_exit(&gate->inside);
}

bool drp_gate_park(struct drp_gate *gate, struct bio *bio)
{
	unsigned long flags;
	bool closed;

	spin_lock_irqsave(&gate->lock, flags);
	closed = gate->closers;
	if (closed)
		bio_list_add(&gate->parked, bio);
	spin_unlock_irqrestore(&gate->lock, flags);
	return closed;
}

void drp_gate_prepare(struct drp_gate *gate)
{
	mutex_lock(&gate->change);
	if (!gate->closers)
		percpu_ref_switch_to_atomic_sync(&gate->inside);
	mutex_unlock(&gate->change);
}

void drp_gate_close(struct drp_gate *gate)
{
	bool first;

	mutex_lock(&gate->change);
	if (!gate->closers)
		percpu_ref_switch_to_atomic_sync(&gate->inside);
	spin_lock_irq(&gate->lock);
	first = gate->closers++ == 0;
	spin_unlock_irq(&gate->lock);
	if (first)
		percpu_ref_kill(&gate->inside);
	mutex_unlock(&gate->change);
}

bool drp_gate_wait_drained(struct drp_gate *gate, long timeout)
{
	return wait_event_timeout(gate->drained, percpu_ref_is_zero(&gate->inside), timeout) > 0;
}

/* Hand over what is parked; @opening drops one closer in the same step. */
static void gate_take_parked(struct drp_gate *gate, struct bio_list *bios, bool opening)
{
	unsigned long flags;

	bio_list_init(bios);
	spin_lock_irqsave(&gate->lock, flags);
	if (opening)
		gate->closers--;
	bio_list_merge(bios, &gate->parked);
	bio_list_init(&gate->parked);
	spin_unlock_irqrestore(&gate->lock, flags);
}

void drp_gate_open(struct drp_gate *gate)
{
	struct bio_list bios;

	mutex_lock(&gate->change);
	if (WARN_ON_ONCE(!gate->closers)) {
		mutex_unlock(&gate->change);
		return;
	}
	if (gate->closers > 1) {
		spin_lock_irq(&gate->lock);
		gate->closers--;
		spin_unlock_irq(&gate->lock);
		mutex_unlock(&gate->change);
		return;
	}
	/* Alive before the count says so: who finds no closer must be able to enter. */
	percpu_ref_resurrect(&gate->inside);
	gate_take_parked(gate, &bios, true);
	percpu_ref_switch_to_percpu(&gate->inside);
	mutex_unlock(&gate->change);
	gate->rerun(gate, &bios);
}

void drp_gate_rerun(struct drp_gate *gate)
{
	struct bio_list bios;

	gate_take_parked(gate, &bios, false);
	gate->rerun(gate, &bios);
}
