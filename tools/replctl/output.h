/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One call writes text and JSON, so that they cannot drift. A command builds a
 * tree of values and prints it once: as JSON, or as text, where an object is
 * lines "Key  value" and an array of objects is a table of those values that
 * have a column. Every key is in the JSON, with null for what is not known.
 */
#ifndef REPLCTL_OUTPUT_H
#define REPLCTL_OUTPUT_H

#include "record.h"

struct node;

/* Remember --json and whether the terminals want colour (NO_COLOR). */
void output_setup(const struct args *args);
bool output_is_json(void);

struct node *out_object(struct node *parent, const char *key);	/* key NULL: in an array; parent NULL: the root */
struct node *out_array(struct node *parent, const char *key);

/* Values. @column: heading in tables, NULL: not in tables. */
void out_str(struct node *o, const char *key, const char *column, const char *text);
void out_uint(struct node *o, const char *key, const char *column, u64 value);
void out_bool(struct node *o, const char *key, const char *column, bool value);
void out_enum(struct node *o, const char *key, const char *column, enum drp_enum which, u32 value);
void out_bytes(struct node *o, const char *key, const char *column, u64 bytes);
void out_uuid(struct node *o, const char *key, const char *column, const u8 *bytes);
void out_null(struct node *o, const char *key, const char *column);

enum field_kind {
	F_STR, F_UINT, F_BOOL, F_ENUM, F_BYTES, F_SECTORS, F_RATE, F_TIME, F_UUID, F_DEV,
	F_PERCENT, F_SECONDS, F_IDS, F_NANOSECONDS,
	F_JOB_RATE,		/* of a job that has ended: its average */
};

/* How an attribute is printed. */
struct field {
	const char *key;
	u16 attr;
	u8 kind;		/* enum field_kind */
	u8 which;		/* enum drp_enum of F_ENUM */
	const char *column;
};

/* All @fields of @r into @o. */
void out_fields(struct node *o, const struct field *fields, unsigned int nr,
		const struct record *r);

/* Print the tree and free it. @empty: text when a table has no line, or NULL. */
void out_print(struct node *root, const char *empty);

/* Print an object in one line with the time before it (text), and free it. */
void out_print_line(struct node *root);

/* "4.0 MiB" into @buf; returns @buf. */
const char *human_bytes(u64 bytes, char *buf, size_t size);

/* Seconds as "1h02m" or "12s" into @buf; returns @buf. */
const char *human_seconds(u64 seconds, char *buf, size_t size);

#endif /* REPLCTL_OUTPUT_H */
