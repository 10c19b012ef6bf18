/* SPDX-License-Identifier: GPL-2.0 */
/* A QEMU that is asked over QMP. */
#ifndef STILLPOINT_BENCH_QMP_H
#define STILLPOINT_BENCH_QMP_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <json-c/json.h>

/**
 * struct qmp - a running QEMU
 * @to: commands
 * @from: answers and events
 * @migrated: 1 once a migration completed, -1 once it failed
 */
struct qmp {
	pid_t pid;
	FILE *to;
	FILE *from;
	int migrated;
};

/* Start @argv, which has its QMP on stdio. 0 or -1, recorded; qmp_stop() is due. */
int qmp_start(struct qmp *qmp, char *const argv[]);

/*
 * Run the command @name and wait for its answer. @arguments may be NULL; they are put.
 * 0 or -1, recorded.
 */
int qmp_command(struct qmp *qmp, const char *name, json_object *arguments);

/* Wait until a migration completed. 0, or -1 with an error recorded if it failed. */
int qmp_wait_migrated(struct qmp *qmp);

/* Have it quit, and wait until it is gone. */
void qmp_stop(struct qmp *qmp);

#endif /* STILLPOINT_BENCH_QMP_H */
