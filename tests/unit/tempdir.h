/* SPDX-License-Identifier: GPL-2.0 */
/* A directory of a test's own. */
#ifndef STILLPOINT_TEMPDIR_H
#define STILLPOINT_TEMPDIR_H

#include <stddef.h>
#include <stdint.h>

/* Make the directory and go there. Aborts if it cannot. */
void tempdir_enter(void);

/* Leave it and remove it with all that is in it. */
void tempdir_leave(void);

/* The same for cmocka, where a test needs nothing else. @state is not used. Return 0. */
int tempdir_setup(void **state);
int tempdir_teardown(void **state);

/* The number of entries in the directory @path, hidden ones included. */
unsigned int tempdir_count(const char *path);

/* The whole file @path; free() it. Aborts if it cannot be read. */
uint8_t *tempdir_read(const char *path, size_t *size);

/* The whole file @path is the @size bytes at @want, or the test fails and says from where on. */
void tempdir_assert(const char *path, const void *want, size_t size);

/* Write the whole file @path. */
void tempdir_write(const char *path, const void *data, size_t size);

#endif /* STILLPOINT_TEMPDIR_H */
