// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE /* asprintf */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "msg.h"
#include "signals.h"

int cmd_failed(void)
{
	msg_flush();
	return signals_stop() ? 128 + signals_stop() : CMD_FAILED;
}

int cmd_usage_error(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	msg_error("%s; see --help", text);
	msg_flush();
	return CMD_USAGE;
}

int cmd_recorded_usage_error(void)
{
	msg_flush();
	return CMD_USAGE;
}

int cmd_bad_option(char **argv)
{
	return cmd_usage_error("bad option '%s'", argv[optind - 1]);
}

int cmd_print(const char *text)
{
	size_t size = strlen(text);
	ssize_t n;

	while (size) {
		n = write(STDOUT_FILENO, text, size);
		if (n < 0 && errno == EINTR && !signals_stop())
			continue;
		if (n < 0)
			return msg_error("cannot write to stdout: %s", strerror(errno));
		text += n;
		size -= n;
	}
	return 0;
}

int cmd_print_json(json_object *object)
{
	const char *text = json_object_to_json_string_ext(
		object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	char *line = NULL;
	int ret;

	if (!text || asprintf(&line, "%s\n", text) < 0)
		ret = msg_error("out of memory");
	else
		ret = cmd_print(line);
	free(line);
	json_object_put(object);
	return ret;
}

int cmd_number(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || *number < min || *number > max)
		return cmd_usage_error("%s takes a number from %llu to %llu, not '%s'", option,
				       (unsigned long long)min, (unsigned long long)max, text);
	return 0;
}
