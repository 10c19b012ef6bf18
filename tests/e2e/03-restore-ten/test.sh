#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# One image, taken while 32 direct writes were under way at the disk and a
# journal committed, is restored again and again, by both tools, each time to
# the disks of its instant. Whatever the guest had acknowledged must be there,
# requests that were in flight must be done once more and only once, and no two
# of the guests may draw the same random numbers.
# lab: --vcpus 2 --memory 160
# everyday: no
# minutes: 20
# long
# shellcheck source-path=SCRIPTDIR/.. source=lib.sh
. e2e/lib.sh

CASE_SECONDS=600

image=$images/g1
count=$(rounds 5 1 10)
random_log=/run/jobs/random.out

# Nothing that the guest drew since the restore, by a process that was drawing
# before, was drawn by another guest of this image.
draws_differ() {
	ask "$1" cat "$random_log" |
		awk -v since="$since" '$1 >= since { $1 = ""; print }' >"$state/drawn"
	[ "$(wc -l <"$state/drawn")" -ge 3 ] || { echo "it draws no random numbers"; return 1; }
	if grep -Fxf "$state/drawn" "$state/drawn.before"; then
		echo "these were drawn before"
		return 1
	fi
	cat "$state/drawn" >>"$state/drawn.before"
}

expect 0 'prepare the guest' prepare g1
start_timers g1
start_disks g1 0 0
# shellcheck disable=SC2016
job g1 start random sh -c 'while sleep 0.5; do
	echo "$(date +%s) $(head -c 16 /dev/urandom | od -An -tx1)"
done'
expect 0 'the loads run' within 300 check_load g1
expect 0 'save while they run' stillpoint save g1 "$image.live"
expect 0 'verify-stream-v2 accepts that image' verify_stream "$image.live"
rm -f "$image.live"
expect 0 'the loads go on' check_load g1
expect 0 'save --stop under 32 direct writes and fsync' \
	stillpoint save --json --stop g1 "$image"
expect 0 'verify-stream-v2 accepts the image' verify_stream "$image"
expect 0 'keep the disks' keep g1 kept
: >"$state/drawn.before"

for tool in stillpoint xl; do
	for ((n = 1; n <= count; n++)); do
		this="$tool restore $n"
		loads=" timers disk files"
		expect 0 "$this: go back" go_back g1 kept
		since=$(date +%s)
		expect 0 "$this" restore_with "$tool" "$image" || continue
		expect 0 "$this: timers, disks, network, console, clock" guest_ok g1
		[ "$n" -gt 2 ] || expect 0 "$this: the loads go on" check_load g1
		expect 0 "$this: other random numbers than before" draws_differ g1
		expect 0 "$this: the loads end well" stop_load g1
		expect 0 "$this: every acknowledged write is there" verify_acks g1
	done
	expect 0 "$tool: destroy the guest" destroy g1
	expect 0 "$tool: the file systems are sound" guest-disk check g1
done
finish
