/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SP_COMPAT_BUS_H
#define SP_COMPAT_BUS_H

#include <linux/device.h>

/* Since 6.8 a driver's bus is const, and so are the arguments of bus_for_each_dev(). */
typedef typeof(((struct device_driver *)0)->bus) sp_bus_t;

#endif /* SP_COMPAT_BUS_H */
