// SPDX-License-Identifier: GPL-2.0
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "msg.h"

static char msg_command[32];
static char msg_subject[320];
static char msg_text[1024];
static pthread_mutex_t msg_lock;
static pthread_once_t msg_once = PTHREAD_ONCE_INIT;

/*
 * Names come from images and guests: what a terminal would act on becomes '?'. That is
 * ASCII's control characters, and those of ISO 6429 from U+0080 on, as UTF-8 has them.
 */
static void msg_clean(char *text)
{
	unsigned char *p;

	for (p = (unsigned char *)text; *p; p++) {
		if (*p < ' ' || *p == 0x7f)
			*p = '?';
		else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
			*p = p[1] = '?';
	}
}

void msg_set_command(const char *command)
{
	snprintf(msg_command, sizeof(msg_command), "%s: ", command);
}

void msg_set_subject(const char *kind, const char *name)
{
	snprintf(msg_subject, sizeof(msg_subject), "%s '%s': ", kind, name);
	msg_clean(msg_subject);
}

static void msg_init(void)
{
	pthread_mutex_init(&msg_lock, NULL);
}

int msg_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	pthread_once(&msg_once, msg_init);
	pthread_mutex_lock(&msg_lock);
	if (!msg_text[0]) {
		vsnprintf(msg_text, sizeof(msg_text), fmt, ap);
		msg_clean(msg_text);
	}
	pthread_mutex_unlock(&msg_lock);
	va_end(ap);
	return -1;
}

const char *msg_error_text(void)
{
	return msg_text;
}

void msg_error_clear(void)
{
	msg_text[0] = '\0';
}

/* One write(2), so that lines of several processes do not mix. */
static void msg_print(const char *kind, const char *text)
{
	char line[1536];
	int len;

	len = snprintf(line, sizeof(line), "stillpoint: %s%s%s%s\n", msg_command, msg_subject, kind,
		       text);
	if (len >= (int)sizeof(line))
		len = sizeof(line) - 1;
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

void msg_flush(void)
{
	if (msg_text[0])
		msg_print("", msg_text);
	msg_error_clear();
}

void msg_warn(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	msg_clean(text);
	msg_print("warning: ", text);
}
