// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include "image_parse.h"
#include "tempdir.h"

static uint32_t get32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t get64(const uint8_t *p)
{
	return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static void parse_pages(struct parsed *p, const uint8_t *body, uint32_t length)
{
	uint32_t count = get32(body), i;
	const uint8_t *data = body + 8 + count * 8;

	assert_in_range(count, 1, 1024);
	for (i = 0; i < count; i++) {
		uint64_t entry = get64(body + 8 + i * 8);
		uint64_t pfn = entry & UINT64_C(0x0fffffffffffffff);
		uint32_t type = entry >> 60;

		assert_true(pfn <= p->max_pfn && pfn < PARSE_PFNS);
		/* The last one counts. */
		p->order[pfn] = ++p->pages;
		p->type[pfn] = type;
		p->page[pfn] = NULL;
		if (type >= 13)
			continue;
		p->page[pfn] = data;
		p->data_pages++;
		data += 4096;
	}
	assert_int_equal(data - body, length);
}

static void parse_record(struct parsed *p, uint32_t type, const uint8_t *body, uint32_t length)
{
	uint32_t vcpu = length >= 4 ? get32(body) : 0;

	assert_true(type < 32);
	p->records[type]++;
	switch (type) {
	case 1:
		parse_pages(p, body, length);
		break;
	case 3:
		assert_int_equal(get32(body), 0);
		p->max_pfn = get32(body + 4);
		p->p2m_frames = (const uint64_t *)(body + 8);
		p->np2m_frames = (length - 8) / 8;
		break;
	case 4:
		assert_int_equal(length, 8 + 5168);
		p->vcpu[vcpu] = (const void *)(body + 8);
		break;
	case 5:
		p->extended[vcpu] = body + 8;
		break;
	case 6:
		p->xsave[vcpu] = body + 8;
		break;
	case 7:
		assert_int_equal(length, 4096);
		p->shared_info = body;
		break;
	case 12:
		p->msrs[vcpu] = body + 8;
		break;
	}
}

void image_parse(const char *path, struct parsed *p)
{
	const uint8_t *at, *copy;
	uint32_t type, length;
	size_t stream;

	memset(p, 0, sizeof(*p));
	p->file = tempdir_read(path, &p->size);
	stream = 48 + get32(p->file + 44);
	/* So that what is read in place is aligned, whatever the configuration's length. */
	memmove(p->file, p->file + stream, p->size - stream);
	copy = p->file;
	assert_memory_equal(copy, "LibxlFmt\0\0\0\2\0\0\0\0\1\0\0\0\0\0\0\0", 24);
	assert_memory_equal(copy + 24, "\xff\xff\xff\xff\xff\xff\xff\xffXENF\0\0\0\3", 16);
	assert_int_equal(get32(copy + 48), 1);
	at = copy + 64;
	do {
		type = get32(at);
		length = get32(at + 4);
		parse_record(p, type, at + 8, length);
		at += 8 + (length + 7) / 8 * 8;
	} while (type);
	assert_int_equal(get64(at), 0);
	at += 8;
	assert_memory_equal(at, "SPNTTRLR", 8);
	assert_int_equal(get64(at + 32), at - copy + stream);
	assert_int_equal(at + 40 - copy, p->size - stream);
}
