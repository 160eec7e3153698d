// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes the kernel complain in the way that the parameter names, to show that
 * the VM harness notices. Loading it always fails, so that nothing remains.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>

static char *what = "";
module_param(what, charp, 0444);
MODULE_PARM_DESC(what, "warn, oops, leak or hang");

static int __init provoke_init(void)
{
	if (!strcmp(what, "warn")) {
		WARN(1, "provoked on demand\n");
	} else if (!strcmp(what, "oops")) {
		/* An address that no kernel maps. */
		WRITE_ONCE(*(int *)8, 0);
	} else if (!strcmp(what, "leak")) {
		pr_info("leaked %d bytes\n", kmalloc(4096, GFP_KERNEL) ? 4096 : 0);
	} else if (!strcmp(what, "hang")) {
		set_current_state(TASK_UNINTERRUPTIBLE);
		schedule();
	} else {
		pr_err("what=%s: expected warn, oops, leak or hang\n", what);
		return -EINVAL;
	}
	return -ECANCELED;
}
module_init(provoke_init);

MODULE_DESCRIPTION("Provokes kernel complaints for the test harness");
MODULE_LICENSE("GPL");
