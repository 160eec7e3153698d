// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel is asked and told, through replctl's own netlink layer. */
#include "nl.h"

#include "world.h"

#include <string.h>

static struct request *new_request(u8 command, const struct pool *p)
{
	struct request *req = req_new(command);

	req_str(req, DRP_A_POOL_NAME, p->name);
	return req;
}

static void settings_of(struct request *req, const char *settings)
{
	char copy[256], *word, *rest;

	snprintf(copy, sizeof(copy), "%s", settings);
	for (word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		req_str(req, DRP_A_SETTING, word);
}

static void ask(struct request *req, struct answer *a)
{
	struct refusal refusal;
	struct record r;

	memset(a, 0, sizeof(*a));
	if (!ask_one(req, &r, &refusal)) {
		a->return_value = rec_u64(&r, DRP_A_RETURN_VALUE);
		a->job = rec_u64(&r, DRP_A_JOB_ID);
		record_free(&r);
		return;
	}
	a->return_value = refusal.own_status ? DRP_RV_UNSPECIFIED : refusal.return_value;
	snprintf(a->text, sizeof(a->text), "%s", refusal.text);
}

void ask_create_element(const struct element *e, const char *settings, uint64_t sectors,
			struct answer *a)
{
	struct request *req = new_request(DRP_CMD_CREATE_ELEMENT, e->pool);

	req_u64(req, DRP_A_ELEMENT_ID, e->id);
	req_str(req, DRP_A_ELEMENT_NAME, e->name);
	req_u64(req, DRP_A_SIZE_SECTORS, sectors);
	settings_of(req, settings);
	ask(req, a);
}

void ask_delete_element(const struct element *e, struct answer *a)
{
	struct request *req = new_request(DRP_CMD_DELETE_ELEMENT, e->pool);

	req_u64(req, DRP_A_ELEMENT_ID, e->id);
	ask(req, a);
}

void ask_create_sync(const struct sync *s, bool force, const char *settings, struct answer *a)
{
	struct request *req = new_request(DRP_CMD_CREATE_SYNC, s->source->pool);

	req_u64(req, DRP_A_SYNC_ID, s->id);
	req_u16(req, DRP_A_SYNC_TYPE, s->type);
	req_u64(req, DRP_A_SOURCE_ID, s->source->id);
	req_u64(req, DRP_A_TARGET_ID, s->target->id);
	if (s->type == DRP_SYNC_SNAPSHOT)
		req_str(req, DRP_A_TARGET_NAME, s->target->name);
	if (force)
		req_flag(req, DRP_A_FORCE);
	settings_of(req, settings);
	ask(req, a);
}

void ask_modify(const struct sync *s, const struct request_for *r, const char *settings,
		struct answer *a)
{
	struct request *req = new_request(DRP_CMD_MODIFY_SYNC, s->source->pool);

	req_u64(req, DRP_A_SYNC_ID, s->id);
	req_u16(req, DRP_A_OPERATION, r->operation);
	if (r->force)
		req_flag(req, DRP_A_FORCE);
	settings_of(req, settings);
	ask(req, a);
}

static void ask_set(const struct pool *p, u16 attr, u64 id, const char *setting, struct answer *a)
{
	struct request *req = new_request(DRP_CMD_SET, p);

	if (attr)
		req_u64(req, attr, id);
	settings_of(req, setting);
	ask(req, a);
}

void ask_set_sync(const struct sync *s, const char *setting, struct answer *a)
{
	ask_set(s->source->pool, DRP_A_SYNC_ID, s->id, setting, a);
}

void ask_set_element(const struct element *e, const char *setting, struct answer *a)
{
	ask_set(e->pool, DRP_A_ELEMENT_ID, e->id, setting, a);
}

void ask_set_pool(const struct pool *p, const char *setting, struct answer *a)
{
	ask_set(p, 0, 0, setting, a);
}

/* ---- looking ---- */

long ask_cow_used(const struct pool *p)
{
	struct request *req = new_request(DRP_CMD_GET_POOL, p);
	struct refusal refusal;
	long used = -1;
	struct record r;

	if (ask_one(req, &r, &refusal))
		return -1;
	if (rec_has(&r, DRP_A_COW_USED_BYTES))
		used = rec_u64(&r, DRP_A_COW_USED_BYTES);
	record_free(&r);
	return used;
}

static uint8_t fact(const struct record *r, u16 attr)
{
	return !rec_has(r, attr) ? FACT_EITHER : rec_u64(r, attr) ? FACT_YES : FACT_NO;
}

int ask_syncs(const struct pool *p, struct seen *seen, int max, char *text)
{
	struct refusal refusal;
	struct records all;
	unsigned int i;
	int n = 0;

	if (ask_all(new_request(DRP_CMD_GET_SYNC, p), &all, &refusal)) {
		snprintf(text, 256, "%s", refusal.text);
		return -1;
	}
	for (i = 0; i < all.nr && n < max; i++, n++) {
		const struct record *r = &all.v[i];

		seen[n] = (struct seen){
			.id = rec_u64(r, DRP_A_SYNC_ID),
			.source = rec_u64(r, DRP_A_SOURCE_ID),
			.target = rec_u64(r, DRP_A_TARGET_ID),
			.job = rec_has(r, DRP_A_JOB_ID) ? rec_u64(r, DRP_A_JOB_ID) : 0,
			.type = rec_u64(r, DRP_A_SYNC_TYPE),
			.state = rec_u64(r, DRP_A_COPY_STATE),
			.progress = rec_u64(r, DRP_A_PROGRESS_STATUS),
			.reverse = rec_u64(r, DRP_A_REVERSE),
			.facts = {
				.consistent = fact(r, DRP_A_TARGET_CONSISTENT),
				.in_sync = fact(r, DRP_A_IN_SYNC),
				.source_changed = fact(r, DRP_A_SOURCE_CHANGED),
				.target_changed = fact(r, DRP_A_TARGET_CHANGED),
			},
		};
		snprintf(seen[n].error, sizeof(seen[n].error), "%s", rec_str(r, DRP_A_ERROR_TEXT));
	}
	records_free(&all);
	return n;
}

unsigned int ask_job(const struct pool *p, uint64_t id, uint32_t *error)
{
	struct request *req = new_request(DRP_CMD_GET_JOB, p);
	struct refusal refusal;
	unsigned int state = 0;
	struct record r;

	*error = 0;
	req_u64(req, DRP_A_JOB_ID, id);
	if (ask_one(req, &r, &refusal))
		return 0;
	state = rec_u64(&r, DRP_A_JOB_STATE);
	*error = rec_u64(&r, DRP_A_ERROR_CODE);
	record_free(&r);
	return state;
}

static void note_extents(const struct record *r, uint8_t *bits, uint32_t blocks)
{
	const struct drp_extent *at;
	struct drp_extent x;
	unsigned int i;
	uint64_t b;
	u32 len;

	for (i = 0; (at = rec_bin_at(r, DRP_A_EXTENT, i, &len)); i++) {
		memcpy(&x, at, sizeof(x));
		for (b = x.offset / 4096; b * 4096 < x.offset + x.length && b < blocks; b++)
			bits[b] = 1;
	}
}

int ask_element(const struct pool *p, uint64_t id)
{
	struct refusal refusal;
	struct records all;
	unsigned int i;
	int found = 0;

	if (ask_all(new_request(DRP_CMD_GET_ELEMENT, p), &all, &refusal))
		return -1;
	for (i = 0; i < all.nr; i++)
		found |= rec_u64(&all.v[i], DRP_A_ELEMENT_ID) == id;
	records_free(&all);
	return found;
}

int ask_map(const struct sync *s, uint8_t *bits, uint32_t blocks)
{
	struct request *req = new_request(DRP_CMD_MAP, s->source->pool);
	struct refusal refusal;
	struct records all;
	unsigned int i;

	memset(bits, 0, blocks);
	req_u64(req, DRP_A_SYNC_ID, s->id);
	if (ask_all(req, &all, &refusal))
		return -1;
	for (i = 0; i < all.nr; i++)
		note_extents(&all.v[i], bits, blocks);
	records_free(&all);
	return 0;
}

int ask_aspects(const struct pool *p, struct seen_aspect *seen, int max, char *text)
{
	struct refusal refusal;
	struct records all;
	unsigned int i;
	int n = 0;

	if (ask_all(new_request(DRP_CMD_GET_ASPECT, p), &all, &refusal)) {
		snprintf(text, 256, "%s", refusal.text);
		return -1;
	}
	for (i = 0; i < all.nr && n < max; i++, n++)
		seen[n] = (struct seen_aspect){
			.id = rec_u64(&all.v[i], DRP_A_ASPECT_ID),
			.sync = rec_u64(&all.v[i], DRP_A_SYNC_ID),
			.source = rec_u64(&all.v[i], DRP_A_SOURCE_ID),
			.type = rec_u64(&all.v[i], DRP_A_SYNC_TYPE),
			.keeps = rec_has(&all.v[i], DRP_A_GENERATION),
		};
	records_free(&all);
	return n;
}

void ask_delete_aspect(const struct pool *p, uint64_t id, struct answer *a)
{
	struct request *req = new_request(DRP_CMD_DELETE_ASPECT, p);

	req_u64(req, DRP_A_ASPECT_ID, id);
	ask(req, a);
}
