// SPDX-License-Identifier: GPL-2.0
#include <linux/printk.h>

#include <xen/xenbus.h>

#include <stillpoint/tmem.h>
#include <stillpoint/xenstore.h>

#include "../request.h"
#include "link.h"
#include "pools.h"
#include "ring.h"
#include "window.h"

static bool is_up;

static int write_all(struct xenbus_transaction xbt)
{
	const char *dir = STILLPOINT_XS_TMEM_DIR;
	int err;

	err = xenbus_printf(xbt, dir, STILLPOINT_XS_TMEM_REF, "%u", sp_window_ref());
	if (!err)
		err = xenbus_printf(xbt, dir, STILLPOINT_XS_TMEM_PORT, "%u", sp_window_port());
	if (!err)
		err = xenbus_printf(xbt, dir, STILLPOINT_XS_TMEM_ABI, "%u",
				    STILLPOINT_TMEM_ABI_VERSION);
	return err;
}

static int publish(void)
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

static void close(void)
{
	sp_ring_stop();
	sp_window_set_session(0);
	sp_window_notify();
	sp_window_close();
	sp_ring_exit();
}

static int connect(void)
{
	int err;

	if (is_up)
		return 0;
	err = sp_window_open(sp_ring_event);
	if (err)
		return err;
	sp_ring_start();
	err = publish();
	if (err) {
		close();
		return err;
	}
	is_up = true;
	return 0;
}

static int disconnect(void)
{
	bool used;

	spin_lock_irq(&sp_tmem_lock);
	used = sp_pools_are_used();
	spin_unlock_irq(&sp_tmem_lock);
	if (!is_up || used)
		return 0;
	xenbus_rm(XBT_NIL, STILLPOINT_XS_TMEM_DIR, "");
	close();
	is_up = false;
	return 0;
}

int sp_link_up(void)
{
	return sp_request_call(connect);
}

void sp_link_down(void)
{
	sp_request_call(disconnect);
}

void sp_link_resume(void)
{
	int err;

	if (!is_up)
		return;
	sp_ring_stop();
	err = sp_window_open_again();
	if (!err) {
		sp_ring_start();
		err = publish();
	}
	if (err)
		pr_err("tmem: cannot publish after a restore: %d\n", err);
}
