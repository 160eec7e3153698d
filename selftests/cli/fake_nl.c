// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for the tool's nl.c in a test binary: a small fixed world of two
 * pools, which answers as the kernel would, with the same state table. What was
 * asked goes to the file that $FAKE_LOG names, one request a line.
 */
#include <stdlib.h>
#include <unistd.h>
#include <linux/netlink.h>

#include "nl.h"
#include "state.h"

struct request {
	u8 command;
	u32 len;
	u8 attrs[8192];
};

static void log_line(const struct request *req, const char *fmt, ...) __printf(2, 3);

static void put(struct request *req, u16 attr, const void *data, u32 len)
{
	struct nlattr *a = (void *)(req->attrs + req->len);

	if (req->len + NLA_HDRLEN + NLA_ALIGN(len) > sizeof(req->attrs))
		abort();
	a->nla_type = attr;
	a->nla_len = NLA_HDRLEN + len;
	memcpy((u8 *)a + NLA_HDRLEN, data, len);
	req->len += NLA_HDRLEN + NLA_ALIGN(len);
}

struct request *req_new(u8 command)
{
	struct request *req = xalloc(sizeof(*req));

	req->command = command;
	return req;
}

void req_free(struct request *req)
{
	free(req);
}

void req_u16(struct request *req, u16 attr, u16 value)
{
	put(req, attr, &value, sizeof(value));
	log_line(req, "%u=%u", attr, value);
}

void req_u64(struct request *req, u16 attr, u64 value)
{
	put(req, attr, &value, sizeof(value));
	log_line(req, "%u=%llu", attr, (unsigned long long)value);
}

void req_str(struct request *req, u16 attr, const char *value)
{
	put(req, attr, value, strlen(value) + 1);
	log_line(req, "%u=%s", attr, value);
}

void req_flag(struct request *req, u16 attr)
{
	put(req, attr, "", 0);
	log_line(req, "%u", attr);
}

/* "command: attribute=value", for GET_* nothing. */
static void log_line(const struct request *req, const char *fmt, ...)
{
	const char *path = getenv("FAKE_LOG");
	va_list args;
	FILE *f;

	if (!path || (req->command >= DRP_CMD_GET_POOL && req->command <= DRP_CMD_GET_ASPECT))
		return;
	f = fopen(path, "a");
	if (!f)
		abort();
	fprintf(f, "%u: ", req->command);
	va_start(args, fmt);
	vfprintf(f, fmt, args);
	va_end(args);
	fputc('\n', f);
	fclose(f);
}

/* ---- the world ---- */

static const struct fake_sync {
	u64 id;
	const char *name;
	u16 copy_state, progress;
	bool consistent, in_sync, target_changed;
	u64 job;
	u64 dirty;
} syncs[] = {
	{ 11, "home-copy", DRP_CS_SYNCHRONIZED, DRP_PS_COMPLETED, true, true, false, 0, 0 },
	{ 12, "torn", DRP_CS_UNSYNCHRONIZED, DRP_PS_SYNCHRONIZING, false, false, false, 7, 5 << 20 },
	{ 13, "apart", DRP_CS_FRACTURED, DRP_PS_COMPLETED, true, false, true, 0, 1 << 20 },
	{ 14, "lost", DRP_CS_BROKEN, DRP_PS_REQUIRES_RESYNC, false, false, false, 0, 3 << 20 },
	{ 15, "over", DRP_CS_FAILEDOVER, DRP_PS_COMPLETED, true, false, true, 0, 2 << 20 },
	{ 16, "back", DRP_CS_UNSYNCHRONIZED, DRP_PS_RESTORING, true, false, false, 7, 4 << 20 },
};

#define TURNING_JOB	10
#define TURNING_LOOKS	3	/* at the job, until its copy has ended */

/* The sync that this command turned round, and what the state table says of it. */
static struct {
	u64 sync;
	u16 operation;
	unsigned int looks;
	bool slow;			/* no copy, but not done when it is answered */
	struct drp_transition t;
} turning;

static bool turned(void)
{
	return !(turning.t.starts_copy || turning.slow) || turning.looks >= TURNING_LOOKS;
}

static const struct fake_element {
	u64 id;
	u32 pool;
	const char *name;
} elements[] = {
	{ 1, 0, "home" }, { 2, 0, "copy" }, { 3, 0, "log" }, { 1, 1, "home" }, { 2, 1, "spare" },
};

static const char * const pool_names[] = { "tank", "attic" };

static void begin(struct request *r, u8 command, u32 pool)
{
	u8 uuid[DRP_UUID_BYTES] = { 0x10, 0x32, 0x54, 0x76 };

	memset(r, 0, sizeof(*r));
	r->command = command;
	uuid[15] = pool;
	put(r, DRP_A_POOL_NAME, pool_names[pool], strlen(pool_names[pool]) + 1);
	put(r, DRP_A_POOL_UUID, uuid, sizeof(uuid));
}

static void put_str(struct request *r, u16 attr, const char *s)
{
	put(r, attr, s, strlen(s) + 1);
}

static void put_u64(struct request *r, u16 attr, u64 v)
{
	put(r, attr, &v, sizeof(v));
}

static void put_u32(struct request *r, u16 attr, u32 v)
{
	put(r, attr, &v, sizeof(v));
}

static void put_u16(struct request *r, u16 attr, u16 v)
{
	put(r, attr, &v, sizeof(v));
}

static void put_u8(struct request *r, u16 attr, u8 v)
{
	put(r, attr, &v, sizeof(v));
}

static void finish(const struct request *r, struct records *list)
{
	records_add(list, r->command, r->attrs, r->len);
}

static void get_pools(struct records *list)
{
	struct request r;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(pool_names); i++) {
		begin(&r, DRP_CMD_GET_POOL, i);
		put_u16(&r, DRP_A_POOL_MODE, i ? DRP_POOL_RO : DRP_POOL_RW);
		put_u64(&r, DRP_A_POOL_DEV, 4000ULL << 20 | i);
		put_u32(&r, DRP_A_CHUNK_BYTES, 65536);
		put_u64(&r, DRP_A_METADATA_BYTES, 64 << 20);
		put_u64(&r, DRP_A_METADATA_USED_BYTES, 1 << 20);
		put_u64(&r, DRP_A_STALL_MAX_NS, 1234567);
		finish(&r, list);
	}
}

static void get_elements(struct records *list)
{
	struct request r;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(elements); i++) {
		u8 uuid[DRP_UUID_BYTES] = { 0xaa, (u8)elements[i].id };

		begin(&r, DRP_CMD_GET_ELEMENT, elements[i].pool);
		put_u64(&r, DRP_A_ELEMENT_ID, elements[i].id);
		put_str(&r, DRP_A_ELEMENT_NAME, elements[i].name);
		put_u64(&r, DRP_A_SIZE_SECTORS, 2048 * 100);
		put(&r, DRP_A_ELEMENT_UUID, uuid, sizeof(uuid));
		put_u8(&r, DRP_A_ATTACHED, 1);
		put_u16(&r, DRP_A_HOST_ACCESS, DRP_ACCESS_WRITE);
		put_str(&r, DRP_A_DEVICE_IDENTITY, elements[i].name);
		put_u64(&r, DRP_A_ELEMENT_DEV, 4000ULL << 20 | (10 + i));
		finish(&r, list);
	}
}

/* As it is now: what this command did to it included. */
static struct fake_sync present(const struct fake_sync *s)
{
	struct fake_sync now = *s;

	if (turning.sync == s->id) {
		now.copy_state = turned() ? turning.t.copy_state_after :
					    turning.t.copy_state_during;
		now.progress = turned() ? turning.t.progress_after : turning.t.progress_during;
	}
	return now;
}

static void put_sync(struct request *r, const struct fake_sync *was)
{
	const struct fake_sync now = present(was), *s = &now;
	bool swapped = turning.sync == s->id && turning.operation == DRP_OP_REVERSE_ROLES &&
		       turned();

	begin(r, DRP_CMD_GET_SYNC, 0);
	put_u64(r, DRP_A_SYNC_ID, s->id);
	put_str(r, DRP_A_SYNC_NAME, s->name);
	put_u64(r, DRP_A_SOURCE_ID, swapped ? 2 : 1);
	put_str(r, DRP_A_SOURCE_NAME, swapped ? "copy" : "home");
	put_u64(r, DRP_A_TARGET_ID, swapped ? 1 : 2);
	put_str(r, DRP_A_TARGET_NAME, swapped ? "home" : "copy");
	put_u16(r, DRP_A_SYNC_TYPE, DRP_SYNC_MIRROR);
	put_u16(r, DRP_A_MODE, DRP_MODE_SYNC);
	put_u16(r, DRP_A_COPY_STATE, s->copy_state);
	put_u16(r, DRP_A_PROGRESS_STATUS, s->progress);
	put_u16(r, DRP_A_PERCENT_SYNCED, s->in_sync ? 100 : 95);
	put_u64(r, DRP_A_DIRTY_BYTES, s->dirty);
	put_u8(r, DRP_A_TARGET_CONSISTENT, s->consistent);
	put_u8(r, DRP_A_IN_SYNC, s->in_sync);
	put_u8(r, DRP_A_TARGET_CHANGED, s->target_changed);
	put_u64(r, DRP_A_WHEN_ESTABLISHED, 1700000000123456789ULL);
	if (s->job)
		put_u64(r, DRP_A_JOB_ID, s->job);
}

static void get_syncs(struct records *list)
{
	struct request r;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(syncs); i++) {
		put_sync(&r, &syncs[i]);
		finish(&r, list);
	}
}

static u16 job_state(u64 id)
{
	switch (id) {
	case 7:
		return DRP_JOB_RUNNING;
	case 9:
		return DRP_JOB_EXCEPTION;
	case TURNING_JOB:
		return turned() ? DRP_JOB_COMPLETED : DRP_JOB_RUNNING;
	default:
		return DRP_JOB_COMPLETED;
	}
}

static void get_jobs(struct records *list)
{
	const u64 started = 1700000000000000000ULL;
	struct request r;
	u64 id;

	for (id = 7; id <= (turning.sync ? TURNING_JOB : 9); id++) {
		bool running = job_state(id) == DRP_JOB_RUNNING;

		begin(&r, DRP_CMD_GET_JOB, 0);
		put_u64(&r, DRP_A_JOB_ID, id);
		/* Of a request that is no copy it is not known. */
		if (id != TURNING_JOB || !turning.slow)
			put_u64(&r, DRP_A_SYNC_ID, id == TURNING_JOB ? turning.sync : 12);
		else if (!running)
			put_u64(&r, DRP_A_UPDATED_SYNC_ID, turning.sync);
		if (id == 8)
			put_u64(&r, DRP_A_ASPECT_ID, 22);
		put_u16(&r, DRP_A_OPERATION, id == TURNING_JOB ? turning.operation :
			DRP_OP_RESYNC_REPLICA);
		put_u16(&r, DRP_A_JOB_STATE, job_state(id));
		put_u16(&r, DRP_A_PERCENT_COMPLETE, running ? 42 : 100);
		put_u64(&r, DRP_A_BYTES_TOTAL, 100 << 20);
		put_u64(&r, DRP_A_BYTES_DONE, running ? 42 << 20 : id == 9 ? 0 : 100 << 20);
		put_u64(&r, DRP_A_RATE, running ? 50 << 20 : 0);
		if (running)
			put_u64(&r, DRP_A_ETA_SECONDS, 61);
		put_u64(&r, DRP_A_TIME_STARTED, started);
		if (!running)
			put_u64(&r, DRP_A_TIME_ENDED, started + 4000000000ULL);
		put_u32(&r, DRP_A_ERROR_CODE, id == 9 ? DRP_RV_FAILED : 0);
		if (id == 9)
			put_str(&r, DRP_A_ERROR_TEXT, "the target returns errors");
		finish(&r, list);
	}
	turning.looks++;
}

static void get_aspects(struct records *list)
{
	struct request r;

	begin(&r, DRP_CMD_GET_ASPECT, 0);
	put_u64(&r, DRP_A_ASPECT_ID, 21);
	put_str(&r, DRP_A_ASPECT_NAME, "monday");
	put_str(&r, DRP_A_SOURCE_NAME, "home");
	put_str(&r, DRP_A_TARGET_NAME, "copy");
	put_u64(&r, DRP_A_WHEN_SYNCED, 1700000000000000000ULL);
	finish(&r, list);
}

static void get_groups(struct records *list)
{
	struct request r;

	begin(&r, DRP_CMD_GET_GROUP, 0);
	put_u64(&r, DRP_A_GROUP_ID, 31);
	put_str(&r, DRP_A_GROUP_NAME, "database");
	put_u64(&r, DRP_A_MEMBER_ID, 1);
	put_u64(&r, DRP_A_MEMBER_ID, 3);
	finish(&r, list);
}

static const struct fake_sync *find_sync(u64 id)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(syncs); i++)
		if (syncs[i].id == id)
			return &syncs[i];
	return NULL;
}

static void decide(const struct fake_sync *s, u16 operation, bool force, struct drp_transition *t)
{
	const struct drp_state_key key = {
		.sync_type = DRP_SYNC_MIRROR, .operation = operation, .copy_state = s->copy_state,
		.target_consistent = s->consistent, .in_sync = s->in_sync,
		.target_changed = s->target_changed, .reverse = s->progress == DRP_PS_RESTORING,
		.force = force,
	};

	drp_state_decide(&key, t);
}

/* What is possible now, as the kernel says it of one sync. */
static void put_possible(struct request *r, const struct fake_sync *s, u16 operation)
{
	struct drp_transition t;

	decide(s, operation, false, &t);
	put_u8(r, DRP_A_POSSIBLE_NOW, t.verdict != DRP_VERDICT_REFUSE || t.needs_force);
	put_u8(r, DRP_A_REQUIRES_FORCE, t.needs_force);
	put_u16(r, DRP_A_RESULT_COPY_STATE, t.copy_state_after);
	put_str(r, DRP_A_MESSAGE, t.reason);
}

static void get_capabilities_of(const struct fake_sync *s, struct records *list)
{
	struct request r;
	u32 i, op;

	for (i = 0; !drp_enum_value(DRP_ENUM_OPERATION, i, &op); i++) {
		begin(&r, DRP_CMD_CAPABILITIES, 0);
		put_u16(&r, DRP_A_OPERATION, op);
		put_u8(&r, DRP_A_SUPPORTED, drp_state_supported(DRP_SYNC_MIRROR, op));
		put_u16(&r, DRP_A_FROM_COPY_STATE, DRP_CS_SYNCHRONIZED);
		put_u16(&r, DRP_A_FROM_COPY_STATE, DRP_CS_SUSPENDED);
		if (s)
			put_possible(&r, s, op);
		finish(&r, list);
	}
}

static void get_map(struct records *list)
{
	struct drp_extent extents[] = { { 0, 4096 }, { 1 << 20, 65536 } };
	struct request r;
	u32 i;

	begin(&r, DRP_CMD_MAP, 0);
	for (i = 0; i < ARRAY_SIZE(extents); i++)
		put(&r, DRP_A_EXTENT, &extents[i], sizeof(extents[i]));
	finish(&r, list);
}

static int refuse(struct refusal *refusal, u32 return_value, const char *text)
{
	refusal->err = drp_rv_to_errno(return_value);
	refusal->return_value = return_value;
	strscpy(refusal->text, text, sizeof(refusal->text));
	return -1;
}

int ask_all(struct request *req, struct records *answers, struct refusal *refusal)
{
	static void (*const gets[])(struct records *) = {
		[DRP_CMD_GET_POOL] = get_pools, [DRP_CMD_GET_ELEMENT] = get_elements,
		[DRP_CMD_GET_SYNC] = get_syncs, [DRP_CMD_GET_GROUP] = get_groups,
		[DRP_CMD_GET_JOB] = get_jobs, [DRP_CMD_GET_ASPECT] = get_aspects,
		[DRP_CMD_MAP] = get_map,
	};
	struct record request = { req->command, req->attrs, req->len };
	const char *pool = rec_str(&request, DRP_A_POOL_NAME);
	u8 command = req->command;
	u32 i;

	memset(answers, 0, sizeof(*answers));
	memset(refusal, 0, sizeof(*refusal));
	if (getenv("FAKE_NO_MODULE")) {
		refusal->own_status = EX_UNAVAILABLE;
		strscpy(refusal->text, "the kernel module is not loaded; modprobe dm-replica",
			sizeof(refusal->text));
		req_free(req);
		return -1;
	}
	if (command == DRP_CMD_MAP && getenv("FAKE_STALE")) {
		req_free(req);
		refuse(refusal, DRP_RV_FAILED, "what is compared has changed meanwhile: ask again");
		refusal->err = ESTALE;
		return -1;
	}
	if (command != DRP_CMD_CAPABILITIES && (command >= ARRAY_SIZE(gets) || !gets[command]))
		return refuse(refusal, DRP_RV_NOT_SUPPORTED, "no such dump");
	if (command == DRP_CMD_CAPABILITIES)
		get_capabilities_of(find_sync(rec_u64(&request, DRP_A_SYNC_ID)), answers);
	else
		gets[command](answers);
	for (i = 0; *pool && i < answers->nr; i++)
		if (strcmp(rec_str(&answers->v[i], DRP_A_POOL_NAME), pool)) {
			record_free(&answers->v[i]);
			memmove(&answers->v[i], &answers->v[i + 1],
				(--answers->nr - i) * sizeof(answers->v[0]));
			i--;
		}
	req_free(req);
	return 0;
}

static void result(struct record *answer, u32 return_value, u64 job, const struct record *request,
		   const char *text)
{
	struct records list = { 0 };
	struct request r;

	begin(&r, DRP_CMD_METHOD_RESULT, 0);
	put_u32(&r, DRP_A_RETURN_VALUE, return_value);
	if (job)
		put_u64(&r, DRP_A_JOB_ID, job);
	if (rec_u64(request, DRP_A_OPERATION) == DRP_OP_DISSOLVE)
		put_u64(&r, DRP_A_ASPECT_ID, 22);
	if (rec_u64(request, DRP_A_OPERATION) == DRP_OP_REVERSE_ROLES && !job)
		put_u64(&r, DRP_A_UPDATED_SYNC_ID, rec_u64(request, DRP_A_SYNC_ID));
	if (rec_has(request, DRP_A_ASPECT_ID) && job)
		put_u64(&r, DRP_A_SYNC_ID, 11);
	if (rec_has(request, DRP_A_ELEMENT_NAME))
		put_u64(&r, DRP_A_ELEMENT_ID, 3);
	if (rec_has(request, DRP_A_DRY_RUN))
		put(&r, DRP_A_DRY_RUN, "", 0);
	if (*text)
		put_str(&r, DRP_A_MESSAGE, text);
	finish(&r, &list);
	*answer = list.v[0];
	free(list.v);
}

/* The line of a dry run. */
static void say_what_would(const struct fake_sync *s, const struct drp_transition *t, char *text,
			   size_t size)
{
	if (t->verdict == DRP_VERDICT_NO_CHANGE)
		*text = '\0';
	else if (t->starts_copy)	/* else the flags only say who must not be in use */
		snprintf(text, size, "%s would overwrite %s: %llu MiB at most",
			 t->overwrites_source ? "copy" : "home",
			 t->overwrites_source ? "home" : "copy", (unsigned long long)s->dirty >> 20);
	else
		strscpy(text, "nothing would be overwritten", size);
}

static int modify(const struct record *request, struct record *answer, struct refusal *refusal)
{
	const struct fake_sync *s = find_sync(rec_u64(request, DRP_A_SYNC_ID));
	u16 operation = rec_u64(request, DRP_A_OPERATION);
	char text[DRP_MESSAGE_MAX] = "";
	struct drp_transition t;
	u64 job = 0;

	if (!s)	{
		if (!rec_has(request, DRP_A_GROUP_ID))
			return refuse(refusal, DRP_RV_NOT_FOUND, "no such sync");
		result(answer, DRP_RV_COMPLETED, 0, request, "");
		return 0;
	}
	decide(s, operation, rec_has(request, DRP_A_FORCE), &t);
	if (t.verdict == DRP_VERDICT_REFUSE)
		return refuse(refusal, t.return_value, t.reason);
	if (rec_has(request, DRP_A_DRY_RUN)) {
		say_what_would(s, &t, text, sizeof(text));
	} else if (operation == DRP_OP_RESTORE_FROM_REPLICA || operation == DRP_OP_FAILOVER ||
		   operation == DRP_OP_FAILBACK || operation == DRP_OP_REVERSE_ROLES) {
		turning.sync = s->id;
		turning.operation = operation;
		turning.t = t;
		turning.slow = operation == DRP_OP_REVERSE_ROLES &&
			       rec_has(request, DRP_A_WAIT_FOR_COPY_STATE);
		job = t.starts_copy || turning.slow ? TURNING_JOB : 0;
	} else {
		job = t.starts_copy ? 8 : 0;
	}
	result(answer, job ? DRP_RV_JOB_STARTED : DRP_RV_COMPLETED, job, request, text);
	return 0;
}

static bool same_object(const struct record *want, const struct record *r)
{
	static const u16 ids[] = { DRP_A_ELEMENT_ID, DRP_A_SYNC_ID, DRP_A_GROUP_ID, DRP_A_JOB_ID,
				   DRP_A_ASPECT_ID };
	u32 i;

	if (strcmp(rec_str(want, DRP_A_POOL_NAME), rec_str(r, DRP_A_POOL_NAME)))
		return false;
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		if (rec_has(want, ids[i]) && rec_u64(want, ids[i]) != rec_u64(r, ids[i]))
			return false;
	return true;
}

static int get_one(u8 command, const struct record *want, struct record *answer,
		   struct refusal *refusal)
{
	struct records all;
	u32 i;

	if (ask_all(req_new(command), &all, refusal))
		return -1;
	for (i = 0; i < all.nr; i++)
		if (same_object(want, &all.v[i])) {
			*answer = all.v[i];
			memset(&all.v[i], 0, sizeof(all.v[i]));
			records_free(&all);
			return 0;
		}
	records_free(&all);
	return refuse(refusal, DRP_RV_NOT_FOUND, "there is no such object");
}

static bool starts_job(const struct record *request)
{
	return request->command == DRP_CMD_CREATE_SYNC ||
	       (request->command == DRP_CMD_RESTORE_ASPECT && !rec_has(request, DRP_A_DRY_RUN));
}

int ask_one(struct request *req, struct record *answer, struct refusal *refusal)
{
	struct record request = { req->command, req->attrs, req->len };
	int err = 0;

	memset(answer, 0, sizeof(*answer));
	memset(refusal, 0, sizeof(*refusal));
	if (req->command <= DRP_CMD_GET_ASPECT)
		err = get_one(req->command, &request, answer, refusal);
	else if (getenv("FAKE_DENY"))
		err = refuse(refusal, DRP_RV_ACCESS_DENIED, "changes need CAP_SYS_ADMIN");
	else if (req->command == DRP_CMD_MODIFY_SYNC)
		err = modify(&request, answer, refusal);
	else
		result(answer, starts_job(&request) ? DRP_RV_JOB_STARTED : DRP_RV_COMPLETED,
		       starts_job(&request) ? 8 : 0, &request, "");
	req_free(req);
	return err;
}

int refusal_report(const struct refusal *refusal, const char *what)
{
	if (refusal->own_status)
		return fail(refusal->own_status, what, "%s", refusal->text);
	return fail_rv(refusal->return_value, what, refusal->text);
}

int nl_subscribe(struct refusal *refusal)
{
	memset(refusal, 0, sizeof(*refusal));
	return 0;
}

int nl_event(struct record *event, int timeout_ms)
{
	memset(event, 0, sizeof(*event));
	usleep(timeout_ms < 0 || timeout_ms > 50 ? 50000 : timeout_ms * 1000);
	return timeout_ms < 0 ? -EIO : 0;
}

bool nl_family_present(void)
{
	return !getenv("FAKE_NO_MODULE");
}

void nl_finish(void)
{
}
