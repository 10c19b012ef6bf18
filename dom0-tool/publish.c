// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <stillpoint/control.h>
#include <stillpoint/xenstore.h>

#include "msg.h"
#include "publish.h"

/* event_channel.h: a domain has at most 131072 FIFO event channels. */
#define PUBLISH_PORT_MAX 131071

static int publish_value(publish_get get, void *arg, const char *key,
			 char value[PUBLISH_VALUE_MAX + 1])
{
	int len = get(arg, key, value);

	if (len == -ENOENT)
		return msg_error("the module did not publish '%s' in xenstore; reload it", key);
	if (len < 0)
		return msg_error("cannot read '%s' from xenstore: %s", key, strerror(-len));
	if (len > PUBLISH_VALUE_MAX)
		return msg_error("'%s' in xenstore has %d bytes, at most %d are allowed", key, len,
				 PUBLISH_VALUE_MAX);
	if (memchr(value, '\0', len))
		return msg_error("'%s' in xenstore contains a zero byte", key);
	value[len] = '\0';
	return 0;
}

/* Digits only: strtoull() alone would take signs, spaces and other bases. */
static int publish_number(publish_get get, void *arg, const char *key, int base, uint64_t max,
			  uint64_t *number)
{
	char value[PUBLISH_VALUE_MAX + 1];
	const char *p = value;
	char *end;

	if (publish_value(get, arg, key, value))
		return -1;
	if (base == 16) {
		if (strncmp(p, "0x", 2))
			return msg_error("'%s' in xenstore does not start with 0x", key);
		p += 2;
	}
	if (!isxdigit((unsigned char)*p))
		return msg_error("'%s' in xenstore is not a number", key);
	errno = 0;
	*number = strtoull(p, &end, base);
	if (errno || *end || (base == 16 && (p[1] == 'x' || p[1] == 'X')))
		return msg_error("'%s' in xenstore is not a number", key);
	if (*number > max)
		return msg_error("'%s' in xenstore is above %llu", key, (unsigned long long)max);
	return 0;
}

static int publish_string(publish_get get, void *arg, const char *key, char *out, size_t size)
{
	char value[PUBLISH_VALUE_MAX + 1];
	size_t i;

	if (publish_value(get, arg, key, value))
		return -1;
	for (i = 0; value[i]; i++)
		if (!isprint((unsigned char)value[i]) || (value[i] & 0x80))
			return msg_error("'%s' in xenstore contains a byte that is not printable",
					 key);
	if (i >= size)
		return msg_error("'%s' in xenstore has %zu bytes, at most %zu are allowed", key, i,
				 size - 1);
	memcpy(out, value, i + 1);
	return 0;
}

int publish_read(struct publish *pub, publish_get get, void *arg)
{
	uint64_t abi, ref, port;

	memset(pub, 0, sizeof(*pub));
	if (!publish_present(get, arg))
		return msg_error("the stillpoint module is not loaded in the guest; load it there");
	if (publish_number(get, arg, STILLPOINT_XS_ABI, 10, UINT32_MAX, &abi))
		return -1;
	pub->abi = abi;
	if (publish_string(get, arg, STILLPOINT_XS_VERSION, pub->version, sizeof(pub->version)))
		return -1;
	if (pub->abi != STILLPOINT_ABI_VERSION)
		return msg_error(
			"the module in the guest speaks ABI %u, this tool %u; install matching versions",
			pub->abi, STILLPOINT_ABI_VERSION);
	if (publish_number(get, arg, STILLPOINT_XS_FEATURES, 16, UINT64_MAX, &pub->features) ||
	    publish_number(get, arg, STILLPOINT_XS_REF, 10, UINT32_MAX, &ref) ||
	    publish_number(get, arg, STILLPOINT_XS_PORT, 10, PUBLISH_PORT_MAX, &port))
		return -1;
	pub->ref = ref;
	pub->port = port;
	return 0;
}

int publish_read_quiesce(struct publish_quiesce *pub, publish_get get, void *arg)
{
	uint64_t ref, port;

	if (publish_number(get, arg, STILLPOINT_XS_QUIESCE_REF, 10, UINT32_MAX, &ref) ||
	    publish_number(get, arg, STILLPOINT_XS_QUIESCE_PORT, 10, PUBLISH_PORT_MAX, &port))
		return -1;
	pub->ref = ref;
	pub->port = port;
	return 0;
}

int publish_present(publish_get get, void *arg)
{
	char value[PUBLISH_VALUE_MAX + 1];

	return get(arg, STILLPOINT_XS_ABI, value) != -ENOENT;
}
