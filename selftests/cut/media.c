// SPDX-License-Identifier: GPL-2.0-only
/*
 * Disks with a volatile cache. A write may reach the medium from its arrival on,
 * whole, torn at sectors or not at all, until a flush that arrived after its end
 * has ended, or, with FUA, it itself has. Of several writes of a sector any may be
 * the one that is there.
 */
#include <stdlib.h>

#include "cut.h"

u64 random_next(struct random *r)
{
	u64 z = r->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

struct disk *media_find(struct media *m, const char *name)
{
	u32 i;

	for (i = 0; i < m->nr_disks; i++)
		if (!strcmp(m->disks[i].name, name))
			return &m->disks[i];
	return NULL;
}

bool media_pending(const struct media *m)
{
	u32 i;

	for (i = 0; i < m->nr_disks; i++)
		if (m->disks[i].nr_pending)
			return true;
	return false;
}

/* ---- events ---- */

static void disk_new(struct media *m, const struct event *e)
{
	struct disk *d = &m->disks[e->h.disk];

	if (e->h.disk != m->nr_disks || e->h.bytes >= sizeof(d->name) || e->h.sector > 1 << 20)
		die("a disk that cannot be: number %u of %llu sectors", e->h.disk, e->h.sector);
	m->nr_disks++;
	memcpy(d->name, e->data, e->h.bytes);
	d->sectors = e->h.sector;
	d->cache = e->h.flags & SIM_RECORD_CACHE;
	d->image = must_alloc(d->sectors * SECTOR);
	/* The scenarios' name for it. */
	if (!strcmp(d->name, "cutmeta"))
		m->metadata = d;
}

static void write_arrives(struct disk *d, const struct event *e)
{
	if (e->h.sector + e->h.sectors > d->sectors)
		die("a write behind the end of %s", d->name);
	if (d->nr_pending == d->max_pending) {
		d->max_pending = d->max_pending ? 2 * d->max_pending : 64;
		d->pending = realloc(d->pending, d->max_pending * sizeof(*d->pending));
		if (!d->pending)
			die("no memory");
	}
	d->pending[d->nr_pending++] = (struct write){
		.id = e->h.id, .sector = e->h.sector, .sectors = e->h.sectors,
		.data = e->h.kind == SIM_RECORD_WRITE ? e->data : NULL,
		.fua = e->h.kind == SIM_RECORD_WRITE && e->h.flags & SIM_RECORD_FUA,
	};
}

static void put_sector(struct disk *d, const struct write *w, u32 i)
{
	u8 *to = d->image + (w->sector + i) * SECTOR;

	if (w->data)
		memcpy(to, w->data + (size_t)i * SECTOR, SECTOR);
	else
		memset(to, 0, SECTOR);
}

static void write_forget(struct disk *d, u32 at)
{
	free(d->pending[at].gone);
	memmove(&d->pending[at], &d->pending[at + 1],
		(d->nr_pending - at - 1) * sizeof(*d->pending));
	d->nr_pending--;
	d->nr_done--;
}

static void cover(struct write *old, const struct write *w)
{
	u64 from = max_t(u64, old->sector, w->sector);
	u64 to = min_t(u64, old->sector + old->sectors, w->sector + w->sectors);

	if (from >= to)
		return;
	if (!old->gone)
		old->gone = must_alloc(old->sectors);
	memset(old->gone + (from - old->sector), 1, to - from);
}

/* The done write @at is on the medium, and what it overwrote cannot come up again. */
static void write_settle(struct disk *d, u32 at)
{
	const struct write *w = &d->pending[at];
	u32 i;

	for (i = 0; i < w->sectors; i++)
		if (!w->gone || !w->gone[i])
			put_sector(d, w, i);
	for (i = 0; i < at; i++)
		cover(&d->pending[i], w);
	write_forget(d, at);
}

/* As if the module had not asked for it? */
static bool is_lost(const struct media *m, const struct disk *d, enum fault fault)
{
	if (m->fault != fault)
		return false;
	return (d == m->metadata) != (fault == FAULT_NO_LEG_FLUSH);
}

static void write_ends(struct media *m, struct disk *d, u32 at)
{
	struct write w = d->pending[at];

	/* It took effect now: behind those that ended before. */
	memmove(&d->pending[d->nr_done + 1], &d->pending[d->nr_done],
		(at - d->nr_done) * sizeof(w));
	w.done = true;
	w.done_at = ++m->nr_done;
	d->pending[d->nr_done++] = w;
	if (!d->cache || (w.fua && !is_lost(m, d, FAULT_COMMIT_NOT_WAITED)))
		write_settle(d, d->nr_done - 1);
}

static void flush_arrives(struct media *m, struct disk *d, u64 id)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(m->flushes); i++) {
		if (m->flushes[i].id)
			continue;
		m->flushes[i].id = id;
		m->flushes[i].until = m->nr_done;
		m->flushes[i].disk = d;
		return;
	}
	die("too many flushes at once");
}

static bool flush_ends(struct media *m, u64 id)
{
	struct disk *d;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(m->flushes); i++)
		if (m->flushes[i].id == id)
			break;
	if (i == ARRAY_SIZE(m->flushes))
		return false;
	m->flushes[i].id = 0;
	d = m->flushes[i].disk;
	if (is_lost(m, d, FAULT_NO_LEG_FLUSH) || is_lost(m, d, FAULT_NO_METADATA_FLUSH))
		return true;
	while (d->nr_done && d->pending[0].done_at <= m->flushes[i].until)
		write_settle(d, 0);
	return true;
}

static void request_ends(struct media *m, struct disk *d, u64 id)
{
	u32 i;

	if (flush_ends(m, id))
		return;
	for (i = d->nr_done; i < d->nr_pending; i++) {
		if (d->pending[i].id == id) {
			write_ends(m, d, i);
			return;
		}
	}
	die("a request ends that did not arrive");
}

void media_event(struct media *m, const struct event *e)
{
	struct disk *d = &m->disks[e->h.disk];

	switch (e->h.kind) {
	case SIM_RECORD_DISK:
		disk_new(m, e);
		break;
	case SIM_RECORD_BASE:
		m->has_base = true;
		memcpy(d->image + e->h.sector * SECTOR, e->data, min_t(size_t, e->h.bytes,
			(d->sectors - e->h.sector) * SECTOR));
		break;
	case SIM_RECORD_WRITE:
	case SIM_RECORD_ZERO:
		write_arrives(d, e);
		break;
	case SIM_RECORD_FLUSH:
		flush_arrives(m, d, e->h.id);
		break;
	case SIM_RECORD_DONE:
		request_ends(m, d, e->h.id);
		break;
	default:	/* of a failed write anything may land, as of one that never ends */
		break;
	}
}

/* ---- cuts ---- */

static void save_sector(struct media *m, struct disk *d, u64 sector)
{
	const u64 where = sector << 8 | (u64)(d - m->disks);

	if (m->undo_bytes + sizeof(where) + SECTOR > m->undo_max) {
		m->undo_max = m->undo_max ? 2 * m->undo_max : 1 << 20;
		m->undo = realloc(m->undo, m->undo_max);
		if (!m->undo)
			die("no memory");
	}
	memcpy(m->undo + m->undo_bytes, &where, sizeof(where));
	memcpy(m->undo + m->undo_bytes + sizeof(where), d->image + sector * SECTOR, SECTOR);
	m->undo_bytes += sizeof(where) + SECTOR;
}

static void disk_cut(struct media *m, struct disk *d, enum keep keep, struct random *r)
{
	u32 torn = d->nr_pending ? random_next(r) % d->nr_pending : 0;
	u32 w, i;

	for (w = 0; w < d->nr_pending && keep != KEEP_NONE; w++) {
		const struct write *p = &d->pending[w];
		bool by_sector = keep == KEEP_SECTORS || (keep == KEEP_BUT_ONE && w == torn);

		if ((keep == KEEP_DONE && !p->done) ||
		    (keep == KEEP_WRITES && random_next(r) & 1))
			continue;
		for (i = 0; i < p->sectors; i++) {
			if ((p->gone && p->gone[i]) || (by_sector && random_next(r) & 1))
				continue;
			save_sector(m, d, p->sector + i);
			put_sector(d, p, i);
		}
	}
}

void media_cut(struct media *m, enum keep metadata, enum keep data, struct random *r)
{
	u32 i;

	for (i = 0; i < m->nr_disks; i++)
		disk_cut(m, &m->disks[i], &m->disks[i] == m->metadata ? metadata : data, r);
}

void media_restore(struct media *m)
{
	while (m->undo_bytes) {
		u64 where;
		struct disk *d;

		m->undo_bytes -= sizeof(where) + SECTOR;
		memcpy(&where, m->undo + m->undo_bytes, sizeof(where));
		d = &m->disks[where & 0xff];
		memcpy(d->image + (where >> 8) * SECTOR, m->undo + m->undo_bytes + sizeof(where),
		       SECTOR);
	}
}

void media_free(struct media *m)
{
	u32 i, w;

	for (i = 0; i < m->nr_disks; i++) {
		for (w = 0; w < m->disks[i].nr_pending; w++)
			free(m->disks[i].pending[w].gone);
		free(m->disks[i].pending);
		free(m->disks[i].image);
	}
	free(m->undo);
	memset(m, 0, sizeof(*m));
}
