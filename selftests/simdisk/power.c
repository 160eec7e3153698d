// SPDX-License-Identifier: GPL-2.0-only
/*
 * Power of all disks together. One variable says whether it is on, and every
 * disk looks at it under its lock before a request takes effect. So nothing
 * that somebody does after seeing one disk fail can still reach another.
 * What survives is decided afterwards, while nothing moves.
 */
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "simdisk.h"

enum power_state {
	POWER_ON,
	POWER_FAILING,		/* off, the survivors are being decided */
	POWER_OFF,
};

static atomic_t power_state = ATOMIC_INIT(POWER_ON);
static bool writes_armed;
static atomic64_t writes_left;
static bool timer_armed;
static struct hrtimer power_timer;
static struct work_struct cut_work;
/* Set under sim_mutex before arming; read by the cut. */
static u64 power_seed;
static enum sim_loss power_loss;

static const char * const loss_names[SIM_LOSS_COUNT] = {
	[SIM_LOSS_ANY] = "any",
	[SIM_LOSS_KEEP] = "keep",
	[SIM_LOSS_DROP] = "drop",
	[SIM_LOSS_SECTORS] = "sectors",
	[SIM_LOSS_RUNS] = "runs",
	[SIM_LOSS_FEW] = "few",
	[SIM_LOSS_MOST] = "most",
};

/* The finalizer of SplitMix64: every bit of the input moves every other. */
u64 sim_mix(u64 value)
{
	value += 0x9e3779b97f4a7c15ULL;
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
	return value ^ (value >> 31);
}

int sim_loss_parse(const char *word, enum sim_loss *loss)
{
	int i = match_string(loss_names, SIM_LOSS_COUNT, word);

	if (i < 0)
		return -EINVAL;
	*loss = i;
	return 0;
}

bool sim_power_off(void)
{
	return atomic_read(&power_state) != POWER_ON;
}

const char *sim_power_state(void)
{
	switch (atomic_read(&power_state)) {
	case POWER_FAILING:
		return "failing";
	case POWER_OFF:
		return "off";
	default:
		return READ_ONCE(writes_armed) || READ_ONCE(timer_armed) ?
		       "armed" : "on";
	}
}

/* Returns false when the power was off already. Any context. */
static bool switch_off(void)
{
	return atomic_cmpxchg(&power_state, POWER_ON, POWER_FAILING) ==
	       POWER_ON;
}

static void cut_all_locked(void)
{
	struct sim_disk *disk;

	lockdep_assert_held(&sim_mutex);
	if (atomic_read(&power_state) != POWER_FAILING)
		return;
	list_for_each_entry(disk, &sim_disks, link)
		sim_disk_cut(disk, power_seed, power_loss);
	atomic_set(&power_state, POWER_OFF);
}

static void cut_all(struct work_struct *work)
{
	mutex_lock(&sim_mutex);
	cut_all_locked();
	mutex_unlock(&sim_mutex);
}

static enum hrtimer_restart power_timer_expired(struct hrtimer *timer)
{
	if (switch_off())
		queue_work(system_unbound_wq, &cut_work);
	return HRTIMER_NORESTART;
}

void sim_power_count_write(void)
{
	if (likely(!READ_ONCE(writes_armed)))
		return;
	if (atomic64_dec_return(&writes_left) == 0 && switch_off())
		queue_work(system_unbound_wq, &cut_work);
}

static void disarm(void)
{
	WRITE_ONCE(writes_armed, false);
	WRITE_ONCE(timer_armed, false);
	hrtimer_cancel(&power_timer);
}

/* Common start of every failure: one at a time, none while the power is off. */
static int choose(u64 seed, enum sim_loss loss)
{
	lockdep_assert_held(&sim_mutex);
	if (sim_power_off()) {
		pr_notice("simdisk: the power is off already: rearm first\n");
		return -EBUSY;
	}
	disarm();
	if (sim_power_off())	/* what was armed went off meanwhile */
		return -EBUSY;
	power_seed = seed;
	power_loss = loss;
	return 0;
}

int sim_power_fail(u64 seed, enum sim_loss loss)
{
	int ret = choose(seed, loss);

	if (ret)
		return ret;
	switch_off();
	cut_all_locked();
	return 0;
}

int sim_power_fail_after(u64 writes, u64 seed, enum sim_loss loss)
{
	int ret = choose(seed, loss);

	if (ret)
		return ret;
	if (!writes || writes > S64_MAX)
		return -EINVAL;
	atomic64_set(&writes_left, writes);
	smp_wmb();	/* who sees it armed sees the count */
	WRITE_ONCE(writes_armed, true);
	return 0;
}

int sim_power_fail_in_us(u64 us, u64 seed, enum sim_loss loss)
{
	int ret = choose(seed, loss);

	if (ret)
		return ret;
	if (us > U32_MAX)
		return -EINVAL;
	WRITE_ONCE(timer_armed, true);
	hrtimer_start(&power_timer, ktime_add_us(ktime_get(), us),
		      HRTIMER_MODE_ABS);
	return 0;
}

void sim_power_rearm(void)
{
	lockdep_assert_held(&sim_mutex);
	disarm();
	cut_all_locked();
	atomic_set(&power_state, POWER_ON);
}

void sim_power_init(void)
{
	sim_timer_setup(&power_timer, power_timer_expired);
	INIT_WORK(&cut_work, cut_all);
}

void sim_power_exit(void)
{
	hrtimer_cancel(&power_timer);
	cancel_work_sync(&cut_work);
}
