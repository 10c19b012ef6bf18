# SPDX-License-Identifier: GPL-2.0
# What is made of numbers, in dom0 and on the machine itself.
# shellcheck shell=bash

fail() {
	echo "bench: $*" >&2
	exit 1
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

# ratios SERIES BY: one by the other, of each repetition; nothing if one is missing.
ratios() {
	[ ! -s "$1" ] || [ ! -s "$2" ] || paste "$1" "$2" | awk '$2 { print $1 / $2 }'
}
