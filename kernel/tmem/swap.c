// SPDX-License-Identifier: GPL-2.0
#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "../compat/disk.h"
#include "backing.h"
#include "pools.h"
#include "swap.h"
#include "swapio.h"

#define NAME "tmemswap"
/* A handle's index has 32 bits. */
#define MAX_BLOCKS BIT_ULL(32)

static int major;
static struct gendisk *disk;
/* Guards the size and what it is made of; the bios come only while there is a size. */
static DEFINE_MUTEX(setup);
static struct sp_tmem_pool *pool;
static struct sp_backing *backing;
static char *backing_path;
static struct sp_swapio *io;

static void submit(struct bio *bio)
{
	sp_swapio_submit(io, bio);
}

/* From the swap code, with spinlocks held, while the device is swapped on. */
static void slot_freed(struct block_device *bdev, unsigned long block)
{
	sp_swapio_drop(io, block);
}

static const struct block_device_operations operations = {
	.owner = THIS_MODULE,
	.submit_bio = submit,
	.swap_slot_free_notify = slot_freed,
};

static int set_size(u64 bytes)
{
	u64 blocks = bytes >> PAGE_SHIFT;
	int err;

	if (io)
		return -EBUSY;
	if (!blocks || blocks > MAX_BLOCKS)
		return -EINVAL;
	if (backing && sp_backing_size(backing) < blocks << PAGE_SHIFT) {
		pr_err("tmem: the backing device is smaller than %llu bytes\n",
		       blocks << PAGE_SHIFT);
		return -EINVAL;
	}
	pool = sp_tmem_pool_create(STILLPOINT_TMEM_POOL_PERSISTENT, NULL);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	io = sp_swapio_make(blocks, pool, backing);
	if (IS_ERR(io)) {
		err = PTR_ERR(io);
		io = NULL;
		sp_tmem_pool_destroy(pool);
		return err;
	}
	set_capacity_and_notify(disk, blocks << PAGE_SECTORS_SHIFT);
	return 0;
}

static void forget_backing(void)
{
	if (backing)
		sp_backing_close(backing);
	backing = NULL;
	kfree(backing_path);
	backing_path = NULL;
}

/* Nobody has the device open. */
static void unset_size(void)
{
	if (io) {
		set_capacity_and_notify(disk, 0);
		sp_swapio_free(io);
		io = NULL;
		sp_tmem_pool_destroy(pool);
	}
	forget_backing();
}

static int set_backing(const char *path)
{
	struct sp_backing *opened;

	if (io || backing)
		return -EBUSY;
	backing_path = kstrdup(path, GFP_KERNEL);
	if (!backing_path)
		return -ENOMEM;
	opened = sp_backing_open(strim(backing_path));
	if (IS_ERR(opened)) {
		forget_backing();
		return PTR_ERR(opened);
	}
	backing = opened;
	return 0;
}

static ssize_t disksize_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%llu\n", (u64)get_capacity(disk) << SECTOR_SHIFT);
}

static ssize_t disksize_store(struct device *dev, struct device_attribute *attr, const char *buf,
			      size_t count)
{
	u64 bytes = memparse(buf, NULL);
	int err;

	mutex_lock(&setup);
	err = set_size(bytes);
	mutex_unlock(&setup);
	return err ?: count;
}

static ssize_t backing_dev_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	ssize_t length;

	mutex_lock(&setup);
	length = sysfs_emit(buf, "%s\n", backing ? strim(backing_path) : "none");
	mutex_unlock(&setup);
	return length;
}

static ssize_t backing_dev_store(struct device *dev, struct device_attribute *attr, const char *buf,
				 size_t count)
{
	int err;

	mutex_lock(&setup);
	err = set_backing(buf);
	mutex_unlock(&setup);
	return err ?: count;
}

static ssize_t reset_store(struct device *dev, struct device_attribute *attr, const char *buf,
			   size_t count)
{
	bool yes;
	int err = kstrtobool(buf, &yes);

	if (err || !yes)
		return err ?: -EINVAL;
	mutex_lock(&setup);
	/* Nobody opens it while this is held. */
	mutex_lock(&disk->open_mutex);
	if (disk_openers(disk))
		err = -EBUSY;
	else
		unset_size();
	mutex_unlock(&disk->open_mutex);
	mutex_unlock(&setup);
	return err ?: count;
}

static ssize_t stored_pages_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct sp_swapio_stats stats = {};

	mutex_lock(&setup);
	if (io)
		sp_swapio_stats(io, &stats);
	mutex_unlock(&setup);
	return sysfs_emit(buf, "%lu\n", stats.of[SP_BLOCK_STORED]);
}

static ssize_t backed_pages_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct sp_swapio_stats stats = {};

	mutex_lock(&setup);
	if (io)
		sp_swapio_stats(io, &stats);
	mutex_unlock(&setup);
	return sysfs_emit(buf, "%lu\n", stats.of[SP_BLOCK_BACKED]);
}

static ssize_t stale_pages_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct sp_swapio_stats stats = {};

	mutex_lock(&setup);
	if (io)
		sp_swapio_stats(io, &stats);
	mutex_unlock(&setup);
	return sysfs_emit(buf, "%lu\n", stats.stale);
}

static DEVICE_ATTR_RW(disksize);
static DEVICE_ATTR_RW(backing_dev);
static DEVICE_ATTR_WO(reset);
static DEVICE_ATTR_RO(stored_pages);
static DEVICE_ATTR_RO(backed_pages);
static DEVICE_ATTR_RO(stale_pages);

static struct attribute *swap_attrs[] = {
	&dev_attr_disksize.attr,
	&dev_attr_backing_dev.attr,
	&dev_attr_reset.attr,
	&dev_attr_stored_pages.attr,
	&dev_attr_backed_pages.attr,
	&dev_attr_stale_pages.attr,
	NULL,
};

ATTRIBUTE_GROUPS(swap);

int sp_swap_init(void)
{
	int err = register_blkdev(0, NAME);

	if (err < 0)
		return err;
	major = err;
	disk = sp_alloc_page_disk();
	if (IS_ERR(disk)) {
		err = PTR_ERR(disk);
		goto err_major;
	}
	disk->major = major;
	disk->minors = 1;
	disk->flags |= GENHD_FL_NO_PART;
	disk->fops = &operations;
	strscpy(disk->disk_name, NAME "0", sizeof(disk->disk_name));
	err = device_add_disk(NULL, disk, swap_groups);
	if (err)
		goto err_disk;
	return 0;

err_disk:
	put_disk(disk);
err_major:
	unregister_blkdev(major, NAME);
	return err;
}

void sp_swap_exit(void)
{
	/* The module is not in use: nobody has the device open. */
	del_gendisk(disk);
	mutex_lock(&setup);
	unset_size();
	mutex_unlock(&setup);
	put_disk(disk);
	unregister_blkdev(major, NAME);
}
