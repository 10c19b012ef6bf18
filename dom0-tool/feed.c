// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "feed.h"
#include "msg.h"
#include "image/xl_format.h"

#define FEED_BUFFER (1u << 16)

static int feed_write(int fd, const void *data, size_t size)
{
	const char *p = data;
	ssize_t n;

	while (size) {
		n = write(fd, p, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		size -= n;
	}
	return 0;
}

static int feed_all(int fd, int image, uint64_t stream, const char *config)
{
	uint32_t length = strlen(config) + 1;
	struct xl_header header = {
		.byteorder = XL_BYTEORDER,
		.mandatory_flags = XL_FLAG_JSON | XL_FLAG_STREAMV2,
		.optional_length = sizeof(length) + length,
	};
	static char buffer[FEED_BUFFER];
	ssize_t n;

	memcpy(header.magic, XL_MAGIC, XL_MAGIC_SIZE);
	if (feed_write(fd, &header, sizeof(header)) || feed_write(fd, &length, sizeof(length)) ||
	    feed_write(fd, config, length))
		return -1;
	while ((n = pread(image, buffer, sizeof(buffer), stream)) > 0) {
		if (feed_write(fd, buffer, n))
			return -1;
		stream += n;
	}
	return n ? -1 : 0;
}

int feed_start(struct feed *feed, int image, uint64_t stream, const char *config)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return msg_error("cannot make a pipe: %s", strerror(errno));
	feed->fd = ends[0];
	feed->pid = fork();
	if (!feed->pid) {
		/* A reader that goes away ends this process. */
		signal(SIGPIPE, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		close(ends[0]);
		_exit(feed_all(ends[1], image, stream, config) ? 1 : 0);
	}
	close(ends[1]);
	if (feed->pid < 0) {
		close(ends[0]);
		return msg_error("cannot start a process: %s", strerror(errno));
	}
	return 0;
}

void feed_stop(struct feed *feed)
{
	if (feed->fd >= 0)
		close(feed->fd);
	/* Anything else names more than one process. */
	if (feed->pid <= 0)
		return;
	kill(feed->pid, SIGTERM);
	while (waitpid(feed->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
