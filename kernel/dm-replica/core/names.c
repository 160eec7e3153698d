// SPDX-License-Identifier: GPL-2.0-only
/* The words for the numbers: see names.h. One table per enum, ascending values. */
#include "names.h"

struct word {
	u32 value;
	const char *dmtf;
	const char *kebab;
};

static const struct word sync_types[] = {
	{ DRP_SYNC_MIRROR,	"Mirror",	"mirror" },
	{ DRP_SYNC_SNAPSHOT,	"Snapshot",	"snapshot" },
	{ DRP_SYNC_CLONE,	"Clone",	"clone" },
};

static const struct word modes[] = {
	{ DRP_MODE_SYNC,	"Synchronous",	"sync" },
	{ DRP_MODE_ASYNC,	"Asynchronous",	"async" },
};

static const struct word operations[] = {
	{ DRP_OP_ABORT,			"Abort",		"abort" },
	{ DRP_OP_ACTIVATE_CONSISTENCY,	"Activate Consistency",	"activate-consistency" },
	{ DRP_OP_ACTIVATE,		"Activate",		"activate" },
	{ DRP_OP_ADD_SYNC_PAIR,		"AddSyncPair",		"add-sync-pair" },
	{ DRP_OP_DEACTIVATE_CONSISTENCY, "Deactivate Consistency", "deactivate-consistency" },
	{ DRP_OP_DEACTIVATE,		"Deactivate",		"deactivate" },
	{ DRP_OP_DETACH,		"Detach",		"detach" },
	{ DRP_OP_DISSOLVE,		"Dissolve",		"dissolve" },
	{ DRP_OP_FAILOVER,		"Failover",		"failover" },
	{ DRP_OP_FAILBACK,		"Failback",		"failback" },
	{ DRP_OP_FRACTURE,		"Fracture",		"fracture" },
	{ DRP_OP_REMOVE_SYNC_PAIR,	"RemoveSyncPair",	"remove-sync-pair" },
	{ DRP_OP_RESYNC_REPLICA,	"Resync Replica",	"resync-replica" },
	{ DRP_OP_RESTORE_FROM_REPLICA,	"Restore from Replica",	"restore-from-replica" },
	{ DRP_OP_RESUME,		"Resume",		"resume" },
	{ DRP_OP_RESET_TO_SYNC,		"Reset To Sync",	"reset-to-sync" },
	{ DRP_OP_RESET_TO_ASYNC,	"Reset To Async",	"reset-to-async" },
	{ DRP_OP_RETURN_TO_RESOURCE_POOL, "Return To ResourcePool", "return-to-resource-pool" },
	{ DRP_OP_REVERSE_ROLES,		"Reverse Roles",	"reverse-roles" },
	{ DRP_OP_SPLIT,			"Split",		"split" },
	{ DRP_OP_SUSPEND,		"Suspend",		"suspend" },
	{ DRP_OP_UNPREPARE,		"Unprepare",		"unprepare" },
	{ DRP_OP_PREPARE,		"Prepare",		"prepare" },
};

static const struct word copy_states[] = {
	{ DRP_CS_INITIALIZED,	"Initialized",		"initialized" },
	{ DRP_CS_UNSYNCHRONIZED, "Unsynchronized",	"unsynchronized" },
	{ DRP_CS_SYNCHRONIZED,	"Synchronized",		"synchronized" },
	{ DRP_CS_BROKEN,	"Broken",		"broken" },
	{ DRP_CS_FRACTURED,	"Fractured",		"fractured" },
	{ DRP_CS_SPLIT,		"Split",		"split" },
	{ DRP_CS_INACTIVE,	"Inactive",		"inactive" },
	{ DRP_CS_SUSPENDED,	"Suspended",		"suspended" },
	{ DRP_CS_FAILEDOVER,	"Failedover",		"failedover" },
	{ DRP_CS_PREPARED,	"Prepared",		"prepared" },
	{ DRP_CS_ABORTED,	"Aborted",		"aborted" },
	{ DRP_CS_SKEWED,	"Skewed",		"skewed" },
	{ DRP_CS_MIXED,		"Mixed",		"mixed" },
	{ DRP_CS_NOT_APPLICABLE, "Not Applicable",	"not-applicable" },
	{ DRP_CS_PARTITIONED,	"Partitioned",		"partitioned" },
	{ DRP_CS_INVALID,	"Invalid",		"invalid" },
	{ DRP_CS_RESTORED,	"Restored",		"restored" },
};

static const struct word progress_statuses[] = {
	{ DRP_PS_UNKNOWN,	"Unknown",		"unknown" },
	{ DRP_PS_COMPLETED,	"Completed",		"completed" },
	{ DRP_PS_DORMANT,	"Dormant",		"dormant" },
	{ DRP_PS_INITIALIZING,	"Initializing",		"initializing" },
	{ DRP_PS_PREPARING,	"Preparing",		"preparing" },
	{ DRP_PS_SYNCHRONIZING,	"Synchronizing",	"synchronizing" },
	{ DRP_PS_RESYNCING,	"Resyncing",		"resyncing" },
	{ DRP_PS_RESTORING,	"Restoring",		"restoring" },
	{ DRP_PS_FRACTURING,	"Fracturing",		"fracturing" },
	{ DRP_PS_SPLITTING,	"Splitting",		"splitting" },
	{ DRP_PS_FAILING_OVER,	"Failing over",		"failing-over" },
	{ DRP_PS_FAILING_BACK,	"Failing back",		"failing-back" },
	{ DRP_PS_ABORTING,	"Aborting",		"aborting" },
	{ DRP_PS_MIXED,		"Mixed",		"mixed" },
	{ DRP_PS_NOT_APPLICABLE, "Not Applicable",	"not-applicable" },
	{ DRP_PS_SUSPENDING,	"Suspending",		"suspending" },
	{ DRP_PS_REQUIRES_FRACTURE, "Requires fracture", "requires-fracture" },
	{ DRP_PS_REQUIRES_RESYNC, "Requires resync",	"requires-resync" },
	{ DRP_PS_REQUIRES_ACTIVATE, "Requires activate", "requires-activate" },
	{ DRP_PS_PENDING,	"Pending",		"pending" },
	{ DRP_PS_DETACHING,	"Detaching",		"detaching" },
	{ DRP_PS_REQUIRES_DETACH, "Requires detach",	"requires-detach" },
	{ DRP_PS_TERMINATING,	"Terminating",		"terminating" },
	{ DRP_PS_REQUIRES_SPLIT, "Requires split",	"requires-split" },
	{ DRP_PS_REQUIRES_RESUME, "Requires resume",	"requires-resume" },
};

static const struct word return_values[] = {
	{ DRP_RV_COMPLETED,	"Completed with No Error", "completed-with-no-error" },
	{ DRP_RV_NOT_SUPPORTED,	"Not Supported",	"not-supported" },
	{ DRP_RV_UNSPECIFIED,	"Unspecified Error",	"unspecified-error" },
	{ DRP_RV_TIMEOUT,	"Timeout",		"timeout" },
	{ DRP_RV_FAILED,	"Failed",		"failed" },
	{ DRP_RV_INVALID_PARAMETER, "Invalid Parameter", "invalid-parameter" },
	{ DRP_RV_IN_USE,	"In Use",		"in-use" },
	{ DRP_RV_JOB_STARTED,	"Method Parameters Checked - Job Started", "job-started" },
	{ DRP_RV_INVALID_STATE,	"Invalid State",	"invalid-state" },
	{ DRP_RV_FORCE_REQUIRED, "Force Required",	"force-required" },
	{ DRP_RV_NO_SPACE,	"No Space",		"no-space" },
	{ DRP_RV_NOT_FOUND,	"Not Found",		"not-found" },
	{ DRP_RV_ACCESS_DENIED,	"Access Denied",	"access-denied" },
};

static const struct word copy_priorities[] = {
	{ DRP_PRIO_NOT_MANAGED,	"Not Managed",	"not-managed" },
	{ DRP_PRIO_LOW,		"Low",		"low" },
	{ DRP_PRIO_SAME,	"Same",		"same" },
	{ DRP_PRIO_HIGH,	"High",		"high" },
	{ DRP_PRIO_URGENT,	"Urgent",	"urgent" },
};

static const struct word recovery_modes[] = {
	{ DRP_RECOVERY_AUTOMATIC, "Automatic",	"automatic" },
	{ DRP_RECOVERY_MANUAL,	"Manual",	"manual" },
};

static const struct word job_states[] = {
	{ DRP_JOB_NEW,		"New",		"new" },
	{ DRP_JOB_STARTING,	"Starting",	"starting" },
	{ DRP_JOB_RUNNING,	"Running",	"running" },
	{ DRP_JOB_SUSPENDED,	"Suspended",	"suspended" },
	{ DRP_JOB_SHUTTING_DOWN, "Shutting Down", "shutting-down" },
	{ DRP_JOB_COMPLETED,	"Completed",	"completed" },
	{ DRP_JOB_TERMINATED,	"Terminated",	"terminated" },
	{ DRP_JOB_KILLED,	"Killed",	"killed" },
	{ DRP_JOB_EXCEPTION,	"Exception",	"exception" },
};

static const struct word pool_modes[] = {
	{ DRP_POOL_RW,		"Read Write",	"rw" },
	{ DRP_POOL_RO,		"Read Only",	"ro" },
	{ DRP_POOL_FAIL,	"Failed",	"fail" },
};

static const struct word accesses[] = {
	{ DRP_ACCESS_NONE,	"None",		"none" },
	{ DRP_ACCESS_READ,	"Read",		"read" },
	{ DRP_ACCESS_WRITE,	"Write",	"write" },
};

static const struct word read_policies[] = {
	{ DRP_READ_SOURCE,	"Source",	"source" },
	{ DRP_READ_BALANCE,	"Balance",	"balance" },
};

static const struct word event_types[] = {
	{ DRP_EVENT_COPY_STATE,	"Copy State",	"copy-state" },
	{ DRP_EVENT_PROGRESS,	"Progress",	"progress" },
	{ DRP_EVENT_JOB,	"Job",		"job" },
	{ DRP_EVENT_CREATED,	"Created",	"created" },
	{ DRP_EVENT_DELETED,	"Deleted",	"deleted" },
	{ DRP_EVENT_THRESHOLD,	"Threshold",	"threshold" },
	{ DRP_EVENT_ERROR,	"Error",	"error" },
	{ DRP_EVENT_POOL_MODE,	"Pool Mode",	"pool-mode" },
	{ DRP_EVENT_ATTACHED,	"Attached",	"attached" },
};

static const struct {
	const struct word *words;
	unsigned int nr;
} enums[DRP_NR_ENUMS] = {
	[DRP_ENUM_SYNC_TYPE]	= { sync_types, ARRAY_SIZE(sync_types) },
	[DRP_ENUM_MODE]		= { modes, ARRAY_SIZE(modes) },
	[DRP_ENUM_OPERATION]	= { operations, ARRAY_SIZE(operations) },
	[DRP_ENUM_COPY_STATE]	= { copy_states, ARRAY_SIZE(copy_states) },
	[DRP_ENUM_PROGRESS_STATUS] = { progress_statuses, ARRAY_SIZE(progress_statuses) },
	[DRP_ENUM_RETURN_VALUE]	= { return_values, ARRAY_SIZE(return_values) },
	[DRP_ENUM_COPY_PRIORITY] = { copy_priorities, ARRAY_SIZE(copy_priorities) },
	[DRP_ENUM_RECOVERY_MODE] = { recovery_modes, ARRAY_SIZE(recovery_modes) },
	[DRP_ENUM_JOB_STATE]	= { job_states, ARRAY_SIZE(job_states) },
	[DRP_ENUM_POOL_MODE]	= { pool_modes, ARRAY_SIZE(pool_modes) },
	[DRP_ENUM_ACCESS]	= { accesses, ARRAY_SIZE(accesses) },
	[DRP_ENUM_READ_POLICY]	= { read_policies, ARRAY_SIZE(read_policies) },
	[DRP_ENUM_EVENT_TYPE]	= { event_types, ARRAY_SIZE(event_types) },
};

static const struct word *find_value(enum drp_enum which, u32 value)
{
	unsigned int i;

	if (which >= DRP_NR_ENUMS)
		return NULL;
	for (i = 0; i < enums[which].nr; i++)
		if (enums[which].words[i].value == value)
			return &enums[which].words[i];
	return NULL;
}

const char *drp_name(enum drp_enum which, u32 value)
{
	const struct word *w = find_value(which, value);

	return w ? w->dmtf : "Unknown";
}

const char *drp_kebab(enum drp_enum which, u32 value)
{
	const struct word *w = find_value(which, value);

	return w ? w->kebab : "unknown";
}

/* Case and the kind of separator do not matter. */
static char fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 'a';
	if (c == ' ' || c == '_')
		return '-';
	return c;
}

static bool same_word(const char *a, const char *b)
{
	while (*a && fold(*a) == fold(*b)) {
		a++;
		b++;
	}
	return fold(*a) == fold(*b);
}

/* Decimal digits only: no sign, no leading zero, at most U32_MAX. */
static int parse_number(const char *text, u32 *value)
{
	u64 v = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		v = v * 10 + (*text - '0');
		if (v > U32_MAX)
			return -EINVAL;
	}
	*value = v;
	return 0;
}

int drp_parse_name(enum drp_enum which, const char *text, u32 *value)
{
	unsigned int i;
	u32 v;

	if (which >= DRP_NR_ENUMS || !text)
		return -EINVAL;
	if (!parse_number(text, &v)) {
		if (!find_value(which, v))
			return -EINVAL;
		*value = v;
		return 0;
	}
	for (i = 0; i < enums[which].nr; i++) {
		const struct word *w = &enums[which].words[i];

		if (same_word(text, w->kebab) || same_word(text, w->dmtf)) {
			*value = w->value;
			return 0;
		}
	}
	return -EINVAL;
}

int drp_enum_value(enum drp_enum which, unsigned int i, u32 *value)
{
	if (which >= DRP_NR_ENUMS || i >= enums[which].nr)
		return -ENOENT;
	*value = enums[which].words[i].value;
	return 0;
}

/* The first errno of a return value is the one that stands for it; the others only map back. */
static const struct {
	u32 return_value;
	int err;
} errnos[] = {
	{ DRP_RV_NOT_SUPPORTED,		EOPNOTSUPP },
	{ DRP_RV_UNSPECIFIED,		EIO },
	{ DRP_RV_TIMEOUT,		ETIMEDOUT },
	{ DRP_RV_FAILED,		EREMOTEIO },
	{ DRP_RV_FAILED,		ENOMEM },
	{ DRP_RV_INVALID_PARAMETER,	EINVAL },
	{ DRP_RV_INVALID_PARAMETER,	EEXIST },
	{ DRP_RV_INVALID_PARAMETER,	ERANGE },
	{ DRP_RV_IN_USE,		EBUSY },
	{ DRP_RV_IN_USE,		EAGAIN },
	{ DRP_RV_INVALID_STATE,		EBADFD },
	{ DRP_RV_FORCE_REQUIRED,	ECANCELED },
	{ DRP_RV_NO_SPACE,		ENOSPC },
	{ DRP_RV_NOT_FOUND,		ENOENT },
	{ DRP_RV_NOT_FOUND,		ENODEV },
	{ DRP_RV_ACCESS_DENIED,		EACCES },
	{ DRP_RV_ACCESS_DENIED,		EPERM },
};

int drp_rv_to_errno(u32 return_value)
{
	int err = EREMOTEIO;	/* of a value that nobody defined */
	unsigned int i;

	if (return_value == DRP_RV_COMPLETED || return_value == DRP_RV_JOB_STARTED)
		return 0;
	for (i = 0; i < ARRAY_SIZE(errnos); i++) {
		if (errnos[i].return_value == return_value) {
			err = errnos[i].err;
			break;
		}
	}
	return err;
}

u32 drp_errno_to_rv(int err)
{
	unsigned int i;

	if (!err)
		return DRP_RV_COMPLETED;
	for (i = 0; i < ARRAY_SIZE(errnos); i++)
		if (errnos[i].err == err)
			return errnos[i].return_value;
	return DRP_RV_FAILED;
}

#define EXIT_VENDOR_FIRST	16
#define EXIT_SYSEXITS_FIRST	64
#define EXIT_PROTOCOL		76	/* EX_PROTOCOL of sysexits: a value that nobody defined */

int drp_rv_to_exit_status(u32 return_value)
{
	if (return_value == DRP_RV_JOB_STARTED)
		return 0;
	if (return_value <= DRP_RV_IN_USE)
		return return_value;
	if (return_value >= DRP_RV_INVALID_STATE &&
	    return_value - DRP_RV_INVALID_STATE < EXIT_SYSEXITS_FIRST - EXIT_VENDOR_FIRST)
		return EXIT_VENDOR_FIRST + (return_value - DRP_RV_INVALID_STATE);
	return EXIT_PROTOCOL;
}

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '+';
}

const char *drp_name_problem(const char *name)
{
	size_t i;

	if (!name || !*name)
		return "a name must not be empty";
	if (!is_name_start(name[0]))
		return "a name must begin with a letter, a digit, '_' or '+'";
	for (i = 1; name[i]; i++) {
		if (i == DRP_NAME_MAX)
			return "a name must not be longer than 63 bytes";
		if (!is_name_start(name[i]) && name[i] != '.' && name[i] != '-')
			return "a name must consist of letters, digits, '_', '+', '.' and '-'";
	}
	return NULL;
}

#define DM_NAME_SIZE	128	/* DM_NAME_LEN, with its NUL */

/* Appends @name with its hyphens doubled; false if it does not fit. */
static bool append_mangled(char *buf, size_t size, size_t *len, const char *name)
{
	for (; *name; name++) {
		size_t need = *name == '-' ? 2 : 1;

		if (*len + need >= size)
			return false;
		if (*name == '-')
			buf[(*len)++] = '-';
		buf[(*len)++] = *name;
	}
	return true;
}

int drp_dm_name(char *buf, size_t size, const char *pool, const char *element)
{
	size_t len = 0;

	if (size > DM_NAME_SIZE)
		size = DM_NAME_SIZE;
	if (!append_mangled(buf, size, &len, pool) || len + 1 >= size)
		return -ENAMETOOLONG;
	buf[len++] = '-';
	if (!append_mangled(buf, size, &len, element))
		return -ENAMETOOLONG;
	buf[len] = '\0';
	return len;
}
