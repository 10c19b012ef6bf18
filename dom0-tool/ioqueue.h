/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Large reads or writes of one file, several of them under way at a time: past the
 * page cache (O_DIRECT) and through io_uring. Where the file system refuses the one it is
 * through the page cache, where the kernel refuses the other it is by threads.
 *
 * Requests are begun and retired in order, as their bytes stand in a ring of memory,
 * and complete in any order. A queue either reads or writes. One thread may use it.
 */
#ifndef STILLPOINT_IOQUEUE_H
#define STILLPOINT_IOQUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Offsets and sizes are multiples of it. */
#define IOQUEUE_ALIGN 4096u

/* Bytes of one request, at most. */
#define IOQUEUE_BYTES (512u << 10)

/*
 * Bytes of the ring, which are few enough to stay in a processor's cache, requests in it,
 * and threads if there is no io_uring.
 */
#define IOQUEUE_RING (8u << 20)
#define IOQUEUE_REQUESTS 64u
#define IOQUEUE_THREADS 4u

/**
 * struct ioqueue_request - one read or write
 * @data: its bytes, IOQUEUE_BYTES of them before ioqueue_start()
 * @offset: in the file; the caller's to fill in, as @size
 * @begin: of @data, counted from the first byte that was ever in the ring
 * @done: bytes that are read or written
 * @fd: that it goes to
 * @tries: times in a row that it was to be tried again
 * @result: bytes, or a negative errno, of the last try
 * @busy: it is under way
 * @next: in a backend's list
 */
struct ioqueue_request {
	uint8_t *data;
	uint64_t offset;
	size_t size;
	uint64_t begin;
	size_t done;
	int fd;
	unsigned int tries;
	int result;
	bool busy;
	struct ioqueue_request *next;
};

/**
 * struct ioqueue_options - what tests want to see happen
 * @fail_direct: errno of opening the file with O_DIRECT, or 0
 * @fail_uring: errno of setting up io_uring, or 0
 * @fail_punch: errno of punching a hole, or 0
 * @no_threads: no thread can be started either
 * @result: what becomes of the result of a try; NULL for nothing
 * @data: for @result
 */
struct ioqueue_options {
	int fail_direct;
	int fail_uring;
	int fail_punch;
	bool no_threads;
	int (*result)(void *data, const struct ioqueue_request *req, int result);
	void *data;
};

struct ioqueue_backend;

/**
 * struct ioqueue - the queue
 * @path: of the file, for messages; NULL for "the image"
 * @fd: the caller's
 * @direct_fd: the same file, opened with O_DIRECT; or -1
 * @direct: that works
 * @uring: io_uring works
 * @write: it writes
 * @failed: a request failed, which is recorded
 * @punch: holes can be punched
 * @requests: request number n is at n % IOQUEUE_REQUESTS
 * @tail: number of the oldest request that was not retired
 * @given: number of the next one that ioqueue_next() gives
 * @head: number of the next that begins
 * @at: where in the ring that begins
 */
struct ioqueue {
	const char *path;
	int fd;
	int direct_fd;
	bool direct;
	bool uring;
	bool write;
	bool failed;
	bool punch;
	struct ioqueue_options opts;
	struct ioqueue_backend *backend;
	uint8_t *ring;
	struct ioqueue_request requests[IOQUEUE_REQUESTS];
	uint64_t tail;
	uint64_t given;
	uint64_t head;
	uint64_t at;
};

/*
 * A queue for the regular file @fd, which is open for reading, or for both if it is to
 * @write. @path stays the caller's; @opts may be NULL. NULL with an error recorded.
 */
struct ioqueue *ioqueue_new(int fd, const char *path, bool write,
			    const struct ioqueue_options *opts);

/* True if nothing can begin before something else is retired. */
bool ioqueue_full(const struct ioqueue *q);

/*
 * The next request, to be filled in; before the next call it is to be started, or
 * nothing comes of it. A queue that writes waits for others if it is full; one that
 * reads must not be. NULL with an error recorded, which may be one of an earlier request.
 */
struct ioqueue_request *ioqueue_room(struct ioqueue *q);

/*
 * Have it read or written. Writes to one place are done in the order in which they
 * start. Returns 0, or -1 with an error recorded, which may be an earlier one's.
 */
int ioqueue_start(struct ioqueue *q, struct ioqueue_request *req);

/*
 * Make the @size bytes at @offset zeroes, after all writes that were started: a hole,
 * or else written ones. 0 or -1, recorded.
 */
int ioqueue_clear(struct ioqueue *q, uint64_t offset, uint64_t size);

/* Wait until nothing is under way. 0 or -1, recorded. */
int ioqueue_drain(struct ioqueue *q);

/*
 * The oldest read that was not given yet, complete; its bytes stay until
 * ioqueue_retire(). NULL with an error recorded. There must be one.
 */
struct ioqueue_request *ioqueue_next(struct ioqueue *q);

/* True if there is one. */
bool ioqueue_has_next(const struct ioqueue *q);

/* Bytes of the ring that were given are free for others. */
void ioqueue_retire(struct ioqueue *q);

/* Waits for what is under way; NULL is fine. */
void ioqueue_free(struct ioqueue *q);

#endif /* STILLPOINT_IOQUEUE_H */
