/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A domain whose memory is a file, for tests and measurements without Xen. The
 * guest in it is made by machine_build(): page tables, a linear p2m, start_info and
 * a module that answers as the real one does, or as a test tells it to.
 */
#ifndef STILLPOINT_DOMAIN_FILE_H
#define STILLPOINT_DOMAIN_FILE_H

#include "domain.h"
#include "page.h"
#include "quiesce_fake.h"

/* Where the guest has its p2m and its park window. */
#define MACHINE_P2M_VADDR UINT64_C(0xffffc90000000000)
#define MACHINE_WINDOW_START UINT64_C(0xffffffffc0100000)
#define MACHINE_WINDOW_END (MACHINE_WINDOW_START + 16)

/* pfns with a role; those above are plain memory. */
enum machine_pfn {
	MACHINE_L4 = 0,
	MACHINE_L3 = 1,
	MACHINE_L2 = 2,
	MACHINE_L1 = 3,
	MACHINE_USER_L4 = 4,
	MACHINE_START_INFO = 5,
	MACHINE_STORE = 6,
	MACHINE_CONSOLE = 7,
	MACHINE_GDT = 8,
	MACHINE_P2M = 9, /* the first frame of the p2m; the others follow */
	MACHINE_DIR = 24,
	MACHINE_BITMAP = 25,
	MACHINE_FREE_DIR = 26,
	MACHINE_FREE = 27,
};

/* Frames of the machine in front of the guest's pages: 2 MiB; see machine_build_in(). */
#define MACHINE_SPARE 512

/* What the module does when it is asked to park. */
enum machine_module {
	MODULE_PARKS,
	MODULE_SILENT,	/* nothing */
	MODULE_FAILS,	/* ends the request with machine.error */
	MODULE_LATE,	/* parks only once it is cancelled */
	MODULE_CANCELS, /* ends the request as cancelled */
	MODULE_LEAVES,	/* says parked, and has left when it is paused */
};

/* What the module does when it is asked for a set of dirty pages. */
enum machine_track {
	TRACK_NOT, /* it cannot */
	TRACK_WORKS,
	TRACK_SILENT, /* nothing */
	TRACK_FAILS,  /* ends the request with machine.error */
};

enum machine_op {
	OP_NONE,
	OP_INFO,
	OP_PAUSE,
	OP_GET_REGS,
	OP_SET_REGS,
	OP_GET_XSAVE,
	OP_SET_XSAVE,
	OP_GET_VCPU,
	OP_MAP,
	OP_TYPES,
	OP_LOGDIRTY_ON,
	OP_LOGDIRTY_CLEAN,
	OP_GRANTED,
	OP_TSC,
	OP_POLICY,
	OP_CONFIG,
	OP_SHARED_INFO,
	OP_UNANSWERED,
	OP_DESTROY,
	OP_COUNT,
};

/**
 * struct machine - a file-backed domain and its guest
 * @mem: all machine frames
 * @types: type of each machine frame; XTAB if it is not the domain's
 * @pfns: number of pfns
 * @p2m_mfn: the truth about the guest's memory, whatever its p2m says later
 * @p2m: pfn of the first frame of the p2m; the others follow
 * @l1: pfn of the first table that maps the p2m; the others follow
 * @bitmap: pfn of the first page of the bitmap; the others follow
 * @tsc_looks: so many reads of vCPU 0 find it reading the TSC
 * @pauses: how often the domain is paused more than unpaused
 * @fail_op: this operation fails, after @fail_after calls that do not
 * @track: what the module does about dirty pages
 * @dirty: by pfn, true if it was written since the last set
 * @log: by pfn, true if it was written since the log was read last
 * @logging: the hypervisor logs
 * @free: by pfn, true if the module says that the guest has it free
 * @entry: the pfn that the directory names as the bitmap
 * @forget: this pfn is never in a set of the module
 * @granted: this machine frame may be written by others
 * @on_harvest: called before a set is made, the one at the park too
 * @on_types: called before page types are told
 * @on_pause: called when the domain is paused first
 * @on_run: called when it is unpaused last
 * @tmem: opens its tmem pools; NULL if it has none
 * @destroyed: the domain was destroyed
 * @disowned: its pause is nobody's who may be killed
 * @quiesce: what a module does that is asked to freeze
 * @disk_files: files that are its disks, xvda on, NULL at the end; may be NULL
 * @config: its configuration; NULL for one without devices
 * @unanswered: block requests; one is answered at each look
 */
struct machine {
	struct domain dom;
	int fd;
	uint64_t nframes;
	uint8_t *mem;
	uint32_t *types;
	uint64_t pfns;
	uint64_t *p2m_mfn;
	uint64_t p2m;
	uint64_t l1;
	uint64_t bitmap;
	struct domain_info info;
	uint64_t shared_info_mfn;
	uint64_t control_mfn;
	vcpu_guest_context_t vcpu[2];
	bool online[2];
	uint8_t xsave[2][64];
	enum machine_module module;
	int error;
	unsigned int tsc_looks;
	int pauses;
	unsigned int total_pauses;
	enum machine_op fail_op;
	unsigned int fail_after;
	unsigned int calls[OP_COUNT];
	enum machine_track track;
	bool *dirty;
	bool *log;
	bool *free;
	bool logging;
	unsigned int logs_on;
	uint64_t entry;
	uint64_t forget;
	uint64_t granted;
	void (*on_harvest)(struct machine *m);
	void (*on_types)(struct machine *m);
	void (*on_pause)(struct machine *m);
	void (*on_run)(struct machine *m);
	int (*tmem)(struct machine *m, bool ephemeral, struct pool_export **exp);
	void *arg;
	bool destroyed;
	bool disowned;
	unsigned int mapped;
	unsigned int channels;
	struct quiesce_fake quiesce;
	const char *const *disk_files;
	const char *config;
	uint64_t unanswered;
};

/*
 * A machine with a guest of @pfns pages; @pfns is 32 or more, and so few that the frames
 * of their p2m end below MACHINE_DIR. Aborts if it cannot.
 */
struct machine *machine_build(uint64_t pfns);

/*
 * The same around memory that there is already, and of any size: the file @fd, which
 * becomes the machine's, has MACHINE_SPARE frames, then the guest's pages in order. Its
 * first and last pages become what the guest needs; all others stay as they are.
 */
struct machine *machine_build_in(int fd, uint64_t pfns);

void machine_free(struct machine *m);

/* The bytes of a machine frame. */
static inline void *machine_frame(struct machine *m, uint64_t mfn)
{
	return m->mem + mfn * PAGE_BYTES;
}

/* The bytes of a pfn. */
static inline void *machine_page(struct machine *m, uint64_t pfn)
{
	return machine_frame(m, m->p2m_mfn[pfn]);
}

/* Change what the guest's p2m says about @pfn. */
void machine_set_p2m(struct machine *m, uint64_t pfn, uint64_t mfn);

/* The guest writes @byte to all of @pfn; both trackers see it. */
void machine_write(struct machine *m, uint64_t pfn, uint8_t byte);

/* Say that @pfn was written, though it is the test that did it. */
void machine_mark(struct machine *m, uint64_t pfn);

/* The module can track. */
void machine_track(struct machine *m);

/* The module tells of free pages; at most as many pfns as one page has bits. */
void machine_tell_free(struct machine *m);

/* The pages from @first on are free, and hold what they hold. */
void machine_free_pages(struct machine *m, uint64_t first, uint64_t count);

struct stillpoint_guest_half *machine_guest_half(struct machine *m);
struct stillpoint_host_half *machine_host_half(struct machine *m);
shared_info_t *machine_shared_info(struct machine *m);

/* Put the guest into its park, as after a request of number @number. */
void machine_park(struct machine *m, uint32_t number);

/* Let the deadline pass: a guest in its park that runs leaves it. */
void machine_pass_deadline(struct machine *m);

#endif /* STILLPOINT_DOMAIN_FILE_H */
