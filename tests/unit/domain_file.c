// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* memfd_create */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <stillpoint/park.h>
#include <stillpoint/xenstore.h>

#include "clock.h"
#include "domain_file.h"
#include "msg.h"
#include "pagetable.h"

struct channel_file {
	struct channel ch;
	struct machine *m;
};

static struct machine *machine_of(struct domain *dom)
{
	return (struct machine *)dom;
}

/* Returns -EIO when the test wants this operation to fail, else 0. */
static int machine_fails(struct machine *m, enum machine_op op)
{
	unsigned int call = m->calls[op]++;

	return m->fail_op == op && call >= m->fail_after ? -EIO : 0;
}

struct stillpoint_guest_half *machine_guest_half(struct machine *m)
{
	return machine_frame(m, m->control_mfn);
}

struct stillpoint_host_half *machine_host_half(struct machine *m)
{
	return (void *)((char *)machine_frame(m, m->control_mfn) + STILLPOINT_HOST_OFFSET);
}

shared_info_t *machine_shared_info(struct machine *m)
{
	return machine_frame(m, m->shared_info_mfn);
}

void machine_set_p2m(struct machine *m, uint64_t pfn, uint64_t mfn)
{
	uint64_t *p2m = machine_page(m, m->p2m + pfn / ENTRIES_PER_PAGE);

	p2m[pfn % ENTRIES_PER_PAGE] = mfn;
}

void machine_mark(struct machine *m, uint64_t pfn)
{
	m->dirty[pfn] = true;
	m->log[pfn] = true;
}

void machine_write(struct machine *m, uint64_t pfn, uint8_t byte)
{
	memset(machine_page(m, pfn), byte, PAGE_BYTES);
	machine_mark(m, pfn);
}

void machine_track(struct machine *m)
{
	struct stillpoint_guest_half *g = machine_guest_half(m);

	m->track = TRACK_WORKS;
	g->features |= STILLPOINT_FEATURE_TRACK;
	g->bitmap_pfns = m->pfns;
	g->bitmap_dir[0] = MACHINE_DIR;
}

/* Frames of the p2m, of the tables that map it, and of the bitmap. */
static uint64_t machine_p2m_frames(const struct machine *m)
{
	return (m->pfns + ENTRIES_PER_PAGE - 1) / ENTRIES_PER_PAGE;
}

static uint64_t machine_l1_frames(const struct machine *m)
{
	return (machine_p2m_frames(m) + ENTRIES_PER_PAGE - 1) / ENTRIES_PER_PAGE;
}

static uint64_t machine_bitmap_frames(const struct machine *m)
{
	return (m->pfns + PAGE_BYTES * 8 - 1) / (PAGE_BYTES * 8);
}

static bool machine_is_table(const struct machine *m, uint64_t pfn)
{
	return page_type_level(m->types[m->p2m_mfn[pfn]]);
}

void machine_tell_free(struct machine *m)
{
	struct stillpoint_guest_half *g = machine_guest_half(m);

	assert(m->pfns <= STILLPOINT_BITMAP_PAGE_BITS);
	g->features |= STILLPOINT_FEATURE_FREE;
	g->free_pfns = m->pfns;
	g->free_dir[0] = MACHINE_FREE_DIR;
	*(uint64_t *)machine_page(m, MACHINE_FREE_DIR) = MACHINE_FREE;
	machine_mark(m, MACHINE_FREE_DIR);
}

void machine_free_pages(struct machine *m, uint64_t first, uint64_t count)
{
	memset(m->free + first, true, count);
}

static void machine_make_free(struct machine *m)
{
	struct stillpoint_guest_half *g = machine_guest_half(m);
	uint64_t *bits = machine_page(m, MACHINE_FREE);
	uint64_t pfn;

	if (!(g->features & STILLPOINT_FEATURE_FREE))
		return;
	memset(bits, 0, PAGE_BYTES);
	g->free_us = 55;
	for (pfn = 0; pfn < m->pfns; pfn++)
		if (m->free[pfn])
			bits[pfn / 64] |= UINT64_C(1) << pfn % 64;
	machine_mark(m, MACHINE_FREE);
}

/* Bring what was written since the last set into the bitmap. */
static void machine_make_set(struct machine *m)
{
	struct stillpoint_guest_half *g = machine_guest_half(m);
	uint64_t *dir = machine_page(m, MACHINE_DIR), *bits;
	uint64_t pfn, i;

	if (m->on_harvest)
		m->on_harvest(m);
	machine_make_free(m);
	/* The bitmap is memory of the guest, too. */
	machine_mark(m, MACHINE_DIR);
	memset(dir, 0, PAGE_BYTES);
	for (i = 0; i < machine_bitmap_frames(m); i++) {
		machine_mark(m, m->bitmap + i);
		dir[i] = i ? m->bitmap + i : m->entry;
		memset(machine_page(m, m->bitmap + i), 0, PAGE_BYTES);
	}
	g->set_pages = 0;
	for (pfn = 0; pfn < m->pfns; pfn++) {
		if (pfn == m->forget || !(m->dirty[pfn] || machine_is_table(m, pfn)))
			continue;
		bits = machine_page(m, m->bitmap + pfn / (PAGE_BYTES * 8));
		bits[pfn / 64 % ENTRIES_PER_PAGE] |= UINT64_C(1) << pfn % 64;
		g->set_pages++;
	}
	memset(m->dirty, 0, m->pfns * sizeof(*m->dirty));
	g->harvests++;
	g->harvest_us = 77;
}

/* What the module does: see kernel/park.c. */
void machine_park(struct machine *m, uint32_t number)
{
	struct stillpoint_guest_half *g = machine_guest_half(m);
	start_info_t *si = machine_page(m, MACHINE_START_INFO);
	struct cpu_user_regs *regs = &m->vcpu[0].user_regs;

	si->store_mfn = MACHINE_STORE;
	si->console.domU.mfn = MACHINE_CONSOLE;
	g->generation++;
	g->taken = number;
	regs->rip = MACHINE_WINDOW_START + 4;
	regs->rax = STILLPOINT_RAX_PARKED;
	regs->rdx = m->p2m_mfn[MACHINE_START_INFO];
	regs->rsi = STILLPOINT_PARK_MAGIC;
	regs->rdi = g->generation;
	machine_mark(m, MACHINE_START_INFO);
	if (g->epoch)
		machine_make_set(m);
	else
		machine_make_free(m);
	g->state = STILLPOINT_STATE_PARKED;
}

static void machine_done(struct machine *m, uint32_t result, uint32_t error)
{
	struct stillpoint_guest_half *g = machine_guest_half(m);

	if (result == STILLPOINT_RESULT_CHECKPOINT) {
		g->checkpoints++;
		g->last_park_us = 1234;
		g->park_stop_us = 200;
		g->park_run_us = 100;
	}
	if (result == STILLPOINT_RESULT_CHECKPOINT || result == STILLPOINT_RESULT_ABANDONED)
		g->epoch = 0;
	g->result = result;
	g->error = error;
	g->state = STILLPOINT_STATE_IDLE;
	g->done = g->taken;
	m->vcpu[0].user_regs.rip = 0xffffffff81000000;
}

void machine_pass_deadline(struct machine *m)
{
	if (!m->pauses && machine_guest_half(m)->state == STILLPOINT_STATE_PARKED &&
	    m->vcpu[0].user_regs.rax == STILLPOINT_RAX_PARKED)
		machine_done(m, STILLPOINT_RESULT_ABANDONED, 0);
}

static void machine_harvest(struct machine *m)
{
	static uint32_t epochs = 40;
	struct stillpoint_guest_half *g = machine_guest_half(m);

	if (m->track == TRACK_SILENT)
		return;
	g->taken = machine_host_half(m)->request;
	if (m->track == TRACK_FAILS) {
		machine_done(m, STILLPOINT_RESULT_FAILED, m->error);
		return;
	}
	if (!g->epoch) {
		g->epoch = ++epochs;
		g->harvests = 0;
		memset(m->dirty, 0, m->pfns * sizeof(*m->dirty));
	}
	machine_make_set(m);
	machine_done(m, STILLPOINT_RESULT_HARVESTED, 0);
}

static void machine_asked(struct machine *m)
{
	struct stillpoint_guest_half *g = machine_guest_half(m);
	struct stillpoint_host_half *h = machine_host_half(m);

	if (stillpoint_seq_after(h->request, g->taken) && h->op == STILLPOINT_OP_HARVEST) {
		machine_harvest(m);
		return;
	}
	if (stillpoint_seq_after(h->request, g->taken) && h->op == STILLPOINT_OP_UNTRACK) {
		g->taken = h->request;
		g->epoch = 0;
		machine_done(m, STILLPOINT_RESULT_UNTRACKED, 0);
		return;
	}
	if (!stillpoint_seq_after(h->request, g->taken)) {
		if (m->module == MODULE_LATE && h->cancel == h->request && h->cancel)
			machine_park(m, h->request);
		return;
	}
	switch (m->module) {
	case MODULE_PARKS:
	case MODULE_LEAVES:
		machine_park(m, h->request);
		break;
	case MODULE_SILENT:
		break;
	case MODULE_LATE:
		if (h->cancel == h->request)
			machine_park(m, h->request);
		break;
	case MODULE_FAILS:
	case MODULE_CANCELS:
		g->taken = h->request;
		machine_done(m,
			     m->module == MODULE_FAILS ? STILLPOINT_RESULT_FAILED :
							 STILLPOINT_RESULT_CANCELLED,
			     m->error);
		break;
	}
}

static int file_info(struct domain *dom, struct domain_info *info)
{
	struct machine *m = machine_of(dom);

	if (machine_fails(m, OP_INFO))
		return -EIO;
	*info = m->info;
	info->paused |= m->pauses > 0;
	return 0;
}

static int file_pause(struct domain *dom)
{
	struct machine *m = machine_of(dom);

	if (machine_fails(m, OP_PAUSE))
		return -EIO;
	if (m->module == MODULE_LEAVES)
		machine_done(m, STILLPOINT_RESULT_ABANDONED, 0);
	m->total_pauses++;
	if (m->pauses++ == 0 && m->on_pause)
		m->on_pause(m);
	return 0;
}

static int file_unpause(struct domain *dom)
{
	struct machine *m = machine_of(dom);

	assert(m->pauses > 0);
	if (--m->pauses)
		return 0;
	if (machine_guest_half(m)->state == STILLPOINT_STATE_PARKED &&
	    m->vcpu[0].user_regs.rax == STILLPOINT_RAX_RUN_ON)
		machine_done(m, STILLPOINT_RESULT_CHECKPOINT, 0);
	if (m->on_run)
		m->on_run(m);
	return 0;
}

static void file_disown(struct domain *dom)
{
	machine_of(dom)->disowned = true;
}

static int file_get_regs(struct domain *dom, uint32_t vcpu, vcpu_guest_context_t *regs)
{
	struct machine *m = machine_of(dom);

	if (machine_fails(m, OP_GET_REGS))
		return -EIO;
	*regs = m->vcpu[vcpu];
	if (m->tsc_looks) {
		m->tsc_looks--;
		regs->user_regs.rip = MACHINE_WINDOW_END;
	}
	return 0;
}

/* As in Xen, the extended state is what the basic context holds of it: nothing here. */
static int file_set_regs(struct domain *dom, uint32_t vcpu, const vcpu_guest_context_t *regs)
{
	struct machine *m = machine_of(dom);

	if (machine_fails(m, OP_SET_REGS))
		return -EIO;
	assert(m->pauses > 0);
	m->vcpu[vcpu] = *regs;
	memset(m->xsave[vcpu], 0, sizeof(m->xsave[vcpu]));
	return 0;
}

static int file_get_blob(struct blob *b, const void *data, size_t size)
{
	blob_free(b);
	b->data = malloc(size);
	assert(b->data);
	memcpy(b->data, data, size);
	b->size = size;
	return 0;
}

static int file_get_xsave(struct domain *dom, uint32_t vcpu, struct blob *xsave)
{
	struct machine *m = machine_of(dom);

	if (machine_fails(m, OP_GET_XSAVE))
		return -EIO;
	return file_get_blob(xsave, m->xsave[vcpu], sizeof(m->xsave[vcpu]));
}

static int file_set_xsave(struct domain *dom, uint32_t vcpu, const struct blob *xsave)
{
	struct machine *m = machine_of(dom);

	if (machine_fails(m, OP_SET_XSAVE))
		return -EIO;
	assert(xsave->size == sizeof(m->xsave[vcpu]));
	memcpy(m->xsave[vcpu], xsave->data, xsave->size);
	return 0;
}

static int file_get_vcpu(struct domain *dom, uint32_t vcpu, struct vcpu_state *state)
{
	static const char extended[] = "extended", msrs[] = "a 16 byte record";
	struct machine *m = machine_of(dom);

	if (machine_fails(m, OP_GET_VCPU))
		return -EIO;
	if (vcpu >= 2 || !m->online[vcpu])
		return 1;
	memset(state, 0, sizeof(*state));
	state->id = vcpu;
	state->basic = m->vcpu[vcpu];
	file_get_blob(&state->extended, extended, sizeof(extended));
	file_get_blob(&state->xsave, m->xsave[vcpu], sizeof(m->xsave[vcpu]));
	file_get_blob(&state->msrs, msrs, 16);
	return 0;
}

static bool file_can_map(const struct machine *m, uint64_t mfn)
{
	return mfn < m->nframes &&
	       (m->types[mfn] != XEN_DOMCTL_PFINFO_XTAB || mfn == m->shared_info_mfn);
}

/*
 * Map frames from *@mfns on that follow each other, @n at most. Returns their number, 0 if
 * this process may have no more mappings.
 */
static size_t file_map_run(const struct machine *m, const uint64_t *mfns, size_t n, uint8_t *addr)
{
	size_t run = 1;

	while (run < n && mfns[run] == mfns[0] + run && file_can_map(m, mfns[run]))
		run++;
	/* As Xen maps pages: they are there at once. */
	if (mmap(addr, run * PAGE_BYTES, PROT_READ, MAP_SHARED | MAP_FIXED | MAP_POPULATE, m->fd,
		 mfns[0] * PAGE_BYTES) == MAP_FAILED)
		return 0;
	return run;
}

static void *file_map(struct domain *dom, const uint64_t *mfns, size_t n, int *err)
{
	struct machine *m = machine_of(dom);
	uint8_t *addr;
	size_t i, run;

	if (machine_fails(m, OP_MAP)) {
		errno = EIO;
		return NULL;
	}
	addr = mmap(NULL, n * PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (addr == MAP_FAILED)
		return NULL;
	for (i = 0; i < n; i += run) {
		run = 1;
		err[i] = file_can_map(m, mfns[i]) ? 0 : -EINVAL;
		if (err[i])
			continue;
		run = file_map_run(m, mfns + i, n - i, addr + i * PAGE_BYTES);
		if (!run) {
			munmap(addr, n * PAGE_BYTES);
			errno = ENOMEM;
			return NULL;
		}
		memset(err + i, 0, run * sizeof(*err));
	}
	m->mapped += n;
	return addr;
}

static void file_unmap(struct domain *dom, void *addr, size_t n)
{
	machine_of(dom)->mapped -= n;
	munmap(addr, n * PAGE_BYTES);
}

static int file_page_types(struct domain *dom, uint64_t *frames, size_t n)
{
	struct machine *m = machine_of(dom);
	size_t i;

	if (machine_fails(m, OP_TYPES))
		return -EIO;
	if (m->on_types)
		m->on_types(m);
	for (i = 0; i < n; i++)
		frames[i] = frames[i] < m->nframes ? m->types[frames[i]] : XEN_DOMCTL_PFINFO_XTAB;
	return 0;
}

static int file_logdirty(struct domain *dom, enum domain_logdirty op, uint64_t *bitmap,
			 uint64_t pfns)
{
	struct machine *m = machine_of(dom);
	uint64_t pfn;

	if (op == DOMAIN_LOGDIRTY_OFF) {
		m->logging = false;
		return 0;
	}
	if (machine_fails(m, op == DOMAIN_LOGDIRTY_ON ? OP_LOGDIRTY_ON : OP_LOGDIRTY_CLEAN))
		return -EOPNOTSUPP;
	if (op == DOMAIN_LOGDIRTY_ON) {
		if (m->logging)
			return -EINVAL;
		m->logging = true;
		m->logs_on++;
	}
	/* As in Xen: without a log there is an empty set, and no error. */
	for (pfn = 0; op == DOMAIN_LOGDIRTY_CLEAN && pfn < pfns && pfn < m->pfns; pfn++)
		if (m->logging && m->log[pfn])
			bitmap[pfn / 64] |= UINT64_C(1) << pfn % 64;
	memset(m->log, 0, m->pfns * sizeof(*m->log));
	return 0;
}

static int file_granted(struct domain *dom, uint64_t **mfns, size_t *n)
{
	struct machine *m = machine_of(dom);

	if (machine_fails(m, OP_GRANTED))
		return -EIO;
	*mfns = malloc(2 * sizeof(**mfns));
	assert(*mfns);
	(*mfns)[0] = m->granted;
	(*mfns)[1] = 1;
	*n = m->granted ? 2 : 0;
	return 0;
}

static int file_tsc(struct domain *dom, struct tsc_state *tsc)
{
	if (machine_fails(machine_of(dom), OP_TSC))
		return -EIO;
	*tsc = (struct tsc_state){ .mode = 1, .khz = 2000000, .nsec = 123456789, .incarnation = 3 };
	return 0;
}

static int file_policy(struct domain *dom, struct blob *cpuid, struct blob *msrs)
{
	static const xen_cpuid_leaf_t leaf = { .leaf = 7, .a = 1, .b = 2, .c = 3, .d = 4 };
	static const xen_msr_entry_t msr = { .idx = 0xce, .val = 0x80000000 };

	if (machine_fails(machine_of(dom), OP_POLICY))
		return -EIO;
	file_get_blob(cpuid, &leaf, sizeof(leaf));
	return file_get_blob(msrs, &msr, sizeof(msr));
}

static int file_config(struct domain *dom, char **json)
{
	if (machine_fails(machine_of(dom), OP_CONFIG))
		return -EIO;
	*json = strdup(machine_of(dom)->config ?
			       machine_of(dom)->config :
			       "{\"c_info\":{\"type\":\"pv\",\"name\":\"file\"}}");
	return 0;
}

static const shared_info_t *file_shared_info(struct domain *dom)
{
	struct machine *m = machine_of(dom);

	if (machine_fails(m, OP_SHARED_INFO)) {
		errno = EIO;
		return NULL;
	}
	return machine_shared_info(m);
}

static int file_published(struct domain *dom, struct publish *pub)
{
	(void)dom;
	*pub = (struct publish){ .abi = STILLPOINT_ABI_VERSION, .ref = 8, .port = 3 };
	return 0;
}

static int file_notify(struct channel *ch)
{
	machine_asked(((struct channel_file *)ch)->m);
	return 0;
}

static int file_wait(struct channel *ch, uint64_t us)
{
	(void)ch;
	clock_sleep_us(us);
	return 0;
}

static void file_close_channel(struct channel *ch)
{
	((struct channel_file *)ch)->m->channels--;
	free(ch);
}

static const struct channel_ops file_channel_ops = {
	.notify = file_notify,
	.wait = file_wait,
	.close = file_close_channel,
};

static int file_channel(struct domain *dom, const struct publish *pub, bool bind,
			struct channel **channel)
{
	struct machine *m = machine_of(dom);
	struct channel_file *cf = calloc(1, sizeof(*cf));

	(void)pub;
	assert(cf);
	cf->ch.ops = &file_channel_ops;
	cf->ch.guest = machine_guest_half(m);
	cf->ch.host = bind ? machine_host_half(m) : NULL;
	cf->m = m;
	m->channels++;
	*channel = &cf->ch;
	return 0;
}

static int file_tmem(struct domain *dom, bool ephemeral, struct pool_export **exp)
{
	struct machine *m = machine_of(dom);

	*exp = NULL;
	return m->tmem ? m->tmem(m, ephemeral, exp) : 0;
}

static int file_quiesce(struct domain *dom, enum quiesce_use use, struct quiesce_page **page)
{
	return quiesce_fake_open(&machine_of(dom)->quiesce, use, page);
}

static int file_disks(struct domain *dom, struct disks *disks)
{
	const char *const *file = machine_of(dom)->disk_files;
	char vdev[] = "xvda";

	memset(disks, 0, sizeof(*disks));
	for (; file && *file; file++, vdev[3]++) {
		if (!disks_add(disks, vdev, *file, "raw", false))
			continue;
		disks_free(disks);
		return -1;
	}
	return 0;
}

static int file_unanswered(struct domain *dom, uint64_t *n)
{
	struct machine *m = machine_of(dom);

	if (machine_fails(m, OP_UNANSWERED))
		return -EIO;
	*n = m->unanswered;
	if (m->unanswered)
		m->unanswered--;
	return 0;
}

static int file_destroy(struct domain *dom)
{
	struct machine *m = machine_of(dom);

	if (machine_fails(m, OP_DESTROY))
		return -EIO;
	m->destroyed = true;
	return 0;
}

static void file_close(struct domain *dom)
{
	machine_free(machine_of(dom));
}

static const struct domain_ops file_ops = {
	.info = file_info,
	.pause = file_pause,
	.unpause = file_unpause,
	.disown = file_disown,
	.get_regs = file_get_regs,
	.set_regs = file_set_regs,
	.get_xsave = file_get_xsave,
	.set_xsave = file_set_xsave,
	.get_vcpu = file_get_vcpu,
	.map = file_map,
	.unmap = file_unmap,
	.page_types = file_page_types,
	.logdirty = file_logdirty,
	.granted = file_granted,
	.tsc = file_tsc,
	.policy = file_policy,
	.config = file_config,
	.shared_info = file_shared_info,
	.published = file_published,
	.channel = file_channel,
	.tmem = file_tmem,
	.quiesce = file_quiesce,
	.disks = file_disks,
	.unanswered = file_unanswered,
	.destroy = file_destroy,
	.close = file_close,
};

static uint64_t machine_pte(const struct machine *m, uint64_t pfn)
{
	return m->p2m_mfn[pfn] << PAGE_BITS | 0x63;
}

static void machine_set_type(struct machine *m, uint64_t pfn, uint32_t type)
{
	m->types[m->p2m_mfn[pfn]] = type;
}

/* A linear p2m at MACHINE_P2M_VADDR, and page tables that map it. */
static void machine_build_tables(struct machine *m)
{
	uint64_t frames = machine_p2m_frames(m), l1_frames = machine_l1_frames(m);
	uint64_t *l4 = machine_page(m, MACHINE_L4), *l3 = machine_page(m, MACHINE_L3);
	uint64_t *l2 = machine_page(m, MACHINE_L2), *l1;
	uint64_t i;

	for (i = 0; i < frames * ENTRIES_PER_PAGE; i++)
		machine_set_p2m(m, i, i < m->pfns ? m->p2m_mfn[i] : UINT64_MAX);
	l4[MACHINE_P2M_VADDR >> 39 & 511] = machine_pte(m, MACHINE_L3);
	l3[MACHINE_P2M_VADDR >> 30 & 511] = machine_pte(m, MACHINE_L2);
	for (i = 0; i < l1_frames; i++) {
		l2[(MACHINE_P2M_VADDR >> 21 & 511) + i] = machine_pte(m, m->l1 + i);
		memset(machine_page(m, m->l1 + i), 0, PAGE_BYTES);
		machine_set_type(m, m->l1 + i, XEN_DOMCTL_PFINFO_L1TAB);
	}
	for (i = 0; i < frames; i++) {
		l1 = machine_page(m, m->l1 + i / ENTRIES_PER_PAGE);
		l1[(MACHINE_P2M_VADDR >> 12 & 511) + i % ENTRIES_PER_PAGE] =
			machine_pte(m, m->p2m + i);
	}
	/* Xen's own slots; the frames are not the guest's. */
	for (i = PAGETABLE_XEN_FIRST; i <= PAGETABLE_XEN_LAST; i++)
		l4[i] = (m->nframes + i) << PAGE_BITS | 0x63;
	l1 = machine_page(m, m->l1);
	if (frames <= 100)
		l1[100] = 0x0000123456789000; /* not present, stays as it is */
	machine_set_type(m, MACHINE_L4, XEN_DOMCTL_PFINFO_L4TAB | XEN_DOMCTL_PFINFO_LPINTAB);
	machine_set_type(m, MACHINE_USER_L4, XEN_DOMCTL_PFINFO_L4TAB | XEN_DOMCTL_PFINFO_LPINTAB);
	machine_set_type(m, MACHINE_L3, XEN_DOMCTL_PFINFO_L3TAB);
	machine_set_type(m, MACHINE_L2, XEN_DOMCTL_PFINFO_L2TAB);
}

static void machine_build_vcpus(struct machine *m)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		vcpu_guest_context_t *c = &m->vcpu[i];

		c->ctrlreg[3] = m->p2m_mfn[MACHINE_L4] << PAGE_BITS;
		c->gdt_ents = 24;
		c->gdt_frames[0] = m->p2m_mfn[MACHINE_GDT];
		c->user_regs.rip = 0xffffffff81000000;
		m->online[i] = true;
		memset(m->xsave[i], 0xa0 + i, sizeof(m->xsave[i]));
	}
	m->vcpu[1].ctrlreg[1] = m->p2m_mfn[MACHINE_USER_L4] << PAGE_BITS;
}

static void machine_build_anchors(struct machine *m)
{
	struct stillpoint_guest_half *g = machine_guest_half(m);
	shared_info_t *si = machine_shared_info(m);
	start_info_t *start = machine_page(m, MACHINE_START_INFO);

	si->arch.max_pfn = m->pfns;
	si->arch.p2m_cr3 = m->p2m_mfn[MACHINE_L4] << PAGE_BITS;
	si->arch.p2m_vaddr = MACHINE_P2M_VADDR;
	start->store_mfn = m->p2m_mfn[MACHINE_STORE];
	start->console.domU.mfn = m->p2m_mfn[MACHINE_CONSOLE];
	g->magic = STILLPOINT_CONTROL_MAGIC;
	g->abi_version = STILLPOINT_ABI_VERSION;
	g->features = STILLPOINT_FEATURE_PARK;
	g->window_start = MACHINE_WINDOW_START;
	g->window_end = MACHINE_WINDOW_END;
}

/* Memory, and what is known of each frame: none is the domain's yet. */
static struct machine *machine_new(int fd, uint64_t nframes, uint64_t pfns)
{
	struct machine *m = calloc(1, sizeof(*m));
	uint64_t mfn;

	assert(m && pfns >= 32);
	m->dom.ops = &file_ops;
	m->dom.domid = 7;
	quiesce_fake_init(&m->quiesce);
	strcpy(m->dom.name, "file");
	m->pfns = pfns;
	m->nframes = nframes;
	m->fd = fd;
	m->mem = mmap(NULL, nframes * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	m->types = malloc(nframes * sizeof(*m->types));
	m->p2m_mfn = malloc(pfns * sizeof(*m->p2m_mfn));
	m->dirty = calloc(pfns, sizeof(*m->dirty));
	m->log = calloc(pfns, sizeof(*m->log));
	m->free = calloc(pfns, sizeof(*m->free));
	assert(m->mem != MAP_FAILED && m->types && m->p2m_mfn && m->dirty && m->log && m->free);
	for (mfn = 0; mfn < nframes; mfn++)
		m->types[mfn] = XEN_DOMCTL_PFINFO_XTAB;
	m->shared_info_mfn = 1;
	m->control_mfn = 3;
	return m;
}

static void machine_set_page(struct machine *m, uint64_t pfn, uint64_t mfn)
{
	m->p2m_mfn[pfn] = mfn;
	m->types[mfn] = XEN_DOMCTL_PFINFO_NOTAB;
}

/* All has its place: make the guest. */
static void machine_build_guest(struct machine *m)
{
	uint64_t pfn;

	for (pfn = MACHINE_L4; pfn <= MACHINE_START_INFO; pfn++)
		memset(machine_page(m, pfn), 0, PAGE_BYTES);
	m->forget = UINT64_MAX;
	m->entry = m->bitmap;
	m->info = (struct domain_info){ .pages = m->pfns,
					.max_pages = m->pfns,
					.max_vcpu_id = 1,
					.width = 8,
					.xen_major = 4,
					.xen_minor = 17 };
	machine_build_tables(m);
	machine_build_vcpus(m);
	machine_build_anchors(m);
}

struct machine *machine_build(uint64_t pfns)
{
	uint64_t nframes = pfns * 2 + 16, pfn;
	int fd = memfd_create("machine", MFD_CLOEXEC);
	struct machine *m;

	if (fd < 0 || ftruncate(fd, nframes * PAGE_BYTES))
		abort();
	m = machine_new(fd, nframes, pfns);
	m->p2m = MACHINE_P2M;
	m->l1 = MACHINE_L1;
	m->bitmap = MACHINE_BITMAP;
	assert(m->p2m + machine_p2m_frames(m) <= MACHINE_DIR);
	/* Backwards with gaps, so that no pfn is taken for a machine frame unnoticed. */
	for (pfn = 0; pfn < pfns; pfn++) {
		machine_set_page(m, pfn, 8 + (pfns - 1 - pfn) * 2);
		memset(machine_page(m, pfn), pfn * 7, PAGE_BYTES);
		*(uint64_t *)machine_page(m, pfn) = pfn;
	}
	machine_build_guest(m);
	return m;
}

struct machine *machine_build_in(int fd, uint64_t pfns)
{
	struct machine *m = machine_new(fd, MACHINE_SPARE + pfns, pfns);
	uint64_t pfn;

	m->p2m = pfns - machine_p2m_frames(m);
	m->l1 = m->p2m - machine_l1_frames(m);
	m->bitmap = m->l1 - machine_bitmap_frames(m);
	for (pfn = 0; pfn < pfns; pfn++)
		machine_set_page(m, pfn, MACHINE_SPARE + pfn);
	memset(m->mem, 0, MACHINE_SPARE * PAGE_BYTES);
	machine_build_guest(m);
	return m;
}

void machine_free(struct machine *m)
{
	munmap(m->mem, m->nframes * PAGE_BYTES);
	close(m->fd);
	free(m->types);
	free(m->p2m_mfn);
	free(m->dirty);
	free(m->log);
	free(m->free);
	free(m);
}
