// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copier.h"
#include "image/source.h"
#include "memory.h"
#include "msg.h"
#include "ours.h"
#include "placer.h"
#include "save.h"

#include "../../unit/domain_file.h"

#define OURS_TIMEOUT_MS 60000
#define OURS_STAGING (256u << 20)

int ours_parse(const char *text, struct image_options *image)
{
	const char *colon = strchr(text, ':');
	char layout[16];

	memset(image, 0, sizeof(*image));
	image->threads = copier_default_threads();
	snprintf(layout, sizeof(layout), "%.*s", colon ? (int)(colon - text) : 15, text);
	if (image_parse_layout(layout, &image->layout))
		return -1;
	return colon ? codec_parse(colon + 1, &image->compress) : 0;
}

static int ours_save_machine(struct machine *m, const struct save_options *opts,
			     struct usage *usage)
{
	static struct save_result res;

	machine_track(m);
	if (usage_begin(usage, getpid()) || save_run(&m->dom, opts, &res))
		return -1;
	usage_done(usage);
	usage_end(usage);
	return 0;
}

int ours_save(const char *memory, const struct image_options *image, const char *path,
	      struct usage *usage)
{
	struct save_options opts = {
		.path = path,
		.after = SAVE_RUN_ON,
		.park_timeout_ms = OURS_TIMEOUT_MS,
		.deadline_ms = OURS_TIMEOUT_MS,
		.staging = OURS_STAGING,
		.track = &tracker_guest,
		.max_rounds = 2,
		.threads = copier_default_threads(),
		.image = *image,
	};
	struct machine *m;
	uint64_t pfns;
	int fd, ret;

	fd = memory_open(memory, &pfns);
	if (fd < 0)
		return -1;
	m = machine_build_in(fd, pfns);
	ret = ours_save_machine(m, &opts, usage);
	machine_free(m);
	return ret;
}

static int ours_pump(int fd, struct placer *placer)
{
	struct source_options opts = { .threads = copier_default_threads() };
	struct source *src = source_open(fd, &opts);
	int ret;

	if (!src)
		return -1;
	ret = source_pump(src, &placer->img);
	source_free(src);
	if (!ret && !placer->complete)
		ret = msg_error("the image is incomplete");
	return ret;
}

int ours_load(const char *path, const char *memory, struct usage *usage)
{
	struct placer placer;
	int fd, to, ret;
	uint64_t pfns;

	to = memory_open(memory, &pfns);
	if (to < 0)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		close(to);
		return msg_error("cannot open '%s': %s", path, strerror(errno));
	}
	placer_init(&placer, to, MACHINE_SPARE * PAGE_BYTES, pfns);
	ret = usage_begin(usage, getpid()) || ours_pump(fd, &placer);
	usage_done(usage);
	usage_end(usage);
	close(fd);
	close(to);
	return ret ? -1 : 0;
}
