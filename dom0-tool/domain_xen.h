/* SPDX-License-Identifier: GPL-2.0 */
/* The domains of this host. */
#ifndef STILLPOINT_DOMAIN_XEN_H
#define STILLPOINT_DOMAIN_XEN_H

#include "domain.h"
#include "keeper.h"
#include "xen.h"

/**
 * struct domain_xen - the implementation
 * @keeper: is told while the domain is paused by us; NULL if there is none
 */
struct domain_xen {
	struct domain dom;
	struct xen *xen;
	struct keeper *keeper;
	void *shared_info;
};

/*
 * A handle for domain @domid; @xen must outlive it. Returns NULL with an error
 * recorded. Its close() frees it.
 */
struct domain *domain_xen_open(struct xen *xen, uint32_t domid);

/* @keeper, or NULL, is told from now on while the domain is paused by us. */
void domain_xen_keep(struct domain *dom, struct keeper *keeper);

/*
 * Returns 0, or -1 with an error recorded if a domain has something of the disk @path, by any name,
 * or may have it.
 */
int domain_xen_check_unused(struct xen *xen, const char *path);

/*
 * Returns 0, or -1 with an error recorded if the backend of domain @domid's disk @config has
 * anything else than @disk open.
 */
int domain_xen_check_backend(struct xen *xen, uint32_t domid, const libxl_device_disk *config,
			     const struct disk *disk);

/* Parts of the implementation, by file. */
int domain_xen_get_regs(struct domain *dom, uint32_t vcpu, vcpu_guest_context_t *regs);
int domain_xen_set_regs(struct domain *dom, uint32_t vcpu, const vcpu_guest_context_t *regs);
int domain_xen_get_xsave(struct domain *dom, uint32_t vcpu, struct blob *xsave);
int domain_xen_set_xsave(struct domain *dom, uint32_t vcpu, const struct blob *xsave);
int domain_xen_get_vcpu(struct domain *dom, uint32_t vcpu, struct vcpu_state *state);
int domain_xen_logdirty(struct domain *dom, enum domain_logdirty op, uint64_t *bitmap,
			uint64_t pfns);
int domain_xen_granted(struct domain *dom, uint64_t **mfns, size_t *n);
int domain_xen_policy(struct domain *dom, struct blob *cpuid, struct blob *msrs);
int domain_xen_published(struct domain *dom, struct publish *pub);
int domain_xen_channel(struct domain *dom, const struct publish *pub, bool bind,
		       struct channel **channel);
int domain_xen_tmem(struct domain *dom, bool ephemeral, struct pool_export **exp);
int domain_xen_quiesce(struct domain *dom, enum quiesce_use use, struct quiesce_page **page);
int domain_xen_disks(struct domain *dom, struct disks *disks);
int domain_xen_unanswered(struct domain *dom, uint64_t *n);

/* For publish_read() and publish_present(); @arg is the struct domain. */
int domain_xen_publish_get(void *arg, const char *key, char value[PUBLISH_VALUE_MAX + 1]);

#endif /* STILLPOINT_DOMAIN_XEN_H */
