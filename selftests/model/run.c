// SPDX-License-Identifier: GPL-2.0-only
/* Doing the steps. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "step.h"

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
int await_job(struct world *w, struct pending *o, struct answer *a)
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
			/* A copy that failed, or a refusal: that leaves it as it was. */
			if (is_reached(w, o, moves ? wanted : wanted & ~o->before, 0))
				return 0;
			a->return_value = error;
			return 1;
		}
		/* Of a returned snapshot space and element go after the sync. */
		if (o->operation != DRP_OP_RETURN_TO_RESOURCE_POOL &&
		    is_reached(w, o, wanted, moves ? 0 : a->job))
			return 0;
		sleep_us(1000);
	}
	broken(w, "job %llu does not end", (unsigned long long)a->job);
}

void operation_settings(const struct step *st, char *buf, size_t size)
{
	*buf = '\0';
	if (st->rate)
		snprintf(buf, size, "rate_limit=%dK", 256 << (st->rate & 7));
}

int conclude(struct world *w, struct pending *o, struct answer *a, bool force)
{
	char text[400], was[400];
	int r = 0;

	if (a->return_value == DRP_RV_JOB_STARTED && a->job)
		r = await_job(w, o, a);
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
	if (o->s->type == DRP_SYNC_MIRROR && (o->p.success & pairs_later(w, o->s, o->before)) && !a->job &&
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

void end_operation(struct world *w)
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

void check_point(struct world *w, struct pending *o)
{
	struct element *e = o->s->target;
	struct content *from;
	int least, most;
	char what[32];

	if (!o->acted || !is_point_in_time(o) || !e->attached || !e->content.known ||
	    e->pool->trouble)
		return;
	may_do(w, e, &least, &most);
	if (!least || read_all(e->dev, e->raw, (size_t)w->nr_sectors * SECTOR))
		return;			/* check_now() says so */
	snprintf(what, sizeof(what), "point in time %s", e->dm);
	from = o->copies ? &o->copies->content : content_of(w, o->s->source);
	/* Hosts may have written to it since. */
	if (!o->pure)
		return;
	if (from && content_check_cut(from, e->raw, what))
		broken(w, "%s is not one moment of %s", e->dm, o->s->source->dm);
	if (content_settle(&e->content, e->raw, VIEW_AFTER_FAILURE, what))
		broken(w, "%s is not what %s was", e->dm, o->s->source->dm);
	if (e->virtual)
		content_cut(&e->point, &e->content, content_tick(), true);
	/* The next one that it is copied to must show the same. */
	if (o->copies)
		content_cut(&o->copies->content, &e->content, content_tick(), true);
}

/* The target of a snapshot that is to be returned must not have a device. */
static void put_away(struct world *w, struct sync *s, const struct step *st)
{
	if (s->type == DRP_SYNC_SNAPSHOT && st->n == DRP_OP_RETURN_TO_RESOURCE_POOL &&
	    s->target->held < 0 && !st->threads)
		element_down(w, s->target);
}

void spare_target(struct pending *o, const struct step *st, struct load *load)
{
	if (o->s->type == DRP_SYNC_CLONE && is_point_in_time(o) && st->seed & 1)
		load->spared = o->s->target;
	o->pure = !o->load || load->spared || (o->s->type == DRP_SYNC_SNAPSHOT && o->creates);
}

void note_answer(struct world *w, struct pending *o, const struct answer *a)
{
	/* What takes longer than 100 ms is not done when it is answered: then there is no telling. */
	if (o->s->type == DRP_SYNC_CLONE && a->return_value == DRP_RV_JOB_STARTED &&
	    is_point_in_time(o) && is_reached(w, o, PAIR(DRP_CS_UNSYNCHRONIZED, 0), a->job))
		o->until = content_tick();
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
	bool was_attached;
	struct answer a;
	int error, off;

	o->s = s;
	o->done = !s->id;
	if (!s->id || !s->source->pool->active)
		return 0;
	o->operation = st->n;
	o->load = st->threads;
	was_attached = s->target->attached;
	if (st->n == DRP_OP_DISSOLVE && s->type == DRP_SYNC_SNAPSHOT && !free_aspect(w))
		return 0;
	/* An aspect that it may leave takes an id. */
	s->source->pool->next_id++;
	/* A copy may have ended since. */
	observe(w, true);
	put_away(w, s, st);
	predict(w, s, &r, &o->p);
	effect_begin(w, o);
	operation_settings(st, settings, sizeof(settings));
	spare_target(o, st, &load);
	load_start(w, &load);
	if (st->threads)
		sleep_us(st->seed % 3000);
	ask_modify(s, &r, settings, &a);
	note_answer(w, o, &a);
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
	check_point(w, o);
	end_operation(w);
	return s->id && !s->target->attached && was_attached ? element_up(w, s->target) : 0;
}

/* ---- all steps ---- */

static int io(struct world *w, const struct step *st)
{
	struct load load = {
		.seed = st->seed, .threads = st->threads, .each = st->n,
		.element = st->e < 0 ? -1 : st->e % (int)nr_slots(w), .wide = st->force,
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
		return step_create(w, st, o);
	case STEP_SNAPSHOT:
		return step_snapshot(w, st, o);
	case STEP_COPY:
		return step_copy(w, st, o);
	case STEP_CLONE:
		return step_clone(w, st, o);
	case STEP_OPERATE:
		return operate(w, st, o);
	case STEP_SET:
		return step_set(w, st);
	case STEP_FAULT:
		return step_fault(w, st);
	case STEP_META:
		return step_meta(w, st);
	case STEP_DETACH:
		return step_detach(w, ELEMENT(w, st));
	case STEP_ATTACH:
		return step_attach(w, ELEMENT(w, st));
	case STEP_BOUNCE:
	case STEP_RELOAD:
		return step_bounce(w, st);
	case STEP_POOL_BOUNCE:
		return step_pool_bounce(w, st);
	case STEP_RECREATE:
		return step_recreate(w, ELEMENT(w, st));
	case STEP_HOLD:
		return step_hold(w, st);
	case STEP_ASPECTS:
		return step_aspects(w, st);
	case STEP_HEAL:
		return heal(w);
	case STEP_SETTLE:
		/* A pool that is read-only stays so until then. */
		for_each_pool(w, p)
			dead |= p->read_only;
		return (dead ? step_restart(w, NULL, 0) : 0) ?: settle(w);
	case STEP_RESTART:
		return step_restart(w, NULL, 0);
	case STEP_TAMPER:
		return step_restart(w, ELEMENT(w, st)->virtual ? NULL : ELEMENT(w, st), st->seed);
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
