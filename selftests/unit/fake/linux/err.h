/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef FAKE_ERR_H
#define FAKE_ERR_H
#include <linux/fake_kernel.h>

#define ERR_PTR(err)	((void *)(long)(err))
#define PTR_ERR(ptr)	((long)(ptr))
#define IS_ERR(ptr)	((unsigned long)(ptr) >= (unsigned long)-4095)
#define IS_ERR_OR_NULL(ptr)	(!(ptr) || IS_ERR(ptr))
#endif
