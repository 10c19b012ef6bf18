/* SPDX-License-Identifier: GPL-2.0 */
/* Running stock xl. */
#ifndef STILLPOINT_XL_H
#define STILLPOINT_XL_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct xl_run - one call of xl
 * @argv: its arguments, from "xl" on, NULL at the end
 * @verbose: its messages go to stderr as they come; else they are kept
 * @keep_output: what it writes to stdout is kept
 * @output: what was kept of stdout, a string; free() it
 */
struct xl_run {
	const char *const *argv;
	bool verbose;
	bool keep_output;
	char *output;
};

/*
 * Run xl and wait for it; a signal that asks this process to stop is passed on.
 * Returns 0, or -1 with an error recorded, and xl's messages on stderr, if it failed.
 */
int xl_run(struct xl_run *run);

#endif /* STILLPOINT_XL_H */
