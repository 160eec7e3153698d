// SPDX-License-Identifier: GPL-2.0-only
/* replctl element add, attach, remove, list, show */
#include "commands.h"
#include "fields.h"
#include "method.h"
#include "pool.h"

/* Open a data device for an element. A file system on it is the normal case. */
static int open_data(const char *path, struct device *d)
{
	char what[DRP_MESSAGE_MAX];
	int status;

	status = device_open(path, d);
	if (status)
		return status;
	if (device_in_use(d, what, sizeof(what)))
		return fail(drp_rv_to_exit_status(DRP_RV_IN_USE), path,
			    "In Use (6): it is %s; free it first, its users take the element's device afterwards", what);
	if (device_content(d, what, sizeof(what)) == CONTENT_POOL)
		return fail(drp_rv_to_exit_status(DRP_RV_IN_USE), path,
			    "In Use (6): it holds the metadata of %s; choose another device", what);
	if (d->bytes < 1 << DRP_SECTOR_SHIFT)
		return fail(EX_NOINPUT, path, "it has no capacity; is there a medium in it?");
	device_identify(d);
	if (d->weak_identity)
		note(path, "the device has no lasting identity (no PARTUUID, WWN, serial or dm uuid); it is known as '%s' and will not be found under another name",
		     d->identity);
	return 0;
}

/* Does an element of an active pool claim this device already? */
static int check_claims(const struct device *d, u64 but)
{
	struct records elements;
	struct refusal refusal;
	unsigned int i;
	int status = 0;

	if (list_objects(DRP_OBJ_ELEMENT, NULL, &elements, &refusal))
		return refusal_report(&refusal, d->path);
	for (i = 0; i < elements.nr && !status; i++) {
		const struct record *e = &elements.v[i];

		if (rec_u64(e, DRP_A_ELEMENT_ID) == but ||
		    strcmp(rec_str(e, DRP_A_DEVICE_IDENTITY), d->identity))
			continue;
		status = fail(drp_rv_to_exit_status(DRP_RV_IN_USE), d->path,
			      "In Use (6): it is the data device of %s/%s already; remove that element first",
			      rec_str(e, DRP_A_POOL_NAME), rec_str(e, DRP_A_ELEMENT_NAME));
	}
	records_free(&elements);
	return status;
}

static void delete_again(const struct ref *element)
{
	struct request *req = req_new(DRP_CMD_DELETE_ELEMENT);
	struct refusal refusal;
	struct record answer;

	req_ref(req, element);
	if (ask_one(req, &answer, &refusal))
		refusal_report(&refusal, element->qualified);
	record_free(&answer);
}

/* Fetch the element as the kernel made it and create its device. */
static int make_device(const struct ref *pool, const struct ref *element, const struct device *d)
{
	char path[REPLCTL_PATH_MAX];
	struct refusal refusal;
	struct record record;
	int status;

	if (ref_fetch(element, &record, &refusal))
		return refusal_report(&refusal, element->qualified);
	status = element_device_create(&pool->record, &record, d, path);
	record_free(&record);
	return status;
}

static int create_element(const struct args *a, const struct ref *pool, const char *name,
			  const struct device *d)
{
	struct request *req = req_new(DRP_CMD_CREATE_ELEMENT);
	struct ref element = { .kind = DRP_OBJ_ELEMENT };
	struct refusal refusal;
	struct record answer;
	struct report report;
	unsigned int i;
	int status;

	snprintf(element.qualified, sizeof(element.qualified), "%s/%s", pool->name, name);
	strscpy(element.pool, pool->name, sizeof(element.pool));
	req_str(req, DRP_A_POOL_NAME, pool->name);
	req_str(req, DRP_A_ELEMENT_NAME, name);
	req_u64(req, DRP_A_SIZE_SECTORS, d->bytes >> DRP_SECTOR_SHIFT);
	req_str(req, DRP_A_DEVICE_IDENTITY, d->identity);
	for (i = 0; i < a->nr_settings; i++)
		req_str(req, DRP_A_SETTING, a->settings[i]);
	report_start(&report, false);
	if (ask_one(req, &answer, &refusal)) {
		report_refusal(&report, element.qualified, &refusal);
		return report_end(&report);
	}
	element.id = rec_u64(&answer, DRP_A_ELEMENT_ID);
	record_free(&answer);
	status = make_device(pool, &element, d);
	if (status) {
		delete_again(&element);
		return status;
	}
	report_completed(&report, element.qualified);
	return report_end(&report);
}

/* The pool that POOL/NAME names; NAME alone is enough while there is one pool. */
static int pool_of(const char *text, char *name, struct ref *pool)
{
	char pool_name[DRP_NAME_MAX + 1];
	struct refusal refusal;
	struct records pools;
	int status;

	status = split_name(text, pool_name, name);
	if (status)
		return status;
	if (*pool_name)
		return resolve(DRP_OBJ_POOL, pool_name, pool);
	if (list_objects(DRP_OBJ_POOL, NULL, &pools, &refusal))
		return refusal_report(&refusal, text);
	if (pools.nr == 1)
		status = resolve(DRP_OBJ_POOL, rec_str(&pools.v[0], DRP_A_POOL_NAME), pool);
	else
		status = fail(EX_USAGE, text, "%s; say POOL/NAME", pools.nr ?
			      "there are several pools" : "no pool is active");
	records_free(&pools);
	return status;
}

static int element_add(const struct args *a)
{
	char name[DRP_NAME_MAX + 1];
	struct ref pool = { 0 };
	struct device d;
	int status;

	status = pool_of(a->argv[0], name, &pool);
	if (status)
		return status;
	status = open_data(a->argv[1], &d);
	if (!status)
		status = check_claims(&d, 0);
	if (!status)
		status = create_element(a, &pool, name, &d);
	ref_free(&pool);
	return status;
}

static int attach(const struct ref *element, const struct ref *pool, const char *path)
{
	u64 want = rec_u64(&element->record, DRP_A_SIZE_SECTORS) << DRP_SECTOR_SHIFT;
	char have_text[32], want_text[32];
	struct device d;
	int status;

	if (rec_u64(&element->record, DRP_A_ELEMENT_DEV))
		return fail(drp_rv_to_exit_status(DRP_RV_IN_USE), element->qualified,
			    "In Use (6): the element has its device; 'replctl element show %s' shows it",
			    element->qualified);
	status = open_data(path, &d);
	if (!status)
		status = check_claims(&d, element->id);
	if (status)
		return status;
	if (d.bytes < want)
		return fail(drp_rv_to_exit_status(DRP_RV_INVALID_PARAMETER), path,
			    "Invalid Parameter (5): it has %s, the element %s; give a larger device",
			    human_bytes(d.bytes, have_text, sizeof(have_text)),
			    human_bytes(want, want_text, sizeof(want_text)));
	if (strcmp(d.identity, rec_str(&element->record, DRP_A_DEVICE_IDENTITY)))
		note(path, "it calls itself '%s', the element had '%s': its synchronizations become Invalid until a full copy",
		     d.identity, rec_str(&element->record, DRP_A_DEVICE_IDENTITY));
	return make_device(pool, element, &d);
}

static int element_attach(const struct args *a)
{
	struct ref element, pool;
	struct report report;
	int status;

	status = resolve(DRP_OBJ_ELEMENT, a->argv[0], &element);
	if (status)
		return status;
	status = resolve(DRP_OBJ_POOL, element.pool, &pool);
	if (!status) {
		status = attach(&element, &pool, a->argv[1]);
		ref_free(&pool);
	}
	if (!status) {
		report_start(&report, false);
		report_completed(&report, element.qualified);
		status = report_end(&report);
	}
	ref_free(&element);
	return status;
}

/* Refuse while a sync knows the element: its device must not go before that is known. */
static int check_unused(const struct ref *element)
{
	struct refusal refusal;
	struct records syncs;
	unsigned int i;
	int status = 0;

	if (list_objects(DRP_OBJ_SYNC, element->pool, &syncs, &refusal))
		return refusal_report(&refusal, element->qualified);
	for (i = 0; i < syncs.nr && !status; i++)
		if (rec_u64(&syncs.v[i], DRP_A_SOURCE_ID) == element->id ||
		    rec_u64(&syncs.v[i], DRP_A_TARGET_ID) == element->id)
			status = fail(drp_rv_to_exit_status(DRP_RV_IN_USE), element->qualified,
				      "In Use (6): it belongs to the synchronization %s/%s; 'replctl %s %s/%s' first",
				      element->pool, rec_str(&syncs.v[i], DRP_A_SYNC_NAME),
				      rec_u64(&syncs.v[i], DRP_A_SYNC_TYPE) == DRP_SYNC_SNAPSHOT ?
				      "return-to-resource-pool" : "detach",
				      element->pool, rec_str(&syncs.v[i], DRP_A_SYNC_NAME));
	records_free(&syncs);
	return status;
}

static int remove_device(const struct ref *element)
{
	u64 number = rec_u64(&element->record, DRP_A_ELEMENT_DEV);
	struct dm_device d;
	int status;

	if (!number)
		return 0;
	status = dm_query(NULL, kernel_dev(number), &d);
	if (status || !d.exists)
		return status;
	if (d.open_count > 0)
		return fail(drp_rv_to_exit_status(DRP_RV_IN_USE), element->qualified,
			    "In Use (6): its device /dev/mapper/%s is open; unmount or stop what uses it",
			    d.name);
	return dm_remove(d.name);
}

static int element_remove(const struct args *a)
{
	struct request *req;
	struct report report;
	struct ref element;
	int status;

	status = resolve(DRP_OBJ_ELEMENT, a->argv[0], &element);
	if (status)
		return status;
	status = check_unused(&element);
	if (!status)
		status = remove_device(&element);
	if (!status) {
		report_start(&report, false);
		req = req_new(DRP_CMD_DELETE_ELEMENT);
		req_ref(req, &element);
		if (opt(a, OPT_FORCE))
			req_flag(req, DRP_A_FORCE);
		report_method(&report, a, req, element.qualified, NULL, DRP_OBJ_ELEMENT, NULL);
		status = report_end(&report);
	}
	ref_free(&element);
	return status;
}

static int element_list(const struct args *a)
{
	return run_list(a, DRP_OBJ_ELEMENT, "Elements",
			"There is no element; 'replctl element add POOL/NAME DEV' adds one.");
}

static int element_show(const struct args *a)
{
	return run_show(a, DRP_OBJ_ELEMENT);
}

DEFINE_COMMANDS(element) = {
	{ "element add", element_add, "Bring a block device under management",
	  "POOL/NAME DEV [--setting KEY=VALUE]...",
	  "What is on DEV stays as it is and appears on /dev/mapper/POOL-NAME, which its users\n"
	  "take from now on. Settings: read_policy (source, balance), active_extents_max (32 to\n"
	  "1048576, 8192 unless set).",
	  "replctl element add tank/home /dev/vg/home\n"
	  "replctl element add tank/copy /dev/sdc --setting read_policy=balance", O(SETTING), 2, 2, 0 },
	{ "element attach", element_attach, "Give an element whose device is missing a data device",
	  "NAME DEV",
	  "For an element that 'pool activate' did not find, or whose disk was replaced.",
	  "replctl element attach tank/copy /dev/sdd", 0, 2, 2, 0 },
	{ "element remove", element_remove, "Take an element out of its pool", "NAME [--force]",
	  "Its data device keeps its content. --force is taken and changes nothing.",
	  "replctl element remove tank/copy", O(FORCE), 1, 1, 0 },
	{ "element list", element_list, "List elements", "[POOL]", NULL,
	  "replctl element list\nreplctl element list tank --json", 0, 0, 1, 0 },
	{ "element show", element_show, "Show everything about an element", "NAME", NULL,
	  "replctl element show tank/home", 0, 1, 1, 0 },
};
END_COMMANDS(element);
