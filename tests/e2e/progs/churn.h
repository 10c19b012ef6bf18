/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A kind of churn: something that a process does to its memory again and again,
 * in its own process, and that it checks.
 */
#ifndef E2E_CHURN_H
#define E2E_CHURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES 4096UL

/**
 * struct churn - what a kind's functions get
 * @dir: where its files go; it names them after itself
 * @bytes: memory to use, a multiple of PAGE_BYTES
 * @random: state of pattern_random()
 * @round: of the first round it is 1
 */
struct churn {
	const char *dir;
	size_t bytes;
	uint64_t random;
	uint64_t round;
};

/**
 * struct churn_kind - a row of a table that ends with a NULL name
 * @round: one round, which takes well under a second; returns NULL, or what it
 *	found wrong
 */
struct churn_kind {
	const char *name;
	const char *(*round)(struct churn *churn);
};

extern const struct churn_kind churn_memory[];
extern const struct churn_kind churn_files[];
extern const struct churn_kind churn_tasks[];

/* A word for each page, another in each round. */
static inline uint64_t churn_word(uint64_t page, uint64_t round)
{
	return (page + 1) * 0x9e3779b97f4a7c15ULL ^ round;
}

/* Write that word to both ends of each of @n pages, the first of number @page. */
void churn_fill(void *at, size_t n, uint64_t page, uint64_t round);
/* True if churn_fill() wrote them. */
bool churn_filled(const void *at, size_t n, uint64_t page, uint64_t round);
/* Anonymous memory, private or, by @flags, shared. Ends the program on error. */
void *churn_map(size_t bytes, int flags);
/* Part of @pages pages: *first and the number of them, at least one. */
size_t churn_part(struct churn *churn, size_t pages, size_t *first);
/* The file @name of the folder, made of @bytes if it is not there. Ends the program on error. */
int churn_open(const struct churn *churn, const char *name, size_t bytes);

#endif /* E2E_CHURN_H */
