// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes the kernel complain in the way that the parameter names, to show that
 * the VM harness notices. Loading it always fails, so that nothing remains.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static char *what = "";
module_param(what, charp, 0444);
MODULE_PARM_DESC(what, "warn, oops, hang; for debug kernels leak, stale, inversion, atomic, list, shift, race");

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static DEFINE_SPINLOCK(spin);

/* No constant, so that the compiler cannot see the fault. */
static unsigned int many = 35;
module_param(many, uint, 0444);
MODULE_PARM_DESC(many, "more than there are bits in an int");

static void provoke_warn(void)
{
	WARN(1, "provoked on demand\n");
}

static void provoke_oops(void)
{
	/* An address that no kernel maps. */
	WRITE_ONCE(*(int *)8, 0);
}

static void provoke_hang(void)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
}

static void provoke_leak(void)
{
	pr_info("leaked %d bytes\n", kmalloc(4096, GFP_KERNEL) ? 4096 : 0);
}

static void provoke_stale(void)
{
	char *p = kmalloc(64, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	kfree(p);
	pr_info("freed memory holds %d\n", READ_ONCE(p[3]));
}

static void provoke_inversion(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static void provoke_atomic(void)
{
	spin_lock(&spin);
	msleep(20);
	spin_unlock(&spin);
}

static void provoke_list(void)
{
	LIST_HEAD(head);
	struct list_head a, b;

	list_add(&a, &head);
	WRITE_ONCE(head.next, &b);
	list_del(&a);
}

static void provoke_shift(void)
{
	pr_info("1 << %u is %d\n", many, 1 << many);
}

static unsigned int raced;

static int race_along(void *unused)
{
	while (!kthread_should_stop()) {
		raced++;
		cond_resched();
	}
	return 0;
}

static void provoke_race(void)
{
	struct task_struct *other = kthread_run(race_along, NULL, "drp_provoke");
	unsigned long end = jiffies + 5 * HZ;

	if (IS_ERR(other))
		return;
	while (time_before(jiffies, end)) {
		raced++;
		cond_resched();
	}
	kthread_stop(other);
}

static const struct {
	const char *name;
	void (*provoke)(void);
} provocations[] = {
	{ "warn", provoke_warn },
	{ "oops", provoke_oops },
	{ "hang", provoke_hang },
	{ "leak", provoke_leak },
	{ "stale", provoke_stale },
	{ "inversion", provoke_inversion },
	{ "atomic", provoke_atomic },
	{ "list", provoke_list },
	{ "shift", provoke_shift },
	{ "race", provoke_race },
};

static int __init provoke_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(provocations); i++) {
		if (strcmp(what, provocations[i].name))
			continue;
		provocations[i].provoke();
		return -ECANCELED;
	}
	pr_err("what=%s: not one of those that modinfo names\n", what);
	return -EINVAL;
}
module_init(provoke_init);

MODULE_DESCRIPTION("Provokes kernel complaints for the test harness");
MODULE_LICENSE("GPL");
