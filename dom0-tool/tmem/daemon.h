/* SPDX-License-Identifier: GPL-2.0 */
/* The process that serves the store. */
#ifndef STILLPOINT_TMEM_DAEMON_H
#define STILLPOINT_TMEM_DAEMON_H

#include "tmem/store.h"

/**
 * struct tmem_daemon_options - where
 * @dir: of the files; a file system in memory is mounted there if none is
 * @socket: its path
 */
struct tmem_daemon_options {
	const char *dir;
	const char *socket;
	struct tmem_store_options store;
};

/*
 * Serve until a signal asks to stop. The service manager is told when it is ready
 * (sd_notify(3)). Returns 0, or -1 with an error recorded.
 */
int tmem_daemon_run(const struct tmem_daemon_options *opts);

#endif /* STILLPOINT_TMEM_DAEMON_H */
