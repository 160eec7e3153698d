/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FAKE_MM_H
#define FAKE_MM_H
#include <linux/slab.h>
#endif
