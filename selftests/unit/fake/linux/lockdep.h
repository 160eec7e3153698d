/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FAKE_LOCKDEP_H
#define FAKE_LOCKDEP_H
#include <linux/fake_kernel.h>
#define lockdep_assert_held(lock)	fake_assert((lock)->held)
#endif
