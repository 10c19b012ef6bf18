// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "progress.h"

/* The line that stands there; its number is a percentage, or MiB if all is not known. */
static bool progress_shown;
static uint64_t progress_number;

static void progress_print(uint64_t done, uint64_t total)
{
	uint64_t number = total ? done * 100 / total : done >> 20;
	char line[64];
	int len;

	if (progress_shown && number == progress_number)
		return;
	len = snprintf(line, sizeof(line), "\rstillpoint: %3llu%s\033[K",
		       (unsigned long long)number, total ? "%" : " MiB");
	progress_shown = true;
	progress_number = number;
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

progress_fn progress_on_terminal(void)
{
	return isatty(STDERR_FILENO) ? progress_print : NULL;
}

void progress_end(void)
{
	if (progress_shown && write(STDERR_FILENO, "\r\033[K", 4) < 0)
		return;
	progress_shown = false;
}
