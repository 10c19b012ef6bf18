/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SP_SYMBOLS_H
#define SP_SYMBOLS_H

#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/pgtable.h>
#include <linux/types.h>
#include <linux/wait.h>

#include <asm/xen/events.h>

struct mutex;
struct rw_semaphore;
struct grant_entry_v1;
struct pvclock_vsyscall_time_info;
struct vcpu_info;
struct vcpu_runstate_info;

/**
 * struct sp_symbols - what the kernel has and does not export
 *
 * Each has the meaning of the kernel's symbol of the same name: functions with
 * the kernel's type; variables as pointers to them; and addresses of functions
 * that are only to be traced, some of which only some kernels have: these are 0
 * elsewhere.
 */
struct sp_symbols {
	/* drivers/xen/manage.c and what it calls */
	void (*xs_suspend_cancel)(void);
	void (*xs_resume)(void);
	void (*xen_arch_suspend)(void);
	void (*xen_arch_resume)(void);
	void (*xen_arch_pre_suspend)(void);
	void (*xen_arch_post_suspend)(int cancelled);
	void (*xen_manage_runstate_time)(int action);
	int (*gnttab_suspend)(void);
	int (*gnttab_resume)(void);
	void (*xen_irq_resume)(void);
	void (*xen_timer_resume)(void);
	void (*xen_console_resume)(void);
	void (*tick_resume_local)(void);
	void (*add_vmfork_randomness)(const void *unique_vm_id, size_t len);
	void (*rebind_evtchn_irq)(unsigned int evtchn, int irq);
	void (*xen_send_IPI_one)(unsigned int cpu, enum ipi_vector vector);

	/* drivers/xen/xenbus/xenbus_xs.c; see xenstore.c */
	struct mutex *xenwatch_mutex; /* held around each callback */
	struct rw_semaphore *xs_watch_rwsem;
	struct mutex *xs_response_mutex; /* held for each answer */
	spinlock_t *xs_state_lock;	 /* for the next two */
	unsigned int *xs_state_users;
	int *xs_suspend_active;
	wait_queue_head_t *xs_state_enter_wq;
	wait_queue_head_t *xs_state_exit_wq;

	/* page tables */
	pgd_t *init_top_pgt;
	struct list_head *pgd_list;
	struct mm_struct *(*pgd_page_get_mm)(struct page *page);
	struct mm_struct **poking_mm;
	unsigned long *max_pfn;

	/* what the hypervisor and backends write */
	struct grant_entry_v1 **gnttab_shared;
	void **grstatus;
	unsigned int *nr_grant_frames;
	void **event_array;
	unsigned int *event_array_pages;
	void *__percpu *cpu_control_block;
	struct vcpu_info __percpu *xen_vcpu_info;
	struct vcpu_runstate_info __percpu *xen_runstate;
	void *__percpu *xenpmu_shared;
	struct pvclock_vsyscall_time_info **xen_clock;

	/* see hooks.c */
	unsigned long page_remove_rmap;
	unsigned long folio_remove_rmap_ptes;
	unsigned long folio_mark_dirty;
	unsigned long mark_page_lazyfree;
	unsigned long folio_mark_lazyfree;
	unsigned long folio_mkclean;
	unsigned long __vunmap_range_noflush;
	unsigned long set_memory_ro;
	unsigned long set_memory_rox;
	unsigned long set_direct_map_invalid_noflush;
	unsigned long text_poke_memcpy;
	unsigned long text_poke_memset;
	unsigned long xen_alloc_ldt;
	unsigned long xen_free_ldt;
	unsigned long untrack_pfn;
	unsigned long move_page_tables;
	unsigned long folio_move_anon_rmap;
	unsigned long page_move_anon_rmap; /* of kernels without UFFDIO_MOVE; not traced */
	unsigned long gnttab_end_foreign_access_ref_v1;
};

extern struct sp_symbols sp_sym;

/* Fills sp_sym. All or nothing: names every missing symbol; -ENOENT. */
int sp_symbols_init(void);

#endif /* SP_SYMBOLS_H */
