// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the crash contract (Documentation/crash-contract.rst) allows of a cut: that
 * the pool loads (7), each object is in a state before or after what was under
 * way (5), no region that differs is believed equal (1, 6), and what hosts were
 * told is durable is there, on whichever leg the metadata says it is (3, 10).
 */
#include <stdarg.h>

#include "cut.h"
#include "tag.h"

static char why[512];

__attribute__((format(printf, 1, 2)))
static const char *wrong(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	return why;
}

/* ---- what there is ---- */

static const char *judge_pool(const struct host *h, const struct pool *p)
{
	static const char * const found[] = { "valid", "repair", "blank", "foreign", "damaged" };

	if (!pool_usable(p)) {
		/* Until the format has ended: nothing, or what is refused and formatted anew. */
		if (!h->formatted)
			return NULL;
		return wrong("rule 7: the metadata device is %s", found[p->probe]);
	}
	if (p->error)
		return wrong("rule 7: the pool cannot be loaded: error %d", p->error);
	if (p->finding[0])
		return wrong("rule 7: the offline check says: %s", p->finding);
	return NULL;
}

static bool is_known(const struct host *h, u64 id, bool sync)
{
	u32 i;

	for (i = 0; i < ELEMENTS_MAX; i++)
		if (id && id == (sync ? h->syncs[i].id : h->elements[i].id))
			return true;
	return false;
}

/* Has the operation that is under way with @s happened, as the metadata says? */
static bool has_happened(const struct host_sync *s, const struct pool_sync *there)
{
	if (!s->operating)
		return false;
	if (!there)
		return s->from;
	return there->rec.copy_state != s->from || there->rec.source_id != s->source;
}

/* What consumers know the volume by goes with the roles, in the same commit. */
static const char *judge_identity(struct host *h, struct pool *p, const struct host_element *e,
				  const struct drp_element_rec *rec)
{
	u64 shows = e->shows;
	u32 i;

	for (i = 0; i < SYNCS_MAX; i++) {
		const struct host_sync *s = &h->syncs[i];

		if (!s->id || !effect_turns_roles(s->effect) || !has_happened(s, pool_sync(p, s->id)))
			continue;
		if (s->source == e->id || s->target == e->id)
			shows = host_element(h, s->source == e->id ? s->target : s->source)->shows;
	}
	if (shows && pool_element(p, shows) &&
	    !memcmp(rec->wwid, pool_element(p, shows)->rec.uuid, sizeof(rec->wwid)))
		return NULL;
	return wrong("rule 5: element %llu does not show the identity of element %llu", e->id, shows);
}

static const char *judge_elements(struct host *h, struct pool *p)
{
	const char *bad;
	u32 i, x, active;

	for (i = 0; i < ELEMENTS_MAX; i++) {
		const struct host_element *e = &h->elements[i];
		const struct pool_element *there = e->id ? pool_element(p, e->id) : NULL;

		if (e->id && !there && e->must)
			return wrong("rule 5: element %llu is missing", e->id);
		if (there && there->rec.size_sectors > e->sectors)
			return wrong("rule 5: element %llu has %llu sectors, not %llu", e->id,
				     there->rec.size_sectors, e->sectors);
		bad = there ? judge_identity(h, p, e, &there->rec) : NULL;
		if (bad)
			return bad;
		there = &p->elements[i];
		if (there->rec.id && !is_known(h, there->rec.id, false))
			return wrong("rule 5: there is an element %llu", there->rec.id);
		for (x = active = 0; there->rec.id && x < EXTENTS_MAX; x++)
			active += there->active[x];
		/* Those that retire count until their checkpoint is durable. */
		if (active > 2 * there->rec.active_extents_max)
			return wrong("rule 1: %u extents of element %llu are active, at most twice %u may be",
				     active, there->rec.id, there->rec.active_extents_max);
	}
	return NULL;
}

static const char *judge_sync(const struct host_sync *s, const struct drp_sync_rec *rec)
{
	u32 state = rec ? rec->copy_state : 0;
	bool swapped;

	if (!(s->allowed & 1U << state))
		return wrong("rule 5: sync %llu is in state %u; allowed by the marks: mask %x",
			     s->id, state, s->allowed);
	if (!rec)
		return NULL;
	swapped = rec->source_id == s->target && rec->target_id == s->source;
	if (!swapped && (rec->source_id != s->source || rec->target_id != s->target))
		return wrong("rule 5: sync %llu has elements %llu and %llu", s->id,
			     rec->source_id, rec->target_id);
	if (swapped && !(s->operating && effect_turns_roles(s->effect)))
		return wrong("rule 5: the roles of sync %llu are reversed", s->id);
	return NULL;
}

static const char *judge_syncs(struct host *h, struct pool *p)
{
	const char *bad;
	u32 i;

	for (i = 0; i < SYNCS_MAX; i++) {
		const struct host_sync *s = &h->syncs[i];
		const struct pool_sync *there = s->id ? pool_sync(p, s->id) : NULL;

		bad = s->id ? judge_sync(s, there ? &there->rec : NULL) : NULL;
		if (bad)
			return bad;
		there = &p->syncs[i];
		if (there->rec.id && !is_known(h, there->rec.id, true))
			return wrong("rule 5: there is a sync %llu", there->rec.id);
		if (there->rec.id && there->rec.reverse && (!there->has_c || there->c_lost))
			return wrong("rule 7: sync %llu is turned, but its C plane is lost",
				     there->rec.id);
	}
	return NULL;
}

/* ---- rule 1 ---- */

static const char *judge_legs(struct host *h, struct pool *p, const struct pool_sync *s, u64 *blocks)
{
	const struct host_element *source = host_element(h, s->rec.source_id);
	const struct host_element *target = host_element(h, s->rec.target_id);
	const u64 sectors = pool_element(p, s->rec.source_id)->rec.size_sectors;
	const u32 per = p->result.sb.region_sectors;
	u64 r, n = (sectors + per - 1) / per;

	for (r = 0; r < n; r++) {
		u32 len = min_t(u64, per, sectors - r * per) * SECTOR;

		if (s->d[r] || !memcmp(source->disk->image + r * per * SECTOR,
				       target->disk->image + r * per * SECTOR, len))
			continue;
		return wrong("rule 1: region %llu differs between the legs of sync %llu (state %u) and is not marked",
			     r, s->rec.id, s->rec.copy_state);
	}
	*blocks += n;
	return NULL;
}

/* ---- content ---- */

const u8 *logical_sector(struct host *h, const struct host_element *e, struct pool *p, u64 sector)
{
	const struct disk *d = e->disk;
	u32 i;

	for (i = 0; i < SYNCS_MAX; i++) {
		const struct pool_sync *s = &p->syncs[i];

		if (s->rec.id && s->rec.reverse && s->rec.source_id == e->id &&
		    s->c[sector / p->result.sb.region_sectors])
			d = host_element(h, s->rec.target_id)->disk;
	}
	return d->image + sector * SECTOR;
}

static bool covers(const struct host *h, const struct line *l, u32 sector, u32 serial)
{
	const struct host_write *w = &h->writes[serial];

	return w->line == l->number && sector >= w->sector && sector < w->sector + w->sectors;
}

/* May the write @serial, 0: none, be what is in that sector? */
static bool is_allowed(const struct host *h, const struct line *l, u32 sector, s64 serial, u32 floor)
{
	if (serial < 0 || serial >= h->max_writes || serial < floor)
		return serial == 0 && !floor;
	if (!serial)
		return true;
	for (; l; l = l->parent) {
		if (covers(h, l, sector, serial))
			return true;
		if (l->ceiling && serial > l->ceiling[sector])
			return false;
	}
	return false;
}

static const char *bad_sector(const char *what, const struct host_element *e, u32 sector, s64 serial,
			      const struct line *l)
{
	if (serial < 0)
		return wrong("%s element %llu, sector %u: garbage", what, e->id, sector);
	return wrong("%s element %llu, sector %u has write %lld; durable is %u (told %u), acknowledged %u, issued %u",
		     what, e->id, sector, serial, l->durable[sector], l->told[sector],
		     l->acked[sector], l->issued[sector]);
}

/* What is there was issued before the moment, so all acknowledged before that is there, too. */
static const char *judge_moment(const struct host *h, const struct host_element *e,
				const struct line *l, const u32 *found)
{
	u64 newest = l->asked;
	u32 i, s;

	for (s = 0; s < e->sectors; s++)
		if (found[s] && h->writes[found[s]].line == l->parent->number)
			newest = max_t(u64, newest, h->writes[found[s]].issued_at);
	for (i = 1; i < h->max_writes; i++) {
		const struct host_write *w = &h->writes[i];

		if (w->line != l->parent->number || !w->acked_at || w->acked_at >= newest)
			continue;
		for (s = w->sector; s < w->sector + w->sectors; s++)
			if (found[s] < i)
				return wrong("rule 5: element %llu is not of one moment: sector %u lacks write %u, a later one is there",
					     e->id, s, i);
	}
	return NULL;
}

static const char *judge_line(struct host *h, const struct host_element *e, struct pool *p,
			      const struct line *l, const struct disk *d)
{
	const bool mirror = d && d != e->disk;
	const u32 *floor = mirror ? l->told : l->durable;
	static u32 found[SECTORS_MAX];
	const u64 sectors = pool_element(p, e->id)->rec.size_sectors;
	s64 serial;
	u64 s;

	for (s = 0; s < sectors; s++) {
		serial = tag_serial(d ? d->image + s * SECTOR : logical_sector(h, e, p, s), s);
		if (!is_allowed(h, l, s, serial, floor[s]))
			return bad_sector(mirror ? "rule 3: the mirror of" : "rule 10:", e, s,
					  serial, l);
		found[s] = serial;
	}
	return l->moment && !d ? judge_moment(h, e, l, found) : NULL;
}

/* The line of @e, whichever way the operation under way went. */
static const struct line *line_now(struct host *h, const struct host_element *e, struct pool *p)
{
	u32 i;

	for (i = 0; i < SYNCS_MAX; i++) {
		const struct host_sync *s = &h->syncs[i];

		if (!s->id || !has_happened(s, pool_sync(p, s->id)))
			continue;
		if (s->effect == EFFECT_TURN && s->source == e->id)
			return s->next;
		if (s->effect == EFFECT_SWAP && s->source == e->id)
			return NULL;
		if (s->effect != EFFECT_NONE && s->effect != EFFECT_TURN &&
		    s->effect != EFFECT_ROLES && s->target == e->id)
			return s->next;
	}
	return e->line;
}

/* The sync that makes @e's content that of another element, or NULL. */
static const struct pool_sync *mirrored_by(const struct pool *p, u64 id)
{
	u32 i;

	for (i = 0; i < SYNCS_MAX; i++) {
		const struct drp_sync_rec *r = &p->syncs[i].rec;

		if (r->id && r->target_id == id && !r->reverse &&
		    (r->copy_state == DRP_CS_SYNCHRONIZED || r->copy_state == DRP_CS_INITIALIZED ||
		     r->copy_state == DRP_CS_UNSYNCHRONIZED))
			return &p->syncs[i];
	}
	return NULL;
}

/* A resync that says the target is still of one time has not copied anything. */
static const char *judge_former(struct host *h, struct pool *p, const struct pool_sync *s,
				const struct host_element *e)
{
	const struct line *l = e->former;
	const char *bad;
	u32 i;

	for (i = 0; i < SYNCS_MAX; i++)
		if (h->syncs[i].id == s->rec.id && h->syncs[i].operating)
			l = has_happened(&h->syncs[i], s) ? e->line : NULL;
	if (!l || !s->rec.target_consistent || s->rec.copy_state != DRP_CS_UNSYNCHRONIZED)
		return NULL;
	bad = judge_line(h, e, p, l, e->disk);
	return bad ? wrong("sync %llu says that its target is consistent, but %s", s->rec.id,
			   strdup(bad)) : NULL;
}

static bool stays_synchronized(const struct host *h, u64 sync)
{
	u32 i;

	for (i = 0; i < SYNCS_MAX; i++)
		if (h->syncs[i].id == sync)
			return !h->syncs[i].operating &&
			       h->syncs[i].allowed == 1U << DRP_CS_SYNCHRONIZED;
	return false;
}

/* A mirror that is Synchronized, and stays so, has what was flushed; also through others. */
static const char *judge_mirror(struct host *h, struct pool *p, const struct pool_sync *s)
{
	const struct disk *d = host_element(h, s->rec.target_id)->disk;
	const struct host_element *source = NULL;
	const struct line *l;

	if (h->adopted)
		return NULL;
	for (; s; s = mirrored_by(p, source->id)) {
		if (!stays_synchronized(h, s->rec.id))
			return NULL;
		source = host_element(h, s->rec.source_id);
	}
	l = line_now(h, source, p);
	return l ? judge_line(h, source, p, l, d) : NULL;
}

static const char *judge_exact(struct host *h, const struct host_element *e, struct pool *p)
{
	u64 s;

	for (s = 0; s < e->sectors; s++)
		if (memcmp(logical_sector(h, e, p, s), e->exact + s * SECTOR, SECTOR))
			return wrong("rule 10: recovery changed sector %llu of element %llu", s, e->id);
	return NULL;
}

static const char *judge_content(struct host *h, const struct host_element *e, struct pool *p,
				 u64 *blocks)
{
	const struct pool_sync *mirror = mirrored_by(p, e->id);
	const struct line *l;
	const char *bad;

	if (!pool_element(p, e->id))
		return NULL;
	*blocks += e->sectors / 8;
	if (mirror) {
		bad = judge_mirror(h, p, mirror);
		return bad ? bad : judge_former(h, p, mirror, e);
	}
	if (h->adopted)
		return e->exact ? judge_exact(h, e, p) : NULL;
	l = line_now(h, e, p);
	return l ? judge_line(h, e, p, l, NULL) : NULL;
}

const char *judge(struct host *h, struct media *m, struct pool *p, u64 *blocks)
{
	const char *bad;
	u32 i;

	if (!m->metadata)
		return NULL;
	pool_load(p, m->metadata);
	bad = judge_pool(h, p);
	if (bad || !pool_usable(p))
		return bad;
	bad = judge_elements(h, p);
	if (!bad)
		bad = judge_syncs(h, p);
	for (i = 0; i < SYNCS_MAX && !bad; i++)
		if (p->syncs[i].rec.id)
			bad = judge_legs(h, p, &p->syncs[i], blocks);
	for (i = 0; i < ELEMENTS_MAX && !bad; i++)
		if (h->elements[i].id)
			bad = judge_content(h, &h->elements[i], p, blocks);
	return bad;
}
