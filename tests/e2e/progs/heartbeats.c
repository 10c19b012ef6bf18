// SPDX-License-Identifier: GPL-2.0
/*
 * heartbeats: asks whether the programs that write the given files are alive.
 *
 * Every part of every file must advance within the time given, and none may
 * have counted an error. Ends as soon as all have advanced. Whoever asks from
 * outside needs a time limit of its own: in a guest whose timers are dead, so
 * is this program.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heartbeat.h"
#include "util.h"

#define MAX_FILES 64
#define POLL_NS (20 * NS_PER_MS)

static const struct heartbeat_file *files[MAX_FILES];
static uint64_t before[MAX_FILES][HEARTBEAT_PARTS];

static bool all_advanced(int n)
{
	int i;
	uint64_t k;

	for (i = 0; i < n; i++)
		for (k = 0; k < files[i]->parts; k++)
			if (files[i]->part[k].beats == before[i][k])
				return false;
	return true;
}

static int report(int n, char **names)
{
	const struct heartbeat *part;
	uint64_t k, beats, errors;
	bool ok;
	int i, bad = 0;

	for (i = 0; i < n; i++) {
		if (!files[i]->parts) {
			printf("%s: no part yet\n", names[i]);
			bad++;
		}
		for (k = 0; k < files[i]->parts; k++) {
			part = &files[i]->part[k];
			beats = part->beats;
			errors = part->errors;
			ok = beats != before[i][k] && !errors;
			bad += !ok;
			printf("%s: %.15s beats %llu (+%llu) errors %llu%s\n", names[i], part->name,
			       (unsigned long long)beats,
			       (unsigned long long)(beats - before[i][k]),
			       (unsigned long long)errors, ok ? "" : " WRONG");
		}
	}
	return bad ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "for-ms", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	uint64_t limit = 1000 * NS_PER_MS, start;
	uint64_t k;
	int c, i, n;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			limit = number("--for-ms", optarg, 1, 600000) * NS_PER_MS;
			break;
		case 'h':
			puts("usage: heartbeats [--for-ms MS] FILE...\n"
			     "Exit status 0 if every part advances within MS (default 1000) and none has errors.");
			return 0;
		default:
			return 2;
		}
	}
	n = argc - optind;
	if (n < 1 || n > MAX_FILES)
		die(0, "one to %d files were expected", MAX_FILES);
	for (i = 0; i < n; i++) {
		files[i] = heartbeat_open(argv[optind + i]);
		for (k = 0; k < files[i]->parts; k++)
			before[i][k] = files[i]->part[k].beats;
	}
	start = now_ns(CLOCK_MONOTONIC);
	while (!all_advanced(n) && now_ns(CLOCK_MONOTONIC) - start < limit)
		sleep_ns(POLL_NS);
	return report(n, argv + optind);
}
