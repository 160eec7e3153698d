/* SPDX-License-Identifier: GPL-2.0-only */
/* From names on the command line to objects of the kernel: POOL/NAME, or NAME where it is unique. */
#ifndef REPLCTL_RESOLVE_H
#define REPLCTL_RESOLVE_H

#include "nl.h"

struct ref {
	enum drp_object_kind kind;
	char pool[DRP_NAME_MAX + 1];
	u64 id;
	char name[DRP_NAME_MAX + 1];	/* a job's: its number */
	char qualified[REPLCTL_QUALIFIED_MAX];
	struct record record;		/* as the kernel answered */
};

/*
 * Find the object of @kind that @text names; jobs are named by their number. 0,
 * or the exit status with the error printed. Free with ref_free().
 */
int resolve(enum drp_object_kind kind, const char *text, struct ref *ref);

/* As resolve(), but nothing is printed: -ENOENT, -ENOTUNIQ, or -EIO with @refusal filled. */
int resolve_quietly(enum drp_object_kind kind, const char *text, struct ref *ref,
		    struct refusal *refusal);
void ref_free(struct ref *ref);

/* Fetch the object again into @answer. 0, or -1 with @refusal filled. */
int ref_fetch(const struct ref *ref, struct record *answer, struct refusal *refusal);

/* Name the object in a request: its pool and its id. */
void req_ref(struct request *req, const struct ref *ref);

/* All objects of @kind, of one pool or of all (@pool NULL). 0, or -1 with @refusal filled. */
int list_objects(enum drp_object_kind kind, const char *pool, struct records *list,
		 struct refusal *refusal);

/* Attribute that holds the id or the name of objects of @kind. */
u16 object_id_attr(enum drp_object_kind kind);
u16 object_name_attr(enum drp_object_kind kind);
const char *object_noun(enum drp_object_kind kind);

/*
 * Split POOL/NAME (or NAME: *@pool is empty then) and check the names. 0 or
 * EX_USAGE with the error printed.
 */
int split_name(const char *text, char *pool, char *name);

#endif /* REPLCTL_RESOLVE_H */
