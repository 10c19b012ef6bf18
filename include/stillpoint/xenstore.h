/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module publishes, under the guest's xenstore home
 * (/local/domain/<domid>/). "data" is writable for the guest on every
 * toolstack. Values are decimal unless said otherwise. The module writes
 * STILLPOINT_XS_ABI last and removes the directory when it is unloaded, so a
 * reader that finds it finds the others.
 */
#ifndef STILLPOINT_XENSTORE_H
#define STILLPOINT_XENSTORE_H

#define STILLPOINT_XS_DIR "data/stillpoint"
#define STILLPOINT_XS_ABI "abi-version"
#define STILLPOINT_XS_VERSION "version"	   /* of the module, a string */
#define STILLPOINT_XS_FEATURES "features"  /* hexadecimal, with 0x */
#define STILLPOINT_XS_REF "control-ref"	   /* grant of the control page */
#define STILLPOINT_XS_PORT "event-channel" /* unbound, for dom0 */

/*
 * While the module keeps pages in a store (see tmem.h), in the same manner: the
 * directory appears with the first pool, and goes with the last.
 */
#define STILLPOINT_XS_TMEM_DIR STILLPOINT_XS_DIR "/tmem"
#define STILLPOINT_XS_TMEM_ABI "abi-version"
#define STILLPOINT_XS_TMEM_REF "page-ref"	/* grant of the tmem page */
#define STILLPOINT_XS_TMEM_PORT "event-channel" /* unbound, for dom0 */
/* Of the quiesce page (quiesce.h), if the control page says STILLPOINT_FEATURE_QUIESCE. */
#define STILLPOINT_XS_QUIESCE_REF "quiesce-ref"
#define STILLPOINT_XS_QUIESCE_PORT "quiesce-channel" /* unbound, for dom0 */

#endif /* STILLPOINT_XENSTORE_H */
