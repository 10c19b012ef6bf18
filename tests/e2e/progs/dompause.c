// SPDX-License-Identifier: GPL-2.0
/*
 * dompause DOMID: how long a domain does not run, as dom0 sees it.
 *
 * Polls the hypervisor until SIGTERM or the domain's end. For each time that
 * the domain was paused or shut down it prints one line, its length in
 * microseconds. Times closer than a millisecond count as one.
 */
#include <stdio.h>
#include <string.h>

#include <xenctrl.h>

#include "util.h"

#define POLL_NS (100 * NS_PER_US)

/* 1 if the domain does not run, 0 if it does, -1 if it is gone. */
static int stands(xc_interface *xch, uint32_t domid)
{
	xc_domaininfo_t info;

	if (xc_domain_getinfolist(xch, domid, 1, &info) != 1 || info.domain != domid)
		return -1;
	return !!(info.flags & (XEN_DOMINF_paused | XEN_DOMINF_shutdown));
}

static void print_us(uint64_t ns)
{
	printf("%llu\n", (unsigned long long)(ns / NS_PER_US));
	fflush(stdout);
}

static void watch(xc_interface *xch, uint32_t domid)
{
	uint64_t start = 0, end = 0, now;
	int standing;

	while (!stopping) {
		standing = stands(xch, domid);
		if (standing < 0)
			break;
		now = now_ns(CLOCK_MONOTONIC);
		if (standing) {
			end = now;
			start = start ? start : now;
		} else if (start && now - end > NS_PER_MS) {
			print_us(end - start);
			start = 0;
		}
		sleep_ns(POLL_NS);
	}
	if (start)
		print_us(end - start);
}

int main(int argc, char **argv)
{
	xc_interface *xch;

	if (argc != 2 || !strcmp(argv[1], "--help")) {
		puts("usage: dompause DOMID\n"
		     "Prints, in microseconds, each time for which the domain did not run.");
		return argc == 2 ? 0 : 2;
	}
	catch_stop();
	xch = xc_interface_open(NULL, NULL, 0);
	if (!xch)
		die(1, "cannot open the hypervisor interface");
	watch(xch, number("DOMID", argv[1], 1, 0x7fef));
	xc_interface_close(xch);
	return 0;
}
