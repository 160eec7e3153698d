/* SPDX-License-Identifier: GPL-2.0-only */
/* Is a pool's metadata whole and free of contradictions? Reads only. */
#ifndef REPLCTL_CHECK_H
#define REPLCTL_CHECK_H

#include "dump.h"

struct finding {
	bool harmless;		/* nothing is lost: it is treated as "may differ" */
	char text[160];
};

struct check {
	struct finding *findings;
	unsigned int nr_findings;
	u64 pages;		/* plane pages and directory chunks that were read */
};

/* Check what @image loaded and the pages that it refers to. */
void check_image(const struct metadata *m, const struct drp_super *sb, const struct image *image,
		 struct check *check);
void check_free(struct check *check);

#endif /* REPLCTL_CHECK_H */
