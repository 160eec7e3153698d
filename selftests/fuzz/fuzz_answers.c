// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzz target: what replctl makes of the kernel's answers. The first byte picks
 * the kind of object and the form, the rest is the attributes of a message.
 */
#include <stdlib.h>

#include "fields.h"
#include "fuzz.h"

static const enum drp_object_kind kinds[] = {
	DRP_OBJ_POOL, DRP_OBJ_ELEMENT, DRP_OBJ_SYNC, DRP_OBJ_GROUP, DRP_OBJ_JOB, DRP_OBJ_ASPECT,
};

/* What is handed out lies in the record. */
static void look(const struct record *r)
{
	const u8 *p;
	unsigned int i;
	u64 value;
	u32 len;
	u16 attr;

	for (attr = 0; attr <= DRP_A_MAX + 1; attr++) {
		for (i = 0; (p = rec_bin_at(r, attr, i, &len)); i++)
			if (p < (const u8 *)r->attrs || len > r->len ||
			    p + len > (const u8 *)r->attrs + r->len)
				abort();
		rec_u64_at(r, attr, 1, &value);
		if (strlen(rec_str(r, attr)) >= r->len + 1)
			abort();
	}
}

static void print(const struct record *r, enum drp_object_kind kind, bool json, bool table)
{
	const struct args args = { .given = json ? O(JSON) : 0 };
	struct node *root = out_object(NULL, NULL);

	output_setup(&args);
	out_object_fields(table ? out_object(out_array(root, "List"), NULL) : root, kind, r);
	out_print(root, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct records list = { 0 };

	if (!size)
		return 0;
	records_add(&list, DRP_CMD_GET_SYNC, data + 1, size - 1);
	look(&list.v[0]);
	print(&list.v[0], kinds[(data[0] & 0x3f) % ARRAY_SIZE(kinds)], data[0] & 0x40,
	      data[0] & 0x80);
	records_free(&list);
	return 0;
}
