/* SPDX-License-Identifier: GPL-2.0 */
/* An event channel that dom0 may bind. */
#ifndef SP_PORT_H
#define SP_PORT_H

#include <xen/interface/event_channel.h>

/* Who the pages and channels are for. */
#define SP_DOM0 0

/**
 * struct sp_port - one event channel
 * @event: called in interrupt context at every event
 * @port: what is published
 * @irq: what it is bound to
 */
struct sp_port {
	void (*event)(void);
	evtchn_port_t port;
	int irq;
};

/* Fills @port in; @name is the interrupt's. Sleeps. 0 or a negative errno. */
int sp_port_open(struct sp_port *port, const char *name, void (*event)(void));
/* No event comes after that. Sleeps. */
void sp_port_close(struct sp_port *port);
/* Nothing happens if it is closed, or dom0 has not bound it. */
void sp_port_notify(const struct sp_port *port);

#endif /* SP_PORT_H */
