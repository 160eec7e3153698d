/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Just enough of the kernel for the module's services that allocate and lock,
 * so that they run under ASan against a model. What the kernel only documents
 * is checked here: no sleep and no I/O under a spinlock, locks held where a
 * function says so, frees of what was allocated.
 */
#ifndef FAKE_KERNEL_H
#define FAKE_KERNEL_H

#include <stdio.h>
#include <stdlib.h>

#include "user.h"

typedef unsigned int gfp_t;
#define GFP_KERNEL	1U
#define GFP_NOIO	2U
#define GFP_NOWAIT	4U
#define __GFP_NOWARN	8U
#define __GFP_NOFAIL	16U

struct fake_kernel {
	u32 locks_held;
	u32 fail_nowait;	/* one in so many fails, 0: none */
	u32 fail_sleeping;
	u64 random;
	u64 failed;		/* allocations refused */
	u64 warnings;
	char log[256];		/* the last one */
};

extern struct fake_kernel fake_kernel;

static inline void fake_die(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	abort();
}

#define fake_assert(cond) \
	do { if (!(cond)) fake_die("violated: " #cond, __FILE__, __LINE__); } while (0)
#define might_sleep()	fake_assert(!fake_kernel.locks_held)

#define WARN_ON_ONCE(cond) \
	({ bool __warn = !!(cond); if (__warn) fake_die("warning: " #cond, __FILE__, __LINE__); __warn; })
#define READ_ONCE(x)	(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))

#define xchg(at, v)	({ __typeof__(*(at)) __old = *(at); *(at) = (v); __old; })

#endif /* FAKE_KERNEL_H */
