/* SPDX-License-Identifier: GPL-2.0 */
/* A domain's configuration in libxl's JSON form. */
#ifndef STILLPOINT_CONFIG_H
#define STILLPOINT_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

/* The name in @json. free() it; NULL with an error recorded. */
char *config_name(const char *json);

/**
 * struct config_summary - what a configuration says about a domain
 * @name: as all strings NULL if it is not there
 * @memory_kib: that it starts with
 * @max_memory_kib: that it may have
 * @max_vcpus: 0 if it is not there, as the other numbers
 */
struct config_summary {
	char *name;
	char *uuid;
	uint64_t memory_kib;
	uint64_t max_memory_kib;
	uint64_t max_vcpus;
};

/* Summarize @json, which may be anything; free with config_free_summary(). */
void config_summarize(const char *json, struct config_summary *summary);
void config_free_summary(struct config_summary *summary);

/* @json under the name @name and with a fresh uuid. free() it; NULL with an error recorded. */
char *config_rename(const char *json, const char *name);

/*
 * @json with the disk @vdev at @path of dom0, in the format @format. One that is there stays as it
 * is configured. free() it; NULL with an error recorded.
 */
char *config_move_disk(const char *json, const char *vdev, const char *path, const char *format);

/* Whether the domains of both have the same devices. */
bool config_same_devices(const char *json, const char *other);

/* Returns 0 if @name can be a domain's name, else -1 with an error recorded. */
int config_check_name(const char *name);

#endif /* STILLPOINT_CONFIG_H */
