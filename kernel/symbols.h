/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SP_SYMBOLS_H
#define SP_SYMBOLS_H

#include <linux/types.h>

/**
 * struct sp_symbols - kernel functions that park and resume need and that the
 * kernel does not export
 *
 * Each has the type and the meaning of the kernel's function of the same name.
 */
struct sp_symbols {
	void (*xs_suspend)(void);
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
};

extern struct sp_symbols sp_sym;

/* Fills sp_sym. All or nothing: names every missing symbol; -ENOENT. */
int sp_symbols_init(void);

#endif /* SP_SYMBOLS_H */
