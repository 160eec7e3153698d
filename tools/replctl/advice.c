// SPDX-License-Identifier: GPL-2.0-only
/* States that do not end by themselves, and the command that ends them. */
#include "advice.h"
#include "device.h"

/* For what people can do something about; it says for what. */
static bool copy_waits(const struct record *sync)
{
	return rec_u64(sync, DRP_A_PROGRESS_STATUS) == DRP_PS_PENDING &&
	       *rec_str(sync, DRP_A_ERROR_TEXT);
}

bool sync_needs_care(const struct record *sync)
{
	switch (rec_u64(sync, DRP_A_COPY_STATE)) {
	case DRP_CS_BROKEN:
	case DRP_CS_INVALID:
	case DRP_CS_PARTITIONED:
	case DRP_CS_ABORTED:
		return true;
	}
	switch (rec_u64(sync, DRP_A_PROGRESS_STATUS)) {
	case DRP_PS_REQUIRES_FRACTURE:
	case DRP_PS_REQUIRES_RESYNC:
	case DRP_PS_REQUIRES_ACTIVATE:
	case DRP_PS_REQUIRES_DETACH:
	case DRP_PS_REQUIRES_SPLIT:
	case DRP_PS_REQUIRES_RESUME:
		return true;
	case DRP_PS_PENDING:
		return copy_waits(sync);
	default:
		return false;
	}
}

int sync_overwrites_source(const struct record *sync)
{
	u64 progress = rec_u64(sync, DRP_A_PROGRESS_STATUS);

	if (rec_has(sync, DRP_A_REVERSE))
		return rec_u64(sync, DRP_A_REVERSE) != 0;
	if (progress == DRP_PS_RESTORING || progress == DRP_PS_FAILING_BACK)
		return 1;
	/* A restore can have stopped in these, and stays unfinished. */
	switch (rec_u64(sync, DRP_A_COPY_STATE)) {
	case DRP_CS_SUSPENDED:
	case DRP_CS_BROKEN:
	case DRP_CS_PARTITIONED:
	case DRP_CS_INVALID:
		return -1;
	default:
		return 0;
	}
}

void advise_pool(const struct record *pool, char *text)
{
	char metadata[REPLCTL_PATH_MAX];

	*text = '\0';
	if (rec_has(pool, DRP_A_ACTIVE) && !rec_u64(pool, DRP_A_ACTIVE)) {
		snprintf(text, ADVICE_MAX, "'dmsetup resume %s' activates it",
			 rec_str(pool, DRP_A_POOL_NAME));
		return;
	}
	if (rec_u64(pool, DRP_A_POOL_MODE) == DRP_POOL_RW)
		return;
	device_path(kernel_dev(rec_u64(pool, DRP_A_METADATA_DEV)), metadata, sizeof(metadata));
	snprintf(text, ADVICE_MAX,
		 "the metadata device failed: repair it, unmount, 'replctl pool deactivate %s', 'replctl pool check %s', 'replctl pool activate --all'",
		 rec_str(pool, DRP_A_POOL_NAME),
		 rec_u64(pool, DRP_A_METADATA_DEV) ? metadata : "DEV");
}

/* By ProgressStatus: "Requires resume" names its operation. */
static const char *required_verb(u64 progress)
{
	switch (progress) {
	case DRP_PS_REQUIRES_FRACTURE:
		return "fracture";
	case DRP_PS_REQUIRES_RESYNC:
		return "resync-replica";
	case DRP_PS_REQUIRES_ACTIVATE:
		return "activate";
	case DRP_PS_REQUIRES_DETACH:
		return "detach";
	case DRP_PS_REQUIRES_SPLIT:
		return "split";
	case DRP_PS_REQUIRES_RESUME:
		return "resume";
	default:
		return NULL;
	}
}

static void advise_broken(const struct record *sync, const char *name, const char *verb,
			  char *text)
{
	if (verb)
		snprintf(text, ADVICE_MAX, "'replctl %s %s'", verb, name);
	else if (!*rec_str(sync, DRP_A_ERROR_TEXT))	/* no leg failed: somebody aborted a restore */
		snprintf(text, ADVICE_MAX, "'replctl capabilities %s' shows what ends it", name);
	else if (rec_u64(sync, DRP_A_RECOVERY_MODE) == DRP_RECOVERY_AUTOMATIC)
		snprintf(text, ADVICE_MAX,
			 "repair or replace the device, it is tried again by itself; 'replctl capabilities %s' shows what else is possible",
			 name);
	else
		snprintf(text, ADVICE_MAX,
			 "repair or replace the device, then see 'replctl capabilities %s'", name);
}

void advise_sync(const struct record *sync, char *text)
{
	const char *verb = required_verb(rec_u64(sync, DRP_A_PROGRESS_STATUS));
	const char *source = rec_str(sync, DRP_A_SOURCE_NAME);
	const char *target = rec_str(sync, DRP_A_TARGET_NAME);
	char name[REPLCTL_QUALIFIED_MAX];

	*text = '\0';
	snprintf(name, sizeof(name), "%s/%s", rec_str(sync, DRP_A_POOL_NAME),
		 rec_str(sync, DRP_A_SYNC_NAME));
	switch (rec_u64(sync, DRP_A_COPY_STATE)) {
	case DRP_CS_BROKEN:
		advise_broken(sync, name, verb, text);
		return;
	case DRP_CS_PARTITIONED:
		snprintf(text, ADVICE_MAX,
			 "connect the missing device, or 'replctl element attach NAME DEV'; 'replctl element list' shows which");
		return;
	case DRP_CS_INVALID:
		snprintf(text, ADVICE_MAX,
			 "nobody knows which side is right; 'replctl capabilities %s' shows what ends it",
			 name);
		return;
	case DRP_CS_FAILEDOVER:
		snprintf(text, ADVICE_MAX,
			 "hosts use %s; 'replctl failback %s' copies its changes back, 'replctl reverse-roles %s' makes it the source",
			 target, name, name);
		return;
	}
	if (verb)
		snprintf(text, ADVICE_MAX, "'replctl %s %s'", verb, name);
	else if (copy_waits(sync))
		snprintf(text, ADVICE_MAX, "%s; its copy goes on by itself then",
			 rec_str(sync, DRP_A_ERROR_TEXT));
	else if (sync_overwrites_source(sync) > 0)
		snprintf(text, ADVICE_MAX, "%s already shows the content of %s; keep both until the copy has ended",
			 source, target);
	else if (rec_u64(sync, DRP_A_COPY_STATE) == DRP_CS_SUSPENDED)
		snprintf(text, ADVICE_MAX, "'replctl resume %s'", name);
	else if (rec_u64(sync, DRP_A_COPY_STATE) == DRP_CS_ABORTED)
		snprintf(text, ADVICE_MAX, "'replctl resync-replica %s'", name);
}
