/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The words for the numbers of the state model, in one place for the module,
 * the tool and the tests. Pure; any context.
 *
 * Three spellings: the DMTF's ("Resync Replica", "Failedover", "Requires
 * resync"), kebab case for command lines and settings ("resync-replica",
 * "requires-resync"), and the number.
 */
#ifndef DRP_CORE_NAMES_H
#define DRP_CORE_NAMES_H

#include "types.h"

enum drp_enum {
	DRP_ENUM_SYNC_TYPE,
	DRP_ENUM_MODE,
	DRP_ENUM_OPERATION,
	DRP_ENUM_COPY_STATE,
	DRP_ENUM_PROGRESS_STATUS,
	DRP_ENUM_RETURN_VALUE,
	DRP_ENUM_COPY_PRIORITY,
	DRP_ENUM_RECOVERY_MODE,
	DRP_ENUM_JOB_STATE,
	DRP_ENUM_POOL_MODE,
	DRP_ENUM_ACCESS,
	DRP_ENUM_READ_POLICY,
	DRP_ENUM_EVENT_TYPE,
	DRP_NR_ENUMS
};

/* The DMTF spelling of @value, or "Unknown". Never NULL. */
const char *drp_name(enum drp_enum which, u32 value);

/* The kebab-case spelling of @value, or "unknown". Never NULL. */
const char *drp_kebab(enum drp_enum which, u32 value);

/*
 * Parse a kebab-case or DMTF name (case-insensitively; blanks, hyphens and
 * underscores are one) or a decimal number that has a name. "prepare" and
 * "unprepare" are both operations. Returns 0 or -EINVAL; *@value only then set.
 */
int drp_parse_name(enum drp_enum which, const char *text, u32 *value);

/* The @i-th named value in ascending order: 0, or -ENOENT past the end. */
int drp_enum_value(enum drp_enum which, unsigned int i, u32 *value);

/* errno (positive) that stands for a return value; 0 for 0 and 4096. */
int drp_rv_to_errno(u32 return_value);

/* The return value that an errno (positive) stands for; unknown ones: Failed. */
u32 drp_errno_to_rv(int err);

/* Exit status of the tool for a return value: design 2.4. */
int drp_rv_to_exit_status(u32 return_value);

/*
 * A name of an object: [A-Za-z0-9_+][A-Za-z0-9_.+-]*, 1 to DRP_NAME_MAX bytes.
 * Returns NULL if it is good, else a static text that says what is wrong.
 */
const char *drp_name_problem(const char *name);

/*
 * The mangled dm name POOL-ELEMENT with hyphens inside a name doubled. Returns
 * its length, or -ENAMETOOLONG if it does not fit @size with its NUL (dm allows
 * 127 bytes).
 */
int drp_dm_name(char *buf, size_t size, const char *pool, const char *element);

#endif /* DRP_CORE_NAMES_H */
