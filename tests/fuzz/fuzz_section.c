// SPDX-License-Identifier: GPL-2.0
/*
 * Bodies of sections, and compressed pages. The first byte says which; behind it stand
 * bodies, each with its type and length, or a codec, a size and what is compressed; or
 * parts of tmem pools, each with its type, flags and length.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "image/codec.h"
#include "image/section.h"
#include "image/tmem_state.h"
#include "msg.h"

/* As codec_decompress() is called for, a frame has not more. */
#define SECTION_RAW_MAX STILLPOINT_FRAME_MAX

static const uint32_t types[] = {
	STILLPOINT_SECTION_CONFIG, STILLPOINT_SECTION_PLATFORM,	   STILLPOINT_SECTION_P2M,
	STILLPOINT_SECTION_TSC,	   STILLPOINT_SECTION_SHARED_INFO, STILLPOINT_SECTION_VCPU,
	STILLPOINT_SECTION_PAGES,
};

/* A body that was taken is what is made of what was understood. */
static void section_same(const struct section_state *state, uint32_t type, const void *data,
			 size_t size)
{
	struct section_body body = { 0 };
	int ret = -1;

	switch (type) {
	case STILLPOINT_SECTION_CONFIG:
		ret = body_config(&body, state->config);
		break;
	case STILLPOINT_SECTION_PLATFORM:
		ret = body_platform(&body, &state->head);
		break;
	case STILLPOINT_SECTION_P2M:
		ret = body_p2m(&body, &state->p2m);
		break;
	case STILLPOINT_SECTION_TSC:
		ret = body_tsc(&body, &state->tsc);
		break;
	case STILLPOINT_SECTION_SHARED_INFO:
		ret = body_shared_info(&body, state->shared_info);
		break;
	case STILLPOINT_SECTION_VCPU:
		ret = body_vcpu(&body, &state->vcpus[state->nvcpus - 1]);
		break;
	}
	fuzz_check(!ret && body.size == size && !memcmp(body.data, data, size));
	section_body_free(&body);
}

/* One body, in memory of its own. Returns as section_state_take(). */
static int section_take(struct section_state *state, struct fuzz_input *in)
{
	uint32_t type = types[fuzz_take_u8(in) % (sizeof(types) / sizeof(types[0]))];
	uint16_t size;
	uint8_t *body;
	int ret;

	fuzz_take(in, &size, sizeof(size));
	if (size > in->size)
		size = in->size;
	body = malloc(size);
	fuzz_check(body || !size);
	fuzz_take(in, body, size);
	ret = section_state_take(state, type, body, size, 256);
	fuzz_check(ret != 1 || type == STILLPOINT_SECTION_PAGES);
	if (!ret)
		section_same(state, type, body, size);
	free(body);
	return ret;
}

static void section_bodies(struct fuzz_input *in)
{
	struct section_state state = { 0 };
	struct image_tail tail;
	int ret = 0;

	while (in->size && ret >= 0)
		ret = section_take(&state, in);
	if (ret >= 0)
		ret = section_state_complete(&state);
	if (!ret) {
		section_state_tail(&state, &tail);
		fuzz_check(tail.shared_info && tail.nvcpus);
	}
	fuzz_verdict(ret);
	section_state_free(&state);
}

/* What was decompressed comes out again after it is compressed. */
static void section_again(uint32_t which, const uint8_t *raw, size_t size)
{
	struct codec_choice choice = { .codec = which, .level = 1 };
	struct codec *codec = codec_new(&choice);
	size_t room = codec_bound(&choice, size), stored;
	uint8_t *packed = malloc(room + 1), *again = malloc(size + 1);

	fuzz_check(codec && packed && again);
	stored = codec_compress(codec, raw, size, packed, room);
	if (stored) {
		fuzz_check(stored < size);
		fuzz_check(!codec_decompress(codec, which, packed, stored, again, size));
		fuzz_check(!memcmp(raw, again, size));
	}
	codec_free(codec);
	free(packed);
	free(again);
}

static void section_codec(struct fuzz_input *in)
{
	static const struct codec_choice none = { .codec = STILLPOINT_CODEC_NONE };
	uint32_t which = fuzz_take_u8(in), raw = 0;
	struct codec *codec = codec_new(&none);
	uint8_t *stored, *dst;
	int ret;

	fuzz_take(in, &raw, 3);
	raw %= SECTION_RAW_MAX + 1;
	stored = malloc(in->size + 1);
	dst = malloc(raw + 1);
	fuzz_check(codec && stored && dst);
	/* What is beyond the last byte of either belongs to nobody. */
	memcpy(stored + 1, in->data, in->size);
	ret = codec_decompress(codec, which, stored + 1, in->size, dst + 1, raw);
	if (!ret)
		section_again(which, dst + 1, raw);
	else
		msg_error("nothing is recorded");
	fuzz_verdict(ret);
	codec_free(codec);
	free(stored);
	free(dst);
}

/* A part of tmem pools. Returns as tmem_state_take(). */
static int section_take_tmem(struct tmem_state *state, struct fuzz_input *in)
{
	static const uint32_t kinds[] = {
		STILLPOINT_SECTION_TMEM_POOLS,
		STILLPOINT_SECTION_TMEM_PAGES,
		STILLPOINT_SECTION_TMEM_INVALIDATE,
	};
	const uint8_t how = fuzz_take_u8(in);
	struct image_tmem part = { .type = kinds[how % 3], .mandatory = how & 0x80 };
	uint16_t size;
	uint8_t *body;
	int ret;

	fuzz_take(in, &size, sizeof(size));
	part.size = size < in->size ? size : in->size;
	body = malloc(part.size);
	fuzz_check(body || !part.size);
	fuzz_take(in, body, part.size);
	part.body = body;
	ret = tmem_state_take(state, &part, 256);
	free(body);
	return ret;
}

/* In the end there is what the last table says. */
static void section_tmem(struct fuzz_input *in)
{
	struct tmem_compare diff;
	struct tmem_state state;
	struct tmem_sum sum;
	int ret = 0;

	fuzz_check(!tmem_state_init(&state, "the input is wrong"));
	state.hashes = true;
	while (in->size && !ret)
		ret = section_take_tmem(&state, in);
	if (!ret)
		ret = tmem_state_complete(&state);
	if (!ret && state.any) {
		tmem_state_sum(&state, &sum);
		tmem_state_compare(&state, &state, &diff);
		fuzz_check(sum.persistent == state.head.persistent &&
			   sum.bytes == state.head.bytes);
		fuzz_check(diff.same == sum.persistent + sum.ephemeral && !diff.pools);
		fuzz_check(!diff.content && !diff.only[0] && !diff.only[1]);
	}
	fuzz_verdict(ret);
	tmem_state_free(&state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };

	switch (fuzz_take_u8(&in) % 4) {
	case 0:
		section_bodies(&in);
		break;
	case 2:
		section_tmem(&in);
		break;
	default:
		section_codec(&in);
	}
	return 0;
}
