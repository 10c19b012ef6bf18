/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SP_PUBLISH_H
#define SP_PUBLISH_H

#include <linux/types.h>

/* Writes what stillpoint/xenstore.h lists, in one transaction. Sleeps. */
int sp_publish(void);
void sp_unpublish(void);
/* False in a restored domain, whose xenstore home is new. */
bool sp_is_published(void);

#endif /* SP_PUBLISH_H */
