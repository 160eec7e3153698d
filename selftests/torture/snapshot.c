// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/dm-replica.h>

#include "machine.h"
#include "snapshot.h"

/* ---- memory ---- */

static void *array(uint32_t n, size_t size)
{
	void *p = calloc(n, size);

	if (!p)
		err(1, "memory");
	return p;
}

static void point_begin(struct life *l, struct point *p)
{
	line_alloc(&p->line, 0);
	p->hash = array(l->nr_blocks, sizeof(*p->hash));
}

static void point_end(struct point *p)
{
	line_free(&p->line);
	free(p->hash);
}

static void choose_space(struct life *l, struct snapshots *sn)
{
	static const unsigned int chunks[] = { 8, 8, 32, 128 };
	/* Each snapshot may keep all of its source, and be written all over. */
	unsigned int most = (l->nr_blocks >> 8) * 2 * (SNAPSHOTS_MAX + ASPECTS_MAX);

	sn->chunk_sectors = chunks[rng_below(&l->rng, 4)];
	sn->max = 2 + rng_below(&l->rng, 7);
	sn->small = !rng_below(&l->rng, 4);
	sn->cow_mib = sn->small ? 1 + rng_below(&l->rng, 3) : most + 8;
}

void snapshots_begin(struct life *l)
{
	struct snapshots *sn = calloc(1, sizeof(*sn));
	unsigned int i;

	if (!sn)
		err(1, "memory");
	l->snapshots = sn;
	choose_space(l, sn);
	for (i = 0; i < SNAPSHOTS_MAX; i++) {
		line_alloc(&sn->x[i].e.line, 0);
		point_begin(l, &sn->x[i].point);
		sn->x[i].written = array(l->nr_blocks, 1);
	}
	for (i = 0; i < ASPECTS_MAX; i++)
		point_begin(l, &sn->a[i].point);
	if (posix_memalign((void **)&sn->content, BLOCK_BYTES, (size_t)l->nr_blocks * BLOCK_BYTES))
		errx(1, "memory");
}

void snapshots_end(struct life *l)
{
	struct snapshots *sn = l->snapshots;
	unsigned int i;

	for (i = 0; i < SNAPSHOTS_MAX; i++) {
		line_free(&sn->x[i].e.line);
		point_end(&sn->x[i].point);
		free(sn->x[i].written);
	}
	for (i = 0; i < ASPECTS_MAX; i++)
		point_end(&sn->a[i].point);
	free(sn->content);
	free(sn);
	l->snapshots = NULL;
}

/* ---- who is there ---- */

static int has_point(const struct snapshot *x)
{
	return x->state == ACTIVE || x->state == LOOSE || is_restoring(x);
}

static unsigned int nr_used(const struct snapshots *sn)
{
	unsigned int i, n = 0;

	for (i = 0; i < SNAPSHOTS_MAX; i++)
		n += sn->x[i].state != UNUSED;
	return n;
}

static int is_needed(struct life *l, struct snapshot *x)
{
	struct snapshots *sn = l->snapshots;
	unsigned int i;

	for (i = 0; i < SNAPSHOTS_MAX; i++)
		if (sn->x[i].state != UNUSED && sn->x[i].parent == x)
			return 1;
	for (i = 0; i < ASPECTS_MAX; i++)
		if (sn->a[i].id && sn->a[i].source == &x->e)
			return 1;
	return 0;
}

static unsigned int depth_of(const struct snapshot *x)
{
	unsigned int depth = 0;

	for (; x; x = x->parent)
		depth++;
	return depth;
}

struct aspect *aspect_of(struct life *l, uint64_t id)
{
	unsigned int i;

	for (i = 0; i < ASPECTS_MAX; i++)
		if (l->snapshots->a[i].id == id)
			return &l->snapshots->a[i];
	return NULL;
}

/* ---- who writes them ---- */

void snapshots_set_writable(struct life *l)
{
	unsigned int i;

	for (i = 0; i < SNAPSHOTS_MAX; i++) {
		struct snapshot *x = &l->snapshots->x[i];

		line_open(&x->e.line, has_point(x) && !is_restoring(x) && *x->e.dev && !x->maybe &&
				      x->e.line.valid);
	}
}

void snapshot_wait_unused(struct life *l, struct snapshot *x)
{
	double end = now_seconds() + HANG_SECONDS;

	line_open(&x->e.line, 0);
	while (atomic_load(&x->users) && now_seconds() < end)
		sleep_us(200);
	if (atomic_load(&x->users))
		failed(l, "I/O of the snapshot %s hangs", x->e.dm);
}

/* ---- devices ---- */

int snapshot_attach(struct life *l, struct snapshot *x)
{
	return *x->e.dev ? 0 : create_element(l, &x->e, NULL);
}

static int detach(struct life *l, struct snapshot *x)
{
	int r;

	snapshot_wait_unused(l, x);
	if (!*x->e.dev)
		return 0;
	r = dm_remove(x->e.dm, 30);
	if (r && r != -ENXIO && !sim_power_is_off())
		failed(l, "remove %s: %s", x->e.dm, strerror(-r));
	x->e.dev[0] = '\0';
	return r ? -EIO : 0;
}

void snapshots_remove_devices(struct life *l)
{
	unsigned int i;
	int r;

	for (i = 0; i < SNAPSHOTS_MAX; i++) {
		struct snapshot *x = &l->snapshots->x[i];

		snapshot_wait_unused(l, x);
		if (!*x->e.dev)
			continue;
		r = dm_remove(x->e.dm, 30);
		if (r && r != -ENXIO)
			failed(l, "remove %s: %s", x->e.dm, strerror(-r));
		x->e.dev[0] = '\0';
	}
}

/* ---- what an operation leads to ---- */

static void copy_hashes(struct life *l, struct point *to, const struct point *from)
{
	memcpy(to->hash, from->hash, l->nr_blocks * sizeof(*to->hash));
}

/* @x will show what @from is between now and the answer. @cut: and nothing else. */
static void will_show(struct snapshot *x, const struct line *from, int cut)
{
	line_cut_begin(&x->e.line, from, 1, cut);
	line_cut_begin(&x->point.line, from, 1, 0);
	x->from = from;
}

static void forget(struct snapshot *x)
{
	x->state = UNUSED;
	x->e.line.valid = 0;
	x->parent = NULL;
	x->source = NULL;
}

static uint64_t generation_of(struct life *l, const struct snapshot *x)
{
	struct element_info info[INFOS_MAX];
	int i, n = query_elements(info, INFOS_MAX);

	if (n < 0)
		failed(l, "netlink: %s", strerror(-n));
	for (i = 0; i < n; i++)
		if (info[i].id == x->e.id)
			return info[i].parent_generation;
	return 0;
}

static void now_shows(struct life *l, struct snapshot *x)
{
	memset(x->written, 0, l->nr_blocks);
	memset(x->point.hash, 0, l->nr_blocks * sizeof(*x->point.hash));
	line_cut_end(&x->e.line, x->from);
	line_cut_end(&x->point.line, x->from);
	x->from = NULL;
	x->state = ACTIVE;
	x->generation = generation_of(l, x);
	atomic_store(&x->broken, 0);
	l->snapshots->points++;
}

static void note_aspect(struct life *l, struct snapshot *x)
{
	struct aspect_info info[INFOS_MAX];
	struct aspect *a = aspect_of(l, 0);
	int i, n = query_aspects(info, INFOS_MAX);

	if (n < 0)
		failed(l, "netlink: %s", strerror(-n));
	for (i = 0; i < n; i++)
		if (info[i].sync == x->sync_id)
			break;
	if (i == n)
		failed(l, "Dissolve of %s left no aspect", x->e.dm);
	if (info[i].generation != x->generation)
		failed(l, "the aspect of %s keeps the generation %llu instead of %llu", x->e.dm,
		       (unsigned long long)info[i].generation, (unsigned long long)x->generation);
	a->id = info[i].id;
	a->generation = x->generation;
	a->source = x->source;
	copy_hashes(l, &a->point, &x->point);
	line_cut_begin(&a->point.line, &x->point.line, 0, 0);
	line_cut_end(&a->point.line, &x->point.line);
	if (a->id > l->last_id)
		l->last_id = a->id;
}

void snapshot_did_not(struct snapshot *x)
{
	if (x->from) {
		line_cut_cancel(&x->e.line);
		line_cut_cancel(&x->point.line);
	}
	x->from = NULL;
	if (x->maybe == RESTORE_BEGUN) {
		line_cut_cancel(&x->source->line);
		atomic_store(&x->source->restored, 0);
	}
	if (x->maybe == MADE || x->maybe == MADE_INACTIVE)
		forget(x);
	x->maybe = NOTHING;
}

void snapshot_happened(struct life *l, struct snapshot *x)
{
	enum snapshot_maybe maybe = x->maybe;

	x->maybe = NOTHING;
	switch (maybe) {
	case MADE:
	case RENEWED:
		now_shows(l, x);
		break;
	case MADE_INACTIVE:
	case DROPPED:
		x->state = INACTIVE;
		x->generation = 0;
		x->e.line.valid = 0;
		break;
	case DISSOLVED:
		note_aspect(l, x);
		x->state = LOOSE;
		break;
	case GONE:
		forget(x);
		break;
	case RESTORE_BEGUN:
		line_cut_end(&x->source->line, &x->e.line);
		x->state = RESTORE_RUNS;
		l->snapshots->restores++;
		l->snapshots->nested += !!x->parent;
		/* Nothing of it is its own point in time any more. */
		if (x->parent)
			memset(x->parent->written, 1, l->nr_blocks);
		break;
	case RESTORE_MOVED:
		x->state = x->goal;
		break;
	default:
		break;
	}
}

void snapshot_lost(struct life *l, struct snapshot *x, const char *why)
{
	if (!l->snapshots->small)
		failed(l, "the snapshot %s is lost, but there is space for all: %s", x->e.dm, why);
	line_open(&x->e.line, 0);
	x->state = x->state == LOOSE ? LOOSE_LOST : LOST;
	x->e.line.valid = 0;
	l->snapshots->broken++;
}

/* ---- answers ---- */

int snapshot_settle(struct life *l, struct snapshot *x, int done)
{
	if (done > 0)
		snapshot_happened(l, x);
	else if (!done)
		snapshot_did_not(x);
	if (done >= 0)
		restores_notice(l);
	if (done >= 0 && l->snapshots->small)
		snapshots_notice_broken(l);
	return done;
}

/* ---- make one ---- */

/* One of those that there are, or NULL. */
static struct snapshot *choose(struct life *l)
{
	unsigned int n = nr_used(l->snapshots), i;

	n = n ? rng_below(&l->rng, n) : 0;
	for (i = 0; i < SNAPSHOTS_MAX; i++)
		if (l->snapshots->x[i].state != UNUSED && !n--)
			return &l->snapshots->x[i];
	return NULL;
}

struct origin {
	struct element *e;
	struct snapshot *parent;
	const struct line *line;
};

static int choose_origin(struct life *l, struct origin *o)
{
	struct snapshot *x = choose(l);

	if (x && !rng_below(&l->rng, 2) && has_point(x) && x->e.line.valid && depth_of(x) < DEPTH_MAX) {
		*o = (struct origin){ &x->e, x, &x->e.line };
		return 1;
	}
	o->e = &l->e[rng_below(&l->rng, 3) ? 0 : rng_below(&l->rng, l->nr_elements)];
	o->parent = NULL;
	o->line = line_of(l, o->e);
	return !!o->line;
}

static struct snapshot *unused(struct life *l)
{
	unsigned int i;

	for (i = 0; i < SNAPSHOTS_MAX; i++)
		if (l->snapshots->x[i].state == UNUSED)
			return &l->snapshots->x[i];
	return NULL;
}

static void name_it(struct life *l, struct snapshot *x, struct element *source, struct snapshot *parent)
{
	x->sync_id = ++l->last_id;
	x->e.id = ++l->last_id;
	x->e.line.element = x->e.id;
	x->source = source;
	x->parent = parent;
	x->generation = 0;
	snprintf(x->e.dm, sizeof(x->e.dm), "pfs%u", x->e.id);
}

static int made(struct life *l, struct snapshot *x, const char *message)
{
	int r;

	r = snapshot_settle(l, x, snapshot_ask(l, x, message));
	if (r <= 0)
		return r;
	if (snapshot_attach(l, x))
		return -EIO;
	return x->state == ACTIVE && !rng_below(&l->rng, 3) ? snapshot_examine(l, x) : 0;
}

static const char *some_setting(struct life *l)
{
	static const char *const settings[] = {
		"", "", " freeze=no", " copy_priority=low", " copy_priority=high",
	};

	return settings[rng_below(&l->rng, 5)];
}

static int create(struct life *l)
{
	int active = !!rng_below(&l->rng, 6);
	struct snapshot *x = unused(l);
	struct origin o;
	char message[160];

	if (!x || nr_used(l->snapshots) >= l->snapshots->max || !choose_origin(l, &o))
		return 0;
	name_it(l, x, o.e, o.parent);
	if (active)
		will_show(x, o.line, 1);
	x->maybe = active ? MADE : MADE_INACTIVE;
	/* In its place already, so that nobody takes it for another one. */
	x->state = INACTIVE;
	snprintf(message, sizeof(message), "create_sync %llu snapshot %u %u target_name=s%u%s%s",
		 (unsigned long long)x->sync_id, o.e->id, x->e.id, x->e.id, some_setting(l),
		 active ? "" : " wait_for_copy_state=inactive");
	return made(l, x, message);
}

/* ---- aspects ---- */

static int create_from(struct life *l, struct aspect *a)
{
	struct snapshot *x = unused(l);
	char message[160];
	unsigned int i;
	int r;

	if (!x)
		return 0;
	name_it(l, x, a->source, NULL);
	for (i = 0; i < SNAPSHOTS_MAX; i++)
		if (&l->snapshots->x[i].e == a->source)
			x->parent = &l->snapshots->x[i];
	will_show(x, &a->point.line, 0);
	x->maybe = MADE;
	x->state = INACTIVE;
	snprintf(message, sizeof(message), "create_sync %llu snapshot %u %u target_name=s%u aspect=%llu",
		 (unsigned long long)x->sync_id, a->source->id, x->e.id, x->e.id,
		 (unsigned long long)a->id);
	r = snapshot_settle(l, x, snapshot_ask(l, x, message));
	if (r <= 0)
		return r;
	copy_hashes(l, &x->point, &a->point);
	return snapshot_attach(l, x) ? -EIO : 0;
}

static int delete_aspect(struct life *l, struct aspect *a)
{
	char message[64];
	int r;

	snprintf(message, sizeof(message), "delete_aspect %llu", (unsigned long long)a->id);
	a->going = 1;
	r = snapshot_ask(l, NULL, message);
	if (r < 0)
		return r;
	a->going = 0;
	if (r)
		a->id = 0;
	else if (!l->snapshots->small)
		failed(l, "'%s' was refused", message);
	return 0;
}

static int operate_aspect(struct life *l, struct aspect *a)
{
	if (rng_below(&l->rng, 2) && nr_used(l->snapshots) < l->snapshots->max)
		return create_from(l, a);
	return delete_aspect(l, a);
}

/* ---- operations ---- */

static int modify(struct life *l, struct snapshot *x, const char *word, enum snapshot_maybe maybe)
{
	char message[96];

	x->maybe = maybe;
	snprintf(message, sizeof(message), "modify %s %llu", word, (unsigned long long)x->sync_id);
	return snapshot_settle(l, x, snapshot_ask(l, x, message));
}

/* A new point in time. What hosts write meanwhile is in the old one or in the new one. */
static int renew(struct life *l, struct snapshot *x)
{
	struct line *from = x->parent ? &x->parent->e.line : line_of(l, x->source);
	int r;

	if (is_needed(l, x) || !from || !from->valid)
		return 0;
	line_open(&x->e.line, 0);
	if (rng_below(&l->rng, 2))
		snapshot_wait_unused(l, x);
	will_show(x, from, 1);
	r = modify(l, x, x->state == INACTIVE ? "activate" : "resync-replica", RENEWED);
	return r > 0 && !rng_below(&l->rng, 3) ? snapshot_examine(l, x) : r;
}

static int drop(struct life *l, struct snapshot *x)
{
	if (is_needed(l, x))
		return 0;
	line_open(&x->e.line, 0);
	return modify(l, x, "deactivate", DROPPED);
}

static int dissolve(struct life *l, struct snapshot *x)
{
	if (!aspect_of(l, 0))
		return 0;
	line_open(&x->e.line, 0);
	return modify(l, x, "dissolve", DISSOLVED);
}

/* The device goes, then the snapshot; what is refused keeps its device. */
static int give_back(struct life *l, struct snapshot *x)
{
	char message[64];
	int r;

	if (is_needed(l, x))
		return 0;
	if (detach(l, x))
		return -EIO;
	if (x->state == LOOSE || x->state == LOOSE_LOST) {
		x->maybe = GONE;
		snprintf(message, sizeof(message), "delete_element %u", x->e.id);
		r = snapshot_settle(l, x, snapshot_ask(l, x, message));
	} else {
		r = modify(l, x, "return-to-resource-pool", GONE);
	}
	if (!r)
		return snapshot_attach(l, x);
	return r;
}

static const char *some_speed(struct life *l)
{
	static const char *const options[] = {
		"", " force", " force rate_limit=500K", " force rate_limit=2M", " force rate_limit=8M",
	};

	return options[rng_below(&l->rng, 5)];
}

static int operate_one(struct life *l, struct snapshot *x)
{
	unsigned int dice = rng_below(&l->rng, 100);

	switch (x->state) {
	case ACTIVE:
		return dice < 25 ? renew(l, x) : dice < 31 ? drop(l, x) : dice < 40 ? dissolve(l, x) :
		       dice < 70 ? restore_begin(l, x, some_speed(l)) :
		       dice < 90 ? give_back(l, x) : snapshot_examine(l, x);
	case INACTIVE:
		return dice < 70 ? renew(l, x) : give_back(l, x);
	case LOST:
		return dice < 50 ? renew(l, x) : dice < 60 ? drop(l, x) : give_back(l, x);
	case LOOSE:
		return dice < 70 ? give_back(l, x) : snapshot_examine(l, x);
	case RESTORE_RUNS:
	case RESTORE_SUSPENDED:
	case RESTORE_ABORTED:
		return restore_operate(l, x);
	default:
		return give_back(l, x);
	}
}

int snapshot_operate(struct life *l)
{
	struct snapshots *sn = l->snapshots;
	struct snapshot *x = choose(l);
	struct aspect *a = &sn->a[rng_below(&l->rng, ASPECTS_MAX)];
	int r;

	restores_notice(l);
	if (sn->small)
		snapshots_notice_broken(l);
	if (a->id && !rng_below(&l->rng, 3))
		r = operate_aspect(l, a);
	else if (!x || (nr_used(sn) < sn->max && !rng_below(&l->rng, 3)))
		r = create(l);
	else
		r = operate_one(l, x);
	if (r < 0)
		return r;
	set_writable(l);
	return 0;
}

/* ---- the end ---- */

#define PASSES		6

int snapshots_return_some(struct life *l)
{
	struct snapshots *sn = l->snapshots;
	unsigned int i;
	int r = 0;

	for (i = 0; i < SNAPSHOTS_MAX && r >= 0; i++)
		if (sn->x[i].state != UNUSED && !is_restoring(&sn->x[i]))
			r = give_back(l, &sn->x[i]);
	for (i = 0; i < ASPECTS_MAX && r >= 0; i++)
		if (sn->a[i].id)
			r = delete_aspect(l, &sn->a[i]);
	return r < 0 ? r : 0;
}

int snapshots_return_all(struct life *l)
{
	double end = now_seconds() + HANG_SECONDS;
	unsigned int pass;
	int r = restores_end(l);

	for (pass = 0; pass < PASSES && !r && nr_used(l->snapshots); pass++) {
		if (l->snapshots->small)
			snapshots_notice_broken(l);
		r = snapshots_return_some(l);
	}
	if (!r)
		r = snapshots_return_some(l);	/* aspects without a target */
	if (r)
		return r;
	if (nr_used(l->snapshots))
		failed(l, "the snapshots cannot be returned");
	while (cow_used(l) && now_seconds() < end && !sim_power_is_off())
		sleep_us(5000);
	if (sim_power_is_off())
		return -EIO;
	if (cow_used(l))
		failed(l, "all snapshots were returned, but %u chunks stay in use", cow_used(l));
	return 0;
}
