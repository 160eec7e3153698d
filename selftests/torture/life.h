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
#define WRITERS_MAX	12
#define INFOS_MAX	32	/* syncs, with those of snapshots */

struct element {
	unsigned int id;
	char dm[32], disk[32], disk_path[48];
	char dev[32];			/* "" = not activated */
	struct line line;		/* of its own, for sources and separated targets */
	atomic_int writing;		/* writes between line_write_begin() and their end */
	atomic_int restored;		/* from a snapshot, perhaps: where space is full its writes may fail */
	int unread;			/* after a failure, until its device is there */
};

/* An unfinished restore or failback: the source shows the target's content. */
enum turned { NOT_TURNED, RESTORING, FAILING_BACK };

/* What an operation leads to. */
struct goal {
	unsigned int state;		/* 0: no sync; copying is DRP_CS_UNSYNCHRONIZED */
	enum turned turned;
	int swap;			/* source and target change places */
};

#define NO_GOAL -1U			/* as goal.state */

/* What is known of a sync's state. CopyState copies: Unsynchronized or Synchronized. */
struct sync {
	uint64_t id;
	int clone;			/* else a mirror; in state COPYING it may be Skewed, too */
	struct element *source, *target;
	unsigned int state;		/* 0: there is none; copying is DRP_CS_UNSYNCHRONIZED */
	enum turned turned;
	struct goal maybe;		/* of an operation without answer */
	int synchronized;		/* seen so, and nothing happened to it since */
	struct line *cut_into;		/* line_cut_begin() without end */
	const struct line *cut_from;
};

struct life {
	uint64_t seed, rng;
	unsigned int topology, extent_sectors, region_sectors, active_max, meta_mib, nr_writers;
	uint32_t nr_blocks;
	struct element e[ELEMENTS_MAX];
	unsigned int nr_elements;
	struct sync s[SYNCS_MAX];
	unsigned int nr_syncs;
	uint64_t last_id, retired_id;
	int pool_active, directions;	/* operations that turn the direction, too */
	int clones;			/* some syncs are */
	struct snapshots *snapshots;	/* NULL: without; see snapshot.h */
	char pool_dev[16];		/* major:minor */
	uint8_t *content[ELEMENTS_MAX];	/* as it was read last */
	uint8_t *map, *turned_map[SYNCS_MAX];	/* the latter: before the devices came up */
	char phase[96];			/* what happens, for messages */
	unsigned int failures;
	unsigned int unfinished;	/* restores, failbacks, clones found so after a failure */
};

struct writer {
	struct life *life;
	struct element *target;
	int guest;			/* of snapshots: the target is another one now and then */
	uint64_t rng;
	uint32_t *mark;
	void *buf;
	pthread_t thread;
};

extern atomic_int writers_stop, writers_pause, writers_failed;
extern atomic_ulong writes_done;
/* The power fails when so many more durable writes and flushes were acknowledged; 0: not for that. */
extern atomic_int acks_to_failure;
extern atomic_uint ack_failure_seed;
extern int verbose;

/* ---- writer.c ---- */
void writers_start(struct life *l);
void writers_join(void);
/*
 * Before them: the first block of the first element, durably. An empty disk beside one
 * with data counts as another disk after a failure, and these are so small that a
 * cache may lose all of one.
 */
void writers_write_first(struct life *l);
/* Pause them and wait until none is at work: 0, or -1 when one hangs. */
int writers_quiet(void);
/* Wait until no write of a time when @e's line was open is in flight. */
void writers_drain(struct life *l, struct element *e);
/* A snapshot with a device for a thread, or NULL; @rng is the thread's. Any thread. */
struct element *snapshot_borrow(struct life *l, uint64_t *rng);
void snapshot_give_back(struct element *e);
/* May I/O of this snapshot's target fail? Its point in time may be lost. Any thread. */
int snapshot_may_fail(struct life *l, struct element *e, int error);

/* ---- operate.c ---- */
/* The line that tells the content of @e now, NULL: nobody knows. */
struct line *line_of(struct life *l, struct element *e);
struct sync *sync_into(struct life *l, struct element *e);
/* One operation on a random sync; -EIO when the power seems to have failed. */
int operate(struct life *l);
int do_operation(struct life *l, struct sync *s, const char *word, const char *options);
int make_sync(struct life *l, struct sync *s);
/* -EIO when it was the power; anything else that was not foreseen ends the test. */
int no_answer(struct life *l, const char *what, int error);
void set_writable(struct life *l);
unsigned int reported_state(struct life *l, struct sync *s);
/* What leads @s towards Synchronized; NULL: it copies already. */
const char *word_to_copy(const struct sync *s);
/* The operation that led to @s->maybe has happened: what follows from it. */
void it_happened(struct life *l, struct sync *s);
void clear_maybe(struct sync *s);

/* ---- turn.c ---- */
/* Is the content of @e nobody else's: not that of the source of its mirror? */
int content_is_own(struct life *l, struct element *e);
/* Does an unfinished restore or failback overwrite @e? */
struct sync *turned_into(struct life *l, struct element *e);
/* Does the copy of @s wait for content that only a suspended or aborted restore, of a mirror or snapshot, would bring? */
int is_held(struct life *l, const struct sync *s);
/* May hosts write @e, by all that is known? */
int may_write(struct life *l, struct element *e);
/* Restores and failbacks end by themselves: look which ones did. */
void notice_ends(struct life *l);
/* The goal of an operation if it does what it means. */
struct goal goal_of(const struct sync *s, const char *word, unsigned int state);
/* Does @info say that @s is, or came by itself, where @goal says? */
int is_reached(const struct sync *s, const struct goal *goal, const struct sync_info *info);
/* Lines for an operation that turns the direction: 1, or 0: it is no such one. */
int turn_begin(struct life *l, struct sync *s, const char *word);
/* Is @e the target of a clone that may lack some of its content? */
struct sync *partial_into(struct life *l, struct element *e);
/* Lines for a clone's new point in time. */
void clone_begin(struct life *l, struct sync *s);
/* All of @e, as its host reads it, into l->content: 0 or a negative errno. */
int read_logical(struct life *l, struct element *e);
/* Nothing is known of what is on @e, and nobody writes it: look. */
void adopt(struct life *l, struct element *e);

/* ---- life.c ---- */
enum { WITH_DIRECTIONS = 1, WITH_CLONES = 2, WITH_SNAPSHOTS = 4 };
void life_begin(struct life *l, uint64_t seed, unsigned int with);
/* A table of @sectors for an element, on its disk (NULL: it is virtual): 0 or -EIO. */
int create_element(struct life *l, struct element *e, const char *disk);
/* Create or activate all; -EIO when the power failed meanwhile. */
int life_activate(struct life *l);
void life_deactivate(struct life *l);
void life_end(struct life *l);
int create_pool(struct life *l);
int create_elements(struct life *l);

/* ---- verify.c ---- */
/* After a power failure, with the power on and only the pool activated. */
void verify_survivors(struct life *l);
/* After that, with the elements' devices, before they are written. */
void verify_turned(struct life *l);
/* Without an answer nobody knows whether the copy was suspended; the devices are there. */
void notice_suspended(struct life *l);
/* Wait until no copy runs: 0, or -EIO: the power failed. */
int wait_settled(struct life *l, struct sync_info *info, int *n);
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
