// SPDX-License-Identifier: GPL-2.0-only
/* One function owns each dance with libdevmapper. */
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>
#include <sys/sysmacros.h>

/* The library's header brings a function of the core's name. */
#define hweight32 dm_hweight32
#include <libdevmapper.h>
#undef hweight32

#include "dm.h"

#define CONTROL		"/dev/mapper/control"

static char last_log[256];	/* what the library said last */

/* The library prints; this tool words its own errors. */
static void keep_log(int level, const char *file, int line, int dm_errno, const char *fmt, ...)
{
	va_list args;

	(void)file;
	(void)line;
	(void)dm_errno;
	if ((level & 7) > 4 || (level & 0x80))	/* below warnings, or meant for stdout */
		return;
	va_start(args, fmt);
	vsnprintf(last_log, sizeof(last_log), fmt, args);
	va_end(args);
}

static int check_control(const char *what)
{
	static bool ready;
	int fd;

	if (ready)
		return 0;
	dm_log_with_errno_init(keep_log);
	fd = open(CONTROL, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		close(fd);
		ready = true;
		return 0;
	}
	if (errno == EACCES || errno == EPERM)
		return fail(EX_NOPERM, what, "%s: %s; run it as root", CONTROL, strerror(errno));
	if (errno == ENOENT) {	/* no udev and no devtmpfs: the library makes the node */
		ready = true;
		return 0;
	}
	return fail(EX_UNAVAILABLE, what,
		    "%s: %s; there is no device-mapper in this kernel, modprobe dm-mod", CONTROL,
		    strerror(errno));
}

/* Where the kernel's log ends now, or -1. */
static int kernel_log_mark(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/*
 * The reason that the kernel logged since the mark: dm returns a bare errno and
 * puts the words there. Closes @fd.
 */
static bool kernel_log_reason(int fd, char *reason, size_t size)
{
	static const char marker[] = "device-mapper: ";
	char line[1024];
	bool found = false;
	ssize_t len;
	int i;

	if (fd < 0)
		return false;
	for (i = 0; i < 1000; i++) {
		char *text;

		len = read(fd, line, sizeof(line) - 1);
		if (len < 0 && errno == EPIPE)
			continue;
		if (len <= 0)
			break;
		line[len] = '\0';
		line[strcspn(line, "\n")] = '\0';
		text = strstr(line, marker);
		/* The first is the target's, what follows is the core giving up. */
		if (!text || found || strstr(text, "error adding target to table"))
			continue;
		text += strlen(marker);
		if (!strncmp(text, "table: ", 7) && strchr(text + 7, ' '))
			text = strchr(text + 7, ' ') + 1;
		strscpy(reason, text, size);
		found = true;
	}
	close(fd);
	return found;
}

/* Words for a failed step; @err is the ioctl's. */
static int creation_failed(const char *name, const char *target, int err, int log)
{
	u32 return_value = err ? drp_errno_to_rv(err) : DRP_RV_FAILED;
	char reason[256];

	if (!kernel_log_reason(log, reason, sizeof(reason)))
		return fail(drp_rv_to_exit_status(return_value), name,
			    "the device cannot be created: %s; the kernel log may say more",
			    err ? strerror(err) : last_log);
	if (strstr(reason, "unknown target type"))
		return fail(EX_UNAVAILABLE, name, "the kernel has no target '%s'; modprobe dm-replica",
			    target);
	return fail(drp_rv_to_exit_status(return_value), name, "the kernel refused the device: %s",
		    reason);
}

/* One ioctl on the device @name. The steps are separate because only then errno survives. */
static int step(struct dm_task *task, const char *name)
{
	int err = 0;

	if (!task)
		err = ENOMEM;
	else if (!dm_task_set_name(task, name))
		err = EINVAL;
	else if (!dm_task_run(task))
		err = dm_task_get_errno(task) ? dm_task_get_errno(task) : EIO;
	return err;
}

static int create_empty(const char *name, const char *uuid, dev_t *dev)
{
	struct dm_task *task = dm_task_create(DM_DEVICE_CREATE);
	struct dm_info info;
	int err = EINVAL;

	if (task && dm_task_set_uuid(task, uuid) &&
	    dm_task_set_add_node(task, DM_ADD_NODE_ON_RESUME))
		err = step(task, name);
	if (!err && dev && dm_task_get_info(task, &info))
		*dev = makedev(info.major, info.minor);
	if (task)
		dm_task_destroy(task);
	return err;
}

static int load_table(const char *name, u64 sectors, const char *target, const char *params)
{
	struct dm_task *task = dm_task_create(DM_DEVICE_RELOAD);
	int err = EINVAL;

	if (task && dm_task_add_target(task, 0, sectors, target, params))
		err = step(task, name);
	if (task)
		dm_task_destroy(task);
	return err;
}

/* Waits for udev where it runs, else the library makes the node. */
static int resume(const char *name)
{
	struct dm_task *task = dm_task_create(DM_DEVICE_RESUME);
	uint32_t cookie = 0;
	int err = EINVAL;

	if (task && dm_task_set_add_node(task, DM_ADD_NODE_ON_RESUME) &&
	    dm_task_set_cookie(task, &cookie, 0))
		err = step(task, name);
	if (cookie)
		dm_udev_wait(cookie);
	dm_task_update_nodes();
	if (task)
		dm_task_destroy(task);
	return err;
}

int dm_create(const char *name, const char *uuid, u64 sectors, const char *target,
	      const char *params, dev_t *dev)
{
	struct dm_device old;
	int status, log, err;

	status = dm_query(name, 0, &old);
	if (status)
		return status;
	if (old.exists)
		return fail(drp_rv_to_exit_status(DRP_RV_IN_USE), name,
			    "In Use (6): a device-mapper device of this name exists; 'dmsetup info %s' shows it",
			    name);
	log = kernel_log_mark();
	last_log[0] = '\0';
	err = create_empty(name, uuid, dev);
	if (err)
		return creation_failed(name, target, err, log);
	err = load_table(name, sectors, target, params);
	if (!err)
		err = resume(name);
	if (err) {
		status = creation_failed(name, target, err, log);
		dm_remove(name);
		return status;
	}
	if (log >= 0)
		close(log);
	return 0;
}

int dm_query(const char *name, dev_t dev, struct dm_device *d)
{
	struct dm_task *task;
	struct dm_info info;
	const char *text;
	int status;

	memset(d, 0, sizeof(*d));
	status = check_control(name ? name : "device-mapper");
	if (status)
		return status;
	task = dm_task_create(DM_DEVICE_INFO);
	if (!task)
		return fail(EX_OSERR, name ? name : "device-mapper", "%s", last_log);
	if ((name ? dm_task_set_name(task, name) :
	     dm_task_set_major(task, major(dev)) && dm_task_set_minor(task, minor(dev))) &&
	    dm_task_run(task) && dm_task_get_info(task, &info) && info.exists) {
		d->exists = true;
		d->dev = makedev(info.major, info.minor);
		d->open_count = info.open_count;
		d->read_only = info.read_only;
		text = dm_task_get_name(task);
		strscpy(d->name, text ? text : "", sizeof(d->name));
		text = dm_task_get_uuid(task);
		strscpy(d->uuid, text ? text : "", sizeof(d->uuid));
	}
	dm_task_destroy(task);
	return 0;
}

int dm_remove(const char *name)
{
	struct dm_task *task;
	uint32_t cookie = 0;
	int status, ok, err;

	status = check_control(name);
	if (status)
		return status;
	task = dm_task_create(DM_DEVICE_REMOVE);
	if (!task)
		return fail(EX_OSERR, name, "device-mapper: %s", last_log);
	last_log[0] = '\0';
	/* udev may hold a new device open for a moment, hence the retries. */
	ok = dm_task_set_name(task, name) && dm_task_retry_remove(task) &&
	     dm_task_set_cookie(task, &cookie, 0) && dm_task_run(task);
	err = ok ? 0 : dm_task_get_errno(task);
	if (cookie)
		dm_udev_wait(cookie);
	dm_task_update_nodes();
	dm_task_destroy(task);
	if (ok || err == ENXIO)
		return 0;
	if (err == EBUSY)
		return fail_rv(DRP_RV_IN_USE, name, "the device is open");
	return fail(drp_rv_to_exit_status(drp_errno_to_rv(err)), name,
		    "the device cannot be removed: %s; 'dmsetup info %s' may say why",
		    err ? strerror(err) : last_log, name);
}

void dm_finish(void)
{
	dm_lib_release();
}
