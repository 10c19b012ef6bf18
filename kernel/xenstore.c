// SPDX-License-Identifier: GPL-2.0
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "disks.h"
#include "symbols.h"
#include "xenstore.h"

/* For all that is waited for together, and how often is looked. */
#define PATIENCE (3 * HZ)
#define LOOK_MS 5

static bool stop_watches(void)
{
	if (!mutex_trylock(sp_sym.xenwatch_mutex))
		return false;
	/* One that waits has bios that only xenwatch submits again, which a restore would lose. */
	if (sp_disks_are_settled())
		return true;
	mutex_unlock(sp_sym.xenwatch_mutex);
	return false;
}

static bool stop_registering(void)
{
	return down_write_trylock(sp_sym.xs_watch_rwsem);
}

static bool wait_until(bool (*stopped)(void), unsigned long end)
{
	while (!stopped()) {
		if (time_after(jiffies, end))
			return false;
		msleep(LOOK_MS);
	}
	return true;
}

static void set_active(int change)
{
	spin_lock(sp_sym.xs_state_lock);
	*sp_sym.xs_suspend_active += change;
	spin_unlock(sp_sym.xs_state_lock);
}

/* Nobody begins a request from here on, but within a transaction. */
static bool stop_requests(unsigned long end)
{
	long left = max_t(long, end - jiffies, 1);

	set_active(1);
	if (wait_event_timeout(*sp_sym.xs_state_exit_wq, !READ_ONCE(*sp_sym.xs_state_users), left))
		return true;
	set_active(-1);
	wake_up_all(sp_sym.xs_state_enter_wq);
	return false;
}

int sp_xenstore_suspend(void)
{
	unsigned long end = jiffies + PATIENCE;

	if (!wait_until(stop_watches, end))
		return -EBUSY;
	if (!wait_until(stop_registering, end))
		goto err_watches;
	if (!stop_requests(end))
		goto err_registering;
	mutex_lock(sp_sym.xs_response_mutex);
	return 0;

err_registering:
	up_write(sp_sym.xs_watch_rwsem);
err_watches:
	mutex_unlock(sp_sym.xenwatch_mutex);
	return -EBUSY;
}

void sp_xenstore_release_watches(void)
{
	mutex_unlock(sp_sym.xenwatch_mutex);
}

void sp_xenstore_cancel(void)
{
	sp_sym.xs_suspend_cancel();
}

void sp_xenstore_resume(void)
{
	sp_sym.xs_resume();
}
