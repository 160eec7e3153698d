/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs in the VM: a pool on recorded simdisks, hosts that write, operations, and
 * the marks that say what was asked and answered (their grammar: host.c). What
 * goes wrong ends the program.
 */
#ifndef CUT_RECORDER_H
#define CUT_RECORDER_H

#include <stdint.h>

#include <linux/dm-replica.h>

#include "machine.h"
#include "query.h"

#define ELEMENTS_MAX	4
#define WRITERS_MAX	8
#define META		"cutmeta"

struct element {
	unsigned int id;
	char dm[16], disk[16], data[32];	/* data: the device under it */
	char dev[32];			/* "": not attached */
	uint64_t sectors;
};

extern struct element elements[ELEMENTS_MAX];
extern unsigned int nr_elements;
extern int verbose;

/* ---- disks.c ---- */
__attribute__((noreturn, format(printf, 1, 2))) void failed(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void mark(const char *fmt, ...);
void recording_start(const char *scenario);
void recording_save(const char *path);
/* Blank disks and a new pool of @nr elements; @linear: their data devices can grow. */
void world_begin(const char *name, unsigned int nr, uint64_t sectors, int linear);
void world_end(const char *path);
void disks_make(unsigned int meta_sectors);
void disks_slow(void);
void pool_make(void);
void element_attach(struct element *e);
void element_grow(struct element *e, uint64_t sectors);
/* The devices go; the disks. */
void world_remove(void);
void disks_remove(void);

/* ---- hosts.c ---- */
/* @n threads write @e until hosts_stop(). */
void hosts_start(struct element *e, unsigned int n);
void hosts_stop(void);
/* Each of @n threads @count writes, to their end. */
void hosts_write(struct element *e, unsigned int n, unsigned int count);
/* So many writes were acknowledged meanwhile. */
void hosts_wait(unsigned int count);

/* ---- scenarios.c ---- */
struct scenario {
	const char *name;
	void (*run)(void);
};

extern const struct scenario scenarios[];
extern const unsigned int nr_scenarios;

/* ---- record.c ---- */
/* A new mirror; its id. Does not wait. */
uint64_t mirror(unsigned int source, unsigned int target, const char *options);
/* Ask for an operation from copy state @from, which must be accepted. */
void operate(uint64_t sync, const char *word, unsigned int from, const char *options);
/* Wait until it is there, and nothing moves it. */
void await(uint64_t sync, unsigned int state);
unsigned int state_of(uint64_t sync, struct sync_info *info);
void message(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- activate.c ---- */
/* Activate the images of a cut in @dir, compare with what is expected, record it to @path. */
void activate(const char *dir, const char *path);

/* ---- mutate.c ---- */
/* Activate the metadata in @dir @rounds times, each time changed: how often it was taken in. */
unsigned int activate_mutated(const char *dir, unsigned int rounds, uint64_t seed);

#endif
