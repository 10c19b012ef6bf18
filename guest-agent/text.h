/* SPDX-License-Identifier: GPL-2.0 */
/* Bytes that are not printable ASCII, or a backslash, as \ooo. */
#ifndef AGENT_TEXT_H
#define AGENT_TEXT_H

#include <stddef.h>

/*
 * Write @from into the @room bytes at @to, escaped and with a NUL; what does not fit is left
 * out whole. Returns the length.
 */
size_t text_escape(char *to, size_t room, const char *from);

/* Replace each \ooo in @text by the byte that it means, as of /proc/self/mountinfo. */
void text_unescape(char *text);

#endif /* AGENT_TEXT_H */
