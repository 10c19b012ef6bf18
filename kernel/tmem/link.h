/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The link to the store: the window, the ring, and what is published of them. It is up
 * while there is a pool. Going up, down, and up again in a restored domain are done by the
 * worker that parks, so that none meets another, or a park.
 */
#ifndef SP_TMEM_LINK_H
#define SP_TMEM_LINK_H

/* If it is not up. 0 or a negative errno. Sleeps. */
int sp_link_up(void);
/* If there is no pool. Sleeps. */
void sp_link_down(void);
/*
 * This domain is a new one. By the worker. Allocates only what writing to xenstore
 * does; the caller has it come from the reserves, as memory may be waiting for this.
 */
void sp_link_resume(void);

#endif /* SP_TMEM_LINK_H */
