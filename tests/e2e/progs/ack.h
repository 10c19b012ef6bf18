/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a program in a guest tells acklog in dom0 which writes it has seen
 * completed.
 *
 * A connection starts with a struct ack_hello; struct ack_record follow. Acklog
 * keeps one table for each name: a file of 64-bit words, the word at index i
 * the highest sequence number acknowledged for place i, 0 for none.
 *
 * An acknowledgment that does not get through is only one that nobody checks,
 * so a lost connection is opened again and a full buffer drops records.
 */
#ifndef E2E_ACK_H
#define E2E_ACK_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define ACK_MAGIC 0x4c4b4341544e5053ULL
#define ACK_NAME_MAX 24
#define ACK_MAX_INDEX (1U << 20)

struct ack_hello {
	uint64_t magic;
	char name[ACK_NAME_MAX];
};

struct ack_record {
	uint64_t index;
	uint64_t seq;
};

/**
 * struct ack - a client's side
 * @sent: records handed to TCP
 * @dropped: records that found no room
 * @connects: connections made
 */
struct ack {
	struct sockaddr_in to;
	char name[ACK_NAME_MAX];
	int fd;
	uint64_t last_try_ns;
	uint8_t buf[65536];
	size_t used;
	uint64_t sent;
	uint64_t dropped;
	uint64_t connects;
};

/* Connects to "ADDRESS:PORT" (IPv4); ends the program if that fails within ten seconds. */
struct ack *ack_open(const char *target, const char *name);
/* Notes a record. Never blocks. @ack may be NULL. */
void ack_add(struct ack *ack, uint64_t index, uint64_t seq);
/* Sends what can be sent without blocking, connects again if needed. @ack may be NULL. */
void ack_flush(struct ack *ack);
/* Sends the rest, for two seconds at most, and closes. */
void ack_close(struct ack *ack);

/* A table of @n words from @path, "-" for stdin; missing ones are 0. Ends the program on error. */
uint64_t *ack_table(const char *path, size_t n);

/* "ADDRESS:PORT" as a socket address; ends the program if it is none. */
struct sockaddr_in ack_target(const char *target);

#endif /* E2E_ACK_H */
