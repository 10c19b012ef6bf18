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
 * @no_input: it reads nothing from stdin
 * @keep_output: what it writes to stdout is kept
 * @keep_messages: after a failure, so are its messages; xl_show_messages() is due
 * @output: what was kept of stdout, a string; free() it
 * @messages: what was kept of its messages; NULL if there is nothing
 * @killed: it died of a signal, and has cleaned up nothing
 */
struct xl_run {
	const char *const *argv;
	bool verbose;
	bool no_input;
	bool keep_output;
	bool keep_messages;
	char *output;
	char *messages;
	bool killed;
};

/*
 * Run xl and wait for it; a signal that asks this process to stop is passed on.
 * Returns 0, or -1 with an error recorded, and xl's messages on stderr, if it failed.
 */
int xl_run(struct xl_run *run);

/* Write what was kept of its messages to stderr if @show, and forget it. */
void xl_show_messages(struct xl_run *run, bool show);

#endif /* STILLPOINT_XL_H */
