#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A guest that changes its memory in every way that is known is copied while it
# runs. Once it is parked, the tool looks at every page: none may differ from its
# copy that is not in the set of those to be copied again. Each way is tried
# among its like and, with --full, alone and with one of each other kind; with disks
# whose grants persist and with disks whose grants do not.
# lab: --vcpus 2 --memory 288
# everyday: quick
# minutes: 27
# shellcheck source-path=SCRIPTDIR/.. source=workloads.sh
. e2e/workloads.sh

# The images are of no use, and are of memory.
mkdir -p "$state/images"
mount -t tmpfs tmpfs "$state/images"
image=$state/images/g1
audits=0

# missed_nothing: a save by the guest's own sets, in rounds.
missed_nothing() {
	audit "$state/audit.json" g1 "$image" --track guest || return 1
	[ "$(jq -r '"\(.tracker) \((.rounds | length) > 1)"' "$state/audit.json")" = 'guest true' ]
}

# audited NAME COUNT WORK...: checkpoints under these workloads, which go on in between.
audited() {
	local name=$1 count=$2 n
	shift 2
	[ "$count" -gt 0 ] || return 0
	expect 0 "$name: start" start_work g1 "$@" || { stop_work g1; return; }
	for ((n = 1; n <= count; n++)); do
		expect 0 "$name: checkpoint $n missed no page" missed_nothing || {
			echo "# $(jq -c . "$state/audit.json")"
			break
		}
		audits=$((audits + 1))
		expect 0 "$name: it goes on" check_work g1
	done
	expect 0 "$name: it ends well" stop_work g1
}

expect 0 'prepare the guest' prepare g1
before=$(devices g1)
for work in "${all_works[@]}"; do
	audited "$work" "$(rounds 0 0 5)" "$work"
done
count=$(rounds 1 1 12)
audited 'memory' "$count" "${memory_works[@]}"
audited 'files' "$count" "${file_works[@]}"
audited 'disks' "$count" "${disk_works[@]}"
audited 'tasks' "$count" "${task_works[@]}"
audited 'kernel' "$count" "${kernel_works[@]}"
audited 'outside' "$count" "${outside_works[@]}"
audited 'memory and disks' "$(rounds 1 0 15)" dirty-random forks disk pagecache writeback
audited 'kernel and files' "$(rounds 1 0 15)" modules patches compact files tmpfs-shared swap
audited 'together' "$(rounds 0 0 60)" "${together_works[@]}"
expect 0 'no device reconnected' no_device_reconnected g1 "$before"
expect 0 'no task was frozen' no_task_frozen g1
expect 0 'the guest works' guest_ok g1

# A backend that gives grants back after each request.
persistent=/sys/module/xen_blkback/parameters/feature_persistent
if [ -w "$persistent" ]; then
	expect 0 'without persistent grants: destroy the guest' destroy g1
	echo 0 >"$persistent"
	expect 0 'without persistent grants: boot' boot g1
	is 'without persistent grants: there are none' 0 "$(xenstore-read \
		"/local/domain/0/backend/vbd/$(xl domid g1)/51712/feature-persistent")"
	audited 'without persistent grants: disks' "$(rounds 1 1 20)" "${disk_works[@]}" pagecache
	audited 'without persistent grants: together' "$(rounds 0 0 15)" "${together_works[@]}"
	expect 0 'without persistent grants: the guest works' guest_ok g1
else
	skip 'without persistent grants' "this kernel's xen-blkback cannot do without"
fi
echo "# $audits audited checkpoints"
expect 0 'destroy the guest' destroy g1
expect 0 'its file systems are sound' guest-disk check g1
finish
