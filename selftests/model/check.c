// SPDX-License-Identifier: GPL-2.0-only
/* What must be true while hosts are still. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "world.h"

#define UNSYNC		DRP_CS_UNSYNCHRONIZED
#define SETTLE_SECONDS	240

static size_t bytes_of(const struct world *w)
{
	return (size_t)w->nr_sectors * SECTOR;
}

/* ---- legs ---- */

/* Is something being written to @e by the engine, which its other legs get at another moment? */
static bool is_quiet(struct world *w, const struct element *e, unsigned int hops)
{
	struct sync *s;

	for_each_sync(w, s) {
		const struct element *into = pairs_may_turn(s->pairs) ? s->source : s->target;
		bool may_copy = s->pairs & ~PAIR(DRP_CS_SYNCHRONIZED, 0);

		if (s->type == DRP_SYNC_CLONE && s->target == e && !pairs_whole(s->pairs))
			return false;
		if (!pairs_may_turn(s->pairs) && !pairs_may_follow(s, s->pairs))
			continue;
		if (into == e && (may_copy || s->source->pool->trouble))
			return false;
		if (s->target == e && (!hops || !is_quiet(w, s->source, hops - 1)))
			return false;
	}
	return true;
}

static bool read_raw(struct world *w, struct element *e)
{
	return !e->fails && !read_all(e->path, e->raw, bytes_of(w));
}

static unsigned int differing(struct world *w, struct sync *s, const uint8_t *map, uint32_t *first)
{
	const char *a = s->source->raw, *b = s->target->raw;
	uint32_t n, bad = 0;

	for (n = 0; n < w->nr_sectors / BLOCK_SECTORS; n++) {
		size_t at = (size_t)n * BLOCK_SECTORS * SECTOR;

		if ((map && map[n]) || !memcmp(a + at, b + at, BLOCK_SECTORS * SECTOR))
			continue;
		if (!bad++)
			*first = n;
	}
	counts.blocks += w->nr_sectors / BLOCK_SECTORS;
	return bad;
}

/* No region that differs is believed equal. The map was read before the legs were. */
static void check_legs(struct world *w, struct sync *s)
{
	uint32_t first, bad;
	char text[200];

	if (s->source->fails || s->target->fails)
		return;
	bad = differing(w, s, s->map, &first);
	if (bad)
		broken(w, "%u blocks (the first is %u) differ between %s and %s, sync %llu (%s), and are not marked",
		       bad, first, s->source->name, s->target->name, (unsigned long long)s->id,
		       pairs_text(s->pairs, text, sizeof(text)));
	if (s->facts.in_sync != FACT_YES)
		return;
	bad = differing(w, s, NULL, &first);
	if (bad)
		broken(w, "sync %llu (%s) says that it is in sync, but %u blocks differ (the first is %u)",
		       (unsigned long long)s->id, pairs_text(s->pairs, text, sizeof(text)), bad,
		       first);
}

/* Two that are alike where no map marks them? */
static bool has_legs(const struct sync *s)
{
	if (s->type == DRP_SYNC_SNAPSHOT || pairs_may_turn(s->pairs))
		return false;
	return s->type == DRP_SYNC_CLONE ? pairs_whole(s->pairs) :
					   !(s->pairs & PAIR(DRP_CS_INVALID, 0));
}

static bool is_compared(struct world *w, struct sync *s)
{
	return has_legs(s) && is_quiet(w, s->source, 4);
}

static void check_all_legs(struct world *w)
{
	struct element *e;
	struct sync *s;
	bool have[SYNCS_MAX] = {};

	for_each_sync(w, s)
		if (s->source->pool->active && is_compared(w, s))
			have[s - w->s] = !ask_map(s, s->map, w->nr_sectors / BLOCK_SECTORS);
	for_each_element(w, e) {
		bool wanted = false;

		for_each_sync(w, s)
			wanted |= have[s - w->s] && (s->source == e || s->target == e);
		if (wanted && !read_raw(w, e) && !e->fails)
			suspect(w, "%s cannot be read", e->path);
	}
	for_each_sync(w, s)
		if (have[s - w->s])
			check_legs(w, s);
}

/* ---- contents ---- */

/* Is it, and will it stay so for now? A copy may begin by itself. */
static bool is_own(struct world *w, struct element *e)
{
	struct sync *s = sync_into(w, e);

	return !s || !pairs_may_follow(s, pairs_later(w, s, s->pairs));
}

static void check_content(struct world *w, struct element *e)
{
	int least, most, r;

	may_do(w, e, &least, &most);
	if (!e->attached || !is_own(w, e))
		return;
	if (is_frail(w, e))
		least = 0;
	if (most == 0) {
		if (!read_all(e->dev, e->raw, SECTOR * BLOCK_SECTORS))
			suspect(w, "%s can be read, but hosts may do nothing with it", e->dm);
		return;
	}
	r = read_all(e->dev, e->raw, bytes_of(w));
	if (r && w->shape.cow_mib && e->virtual) {
		/* It may have broken since it was looked at: what is it now? */
		observe(w, true);
		least = !is_frail(w, e);
	}
	if (r) {
		if (least >= 1 && !e->pool->trouble)
			suspect(w, "%s cannot be read: %s", e->dm, strerror(-r));
		return;
	}
	counts.blocks += w->nr_sectors / BLOCK_SECTORS;
	if (content_settle(&e->content, e->raw, VIEW_NOW, e->dm))
		broken(w, "%s has content that it must not have", e->dm);
}

/* ---- facts ---- */

static void check_fact(struct world *w, struct sync *s, const char *name, uint8_t fact,
		       uint8_t wrote)
{
	char text[200];

	if (wrote == WROTE && fact == FACT_NO)
		suspect(w, "sync %llu (%s) says that the %s did not change, but hosts wrote to it",
		       (unsigned long long)s->id, pairs_text(s->pairs, text, sizeof(text)), name);
	if (wrote == WROTE_NOTHING && fact == FACT_YES && !is_entangled(w, s) &&
	    !s->source->pool->trouble)
		suspect(w, "sync %llu (%s) says that the %s changed, but nobody wrote to it",
		       (unsigned long long)s->id, pairs_text(s->pairs, text, sizeof(text)), name);
}

/* Does it show a point in time, with what hosts wrote since on top? */
static bool pairs_show(const struct sync *s, pairs_t pairs)
{
	if (s->type == DRP_SYNC_MIRROR)
		return false;
	if (s->type == DRP_SYNC_CLONE)
		pairs &= ~(PAIR(UNSYNC, 0) | PAIR(DRP_CS_SUSPENDED, 0));
	return !(pairs & ~SHOWS);
}

/* Are all mirrors that its content came through Synchronized, and were so before it was asked? */
static bool is_steady(struct world *w, const struct sync *s)
{
	unsigned int hops;

	s = sync_into(w, s->source);
	for (hops = 0; s && hops < SYNCS_MAX; hops++, s = sync_into(w, s->source))
		if (!s->steady)
			return false;
	return true;
}

/* What writes to the sides beside their hosts counts, too, also when it has ended. */
static void note_entangled(struct world *w, struct sync *s)
{
	if (!is_entangled(w, s))
		return;
	if (s->source_wrote == WROTE_NOTHING)
		s->source_wrote = WROTE_PERHAPS;
	if (s->target_wrote == WROTE_NOTHING && s->type != DRP_SYNC_SNAPSHOT)
		s->target_wrote = WROTE_PERHAPS;
}

static void check_facts(struct world *w, struct sync *s)
{
	note_entangled(w, s);
	if (s->pairs == PAIR(DRP_CS_SPLIT, 0) || s->pairs == PAIR(DRP_CS_FRACTURED, 0)) {
		check_fact(w, s, "source", s->facts.source_changed, s->source_wrote);
		check_fact(w, s, "target", s->facts.target_changed, s->target_wrote);
	}
	if (pairs_show(s, s->pairs)) {
		check_fact(w, s, "source", s->facts.source_changed, s->source_wrote);
		check_fact(w, s, "target", s->facts.target_changed, s->target_wrote);
		if (s->pairs == PAIR(DRP_CS_SYNCHRONIZED, 0) && s->target_wrote == WROTE)
			suspect(w, "sync %llu is Synchronized, but hosts wrote to its target",
				(unsigned long long)s->id);
	}
	if (s->pairs == PAIR(DRP_CS_FAILEDOVER, 0))
		check_fact(w, s, "target", s->facts.target_changed, s->target_wrote);
	if (s->pairs == PAIR(DRP_CS_SYNCHRONIZED, 0) && s->facts.consistent == FACT_NO &&
	    is_steady(w, s))
		suspect(w, "sync %llu is Synchronized, but says that its target is not consistent",
		       (unsigned long long)s->id);
}

int check_now(struct world *w)
{
	struct element *e;
	struct sync *s;

	if (sim_power_is_off())
		return -EIO;
	observe(w, true);
	for_each_sync(w, s)
		check_facts(w, s);
	check_all_legs(w);
	for_each_element(w, e)
		check_content(w, e);
	return sim_power_is_off() ? -EIO : 0;
}

/* ---- settling ---- */

/* Does the copy of @s wait for content that only a suspended or aborted restore would bring? */
static bool is_held(struct world *w, struct sync *s)
{
	struct sync *up = s, *t;
	unsigned int hops;

	for (hops = 0; up && hops < SYNCS_MAX; hops++) {
		for_each_sync(w, t)
			if (t != s && t->source == up->source && pairs_may_turn(t->pairs) &&
			    !(t->pairs & (PAIR(UNSYNC, 1) | PAIR(UNSYNC, 2))))
				return true;
		up = sync_into(w, up->source);
		/* A mirror of a clone that nobody copies. */
		if (up && up->type == DRP_SYNC_CLONE && !pairs_whole(up->pairs) &&
		    !(up->pairs & PAIR(UNSYNC, 0)))
			return true;
	}
	return false;
}

static bool is_busy(struct world *w, struct sync *s)
{
	pairs_t copying = PAIR(UNSYNC, 0) | PAIR(UNSYNC, 1) | PAIR(UNSYNC, 2);
	pairs_t waiting = PAIR(DRP_CS_BROKEN, 0) | PAIR(DRP_CS_PARTITIONED, 0) |
			  PAIR(DRP_CS_PARTITIONED, 1) | PAIR(DRP_CS_PARTITIONED, 2);

	if (s->type == DRP_SYNC_SNAPSHOT || s->lost)
		waiting &= ~PAIR(DRP_CS_BROKEN, 0);

	return (s->pairs & (copying | waiting)) && !is_held(w, s);
}

static void heal_disk(struct world *w, const char *disk)
{
	static const char *const faults[] = {
		"fail_reads", "fail_writes", "fail_flushes", "offline", "hang",
	};
	unsigned int i;

	for (i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		sim_set(disk, faults[i], "0");
	sim_set(disk, "fail_range", "clear");
	sim_set(disk, "fail_after", "-1");
	sim_set(disk, "write_us", w->shape.slow ? "200" : "0");
}

int heal(struct world *w)
{
	struct element *e;
	struct pool *p;

	for_each_disk(w, e) {
		heal_disk(w, e->disk);
		e->fails = false;
	}
	for_each_pool(w, p)
		if (*p->cow)
			heal_disk(w, p->cow);
	return sim_power_is_off() ? -EIO : 0;
}

static bool all_settled(struct world *w)
{
	struct sync *s;
	bool settled = true;

	observe(w, true);
	for_each_sync(w, s)
		settled &= !is_busy(w, s);
	return settled;
}

/* What failed is over; but a restore that broke may go on by itself. */
static void calm(struct world *w)
{
	struct aspect *a;
	struct pool *p;
	struct sync *s;

	for_each_pool(w, p)
		p->trouble = p->loses = false;
	for_each_aspect(w, a)
		a->frail = w->shape.cow_mib;
	for_each_sync(w, s) {
		s->frail = false;
		if (s->pairs & (PAIR(DRP_CS_BROKEN, 1) | PAIR(DRP_CS_BROKEN, 2)))
			s->source->pool->trouble = true;
	}
}

int settle(struct world *w)
{
	double end = now_seconds() + SETTLE_SECONDS;
	struct element *e;
	struct answer a;
	struct sync *s;
	char text[200];

	heal(w);
	for_each_element(w, e)
		if (e->exists && !e->attached && element_up(w, e))
			return -EIO;
	for_each_sync(w, s)
		ask_set_sync(s, "rate_limit=0", &a);
	make_room(w);
	while (!all_settled(w)) {
		if (sim_power_is_off())
			return -EIO;
		if (now_seconds() > end) {
			for_each_sync(w, s)
				fprintf(stderr, "# sync %llu: %s\n", (unsigned long long)s->id,
					pairs_text(s->pairs, text, sizeof(text)));
			suspect(w, "what is copied does not end within %u s", SETTLE_SECONDS);
		}
		sleep_us(5000);
	}
	calm(w);
	for_each_sync(w, s) {
		s->steady = s->type == DRP_SYNC_MIRROR && s->pairs == PAIR(DRP_CS_SYNCHRONIZED, 0);
		if (s->steady && s->facts.in_sync == FACT_NO)
			suspect(w, "sync %llu is Synchronized without I/O, but says that it is not in sync",
			       (unsigned long long)s->id);
	}
	counts.settled++;
	check_room(w);
	return check_now(w);
}

/* ---- after a power failure ---- */

static void all_down(struct world *w)
{
	struct element *e;
	struct pool *p;

	for_each_element(w, e)
		element_down(w, e);
	for_each_pool(w, p)
		pool_down(w, p);
}

static void power_back(struct world *w)
{
	struct element *e;
	struct pool *p;

	if (sim_control("rearm"))
		broken(w, "simdisk refuses rearm");
	heal(w);
	for_each_pool(w, p) {
		char path[32];

		snprintf(path, sizeof(path), "/dev/%s", p->disk);
		disk_drop_cache(path);
		sim_set(p->disk, "fail_writes", "0");
		sim_set(p->disk, "offline", "0");
		p->meta_fails = false;
	}
	for_each_disk(w, e)
		disk_drop_cache(e->path);
}

/* Once more while it comes up: whatever is activated by then. */
static void fail_again(struct world *w, unsigned int n)
{
	struct element *e;
	struct pool *p;
	double end;

	sim_control("power-fail-after %u %u", 1 + n % 40, n);
	for_each_pool(w, p) {
		char params[128], device[64];
		uint64_t dev;

		pool_params(w, p, device, sizeof(device));
		snprintf(params, sizeof(params), "%s 0", device);
		p->active = !dm_create(p->name, 8, "replica-pool", params, &dev);
	}
	end = now_seconds() + 0.2;
	while (now_seconds() < end && !sim_power_is_off())
		sleep_us(1000);
	if (!sim_power_is_off()) {
		sim_control("rearm");
		sim_control("power-fail %u", n);
	}
	for_each_element(w, e)
		e->attached = false;
	all_down(w);
	counts.power_failures++;
	power_back(w);
}

static const struct seen *seen_of(struct world *w, struct sync *s, struct seen *all)
{
	char text[256];
	int i, n = ask_syncs(s->source->pool, all, SYNCS_MAX + 4, text);

	if (n < 0)
		broken(w, "pool %s cannot be asked: %s", s->source->pool->name, text);
	for (i = 0; i < n; i++)
		if (all[i].id == s->id)
			return &all[i];
	return NULL;
}

static bool may_show(pairs_t pairs, const struct seen *x)
{
	unsigned int bit;

	for (bit = 0; bit < NR_PAIRS; bit++)
		if (pairs >> bit & 1 && PAIR_STATE(bit) == x->state &&
		    !!PAIR_TURNED(bit) == x->reverse)
			return true;
	return false;
}

/* An operation had no answer when the power failed: did it happen? */
static void resolve(struct world *w, struct pending *o)
{
	pairs_t before = pairs_later(w, o->s, o->before);
	pairs_t after = pairs_later(w, o->s, o->p.success);
	struct seen all[SYNCS_MAX + 4];
	const struct seen *x = seen_of(w, o->s, all);
	bool was, is;

	if (!x) {
		if (o->creates) {
			o->s->id = 0;
			if (o->s->target->virtual)
				o->s->target->exists = false;
		} else if (after & GONE) {
			effect(w, o, GONE);
		}
		return;			/* else observe() says that it is gone */
	}
	/* Of a clone that was being made one without a point in time may be left. */
	if (o->creates && o->s->type == DRP_SYNC_CLONE && x->state == DRP_CS_PREPARED) {
		o->s->pairs = PAIR(DRP_CS_PREPARED, 0);
		return;
	}
	was = may_show(before, x);
	is = may_show(after, x);
	if (o->p.swaps) {
		is &= x->source == o->s->target->id;
		was &= x->source == o->s->source->id;
	}
	if (is && !was) {
		effect(w, o, after & ~GONE);
	} else if (is) {
		effect_unknown(w, o);
		o->s->pairs = before | (after & ~GONE);
	}
}

/* What is on the legs is what was flushed, or newer. */
static void check_survivors(struct world *w)
{
	struct element *e;
	struct sync *s;
	char what[64];

	for_each_disk(w, e)
		if (!read_raw(w, e))
			suspect(w, "%s cannot be read", e->path);
	for_each_sync(w, s) {
		if (!s->steady || sync_into(w, s->source) || !s->source->content.known)
			continue;
		snprintf(what, sizeof(what), "mirror %s after the power failure", s->target->name);
		if (content_compare(&s->source->content, s->target->raw, VIEW_AFTER_FAILURE, what))
			broken(w, "%s was Synchronized and lost what was flushed",
			       s->target->name);
	}
	for_each_disk(w, e) {
		if (is_indirect(w, e) || !is_own(w, e))
			continue;
		snprintf(what, sizeof(what), "%s after the power failure", e->name);
		if (content_settle(&e->content, e->raw, VIEW_AFTER_FAILURE, what))
			broken(w, "%s lost what was flushed, or has what it never had", e->name);
	}
	for_each_sync(w, s) {
		s->steady = false;
		/* Nothing is being copied: no element has its device. */
		if (has_legs(s) && !ask_map(s, s->map, w->nr_sectors / BLOCK_SECTORS))
			check_legs(w, s);
	}
}

/* What hosts see of elements that are being copied to, and of snapshots. */
static void check_indirect(struct world *w, const bool *indirect)
{
	struct element *e;
	int least, most;
	char what[64];

	for_each_element(w, e) {
		if ((!indirect[e - w->e] && !e->virtual) || !e->attached || !is_own(w, e))
			continue;
		may_do(w, e, &least, &most);
		if (!most)
			continue;
		if (read_all(e->dev, e->raw, bytes_of(w))) {
			if (least && !is_frail(w, e))
				broken(w, "%s cannot be read", e->dm);
			continue;
		}
		snprintf(what, sizeof(what), "%s %s after the power failure",
			 e->virtual ? "snapshot" : "what is copied to", e->name);
		if (content_settle(&e->content, e->raw, VIEW_AFTER_FAILURE, what))
			broken(w, "%s shows what it must not after a power failure", e->name);
	}
}

static void wait_whole(struct world *w)
{
	double end = now_seconds() + 60;
	bool partitioned = true;
	struct sync *s;

	while (partitioned && now_seconds() < end) {
		observe(w, true);
		partitioned = false;
		for_each_sync(w, s)
			partitioned |= PAIR_STATE(__builtin_ctzll(s->pairs)) == DRP_CS_PARTITIONED;
		if (partitioned)
			sleep_us(2000);
	}
}

static void elements_back(struct world *w)
{
	unsigned int i, n = nr_slots(w);

	for (i = 0; i < n; i++) {
		struct element *e = &w->e[(i + w->step) % n];

		if (e->virtual && !e->exists)
			continue;
		if (!e->exists) {
			struct answer a;

			/* An old one may be there; the new one has a number of its own. */
			ask_delete_element(e, &a);
			if (element_define(w, e))
				broken(w, "the power failed by itself");
		}
		if (element_up(w, e))
			broken(w, "the power failed by itself");
	}
}

void recover(struct world *w, struct pending *o, unsigned int again)
{
	bool indirect[SLOTS_MAX] = {};
	struct element *e;
	struct pool *p;

	w->phase = "coming up after a power failure";
	for_each_element(w, e)
		atomic_store(&e->unsure, false);
	counts.power_failures++;
	all_down(w);
	power_back(w);
	while (again) {
		fail_again(w, again);
		again = again & 1 ? again / 4 : 0;
	}
	for_each_pool(w, p) {
		p->trouble = true;
		if (pool_up(w, p))
			broken(w, "the power failed by itself");
	}
	if (o && o->s->id && !o->done)
		resolve(w, o);
	observe(w, false);
	for_each_element(w, e)
		indirect[e - w->e] = is_indirect(w, e);
	check_survivors(w);
	elements_back(w);
	wait_whole(w);
	check_indirect(w, indirect);
	calm(w);
	while (content_keep(false))
		;
}
