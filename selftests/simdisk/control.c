// SPDX-License-Identifier: GPL-2.0-only
/* /sys/kernel/simdisk: the commands for all disks, and the module itself. */
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "simdisk.h"

struct kobject *sim_root;

static const struct sim_disk_options default_options = {
	.logical_block_size = SECTOR_SIZE,
	.max_sectors = 2048,
	.channels = 4,
	.write_cache = true,
	.fua = true,
	.discard = true,
	.track = true,
};

static int parse_cache(const char *value, struct sim_disk_options *o)
{
	o->write_cache = strcmp(value, "none");
	o->fua = !strcmp(value, "fua");
	return o->fua || !o->write_cache || !strcmp(value, "flush") ?
	       0 : -EINVAL;
}

static int parse_option(char *word, struct sim_disk_options *o)
{
	char *key = strsep(&word, "=");

	if (!word)
		return -EINVAL;
	if (!strcmp(key, "cache"))
		return parse_cache(word, o);
	if (!strcmp(key, "discard"))
		return kstrtobool(word, &o->discard);
	if (!strcmp(key, "track"))
		return kstrtobool(word, &o->track);
	if (!strcmp(key, "lbs"))
		return kstrtouint(word, 0, &o->logical_block_size);
	if (!strcmp(key, "channels"))
		return kstrtouint(word, 0, &o->channels);
	if (!strcmp(key, "max_sectors"))
		return kstrtouint(word, 0, &o->max_sectors);
	return -EINVAL;
}

/* NAME SIZE [LOGICAL_BLOCK_SIZE] [KEY=VALUE]... */
static int add(int argc, char **argv, unsigned int unit_shift)
{
	struct sim_disk_options o = default_options;
	int i = 2;

	if (argc < 2 || kstrtou64(argv[1], 0, &o.sectors) ||
	    o.sectors > U64_MAX >> unit_shift)
		return -EINVAL;
	o.name = argv[0];
	o.sectors <<= unit_shift;
	if (argc > 2 && !strchr(argv[2], '=') &&
	    kstrtouint(argv[i++], 0, &o.logical_block_size))
		return -EINVAL;
	for (; i < argc; i++) {
		if (parse_option(argv[i], &o)) {
			pr_notice("simdisk: %s: option %s is not known or has no such value: use cache=fua|flush|none, discard=, track=, lbs=, channels=, max_sectors=\n",
				  o.name, argv[i]);
			return -EINVAL;
		}
	}
	return sim_disk_add(&o);
}

static int cmd_add(int argc, char **argv)
{
	return add(argc, argv, 20 - SECTOR_SHIFT);
}

static int cmd_add_sectors(int argc, char **argv)
{
	return add(argc, argv, 0);
}

static int cmd_remove(int argc, char **argv)
{
	struct sim_disk *disk;

	if (argc != 1)
		return -EINVAL;
	disk = sim_disk_find(argv[0]);
	return disk ? sim_disk_remove(disk) : -ENODEV;
}

/* SEED [LOSS] */
static int parse_seed(int argc, char **argv, u64 *seed, enum sim_loss *loss)
{
	*loss = SIM_LOSS_ANY;
	if (argc < 1 || argc > 2 || kstrtou64(argv[0], 0, seed))
		return -EINVAL;
	return argc == 2 ? sim_loss_parse(argv[1], loss) : 0;
}

static int cmd_power_fail(int argc, char **argv)
{
	enum sim_loss loss;
	u64 seed;

	if (parse_seed(argc, argv, &seed, &loss))
		return -EINVAL;
	return sim_power_fail(seed, loss);
}

static int cmd_power_fail_after(int argc, char **argv)
{
	enum sim_loss loss;
	u64 writes, seed;

	if (argc < 2 || kstrtou64(argv[0], 0, &writes) ||
	    parse_seed(argc - 1, argv + 1, &seed, &loss))
		return -EINVAL;
	return sim_power_fail_after(writes, seed, loss);
}

static int cmd_power_fail_in_us(int argc, char **argv)
{
	enum sim_loss loss;
	u64 us, seed;

	if (argc < 2 || kstrtou64(argv[0], 0, &us) ||
	    parse_seed(argc - 1, argv + 1, &seed, &loss))
		return -EINVAL;
	return sim_power_fail_in_us(us, seed, loss);
}

static int cmd_rearm(int argc, char **argv)
{
	if (argc)
		return -EINVAL;
	sim_power_rearm();
	return 0;
}

static int cmd_record_start(int argc, char **argv)
{
	unsigned int mib;

	if (argc != 1 || kstrtouint(argv[0], 0, &mib))
		return -EINVAL;
	return sim_record_start(mib);
}

static int cmd_record_stop(int argc, char **argv)
{
	return argc ? -EINVAL : sim_record_stop();
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "add", cmd_add },
	{ "add-sectors", cmd_add_sectors },
	{ "remove", cmd_remove },
	{ "power-fail", cmd_power_fail },
	{ "power-fail-after", cmd_power_fail_after },
	{ "power-fail-in-us", cmd_power_fail_in_us },
	{ "rearm", cmd_rearm },
	{ "record-start", cmd_record_start },
	{ "record-stop", cmd_record_stop },
};

static int run_command(int argc, char **argv)
{
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].name, argv[0]))
			continue;
		mutex_lock(&sim_mutex);
		ret = commands[i].run(argc - 1, argv + 1);
		mutex_unlock(&sim_mutex);
		return ret;
	}
	pr_notice("simdisk: %s is no command: use add, add-sectors, remove, power-fail, power-fail-after, power-fail-in-us, rearm, record-start or record-stop\n",
		  argv[0]);
	return -EINVAL;
}

static ssize_t control_store(struct kobject *kobj, struct kobj_attribute *attr,
			     const char *buf, size_t count)
{
	int argc, ret = -EINVAL;
	char **argv;

	argv = argv_split(GFP_KERNEL, buf, &argc);
	if (!argv)
		return -ENOMEM;
	if (argc)
		ret = run_command(argc, argv);
	argv_free(argv);
	return ret ? ret : count;
}
static struct kobj_attribute control_attr = __ATTR_WO(control);

static ssize_t power_show(struct kobject *kobj, struct kobj_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%s\n", sim_power_state());
}
static struct kobj_attribute power_attr = __ATTR_RO(power);

static ssize_t disks_show(struct kobject *kobj, struct kobj_attribute *attr,
			  char *buf)
{
	struct sim_disk *disk;
	int len = 0;

	mutex_lock(&sim_mutex);
	list_for_each_entry(disk, &sim_disks, link)
		len += sysfs_emit_at(buf, len, "%s\n", disk->name);
	mutex_unlock(&sim_mutex);
	return len;
}
static struct kobj_attribute disks_attr = __ATTR_RO(disks);

static ssize_t record_show(struct kobject *kobj, struct kobj_attribute *attr,
			   char *buf)
{
	return sim_record_show(buf);
}
static struct kobj_attribute record_attr = __ATTR_RO(record);

static const struct attribute *root_attrs[] = {
	&control_attr.attr, &power_attr.attr, &disks_attr.attr, &record_attr.attr, NULL
};

static int __init simdisk_init(void)
{
	int ret;

	sim_power_init();
	ret = sim_record_init();
	if (ret)
		return ret;
	ret = -ENOMEM;
	sim_root = kobject_create_and_add("simdisk", kernel_kobj);
	if (!sim_root)
		goto exit_record;
	ret = sysfs_create_files(sim_root, root_attrs);
	if (!ret)
		return 0;
	kobject_put(sim_root);
exit_record:
	sim_record_exit();
	return ret;
}

static void __exit simdisk_exit(void)
{
	struct sim_disk *disk, *next;

	/* After this nobody can give commands. */
	sysfs_remove_files(sim_root, root_attrs);
	mutex_lock(&sim_mutex);
	sim_power_rearm();
	list_for_each_entry_safe(disk, next, &sim_disks, link) {
		if (sim_disk_remove(disk))
			pr_warn("simdisk: %s stays\n", disk->name);
	}
	mutex_unlock(&sim_mutex);
	sim_power_exit();
	sim_record_exit();
	kobject_put(sim_root);
}

module_init(simdisk_init);
module_exit(simdisk_exit);
MODULE_DESCRIPTION("RAM disks with modelled latency and power failures");
MODULE_LICENSE("GPL");
