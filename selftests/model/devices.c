// SPDX-License-Identifier: GPL-2.0-only
/* The steps that are no operations: settings, faults, devices that go and return. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "step.h"

/* ---- settings ---- */

/* What it is now: sure only if it was answered. */
static void note_policy(struct sync *s, unsigned int n, const struct answer *a)
{
	bool sure = !is_refusal(a->return_value) && !sim_power_is_off();
	uint8_t is = n & 1 ? FACT_NO : FACT_YES;

	if (n == 3 || n == 4)
		s->prio = n == 3 ? DRP_PRIO_URGENT : DRP_PRIO_LOW;
	if (n == 7 || n == 8)
		s->stops_io = sure ? FACT_EITHER & ~is : FACT_EITHER;
	if (n >= 14)
		s->auto_delete = sure ? is : FACT_EITHER;
}

int step_set(struct world *w, const struct step *st)
{
	static const char *const of_sync[] = {
		"rate_limit=0", "rate_limit=300K", "rate_limit=20M", "copy_priority=urgent",
		"copy_priority=low", "recovery_mode=manual", "recovery_mode=automatic",
		"failed_copy_stops_host_io=yes", "failed_copy_stops_host_io=no",
	};
	static const char *const of_snapshot[] = { "auto_delete=yes", "auto_delete=no" };
	static const char *const of_element[] = {
		"read_policy=balance", "read_policy=source", "active_extents_max=40",
	};
	struct sync *s = &w->s[(unsigned int)st->s % SYNCS_MAX];
	struct element *e = ELEMENT(w, st);
	unsigned int n = st->n;
	struct answer a = {};

	if (n < 9 && s->id) {
		ask_set_sync(s, of_sync[n], &a);
		s->manual |= n == 5;
		note_policy(s, n, &a);
	} else if (n >= 14 && s->id) {
		ask_set_sync(s, of_snapshot[n & 1], &a);
		note_policy(s, n, &a);
	} else if (n >= 9 && n < 12 && e->exists && !e->virtual) {
		ask_set_element(e, of_element[n - 9], &a);
	} else if (n >= 12 && n < 14) {
		ask_set_pool(e->pool, n == 12 ? "rate_limit=4M" : "rate_limit=0", &a);
	}
	if (n >= 12 && n < 14 && a.return_value == DRP_RV_NOT_SUPPORTED)
		return 0;
	if (is_refusal(a.return_value) && !e->pool->trouble && !e->pool->read_only)
		return judge(w, "a setting", -EIO);
	return sim_power_is_off() ? -EIO : 0;
}

/* ---- faults ---- */

static void clones_may_lose(struct world *w, struct pool *p)
{
	struct sync *s;

	for_each_sync(w, s)
		s->frail |= s->source->pool == p;
}

/* What was preserved, or what could not be, as long as something fails. */
static void may_lose(struct world *w, struct pool *p)
{
	struct element *e;

	p->loses = true;
	struct aspect *a;

	for_each_virtual(w, e)
		e->frail |= e->pool == p;
	for_each_aspect(w, a)
		a->frail |= a->source->pool == p;
	clones_may_lose(w, p);
}

int step_fault(struct world *w, const struct step *st)
{
	static const char *const names[] = {
		"fail_writes", "fail_reads", "fail_flushes", "offline", "fail_range", "fail_after",
		"write_us",
	};
	struct element *e = ELEMENT(w, st);
	unsigned int n = (unsigned int)st->n % 7;
	char value[32] = "1";
	struct sync *s;

	if (n == 4)
		snprintf(value, sizeof(value), "%u 64 rw", st->seed % (w->nr_sectors - 64));
	else if (n == 5)
		snprintf(value, sizeof(value), "%u", st->seed % 30);
	else if (n == 6)
		snprintf(value, sizeof(value), "%u", st->seed % 1000);
	if (n != 6) {
		e->pool->trouble = true;
		e->fails = !e->virtual;
		may_lose(w, e->pool);
		for_each_sync(w, s)
			s->steady = false;
	}
	counts.faults++;
	/* What is virtual lies on the pool's COW device. */
	return sim_set(e->virtual ? e->pool->cow : e->disk, names[n], value) ? judge(w, "a fault", -EIO) : 0;
}

int step_meta(struct world *w, const struct step *st)
{
	struct pool *p = POOL(w, st);

	p->trouble = p->meta_fails = p->read_only = true;
	may_lose(w, p);
	counts.faults++;
	return sim_set(p->disk, "fail_writes", "1") ? judge(w, "a fault", -EIO) : 0;
}

/* ---- devices ---- */

static void lose_steady(struct world *w)
{
	struct sync *s;

	for_each_sync(w, s)
		s->steady = false;
}

int step_detach(struct world *w, struct element *e)
{
	if (!e->attached)
		return 0;
	lose_steady(w);
	e->pool->trouble = true;
	/* The source may be written while the target is away. */
	clones_may_lose(w, e->pool);
	element_down(w, e);
	return sim_power_is_off() ? -EIO : 0;
}

int step_attach(struct world *w, struct element *e)
{
	return e->exists && !e->attached && e->pool->active ? element_up(w, e) : 0;
}

/* With hosts at work. */
int step_bounce(struct world *w, const struct step *st)
{
	struct load load = { .seed = st->seed, .threads = st->threads, .element = -1 };
	struct element *e = ELEMENT(w, st);
	int r = 0;

	if (!e->attached)
		return 0;
	lose_steady(w);
	e->pool->trouble = true;
	load_start(w, &load);
	sleep_us(st->seed % 2000);
	if (st->kind == STEP_RELOAD) {
		r = element_reload(w, e);
	} else {
		r = judge(w, "suspend an element", dm_suspend(e->dm));
		sleep_us(st->seed % 5000);
		r = judge(w, "resume an element", dm_resume(e->dm)) ?: r;
	}
	return load_stop(w) ?: r;
}

int step_pool_bounce(struct world *w, const struct step *st)
{
	struct pool *p = POOL(w, st);
	int r;

	lose_steady(w);
	if (p->meta_fails)
		return 0;
	p->trouble = true;
	r = judge(w, "suspend a pool", dm_suspend(p->name));
	sleep_us(st->seed % 5000);
	return judge(w, "resume a pool", dm_resume(p->name)) ?: r;
}

int step_recreate(struct world *w, struct element *e)
{
	bool attached = e->attached;
	struct element *child;
	struct answer a;
	struct sync *s;
	bool used = is_kept(w, e, true);

	if (!e->exists || !e->pool->active || e->pool->read_only)
		return 0;
	for_each_sync(w, s)
		used |= s->source == e || s->target == e;
	for_each_virtual(w, child)
		used |= child->exists && child->parent == e;
	if (!used)
		element_down(w, e);
	ask_delete_element(e, &a);
	if (used && !is_refusal(a.return_value) && !sim_power_is_off())
		broken(w, "%s was deleted, but it belongs to a sync, or aspects keep points in time of it",
		       e->name);
	if (used)
		return sim_power_is_off() ? -EIO : 0;
	if (is_refusal(a.return_value) && (is_kept(w, e, false) || e->pool->trouble) && !sim_power_is_off())
		return attached ? element_up(w, e) : 0;
	e->exists = false;
	if (e->virtual && !is_refusal(a.return_value))
		return sim_power_is_off() ? -EIO : 0;
	if (is_refusal(a.return_value))
		return judge(w, "delete an element", -EIO);
	return element_define(w, e) ?: attached ? element_up(w, e) : 0;
}

int step_hold(struct world *w, const struct step *st)
{
	struct element *e = ELEMENT(w, st);

	if (e->held >= 0)
		close(e->held);
	e->held = -1;
	if (st->n && e->attached)
		e->held = open(e->dev, O_RDONLY | O_EXCL | O_CLOEXEC);
	return 0;
}

/* Its syncs become Invalid as soon as it has its device, if that is noticed. */
static void doubt(struct world *w, const struct element *e)
{
	const struct element *from;
	struct sync *s;

	may_lose(w, e->pool);
	for_each_sync(w, s) {
		for (from = s->source; from != e && from->virtual;)
			from = from->parent;
		if (from != e && s->target != e)
			continue;
		if (s->type == DRP_SYNC_CLONE && !pairs_whole(s->pairs))
			content_forget(&s->target->content);
		s->pairs = pairs_later(w, s, s->pairs) | PAIR(DRP_CS_INVALID, 0) |
			   PAIR(DRP_CS_INVALID, 1) | PAIR(DRP_CS_INVALID, 2);
	}
}

/* Behind the back of the pool, in the part of a disk by which it is known. */
static void tamper(struct world *w, struct element *e, uint32_t seed)
{
	uint32_t sector = seed % 256, tag;
	char buf[SECTOR];
	uint64_t at;

	heal(w);
	tag = content_write(&e->content, sector, 1, false, &at);
	content_fill(buf, tag, sector, 1);
	if (disk_write(e->path, buf, SECTOR, (uint64_t)sector * SECTOR))
		broken(w, "%s cannot be written", e->path);
	content_written(&e->content, sector, 1, at, true);
	doubt(w, e);
}

/* Cleanly; @changed: its disk is written meanwhile. */
int step_restart(struct world *w, struct element *changed, uint32_t seed)
{
	struct element *e;
	struct pool *p;
	char text[64];

	lose_steady(w);
	if (w->shape.snapshots && heal(w))
		return -EIO;
	for_each_element(w, e)
		element_down(w, e);
	for_each_pool(w, p) {
		p->trouble = true;
		pool_down(w, p);
		snprintf(text, sizeof(text), "%s", p->disk);
		sim_set(text, "fail_writes", "0");
		p->meta_fails = false;
	}
	if (changed && !sim_power_is_off())
		tamper(w, changed, seed);
	for_each_pool(w, p)
		if (pool_up(w, p))
			return -EIO;
	observe(w, false);
	if (changed)
		doubt(w, changed);
	for_each_element(w, e)
		if (e->exists && element_up(w, e))
			return -EIO;
	counts.restarts++;
	return 0;
}
