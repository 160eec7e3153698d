/* SPDX-License-Identifier: GPL-2.0-only */
/* What nodes of the COW index hold, for the codec's and the tree's files only. */
#ifndef DRP_CORE_CODEC_COW_H
#define DRP_CORE_CODEC_COW_H

#include "cow.h"

/* What a node says of one below it. */
struct drp_cow_child {
	struct drp_cow_key first;	/* the first key below */
	u64 block;
	u64 seq;			/* that the block carries */
};

void drp_cow_entry_pack(struct drp_cow_entry_disk *d, const struct drp_cow_entry *e);
/* False if it is none; crc is not there. */
bool drp_cow_entry_unpack(struct drp_cow_entry *e, const struct drp_cow_entry_disk *d);

void drp_cow_child_pack(struct drp_cow_child_disk *d, const struct drp_cow_child *c);
bool drp_cow_child_unpack(struct drp_cow_child *c, const struct drp_cow_child_disk *d);

#endif /* DRP_CORE_CODEC_COW_H */
