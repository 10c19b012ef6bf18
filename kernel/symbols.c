// SPDX-License-Identifier: GPL-2.0
/*
 * The only place that reaches functions which the kernel does not export.
 *
 * Xen's suspend path in drivers/xen/manage.c is built from functions that
 * modules cannot link to, and Stillpoint is that path with another middle. A
 * kprobe that is registered disabled resolves a name to an address and patches
 * no text.
 */
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/printk.h>

#include "entry.h"
#include "symbols.h"

struct sp_symbols sp_sym __ro_after_init;

struct sp_symbol {
	const char *name;
	void **to;
};

/* clang-format off */
#define SP_SYMBOL(fn) { #fn, (void **)&sp_sym.fn }
/* clang-format on */

static const struct sp_symbol symbols[] __initconst = {
	SP_SYMBOL(xs_suspend),
	SP_SYMBOL(xs_suspend_cancel),
	SP_SYMBOL(xs_resume),
	SP_SYMBOL(xen_arch_suspend),
	SP_SYMBOL(xen_arch_resume),
	SP_SYMBOL(xen_arch_pre_suspend),
	SP_SYMBOL(xen_arch_post_suspend),
	SP_SYMBOL(xen_manage_runstate_time),
	SP_SYMBOL(gnttab_suspend),
	SP_SYMBOL(gnttab_resume),
	SP_SYMBOL(xen_irq_resume),
	SP_SYMBOL(xen_timer_resume),
	SP_SYMBOL(xen_console_resume),
	SP_SYMBOL(tick_resume_local),
	SP_SYMBOL(add_vmfork_randomness),
};

/* The entry of function @name, or NULL. */
static void *__init resolve(const char *name)
{
	struct kprobe kp = { .symbol_name = name, .flags = KPROBE_FLAG_DISABLED };
	char text[KSYM_SYMBOL_LEN];
	unsigned long offset;
	void *addr;

	if (register_kprobe(&kp))
		return NULL;
	addr = kp.addr;
	unregister_kprobe(&kp);

	/* The probe may sit behind the function's ENDBR: step back to the entry. */
	sprint_symbol(text, (unsigned long)addr);
	if (sp_entry_offset(text, name, &offset))
		return NULL;
	return addr - offset;
}

int __init sp_symbols_init(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(symbols); i++) {
		*symbols[i].to = resolve(symbols[i].name);
		if (!*symbols[i].to) {
			pr_err("this kernel has no function '%s' to be found\n", symbols[i].name);
			err = -ENOENT;
		}
	}
	return err;
}
