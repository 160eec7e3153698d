/* SPDX-License-Identifier: GPL-2.0-only */
/* Changes of several objects in one commit: all of them hold, or none. */
#ifndef DRP_OP_COMMIT_H
#define DRP_OP_COMMIT_H

#include "op.h"

#define DRP_CHANGES_MAX	6

struct drp_change {
	enum drp_object_kind kind;	/* element, sync or aspect */
	u64 id;
	void *object;
	const void *rec;		/* NULL: it goes */
	bool make;			/* it appears with the commit */
};

/* Lives until the commit has ended. */
struct drp_changes {
	struct drp_commit_req req;
	struct drp_pool *pool;
	unsigned int nr;
	struct drp_change change[DRP_CHANGES_MAX];
	u64 next_id;			/* of the pool from then on; 0: as it is */
	bool reclaim;			/* entries of COW space become garbage */
	u32 cow_memory;			/* of the pool from then on, MiB; 0: as it is */
	struct drp_pool_rec pool_rec;
};

/* An object's record becomes @rec, which stays valid until the commit. */
void drp_change_element(struct drp_changes *c, struct drp_element *e,
			const struct drp_element_rec *rec);
void drp_change_sync(struct drp_changes *c, struct drp_sync *s, const struct drp_sync_rec *rec);

/* A new object, whose record is in it; its id is taken by drp_changes_commit() if next_id says so. */
void drp_change_new_element(struct drp_changes *c, struct drp_element *e);
void drp_change_new_sync(struct drp_changes *c, struct drp_sync *s);
void drp_change_new_aspect(struct drp_changes *c, struct drp_aspect_rec *a);

/* An object goes; the caller frees it after the commit. */
void drp_change_del(struct drp_changes *c, enum drp_object_kind kind, u64 id);

/*
 * Commit them, as CONFIRM of @cut_id if that is not 0. 0, -ENOMEM, -EIO: then
 * nothing has changed. op_lock held. Sleeps.
 */
int drp_changes_commit(struct drp_changes *c, u64 cut_id);

#endif /* DRP_OP_COMMIT_H */
