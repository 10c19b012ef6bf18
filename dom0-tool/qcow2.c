// SPDX-License-Identifier: GPL-2.0
#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "msg.h"
#include "qcow2.h"

#define QCOW2_MAGIC 0x514649fbu /* "QFI\xfb" */
#define QCOW2_VERSION_MIN 2
#define QCOW2_VERSION_MAX 3
#define QCOW2_EXTERNAL_DATA (1ull << 2)

/**
 * struct qcow2_header - its begin, big endian; QEMU's docs/interop/qcow2.rst
 * @backing_offset: of the backing file's name; 0 without one
 * @incompatible: feature bits; not in version 2
 */
struct qcow2_header {
	uint32_t magic;
	uint32_t version;
	uint64_t backing_offset;
	uint8_t other[56];
	uint64_t incompatible;
};

_Static_assert(sizeof(struct qcow2_header) == 80, "the header of qcow2");

int qcow2_check(int fd, const char *name)
{
	struct qcow2_header h = { .magic = 0 };
	uint32_t version;
	ssize_t n = pread(fd, &h, sizeof(h), 0);

	if (n < 0)
		return msg_error("cannot read '%s': %s", name, strerror(errno));
	version = be32toh(h.version);
	if (be32toh(h.magic) != QCOW2_MAGIC || version < QCOW2_VERSION_MIN ||
	    version > QCOW2_VERSION_MAX)
		return msg_error("'%s' is no qcow2 file of version 2 or 3", name);
	if (h.backing_offset)
		return msg_error("'%s' has a backing file, which is not in the backup", name);
	if (version > QCOW2_VERSION_MIN && be64toh(h.incompatible) & QCOW2_EXTERNAL_DATA)
		return msg_error("'%s' has its data in another file, which is not in the backup",
				 name);
	return 0;
}
