// SPDX-License-Identifier: GPL-2.0-only
/* Doing the steps. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "step.h"

#define ELEMENT(w, st)	(&(w)->e[(unsigned int)(st)->e % (w)->shape.nr_elements])
#define POOL(w, st)	(&(w)->p[(unsigned int)(st)->e % (w)->shape.nr_pools])
#define AWAIT_SECONDS	120

/* ---- operations ---- */

/* Is it in one of @wanted? @job: and is that what copies? */
static bool is_reached(struct world *w, struct pending *o, pairs_t wanted, uint64_t job)
{
	struct seen all[SYNCS_MAX + 4];
	char text[256];
	int i, n = ask_syncs(o->s->source->pool, all, SYNCS_MAX + 4, text);
	unsigned int bit;

	if (n < 0)
		broken(w, "a pool cannot be asked: %s", text);
	for (i = 0; i < n; i++) {
		if (all[i].id != o->s->id)
			continue;
		if ((o->p.swaps && all[i].source != o->s->target->id) || (job && all[i].job != job))
			return false;
		for (bit = 0; bit < NR_PAIRS; bit++)
			if (wanted >> bit & 1 && PAIR_STATE(bit) == all[i].state &&
			    !!PAIR_TURNED(bit) == all[i].reverse)
				return true;
		return false;
	}
	return wanted & GONE;
}

/*
 * What takes longer than the answer may: until the job has ended, or the state
 * says that it is done; where it does not show what is new, that this job copies.
 * 0 done, -EIO the power failed; else the refusal is in @a.
 */
static int await(struct world *w, struct pending *o, struct answer *a)
{
	pairs_t wanted = pairs_later(w, o->s, o->p.success);
	bool moves = !(wanted & pairs_later(w, o->s, o->before)) || o->p.swaps || o->creates;
	double start = now_seconds();
	unsigned int state;
	uint32_t error;

	while (now_seconds() < start + AWAIT_SECONDS) {
		state = ask_job(o->s->source->pool, a->job, &error);
		if (sim_power_is_off())
			return -EIO;
		if (state == DRP_JOB_COMPLETED || !state)
			return 0;
		if (state == DRP_JOB_EXCEPTION || state == DRP_JOB_TERMINATED ||
		    state == DRP_JOB_KILLED) {
			if (moves && is_reached(w, o, wanted, 0))
				return 0;
			a->return_value = error;
			return 1;
		}
		if (is_reached(w, o, wanted, moves ? 0 : a->job))
			return 0;
		sleep_us(1000);
	}
	broken(w, "job %llu does not end", (unsigned long long)a->job);
}

static void settings_of(const struct step *st, char *buf, size_t size)
{
	*buf = '\0';
	if (st->rate)
		snprintf(buf, size, "rate_limit=%dK", 256 << (st->rate & 7));
}

static bool is_refusal(uint32_t return_value)
{
	return return_value && return_value != DRP_RV_JOB_STARTED;
}

/* Done, refused, or the power failed: then -EIO. */
static int conclude(struct world *w, struct pending *o, struct answer *a, bool force)
{
	char text[400], was[400];
	int r = 0;

	if (a->return_value == DRP_RV_JOB_STARTED && a->job)
		r = await(w, o, a);
	if (r < 0 || sim_power_is_off())
		return -EIO;
	if (is_refusal(a->return_value)) {
		if (!(o->p.refusals & refusal_bit(a->return_value)))
			return power_failed() ? -EIO : -EPROTO;
		counts.refused++;
		return 0;
	}
	if (!o->p.success)
		broken(w, "operation %u%s of sync %llu was accepted (%u) from %s", o->operation,
		       force ? " with force" : "", (unsigned long long)o->s->id, a->return_value,
		       pairs_text(o->before, was, sizeof(was)));
	counts.operations++;
	if (!o->p.may_change)
		return 0;
	/* Accepted, and nothing to do: what is so already? */
	if ((o->p.success & pairs_later(w, o->s, o->before)) && !a->job &&
	    is_reached(w, o, pairs_later(w, o->s, o->before), 0) &&
	    !is_reached(w, o, o->p.success & ~pairs_later(w, o->s, o->before), 0) &&
	    !(o->operation == DRP_OP_REVERSE_ROLES))
		return 0;
	if (verbose)
		fprintf(stderr, "#   now %s\n", pairs_text(o->p.success, text, sizeof(text)));
	effect(w, o, o->p.success);
	o->acted = true;
	return 0;
}

static void end_operation(struct world *w)
{
	struct element *e;

	content_keep(false);
	for_each_element(w, e)
		atomic_store(&e->unsure, false);
}

/* With hosts still, and before anything else happens: was a split one moment of the source? */
static void check_split(struct world *w, struct pending *o)
{
	struct element *e = o->s->target;
	struct content *from;
	char what[32];

	if (!o->acted || !o->s->id || !e->attached || !e->content.known || e->pool->trouble ||
	    !pairs_may_follow(o->s, o->before))
		return;
	if (o->operation != DRP_OP_SPLIT && o->operation != DRP_OP_FAILOVER)
		return;
	snprintf(what, sizeof(what), "cut %s", e->dm);
	from = content_of(w, o->s->source);
	if (from && !read_all(e->dev, e->raw, (size_t)w->nr_sectors * SECTOR) &&
	    content_check_cut(from, e->raw, what))
		broken(w, "%s is not one moment of %s", e->dm, o->s->source->dm);
}

static int operate(struct world *w, const struct step *st, struct pending *o)
{
	struct sync *s = &w->s[(unsigned int)st->s % SYNCS_MAX];
	struct request_for r = {
		.operation = st->n, .force = st->force, .load = st->threads,
	};
	struct load load = {
		.seed = st->seed, .threads = st->threads, .element = -1,
	};
	char settings[64], text[400];
	struct answer a;
	int error, off;

	o->s = s;
	o->done = !s->id;
	if (!s->id || !s->source->pool->active)
		return 0;
	o->operation = st->n;
	o->load = st->threads;
	/* An aspect that it may leave takes an id. */
	s->source->pool->next_id++;
	/* A copy may have ended since. */
	observe(w, true);
	predict(w, s, &r, &o->p);
	effect_begin(w, o);
	settings_of(st, settings, sizeof(settings));
	load_start(w, &load);
	if (st->threads)
		sleep_us(st->seed % 3000);
	ask_modify(s, &r, settings, &a);
	if (verbose)
		fprintf(stderr, "#   from %s: %u %s\n", pairs_text(o->before, text, sizeof(text)),
			a.return_value, a.text);
	if (st->threads)
		sleep_us(st->seed % 2000);
	off = load_stop(w);
	error = off ? -EIO : conclude(w, o, &a, st->force);
	if (error == -EPROTO)
		broken(w, "operation %u%s of sync %llu was refused with %u (%s) from %s",
		       st->n, st->force ? " with force" : "", (unsigned long long)s->id,
		       a.return_value, a.text, pairs_text(o->before, text, sizeof(text)));
	if (error)
		return -EIO;
	o->done = true;
	check_split(w, o);
	end_operation(w);
	return 0;
}

/* Is there a reason why this sync may not be made? */
static bool may_be_refused(struct world *w, const struct element *from, const struct element *to)
{
	struct sync *s;

	for_each_sync(w, s)
		if (s->source == to || s->target == to || s->source == from || s->target == from)
			return true;
	return !from->attached || !to->attached || from->pool->trouble || from->pool->read_only;
}

static int create(struct world *w, const struct step *st, struct pending *o)
{
	struct sync *s = &w->s[(unsigned int)st->s % SYNCS_MAX];
	struct element *from = ELEMENT(w, st), *to = &w->e[(unsigned int)st->to % w->shape.nr_elements];
	bool refusable = from == to || may_be_refused(w, from, to), must = from == to || sync_into(w, to);
	char settings[96];
	struct answer a;
	int r = 0;

	o->done = true;
	if (s->id || from->pool != to->pool || !from->exists || !to->exists ||
	    !from->pool->active)
		return 0;
	if (to->held >= 0 && !st->force) {
		refusable = true;
		must |= !st->n;
	}
	s->type = DRP_SYNC_MIRROR;
	s->source = from;
	s->target = to;
	s->manual = s->stops_io = s->steady = false;
	s->source_wrote = s->target_wrote = WROTE_PERHAPS;
	s->pairs = GONE;
	*o = (struct pending){ .s = s, .creates = true, .before = GONE };
	o->p.success = st->n ? PAIR(st->n, 0) : PAIR(DRP_CS_UNSYNCHRONIZED, 0);
	settings_of(st, settings, sizeof(settings));
	if (st->n)
		strcat(settings, st->n == DRP_CS_INACTIVE ? " wait_for_copy_state=inactive" :
							    " wait_for_copy_state=initialized");
	s->id = from->pool->next_id++;
	o->since = content_tick();
	ask_create_sync(s, st->force, settings, &a);
	if (verbose)
		fprintf(stderr, "#   %u %s\n", a.return_value, a.text);
	if (a.return_value == DRP_RV_JOB_STARTED && a.job)
		r = await(w, o, &a);
	if (r < 0 || sim_power_is_off())
		return -EIO;
	o->done = true;
	if (is_refusal(a.return_value)) {
		if (!refusable && judge(w, "a sync that could be made was refused", -EREMOTEIO))
			return -EIO;
		s->id = 0;
		counts.refused++;
		return 0;
	}
	if (must)
		broken(w, "a sync from %s to %s was made, which cannot be", from->name, to->name);
	s->pairs = o->p.success;
	counts.operations++;
	return 0;
}

/* ---- settings ---- */

static int set(struct world *w, const struct step *st)
{
	static const char *const of_sync[] = {
		"rate_limit=0", "rate_limit=300K", "rate_limit=20M", "copy_priority=urgent",
		"copy_priority=low", "recovery_mode=manual", "recovery_mode=automatic",
		"failed_copy_stops_host_io=yes", "failed_copy_stops_host_io=no",
	};
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
		s->stops_io |= n == 7;
	} else if (n >= 9 && n < 12 && e->exists) {
		ask_set_element(e, of_element[n - 9], &a);
	} else if (n >= 12) {
		ask_set_pool(e->pool, n == 12 ? "rate_limit=4M" : "rate_limit=0", &a);
	}
	if (n >= 12 && a.return_value == DRP_RV_NOT_SUPPORTED)
		return 0;
	if (is_refusal(a.return_value) && !e->pool->trouble && !e->pool->read_only)
		return judge(w, "a setting", -EIO);
	return sim_power_is_off() ? -EIO : 0;
}

/* ---- faults ---- */

static int fault(struct world *w, const struct step *st)
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
		e->fails = true;
		for_each_sync(w, s)
			s->steady = false;
	}
	counts.faults++;
	return sim_set(e->disk, names[n], value) ? judge(w, "a fault", -EIO) : 0;
}

static int metadata_fault(struct world *w, const struct step *st)
{
	struct pool *p = POOL(w, st);

	p->trouble = p->meta_fails = p->read_only = true;
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

static int detach(struct world *w, struct element *e)
{
	if (!e->attached)
		return 0;
	lose_steady(w);
	e->pool->trouble = true;
	element_down(w, e);
	return sim_power_is_off() ? -EIO : 0;
}

static int attach(struct world *w, struct element *e)
{
	return e->exists && !e->attached && e->pool->active ? element_up(w, e) : 0;
}

/* With hosts at work. */
static int bounce(struct world *w, const struct step *st)
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

static int pool_bounce(struct world *w, const struct step *st)
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

static int recreate(struct world *w, struct element *e)
{
	bool attached = e->attached;
	struct answer a;
	struct sync *s;
	bool used = false;

	if (!e->exists || !e->pool->active || e->pool->read_only)
		return 0;
	for_each_sync(w, s)
		used |= s->source == e || s->target == e;
	if (!used)
		element_down(w, e);
	ask_delete_element(e, &a);
	if (used && !is_refusal(a.return_value) && !sim_power_is_off())
		broken(w, "%s was deleted, but it belongs to a sync", e->name);
	if (used)
		return sim_power_is_off() ? -EIO : 0;
	e->exists = false;
	if (is_refusal(a.return_value))
		return judge(w, "delete an element", -EIO);
	return element_define(w, e) ?: attached ? element_up(w, e) : 0;
}

static int hold(struct world *w, const struct step *st)
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
	struct sync *s;

	for_each_sync(w, s)
		if (s->source == e || s->target == e)
			s->pairs = pairs_later(w, s, s->pairs) | PAIR(DRP_CS_INVALID, 0) |
				   PAIR(DRP_CS_INVALID, 1) | PAIR(DRP_CS_INVALID, 2);
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
static int restart(struct world *w, struct element *changed, uint32_t seed)
{
	struct element *e;
	struct pool *p;
	char text[64];

	lose_steady(w);
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

/* ---- all steps ---- */

static int io(struct world *w, const struct step *st)
{
	struct load load = {
		.seed = st->seed, .threads = st->threads, .each = st->n,
		.element = st->e < 0 ? -1 : st->e % (int)w->shape.nr_elements,
	};

	load_start(w, &load);
	return load_stop(w);
}

static int protect(struct world *w, const struct step *st)
{
	struct element *e = ELEMENT(w, st);
	int least, most;

	may_do(w, e, &least, &most);
	return e->attached && most < 2 ? io_protected(w, e, st->seed) : 0;
}

static int fail_power(const struct step *st)
{
	if (!sim_power_is_on())
		sim_control("rearm");
	sim_control("power-fail %u", st->seed);
	return -EIO;
}

static int aspects(struct world *w, const struct step *st)
{
	struct answer a;

	ask_delete_aspects(POOL(w, st), &a);
	return sim_power_is_off() ? -EIO : 0;
}

static int do_step(struct world *w, const struct step *st, struct pending *o)
{
	struct pool *p;
	bool dead = false;

	switch (st->kind) {
	case STEP_IO:
		return io(w, st);
	case STEP_PROTECTED:
		return protect(w, st);
	case STEP_CREATE:
		return create(w, st, o);
	case STEP_OPERATE:
		return operate(w, st, o);
	case STEP_SET:
		return set(w, st);
	case STEP_FAULT:
		return fault(w, st);
	case STEP_META:
		return metadata_fault(w, st);
	case STEP_DETACH:
		return detach(w, ELEMENT(w, st));
	case STEP_ATTACH:
		return attach(w, ELEMENT(w, st));
	case STEP_BOUNCE:
	case STEP_RELOAD:
		return bounce(w, st);
	case STEP_POOL_BOUNCE:
		return pool_bounce(w, st);
	case STEP_RECREATE:
		return recreate(w, ELEMENT(w, st));
	case STEP_HOLD:
		return hold(w, st);
	case STEP_ASPECTS:
		return aspects(w, st);
	case STEP_HEAL:
		return heal(w);
	case STEP_SETTLE:
		/* A pool that is read-only stays so until then. */
		for_each_pool(w, p)
			dead |= p->read_only;
		return (dead ? restart(w, NULL, 0) : 0) ?: settle(w);
	case STEP_RESTART:
		return restart(w, NULL, 0);
	case STEP_TAMPER:
		return restart(w, ELEMENT(w, st), st->seed);
	case STEP_POWER:
		return fail_power(st);
	case STEP_ARM:
		if (!sim_power_is_on())
			return 0;
		return judge(w, "arm", sim_control("power-fail-after %u %u", st->n, st->seed));
	default:
		return 0;
	}
}

static void do_and_check(struct world *w, const struct step *st)
{
	static struct pending o;

	memset(&o, 0, sizeof(o));
	if (setjmp(w->off) || do_step(w, st, &o) || check_now(w))
		recover(w, o.s ? &o : NULL, st->kind == STEP_POWER ? st->n : 0);
}

void run(const struct steps *l, uint64_t seed)
{
	static struct world w;
	unsigned int i;
	char text[200];

	world_begin(&w, &l->shape, seed);
	for (i = 0; i < l->nr; i++) {
		const struct step *st = &l->v[i];

		w.step = i + 1;
		w.phase = "a step";
		step_text(st, text, sizeof(text));
		if (verbose)
			fprintf(stderr, "# %.2f %u: %s\n", now_seconds(), w.step, text);
		counts.steps++;
		do_and_check(&w, st);
	}
	w.phase = "the end";
	world_end(&w);
}
