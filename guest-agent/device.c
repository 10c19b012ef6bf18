// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "device.h"

int device_open(const char *path)
{
	int device = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	return device < 0 ? -errno : device;
}

int device_read(int device, struct stillpoint_agent_event *event)
{
	ssize_t got = read(device, event, sizeof(*event));

	if (got < 0)
		return -errno;
	return got == sizeof(*event) ? 0 : -EPROTO;
}

int device_hold(int device, __u32 round, int fd, const struct mount *mount)
{
	const struct stillpoint_agent_hold ask = {
		.round = round,
		.fd = fd,
		.dev_major = mount->dev_major,
		.dev_minor = mount->dev_minor,
	};

	return ioctl(device, STILLPOINT_AGENT_HOLD, &ask) ? -errno : 0;
}

int device_mark(int device, unsigned long what, __u32 round, int error)
{
	const struct stillpoint_agent_mark ask = { .round = round, .error = (__u32)error };

	return ioctl(device, what, &ask) ? -errno : 0;
}
