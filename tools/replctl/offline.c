// SPDX-License-Identifier: GPL-2.0-only
/* Opening the metadata device of an inactive pool. */
#include "offline.h"

const char *offline_probe_text(enum drp_probe what)
{
	switch (what) {
	case DRP_PROBE_VALID:
		return "both superblocks are good";
	case DRP_PROBE_REPAIR:
		return "one superblock is good, the other is not";
	case DRP_PROBE_BLANK:
		return "the device is blank";
	case DRP_PROBE_FOREIGN:
		return "there is no pool on the device";
	case DRP_PROBE_DAMAGED:
		return "no superblock can be used: damaged, of another version, or of a device of another size";
	}
	return "unknown";
}

static int not_usable(const struct device *d, enum drp_probe what)
{
	if (what == DRP_PROBE_DAMAGED)
		return fail(EX_DATAERR, d->path,
			    "%s; this tool cannot repair that, the data devices are readable without the pool",
			    offline_probe_text(what));
	return fail(drp_rv_to_exit_status(DRP_RV_NOT_FOUND), d->path,
		    "%s; give the metadata device of a pool", offline_probe_text(what));
}

int offline_open(const struct args *a, bool write, struct device *d, struct metadata *m,
		 enum drp_probe *what, struct drp_super *sb)
{
	char who[DRP_MESSAGE_MAX];
	int status, err;

	status = device_open(a->argv[0], d);
	if (status)
		return status;
	if (device_in_use(d, who, sizeof(who)))
		return fail(drp_rv_to_exit_status(DRP_RV_IN_USE), d->path,
			    "In Use (6): it is %s; deactivate the pool first", who);
	err = metadata_open(d, write, m);
	if (err)
		return fail(EX_NOINPUT, d->path, "cannot be opened: %s; run it as root",
			    strerror(-err));
	*what = DRP_PROBE_FOREIGN;
	if (m->blocks >= DRP_MIN_DEVICE_BLOCKS)
		err = drp_probe_device(&m->io, m->blocks, sb, what, m->scratch);
	if (!err && (*what == DRP_PROBE_VALID || *what == DRP_PROBE_REPAIR))
		return 0;
	metadata_close(m);
	if (err)
		return fail(EX_IOERR, d->path, "cannot be read: %s; check the device",
			    strerror(-err));
	return not_usable(d, *what);
}
