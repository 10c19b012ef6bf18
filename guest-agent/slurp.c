// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "slurp.h"

#define SLURP_MAX (16UL << 20)
#define SLURP_STEP 16384UL

/* Make room for one more step. Returns 0 or a negative errno. */
static int grow(char **text, size_t size)
{
	char *more;

	if (size > SLURP_MAX)
		return -EFBIG;
	more = realloc(*text, size);
	if (!more)
		return -ENOMEM;
	*text = more;
	return 0;
}

static int slurp_fd(int fd, char **text)
{
	size_t used = 0;
	ssize_t got;
	int err;

	for (;;) {
		err = grow(text, used + SLURP_STEP + 1);
		if (err)
			return err;
		got = read(fd, *text + used, SLURP_STEP);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		used += (size_t)got;
		if (!got) {
			(*text)[used] = '\0';
			return 0;
		}
	}
}

int slurp(const char *path, char **text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	*text = NULL;
	if (fd < 0)
		return -errno;
	err = slurp_fd(fd, text);
	close(fd);
	if (err) {
		free(*text);
		*text = NULL;
	}
	return err;
}
