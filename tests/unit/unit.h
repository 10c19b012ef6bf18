/* SPDX-License-Identifier: GPL-2.0 */
/* What every test needs: cmocka, and errors as text. */
#ifndef STILLPOINT_UNIT_H
#define STILLPOINT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "msg.h"

/* @call failed, and its message contains @text. */
#define assert_fails(call, text)                                                           \
	do {                                                                               \
		msg_error_clear();                                                         \
		assert_int_not_equal((call), 0);                                           \
		if (!strstr(msg_error_text(), (text)))                                     \
			fail_msg("message is '%s', expected '%s' in it", msg_error_text(), \
				 (text));                                                  \
		msg_error_clear();                                                         \
	} while (0)

/* @call worked. */
#define assert_works(call)                                                    \
	do {                                                                  \
		msg_error_clear();                                            \
		if ((call))                                                   \
			fail_msg("unexpected failure: %s", msg_error_text()); \
	} while (0)

#endif /* STILLPOINT_UNIT_H */
