// SPDX-License-Identifier: GPL-2.0
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/notifier.h>
#include <linux/sched/mm.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>

#include <xen/page.h>
#include <xen/xen-ops.h>
#include <xen/xen.h>

#include <asm/msr.h>
#include <asm/xen/hypervisor.h>

#include "devices.h"
#include "disks.h"
#include "resume.h"
#include "round.h"
#include "symbols.h"
#include "tmem/link.h"
#include "xenstore.h"

/* For so long nothing else comes back before random numbers are new. */
#define RESEED_WAIT HZ

static void reseed(struct work_struct *unused);
static DECLARE_WORK(reseed_work, reseed);
static DECLARE_COMPLETION(reseeded);

static void (*on_stock_resume)(void);

/* Only stock suspend calls this: sp_resume_early() starts behind it. */
static int stock_resume(struct notifier_block *nb, unsigned long action, void *data)
{
	on_stock_resume();
	return NOTIFY_DONE;
}

/* The highest priority, so that ours is first and the kernel's follow it. */
static struct notifier_block first = {
	.notifier_call = stock_resume,
	.priority = INT_MAX,
};

void sp_resume_init(void (*stock)(void))
{
	on_stock_resume = stock;
	xen_resume_notifier_register(&first);
}

void sp_resume_exit(void)
{
	flush_work(&reseed_work);
	xen_resume_notifier_unregister(&first);
}

void sp_resume_stopped(void)
{
	/* The image may have been taken while file systems were frozen. */
	sp_round_restored();
	sp_disks_stop();
	sp_sym.xen_irq_resume();
	sp_sym.xen_timer_resume();
}

/*
 * What was pending for another CPU when the guest stopped is gone with the old domain's event
 * channels. The work is still in that CPU's queue, so that nobody would signal it again.
 */
void sp_resume_ipis(void)
{
	static const enum ipi_vector vectors[] = {
		XEN_RESCHEDULE_VECTOR,
		XEN_CALL_FUNCTION_VECTOR,
		XEN_CALL_FUNCTION_SINGLE_VECTOR,
		XEN_IRQ_WORK_VECTOR,
	};
	unsigned int cpu, i;

	for_each_online_cpu(cpu)
		for (i = 0; i < ARRAY_SIZE(vectors); i++)
			sp_sym.xen_send_IPI_one(cpu, vectors[i]);
}

/*
 * Two guests restored from one image differ in time, TSC, frames or xenstore
 * port; the pool needs no more than that they differ, and mixes in what the
 * processor's own generator gives. Who is told of it, when that is done, may wait for a lock
 * whose holder waits for a tick or a disk: so nobody waits for that.
 */
static void reseed(struct work_struct *unused)
{
	const struct {
		u64 tsc;
		u64 realtime_ns;
		u64 shared_info;
		u64 store_frame;
		u64 store_port;
	} id = {
		.tsc = rdtsc_ordered(),
		.realtime_ns = ktime_get_real_ns(),
		.shared_info = xen_start_info->shared_info,
		.store_frame = xen_start_info->store_mfn,
		.store_port = xen_start_info->store_evtchn,
	};

	sp_sym.add_vmfork_randomness(&id, sizeof(id));
	complete(&reseeded);
}

void sp_resume_early(void)
{
	struct raw_notifier_head rest = { .head = first.next };

	/* First of all: tasks run already, and may ask for random numbers. */
	reinit_completion(&reseeded);
	queue_work(system_highpri_wq, &reseed_work);
	sp_round_look();
	sp_sym.xen_console_resume();
	raw_notifier_call_chain(&rest, 0, NULL);
}

void sp_resume_late(void)
{
	unsigned int noreclaim;

	wait_for_completion_timeout(&reseeded, RESEED_WAIT);
	sp_disks_settle();
	/*
	 * All that reclaims memory may be waiting for the store where the guest swaps to:
	 * the way back to it takes what it needs from the reserves. A device's way back
	 * may then wait for memory.
	 */
	noreclaim = memalloc_noreclaim_save();
	sp_xenstore_resume();
	sp_link_resume();
	memalloc_noreclaim_restore(noreclaim);
	sp_devices_reconnect();
}
