// SPDX-License-Identifier: GPL-2.0
/* Files: mapped in every way, and written and cut short through the page cache. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "churn.h"
#include "pattern.h"
#include "util.h"

static size_t pages_of(const struct churn *churn)
{
	return churn->bytes / PAGE_BYTES;
}

static void *map_file(int fd, size_t bytes, int flags)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (at == MAP_FAILED)
		die(errno, "mapping a file");
	return at;
}

/* Pages of a file, by read, are those of churn_fill(). */
static bool file_filled(int fd, size_t first, size_t n, uint64_t round)
{
	static uint64_t page[PAGE_BYTES / sizeof(uint64_t)];
	size_t i;

	for (i = first; i < first + n; i++)
		if (pread(fd, page, PAGE_BYTES, i * PAGE_BYTES) != (ssize_t)PAGE_BYTES ||
		    !churn_filled(page, 1, i, round))
			return false;
	return true;
}

static bool write_file(int fd, size_t first, size_t n, uint64_t round)
{
	static uint64_t page[PAGE_BYTES / sizeof(uint64_t)];
	size_t i;

	for (i = first; i < first + n; i++) {
		churn_fill(page, 1, i, round);
		if (pwrite(fd, page, PAGE_BYTES, i * PAGE_BYTES) != (ssize_t)PAGE_BYTES)
			return false;
	}
	return true;
}

/* A shared mapping is written, unmapped, read by other ways, and mapped again. */
static const char *share(struct churn *churn, int fd)
{
	size_t pages = pages_of(churn), first, n;
	char *at = map_file(fd, churn->bytes, MAP_SHARED);
	const char *wrong = NULL;

	churn_fill(at, pages, 0, churn->round);
	if (churn->round % 4 == 0 && msync(at, churn->bytes, MS_SYNC))
		wrong = "msync";
	n = churn_part(churn, pages, &first);
	munmap(at + first * PAGE_BYTES, n * PAGE_BYTES);
	if (!wrong && !file_filled(fd, first, n, churn->round))
		wrong = "what was written to the mapping is not in the file";
	munmap(at, churn->bytes);
	at = map_file(fd, churn->bytes, MAP_SHARED);
	if (!wrong && !churn_filled(at, pages, 0, churn->round))
		wrong = "what was written is not in the new mapping";
	churn_fill(at + first * PAGE_BYTES, n, first, churn->round + 1);
	munmap(at, churn->bytes);
	if (!wrong && !file_filled(fd, first, n, churn->round + 1))
		wrong = "what was written before unmapping is not in the file";
	return wrong;
}

static const char *round_shared(struct churn *churn)
{
	int fd = churn_open(churn, "shared", churn->bytes);
	const char *wrong = share(churn, fd);

	close(fd);
	return wrong;
}

/* The same in memory that is a file, with a hole punched in it. */
static const char *round_memfd(struct churn *churn)
{
	static int fd = -1;
	size_t pages = pages_of(churn), first, n;
	const char *wrong;

	if (fd < 0) {
		fd = memfd_create("churn", MFD_CLOEXEC);
		if (fd < 0 || ftruncate(fd, churn->bytes))
			return "memfd";
	}
	wrong = share(churn, fd);
	n = churn_part(churn, pages, &first);
	if (!wrong && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, first * PAGE_BYTES,
				n * PAGE_BYTES))
		wrong = "punching a hole";
	return wrong;
}

/* A private mapping is written; the file stays as it was. */
static const char *round_private(struct churn *churn)
{
	int fd = churn_open(churn, "private", churn->bytes);
	size_t pages = pages_of(churn), first, n = churn_part(churn, pages, &first);
	const char *wrong = NULL;
	char *at;

	if (churn->round == 1 && !write_file(fd, 0, pages, 0))
		return "writing the file";
	at = map_file(fd, churn->bytes, MAP_PRIVATE);
	churn_fill(at + first * PAGE_BYTES, n, first, churn->round);
	if (!churn_filled(at + first * PAGE_BYTES, n, first, churn->round))
		wrong = "the mapping lost what was written";
	else if (!churn_filled(at, first, 0, 0))
		wrong = "the mapping has changed where it was not written";
	else if (!file_filled(fd, first, n, 0))
		wrong = "writing to the mapping changed the file";
	munmap(at, churn->bytes);
	close(fd);
	return wrong;
}

/* Written, rewritten, cut short, longer again, synced, dropped from memory, read. */
static const char *round_pagecache(struct churn *churn)
{
	int fd = churn_open(churn, "pagecache", churn->bytes);
	size_t pages = pages_of(churn), first, n = churn_part(churn, pages, &first);
	const char *wrong = NULL;

	if (!write_file(fd, 0, pages, churn->round) || !write_file(fd, first, n, churn->round + 1))
		wrong = "writing the file";
	else if (!file_filled(fd, first, n, churn->round + 1))
		wrong = "the file lost what was rewritten";
	else if (ftruncate(fd, first * PAGE_BYTES + 100) || ftruncate(fd, churn->bytes))
		wrong = "cutting the file short";
	else if (!write_file(fd, first, n, churn->round))
		wrong = "writing again behind the cut";
	if (churn->round % 2 == 0 && fdatasync(fd))
		wrong = "fdatasync";
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	if (!wrong && !file_filled(fd, 0, first + n, churn->round))
		wrong = "the file lost what was written";
	close(fd);
	return wrong;
}

/* Dirty by a mapping, written back, dirty again by the same mapping. */
static const char *round_writeback(struct churn *churn)
{
	int fd = churn_open(churn, "writeback", churn->bytes);
	char *at = map_file(fd, churn->bytes, MAP_SHARED);
	size_t pages = pages_of(churn), first, n = churn_part(churn, pages, &first);
	const char *wrong = NULL;

	churn_fill(at, pages, 0, churn->round);
	if (sync_file_range(fd, 0, churn->bytes,
			    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
				    SYNC_FILE_RANGE_WAIT_AFTER))
		wrong = "sync_file_range";
	churn_fill(at + first * PAGE_BYTES, n, first, churn->round + 1);
	if (churn->round % 4 == 0 && fsync(fd))
		wrong = "fsync";
	churn_fill(at + first * PAGE_BYTES, n, first, churn->round + 2);
	if (!wrong && !file_filled(fd, first, n, churn->round + 2))
		wrong = "what was written last is not in the file";
	munmap(at, churn->bytes);
	close(fd);
	return wrong;
}

/* Past the page cache, from and into the memory of the process. */
static const char *round_direct(struct churn *churn)
{
	static char *buf;
	int fd = churn_open(churn, "direct", churn->bytes);
	size_t n = churn->bytes / 4 / PAGE_BYTES;
	off_t at = (off_t)(churn->round % 4) * n * PAGE_BYTES;
	const char *wrong = NULL;

	if (!buf)
		buf = churn_map(n * PAGE_BYTES, MAP_PRIVATE);
	if (fcntl(fd, F_SETFL, O_DIRECT))
		die(errno, "O_DIRECT");
	churn_fill(buf, n, at / PAGE_BYTES, churn->round);
	if (pwrite(fd, buf, n * PAGE_BYTES, at) != (ssize_t)(n * PAGE_BYTES))
		wrong = "a direct write";
	memset(buf, 0, n * PAGE_BYTES);
	if (!wrong && pread(fd, buf, n * PAGE_BYTES, at) != (ssize_t)(n * PAGE_BYTES))
		wrong = "a direct read";
	else if (!wrong && !churn_filled(buf, n, at / PAGE_BYTES, churn->round))
		wrong = "a direct read got other data than was written";
	close(fd);
	return wrong;
}

const struct churn_kind churn_files[] = {
	{ "shared", round_shared },
	{ "memfd", round_memfd },
	{ "private", round_private },
	{ "pagecache", round_pagecache },
	{ "writeback", round_writeback },
	{ "direct", round_direct },
	{ 0 },
};
