// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "msg.h"
#include "pagetable.h"
#include "signals.h"
#include "snapshot.h"
#include "vcpu.h"

/* Pages between two looks at the stop flag. */
#define SNAPSHOT_CHECK 1024

/* Pages that are copied together: 16 MiB, for all threads. */
#define SNAPSHOT_COPY 4096

void snapshot_init(struct snapshot *snap, struct domain *dom, struct ram *mem)
{
	memset(snap, 0, sizeof(*snap));
	snap->dom = dom;
	snap->mem = mem;
}

static void *snapshot_realloc(void *array, uint64_t n, size_t size)
{
	return realloc(array, (n ? n : 1) * size);
}

int snapshot_grow(struct snapshot *snap, uint64_t size)
{
	uint32_t *types = snapshot_realloc(snap->types, size, sizeof(*types)), *list;
	uint8_t **copy;

	if (types)
		snap->types = types;
	list = snapshot_realloc(snap->list, size, sizeof(*list));
	if (list)
		snap->list = list;
	copy = snapshot_realloc(snap->copy, size, sizeof(*copy));
	if (copy)
		snap->copy = copy;
	if (!types || !list || !copy)
		return msg_error("out of memory for the types of %llu pages",
				 (unsigned long long)size);
	for (; snap->room < size; snap->room++)
		snap->types[snap->room] = XEN_DOMCTL_PFINFO_XTAB;
	return 0;
}

static int snapshot_set_type(struct snapshot *snap, uint64_t pfn, uint64_t type)
{
	if (type > UINT32_MAX || !page_type_known(type))
		return msg_error("pfn %#llx has the unknown type %#llx", (unsigned long long)pfn,
				 (unsigned long long)type);
	if (page_type_has_data(type) && !snap->mem->page[pfn] && !ram_map(snap->mem, pfn))
		return msg_error("pfn %#llx (machine frame %#llx) cannot be mapped",
				 (unsigned long long)pfn, (unsigned long long)snap->mem->p2m[pfn]);
	snap->dropped += page_type_has_data(snap->types[pfn]) && !page_type_has_data(type);
	snap->types[pfn] = type;
	return 0;
}

/* Those of list entries @first to @end - 1, which are not more than SNAPSHOT_CHECK. */
static int snapshot_ask_types(struct snapshot *snap, uint64_t first, uint64_t end)
{
	const uint64_t *p2m = snap->mem->p2m;
	uint64_t types[SNAPSHOT_CHECK];
	uint64_t i, pfn;
	size_t n = 0;
	int ret;

	for (i = first; i < end; i++)
		if (p2m[snap->list[i]] <= MFN_MAX)
			types[n++] = p2m[snap->list[i]];
	ret = n ? snap->dom->ops->page_types(snap->dom, types, n) : 0;
	if (ret)
		return msg_error("cannot read the types of the guest's pages: %s", strerror(-ret));
	for (i = first, n = 0; i < end; i++) {
		pfn = snap->list[i];
		if (snapshot_set_type(snap, pfn,
				      p2m[pfn] <= MFN_MAX ? types[n++] : XEN_DOMCTL_PFINFO_XTAB))
			return -1;
	}
	return 0;
}

int snapshot_types(struct snapshot *snap, const struct bitmap *pending)
{
	uint64_t first, end, pfn;

	snap->n = 0;
	for (pfn = bitmap_next(pending, 0); pfn < pending->bits;
	     pfn = bitmap_next(pending, pfn + 1))
		snap->list[snap->n++] = pfn;
	for (first = 0; first < snap->n; first = end) {
		end = snap->n - first < SNAPSHOT_CHECK ? snap->n : first + SNAPSHOT_CHECK;
		if (signals_check() || snapshot_ask_types(snap, first, end))
			return -1;
	}
	return 0;
}

static bool snapshot_is_plain(const struct snapshot *snap, uint64_t pfn)
{
	return pfn < snap->mem->size && snap->types[pfn] == XEN_DOMCTL_PFINFO_NOTAB;
}

int snapshot_check_start_info(const struct snapshot *snap, const struct inverse *inv, uint64_t mfn)
{
	uint64_t pfn = inverse_pfn(inv, mfn), store, console;
	start_info_t si;

	/* It moved since; no guest is known to do that. */
	if (pfn == INVALID_FRAME)
		for (pfn = 0; pfn < snap->mem->size && snap->mem->p2m[pfn] != mfn; pfn++)
			;
	if (!snapshot_is_plain(snap, pfn))
		return msg_error("rdx of vCPU 0 (%#llx) is not the frame of start_info",
				 (unsigned long long)mfn);
	memcpy(&si, snap->mem->page[pfn], sizeof(si));
	store = si.store_mfn;
	console = si.console.domU.mfn;
	if (!snapshot_is_plain(snap, store) || !snapshot_is_plain(snap, console))
		return msg_error(
			"start_info names frames %#llx and %#llx, which are no pfns; the guest did not canonicalize them",
			(unsigned long long)store, (unsigned long long)console);
	return 0;
}

int snapshot_state(struct snapshot *snap, uint32_t max_vcpu_id)
{
	struct domain *dom = snap->dom;
	const shared_info_t *shinfo;
	uint32_t id;
	int ret;

	snap->vcpus = calloc((size_t)max_vcpu_id + 1, sizeof(*snap->vcpus));
	if (!snap->vcpus)
		return msg_error("out of memory for %u vCPUs", max_vcpu_id + 1);
	for (id = 0; id <= max_vcpu_id; id++) {
		ret = dom->ops->get_vcpu(dom, id, &snap->vcpus[snap->nvcpus]);
		if (ret < 0)
			return msg_error("cannot read vCPU %u: %s", id, strerror(-ret));
		snap->nvcpus += !ret;
	}
	if (!snap->nvcpus || snap->vcpus[0].id)
		return msg_error("vCPU 0 is offline");
	ret = dom->ops->tsc(dom, &snap->tsc);
	if (ret)
		return msg_error("cannot read the guest's time: %s", strerror(-ret));
	shinfo = dom->ops->shared_info(dom);
	if (!shinfo)
		return msg_error("cannot map the shared info page: %s", strerror(errno));
	memcpy(snap->shared_info, shinfo, sizeof(snap->shared_info));
	return 0;
}

/* Give list entry @i a place for its copy, if there is one. */
static int snapshot_place(struct snapshot *snap, struct staging *staging, uint64_t i,
			  uint64_t limit)
{
	uint32_t pfn = snap->list[i];
	bool must = page_type_level(snap->types[pfn]) || pfn >= limit;

	snap->copy[i] = NULL;
	if (!page_type_has_data(snap->types[pfn]))
		return 0;
	snap->copy[i] = staging_page(staging, must);
	if (!snap->copy[i] && must)
		return msg_error("out of memory for the guest's page tables");
	if (snap->copy[i])
		snap->staged++;
	else
		snap->spilled++;
	return 0;
}

/* Copy the list's entries @first to @end - 1; those without a copy are passed over. */
static void snapshot_copy_some(struct snapshot *snap, struct copier *copier, uint64_t first,
			       uint64_t end)
{
	const uint8_t *src[SNAPSHOT_COPY];
	uint8_t *dst[SNAPSHOT_COPY];
	uint64_t i;
	size_t n = 0;

	for (i = first; i < end; i++) {
		if (!snap->copy[i])
			continue;
		src[n] = snap->mem->page[snap->list[i]];
		dst[n++] = snap->copy[i];
	}
	copier_copy(copier, src, dst, n);
}

int snapshot_copy(struct snapshot *snap, struct copier *copier, struct staging *staging,
		  uint64_t limit)
{
	uint64_t first, end, i;

	for (first = 0; first < snap->n; first = end) {
		end = snap->n - first < SNAPSHOT_COPY ? snap->n : first + SNAPSHOT_COPY;
		if (signals_check())
			return -1;
		for (i = first; i < end; i++)
			if (snapshot_place(snap, staging, i, limit))
				return -1;
		snapshot_copy_some(snap, copier, first, end);
	}
	return 0;
}

int snapshot_normalise(struct snapshot *snap, const struct inverse *inv)
{
	unsigned int level;
	uint64_t i;

	for (i = 0; i < snap->nvcpus; i++)
		if (vcpu_normalise(&snap->vcpus[i], inv))
			return -1;
	for (i = 0; i < snap->n; i++) {
		if (i % SNAPSHOT_CHECK == 0 && signals_check())
			return -1;
		level = page_type_level(snap->types[snap->list[i]]);
		if (level &&
		    pagetable_normalise(inv, level, snap->list[i], (uint64_t *)snap->copy[i],
					(uint64_t *)snap->copy[i]))
			return -1;
	}
	return 0;
}

void snapshot_free(struct snapshot *snap)
{
	size_t i;

	for (i = 0; i < snap->nvcpus; i++)
		vcpu_state_free(&snap->vcpus[i]);
	free(snap->vcpus);
	free(snap->types);
	free(snap->list);
	free(snap->copy);
	memset(snap, 0, sizeof(*snap));
}
