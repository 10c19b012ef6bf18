// SPDX-License-Identifier: GPL-2.0
#include <stillpoint/park.h>

#include "msg.h"
#include "page.h"
#include "vcpu.h"

static int vcpu_frame(const struct vcpu_state *vcpu, const struct inverse *inv, const char *what,
		      uint64_t mfn, uint64_t *pfn)
{
	*pfn = inverse_pfn(inv, mfn);
	if (*pfn == INVALID_FRAME)
		return msg_error(
			"vCPU %u has machine frame %#llx in %s, which is not in the guest's p2m",
			vcpu->id, (unsigned long long)mfn, what);
	return 0;
}

static int vcpu_gdt(struct vcpu_state *vcpu, const struct inverse *inv)
{
	vcpu_guest_context_t *c = &vcpu->basic;
	unsigned int i, frames;
	uint64_t pfn;

	if (c->gdt_ents > FIRST_RESERVED_GDT_ENTRY)
		return msg_error("vCPU %u has %lu descriptor table entries, at most %u are allowed",
				 vcpu->id, (unsigned long)c->gdt_ents, FIRST_RESERVED_GDT_ENTRY);
	frames = (c->gdt_ents + ENTRIES_PER_PAGE - 1) / ENTRIES_PER_PAGE;
	for (i = 0; i < frames; i++) {
		if (vcpu_frame(vcpu, inv, "its descriptor table", c->gdt_frames[i], &pfn))
			return -1;
		c->gdt_frames[i] = pfn;
	}
	return 0;
}

int vcpu_normalise(struct vcpu_state *vcpu, const struct inverse *inv)
{
	vcpu_guest_context_t *c = &vcpu->basic;
	uint64_t pfn;

	if (vcpu->id == 0) {
		if (vcpu_frame(vcpu, inv, "rdx (start_info)", c->user_regs.rdx, &pfn))
			return -1;
		c->user_regs.rdx = pfn;
		c->user_regs.rax = STILLPOINT_RAX_RESTORED;
	}
	if (vcpu_gdt(vcpu, inv))
		return -1;
	if (vcpu_frame(vcpu, inv, "cr3", c->ctrlreg[3] >> PAGE_BITS, &pfn))
		return -1;
	c->ctrlreg[3] = pfn << PAGE_BITS;
	/* The user half's root is in cr1, with bit 0 as "valid" in the stream only. */
	if (c->ctrlreg[1]) {
		if (vcpu_frame(vcpu, inv, "cr1", c->ctrlreg[1] >> PAGE_BITS, &pfn))
			return -1;
		c->ctrlreg[1] = pfn << PAGE_BITS | 1;
	}
	return 0;
}
