/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists of extents, as the kernel tells where something differs. */
#ifndef REPLCTL_EXTENTS_H
#define REPLCTL_EXTENTS_H

#include "nl.h"

struct extents {
	struct drp_extent *v;		/* in bytes, ascending */
	unsigned int nr, room;
};

/* Append one. Ends the program without memory. */
void extents_add(struct extents *x, u64 offset, u64 length);
u64 extents_bytes(const struct extents *x);
void extents_free(struct extents *x);

/* Where do two elements of @pool differ? */
struct request *req_diff(const char *pool, u64 a, u64 b);

/* Send @req, which is freed, and append the extents that are answered: 0, or the exit status with the error about @what printed. */
int ask_extents(struct request *req, const char *what, struct extents *x);

#endif /* REPLCTL_EXTENTS_H */
