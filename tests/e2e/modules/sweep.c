// SPDX-License-Identifier: GPL-2.0
/*
 * A thread that writes to a few pages over and over for a while, then to the next few.
 * The processor that runs it keeps its TLB: in a PV guest that is flushed at each entry
 * to user mode and at each return from it, but not where kernel threads take turns.
 */
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

/* A lap takes longer than a checkpoint, so that no page comes twice in one. */
#define PAGES 4096UL
#define FEW 8UL
#define WHILE_MS 100

#define WORDS (PAGE_SIZE / sizeof(unsigned long))

static unsigned int cpu = 1;
module_param(cpu, uint, 0444);
MODULE_PARM_DESC(cpu, "the processor that writes");

static unsigned long written;
module_param(written, ulong, 0444);
MODULE_PARM_DESC(written, "pages that it is through with");

static unsigned long *buffer;
static struct task_struct *thread;

static void write_few(unsigned long *words)
{
	ktime_t end = ktime_add_ms(ktime_get(), WHILE_MS);
	unsigned long n = 0, i;

	do {
		n++;
		for (i = 0; i < FEW; i++)
			WRITE_ONCE(words[i * WORDS], n);
		/* Lets in what stops all processors, and ftrace, which waits for every task. */
		cond_resched_tasks_rcu_qs();
	} while (ktime_before(ktime_get(), end) && !kthread_should_stop());
}

static int sweep(void *unused)
{
	while (!kthread_should_stop()) {
		write_few(buffer + written % PAGES * WORDS);
		written += FEW;
	}
	return 0;
}

static int __init sweep_init(void)
{
	if (!cpu_online(cpu))
		return -EINVAL;
	buffer = vzalloc(PAGES * PAGE_SIZE);
	if (!buffer)
		return -ENOMEM;
	thread = kthread_create(sweep, NULL, "sweep");
	if (IS_ERR(thread)) {
		vfree(buffer);
		return PTR_ERR(thread);
	}
	kthread_bind(thread, cpu);
	wake_up_process(thread);
	return 0;
}

static void __exit sweep_exit(void)
{
	kthread_stop(thread);
	vfree(buffer);
}

module_init(sweep_init);
module_exit(sweep_exit);
MODULE_DESCRIPTION("Writes to a few pages at a time from one processor");
MODULE_LICENSE("GPL");
