// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "msg.h"

static uint64_t accepted;

void fuzz_fail(const char *file, int line, const char *condition)
{
	fprintf(stderr, "fuzz: %s:%d: not true: %s\n", file, line, condition);
	fprintf(stderr, "fuzz: the recorded error is '%s'\n", msg_error_text());
	abort();
}

static void fuzz_tell(void)
{
	fprintf(stderr, "fuzz: accepted %llu\n", (unsigned long long)accepted);
}

static bool fuzz_is_clean(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

void fuzz_verdict(int ret)
{
	static bool registered;

	if (!registered)
		atexit(fuzz_tell);
	registered = true;
	fuzz_check(fuzz_is_clean(msg_error_text()));
	if (!ret)
		accepted++;
	else
		fuzz_check(msg_error_text()[0]);
	msg_error_clear();
}

void fuzz_take(struct fuzz_input *in, void *to, size_t size)
{
	size_t have = size < in->size ? size : in->size;

	memset(to, 0, size);
	if (have)
		memcpy(to, in->data, have);
	in->data += have;
	in->size -= have;
}

uint8_t fuzz_take_u8(struct fuzz_input *in)
{
	uint8_t byte;

	fuzz_take(in, &byte, 1);
	return byte;
}
