// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <string.h>

#include "text.h"

static bool is_plain(unsigned char byte)
{
	return byte >= ' ' && byte < 0x7f && byte != '\\';
}

static size_t put_octal(char *to, unsigned char byte)
{
	to[0] = '\\';
	to[1] = (char)('0' + (byte >> 6));
	to[2] = (char)('0' + (byte >> 3 & 7));
	to[3] = (char)('0' + (byte & 7));
	return 4;
}

size_t text_escape(char *to, size_t room, const char *from)
{
	size_t used = 0;

	if (!room)
		return 0;
	for (; *from; from++) {
		unsigned char byte = (unsigned char)*from;

		if (used + (is_plain(byte) ? 1 : 4) >= room)
			break;
		if (is_plain(byte))
			to[used++] = (char)byte;
		else
			used += put_octal(to + used, byte);
	}
	to[used] = '\0';
	return used;
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

void text_unescape(char *text)
{
	const char *from = text;
	char *to = text;

	while (*from) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && is_octal(from[2]) &&
		    is_octal(from[3])) {
			*to++ = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 |
				       (from[3] - '0'));
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}
