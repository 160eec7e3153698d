/* SPDX-License-Identifier: GPL-2.0-only */
/* How each object is printed: one table per kind, for lists, show and JSON. */
#ifndef REPLCTL_FIELDS_H
#define REPLCTL_FIELDS_H

#include "output.h"
#include "resolve.h"

/* Print the attributes of an object of @kind into @o. */
void out_object_fields(struct node *o, enum drp_object_kind kind, const struct record *r);

/* The commands "list [POOL]" and "show NAME" of a kind; exit status. */
int run_list(const struct args *a, enum drp_object_kind kind, const char *key,
	     const char *empty);
int run_show(const struct args *a, enum drp_object_kind kind);

#endif /* REPLCTL_FIELDS_H */
