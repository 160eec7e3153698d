/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Generic netlink with nothing between: a test must be able to send what no
 * library would. Errors of the surroundings end the program.
 */
#ifndef NL_LINK_H
#define NL_LINK_H

#include <stddef.h>
#include <stdint.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include <linux/dm-replica.h>

#define NL_MSG_MAX	8192
#define NL_DUMP_MAX	(4 << 20)
#define NL_HEADERS	(NLMSG_HDRLEN + GENL_HDRLEN)

struct nl_link {
	int fd;
	uint16_t family;
	uint32_t seq;
};

struct nl_msg {
	uint8_t buf[NL_MSG_MAX] __attribute__((aligned(8)));
	size_t len;
	size_t claimed;		/* nlmsg_len; 0: the true one */
	size_t last;		/* where the last attribute begins */
};

/* What came back of one request. */
struct nl_outcome {
	int answered;		/* anything at all */
	int error;		/* 0 or negative errno */
	unsigned int objects;	/* messages of the family */
	char text[256];		/* extended ack */
};

/* All objects, without what changes by itself or by a refusal. */
struct nl_dump {
	uint8_t *buf;
	size_t len;
	unsigned int objects;
	int error;
};

/* 0, or -1 with errno. */
int nl_open(struct nl_link *nl, const char *family);
void nl_close(struct nl_link *nl);

void nl_begin(struct nl_msg *m, uint16_t family, uint8_t cmd, int flags);
void nl_put(struct nl_msg *m, uint16_t type, const void *data, size_t len);
void nl_put_u16(struct nl_msg *m, uint16_t type, uint16_t value);
void nl_put_u64(struct nl_msg *m, uint16_t type, uint64_t value);
void nl_put_string(struct nl_msg *m, uint16_t type, const char *text);
struct nlattr *nl_last(struct nl_msg *m);
struct nlmsghdr *nl_header(struct nl_msg *m);
struct genlmsghdr *nl_genl(struct nl_msg *m);

/* Send and read all answers. The kernel answers within send and recv: does not wait. */
void nl_exchange(struct nl_link *nl, struct nl_msg *m, struct nl_outcome *o);

void nl_dump_all(struct nl_link *nl, struct nl_dump *dump);

#endif /* NL_LINK_H */
