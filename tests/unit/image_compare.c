// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "image_check.h"
#include "image_compare.h"
#include "pagetable.h"

static uint64_t *compare_p2m(struct machine *m, uint64_t pfn)
{
	uint64_t *l1 = machine_page(m, MACHINE_L1);
	uint64_t pte = l1[(MACHINE_P2M_VADDR >> 12 & 511) + pfn / ENTRIES_PER_PAGE];
	uint64_t *p2m = machine_frame(m, (pte & PTE_FRAME_MASK) >> PAGE_BITS);

	return &p2m[pfn % ENTRIES_PER_PAGE];
}

static uint32_t compare_type(struct machine *m, uint64_t pfn)
{
	uint64_t mfn = *compare_p2m(m, pfn);

	return mfn < m->nframes ? m->types[mfn] : XEN_DOMCTL_PFINFO_XTAB;
}

/* Put machine frames back into a table of the image, as a restore does it. */
static void compare_localise(struct machine *m, uint64_t *table)
{
	unsigned int i;

	for (i = 0; i < ENTRIES_PER_PAGE; i++) {
		uint64_t pfn = (table[i] & PTE_FRAME_MASK) >> PAGE_BITS;

		if (!(table[i] & PTE_PRESENT))
			continue;
		assert_true(pfn < m->pfns);
		table[i] = (table[i] & ~PTE_FRAME_MASK) | *compare_p2m(m, pfn) << PAGE_BITS;
	}
}

static bool compare_is_zero(const uint64_t *page)
{
	unsigned int i = 0;

	while (i < ENTRIES_PER_PAGE && !page[i])
		i++;
	return i == ENTRIES_PER_PAGE;
}

static void compare_page(struct machine *m, const struct parsed *p, uint64_t pfn)
{
	uint32_t type = compare_type(m, pfn);
	uint64_t want[ENTRIES_PER_PAGE], have[ENTRIES_PER_PAGE];

	if (p->order[pfn] == 0 || p->type[pfn] != type >> XEN_DOMCTL_PFINFO_LTAB_SHIFT)
		fail_msg("pfn %#lx has type %u in the image, %u in the guest", (unsigned long)pfn,
			 p->type[pfn], type >> XEN_DOMCTL_PFINFO_LTAB_SHIFT);
	if (!page_type_has_data(type))
		return;
	memcpy(want, machine_frame(m, *compare_p2m(m, pfn)), PAGE_BYTES);
	memcpy(have, p->page[pfn], PAGE_BYTES);
	if (page_type_level(type) == 4)
		memset(want + PAGETABLE_XEN_FIRST, 0, 16 * sizeof(*want));
	if (page_type_level(type))
		compare_localise(m, have);
	if (m->free[pfn] && compare_is_zero(have))
		return;
	if (memcmp(want, have, PAGE_BYTES))
		fail_msg("pfn %#lx is not in the image as the guest has it", (unsigned long)pfn);
}

void image_compare(const char *path, struct machine *m, struct parsed *p)
{
	struct image_info info;
	uint64_t pfn;
	int fd;

	fd = open(path, O_RDONLY);
	assert_works(image_check(fd, &info));
	assert_true(info.marked);
	free(info.config);
	close(fd);
	image_parse(path, p);
	assert_int_equal(p->max_pfn, m->pfns - 1);
	for (pfn = 0; pfn < p->np2m_frames; pfn++)
		assert_int_equal(compare_p2m(m, pfn * ENTRIES_PER_PAGE) -
					 (uint64_t *)machine_page(m, p->p2m_frames[pfn]),
				 0);
	for (pfn = 0; pfn < m->pfns; pfn++)
		compare_page(m, p, pfn);
}
