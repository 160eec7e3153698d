/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One run: pools, elements and syncs on simdisks, what the model knows of them,
 * and the steps. Written by the main thread only, but for what says otherwise.
 */
#ifndef MODEL_WORLD_H
#define MODEL_WORLD_H

#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <linux/dm-replica.h>

#include "content.h"
#include "machine.h"
#include "rules.h"

#define POOLS_MAX	2
#define ELEMENTS_MAX	6		/* with a disk */
#define VIRTUAL_MAX	4		/* targets of snapshots */
#define SLOTS_MAX	(ELEMENTS_MAX + VIRTUAL_MAX)
#define SYNCS_MAX	10
#define ASPECTS_MAX	12		/* of snapshots */
#define BLOCK_SECTORS	8

/* A set of pairs of a CopyState and an enum turned. */
typedef uint64_t pairs_t;

#define PAIR(state, turned)	(1ULL << ((state) + 20 * (turned)))
#define GONE			(1ULL << 63)	/* there is no such sync */
#define NR_PAIRS		60
#define PAIR_STATE(bit)		((bit) % 20)
#define PAIR_TURNED(bit)	((bit) / 20)

/* Those in which a snapshot shows its point in time, and may be written. */
#define SHOWS		(PAIR(DRP_CS_SYNCHRONIZED, 0) | PAIR(DRP_CS_SKEWED, 0) | \
			 PAIR(DRP_CS_RESTORED, 0))
/* Those in which what a clone shows need not be on its target's disk, or is not to be had at all. */
#define UNFINISHED	(PAIR(DRP_CS_UNSYNCHRONIZED, 0) | PAIR(DRP_CS_SUSPENDED, 0) | \
			 PAIR(DRP_CS_BROKEN, 0) | PAIR(DRP_CS_PARTITIONED, 0) | \
			 PAIR(DRP_CS_ABORTED, 0) | PAIR(DRP_CS_INVALID, 0))

struct pool {
	char name[16], disk[16], cow[16];
	bool active, read_only;		/* read_only: its metadata failed, possibly */
	bool trouble;			/* something failed or went away since all was settled */
	bool meta_fails;
	bool loses;			/* points in time: something failed but the power */
	uint64_t next_id;
	char dev[16];			/* major:minor */
};

struct element {
	struct pool *pool;
	uint64_t id;
	char name[8], dm[24], disk[16], path[24], dev[24];
	bool exists, attached;
	bool virtual;			/* no disk: what a snapshot shows, or has left */
	struct element *parent;		/* virtual: whose content it shows */
	bool frail;			/* virtual, without a sync: its point in time was lost, perhaps */
	bool fails;			/* its disk, in some way */
	int held;			/* O_EXCL, -1: not */
	struct content content;		/* its own, while it has one: see content_of() */
	struct content point;		/* virtual: likewise, without what was written to it */
	void *raw;			/* its disk's content, as read last */
	atomic_bool unsure;		/* an operation may be changing what hosts see or may do */
};

/* A fact that is reported: what it may be. */
enum { FACT_NO = 1, FACT_YES = 2, FACT_EITHER = 3 };

struct facts {
	uint8_t consistent, in_sync, source_changed, target_changed;
};

/* What hosts did since the sides parted, for the facts. */
enum { WROTE_NOTHING, WROTE_PERHAPS, WROTE };

struct sync {
	uint64_t id;			/* 0: there is none */
	unsigned int type;		/* enum drp_sync_type */
	struct element *source, *target;
	pairs_t pairs;			/* what it may be in */
	struct facts facts;		/* as reported last */
	uint8_t source_wrote, target_wrote;
	bool manual;			/* CopyRecoveryMode */
	uint8_t stops_io, auto_delete;	/* FailedCopyStopsHostIO, AutoDelete: FACT_... */
	uint8_t prio;			/* CopyPriority */
	bool broke;			/* seen Broken for the first time, while nothing but room was short */
	uint64_t point;			/* of a snapshot: when its point in time was taken */
	bool frail, lost;		/* of a clone, its point in time: it may be, it is lost */
	bool steady;			/* Synchronized when all was settled, and nothing happened since */
	uint8_t *map;			/* a byte a block */
};

/* The point in time of a snapshot that was dissolved. */
struct aspect {
	uint64_t id, sync;		/* sync: that was dissolved, 0: there is none; id 0: not seen yet */
	struct element *source;
	struct content content;
	uint64_t point;			/* when it was taken */
	bool frail;			/* it may go: something failed, or room is short */
	bool ends;			/* it was to be deleted, and nobody said that it is */
};

struct shape {				/* of a run */
	unsigned int nr_pools, nr_elements, mib, extent, active, meta_mib, cache, slow;
	unsigned int snapshots, chunk;	/* snapshots 0: pools have no COW space */
	unsigned int cow_mib;		/* 0: more than a list fills */
};

struct world {
	struct shape shape;
	uint64_t seed;
	struct pool p[POOLS_MAX];
	struct element e[SLOTS_MAX];	/* those with a disk, then the virtual ones */
	struct sync s[SYNCS_MAX];
	struct aspect a[ASPECTS_MAX];
	uint32_t nr_sectors;
	uint8_t *map;
	unsigned int step;		/* number of the one that is done, for messages */
	const char *phase;
	jmp_buf off;			/* the power was found to be off */
};

extern int verbose;

/* What was done, for the report. */
struct counts {
	unsigned long steps, operations, refused, power_failures, restarts, host_io, reads;
	unsigned long blocks, faults, settled, points, copies, broke;
	unsigned char cells[3][2][25][20];	/* of the tables of operations.rst */
};

extern struct counts counts;

/* The contract is broken: says so and ends the process with status 1. */
void broken(struct world *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/* It is, unless the power has just failed: then the step ends with that. */
void suspect(struct world *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/* The next one that is there; NULL: from the first, past the end. */
static inline struct sync *next_sync(const struct world *w, const struct sync *at)
{
	for (at = at ? at + 1 : w->s; at < w->s + SYNCS_MAX; at++)
		if (at->id)
			return (struct sync *)at;
	return NULL;
}

static inline struct aspect *next_aspect(const struct world *w, const struct aspect *at)
{
	for (at = at ? at + 1 : w->a; at < w->a + ASPECTS_MAX; at++)
		if (at->sync)
			return (struct aspect *)at;
	return NULL;
}

/* Of elements that are or may be there. */
static inline unsigned int nr_slots(const struct world *w)
{
	return w->shape.nr_elements + w->shape.snapshots;
}

#define for_each_sync(w, at) \
	for ((at) = next_sync(w, NULL); (at); (at) = next_sync(w, at))
#define for_each_aspect(w, at) \
	for ((at) = next_aspect(w, NULL); (at); (at) = next_aspect(w, at))
#define for_each_element(w, at) \
	for ((at) = (w)->e; (at) < (w)->e + nr_slots(w); (at)++)
#define for_each_disk(w, at) \
	for ((at) = (w)->e; (at) < (w)->e + (w)->shape.nr_elements; (at)++)
#define for_each_virtual(w, at) \
	for ((at) = (w)->e + (w)->shape.nr_elements; (at) < (w)->e + nr_slots(w); (at)++)
#define for_each_pool(w, at) \
	for ((at) = (w)->p; (at) < (w)->p + (w)->shape.nr_pools; (at)++)

static inline uint64_t rng_next(uint64_t *s)
{
	uint64_t z = (*s += 0x9e3779b97f4a7c15ULL);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static inline unsigned int rng_below(uint64_t *s, unsigned int n)
{
	return (rng_next(s) >> 16) % n;
}

/* ---- world.c: bringing it up and down; int: 0, or -EIO when the power failed ---- */
void world_begin(struct world *w, const struct shape *shape, uint64_t seed);
int pool_up(struct world *w, struct pool *p);
/* Its devices, and the chunk. */
void pool_params(const struct world *w, const struct pool *p, char *params, size_t size);
int element_up(struct world *w, struct element *e);
int element_define(struct world *w, struct element *e);
int element_reload(struct world *w, struct element *e);
void element_down(struct world *w, struct element *e);
void pool_down(struct world *w, struct pool *p);
void world_end(struct world *w);
/* What a run that was ended left behind. */
void world_sweep(void);
/* Waits a little: the power may be about to fail. */
bool power_failed(void);
/* -EIO when the power failed; any other error of what must not fail ends the run. */
int judge(struct world *w, const char *what, int error);

/* ---- states.c: the reference model of states ---- */
/* All that @pairs may have become by itself. */
pairs_t pairs_later(const struct world *w, const struct sync *s, pairs_t pairs);
/* Is all that a clone shows on its target's disk, in all of @pairs? */
bool pairs_whole(pairs_t pairs);
/* Is @e being copied to, so that what hosts see need not be on its disk? */
bool is_indirect(const struct world *w, const struct element *e);
/* Is the target's content the source's, in all of @pairs: a mirror that copies? */
bool pairs_follow(const struct sync *s, pairs_t pairs);
bool pairs_may_follow(const struct sync *s, pairs_t pairs);
bool pairs_may_turn(pairs_t pairs);
struct sync *sync_into(struct world *w, const struct element *e);
/* Is @e also in a sync other than @s? */
bool is_shared(const struct world *w, const struct sync *s, const struct element *e);
/* Could something that @s does not decide change what it reads from or writes to? */
bool is_entangled(const struct world *w, const struct sync *s);
/* What hosts may do with @e, over all that may be: *@least, *@most (struct access). */
void may_do(struct world *w, const struct element *e, int *least, int *most);
/* Is @e being restored: *@certain: it is. */
bool is_restored(const struct world *w, const struct element *e, bool *certain);
/* Is there a snapshot of @e? */
bool is_snapped(const struct world *w, const struct element *e);
/* Has @e snapshots, or what they left? */
bool has_snapshots(const struct world *w, const struct element *e);
/* Virtual: is there perhaps no point in time that it could show? */
bool is_frail(struct world *w, const struct element *e);
/* What tells the content of @e: its own, its source's; NULL: nobody knows. */
struct content *content_of(struct world *w, struct element *e);

struct request_for {			/* an operation */
	unsigned int operation;
	bool force, load;
};

struct prediction {
	pairs_t success;		/* 0: must be refused */
	bool swaps;			/* success: source and target change places, perhaps */
	bool may_change;		/* success need not be "no change" */
	uint32_t refusals;		/* a bit for each return value that may come: refusal_bit() */
};

uint32_t refusal_bit(uint32_t return_value);
void predict(struct world *w, const struct sync *s, const struct request_for *r,
	     struct prediction *p);
/* Of a point in time of @e: what else may be or must be refused. */
void predict_point(struct world *w, const struct element *e, bool load, struct prediction *p);

/* ---- observe.c ---- */
/* What there is now must be among what may be: notes it, and what follows for contents. */
void observe(struct world *w, bool devices);
const char *pairs_text(pairs_t pairs, char *buf, size_t size);

/* ---- aspects.c ---- */
/* Do aspects keep points in time of @e? @surely: those that cannot have gone. */
bool is_kept(const struct world *w, const struct element *e, bool surely);
/* One that could be left; NULL: there are too many. */
struct aspect *free_aspect(struct world *w);
/* Dissolve. */
void leave_aspect(struct world *w, const struct sync *s);
/* Those that the pool has must be those that may be there. */
void observe_aspects(struct world *w, struct pool *p);

/* ---- space.c: what is allowed when COW space is full ---- */
/* May the snapshot break for want of room? */
bool may_go_for_room(const struct world *w, const struct sync *s);
/* May a host's write of @e fail? */
bool may_lack_room(const struct world *w, const struct element *e);
/* Those that broke went in the order of the policy. */
void observe_room(struct world *w, struct pool *p);
/* Nothing stops hosts any more: what is copied can go on. */
void make_room(struct world *w);
/* Where there are no points in time nothing is kept. */
void check_room(struct world *w);

/* ---- effects.c: what an operation means for contents ---- */
struct pending {			/* an operation under way */
	struct sync *s;
	unsigned int operation;
	uint64_t since;
	pairs_t before;
	struct prediction p;
	bool done, acted, creates, load;	/* acted: it has changed something */
	struct aspect *copies;		/* Copy To Target: of its point in time */
	bool pure;			/* no host wrote to the target since */
	uint64_t until;			/* when it was answered; 0: it was not, or that says nothing */
};

void effect_begin(struct world *w, struct pending *o);
/* Takes it a point in time of the source, in place of what was? */
bool is_point_in_time(const struct pending *o);
/* It succeeded, and is in one of @now. */
void effect(struct world *w, struct pending *o, pairs_t now);
/* Nobody knows whether it happened. */
void effect_unknown(struct world *w, struct pending *o);

/* ---- io.c: the hosts ---- */
struct load {
	uint64_t seed;
	unsigned int threads, each;	/* each 0: until load_stop() */
	int element;			/* -1: all that may be written */
	const struct element *spared;	/* not this one */
	bool wide;			/* all over, else mostly at the beginning */
};

void load_start(struct world *w, const struct load *l);
/* Waits for the end; 0 or -EIO: the power failed. */
int load_stop(struct world *w);
int io_protected(struct world *w, struct element *e, uint64_t seed);
int read_all(const char *path, void *buf, size_t bytes);

/* ---- check.c ---- */
/* With hosts still: 0, or -EIO: the power failed. */
int check_now(struct world *w);
/* The power failed: bring all up again, and look what is left. */
void recover(struct world *w, struct pending *o, unsigned int again);
/* All disks of elements work again. */
int heal(struct world *w);
/* Wait until nothing is copied any more; -EIO: the power failed. */
int settle(struct world *w);

/* ---- ask.c: netlink ---- */
struct answer {
	uint32_t return_value;
	uint64_t job;
	char text[256];
};

static inline bool is_refusal(uint32_t return_value)
{
	return return_value && return_value != DRP_RV_JOB_STARTED;
}

struct seen {
	uint64_t id, source, target, job;
	unsigned int type, state, progress;
	bool reverse;
	struct facts facts;
	char error[256];
};

struct seen_aspect {
	uint64_t id, sync, source;
	unsigned int type;
	bool keeps;			/* a point in time, which Copy To Target can show */
};

void ask_create_element(const struct element *e, const char *settings, uint64_t sectors,
			struct answer *a);
void ask_delete_element(const struct element *e, struct answer *a);
void ask_create_sync(const struct sync *s, bool force, const char *settings, struct answer *a);
void ask_modify(const struct sync *s, const struct request_for *r, const char *settings,
		struct answer *a);
void ask_set_sync(const struct sync *s, const char *setting, struct answer *a);
void ask_set_element(const struct element *e, const char *setting, struct answer *a);
void ask_set_pool(const struct pool *p, const char *setting, struct answer *a);
/* Bytes of COW space in use; negative: who knows. */
long ask_cow_used(const struct pool *p);
/* Number of syncs, or a negative number: @text says why. */
int ask_syncs(const struct pool *p, struct seen *seen, int max, char *text);
/* JobState, 0: there is none; *@error: return value. */
unsigned int ask_job(const struct pool *p, uint64_t id, uint32_t *error);
/* Is there an element of this id? Negative: who knows. */
int ask_element(const struct pool *p, uint64_t id);
int ask_map(const struct sync *s, uint8_t *bits, uint32_t blocks);
/* Likewise of aspects. */
int ask_aspects(const struct pool *p, struct seen_aspect *seen, int max, char *text);
void ask_delete_aspect(const struct pool *p, uint64_t id, struct answer *a);

#endif
