/* SPDX-License-Identifier: GPL-2.0-only */
/* Work that is queued waits until the test runs it. Waiting for others never ends here, so it is an error. */
#ifndef FAKE_WORKQUEUE_H
#define FAKE_WORKQUEUE_H
#include <linux/list.h>
#include <linux/lockdep.h>

struct workqueue_struct;

struct work_struct {
	void (*func)(struct work_struct *work);
	bool queued;
};

static inline bool queue_work(struct workqueue_struct *wq, struct work_struct *work)
{
	bool was = work->queued;

	(void)wq;
	work->queued = true;
	return !was;
}

typedef struct { int unused; } wait_queue_head_t;

#define wake_up_all(wq)		((void)(wq))
#define HZ	100
#define wait_event_timeout(wq, cond, timeout) \
	({ (void)(wq); (void)(timeout); might_sleep(); !!(cond); })
#define wait_event(wq, cond)	do { (void)(wq); might_sleep(); fake_assert(cond); } while (0)
#endif
