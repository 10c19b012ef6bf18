#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Where the hypervisor has a log of dirty pages, what the guest's module finds is
# compared with it: every page that the hypervisor saw written must be in the
# guest's set. The log itself, as a tracker, passes the same audit.
# lab: --vcpus 2 --memory 192
# everyday: quick
# minutes: 8
# xen: 4.17.5
# shellcheck source-path=SCRIPTDIR/.. source=workloads.sh
. e2e/workloads.sh

mkdir -p "$state/images"
mount -t tmpfs tmpfs "$state/images"
image=$state/images/g1

expect 0 'prepare the guest' prepare g1

if [ "$LAB_XEN" != 4.17.5 ]; then
	skip 'compare with the log' "Xen $LAB_XEN has none"
	finish
fi

# compared NAME COUNT WORK...
compared() {
	local name=$1 count=$2 n
	shift 2
	expect 0 "$name: start" start_work g1 "$@" || { stop_work g1; return; }
	for ((n = 1; n <= count; n++)); do
		expect 0 "$name: comparison $n" audit "$state/audit.json" g1 "$image" --track compare
		expect 0 "$name: it goes on" check_work g1
		expect 0 "$name: the log, audited, $n" audit "$state/audit.json" g1 "$image" --track logdirty
		is "$name: that is the tracker" logdirty \
			"$(field tracker "$(<"$state/audit.json")")"
		expect 0 "$name: it goes on after it" check_work g1
	done
	expect 0 "$name: it ends well" stop_work g1
}

count=$(rounds 1 1 10)
compared 'memory' "$count" "${memory_works[@]}"
compared 'files and disks' "$count" "${file_works[@]}" "${disk_works[@]}"
if [ "$(rounds 1 0 1)" = 1 ]; then
	compared 'tasks and kernel' "$count" "${task_works[@]}" "${kernel_works[@]}"
	compared 'outside' "$count" "${outside_works[@]}" direct
fi
expect 0 'a save that tracks nothing works after that' stillpoint save --track none --force g1 "$image"
expect 0 'verify-stream-v2 accepts the image' verify_stream "$image"
expect 0 'save --stop' stillpoint save --stop --force g1 "$image"
expect 0 'restore' stillpoint restore "$image"
expect 0 'the guest works' guest_ok g1
finish
