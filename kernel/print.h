/* SPDX-License-Identifier: GPL-2.0 */
/* Included before every file of the module. */
#undef pr_fmt
#define pr_fmt(fmt) "stillpoint: " fmt
