/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The persistent part of each object, in memory. Plain data, host byte order;
 * codec.h turns it into records and back. A record carries the whole object, so
 * replaying it twice changes nothing.
 */
#ifndef DRP_CORE_RECORD_H
#define DRP_CORE_RECORD_H

#include "format.h"
#include "args.h"	/* DRP_ARGS_MEMBERS_MAX, enum drp_object_kind */

struct drp_pool_rec {
	u64 next_id;			/* of elements, syncs, groups, aspects; never reused */
	u64 next_job_id;		/* in steps, so that a crash cannot reuse one */
	u64 next_cut_id;
	u64 reclaim;			/* not 0: entries of COW space may be garbage, a scan is due */
	u32 cow_memory;			/* MiB for the index of COW space; 0: the default */
};

struct drp_element_rec {
	u64 id;
	char name[DRP_NAME_MAX + 1];
	u8 uuid[DRP_UUID_BYTES];
	u8 wwid[DRP_UUID_BYTES];	/* what consumers see; moves with a role swap */
	u64 size_sectors;
	u64 data_offset;		/* sectors; 0 in this version */
	char identity[DRP_IDENTITY_MAX + 1]; /* of its data device; empty: not known yet */
	u32 fingerprint;		/* crc32c of the first 128 KiB at clean stop */
	bool fingerprint_valid;
	u16 read_policy;		/* enum drp_read_policy */
	u32 active_extents_max;
	u64 created;			/* ns since the epoch */
	u64 generation;			/* cuts of it so far; never used twice */
	u64 parent_element;		/* of a virtual element: whose chunks it shows; 0: has a device */
	u64 parent_generation;		/* and as of which cut; 0: no point in time */
};

struct drp_sync_rec {
	u64 id;
	char name[DRP_NAME_MAX + 1];
	u64 source_id;
	u64 target_id;
	u16 sync_type;
	u16 mode;
	u16 copy_state;			/* never Partitioned: that is seen, not stored; see partitioned */
	u16 requested_copy_state;
	u16 progress_status;
	u16 recovery_mode;
	u16 copy_priority;
	bool target_consistent;
	bool in_sync;
	bool source_changed;
	bool target_changed;
	bool partitioned;		/* source may have been written while the target was away */
	bool reverse;			/* restore, failback: the source still lacks what its C plane says */
	bool partial;			/* clone: the target still lacks what its C plane says */
	bool failed_copy_stops_host_io;
	bool auto_delete;
	bool initial_copy;		/* the running or interrupted copy is the first one */
	u64 rate_limit;
	u64 job_id;			/* of the copy that runs or is interrupted; 0: none */
	u64 when_established;
	u64 when_activated;
	u64 when_deactivated;
	u64 when_suspended;
	u64 when_synced;
	u64 when_synchronized;
	char error_text[DRP_IDENTITY_MAX + 1];
	u64 gen_start;			/* newest generation of the source, at least 1, when its restore began */
	/* reserved: two-host failover, groups, snapshots, asynchronous mode */
	u64 group_sync_id;
	u64 cut_id;
	u64 epoch;
	u64 undo_sync_id;
	u64 generation_current;
	u64 generation_base;
};

struct drp_group_rec {
	u64 id;
	char name[DRP_NAME_MAX + 1];
	u32 nr_members;
	u64 members[DRP_ARGS_MEMBERS_MAX];	/* in order */
};

struct drp_aspect_rec {
	u64 id;
	char name[DRP_NAME_MAX + 1];
	u64 source_id;
	char source_name[DRP_NAME_MAX + 1];
	u64 target_id;
	char target_name[DRP_NAME_MAX + 1];
	u16 sync_type;
	u64 sync_id;			/* of the sync that was dissolved */
	u64 when_synced;		/* the point in time */
	u64 created;
	u64 generation;			/* of the source that it keeps; 0: none */
};

struct drp_super {
	u8 uuid[DRP_UUID_BYTES];
	u64 nonce;
	u64 seq;			/* of the superblock itself */
	char name[DRP_NAME_MAX + 1];
	u64 compat, ro_compat, incompat;
	u64 device_blocks;
	u64 created;
	u32 chunk_sectors;
	u32 region_sectors;
	u32 extent_sectors;
	u32 nr_areas;
	struct drp_area {
		u32 kind;
		u32 index;
		u64 first;
		u64 blocks;
	} areas[DRP_NR_AREAS];
	u64 catalog_seq;
	u32 catalog_index;
	u32 catalog_blocks;
	u64 tail_block;
	u64 tail_seq;
	u8 owner_uuid[DRP_UUID_BYTES];
	u8 boot_id[DRP_UUID_BYTES];
	char owner_name[64];
	u64 activation;
	bool clean;
	char cow_identity[DRP_IDENTITY_MAX + 1];
	u64 cow_sectors;
	/* not on disk */
	bool write_b_first;		/* place A alone holds this one: see drp_super_write() */
};

struct drp_dir_entry {
	enum drp_page_state state;
	u64 block;			/* on the device, if stored */
	u64 seq;
};

#endif /* DRP_CORE_RECORD_H */
