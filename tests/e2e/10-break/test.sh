#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Is the audit able to fail? Modules that were broken on purpose, each in one way
# (kernel/faults.h), miss pages under a workload that shows it, and the audit must
# say so and whose the page is. The module as it is passes the same.
# lab: --vcpus 2 --memory 256
# everyday: quick
# minutes: 20
# broken-modules
# shellcheck source-path=SCRIPTDIR/.. source=workloads.sh
. e2e/workloads.sh

mkdir -p "$state/images"
mount -t tmpfs tmpfs "$state/images"
image=$state/images/g1
tries=6

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
	return 1
}

# Which workloads show it, and who may own the pages that are missed. A grant that
# has ended is nobody's any more; the page is whoever got it. That of tlb
# is a module, e2e/modules/sweep.c: a processor that runs programs flushes its own TLB.
declare -A work=([user]='dirty-random' [grants]='receive' [tables]='forks programs'
	[moved]='scatter')
declare -A owner=([tlb]='kernel' [user]='user' [grants]='granted|kernel|user|unknown'
	[tables]='page table' [moved]='user')

# pin DOM0 VCPU-0 VCPU-1: the processors of dom0 and of the guest's vCPUs.
pin() { xl vcpu-pin 0 all "$1" && xl vcpu-pin g1 0 "$2" && xl vcpu-pin g1 1 "$3"; }

# begin FAULT
begin() {
	# shellcheck disable=SC2086
	case $1 in
	# Nothing else may run on the processor of the guest's second vCPU.
	tlb) pin 0 0 1 && ask g1 'cat >/root/sweep.ko && insmod /root/sweep.ko' <broken/sweep.ko ;;
	*) start_work g1 ${work[$1]} ;;
	esac
}

written() { ask g1 cat /sys/module/sweep/parameters/written; }
has_written() { [ "$(written)" -gt "$1" ]; }

# goes_on FAULT
goes_on() {
	case $1 in
	tlb) within 20 has_written "$(written)" ;;
	*) check_work g1 ;;
	esac
}

# end FAULT
end() {
	case $1 in
	tlb) pin all all all && ask g1 rmmod sweep ;;
	*) stop_work g1 ;;
	esac
}

expect 0 'prepare the guest' prepare g1
for fault in $(rounds 'tlb user grants tables moved' 'tlb user grants tables'); do
	expect 0 "$fault: start the workload" begin "$fault"
	expect 0 "$fault: control: load the module as it is" load /usr/local/lib/stillpoint/stillpoint.ko
	for ((n = 1; n <= $(rounds 2 1 10); n++)); do
		expect 0 "$fault: control: checkpoint $n missed no page" \
			audit "$state/report" g1 "$image" --track guest
	done
	expect 0 "$fault: load the broken module" load "broken/$fault.ko"
	output=$(caught)
	if is "$fault: the audit finds it ($output)" 0 $?; then
		echo "# $fault: $output: $(jq -c '[.missed, (.misses[] | select(.late | not))][:3]' "$state/report")"
		has "$fault: the report names the owner" "^(${owner[$fault]})$" \
			"$(jq -r '.misses[] | select(.late | not).owner' "$state/report")"
		expect 0 "$fault: no image" nothing_at "$image"
	fi
	expect 0 "$fault: the guest goes on" goes_on "$fault"
	expect 0 "$fault: it ends well" end "$fault"
done
expect 0 'load the module as it is' load /usr/local/lib/stillpoint/stillpoint.ko
expect 0 'at the end, save works' stillpoint save --force g1 "$image"
expect 0 'the guest works' guest_ok g1
finish
