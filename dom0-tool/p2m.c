// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "msg.h"
#include "p2m.h"
#include "p2m_walk.h"
#include "page.h"

/*
 * pfns beyond the memory a domain may own: holes for devices below 4 GiB, and
 * the granule of 1 GiB in which the linear list is cut (see p2m_walk.c).
 */
#define P2M_SLACK ((UINT64_C(4) << 30) >> PAGE_BITS)

void p2m_init(struct p2m *p2m, struct domain *dom, const struct domain_info *info)
{
	uint64_t own = info->max_pages > info->pages ? info->max_pages : info->pages;

	memset(p2m, 0, sizeof(*p2m));
	p2m->dom = dom;
	/* max_pages is "unlimited" on some toolstacks; the stream has 32-bit pfns. */
	if (own > (UINT32_MAX - P2M_SLACK) / 2)
		own = (UINT32_MAX - P2M_SLACK) / 2;
	p2m->limit = own * 2 + P2M_SLACK;
}

static void p2m_unmap(struct p2m *p2m)
{
	if (p2m->map)
		p2m->dom->ops->unmap(p2m->dom, (void *)p2m->map, p2m->nframes);
	p2m->map = NULL;
	free(p2m->frames);
	p2m->frames = NULL;
	p2m->nframes = 0;
	p2m->size = 0;
}

static int p2m_anchor_read(struct p2m *p2m, struct p2m_anchor *anchor)
{
	const volatile shared_info_t *shinfo = p2m->dom->ops->shared_info(p2m->dom);

	if (!shinfo)
		return msg_error("cannot map the shared info page: %s", strerror(errno));
	anchor->max_pfn = shinfo->arch.max_pfn;
	anchor->cr3 = shinfo->arch.p2m_cr3;
	anchor->vaddr = shinfo->arch.p2m_vaddr;
	anchor->tree = shinfo->arch.pfn_to_mfn_frame_list_list;
	anchor->generation = shinfo->arch.p2m_generation;
	/* What is found from here on is not older than that. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (!anchor->max_pfn)
		return msg_error("the guest says that it has no memory (max_pfn 0)");
	return 0;
}

/* True if a list is where it was found before. */
static bool p2m_stays(const struct p2m *p2m, const struct p2m_anchor *anchor)
{
	return p2m->map && anchor->cr3 && anchor->generation % 2 == 0 &&
	       !memcmp(anchor, &p2m->anchor, sizeof(*anchor));
}

int p2m_find(struct p2m *p2m)
{
	struct p2m_anchor anchor;
	uint64_t *frames = NULL;
	uint64_t size = 0;
	size_t nframes;
	void *map;

	p2m->moved = false;
	if (p2m_anchor_read(p2m, &anchor))
		goto fail;
	if (p2m_stays(p2m, &anchor))
		return 0;
	if (anchor.cr3 ? p2m_walk_list(p2m->dom, &anchor, p2m->limit, &size, &frames) :
			 p2m_walk_tree(p2m->dom, &anchor, p2m->limit, &size, &frames))
		goto fail;
	p2m->anchor = anchor;
	nframes = (size + ENTRIES_PER_PAGE - 1) / ENTRIES_PER_PAGE;
	if (p2m->map && nframes == p2m->nframes &&
	    !memcmp(frames, p2m->frames, nframes * sizeof(*frames))) {
		p2m->size = size;
		free(frames);
		return 0;
	}
	p2m_unmap(p2m);
	map = frames_map(p2m->dom, frames, nframes, "p2m");
	if (!map)
		goto fail;
	p2m->moved = true;
	p2m->map = map;
	p2m->frames = frames;
	p2m->nframes = nframes;
	p2m->size = size;
	return 0;

fail:
	free(frames);
	p2m_unmap(p2m);
	return -1;
}

void p2m_free(struct p2m *p2m)
{
	p2m_unmap(p2m);
}
