// SPDX-License-Identifier: GPL-2.0-only
#include "unit.h"
#include "names.h"

static void every_word_parses_back(void **state)
{
	unsigned int which, i, total = 0;
	u32 value, parsed, last;
	char number[12];

	(void)state;
	for (which = 0; which < DRP_NR_ENUMS; which++) {
		last = 0;
		for (i = 0; !drp_enum_value(which, i, &value); i++, total++) {
			assert_true(i == 0 || value > last);
			last = value;
			assert_int_equal(drp_parse_name(which, drp_name(which, value), &parsed), 0);
			assert_int_equal(parsed, value);
			assert_int_equal(drp_parse_name(which, drp_kebab(which, value), &parsed), 0);
			assert_int_equal(parsed, value);
			snprintf(number, sizeof(number), "%u", value);
			assert_int_equal(drp_parse_name(which, number, &parsed), 0);
			assert_int_equal(parsed, value);
		}
		assert_true(i > 0);
		assert_int_equal(drp_enum_value(which, i, &value), -ENOENT);
	}
	/* what the protocol's header defines; a value without a word would be missing here */
	assert_int_equal(total, 3 + 2 + 23 + 17 + 25 + 13 + 5 + 2 + 9 + 3 + 3 + 2 + 9);
	assert_int_equal(drp_enum_value(DRP_NR_ENUMS, 0, &value), -ENOENT);
}

static void kebab_words_are_kebab(void **state)
{
	unsigned int which, i;
	const char *c;
	u32 value;

	(void)state;
	for (which = 0; which < DRP_NR_ENUMS; which++)
		for (i = 0; !drp_enum_value(which, i, &value); i++)
			for (c = drp_kebab(which, value); *c; c++)
				assert_true((*c >= 'a' && *c <= 'z') || *c == '-');
}

static void dmtf_spelling(void **state)
{
	(void)state;
	assert_string_equal(drp_name(DRP_ENUM_OPERATION, 19), "Return To ResourcePool");
	assert_string_equal(drp_name(DRP_ENUM_OPERATION, 5), "AddSyncPair");
	assert_string_equal(drp_name(DRP_ENUM_OPERATION, 14), "Resync Replica");
	assert_string_equal(drp_name(DRP_ENUM_COPY_STATE, 10), "Failedover");
	assert_string_equal(drp_name(DRP_ENUM_PROGRESS_STATUS, 18), "Requires resync");
	assert_string_equal(drp_name(DRP_ENUM_RETURN_VALUE, 4096),
			    "Method Parameters Checked - Job Started");
	assert_string_equal(drp_name(DRP_ENUM_RETURN_VALUE, 0), "Completed with No Error");
	assert_string_equal(drp_name(DRP_ENUM_MODE, 2), "Synchronous");
	assert_string_equal(drp_kebab(DRP_ENUM_MODE, 2), "sync");
	assert_string_equal(drp_kebab(DRP_ENUM_OPERATION, 19), "return-to-resource-pool");
	assert_string_equal(drp_name(DRP_ENUM_OPERATION, 25), "Unknown");
	assert_string_equal(drp_kebab(DRP_NR_ENUMS, 2), "unknown");
}

static void parse_folds_case_and_separators(void **state)
{
	static const struct {
		enum drp_enum which;
		const char *text;
		u32 value;
	} good[] = {
		{ DRP_ENUM_OPERATION, "RESYNC_replica", 14 },
		{ DRP_ENUM_OPERATION, "Resync Replica", 14 },
		{ DRP_ENUM_OPERATION, "addsyncpair", 5 },
		{ DRP_ENUM_OPERATION, "add-sync-pair", 5 },
		{ DRP_ENUM_OPERATION, "prepare", 24 },
		{ DRP_ENUM_OPERATION, "unprepare", 23 },
		{ DRP_ENUM_MODE, "Synchronous", 2 },
		{ DRP_ENUM_MODE, "ASYNC", 3 },
		{ DRP_ENUM_PROGRESS_STATUS, "requires_resync", 18 },
		{ DRP_ENUM_COPY_PRIORITY, "0", 0 },
	};
	static const struct {
		enum drp_enum which;
		const char *text;
	} bad[] = {
		{ DRP_ENUM_OPERATION, "" }, { DRP_ENUM_OPERATION, "1" },
		{ DRP_ENUM_OPERATION, "25" }, { DRP_ENUM_OPERATION, "014" },
		{ DRP_ENUM_OPERATION, "+14" }, { DRP_ENUM_OPERATION, "14 " },
		{ DRP_ENUM_OPERATION, " abort" }, { DRP_ENUM_OPERATION, "abort-" },
		{ DRP_ENUM_OPERATION, "resync--replica" }, { DRP_ENUM_OPERATION, "resync" },
		{ DRP_ENUM_OPERATION, "4294967298" },	/* 2 after 32 bits */
		{ DRP_ENUM_OPERATION, "18446744073709551618" },
		{ DRP_ENUM_COPY_STATE, "1" }, { DRP_NR_ENUMS, "abort" },
	};
	unsigned int i;
	u32 value;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(drp_parse_name(good[i].which, good[i].text, &value), 0);
		assert_int_equal(value, good[i].value);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		value = 4711;
		assert_int_equal(drp_parse_name(bad[i].which, bad[i].text, &value), -EINVAL);
		assert_int_equal(value, 4711);
	}
}

static void errnos_stand_for_return_values(void **state)
{
	unsigned int i, j;
	u32 a, b;

	(void)state;
	for (i = 0; !drp_enum_value(DRP_ENUM_RETURN_VALUE, i, &a); i++) {
		int err = drp_rv_to_errno(a);

		if (a == DRP_RV_COMPLETED || a == DRP_RV_JOB_STARTED) {
			assert_int_equal(err, 0);
			continue;
		}
		assert_true(err > 0);
		assert_int_equal(drp_errno_to_rv(err), a);
		for (j = 0; j < i && !drp_enum_value(DRP_ENUM_RETURN_VALUE, j, &b); j++)
			assert_int_not_equal(drp_rv_to_errno(b), err);
	}
	assert_int_equal(drp_errno_to_rv(0), DRP_RV_COMPLETED);
	assert_int_equal(drp_errno_to_rv(ENOMEM), DRP_RV_FAILED);
	assert_int_equal(drp_errno_to_rv(EEXIST), DRP_RV_INVALID_PARAMETER);
	assert_int_equal(drp_errno_to_rv(ERANGE), DRP_RV_INVALID_PARAMETER);
	assert_int_equal(drp_errno_to_rv(EAGAIN), DRP_RV_IN_USE);
	assert_int_equal(drp_errno_to_rv(ENODEV), DRP_RV_NOT_FOUND);
	assert_int_equal(drp_errno_to_rv(EPERM), DRP_RV_ACCESS_DENIED);
	assert_int_equal(drp_errno_to_rv(EXDEV), DRP_RV_FAILED);
	assert_int_equal(drp_rv_to_errno(99999), EREMOTEIO);
}

static void exit_statuses(void **state)
{
	(void)state;
	assert_int_equal(drp_rv_to_exit_status(0), 0);
	assert_int_equal(drp_rv_to_exit_status(4096), 0);
	assert_int_equal(drp_rv_to_exit_status(1), 1);
	assert_int_equal(drp_rv_to_exit_status(6), 6);
	assert_int_equal(drp_rv_to_exit_status(32768), 16);
	assert_int_equal(drp_rv_to_exit_status(32772), 20);
	assert_int_equal(drp_rv_to_exit_status(7), 76);
	assert_int_equal(drp_rv_to_exit_status(4097), 76);
	assert_int_equal(drp_rv_to_exit_status(32768 + 47), 63);
	assert_int_equal(drp_rv_to_exit_status(32768 + 48), 76);
	assert_int_equal(drp_rv_to_exit_status(~0U), 76);
}

static void name_rule(void **state)
{
	static const char * const good[] = {
		"a", "A", "0", "_", "+", "a.b", "a-b", "vol-1.2+x_y", "a-", "a.",
	};
	static const char * const bad[] = {
		"", ".", "..", "-", "-a", ".a", "a/b", "a b", "a\n", "a:b", "\xc3\xa4", "a\xff",
	};
	char name[DRP_NAME_MAX + 2];
	unsigned int i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(good); i++)
		assert_null(drp_name_problem(good[i]));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_non_null(drp_name_problem(bad[i]));
	assert_non_null(drp_name_problem(NULL));
	memset(name, 'x', sizeof(name));
	name[DRP_NAME_MAX] = '\0';
	assert_null(drp_name_problem(name));
	name[DRP_NAME_MAX] = 'x';
	name[DRP_NAME_MAX + 1] = '\0';
	assert_non_null(drp_name_problem(name));
}

static void dm_names_are_mangled(void **state)
{
	char buf[256], pool[DRP_NAME_MAX + 1], element[DRP_NAME_MAX + 1];

	(void)state;
	assert_int_equal(drp_dm_name(buf, sizeof(buf), "p", "e"), 3);
	assert_string_equal(buf, "p-e");
	assert_int_equal(drp_dm_name(buf, sizeof(buf), "a-b", "c--d"), 11);
	assert_string_equal(buf, "a--b-c----d");
	assert_int_equal(drp_dm_name(buf, 4, "p", "e"), 3);
	assert_int_equal(drp_dm_name(buf, 3, "p", "e"), -ENAMETOOLONG);
	assert_int_equal(drp_dm_name(buf, 2, "p", "e"), -ENAMETOOLONG);
	assert_int_equal(drp_dm_name(buf, 1, "p", "e"), -ENAMETOOLONG);
	assert_int_equal(drp_dm_name(buf, 0, "p", "e"), -ENAMETOOLONG);
	assert_int_equal(drp_dm_name(buf, 4, "p", "-"), -ENAMETOOLONG);

	/* 63 + 1 + 63 is all that dm has room for: one hyphen more overflows */
	memset(pool, 'p', sizeof(pool));
	memset(element, 'e', sizeof(element));
	pool[DRP_NAME_MAX] = '\0';
	element[DRP_NAME_MAX] = '\0';
	assert_int_equal(drp_dm_name(buf, sizeof(buf), pool, element), 127);
	assert_int_equal(strlen(buf), 127);
	element[5] = '-';
	assert_int_equal(drp_dm_name(buf, sizeof(buf), pool, element), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word_parses_back),
		cmocka_unit_test(kebab_words_are_kebab),
		cmocka_unit_test(dmtf_spelling),
		cmocka_unit_test(parse_folds_case_and_separators),
		cmocka_unit_test(errnos_stand_for_return_values),
		cmocka_unit_test(exit_statuses),
		cmocka_unit_test(name_rule),
		cmocka_unit_test(dm_names_are_mangled),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
