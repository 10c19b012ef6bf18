// SPDX-License-Identifier: GPL-2.0
/* The image against the paused guest, page by page. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* xenctrl.h must be the first of Xen's headers: it makes the others the tools' variant. */
#include <xenctrl.h>

#include <xen/event_channel.h>

#include "msg.h"
#include "owner.h"
#include "pagetable.h"
#include "save_state.h"
#include "signals.h"

/* Pages whose types are asked for at once. */
#define AUDIT_TYPES 1024

/* Bytes that the hypervisor shares with a vCPU lie in one line (struct vcpu_info). */
#define AUDIT_LINE 64

/**
 * struct auditor - an audit under way
 * @types: type of each pfn now
 * @next: entry of the snapshot's list that comes next
 * @free: what the guest has free, read once more
 * @user: what processes map
 */
struct auditor {
	struct save *s;
	struct owners owners;
	uint32_t *types;
	uint64_t next;
	struct free_pages free;
	struct bitmap user;
	uint8_t guest[PAGE_BYTES];
	uint8_t image[PAGE_BYTES];
};

static int audit_ask_types(struct auditor *a)
{
	const struct ram *mem = &a->s->mem;
	uint64_t types[AUDIT_TYPES], pfns[AUDIT_TYPES];
	uint64_t pfn = 0;
	size_t n, i;
	int ret;

	while (pfn < mem->size) {
		for (n = 0; pfn < mem->size && n < AUDIT_TYPES; pfn++) {
			a->types[pfn] = XEN_DOMCTL_PFINFO_XTAB;
			if (mem->p2m[pfn] > MFN_MAX)
				continue;
			pfns[n] = pfn;
			types[n++] = mem->p2m[pfn];
		}
		ret = n ? a->s->dom->ops->page_types(a->s->dom, types, n) : 0;
		if (ret)
			return msg_error("cannot read the types of the guest's pages: %s",
					 strerror(-ret));
		for (i = 0; i < n; i++)
			a->types[pfns[i]] = types[i];
	}
	return 0;
}

/* What the image has of @pfn. *round becomes the one in which it was copied. */
static int audit_read(struct auditor *a, uint64_t pfn, unsigned int *round)
{
	const struct snapshot *snap = &a->s->snap;

	*round = a->s->audit.round[pfn];
	while (a->next < snap->n && snap->list[a->next] < pfn)
		a->next++;
	if (a->next < snap->n && snap->list[a->next] == pfn) {
		*round = AUDIT_PAUSED;
		if (snap->copy[a->next]) {
			memcpy(a->image, snap->copy[a->next], PAGE_BYTES);
			return 0;
		}
	}
	return a->s->img->ops->read(a->s->img, pfn, a->image);
}

/* The first byte that differs, or PAGE_BYTES; *end is behind the last one. */
static unsigned int audit_bytes(struct auditor *a, uint64_t pfn, unsigned int *end)
{
	const unsigned int first = PAGETABLE_XEN_FIRST * sizeof(uint64_t);
	const unsigned int last = (PAGETABLE_XEN_LAST + 1) * sizeof(uint64_t);
	unsigned int i;

	*end = PAGE_BYTES;
	if (!a->s->mem.page[pfn])
		return 0;
	memcpy(a->guest, a->s->mem.page[pfn], PAGE_BYTES);
	/* Not the guest's; the image has nothing there in the end. */
	if (page_type_level(a->types[pfn]) == 4)
		memcpy(a->guest + first, a->image + first, last - first);
	if (!memcmp(a->guest, a->image, PAGE_BYTES))
		return PAGE_BYTES;
	for (; a->guest[*end - 1] == a->image[*end - 1]; (*end)--)
		;
	for (i = 0; a->guest[i] == a->image[i]; i++)
		;
	return i;
}

static void audit_tell(struct auditor *a, const struct audit_miss *miss)
{
	struct audit_result *res = &a->s->res->audit;

	if (miss->late)
		res->late++;
	else
		res->missed++;
	if (res->told < AUDIT_TOLD)
		res->miss[res->told++] = *miss;
}

/* Words of the FIFO event channels: flags and a link, and nothing between them. */
static bool audit_is_events(const uint8_t *page)
{
	const uint32_t known = UINT32_C(1) << EVTCHN_FIFO_PENDING |
			       UINT32_C(1) << EVTCHN_FIFO_MASKED |
			       UINT32_C(1) << EVTCHN_FIFO_LINKED | UINT32_C(1) << EVTCHN_FIFO_BUSY |
			       EVTCHN_FIFO_LINK_MASK;
	event_word_t word;
	unsigned int i;

	for (i = 0; i < PAGE_BYTES; i += sizeof(word)) {
		memcpy(&word, page + i, sizeof(word));
		if (word & ~known)
			return false;
	}
	return true;
}

/* Only a backend or the hypervisor writes to a guest that is paused. */
static bool audit_is_late(const struct auditor *a, const struct audit_miss *miss, unsigned int end)
{
	if (miss->type != miss->image_type || miss->round != AUDIT_PAUSED)
		return false;
	return grants_has(&a->owners.grants, miss->mfn) ||
	       miss->offset / AUDIT_LINE == (end - 1) / AUDIT_LINE ||
	       (audit_is_events(a->guest) && audit_is_events(a->image));
}

/* What the image has as free must be so, and no process may have a use for it. */
static void audit_free_page(struct auditor *a, const struct audit_miss *miss)
{
	a->s->res->audit.free++;
	if (miss->type != miss->image_type || !bitmap_test(&a->free.now, miss->pfn) ||
	    bitmap_test(&a->user, miss->pfn))
		audit_tell(a, miss);
}

static int audit_page(struct auditor *a, uint64_t pfn)
{
	struct audit_miss miss = {
		.pfn = pfn,
		.mfn = a->s->mem.p2m[pfn],
		.type = a->types[pfn],
		.image_type = a->s->snap.types[pfn],
		.owner = OWNER_UNKNOWN,
		.offset = PAGE_BYTES,
	};
	unsigned int end = 0;

	if (bitmap_test(&a->s->free.image, pfn)) {
		audit_free_page(a, &miss);
		return 0;
	}
	if (page_type_has_data(miss.image_type)) {
		a->s->res->audit.pages++;
		if (audit_read(a, pfn, &miss.round))
			return -1;
		miss.offset = audit_bytes(a, pfn, &end);
	}
	if (miss.offset == PAGE_BYTES && miss.type == miss.image_type)
		return 0;
	miss.late = audit_is_late(a, &miss, end);
	audit_tell(a, &miss);
	return 0;
}

static int audit_find_free(struct auditor *a)
{
	struct save *s = a->s;

	if (free_pages_grow(&a->free, s->mem.size) || bitmap_grow(&a->user, s->mem.size) ||
	    free_pages_read(&a->free, s->channel, &s->mem, &s->granted))
		return -1;
	owners_mark_user(&a->owners, &s->inverse, &a->user);
	return 0;
}

static int audit_all(struct auditor *a)
{
	struct audit_result *res = &a->s->res->audit;
	uint64_t pfn;
	unsigned int i;

	if (audit_ask_types(a))
		return -1;
	owners_init(&a->owners, a->s->dom, &a->s->mem, a->types);
	if (audit_find_free(a))
		return -1;
	for (pfn = 0; pfn < a->s->mem.size; pfn++)
		if ((pfn % AUDIT_TYPES == 0 && signals_check()) || audit_page(a, pfn))
			return -1;
	for (i = 0; i < res->told; i++)
		res->miss[i].owner = owners_find(&a->owners, res->miss[i].pfn);
	if (res->missed)
		return msg_error(
			"the image differs from the guest in %llu of %llu pages; it was not kept",
			(unsigned long long)res->missed, (unsigned long long)res->pages);
	return 0;
}

int save_audit(struct save *s)
{
	struct auditor *a = calloc(1, sizeof(*a));
	int ret = -1;

	if (a)
		a->types = malloc(s->mem.size * sizeof(*a->types));
	if (!a || !a->types) {
		msg_error("out of memory for the audit");
		goto out;
	}
	a->s = s;
	ret = audit_all(a);
	owners_free(&a->owners);
	free_pages_free(&a->free);
	bitmap_free(&a->user);
out:
	if (a)
		free(a->types);
	free(a);
	return ret;
}
