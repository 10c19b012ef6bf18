// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "msg.h"

int audit_grow(struct audit *audit, uint64_t size)
{
	uint64_t *placed = realloc(audit->placed, (size ? size : 1) * sizeof(*placed));
	uint8_t *round;

	if (placed)
		audit->placed = placed;
	round = realloc(audit->round, size ? size : 1);
	if (round)
		audit->round = round;
	if (!placed || !round)
		return msg_error("out of memory to audit %llu pages", (unsigned long long)size);
	memset(placed + audit->room, 0, (size - audit->room) * sizeof(*placed));
	memset(round + audit->room, 0, size - audit->room);
	audit->room = size;
	return 0;
}

void audit_free(struct audit *audit)
{
	free(audit->placed);
	free(audit->round);
	memset(audit, 0, sizeof(*audit));
}
