// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* F_OFD_SETLK */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xxhash.h>

#include "msg.h"
#include "tmem/arena.h"
#include "tmem/zones.h"

/* Records for each 4 KiB of data: compressed pages are small, and handles can share them. */
#define ARENA_BLOBS_PER_PAGE 4
#define ARENA_PAGES_PER_PAGE 8

/* Records are given memory in pieces of this many bytes. */
#define ARENA_STEP 65536u

/* The part of the limit that either of the tables may take, as a divisor. */
#define ARENA_TABLES 4

/* Bytes that the process keeps for each record of a page or blob, at most. */
#define ARENA_PAGE_COST (sizeof(struct arena_page) + 96)
#define ARENA_BLOB_COST (sizeof(struct arena_blob) + 16)

void (*arena_hook)(void);

void *arena_array(size_t n, size_t size)
{
	void *p = mmap(NULL, n * size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void arena_array_free(void *array, size_t n, size_t size)
{
	if (array)
		munmap(array, n * size);
}

uint64_t arena_page_check(const struct arena *a, const struct arena_page *page)
{
	return XXH3_64bits_withSeed(&page->object,
				    offsetof(struct arena_page, check) -
					    offsetof(struct arena_page, object),
				    a->super->seed ^ (page - a->pages));
}

uint64_t arena_blob_check(const struct arena *a, const struct arena_blob *blob)
{
	uint64_t what[3] = { blob->place >> 32, blob->hash[0], blob->hash[1] };

	return XXH3_64bits_withSeed(what, sizeof(what), a->super->seed ^ ~(blob - a->blobs));
}

static size_t arena_round(size_t size)
{
	return (size + ARENA_ZONE - 1) / ARENA_ZONE * ARENA_ZONE;
}

/* Where the tables are, of a file that is at @base. Returns the size of the file. */
static size_t arena_layout(struct arena *a, const struct arena_super *s, uintptr_t base)
{
	size_t at = ARENA_ZONE;

	a->domains = (void *)(base + at);
	at += arena_round(s->domains * sizeof(struct arena_domain));
	a->pools = (void *)(base + at);
	at += arena_round(s->pools * sizeof(struct arena_pool));
	a->pages = (void *)(base + at);
	at += arena_round(s->pages * sizeof(struct arena_page));
	a->blobs = (void *)(base + at);
	at += arena_round(s->blobs * sizeof(struct arena_blob));
	a->data = (void *)(base + at);
	return at + s->zones * ARENA_ZONE;
}

static bool arena_take_memory(struct arena *a, const void *from, size_t bytes)
{
	return !fallocate(a->fd, FALLOC_FL_KEEP_SIZE, (const uint8_t *)from - a->map, bytes);
}

static int arena_map(struct arena *a)
{
	a->map = mmap(NULL, a->size, PROT_READ | PROT_WRITE, MAP_SHARED, a->fd, 0);
	if (a->map == MAP_FAILED) {
		a->map = NULL;
		return msg_error("cannot map the tmem store's file: %s", strerror(errno));
	}
	a->super = (void *)a->map;
	return 0;
}

/* Nothing is in the file yet; it gets its name once it can be opened. */
static int arena_make(struct arena *a, const char *dir, uint64_t limit, uint64_t most)
{
	char new[PATH_MAX], path[PATH_MAX];
	struct arena_super s = {
		.magic = ARENA_MAGIC,
		.version = ARENA_VERSION,
		.zones = (most > limit ? most : limit) / ARENA_ZONE + 1,
		.pools = ARENA_POOLS,
		.domains = ARENA_DOMAINS,
	};

	s.blobs = s.zones * (ARENA_ZONE / STILLPOINT_TMEM_PAGE_SIZE) * ARENA_BLOBS_PER_PAGE;
	s.pages = s.zones * (ARENA_ZONE / STILLPOINT_TMEM_PAGE_SIZE) * ARENA_PAGES_PER_PAGE;
	if (s.zones > UINT32_MAX / ARENA_ZONE_UNITS || s.pages > UINT32_MAX)
		return msg_error("a tmem store of %llu bytes is too large",
				 (unsigned long long)s.zones * ARENA_ZONE);
	if (getrandom(&s.seed, sizeof(s.seed), 0) != sizeof(s.seed))
		return msg_error("cannot get random bytes: %s", strerror(errno));
	snprintf(new, sizeof(new), "%s/arena.new", dir);
	snprintf(path, sizeof(path), "%s/arena", dir);
	a->fd = open(new, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (a->fd < 0)
		return msg_error("cannot make '%s': %s", new, strerror(errno));
	a->size = arena_layout(a, &s, 0);
	if (ftruncate(a->fd, a->size) || fallocate(a->fd, 0, 0, (uintptr_t)a->pages) ||
	    arena_map(a)) {
		msg_error("cannot take memory for '%s': %s", new, strerror(errno));
		unlink(new);
		return -1;
	}
	*a->super = s;
	if (rename(new, path))
		return msg_error("cannot rename '%s': %s", new, strerror(errno));
	return 0;
}

/* The daemon of the same version wrote it, but nothing is taken on trust. */
static int arena_find(struct arena *a, const char *dir)
{
	struct arena_super s;
	struct stat st;

	if (pread(a->fd, &s, sizeof(s), 0) != sizeof(s) || fstat(a->fd, &st))
		return msg_error("cannot read the tmem store's file in '%s'", dir);
	if (s.magic != ARENA_MAGIC || s.version != ARENA_VERSION)
		return msg_error(
			"the tmem store's file in '%s' has version %u, expected %u; stop the guests that use it and remove it",
			dir, s.version, ARENA_VERSION);
	if (s.domains != ARENA_DOMAINS || s.pools != ARENA_POOLS || !s.zones ||
	    s.zones > UINT32_MAX / ARENA_ZONE_UNITS || s.pages > UINT32_MAX ||
	    s.blobs > UINT32_MAX || s.page_high > s.pages || s.blob_high > s.blobs ||
	    s.zone_high > s.zones || arena_layout(a, &s, 0) != (size_t)st.st_size)
		return msg_error("the tmem store's file in '%s' is damaged; its sizes do not match",
				 dir);
	a->size = st.st_size;
	a->found = true;
	return arena_map(a);
}

/* Returns a descriptor that holds it. */
static int arena_lock_file(const char *path, const char *dir)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return msg_error("cannot open '%s': %s", path, strerror(errno));
	if (!fcntl(fd, F_OFD_SETLK, &fl))
		return fd;
	if (errno == EAGAIN || errno == EACCES)
		msg_error("another daemon serves the tmem store in '%s'", dir);
	else
		msg_error("cannot lock '%s': %s", path, strerror(errno));
	close(fd);
	return -1;
}

int arena_lock_beside(const char *dir)
{
	size_t length = strlen(dir);
	char path[PATH_MAX];

	while (length > 1 && dir[length - 1] == '/')
		length--;
	if (snprintf(path, sizeof(path), "%.*s.lock", (int)length, dir) >= (int)sizeof(path))
		return msg_error("the path '%s' is too long", dir);
	return arena_lock_file(path, dir);
}

static int arena_lock(struct arena *a, const char *dir)
{
	char path[PATH_MAX];

	if (mkdir(dir, 0700) && errno != EEXIST)
		return msg_error("cannot make '%s': %s", dir, strerror(errno));
	snprintf(path, sizeof(path), "%s/lock", dir);
	a->lock = arena_lock_file(path, dir);
	return a->lock < 0 ? -1 : 0;
}

static int arena_open_file(struct arena *a, const char *dir, uint64_t limit, uint64_t most)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/arena", dir);
	a->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (a->fd >= 0)
		return arena_find(a, dir);
	if (errno != ENOENT)
		return msg_error("cannot open '%s': %s", path, strerror(errno));
	return arena_make(a, dir, limit, most);
}

int arena_open(struct arena *a, const char *dir, uint64_t limit, uint64_t most)
{
	memset(a, 0, sizeof(*a));
	a->fd = -1;
	a->lock = -1;
	a->limit = limit;
	if (arena_lock(a, dir) || arena_open_file(a, dir, limit, most))
		goto fail;
	arena_layout(a, a->super, (uintptr_t)a->map);
	/* Zone 0 is not used, so that 0 is none. */
	a->zones = arena_array(a->super->zones, sizeof(*a->zones));
	if (!a->zones) {
		msg_error("out of memory");
		goto fail;
	}
	if (!a->super->zone_high)
		arena_commit(&a->super->zone_high, 1);
	if (a->found)
		arena_commit(&a->super->restarts, a->super->restarts + 1);
	return 0;

fail:
	arena_close(a);
	return -1;
}

void arena_close(struct arena *a)
{
	if (a->zones)
		arena_array_free(a->zones, a->super->zones, sizeof(*a->zones));
	if (a->map)
		munmap(a->map, a->size);
	if (a->fd >= 0)
		close(a->fd);
	if (a->lock >= 0)
		close(a->lock);
	memset(a, 0, sizeof(*a));
	a->fd = -1;
	a->lock = -1;
}

uint64_t arena_used(const struct arena *a)
{
	return (uintptr_t)a->pages - (uintptr_t)a->map + a->super->page_high * ARENA_PAGE_COST +
	       a->super->blob_high * ARENA_BLOB_COST + a->zone_count * ARENA_ZONE + a->kept;
}

/* A table is never given back: half of the room is for what is in the pages. */
static bool arena_grow(struct arena *a, uint8_t *table, uint64_t *high, uint64_t most, size_t size,
		       size_t cost)
{
	uint64_t next = *high + ARENA_STEP / size;

	if (next > most || (*high && next * cost > a->limit / ARENA_TABLES) ||
	    !arena_trim(a, ARENA_STEP / size * cost) ||
	    !arena_take_memory(a, table + *high * size, ARENA_STEP))
		return false;
	arena_commit(high, next);
	return true;
}

bool arena_grow_pages(struct arena *a)
{
	return arena_grow(a, (uint8_t *)a->pages, &a->super->page_high, a->super->pages,
			  sizeof(struct arena_page), ARENA_PAGE_COST);
}

bool arena_grow_blobs(struct arena *a)
{
	return arena_grow(a, (uint8_t *)a->blobs, &a->super->blob_high, a->super->blobs,
			  sizeof(struct arena_blob), ARENA_BLOB_COST);
}
