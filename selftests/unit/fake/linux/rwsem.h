/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FAKE_RWSEM_H
#define FAKE_RWSEM_H
struct rw_semaphore { int unused; };
#endif
