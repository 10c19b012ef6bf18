/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rounds of quiesce: from a request of dom0, by way of the agent, to the thaw. A worker
 * of its own looks after them, beside the one that parks the guest.
 */
#ifndef SP_ROUND_H
#define SP_ROUND_H

#include <linux/fs.h>
#include <linux/types.h>
#include <linux/wait.h>

#include <stillpoint/agent.h>

int sp_round_init(void);
/* Nothing is held any more when it returns. After sp_round_disconnect(). */
void sp_round_exit(void);

/* Opens the page to dom0; 0 or a negative errno. */
int sp_round_connect(void);
void sp_round_disconnect(void);

/*
 * This domain is a restored one: a round under way ends at the next look, which
 * sp_round_look() brings forward. Both in any context; the first also while every CPU is
 * stopped, so that no look can come before it.
 */
void sp_round_restored(void);
void sp_round_look(void);

/* An agent comes, and goes. -EBUSY if there is one. */
int sp_round_attach(void);
void sp_round_detach(void);

/* True if there is an event for the agent, which is then in *event. */
bool sp_round_next(struct stillpoint_agent_event *event);
/* True if sp_round_next() has one. */
bool sp_round_has_next(void);
/* Woken when it may have one. */
wait_queue_head_t *sp_round_events(void);

/*
 * What the agent says about round @number; see stillpoint/agent.h. Negative errnos are
 * those given there.
 */
int sp_round_hold(u32 number, struct super_block *sb);
int sp_round_frozen(u32 number);
int sp_round_failed(u32 number, u32 error);
int sp_round_looked(u32 number, u32 error);
int sp_round_hooks_done(u32 number);
int sp_round_report(const char *text, size_t bytes);

#endif /* SP_ROUND_H */
