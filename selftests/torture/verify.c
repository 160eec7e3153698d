// SPDX-License-Identifier: GPL-2.0-only
/* The contract, looked at from below the device mapper. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/dm-replica.h>

#include "life.h"
#include "machine.h"
#include "snapshot.h"

#define COPYING		DRP_CS_UNSYNCHRONIZED
#define SETTLE_SECONDS	60

static uint8_t *content_of(struct life *l, const struct element *e)
{
	return l->content[e - l->e];
}

void read_content(struct life *l, struct element *e)
{
	int r = disk_read(e->disk_path, content_of(l, e), (size_t)l->nr_blocks * BLOCK_BYTES);

	if (r)
		failed(l, "%s cannot be read: %s", e->disk_path, strerror(-r));
}

static int block_differs(struct life *l, const struct sync *s, uint32_t b)
{
	return memcmp(content_of(l, s->source) + (size_t)b * BLOCK_BYTES,
		      content_of(l, s->target) + (size_t)b * BLOCK_BYTES, BLOCK_BYTES);
}

static uint64_t word_at(struct life *l, const struct element *e, uint32_t b, unsigned int i)
{
	uint64_t word;

	memcpy(&word, content_of(l, e) + (size_t)b * BLOCK_BYTES + i * 8, 8);
	return word;
}

static void explain_difference(struct life *l, const struct sync *s, uint32_t b)
{
	fprintf(stderr, "# block %u (extent %u): source has serial %u, target %u\n", b,
		b * BLOCK_SECTORS / l->extent_sectors, (uint32_t)word_at(l, s->source, b, 1),
		(uint32_t)word_at(l, s->target, b, 1));
}

/* Blocks that differ and are not marked; 0 if @map is NULL: all that differ. */
static unsigned int unmarked(struct life *l, const struct sync *s, const uint8_t *map)
{
	unsigned int bad = 0;
	uint32_t b;

	for (b = 0; b < l->nr_blocks; b++) {
		if ((map && map[b]) || !block_differs(l, s, b))
			continue;
		if (bad++ < 8)
			explain_difference(l, s, b);
	}
	return bad;
}

/* ---- after a power failure ---- */

static const struct sync_info *find_info(const struct sync_info *info, int n, uint64_t id)
{
	int i;

	for (i = 0; i < n; i++)
		if (info[i].id == id)
			return &info[i];
	return NULL;
}

/* As is_reached(), without devices: a mirror that copies is Partitioned then. */
static int matches(const struct sync *s, const struct goal *goal, const struct sync_info *x)
{
	struct sync_info seen;

	if (x && x->state == DRP_CS_PARTITIONED &&
	    (goal->state == COPYING || (s->clone && goal->state == DRP_CS_SUSPENDED))) {
		seen = *x;
		seen.state = goal->state;
		x = &seen;
	}
	return is_reached(s, goal, x);
}

static void check_state(struct life *l, struct sync *s, const struct sync_info *info, int n)
{
	const struct sync_info *x = s->id ? find_info(info, n, s->id) : NULL;
	const struct goal now = { .state = s->state, .turned = s->turned };
	int happened = s->maybe.state != NO_GOAL && matches(s, &s->maybe, x);

	/* Made, but its first point in time was not taken yet. */
	if (s->clone && !s->state && x && x->state == DRP_CS_PREPARED) {
		clear_maybe(s);
		s->target->line.valid = 0;
		s->state = DRP_CS_PREPARED;
		return;
	}

	if (happened && !matches(s, &now, x))
		it_happened(l, s);
	else if (!matches(s, &now, x))
		failed(l, "sync %llu is in state %u (%s), but it was %u, or %d by an operation without answer",
		       (unsigned long long)s->id, x ? x->state : 0, x ? x->error : "it is gone",
		       s->state, (int)s->maybe.state);
	else if (happened && s->cut_into)
		s->cut_into->valid = 0;		/* it is not to be seen whether it did */
	clear_maybe(s);
	if (!s->state)
		s->id = 0;
	if (x && (x->source != s->source->id || x->target != s->target->id))
		failed(l, "sync %llu has other elements than before", (unsigned long long)s->id);
}

static void check_states(struct life *l)
{
	struct sync_info info[INFOS_MAX];
	int i, n = query_syncs(info, INFOS_MAX);
	unsigned int k, expected = 0;

	if (n < 0)
		failed(l, "netlink: %s", strerror(-n));
	for (k = 0; k < l->nr_syncs; k++)
		check_state(l, &l->s[k], info, n);
	for (k = 0; k < l->nr_syncs; k++)
		expected += !!l->s[k].state;
	if (l->snapshots)
		expected += snapshots_resolve(l, info, n);
	for (i = 0; i < n && (unsigned int)n != expected; i++)
		fprintf(stderr, "# there is sync %llu in state %u\n",
			(unsigned long long)info[i].id, info[i].state);
	if ((unsigned int)n != expected)
		failed(l, "%d syncs, but %u were made", n, expected);
}

static void check_pool(struct life *l)
{
	char line[1024], mode[32] = "";

	dm_status("pfpool", line, sizeof(line));
	if (sscanf(line, "%*s %31s", mode) != 1 || strcmp(mode, "rw"))
		failed(l, "the pool is not rw: %s", line);
}

/* @e's content is its own; it was read. */
static void check_line(struct life *l, struct element *e)
{
	struct sync *s = sync_into(l, e);
	int cut = s && !s->turned &&
		  (s->state == DRP_CS_SPLIT || s->state == DRP_CS_FAILEDOVER || s->clone);
	char what[64];

	if (!e->line.valid && !(l->directions || l->clones))
		return;
	if (!e->line.valid) {
		line_observe(&e->line, content_of(l, e));
		return;
	}

	snprintf(what, sizeof(what), "%s after the power failure", e->dm);
	if (line_check(&e->line, what, content_of(l, e), 0, l->nr_blocks, e->line.durable))
		failed(l, "%s has content that it must not have", e->dm);
	if (cut && e->line.cut && line_check_cut(&e->line, what, content_of(l, e)))
		failed(l, "%s is no consistent cut", e->dm);
	line_observe(&e->line, content_of(l, e));
}

static void check_map(struct life *l, struct sync *s)
{
	unsigned int bad;
	int r = query_map("pf", s->id, l->map, l->nr_blocks);

	if (r)
		failed(l, "the map of sync %llu: %s", (unsigned long long)s->id, strerror(-r));
	bad = unmarked(l, s, l->map);
	if (bad)
		failed(l, "%u blocks differ between the legs of sync %llu (state %u) and are not marked",
		       bad, (unsigned long long)s->id, s->state);
}

/*
 * FLUSH and FUA reach all legs: what survives in the source survives in its
 * mirrors. Not asked of a mirror's mirror: a resync of the first one writes it,
 * and until the next flush only active extents say so.
 */
static void check_mirror(struct life *l, struct sync *s)
{
	struct line *line = &s->source->line;
	char what[64];

	if (!s->synchronized || sync_into(l, s->source) || !line->valid)
		return;
	snprintf(what, sizeof(what), "mirror %s after the power failure", s->target->dm);
	if (line_check(line, what, content_of(l, s->target), 0, l->nr_blocks, line->durable))
		failed(l, "%s was Synchronized and lost what was flushed", s->target->dm);
}

/* Until its devices are there nobody can tell what of @e is where. */
static int is_turned(struct life *l, struct element *e)
{
	struct sync *s = sync_into(l, e);

	return turned_into(l, e) || partial_into(l, e) || (s && s->turned == FAILING_BACK);
}

void verify_survivors(struct life *l)
{
	unsigned int i;

	check_pool(l);
	check_states(l);
	for (i = 0; i < l->nr_elements; i++)
		read_content(l, &l->e[i]);
	for (i = 0; i < l->nr_syncs; i++)
		check_mirror(l, &l->s[i]);
	for (i = 0; i < l->nr_syncs; i++)
		l->s[i].synchronized = 0;
	for (i = 0; i < l->nr_elements; i++) {
		struct element *e = &l->e[i];

		if (!content_is_own(l, e))
			e->line.valid = 0;
		else if (restored_into(l, e))
			e->unread = 1;
		else if (!is_turned(l, e))
			check_line(l, e);
	}
	for (i = 0; i < l->nr_syncs; i++) {
		if (l->s[i].turned)
			query_map("pf", l->s[i].id, l->turned_map[i], l->nr_blocks);
		else if (l->s[i].state)
			check_map(l, &l->s[i]);
	}
}

/* Nothing is written but by the copy, which changes nothing that is to be seen. */
static void check_turned(struct life *l, unsigned int i, int unfinished)
{
	struct sync *s = &l->s[i];
	unsigned int bad;

	if (disk_read(s->source->dev, content_of(l, s->source), (size_t)l->nr_blocks * BLOCK_BYTES))
		failed(l, "%s cannot be read", s->source->dm);
	check_line(l, s->source);
	if (!unfinished)
		return;
	check_line(l, s->target);
	bad = unmarked(l, s, l->turned_map[i]);
	if (bad)
		failed(l, "%u blocks of %s differ from the target of sync %llu that is being restored and are not marked",
		       bad, s->source->dm, (unsigned long long)s->id);
}

void notice_suspended(struct life *l)
{
	unsigned int i;

	for (i = 0; i < l->nr_syncs; i++) {
		struct sync *s = &l->s[i];

		if (partial_into(l, s->target) == s)
			s->state = reported_state(l, s) == DRP_CS_SUSPENDED ? DRP_CS_SUSPENDED :
									      COPYING;
	}
}

/* A clone's target may lack content on its disk, but not for its hosts. */
static void check_partial(struct life *l, struct sync *s)
{
	unsigned int seen = reported_state(l, s);

	if (disk_read(s->target->dev, content_of(l, s->target), (size_t)l->nr_blocks * BLOCK_BYTES))
		failed(l, "%s cannot be read", s->target->dm);
	check_line(l, s->target);
	l->unfinished += seen == COPYING || seen == DRP_CS_SUSPENDED;
}

/* From a snapshot; that may have ended meanwhile. */
static void check_restored(struct life *l, struct element *e)
{
	int r = restore_read(l, e);

	if (r)
		failed(l, "%s cannot be read: %s", e->dm, strerror(-r));
	check_line(l, e);
	e->unread = 0;
}

void verify_turned(struct life *l)
{
	int was[SYNCS_MAX];
	unsigned int i;

	notice_suspended(l);
	for (i = 0; i < l->nr_syncs; i++)
		if (partial_into(l, l->s[i].target) == &l->s[i])
			check_partial(l, &l->s[i]);

	for (i = 0; i < l->nr_elements; i++)
		if (l->e[i].unread)
			check_restored(l, &l->e[i]);
	for (i = 0; i < l->nr_syncs; i++)
		was[i] = l->s[i].turned;
	notice_ends(l);
	for (i = 0; i < l->nr_syncs; i++) {
		if (was[i])
			check_turned(l, i, l->s[i].turned);
		l->unfinished += !!l->s[i].turned;
	}
	model_forget_log();
}

/* ---- settled ---- */

/* 0 all settled, 1 not yet, -EIO the power failed. */
static int still_copying(struct life *l, struct sync_info *info, int *n)
{
	unsigned int i;

	*n = query_syncs(info, INFOS_MAX);
	if (*n < 0)
		failed(l, "netlink: %s", strerror(-*n));
	if (!sim_power_is_on() && sim_power_is_off())
		return -EIO;
	restores_notice(l);
	for (i = 0; i < l->nr_syncs; i++) {
		const struct sync_info *x = l->s[i].state ? find_info(info, *n, l->s[i].id) : NULL;
		unsigned int end = l->s[i].turned == RESTORING ? DRP_CS_RESTORED :
								 DRP_CS_SYNCHRONIZED;

		if (l->s[i].clone && !l->s[i].turned && x && x->state == DRP_CS_SKEWED)
			end = DRP_CS_SKEWED;
		if (l->s[i].state == COPYING && (!x || x->state != end) && !is_held(l, &l->s[i]))
			return 1;
	}
	return 0;
}

int wait_settled(struct life *l, struct sync_info *info, int *n)
{
	double end = now_seconds() + SETTLE_SECONDS;
	char message[64], answer[256];
	unsigned int i;
	int r;

	alarm(SETTLE_SECONDS + 10);
	restores_hurry(l);
	for (i = 0; i < l->nr_syncs; i++) {
		if (!l->s[i].state)
			continue;
		snprintf(message, sizeof(message), "set sync:%llu rate_limit=0",
			 (unsigned long long)l->s[i].id);
		dm_message("pfpool", message, answer);
	}
	while ((r = still_copying(l, info, n)) == 1 && now_seconds() < end) {
		sleep_us(5000);
		if (now_seconds() > end - SETTLE_SECONDS * 3 / 4 && restores_give_up(l))
			return -EIO;
	}
	if (r == 1) {
		for (i = 0; i < (unsigned int)*n; i++)
			fprintf(stderr, "# sync %llu: state %u, %llu bytes dirty, %s\n",
				(unsigned long long)info[i].id, info[i].state,
				(unsigned long long)info[i].dirty_bytes, info[i].error);
		failed(l, "the copies do not end within %d s", SETTLE_SECONDS);
	}
	if (!r)
		notice_ends(l);
	return r;
}

static void check_settled(struct life *l, struct sync *s, const struct sync_info *x)
{
	int copied = s->state == COPYING && !is_held(l, s) && !s->clone;
	unsigned int bad;

	if (copied && !x->in_sync)
		failed(l, "sync %llu is Synchronized without I/O, but says that it is not in sync",
		       (unsigned long long)s->id);
	if (copied || (x->in_sync == 1 && !s->turned)) {
		bad = unmarked(l, s, NULL);
		if (bad)
			failed(l, "sync %llu claims to be in sync (state %u), but %u blocks differ",
			       (unsigned long long)s->id, x->state, bad);
		return;
	}
	check_map(l, s);
}

/* Without a power failure nothing that was acknowledged is lost. */
static void check_acknowledged(struct life *l, struct element *e)
{
	char what[64];

	snprintf(what, sizeof(what), "settled %s", e->dm);
	if (!content_is_own(l, e) || !e->line.valid)
		return;
	if (line_check(&e->line, what, content_of(l, e), 0, l->nr_blocks, e->line.acked))
		failed(l, "%s lost acknowledged writes without a power failure", e->dm);
}

int verify_settled(struct life *l)
{
	struct sync_info info[INFOS_MAX];
	unsigned int i;
	int n, r;

	if (writers_quiet())
		failed(l, "a writer hangs");
	r = wait_settled(l, info, &n);
	if (r || sim_power_is_off())
		return -EIO;
	for (i = 0; i < l->nr_elements; i++)
		if (read_logical(l, &l->e[i]))
			failed(l, "%s cannot be read", l->e[i].dm);
	for (i = 0; i < l->nr_syncs; i++)
		l->s[i].synchronized = l->s[i].state == COPYING && !is_held(l, &l->s[i]) &&
				       !l->s[i].clone;
	for (i = 0; i < l->nr_syncs; i++)
		if (l->s[i].state)
			check_settled(l, &l->s[i], find_info(info, n, l->s[i].id));
	for (i = 0; i < l->nr_elements; i++)
		check_acknowledged(l, &l->e[i]);
	set_writable(l);
	atomic_store(&writers_pause, 0);
	return 0;
}

static int is_mirroring(struct life *l)
{
	unsigned int i;

	for (i = 0; i < l->nr_syncs; i++)
		if (l->s[i].state != COPYING || l->s[i].turned)
			return 0;
	return 1;
}

/* Towards Synchronized; where the other syncs do not allow that, by a new one. */
static int start_copy(struct life *l, struct sync *s)
{
	const char *word = s->state ? word_to_copy(s) : NULL;
	int r;

	if (!s->state)
		return make_sync(l, s);
	if (!word)
		return 0;
	r = do_operation(l, s, word, "force");
	if (r || s->state == COPYING)
		return r;
	if (!l->directions && !l->clones)
		failed(l, "sync %llu cannot be resynchronized from state %u",
		       (unsigned long long)s->id, s->state);
	r = do_operation(l, s, "detach", "force");
	return r || s->state ? r : make_sync(l, s);
}

#define PASSES 6

int verify_resynced(struct life *l)
{
	struct sync_info info[INFOS_MAX];
	unsigned int pass, i;
	int n, r = 0;

	for (pass = 0; pass < PASSES && !r && !is_mirroring(l); pass++) {
		for (i = 0; i < l->nr_syncs && !r; i++)
			r = start_copy(l, &l->s[i]);
		if (!r && !is_mirroring(l))
			r = wait_settled(l, info, &n);
	}
	if (!r && !is_mirroring(l))
		failed(l, "the syncs cannot be made Synchronized");
	return r ? r : verify_settled(l);
}
