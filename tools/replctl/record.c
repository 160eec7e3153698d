// SPDX-License-Identifier: GPL-2.0-only
/* Attributes of a message, read by number. */
#include <stdlib.h>
#include <linux/netlink.h>

#include "record.h"

void records_add(struct records *list, u8 command, const void *attrs, u32 len)
{
	struct record *r;
	struct record *v = realloc(list->v, (list->nr + 1) * sizeof(*v));

	if (!v) {
		fail(0, "answer", "out of memory; ask for less");
		exit(EX_OSERR);
	}
	list->v = v;
	r = &v[list->nr++];
	r->command = command;
	r->len = len;
	r->attrs = memcpy(xalloc(len), attrs, len);
}

void record_free(struct record *r)
{
	free(r->attrs);
	memset(r, 0, sizeof(*r));
}

void records_free(struct records *list)
{
	unsigned int i;

	for (i = 0; i < list->nr; i++)
		record_free(&list->v[i]);
	free(list->v);
	memset(list, 0, sizeof(*list));
}

void rec_take(struct record *to, const struct record *from, u16 attr)
{
	u32 len, at = NLA_ALIGN(to->len);
	const void *value = rec_bin(from, attr, &len);
	struct nlattr *a;
	u8 *attrs;

	if (!value || rec_has(to, attr))
		return;
	attrs = xalloc(at + NLA_HDRLEN + NLA_ALIGN(len));
	memcpy(attrs, to->attrs, to->len);
	a = (struct nlattr *)(attrs + at);
	a->nla_type = attr;
	a->nla_len = NLA_HDRLEN + len;
	memcpy(attrs + at + NLA_HDRLEN, value, len);
	free(to->attrs);
	to->attrs = attrs;
	to->len = at + a->nla_len;
}

const void *rec_bin_at(const struct record *r, u16 attr, unsigned int i, u32 *len)
{
	u32 pos = 0;

	while (r->attrs && pos + NLA_HDRLEN <= r->len) {
		const struct nlattr *a = (const void *)((const u8 *)r->attrs + pos);

		if (a->nla_len < NLA_HDRLEN || a->nla_len > r->len - pos)
			return NULL;
		if ((a->nla_type & NLA_TYPE_MASK) == attr && !i--) {
			*len = a->nla_len - NLA_HDRLEN;
			return (const u8 *)a + NLA_HDRLEN;
		}
		pos += NLA_ALIGN(a->nla_len);
	}
	return NULL;
}

const void *rec_bin(const struct record *r, u16 attr, u32 *len)
{
	return rec_bin_at(r, attr, 0, len);
}

bool rec_has(const struct record *r, u16 attr)
{
	u32 len;

	return rec_bin(r, attr, &len);
}

bool rec_u64_at(const struct record *r, u16 attr, unsigned int i, u64 *value)
{
	const void *p;
	u32 len, v32;
	u16 v16;

	p = rec_bin_at(r, attr, i, &len);
	if (!p)
		return false;
	switch (len) {
	case 1:
		*value = *(const u8 *)p;
		return true;
	case 2:
		memcpy(&v16, p, sizeof(v16));
		*value = v16;
		return true;
	case 4:
		memcpy(&v32, p, sizeof(v32));
		*value = v32;
		return true;
	case 8:
		memcpy(value, p, sizeof(*value));
		return true;
	default:
		return false;
	}
}

u64 rec_u64(const struct record *r, u16 attr)
{
	u64 value;

	return rec_u64_at(r, attr, 0, &value) ? value : 0;
}

const char *rec_str(const struct record *r, u16 attr)
{
	const char *p;
	u32 len;

	p = rec_bin(r, attr, &len);
	return p && len && !p[len - 1] ? p : "";
}
