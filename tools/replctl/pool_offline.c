// SPDX-License-Identifier: GPL-2.0-only
/* replctl pool check, dump, repair: the metadata device of an inactive pool, with the module's own code. */
#include "commands.h"
#include "metadata.h"
#include "method.h"
#include "output.h"

static const char *probe_text(enum drp_probe what)
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
		return "no superblock can be used: another version, or the device has another size";
	}
	return "unknown";
}

/* Open the device that the command names and look at its superblocks. */
static int open_given(const struct args *a, bool write, struct device *d, struct metadata *m,
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
	if (m->blocks < DRP_MIN_DEVICE_BLOCKS) {
		*what = DRP_PROBE_FOREIGN;
		return 0;
	}
	err = drp_probe_device(&m->io, m->blocks, sb, what, m->scratch);
	if (!err)
		return 0;
	metadata_close(m);
	return fail(EX_IOERR, d->path, "cannot be read: %s; check the device", strerror(-err));
}

static int not_usable(const struct device *d, enum drp_probe what)
{
	return fail(what == DRP_PROBE_DAMAGED ? EX_DATAERR : drp_rv_to_exit_status(DRP_RV_NOT_FOUND),
		    d->path, "%s; give the metadata device of a pool", probe_text(what));
}

static int pool_repair(const struct args *a)
{
	struct report report;
	struct drp_super sb;
	enum drp_probe what;
	struct metadata m;
	struct device d;
	int status, err = 0;

	status = open_given(a, true, &d, &m, &what, &sb);
	if (status)
		return status;
	if (what == DRP_PROBE_REPAIR)
		err = drp_super_write(&m.io, &sb, m.scratch);
	metadata_close(&m);
	if (err)
		return fail(EX_IOERR, d.path, "the superblocks could not be written: %s; check the device",
			    strerror(-err));
	if (what != DRP_PROBE_VALID && what != DRP_PROBE_REPAIR)
		return not_usable(&d, what);
	if (what == DRP_PROBE_VALID)
		note(d.path, "both superblocks are good, nothing was written; other damage cannot be repaired, 'replctl pool check' finds it");
	report_start(&report, false);
	report_completed(&report, sb.name);
	return report_end(&report);
}

DEFINE_COMMANDS(pool_offline) = {
	{ "pool repair", pool_repair, "Rewrite a damaged superblock from the good one", "DEV",
	  "The pool must be inactive. This repairs superblocks only; it never guesses at other\n"
	  "damage.",
	  "replctl pool repair /dev/nvme0n1p3", 0, 1, 1, 0 },
};
END_COMMANDS(pool_offline);
