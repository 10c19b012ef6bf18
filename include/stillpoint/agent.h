/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The character device STILLPOINT_AGENT_DEVICE, between the module and the agent.
 *
 * Only root may open it (CAP_SYS_ADMIN), and only one at a time (EBUSY). Whoever has it open
 * is the agent; when its last descriptor is closed, a round under way ends and thaws.
 *
 * read() gives the next struct stillpoint_agent_event, whole, and blocks until there is
 * one (EAGAIN with O_NONBLOCK); poll() says POLLIN when there is. What an agent does:
 *
 *   on STILLPOINT_AGENT_FREEZE: the hooks; STILLPOINT_AGENT_HOLD for each file system, in the
 *	order in which they are to be frozen; then STILLPOINT_AGENT_FROZEN. If anything of it
 *	fails, STILLPOINT_AGENT_FAILED instead; also later, when a file system appears
 *	that is not frozen.
 *   on STILLPOINT_AGENT_THAW: nothing is held any more; STILLPOINT_AGENT_LOOKED, the hooks,
 *	then STILLPOINT_AGENT_DONE. It comes once for each FREEZE that was read, after FAILED too,
 *	and may come before FROZEN: any call but these two with that round's number is ESTALE then.
 *   on STILLPOINT_AGENT_RESTORED: the hooks of a restored guest.
 *
 * write() appends whole lines to the report (see quiesce.h) of the round that was read last;
 * ENOSPC if they do not fit, ESTALE if it is done.
 */
#ifndef STILLPOINT_AGENT_H
#define STILLPOINT_AGENT_H

#include <linux/ioctl.h>
#include <linux/types.h>

#include <stillpoint/quiesce.h>

#define STILLPOINT_AGENT_NAME "stillpoint"
#define STILLPOINT_AGENT_DEVICE "/dev/stillpoint"

/* File systems that can be held at a time. */
#define STILLPOINT_HOLD_LIMIT 1024

enum stillpoint_agent_event_type {
	STILLPOINT_AGENT_FREEZE = 1,
	STILLPOINT_AGENT_THAW = 2,
	STILLPOINT_AGENT_RESTORED = 3,
};

/**
 * struct stillpoint_agent_event - what read() gives
 * @type: enum stillpoint_agent_event_type
 * @round: number of the round, 0 with RESTORED
 * @result: with THAW, enum stillpoint_quiesce_result
 * @excludes_bytes: with FREEZE, how much of @excludes is valid; the last byte of it is a NUL
 * @prepare_us: with FREEZE, microseconds that are left until it must be frozen
 * @hold_us: with FREEZE, microseconds for which it will be held at most
 * @excludes: as in struct stillpoint_quiesce_host
 */
struct stillpoint_agent_event {
	__u32 type;
	__u32 round;
	__u32 result;
	__u32 excludes_bytes;
	__u64 prepare_us;
	__u64 hold_us;
	char excludes[STILLPOINT_EXCLUDES_BYTES];
};

/**
 * struct stillpoint_agent_hold - one file system
 * @round: number of the round
 * @fd: anything open in it
 * @dev_major: of the device that /proc/self/mountinfo names
 * @dev_minor: the same
 */
struct stillpoint_agent_hold {
	__u32 round;
	__s32 fd;
	__u32 dev_major;
	__u32 dev_minor;
};

/**
 * struct stillpoint_agent_mark - how far the agent is
 * @round: number of the round
 * @error: with FAILED, a positive errno for dom0; with LOOKED, one or 0
 */
struct stillpoint_agent_mark {
	__u32 round;
	__u32 error;
};

/*
 * Freezes the file system of @fd, which the module then holds; @fd may be closed. Waits for
 * writes that have begun, without bound. ESTALE: the round is over. EXDEV: @fd is in
 * another file system. EOPNOTSUPP: it cannot be frozen. EALREADY: the module holds it.
 * EBUSY: somebody else has frozen it. ENOSPC: STILLPOINT_HOLD_LIMIT.
 */
#define STILLPOINT_AGENT_HOLD _IOW('S', 0x51, struct stillpoint_agent_hold)
/* All is held. EIO: one of them was thawed by somebody else; the round ends. */
#define STILLPOINT_AGENT_FROZEN _IOW('S', 0x52, struct stillpoint_agent_mark)
/* It cannot be done: the round ends. */
#define STILLPOINT_AGENT_FAILED _IOW('S', 0x53, struct stillpoint_agent_mark)
/* After THAW: the hooks are through. */
#define STILLPOINT_AGENT_DONE _IOW('S', 0x54, struct stillpoint_agent_mark)
/* After THAW: whether a file system was mounted that was not frozen. */
#define STILLPOINT_AGENT_LOOKED _IOW('S', 0x55, struct stillpoint_agent_mark)

#endif /* STILLPOINT_AGENT_H */
