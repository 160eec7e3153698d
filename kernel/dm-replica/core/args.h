/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Parsing of messages, table lines and KEY=VALUE settings, shared by the
 * device-mapper messages, the netlink front end, the tool and the fuzzers.
 * Pure: works on the caller's strings, keeps pointers into them. Any context.
 */
#ifndef DRP_CORE_ARGS_H
#define DRP_CORE_ARGS_H

#include "types.h"

#define DRP_ARGS_MEMBERS_MAX	64	/* ids in one request */
#define DRP_DEADLINE_MS_MAX	600000
#define DRP_ACTIVE_EXTENTS_LOW	32	/* one aligned run that is activated ahead */
#define DRP_ACTIVE_EXTENTS_HIGH	(1U << 20)
#define DRP_COW_MEMORY_LOW	1	/* MiB */
#define DRP_COW_MEMORY_HIGH	65536
#define DRP_COW_MEMORY_DEFAULT	32
#define DRP_SIZE_SECTORS_MAX	(S64_MAX >> DRP_SECTOR_SHIFT)

/* Which settings a request carried; each has its value in struct drp_settings. */
#define DRP_SET_MODE			BIT(0)
#define DRP_SET_COPY_PRIORITY		BIT(1)
#define DRP_SET_RATE_LIMIT		BIT(2)	/* bytes per second, K/M/G suffix, 0: none */
#define DRP_SET_RECOVERY_MODE		BIT(3)	/* automatic | manual */
#define DRP_SET_FAILED_COPY_STOPS	BIT(4)	/* yes | no */
#define DRP_SET_READ_POLICY		BIT(5)	/* source | balance */
#define DRP_SET_IN_USE_IGNORE		BIT(6)	/* in_use=ignore | refuse */
#define DRP_SET_DEADLINE_MS		BIT(7)	/* of a cut; 1 to 600000 */
#define DRP_SET_NAME			BIT(8)
#define DRP_SET_WAIT_STATE		BIT(9)	/* wait_for_copy_state=NAME */
#define DRP_SET_SKIP_INITIAL_COPY	BIT(10)	/* yes: the legs are equal; with Force */
#define DRP_SET_ACTIVE_EXTENTS_MAX	BIT(11)	/* of an element */
#define DRP_SET_IDENTITY		BIT(12)	/* identity=TEXT of a data device */
#define DRP_SET_SIZE_SECTORS		BIT(13)	/* size=SECTORS of an element */
#define DRP_SET_AUTO_DELETE		BIT(14)	/* yes | no */
#define DRP_SET_TARGET_NAME		BIT(15)	/* of the element that is made with a snapshot */
#define DRP_SET_ASPECT			BIT(16)	/* aspect=ID: a snapshot of its point in time */
#define DRP_SET_FREEZE			BIT(17)	/* yes (default) | no: the file system on the source, for the cut */
#define DRP_SET_COW_MEMORY		BIT(18)	/* of a pool: MiB for the index of its COW space */
#define DRP_SET_DESCRIPTION_MAX		19

struct drp_settings {
	u32 mask;			/* DRP_SET_* that were given */
	u16 mode;
	u16 copy_priority;
	u16 recovery_mode;
	u16 read_policy;
	u16 wait_state;
	bool failed_copy_stops_host_io;
	bool in_use_ignore;
	bool skip_initial_copy;
	bool auto_delete;
	bool freeze;
	u32 deadline_ms;
	u32 active_extents_max;
	u32 cow_memory;
	u64 rate_limit;
	u64 size_sectors;
	u64 aspect_id;
	const char *name;		/* point into the request */
	const char *identity;
	const char *target_name;
};

/* Where a request is wrong, for people. */
struct drp_parse_error {
	char text[DRP_MESSAGE_MAX + 1];
};

/*
 * One KEY=VALUE; @s starts zeroed and collects. Keys are mode, copy_priority,
 * rate_limit, recovery_mode, failed_copy_stops_host_io, read_policy, in_use,
 * deadline_ms, name, wait_for_copy_state, skip_initial_copy,
 * active_extents_max, identity, size, auto_delete, target_name, aspect, freeze,
 * cow_memory; with hyphens for underscores, or as the DMTF writes its properties (CopyPriority,
 * CopyRecoveryMode, FailedCopyStopsHostIO, InUse, ElementName, ...). A key
 * given twice, an unknown key or a value out of range is -EINVAL with a text
 * that names it.
 */
int drp_parse_setting(const char *text, struct drp_settings *s, struct drp_parse_error *err);

enum drp_request_kind {
	DRP_REQ_CREATE_ELEMENT = 1,	/* create_element <id> <name> [<key>=<value>...] */
	DRP_REQ_DELETE_ELEMENT,		/* delete_element <id> [force] */
	/*
	 * create_sync <id> <type> <source id> <target id> [force] [dry_run]
	 *             [<key>=<value>...]
	 * A snapshot's target is made: its id is 0 (choose one) or a new one, its
	 * name target_name=NAME.
	 */
	DRP_REQ_CREATE_SYNC,
	/*
	 * modify <op> <sync id | group:<id>> [force] [dry_run] [pair:<sync id>...]
	 *        [<key>=<value>...]
	 */
	DRP_REQ_MODIFY,
	/* set pool|element:<id>|sync:<id>|group:<id> <key>=<value>... */
	DRP_REQ_SET,
	DRP_REQ_CREATE_GROUP,		/* create_group <id> <name> [<element id>...] */
	DRP_REQ_DELETE_GROUP,		/* delete_group <id> */
	DRP_REQ_ADD_MEMBERS,		/* add_members <group id> <element id>... */
	DRP_REQ_REMOVE_MEMBERS,		/* remove_members <group id> <element id>... */
	DRP_REQ_JOB,			/* job <id> suspend|resume|terminate */
	DRP_REQ_DELETE_ASPECT,		/* delete_aspect <id> [force] */
	DRP_REQ_RESTORE_ASPECT,		/* restore_aspect <id> [force] [dry_run] [<key>=<value>...] */
};

enum drp_object_kind {
	DRP_OBJ_NONE,
	DRP_OBJ_POOL,
	DRP_OBJ_ELEMENT,
	DRP_OBJ_SYNC,
	DRP_OBJ_GROUP,
	DRP_OBJ_JOB,
	DRP_OBJ_ASPECT,
};

/*
 * The DRP_SET_* that a request may carry, SET depending on its object; others
 * are refused by drp_parse_message(). For front ends that parse settings alone.
 */
u32 drp_settings_allowed(enum drp_request_kind kind, enum drp_object_kind object);

/* The canonical key of the lowest DRP_SET_* in @mask, to name an offender; never NULL. */
const char *drp_setting_key(u32 mask);

/* One request, however it came. Ids are 1 to 2^63-1; 0: choose one (CREATE only). */
struct drp_request {
	enum drp_request_kind kind;
	enum drp_object_kind object;	/* what MODIFY and SET are about */
	u64 id;				/* of the object */
	u64 source_id;
	u64 target_id;
	u16 sync_type;
	u16 operation;
	u16 job_request;		/* enum drp_job_request */
	bool force;
	bool dry_run;
	const char *name;		/* of an element or group to create */
	unsigned int nr_members;	/* members, or sync pairs of MODIFY */
	u64 members[DRP_ARGS_MEMBERS_MAX];
	struct drp_settings settings;
};

/* Parse a message's words. Returns 0, or -EINVAL with @err filled; @req is valid only after 0. */
int drp_parse_message(unsigned int argc, char **argv, struct drp_request *req,
		      struct drp_parse_error *err);

/* Table line of the pool target, after <start> <length> replica-pool. */
struct drp_pool_args {
	const char *metadata_dev;
	const char *cow_dev;		/* NULL for "-" */
	u32 chunk_sectors;		/* power of two, 8 to 2048 */
	/* features region=SECTORS, extent=SECTORS: powers of two, used at format */
	u32 region_sectors;		/* 8 to 2048; default 8 */
	u32 extent_sectors;		/* 128 to 131072, not below region or chunk; default 8192 */
	const char *name;		/* feature name=NAME; stored at format */
	const char *owner;		/* feature owner=UUID (host identity) */
	const char *cow_identity;	/* feature cow_identity=TEXT: what the COW device calls itself now */
	bool format;			/* feature format */
	bool take_over;			/* feature take_over */
};

/*
 * Table line of the element target: <pool dev> <element id> [<data dev | -> [<#features> ...]].
 * Features: "identity=TEXT" what the device calls itself now.
 */
struct drp_element_args {
	const char *pool_dev;
	u64 id;
	const char *data_dev;		/* NULL: virtual or missing */
	const char *identity;
};

int drp_parse_pool_args(unsigned int argc, char **argv, struct drp_pool_args *a,
			struct drp_parse_error *err);
int drp_parse_element_args(unsigned int argc, char **argv, struct drp_element_args *a,
			   struct drp_parse_error *err);

#endif /* DRP_CORE_ARGS_H */
