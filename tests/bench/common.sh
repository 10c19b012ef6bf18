# SPDX-License-Identifier: GPL-2.0
# What the measurements share. Sourced in dom0 in the place of workloads.sh.
# shellcheck shell=bash

# shellcheck source-path=SCRIPTDIR/../e2e source=workloads.sh
. e2e/workloads.sh

# The lab favours dom0. Here a guest gets its share, as it does by default.
xl sched-credit2 -d 0 -w 256

fail() {
	echo "bench: $*" >&2
	exit 1
}

# quiet COMMAND...: shows what it said only if it fails.
quiet() {
	"$@" >"$state/quiet" 2>&1 && return 0
	cat "$state/quiet"
	return 1
}

# spread FORMAT DIVISOR: the numbers on stdin as "median (least to most)".
spread() {
	sort -g | awk -v format="$1" -v divisor="$2" '
		{ v[NR] = $1 / divisor }
		END {
			if (!NR) {
				print "-"
				exit
			}
			middle = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
			printf format " (" format " to " format ")\n", middle, v[1], v[NR]
		}'
}
