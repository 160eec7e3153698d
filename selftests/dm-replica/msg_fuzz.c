// SPDX-License-Identifier: GPL-2.0-only
/*
 * msg_fuzz POOL ROUNDS SEED: random messages to a pool whose state is of no
 * interest to anybody: right in form with any words and numbers, mutated, and just
 * bytes. Whatever they do, each answer is success or a refusal that the interface
 * knows, and the pool still answers in the end. Prints TAP.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "machine.h"

#define MESSAGE_MAX	400
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof(*(a)))

static const char *const templates[] = {
	"create_element # x# size=4096 identity=wwn-0x5000 read_policy=balance",
	"create_element # x# size=2048 active_extents_max=64",
	"delete_element #",
	"create_sync # mirror # #",
	"create_sync # mirror # # force name=s# rate_limit=10M",
	"create_sync # mirror # # dry_run mode=sync skip_initial_copy=yes",
	"create_sync # mirror # # wait_for_copy_state=initialized",
	"create_sync # snapshot # #",
	"create_sync # snapshot # 0 target_name=y#",
	"create_sync # snapshot # # target_name=y# copy_priority=low freeze=no",
	"create_sync # snapshot # 0 target_name=y# aspect=@",
	"create_sync # snapshot # 0 target_name=y# wait_for_copy_state=inactive dry_run",
	"create_sync # clone # # rate_limit=1K",
	"create_group # g# # # #",
	"delete_group #",
	"add_members # # #",
	"remove_members # #",
	"delete_aspect @",
	"delete_aspect @ force",
	"restore_aspect @ force dry_run name=# target_name=#",
	"restore_aspect @ force rate_limit=1M",
	"job # terminate",
	"job # suspend",
	"modify split # deadline_ms=500 in_use=ignore",
	"modify fracture # force",
	"modify resync-replica # force",
	"modify restore-from-replica # force",
	"modify restore-from-replica # force rate_limit=1K",
	"modify return-to-resource-pool #",
	"modify return-to-resource-pool # force",
	"modify failover # force",
	"modify failback # force",
	"modify reverse-roles # force",
	"modify suspend #",
	"modify resume # force",
	"modify abort # force",
	"modify deactivate # force",
	"modify activate #",
	"modify prepare # force",
	"modify detach # force",
	"modify dissolve #",
	"modify dissolve # force",
	"modify #",
	"modify # # force",
	"modify add-sync-pair group:# pair:# pair:#",
	"set sync:# copy_priority=high recovery_mode=manual auto_delete=no",
	"set sync:# auto_delete=yes rate_limit=0",
	"set pool cow_memory=2",
	"set element:# read_policy=source",
	"set pool",
};

static const char *const words[] = {
	"force", "dry_run", "mirror", "clone", "split", "group:1", "size=18446744073709551615",
	"rate_limit=-1", "name=../x", "deadline_ms=0", "=", "force=force", "9223372036854775807",
	"0", "mode=async", "%s%n", "\\", "wait_for_copy_state=mixed", "in_use=", "identity=x",
};

static unsigned int pick(unsigned int n)
{
	return (unsigned int)random() % n;
}

#define ASPECT_ID	92	/* after the scripts' last one */

/* Mostly ids that the scripts give (1, 11, 21, ...; @: an aspect's), so that objects meet. */
static void fill_in(const char *template, char *to)
{
	char *end = to + MESSAGE_MAX - 24;

	for (; *template && to < end; template++) {
		if (*template == '@' && pick(4))
			to += sprintf(to, "%u", ASPECT_ID);
		else if (*template != '#' && *template != '@')
			*to++ = *template;
		else if (pick(4))
			to += sprintf(to, "%u", 1 + 10 * pick(11));
		else if (pick(4))
			to += sprintf(to, "%u", pick(130));
		else
			to += sprintf(to, "%llu", (unsigned long long)random() << pick(33));
	}
	*to = '\0';
}

static void append_word(char *text)
{
	const char *word = words[pick(ARRAY_SIZE(words))];

	if (strlen(text) + strlen(word) + 2 < MESSAGE_MAX)
		sprintf(text + strlen(text), " %s", word);
}

static void mutate(char *text)
{
	size_t len = strlen(text), at = len ? pick(len) : 0;

	switch (pick(5)) {
	case 0:
		append_word(text);
		break;
	case 1:
		text[at] = '\0';
		break;
	case 2:
		memmove(text + at, text + at + (len > at), len - at);
		break;
	case 3:
		if (len + 1 < MESSAGE_MAX)
			memmove(text + at + 1, text + at, len - at + 1);
		/* fall through */
	default:
		text[at] = 1 + pick(255);
	}
}

static void make_message(char *text)
{
	unsigned int n;

	if (!pick(20)) {		/* just bytes */
		for (n = 0; n < 1 + pick(MESSAGE_MAX - 2); n++)
			text[n] = 1 + pick(255);
		text[n] = '\0';
		return;
	}
	fill_in(templates[pick(ARRAY_SIZE(templates))], text);
	for (n = pick(2) ? 0 : 1 + pick(4); n; n--)
		mutate(text);
}

static int is_refusal(int error)
{
	static const int known[] = {
		EINVAL, EOPNOTSUPP, ETIMEDOUT, EREMOTEIO, EBUSY, EBADFD, ECANCELED, ENOSPC, ENOENT,
		EPERM, EACCES,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (error == -known[i])
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	unsigned int rounds, i, accepted = 0, odd = 0;
	char text[MESSAGE_MAX + 8], answer[256], line[4096];

	if (argc != 4) {
		fprintf(stderr, "usage: msg_fuzz POOL ROUNDS SEED\n");
		return 64;
	}
	rounds = strtoul(argv[2], NULL, 0);
	srandom(strtoul(argv[3], NULL, 0));
	for (i = 0; i < rounds; i++) {
		int r;

		alarm(60);		/* one message answers within 100 ms */
		make_message(text);
		if (!*text || *text == '@')	/* those are device mapper's own */
			continue;
		r = dm_message(argv[1], text, answer);
		accepted += !r;
		if (!r || is_refusal(r))
			continue;
		if (odd++ < 8)
			printf("# '%s': error %d\n", text, r);
	}
	printf("%sok 1 - %u messages, %u accepted, all others refused as the interface says\n",
	       odd ? "not " : "", rounds, accepted);
	i = dm_status(argv[1], line, sizeof(line)) || !strstr(line, " rw ");
	printf("%sok 2 - the pool answers: %.60s\n1..2\n", i ? "not " : "", line);
	return odd || i;
}
