/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The attributes of one netlink message, copied out of it, and lists of them.
 * What commands see of the protocol; libnl stays in nl.c.
 */
#ifndef REPLCTL_RECORD_H
#define REPLCTL_RECORD_H

#include "replctl.h"

struct record {
	u8 command;		/* enum drp_command */
	void *attrs;		/* a copy of the attribute stream */
	u32 len;
};

struct records {
	struct record *v;
	unsigned int nr;
};

/* Append a copy of @len bytes of attributes at @attrs. */
void records_add(struct records *list, u8 command, const void *attrs, u32 len);
void records_free(struct records *list);
void record_free(struct record *r);

/* What @from says of @attr is added to @to, which lacks it. */
void rec_take(struct record *to, const struct record *from, u16 attr);

bool rec_has(const struct record *r, u16 attr);

/* Value of an integer of any width; 0 if absent. */
u64 rec_u64(const struct record *r, u16 attr);

/* A string, "" if absent. Lives as long as the record. */
const char *rec_str(const struct record *r, u16 attr);

/* Bytes of an attribute, NULL if absent. */
const void *rec_bin(const struct record *r, u16 attr, u32 *len);

/* The @i-th attribute of a [multi] one: false past the end. */
bool rec_u64_at(const struct record *r, u16 attr, unsigned int i, u64 *value);
const void *rec_bin_at(const struct record *r, u16 attr, unsigned int i, u32 *len);

#endif /* REPLCTL_RECORD_H */
