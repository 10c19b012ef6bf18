/* SPDX-License-Identifier: GPL-2.0 */
/* The character device of the agent; see stillpoint/agent.h. */
#ifndef SP_AGENT_H
#define SP_AGENT_H

/* 0 or a negative errno. */
int sp_agent_init(void);
/* Nobody has it open. */
void sp_agent_exit(void);

#endif /* SP_AGENT_H */
