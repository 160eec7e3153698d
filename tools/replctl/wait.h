/* SPDX-License-Identifier: GPL-2.0-only */
/* Waiting for jobs and copy states, with a progress bar on a terminal. */
#ifndef REPLCTL_WAIT_H
#define REPLCTL_WAIT_H

#include "resolve.h"

struct wait {
	const char *what;		/* for messages */
	struct ref sync;		/* id 0: none */
	struct ref job;			/* id 0: none */
	u16 copy_state;			/* that is waited for, 0: the job's end */
	long timeout;			/* seconds, -1: none */
	char told[DRP_MESSAGE_MAX + 1];	/* wait_for()'s own: why the job waits, as it was last said */
};

/*
 * Wait until the sync has the copy state, or the job has ended. Exit status:
 * 0; 3 after the timeout (the job goes on); of the job's error; printed, as is
 * why a job does not go on.
 * nl_subscribe() must have been called before the request.
 */
int wait_for(struct wait *w);

#endif /* REPLCTL_WAIT_H */
