// SPDX-License-Identifier: GPL-2.0
#include "unit.h"

#include <stdlib.h>

#include "image/section.h"
#include "page.h"

#define MANDATORY STILLPOINT_SECTION_MANDATORY

static const struct crypt_secret secret = { .data = (uint8_t *)"open sesame", .size = 11 };

/* One image that is made, and the same as it is read. */
static struct sections made, seen;

static void begin(void)
{
	assert_works(sections_create(&made, STILLPOINT_LAYOUT_PACKED, NULL));
	made.header.frame_bytes = STILLPOINT_FRAME_MIN;
	assert_works(sections_seal_header(&made));
	assert_works(sections_open(&seen, &made.header, NULL));
}

static void finish(void)
{
	sections_free(&made);
	sections_free(&seen);
}

static void fields_have_their_offsets(void **state)
{
	(void)state;
	/* As docs/image-format.md has them; a compiler that pads would break all files. */
	assert_int_equal(offsetof(struct stillpoint_image_header, version), 10);
	assert_int_equal(offsetof(struct stillpoint_image_header, byteorder), 12);
	assert_int_equal(offsetof(struct stillpoint_image_header, layout), 16);
	assert_int_equal(offsetof(struct stillpoint_image_header, mandatory), 24);
	assert_int_equal(offsetof(struct stillpoint_image_header, optional), 32);
	assert_int_equal(offsetof(struct stillpoint_image_header, page_bytes), 40);
	assert_int_equal(offsetof(struct stillpoint_image_header, frame_bytes), 44);
	assert_int_equal(offsetof(struct stillpoint_image_header, places), 48);
	assert_int_equal(offsetof(struct stillpoint_image_header, data), 56);
	assert_int_equal(offsetof(struct stillpoint_image_header, id), 64);
	assert_int_equal(offsetof(struct stillpoint_image_header, kdf), 80);
	assert_int_equal(offsetof(struct stillpoint_image_header, salt), 96);
	assert_int_equal(offsetof(struct stillpoint_image_header, checksum), 240);
	assert_int_equal(offsetof(struct stillpoint_section, number), 12);
	assert_int_equal(offsetof(struct stillpoint_section, length), 16);
	assert_int_equal(offsetof(struct stillpoint_section, body), 24);
	assert_int_equal(offsetof(struct stillpoint_section, checksum), 40);
}

static void section_is_made_and_read(void **state)
{
	uint8_t body[4 + CRYPT_TAG_BYTES] = "body";
	struct stillpoint_section h;
	size_t size;

	(void)state;
	begin();
	assert_works(sections_add(&made, STILLPOINT_SECTION_CONFIG, MANDATORY, body, 4, &h));
	assert_int_equal(h.magic, STILLPOINT_SECTION_MAGIC);
	assert_int_equal(h.type, 0x30001);
	assert_int_equal(h.number, 0);
	assert_int_equal(h.length, 4);
	assert_memory_equal(body, "body", 4);
	assert_works(sections_next(&seen, &h, 256));
	assert_works(section_open(&seen, &h, 256, body, &size));
	assert_int_equal(size, 4);
	assert_int_equal(seen.next, 1);
	assert_fails(sections_next(&seen, &h, 256),
		     "section 0 stands at offset 256, where 1 should be");
	body[2] ^= 1;
	assert_fails(section_open(&seen, &h, 256, body, &size),
		     "CONFIG at offset 256 does not match its checksum");
	finish();
}

static void header_of_a_section_is_checked(void **state)
{
	uint8_t body[CRYPT_TAG_BYTES] = "";
	struct stillpoint_section h, bad;
	unsigned int i;

	(void)state;
	begin();
	assert_works(sections_add(&made, STILLPOINT_SECTION_TSC, MANDATORY, body, 0, &h));
	for (i = 0; i < 8 * sizeof(h); i++) {
		bad = h;
		((uint8_t *)&bad)[i / 8] ^= 1 << i % 8;
		assert_fails(section_check(&seen, &bad, 256), "damaged");
	}
	assert_works(section_check(&seen, &h, 256));
	/* Any number is right for one that an index leads to. */
	assert_works(section_make(&made, STILLPOINT_SECTION_TSC, 0, 77, body, 0, &h));
	assert_works(section_check(&seen, &h, 256));
	assert_fails(sections_next(&seen, &h, 256), "section 77");
	finish();
}

static void long_sections_are_refused(void **state)
{
	struct stillpoint_section h;
	uint8_t *body = calloc(1, STILLPOINT_SECTION_MAX + 1);
	XXH64_canonical_t sum;
	uint8_t data[56];

	(void)state;
	assert_non_null(body);
	begin();
	assert_fails(sections_add(&made, STILLPOINT_SECTION_INDEX, 0, body,
				  STILLPOINT_SECTION_MAX + 1, &h),
		     "INDEX would have 67108865 bytes");
	assert_works(
		sections_add(&made, STILLPOINT_SECTION_INDEX, 0, body, STILLPOINT_SECTION_MAX, &h));
	assert_works(section_check(&seen, &h, 256));
	/* A header as it is specified, not as section.c makes it. */
	h.length++;
	memcpy(data, made.header.id, 16);
	memcpy(data + 16, &h, 40);
	XXH64_canonicalFromHash(&sum, XXH3_64bits(data, sizeof(data)));
	memcpy(h.checksum, sum.digest, 8);
	assert_fails(section_check(&seen, &h, 256), "an impossible length");
	finish();
	free(body);
}

static void digest_is_as_specified(void **state)
{
	uint8_t body[4 + CRYPT_TAG_BYTES] = "body";
	struct stillpoint_section h[3];
	struct stillpoint_end end;
	XXH128_canonical_t want;
	uint8_t all[256 + 2 * 48];

	(void)state;
	begin();
	assert_works(sections_add(&made, STILLPOINT_SECTION_CONFIG, MANDATORY, body, 4, &h[0]));
	assert_works(sections_add(&made, 0x50001, 0, body, 1, &h[1]));
	sections_end(&made, 5, &end);
	assert_works(sections_add(&made, STILLPOINT_SECTION_END, MANDATORY, body, 4, &h[2]));
	assert_int_equal(end.sections, 3);
	assert_int_equal(end.pages, 5);
	memcpy(all, &made.header, 256);
	memcpy(all + 256, h, 2 * 48);
	XXH128_canonicalFromHash(&want, XXH3_128bits(all, sizeof(all)));
	assert_memory_equal(end.digest, want.digest, 16);
	for (unsigned int i = 0; i < 3; i++)
		assert_works(sections_next(&seen, &h[i], 256));
	assert_works(sections_check_end(&seen, &end));
	end.sections++;
	assert_fails(sections_check_end(&seen, &end), "it has 3 sections, its END says 4");
	end.sections--;
	end.digest[15] ^= 1;
	assert_fails(sections_check_end(&seen, &end), "its digest does not match");
	finish();
}

static void footer_is_checked(void **state)
{
	const struct stillpoint_footer good = {
		.length = 1000,
		.sections = 256,
		.index = 500,
		.end = 800,
	};
	struct stillpoint_footer f = good, bad;
	unsigned int i;

	(void)state;
	begin();
	sections_footer(&made, &f);
	assert_works(sections_check_footer(&seen, &f, 1000));
	assert_fails(sections_check_footer(&seen, &f, 1001), "has 1001 bytes, its footer says");
	for (i = 0; i < 8 * sizeof(f); i++) {
		bad = f;
		((uint8_t *)&bad)[i / 8] ^= 1 << i % 8;
		assert_int_not_equal(sections_check_footer(&seen, &bad, 1000), 0);
	}
	msg_error_clear();
	f = good;
	f.sections = 255;
	sections_footer(&made, &f);
	assert_fails(sections_check_footer(&seen, &f, 1000), "impossible offsets");
	f = good;
	f.index = 801;
	sections_footer(&made, &f);
	assert_fails(sections_check_footer(&seen, &f, 1000), "impossible offsets");
	f = good;
	f.end = 1001;
	sections_footer(&made, &f);
	assert_fails(sections_check_footer(&seen, &f, 1000), "impossible offsets");
	finish();
}

static void mapped_header(void)
{
	assert_works(sections_create(&made, STILLPOINT_LAYOUT_MAPPED, NULL));
	made.header.places = 10;
	made.header.data = 4096;
}

static void assert_header(const char *text)
{
	assert_works(sections_seal_header(&made));
	if (text)
		assert_fails(sections_open(&seen, &made.header, &secret), text);
	else
		assert_works(sections_open(&seen, &made.header, NULL));
	finish();
}

static void header_of_the_mapped_layout_is_checked(void **state)
{
	(void)state;
	mapped_header();
	assert_header(NULL);
	mapped_header();
	made.header.frame_bytes = STILLPOINT_FRAME_MIN;
	assert_header("frames");
	mapped_header();
	made.header.data = 0;
	assert_header("impossible places");
	mapped_header();
	made.header.data = 4097;
	assert_header("impossible places");
	mapped_header();
	made.header.data = UINT64_MAX - 4095;
	assert_header("impossible places");
	mapped_header();
	made.header.places = STILLPOINT_PFN_LIMIT + 1;
	assert_header("impossible places");
	mapped_header();
	made.header.mandatory = STILLPOINT_IMAGE_ENCRYPTED;
	assert_header("encryption");
}

static struct section_state st;

static void assert_taken(uint32_t type, struct section_body *body)
{
	assert_works(section_state_take(&st, type, body->data, body->size, 300));
	section_body_free(body);
}

static void state_comes_back(void **state)
{
	uint64_t frames[] = { 2, 1 };
	const struct image_p2m p2m = { .max_pfn = 600, .frames = frames, .nframes = 2 };
	const struct image_head head = {
		.config = "{\"a\":1}",
		.xen_major = 4,
		.xen_minor = 20,
		.cpuid = { .data = "a CPUID leaf of 24 byte", .size = 24 },
		.msrs = { .data = "an MSR of 16 by", .size = 16 },
	};
	const struct tsc_state tsc = { .mode = 1, .khz = 2, .nsec = 3, .incarnation = 4 };
	struct vcpu_state vcpu = { .id = 5, .xsave = { .data = "0123456789abcdef", .size = 16 } };
	uint8_t shared_info[PAGE_BYTES];
	struct section_body body;
	struct image_tail tail;

	(void)state;
	memset(&vcpu.basic, 0x77, sizeof(vcpu.basic));
	memset(shared_info, 0xa5, sizeof(shared_info));
	assert_fails(section_state_complete(&st), "no CONFIG");
	assert_fails(body_config(&body, ""), "configuration is empty");
	assert_works(body_config(&body, head.config));
	assert_taken(STILLPOINT_SECTION_CONFIG, &body);
	assert_fails(section_state_complete(&st), "no PLATFORM");
	assert_works(body_platform(&body, &head));
	assert_taken(STILLPOINT_SECTION_PLATFORM, &body);
	assert_fails(section_state_complete(&st), "no P2M");
	assert_works(body_p2m(&body, &p2m));
	assert_taken(STILLPOINT_SECTION_P2M, &body);
	assert_fails(section_state_complete(&st), "no TSC");
	assert_works(body_tsc(&body, &tsc));
	assert_taken(STILLPOINT_SECTION_TSC, &body);
	assert_fails(section_state_complete(&st), "no SHARED_INFO");
	assert_works(body_shared_info(&body, shared_info));
	assert_taken(STILLPOINT_SECTION_SHARED_INFO, &body);
	assert_works(body_vcpu(&body, &vcpu));
	assert_taken(STILLPOINT_SECTION_VCPU, &body);
	assert_fails(section_state_complete(&st), "no vCPU 0");
	vcpu.id = 0;
	assert_works(body_vcpu(&body, &vcpu));
	assert_taken(STILLPOINT_SECTION_VCPU, &body);
	assert_works(section_state_complete(&st));
	section_state_tail(&st, &tail);
	assert_string_equal(st.head.config, head.config);
	assert_int_equal(st.head.xen_minor, 20);
	assert_int_equal(st.head.cpuid.size, 24);
	assert_memory_equal(st.head.cpuid.data, head.cpuid.data, 24);
	assert_int_equal(st.head.msrs.size, 16);
	assert_memory_equal(st.head.msrs.data, head.msrs.data, 16);
	assert_int_equal(st.p2m.max_pfn, 600);
	assert_int_equal(st.p2m.nframes, 2);
	assert_memory_equal(st.p2m.frames, frames, sizeof(frames));
	assert_int_equal(tail.tsc.incarnation, 4);
	assert_int_equal(tail.tsc.nsec, 3);
	assert_memory_equal(tail.shared_info, shared_info, PAGE_BYTES);
	assert_int_equal(tail.nvcpus, 2);
	assert_int_equal(tail.vcpus[0].id, 5);
	assert_memory_equal(&tail.vcpus[1].basic, &vcpu.basic, sizeof(vcpu.basic));
	assert_int_equal(tail.vcpus[1].xsave.size, 16);
	assert_int_equal(tail.vcpus[1].msrs.size, 0);
	assert_int_equal(section_state_take(&st, 0x50001, "x", 1, 300), 1);
	section_state_free(&st);
}

static void refuse(uint32_t type, const void *data, size_t size, const char *text)
{
	/* Of exactly its size, so that ASan sees whoever reads more. */
	uint8_t *copy = malloc(size ? size : 1);

	assert_non_null(copy);
	if (size)
		memcpy(copy, data, size);
	assert_fails(section_state_take(&st, type, copy, size, 300), text);
	free(copy);
}

static void hostile_config_and_platform_are_refused(void **state)
{
	struct stillpoint_platform p = { .xen_major = 4 };
	struct section_body body;
	uint8_t data[64] = { 0 };
	char *large;

	(void)state;
	refuse(STILLPOINT_SECTION_CONFIG, "", 0, "no string in CONFIG at offset 300");
	refuse(STILLPOINT_SECTION_CONFIG, "a\0b", 3, "no string");
	large = malloc(STILLPOINT_CONFIG_MAX + 2);
	assert_non_null(large);
	memset(large, ' ', STILLPOINT_CONFIG_MAX + 1);
	large[STILLPOINT_CONFIG_MAX + 1] = '\0';
	refuse(STILLPOINT_SECTION_CONFIG, large, STILLPOINT_CONFIG_MAX + 1, "an impossible length");
	assert_fails(body_config(&body, large), "has room for 1048576");
	large[STILLPOINT_CONFIG_MAX] = '\0';
	assert_works(body_config(&body, large));
	section_body_free(&body);
	free(large);
	refuse(STILLPOINT_SECTION_PLATFORM, data, 15, "a wrong size");
	refuse(STILLPOINT_SECTION_PLATFORM, data, 17, "a wrong size");
	p.cpuid_bytes = 24;
	memcpy(data, &p, sizeof(p));
	refuse(STILLPOINT_SECTION_PLATFORM, data, 16, "a wrong size");
	refuse(STILLPOINT_SECTION_PLATFORM, data, 41, "a wrong size");
	p.cpuid_bytes = 23;
	memcpy(data, &p, sizeof(p));
	refuse(STILLPOINT_SECTION_PLATFORM, data, 39, "a wrong size");
	p.cpuid_bytes = 0xffffffe8;
	p.msr_bytes = 48;
	memcpy(data, &p, sizeof(p));
	refuse(STILLPOINT_SECTION_PLATFORM, data, 40, "a wrong size");
	section_state_free(&st);
}

static void p2m_with(uint64_t max_pfn, uint64_t frame, size_t frames, const char *text)
{
	uint64_t *words = malloc((1 + frames) * sizeof(*words));
	size_t i;

	assert_non_null(words);
	words[0] = max_pfn;
	for (i = 0; i < frames; i++)
		words[1 + i] = frame;
	if (text)
		refuse(STILLPOINT_SECTION_P2M, words, (1 + frames) * sizeof(*words), text);
	else
		assert_works(section_state_take(&st, STILLPOINT_SECTION_P2M, words,
						(1 + frames) * sizeof(*words), 300));
	free(words);
}

static void hostile_p2ms_are_refused(void **state)
{
	(void)state;
	refuse(STILLPOINT_SECTION_P2M, "1234567", 7, "a wrong size");
	p2m_with(0, 0, 0, "a wrong size");
	p2m_with(511, 1, 2, "a wrong size");
	p2m_with(512, 1, 1, "a wrong size");
	p2m_with(511, 512, 1, "outside of the guest");
	p2m_with(511, UINT64_MAX, 1, "outside of the guest");
	p2m_with(STILLPOINT_PFN_LIMIT, 1, 1, "an impossible pfn");
	p2m_with(UINT64_MAX, 1, 0, "an impossible pfn");
	p2m_with(STILLPOINT_PFN_LIMIT - 1, 1, 1, "a wrong size");
	p2m_with(511, 511, 1, NULL);
	p2m_with(510, 1, 1, "fewer pfns than before");
	assert_int_equal(st.p2m.max_pfn, 511);
	p2m_with(512, 3, 2, NULL);
	assert_int_equal(st.p2m.max_pfn, 512);
	assert_int_equal(st.p2m.frames[1], 3);
	section_state_free(&st);
}

static void hostile_tsc_and_shared_info_are_refused(void **state)
{
	struct stillpoint_tsc tsc = { .mode = 4 };
	uint8_t page[PAGE_BYTES + 1] = { 0 };

	(void)state;
	refuse(STILLPOINT_SECTION_TSC, &tsc, sizeof(tsc), "an unknown mode");
	tsc.mode = 1;
	tsc.reserved = 1;
	refuse(STILLPOINT_SECTION_TSC, &tsc, sizeof(tsc), "reserved");
	refuse(STILLPOINT_SECTION_TSC, &tsc, sizeof(tsc) - 1, "a wrong size");
	refuse(STILLPOINT_SECTION_SHARED_INFO, page, PAGE_BYTES - 1, "a wrong size");
	refuse(STILLPOINT_SECTION_SHARED_INFO, page, PAGE_BYTES + 1, "a wrong size");
	assert_false(st.has_tsc);
	assert_null(st.shared_info);
	section_state_free(&st);
}

static void vcpu_with(struct stillpoint_vcpu h, int more, const char *text)
{
	size_t size = sizeof(h) + sizeof(vcpu_guest_context_t) + 512 + more;
	uint8_t *data = calloc(1, size);

	assert_non_null(data);
	memcpy(data, &h, sizeof(h));
	if (text)
		refuse(STILLPOINT_SECTION_VCPU, data, size, text);
	else
		assert_works(section_state_take(&st, STILLPOINT_SECTION_VCPU, data, size, 300));
	free(data);
}

static void hostile_vcpus_are_refused(void **state)
{
	const uint32_t basic = sizeof(vcpu_guest_context_t);
	const struct stillpoint_vcpu good = {
		.basic_bytes = basic,
		.extended_bytes = 128,
		.xsave_bytes = 368,
		.msr_bytes = 16,
	};
	struct stillpoint_vcpu h = good;
	unsigned int i;

	(void)state;
	refuse(STILLPOINT_SECTION_VCPU, &h, sizeof(h) - 1, "a wrong size");
	refuse(STILLPOINT_SECTION_VCPU, &h, sizeof(h), "a wrong size");
	vcpu_with(good, -1, "a wrong size");
	vcpu_with(good, 1, "a wrong size");
	h.reserved = 1;
	vcpu_with(h, 0, "reserved");
	h = good;
	h.id = 8192;
	vcpu_with(h, 0, "an impossible vCPU");
	h = good;
	h.basic_bytes--;
	h.xsave_bytes++;
	vcpu_with(h, 0, "a wrong size");
	h = good;
	h.extended_bytes = 129;
	h.xsave_bytes--;
	vcpu_with(h, 0, "a wrong size");
	h = good;
	h.msr_bytes = 17;
	vcpu_with(h, 1, "a wrong size");
	h = good;
	h.xsave_bytes = 15;
	vcpu_with(h, 15 - 368, "a wrong size");
	h = good;
	h.xsave_bytes = 65536;
	vcpu_with(h, 65536 - 368, "a wrong size");
	h = good;
	h.xsave_bytes = 0xffffffff;
	h.msr_bytes = 512 - 128 + 1;
	vcpu_with(h, 0, "a wrong size");
	assert_int_equal(st.nvcpus, 0);
	for (i = 0; i < 100; i++) {
		h = good;
		h.id = 8191 - i;
		vcpu_with(h, 0, NULL);
	}
	vcpu_with(h, 0, "a vCPU that was there before");
	assert_int_equal(st.nvcpus, 100);
	section_state_free(&st);
}

static void what_cannot_be_read_is_not_written(void **state)
{
	struct vcpu_state vcpu = { .xsave = { .size = IMAGE_VCPU_BYTES } };
	struct image_p2m p2m = { .max_pfn = 512, .nframes = 1 };
	struct section_body body;

	(void)state;
	assert_fails(body_vcpu(&body, &vcpu), "the state of vCPU 0 has");
	assert_fails(body_p2m(&body, &p2m), "does not have 1 frames");
	p2m.max_pfn = STILLPOINT_PFN_LIMIT;
	p2m.nframes = STILLPOINT_PFN_LIMIT / 512 + 1;
	assert_fails(body_p2m(&body, &p2m), "does not have");
}

static void names_are_known(void **state)
{
	(void)state;
	assert_string_equal(section_name(STILLPOINT_SECTION_PAGES), "PAGES");
	assert_string_equal(section_name(STILLPOINT_SECTION_CONFIG), "CONFIG");
	assert_string_equal(section_name(STILLPOINT_SECTION_PLACES), "PLACES");
	assert_string_equal(section_name(0x40009), "unknown");
	assert_true(section_known(STILLPOINT_SECTION_END));
	assert_false(section_known(0));
	assert_false(section_known(0x40009));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_have_their_offsets),
		cmocka_unit_test(section_is_made_and_read),
		cmocka_unit_test(header_of_a_section_is_checked),
		cmocka_unit_test(long_sections_are_refused),
		cmocka_unit_test(digest_is_as_specified),
		cmocka_unit_test(footer_is_checked),
		cmocka_unit_test(header_of_the_mapped_layout_is_checked),
		cmocka_unit_test(state_comes_back),
		cmocka_unit_test(hostile_config_and_platform_are_refused),
		cmocka_unit_test(hostile_p2ms_are_refused),
		cmocka_unit_test(hostile_tsc_and_shared_info_are_refused),
		cmocka_unit_test(hostile_vcpus_are_refused),
		cmocka_unit_test(what_cannot_be_read_is_not_written),
		cmocka_unit_test(names_are_known),
	};

	return cmocka_run_group_tests_name("section", tests, NULL, NULL);
}
