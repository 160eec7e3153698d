// SPDX-License-Identifier: GPL-2.0-only
/*
 * replctl pool space: what each snapshot holds in COW space, and what only it
 * holds. A chunk is in COW space for a snapshot where it differs from the device
 * it comes from; nobody else needs it if it also differs from what the next
 * older and the next newer snapshot have there, and its own snapshots.
 */
#include "commands.h"
#include "extents.h"
#include "output.h"
#include "resolve.h"

/* What both have, in place of @x. Both are in ascending order. */
static void intersect(struct extents *x, const struct extents *y)
{
	struct extents both = { 0 };
	unsigned int i = 0, j = 0;

	while (i < x->nr && j < y->nr) {
		const struct drp_extent *a = &x->v[i], *b = &y->v[j];
		const u64 a_end = a->offset + a->length, b_end = b->offset + b->length;
		const u64 from = a->offset > b->offset ? a->offset : b->offset;
		const u64 to = a_end < b_end ? a_end : b_end;

		if (from < to)
			extents_add(&both, from, to - from);
		if (a_end < b_end)
			i++;
		else
			j++;
	}
	extents_free(x);
	*x = both;
}

static u64 id_of(const struct record *e) { return rec_u64(e, DRP_A_ELEMENT_ID); }
static u64 parent_of(const struct record *e) { return rec_u64(e, DRP_A_PARENT_ID); }
static u64 moment_of(const struct record *e) { return rec_u64(e, DRP_A_PARENT_GENERATION); }

/* The element with a device that @e comes from. */
static const struct record *root_of(const struct records *elements, const struct record *e)
{
	unsigned int i, levels;

	for (levels = 0; e && parent_of(e) && levels < elements->nr; levels++) {
		const u64 parent = parent_of(e);

		for (i = 0, e = NULL; i < elements->nr && !e; i++)
			if (id_of(&elements->v[i]) == parent)
				e = &elements->v[i];
	}
	return e;
}

/* Moments of the next older and the next newer snapshot: 0 and U64_MAX are none. */
struct neighbours {
	u64 older, newer;
};

static struct neighbours neighbours_of(const struct records *elements, const struct record *e)
{
	struct neighbours n = { 0, UINT64_MAX };
	unsigned int i;

	for (i = 0; i < elements->nr; i++) {
		const struct record *x = &elements->v[i];
		const u64 moment = parent_of(x) == parent_of(e) ? moment_of(x) : 0;

		if (moment > n.older && moment < moment_of(e))
			n.older = moment;
		if (moment > moment_of(e) && moment < n.newer)
			n.newer = moment;
	}
	return n;
}

/* Does @x share chunks with the snapshot @e: in the same or a neighbouring moment, or because it comes from it? */
static bool is_relative(const struct record *e, const struct neighbours *n,
			const struct record *x)
{
	const u64 moment = moment_of(x);

	if (x == e || !parent_of(x) || !moment)
		return false;
	if (parent_of(x) == id_of(e))
		return true;
	return parent_of(x) == parent_of(e) &&
	       (moment == n->older || moment == n->newer || moment == moment_of(e));
}

/* An aspect of the same moment keeps all of it. */
static bool kept_by_aspect(const struct records *aspects, const struct record *e)
{
	unsigned int i;

	for (i = 0; i < aspects->nr; i++)
		if (rec_u64(&aspects->v[i], DRP_A_SOURCE_ID) == parent_of(e) &&
		    rec_u64(&aspects->v[i], DRP_A_GENERATION) == moment_of(e))
			return true;
	return false;
}

static int measure(const char *pool, const struct records *elements, const struct record *e,
		   u64 *held, u64 *unique)
{
	const struct neighbours n = neighbours_of(elements, e);
	const struct record *root = root_of(elements, e);
	struct extents mine = { 0 }, other = { 0 };
	unsigned int i;
	int status;

	status = root ? ask_extents(req_diff(pool, id_of(e), id_of(root)), pool, &mine) : 0;
	*held = extents_bytes(&mine);
	for (i = 0; i < elements->nr && !status && mine.nr; i++) {
		if (!is_relative(e, &n, &elements->v[i]))
			continue;
		status = ask_extents(req_diff(pool, id_of(e), id_of(&elements->v[i])), pool, &other);
		intersect(&mine, &other);
		extents_free(&other);
	}
	*unique = extents_bytes(&mine);
	extents_free(&mine);
	return status;
}

static int add_snapshot(struct node *array, const char *pool, const struct records *elements,
			const struct records *aspects, const struct record *e)
{
	u64 held = 0, unique = 0;
	struct node *row;
	int status = 0;

	if (moment_of(e))
		status = measure(pool, elements, e, &held, &unique);
	if (kept_by_aspect(aspects, e))
		unique = 0;
	row = out_object(array, NULL);
	out_uint(row, "ElementID", NULL, id_of(e));
	out_str(row, "ElementName", "SNAPSHOT", rec_str(e, DRP_A_ELEMENT_NAME));
	out_uint(row, "ParentElementID", "PARENT", parent_of(e));
	out_bytes(row, "HeldBytes", "HELD", held);
	out_bytes(row, "UniqueBytes", "UNIQUE", unique);
	return status;
}

static int pool_space(const struct args *a)
{
	struct records elements = { 0 }, aspects = { 0 };
	struct node *root, *array;
	struct refusal refusal;
	struct ref pool;
	unsigned int i;
	int status;

	status = resolve(DRP_OBJ_POOL, a->argv[0], &pool);
	if (status)
		return status;
	ref_free(&pool);
	if (list_objects(DRP_OBJ_ELEMENT, pool.pool, &elements, &refusal))
		return refusal_report(&refusal, pool.pool);
	if (list_objects(DRP_OBJ_ASPECT, pool.pool, &aspects, &refusal)) {
		records_free(&elements);
		return refusal_report(&refusal, pool.pool);
	}
	root = out_object(NULL, NULL);
	array = out_array(root, "Snapshots");
	for (i = 0; i < elements.nr && !status; i++)
		if (parent_of(&elements.v[i]))
			status = add_snapshot(array, pool.pool, &elements, &aspects,
					      &elements.v[i]);
	records_free(&elements);
	records_free(&aspects);
	out_print(root, "There is no snapshot.");
	return status;
}

DEFINE_COMMANDS(space) = {
	{ "pool space", pool_space, "List what each snapshot holds in COW space", "NAME",
	  "HELD is what its reads find there, shared with other snapshots or not; UNIQUE what would\n"
	  "come back if it alone were returned. It is read from the index for each snapshot, which\n"
	  "takes a moment where there are many.",
	  "replctl pool space tank\nreplctl pool space tank --json", 0, 1, 1, 0 },
};
END_COMMANDS(space);
