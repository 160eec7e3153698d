/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests do to the machine: device-mapper ioctls, simdisk's commands,
 * reading disks below the device mapper. No threads of its own; any thread may
 * call. Functions that return int give 0 or a negative errno.
 */
#ifndef TORTURE_MACHINE_H
#define TORTURE_MACHINE_H

#include <stddef.h>
#include <stdint.h>

#include <linux/dm-ioctl.h>

/* Load a table of one target that begins at 0 and resume; *@dev: its dev_t. */
int dm_create(const char *name, uint64_t sectors, const char *target, const char *params,
	      uint64_t *dev);
/* Another table for it. */
int dm_reload(const char *name, uint64_t sectors, const char *target, const char *params);
/* Retries for @seconds while somebody has it open. -ENXIO: there is none. */
int dm_remove(const char *name, unsigned int seconds);
/* When nobody has it open any more. */
int dm_remove_later(const char *name);
int dm_suspend(const char *name);
/* What hosts have under way waits; file systems are not asked. */
int dm_suspend_fast(const char *name);
int dm_resume(const char *name);
/* @answer: at least 256 bytes, "" when it failed. */
int dm_message(const char *name, const char *message, char *answer);
/* The target's status words. */
int dm_status(const char *name, char *line, size_t size);
/* Its table; @type: DM_MAX_TYPE_NAME bytes, "" when it has none. */
int dm_table(const char *name, char *params, size_t size, char *type, uint64_t *sectors);
/* How many devices there are, at most @max, or a negative errno. */
int dm_names(char names[][DM_NAME_LEN], int max);

/* One command of simdisk's control file. */
int sim_control(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The power of all disks is on and will stay on until the next command. */
int sim_power_is_on(void);
/* It has failed, or is about to be off. */
int sim_power_is_off(void);
int sim_set(const char *disk, const char *key, const char *value);

/* Read all of a device past the page cache. */
int disk_read(const char *path, void *buf, size_t bytes);
/* Write a part of it through the page cache, durably. */
int disk_write(const char *path, const void *buf, size_t bytes, uint64_t at);
void disk_drop_cache(const char *path);
int disk_flush(const char *path);

/* What took so long hangs: the slowest copy (32 MiB at 500 KiB/s) takes half of it. */
#define HANG_SECONDS	150

double now_seconds(void);
void sleep_us(unsigned int us);

#endif
