// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "control.h"
#include "msg.h"
#include "save_state.h"
#include "signals.h"
#include "space.h"

/* Tries to find the p2m of a guest that changes it meanwhile. */
#define SAVE_P2M_TRIES 5

static int save_check_domain(struct save *s)
{
	int ret;

	ret = s->dom->ops->info(s->dom, &s->info);
	if (ret)
		return msg_error("cannot look at the domain: %s", strerror(-ret));
	if (s->info.hvm)
		return msg_error("this is an HVM or PVH guest; only PV guests can park");
	if (s->info.width != 8)
		return msg_error("this is a 32-bit guest; only 64-bit PV guests can park");
	if (s->info.dying)
		return msg_error("the domain is dying");
	if (s->info.shutdown)
		return msg_error("the domain has shut down");
	if (s->info.paused)
		return msg_error(
			"the domain is paused; unpause it first, or see 'stillpoint recover'");
	s->most_pages = s->info.pages;
	return 0;
}

static int save_open_channel(struct save *s)
{
	struct stillpoint_guest_half half;
	struct publish pub;

	if (s->dom->ops->published(s->dom, &pub))
		return -1;
	if (s->dom->ops->channel(s->dom, &pub, true, &s->channel))
		return -1;
	return control_get(s->channel, &half);
}

/* The disks come before the configuration: a later one that has others is found at the park. */
static int save_read_static(struct save *s)
{
	const struct save_options *opts = s->opts;
	int ret;

	if (opts->hook && !opts->disks && s->dom->ops->disks(s->dom, &s->disks))
		return -1;
	ret = s->dom->ops->config(s->dom, &s->config);
	if (ret)
		return msg_error("cannot read the domain's configuration: %s", strerror(-ret));
	ret = s->dom->ops->policy(s->dom, &s->cpuid, &s->msrs);
	if (ret)
		return msg_error("cannot read the domain's CPU policy: %s", strerror(-ret));
	return 0;
}

static int save_grow(struct save *s, uint64_t size)
{
	if (size == s->mem.size)
		return 0;
	if (size < s->mem.size)
		return msg_error(
			"the guest's p2m shrank from %llu to %llu pfns while it was saved; try again",
			(unsigned long long)s->mem.size, (unsigned long long)size);
	if (s->img && s->opts->image.layout == IMAGE_MAPPED)
		return msg_error(
			"the guest's p2m grew from %llu to %llu pfns, for which a mapped image that was begun has no places; try again",
			(unsigned long long)s->mem.size, (unsigned long long)size);
	if (bitmap_grow(&s->pending, size) || bitmap_grow(&s->set, size) ||
	    bitmap_grow(&s->granted, size) || free_pages_grow(&s->free, size) ||
	    snapshot_grow(&s->snap, size) || (s->opts->audit && audit_grow(&s->audit, size)))
		return -1;
	if (ram_grow(&s->mem, size))
		return -1;
	s->inverse.p2m = s->mem.p2m;
	return 0;
}

int save_find_memory(struct save *s)
{
	return p2m_find(&s->p2m) || save_grow(s, s->p2m.size) ? -1 : 0;
}

/* The pages of the p2m that are in @set, or that are not known to be the guest's. */
static int save_find_changed(struct save *s, const struct bitmap *set)
{
	uint64_t pfn;
	size_t i;

	if (bitmap_grow(&s->p2m_pages, s->p2m.nframes))
		return -1;
	bitmap_zero(&s->p2m_pages);
	for (i = 0; i < s->p2m.nframes; i++) {
		pfn = inverse_pfn(&s->inverse, s->p2m.frames[i]);
		if (pfn >= set->bits || bitmap_test(set, pfn))
			bitmap_set(&s->p2m_pages, i);
	}
	return 0;
}

int save_update_memory(struct save *s, const struct bitmap *set)
{
	if (s->p2m.moved)
		set = NULL;
	if (set && save_find_changed(s, set))
		return -1;
	return ram_update(&s->mem, s->p2m.map, set ? &s->p2m_pages : NULL, &s->pending);
}

static int save_try_to_map(struct save *s)
{
	if (ram_init(&s->mem, s->dom) || save_find_memory(s) || save_update_memory(s, NULL))
		return -1;
	return inverse_build(&s->inverse, s->mem.p2m, s->mem.size);
}

static int save_map_live(struct save *s)
{
	unsigned int i;

	p2m_init(&s->p2m, s->dom, &s->info);
	snapshot_init(&s->snap, s->dom, &s->mem);
	for (i = 1; save_try_to_map(s); i++) {
		if (i == SAVE_P2M_TRIES || signals_check())
			return -1;
		msg_error_clear();
		ram_free(&s->mem);
		snapshot_free(&s->snap);
		snapshot_init(&s->snap, s->dom, &s->mem);
		bitmap_free(&s->pending);
		bitmap_free(&s->set);
		bitmap_free(&s->granted);
		free_pages_free(&s->free);
		audit_free(&s->audit);
		clock_sleep_us(1000);
	}
	return 0;
}

static int save_head(struct save *s)
{
	struct image_head head = {
		.config = s->config,
		.xen_major = s->info.xen_major,
		.xen_minor = s->info.xen_minor,
		.cpuid = s->cpuid,
		.msrs = s->msrs,
	};

	return s->img->ops->head(s->img, &head) || save_tmem_begin(s) || save_p2m(s) ? -1 : 0;
}

/* Whether each page fits once. What is not there takes no room in the mapped layout. */
static int save_check_space(const struct save *s)
{
	const struct image_options *opts = &s->opts->image;
	uint64_t pages = s->info.pages, pfns = s->p2m.size, bytes;

	bytes = image_bytes(opts, pages, opts->layout == IMAGE_MAPPED ? pages : pfns,
			    s->info.max_vcpu_id + 1, strlen(s->config));
	if (opts->layout == IMAGE_MAPPED)
		bytes += pfns * sizeof(struct stillpoint_place);
	return space_check(&s->out, opts, bytes, false);
}

int save_prepare(struct save *s)
{
	const struct save_options *opts = s->opts;
	struct image_options image = opts->image;

	if (save_check_domain(s) || save_open_channel(s) || save_read_static(s) || save_map_live(s))
		return -1;
	if (output_open(&s->out, opts->path, opts->replace) || save_tmem_open(s))
		return -1;
	image.side = opts->tmem_path;
	image.readable = opts->audit;
	image.threads = opts->threads;
	image.pfns_max = s->p2m.size;
	if (save_check_space(s))
		return -1;
	s->img = image_new(&s->out, &image);
	if (!s->img)
		return -1;
	/* While the guest stays paused anyway, only what is rewritten is staged. */
	staging_init(&s->staging, opts->after == SAVE_RUN_ON ? opts->staging : 0);
	if (copier_start(&s->copier, opts->threads) || sender_init(&s->sender, &s->copier, s->img))
		return -1;
	return save_head(s);
}
