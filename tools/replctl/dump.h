/* SPDX-License-Identifier: GPL-2.0-only */
/* The state of a pool as its metadata device holds it: catalog and journal, replayed. */
#ifndef REPLCTL_DUMP_H
#define REPLCTL_DUMP_H

#include "cow.h"
#include "metadata.h"

struct plane_state {
	u64 sync_id;
	enum drp_plane plane;
	u64 stored;		/* directory chunks with a block */
	u64 dirty;		/* absent, all bits 1 */
	bool all_known;		/* the whole plane was set to @all_value last */
	bool all_value;
};

struct image {
	struct drp_pool_rec pool;
	struct drp_element_rec *elements;
	struct drp_sync_rec *syncs;
	struct drp_group_rec *groups;
	struct drp_aspect_rec *aspects;
	struct plane_state *planes;
	unsigned int nr_elements, nr_syncs, nr_groups, nr_aspects, nr_planes;
	u64 activations;	/* extents that may differ after a crash */
	struct drp_cow_root cow_root;	/* of the catalog */
	u64 cow_puts, cow_dels;	/* in commits behind it */
	struct drp_load_result result;
};

/* Load the pool of @sb. 0 or a negative errno, with image->result.problem; free in any case. */
int image_load(const struct metadata *m, const struct drp_super *sb, struct image *image);
void image_free(struct image *image);

#endif /* REPLCTL_DUMP_H */
