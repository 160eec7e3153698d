/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FAKE_SLAB_H
#define FAKE_SLAB_H
#include <linux/fake_kernel.h>

static inline bool fake_refuses(u32 one_in)
{
	if (!one_in)
		return false;
	fake_kernel.random = fake_kernel.random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (fake_kernel.random >> 33) % one_in == 0;
}

static inline void *fake_alloc(size_t bytes, gfp_t gfp)
{
	bool nowait = gfp & GFP_NOWAIT;

	if (!nowait)
		might_sleep();
	if (!(gfp & __GFP_NOFAIL) &&
	    fake_refuses(nowait ? fake_kernel.fail_nowait : fake_kernel.fail_sleeping)) {
		fake_kernel.failed++;
		return NULL;
	}
	return calloc(1, bytes ? bytes : 1);
}

/* Not zeroed in the kernel: here with a pattern that shows. */
static inline void *kmalloc(size_t bytes, gfp_t gfp)
{
	void *p = fake_alloc(bytes, gfp);

	return p ? memset(p, 0xa5, bytes) : NULL;
}

#define kzalloc(bytes, gfp)		fake_alloc(bytes, gfp)
#define kcalloc(n, bytes, gfp)		fake_alloc((n) * (bytes), gfp)
#define kvmalloc(bytes, gfp)		kmalloc(bytes, gfp)
#define kvzalloc(bytes, gfp)		fake_alloc(bytes, gfp)
#define kvmalloc_array(n, bytes, gfp)	kmalloc((n) * (bytes), gfp)
#define kvcalloc(n, bytes, gfp)		fake_alloc((n) * (bytes), gfp)

static inline void kfree(const void *p)
{
	free((void *)p);
}

static inline void kvfree(const void *p)
{
	might_sleep();
	free((void *)p);
}
#endif
