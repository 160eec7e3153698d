/* SPDX-License-Identifier: GPL-2.0-only */
/* The generic netlink family dm-replica. All netlink of the tool is behind this header. */
#ifndef REPLCTL_NL_H
#define REPLCTL_NL_H

#include "record.h"

/* A request that is being built. */
struct request;

struct request *req_new(u8 command);
void req_free(struct request *req);
void req_u16(struct request *req, u16 attr, u16 value);
void req_u64(struct request *req, u16 attr, u64 value);
void req_str(struct request *req, u16 attr, const char *value);
void req_flag(struct request *req, u16 attr);

/* Why a request was refused, or that it was not. */
struct refusal {
	int own_status;			/* sysexit: the family could not be asked at all */
	int err;			/* errno of the kernel, 0: none */
	u32 return_value;		/* DRP_RV_* that it stands for */
	char text[DRP_MESSAGE_MAX + 1];	/* extended ack */
};

/*
 * Send @req, free it, and collect the answer: one record into @answer, or as
 * many as come. Returns 0, or -1 with @refusal filled. Waits for the kernel.
 */
int ask_one(struct request *req, struct record *answer, struct refusal *refusal);
int ask_all(struct request *req, struct records *answers, struct refusal *refusal);

/* Print @refusal as an error about @what and return the exit status. */
int refusal_report(const struct refusal *refusal, const char *what);

/* Subscribe to the events, before the request that they follow from. 0 or -1. */
int nl_subscribe(struct refusal *refusal);

/*
 * Wait for an event at most @timeout_ms: 1 and @event filled (free it), 0 when
 * nothing came, -ENOBUFS when events were lost, or a negative errno.
 */
int nl_event(struct record *event, int timeout_ms);

/* Is the family there? Prints nothing. */
bool nl_family_present(void);

void nl_finish(void);

#endif /* REPLCTL_NL_H */
