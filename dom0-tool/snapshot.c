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

void snapshot_init(struct snapshot *snap, struct domain *dom, struct ram *mem)
{
	memset(snap, 0, sizeof(*snap));
	snap->dom = dom;
	snap->mem = mem;
}

static int snapshot_set_type(struct snapshot *snap, uint64_t pfn, uint64_t type)
{
	if (type > UINT32_MAX || !page_type_known(type))
		return msg_error("pfn %#llx has the unknown type %#llx", (unsigned long long)pfn,
				 (unsigned long long)type);
	if (page_type_has_data(type) && !snap->mem->page[pfn])
		return msg_error("pfn %#llx (machine frame %#llx) cannot be mapped",
				 (unsigned long long)pfn, (unsigned long long)snap->mem->p2m[pfn]);
	snap->types[pfn] = type;
	snap->pages += page_type_has_data(type);
	return 0;
}

/* @types has one place for each pfn; it becomes scratch. */
static int snapshot_ask_types(struct snapshot *snap, uint64_t *types)
{
	const uint64_t *p2m = snap->mem->p2m;
	uint64_t pfn;
	size_t n = 0;
	int ret;

	for (pfn = 0; pfn < snap->mem->size; pfn++)
		if (p2m[pfn] <= MFN_MAX)
			types[n++] = p2m[pfn];
	ret = snap->dom->ops->page_types(snap->dom, types, n);
	if (ret)
		return msg_error("cannot read the types of the guest's pages: %s", strerror(-ret));
	snap->pages = 0;
	for (pfn = 0, n = 0; pfn < snap->mem->size; pfn++)
		if (snapshot_set_type(snap, pfn,
				      p2m[pfn] <= MFN_MAX ? types[n++] : XEN_DOMCTL_PFINFO_XTAB))
			return -1;
	return 0;
}

int snapshot_types(struct snapshot *snap)
{
	uint64_t size = snap->mem->size;
	uint64_t *types = malloc(size * sizeof(*types));
	int ret;

	snap->types = malloc(size * sizeof(*snap->types));
	snap->copy = calloc(size, sizeof(*snap->copy));
	if (!types || !snap->types || !snap->copy)
		ret = msg_error("out of memory for the types of %llu pages",
				(unsigned long long)size);
	else
		ret = snapshot_ask_types(snap, types);
	free(types);
	return ret;
}

static bool snapshot_is_plain(const struct snapshot *snap, uint64_t pfn)
{
	return pfn < snap->mem->size && snap->types[pfn] == XEN_DOMCTL_PFINFO_NOTAB;
}

int snapshot_check_start_info(const struct snapshot *snap, uint64_t mfn)
{
	uint64_t pfn, store, console;
	start_info_t si;

	for (pfn = 0; pfn < snap->mem->size; pfn++)
		if (snap->mem->p2m[pfn] == mfn)
			break;
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

int snapshot_copy(struct snapshot *snap, const struct tracker *tracker, struct staging *staging)
{
	uint64_t pfn;
	bool table;

	for (pfn = 0; pfn < snap->mem->size; pfn++) {
		if (pfn % SNAPSHOT_CHECK == 0 && signals_check())
			return -1;
		if (!page_type_has_data(snap->types[pfn]) || !tracker->ops->must_copy(tracker, pfn))
			continue;
		table = page_type_level(snap->types[pfn]);
		snap->copy[pfn] = staging_page(staging, table);
		if (!snap->copy[pfn]) {
			if (table)
				return msg_error("out of memory for the guest's page tables");
			continue;
		}
		memcpy(snap->copy[pfn], snap->mem->page[pfn], PAGE_BYTES);
		snap->staged++;
	}
	return 0;
}

int snapshot_normalise(struct snapshot *snap, const struct inverse *inv)
{
	unsigned int level;
	uint64_t pfn;
	size_t i;

	for (i = 0; i < snap->nvcpus; i++)
		if (vcpu_normalise(&snap->vcpus[i], inv))
			return -1;
	for (pfn = 0; pfn < snap->mem->size; pfn++) {
		if (pfn % SNAPSHOT_CHECK == 0 && signals_check())
			return -1;
		level = page_type_level(snap->types[pfn]);
		if (level && pagetable_normalise(inv, level, pfn, (uint64_t *)snap->copy[pfn],
						 (uint64_t *)snap->copy[pfn]))
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
	free(snap->copy);
	memset(snap, 0, sizeof(*snap));
}
