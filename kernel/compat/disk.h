/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SP_COMPAT_DISK_H
#define SP_COMPAT_DISK_H

#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/limits.h>
#include <linux/math.h>
#include <linux/version.h>

/* A bio has its bytes in 32 bits, which not every kernel minds when it splits zeroing. */
#define SP_MAX_ZEROES_SECTORS round_down(UINT_MAX >> SECTOR_SHIFT, PAGE_SECTORS)

/*
 * A disk that takes bios, of whole pages, and any discard. Since 6.9 the limits are given at
 * its making. Or an ERR_PTR.
 */
static inline struct gendisk *sp_alloc_page_disk(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	struct queue_limits limits = {
		.logical_block_size = PAGE_SIZE,
		.physical_block_size = PAGE_SIZE,
		.io_min = PAGE_SIZE,
		.discard_granularity = PAGE_SIZE,
		.max_hw_discard_sectors = UINT_MAX,
		.max_write_zeroes_sectors = SP_MAX_ZEROES_SECTORS,
	};

	return blk_alloc_disk(&limits, NUMA_NO_NODE);
#else
	struct gendisk *disk = blk_alloc_disk(NUMA_NO_NODE);

	if (!disk)
		return ERR_PTR(-ENOMEM);
	blk_queue_logical_block_size(disk->queue, PAGE_SIZE);
	blk_queue_physical_block_size(disk->queue, PAGE_SIZE);
	blk_queue_io_min(disk->queue, PAGE_SIZE);
	blk_queue_max_discard_sectors(disk->queue, UINT_MAX);
	blk_queue_max_write_zeroes_sectors(disk->queue, SP_MAX_ZEROES_SECTORS);
	disk->queue->limits.discard_granularity = PAGE_SIZE;
	blk_queue_flag_set(QUEUE_FLAG_NONROT, disk->queue);
	return disk;
#endif
}

/*
 * A block device that is opened for ourselves alone: since 6.9 it is a file. NULL is
 * none.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
typedef struct file sp_bdev_t;

static inline sp_bdev_t *sp_bdev_open(const char *path, void *holder)
{
	return bdev_file_open_by_path(path, BLK_OPEN_READ | BLK_OPEN_WRITE, holder, NULL);
}

static inline void sp_bdev_close(sp_bdev_t *bdev)
{
	bdev_fput(bdev);
}

static inline struct block_device *sp_bdev(sp_bdev_t *bdev)
{
	return file_bdev(bdev);
}
#else
#define SP_BDEV_MODE (FMODE_READ | FMODE_WRITE | FMODE_EXCL)

typedef struct block_device sp_bdev_t;

static inline sp_bdev_t *sp_bdev_open(const char *path, void *holder)
{
	return blkdev_get_by_path(path, SP_BDEV_MODE, holder);
}

static inline void sp_bdev_close(sp_bdev_t *bdev)
{
	blkdev_put(bdev, SP_BDEV_MODE);
}

static inline struct block_device *sp_bdev(sp_bdev_t *bdev)
{
	return bdev;
}
#endif

#endif /* SP_COMPAT_DISK_H */
