// SPDX-License-Identifier: GPL-2.0-only
/*
 * hand: does for a script what it would start programs for. Each line on stdin is
 * a command; one line on stdout answers: 0 or an errno, and words. Devices are
 * those of the device mapper and simdisk by name, contents stay in memory by name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "hand.h"
#include "machine.h"
#include "query.h"

#define NAMES_MAX	32

static char answer[8192];

static int say(int status, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(answer, sizeof(answer), fmt, args);
	va_end(args);
	return status;
}

/* ---- devices ---- */

static int make(char *rest)
{
	char name[64], type[32], path[128];
	unsigned long long start, sectors;
	uint64_t dev;
	int at = 0, r;

	if (sscanf(rest, "%63s %llu %llu %31s %n", name, &start, &sectors, type, &at) < 4)
		return -EINVAL;
	snprintf(path, sizeof(path), "/dev/mapper/%s", name);
	r = dm_create(name, sectors, type, rest + at, &dev);
	if (r)
		return r;
	unlink(path);
	return mknod(path, S_IFBLK | 0600, makedev(major(dev), minor(dev))) ? -errno : 0;
}

static int take(const char *rest, unsigned int seconds)
{
	char path[128];
	int r = dm_remove(rest, seconds);

	snprintf(path, sizeof(path), "/dev/mapper/%s", rest);
	if (!r)
		unlink(path);
	return r;
}

static int take_away(char *rest)
{
	return take(rest, 5);
}

/* Refused while it is open. */
static int take_now(char *rest)
{
	return take(rest, 0);
}

static int later(char *rest)
{
	return dm_remove_later(rest);
}

/* Where it was nothing is any more: all I/O fails. */
static int wipe(char *rest)
{
	char params[512], type[DM_MAX_TYPE_NAME];
	uint64_t sectors = 0;
	int r = dm_table(rest, params, sizeof(params), type, &sectors);

	return r ? r : dm_reload(rest, sectors, "error", "");
}

static int reload(char *rest)
{
	char params[512], type[DM_MAX_TYPE_NAME];
	uint64_t sectors = 0;
	int r = dm_table(rest, params, sizeof(params), type, &sectors);

	return r ? r : dm_reload(rest, sectors, type, params);
}

static int suspend(char *rest)
{
	return dm_suspend(rest);
}

static int suspend_fast(char *rest)
{
	return dm_suspend_fast(rest);
}

static int resume(char *rest)
{
	return dm_resume(rest);
}

/* NAME: the type of its table. */
static int type_of(char *rest)
{
	char params[512], type[DM_MAX_TYPE_NAME];
	int r = dm_table(rest, params, sizeof(params), type, NULL);

	return say(r, "%s", type);
}

/* DEVICE WORD... */
static int message(char *rest)
{
	char *text = strchr(rest, ' '), words[256];
	int r;

	if (!text)
		return -EINVAL;
	*text++ = '\0';
	r = dm_message(rest, text, words);
	return say(r, "%s", r ? strerror(-r) : words);
}

/* ---- the module ---- */

static int module_in(char *rest)
{
	int fd = open(rest, O_RDONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, "", 0))
		r = -errno;
	close(fd);
	return r;
}

static int module_out(char *rest)
{
	return syscall(SYS_delete_module, rest, O_NONBLOCK) ? -errno : 0;
}

/* ---- how all is ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Of a status line: what it is, without ids and figures. */
static size_t look_at(const char *name, char *to, size_t size)
{
	char line[4096], *word[256], *p, *save;
	size_t used;
	int n = 0, i;

	if (dm_status(name, line, sizeof(line)))
		return 0;
	for (p = strtok_r(line, " ", &save); p && n < 256; p = strtok_r(NULL, " ", &save))
		word[n++] = p;
	if (!strcmp(name, "p") && n >= 4)
		return snprintf(to, size, "p: %s %s %s;", word[1], word[2], word[3]);
	if (n < 6)
		return snprintf(to, size, "%s: no table;", name);
	used = snprintf(to, size, "%s: %s %s", name, word[2], word[3]);
	for (i = 6; i + 7 < n && used < size; i += 8)
		used += snprintf(to + used, size - used, " [%s %s %s %s]", word[i + 1], word[i + 2],
				 word[i + 3], word[i + 4]);
	return used + snprintf(to + used, used < size ? size - used : 0, ";");
}

static void look_around(char *to, size_t size)
{
	static char names[NAMES_MAX][DM_NAME_LEN];
	int n = dm_names(names, NAMES_MAX), i;
	size_t used = 0;

	*to = '\0';
	if (n > 0)
		qsort(names, n, sizeof(*names), by_name);
	for (i = 0; i < n; i++)
		if (!strcmp(names[i], "p") || !strncmp(names[i], "p-", 2))
			used += look_at(names[i], to + used, size - used);
}

static int look(char *rest)
{
	(void)rest;
	look_around(answer, sizeof(answer));
	return 0;
}

/* A pool that is read-only records nothing any more: what is there stays. */
static int is_calm(const char *now)
{
	return !strstr(now, "ing]") && !strstr(now, "failing-over]") && !strstr(now, "failing-back]");
}

static int is_stopped(const char *now)
{
	return strstr(now, "p: ro ") || strstr(now, "p: fail ");
}

static int job_runs(unsigned long long job)
{
	unsigned int error, state = job ? query_job(job, &error) : 0;

	return state && state <= 4;
}

/* SECONDS JOB (0: none): until nothing is under way; -ETIME and how it is then. */
static int calm(char *rest)
{
	unsigned long long job = 0;
	unsigned int seconds = 0, pause = 1000;
	double end;
	int runs;

	if (sscanf(rest, "%u %llu", &seconds, &job) < 1)
		return -EINVAL;
	if (job)
		query_anew();
	end = now_seconds() + seconds;
	for (;;) {
		runs = job_runs(job);
		look_around(answer, sizeof(answer));
		if (!runs && (is_calm(answer) || is_stopped(answer)))
			return 0;
		if (now_seconds() > end) {
			if (runs)
				strncat(answer, "the job runs", sizeof(answer) - strlen(answer) - 1);
			return -ETIME;
		}
		sleep_us(pause);
		pause = pause < 50000 ? pause * 2 : pause;
	}
}

/* DISK...: how many requests each has got. */
static int counts(char *rest)
{
	char *disk, *save, path[128], line[1024], *word, *inner;
	size_t used = 0;
	FILE *f;

	*answer = '\0';
	for (disk = strtok_r(rest, " ", &save); disk; disk = strtok_r(NULL, " ", &save)) {
		unsigned long long n = 0;

		snprintf(path, sizeof(path), "/sys/kernel/simdisk/%s/stats", disk);
		f = fopen(path, "re");
		if (!f || !fgets(line, sizeof(line), f))
			line[0] = '\0';
		if (f)
			fclose(f);
		for (word = strtok_r(line, "\n ", &inner); word; word = strtok_r(NULL, "\n ", &inner)) {
			char *value = strchr(word, '=');

			if (!value)
				continue;
			*value++ = '\0';
			if (!strcmp(word, "reads") || !strcmp(word, "writes") ||
			    !strcmp(word, "flushes") || !strcmp(word, "discards") ||
			    !strcmp(word, "write_zeroes") || !strcmp(word, "errors"))
				n += strtoull(value, NULL, 0);
		}
		used += snprintf(answer + used, sizeof(answer) - used, "%llu ", n);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*fn)(char *rest);
} commands[] = {
	{ "create", make }, { "remove", take_away }, { "remove-now", take_now },
	{ "remove-later", later }, { "wipe", wipe },
	{ "reload", reload }, { "suspend", suspend }, { "suspend-fast", suspend_fast },
	{ "resume", resume }, { "type", type_of }, { "message", message }, { "look", look },
	{ "calm", calm }, { "counts", counts }, { "fill", hand_fill }, { "poke", hand_poke },
	{ "keep", hand_keep }, { "flush", hand_flush }, { "shows", hand_shows }, { "as", hand_as }, { "same", hand_same },
	{ "host", hand_host }, { "hosts-end", hand_hosts_end }, { "forget", hand_forget },
	{ "has", hand_has }, { "module-in", module_in }, { "module-out", module_out },
};

static int run(char *line)
{
	char *rest = strchr(line, ' ');
	size_t i;

	*answer = '\0';
	if (rest)
		*rest++ = '\0';
	else
		rest = line + strlen(line);
	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(line, commands[i].name))
			return commands[i].fn(rest);
	return say(-EINVAL, "no such command");
}

int main(void)
{
	static char line[4096];
	int r;

	srandom(getpid());
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		r = run(line);
		if (r && !*answer)
			say(r, "%s", strerror(-r));
		printf("%d %s\n", -r, answer);
		fflush(stdout);
	}
	return 0;
}
