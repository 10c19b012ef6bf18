#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Guests of one, two and four vCPUs, of 128 MiB to 1 GiB: saved while they run,
# saved with --stop, restored.
# lab: --vcpus 4 --memory 1024 --dom0-memory 2560
# everyday: quick
# shellcheck source-path=SCRIPTDIR/.. source=lib.sh
. e2e/lib.sh

image=$images/g1
first=1

for size in $(rounds '4:1024 2:512 1:128 4:128' '4:1024'); do
	vcpus=${size%:*}
	memory=${size#*:}
	this="$vcpus vCPUs, $memory MiB"
	if [ "$first" = 1 ]; then
		expect 0 "$this: prepare the guest" prepare g1
	else
		expect 0 "$this: destroy the one before" destroy g1
		expect 0 "$this: boot" boot g1 "$memory" "$vcpus" || continue
	fi
	first=0
	is "$this: it has its vCPUs" "$vcpus" "$(ask g1 nproc)"
	loads=
	start_timers g1
	expect 0 "$this: the timers run" within 120 check_load g1
	expect 0 "$this: save" stillpoint save --json --force g1 "$image"
	echo "# $this: pause_us $(field pause_us "$output") pages $(field pages "$output")" \
		"bytes $(field bytes "$output")"
	expect 0 "$this: verify-stream-v2 accepts the image" verify_stream "$image"
	expect 0 "$this: the timers go on" check_load g1
	expect 0 "$this: save --stop" stillpoint save --stop --force g1 "$image"
	expect 0 "$this: restore" stillpoint restore "$image"
	expect 0 "$this: the restored guest works" guest_ok g1
	expect 0 "$this: the timers of every vCPU go on" check_load g1
	is "$this: it has its vCPUs again" "$vcpus" "$(ask g1 nproc)"
	expect 0 "$this: no timer was lost" stop_load g1
done
finish
