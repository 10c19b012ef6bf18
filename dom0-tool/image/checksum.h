/* SPDX-License-Identifier: GPL-2.0 */
/* XXH3 as images have it: canonical, which is big endian. */
#ifndef STILLPOINT_CHECKSUM_H
#define STILLPOINT_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <xxhash.h>

static inline void checksum_128(const void *data, size_t size, uint8_t sum[16])
{
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits(data, size));
	memcpy(sum, canonical.digest, sizeof(canonical.digest));
}

static inline void checksum_64(const void *data, size_t size, uint8_t sum[8])
{
	XXH64_canonical_t canonical;

	XXH64_canonicalFromHash(&canonical, XXH3_64bits(data, size));
	memcpy(sum, canonical.digest, sizeof(canonical.digest));
}

/* Of all that @state was given so far. */
static inline void checksum_digest(const XXH3_state_t *state, uint8_t sum[16])
{
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
	memcpy(sum, canonical.digest, sizeof(canonical.digest));
}

#endif /* STILLPOINT_CHECKSUM_H */
