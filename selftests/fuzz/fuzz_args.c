// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parsers of messages, settings and table lines on any bytes. The first
 * byte chooses the parser, the rest is cut into words at blanks. What is
 * accepted must hold what args.h promises; what is refused must say why.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "args.h"
#include "fuzz.h"
#include "names.h"

#define WORDS_MAX	100

#define require(condition) do {							\
	if (!(condition)) {							\
		fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
		abort();							\
	}									\
} while (0)

static void require_refusal(int r, const struct drp_parse_error *err)
{
	const char *c;

	require(r == -EINVAL);
	require(memchr(err->text, '\0', sizeof(err->text)));
	require(err->text[0]);
	for (c = err->text; *c; c++)
		require((unsigned char)*c >= ' ' && *c != 0x7f);
}

static void require_settings(const struct drp_settings *s)
{
	require(!(s->mask & ~(BIT(DRP_SET_DESCRIPTION_MAX) - 1)));
	if (s->mask & DRP_SET_NAME)
		require(!drp_name_problem(s->name));
	if (s->mask & DRP_SET_IDENTITY)
		require(*s->identity && strlen(s->identity) <= DRP_IDENTITY_MAX);
	if (s->mask & DRP_SET_DEADLINE_MS)
		require(s->deadline_ms >= 1 && s->deadline_ms <= DRP_DEADLINE_MS_MAX);
	if (s->mask & DRP_SET_ACTIVE_EXTENTS_MAX)
		require(s->active_extents_max >= DRP_ACTIVE_EXTENTS_LOW &&
			s->active_extents_max <= DRP_ACTIVE_EXTENTS_HIGH);
	if (s->mask & DRP_SET_COW_MEMORY)
		require(s->cow_memory >= DRP_COW_MEMORY_LOW &&
			s->cow_memory <= DRP_COW_MEMORY_HIGH);
	if (s->mask & DRP_SET_SIZE_SECTORS)
		require(s->size_sectors && s->size_sectors <= (u64)DRP_SIZE_SECTORS_MAX);
	if (s->mask & DRP_SET_MODE)
		require(s->mode == DRP_MODE_SYNC || s->mode == DRP_MODE_ASYNC);
	if (s->mask & DRP_SET_WAIT_STATE)
		require(s->wait_state >= DRP_CS_INITIALIZED &&
			s->wait_state <= DRP_CS_RESTORED && s->wait_state != DRP_CS_MIXED);
	if (s->mask & DRP_SET_COPY_PRIORITY)
		require(s->copy_priority <= DRP_PRIO_URGENT);
}

static void require_request(const struct drp_request *req)
{
	bool creates = req->kind == DRP_REQ_CREATE_ELEMENT || req->kind == DRP_REQ_CREATE_SYNC ||
		       req->kind == DRP_REQ_CREATE_GROUP;
	unsigned int i, j;

	require(req->kind >= DRP_REQ_CREATE_ELEMENT && req->kind <= DRP_REQ_RESTORE_ASPECT);
	require(req->object > DRP_OBJ_NONE && req->object <= DRP_OBJ_ASPECT);
	require(req->id <= (u64)S64_MAX);
	require(req->id || creates || req->object == DRP_OBJ_POOL);
	require(!(req->settings.mask & ~drp_settings_allowed(req->kind, req->object)));
	require_settings(&req->settings);
	require(req->nr_members <= DRP_ARGS_MEMBERS_MAX);
	for (i = 0; i < req->nr_members; i++) {
		require(req->members[i] && req->members[i] <= (u64)S64_MAX);
		for (j = 0; j < i; j++)
			require(req->members[i] != req->members[j]);
	}
	if (req->kind == DRP_REQ_CREATE_SYNC)
		require(req->source_id && req->target_id && req->source_id != req->target_id &&
			req->sync_type >= DRP_SYNC_MIRROR && req->sync_type <= DRP_SYNC_CLONE);
	if (req->kind == DRP_REQ_MODIFY)
		require(req->operation >= DRP_OP_ABORT && req->operation <= DRP_OP_PREPARE);
	if (req->kind == DRP_REQ_CREATE_ELEMENT || req->kind == DRP_REQ_CREATE_GROUP)
		require(!drp_name_problem(req->name));
}

static bool power_of_two(u32 v, u32 low, u32 high)
{
	return v >= low && v <= high && !(v & (v - 1));
}

static void require_pool_args(const struct drp_pool_args *a)
{
	require(a->metadata_dev && *a->metadata_dev);
	require(!a->cow_dev || (*a->cow_dev && strcmp(a->cow_dev, a->metadata_dev)));
	require(power_of_two(a->chunk_sectors, 8, 2048));
	require(power_of_two(a->region_sectors, 8, 2048));
	require(power_of_two(a->extent_sectors, 128, 131072));
	require(a->region_sectors <= a->extent_sectors && a->chunk_sectors <= a->extent_sectors);
	require(!a->name || !drp_name_problem(a->name));
	require(!a->owner || strlen(a->owner) == 36);
}

static void require_element_args(const struct drp_element_args *a)
{
	require(a->pool_dev && *a->pool_dev);
	require(a->id && a->id <= (u64)S64_MAX);
	require(!a->data_dev || strcmp(a->data_dev, a->pool_dev));
	require(!a->identity || strlen(a->identity) <= DRP_IDENTITY_MAX);
}

static void try_message(unsigned int argc, char **argv)
{
	struct drp_parse_error err = { "" };
	struct drp_request req;
	int r = drp_parse_message(argc, argv, &req, &err);

	if (r)
		require_refusal(r, &err);
	else
		require_request(&req);
}

static void try_settings(unsigned int argc, char **argv)
{
	struct drp_parse_error err = { "" };
	struct drp_settings s = { 0 };
	unsigned int i;

	for (i = 0; i < argc; i++) {
		u32 before = s.mask;
		int r = drp_parse_setting(argv[i], &s, &err);

		if (r) {
			require_refusal(r, &err);
			require(s.mask == before);
		} else {
			require(s.mask != before);
			require_settings(&s);
		}
	}
}

static void try_pool(unsigned int argc, char **argv)
{
	struct drp_parse_error err = { "" };
	struct drp_pool_args a;
	int r = drp_parse_pool_args(argc, argv, &a, &err);

	if (r)
		require_refusal(r, &err);
	else
		require_pool_args(&a);
}

static void try_element(unsigned int argc, char **argv)
{
	struct drp_parse_error err = { "" };
	struct drp_element_args a;
	int r = drp_parse_element_args(argc, argv, &a, &err);

	if (r)
		require_refusal(r, &err);
	else
		require_element_args(&a);
}

static void try_names(unsigned int argc, char **argv)
{
	char mangled[128];
	unsigned int i, which;
	u32 v, again;

	for (i = 0; i < argc; i++) {
		for (which = 0; which < DRP_NR_ENUMS; which++) {
			if (drp_parse_name(which, argv[i], &v))
				continue;
			require(!drp_parse_name(which, drp_kebab(which, v), &again) && v == again);
		}
		if (!drp_name_problem(argv[i]))
			require(drp_dm_name(mangled, sizeof(mangled), argv[i], "e") <= 127);
	}
}

/* Each word is an allocation of its own, so that a read past its end is seen. */
static unsigned int cut(const uint8_t *data, size_t size, char **argv)
{
	unsigned int argc = 0;
	size_t start = 0, i;

	for (i = 0; i <= size && argc < WORDS_MAX; i++) {
		if (i < size && data[i] != ' ' && data[i] != '\0')
			continue;
		argv[argc] = malloc(i - start + 1);
		require(argv[argc]);
		memcpy(argv[argc], data + start, i - start);
		argv[argc++][i - start] = '\0';
		start = i + 1;
	}
	return argc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (* const parsers[])(unsigned int argc, char **argv) = {
		try_message, try_settings, try_pool, try_element, try_names,
	};
	char *argv[WORDS_MAX];
	unsigned int argc;

	if (!size)
		return 0;
	argc = cut(data + 1, size - 1, argv);
	parsers[data[0] % ARRAY_SIZE(parsers)](argc, argv);
	while (argc)
		free(argv[--argc]);
	return 0;
}
