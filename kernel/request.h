/* SPDX-License-Identifier: GPL-2.0 */
/* The worker that serves dom0's requests, one at a time. */
#ifndef SP_REQUEST_H
#define SP_REQUEST_H

/* Connects, publishes, and serves from then on. 0 or a negative errno. */
int sp_request_init(void);
/* Ends a request under way in its own time; then withdraws what was published. */
void sp_request_exit(void);

/* Has the worker that serves requests call @fn, between two of them; what it returns. Sleeps. */
int sp_request_call(int (*fn)(void));

#endif /* SP_REQUEST_H */
