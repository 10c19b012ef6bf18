/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A domain, as a saver needs it. Every operation returns 0 or a negative errno
 * unless it says otherwise; the caller words the message.
 */
#ifndef STILLPOINT_DOMAIN_H
#define STILLPOINT_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xenctrl.h>

#include "blob.h"
#include "channel.h"
#include "disks.h"
#include "publish.h"
#include "quiesce_page.h"

struct domain;
struct pool_export;

/**
 * struct domain_info - what the hypervisor says about a domain
 * @pages: frames it owns
 * @max_pages: frames it may own
 * @max_vcpu_id: highest vCPU number
 * @width: bytes of a word of the guest, 4 or 8; 0 for HVM
 * @xen_major: of the hypervisor
 * @xen_minor: of the hypervisor
 */
struct domain_info {
	bool paused;
	bool shutdown;
	bool dying;
	bool hvm;
	uint64_t pages;
	uint64_t max_pages;
	uint32_t max_vcpu_id;
	unsigned int width;
	unsigned int xen_major;
	unsigned int xen_minor;
};

/**
 * struct vcpu_state - all the state of one vCPU; blobs as libxc's stream has them
 */
struct vcpu_state {
	uint32_t id;
	vcpu_guest_context_t basic;
	struct blob extended;
	struct blob xsave;
	struct blob msrs;
};

struct tsc_state {
	uint32_t mode;
	uint32_t khz;
	uint64_t nsec;
	uint32_t incarnation;
};

/* What the hypervisor can be told about its log of dirty pages. */
enum domain_logdirty {
	DOMAIN_LOGDIRTY_ON,
	DOMAIN_LOGDIRTY_CLEAN, /* read the log, and begin another */
	DOMAIN_LOGDIRTY_OFF,
};

/**
 * struct domain_ops - an implementation of struct domain
 * @info: fill in *info
 * @pause: wait until no vCPU runs; counts
 * @unpause: the reverse of one pause
 * @disown: the pause is not this process's any more: if it is killed, the domain stays paused
 * @get_regs: read the basic context of a vCPU
 * @set_regs: write it; resets the vCPU's extended processor state to what the
 *	basic context holds
 * @get_xsave: read the extended processor state; size 0 if there is none
 * @set_xsave: write what get_xsave() gave
 * @get_vcpu: read all of a vCPU; 1 if it is offline, and then nothing is filled in
 * @map: map @n machine frames read-only, one after the other; err[i] is 0 or a
 *	negative errno for frame i; NULL with errno set if nothing is mapped
 * @unmap: @addr and @n as of map()
 * @page_types: replace @n machine frames by their types; any @n
 * @logdirty: with CLEAN, the first @pfns bits at @bitmap (whole 64-bit words) become
 *	the set of pages written since the last time
 * @granted: *mfns become the @n machine frames that the domain lets others write, in
 *	no order (free() them)
 * @tsc: fill in *tsc
 * @policy: the CPUID and MSR policies; sizes may be 0
 * @config: *json becomes the configuration, as `xl save` writes it; free() it
 * @shared_info: the mapped shared info page, for the life of the domain handle;
 *	written by the guest at any time; NULL with errno set
 * @published: read what the module published; records an error and returns -1
 * @channel: open the control page; with @bind also the event channel, and
 *	writable
 * @tmem: begin to copy its tmem pools, and the contents of ephemeral ones if @ephemeral; *exp
 *	becomes NULL if it has none; records an error and returns -1
 * @quiesce: open the quiesce page of a module that can quiesce; records an error and
 *	returns -1
 * @disks: *disks become the domain's disks; records an error and returns -1
 * @unanswered: *n becomes the number of block requests that the domain made, and that
 *	backends have not answered. The domain must be parked, or paused
 * @destroy: destroy the domain with its devices
 * @close: free all
 */
struct domain_ops {
	int (*info)(struct domain *dom, struct domain_info *info);
	int (*pause)(struct domain *dom);
	int (*unpause)(struct domain *dom);
	void (*disown)(struct domain *dom);
	int (*get_regs)(struct domain *dom, uint32_t vcpu, vcpu_guest_context_t *regs);
	int (*set_regs)(struct domain *dom, uint32_t vcpu, const vcpu_guest_context_t *regs);
	int (*get_xsave)(struct domain *dom, uint32_t vcpu, struct blob *xsave);
	int (*set_xsave)(struct domain *dom, uint32_t vcpu, const struct blob *xsave);
	int (*get_vcpu)(struct domain *dom, uint32_t vcpu, struct vcpu_state *state);
	void *(*map)(struct domain *dom, const uint64_t *mfns, size_t n, int *err);
	void (*unmap)(struct domain *dom, void *addr, size_t n);
	int (*page_types)(struct domain *dom, uint64_t *frames, size_t n);
	int (*logdirty)(struct domain *dom, enum domain_logdirty op, uint64_t *bitmap,
			uint64_t pfns);
	int (*granted)(struct domain *dom, uint64_t **mfns, size_t *n);
	int (*tsc)(struct domain *dom, struct tsc_state *tsc);
	int (*policy)(struct domain *dom, struct blob *cpuid, struct blob *msrs);
	int (*config)(struct domain *dom, char **json);
	const shared_info_t *(*shared_info)(struct domain *dom);
	int (*published)(struct domain *dom, struct publish *pub);
	int (*channel)(struct domain *dom, const struct publish *pub, bool bind,
		       struct channel **channel);
	int (*tmem)(struct domain *dom, bool ephemeral, struct pool_export **exp);
	int (*quiesce)(struct domain *dom, enum quiesce_use use, struct quiesce_page **page);
	int (*disks)(struct domain *dom, struct disks *disks);
	int (*unanswered)(struct domain *dom, uint64_t *n);
	int (*destroy)(struct domain *dom);
	void (*close)(struct domain *dom);
};

struct domain {
	const struct domain_ops *ops;
	uint32_t domid;
	char name[256];
};

static inline void vcpu_state_free(struct vcpu_state *state)
{
	blob_free(&state->extended);
	blob_free(&state->xsave);
	blob_free(&state->msrs);
}

#endif /* STILLPOINT_DOMAIN_H */
