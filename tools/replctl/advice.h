/* SPDX-License-Identifier: GPL-2.0-only */
/* What an administrator should do next, from what the kernel says of an object. */
#ifndef REPLCTL_ADVICE_H
#define REPLCTL_ADVICE_H

#include "record.h"

#define ADVICE_MAX	512

/* Does the sync wait for somebody (Broken, Requires resync ...)? */
bool sync_needs_care(const struct record *sync);

/* Is the source being overwritten from the target? -1: the kernel does not tell in this state. */
int sync_overwrites_source(const struct record *sync);

/* Words into @text (ADVICE_MAX bytes), empty where there is nothing to do. */
void advise_pool(const struct record *pool, char *text);
void advise_sync(const struct record *sync, char *text);

#endif /* REPLCTL_ADVICE_H */
