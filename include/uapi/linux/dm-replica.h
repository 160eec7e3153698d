/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * dm-replica: the generic netlink protocol and the numbers of the state model.
 *
 * Family "dm-replica", version 1, initial network namespace only. All requests
 * are flat: attributes of enum drp_attr, each at most once unless it is marked
 * [multi]. Numbers are host byte order. Times are nanoseconds since the epoch
 * (0: not known). A policy refuses unknown attributes and out-of-range values.
 *
 * A pool is named by POOL_NAME or POOL_UUID; an element, sync, group, aspect by
 * its id or its name (id wins if both are there and must agree). [N] marks
 * requests that need CAP_SYS_ADMIN.
 *
 *   GET_POOL      do: pool                   dump: all pools
 *   GET_ELEMENT   do: pool, element          dump: [pool]
 *   GET_SYNC      do: pool, sync             dump: [pool]
 *   GET_GROUP     do: pool, group            dump: [pool]
 *   GET_JOB       do: pool, JOB_ID           dump: [pool]
 *   GET_ASPECT    do: pool, aspect           dump: [pool]
 *     -> the same command with the object's attributes; a job that has ended has
 *        the [UPDATED_SYNC_ID] and [ASPECT_ID] of its request
 *   CREATE_ELEMENT [N] pool, [ELEMENT_ID], ELEMENT_NAME, SIZE_SECTORS, [DEVICE_IDENTITY], [SETTING...]
 *   DELETE_ELEMENT [N] pool, element, [FORCE]
 *   CREATE_SYNC    [N] pool, [SYNC_ID], [SYNC_NAME], SYNC_TYPE, [MODE], SOURCE_ID|SOURCE_NAME,
 *                      TARGET_ID|TARGET_NAME, [SETTING...], [WAIT_FOR_COPY_STATE], [FORCE], [DRY_RUN]
 *                      A snapshot's target is made with it: TARGET_NAME is its name, TARGET_ID
 *                      (if it is there) the id that it gets.
 *   MODIFY_SYNC    [N] pool, sync|group, OPERATION, [FORCE], [DRY_RUN], [SETTING...],
 *                      [SYNC_PAIR...], [WAIT_FOR_COPY_STATE]
 *   CREATE_GROUP, DELETE_GROUP, ADD_MEMBERS, REMOVE_MEMBERS [N] pool, group, [MEMBER_ID...]
 *   SET            [N] pool, [element|sync|group], SETTING...
 *   CHANGE_JOB     [N] pool, JOB_ID, REQUESTED_JOB_STATE
 *   DELETE_ASPECT  [N] pool, aspect, [FORCE]
 *   RESTORE_ASPECT [N] pool, aspect, [SYNC_NAME], [TARGET_NAME], [SETTING...],
 *                      [WAIT_FOR_COPY_STATE], [FORCE], [DRY_RUN]
 *                      The names are those of the snapshot that is made of it and restored.
 *     -> METHOD_RESULT: RETURN_VALUE (0 or 4096), [JOB_ID], [id of what was made],
 *        [ASPECT_ID: SettingsState], [UPDATED_SYNC_ID], [MESSAGE], [DRY_RUN]
 *   CAPABILITIES   do: pool, [sync] | [SYNC_TYPE]
 *     -> one CAPABILITIES message per operation, as a dump
 *   MAP            [N] dump: pool, sync | SOURCE_ID|SOURCE_NAME, TARGET_ID|TARGET_NAME,
 *                      [OFFSET_BYTES], [LENGTH_BYTES]
 *     -> MAP messages with EXTENT... (offset, length pairs that differ); of two
 *        elements those that a snapshot and its source, or two snapshots, do not share
 *   SPACE          [N] dump: pool, element (a snapshot's)
 *     -> SPACE messages whose HELD_BYTES and UNIQUE_BYTES add up: what COW space has
 *        for it, and what would come back if it alone were returned
 *   EVENT          multicast group "events": EVENT_TYPE, pool, and what it is about
 *
 * A refusal is a netlink error: its errno stands for one return value (see
 * DRP_RV_* below), its extended-ack text says in words what is wrong and what
 * to do about it. A request waits at most about 100 ms; what takes longer
 * answers 4096 with a job, and the client waits for events.
 */
#ifndef _UAPI_LINUX_DM_REPLICA_H
#define _UAPI_LINUX_DM_REPLICA_H

#include <linux/types.h>

#define DRP_GENL_NAME		"dm-replica"
#define DRP_GENL_VERSION	1
#define DRP_GENL_MCGRP_EVENTS	"events"

#define DRP_NAME_MAX		63	/* bytes of a name, without the NUL */
#define DRP_UUID_BYTES		16
#define DRP_IDENTITY_MAX	127	/* bytes of a device identity string */
#define DRP_MESSAGE_MAX		255	/* bytes of a text for people */
#define DRP_SETTING_MAX		127	/* bytes of one KEY=VALUE */

/* CIM_Synchronized.SyncType */
enum drp_sync_type {
	DRP_SYNC_MIRROR		= 6,
	DRP_SYNC_SNAPSHOT	= 7,
	DRP_SYNC_CLONE		= 8,
};

/* CIM_Synchronized.Mode */
enum drp_mode {
	DRP_MODE_SYNC		= 2,
	DRP_MODE_ASYNC		= 3,
};

/* CIM_ReplicationService.ModifyReplicaSynchronization.Operation */
enum drp_operation {
	DRP_OP_ABORT			= 2,
	DRP_OP_ACTIVATE_CONSISTENCY	= 3,
	DRP_OP_ACTIVATE			= 4,
	DRP_OP_ADD_SYNC_PAIR		= 5,
	DRP_OP_DEACTIVATE_CONSISTENCY	= 6,
	DRP_OP_DEACTIVATE		= 7,
	DRP_OP_DETACH			= 8,
	DRP_OP_DISSOLVE			= 9,
	DRP_OP_FAILOVER			= 10,
	DRP_OP_FAILBACK			= 11,
	DRP_OP_FRACTURE			= 12,
	DRP_OP_REMOVE_SYNC_PAIR		= 13,
	DRP_OP_RESYNC_REPLICA		= 14,
	DRP_OP_RESTORE_FROM_REPLICA	= 15,
	DRP_OP_RESUME			= 16,
	DRP_OP_RESET_TO_SYNC		= 17,
	DRP_OP_RESET_TO_ASYNC		= 18,
	DRP_OP_RETURN_TO_RESOURCE_POOL	= 19,
	DRP_OP_REVERSE_ROLES		= 20,
	DRP_OP_SPLIT			= 21,
	DRP_OP_SUSPEND			= 22,
	DRP_OP_UNPREPARE		= 23,
	DRP_OP_PREPARE			= 24,	/* same as Unprepare */
};

/* CIM_Synchronized.CopyState, RequestedCopyState, WaitForCopyState */
enum drp_copy_state {
	DRP_CS_INITIALIZED	= 2,
	DRP_CS_UNSYNCHRONIZED	= 3,
	DRP_CS_SYNCHRONIZED	= 4,
	DRP_CS_BROKEN		= 5,
	DRP_CS_FRACTURED	= 6,
	DRP_CS_SPLIT		= 7,
	DRP_CS_INACTIVE		= 8,
	DRP_CS_SUSPENDED	= 9,
	DRP_CS_FAILEDOVER	= 10,
	DRP_CS_PREPARED		= 11,
	DRP_CS_ABORTED		= 12,
	DRP_CS_SKEWED		= 13,
	DRP_CS_MIXED		= 14,
	DRP_CS_NOT_APPLICABLE	= 15,
	DRP_CS_PARTITIONED	= 16,
	DRP_CS_INVALID		= 17,
	DRP_CS_RESTORED		= 18,
};

/* CIM_Synchronized.ProgressStatus */
enum drp_progress_status {
	DRP_PS_UNKNOWN		= 0,
	DRP_PS_COMPLETED	= 2,
	DRP_PS_DORMANT		= 3,
	DRP_PS_INITIALIZING	= 4,
	DRP_PS_PREPARING	= 5,
	DRP_PS_SYNCHRONIZING	= 6,
	DRP_PS_RESYNCING	= 7,
	DRP_PS_RESTORING	= 8,
	DRP_PS_FRACTURING	= 9,
	DRP_PS_SPLITTING	= 10,
	DRP_PS_FAILING_OVER	= 11,
	DRP_PS_FAILING_BACK	= 12,
	DRP_PS_ABORTING		= 13,
	DRP_PS_MIXED		= 14,
	DRP_PS_NOT_APPLICABLE	= 15,
	DRP_PS_SUSPENDING	= 16,
	DRP_PS_REQUIRES_FRACTURE = 17,
	DRP_PS_REQUIRES_RESYNC	= 18,
	DRP_PS_REQUIRES_ACTIVATE = 19,
	DRP_PS_PENDING		= 20,
	DRP_PS_DETACHING	= 21,
	DRP_PS_REQUIRES_DETACH	= 22,
	DRP_PS_TERMINATING	= 23,
	DRP_PS_REQUIRES_SPLIT	= 24,
	DRP_PS_REQUIRES_RESUME	= 25,
};

/*
 * Return values of the methods. Each refusal stands for one errno, in netlink
 * errors and as the result of a device-mapper message:
 */
enum drp_return_value {
	DRP_RV_COMPLETED	= 0,
	DRP_RV_NOT_SUPPORTED	= 1,		/* EOPNOTSUPP */
	DRP_RV_UNSPECIFIED	= 2,		/* EIO */
	DRP_RV_TIMEOUT		= 3,		/* ETIMEDOUT */
	DRP_RV_FAILED		= 4,		/* EREMOTEIO; ENOMEM */
	DRP_RV_INVALID_PARAMETER = 5,		/* EINVAL; EEXIST, ERANGE */
	DRP_RV_IN_USE		= 6,		/* EBUSY; EAGAIN */
	DRP_RV_JOB_STARTED	= 4096,
	DRP_RV_INVALID_STATE	= 32768,	/* EBADFD */
	DRP_RV_FORCE_REQUIRED	= 32769,	/* ECANCELED */
	DRP_RV_NO_SPACE		= 32770,	/* ENOSPC */
	DRP_RV_NOT_FOUND	= 32771,	/* ENOENT; ENODEV */
	DRP_RV_ACCESS_DENIED	= 32772,	/* EACCES; EPERM */
};

/* CIM_Synchronized.CopyPriority */
enum drp_copy_priority {
	DRP_PRIO_NOT_MANAGED	= 0,
	DRP_PRIO_LOW		= 1,
	DRP_PRIO_SAME		= 2,
	DRP_PRIO_HIGH		= 3,
	DRP_PRIO_URGENT		= 4,
};

/* CIM_Synchronized.CopyRecoveryMode */
enum drp_recovery_mode {
	DRP_RECOVERY_AUTOMATIC	= 2,
	DRP_RECOVERY_MANUAL	= 3,
};

/* CIM_ConcreteJob.JobState */
enum drp_job_state {
	DRP_JOB_NEW		= 2,
	DRP_JOB_STARTING	= 3,
	DRP_JOB_RUNNING		= 4,
	DRP_JOB_SUSPENDED	= 5,
	DRP_JOB_SHUTTING_DOWN	= 6,
	DRP_JOB_COMPLETED	= 7,
	DRP_JOB_TERMINATED	= 8,
	DRP_JOB_KILLED		= 9,
	DRP_JOB_EXCEPTION	= 10,
};

/* CIM_ConcreteJob.RequestStateChange.RequestedState */
enum drp_job_request {
	DRP_JOB_REQ_START	= 2,	/* continue a suspended job */
	DRP_JOB_REQ_SUSPEND	= 3,
	DRP_JOB_REQ_TERMINATE	= 4,
};

enum drp_pool_mode {
	DRP_POOL_RW		= 0,
	DRP_POOL_RO		= 1,	/* metadata cannot be written */
	DRP_POOL_FAIL		= 2,
};

/* What the host may do with a device, from the state table */
enum drp_access {
	DRP_ACCESS_NONE		= 0,
	DRP_ACCESS_READ		= 1,
	DRP_ACCESS_WRITE	= 2,	/* read and write */
};

enum drp_read_policy {
	DRP_READ_SOURCE		= 0,
	DRP_READ_BALANCE	= 1,
};

enum drp_event_type {
	DRP_EVENT_COPY_STATE	= 1,	/* SYNC_ID, COPY_STATE, PROGRESS_STATUS */
	DRP_EVENT_PROGRESS	= 2,	/* SYNC_ID, JOB_ID, PERCENT */
	DRP_EVENT_JOB		= 3,	/* JOB_ID, JOB_STATE */
	DRP_EVENT_CREATED	= 4,	/* the id of what was made */
	DRP_EVENT_DELETED	= 5,	/* the id of what went */
	DRP_EVENT_THRESHOLD	= 6,	/* COW_LEVEL, MESSAGE: COW space; again while it is not 0 */
	DRP_EVENT_ERROR		= 7,	/* MESSAGE, and what it is about */
	DRP_EVENT_POOL_MODE	= 8,	/* POOL_MODE */
	DRP_EVENT_ATTACHED	= 9,	/* ELEMENT_ID, ATTACHED */
};

enum drp_command {
	DRP_CMD_UNSPEC,
	DRP_CMD_GET_POOL,
	DRP_CMD_GET_ELEMENT,
	DRP_CMD_GET_SYNC,
	DRP_CMD_GET_GROUP,
	DRP_CMD_GET_JOB,
	DRP_CMD_GET_ASPECT,
	DRP_CMD_CREATE_ELEMENT,
	DRP_CMD_DELETE_ELEMENT,
	DRP_CMD_CREATE_SYNC,
	DRP_CMD_MODIFY_SYNC,
	DRP_CMD_CREATE_GROUP,
	DRP_CMD_DELETE_GROUP,
	DRP_CMD_ADD_MEMBERS,
	DRP_CMD_REMOVE_MEMBERS,
	DRP_CMD_SET,
	DRP_CMD_CHANGE_JOB,
	DRP_CMD_DELETE_ASPECT,
	DRP_CMD_CAPABILITIES,
	DRP_CMD_MAP,
	DRP_CMD_METHOD_RESULT,		/* answer only */
	DRP_CMD_EVENT,			/* multicast only */
	DRP_CMD_SPACE,
	DRP_CMD_RESTORE_ASPECT,

	__DRP_CMD_MAX,
	DRP_CMD_MAX = __DRP_CMD_MAX - 1
};

enum drp_attr {
	DRP_A_UNSPEC,
	DRP_A_PAD,

	/* who */
	DRP_A_POOL_NAME,		/* string */
	DRP_A_POOL_UUID,		/* binary, 16 */
	DRP_A_ELEMENT_ID,		/* u64 */
	DRP_A_ELEMENT_NAME,		/* string */
	DRP_A_SYNC_ID,			/* u64 */
	DRP_A_SYNC_NAME,		/* string */
	DRP_A_GROUP_ID,			/* u64 */
	DRP_A_GROUP_NAME,		/* string */
	DRP_A_ASPECT_ID,		/* u64 */
	DRP_A_ASPECT_NAME,		/* string */
	DRP_A_JOB_ID,			/* u64 */
	DRP_A_SOURCE_ID,		/* u64: SystemElement */
	DRP_A_SOURCE_NAME,		/* string */
	DRP_A_TARGET_ID,		/* u64: SyncedElement */
	DRP_A_TARGET_NAME,		/* string */
	DRP_A_MEMBER_ID,		/* u64 [multi] */
	DRP_A_SYNC_PAIR,		/* u64 [multi]: sync ids */
	DRP_A_UPDATED_SYNC_ID,		/* u64 */

	/* what is asked */
	DRP_A_OPERATION,		/* u16 enum drp_operation */
	DRP_A_SYNC_TYPE,		/* u16 enum drp_sync_type */
	DRP_A_MODE,			/* u16 enum drp_mode */
	DRP_A_FORCE,			/* flag */
	DRP_A_DRY_RUN,			/* flag: check only, say what would happen */
	DRP_A_SETTING,			/* string KEY=VALUE [multi] */
	DRP_A_WAIT_FOR_COPY_STATE,	/* u16 enum drp_copy_state */
	DRP_A_REQUESTED_JOB_STATE,	/* u16 enum drp_job_request */
	DRP_A_OFFSET_BYTES,		/* u64 */
	DRP_A_LENGTH_BYTES,		/* u64 */

	/* answers */
	DRP_A_RETURN_VALUE,		/* u32 enum drp_return_value */
	DRP_A_MESSAGE,			/* string for people */
	DRP_A_EVENT_TYPE,		/* u16 enum drp_event_type */

	/* pool */
	DRP_A_POOL_MODE,		/* u16 enum drp_pool_mode */
	DRP_A_POOL_DEV,			/* u64: dev_t of the pool's dm device, MKDEV(major, minor) */
	DRP_A_METADATA_DEV,		/* u64: dev_t */
	DRP_A_COW_DEV,			/* u64: dev_t, absent without COW space */
	DRP_A_CHUNK_BYTES,		/* u32 */
	DRP_A_REGION_BYTES,		/* u32 */
	DRP_A_EXTENT_BYTES,		/* u32 */
	DRP_A_METADATA_BYTES,		/* u64: total */
	DRP_A_METADATA_USED_BYTES,	/* u64 */
	DRP_A_COMMITS,			/* u64: journal commits since activation */
	DRP_A_CHECKPOINTS,		/* u64 */
	DRP_A_MEMORY_BYTES,		/* u64: held now */
	DRP_A_MEMORY_MAX_BYTES,		/* u64: worst case */
	DRP_A_LAST_REFUSAL,		/* string */
	DRP_A_STALL_MAX_NS,		/* u64: longest gate closure */

	/* element */
	DRP_A_SIZE_SECTORS,		/* u64, of 512 bytes */
	DRP_A_DATA_DEV,			/* u64: dev_t, absent when not attached */
	DRP_A_DEVICE_IDENTITY,		/* string: what the data device calls itself */
	DRP_A_ELEMENT_DEV,		/* u64: dev_t of the element's dm device */
	DRP_A_ATTACHED,			/* u8 */
	DRP_A_WWID,			/* binary, 16 */
	DRP_A_ELEMENT_UUID,		/* binary, 16 */
	DRP_A_HOST_ACCESS,		/* u16 enum drp_access */
	DRP_A_READ_POLICY,		/* u16 enum drp_read_policy */
	DRP_A_ACTIVE_EXTENTS,		/* u32 */
	DRP_A_ACTIVE_EXTENTS_MAX,	/* u32 */

	/* sync */
	DRP_A_COPY_STATE,		/* u16 */
	DRP_A_REQUESTED_COPY_STATE,	/* u16 */
	DRP_A_PROGRESS_STATUS,		/* u16 */
	DRP_A_PERCENT_SYNCED,		/* u16 */
	DRP_A_DIRTY_BYTES,		/* u64: what may differ */
	DRP_A_TARGET_CONSISTENT,	/* u8 */
	DRP_A_IN_SYNC,			/* u8 */
	DRP_A_SOURCE_CHANGED,		/* u8 */
	DRP_A_TARGET_CHANGED,		/* u8 */
	DRP_A_SOURCE_ACCESS,		/* u16 enum drp_access */
	DRP_A_TARGET_ACCESS,		/* u16 enum drp_access */
	DRP_A_RECOVERY_MODE,		/* u16 enum drp_recovery_mode */
	DRP_A_FAILED_COPY_STOPS_HOST_IO, /* u8 */
	DRP_A_COPY_PRIORITY,		/* u16 enum drp_copy_priority */
	DRP_A_RATE_LIMIT,		/* u64 bytes per second, 0: none */
	DRP_A_WHEN_ESTABLISHED,		/* u64 */
	DRP_A_WHEN_ACTIVATED,		/* u64 */
	DRP_A_WHEN_DEACTIVATED,		/* u64 */
	DRP_A_WHEN_SUSPENDED,		/* u64 */
	DRP_A_WHEN_SYNCED,		/* u64: point in time of the target's content */
	DRP_A_WHEN_SYNCHRONIZED,	/* u64 */
	DRP_A_ERROR_TEXT,		/* string: why Broken, Invalid, Partitioned; what it waits for */

	/* job */
	DRP_A_JOB_STATE,		/* u16 enum drp_job_state */
	DRP_A_PERCENT_COMPLETE,		/* u16 */
	DRP_A_BYTES_DONE,		/* u64 */
	DRP_A_BYTES_TOTAL,		/* u64 */
	DRP_A_RATE,			/* u64 bytes per second */
	DRP_A_ETA_SECONDS,		/* u64, absent when not known */
	DRP_A_ERROR_CODE,		/* u32: return value, 0 without error */
	DRP_A_TIME_SUBMITTED,		/* u64 */
	DRP_A_TIME_STARTED,		/* u64 */
	DRP_A_TIME_ENDED,		/* u64, absent while it runs */

	/* capabilities: one message per operation */
	DRP_A_SUPPORTED,		/* u8: built and meant for this SyncType */
	DRP_A_POSSIBLE_NOW,		/* u8: for a given sync */
	DRP_A_REQUIRES_FORCE,		/* u8 */
	DRP_A_RESULT_COPY_STATE,	/* u16 */
	DRP_A_FROM_COPY_STATE,		/* u16 [multi]: accepted without Force */
	DRP_A_FROM_COPY_STATE_FORCE,	/* u16 [multi]: accepted with Force */

	/* map */
	DRP_A_EXTENT,			/* binary struct drp_extent [multi] */

	/* pool and sync */
	DRP_A_ACTIVE,			/* u8: of a pool; 0: its device was not resumed yet */
	DRP_A_REVERSE,			/* u8: of a sync; a restore or failback is unfinished */

	/* COW space of a pool, absent without it */
	DRP_A_COW_BYTES,		/* u64 */
	DRP_A_COW_USED_BYTES,		/* u64 */
	DRP_A_COW_ENTRIES,		/* u64: chunks that snapshots keep */
	DRP_A_COW_LEVEL,		/* u16: 0, or which watermark is reached, of chunks or their index: 1 (80 %), 2 (95 %) */

	/* virtual elements: absent for those with a data device */
	DRP_A_PARENT_ID,		/* u64: element whose content it shows */
	DRP_A_PARENT_GENERATION,	/* u64: as of which of its points in time, 0: none */
	DRP_A_GENERATION,		/* u64: of an element: its newest; of an aspect: the one it keeps */

	/* sync */
	DRP_A_AUTO_DELETE,		/* u8 */

	/* COW space of a pool, absent without it */
	DRP_A_COW_MEMORY_BYTES,		/* u64: held for the index */
	DRP_A_COW_MEMORY_MAX_BYTES,	/* u64: setting cow_memory */

	/* space */
	DRP_A_HELD_BYTES,		/* u64: COW space that a snapshot needs */
	DRP_A_UNIQUE_BYTES,		/* u64: of that, what nobody else needs */

	/* COW space of a pool, absent without it */
	DRP_A_COW_INDEX_BYTES,		/* u64: its index takes on the metadata device */
	DRP_A_COW_INDEX_MAX_BYTES,	/* u64: with which the index is full */

	__DRP_A_MAX,
	DRP_A_MAX = __DRP_A_MAX - 1
};

/* One run of regions that may differ, in bytes. */
struct drp_extent {
	__u64 offset;
	__u64 length;
};

#endif /* _UAPI_LINUX_DM_REPLICA_H */
