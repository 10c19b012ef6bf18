// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* memfd_create, MADV_HUGEPAGE */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copier.h"
#include "data.h"
#include "memory.h"
#include "msg.h"
#include "page.h"

#include "../../unit/domain_file.h"

#define MEMORY_SPARE ((size_t)MACHINE_SPARE * PAGE_BYTES)

int memory_open(const char *path, uint64_t *pfns)
{
	struct stat st;
	int fd;

	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		goto fail;
	if ((uint64_t)st.st_size < MEMORY_SPARE + 4 * MEMORY_SPARE) {
		close(fd);
		return msg_error("'%s' is too small for a guest", path);
	}
	*pfns = (st.st_size - MEMORY_SPARE) / PAGE_BYTES;
	return fd;

fail:
	msg_error("cannot open '%s': %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

uint8_t *memory_map(const char *path, uint64_t *pfns)
{
	int fd = memory_open(path, pfns);
	uint8_t *mem;
	size_t size;

	if (fd < 0)
		return NULL;
	size = MEMORY_SPARE + *pfns * PAGE_BYTES;
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (mem == MAP_FAILED) {
		msg_error("cannot map '%s': %s", path, strerror(errno));
		return NULL;
	}
	/* As QEMU asks for its guests. */
	madvise(mem, size, MADV_HUGEPAGE);
	return mem;
}

void memory_unmap(uint8_t *mem, uint64_t pfns)
{
	munmap(mem, MEMORY_SPARE + pfns * PAGE_BYTES);
}

int memory_create(const char *path, uint64_t mib)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600), ret = 0;

	if (fd < 0 || ftruncate(fd, MEMORY_SPARE + (mib << 20)))
		ret = msg_error("cannot make '%s': %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ret;
}

static bool memory_zero(const uint8_t *page)
{
	return !page[0] && !memcmp(page, page + 1, PAGE_BYTES - 1);
}

static int memory_write_data(const char *path, const uint8_t *page, uint64_t pfns)
{
	FILE *f = fopen(path, "we");
	uint64_t pfn;
	int ret = 0;

	if (!f)
		return msg_error("cannot make '%s': %s", path, strerror(errno));
	for (pfn = 0; pfn < pfns; pfn++)
		if (!memory_zero(page + pfn * PAGE_BYTES))
			fwrite(page + pfn * PAGE_BYTES, PAGE_BYTES, 1, f);
	if (ferror(f))
		ret = msg_error("cannot write '%s': %s", path, strerror(errno));
	if (fclose(f) && !ret)
		ret = msg_error("cannot write '%s': %s", path, strerror(errno));
	return ret;
}

int memory_make(const char *path, const char *data, uint64_t mib, uint64_t seed)
{
	struct machine *m;
	uint64_t pfns;
	uint8_t *mem;
	int ret;

	if (memory_create(path, mib))
		return -1;
	mem = memory_map(path, &pfns);
	if (!mem)
		return -1;
	ret = data_make(mem + MEMORY_SPARE, mib, seed, copier_default_threads());
	if (!ret) {
		m = machine_build_in(memory_open(path, &pfns), pfns);
		machine_free(m);
		ret = memory_write_data(data, mem + MEMORY_SPARE, pfns);
	}
	memory_unmap(mem, pfns);
	return ret;
}

/* True if the image has another form of @pfn. */
static bool memory_is_table(const struct machine *m, uint64_t pfn)
{
	return page_type_level(m->types[m->p2m_mfn[pfn]]);
}

static int memory_compare_pages(const uint8_t *a, const uint8_t *b, const struct machine *m,
				uint64_t pfns)
{
	uint64_t pfn, different = 0, first = 0;

	for (pfn = 0; pfn < pfns; pfn++) {
		if (!memcmp(a + pfn * PAGE_BYTES, b + pfn * PAGE_BYTES, PAGE_BYTES) ||
		    (m && memory_is_table(m, pfn)))
			continue;
		if (!different++)
			first = pfn;
	}
	if (different)
		return msg_error("%llu pages are not the same, the first is pfn %#llx",
				 (unsigned long long)different, (unsigned long long)first);
	return 0;
}

/* A machine of that shape with nothing in its memory. */
static struct machine *memory_shape(uint64_t pfns)
{
	int fd = memfd_create("shape", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, MEMORY_SPARE + pfns * PAGE_BYTES))
		return NULL;
	return machine_build_in(fd, pfns);
}

int memory_compare(const char *path, const char *other, bool but_tables)
{
	struct machine *m = NULL;
	uint8_t *a = NULL, *b = NULL;
	uint64_t pfns = 0, others = 0;
	int ret = -1;

	a = memory_map(path, &pfns);
	b = a ? memory_map(other, &others) : NULL;
	if (!b)
		goto out;
	if (pfns != others) {
		msg_error("'%s' and '%s' do not have the same size", path, other);
		goto out;
	}
	if (but_tables)
		m = memory_shape(pfns);
	if (but_tables && !m)
		msg_error("cannot make a file in memory: %s", strerror(errno));
	else
		ret = memory_compare_pages(a + MEMORY_SPARE, b + MEMORY_SPARE, m, pfns);
	if (m)
		machine_free(m);
out:
	if (a)
		memory_unmap(a, pfns);
	if (b)
		memory_unmap(b, others);
	return ret;
}
