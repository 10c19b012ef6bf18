// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* nftw */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tempdir.h"
#include "unit.h"

static char tempdir_path[64];

void tempdir_enter(void)
{
	strcpy(tempdir_path, "/tmp/stillpoint-unit.XXXXXX");
	if (!mkdtemp(tempdir_path) || chdir(tempdir_path))
		abort();
}

static int tempdir_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void tempdir_leave(void)
{
	if (chdir("/") || nftw(tempdir_path, tempdir_remove, 8, FTW_DEPTH | FTW_PHYS))
		abort();
}

int tempdir_setup(void **state)
{
	(void)state;
	tempdir_enter();
	return 0;
}

int tempdir_teardown(void **state)
{
	(void)state;
	tempdir_leave();
	return 0;
}

unsigned int tempdir_count(const char *path)
{
	unsigned int n = 0;
	DIR *dir = opendir(path);

	if (!dir)
		abort();
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

uint8_t *tempdir_read(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	uint8_t *data;

	if (fd < 0 || fstat(fd, &st))
		abort();
	data = malloc(st.st_size + 1);
	if (!data || read(fd, data, st.st_size) != st.st_size)
		abort();
	close(fd);
	*size = st.st_size;
	return data;
}

void tempdir_assert(const char *path, const void *want, size_t size)
{
	const uint8_t *expected = want;
	size_t have, i;
	uint8_t *data = tempdir_read(path, &have);

	assert_int_equal(have, size);
	for (i = 0; i < size; i++)
		if (data[i] != expected[i])
			fail_msg("%s: the byte at %zu is %#x, not %#x", path, i, data[i],
				 expected[i]);
	free(data);
}

void tempdir_write(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || close(fd))
		abort();
}
