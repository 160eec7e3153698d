/* SPDX-License-Identifier: GPL-2.0-only */
/* In place of the module's: of the pool, what its COW space needs. */
#ifndef DRP_POOL_H
#define DRP_POOL_H

#include <linux/blkdev.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "committer.h"
#include "metadev.h"

struct drp_pool {
	struct drp_super sb;
	struct drp_metadev md;
	struct drp_committer cm;
	struct workqueue_struct *op_wq;
	struct work_struct watch_work;
};

#endif /* DRP_POOL_H */
