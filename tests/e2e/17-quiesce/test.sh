#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A guest under load is frozen, its disks hold still, and it is thawed: by whoever is left, whatever
# dies or hangs meanwhile. What was not frozen all the time is never called consistent, and the
# next quiesce works.
# lab: --vcpus 2 --memory 192
# everyday: quick
# minutes: 20
# long
# shellcheck source-path=SCRIPTDIR/.. source=lib.sh
. e2e/lib.sh

backups=/guests/backups
mkdir -p "$backups" /mnt

quiesce() { stillpoint quiesce "$@"; }
status() { stillpoint status --json g1 | jq -r ".quiesce.$1"; }
is_idle() { [ "$(status state)" = idle ]; }
has_agent() { [ "$(status agent)" = true ]; }
is_frozen() { [ "$(status state)" = frozen ]; }
can_write() { ask_for 60 g1 'echo x >/data/written && echo x >/root/written && sync'; }

# thorough: not with few rounds.
thorough() { [ "$mode" != quick ]; }

# The guest is as it was, and can be frozen again.
is_well() { within 60 is_idle && can_write && quiesce g1 -- true; }

# holds_still: neither disk is written for some seconds.
written() { cat /sys/bus/xen-backend/devices/vbd-*/statistics/wr_req; }
holds_still() {
	local before
	before=$(written)
	[ -n "$before" ] && sleep 5 && [ "$before" = "$(written)" ]
}
export -f written holds_still

expect 0 'prepare the guest' prepare g1
expect 0 'start the agent' ask g1 systemctl start stillpoint-agent
expect 0 'the agent runs' within 120 has_agent
expect 0 'status' stillpoint status g1
has 'it is idle' 'quiesce: +idle' "$output"
expect 0 'start the loads' start_load g1
before=$(devices g1)

expect 0 'quiesce' quiesce --json g1 -- true
echo "# $(jq -c '{frozen, freeze_us, frozen_us, thaw_us}' <<<"$output")"
is 'json: consistent' true "$(field consistent "$output")"
is 'json: result' thawed "$(field result "$output")"
has 'both file systems were frozen' '^([2-9]|1[0-9])$' "$(field frozen "$output")"
has 'the report names them' '/data' "$(jq -r '.report[] | select(.outcome == "frozen").name' <<<"$output")"
expect 0 'the loads go on' check_load g1
expect 0 'disks hold still meanwhile' quiesce g1 -- bash -c holds_still
expect 0 'the loads go on after that' check_load g1
expect fail 'they do not when it is over' holds_still

expect 0 'an excluded file system is left alone' quiesce --exclude /data/ --exclude /data/lost+found --json g1 -- true
is 'the report says so' /data "$(jq -r '.report[] | select(.outcome == "excluded").name' <<<"$output")"
has 'and names a path where nothing is mounted' "'/data/lost\+found'" \
	"$(jq -r '.report[] | select(.outcome == "warning").detail' <<<"$output")"
if thorough; then
	expect 3 "COMMAND's status" quiesce g1 -- sh -c 'exit 3'
	expect 143 "COMMAND's signal" quiesce g1 -- sh -c 'kill -TERM $$'
	expect 127 'no COMMAND' quiesce g1 -- /no/such/command
	: >"$state/plain"
	expect 126 'COMMAND that is none' quiesce g1 -- "$state/plain"
	expect 2 'COMMAND is missing' quiesce g1
	expect 0 'after all of that it is well' is_well
fi

expect 125 'the time is up' quiesce --timeout 2 --json g1 -- sleep 300
is 'json: not consistent' false "$(field consistent "$output")"
is 'json: expired' expired "$(field result "$output")"
has 'the message names --timeout' '--timeout' "$errors"
expect 0 'after that it is well' is_well
if thorough; then
	expect 125 'COMMAND ends with 0, but too late' quiesce --timeout 2 g1 -- sh -c 'trap "" TERM; sleep 4; exit 0'
	expect 125 'somebody else thaws' quiesce g1 -- sh -c 'stillpoint thaw g1 && sleep 1'
	has 'the message says so' 'another .stillpoint thaw' "$errors"
	expect 0 'thaw with nothing frozen' stillpoint thaw g1
	is 'it says so' 'nothing is frozen' "$output"
	expect 0 'a second quiesce at a time is refused' quiesce g1 -- sh -c '! stillpoint quiesce g1 -- true'
	has 'the message says so' 'another stillpoint is at work' "$errors"
	expect 0 'so is a save --quiesce' quiesce g1 -- \
		sh -c "! stillpoint save --quiesce g1 $images/refused"
	expect 0 'and leaves nothing' nothing_at "$images/refused"
	expect 0 'after that it is well' is_well
fi

expect 0 'a checkpoint while it is frozen' quiesce g1 -- stillpoint save g1 "$images/frozen"
expect 0 'its image is right' verify_stream "$images/frozen"
stillpoint save --max-rounds 50 g1 "$images/meanwhile" &
expect 0 'a quiesce while a checkpoint is under way' quiesce g1 -- true
wait $!
is 'the checkpoint succeeds' 0 $?
expect 0 'the loads go on' check_load g1

expect 0 'save --quiesce' stillpoint save --quiesce --json g1 "$images/quiet"
echo "# $(jq -c '{frozen, freeze_us, frozen_us, pause_us}' <<<"$output")"
is 'json: quiesced' true "$(field quiesced "$output")"
expect 0 'its image is right' verify_stream "$images/quiet"
expect 0 'no page of it is missing' stillpoint save --quiesce --audit --force g1 "$images/quiet"
expect 0 'after that it is well' is_well

# mounted_late: something is mounted, and the agent sees that only when dom0 has thawed.
mounted_late() {
	guest g1 'pkill -STOP -x stillpoint-agen
		(sleep 5; pkill -CONT -x stillpoint-agen) </dev/null >/dev/null 2>&1 &
		mount -o loop /dev/shm/late /mnt'
}
export -f mounted_late
expect 0 'a file system to be mounted' \
	ask g1 'modprobe loop && truncate -s 8M /dev/shm/late && mkfs.ext4 -q /dev/shm/late'
expect 125 'a file system is mounted while all is frozen' quiesce g1 -- bash -c mounted_late
has 'the message names it' '/mnt.*mounted while all was frozen' "$errors"
expect 0 'it is unmounted' ask g1 umount /mnt
expect 0 'after that it is well' is_well

killed_tool() {
	stillpoint quiesce g1 -- sleep 1234 &
	within 60 is_frozen && within 60 pgrep -f '^sleep 1234$' || return 1
	kill -9 $!
	wait $!
	within 5 sh -c '! pgrep -f "^sleep 1234$"'
}
expect 0 'kill -9 of the tool ends COMMAND' killed_tool
expect 0 'another quiesce works at once' quiesce g1 -- true
if thorough; then
	expect 0 'kill -9 of the tool again' killed_tool
	expect 0 'the guest thaws by itself' within 60 is_idle
	is 'it knows why' dom0-gone "$(status result)"
	expect 0 'after that it is well' is_well
fi
expect 125 'kill -9 of the agent' quiesce g1 -- \
	sh -c 'guest g1 pkill -9 -x stillpoint-agen; sleep 30'
has 'the message says so' 'the agent in the guest ended' "$errors"
expect 0 'it comes back' within 200 has_agent
expect 0 'after that it is well' is_well
if thorough; then
	# A core that nobody could write, as that file system is frozen.
	expect 0 'a core would be written to a file' ask g1 'echo /root/core >/proc/sys/kernel/core_pattern &&
		prlimit --core=unlimited --pid "$(pgrep -x stillpoint-agen)"'
	expect 125 'the agent aborts' quiesce g1 -- \
		sh -c 'guest g1 pkill -ABRT -x stillpoint-agen; sleep 30'
	has 'the message says so' 'the agent in the guest ended' "$errors"
	expect 0 'it comes back' within 200 has_agent
	expect 0 'after that it is well' is_well
	ask g1 systemctl stop stillpoint-agent
	expect 125 'without the agent' quiesce g1 -- true
	has 'the message says so' 'stillpoint-agent does not run' "$errors"
	expect 1 'a backup neither' stillpoint backup --quiesce g1 "$backups/none"
	expect 0 'there is no folder' nothing_at "$backups/none"
	ask g1 systemctl start stillpoint-agent
	expect 0 'the agent is back' within 60 has_agent
	expect 0 'after that it is well' is_well
fi

# needs_recovery IMAGE: ext4's journal is not empty.
needs_recovery() { dumpe2fs -h "$1" 2>/dev/null | grep -q needs_recovery; }
expect 0 'the disks in use need recovery' needs_recovery /guests/g1/data.img
for ((round = 1; round <= $(rounds 5 1 20); round++)); do
	dir=$backups/disks.$round
	expect 0 "backup of the disks $round" stillpoint backup --quiesce --no-memory --json g1 "$dir"
	[ "$round" -gt 1 ] || echo "# $(jq -c '{frozen, frozen_us, total_us}' <<<"$output")"
	for disk in xvda xvdb; do
		expect fail "$disk needs no recovery" needs_recovery "$dir/$disk.img"
		expect 0 "$disk is sound" e2fsck -fn "$dir/$disk.img"
	done
	[ "$round" = 1 ] || rm -rf "$dir"
done
expect 0 'the loads go on' check_load g1
expect 0 'no device reconnected' no_device_reconnected g1 "$before"
expect 0 'no task was frozen' no_task_frozen g1

hook="rm -rf $state/acks.kept; cp -r $state/acks $state/acks.kept; reflink-disks"
expect 0 'backup with memory' stillpoint backup --quiesce --json \
	--disk-hook "[ \$STILLPOINT_ACTION = snapshot ] || exit 0; $hook" g1 "$backups/b"
echo "# $(jq -c '{frozen, frozen_us, pause_us, hook_us}' <<<"$output")"
expect fail 'its disk needs no recovery' needs_recovery "$backups/b/xvdb.img"
for ((round = 1; round <= $(rounds 3 1 20); round++)); do
	loads=" timers disk files"
	destroy g1
	acklog_stop
	rm -rf "$state/acks"
	cp -r "$state/acks.kept" "$state/acks"
	acklog_start
	expect 0 "restore $round" stillpoint restore --force "$backups/b"
	expect 0 'the restored guest works' guest_ok g1
	expect 0 'it is not frozen' can_write
	expect 0 'its loads go on' check_load g1
	expect 0 'its loads end well' stop_load g1
	expect 0 'every acknowledged write is there' verify_acks g1
	expect 0 'it can be frozen again' is_well
done
if thorough; then
	expect 125 'a guest that dies' quiesce g1 -- sh -c 'xl destroy g1; sleep 1'
	expect 0 'its file systems are sound' guest-disk check g1
fi
finish
