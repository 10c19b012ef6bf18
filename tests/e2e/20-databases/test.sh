#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Databases that are written to all the time, and a copy of the guest's disk in each quiesce: in the
# copy the file system needs no recovery, and each database opens and has every number that
# was acknowledged before the freeze and none that was asked for after it.
# lab: --vcpus 2 --memory 512
# everyday: no
# minutes: 14
# shellcheck source-path=SCRIPTDIR/.. source=lib.sh
. e2e/lib.sh

databases='postgresql mariadb redis sqlite'
copies=/guests/copies
mkdir -p "$copies"
CASE_SECONDS=600

database() { ask_for 300 g1 bash /run/jobs/database "$@"; }
has_agent() { [ "$(stillpoint status --json g1 | jq -r .quiesce.agent)" = true ]; }
acks() { echo "$state/acks/$1"; }
last() { tail -n 1 "$(acks "$1")"; }

start_writing() {
	guest g1 bash /run/jobs/database write "$1" </dev/null >"$(acks "$1")" 2>"$(acks "$1").err" 8>&- &
	writers+=("$!")
}
writers=()

is_past() { [ "$(last "$1")" -gt "$2" ]; }
# goes_on DATABASE: it acknowledges more.
goes_on() { within 60 is_past "$1" "$(last "$1")"; }

# copy ROUND: what is acknowledged last, and the disk.
copy() {
	local name
	# What the guest said is on its way.
	sleep 3
	for name in $databases; do
		last "$name" >"$copies/$1.$name"
	done
	cp --reflink=always /guests/g1/root.img "$copies/$1.img"
}

# attach ROUND: the copy is /mnt/copy in the guest.
device=
attach() {
	device=$(losetup --find --show "$copies/$1.img") || return 1
	xl block-attach g1 "phy:$device" xvdf w && within 30 ask g1 test -b /dev/xvdf &&
		ask g1 'mkdir -p /mnt/copy && mount /dev/xvdf /mnt/copy'
}
detach() {
	ask g1 umount /mnt/copy && xl block-detach g1 xvdf && within 30 losetup -d "$device"
}

# has_all DATABASE ROUND: one may be committed and not acknowledged.
has_all() {
	local counted largest acked said
	acked=$(<"$copies/$2.$1")
	said=$(database check "$1" /mnt/copy)
	read -r counted largest <<<"$said"
	echo "$1: $acked acknowledged, $counted there, the last is $largest"
	[ -n "$counted" ] && [ "$counted" = "$largest" ] &&
		[ "$counted" -ge "$acked" ] && [ "$counted" -le $((acked + 1)) ]
}

expect 0 'prepare the guest' prepare g1
expect 0 'the hooks' ask g1 'ln -s /usr/local/share/stillpoint/hooks/* /etc/stillpoint/hooks.d/'
# An emulated guest with four databases takes its time.
expect 0 'the hooks get more time' ask g1 \
	'echo STILLPOINT_AGENT_OPTIONS=\"--hook-timeout 120\" >/etc/default/stillpoint-agent'
expect 0 'the agent starts' ask g1 systemctl start stillpoint-agent
expect 0 'dom0 sees it' within 60 has_agent
for name in $databases; do
	expect 0 "$name starts" database start "$name"
	start_writing "$name"
	expect 0 "$name is written to" within 60 is_past "$name" 5
done

# hooks PHASE: those of a report on stdin, and how they ended.
hooks() {
	jq -r --arg phase "$1" '[.report[] | select(.kind == "hook" and .what == $phase) |
		"\(.name):\(.outcome)"] | sort | join(" ")'
}

# has_orphans IMAGE: there are files that were deleted and still open. No freeze makes them go
# away, and ext4 calls it a recovery when it puts them away.
has_orphans() { dumpe2fs -h "$1" 2>/dev/null | grep '^First orphan inode'; }

# needs_recovery IMAGE: ext4's journal is not empty.
needs_recovery() { dumpe2fs -h "$1" 2>/dev/null | grep needs_recovery; }
expect 0 'the disk in use needs recovery' needs_recovery /guests/g1/root.img

rounds=$(rounds 3 2 20)
for ((round = 1; round <= rounds; round++)); do
	# It is held in another way then.
	[ "$round" != $((rounds / 2 + 1)) ] ||
		expect 0 'redis appends to a file from now on' database log redis
	expect 0 "copy $round" stillpoint quiesce --freeze-timeout 400 --json g1 -- bash -c "$(declare -f copy last acks)
		state=$state copies=$copies databases='$databases'; copy $round"
	echo "# $(jq -c '{frozen, freeze_us, frozen_us, thaw_us,
		hooks: [.report[] | select(.kind == "hook") | "\(.name) \(.what) \(.outcome) \(.us)"]}' <<<"$output")"
	for phase in freeze thaw; do
		is "copy $round: each hook did its part in the $phase" \
			'10-lvm:ok 20-mariadb:ok 20-postgresql:ok 20-redis:ok 30-sqlite:ok' \
			"$(hooks "$phase" <<<"$output")"
	done
	expect 0 "copy $round: there is a file system" dumpe2fs -h "$copies/$round.img"
	expect fail "copy $round: it needs no recovery" needs_recovery "$copies/$round.img"
	for name in $databases; do
		expect 0 "copy $round: $name goes on" goes_on "$name"
	done
done
kill "${writers[@]}"
for name in $databases; do
	expect 0 "$name ends" database stop "$name"
done

orphans=0
for ((round = 1; round <= rounds; round++)); do
	! has_orphans "$copies/$round.img" >/dev/null || orphans=$((orphans + 1))
	expect 0 "copy $round: its file system can be mounted" attach "$round"
	for name in $databases; do
		expect 0 "copy $round: $name has all" has_all "$name" "$round"
		echo "# $output"
	done
	expect 0 "copy $round: detach" detach
	rm -f "$copies/$round.img"
done
said=$(ask g1 dmesg)
has 'the copies were mounted' 'EXT4-fs \(xvdf\): mounted' "$said"
is 'nothing was recovered but such files put away' "$orphans" \
	"$(grep -c 'xvdf.*recovery complete' <<<"$said" || true)"
finish
