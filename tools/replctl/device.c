// SPDX-License-Identifier: GPL-2.0-only
/* Block devices: sysfs, mount table and libblkid. */
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <linux/fs.h>
#include <blkid/blkid.h>

#include "device.h"
#include "metadata.h"

dev_t kernel_dev(u64 number)
{
	return makedev(number >> 20, number & 0xfffff);
}

int device_attribute(dev_t dev, const char *file, char *buf, size_t size)
{
	char path[REPLCTL_PATH_MAX];
	FILE *f;
	char *ok;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s", major(dev), minor(dev), file);
	f = fopen(path, "re");
	if (!f)
		return -1;
	ok = fgets(buf, size, f);
	fclose(f);
	if (!ok)
		return -1;
	buf[strcspn(buf, "\n")] = '\0';
	return strlen(buf);
}

/* The kernel's name of @dev, from the link in sysfs. */
static bool kernel_name(dev_t dev, char *buf, size_t size)
{
	char link[64], target[REPLCTL_PATH_MAX];
	const char *base;
	ssize_t len;

	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	len = readlink(link, target, sizeof(target) - 1);
	if (len <= 0)
		return false;
	target[len] = '\0';
	base = strrchr(target, '/');
	strscpy(buf, base ? base + 1 : target, size);
	return true;
}

const char *device_path(dev_t dev, char *buf, size_t size)
{
	char name[128];

	if (device_attribute(dev, "dm/name", name, sizeof(name)) > 0) {
		snprintf(buf, size, "/dev/mapper/%s", name);
	} else if (kernel_name(dev, name, sizeof(name))) {
		char *bang;

		/* cciss!c0d0 in sysfs is cciss/c0d0 in /dev */
		while ((bang = strchr(name, '!')))
			*bang = '/';
		snprintf(buf, size, "/dev/%s", name);
	} else {
		snprintf(buf, size, "%u:%u", major(dev), minor(dev));
	}
	return buf;
}

int device_open(const char *path, struct device *d)
{
	struct stat st;
	int fd;

	memset(d, 0, sizeof(*d));
	if (strlen(path) >= sizeof(d->path))
		return fail(EX_USAGE, path, "the path is too long; use a shorter link");
	strscpy(d->path, path, sizeof(d->path));
	if (stat(path, &st))
		return fail(EX_NOINPUT, path, "%s; give the path of a block device",
			    strerror(errno));
	if (!S_ISBLK(st.st_mode))
		return fail(EX_NOINPUT, path, "it is no block device; 'losetup' makes one of a file");
	d->dev = st.st_rdev;
	kernel_name(d->dev, d->name, sizeof(d->name));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fail(errno == EACCES || errno == EPERM ? EX_NOPERM : EX_NOINPUT, path,
			    "cannot be opened: %s%s", strerror(errno),
			    errno == EACCES ? "; run it as root" : "");
	if (ioctl(fd, BLKGETSIZE64, &d->bytes)) {
		close(fd);
		return fail(EX_IOERR, path, "has no size: %s; is there a medium in it?",
			    strerror(errno));
	}
	close(fd);
	return 0;
}

static bool partition_uuid(const struct device *d, char *buf, size_t size)
{
	const char *uuid = NULL;
	blkid_probe probe;
	char number[16];

	if (device_attribute(d->dev, "partition", number, sizeof(number)) <= 0)
		return false;
	probe = blkid_new_probe_from_filename(d->path);
	if (!probe)
		return false;
	blkid_probe_enable_superblocks(probe, 0);
	blkid_probe_enable_partitions(probe, 1);
	blkid_probe_set_partitions_flags(probe, BLKID_PARTS_ENTRY_DETAILS);
	if (!blkid_do_safeprobe(probe))
		blkid_probe_lookup_value(probe, "PART_ENTRY_UUID", &uuid, NULL);
	if (uuid)
		strscpy(buf, uuid, size);
	blkid_free_probe(probe);
	return uuid;
}

/* @prefix and @text without blanks: runs of them become one underscore. */
static void set_identity(struct device *d, const char *prefix, const char *text)
{
	char *out = d->identity, *end = out + DRP_IDENTITY_MAX;

	while (*prefix && out < end)
		*out++ = *prefix++;
	for (; *text && out < end; text++) {
		/* A backslash would quote what follows it in a table line. */
		bool blank = (u8)*text <= ' ' || (u8)*text >= 127 || *text == '\\';

		if (!blank)
			*out++ = *text;
		else if (out[-1] != '_' && (u8)text[1] > ' ')
			*out++ = '_';
	}
	*out = '\0';
}

void device_identify(struct device *d)
{
	static const struct {
		const char *file, *prefix;
	} sources[] = {
		{ "dm/uuid", "dm:" },
		{ "device/wwid", "wwn:" },
		{ "wwid", "wwn:" },
		{ "serial", "serial:" },
		{ "device/serial", "serial:" },
		{ "loop/backing_file", "loop:" },
	};
	char text[256];
	unsigned int i;

	d->weak_identity = false;
	if (partition_uuid(d, text, sizeof(text))) {
		set_identity(d, "partuuid:", text);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(sources); i++)
		if (device_attribute(d->dev, sources[i].file, text, sizeof(text)) > 0) {
			set_identity(d, sources[i].prefix, text);
			return;
		}
	set_identity(d, "name:", d->name);
	d->weak_identity = true;
}

/* A line of /proc/self/mountinfo or /proc/swaps that is about @d. */
static bool mounted(const struct device *d, char *who, size_t size)
{
	char line[4096], where[1024];
	unsigned int maj, min;
	bool found = false;
	FILE *f = fopen("/proc/self/mountinfo", "re");

	while (f && !found && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d %*d %u:%u %*s %1023s", &maj, &min, where) == 3 &&
		    makedev(maj, min) == d->dev) {
			snprintf(who, size, "mounted on %s", where);
			found = true;
		}
	if (f)
		fclose(f);
	f = fopen("/proc/swaps", "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		struct stat st;

		if (sscanf(line, "%1023s", where) == 1 && !stat(where, &st) &&
		    S_ISBLK(st.st_mode) && st.st_rdev == d->dev) {
			snprintf(who, size, "used as swap space");
			found = true;
		}
	}
	if (f)
		fclose(f);
	return found;
}

static bool held(const struct device *d, char *who, size_t size)
{
	char path[64], holder[REPLCTL_PATH_MAX], name[128];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", major(d->dev),
		 minor(d->dev));
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(holder, sizeof(holder), "holders/%.200s/dm/name", entry->d_name);
		if (device_attribute(d->dev, holder, name, sizeof(name)) > 0)
			snprintf(who, size, "used by the device /dev/mapper/%s", name);
		else
			snprintf(who, size, "used by the device %.100s", entry->d_name);
		found = true;
	}
	if (dir)
		closedir(dir);
	return found;
}

bool device_in_use(const struct device *d, char *who, size_t size)
{
	int fd;

	if (mounted(d, who, size) || held(d, who, size))
		return true;
	fd = open(d->path, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0) {
		close(fd);
		return false;
	}
	if (errno != EBUSY)
		return false;
	snprintf(who, size, "held by somebody else (a partition of it, or another namespace)");
	return true;
}

static void describe(blkid_probe probe, char *what, size_t size)
{
	const char *type = NULL, *label = NULL, *usage = NULL;

	blkid_probe_lookup_value(probe, "TYPE", &type, NULL);
	blkid_probe_lookup_value(probe, "LABEL", &label, NULL);
	blkid_probe_lookup_value(probe, "USAGE", &usage, NULL);
	if (type) {
		snprintf(what, size, "%s%s%s%s%s",
			 usage && !strcmp(usage, "filesystem") ? "the file system " : "", type,
			 label ? " labelled '" : "", label ? label : "", label ? "'" : "");
		return;
	}
	if (!blkid_probe_lookup_value(probe, "PTTYPE", &type, NULL))
		snprintf(what, size, "a partition table (%s)", type);
	else
		snprintf(what, size, "unknown content");
}

/* Signatures that libblkid knows. */
static int signature(const struct device *d, char *what, size_t size)
{
	blkid_probe probe = blkid_new_probe_from_filename(d->path);
	int found;

	if (!probe)
		return -EIO;
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL |
					  BLKID_SUBLKS_USAGE);
	blkid_probe_enable_partitions(probe, 1);
	found = blkid_do_safeprobe(probe);
	if (!found)
		describe(probe, what, size);
	else if (found == -2)
		snprintf(what, size, "several signatures at once");
	blkid_free_probe(probe);
	return found == 1 ? CONTENT_NONE : found == -1 ? -EIO : CONTENT_FOREIGN;
}

int device_content(const struct device *d, char *what, size_t size)
{
	struct drp_super sb;
	enum drp_probe probe;
	int err;

	err = metadata_probe(d, &probe, &sb);
	if (err)
		return err;
	switch (probe) {
	case DRP_PROBE_VALID:
	case DRP_PROBE_REPAIR:
		snprintf(what, size, "the pool '%s'", sb.name);
		return CONTENT_POOL;
	case DRP_PROBE_DAMAGED:
		snprintf(what, size, "a pool that is damaged or of another version");
		return CONTENT_POOL;
	default:
		break;
	}
	err = signature(d, what, size);
	if (err == CONTENT_NONE && probe == DRP_PROBE_FOREIGN) {
		snprintf(what, size, "unknown content in the first MiB");
		return CONTENT_FOREIGN;
	}
	return err;
}

int device_scan(int (*each)(const struct device *d, void *ctx), void *ctx)
{
	char line[256], name[128], text[16];
	unsigned int maj, min;
	unsigned long long kib;
	FILE *f = fopen("/proc/partitions", "re");
	int stop = 0;

	if (!f)
		return fail(EX_OSFILE, "/proc/partitions", "%s; is /proc mounted?",
			    strerror(errno));
	while (!stop && fgets(line, sizeof(line), f)) {
		struct device d = { 0 };

		if (sscanf(line, "%u %u %llu %127s", &maj, &min, &kib, name) != 4)
			continue;
		d.dev = makedev(maj, min);
		/* A suspended device would block whoever reads it. */
		if (device_attribute(d.dev, "dm/suspended", text, sizeof(text)) > 0 &&
		    strcmp(text, "0"))
			continue;
		device_path(d.dev, d.path, sizeof(d.path));
		strscpy(d.name, name, sizeof(d.name));
		d.bytes = kib << 10;
		if (device_attribute(d.dev, "size", text, sizeof(text)) > 0) {
			u64 sectors;

			if (!kstrtou64(text, 10, &sectors))
				d.bytes = sectors << DRP_SECTOR_SHIFT;
		}
		stop = each(&d, ctx);
	}
	fclose(f);
	return stop;
}
