/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The on-disk format of a pool's metadata device, version 1. Little endian.
 * Documentation/on-disk-format.rst explains it field by field; a unit test
 * freezes its bytes. Pure declarations.
 *
 * Unit is the block of 4096 bytes. Block 0 and block 256 (1 MiB) hold the two
 * superblocks; blocks 1 to 255 stay zero. Every block names itself: kind,
 * object, index, sequence, and a crc32c seeded with the pool's format nonce, so
 * that a block of a former life or a misdirected write is never taken for ours.
 */
#ifndef DRP_CORE_FORMAT_H
#define DRP_CORE_FORMAT_H

#include "types.h"

#define DRP_FORMAT_VERSION	1
#define DRP_SUPER_MAGIC		"dm-replica pool"	/* 16 bytes with the NUL */
#define DRP_SUPER_BLOCK_A	0
#define DRP_SUPER_BLOCK_B	256
#define DRP_FIRST_AREA_BLOCK	257
#define DRP_MIN_DEVICE_BLOCKS	2048	/* 8 MiB */
#define DRP_NR_AREAS		16
#define DRP_COMMIT_BLOCKS_MAX	16	/* blocks of one journal commit */
#define DRP_RECORD_MAX		3840	/* bytes of one record with its header */
#define DRP_MIN_JOURNAL_BLOCKS	(2 * DRP_COMMIT_BLOCKS_MAX)
#define DRP_ID_MAX		((1ULL << 63) - 1)	/* of elements, syncs, groups, aspects, cuts; 0 is none */

enum drp_block_kind {
	DRP_BLOCK_SUPER		= 1,
	DRP_BLOCK_JOURNAL	= 2,	/* seq: commit, index: block within the commit */
	DRP_BLOCK_CATALOG	= 3,	/* seq: checkpoint, index: block within the catalog */
	DRP_BLOCK_PLANE_DIR	= 4,	/* object: sync, index: chunk of the directory */
	DRP_BLOCK_PLANE		= 5,	/* object: sync, index: page of the plane */
	DRP_BLOCK_COW_NODE	= 6,	/* seq: of this node alone, flags: level */
	/* 7 is reserved */
	DRP_BLOCK_COW_LABEL	= 8,	/* slot 0 of the COW device */
};

struct drp_block_header {
	__le32 crc;		/* crc32c of everything behind this field, see drp_block_seal() */
	__le32 kind;
	__le64 nonce;
	__le64 object;
	__le64 index;
	__le64 seq;
	__le32 len;		/* payload bytes in use */
	__le32 flags;		/* planes: which plane; nodes of the COW index: level */
};
static_assert(sizeof(struct drp_block_header) == 48);

#define DRP_BLOCK_PAYLOAD	(DRP_BLOCK_BYTES - sizeof(struct drp_block_header))

/* ---- superblock ---- */

enum drp_area_kind {
	DRP_AREA_NONE		= 0,
	DRP_AREA_JOURNAL	= 1,
	DRP_AREA_CATALOG	= 2,	/* two of them, index 0 and 1 */
	DRP_AREA_PAGES		= 3,	/* any number, so that metadata can grow */
};

struct drp_area_disk {
	__le32 kind;
	__le32 index;
	__le64 first;		/* block */
	__le64 blocks;
};

#define DRP_INCOMPAT_COW	BIT_ULL(0)	/* COW space in use: cow_identity, cow_sectors */
#define DRP_INCOMPAT_TWO_COPIES	BIT_ULL(1)	/* reserved: second metadata device */
#define DRP_INCOMPAT_ASYNC	BIT_ULL(2)	/* reserved: epochs in use */
#define DRP_INCOMPAT_KNOWN	DRP_INCOMPAT_COW

struct drp_super_disk {
	struct drp_block_header h;
	char magic[16];
	__le32 version;
	__le32 block_bytes;
	u8 uuid[DRP_UUID_BYTES];
	char name[DRP_NAME_MAX + 1];
	__le64 compat;
	__le64 ro_compat;
	__le64 incompat;
	__le64 device_blocks;
	__le64 created;			/* ns since the epoch */
	__le32 chunk_sectors;
	__le32 region_sectors;
	__le32 extent_sectors;
	__le32 nr_areas;
	struct drp_area_disk areas[DRP_NR_AREAS];
	/* root: where the state of the pool is */
	__le64 catalog_seq;		/* checkpoint that areas[catalog] holds */
	__le32 catalog_index;		/* 0 or 1 */
	__le32 catalog_blocks;
	__le64 tail_block;		/* index in the journal ring where replay starts */
	__le64 tail_seq;		/* commit expected there */
	/* owner: who has it activated, for shared storage */
	u8 owner_uuid[DRP_UUID_BYTES];
	u8 boot_id[DRP_UUID_BYTES];
	char owner_name[64];
	__le64 activation;		/* counts activations */
	__le32 clean;			/* 1: stopped cleanly */
	__le32 copy_index;		/* which copy of the metadata this is: 0 */
	/* reserved for a second metadata device */
	u8 peer_uuid[DRP_UUID_BYTES];
	__le64 copy_seq[2];
	/* COW space */
	char cow_identity[DRP_IDENTITY_MAX + 1];
	__le64 cow_sectors;
	u8 reserved[256];
};
static_assert(sizeof(struct drp_super_disk) == 1160);

/* ---- records: in journal commits and in the catalog ---- */

#define DRP_RECORD_CRITICAL	BIT(0)	/* who does not know the type must not go on */

struct drp_record_header {
	__le16 type;		/* enum drp_record_type */
	__le16 flags;
	__le32 len;		/* with this header, a multiple of 8 */
};
static_assert(sizeof(struct drp_record_header) == 8);

enum drp_record_type {
	DRP_REC_PAD		= 0,
	DRP_REC_POOL		= 1,	/* struct drp_pool_rec: the whole object, as all puts */
	DRP_REC_ELEMENT		= 2,
	DRP_REC_SYNC		= 3,
	DRP_REC_GROUP		= 4,
	DRP_REC_ASPECT		= 5,
	DRP_REC_OBJECT_DEL	= 6,	/* kind, id */
	DRP_REC_ACTIVATE	= 7,	/* element, first extent, count: may differ after a crash */
	DRP_REC_PLANE_ALL	= 8,	/* sync, plane, value: the whole plane is 0 or 1 */
	DRP_REC_PLANE_ROOT	= 9,	/* catalog only: a run of directory entries */
	DRP_REC_CUT		= 10,	/* cut id, members: what happened inside the gates */
	DRP_REC_CONFIRM		= 11,	/* cut id, nested records that hold from now on */
	DRP_REC_CUT_ABORT	= 12,	/* cut id */
	DRP_REC_PLANE_OR	= 13,	/* reserved: D of one sync |= D of another */
	DRP_REC_C_CLEAR		= 14,	/* sync, first region, count: 0 in the C plane from now on */
	DRP_REC_COW_PUT		= 15,	/* commits only: a slot holds what a chunk was */
	DRP_REC_COW_DEL		= 16,	/* commits only: that entry goes, its slot is free */
	DRP_REC_DROPPED		= 17,	/* reserved: what replay dropped */
	DRP_REC_EPOCH		= 18,	/* reserved: asynchronous mode */
	DRP_REC_COW_ROOT	= 19,	/* catalog only: where the COW index is */
};

/* First bytes of the payload of a commit's first block. */
struct drp_commit_disk {
	__le32 nr_blocks;
	__le32 flags;
	__le64 confirmed;	/* highest commit up to which all preserved data is durable */
	__le64 epoch;		/* reserved */
};
static_assert(sizeof(struct drp_commit_disk) == 24);

/* First bytes of the payload of the catalog's first block. */
struct drp_catalog_disk {
	__le32 nr_records;	/* of the whole catalog */
	__le32 flags;
	__le64 activation;
};
static_assert(sizeof(struct drp_catalog_disk) == 16);

/*
 * Bodies of the records, behind their header. A later version may append
 * fields; what is here keeps its place. Texts end with NUL, truth values are
 * one byte 0 or 1, what is marked reserved is written as zero.
 */
struct drp_pool_disk {
	__le64 next_id;
	__le64 next_job_id;
	__le64 next_cut_id;
	__le64 reclaim;			/* not in the first pools: 0 */
	__le64 cow_memory;		/* only where somebody has set it */
};
static_assert(sizeof(struct drp_pool_disk) == 40);

struct drp_element_disk {
	__le64 id;
	__le64 size_sectors;
	__le64 data_offset;
	__le64 created;
	__le32 fingerprint;
	__le32 active_extents_max;
	__le16 read_policy;
	u8 fingerprint_valid;
	u8 reserved[5];
	__le64 generation;		/* cuts of it so far */
	__le64 parent_element;		/* of a virtual one, else 0 */
	__le64 parent_generation;	/* 0: no point in time */
	u8 uuid[DRP_UUID_BYTES];
	u8 wwid[DRP_UUID_BYTES];
	char name[DRP_NAME_MAX + 1];
	char identity[DRP_IDENTITY_MAX + 1];
};
static_assert(sizeof(struct drp_element_disk) == 296);

struct drp_sync_disk {
	__le64 id;
	__le64 source_id;
	__le64 target_id;
	__le16 sync_type;
	__le16 mode;
	__le16 copy_state;
	__le16 requested_copy_state;
	__le16 progress_status;
	__le16 recovery_mode;
	__le16 copy_priority;
	u8 target_consistent;
	u8 in_sync;
	u8 source_changed;
	u8 target_changed;
	u8 partitioned;
	u8 reverse;			/* restore, failback */
	u8 failed_copy_stops_host_io;
	u8 auto_delete;
	u8 initial_copy;
	u8 partial;			/* clone */
	u8 reserved[8];
	__le64 rate_limit;
	__le64 job_id;
	__le64 when_established;
	__le64 when_activated;
	__le64 when_deactivated;
	__le64 when_suspended;
	__le64 when_synced;
	__le64 when_synchronized;
	__le64 group_sync_id;		/* reserved, as all up to the name but gen_start */
	__le64 cut_id;
	__le64 gen_start;		/* newest generation when a restore began, at least 1 */
	__le64 epoch;
	__le64 undo_sync_id;
	__le64 generation_current;
	__le64 generation_base;
	char name[DRP_NAME_MAX + 1];
	char error_text[DRP_IDENTITY_MAX + 1];
};
static_assert(sizeof(struct drp_sync_disk) == 368);

struct drp_group_disk {
	__le64 id;
	char name[DRP_NAME_MAX + 1];
	__le32 nr_members;
	__le32 reserved;
	__le64 members[];
};
static_assert(sizeof(struct drp_group_disk) == 80);

struct drp_aspect_disk {
	__le64 id;
	__le64 source_id;
	__le64 target_id;
	__le64 sync_id;
	__le64 when_synced;
	__le64 created;
	__le64 generation;		/* of the source that it keeps; 0: none */
	__le16 sync_type;
	u8 reserved[6];
	char name[DRP_NAME_MAX + 1];
	char source_name[DRP_NAME_MAX + 1];
	char target_name[DRP_NAME_MAX + 1];
};
static_assert(sizeof(struct drp_aspect_disk) == 256);

struct drp_object_del_disk {
	__le32 kind;			/* enum drp_object_kind: 2 element, 3 sync, 4 group, 6 aspect */
	__le32 reserved;
	__le64 id;
};
static_assert(sizeof(struct drp_object_del_disk) == 16);

struct drp_activate_disk {
	__le64 element_id;
	__le64 first;			/* extent */
	__le64 count;
};
static_assert(sizeof(struct drp_activate_disk) == 24);

struct drp_plane_all_disk {
	__le64 sync_id;
	__le32 plane;
	__le32 value;			/* 0 or 1 */
};
static_assert(sizeof(struct drp_plane_all_disk) == 16);

struct drp_c_clear_disk {
	__le64 sync_id;
	__le64 first;			/* region */
	__le64 count;
};
static_assert(sizeof(struct drp_c_clear_disk) == 24);

struct drp_cut_disk {
	__le64 cut_id;
	__le32 nr_members;		/* elements whose gates were closed; 0 in CUT_ABORT */
	__le32 reserved;
	__le64 members[];
};
static_assert(sizeof(struct drp_cut_disk) == 16);

struct drp_confirm_disk {
	__le64 cut_id;
	__le32 nested_bytes;		/* whole records, a multiple of 8 */
	__le32 reserved;
	u8 nested[];
};
static_assert(sizeof(struct drp_confirm_disk) == 16);

/* ---- COW space: see cow.h ---- */

/* In a leaf of the index. */
struct drp_cow_entry_disk {
	__le64 element_id;
	__le64 chunk;
	__le64 generation;
	__le64 where;			/* bits 0-47 slot, bits 56-63 enum drp_cow_kind */
};
static_assert(sizeof(struct drp_cow_entry_disk) == 32);

/* In a node above. */
struct drp_cow_child_disk {
	__le64 element_id;		/* first key below */
	__le64 chunk;
	__le64 generation;
	__le64 block;
	__le64 seq;			/* that the block carries */
};
static_assert(sizeof(struct drp_cow_child_disk) == 40);

struct drp_cow_put_disk {
	struct drp_cow_entry_disk entry;
	__le32 crc;			/* crc32c of the chunk, see Documentation; 0 if private */
	__le32 reserved;
};
static_assert(sizeof(struct drp_cow_put_disk) == 40);

struct drp_cow_del_disk {
	__le64 element_id;
	__le64 chunk;
	__le64 generation;
};
static_assert(sizeof(struct drp_cow_del_disk) == 24);

struct drp_cow_root_disk {
	__le64 block;			/* 0: empty */
	__le64 seq;			/* that the block carries */
	__le64 entries;
	__le64 nodes;
	__le32 height;			/* 1: the root is a leaf */
	__le32 reserved;
};
static_assert(sizeof(struct drp_cow_root_disk) == 40);

#define DRP_COW_LABEL_MAGIC	"dm-replica cow"	/* 16 bytes with NULs */

struct drp_cow_label_disk {
	struct drp_block_header h;	/* with the pool's nonce */
	char magic[16];
	u8 uuid[DRP_UUID_BYTES];	/* of the pool */
	__le32 chunk_sectors;
	__le32 reserved;
};
static_assert(sizeof(struct drp_cow_label_disk) == 88);

/* ---- planes ---- */

enum drp_plane {
	DRP_PLANE_D	= 0,	/* the legs may differ */
	DRP_PLANE_C	= 1,	/* content still lives on the other side */
	DRP_PLANE_SLOTS	= 2,	/* of the COW device: in use; object DRP_COW_PLANE_ID */
};

#define DRP_PAGE_BYTES		3968U			/* bits of one plane page: 64-bit words, LE */
#define DRP_PAGE_BITS		(DRP_PAGE_BYTES * 8)	/* 31744: 31 extents of 4 MiB at 4 KiB */
#define DRP_DIR_ENTRIES		248U			/* pages that one directory chunk describes */

enum drp_page_state {
	DRP_PAGE_CLEAN	= 0,	/* absent: all bits 0 */
	DRP_PAGE_DIRTY	= 1,	/* absent: all bits 1 */
	DRP_PAGE_STORED	= 2,
};

/* Directory entry of a page, and root entry of a directory chunk. */
struct drp_dir_entry_disk {
	__le64 where;		/* bits 0-1 enum drp_page_state, bits 8-63 block on the device */
	__le64 seq;		/* that the block must carry */
};
static_assert(sizeof(struct drp_dir_entry_disk) == 16);

struct drp_plane_root_disk {
	__le64 sync_id;
	__le64 first;			/* directory chunk that entries[0] is about */
	__le32 plane;
	__le32 nr_entries;
	struct drp_dir_entry_disk entries[];
};
static_assert(sizeof(struct drp_plane_root_disk) == 24);

#endif /* DRP_CORE_FORMAT_H */
