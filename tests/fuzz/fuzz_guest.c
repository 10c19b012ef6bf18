// SPDX-License-Identifier: GPL-2.0
/*
 * A whole save of a guest that changes anything at any moment. It ends with an image
 * that can be read, or with an error, no image and a guest that runs. The first byte says
 * how it is saved, or that it is recovered.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "image/source.h"
#include "msg.h"
#include "patches.h"
#include "recover.h"
#include "save.h"

#define IMAGE "image"

static void guest_phase(const char *name)
{
	(void)name;
	patches_event();
}

static void guest_event(struct machine *m)
{
	(void)m;
	patches_event();
}

static void guest_check_image(const struct save_result *res)
{
	static const struct source_options opts = { .threads = 1 };
	int fd = open(IMAGE, O_RDONLY | O_CLOEXEC);
	struct source *src;

	fuzz_check(fd >= 0);
	src = source_open(fd, &opts);
	fuzz_check(src);
	fuzz_check(!source_pump(src, NULL));
	fuzz_check(src->info.digest && src->info.vcpus);
	fuzz_check(src->info.pages[STILLPOINT_PAGE_DATA] + src->info.pages[STILLPOINT_PAGE_ZERO] +
			   src->info.pages[STILLPOINT_PAGE_FREE] ==
		   res->pages);
	source_free(src);
	close(fd);
	unlink(IMAGE);
}

/* A tool died while it had the guest paused in its park. */
static int guest_recover(struct machine *m)
{
	char text[128] = "";
	int ret;

	machine_park(m, machine_guest_half(m)->taken + 1);
	fuzz_check(!m->dom.ops->pause(&m->dom));
	patches_event();
	ret = recover_run(&m->dom, text, sizeof(text));
	fuzz_check(ret || text[0]);
	fuzz_check(ret || m->pauses || strstr(text, "runs on"));
	fuzz_check(!m->mapped && !m->channels);
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tracker_ops *const trackers[] = { &tracker_guest, &tracker_logdirty,
							      &tracker_none, &tracker_compare };
	struct save_options opts = {
		.path = IMAGE,
		.park_timeout_ms = 20,
		.deadline_ms = 20,
		.staging = UINT64_C(1) << 20,
		.max_rounds = 3,
		.threads = 1,
		.phase = guest_phase,
		.image = { .layout = IMAGE_XL, .threads = 1 },
	};
	struct fuzz_input in = { data, size };
	static struct save_result res;
	uint8_t how = fuzz_take_u8(&in);
	struct machine *m;
	int ret;

	opts.track = trackers[how % 4];
	opts.audit = how & 4;
	opts.image.layout = (how >> 3) % 3;
	m = patches_begin(in.data, in.size);
	m->on_harvest = guest_event;
	m->on_types = guest_event;
	m->on_pause = guest_event;
	m->on_run = guest_event;
	if (how & 0x80) {
		fuzz_verdict(guest_recover(m));
		return 0;
	}
	ret = save_run(&m->dom, &opts, &res);
	fuzz_check(!m->pauses && !m->mapped && !m->channels && !m->logging);
	if (!ret)
		guest_check_image(&res);
	else
		fuzz_check(access(IMAGE, F_OK));
	fuzz_verdict(ret);
	return 0;
}
