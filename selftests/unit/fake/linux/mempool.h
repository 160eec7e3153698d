/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FAKE_MEMPOOL_H
#define FAKE_MEMPOOL_H
typedef struct mempool mempool_t;
#endif
