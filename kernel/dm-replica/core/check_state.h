/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the offline check's files only. */
#ifndef DRP_CORE_CHECK_STATE_H
#define DRP_CORE_CHECK_STATE_H

#include "check.h"

struct check {
	const struct drp_io *io;
	const struct drp_check_sink *sink;
	const struct drp_load_sink *dump;	/* may be NULL, and each of its callbacks */
	void *ctx;
	const struct drp_check_memory *memory;
	struct drp_check_result *result;
	u32 nr_objects;
	u32 nr_roots;
};

__printf(3, 4)
void drp_check_say(struct check *c, enum drp_check_severity severity, const char *fmt, ...);

struct drp_check_object *drp_check_find(const struct check *c, enum drp_object_kind kind, u64 id);

/* Do all references lead somewhere, are ids and names unique? */
void drp_check_references(struct check *c);

/* Every directory chunk and page that is stored. */
void drp_check_pages(struct check *c);

#endif /* DRP_CORE_CHECK_STATE_H */
