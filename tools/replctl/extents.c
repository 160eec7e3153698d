// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "extents.h"

void extents_add(struct extents *x, u64 offset, u64 length)
{
	if (x->nr == x->room) {
		x->room = x->room ? 2 * x->room : 64;
		x->v = realloc(x->v, x->room * sizeof(*x->v));
		if (!x->v)
			abort();
	}
	x->v[x->nr++] = (struct drp_extent){ .offset = offset, .length = length };
}

u64 extents_bytes(const struct extents *x)
{
	u64 bytes = 0;
	unsigned int i;

	for (i = 0; i < x->nr; i++)
		bytes += x->v[i].length;
	return bytes;
}

void extents_free(struct extents *x)
{
	free(x->v);
	*x = (struct extents){ 0 };
}

struct request *req_diff(const char *pool, u64 a, u64 b)
{
	struct request *req = req_new(DRP_CMD_MAP);

	req_str(req, DRP_A_POOL_NAME, pool);
	req_u64(req, DRP_A_SOURCE_ID, a);
	req_u64(req, DRP_A_TARGET_ID, b);
	return req;
}

int ask_extents(struct request *req, const char *what, struct extents *x)
{
	struct refusal refusal;
	struct records answers;
	struct drp_extent e;
	unsigned int m, i;
	const void *p;
	u32 len;

	if (ask_all(req, &answers, &refusal))
		return refusal_report(&refusal, what);
	for (m = 0; m < answers.nr; m++)
		for (i = 0; (p = rec_bin_at(&answers.v[m], DRP_A_EXTENT, i, &len)); i++) {
			if (len < sizeof(e))
				continue;
			memcpy(&e, p, sizeof(e));
			extents_add(x, e.offset, e.length);
		}
	records_free(&answers);
	return 0;
}
