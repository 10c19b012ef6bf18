/* SPDX-License-Identifier: GPL-2.0 */
/* The control page of a guest's module and the event channel beside it. */
#ifndef STILLPOINT_CHANNEL_H
#define STILLPOINT_CHANNEL_H

#include <stdint.h>

#include <stillpoint/control.h>

struct channel;

/**
 * struct channel_ops - an implementation of struct channel
 * @notify: signal the guest; 0 or a negative errno
 * @wait: sleep until the guest signals or @us microseconds passed; 0 or a
 *	negative errno (-EINTR on a caught signal)
 * @close: unmap, unbind and free
 */
struct channel_ops {
	int (*notify)(struct channel *ch);
	int (*wait)(struct channel *ch, uint64_t us);
	void (*close)(struct channel *ch);
};

/**
 * struct channel - an open control page
 * @guest: the half that the guest writes, at any time
 * @host: the half that is ours to write, NULL if the page is mapped read-only
 */
struct channel {
	const struct channel_ops *ops;
	const volatile struct stillpoint_guest_half *guest;
	volatile struct stillpoint_host_half *host;
};

#endif /* STILLPOINT_CHANNEL_H */
