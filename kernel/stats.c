// SPDX-License-Identifier: GPL-2.0
#include <linux/kobject.h>
#include <linux/sysfs.h>

#include "control.h"
#include "stats.h"

/* clang-format off */
#define SP_STAT(stat) \
static ssize_t stat##_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf) \
{ \
	struct stillpoint_guest_half stats; \
	\
	sp_control_stats(&stats); \
	return sysfs_emit(buf, "%llu\n", (u64)stats.stat); \
} \
static struct kobj_attribute stat##_attr = __ATTR_RO(stat)
/* clang-format on */

SP_STAT(checkpoints);
SP_STAT(abandoned);
SP_STAT(restores);
SP_STAT(last_park_us);
SP_STAT(generation);
SP_STAT(harvests);
SP_STAT(set_pages);
SP_STAT(harvest_us);
SP_STAT(slice_max_us);
SP_STAT(hooks);
SP_STAT(free_pages);

static ssize_t tracking_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	struct stillpoint_guest_half stats;

	sp_control_stats(&stats);
	return sysfs_emit(buf, "%d\n", stats.epoch != 0);
}

static struct kobj_attribute tracking_attr = __ATTR_RO(tracking);

/* clang-format off */
static struct attribute *attrs[] = {
	&checkpoints_attr.attr,
	&abandoned_attr.attr,
	&restores_attr.attr,
	&last_park_us_attr.attr,
	&generation_attr.attr,
	&tracking_attr.attr,
	&harvests_attr.attr,
	&set_pages_attr.attr,
	&harvest_us_attr.attr,
	&slice_max_us_attr.attr,
	&hooks_attr.attr,
	&free_pages_attr.attr,
	NULL,
};

/* clang-format on */
static const struct attribute_group group = { .attrs = attrs };

static struct kobject *dir;

int sp_stats_init(void)
{
	int err;

	dir = kobject_create_and_add("stillpoint", hypervisor_kobj);
	if (!dir)
		return -ENOMEM;
	err = sysfs_create_group(dir, &group);
	if (err)
		kobject_put(dir);
	return err;
}

void sp_stats_exit(void)
{
	kobject_put(dir);
}
