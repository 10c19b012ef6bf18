/* SPDX-License-Identifier: GPL-2.0 */
/*
 * u64 stillpoint_spin(u64 generation, u64 magic, u64 start_info, u64 deadline)
 *
 * Spins until dom0 puts a value into rax or the TSC reaches the deadline.
 * Returns what dom0 put there, or 0 past the deadline. The registers that dom0
 * and libxc look at are those of include/stillpoint/park.h; the arguments
 * arrive in them.
 *
 * rdtsc overwrites rax and rdx, so the contract holds only inside the window.
 * The window ends before the branch that acts on the test: wherever in it dom0
 * finds rip, the test is still to come and sees the new rax.
 */
#include <linux/linkage.h>
#include <linux/objtool.h>

#define SPINS_PER_TSC_READ	64

SYM_FUNC_START(stillpoint_spin)
	mov	%rcx, %r8			/* deadline */
	mov	%rdx, %r9			/* start_info, kept over rdtsc */
.Lagain:
	xor	%eax, %eax
	mov	$SPINS_PER_TSC_READ, %ecx
SYM_INNER_LABEL(stillpoint_window_start, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR			/* an address to compare with */
	pause
	dec	%ecx
	jnz	stillpoint_window_start
	test	%rax, %rax
SYM_INNER_LABEL(stillpoint_window_end, SYM_L_GLOBAL)
	ANNOTATE_NOENDBR
	jnz	.Lout
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	mov	%r9, %rdx
	cmp	%r8, %rax
	jb	.Lagain
	xor	%eax, %eax
.Lout:
	RET
SYM_FUNC_END(stillpoint_spin)
