// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* memfd_create, F_SETPIPE_SZ */
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "diff.h"
#include "fuzz.h"
#include "image/source.h"
#include "msg.h"
#include "pump.h"
#include "sink.h"

/* What a pipe holds if nobody reads it. */
#define PUMP_PIPE_BYTES (1 << 20)

/* An image of more pfns is not converted: the mapped layout has a place for each. */
#define PUMP_PFNS 4096

static const struct crypt_secret *pump_secret;

/* A file with the input in it, at its start. */
static int pump_file(const uint8_t *data, size_t size)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("input", MFD_CLOEXEC);
	fuzz_check(fd >= 0 && !ftruncate(fd, 0));
	fuzz_check(pwrite(fd, data, size, 0) == (ssize_t)size && !lseek(fd, 0, SEEK_SET));
	return fd;
}

/* The end of a pipe with the input in it, to be closed. */
static int pump_pipe(const uint8_t *data, size_t size)
{
	int fds[2];

	fuzz_check(!pipe2(fds, O_CLOEXEC));
	fuzz_check(fcntl(fds[1], F_SETPIPE_SZ, PUMP_PIPE_BYTES) == PUMP_PIPE_BYTES);
	fuzz_check(write(fds[1], data, size) == (ssize_t)size);
	close(fds[1]);
	return fds[0];
}

/* Configurations told before any page. */
static unsigned int pump_configs;

static int pump_config(void *data, const char *config)
{
	const struct sink *sink = data;

	fuzz_check(config && strlen(config) + 1);
	fuzz_check(!sink || !sink->pfns);
	pump_configs++;
	return 0;
}

/* The image that was read last has tmem pools. */
static bool pump_has_tmem;

/* Returns what source_pump() does, or -1 if it does not come to that. */
static int pump_once(int fd, unsigned int threads, struct image *to, struct sink *sink,
		     struct source_info *info)
{
	struct source_options opts = {
		.secret = pump_secret,
		.threads = threads,
		.config = pump_config,
		.data = sink,
		.side = true,
	};
	struct source *src;
	int ret;

	memset(info, 0, sizeof(*info));
	pump_configs = 0;
	src = source_open(fd, &opts);
	if (!src)
		return -1;
	ret = source_pump(src, to);
	*info = src->info;
	fuzz_check(ret || !info->config || pump_configs);
	pump_has_tmem = info->tmem && info->tmem->any;
	info->config = NULL;
	info->tmem = NULL;
	source_free(src);
	return ret;
}

/* Nothing may be left of an error when the next way of reading begins. */
static int pump_done(int ret)
{
	fuzz_check(!ret || msg_error_text()[0]);
	msg_error_clear();
	return ret;
}

static bool pump_same(const struct source_info *a, const struct source_info *b)
{
	return a->layout == b->layout && a->digest == b->digest && a->pfns == b->pfns &&
	       a->vcpus == b->vcpus && !memcmp(a->pages, b->pages, sizeof(a->pages)) &&
	       a->records == b->records && a->bytes == b->bytes && a->side == b->side &&
	       !memcmp(&a->xl, &b->xl, sizeof(a->xl));
}

/* What is read from a pipe is what is read from a file. */
static void pump_from_pipe(const uint8_t *data, size_t size, int ret,
			   const struct source_info *info)
{
	int fd = pump_pipe(data, size);
	struct source_info piped;
	bool worked = !pump_done(pump_once(fd, 2, NULL, NULL, &piped));

	close(fd);
	/* No pipe has a mapped image. */
	if (info->layout == IMAGE_MAPPED)
		fuzz_check(!worked);
	else
		fuzz_check(worked == !ret && (ret || pump_same(info, &piped)));
}

/* It has tmem pools and nothing else. */
static bool pump_is_side(const struct source_info *info)
{
	return info->layout == IMAGE_PACKED && info->side;
}

/*
 * Pass it on to a sink. Images in xl's layout may lack what the others need. Returns 0 if
 * it was taken.
 */
static int pump_checked(const uint8_t *data, size_t size, int fail_after, int ret,
			const struct source_info *info)
{
	static struct sink sink;
	struct source_info passed;
	int again;

	sink_init(&sink, fail_after);
	sink.side = pump_is_side(info);
	again = pump_done(pump_once(pump_file(data, size), 1, &sink.img, &sink, &passed));
	fuzz_check(sink.tail == (!again && !sink.side));
	if (again)
		fuzz_check(ret || sink.failed || info->layout == IMAGE_XL);
	else
		fuzz_check(!ret && !sink.failed && pump_same(info, &passed));
	if (!again)
		sink_check_pages(&sink, passed.pages);
	return again;
}

/* A restore makes the same of both files. */
static void pump_compare(int first, int second)
{
	struct diff *d = diff_new();
	struct diff_result res;
	struct source_info info;

	fuzz_check(d);
	fuzz_check(!pump_once(first, 1, diff_first(d), NULL, &info));
	fuzz_check(!pump_once(second, 1, diff_second(d), NULL, &info));
	diff_finish(d, &res);
	fuzz_check(diff_same(&res));
	diff_free(d);
}

static void pump_convert_to(enum image_layout layout, int fd, const struct source_info *info)
{
	struct image_options opts = {
		.layout = layout,
		.compress = { .codec = STILLPOINT_CODEC_LZ4 },
		.threads = 1,
		.pfns_max = info->pfns,
	};
	struct source_info converted;
	struct output out;
	struct image *img;

	fuzz_check(!output_open(&out, "image", false));
	img = image_new(&out, &opts);
	fuzz_check(img);
	fuzz_check(!pump_once(fd, 1, img, NULL, &converted));
	img->ops->free(img);
	fuzz_check(!output_flush(&out));
	fuzz_check(!pump_once(out.fd, 1, NULL, NULL, &converted));
	pump_compare(fd, out.fd);
	output_close(&out);
	fuzz_check(converted.layout == layout && converted.digest);
	fuzz_check(converted.pfns == info->pfns && converted.vcpus == info->vcpus);
	fuzz_check(converted.pages[STILLPOINT_PAGE_DATA] + converted.pages[STILLPOINT_PAGE_ZERO] +
			   converted.pages[STILLPOINT_PAGE_FREE] ==
		   info->pages[STILLPOINT_PAGE_DATA] + info->pages[STILLPOINT_PAGE_ZERO] +
			   info->pages[STILLPOINT_PAGE_FREE]);
}

/* The layout to convert to. xl's has no place for tmem pools. */
static enum image_layout pump_layout(uint8_t how)
{
	enum image_layout layout = (how >> 4) % 3;

	return layout == IMAGE_XL && pump_has_tmem ? IMAGE_PACKED : layout;
}

void pump(const uint8_t *data, size_t size, const struct crypt_secret *secret)
{
	struct fuzz_input in = { data, size };
	uint8_t how = fuzz_take_u8(&in);
	int fail_after = how & PUMP_FAIL ? how >> 4 : -1;
	struct source_info info;
	int ret, checked = -1;

	pump_secret = secret;
	ret = pump_once(pump_file(in.data, in.size), 1, NULL, NULL, &info);
	fuzz_verdict(ret);
	if ((how & PUMP_PIPE) && in.size <= PUMP_PIPE_BYTES)
		pump_from_pipe(in.data, in.size, ret, &info);
	if (how & PUMP_CHECK)
		checked = pump_checked(in.data, in.size, fail_after, ret, &info);
	if (!checked && (how & PUMP_CONVERT) && info.pfns <= PUMP_PFNS && !pump_is_side(&info))
		pump_convert_to(pump_layout(how), pump_file(in.data, in.size), &info);
}
