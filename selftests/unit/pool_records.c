// SPDX-License-Identifier: GPL-2.0-only
/* Random records of one commit and their effect on the machine's next state. */
#include <stdio.h>

#include "pool_machine.h"

static int encode_element(const struct model_state *s, u32 i, void *buf, u32 room)
{
	struct drp_element_rec e = {
		.id = MODEL_ELEMENT_ID + i,
		.active_extents_max = s->element[i],
		.size_sectors = 8 * MODEL_PLANE_BITS,
		.generation = 2,
	};

	snprintf(e.name, sizeof(e.name), "element%u", i);
	return drp_encode_element(&e, buf, room);
}

static int encode_sync(const struct model_state *s, u32 i, void *buf, u32 room)
{
	struct drp_sync_rec rec = {
		.id = MODEL_SYNC_ID + i,
		.source_id = MODEL_ELEMENT_ID + model_source(i),
		.target_id = 50 + i,
		.sync_type = DRP_SYNC_MIRROR,
		.mode = DRP_MODE_SYNC,
		.copy_state = DRP_CS_FRACTURED,
		.requested_copy_state = DRP_CS_FRACTURED,
		.recovery_mode = DRP_RECOVERY_AUTOMATIC,
		.rate_limit = s->sync[i],
	};

	snprintf(rec.name, sizeof(rec.name), "sync%u", i);
	return drp_encode_sync(&rec, buf, room);
}

int machine_encode_element(const struct machine *m, u32 i, void *buf, u32 room)
{
	return encode_element(&m->now, i, buf, room);
}

int machine_encode_sync(const struct machine *m, u32 i, void *buf, u32 room)
{
	return encode_sync(&m->now, i, buf, room);
}

/* A whole plane becomes 0 or 1. */
static void plane_fill(struct machine *m, u32 s, bool value)
{
	memset(m->next.bits[s], 0, sizeof(m->next.bits[s]));
	memset(m->next.ever[s], 0, sizeof(m->next.ever[s]));
	if (value) {
		drp_bits_set(m->next.bits[s], 0, MODEL_PLANE_BITS);
		drp_bits_set(m->next.ever[s], 0, MODEL_PLANE_BITS);
	}
	memset(m->dirty[s], true, sizeof(m->dirty[s]));
}

static bool element_in_use(const struct machine *m, u32 e)
{
	u32 s;

	for (s = 0; s < MODEL_SYNCS; s++)
		if (m->next.sync[s] && model_source(s) == e)
			return true;
	return false;
}

static int put_element(struct machine *m, u8 *buf, u32 room)
{
	u32 e = sim_below(&m->random, MODEL_ELEMENTS);

	if (m->next.element[e] && !element_in_use(m, e) && sim_once_in(&m->random, 4)) {
		m->next.element[e] = 0;
		m->next.active[e] = 0;
		return drp_encode_object_del(DRP_OBJ_ELEMENT, MODEL_ELEMENT_ID + e, buf, room);
	}
	m->next.element[e] = ++m->last_version;
	return encode_element(&m->next, e, buf, room);
}

/* A sync appears, changes or goes; one or two records. */
static int put_sync(struct machine *m, u8 *buf, u32 room)
{
	u32 s = sim_below(&m->random, MODEL_SYNCS);
	bool fresh = !m->next.sync[s], value = sim_random(&m->random) & 1;
	int len, more;

	if (!m->next.element[model_source(s)])
		return 0;
	if (!fresh && sim_once_in(&m->random, 6)) {
		m->next.sync[s] = 0;
		plane_fill(m, s, false);
		return drp_encode_object_del(DRP_OBJ_SYNC, MODEL_SYNC_ID + s, buf, room);
	}
	m->next.sync[s] = ++m->last_version;
	len = encode_sync(&m->next, s, buf, room);
	if (!fresh || len < 0)
		return len;
	plane_fill(m, s, value);
	more = drp_encode_plane_all(MODEL_SYNC_ID + s, DRP_PLANE_D, value, buf + len, room - len);
	return more < 0 ? more : len + more;
}

static int plane_all(struct machine *m, u8 *buf, u32 room)
{
	u32 s = sim_below(&m->random, MODEL_SYNCS);
	bool value = sim_random(&m->random) & 1;

	if (!m->next.sync[s])
		return 0;
	plane_fill(m, s, value);
	return drp_encode_plane_all(MODEL_SYNC_ID + s, DRP_PLANE_D, value, buf, room);
}

static int activate(struct machine *m, u8 *buf, u32 room)
{
	u32 e = sim_below(&m->random, MODEL_ELEMENTS);
	u32 first = sim_below(&m->random, MODEL_EXTENTS);
	u32 count = 1 + sim_below(&m->random, min_t(u32, 8, MODEL_EXTENTS - first));

	if (!m->next.element[e])
		return 0;
	m->next.active[e] |= (u32)((1ULL << count) - 1) << first;
	return drp_encode_activate(MODEL_ELEMENT_ID + e, first, count, buf, room);
}

/* Several syncs change at one instant: what is nested in a CONFIRM. */
static int confirm(struct machine *m, u8 *buf, u32 room)
{
	u8 nested[DRP_RECORD_MAX / 2];
	u32 n = 1 + sim_below(&m->random, 4), used = 0;
	u64 id = m->cut_open;
	int len;

	while (n--) {
		len = sim_once_in(&m->random, 4) ?
			plane_all(m, nested + used, sizeof(nested) - used) :
			put_sync(m, nested + used, sizeof(nested) - used);
		if (len < 0)
			return len;
		used += len;
	}
	m->cut_open = 0;
	return drp_encode_confirm(id, nested, used, buf, room);
}

static int cut(struct machine *m, u8 *buf, u32 room)
{
	u64 members[] = { MODEL_ELEMENT_ID, MODEL_ELEMENT_ID + 1 };
	u64 id = m->cut_open;

	if (!id) {
		m->cut_open = ++m->last_cut;
		return drp_encode_cut(m->cut_open, members, ARRAY_SIZE(members), buf, room);
	}
	if (!sim_once_in(&m->random, 4))
		return confirm(m, buf, room);
	m->cut_open = 0;
	return drp_encode_cut_abort(id, buf, room);
}

static int random_records(struct machine *m, u8 *buf, u32 room)
{
	/* Slots are left out where commits have to be of equal size. */
	switch (sim_below(&m->random, m->fault == FAULT_TORN_SEQUENCE_USED ? 10 : 14)) {
	case 0:
	case 1:
		return put_element(m, buf, room);
	case 2:
	case 3:
	case 4:
		return put_sync(m, buf, room);
	case 5:
		return plane_all(m, buf, room);
	case 6:
		return cut(m, buf, room);
	case 7:
	case 8:
	case 9:
		return activate(m, buf, room);
	default:
		return machine_cow_record(m, buf, room);
	}
}

static int add_whole_records(struct drp_commit *c, const u8 *buf, u32 len)
{
	struct drp_record rec;
	u32 pos = 0, from = 0;
	int ret;

	while ((ret = drp_record_next(buf, len, &pos, &rec)) > 0) {
		ret = drp_commit_add(c, buf + from, pos - from);
		if (ret)
			return ret;
		from = pos;
	}
	return ret;
}

int machine_fill_commit(struct machine *m, struct drp_commit *c)
{
	struct drp_pool_rec pool = { .next_id = 1000, .next_cut_id = 1 };
	u32 n = sim_once_in(&m->random, 4) ? 1 + sim_below(&m->random, 60) :
					     1 + sim_below(&m->random, 4);
	u8 buf[DRP_RECORD_MAX];
	int len, ret;

	if (m->fault == FAULT_TORN_SEQUENCE_USED)
		n = 40;		/* commits of equal size, so that parts of two fit together */
	pool.next_job_id = ++m->next.commits;
	len = drp_encode_pool(&pool, buf, sizeof(buf));
	ret = len < 0 ? len : add_whole_records(c, buf, len);
	while (!ret && n--) {
		len = random_records(m, buf, sizeof(buf));
		ret = len < 0 ? len : add_whole_records(c, buf, len);
	}
	return ret;
}
