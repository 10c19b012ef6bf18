// SPDX-License-Identifier: GPL-2.0
/*
 * The only place that reaches what the kernel does not export.
 *
 * Xen's suspend path in drivers/xen/manage.c is built from functions that
 * modules cannot link to, and Stillpoint is that path with another middle. Nor
 * are page tables and grants open to modules. A kprobe that is registered
 * disabled resolves a name to an address and patches no text; the function
 * that it finds resolves all other names.
 */
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/printk.h>

#include "entry.h"
#include "symbols.h"

struct sp_symbols sp_sym __ro_after_init;

/**
 * enum sp_need - whether a kernel must have a symbol
 * @SP_ALWAYS: it must
 * @SP_IF_CONFIGURED: it may be without
 * @SP_ONE_OF_TWO: it must have this or the next
 */
enum sp_need {
	SP_ALWAYS,
	SP_IF_CONFIGURED,
	SP_ONE_OF_TWO,
};

struct sp_symbol {
	const char *name;
	unsigned long *to;
	enum sp_need need;
};

/* clang-format off */
#define SP_SYMBOL(symbol, ...) { #symbol, (unsigned long *)&sp_sym.symbol, ##__VA_ARGS__ }
/* clang-format on */

static const struct sp_symbol symbols[] __initconst = {
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
	SP_SYMBOL(rebind_evtchn_irq),
	SP_SYMBOL(xen_send_IPI_one),

	SP_SYMBOL(xenwatch_mutex),
	SP_SYMBOL(xs_watch_rwsem),
	SP_SYMBOL(xs_response_mutex),
	SP_SYMBOL(xs_state_lock),
	SP_SYMBOL(xs_state_users),
	SP_SYMBOL(xs_suspend_active),
	SP_SYMBOL(xs_state_enter_wq),
	SP_SYMBOL(xs_state_exit_wq),

	SP_SYMBOL(init_top_pgt),
	SP_SYMBOL(pgd_list),
	SP_SYMBOL(pgd_page_get_mm),
	SP_SYMBOL(poking_mm),
	SP_SYMBOL(max_pfn),

	SP_SYMBOL(gnttab_shared),
	SP_SYMBOL(grstatus),
	SP_SYMBOL(nr_grant_frames),
	SP_SYMBOL(event_array),
	SP_SYMBOL(event_array_pages),
	SP_SYMBOL(cpu_control_block),
	SP_SYMBOL(xen_vcpu_info),
	SP_SYMBOL(xen_runstate),
	SP_SYMBOL(xenpmu_shared, SP_IF_CONFIGURED),
	SP_SYMBOL(xen_clock),

	SP_SYMBOL(page_remove_rmap, SP_ONE_OF_TWO),
	SP_SYMBOL(folio_remove_rmap_ptes, SP_IF_CONFIGURED),
	SP_SYMBOL(folio_mark_dirty),
	SP_SYMBOL(mark_page_lazyfree, SP_ONE_OF_TWO),
	SP_SYMBOL(folio_mark_lazyfree, SP_IF_CONFIGURED),
	SP_SYMBOL(folio_mkclean),
	SP_SYMBOL(__vunmap_range_noflush),
	SP_SYMBOL(set_memory_ro),
	SP_SYMBOL(set_memory_rox, SP_IF_CONFIGURED),
	SP_SYMBOL(set_direct_map_invalid_noflush),
	SP_SYMBOL(text_poke_memcpy),
	SP_SYMBOL(text_poke_memset),
	SP_SYMBOL(xen_alloc_ldt),
	SP_SYMBOL(xen_free_ldt),
	SP_SYMBOL(untrack_pfn),
	SP_SYMBOL(move_page_tables),
	SP_SYMBOL(folio_move_anon_rmap, SP_ONE_OF_TWO),
	SP_SYMBOL(page_move_anon_rmap, SP_IF_CONFIGURED),
	SP_SYMBOL(gnttab_end_foreign_access_ref_v1),
};

/* The entry of function @name, or NULL. */
static void *__init find_function(const char *name)
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

static bool __init is_missing(const struct sp_symbol *symbol)
{
	if (*symbol->to || symbol->need == SP_IF_CONFIGURED)
		return false;
	return symbol->need == SP_ALWAYS || !*symbol[1].to;
}

int __init sp_symbols_init(void)
{
	unsigned long (*lookup)(const char *name) = find_function("kallsyms_lookup_name");
	unsigned int i;
	int err = 0;

	if (!lookup) {
		pr_err("this kernel has no kallsyms_lookup_name() to be found\n");
		return -ENOENT;
	}
	for (i = 0; i < ARRAY_SIZE(symbols); i++)
		*symbols[i].to = lookup(symbols[i].name);
	for (i = 0; i < ARRAY_SIZE(symbols); i++) {
		if (is_missing(&symbols[i])) {
			pr_err("this kernel has no symbol '%s' to be found\n", symbols[i].name);
			err = -ENOENT;
		}
	}
	return err;
}
