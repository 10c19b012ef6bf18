// SPDX-License-Identifier: GPL-2.0
#include <linux/cpu.h>
#include <linux/freezer.h>
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/sched/mm.h>
#include <linux/stop_machine.h>
#include <linux/syscore_ops.h>

#include <xen/page.h>
#include <xen/xen.h>

#include <asm/fpu/api.h>
#include <asm/msr.h>
#include <asm/tsc.h>
#include <asm/xen/hypervisor.h>

#include <stillpoint/park.h>

#include "control.h"
#include "decide.h"
#include "disks.h"
#include "free.h"
#include "park.h"
#include "resume.h"
#include "spin.h"
#include "symbols.h"
#include "track.h"
#include "xenstore.h"

static enum stillpoint_result result_of(u64 rax)
{
	switch (rax) {
	case STILLPOINT_RAX_PARKED:
		return STILLPOINT_RESULT_ABANDONED;
	case STILLPOINT_RAX_RESTORED:
		return STILLPOINT_RESULT_RESTORED;
	default:
		return STILLPOINT_RESULT_CHECKPOINT;
	}
}

static enum stillpoint_result spin(const struct sp_park *park)
{
	u64 deadline = rdtsc_ordered() + sp_deadline_cycles(park->deadline_us, tsc_khz);

	sp_control_parked();
	return result_of(stillpoint_spin(park->generation, STILLPOINT_PARK_MAGIC,
					 virt_to_gfn(xen_start_info), deadline));
}

/* The last moment to turn back; true with the system core suspended. */
static bool may_park(struct sp_park *park)
{
	/* Stock suspend got here first: it must find the guest as it left it. */
	if (static_branch_unlikely(&freezer_active)) {
		park->err = -EBUSY;
		return false;
	}
	if (sp_control_is_cancelled(park->number)) {
		park->result = STILLPOINT_RESULT_CANCELLED;
		return false;
	}
	park->err = syscore_suspend();
	return !park->err;
}

/*
 * Runs on CPU 0, interrupts off, every other CPU spinning in stop_machine.
 * Between pre_suspend and post_suspend the guest's memory is canonical: page
 * tables pinned, shared_info and grant frames unmapped, start_info in pfns.
 */
static int park_stopped(void *data)
{
	struct sp_park *park = data;
	u64 start = rdtsc_ordered(), parked, left;
	bool restored, traced;

	if (!may_park(park)) {
		/* xen_arch_resume() leaves this CPU's tick to syscore_resume(). */
		sp_sym.tick_resume_local();
		return 0;
	}
	/* dom0's flip may lose what this CPU's FPU still holds of a task; memory has it. */
	kernel_fpu_begin();
	kernel_fpu_end();
	/* The kernel's functions that are called from here on write to no buffer of a tracer. */
	traced = sp_track_is_on() && tracing_is_on();
	if (traced)
		tracing_off();
	sp_track_last_extras();
	sp_free_note_grants();
	sp_sym.gnttab_suspend();
	sp_sym.xen_manage_runstate_time(-1);
	sp_sym.xen_arch_pre_suspend();
	/* Nothing is allocated from here on. What this writes is in the last set. */
	sp_free_walk();
	sp_track_last();

	parked = rdtsc_ordered();
	park->result = spin(park);
	left = rdtsc_ordered();
	restored = park->result == STILLPOINT_RESULT_RESTORED;

	sp_sym.xen_arch_post_suspend(!restored);
	sp_sym.xen_manage_runstate_time(restored ? 0 : 1);
	sp_sym.gnttab_resume();
	if (restored)
		sp_resume_stopped();
	syscore_resume();
	if (restored)
		sp_resume_ipis();
	if (traced)
		tracing_on();

	if (!restored) {
		park->times.stop = sp_cycles_to_us(parked - start, tsc_khz);
		park->times.run = sp_cycles_to_us(rdtsc_ordered() - left, tsc_khz);
		park->times.all = sp_cycles_to_us(rdtsc_ordered() - start, tsc_khz);
	}
	return 0;
}

/* A task that is preempted amid an update of a page table holds a frame of this domain. */
static int check_preemption(void)
{
	if (!preempt_model_full() && !preempt_model_rt())
		return 0;
	pr_warn_once(
		"a kernel with preempt=full cannot be restored, so it does not park; use preempt=voluntary\n");
	return -EOPNOTSUPP;
}

void sp_park(struct sp_park *park)
{
	unsigned int noio, noreclaim;
	bool restored;

	park->result = STILLPOINT_RESULT_FAILED;
	park->times = (struct sp_park_times){};
	park->err = check_preemption();
	if (!park->err)
		park->err = sp_disks_prepare();
	if (park->err)
		return;
	park->err = sp_xenstore_suspend();
	if (park->err) {
		sp_disks_release();
		return;
	}

	/* The tick is suspended on the CPUs that are online now, and resumed on the same. */
	cpu_hotplug_disable();
	sp_sym.xen_arch_suspend();

	stop_machine(park_stopped, park, cpumask_of(0));
	sp_xenstore_release_watches();

	restored = park->result == STILLPOINT_RESULT_RESTORED;
	/* No allocation may wait for a disk that is not back. */
	noio = memalloc_noio_save();
	noreclaim = memalloc_noreclaim_save();
	if (restored)
		sp_resume_early();
	sp_sym.xen_arch_resume();
	memalloc_noreclaim_restore(noreclaim);
	if (!restored)
		sp_xenstore_cancel();
	cpu_hotplug_enable();
	if (restored)
		sp_resume_late();
	memalloc_noio_restore(noio);
	sp_disks_release();
}
