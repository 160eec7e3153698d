// SPDX-License-Identifier: GPL-2.0-only
/* Good and bad lines; a bad one must name its offender. */
#include "unit.h"
#include "args.h"

#define WORDS_MAX	80
#define LINE_MAX_BYTES	4096

/* A line cut at its blanks, each word an allocation of its own so that ASan sees overreads. */
struct line {
	unsigned int argc;
	char *argv[WORDS_MAX];
};

static void split(struct line *l, const char *text)
{
	char copy[LINE_MAX_BYTES], *word, *save = NULL;

	l->argc = 0;
	assert_true(strlen(text) < sizeof(copy));
	strcpy(copy, text);
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		assert_true(l->argc < WORDS_MAX);
		l->argv[l->argc++] = strdup(word);
	}
}

static void release(struct line *l)
{
	while (l->argc)
		free(l->argv[--l->argc]);
}

static struct line line;	/* of the last parse: the results point into it */
static struct drp_parse_error err;

static int message(const char *text, struct drp_request *req)
{
	release(&line);
	split(&line, text);
	memset(&err, 0, sizeof(err));
	return drp_parse_message(line.argc, line.argv, req, &err);
}

static int pool_args(const char *text, struct drp_pool_args *a)
{
	release(&line);
	split(&line, text);
	memset(&err, 0, sizeof(err));
	return drp_parse_pool_args(line.argc, line.argv, a, &err);
}

static int element_args(const char *text, struct drp_element_args *a)
{
	release(&line);
	split(&line, text);
	memset(&err, 0, sizeof(err));
	return drp_parse_element_args(line.argc, line.argv, a, &err);
}

static int group_teardown(void **state)
{
	(void)state;
	release(&line);
	return 0;
}

static void create_requests(void **state)
{
	struct drp_request req;

	(void)state;
	assert_int_equal(message("create_element 0 data size=2048 identity=wwn-0x5000", &req), 0);
	assert_int_equal(req.kind, DRP_REQ_CREATE_ELEMENT);
	assert_int_equal(req.object, DRP_OBJ_ELEMENT);
	assert_int_equal(req.id, 0);
	assert_string_equal(req.name, "data");
	assert_int_equal(req.settings.mask, DRP_SET_SIZE_SECTORS | DRP_SET_IDENTITY);
	assert_int_equal(req.settings.size_sectors, 2048);
	assert_string_equal(req.settings.identity, "wwn-0x5000");

	assert_int_equal(message("create_sync 9223372036854775807 mirror 1 2 force mode=sync dry_run "
				 "copy_priority=high rate_limit=10M recovery_mode=manual "
				 "failed_copy_stops_host_io=yes in_use=ignore deadline_ms=600000 name=s1 "
				 "wait_for_copy_state=initialized skip_initial_copy=yes auto_delete=no",
				 &req), 0);
	assert_int_equal(req.kind, DRP_REQ_CREATE_SYNC);
	assert_true(req.id == S64_MAX);
	assert_int_equal(req.sync_type, DRP_SYNC_MIRROR);
	assert_int_equal(req.source_id, 1);
	assert_int_equal(req.target_id, 2);
	assert_true(req.force && req.dry_run);
	assert_int_equal(req.settings.mode, DRP_MODE_SYNC);
	assert_int_equal(req.settings.copy_priority, DRP_PRIO_HIGH);
	assert_int_equal(req.settings.rate_limit, 10 << 20);
	assert_int_equal(req.settings.recovery_mode, DRP_RECOVERY_MANUAL);
	assert_true(req.settings.failed_copy_stops_host_io && req.settings.in_use_ignore);
	assert_int_equal(req.settings.deadline_ms, 600000);
	assert_string_equal(req.settings.name, "s1");
	assert_int_equal(req.settings.wait_state, DRP_CS_INITIALIZED);
	assert_true(req.settings.skip_initial_copy);
	assert_false(req.settings.auto_delete);
	assert_true(req.settings.mask & DRP_SET_AUTO_DELETE);

	assert_int_equal(message("create_sync 0 7 1 2", &req), 0);
	assert_int_equal(req.sync_type, DRP_SYNC_SNAPSHOT);
	assert_int_equal(req.settings.mask, 0);
	assert_false(req.force || req.dry_run);

	/* A snapshot's target is made with it. */
	assert_int_equal(message("create_sync 0 snapshot 1 0 target_name=monday", &req), 0);
	assert_int_equal(req.target_id, 0);
	assert_string_equal(req.settings.target_name, "monday");
	assert_int_equal(req.settings.mask, DRP_SET_TARGET_NAME);

	assert_int_equal(message("create_group 5 g 1 2 3", &req), 0);
	assert_int_equal(req.kind, DRP_REQ_CREATE_GROUP);
	assert_int_equal(req.nr_members, 3);
	assert_int_equal(req.members[2], 3);
}

static void modify_requests(void **state)
{
	struct drp_request req;

	(void)state;
	assert_int_equal(message("modify 14 7 force", &req), 0);
	assert_int_equal(req.kind, DRP_REQ_MODIFY);
	assert_int_equal(req.object, DRP_OBJ_SYNC);
	assert_int_equal(req.operation, DRP_OP_RESYNC_REPLICA);
	assert_int_equal(req.id, 7);
	assert_true(req.force);

	assert_int_equal(message("modify split group:3 deadline_ms=1 WaitForCopyState=Split", &req), 0);
	assert_int_equal(req.object, DRP_OBJ_GROUP);
	assert_int_equal(req.id, 3);
	assert_int_equal(req.settings.wait_state, DRP_CS_SPLIT);

	assert_int_equal(message("modify add-sync-pair group:3 pair:4 pair:5", &req), 0);
	assert_int_equal(req.nr_members, 2);
	assert_int_equal(req.members[1], 5);
}

static void other_requests(void **state)
{
	struct drp_request req;

	(void)state;
	assert_int_equal(message("delete_element 1 force", &req), 0);
	assert_true(req.kind == DRP_REQ_DELETE_ELEMENT && req.force);
	assert_int_equal(message("set pool rate_limit=0", &req), 0);
	assert_true(req.kind == DRP_REQ_SET && req.object == DRP_OBJ_POOL);
	assert_int_equal(message("set pool cow_memory=65536", &req), 0);
	assert_int_equal(req.settings.cow_memory, DRP_COW_MEMORY_HIGH);
	assert_int_equal(message("set pool CowMemory=1", &req), 0);
	assert_int_equal(req.settings.cow_memory, DRP_COW_MEMORY_LOW);
	assert_int_equal(message("set pool cow-memory=0", &req), -EINVAL);
	assert_string_equal(err.text, "cow_memory: '0' is out of range: 1 to 65536");
	assert_int_equal(message("set pool cow_memory=65537", &req), -EINVAL);
	assert_non_null(strstr(err.text, "1 to 65536"));
	assert_int_equal(message("set sync:4 cow_memory=8", &req), -EINVAL);
	assert_non_null(strstr(err.text, "cow_memory"));
	assert_int_equal(message("set element:4 read_policy=balance active_extents_max=32", &req), 0);
	assert_true(req.object == DRP_OBJ_ELEMENT && req.id == 4);
	assert_int_equal(req.settings.read_policy, DRP_READ_BALANCE);
	assert_int_equal(message("set sync:4 CopyRecoveryMode=Automatic copy-priority=1", &req), 0);
	assert_true(req.object == DRP_OBJ_SYNC && req.id == 4);
	assert_int_equal(req.settings.recovery_mode, DRP_RECOVERY_AUTOMATIC);
	assert_int_equal(req.settings.copy_priority, DRP_PRIO_LOW);
	assert_int_equal(message("delete_group 2", &req), 0);
	assert_int_equal(req.kind, DRP_REQ_DELETE_GROUP);
	assert_int_equal(message("add_members 2 9", &req), 0);
	assert_true(req.kind == DRP_REQ_ADD_MEMBERS && req.id == 2 && req.members[0] == 9);
	assert_int_equal(message("remove_members 2 9 8", &req), 0);
	assert_true(req.kind == DRP_REQ_REMOVE_MEMBERS && req.nr_members == 2);
	assert_int_equal(message("job 3 suspend", &req), 0);
	assert_true(req.kind == DRP_REQ_JOB && req.job_request == DRP_JOB_REQ_SUSPEND);
	assert_int_equal(message("job 3 resume", &req), 0);
	assert_int_equal(req.job_request, DRP_JOB_REQ_START);
	assert_int_equal(message("job 3 terminate", &req), 0);
	assert_int_equal(req.job_request, DRP_JOB_REQ_TERMINATE);
	assert_int_equal(message("restore_aspect 6 force target_name=t name=s rate_limit=1M", &req), 0);
	assert_true(req.kind == DRP_REQ_RESTORE_ASPECT && req.id == 6 && req.force);
	assert_string_equal(req.settings.target_name, "t");
	assert_string_equal(req.settings.name, "s");
	assert_int_equal(message("delete_aspect 6", &req), 0);
	assert_true(req.kind == DRP_REQ_DELETE_ASPECT && req.id == 6);
}

/* A line and the part of it (or of what it lacks) that the error must name. */
struct bad {
	const char *text;
	const char *named;
};

static void check_bad(const struct bad *b, int r)
{
	if (r != -EINVAL)
		fail_msg("'%s' was accepted", b->text);
	if (!strstr(err.text, b->named))
		fail_msg("'%s': the error '%s' does not name '%s'", b->text, err.text, b->named);
}

static const struct bad bad_message[] = {
	{ "", "empty" },
	{ "frobnicate 1", "frobnicate" },
	{ "Create_element 1 a", "Create_element" },
	{ "create_element", "create_element" },
	{ "create_element 1", "<name>" },
	{ "create_element x a", "'x'" },
	{ "create_element -1 a", "'-1'" },
	{ "create_element +1 a", "'+1'" },
	{ "create_element 01 a", "'01'" },
	{ "create_element 1x a", "'1x'" },
	{ "create_element 0x1 a", "'0x1'" },
	{ "create_element 9223372036854775808 a", "9223372036854775808" },
	{ "create_element 18446744073709551617 a", "18446744073709551617" },
	{ "create_element 1 .hidden", ".hidden" },
	{ "create_element 1 a/b", "a/b" },
	{ "create_element 1 a force", "force" },
	{ "create_element 1 a mode=sync", "mode" },
	{ "create_element 1 a size=0", "size" },
	{ "create_element 1 a size=99999999999999999", "99999999999999999" },
	{ "create_element 1 a size=8 size=8", "size" },
	{ "create_element 1 a identity=", "identity" },
	{ "create_element 1 a identity=\x01", "identity" },
	{ "create_element 1 a identity=\xc3\xa4", "identity" },
	{ "create_element 1 a active_extents_max=31", "active_extents_max" },
	{ "delete_element 0", "'0'" },
	{ "delete_element 1 force force", "force" },
	{ "delete_element 1 dry_run", "dry_run" },
	{ "delete_element 1 name=x", "name=x" },
	{ "create_sync 1 mirror 1", "<target id>" },
	{ "create_sync 1 miror 1 2", "miror" },
	{ "create_sync 1 9 1 2", "'9'" },
	{ "create_sync 1 mirror 0 2", "source id" },
	{ "create_sync 1 mirror 1 0", "target id" },
	{ "create_sync 1 mirror 3 3", "'3'" },
	{ "create_sync 1 snapshot 1 0 target_name=a/b", "a/b" },
	{ "create_sync 1 mirror 1 2 pair:3", "pair:3" },
	{ "create_sync 1 mirror 1 2 read_policy=source", "read_policy" },
	{ "create_sync 1 mirror 1 2 color=red", "color" },
	{ "create_sync 1 mirror 1 2 =red", "=red" },
	{ "create_sync 1 mirror 1 2 mode", "'mode'" },
	{ "create_sync 1 mirror 1 2 mode=", "mode" },
	{ "create_sync 1 mirror 1 2 mode=4", "'4'" },
	{ "create_sync 1 mirror 1 2 mode=sync Mode=async", "mode" },
	{ "create_sync 1 mirror 1 2 copy_priority=5", "copy_priority" },
	{ "create_sync 1 mirror 1 2 rate_limit=", "rate_limit" },
	{ "create_sync 1 mirror 1 2 rate_limit=5X", "5X" },
	{ "create_sync 1 mirror 1 2 rate_limit=5KK", "5KK" },
	{ "create_sync 1 mirror 1 2 rate_limit=K", "'K'" },
	{ "create_sync 1 mirror 1 2 rate_limit=18446744073709551616", "rate_limit" },
	{ "create_sync 1 mirror 1 2 rate_limit=16777216T", "16777216T" },
	{ "create_sync 1 mirror 1 2 failed_copy_stops_host_io=maybe", "maybe" },
	{ "create_sync 1 mirror 1 2 in_use=yes", "in_use" },
	{ "create_sync 1 mirror 1 2 deadline_ms=0", "deadline_ms" },
	{ "create_sync 1 mirror 1 2 deadline_ms=600001", "600001" },
	{ "create_sync 1 mirror 1 2 deadline_ms=4294967297", "4294967297" },
	{ "create_sync 1 mirror 1 2 wait_for_copy_state=mixed", "mixed" },
	{ "create_sync 1 mirror 1 2 wait_for_copy_state=soon", "soon" },
	{ "create_sync 1 mirror 1 2 recovery_mode=0", "recovery_mode" },
	{ "create_sync 1 mirror 1 2 copy_recovery_mode=2 CopyRecoveryMode=2", "recovery_mode" },
	{ "create_sync 1 mirror 1 2 name=-x", "-x" },
	{ "create_sync 1 mirror 1 2 dry_run dry_run", "dry_run" },
	{ "create_sync 1 mirror 1 2 c_o_p_y=1", "c_o_p_y" },
	{ "modify", "<operation>" },
	{ "modify split", "<operation>" },
	{ "modify splt 1", "splt" },
	{ "modify 25 1", "'25'" },
	{ "modify split 0", "'0'" },
	{ "modify split group:", "group id" },
	{ "modify split group:0", "group id" },
	{ "modify split element:1", "element:1" },
	{ "modify split 1 2", "'2'" },
	{ "modify split 1 pair:2", "split" },
	{ "modify add-sync-pair group:1", "add-sync-pair" },
	{ "modify add-sync-pair group:1 pair:2 pair:2", "'2'" },
	{ "modify add-sync-pair group:1 pair:", "pair" },
	{ "modify split 1 skip_initial_copy=yes", "skip_initial_copy" },
	{ "modify split 1 Force", "Force" },
	{ "set pool", "<key>=<value>" },
	{ "set volume:1 name=a", "volume:1" },
	{ "set element:0 name=a", "element:0" },
	{ "set element:x name=a", "element:x" },
	{ "set pool read_policy=source", "read_policy" },
	{ "set sync:1 mode=sync", "mode" },
	{ "set sync:1 force", "force" },
	{ "create_group 1 g 2 2", "'2'" },
	{ "create_group 1 g 0", "'0'" },
	{ "create_group 1 g name=a", "name=a" },
	{ "delete_group 1 force", "force" },
	{ "add_members 1", "<element id>" },
	{ "remove_members 1 x", "'x'" },
	{ "job 1", "suspend" },
	{ "job 1 stop", "stop" },
	{ "job 1 suspend now", "now" },
	{ "delete_aspect", "<id>" },
	{ "delete_aspect 1 now", "now" },
	{ "restore_aspect", "<id>" },
	{ "restore_aspect 1 mode=sync", "mode" },
	{ "restore_aspect 1 aspect=2", "aspect" },
	{ "restore_aspect 1 pair:2", "pair:2" },
	{ "create_element 1 \x1b[31m", "?[31m" },
};

static void bad_messages(void **state)
{
	struct drp_request req;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad_message); i++)
		check_bad(&bad_message[i], message(bad_message[i].text, &req));
}

/* What a request carries at most, and one more. */
static void member_limit(void **state)
{
	char text[LINE_MAX_BYTES] = "create_group 1 g";
	struct drp_request req;
	unsigned int i;

	(void)state;
	for (i = 1; i <= DRP_ARGS_MEMBERS_MAX; i++)
		sprintf(text + strlen(text), " %u", i);
	assert_int_equal(message(text, &req), 0);
	assert_int_equal(req.nr_members, DRP_ARGS_MEMBERS_MAX);
	assert_int_equal(req.members[DRP_ARGS_MEMBERS_MAX - 1], DRP_ARGS_MEMBERS_MAX);
	strcat(text, " 1000");
	assert_int_equal(message(text, &req), -EINVAL);
	assert_non_null(strstr(err.text, "1000"));
}

/* Words longer than any text we make of them. */
static void long_words(void **state)
{
	char word[2000], *argv[2] = { word, word };
	struct drp_settings s = { };
	struct drp_request req;

	(void)state;
	memset(word, 'x', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	assert_int_equal(drp_parse_message(2, argv, &req, &err), -EINVAL);
	assert_true(strlen(err.text) <= DRP_MESSAGE_MAX);
	assert_int_equal(drp_parse_setting(word, &s, &err), -EINVAL);
	memcpy(word, "identity=", 9);
	assert_int_equal(drp_parse_setting(word, &s, &err), -EINVAL);
	assert_non_null(strstr(err.text, "identity"));
	word[9 + DRP_IDENTITY_MAX] = '\0';
	assert_int_equal(drp_parse_setting(word, &s, &err), 0);
	assert_int_equal(strlen(s.identity), DRP_IDENTITY_MAX);
	assert_int_equal(s.mask, DRP_SET_IDENTITY);
}

static void every_setting_has_a_key(void **state)
{
	struct drp_settings s = { };
	char text[64];
	u32 bit;

	(void)state;
	for (bit = 0; bit < DRP_SET_DESCRIPTION_MAX; bit++) {
		const char *key = drp_setting_key(BIT(bit));

		assert_string_not_equal(key, "unknown");
		snprintf(text, sizeof(text), "%s=\x7f", key);
		assert_int_equal(drp_parse_setting(text, &s, &err), -EINVAL);
		assert_non_null(strstr(err.text, key));
		assert_int_equal(s.mask, 0);
	}
	assert_string_equal(drp_setting_key(0), "unknown");
	assert_string_equal(drp_setting_key(BIT(31)), "unknown");
}

static void rates_have_suffixes(void **state)
{
	static const struct {
		const char *text;
		u64 value;
	} good[] = {
		{ "rate_limit=0", 0 }, { "rate_limit=1", 1 }, { "rate_limit=1K", 1024 },
		{ "RateLimit=3G", 3ULL << 30 }, { "rate-limit=2T", 2ULL << 40 },
		{ "rate_limit=18446744073709551615", U64_MAX },
		{ "rate_limit=16777215T", 16777215ULL << 40 },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		struct drp_settings s = { };

		assert_int_equal(drp_parse_setting(good[i].text, &s, &err), 0);
		assert_true(s.rate_limit == good[i].value);
	}
}

static void pool_lines(void **state)
{
	struct drp_pool_args a;

	(void)state;
	assert_int_equal(pool_args("/dev/md /dev/cow 128", &a), 0);
	assert_string_equal(a.metadata_dev, "/dev/md");
	assert_string_equal(a.cow_dev, "/dev/cow");
	assert_int_equal(a.chunk_sectors, 128);
	assert_int_equal(a.region_sectors, 8);
	assert_int_equal(a.extent_sectors, 8192);
	assert_false(a.format || a.take_over || a.name || a.owner || a.cow_identity);
	assert_int_equal(pool_args("7:0 - 2048 0", &a), 0);
	assert_null(a.cow_dev);
	assert_int_equal(pool_args("7:0 - 8 6 format take_over region=16 extent=131072 name=p0 "
				   "owner=01234567-89ab-CDEF-0123-456789abcdef", &a), 0);
	assert_true(a.format && a.take_over);
	assert_int_equal(a.region_sectors, 16);
	assert_int_equal(a.extent_sectors, 131072);
	assert_string_equal(a.name, "p0");
	assert_string_equal(a.owner, "01234567-89ab-CDEF-0123-456789abcdef");
}

static void bad_pool_lines(void **state)
{
	static const struct bad bad[] = {
		{ "", "<metadata dev>" },
		{ "a -", "<chunk sectors>" },
		{ "- - 128", "metadata" },
		{ "a a 128", "'a'" },
		{ "a - x", "'x'" },
		{ "a - 0", "chunk" },
		{ "a - 4", "'4'" },
		{ "a - 96", "'96'" },
		{ "a - 4096", "'4096'" },
		{ "a - 4294967424", "4294967424" },
		{ "a - 128 format", "format" },
		{ "a - 128 2 format", "'2'" },
		{ "a - 128 0 format", "'0'" },
		{ "a - 128 1 format take_over", "'1'" },
		{ "a - 128 1 cow_identity=x", "no COW device" },
		{ "a b 128 2 cow_identity=x cow_identity=y", "given twice" },
		{ "a b 128 1 cow_identity=", "identity" },
		{ "a - 128 4294967297 format", "4294967297" },
		{ "a - 128 2 format format", "format" },
		{ "a - 128 1 Format", "Format" },
		{ "a - 128 1 region=4", "region" },
		{ "a - 128 1 region=24", "'24'" },
		{ "a - 128 2 region=8 region=8", "region=8" },
		{ "a - 128 1 extent=64", "extent" },
		{ "a - 128 1 extent=262144", "262144" },
		{ "a - 128 2 region=2048 extent=1024", "region" },
		{ "a - 2048 1 extent=1024", "chunk" },
		{ "a - 128 1 name=", "name" },
		{ "a - 128 1 name=a/b", "a/b" },
		{ "a - 128 1 owner=me", "'me'" },
		{ "a - 128 1 owner=01234567-89ab-cdef-0123-456789abcdeff", "owner" },
		{ "a - 128 1 owner=01234567-89ab-cdef-0123-456789abcde", "owner" },
	};
	struct drp_pool_args a;
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		check_bad(&bad[i], pool_args(bad[i].text, &a));
}

static void element_lines(void **state)
{
	static const struct bad bad[] = {
		{ "", "<pool dev>" },
		{ "p", "<element id>" },
		{ "- 1", "pool device" },
		{ "p 0", "'0'" },
		{ "p x", "'x'" },
		{ "p 1 p", "'p'" },
		{ "p 1 d x", "'x'" },
		{ "p 1 d 1", "'1'" },
		{ "p 1 d 0 identity=a", "'0'" },
		{ "p 1 d 1 format", "format" },
		{ "p 1 d 2 identity=a identity=b", "identity=b" },
		{ "p 1 d 1 identity=", "identity" },
	};
	struct drp_element_args a;
	unsigned int i;

	(void)state;
	assert_int_equal(element_args("p 1", &a), 0);
	assert_string_equal(a.pool_dev, "p");
	assert_int_equal(a.id, 1);
	assert_null(a.data_dev);
	assert_int_equal(element_args("p 1 d", &a), 0);
	assert_string_equal(a.data_dev, "d");
	assert_int_equal(element_args("p 1 - 1 identity=x", &a), 0);
	assert_null(a.data_dev);
	assert_string_equal(a.identity, "x");
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		check_bad(&bad[i], element_args(bad[i].text, &a));
}

static void allowed_settings(void **state)
{
	(void)state;
	assert_int_equal(drp_settings_allowed(DRP_REQ_JOB, DRP_OBJ_JOB), 0);
	assert_int_equal(drp_settings_allowed(DRP_REQ_SET, DRP_OBJ_JOB), 0);
	assert_true(drp_settings_allowed(DRP_REQ_SET, DRP_OBJ_SYNC) & DRP_SET_RATE_LIMIT);
	assert_false(drp_settings_allowed(DRP_REQ_SET, DRP_OBJ_SYNC) & DRP_SET_SKIP_INITIAL_COPY);
	assert_true(drp_settings_allowed(DRP_REQ_CREATE_SYNC, DRP_OBJ_SYNC) &
		    DRP_SET_SKIP_INITIAL_COPY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(create_requests),
		cmocka_unit_test(modify_requests),
		cmocka_unit_test(other_requests),
		cmocka_unit_test(bad_messages),
		cmocka_unit_test(member_limit),
		cmocka_unit_test(long_words),
		cmocka_unit_test(every_setting_has_a_key),
		cmocka_unit_test(rates_have_suffixes),
		cmocka_unit_test(pool_lines),
		cmocka_unit_test(bad_pool_lines),
		cmocka_unit_test(element_lines),
		cmocka_unit_test(allowed_settings),
	};

	return cmocka_run_group_tests_name("args", tests, NULL, group_teardown);
}
