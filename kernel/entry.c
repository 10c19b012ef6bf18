// SPDX-License-Identifier: GPL-2.0
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "entry.h"

#define ENDBR_BYTES 4

int sp_entry_offset(const char *text, const char *name, unsigned long *offset)
{
	char digits[20];
	size_t len = strlen(name);
	const char *slash;

	if (strncmp(text, name, len) || strncmp(text + len, "+0x", 3))
		return -EINVAL;
	text += len + 1;
	slash = strchr(text, '/');
	if (!slash || slash - text >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, slash - text);
	digits[slash - text] = '\0';
	if (kstrtoul(digits, 16, offset))
		return -EINVAL;
	return *offset == 0 || *offset == ENDBR_BYTES ? 0 : -EINVAL;
}
