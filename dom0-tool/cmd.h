/* SPDX-License-Identifier: GPL-2.0 */
/* Subcommands. Each takes its own arguments, argv[0] being its name. */
#ifndef STILLPOINT_CMD_H
#define STILLPOINT_CMD_H

#include <stdint.h>

#include <json-c/json.h>

enum {
	CMD_OK = 0,
	CMD_FAILED = 1,
	CMD_USAGE = 2,
};

int cmd_list(int argc, char **argv);
int cmd_save(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_recover(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_tmem(int argc, char **argv);
int cmd_quiesce(int argc, char **argv);
int cmd_thaw(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_backup(int argc, char **argv);
int cmd_mount(int argc, char **argv);
int cmd_umount(int argc, char **argv);

/*
 * Print the recorded error. Returns the exit status for a command that failed:
 * 128 and the signal's number if one asked it to stop, else CMD_FAILED.
 */
int cmd_failed(void);

/* Point to the help. Returns CMD_USAGE. */
int cmd_usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* As cmd_usage_error(), for the error that is recorded. */
int cmd_recorded_usage_error(void);

/* For an option that getopt_long() just refused. Returns CMD_USAGE. */
int cmd_bad_option(char **argv);

/* Write @text to stdout. Returns 0, or -1 with an error recorded. */
int cmd_print(const char *text);

/* Write @object to stdout, with a newline, and release it. Returns 0 or -1, recorded. */
int cmd_print_json(json_object *object);

/* Read a whole decimal number of @min to @max. Returns 0, or CMD_USAGE after a message. */
int cmd_number(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *number);

#endif /* STILLPOINT_CMD_H */
