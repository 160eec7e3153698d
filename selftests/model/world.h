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
#define ELEMENTS_MAX	6
#define SYNCS_MAX	6
#define BLOCK_SECTORS	8

/* A set of pairs of a CopyState and an enum turned. */
typedef uint64_t pairs_t;

#define PAIR(state, turned)	(1ULL << ((state) + 20 * (turned)))
#define GONE			(1ULL << 63)	/* there is no such sync */
#define NR_PAIRS		60
#define PAIR_STATE(bit)		((bit) % 20)
#define PAIR_TURNED(bit)	((bit) / 20)

struct pool {
	char name[16], disk[16];
	bool active, read_only;		/* read_only: its metadata failed, possibly */
	bool trouble;			/* something failed or went away since all was settled */
	bool meta_fails;
	uint64_t next_id;
	char dev[16];			/* major:minor */
};

struct element {
	struct pool *pool;
	uint64_t id;
	char name[8], dm[24], disk[16], path[24], dev[24];
	bool exists, attached;
	bool fails;			/* its disk, in some way */
	int held;			/* O_EXCL, -1: not */
	struct content content;		/* its own, while it has one: see content_of() */
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
	bool stops_io;			/* FailedCopyStopsHostIO */
	bool steady;			/* Synchronized when all was settled, and nothing happened since */
	uint8_t *map;			/* a byte a block */
};

struct shape {				/* of a run */
	unsigned int nr_pools, nr_elements, mib, extent, active, meta_mib, cache, slow;
};

struct world {
	struct shape shape;
	uint64_t seed;
	struct pool p[POOLS_MAX];
	struct element e[ELEMENTS_MAX];
	struct sync s[SYNCS_MAX];
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
	unsigned long blocks, faults, settled;
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

#define for_each_sync(w, at) \
	for ((at) = next_sync(w, NULL); (at); (at) = next_sync(w, at))
#define for_each_element(w, at) \
	for ((at) = (w)->e; (at) < (w)->e + (w)->shape.nr_elements; (at)++)
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
/* What there is now must be among what may be: notes it, and what follows for contents. */
void observe(struct world *w, bool devices);
const char *pairs_text(pairs_t pairs, char *buf, size_t size);

/* ---- effects.c: what an operation means for contents ---- */
struct pending {			/* an operation under way */
	struct sync *s;
	unsigned int operation;
	uint64_t since;
	pairs_t before;
	struct prediction p;
	bool done, acted, creates, load;	/* acted: it has changed something */
};

void effect_begin(struct world *w, struct pending *o);
/* It succeeded, and is in one of @now. */
void effect(struct world *w, struct pending *o, pairs_t now);
/* Nobody knows whether it happened. */
void effect_unknown(struct world *w, struct pending *o);

/* ---- io.c: the hosts ---- */
struct load {
	uint64_t seed;
	unsigned int threads, each;	/* each 0: until load_stop() */
	int element;			/* -1: all that may be written */
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

struct seen {
	uint64_t id, source, target, job;
	unsigned int type, state, progress;
	bool reverse;
	struct facts facts;
	char error[256];
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
/* Number of syncs, or a negative number: @text says why. */
int ask_syncs(const struct pool *p, struct seen *seen, int max, char *text);
/* JobState, 0: there is none; *@error: return value. */
unsigned int ask_job(const struct pool *p, uint64_t id, uint32_t *error);
int ask_map(const struct sync *s, uint8_t *bits, uint32_t blocks);
/* Number of aspects deleted. */
int ask_delete_aspects(const struct pool *p, struct answer *a);

#endif
