/* SPDX-License-Identifier: GPL-2.0 */
/* A domain's configuration in libxl's JSON form. */
#ifndef STILLPOINT_CONFIG_H
#define STILLPOINT_CONFIG_H

/* The name in @json. free() it; NULL with an error recorded. */
char *config_name(const char *json);

/* @json under the name @name and with a fresh uuid. free() it; NULL with an error recorded. */
char *config_rename(const char *json, const char *name);

/* Returns 0 if @name can be a domain's name, else -1 with an error recorded. */
int config_check_name(const char *name);

#endif /* STILLPOINT_CONFIG_H */
