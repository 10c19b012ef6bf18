/* SPDX-License-Identifier: GPL-2.0 */
/* The process that serves the store. */
#ifndef STILLPOINT_TMEM_DAEMON_H
#define STILLPOINT_TMEM_DAEMON_H

#include "tmem/store.h"

/* For so long a guest that asked for something is expected to ask again. */
#define TMEM_POLL_US 50
#define TMEM_POLL_MAX_US 1000

/**
 * struct tmem_daemon_options - where and how
 * @dir: of the files; a file system in memory is mounted there if none is
 * @socket: its path
 * @poll_us: how long guests are looked at without sleeping after one asked for something
 */
struct tmem_daemon_options {
	const char *dir;
	const char *socket;
	unsigned int poll_us;
	struct tmem_store_options store;
};

/*
 * Serve until a signal asks to stop. The service manager is told when it is ready
 * (sd_notify(3)). Returns 0, or -1 with an error recorded.
 */
int tmem_daemon_run(const struct tmem_daemon_options *opts);

#endif /* STILLPOINT_TMEM_DAEMON_H */
