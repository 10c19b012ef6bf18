/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SP_DEVICES_H
#define SP_DEVICES_H

#include "compat/bus.h"

/* Finds the xenbus frontend bus. */
int sp_devices_init(void);
void sp_devices_exit(void);

/* The bus that every xenbus frontend device sits on. */
sp_bus_t sp_devices_bus(void);

/* Reconnects every frontend to its new backend. Sleeps; xenstore must work. */
void sp_devices_reconnect(void);

#endif /* SP_DEVICES_H */
