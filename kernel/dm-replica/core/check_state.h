/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the offline check's files only. */
#ifndef DRP_CORE_CHECK_STATE_H
#define DRP_CORE_CHECK_STATE_H

#include "check.h"
#include "cow.h"

struct check {
	const struct drp_io *io;
	const struct drp_check_sink *sink;
	const struct drp_load_sink *dump;	/* may be NULL, and each of its callbacks */
	void *ctx;
	const struct drp_check_memory *memory;
	struct drp_check_result *result;
	u32 nr_objects;
	u32 nr_roots;
	u32 nr_mods;
	struct drp_cow_root cow_root;

	/* of the way through the COW index */
	u32 at_mod;
	const struct drp_check_object *owner;	/* the element of the last entry, if it exists */
	u64 owner_id;
	bool owner_known;
	bool any_key;
	struct drp_cow_key last_key;
	u64 tree_entries;
	bool incomplete;			/* some node could not be looked into */
};

__printf(3, 4)
void drp_check_say(struct check *c, enum drp_check_severity severity, const char *fmt, ...);

struct drp_check_object *drp_check_find(const struct check *c, enum drp_object_kind kind, u64 id);

bool drp_check_in_page_area(const struct drp_super *sb, u64 block);

/* Do all references lead somewhere, are ids and names unique? */
void drp_check_references(struct check *c);

/* Every directory chunk and page that is stored. */
void drp_check_pages(struct check *c);

/* ---- COW space ---- */

/* What a commit puts or deletes: 0 or -ENOBUFS. */
int drp_check_take_mod(struct check *c, const struct drp_cow_mod *mod);

/* A page of the plane of slots; pages of which all bits are set, or may be. */
void drp_check_slots_page(struct check *c, u64 page, const u64 *words);
void drp_check_slots_all(struct check *c, u64 first_page, u64 pages);

/* The index; comes after the pages. */
void drp_check_cow(struct check *c);

#endif /* DRP_CORE_CHECK_STATE_H */
