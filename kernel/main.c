// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

#include <xen/xen.h>

#include <stillpoint/version.h>

#include "agent.h"
#include "control.h"
#include "devices.h"
#include "free.h"
#include "request.h"
#include "round.h"
#include "stats.h"
#include "symbols.h"
#include "tmem/swap.h"

static u64 __init features(void)
{
	u64 always =
		STILLPOINT_FEATURE_PARK | STILLPOINT_FEATURE_TRACK | STILLPOINT_FEATURE_QUIESCE;

	return sp_free_is_possible() ? always | STILLPOINT_FEATURE_FREE : always;
}

static int __init stillpoint_init(void)
{
	int err;

	if (!xen_pv_domain() || xen_initial_domain()) {
		pr_err("this is not a Xen PV guest; the module is for PV domUs only\n");
		return -ENODEV;
	}
	err = sp_symbols_init();
	if (err)
		return err;
	err = sp_control_init(features());
	if (err)
		return err;
	err = sp_devices_init();
	if (err)
		goto err_control;
	err = sp_stats_init();
	if (err)
		goto err_devices;
	err = sp_round_init();
	if (err)
		goto err_stats;
	err = sp_request_init();
	if (err)
		goto err_round;
	err = sp_swap_init();
	if (err)
		goto err_request;
	/* The last: what is open does not keep a module whose loading fails. */
	err = sp_agent_init();
	if (err)
		goto err_swap;
	pr_info("ready, version " STILLPOINT_VERSION ", ABI %d\n", STILLPOINT_ABI_VERSION);
	return 0;

err_swap:
	sp_swap_exit();
err_request:
	sp_request_exit();
err_round:
	sp_round_exit();
err_stats:
	sp_stats_exit();
err_devices:
	sp_devices_exit();
err_control:
	sp_control_exit();
	return err;
}

static void __exit stillpoint_exit(void)
{
	sp_agent_exit();
	sp_swap_exit();
	sp_request_exit();
	sp_round_exit();
	sp_stats_exit();
	sp_devices_exit();
	sp_control_exit();
}

module_init(stillpoint_init);
module_exit(stillpoint_exit);

MODULE_DESCRIPTION("Checkpoints of running Xen PV guests");
MODULE_LICENSE("GPL");
MODULE_VERSION(STILLPOINT_VERSION);
