// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "patches.h"

#define PATCHES_MAX 256

static struct machine *m;

/* The machine and its arrays as they were built. */
static struct machine built;
static uint8_t *built_mem;
static uint32_t *built_types;

static struct patch patches[PATCHES_MAX];
static size_t npatches;
static unsigned int event;

static void *patches_copy(const void *data, size_t size)
{
	void *copy = malloc(size);

	fuzz_check(copy);
	memcpy(copy, data, size);
	return copy;
}

static void patches_build(void)
{
	m = machine_build(PATCHES_PFNS);
	machine_track(m);
	machine_tell_free(m);
	built = *m;
	built_mem = patches_copy(m->mem, m->nframes * PAGE_BYTES);
	built_types = patches_copy(m->types, m->nframes * sizeof(*m->types));
}

static void patches_rebuild(void)
{
	*m = built;
	memcpy(m->mem, built_mem, m->nframes * PAGE_BYTES);
	memcpy(m->types, built_types, m->nframes * sizeof(*m->types));
	memset(m->dirty, 0, m->pfns * sizeof(*m->dirty));
	memset(m->log, 0, m->pfns * sizeof(*m->log));
	memset(m->free, 0, m->pfns * sizeof(*m->free));
}

/* The value for the @i-th word, which is @old. */
static uint64_t patch_value(const struct patch *p, unsigned int i, uint64_t old)
{
	uint64_t value = p->value + (uint64_t)i * p->step;

	switch (p->form % FORMS) {
	case FORM_FRAME:
		return built.p2m_mfn[value % built.pfns];
	case FORM_ENTRY:
		return built.p2m_mfn[(uint32_t)value % built.pfns] << PAGE_BITS |
		       (value >> 32 & 0xfff) | (value & UINT64_C(0xfff) << 52);
	case FORM_XOR:
		return old ^ value;
	case FORM_ADD:
		return old + value;
	default:
		return value;
	}
}

/* Word @index of @words words that a guest may write. */
static void patch_word(const struct patch *p, unsigned int i, void *base, size_t words,
		       size_t index)
{
	uint64_t value;

	memcpy(&value, (uint8_t *)base + index % words * sizeof(value), sizeof(value));
	value = patch_value(p, i, value);
	memcpy((uint8_t *)base + index % words * sizeof(value), &value, sizeof(value));
}

static void patch_anchor(const struct patch *p, unsigned int i)
{
	struct arch_shared_info *arch = &machine_shared_info(m)->arch;
	unsigned long *const fields[] = {
		[ANCHOR_MAX_PFN] = &arch->max_pfn,
		[ANCHOR_CR3] = &arch->p2m_cr3,
		[ANCHOR_VADDR] = &arch->p2m_vaddr,
		[ANCHOR_TREE] = &arch->pfn_to_mfn_frame_list_list,
		[ANCHOR_GENERATION] = &arch->p2m_generation,
	};
	unsigned long *field = fields[(p->where + i) % ANCHORS];

	*field = patch_value(p, i, *field);
}

static void patch_module(const struct patch *p)
{
	m->module = p->value % (MODULE_LEAVES + 1);
	m->track = p->where % (TRACK_FAILS + 1);
	m->error = p->step;
	m->tsc_looks = p->count % 4;
}

/* Xen's types are the highest 4 bits; it tells no others. */
static void patch_type(const struct patch *p, unsigned int i)
{
	uint64_t pfn = (p->where + i) % m->pfns;

	m->types[m->p2m_mfn[pfn]] = (uint32_t)patch_value(p, i, 0) << XEN_DOMCTL_PFINFO_LTAB_SHIFT;
}

static void patch_do(const struct patch *p, unsigned int i)
{
	uint64_t pfn = (p->where + i) / ENTRIES_PER_PAGE % m->pfns;

	switch (p->what % PATCH_WHATS) {
	case PATCH_PAGE:
		patch_word(p, i, machine_page(m, pfn), ENTRIES_PER_PAGE, p->where + i);
		break;
	case PATCH_CONTROL:
		patch_word(p, i, machine_guest_half(m), sizeof(struct stillpoint_guest_half) / 8,
			   p->where + i);
		break;
	case PATCH_ANCHOR:
		patch_anchor(p, i);
		break;
	case PATCH_TYPE:
		patch_type(p, i);
		break;
	case PATCH_VCPU:
		patch_word(p, i, m->vcpu, sizeof(m->vcpu) / 8, p->where + i);
		break;
	case PATCH_VCPUS:
		m->online[p->where % 2] = p->value % 2;
		break;
	case PATCH_GRANT:
		m->granted = patch_value(p, i, m->granted);
		break;
	case PATCH_MODULE:
		patch_module(p);
		break;
	case PATCH_FREE:
		m->free[(p->where + i) % m->pfns] = p->value % 2;
		break;
	}
}

static void patches_make(void)
{
	unsigned int i;
	size_t n;

	for (n = 0; n < npatches; n++)
		for (i = 0; patches[n].when == event && i <= patches[n].count; i++)
			patch_do(&patches[n], i);
}

struct machine *patches_begin(const uint8_t *data, size_t size)
{
	if (!m)
		patches_build();
	patches_rebuild();
	npatches = size / sizeof(*patches);
	if (npatches > PATCHES_MAX)
		npatches = PATCHES_MAX;
	if (npatches)
		memcpy(patches, data, npatches * sizeof(*patches));
	event = 0;
	patches_make();
	return m;
}

void patches_event(void)
{
	event++;
	patches_make();
}
