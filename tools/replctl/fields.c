// SPDX-License-Identifier: GPL-2.0-only
/* Attributes in the order and under the names in which they are printed. */
#include "advice.h"
#include "fields.h"

static const struct field pool_fields[] = {
	{ "Name", DRP_A_POOL_NAME, F_STR, 0, "POOL" },
	{ "UUID", DRP_A_POOL_UUID, F_UUID, 0, NULL },
	{ "PoolMode", DRP_A_POOL_MODE, F_ENUM, DRP_ENUM_POOL_MODE, "MODE" },
	{ "Active", DRP_A_ACTIVE, F_BOOL, 0, "ACTIVE" },
	{ "Device", DRP_A_POOL_DEV, F_DEV, 0, NULL },
	{ "MetadataDevice", DRP_A_METADATA_DEV, F_DEV, 0, "METADATA" },
	{ "CowDevice", DRP_A_COW_DEV, F_DEV, 0, "COW" },
	{ "ChunkBytes", DRP_A_CHUNK_BYTES, F_BYTES, 0, NULL },
	{ "RegionBytes", DRP_A_REGION_BYTES, F_BYTES, 0, NULL },
	{ "ExtentBytes", DRP_A_EXTENT_BYTES, F_BYTES, 0, NULL },
	{ "MetadataBytes", DRP_A_METADATA_BYTES, F_BYTES, 0, "SIZE" },
	{ "MetadataUsedBytes", DRP_A_METADATA_USED_BYTES, F_BYTES, 0, "USED" },
	{ "Commits", DRP_A_COMMITS, F_UINT, 0, NULL },
	{ "Checkpoints", DRP_A_CHECKPOINTS, F_UINT, 0, NULL },
	{ "MemoryBytes", DRP_A_MEMORY_BYTES, F_BYTES, 0, NULL },
	{ "MemoryMaxBytes", DRP_A_MEMORY_MAX_BYTES, F_BYTES, 0, NULL },
	{ "LongestStall", DRP_A_STALL_MAX_NS, F_NANOSECONDS, 0, NULL },
	{ "CowBytes", DRP_A_COW_BYTES, F_BYTES, 0, NULL },
	{ "CowUsedBytes", DRP_A_COW_USED_BYTES, F_BYTES, 0, "COWUSED" },
	{ "CowEntries", DRP_A_COW_ENTRIES, F_UINT, 0, NULL },
	{ "CowIndexBytes", DRP_A_COW_INDEX_BYTES, F_BYTES, 0, NULL },
	{ "CowIndexMaxBytes", DRP_A_COW_INDEX_MAX_BYTES, F_BYTES, 0, NULL },
	{ "CowLevel", DRP_A_COW_LEVEL, F_UINT, 0, NULL },
	{ "CowMemoryBytes", DRP_A_COW_MEMORY_BYTES, F_BYTES, 0, NULL },
	{ "CowMemoryMaxBytes", DRP_A_COW_MEMORY_MAX_BYTES, F_BYTES, 0, NULL },
	{ "LastRefusal", DRP_A_LAST_REFUSAL, F_STR, 0, NULL },
};

static const struct field element_fields[] = {
	{ "Pool", DRP_A_POOL_NAME, F_STR, 0, NULL },
	{ "Name", DRP_A_ELEMENT_NAME, F_STR, 0, NULL },
	{ "ElementID", DRP_A_ELEMENT_ID, F_UINT, 0, "ID" },
	{ "UUID", DRP_A_ELEMENT_UUID, F_UUID, 0, NULL },
	{ "WWID", DRP_A_WWID, F_UUID, 0, NULL },
	{ "SizeBytes", DRP_A_SIZE_SECTORS, F_SECTORS, 0, "SIZE" },
	{ "Attached", DRP_A_ATTACHED, F_BOOL, 0, "ATTACHED" },
	{ "HostAccessible", DRP_A_HOST_ACCESS, F_ENUM, DRP_ENUM_ACCESS, "ACCESS" },
	{ "Device", DRP_A_ELEMENT_DEV, F_DEV, 0, "DEVICE" },
	{ "DataDevice", DRP_A_DATA_DEV, F_DEV, 0, "DATA" },
	{ "DeviceIdentity", DRP_A_DEVICE_IDENTITY, F_STR, 0, NULL },
	{ "ParentElementID", DRP_A_PARENT_ID, F_UINT, 0, "PARENT" },
	{ "ParentGeneration", DRP_A_PARENT_GENERATION, F_UINT, 0, NULL },
	{ "Generation", DRP_A_GENERATION, F_UINT, 0, NULL },
	{ "ReadPolicy", DRP_A_READ_POLICY, F_ENUM, DRP_ENUM_READ_POLICY, NULL },
	{ "ActiveExtents", DRP_A_ACTIVE_EXTENTS, F_UINT, 0, NULL },
	{ "ActiveExtentsMax", DRP_A_ACTIVE_EXTENTS_MAX, F_UINT, 0, NULL },
	{ "WhenEstablished", DRP_A_WHEN_ESTABLISHED, F_TIME, 0, NULL },
	{ "MemoryBytes", DRP_A_MEMORY_BYTES, F_BYTES, 0, NULL },
	{ "MemoryMaxBytes", DRP_A_MEMORY_MAX_BYTES, F_BYTES, 0, NULL },
	{ "LongestStall", DRP_A_STALL_MAX_NS, F_NANOSECONDS, 0, NULL },
};

static const struct field sync_fields[] = {
	{ "Pool", DRP_A_POOL_NAME, F_STR, 0, NULL },
	{ "Name", DRP_A_SYNC_NAME, F_STR, 0, NULL },
	{ "SynchronizationID", DRP_A_SYNC_ID, F_UINT, 0, NULL },
	{ "SyncType", DRP_A_SYNC_TYPE, F_ENUM, DRP_ENUM_SYNC_TYPE, "TYPE" },
	{ "Mode", DRP_A_MODE, F_ENUM, DRP_ENUM_MODE, NULL },
	{ "SystemElement", DRP_A_SOURCE_NAME, F_STR, 0, "SOURCE" },
	{ "SystemElementID", DRP_A_SOURCE_ID, F_UINT, 0, NULL },
	{ "SyncedElement", DRP_A_TARGET_NAME, F_STR, 0, "TARGET" },
	{ "SyncedElementID", DRP_A_TARGET_ID, F_UINT, 0, NULL },
	{ "CopyState", DRP_A_COPY_STATE, F_ENUM, DRP_ENUM_COPY_STATE, "COPYSTATE" },
	{ "RequestedCopyState", DRP_A_REQUESTED_COPY_STATE, F_ENUM, DRP_ENUM_COPY_STATE, NULL },
	{ "ProgressStatus", DRP_A_PROGRESS_STATUS, F_ENUM, DRP_ENUM_PROGRESS_STATUS, "PROGRESS" },
	{ "PercentSynced", DRP_A_PERCENT_SYNCED, F_PERCENT, 0, "SYNCED" },
	{ "DirtyBytes", DRP_A_DIRTY_BYTES, F_BYTES, 0, "DIRTY" },
	{ "TargetConsistent", DRP_A_TARGET_CONSISTENT, F_BOOL, 0, NULL },
	{ "InSync", DRP_A_IN_SYNC, F_BOOL, 0, NULL },
	{ "SourceChanged", DRP_A_SOURCE_CHANGED, F_BOOL, 0, NULL },
	{ "TargetChanged", DRP_A_TARGET_CHANGED, F_BOOL, 0, NULL },
	{ "SystemElementHostAccessible", DRP_A_SOURCE_ACCESS, F_ENUM, DRP_ENUM_ACCESS, NULL },
	{ "SyncedElementHostAccessible", DRP_A_TARGET_ACCESS, F_ENUM, DRP_ENUM_ACCESS, NULL },
	{ "CopyRecoveryMode", DRP_A_RECOVERY_MODE, F_ENUM, DRP_ENUM_RECOVERY_MODE, NULL },
	{ "AutoDelete", DRP_A_AUTO_DELETE, F_BOOL, 0, NULL },
	{ "FailedCopyStopsHostIO", DRP_A_FAILED_COPY_STOPS_HOST_IO, F_BOOL, 0, NULL },
	{ "CopyPriority", DRP_A_COPY_PRIORITY, F_ENUM, DRP_ENUM_COPY_PRIORITY, NULL },
	{ "RateLimit", DRP_A_RATE_LIMIT, F_RATE, 0, NULL },
	{ "WhenEstablished", DRP_A_WHEN_ESTABLISHED, F_TIME, 0, NULL },
	{ "WhenActivated", DRP_A_WHEN_ACTIVATED, F_TIME, 0, NULL },
	{ "WhenDeactivated", DRP_A_WHEN_DEACTIVATED, F_TIME, 0, NULL },
	{ "WhenSuspended", DRP_A_WHEN_SUSPENDED, F_TIME, 0, NULL },
	{ "WhenSynced", DRP_A_WHEN_SYNCED, F_TIME, 0, NULL },
	{ "WhenSynchronized", DRP_A_WHEN_SYNCHRONIZED, F_TIME, 0, NULL },
	{ "Job", DRP_A_JOB_ID, F_UINT, 0, NULL },
	{ "MemoryBytes", DRP_A_MEMORY_BYTES, F_BYTES, 0, NULL },
	{ "MemoryMaxBytes", DRP_A_MEMORY_MAX_BYTES, F_BYTES, 0, NULL },
	{ "ErrorText", DRP_A_ERROR_TEXT, F_STR, 0, NULL },
};

static const struct field group_fields[] = {
	{ "Pool", DRP_A_POOL_NAME, F_STR, 0, NULL },
	{ "Name", DRP_A_GROUP_NAME, F_STR, 0, NULL },
	{ "GroupID", DRP_A_GROUP_ID, F_UINT, 0, "ID" },
	{ "MemberIDs", DRP_A_MEMBER_ID, F_IDS, 0, "MEMBERS" },
};

static const struct field job_fields[] = {
	{ "Pool", DRP_A_POOL_NAME, F_STR, 0, NULL },
	{ "JobID", DRP_A_JOB_ID, F_UINT, 0, NULL },
	{ "Operation", DRP_A_OPERATION, F_ENUM, DRP_ENUM_OPERATION, "OPERATION" },
	{ "Synchronization", DRP_A_SYNC_NAME, F_STR, 0, "SYNC" },
	{ "SynchronizationID", DRP_A_SYNC_ID, F_UINT, 0, NULL },
	{ "UpdatedSynchronization", DRP_A_UPDATED_SYNC_ID, F_UINT, 0, NULL },
	{ "SettingsState", DRP_A_ASPECT_ID, F_UINT, 0, NULL },
	{ "JobState", DRP_A_JOB_STATE, F_ENUM, DRP_ENUM_JOB_STATE, "STATE" },
	{ "PercentComplete", DRP_A_PERCENT_COMPLETE, F_PERCENT, 0, "DONE" },
	{ "BytesDone", DRP_A_BYTES_DONE, F_BYTES, 0, NULL },
	{ "BytesTotal", DRP_A_BYTES_TOTAL, F_BYTES, 0, "OF" },
	{ "Rate", DRP_A_RATE, F_JOB_RATE, 0, "RATE" },
	{ "ETASeconds", DRP_A_ETA_SECONDS, F_SECONDS, 0, "ETA" },
	{ "ErrorCode", DRP_A_ERROR_CODE, F_ENUM, DRP_ENUM_RETURN_VALUE, NULL },
	{ "ErrorDescription", DRP_A_ERROR_TEXT, F_STR, 0, NULL },
	{ "TimeSubmitted", DRP_A_TIME_SUBMITTED, F_TIME, 0, NULL },
	{ "StartTime", DRP_A_TIME_STARTED, F_TIME, 0, NULL },
	{ "EndTime", DRP_A_TIME_ENDED, F_TIME, 0, NULL },
};

static const struct field aspect_fields[] = {
	{ "Pool", DRP_A_POOL_NAME, F_STR, 0, NULL },
	{ "Name", DRP_A_ASPECT_NAME, F_STR, 0, NULL },
	{ "AspectID", DRP_A_ASPECT_ID, F_UINT, 0, "ID" },
	{ "SyncType", DRP_A_SYNC_TYPE, F_ENUM, DRP_ENUM_SYNC_TYPE, "TYPE" },
	{ "SourceElement", DRP_A_SOURCE_NAME, F_STR, 0, "SOURCE" },
	{ "SourceElementID", DRP_A_SOURCE_ID, F_UINT, 0, NULL },
	{ "TargetElement", DRP_A_TARGET_NAME, F_STR, 0, "TARGET" },
	{ "TargetElementID", DRP_A_TARGET_ID, F_UINT, 0, NULL },
	{ "SynchronizationID", DRP_A_SYNC_ID, F_UINT, 0, NULL },
	{ "WhenEstablished", DRP_A_WHEN_ESTABLISHED, F_TIME, 0, NULL },
	{ "Generation", DRP_A_GENERATION, F_UINT, 0, NULL },
	{ "WhenPointInTime", DRP_A_WHEN_SYNCED, F_TIME, 0, "WHEN" },
};

#define TABLE(fields)	{ fields, ARRAY_SIZE(fields) }

static const struct {
	const struct field *fields;
	unsigned int nr;
} tables[] = {
	[DRP_OBJ_POOL]		= TABLE(pool_fields),
	[DRP_OBJ_ELEMENT]	= TABLE(element_fields),
	[DRP_OBJ_SYNC]		= TABLE(sync_fields),
	[DRP_OBJ_GROUP]		= TABLE(group_fields),
	[DRP_OBJ_JOB]		= TABLE(job_fields),
	[DRP_OBJ_ASPECT]	= TABLE(aspect_fields),
};

/* The first column of every table can be pasted into the next command. */
static void out_qualified(struct node *o, enum drp_object_kind kind, const struct record *r)
{
	char text[REPLCTL_QUALIFIED_MAX], number[24];
	static const char * const headings[] = {
		[DRP_OBJ_ELEMENT] = "ELEMENT", [DRP_OBJ_SYNC] = "SYNC", [DRP_OBJ_GROUP] = "GROUP",
		[DRP_OBJ_JOB] = "JOB", [DRP_OBJ_ASPECT] = "ASPECT",
	};

	if (kind == DRP_OBJ_POOL)
		return;
	snprintf(number, sizeof(number), "%llu",
		 (unsigned long long)rec_u64(r, object_id_attr(kind)));
	snprintf(text, sizeof(text), "%s/%s", rec_str(r, DRP_A_POOL_NAME),
		 kind == DRP_OBJ_JOB ? number : rec_str(r, object_name_attr(kind)));
	out_str(o, "QualifiedName", headings[kind], text);
}

/* What follows from the attributes. */
static void out_conclusions(struct node *o, enum drp_object_kind kind, const struct record *r)
{
	char text[ADVICE_MAX] = "";
	int overwrites;

	if (kind == DRP_OBJ_SYNC) {
		overwrites = sync_overwrites_source(r);
		if (overwrites < 0)
			out_null(o, "SourceIsOverwritten", NULL);
		else
			out_bool(o, "SourceIsOverwritten", NULL, overwrites);
		advise_sync(r, text);
	} else if (kind == DRP_OBJ_POOL) {
		advise_pool(r, text);
	} else {
		return;
	}
	out_str(o, "Advice", NULL, text);
}

void out_object_fields(struct node *o, enum drp_object_kind kind, const struct record *r)
{
	out_qualified(o, kind, r);
	out_fields(o, tables[kind].fields, tables[kind].nr, r);
	out_conclusions(o, kind, r);
}

int run_list(const struct args *a, enum drp_object_kind kind, const char *key,
	     const char *empty)
{
	struct refusal refusal;
	struct records list;
	struct node *root, *array;
	struct ref pool = { 0 };
	unsigned int i;
	int status;

	if (a->argc) {
		status = resolve(DRP_OBJ_POOL, a->argv[0], &pool);
		if (status)
			return status;
		ref_free(&pool);
	}
	if (list_objects(kind, a->argc ? pool.pool : NULL, &list, &refusal))
		return refusal_report(&refusal, a->command->name);
	root = out_object(NULL, NULL);
	array = out_array(root, key);
	for (i = 0; i < list.nr; i++)
		out_object_fields(out_object(array, NULL), kind, &list.v[i]);
	out_print(root, empty);
	records_free(&list);
	return 0;
}

int run_show(const struct args *a, enum drp_object_kind kind)
{
	struct node *root;
	struct ref ref;
	int status;

	status = resolve(kind, a->argv[0], &ref);
	if (status)
		return status;
	root = out_object(NULL, NULL);
	out_object_fields(root, kind, &ref.record);
	out_print(root, NULL);
	ref_free(&ref);
	return 0;
}
