#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Is the audit able to fail? Modules that were broken on purpose, each in one way
# (kernel/faults.h), miss pages under a workload that shows it, and the audit must
# say so and whose the page is. The module as it is passes the same.
# lab: --vcpus 2 --memory 128
# everyday: quick
# broken-modules
# shellcheck source-path=SCRIPTDIR/.. source=workloads.sh
. e2e/workloads.sh

mkdir -p "$state/images"
mount -t tmpfs tmpfs "$state/images"
image=$state/images/g1
tries=$(rounds 12 12 40)

# load FILE: this module instead of the one that is there.
load() {
	ask g1 'cat >/root/module.ko && rmmod stillpoint && insmod /root/module.ko' <"$1" &&
		within 20 has_module g1
}

# caught: an audit fails within so many tries. What it says is in $state/report.
caught() {
	local n
	for ((n = 1; n <= tries; n++)); do
		audit "$state/report" g1 "$image" --track guest >"$state/caught" && continue
		echo "checkpoint $n"
		[ "$(field missed "$(<"$state/report")")" -gt 0 ] 2>/dev/null && return 0
		cat "$state/caught"
		return 1
	done
	echo "$tries checkpoints missed nothing"
	return 2
}

# Which workloads show it, and who may own the pages that are missed. A grant that
# has ended is nobody's any more; the page is whoever got it.
declare -A work=([tlb]='reads-alone' [user]='dirty-random' [grants]='receive direct'
	[tables]='forks programs')
declare -A owner=([tlb]='user|kernel' [user]='user' [grants]='granted|kernel|user|unknown'
	[tables]='page table')

expect 0 'prepare the guest' prepare g1
# A processor that never runs anything else in between forgets no mapping.
xl vcpu-pin 0 all 0
xl vcpu-pin g1 0 0
xl vcpu-pin g1 1 1
for fault in tlb user grants tables; do
	# shellcheck disable=SC2086
	expect 0 "$fault: start the workload" start_work g1 ${work[$fault]}
	expect 0 "$fault: control: load the module as it is" load /usr/local/lib/stillpoint/stillpoint.ko
	for ((n = 1; n <= $(rounds 2 1 10); n++)); do
		expect 0 "$fault: control: checkpoint $n missed no page" \
			audit "$state/report" g1 "$image" --track guest
	done
	expect 0 "$fault: load the broken module" load "broken/$fault.ko"
	output=$(caught)
	status=$?
	# An emulated processor seldom keeps a mapping for as long as that takes.
	if [ "$fault $status" = 'tlb 2' ]; then
		skip "$fault: the audit finds it" "$output"
	elif is "$fault: the audit finds it ($output)" 0 "$status"; then
		echo "# $fault: $output: $(jq -c '[.missed, (.misses[] | select(.late | not))][:3]' "$state/report")"
		has "$fault: the report names the owner" "^(${owner[$fault]})$" \
			"$(jq -r '.misses[] | select(.late | not).owner' "$state/report")"
		expect 0 "$fault: no image" nothing_at "$image"
	fi
	expect 0 "$fault: the guest goes on" check_work g1
	expect 0 "$fault: it ends well" stop_work g1
done
expect 0 'load the module as it is' load /usr/local/lib/stillpoint/stillpoint.ko
expect 0 'at the end, save works' stillpoint save --force g1 "$image"
expect 0 'the guest works' guest_ok g1
finish
