// SPDX-License-Identifier: GPL-2.0-only
/*
 * Blocks that say which version of which block they are, for tests of points in
 * time under writes. Each block of 4 KiB is filled with its number and the
 * number of its version. A log, a mapped file, says of every block which version
 * was last submitted and which last completed; a copy of it taken before a
 * snapshot and one taken after it say what the snapshot may show.
 *
 *	stamp fill DEV LOG			version 1 everywhere
 *	stamp write DEV LOG PROCS MAX SEED STOP	random writes of up to MAX blocks until the file STOP is there
 *	stamp check DEV BEFORE AFTER		every block is whole, not older than completed in BEFORE,
 *						not newer than submitted in AFTER
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK		4096
#define STRIPE		64	/* blocks that one process writes alone */
#define WORDS		(BLOCK / sizeof(uint64_t))

struct log {
	uint64_t submitted, completed;
};

static void die(const char *what, const char *name)
{
	fprintf(stderr, "stamp: %s %s: %s\n", what, name, strerror(errno));
	exit(2);
}

static uint64_t blocks_of(int fd, const char *name)
{
	off_t size = lseek(fd, 0, SEEK_END);

	if (size <= 0)
		die("cannot see the size of", name);
	return size / BLOCK;
}

static struct log *map_log(const char *name, uint64_t blocks, int create)
{
	const size_t bytes = blocks * sizeof(struct log);
	int fd = open(name, create ? O_RDWR | O_CREAT : O_RDWR, 0600);
	struct log *log;

	if (fd < 0 || (create && ftruncate(fd, bytes)))
		die("cannot open", name);
	log = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (log == MAP_FAILED)
		die("cannot map", name);
	close(fd);
	return log;
}

static void *buffer(size_t blocks)
{
	void *p;

	if (posix_memalign(&p, BLOCK, blocks * BLOCK))
		exit(2);
	return p;
}

static void stamp(uint64_t *words, uint64_t block, uint64_t version)
{
	unsigned int i;

	for (i = 0; i < WORDS; i += 2) {
		words[i] = block;
		words[i + 1] = version;
	}
}

/* 0: the write failed, nothing is known of it. */
static int write_run(int fd, struct log *log, void *buf, uint64_t first, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		struct log *l = &log[first + i];

		__atomic_store_n(&l->submitted, l->submitted + 1, __ATOMIC_SEQ_CST);
		stamp(buf + i * BLOCK, first + i, l->submitted);
	}
	if (pwrite(fd, buf, n * BLOCK, first * BLOCK) != (ssize_t)n * BLOCK)
		return 0;
	for (i = 0; i < n; i++)
		__atomic_store_n(&log[first + i].completed, log[first + i].submitted,
				 __ATOMIC_SEQ_CST);
	return 1;
}

static int fill(const char *dev, const char *logname)
{
	int fd = open(dev, O_RDWR | O_DIRECT);
	uint64_t blocks, at;
	struct log *log;
	void *buf = buffer(STRIPE);

	if (fd < 0)
		die("cannot open", dev);
	blocks = blocks_of(fd, dev);
	log = map_log(logname, blocks, 1);
	for (at = 0; at < blocks; at += STRIPE)
		if (!write_run(fd, log, buf, at, blocks - at < STRIPE ? blocks - at : STRIPE))
			die("cannot write", dev);
	return 0;
}

static int write_some(const char *dev, struct log *log, uint64_t blocks, unsigned int proc,
		      unsigned int procs, unsigned int max, unsigned int seed, const char *stop)
{
	const uint64_t stripes = blocks / STRIPE / procs;
	int fd = open(dev, O_RDWR | O_DIRECT);
	void *buf = buffer(STRIPE);

	if (fd < 0)
		die("cannot open", dev);
	seed = seed * 31 + proc;
	while (access(stop, F_OK)) {
		uint64_t stripe = (rand_r(&seed) % stripes) * procs + proc;
		unsigned int from = rand_r(&seed) % STRIPE;
		unsigned int n = 1 + rand_r(&seed) % max;

		if (from + n > STRIPE)
			n = STRIPE - from;
		if (!write_run(fd, log, buf, stripe * STRIPE + from, n))
			return 1;
	}
	return 0;
}

static int write_all(char **arg)
{
	const unsigned int procs = atoi(arg[2]), max = atoi(arg[3]), seed = atoi(arg[4]);
	int fd = open(arg[0], O_RDONLY), status, failed = 0;
	uint64_t blocks;
	struct log *log;
	unsigned int i;

	if (fd < 0)
		die("cannot open", arg[0]);
	blocks = blocks_of(fd, arg[0]);
	log = map_log(arg[1], blocks, 0);
	for (i = 0; i < procs; i++)
		if (!fork())
			exit(write_some(arg[0], log, blocks, i, procs, max, seed, arg[5]));
	while (wait(&status) > 0)
		failed |= status;
	return failed != 0;
}

/* 0: as it may be. */
static int check_block(const uint64_t *words, uint64_t block, const struct log *before,
		       const struct log *after)
{
	const uint64_t version = words[1];
	unsigned int i;

	for (i = 0; i < WORDS; i += 2) {
		if (words[i] == block && words[i + 1] == version)
			continue;
		fprintf(stderr, "block %" PRIu64 ": word %u is %" PRIu64 "/%" PRIu64 ", not %" PRIu64 "/%" PRIu64 "\n",
			block, i, words[i], words[i + 1], block, version);
		return 1;
	}
	if (version >= before[block].completed && version <= after[block].submitted)
		return 0;
	fprintf(stderr, "block %" PRIu64 ": version %" PRIu64 ", may be %" PRIu64 " to %" PRIu64 "\n",
		block, version, before[block].completed, after[block].submitted);
	return 1;
}

static int check(const char *dev, const char *before_name, const char *after_name)
{
	int fd = open(dev, O_RDONLY | O_DIRECT);
	const struct log *before, *after;
	uint64_t blocks, at, i, n;
	unsigned int bad = 0;
	void *buf = buffer(STRIPE);

	if (fd < 0)
		die("cannot open", dev);
	blocks = blocks_of(fd, dev);
	before = map_log(before_name, blocks, 0);
	after = map_log(after_name, blocks, 0);
	for (at = 0; at < blocks && bad < 10; at += n) {
		n = blocks - at < STRIPE ? blocks - at : STRIPE;
		if (pread(fd, buf, n * BLOCK, at * BLOCK) != (ssize_t)n * BLOCK)
			die("cannot read", dev);
		for (i = 0; i < n && bad < 10; i++)
			bad += check_block(buf + i * BLOCK, at + i, before, after);
	}
	return bad != 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "fill"))
		return fill(argv[2], argv[3]);
	if (argc == 8 && !strcmp(argv[1], "write"))
		return write_all(argv + 2);
	if (argc == 5 && !strcmp(argv[1], "check"))
		return check(argv[2], argv[3], argv[4]);
	fprintf(stderr, "usage: see the source\n");
	return 64;
}
