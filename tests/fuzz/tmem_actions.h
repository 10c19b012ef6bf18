/* SPDX-License-Identifier: GPL-2.0 */
/* How an input of fuzz_tmem is made up: bytes of these, each followed by what it takes. */
#ifndef STILLPOINT_TMEM_ACTIONS_H
#define STILLPOINT_TMEM_ACTIONS_H

enum tmem_action {
	ACTION_SEND,	/* a struct stillpoint_tmem_request, put into the ring */
	ACTION_POKE,	/* 16-bit place in the shared pages, 32-bit value */
	ACTION_SERVE,	/* a turn */
	ACTION_ENTER,	/* the guest makes the ring empty and enters the session */
	ACTION_MESSAGE, /* 8-bit type, then the rest of a request of its right size */
	ACTION_RECORDS, /* 16-bit length, then as many bytes, as a message with records */
	ACTION_RAW,	/* 8-bit length, then as many bytes, as a message */
	ACTION_EXPIRE,	/* the end of a hold */
	ACTION_WORK,	/* pages on their way out go */
	ACTION_CONNECT, /* the guest's ring anew */
	ACTION_ACCEPT,	/* another connection in place of the one before */
	ACTION_DROP,	/* the domain goes */
	ACTION_PAGE,	/* 8-bit slot, 32-bit seed: what is in the window */
	ACTIONS
};

#endif /* STILLPOINT_TMEM_ACTIONS_H */
