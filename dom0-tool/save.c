// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "image_xl.h"
#include "msg.h"
#include "p2m.h"
#include "park.h"
#include "save.h"
#include "signals.h"
#include "snapshot.h"

/* How long the guest may take to say that it runs on. */
#define SAVE_CONFIRM_MS 2000

/* Tries to find the p2m of a guest that changes it meanwhile. */
#define SAVE_P2M_TRIES 5

/* Pages between two reports of progress. */
#define SAVE_PROGRESS 4096

/**
 * struct save - one save; what is not set up yet is zero
 * @head_written: the image has begun
 */
struct save {
	struct domain *dom;
	struct tracker *tracker;
	const struct save_options *opts;
	struct save_result *res;
	struct domain_info info;
	struct channel *channel;
	char *config;
	struct blob cpuid;
	struct blob msrs;
	struct p2m p2m;
	struct ram mem;
	struct staging staging;
	struct output out;
	struct image_xl xl;
	struct park park;
	struct snapshot snap;
	struct inverse inverse;
	bool head_written;
};

static void save_phase(const struct save *s, const char *name)
{
	if (s->opts->phase)
		s->opts->phase(name);
}

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

static int save_read_static(struct save *s)
{
	int ret;

	ret = s->dom->ops->config(s->dom, &s->config);
	if (ret)
		return msg_error("cannot read the domain's configuration: %s", strerror(-ret));
	ret = s->dom->ops->policy(s->dom, &s->cpuid, &s->msrs);
	if (ret)
		return msg_error("cannot read the domain's CPU policy: %s", strerror(-ret));
	return 0;
}

/* Take the p2m as it is now, and map what is new in it. */
static int save_update_memory(struct save *s)
{
	uint64_t *copy;

	if (p2m_find(&s->p2m))
		return -1;
	copy = malloc(s->p2m.size * sizeof(*copy));
	if (!copy)
		return msg_error("out of memory for a guest of %llu pages",
				 (unsigned long long)s->p2m.size);
	p2m_copy(&s->p2m, copy);
	return ram_update(&s->mem, copy, s->p2m.size);
}

static int save_map_live(struct save *s)
{
	unsigned int i;

	p2m_init(&s->p2m, s->dom, &s->info);
	ram_init(&s->mem, s->dom);
	for (i = 1; save_update_memory(s); i++) {
		if (i == SAVE_P2M_TRIES || signals_check())
			return -1;
		msg_error_clear();
		clock_sleep_us(1000);
	}
	return 0;
}

/* Everything that can be done before the guest is asked. */
static int save_prepare(struct save *s)
{
	const struct save_options *opts = s->opts;
	uint64_t expected = s->info.pages * PAGE_BYTES;

	if (save_open_channel(s) || save_read_static(s) || save_map_live(s))
		return -1;
	if (output_open(&s->out, opts->path, opts->replace))
		return -1;
	image_xl_init(&s->xl, &s->out);
	if (output_check_space(&s->out,
			       image_xl_bytes(s->info.pages, s->p2m.size - 1) + strlen(s->config)))
		return -1;
	/* While the guest stays paused anyway, only what is rewritten is staged. */
	if (staging_init(&s->staging, opts->after == SAVE_RUN_ON ? opts->staging : 0, expected))
		return -1;
	return s->tracker->ops->start(s->tracker);
}

static int save_head(struct save *s)
{
	struct image_head head = {
		.config = s->config,
		.xen_major = s->info.xen_major,
		.xen_minor = s->info.xen_minor,
		.cpuid = s->cpuid,
		.msrs = s->msrs,
		.max_pfn = s->mem.size - 1,
		.np2m_frames = s->p2m.nframes,
	};
	uint64_t *pfns = malloc(s->p2m.nframes * sizeof(*pfns));
	int ret = -1;
	size_t i;

	if (!pfns)
		return msg_error("out of memory for the frames of the p2m");
	for (i = 0; i < s->p2m.nframes; i++) {
		pfns[i] = inverse_pfn(&s->inverse, s->p2m.frames[i]);
		if (pfns[i] != INVALID_FRAME && s->snap.types[pfns[i]] == XEN_DOMCTL_PFINFO_NOTAB)
			continue;
		msg_error("frame %zu of the guest's p2m (machine frame %#llx) is not plain memory "
			  "of the guest",
			  i, (unsigned long long)s->p2m.frames[i]);
		goto out;
	}
	head.p2m_frames = pfns;
	ret = s->xl.img.ops->head(&s->xl.img, &head);
	s->head_written = true;
out:
	free(pfns);
	return ret;
}

/* Index the frames that the guest owns. Others are in no page table of a parked guest. */
static int save_build_inverse(struct save *s)
{
	uint64_t pfn;

	for (pfn = 0; pfn < s->mem.size; pfn++)
		if (!page_type_has_data(s->snap.types[pfn]))
			s->mem.p2m[pfn] = INVALID_FRAME;
	return inverse_build(&s->inverse, s->mem.p2m, s->mem.size);
}

static int save_page(struct save *s, uint64_t pfn, const void *data)
{
	struct image_page page = { .pfn = pfn, .type = s->snap.types[pfn], .data = data };

	return s->xl.img.ops->page(&s->xl.img, &page);
}

/* What found no room in memory goes to the image while its mapping still holds. */
static int save_spill(struct save *s)
{
	uint64_t pfn;

	if (s->snap.staged == s->snap.pages)
		return 0;
	if (save_build_inverse(s) || save_head(s))
		return -1;
	for (pfn = 0; pfn < s->mem.size; pfn++)
		if (snapshot_spilled(&s->snap, pfn) && save_page(s, pfn, s->mem.page[pfn]))
			return -1;
	return s->xl.img.ops->flush(&s->xl.img);
}

/* The domain is paused in its park: take all of it that may change. */
static int save_copy(struct save *s)
{
	struct save_result *res = s->res;
	uint64_t start = clock_us(), found;

	save_phase(s, SAVE_COPYING);
	snapshot_init(&s->snap, s->dom, &s->mem);
	if (save_update_memory(s) || snapshot_types(&s->snap) ||
	    snapshot_check_start_info(&s->snap, s->park.regs.user_regs.rdx) ||
	    s->tracker->ops->parked(s->tracker, s->mem.size))
		return -1;
	found = clock_us();
	res->set_us = found - start;
	if (snapshot_state(&s->snap, s->info.max_vcpu_id) ||
	    snapshot_copy(&s->snap, s->tracker, &s->staging))
		return -1;
	res->pages = s->snap.pages;
	res->staged = s->snap.staged;
	if (save_spill(s))
		return -1;
	res->copy_us = clock_us() - found;
	save_phase(s, SAVE_COPIED);
	return signals_check();
}

static int save_flip(struct save *s)
{
	if (park_flip(&s->park))
		return -1;
	save_phase(s, SAVE_FLIPPED);
	return 0;
}

/* Let the guest run on. */
static int save_let_go(struct save *s)
{
	struct save_result *res = s->res;
	uint64_t start = clock_us(), now;

	if (save_flip(s) || park_leave(&s->park))
		return -1;
	now = clock_us();
	res->flip_us = now - start;
	res->pause_us = now - s->park.parked_us;
	res->domain_pause_us = now - s->park.paused_us;
	save_phase(s, SAVE_RUNNING);
	return 0;
}

static void save_progress(const struct save *s, uint64_t done)
{
	if (s->opts->progress && !s->park.paused &&
	    (done % SAVE_PROGRESS == 0 || done == s->snap.pages))
		s->opts->progress(done, s->snap.pages);
}

/* All pages that are not in the image yet; page tables come last. */
static int save_pages(struct save *s)
{
	uint64_t done = s->snap.pages - s->snap.staged;
	unsigned int tables;
	uint64_t pfn;

	for (tables = 0; tables < 2; tables++) {
		for (pfn = 0; pfn < s->mem.size; pfn++) {
			if (snapshot_spilled(&s->snap, pfn) ||
			    (page_type_level(s->snap.types[pfn]) != 0) != tables)
				continue;
			if (save_page(s, pfn, s->snap.copy[pfn]))
				return -1;
			done += page_type_has_data(s->snap.types[pfn]);
			save_progress(s, done);
		}
	}
	return 0;
}

static int save_write(struct save *s)
{
	struct image_tail tail = {
		.tsc = s->snap.tsc,
		.shared_info = s->snap.shared_info,
		.vcpus = s->snap.vcpus,
		.nvcpus = s->snap.nvcpus,
	};

	save_phase(s, SAVE_WRITING);
	if (!s->head_written && save_build_inverse(s))
		return -1;
	if (snapshot_normalise(&s->snap, &s->inverse))
		return -1;
	if (!s->head_written && save_head(s))
		return -1;
	if (save_pages(s) || s->xl.img.ops->tail(&s->xl.img, &tail) || output_flush(&s->out))
		return -1;
	save_phase(s, SAVE_WRITTEN);
	if (output_sync(&s->out))
		return -1;
	save_phase(s, SAVE_SYNCED);
	if (signals_check() || output_publish(&s->out))
		return -1;
	save_phase(s, SAVE_RENAMED);
	s->res->bytes = s->out.length;
	return 0;
}

static void save_confirm(struct save *s)
{
	struct stillpoint_guest_half half;

	s->res->confirmed = !park_confirm(&s->park, SAVE_CONFIRM_MS, &half);
	if (s->res->confirmed)
		s->res->guest_park_us = half.last_park_us;
}

/* The image is complete and the guest is still paused. */
static int save_end_hold(struct save *s)
{
	int ret;

	if (s->opts->after == SAVE_PAUSE) {
		if (save_flip(s))
			return -1;
		/* The pause is the caller's from here on. */
		s->park.paused = false;
		return 0;
	}
	s->park.paused = false;
	ret = s->dom->ops->destroy(s->dom);
	if (ret)
		return msg_error("the image is complete, but the domain cannot be destroyed and "
				 "stays paused: %s",
				 strerror(-ret));
	return 0;
}

/* From the request to the end. park_release() on every way out lets the guest go. */
static int save_parked(struct save *s)
{
	const struct save_options *opts = s->opts;
	struct save_result *res = s->res;

	park_init(&s->park, s->dom, s->channel);
	save_phase(s, SAVE_REQUESTING);
	if (park_request(&s->park, opts->park_timeout_ms, opts->deadline_ms))
		return -1;
	res->request_to_parked_us = s->park.parked_us - s->park.requested_us;
	save_phase(s, SAVE_PARKED);
	if (park_enter(&s->park, opts->deadline_ms))
		return -1;
	save_phase(s, SAVE_PAUSED);
	if (save_copy(s))
		return -1;
	if (opts->after != SAVE_RUN_ON)
		return save_write(s) || save_end_hold(s) ? -1 : 0;
	if (save_let_go(s))
		return -1;
	save_confirm(s);
	return save_write(s);
}

static void save_free(struct save *s)
{
	park_free(&s->park);
	snapshot_free(&s->snap);
	inverse_free(&s->inverse);
	output_close(&s->out);
	staging_free(&s->staging);
	ram_free(&s->mem);
	p2m_free(&s->p2m);
	if (s->channel)
		s->channel->ops->close(s->channel);
	blob_free(&s->cpuid);
	blob_free(&s->msrs);
	free(s->config);
	free(s);
}

int save_run(struct domain *dom, struct tracker *tracker, const struct save_options *opts,
	     struct save_result *result)
{
	struct save *s = calloc(1, sizeof(*s));
	uint64_t start = clock_us();
	int ret = -1;

	memset(result, 0, sizeof(*result));
	if (!s)
		return msg_error("out of memory");
	s->dom = dom;
	s->tracker = tracker;
	s->opts = opts;
	s->res = result;
	s->out.fd = -1;
	s->out.dir = -1;
	if (save_check_domain(s) || save_prepare(s))
		goto out;
	ret = save_parked(s);
	if (park_release(&s->park))
		ret = -1;
	tracker->ops->stop(tracker);
	result->total_us = clock_us() - start;
out:
	save_free(s);
	return ret;
}
