// SPDX-License-Identifier: GPL-2.0
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/slab.h>

#include <xen/xenbus.h>

#include <stillpoint/version.h>
#include <stillpoint/xenstore.h>

#include "control.h"
#include "publish.h"
#include "quiesce.h"

static int write_all(struct xenbus_transaction xbt)
{
	const char *dir = STILLPOINT_XS_DIR;
	int err;

	err = xenbus_printf(xbt, dir, STILLPOINT_XS_VERSION, "%s", STILLPOINT_VERSION);
	if (!err)
		err = xenbus_printf(xbt, dir, STILLPOINT_XS_FEATURES, "%#llx",
				    sp_control_features());
	if (!err)
		err = xenbus_printf(xbt, dir, STILLPOINT_XS_REF, "%u", sp_control_ref());
	if (!err)
		err = xenbus_printf(xbt, dir, STILLPOINT_XS_PORT, "%u", sp_control_port());
	if (!err)
		err = xenbus_printf(xbt, dir, STILLPOINT_XS_QUIESCE_REF, "%u", sp_quiesce_ref());
	if (!err)
		err = xenbus_printf(xbt, dir, STILLPOINT_XS_QUIESCE_PORT, "%u", sp_quiesce_port());
	if (!err)
		err = xenbus_printf(xbt, dir, STILLPOINT_XS_ABI, "%u", STILLPOINT_ABI_VERSION);
	return err;
}

int sp_publish(void)
{
	struct xenbus_transaction xbt;
	int err;

	do {
		err = xenbus_transaction_start(&xbt);
		if (err)
			return err;
		err = write_all(xbt);
		if (err) {
			xenbus_transaction_end(xbt, 1);
			return err;
		}
		err = xenbus_transaction_end(xbt, 0);
	} while (err == -EAGAIN);
	return err;
}

void sp_unpublish(void)
{
	xenbus_rm(XBT_NIL, STILLPOINT_XS_DIR, "");
}

bool sp_is_published(void)
{
	void *version = xenbus_read(XBT_NIL, STILLPOINT_XS_DIR, STILLPOINT_XS_ABI, NULL);

	/* One who could not look must not conclude that this is another domain. */
	if (IS_ERR(version))
		return PTR_ERR(version) != -ENOENT;
	kfree(version);
	return true;
}
