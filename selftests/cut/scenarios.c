// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is recorded to be cut. A scenario begins with world_begin(), which formats
 * a pool; a new one is a function here and a line in the table below. An operation
 * that record.c does not know needs a line in its table: the effect on content
 * (host.c, judge.c) and the copy states that it may lead to.
 */
#include "recorder.h"

#define SECTORS		(4 << 11)	/* 4 MiB: 64 extents, twice what may be active */
#define SMALL		(2 << 11)

static struct element *const a = &elements[0], *const b = &elements[1];

/* A mirror of elements 1 and 2 that is Synchronized, its source written. */
static uint64_t begin_mirrored(const char *name, unsigned int nr, uint64_t sectors)
{
	uint64_t ab;

	world_begin(name, nr, sectors, 0);
	hosts_write(a, 2, 25);
	ab = mirror(1, 2, "");
	await(ab, DRP_CS_SYNCHRONIZED);
	return ab;
}

static void initial_copy(void)
{
	uint64_t ab;

	world_begin("initial-copy", 2, SMALL, 0);
	hosts_write(a, 2, 40);
	hosts_start(a, 3);
	ab = mirror(1, 2, "rate_limit=4M");
	hosts_wait(20);
	message("set sync:%llu rate_limit=0", (unsigned long long)ab);
	await(ab, DRP_CS_SYNCHRONIZED);
	hosts_wait(40);
}

/* First touches of many extents at once; the active set is too small for all. */
static void group_commit(void)
{
	begin_mirrored("group-commit", 2, SECTORS);
	hosts_write(a, 8, 60);
}

/* The metadata device is the smallest: 256 blocks of journal. */
static void journal_wrap(void)
{
	uint64_t ab = begin_mirrored("journal-wrap", 2, SECTORS);

	operate(ab, "split", DRP_CS_SYNCHRONIZED, "");
	hosts_write(b, 4, 50);
	operate(ab, "restore-from-replica", DRP_CS_SPLIT, "force rate_limit=300K");
	/* Each FUA write of a source that is being restored is a commit. */
	hosts_write(a, 6, 120);
	message("set sync:%llu rate_limit=0", (unsigned long long)ab);
	await(ab, DRP_CS_RESTORED);
}

static void apart(void)
{
	uint64_t ab = begin_mirrored("apart", 2, SECTORS);

	hosts_start(a, 3);
	hosts_wait(20);
	operate(ab, "split", DRP_CS_SYNCHRONIZED, "");
	hosts_wait(20);
	operate(ab, "resync-replica", DRP_CS_SPLIT, "");
	await(ab, DRP_CS_SYNCHRONIZED);
	hosts_wait(20);
	operate(ab, "fracture", DRP_CS_SYNCHRONIZED, "");
	hosts_start(b, 1);
	hosts_wait(20);
	hosts_stop();
	hosts_start(a, 3);
	operate(ab, "resync-replica", DRP_CS_FRACTURED, "force");
	await(ab, DRP_CS_SYNCHRONIZED);
	hosts_wait(20);
	operate(ab, "suspend", DRP_CS_SYNCHRONIZED, "");
	hosts_wait(20);
	operate(ab, "resume", DRP_CS_SUSPENDED, "");
	await(ab, DRP_CS_SYNCHRONIZED);
	hosts_wait(20);
}

static void come_and_go(void)
{
	uint64_t ab = begin_mirrored("come-and-go", 3, SMALL), ac;

	hosts_start(a, 2);
	operate(ab, "deactivate", DRP_CS_SYNCHRONIZED, "");
	hosts_wait(15);
	operate(ab, "activate", DRP_CS_INACTIVE, "rate_limit=1M");
	await(ab, DRP_CS_UNSYNCHRONIZED);
	operate(ab, "abort", DRP_CS_UNSYNCHRONIZED, "");
	hosts_wait(10);
	operate(ab, "prepare", DRP_CS_ABORTED, "force");
	operate(ab, "activate", DRP_CS_PREPARED, "rate_limit=0");
	ac = mirror(1, 3, "");
	await(ab, DRP_CS_SYNCHRONIZED);
	await(ac, DRP_CS_SYNCHRONIZED);
	hosts_wait(10);
	operate(ab, "dissolve", DRP_CS_SYNCHRONIZED, "");
	hosts_wait(10);
	operate(ac, "detach", DRP_CS_SYNCHRONIZED, "");
	hosts_wait(10);
	ab = mirror(1, 2, "");
	await(ab, DRP_CS_SYNCHRONIZED);
}

/* A is restored from B; C follows A, and D follows C, which it is equal to all the time. */
static void restore(void)
{
	uint64_t ab = begin_mirrored("restore", 4, SMALL), ac, cd;

	ac = mirror(1, 3, "");
	await(ac, DRP_CS_SYNCHRONIZED);
	cd = mirror(3, 4, "");
	await(cd, DRP_CS_SYNCHRONIZED);
	operate(ab, "split", DRP_CS_SYNCHRONIZED, "");
	hosts_write(a, 2, 20);
	hosts_write(b, 2, 30);
	/* What the other mirror is, is copied again. */
	mark("op %llu 4 copy 3 4", (unsigned long long)ac);
	operate(ab, "restore-from-replica", DRP_CS_SPLIT, "force rate_limit=500K");
	hosts_write(a, 3, 40);
	message("set sync:%llu rate_limit=0", (unsigned long long)ab);
	await(ab, DRP_CS_RESTORED);
	mark("end %llu ok", (unsigned long long)ac);
	await(ac, DRP_CS_SYNCHRONIZED);
	hosts_write(a, 3, 10);
	operate(ab, "resync-replica", DRP_CS_RESTORED, "force");
	await(ab, DRP_CS_SYNCHRONIZED);
}

static void failover(void)
{
	uint64_t ab = begin_mirrored("failover", 2, SMALL);

	hosts_write(a, 3, 20);
	operate(ab, "failover", DRP_CS_SYNCHRONIZED, "");
	hosts_write(b, 3, 30);
	operate(ab, "failback", DRP_CS_FAILEDOVER, "rate_limit=500K");
	hosts_write(a, 3, 40);
	message("set sync:%llu rate_limit=0", (unsigned long long)ab);
	await(ab, DRP_CS_SYNCHRONIZED);
	hosts_write(a, 3, 10);
}

/*
 * A to B to C: what is not flushed on C yet is known by the extents of A, which B
 * does not follow any more.
 */
static void reverse(void)
{
	uint64_t ab = begin_mirrored("reverse", 3, SMALL), bc;

	bc = mirror(2, 3, "");
	await(bc, DRP_CS_SYNCHRONIZED);
	hosts_write(a, 3, 20);
	operate(ab, "reverse-roles", DRP_CS_SYNCHRONIZED, "");
	await(ab, DRP_CS_SYNCHRONIZED);
	hosts_write(b, 3, 30);
	operate(ab, "reverse-roles", DRP_CS_SYNCHRONIZED, "");
	await(ab, DRP_CS_SYNCHRONIZED);
	hosts_write(a, 3, 20);
}

/* A to B to C; B's hosts write all the time from the failover on. */
static void failover_reverse(void)
{
	uint64_t ab = begin_mirrored("failover-reverse", 3, SMALL), bc;

	bc = mirror(2, 3, "");
	await(bc, DRP_CS_SYNCHRONIZED);
	hosts_write(a, 3, 15);
	operate(ab, "failover", DRP_CS_SYNCHRONIZED, "");
	hosts_start(b, 2);
	hosts_wait(20);
	operate(ab, "reverse-roles", DRP_CS_FAILEDOVER, "");
	hosts_wait(15);
	operate(ab, "resume", DRP_CS_SUSPENDED, "rate_limit=1M");
	hosts_wait(20);
	message("set sync:%llu rate_limit=0", (unsigned long long)ab);
	await(ab, DRP_CS_SYNCHRONIZED);
	hosts_wait(10);
	hosts_stop();
	hosts_write(b, 3, 10);
	operate(ab, "reverse-roles", DRP_CS_SYNCHRONIZED, "");
	await(ab, DRP_CS_SYNCHRONIZED);
	hosts_write(a, 3, 10);
	operate(ab, "reverse-roles", DRP_CS_SYNCHRONIZED, "");
	await(ab, DRP_CS_SYNCHRONIZED);
}

/* A to B to C, which is equal to B all the time, also while B is the side that is read. */
static void restore_hop(void)
{
	uint64_t ab = begin_mirrored("restore-hop", 3, SMALL), bc;

	bc = mirror(2, 3, "");
	await(bc, DRP_CS_SYNCHRONIZED);
	operate(ab, "split", DRP_CS_SYNCHRONIZED, "");
	hosts_write(a, 2, 15);
	hosts_write(b, 3, 20);
	operate(ab, "restore-from-replica", DRP_CS_SPLIT, "force rate_limit=500K");
	hosts_write(a, 3, 25);
	message("set sync:%llu rate_limit=0", (unsigned long long)ab);
	await(ab, DRP_CS_RESTORED);
	hosts_write(b, 3, 10);
	hosts_start(a, 3);
	operate(ab, "resync-replica", DRP_CS_RESTORED, "force rate_limit=1M");
	hosts_wait(20);
	message("set sync:%llu rate_limit=0", (unsigned long long)ab);
	await(ab, DRP_CS_SYNCHRONIZED);
	hosts_wait(15);
}

static void multi_hop(void)
{
	uint64_t ab = begin_mirrored("multi-hop", 3, SMALL), bc;

	bc = mirror(2, 3, "");
	await(bc, DRP_CS_SYNCHRONIZED);
	hosts_start(a, 2);
	hosts_wait(30);
	operate(bc, "split", DRP_CS_SYNCHRONIZED, "");
	hosts_wait(20);
	operate(bc, "resync-replica", DRP_CS_SPLIT, "");
	await(bc, DRP_CS_SYNCHRONIZED);
	operate(ab, "split", DRP_CS_SYNCHRONIZED, "");
	hosts_start(b, 2);
	hosts_wait(30);
}

static void growth(void)
{
	uint64_t ab;

	world_begin("growth", 2, SMALL, 1);
	hosts_write(a, 2, 20);
	ab = mirror(1, 2, "");
	await(ab, DRP_CS_SYNCHRONIZED);
	hosts_start(a, 2);
	element_grow(b, 2 * SMALL);
	hosts_wait(10);
	/* The new part is copied, or was never different. */
	mark("op %llu 4 - 3 4", (unsigned long long)ab);
	element_grow(a, 2 * SMALL);
	mark("end %llu ok", (unsigned long long)ab);
	await(ab, DRP_CS_SYNCHRONIZED);
	hosts_wait(20);
	hosts_stop();
	hosts_write(a, 3, 20);
}

/* Snapshots, clones, groups: theirs go here. */
const struct scenario scenarios[] = {
	{ "initial-copy", initial_copy },
	{ "group-commit", group_commit },
	{ "journal-wrap", journal_wrap },
	{ "apart", apart },
	{ "come-and-go", come_and_go },
	{ "restore", restore },
	{ "failover", failover },
	{ "reverse", reverse },
	{ "failover-reverse", failover_reverse },
	{ "multi-hop", multi_hop },
	{ "restore-hop", restore_hop },
	{ "growth", growth },
};

const unsigned int nr_scenarios = sizeof(scenarios) / sizeof(*scenarios);
