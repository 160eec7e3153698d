// SPDX-License-Identifier: GPL-2.0-only
/* replctl pool activate, deactivate: pools describe themselves, their devices are found by identity. */
#include <stdlib.h>
#include <unistd.h>
#include <sys/sysmacros.h>

#include "commands.h"
#include "metadata.h"
#include "method.h"
#include "output.h"
#include "pool.h"
#include "snapshot.h"

struct found_pool {
	struct device d;
	struct drp_super sb;
	bool duplicate;
};

struct search {
	struct found_pool *pools;
	unsigned int nr_pools;
	struct device *devices;		/* of the machine, with identities, looked up when first needed */
	unsigned int nr_devices;
	bool devices_known;
	bool denied;			/* a device could not be read for want of permission */
	bool take_over;
	struct node *rows;
	int status;			/* of the first failure; the rest goes on */
};

static void count_status(struct search *s, int status)
{
	if (!s->status)
		s->status = status;
}

static void *grow(void *list, unsigned int nr, size_t size)
{
	void *p = realloc(list, (nr + 1) * size);

	if (!p) {
		fail(0, "devices", "out of memory; try again");
		exit(EX_OSERR);
	}
	return p;
}

static void add_pool(struct search *s, const struct device *d, const struct drp_super *sb)
{
	s->pools = grow(s->pools, s->nr_pools, sizeof(*s->pools));
	memset(&s->pools[s->nr_pools], 0, sizeof(*s->pools));
	s->pools[s->nr_pools].d = *d;
	s->pools[s->nr_pools++].sb = *sb;
}

static bool has_holder(const struct device *d)
{
	char who[DRP_MESSAGE_MAX];

	return device_in_use(d, who, sizeof(who));
}

/* A scanned device: a candidate if it is ours and nobody holds it. */
static int consider(const struct device *d, void *ctx)
{
	struct search *s = ctx;
	struct drp_super sb;
	enum drp_probe what;
	int err;

	err = metadata_probe(d, &what, &sb);
	s->denied |= err == -EACCES || err == -EPERM;
	if (err)
		return 0;
	if ((what == DRP_PROBE_VALID || what == DRP_PROBE_REPAIR) && !has_holder(d))
		add_pool(s, d, &sb);
	return 0;
}

static int consider_given(struct search *s, const char *path)
{
	struct drp_super sb;
	enum drp_probe what;
	struct device d;
	int status, err;

	status = device_open(path, &d);
	if (status)
		return status;
	err = metadata_probe(&d, &what, &sb);
	if (err)
		return fail(EX_IOERR, path, "cannot be read: %s; check the device", strerror(-err));
	if (what == DRP_PROBE_DAMAGED)
		return fail(EX_DATAERR, path,
			    "its pool is damaged, or of another version or size of device; 'replctl pool check %s' says more", path);
	if (what != DRP_PROBE_VALID && what != DRP_PROBE_REPAIR)
		return fail(drp_rv_to_exit_status(DRP_RV_NOT_FOUND), path,
			    "Not Found (32771): there is no pool on it; 'replctl pool create' makes one");
	add_pool(s, &d, &sb);
	return 0;
}

/* Two devices with one pool (a clone, a lost path): nobody can tell which is meant. */
static void mark_duplicates(struct search *s)
{
	unsigned int i, j;

	for (i = 0; i < s->nr_pools; i++)
		for (j = i + 1; j < s->nr_pools; j++) {
			struct found_pool *p = &s->pools[i], *q = &s->pools[j];

			if (p->d.dev == q->d.dev ||
			    memcmp(p->sb.uuid, q->sb.uuid, sizeof(p->sb.uuid)))
				continue;
			p->duplicate = true;
			q->duplicate = true;
			count_status(s, fail(drp_rv_to_exit_status(DRP_RV_FAILED), p->sb.name,
					     "%s and %s hold the same pool; name the one that is meant: 'replctl pool activate DEV'",
					     p->d.path, q->d.path));
		}
}

static int remember(const struct device *d, void *ctx)
{
	struct search *s = ctx;
	struct device *n;

	s->devices = grow(s->devices, s->nr_devices, sizeof(*s->devices));
	n = &s->devices[s->nr_devices++];
	*n = *d;
	device_identify(n);
	return 0;
}

static void add_row(struct search *s, const char *object, const char *device, const char *result)
{
	struct node *row = out_object(s->rows, NULL);

	out_str(row, "Object", "OBJECT", object);
	out_str(row, "Device", "DEVICE", device);
	out_str(row, "Result", "RESULT", result);
}

/* The one free device of this identity and size, or NULL with the reason in @why. */
static const struct device *find_by_identity(struct search *s, const char *identity, u64 bytes,
					     char *why, size_t size)
{
	const struct device *found = NULL;
	char who[DRP_MESSAGE_MAX];
	unsigned int i;

	snprintf(why, size, "no device calls itself '%s'", identity);
	if (!s->devices_known) {
		s->devices_known = true;
		device_scan(remember, s);
	}
	for (i = 0; *identity && i < s->nr_devices; i++) {
		const struct device *d = &s->devices[i];

		if (strcmp(d->identity, identity))
			continue;
		if (d->bytes < bytes) {
			snprintf(why, size, "%s calls itself '%s' but is too small", d->path, identity);
			continue;
		}
		if (device_in_use(d, who, sizeof(who))) {
			/* A path of a multipath device is held by that one, which has the same identity. */
			if (!found)
				snprintf(why, size, "%s is %s", d->path, who);
			continue;
		}
		if (found) {
			snprintf(why, size, "%s and %s both call themselves '%s'", found->path,
				 d->path, identity);
			return NULL;
		}
		found = d;
	}
	return found;
}

static void activate_element(struct search *s, const struct record *pool,
			     const struct record *element)
{
	char path[REPLCTL_PATH_MAX], name[REPLCTL_QUALIFIED_MAX], why[REPLCTL_PATH_MAX + 300];
	const struct device *data;
	int status;

	snprintf(name, sizeof(name), "%s/%s", rec_str(pool, DRP_A_POOL_NAME),
		 rec_str(element, DRP_A_ELEMENT_NAME));
	if (rec_u64(element, DRP_A_ELEMENT_DEV)) {
		device_path(kernel_dev(rec_u64(element, DRP_A_ELEMENT_DEV)), path, sizeof(path));
		add_row(s, name, path, "was active");
		return;
	}
	if (element_virtual(element)) {
		status = element_device_create(pool, element, NULL, path);
		count_status(s, status);
		add_row(s, name, status ? "" : path, status ? "failed" : "activated");
		return;
	}
	data = find_by_identity(s, rec_str(element, DRP_A_DEVICE_IDENTITY),
				rec_u64(element, DRP_A_SIZE_SECTORS) << DRP_SECTOR_SHIFT,
				why, sizeof(why));
	if (!data) {
		status = fail(drp_rv_to_exit_status(DRP_RV_NOT_FOUND), name,
			      "its data device is missing: %s; 'replctl element attach %s DEV' names it",
			      why, name);
		add_row(s, name, "", "missing");
		count_status(s, status);
		return;
	}
	status = element_device_create(pool, element, data, path);
	count_status(s, status);
	add_row(s, name, status ? "" : path, status ? "failed" : "activated");
}

static void activate_elements(struct search *s, const struct ref *pool)
{
	struct records elements;
	struct refusal refusal;
	unsigned int i;

	if (list_objects(DRP_OBJ_ELEMENT, pool->pool, &elements, &refusal)) {
		count_status(s, refusal_report(&refusal, pool->name));
		return;
	}
	for (i = 0; i < elements.nr; i++)
		activate_element(s, &pool->record, &elements.v[i]);
	records_free(&elements);
}

/* Is this very pool active already? -1: another one has its name. */
static int active_already(const struct found_pool *p)
{
	struct refusal refusal;
	struct ref pool;
	const u8 *uuid;
	int same = 0;
	u32 len;

	if (!nl_family_present() || resolve_quietly(DRP_OBJ_POOL, p->sb.name, &pool, &refusal))
		return 0;
	uuid = rec_bin(&pool.record, DRP_A_POOL_UUID, &len);
	same = uuid && len == DRP_UUID_BYTES && !memcmp(uuid, p->sb.uuid, len) ? 1 : -1;
	ref_free(&pool);
	return same;
}

static int start_pool(struct search *s, const struct found_pool *p)
{
	struct pool_table t = {
		.name = p->sb.name, .metadata = &p->d, .take_over = s->take_over,
		.chunk_sectors = p->sb.chunk_sectors, .region_sectors = p->sb.region_sectors,
		.extent_sectors = p->sb.extent_sectors,
	};
	char why[REPLCTL_PATH_MAX + 300];

	if (!s->take_over && pool_of_another_host(&p->sb))
		return fail(drp_rv_to_exit_status(DRP_RV_IN_USE), p->sb.name,
			    "In Use (6): the host \"%s\" did not stop it and may still use it; only if that host is dead or cut off from the disks: 'replctl pool activate --take-over %s'",
			    p->sb.owner_name, p->d.path);
	if (p->sb.cow_sectors) {
		t.cow = find_by_identity(s, p->sb.cow_identity,
					 p->sb.cow_sectors << DRP_SECTOR_SHIFT, why, sizeof(why));
		if (!t.cow)
			return fail(drp_rv_to_exit_status(DRP_RV_NOT_FOUND), p->sb.name,
				    "its COW device is missing: %s; connect it", why);
	}
	return pool_device_create(&t);
}

static void activate_pool(struct search *s, const struct found_pool *p)
{
	char path[REPLCTL_PATH_MAX];
	struct ref pool;
	int status = 0, active = active_already(p);

	if (active < 0) {
		count_status(s, fail(drp_rv_to_exit_status(DRP_RV_IN_USE), p->sb.name,
				     "another pool of this name is active; deactivate that one before %s", p->d.path));
		return;
	}
	if (!active)
		status = start_pool(s, p);
	snprintf(path, sizeof(path), "/dev/mapper/%s", p->sb.name);
	add_row(s, p->sb.name, status ? "" : path,
		status ? "failed" : active ? "was active" : "activated");
	if (!status)
		status = resolve(DRP_OBJ_POOL, p->sb.name, &pool);
	if (status) {
		count_status(s, status);
		return;
	}
	activate_elements(s, &pool);
	ref_free(&pool);
}

/* Pools that run already: their missing elements may have come back. */
static void complete_active_pools(struct search *s)
{
	struct refusal refusal;
	struct records pools;
	unsigned int i;

	if (!nl_family_present() || list_objects(DRP_OBJ_POOL, NULL, &pools, &refusal))
		return;
	for (i = 0; i < pools.nr; i++) {
		char path[REPLCTL_PATH_MAX];
		struct ref pool;

		if (resolve_quietly(DRP_OBJ_POOL, rec_str(&pools.v[i], DRP_A_POOL_NAME), &pool,
				    &refusal))
			continue;
		device_path(kernel_dev(rec_u64(&pool.record, DRP_A_POOL_DEV)), path, sizeof(path));
		add_row(s, pool.name, path, "was active");
		activate_elements(s, &pool);
		ref_free(&pool);
	}
	records_free(&pools);
}

static int pool_activate(const struct args *a)
{
	struct search s = { .take_over = opt(a, OPT_TAKE_OVER) };
	struct node *root;
	unsigned int i;

	if (opt(a, OPT_ALL) == (a->argc > 0))
		return fail(EX_USAGE, "pool activate", "give --all or the metadata devices; see 'replctl help pool activate'");
	root = out_object(NULL, NULL);
	s.rows = out_array(root, "Activated");
	for (i = 0; i < a->argc; i++)
		count_status(&s, consider_given(&s, a->argv[i]));
	if (opt(a, OPT_ALL)) {
		complete_active_pools(&s);
		count_status(&s, device_scan(consider, &s));
		if (s.denied && geteuid())
			count_status(&s, fail(EX_NOPERM, "pool activate",
					      "block devices cannot be read; run it as root"));
	}
	mark_duplicates(&s);
	for (i = 0; i < s.nr_pools; i++)
		if (!s.pools[i].duplicate)
			activate_pool(&s, &s.pools[i]);
	out_print(root, s.status ? NULL : "No pool was found on the block devices of this machine.");
	free(s.pools);
	free(s.devices);
	return s.status;
}

static int deactivate_one(const char *name, bool later)
{
	struct ref pool;
	int status;

	status = resolve(DRP_OBJ_POOL, name, &pool);
	if (status)
		return status;
	status = pool_devices_remove(&pool, later);
	ref_free(&pool);
	return status;
}

/* One round over the pools that are left: how many went. */
static unsigned int deactivate_round(struct records *pools, bool last, struct report *report)
{
	unsigned int i, n = 0;
	int status;

	for (i = 0; i < pools->nr; i++) {
		const char *name = rec_str(&pools->v[i], DRP_A_POOL_NAME);

		if (!*name)	/* done */
			continue;
		status = deactivate_one(name, !last);
		if (status == -EAGAIN)
			continue;
		if (status && !report->status)
			report->status = status;
		if (!status)
			report_completed(report, name);
		record_free(&pools->v[i]);
		n++;
	}
	return n;
}

/* A pool on an element of another one holds that open: again, until nothing moves any more. */
static int deactivate_all(void)
{
	struct refusal refusal;
	struct records pools;
	struct report report;

	report_start(&report, true);
	if (!nl_family_present())	/* no module, so nothing is active */
		return report_end(&report);
	if (list_objects(DRP_OBJ_POOL, NULL, &pools, &refusal))
		return refusal_report(&refusal, "pool deactivate");
	while (deactivate_round(&pools, false, &report))
		;
	deactivate_round(&pools, true, &report);
	records_free(&pools);
	return report_end(&report);
}

static int pool_deactivate(const struct args *a)
{
	struct report report;
	int status;

	if (opt(a, OPT_ALL) == (a->argc > 0))
		return fail(EX_USAGE, "pool deactivate", "give --all or the name of a pool; see 'replctl help pool deactivate'");
	if (opt(a, OPT_ALL))
		return deactivate_all();
	status = deactivate_one(a->argv[0], false);
	if (status)
		return status;
	report_start(&report, false);
	report_completed(&report, a->argv[0]);
	return report_end(&report);
}

DEFINE_COMMANDS(pool_activation) = {
	{ "pool activate", pool_activate, "Bring back pools and all that they know",
	  "[--all | DEV...] [--take-over]",
	  "DEV is a metadata device; --all searches every block device. The data device of each\n"
	  "element is found by the identity that was recorded when it was added. What is missing\n"
	  "is named, the rest goes on.",
	  "replctl pool activate --all\nreplctl pool activate /dev/nvme0n1p3\n"
	  "replctl pool activate --take-over /dev/nvme0n1p3",
	  O(ALL) | O(TAKE_OVER), 0, MANY, 0 },
	{ "pool deactivate", pool_deactivate, "Stop a pool and its elements cleanly", "[--all | NAME]",
	  "Refused, with names, while an element's device is open.",
	  "replctl pool deactivate tank\nreplctl pool deactivate --all", O(ALL), 0, 1, 0 },
};
END_COMMANDS(pool_activation);
