/* SPDX-License-Identifier: GPL-2.0-only */
/* Methods: send, report "ReturnValue=4096 (...) Job=7", wait. */
#ifndef REPLCTL_METHOD_H
#define REPLCTL_METHOD_H

#include "output.h"
#include "resolve.h"

/* What a command's methods have come to, for one or for several objects. */
struct report {
	struct node *root, *array;	/* JSON; array NULL: one method, the root is its result */
	bool several;
	int status;			/* of the first failure */
};

/* @several: the command runs one method for each of several objects. */
void report_start(struct report *report, bool several);

/*
 * Run the method @req about @what (a qualified name). Prints the line or adds
 * to the JSON. @ref: the object that it is about, NULL for creations, whose new
 * object of @made_kind is waited for. Waits when @a asks for it. Returns the
 * exit status, and the answer's record in @answer (free it; may be NULL).
 */
int report_method(struct report *report, const struct args *a, struct request *req,
		  const char *what, const struct ref *ref, enum drp_object_kind made_kind,
		  struct record *answer);

/* A refusal that the tool itself decided: printed and added. Returns the exit status. */
int report_refusal(struct report *report, const char *what, const struct refusal *refusal);

/* A method that the tool itself carried out. */
void report_completed(struct report *report, const char *what);

/* Prints the JSON; returns the exit status of the command. */
int report_end(struct report *report);

/* Subscribe to events if @a asks for waiting; before the request is sent. Exit status. */
int wait_prepare(const struct args *a);

/* Put --force, --dry-run, --setting and --wait-for-copy-state into @req. */
void req_options(struct request *req, const struct args *a);

#endif /* REPLCTL_METHOD_H */
