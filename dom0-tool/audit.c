// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "msg.h"

int audit_grow(struct audit *audit, uint64_t size)
{
	uint8_t *round = realloc(audit->round, size ? size : 1);

	if (!round)
		return msg_error("out of memory to audit %llu pages", (unsigned long long)size);
	audit->round = round;
	memset(round + audit->room, 0, size - audit->room);
	audit->room = size;
	return 0;
}

void audit_free(struct audit *audit)
{
	free(audit->round);
	memset(audit, 0, sizeof(*audit));
}
