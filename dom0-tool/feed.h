/* SPDX-License-Identifier: GPL-2.0 */
/* An image under another configuration, through a pipe. */
#ifndef STILLPOINT_FEED_H
#define STILLPOINT_FEED_H

#include <stdint.h>
#include <sys/types.h>

/**
 * struct feed - a process that writes into a pipe
 * @fd: the end to read from; keep it open until the reader is done
 * @pid: of the process
 */
struct feed {
	int fd;
	pid_t pid;
};

/*
 * Write xl's header with the configuration @config, then what stands in @image
 * from offset @stream on. Returns 0 or -1, recorded.
 */
int feed_start(struct feed *feed, int image, uint64_t stream, const char *config);

/* End the process, whether or not all was read. */
void feed_stop(struct feed *feed);

#endif /* STILLPOINT_FEED_H */
