/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included in front of every file of the module by selftests/fail/build, for
 * Linux 6.1: the Nth allocation that the module makes fails, as parameters say
 * (/sys/module/dm_replica/parameters). What cannot fail is not counted:
 * __GFP_NOFAIL, mempools that may wait, slots of an xarray that were reserved.
 */
#ifndef DRP_FAIL_ALLOC_H
#define DRP_FAIL_ALLOC_H

#include <linux/bio.h>
#include <linux/device-mapper.h>
#include <linux/dm-kcopyd.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/percpu-refcount.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/genetlink.h>

extern unsigned int drp_fail_nth;	/* 0: none fails, none is counted */

/* Count one, and tell whether it fails. Any context. */
bool drp_fail_alloc(const char *site);

#define DRP_SITE	KBUILD_BASENAME ":" __stringify(__LINE__)
#define DRP_FAILS(gfp) \
	(READ_ONCE(drp_fail_nth) && !((gfp) & __GFP_NOFAIL) && drp_fail_alloc(DRP_SITE))
/* Of what never fails if it may wait. */
#define DRP_FAILS_AT_ONCE(gfp)	(!((gfp) & __GFP_DIRECT_RECLAIM) && DRP_FAILS(gfp))
/* Of an xarray: with what cannot wait its slot was reserved. */
#define DRP_FAILS_SLOT(gfp)	(((gfp) & __GFP_DIRECT_RECLAIM) && DRP_FAILS(gfp))
#define DRP_XA_NOMEM	((void *)XA_ERROR(-ENOMEM))

#ifdef DRP_FAIL_MAIN	/* one file has what is shared */

#define DRP_SITES_MAX	200	/* a page of text */

unsigned int drp_fail_nth;
static bool drp_fail_later;
static char drp_fail_at[32];
static atomic_t drp_fail_count = ATOMIC_INIT(0);
static const char *drp_fail_sites[DRP_SITES_MAX];

bool drp_fail_alloc(const char *site)
{
	unsigned int n = atomic_inc_return(&drp_fail_count);
	unsigned int nth = READ_ONCE(drp_fail_nth);

	if (n <= DRP_SITES_MAX)
		WRITE_ONCE(drp_fail_sites[n - 1], site);
	if (drp_fail_at[0] && strstarts(site, drp_fail_at))
		return true;
	return n == nth || (n > nth && nth && READ_ONCE(drp_fail_later));
}

static int drp_fail_arm(const char *text, const struct kernel_param *kp)
{
	unsigned int nth;
	int r = kstrtouint(text, 0, &nth);

	if (r)
		return r;
	WRITE_ONCE(drp_fail_nth, 0);
	if (nth) {
		atomic_set(&drp_fail_count, 0);
		memset(drp_fail_sites, 0, sizeof(drp_fail_sites));
	}
	WRITE_ONCE(drp_fail_nth, nth);
	return 0;
}

static int drp_fail_seen(char *buf, const struct kernel_param *kp)
{
	unsigned int i, n = min_t(unsigned int, atomic_read(&drp_fail_count), DRP_SITES_MAX);
	int len = 0;

	for (i = 0; i < n; i++)
		len += sysfs_emit_at(buf, len, "%s\n", READ_ONCE(drp_fail_sites[i]) ?: "?");
	return len;
}

static const struct kernel_param_ops drp_fail_ops = { .set = drp_fail_arm, .get = drp_fail_seen };

/* Write N: the Nth from now fails. Read: which there were since then, a line each. */
module_param_cb(fail_nth, &drp_fail_ops, NULL, 0600);
/* All behind the Nth fail, too, until 0 is written there. */
module_param_named(fail_later, drp_fail_later, bool, 0600);

/* So do those at places that begin with this, as "leg:", while fail_nth is not 0. */
module_param_string(fail_at, drp_fail_at, sizeof(drp_fail_at), 0600);

#endif /* DRP_FAIL_MAIN */

#define kmalloc(size, gfp)	(DRP_FAILS(gfp) ? NULL : kmalloc(size, gfp))
#define kzalloc(size, gfp)	(DRP_FAILS(gfp) ? NULL : kzalloc(size, gfp))
#define kcalloc(n, size, gfp)	(DRP_FAILS(gfp) ? NULL : kcalloc(n, size, gfp))
#define kmalloc_array(n, size, gfp) (DRP_FAILS(gfp) ? NULL : kmalloc_array(n, size, gfp))
#define kmemdup(of, size, gfp)	(DRP_FAILS(gfp) ? NULL : kmemdup(of, size, gfp))
#define kvmalloc(size, gfp)	(DRP_FAILS(gfp) ? NULL : kvmalloc(size, gfp))
#define kvzalloc(size, gfp)	(DRP_FAILS(gfp) ? NULL : kvzalloc(size, gfp))
#define kvcalloc(n, size, gfp)	(DRP_FAILS(gfp) ? NULL : kvcalloc(n, size, gfp))
#define kvmalloc_array(n, size, gfp) (DRP_FAILS(gfp) ? NULL : kvmalloc_array(n, size, gfp))
#define vmalloc(size)		(DRP_FAILS(GFP_KERNEL) ? NULL : vmalloc(size))
#define alloc_pages(gfp, order)	(DRP_FAILS(gfp) ? NULL : alloc_pages(gfp, order))
#define __get_free_pages(gfp, order) (DRP_FAILS(gfp) ? 0 : __get_free_pages(gfp, order))
#define genlmsg_new(size, gfp)	(DRP_FAILS(gfp) ? NULL : genlmsg_new(size, gfp))
#define alloc_workqueue(...) \
	(DRP_FAILS(GFP_KERNEL) ? NULL : alloc_workqueue(__VA_ARGS__))
#define dm_get_device(...) \
	(DRP_FAILS(GFP_KERNEL) ? -ENOMEM : dm_get_device(__VA_ARGS__))
#define percpu_ref_init(ref, release, flags, gfp) \
	(DRP_FAILS(gfp) ? -ENOMEM : percpu_ref_init(ref, release, flags, gfp))

#define __alloc_percpu(...) \
	(DRP_FAILS(GFP_KERNEL) ? NULL : __alloc_percpu(__VA_ARGS__))
#define dm_kcopyd_client_create(...) \
	(DRP_FAILS(GFP_KERNEL) ? ERR_PTR(-ENOMEM) : dm_kcopyd_client_create(__VA_ARGS__))

#define bioset_init(...)	(DRP_FAILS(GFP_KERNEL) ? -ENOMEM : bioset_init(__VA_ARGS__))
#define mempool_init_kmalloc_pool(...) \
	(DRP_FAILS(GFP_KERNEL) ? -ENOMEM : mempool_init_kmalloc_pool(__VA_ARGS__))
#define mempool_init_page_pool(...) \
	(DRP_FAILS(GFP_KERNEL) ? -ENOMEM : mempool_init_page_pool(__VA_ARGS__))
#define mempool_create_kmalloc_pool(...) \
	(DRP_FAILS(GFP_KERNEL) ? NULL : mempool_create_kmalloc_pool(__VA_ARGS__))
#define mempool_alloc(pool, gfp) (DRP_FAILS_AT_ONCE(gfp) ? NULL : mempool_alloc(pool, gfp))
#define bio_alloc_clone(bdev, of, gfp, bs) \
	(DRP_FAILS_AT_ONCE(gfp) ? NULL : bio_alloc_clone(bdev, of, gfp, bs))
#define bio_init_clone(bdev, bio, of, gfp) \
	(DRP_FAILS_AT_ONCE(gfp) ? -ENOMEM : bio_init_clone(bdev, bio, of, gfp))

#define xa_store(xa, i, entry, gfp) \
	(DRP_FAILS_SLOT(gfp) ? DRP_XA_NOMEM : xa_store(xa, i, entry, gfp))
#define xa_store_irq(xa, i, entry, gfp) \
	(DRP_FAILS_SLOT(gfp) ? DRP_XA_NOMEM : xa_store_irq(xa, i, entry, gfp))
#define xa_reserve(xa, i, gfp)	(DRP_FAILS(gfp) ? -ENOMEM : xa_reserve(xa, i, gfp))
#define xa_insert_irq(xa, i, entry, gfp) \
	(DRP_FAILS(gfp) ? -ENOMEM : xa_insert_irq(xa, i, entry, gfp))

#endif /* DRP_FAIL_ALLOC_H */
