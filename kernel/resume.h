/* SPDX-License-Identifier: GPL-2.0 */
/* What only a restored guest does, in the order of the three steps. */
#ifndef SP_RESUME_H
#define SP_RESUME_H

/**
 * sp_resume_init() - joins the kernel's chain of Xen resume callbacks
 * @stock: called, in a context that may sleep but must not touch xenstore,
 *	when the guest comes back from a suspend that was not ours
 */
void sp_resume_init(void (*stock)(void));
void sp_resume_exit(void);

/* Every CPU stopped, interrupts off; the grant table is back. */
void sp_resume_stopped(void);
/* The same, with the kernel's core resumed: what CPUs had signalled each other is looked for. */
void sp_resume_ipis(void);
/* The CPUs run again; xenstore is suspended and the ticks are stopped. */
void sp_resume_early(void);
/*
 * The ticks run; xenstore is suspended. Brings it and the devices back. The caller sees that no
 * allocation waits for a disk.
 */
void sp_resume_late(void);

#endif /* SP_RESUME_H */
