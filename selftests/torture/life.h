/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One life: a pool with elements and mirrors on simdisks, from its creation
 * through several power failures to its end. Written by the main thread only,
 * but for what says otherwise.
 */
#ifndef TORTURE_LIFE_H
#define TORTURE_LIFE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "model.h"
#include "query.h"

#define ELEMENTS_MAX	3
#define SYNCS_MAX	2
#define WRITERS_MAX	6

struct element {
	unsigned int id;
	char dm[32], disk[32], disk_path[48];
	char dev[32];			/* "" = not activated */
	struct line line;		/* of its own, for sources and separated targets */
	atomic_int writing;		/* writes between line_write_begin() and their end */
};

/* What is known of a sync's state. CopyState copies: Unsynchronized or Synchronized. */
struct sync {
	uint64_t id;
	struct element *source, *target;
	unsigned int state;		/* 0: there is none; copying is DRP_CS_UNSYNCHRONIZED */
	unsigned int maybe;		/* state of an operation without answer; -1U: none */
	int synchronized;		/* seen so, and nothing happened to it since */
	const struct line *cut_from;	/* line_cut_begin() without end */
};

struct life {
	uint64_t seed, rng;
	unsigned int topology, extent_sectors, active_max, meta_mib, nr_writers;
	uint32_t nr_blocks;
	struct element e[ELEMENTS_MAX];
	unsigned int nr_elements;
	struct sync s[SYNCS_MAX];
	unsigned int nr_syncs;
	uint64_t last_id, retired_id;
	int pool_active;
	char pool_dev[16];		/* major:minor */
	uint8_t *content[ELEMENTS_MAX];	/* as it was read last */
	uint8_t *map;
	char phase[96];			/* what happens, for messages */
	unsigned int failures;
};

struct writer {
	struct life *life;
	struct element *target;		/* NULL: the first element */
	uint64_t rng;
	uint32_t *mark;
	void *buf;
	pthread_t thread;
};

extern atomic_int writers_stop, writers_pause, writers_failed;
extern atomic_ulong writes_done;
extern int verbose;

/* ---- writer.c ---- */
void writers_start(struct life *l);
void writers_join(void);
/* Pause them and wait until none is at work: 0, or -1 when one hangs. */
int writers_quiet(void);
/* Wait until no write of a time when @e's line was open is in flight. */
void writers_drain(struct life *l, struct element *e);

/* ---- operate.c ---- */
/* The line that tells the content of @e now, NULL: nobody knows. */
struct line *line_of(struct life *l, struct element *e);
struct sync *sync_into(struct life *l, struct element *e);
/* One operation on a random sync; -EIO when the power seems to have failed. */
int operate(struct life *l);
int do_operation(struct life *l, struct sync *s, const char *word, const char *options);
int make_sync(struct life *l, struct sync *s);
void set_writable(struct life *l);

/* ---- life.c ---- */
void life_begin(struct life *l, uint64_t seed);
/* Create or activate all; -EIO when the power failed meanwhile. */
int life_activate(struct life *l);
void life_deactivate(struct life *l);
void life_end(struct life *l);
int create_pool(struct life *l);
int create_elements(struct life *l);

/* ---- verify.c ---- */
/* After a power failure, with the power on and only the pool activated. */
void verify_survivors(struct life *l);
/* Wait until no copy runs, then compare; the writers are paused. */
int verify_settled(struct life *l);
/* Make all syncs Synchronized and compare. */
int verify_resynced(struct life *l);
void read_content(struct life *l, struct element *e);

/* ---- powerfail.c ---- */
void failed(struct life *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));

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

#endif
