// SPDX-License-Identifier: GPL-2.0
#include <linux/interrupt.h>

#include <xen/events.h>

#include <asm/xen/hypercall.h>

#include "port.h"

static irqreturn_t port_event(int irq, void *data)
{
	const struct sp_port *port = data;

	port->event();
	return IRQ_HANDLED;
}

int sp_port_open(struct sp_port *port, const char *name, void (*event)(void))
{
	struct evtchn_alloc_unbound alloc = { .dom = DOMID_SELF, .remote_dom = SP_DOM0 };
	int err;

	err = HYPERVISOR_event_channel_op(EVTCHNOP_alloc_unbound, &alloc);
	if (err)
		return err;
	port->event = event;
	port->port = alloc.port;
	err = bind_evtchn_to_irqhandler(port->port, port_event, 0, name, port);
	if (err < 0) {
		HYPERVISOR_event_channel_op(EVTCHNOP_close,
					    &(struct evtchn_close){ .port = port->port });
		return err;
	}
	port->irq = err;
	return 0;
}

void sp_port_close(struct sp_port *port)
{
	unbind_from_irqhandler(port->irq, port);
	port->irq = 0;
}

void sp_port_notify(const struct sp_port *port)
{
	if (port->irq)
		notify_remote_via_irq(port->irq);
}
