// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "input.h"
#include "msg.h"
#include "progress.h"

int input_open(struct input *in, const char *path, const char *key_file)
{
	memset(in, 0, sizeof(*in));
	in->path = path;
	in->fd = -1;
	if (key_file && crypt_read_secret(key_file, &in->secret))
		return -1;
	if (!strcmp(path, "-"))
		in->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	else
		in->fd = open(path, O_RDONLY | O_CLOEXEC);
	return in->fd < 0 ? msg_error("cannot open it: %s", strerror(errno)) : 0;
}

int input_open_strict(struct input *in, const char *path, const char *key_file)
{
	int ret = input_open(in, path, key_file);

	in->strict = true;
	return ret;
}

int input_recognise(struct input *in, const struct source_options *opts)
{
	struct source_options with_key = *opts;

	with_key.secret = in->secret.data ? &in->secret : NULL;
	with_key.must_decrypt = in->strict && with_key.secret;
	in->src = source_open(in->fd, &with_key);
	return in->src ? 0 : -1;
}

int input_read(struct input *in, unsigned int threads, struct image *to)
{
	struct source_options opts = {
		.threads = threads,
		.side = !to,
		.progress = progress_on_terminal(),
	};
	int ret;

	if (input_recognise(in, &opts))
		return -1;
	ret = source_pump(in->src, to);
	progress_end();
	return ret;
}

void input_close(struct input *in)
{
	source_free(in->src);
	if (in->fd >= 0)
		close(in->fd);
	crypt_free_secret(&in->secret);
	memset(in, 0, sizeof(*in));
	in->fd = -1;
}

uint64_t input_pages(const struct source_info *info)
{
	return info->pages[STILLPOINT_PAGE_DATA] + info->pages[STILLPOINT_PAGE_ZERO] +
	       info->pages[STILLPOINT_PAGE_FREE];
}

uint64_t input_tmem_pages(const struct source_info *info)
{
	struct tmem_sum sum;

	if (!info->tmem)
		return 0;
	tmem_state_sum(info->tmem, &sum);
	return sum.persistent + sum.ephemeral;
}
