/* SPDX-License-Identifier: GPL-2.0 */
/* What every harness needs, and what libFuzzer calls (compiler-rt's FuzzerInterface.h). */
#ifndef STILLPOINT_FUZZ_H
#define STILLPOINT_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* libFuzzer's own mutations. Returns the new size. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* End the process with a report unless @condition holds. */
#define fuzz_check(condition)                                      \
	do {                                                       \
		if (!(condition))                                  \
			fuzz_fail(__FILE__, __LINE__, #condition); \
	} while (0)

void fuzz_fail(const char *file, int line, const char *condition) __attribute__((noreturn));

/*
 * A parser returned @ret. If that is 0 its input was taken, which is counted and told
 * at exit; else there must be a recorded error, fit for a terminal, and it is forgotten.
 */
void fuzz_verdict(int ret);

/**
 * struct fuzz_input - bytes that are still to be used
 */
struct fuzz_input {
	const uint8_t *data;
	size_t size;
};

/* Fill in @to with the next @size bytes; zeroes stand for those that are missing. */
void fuzz_take(struct fuzz_input *in, void *to, size_t size);

uint8_t fuzz_take_u8(struct fuzz_input *in);

#endif /* STILLPOINT_FUZZ_H */
