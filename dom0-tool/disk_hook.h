/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A command of the user's that copies the disks of a guest, or takes snapshots of them, while
 * the guest holds still. It is a line for the shell; the hooks in HOOK_DIR are found by their name.
 *
 * It finds in its environment:
 *
 *	STILLPOINT_ACTION	"snapshot" while the guest holds still. For a backup, then "collect"
 *				when it runs again, and "drop" in the end, whatever happened
 *	STILLPOINT_DOMAIN	the guest's name
 *	STILLPOINT_DOMID	its number
 *	STILLPOINT_DISKS	a line "VDEV FORMAT PATH" for each disk
 *	STILLPOINT_QUIESCED	"1" if the guest's file systems are frozen, else "0"
 *	STILLPOINT_FOR		"backup", or "save" for 'save --disk-hook'
 *	STILLPOINT_TARGET	for a backup, the folder for the copies; else as it is set
 */
#ifndef STILLPOINT_DISK_HOOK_H
#define STILLPOINT_DISK_HOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "disks.h"
#include "domain.h"

#define DISK_HOOK_SNAPSHOT "snapshot"
#define DISK_HOOK_COLLECT "collect"
#define DISK_HOOK_DROP "drop"

/**
 * struct disk_hook - what to run
 * @command: for the shell
 * @target: folder for the copies, NULL if the command knows
 * @timeout_ms: for each action but collecting, which may take long
 */
struct disk_hook {
	const char *command;
	const char *target;
	uint64_t timeout_ms;
};

/*
 * Run it and wait. Its stdout goes to stderr. Returns 0, or -1 with an error recorded if it
 * failed or took too long. Before a snapshot, also if the guest's disks are not @disks any
 * more. A signal that asks this process to stop ends it, but not a drop.
 */
int disk_hook_run(const struct disk_hook *hook, const char *action, struct domain *dom,
		  const struct disks *disks, bool quiesced);

#endif /* STILLPOINT_DISK_HOOK_H */
