// SPDX-License-Identifier: GPL-2.0-only
/* The dm tables of pools and elements. */
#include <sys/sysmacros.h>

#include "pool.h"

/* /etc/machine-id with the hyphens of a uuid: who owns the pool while it is active. */
static bool host_uuid(char *text, size_t size)
{
	char id[64] = "";
	FILE *f = fopen("/etc/machine-id", "re");
	bool ok = f && fgets(id, sizeof(id), f);

	if (f)
		fclose(f);
	if (!ok || strspn(id, "0123456789abcdefABCDEF") != 32)
		return false;
	snprintf(text, size, "%.8s-%.4s-%.4s-%.4s-%.12s", id, id + 8, id + 12, id + 16, id + 20);
	return true;
}

bool pool_of_another_host(const struct drp_super *sb)
{
	static const u8 nobody[DRP_UUID_BYTES];
	char owner[40], recorded[40];
	const u8 *u = sb->owner_uuid;

	if (sb->clean || !memcmp(u, nobody, sizeof(nobody)))
		return false;
	if (!host_uuid(owner, sizeof(owner)))
		return true;
	snprintf(recorded, sizeof(recorded),
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12],
		 u[13], u[14], u[15]);
	return strcasecmp(owner, recorded);
}

int pool_device_create(const struct pool_table *t)
{
	char params[1024], features[512], owner[40], cow[32] = "-", uuid[129];
	int nr = 3, len;

	len = scnprintf(features, sizeof(features), "name=%s region=%u extent=%u", t->name,
			t->region_sectors, t->extent_sectors);
	if (t->format)
		nr++, len += scnprintf(features + len, sizeof(features) - len, " format");
	if (t->take_over)
		nr++, len += scnprintf(features + len, sizeof(features) - len, " take_over");
	if (host_uuid(owner, sizeof(owner)))
		nr++, len += scnprintf(features + len, sizeof(features) - len, " owner=%s", owner);
	else
		note(t->name, "/etc/machine-id has no id of this host; two hosts that share the metadata device cannot be told apart");
	if (t->cow) {
		snprintf(cow, sizeof(cow), "%u:%u", major(t->cow->dev), minor(t->cow->dev));
		nr++, len += scnprintf(features + len, sizeof(features) - len, " cow_identity=%s",
				       t->cow->identity);
	}
	snprintf(params, sizeof(params), "%u:%u %s %u %d %s", major(t->metadata->dev),
		 minor(t->metadata->dev), cow, t->chunk_sectors, nr, features);
	snprintf(uuid, sizeof(uuid), "REPLICA-POOL-%s", t->name);
	return dm_create(t->name, uuid, POOL_DEVICE_SECTORS, "replica-pool", params, NULL);
}

/* The name of an element's dm device if it has one: 1, 0, or -1 and *@status. */
static int element_device(const struct record *element, struct dm_device *d, int *status)
{
	u64 number = rec_u64(element, DRP_A_ELEMENT_DEV);

	if (!number)
		return 0;
	*status = dm_query(NULL, kernel_dev(number), d);
	if (*status)
		return -1;
	return d->exists;
}

static int check_closed(const struct ref *pool, const struct records *elements, bool later)
{
	char busy[512] = "";
	struct dm_device d;
	unsigned int i;
	int len = 0, status = 0, got;

	for (i = 0; i < elements->nr; i++) {
		got = element_device(&elements->v[i], &d, &status);
		if (got < 0)
			return status;
		if (got && d.open_count > 0)
			len += scnprintf(busy + len, sizeof(busy) - len, "%s%s", len ? ", " : "",
					 rec_str(&elements->v[i], DRP_A_ELEMENT_NAME));
	}
	if (!len)
		return 0;
	if (later)
		return -EAGAIN;
	return fail(drp_rv_to_exit_status(DRP_RV_IN_USE), pool->name,
		    "In Use (6): the devices of these elements are open: %s; unmount or stop what uses them",
		    busy);
}

static int remove_element_devices(const struct records *elements)
{
	struct dm_device d;
	int status = 0, got;
	unsigned int i;

	for (i = 0; i < elements->nr && !status; i++) {
		got = element_device(&elements->v[i], &d, &status);
		if (got > 0)
			status = dm_remove(d.name);
	}
	return status;
}

int pool_devices_remove(const struct ref *pool, bool later)
{
	struct records elements;
	struct refusal refusal;
	struct dm_device d;
	int status;

	if (list_objects(DRP_OBJ_ELEMENT, pool->pool, &elements, &refusal))
		return refusal_report(&refusal, pool->name);
	status = check_closed(pool, &elements, later);
	if (!status)
		status = remove_element_devices(&elements);
	records_free(&elements);
	if (status)
		return status;
	status = dm_query(NULL, kernel_dev(rec_u64(&pool->record, DRP_A_POOL_DEV)), &d);
	if (status)
		return status;
	return dm_remove(d.exists ? d.name : pool->name);
}

static int hex(char *out, const struct record *r, u16 attr)
{
	const u8 *bytes;
	u32 len, i;

	bytes = rec_bin(r, attr, &len);
	if (!bytes || len != DRP_UUID_BYTES)
		return -EINVAL;
	for (i = 0; i < len; i++)
		sprintf(out + 2 * i, "%02x", bytes[i]);
	return 0;
}

int element_device_create(const struct record *pool, const struct record *element,
			  const struct device *data, char *path)
{
	char pool_hex[33], element_hex[33], uuid[129], name[128], params[REPLCTL_PATH_MAX];
	dev_t pool_dev = kernel_dev(rec_u64(pool, DRP_A_POOL_DEV));
	const char *element_name = rec_str(element, DRP_A_ELEMENT_NAME);
	int len;

	if (hex(pool_hex, pool, DRP_A_POOL_UUID) || hex(element_hex, element, DRP_A_ELEMENT_UUID))
		return fail(EX_PROTOCOL, element_name,
			    "the kernel did not tell the uuids; are tool and module of one version?");
	if (drp_dm_name(name, sizeof(name), rec_str(pool, DRP_A_POOL_NAME), element_name) < 0)
		return fail(EX_USAGE, element_name,
			    "pool and element name together are too long for a device-mapper name (127 bytes); choose a shorter one");
	snprintf(uuid, sizeof(uuid), "REPLICA-%s-%s", pool_hex, element_hex);
	len = snprintf(params, sizeof(params), "%u:%u %llu", major(pool_dev), minor(pool_dev),
		       (unsigned long long)rec_u64(element, DRP_A_ELEMENT_ID));
	if (data)
		snprintf(params + len, sizeof(params) - len, " %u:%u 1 identity=%s",
			 major(data->dev), minor(data->dev), data->identity);
	snprintf(path, REPLCTL_PATH_MAX, "/dev/mapper/%s", name);
	return dm_create(name, uuid, rec_u64(element, DRP_A_SIZE_SECTORS), "replica", params, NULL);
}
