// SPDX-License-Identifier: GPL-2.0-only
/* What snapshots are after a power failure, and what they show. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <linux/dm-replica.h>

#include "machine.h"
#include "snapshot.h"

/* ---- what the kernel says of one ---- */

struct found {
	const struct element_info *e;
	const struct sync_info *s;
};

struct world {
	struct element_info elements[INFOS_MAX];
	struct aspect_info aspects[INFOS_MAX];
	int nr_elements, nr_aspects;
	const struct sync_info *syncs;
	int nr_syncs;
};

static void ask_world(struct life *l, struct world *w, const struct sync_info *syncs, int n)
{
	w->nr_elements = query_elements(w->elements, INFOS_MAX);
	w->nr_aspects = query_aspects(w->aspects, INFOS_MAX);
	if (w->nr_elements < 0 || w->nr_aspects < 0)
		failed(l, "netlink does not tell of elements and aspects");
	w->syncs = syncs;
	w->nr_syncs = n;
}

static struct found find(const struct world *w, const struct snapshot *x)
{
	struct found f = {};
	int i;

	for (i = 0; i < w->nr_elements; i++)
		if (w->elements[i].id == x->e.id)
			f.e = &w->elements[i];
	for (i = 0; i < w->nr_syncs; i++)
		if (w->syncs[i].id == x->sync_id)
			f.s = &w->syncs[i];
	return f;
}

static uint64_t generation_in(const struct found *f)
{
	return f->e ? f->e->parent_generation : 0;
}

/* ---- after an operation without answer ---- */

static int has_happened(const struct snapshot *x, const struct found *f)
{
	switch (x->maybe) {
	case MADE:
	case MADE_INACTIVE:
		return f->e || f->s;
	case RENEWED:
		/* The new one may be lost already. */
		return generation_in(f) ? generation_in(f) != x->generation :
		       x->state == INACTIVE && f->s && f->s->state == DRP_CS_BROKEN;
	case DROPPED:
		return f->s && f->s->state == DRP_CS_INACTIVE;
	case DISSOLVED:
		return !f->s;
	case GONE:
		return !f->e || (x->state != LOOSE && x->state != LOOSE_LOST && !f->s);
	case RESTORE_BEGUN:
		return f->s && restore_has_happened(x, f->s);
	default:
		return 0;
	}
}

static int is_broken(const struct snapshot *x, const struct found *f)
{
	if (x->state == ACTIVE)
		return f->s && f->s->state == DRP_CS_BROKEN;
	return x->state == LOOSE && f->e && !f->e->parent_generation;
}

static const char *const state_names[] = {
	"unused", "active", "inactive", "lost", "dissolved", "dissolved and lost", "being restored",
	"suspended in its restore", "aborted in its restore",
};

static int is_as_known(const struct snapshot *x, const struct found *f)
{
	unsigned int state = f->s ? f->s->state : 0;

	switch (x->state) {
	case ACTIVE:
		return f->e && generation_in(f) == x->generation && f->s && !f->s->reverse &&
		       (state == DRP_CS_SYNCHRONIZED || state == DRP_CS_RESTORED || state == DRP_CS_SKEWED ||
			state == DRP_CS_PARTITIONED);
	case INACTIVE:
		return f->e && !generation_in(f) && state == DRP_CS_INACTIVE;
	case LOST:
		return f->e && state == DRP_CS_BROKEN;
	case LOOSE:
		return f->e && !f->s && generation_in(f) == x->generation;
	case LOOSE_LOST:
		return f->e && !f->s && !generation_in(f);
	case RESTORE_RUNS:
	case RESTORE_SUSPENDED:
	case RESTORE_ABORTED:
		return f->e && f->s && f->s->reverse && generation_in(f) == x->generation;
	default:
		return !f->e && !f->s;
	}
}

static void resolve(struct life *l, struct snapshot *x, const struct world *w)
{
	struct found f = find(w, x);
	int sure = x->maybe != RESTORE_BEGUN && x->maybe != RESTORE_MOVED;

	l->snapshots->doubtful += x->maybe != NOTHING;
	if (has_happened(x, &f))
		snapshot_happened(l, x);
	else
		snapshot_did_not(x);
	if (is_restoring(x) && f.s)
		restore_resolve(l, x, f.s, sure);
	l->snapshots->unfinished += is_restoring(x);
	if (is_broken(x, &f))
		snapshot_lost(l, x, f.s ? f.s->error : "");
	if (!is_as_known(x, &f))
		failed(l, "%s was %s, of generation %llu; now its element is %s with generation %llu, its sync in state %u (%s)",
		       x->e.dm, state_names[x->state], (unsigned long long)x->generation,
		       f.e ? "there" : "gone", (unsigned long long)generation_in(&f),
		       f.s ? f.s->state : 0, f.s ? f.s->error : "gone");
}

/* Deleted without an answer, or lost with a full space. */
static void resolve_aspect(struct life *l, struct aspect *a, const struct world *w)
{
	int i;

	for (i = 0; i < w->nr_aspects; i++)
		if (w->aspects[i].id == a->id)
			break;
	if (i == w->nr_aspects) {
		if (!a->going && !l->snapshots->small)
			failed(l, "the aspect %llu is gone", (unsigned long long)a->id);
		a->id = 0;
	} else if (w->aspects[i].generation != a->generation) {
		failed(l, "the aspect %llu keeps another point in time", (unsigned long long)a->id);
	}
	a->going = 0;
}

static void resolve_aspects(struct life *l, const struct world *w)
{
	struct snapshots *sn = l->snapshots;
	unsigned int i, known = 0;

	for (i = 0; i < ASPECTS_MAX; i++) {
		if (sn->a[i].id)
			resolve_aspect(l, &sn->a[i], w);
		known += !!sn->a[i].id;
	}
	if (known != (unsigned int)w->nr_aspects)
		failed(l, "%d aspects, but %u are known", w->nr_aspects, known);
}

unsigned int snapshots_resolve(struct life *l, const struct sync_info *syncs, int n)
{
	struct snapshots *sn = l->snapshots;
	unsigned int i, nr = 0, elements = l->nr_elements;
	struct world w;

	ask_world(l, &w, syncs, n);
	for (i = 0; i < SNAPSHOTS_MAX; i++) {
		struct snapshot *x = &sn->x[i];

		if (x->state != UNUSED)
			resolve(l, x, &w);
		elements += x->state != UNUSED;
		nr += x->state == ACTIVE || x->state == INACTIVE || x->state == LOST || is_restoring(x);
	}
	if (elements != (unsigned int)w.nr_elements)
		failed(l, "%d elements, but %u are known", w.nr_elements, elements);
	resolve_aspects(l, &w);
	return nr;
}

void snapshots_notice_broken(struct life *l)
{
	struct sync_info syncs[INFOS_MAX];
	int n = query_syncs(syncs, INFOS_MAX);
	unsigned int i;
	struct world w;

	if (n < 0)
		failed(l, "netlink: %s", strerror(-n));
	ask_world(l, &w, syncs, n);
	for (i = 0; i < SNAPSHOTS_MAX; i++) {
		struct snapshot *x = &l->snapshots->x[i];
		struct found f = find(&w, x);

		if (!x->maybe && is_broken(x, &f))
			snapshot_lost(l, x, f.s ? f.s->error : "");
	}
	resolve_aspects(l, &w);
}

unsigned int cow_used(struct life *l)
{
	unsigned int used, total;
	char line[1024];

	dm_status("pfpool", line, sizeof(line));
	/* Behind twelve words, whatever comes later. */
	if (sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %u/%u", &used, &total) != 2)
		failed(l, "the pool's status does not tell of its space");
	return used;
}

/* ---- what they show ---- */

static uint64_t hash_of(const uint8_t *block)
{
	const uint64_t *word = (const uint64_t *)block;
	uint64_t h = 0xcbf29ce484222325ULL;
	unsigned int i;

	for (i = 0; i < BLOCK_BYTES / 8; i++)
		h = (h ^ word[i]) * 0x9e3779b97f4a7c15ULL;
	return h | 1;
}

static void note_written(struct life *l, struct snapshot *x)
{
	uint32_t b;

	for (b = 0; b < l->nr_blocks; b++)
		if (__atomic_load_n(&x->e.line.issued[b], __ATOMIC_RELAXED) >= x->e.line.base)
			x->written[b] = 1;
}

/* A block that is the point's: is it within what may be, and what it was before? */
static unsigned int check_block(struct snapshot *x, const char *what, uint8_t *content, uint32_t b)
{
	const uint8_t *block = content + (size_t)b * BLOCK_BYTES;
	uint64_t hash = hash_of(block);
	unsigned int bad = line_check(&x->point.line, what, block, b, 1, NULL);

	if (x->point.hash[b] && x->point.hash[b] != hash) {
		fprintf(stderr, "# %s: block %u is not what it was\n", what, b);
		bad++;
	}
	x->point.hash[b] = hash;
	return bad;
}

static void check_point(struct life *l, struct snapshot *x, const char *what)
{
	uint8_t *content = l->snapshots->content;
	unsigned int bad = 0, written = 0;
	uint32_t b;

	for (b = 0; b < l->nr_blocks && bad < 8; b++) {
		if (x->written[b])
			written++;
		else
			bad += check_block(x, what, content, b);
	}
	if (bad)
		failed(l, "%s does not show its point in time", x->e.dm);
	if (!written && x->e.line.cut && line_check_cut(&x->e.line, what, content))
		failed(l, "%s is no moment of its source", x->e.dm);
}

/* 0, -EIO: the power failed, 1: it is broken. */
static int read_all(struct life *l, struct snapshot *x)
{
	int r = disk_read(x->e.dev, l->snapshots->content, (size_t)l->nr_blocks * BLOCK_BYTES), i;

	if (sim_power_is_off())
		return -EIO;
	if (!r)
		return 0;
	if (snapshot_may_fail(l, &x->e, -r))
		return 1;
	for (i = 0; i < 100 && !sim_power_is_off(); i++)
		sleep_us(1000);
	if (!sim_power_is_off())
		failed(l, "%s cannot be read: %s", x->e.dm, strerror(-r));
	return -EIO;
}

int snapshot_examine(struct life *l, struct snapshot *x)
{
	char what[64];
	int r = snapshot_attach(l, x) ? -EIO : read_all(l, x);

	if (r)
		return r < 0 ? r : 0;
	note_written(l, x);
	snprintf(what, sizeof(what), "snapshot %s", x->e.dm);
	check_point(l, x, what);
	return 0;
}

static void verify(struct life *l, struct snapshot *x)
{
	char what[64];
	int r = read_all(l, x);

	if (r < 0)
		failed(l, "the power failed by itself");
	if (r)
		return;		/* it broke meanwhile */
	snprintf(what, sizeof(what), "snapshot %s after the power failure", x->e.dm);
	note_written(l, x);
	if (line_check(&x->e.line, what, l->snapshots->content, 0, l->nr_blocks, x->e.line.durable))
		failed(l, "%s has content that it must not have", x->e.dm);
	check_point(l, x, what);
	line_observe(&x->e.line, l->snapshots->content);
}

/* Without a point in time it shows nothing. */
static void verify_shows_nothing(struct life *l, struct snapshot *x)
{
	if (!disk_read(x->e.dev, l->snapshots->content, BLOCK_BYTES))
		failed(l, "%s has no point in time, but it can be read", x->e.dm);
}

void snapshots_verify(struct life *l)
{
	unsigned int i;

	for (i = 0; i < SNAPSHOTS_MAX; i++) {
		struct snapshot *x = &l->snapshots->x[i];

		if (x->state == UNUSED)
			continue;
		if (snapshot_attach(l, x))
			failed(l, "the power failed by itself");
		if (x->state == ACTIVE || x->state == LOOSE || is_restoring(x))
			verify(l, x);
		else
			verify_shows_nothing(l, x);
	}
	if (l->snapshots->small)
		snapshots_notice_broken(l);
}
