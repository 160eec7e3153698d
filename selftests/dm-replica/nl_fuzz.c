// SPDX-License-Identifier: GPL-2.0-only
/*
 * Malformed netlink for the family "dm-replica", as root and as nobody.
 *
 *	nl_fuzz POOL ELEMENT-ID SYNC-ID SNAPSHOT-ID ASPECT-ID [ROUNDS [SEED]]
 *
 * Every request here must be refused, and the dump of all objects must be the
 * same before and after. POOL has to be quiet: no job runs. Prints TAP; exit
 * status 0 passed, 1 failed, 4 skipped.
 */
#include <errno.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nl_link.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define NOBODY		65534
#define BOGUS_POOL	"no.such.pool"

static struct nl_link nl;
static const char *pool;
static uint64_t element_id, sync_id, snapshot_id, aspect_id;
static int of_snapshots;	/* requests are about those, not about the mirror */
static unsigned int checks, failures;

static void check(int good, const char *format, ...)
{
	va_list args;

	checks++;
	failures += !good;
	printf("%sok %u - ", good ? "" : "not ", checks);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

/* ---- requests that would do something if they were let through ---- */

static const uint8_t commands[] = {
	DRP_CMD_GET_POOL, DRP_CMD_GET_ELEMENT, DRP_CMD_GET_SYNC, DRP_CMD_GET_GROUP,
	DRP_CMD_GET_JOB, DRP_CMD_GET_ASPECT, DRP_CMD_CREATE_ELEMENT, DRP_CMD_DELETE_ELEMENT,
	DRP_CMD_CREATE_SYNC, DRP_CMD_MODIFY_SYNC, DRP_CMD_CREATE_GROUP, DRP_CMD_DELETE_GROUP,
	DRP_CMD_ADD_MEMBERS, DRP_CMD_REMOVE_MEMBERS, DRP_CMD_SET, DRP_CMD_CHANGE_JOB,
	DRP_CMD_DELETE_ASPECT, DRP_CMD_CAPABILITIES, DRP_CMD_MAP,
	DRP_CMD_SPACE, DRP_CMD_RESTORE_ASPECT,
};

static int needs_admin(uint8_t cmd)
{
	return (cmd >= DRP_CMD_CREATE_ELEMENT && cmd <= DRP_CMD_DELETE_ASPECT) ||
	       cmd == DRP_CMD_MAP || cmd == DRP_CMD_SPACE || cmd == DRP_CMD_RESTORE_ASPECT;
}

static int is_dump(uint8_t cmd)
{
	return cmd == DRP_CMD_CAPABILITIES || cmd == DRP_CMD_MAP || cmd == DRP_CMD_SPACE;
}

static void put_create_sync(struct nl_msg *m)
{
	nl_put_u64(m, DRP_A_SOURCE_ID, element_id);
	nl_put_u16(m, DRP_A_SYNC_TYPE, of_snapshots ? DRP_SYNC_SNAPSHOT : DRP_SYNC_MIRROR);
	if (of_snapshots)
		nl_put_string(m, DRP_A_TARGET_NAME, "fuzz");
	else
		nl_put_u64(m, DRP_A_TARGET_ID, element_id + 1);
}

static void put_modify(struct nl_msg *m)
{
	nl_put_u64(m, DRP_A_SYNC_ID, of_snapshots ? snapshot_id : sync_id);
	nl_put_u16(m, DRP_A_OPERATION, of_snapshots ? DRP_OP_RETURN_TO_RESOURCE_POOL : DRP_OP_DETACH);
	nl_put(m, DRP_A_FORCE, NULL, 0);
}

static void put_details(struct nl_msg *m, uint8_t cmd)
{
	switch (cmd) {
	case DRP_CMD_CREATE_ELEMENT:
		nl_put_string(m, DRP_A_ELEMENT_NAME, "fuzz");
		nl_put_u64(m, DRP_A_SIZE_SECTORS, 2048);
		break;
	case DRP_CMD_DELETE_ELEMENT:
		nl_put(m, DRP_A_FORCE, NULL, 0);
		nl_put_u64(m, DRP_A_ELEMENT_ID, element_id);
		break;
	case DRP_CMD_GET_ELEMENT:
	case DRP_CMD_SPACE:
		nl_put_u64(m, DRP_A_ELEMENT_ID, element_id);
		break;
	case DRP_CMD_CREATE_SYNC:
		put_create_sync(m);
		break;
	case DRP_CMD_MODIFY_SYNC:
		put_modify(m);
		break;
	case DRP_CMD_CREATE_GROUP:
		nl_put_string(m, DRP_A_GROUP_NAME, "fuzz");
		nl_put_u64(m, DRP_A_MEMBER_ID, element_id);
		break;
	case DRP_CMD_ADD_MEMBERS:
	case DRP_CMD_REMOVE_MEMBERS:
		nl_put_u64(m, DRP_A_MEMBER_ID, element_id);
		/* fall through */
	case DRP_CMD_GET_GROUP:
	case DRP_CMD_DELETE_GROUP:
		nl_put_u64(m, DRP_A_GROUP_ID, element_id);
		break;
	case DRP_CMD_SET:
		nl_put_string(m, DRP_A_SETTING, "rate_limit=1");
		/* fall through */
	case DRP_CMD_GET_SYNC:
	case DRP_CMD_CAPABILITIES:
	case DRP_CMD_MAP:
		nl_put_u64(m, DRP_A_SYNC_ID, of_snapshots ? snapshot_id : sync_id);
		break;
	case DRP_CMD_CHANGE_JOB:
		nl_put_u16(m, DRP_A_REQUESTED_JOB_STATE, DRP_JOB_REQ_TERMINATE);
		/* fall through */
	case DRP_CMD_GET_JOB:
		nl_put_u64(m, DRP_A_JOB_ID, 1);
		break;
	case DRP_CMD_GET_ASPECT:
	case DRP_CMD_DELETE_ASPECT:
	case DRP_CMD_RESTORE_ASPECT:
		nl_put_u64(m, DRP_A_ASPECT_ID, aspect_id);
		break;
	}
}

static void request(struct nl_msg *m, uint8_t cmd, const char *pool_name)
{
	nl_begin(m, nl.family, cmd, is_dump(cmd) ? NLM_F_DUMP : NLM_F_ACK);
	nl_put_string(m, DRP_A_POOL_NAME, pool_name);
	put_details(m, cmd);
}

/* ---- faults: each makes any request one that must be refused ---- */

static void unknown_attr(struct nl_msg *m) { nl_put_u64(m, 0x3ff8, 1); }
static void attr_zero(struct nl_msg *m) { nl_put_u64(m, 0, 1); }
static void pad_attr(struct nl_msg *m) { nl_put(m, DRP_A_PAD, NULL, 0); }
static void answer_attr(struct nl_msg *m) { nl_put_u16(m, DRP_A_COPY_STATE, 4); }
static void last_attr(struct nl_msg *m) { nl_put_u64(m, DRP_A_MAX, 1); }
static void attr_after_last(struct nl_msg *m) { nl_put_u64(m, DRP_A_MAX + 1, 1); }
static void pool_twice(struct nl_msg *m) { nl_put_string(m, DRP_A_POOL_NAME, pool); }
static void job_zero(struct nl_msg *m) { nl_put_u64(m, DRP_A_JOB_ID, 0); }
static void job_huge(struct nl_msg *m) { nl_put_u64(m, DRP_A_JOB_ID, UINT64_MAX); }
static void sync_signed(struct nl_msg *m) { nl_put_u64(m, DRP_A_SYNC_PAIR, 1ULL << 63); }
static void member_zero(struct nl_msg *m) { nl_put_u64(m, DRP_A_MEMBER_ID, 0); }
static void member_short(struct nl_msg *m) { nl_put(m, DRP_A_MEMBER_ID, "1234", 4); }
static void member_long(struct nl_msg *m) { nl_put(m, DRP_A_MEMBER_ID, "123456789abc", 12); }
static void operation_zero(struct nl_msg *m) { nl_put_u16(m, DRP_A_OPERATION, 0); }
static void operation_huge(struct nl_msg *m) { nl_put_u16(m, DRP_A_OPERATION, 65535); }
static void operation_wide(struct nl_msg *m) { nl_put_u64(m, DRP_A_OPERATION, 8); }
static void type_bad(struct nl_msg *m) { nl_put_u16(m, DRP_A_SYNC_TYPE, 9); }
static void mode_bad(struct nl_msg *m) { nl_put_u16(m, DRP_A_MODE, 4); }
static void state_bad(struct nl_msg *m) { nl_put_u16(m, DRP_A_WAIT_FOR_COPY_STATE, 19); }
static void job_state_bad(struct nl_msg *m) { nl_put_u16(m, DRP_A_REQUESTED_JOB_STATE, 5); }
static void size_huge(struct nl_msg *m) { nl_put_u64(m, DRP_A_SIZE_SECTORS, UINT64_MAX); }
static void offset_huge(struct nl_msg *m) { nl_put_u64(m, DRP_A_OFFSET_BYTES, UINT64_MAX); }
static void uuid_short(struct nl_msg *m) { nl_put(m, DRP_A_POOL_UUID, "0123456789abcde", 15); }
static void uuid_long(struct nl_msg *m) { nl_put(m, DRP_A_POOL_UUID, "0123456789abcdefg", 17); }
static void uuid_other(struct nl_msg *m) { nl_put(m, DRP_A_POOL_UUID, "0123456789abcdef", 16); }
static void flag_payload(struct nl_msg *m) { nl_put(m, DRP_A_DRY_RUN, "1", 1); }
static void setting_open(struct nl_msg *m) { nl_put(m, DRP_A_SETTING, "rate_limit=1", 12); }
static void setting_empty(struct nl_msg *m) { nl_put(m, DRP_A_SETTING, NULL, 0); }
static void setting_word(struct nl_msg *m) { nl_put_string(m, DRP_A_SETTING, "nonsense"); }
static void setting_key(struct nl_msg *m) { nl_put_string(m, DRP_A_SETTING, "nokey=1"); }
static void setting_tail(struct nl_msg *m) { nl_put(m, DRP_A_SETTING, "rate_limit=1\0x", 15); }

static void setting_value(struct nl_msg *m)
{
	nl_put_string(m, DRP_A_SETTING, "copy_priority=-1");
}

static void setting_twice(struct nl_msg *m)
{
	nl_put_string(m, DRP_A_SETTING, "rate_limit=2");
	nl_put_string(m, DRP_A_SETTING, "rate_limit=3");
}

static void setting_long(struct nl_msg *m)
{
	char text[DRP_SETTING_MAX + 2];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	nl_put(m, DRP_A_SETTING, text, sizeof(text));
}

static void many_members(struct nl_msg *m)
{
	unsigned int i;

	for (i = 0; i < 100; i++)
		nl_put_u64(m, DRP_A_MEMBER_ID, element_id + i);
}

static void byte_order(struct nl_msg *m)
{
	nl_put_u64(m, DRP_A_ELEMENT_ID | NLA_F_NET_BYTEORDER, element_id);
}

static void nested(struct nl_msg *m)
{
	nl_put_u64(m, DRP_A_ELEMENT_ID | NLA_F_NESTED, element_id);
}

static void name_long(struct nl_msg *m)
{
	char name[DRP_NAME_MAX + 2];

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	nl_put(m, DRP_A_TARGET_NAME, name, sizeof(name));
}

static void name_open(struct nl_msg *m) { nl_put(m, DRP_A_ASPECT_NAME, "abc", 3); }
static void name_empty(struct nl_msg *m) { nl_put(m, DRP_A_GROUP_NAME, NULL, 0); }
static void name_path(struct nl_msg *m) { nl_put_string(m, DRP_A_SYNC_NAME, "../../x"); }
static void name_tail(struct nl_msg *m) { nl_put(m, DRP_A_ELEMENT_NAME, "ab\0cd", 6); }

static void trailing_bytes(struct nl_msg *m)
{
	memcpy(m->buf + m->len, "xyz", 3);
	m->len += 3;
}

static void attr_len_short(struct nl_msg *m)
{
	nl_put_u64(m, DRP_A_SYNC_ID, sync_id);
	nl_last(m)->nla_len = 3;
}

static void attr_len_long(struct nl_msg *m)
{
	nl_put_u64(m, DRP_A_SYNC_ID, sync_id);
	nl_last(m)->nla_len = 400;
}

static void reserved_header(struct nl_msg *m) { nl_genl(m)->reserved = 1; }
static void reserved_flag(struct nl_msg *m) { nl_header(m)->nlmsg_flags |= 0x8000; }
static void no_command(struct nl_msg *m) { nl_genl(m)->cmd = DRP_CMD_UNSPEC; }
static void answer_command(struct nl_msg *m) { nl_genl(m)->cmd = DRP_CMD_METHOD_RESULT; }
static void event_command(struct nl_msg *m) { nl_genl(m)->cmd = DRP_CMD_EVENT; }
static void last_command(struct nl_msg *m) { nl_genl(m)->cmd = 255; }

#define FAULT(f)	{ #f, f }

static const struct fault {
	const char *name;
	void (*make)(struct nl_msg *m);
} faults[] = {
	FAULT(unknown_attr), FAULT(attr_zero), FAULT(pad_attr), FAULT(answer_attr),
	FAULT(last_attr), FAULT(attr_after_last), FAULT(pool_twice), FAULT(job_zero),
	FAULT(job_huge), FAULT(sync_signed), FAULT(member_zero), FAULT(member_short),
	FAULT(member_long), FAULT(operation_zero), FAULT(operation_huge),
	FAULT(operation_wide), FAULT(type_bad), FAULT(mode_bad), FAULT(state_bad),
	FAULT(job_state_bad), FAULT(size_huge), FAULT(offset_huge), FAULT(uuid_short),
	FAULT(uuid_long), FAULT(uuid_other), FAULT(flag_payload), FAULT(setting_open),
	FAULT(setting_empty), FAULT(setting_word), FAULT(setting_key), FAULT(setting_value),
	FAULT(setting_tail), FAULT(setting_twice), FAULT(setting_long), FAULT(many_members),
	FAULT(byte_order), FAULT(nested), FAULT(name_long), FAULT(name_open),
	FAULT(name_empty), FAULT(name_path), FAULT(name_tail), FAULT(trailing_bytes),
	FAULT(attr_len_short), FAULT(attr_len_long), FAULT(reserved_header),
	FAULT(reserved_flag), FAULT(no_command), FAULT(answer_command),
	FAULT(event_command), FAULT(last_command),
};

/* ---- tests ---- */

static int is_refusal(const struct nl_outcome *o)
{
	switch (-o->error) {
	case EINVAL:
	case ERANGE:
	case EOPNOTSUPP:
	case ENODEV:
	case ENOENT:
	case EPERM:
		return o->answered && !o->objects;
	default:
		return 0;
	}
}

/* Every fault in every command: all refused. */
static void test_faults(const char *who)
{
	unsigned int c, f, bad = 0;
	struct nl_outcome o;
	struct nl_msg m;

	for (f = 0; f < ARRAY_SIZE(faults); f++) {
		for (c = 0; c < ARRAY_SIZE(commands); c++) {
			request(&m, commands[c], pool);
			faults[f].make(&m);
			nl_exchange(&nl, &m, &o);
			if (is_refusal(&o))
				continue;
			bad++;
			printf("# %s in command %u: error %d (%s), %u objects\n", faults[f].name,
			       commands[c], o.error, o.text, o.objects);
		}
	}
	check(!bad, "%s: %zu faults in %zu commands about %s are refused", who, ARRAY_SIZE(faults),
	      ARRAY_SIZE(commands), of_snapshots ? "snapshots" : "a mirror");
}

static void test_all_faults(const char *who)
{
	for (of_snapshots = 1; of_snapshots >= 0; of_snapshots--)
		test_faults(who);
	of_snapshots = 0;
}

/* Linux 6.1 does not hand the words of a refused dump to the client. */
static int has_words(const struct nl_outcome *o, uint8_t cmd)
{
	return *o->text || is_dump(cmd);
}

/* What is missing or unknown is refused with words. */
static void test_words(void)
{
	unsigned int c, bad = 0;
	struct nl_outcome o;
	struct nl_msg m;

	for (c = 0; c < ARRAY_SIZE(commands); c++) {
		int flags = is_dump(commands[c]) ? NLM_F_DUMP : NLM_F_ACK;

		request(&m, commands[c], BOGUS_POOL);
		nl_exchange(&nl, &m, &o);
		bad += o.error != -ENODEV || !has_words(&o, commands[c]);
		nl_begin(&m, nl.family, commands[c], flags);
		nl_exchange(&nl, &m, &o);
		bad += o.error != -EINVAL || !has_words(&o, commands[c]);
		if (!needs_admin(commands[c]) || is_dump(commands[c]))
			continue;
		nl_begin(&m, nl.family, commands[c], flags);
		nl_put_string(&m, DRP_A_POOL_NAME, pool);
		nl_exchange(&nl, &m, &o);
		bad += o.error != -EINVAL || !has_words(&o, commands[c]);
	}
	check(!bad, "missing attributes and unknown pools are refused with words");
}

/* ---- requests about snapshots that are right in form and cannot be done ---- */

struct wrong {
	const char *what;
	int error;
	uint8_t cmd;
	uint16_t operation;
	uint64_t source;	/* of create: 0 is ours */
	const char *name, *setting;
};

static const struct wrong wrongs[] = {
	{ "its device is there", EBUSY, DRP_CMD_MODIFY_SYNC, DRP_OP_RETURN_TO_RESOURCE_POOL,
	  0, NULL, NULL },
	{ "no such operation", EOPNOTSUPP, DRP_CMD_MODIFY_SYNC, DRP_OP_DETACH, 0, NULL, NULL },
	{ "nothing is restored", EBADFD, DRP_CMD_MODIFY_SYNC, DRP_OP_RESUME, 0, NULL, NULL },
	{ "for groups", EINVAL, DRP_CMD_MODIFY_SYNC, DRP_OP_ADD_SYNC_PAIR, 0, NULL, NULL },
	{ "a name that is taken", EINVAL, DRP_CMD_CREATE_SYNC, 0, 0, "x", NULL },
	{ "a path as a name", EINVAL, DRP_CMD_CREATE_SYNC, 0, 0, "a/b", NULL },
	{ "no such aspect", ENOENT, DRP_CMD_CREATE_SYNC, 0, 0, "fuzz", "aspect=999" },
	{ "no aspect's number", EINVAL, DRP_CMD_CREATE_SYNC, 0, 0, "fuzz", "aspect=x" },
	{ "no such source", ENOENT, DRP_CMD_CREATE_SYNC, 0, 999, "fuzz", NULL },
};

static void put_wrong(struct nl_msg *m, const struct wrong *w)
{
	nl_begin(m, nl.family, w->cmd, NLM_F_ACK);
	nl_put_string(m, DRP_A_POOL_NAME, pool);
	if (w->cmd == DRP_CMD_MODIFY_SYNC) {
		nl_put_u64(m, DRP_A_SYNC_ID, snapshot_id);
		nl_put_u16(m, DRP_A_OPERATION, w->operation);
		return;
	}
	nl_put_u64(m, DRP_A_SOURCE_ID, w->source ? w->source : element_id);
	nl_put_u16(m, DRP_A_SYNC_TYPE, DRP_SYNC_SNAPSHOT);
	nl_put_string(m, DRP_A_TARGET_NAME, w->name);
	if (w->setting)
		nl_put_string(m, DRP_A_SETTING, w->setting);
}

static void test_wrong(void)
{
	unsigned int i, bad = 0;
	struct nl_outcome o;
	struct nl_msg m;

	for (i = 0; i < ARRAY_SIZE(wrongs); i++) {
		put_wrong(&m, &wrongs[i]);
		nl_exchange(&nl, &m, &o);
		if (o.error == -wrongs[i].error && *o.text)
			continue;
		bad++;
		printf("# %s: error %d (%s), %u objects\n", wrongs[i].what, o.error, o.text,
		       o.objects);
	}
	check(!bad, "%zu requests about snapshots are refused with their errno and words",
	      ARRAY_SIZE(wrongs));
}

static unsigned int pick(unsigned int n)
{
	return (unsigned int)random() % n;
}

/* Change some bytes; @structure: also those of the header, the pool and the lengths. */
static void scramble(struct nl_msg *m, int structure)
{
	unsigned int first = NL_HEADERS;
	unsigned int n;

	if (!structure)
		first += NLA_HDRLEN + NLA_ALIGN(sizeof(BOGUS_POOL));
	else if (!pick(4))
		m->len -= pick(m->len - NLMSG_HDRLEN);
	else if (!pick(4))
		m->claimed = pick(2) ? pick(m->len) : m->len + pick(1000);
	else
		first = NLMSG_HDRLEN;
	for (n = 1 + pick(8); n && m->len > first; n--)
		m->buf[first + pick(m->len - first)] = pick(256);
}

/*
 * Random requests to a pool that is not there: whatever becomes of them,
 * nothing can change, and the family still answers.
 */
static void test_random(const char *who, unsigned int rounds)
{
	unsigned int i, refused = 0;
	struct nl_outcome o;
	struct nl_msg m;

	for (i = 0; i < rounds; i++) {
		of_snapshots = pick(2);
		request(&m, commands[pick(ARRAY_SIZE(commands))], BOGUS_POOL);
		while (pick(2))
			faults[pick(ARRAY_SIZE(faults))].make(&m);
		scramble(&m, pick(2));
		nl_exchange(&nl, &m, &o);
		refused += o.answered && o.error;
	}
	of_snapshots = 0;
	request(&m, DRP_CMD_GET_POOL, pool);
	nl_exchange(&nl, &m, &o);
	check(!o.error && o.objects == 1 && refused > rounds / 2,
	      "%s: %u random requests, %u refused, and the family still answers", who, rounds,
	      refused);
}

/* Requests without a fault, by somebody without CAP_SYS_ADMIN. */
static void test_unprivileged(const char *who)
{
	unsigned int c, bad = 0;
	struct nl_outcome o;
	struct nl_msg m;

	for (c = 0; c < ARRAY_SIZE(commands); c++) {
		if (!needs_admin(commands[c]))
			continue;
		request(&m, commands[c], pool);
		nl_exchange(&nl, &m, &o);
		if (o.error == -EPERM && !o.objects && has_words(&o, commands[c]))
			continue;
		bad++;
		printf("# command %u: error %d (%s)\n", commands[c], o.error, o.text);
	}
	check(!bad, "%s: changes and map are refused with EPERM and words", who);
	request(&m, DRP_CMD_GET_SYNC, pool);
	nl_exchange(&nl, &m, &o);
	check(!o.error && o.objects == 1, "%s: status can be read", who);
}

/* Run the tests of nobody in a child: once with root's socket, then with an own one. */
static void as_nobody(unsigned int rounds)
{
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		failures = 0;
		if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
		    setresuid(NOBODY, NOBODY, NOBODY)) {
			check(0, "become nobody: %s", strerror(errno));
			exit(1);
		}
		test_unprivileged("nobody with root's socket");
		nl_close(&nl);
		if (nl_open(&nl, DRP_GENL_NAME)) {
			check(0, "nobody: open a socket: %s", strerror(errno));
			exit(1);
		}
		test_unprivileged("nobody");
		test_all_faults("nobody");
		test_random("nobody", rounds);
		fflush(stdout);
		exit(failures != 0);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0 || status)
		failures++;
	checks += 7;
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 6 ? strtoul(argv[6], NULL, 0) : 20000;
	unsigned int seed = argc > 7 ? strtoul(argv[7], NULL, 0) : 1;
	struct nl_dump before, after;

	if (argc < 6) {
		fprintf(stderr, "usage: nl_fuzz POOL ELEMENT-ID SYNC-ID SNAPSHOT-ID ASPECT-ID [ROUNDS [SEED]]\n");
		return 64;
	}
	pool = argv[1];
	element_id = strtoull(argv[2], NULL, 0);
	sync_id = strtoull(argv[3], NULL, 0);
	snapshot_id = strtoull(argv[4], NULL, 0);
	aspect_id = strtoull(argv[5], NULL, 0);
	srandom(seed);
	printf("# rounds %u, seed %u\n", rounds, seed);
	if (nl_open(&nl, DRP_GENL_NAME)) {
		printf("1..0 # SKIP no netlink family %s: is the module loaded?\n", DRP_GENL_NAME);
		return 4;
	}
	nl_dump_all(&nl, &before);
	check(before.objects >= 10 && !before.error,
	      "a pool, five elements, three syncs and an aspect are there (%u objects)", before.objects);
	test_words();
	test_wrong();
	test_all_faults("root");
	test_random("root", rounds);
	as_nobody(rounds);
	nl_dump_all(&nl, &after);
	check(!after.error && before.len == after.len &&
	      !memcmp(before.buf, after.buf, before.len),
	      "all objects are as before (%u objects, %zu bytes)", after.objects, after.len);
	printf("1..%u\n", checks);
	return failures ? 1 : 0;
}
