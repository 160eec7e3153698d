// SPDX-License-Identifier: GPL-2.0-only
#include <linux/module.h>

#include "freeze.h"
#include "frontend.h"
#include "pool.h"
#include "targets.h"

static int __init drp_init(void)
{
	int r;

	drp_pools_init();
	r = drp_freeze_init();
	if (r)
		return r;
	r = dm_register_target(&drp_pool_target);
	if (r)
		goto err_freeze;
	r = dm_register_target(&drp_element_target);
	if (r)
		goto err_pool;
	r = drp_netlink_init();
	if (r)
		goto err_element;
	return 0;

err_element:
	dm_unregister_target(&drp_element_target);
err_pool:
	dm_unregister_target(&drp_pool_target);
err_freeze:
	drp_freeze_exit();
	return r;
}

static void __exit drp_exit(void)
{
	drp_netlink_exit();
	dm_unregister_target(&drp_element_target);
	dm_unregister_target(&drp_pool_target);
	drp_freeze_exit();
}

module_init(drp_init);
module_exit(drp_exit);

MODULE_AUTHOR("dm-replica developers");
MODULE_DESCRIPTION("Array-style replication of block devices: mirrors, snapshots, clones");
MODULE_LICENSE("GPL");
MODULE_SOFTDEP("pre: crc32c");
/* What dm asks for when a table names this target; "replica" is the name of the module. */
MODULE_ALIAS("dm-replica-pool");
