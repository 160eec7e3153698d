/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cutter: a recording of simdisks is replayed to any moment, a power failure
 * is let happen there, the module's own core loads what is left, and that is
 * compared with what the marks of the recording allow.
 *
 * log.c    the recording as an array of events
 * media.c  what is on the disks at a moment, durable and not, and cuts of it
 * pool.c   what the core makes of a cut metadata device
 * host.c   what the marks say: operations, hosts' writes, and what follows
 * judge.c  the contract
 *
 * One thread. What cannot be parsed or allocated ends the program (status 2).
 */
#ifndef CUT_H
#define CUT_H

#include <stdbool.h>
#include <stddef.h>

#include "check.h"
#include "journal.h"
#include "record.h"

#define DISKS_MAX	8
#define ELEMENTS_MAX	8
#define SYNCS_MAX	8
#define SECTORS_MAX	16384		/* of an element: 8 MiB */
#define SECTOR		512
#define REGIONS_MAX	(SECTORS_MAX / 8)
#define EXTENTS_MAX	(SECTORS_MAX / 128)

/* ---- log.c ---- */

struct event {
	struct sim_record h;
	const u8 *data;
};

struct log {
	u8 *bytes;
	struct event *events;
	u32 nr;
};

void log_read(struct log *log, const char *path);
void log_free(struct log *log);

/* ---- media.c ---- */

struct write {
	u64 id, sector;
	u32 sectors;
	const u8 *data;			/* NULL: zeroes */
	bool fua, done;
	u64 done_at;			/* how many were done before */
	u8 *gone;			/* sectors that a later durable write covered; NULL: none */
};

struct disk {
	char name[32];
	u64 sectors;
	bool cache;
	u8 *image;			/* durable; with a cut applied, that */
	struct write *pending;		/* the done ones first, in order of their end */
	u32 nr_pending, nr_done, max_pending;
};

/* Which of the pending sectors of a disk survive. */
enum keep {
	KEEP_NONE,
	KEEP_ALL,
	KEEP_DONE,			/* what is in flight does not land */
	KEEP_WRITES,			/* each write by itself */
	KEEP_SECTORS,			/* each sector by itself */
	KEEP_BUT_ONE,			/* one write is torn, all others land */
	KEEP_KINDS,
};

/* A deliberate mistake: the recording is read as if the module had made it. */
enum fault {
	FAULT_NONE,
	FAULT_NO_LEG_FLUSH,		/* data disks are never flushed */
	FAULT_NO_METADATA_FLUSH,	/* the metadata device is not */
	FAULT_COMMIT_NOT_WAITED,	/* its FUA writes are durable only with the next flush */
	FAULTS,
};

struct media {
	struct disk disks[DISKS_MAX];
	u32 nr_disks;
	struct disk *metadata;		/* NULL: not known yet */
	bool has_base;			/* there was something on the disks in the beginning */
	enum fault fault;
	u64 nr_done;			/* writes that ended, ever */
	struct {
		u64 id, until;
		struct disk *disk;
	} flushes[64];			/* under way; id 0: free */
	u8 *undo;			/* what a cut overwrote */
	size_t undo_bytes, undo_max;
};

struct random {
	u64 state;
};

u64 random_next(struct random *r);

void media_event(struct media *m, const struct event *e);
struct disk *media_find(struct media *m, const char *name);
bool media_pending(const struct media *m);
/* Let survive what @metadata and @data choose; media_restore() takes it back. */
void media_cut(struct media *m, enum keep metadata, enum keep data, struct random *r);
void media_restore(struct media *m);
void media_free(struct media *m);

/* ---- pool.c ---- */

struct pool_element {
	struct drp_element_rec rec;	/* id 0: there is none */
	u8 active[EXTENTS_MAX];
};

struct pool_sync {
	struct drp_sync_rec rec;
	bool has_c, c_lost;
	u8 d[REGIONS_MAX];		/* with the active extents, after pool_load() */
	u8 c[REGIONS_MAX];
};

struct pool {
	enum drp_probe probe;
	int error;			/* of the load */
	struct drp_check_result result;
	char finding[DRP_MESSAGE_MAX + 1];	/* the first one that must not be */
	struct pool_element elements[ELEMENTS_MAX];
	struct pool_sync syncs[SYNCS_MAX];
};

/* What is on the metadata device? */
void pool_load(struct pool *p, const struct disk *metadata);
struct pool_element *pool_element(struct pool *p, u64 id);
struct pool_sync *pool_sync(struct pool *p, u64 id);
bool pool_usable(const struct pool *p);

/* ---- host.c ---- */

/* Which writes may be found in each sector of an element. */
struct line {
	u32 number;			/* 0: nothing is known */
	struct line *parent;		/* it went on from this one, */
	u32 *ceiling;			/* with nothing newer (NULL: what it had at the cut) */
	u32 *durable, *acked, *issued;	/* serials, per sector */
	u32 *told;			/* durable, and its host was told: not by a cut alone */
	bool moment;			/* its parent's content at one moment */
	u64 asked;			/* event: acknowledged before is in it */
};

struct host_write {
	u32 line, sector, sectors;
	u64 issued_at, acked_at;	/* events; 0: not acknowledged */
	bool fua;
};

enum effect {
	EFFECT_NONE,
	EFFECT_CUT,			/* target = source at one moment, flushed */
	EFFECT_PART,			/* target = source, at least what was durable */
	EFFECT_COPY,			/* nothing is known of the target any more */
	EFFECT_TURN,			/* source = target, at once */
	EFFECT_SWAP,			/* as CUT, and they change places */
	EFFECT_ROLES,			/* they change places, each with its content */
};

struct host_element {
	u64 id;				/* 0: none */
	struct disk *disk;
	u64 sectors;
	bool must, may;			/* in the metadata */
	u64 shows;			/* whose identity: it moves with the roles */
	struct line *line;
	struct line *former;		/* before a resync that may not have begun to copy */
	u8 *exact;			/* adopted: its content, byte by byte */
};

struct host_sync {
	u64 id, source, target;
	u32 allowed;			/* bit per copy state; bit 0: there is none */
	u32 named;			/* by the operation */
	bool operating;
	u32 from;			/* copy state before the operation */
	enum effect effect;
	struct line *next;		/* of the element that the effect is about */
};

struct host {
	char scenario[64];
	bool formatted;			/* the pool must be there */
	bool adopted;
	struct host_element elements[ELEMENTS_MAX];
	struct host_sync syncs[SYNCS_MAX];
	struct host_write *writes;	/* by serial */
	u32 max_writes, nr_lines;
	u64 nr_operations, nr_acked;
	struct {
		u32 number;
		struct line *line;
		u32 *acked;
	} flushes[64];
};

struct host *host_new(void);
/* A mark at event @at. @m as it is then. */
void host_mark(struct host *h, struct media *m, const char *text, u64 at);
struct host_element *host_element(struct host *h, u64 id);
/* Do its two elements change places by it? */
bool effect_turns_roles(enum effect effect);
/* Marks after which @h is as the pool @p on the media says, nothing else being known. */
void host_adopt(struct host *h, struct pool *p);

/* ---- judge.c ---- */

/* NULL, or what is wrong, in words. @blocks counts regions that were compared. */
const char *judge(struct host *h, struct media *m, struct pool *p, u64 *blocks);
/* Bytes of @e as its host would read them. */
const u8 *logical_sector(struct host *h, const struct host_element *e, struct pool *p, u64 sector);

__attribute__((noreturn, format(printf, 1, 2))) void die(const char *fmt, ...);
void *must_alloc(size_t bytes);		/* zeroed */

#endif
