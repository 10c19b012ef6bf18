// SPDX-License-Identifier: GPL-2.0
/*
 * xenbus frontends of a restored guest.
 *
 * The bus is not exported, but every frontend driver points to it: a driver
 * that matches no device is registered for that pointer alone.
 */
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/printk.h>

#include <xen/xenbus.h>

#include "devices.h"
#include "disks.h"

/* Other devices wait so long for disks. */
#define DISKS_WAIT (30 * HZ)
#define DISKS_LOOK_MS 5

static const struct xenbus_device_id no_ids[] = { { "" } };

static int no_probe(struct xenbus_device *dev, const struct xenbus_device_id *id)
{
	return -ENODEV;
}

static struct xenbus_driver finder = {
	.name = "stillpoint",
	.ids = no_ids,
	.probe = no_probe,
};

int sp_devices_init(void)
{
	return xenbus_register_frontend(&finder);
}

void sp_devices_exit(void)
{
	xenbus_unregister_driver(&finder);
}

sp_bus_t sp_devices_bus(void)
{
	return finder.driver.bus;
}

/**
 * struct pass - one way through the devices
 * @disks: of disks; else of all others
 * @failed: devices that did not reconnect
 */
struct pass {
	bool disks;
	unsigned int failed;
};

static int reconnect(struct device *dev, void *data)
{
	struct pass *pass = data;
	int err;

	if (sp_disks_is(dev) != pass->disks)
		return 0;
	device_lock(dev);
	err = dev->bus->pm->restore(dev);
	/*
	 * At once: xenwatch may be waiting for this queue, and the next
	 * device's resume for xenwatch.
	 */
	sp_disks_start(dev);
	device_unlock(dev);
	if (err) {
		dev_err(dev, "cannot reconnect after a restore: %d\n", err);
		pass->failed++;
	}
	return 0;
}

/*
 * xenwatch connects them. It must not find another device's event first: what that leads to
 * may wait for a disk.
 */
static void wait_for_disks(void)
{
	unsigned long end = jiffies + DISKS_WAIT;

	while (!sp_disks_are_settled()) {
		if (time_after(jiffies, end)) {
			pr_err("a disk's backend does not connect after a restore\n");
			return;
		}
		msleep(DISKS_LOOK_MS);
	}
}

void sp_devices_reconnect(void)
{
	struct pass pass = { .disks = true };

	/* A task may wait for a disk with a lock that another device's way back needs. */
	bus_for_each_dev(finder.driver.bus, NULL, &pass, reconnect);
	wait_for_disks();
	pass.disks = false;
	bus_for_each_dev(finder.driver.bus, NULL, &pass, reconnect);
	/* Disks whose device went away meanwhile. */
	sp_disks_start(NULL);
	if (pass.failed)
		pr_err("%u devices did not reconnect\n", pass.failed);
}
