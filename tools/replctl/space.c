// SPDX-License-Identifier: GPL-2.0-only
/*
 * replctl pool space: what each snapshot holds in COW space, and what only it
 * holds, as the kernel counts it.
 */
#include <errno.h>

#include "commands.h"
#include "output.h"
#include "resolve.h"

static u64 id_of(const struct record *e) { return rec_u64(e, DRP_A_ELEMENT_ID); }
static u64 parent_of(const struct record *e) { return rec_u64(e, DRP_A_PARENT_ID); }
static u64 moment_of(const struct record *e) { return rec_u64(e, DRP_A_PARENT_GENERATION); }

struct space {
	bool known;
	u64 held, unique;
};

/* One that loses its point in time meanwhile, or goes, is not known. 0 or the exit status, printed. */
static int space_of(const char *pool, u64 element, struct space *space)
{
	struct request *req = req_new(DRP_CMD_SPACE);
	struct refusal refusal;
	struct records parts;
	unsigned int i;

	req_str(req, DRP_A_POOL_NAME, pool);
	req_u64(req, DRP_A_ELEMENT_ID, element);
	if (ask_all(req, &parts, &refusal))
		return refusal.err == EINVAL || refusal.err == ENOENT ? 0 :
		       refusal_report(&refusal, pool);
	space->known = parts.nr;
	for (i = 0; i < parts.nr; i++) {
		space->held += rec_u64(&parts.v[i], DRP_A_HELD_BYTES);
		space->unique += rec_u64(&parts.v[i], DRP_A_UNIQUE_BYTES);
	}
	records_free(&parts);
	return 0;
}

static void add_bytes(struct node *row, const char *key, const char *column,
		      const struct space *space, u64 bytes)
{
	if (space->known)
		out_bytes(row, key, column, bytes);
	else
		out_null(row, key, column);
}

static int add_snapshot(struct node *array, const char *pool, const struct record *e)
{
	struct space space = { 0 };
	struct node *row;
	int status = 0;

	if (moment_of(e))
		status = space_of(pool, id_of(e), &space);
	row = out_object(array, NULL);
	out_uint(row, "ElementID", NULL, id_of(e));
	out_str(row, "ElementName", "SNAPSHOT", rec_str(e, DRP_A_ELEMENT_NAME));
	out_uint(row, "ParentElementID", "PARENT", parent_of(e));
	add_bytes(row, "HeldBytes", "HELD", &space, space.held);
	add_bytes(row, "SharedBytes", "SHARED", &space, space.held - space.unique);
	add_bytes(row, "UniqueBytes", "UNIQUE", &space, space.unique);
	return status;
}

static int pool_space(const struct args *a)
{
	struct records elements = { 0 };
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
	root = out_object(NULL, NULL);
	array = out_array(root, "Snapshots");
	for (i = 0; i < elements.nr && !status; i++)
		if (parent_of(&elements.v[i]))
			status = add_snapshot(array, pool.pool, &elements.v[i]);
	records_free(&elements);
	out_print(root, "There is no snapshot.");
	return status;
}

DEFINE_COMMANDS(space) = {
	{ "pool space", pool_space, "List what each snapshot holds in COW space", "NAME",
	  "HELD is what is kept for its point in time of what it comes from, and what was written to\n"
	  "it; what a snapshot of a snapshot shows through that counts for that. UNIQUE is what would\n"
	  "come back if it alone were returned, SHARED the rest, which others need, too. One without\n"
	  "a point in time has none of them. The used space of the pool (CowUsedBytes of 'pool show')\n"
	  "has each shared chunk once. It is counted in the index for each snapshot, which takes a\n"
	  "moment where there are many.",
	  "replctl pool space tank\nreplctl pool space tank --json", 0, 1, 1, 0 },
};
END_COMMANDS(space);
