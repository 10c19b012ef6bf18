#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What is done with file systems of each kind, and with hooks: one after the other they are frozen and
# thawed, also when one is unmounted, mounted, remounted, thawed or frozen by somebody else
# meanwhile; hooks fail, hang and are killed; the agent is stopped; the guest is restored.
# lab: --vcpus 2 --memory 256
# everyday: no
# shellcheck source-path=SCRIPTDIR/.. source=lib.sh
. e2e/lib.sh

disks=/guests/extra
points='/mnt/nested /mnt/loop /mnt/lvm /mnt/btrfs /mnt/xfs /data /'
mkdir -p "$disks"

# add_disk NAME MIB
add_disk() {
	truncate -s "$2M" "$disks/$1.img"
	xl block-attach g1 "phy:$(losetup --find --show "$disks/$1.img")" "$1" w
	within 30 ask g1 test -b "/dev/$1"
}

agent() { ask g1 systemctl "$1" stillpoint-agent; }
status() { stillpoint status --json g1 | jq -r ".quiesce.$1"; }
is_idle() { [ "$(status state)" = idle ]; }
has_agent() { [ "$(status agent)" = true ]; }
quiesce() { stillpoint quiesce --json "$@"; }
result() { jq -r .result <<<"$output"; }

# fs OUTCOME: where the file systems with that outcome are mounted, in the report's order.
fs() {
	jq -r --arg o "$1" '[.report[] | select(.kind == "fs" and .outcome == $o).name] | join(" ")' \
		<<<"$output"
}

# hooks PHASE: what became of each hook.
hooks() {
	jq -r --arg p "$1" '[.report[] | select(.kind == "hook" and .what == $p) |
		.name + ":" + .outcome] | join(" ")' <<<"$output"
}

# Each writer says in /run/wrote when what it wrote is on the disk.
start_writers() {
	ask g1 "rm -f /run/wrote; for p in $points; do
		(date >\$p/written && sync -f \$p/written && echo \$p >>/run/wrote) </dev/null >/dev/null 2>&1 &
	done"
}
nobody_wrote() { ask g1 '! test -s /run/wrote'; }
all_wrote() { [ "$(ask g1 'wc -l </run/wrote')" = "$(wc -w <<<"$points")" ]; }
can_write() { start_writers && within 60 all_wrote; }
writers_wait() { start_writers && sleep 3 && nobody_wrote; }
export -f ask ask_for start_writers nobody_wrote writers_wait
export points state

# It can be written to everywhere, and be frozen again.
is_well() { within 60 is_idle && can_write && quiesce g1 -- true; }

# hook NAME BODY: put one into the guest.
hook() {
	printf '#!/bin/sh\n%s\n' "$2" |
		ask g1 "cat >/etc/stillpoint/hooks.d/$1 && chmod 755 /etc/stillpoint/hooks.d/$1"
}
no_hooks() { ask g1 'rm -f /etc/stillpoint/hooks.d/* /run/hooks'; }
said() { ask g1 'cat /run/hooks 2>/dev/null | tr "\n" " "'; }

expect 0 'prepare the guest' prepare g1
expect 0 'a disk for XFS' add_disk xvdc 400
expect 0 'a disk for btrfs' add_disk xvdd 256
expect 0 'a disk for LVM' add_disk xvde 64
expect 0 'lay them out' ask g1 sh /run/jobs/layout
expect 0 'the agent starts' agent start
expect 0 'dom0 sees it' within 60 has_agent
expect 0 'the plan' ask g1 stillpoint-agent --list
is 'the plan: images before what they lie in' "/mnt/quiet $points" \
	"$(awk '$1 == "freeze" { print $3 }' <<<"$output" | paste -sd ' ')"
expect 1 'a second agent is refused' ask g1 stillpoint-agent
has 'the message says so' 'run one agent only' "$errors"
expect 1 'the module is in use' ask g1 rmmod stillpoint

expect 0 'quiesce' quiesce g1 -- bash -c writers_wait
is 'all were frozen' "$points" "$(fs frozen)"
is 'the one that is read-only, too' /mnt/quiet "$(fs read-only)"
is 'thawed when dom0 said so' thawed "$(result)"
expect 0 'the writers go on' within 60 all_wrote
expect 0 'excluded by path and by type' quiesce --exclude /mnt/again --exclude xfs g1 -- true
is 'these' '/data /mnt/xfs' "$(fs excluded)"

expect 0 'unmounted while it is frozen' \
	quiesce g1 -- timeout 60 guest g1 umount /mnt/nested
expect 0 'then it is gone' within 30 ask g1 '! losetup -j /mnt/loop/nested.img | grep .'
expect 0 'and comes back' ask g1 mount -o loop /mnt/loop/nested.img /mnt/nested
expect 0 'all is well' is_well
expect 0 'remounted while it is frozen' \
	quiesce g1 -- sh -c '! timeout 60 guest g1 mount -o remount,ro /mnt/xfs'
expect 0 'all is well' is_well
expect 0 'a read-only one cannot become writable' \
	quiesce g1 -- sh -c '! timeout 60 guest g1 mount -o remount,rw /mnt/quiet'
expect 0 'a file system of its own for later' \
	ask g1 'mkdir -p /run/more && truncate -s 16M /run/more.img && mkfs.ext4 -q /run/more.img'
expect 125 'mounted while all is frozen' \
	quiesce g1 -- sh -c 'timeout 60 guest g1 mount -o loop /run/more.img /run/more && sleep 5'
is 'that is found' broken "$(result)"
is 'the report names it' /run/more "$(fs failed)"
expect 0 'it is unmounted' ask g1 umount /run/more
expect 0 'all is well' is_well

# As a peer, the other would get it as well.
expect 0 'something is mounted over one of two mounts' \
	ask g1 'mount --make-private /mnt/again && mount -t tmpfs none /data'
expect 0 'it is frozen by way of the other' quiesce g1 -- true
is 'as all are' "$points" "$(fs frozen)"
expect 0 'it is uncovered' ask g1 umount /data
expect 0 'something is mounted over the only one' ask g1 mount -t tmpfs none /mnt/lvm
expect 125 'that is an error' quiesce g1 -- true
is 'the report names it' /mnt/lvm "$(fs failed)"
has 'and says why' 'another mount hides it' "$output$errors"
expect 0 'it is uncovered' ask g1 umount /mnt/lvm
expect 0 'all is well' is_well

expect 0 'somebody else freezes one' ask g1 fsfreeze -f /mnt/xfs
output=$(quiesce g1 -- true 2>"$state/quiesce.err")
case $LAB_RELEASE in
bookworm) is 'with that no quiesce begins, as it may end at any time' failed "$(result)" ;;
*) is 'quiesce holds it all the same' thawed "$(result)" ;;
esac
expect 0 'somebody else thaws it' ask g1 fsfreeze -u /mnt/xfs
expect 0 'all is well' is_well
output=$(quiesce g1 -- sh -c 'timeout 60 guest g1 fsfreeze -u /mnt/xfs; sleep 3' 2>"$state/quiesce.err")
case $LAB_RELEASE in
bookworm) is 'somebody else thaws one: that is found' broken "$(result)" ;;
*) is 'somebody else thaws one: it stays' thawed "$(result)" ;;
esac
expect 0 'all is well' is_well

record='echo "${0##*/}:$1" >>/run/hooks'
expect 0 'hook 10' hook 10-first "$record"
expect 0 'hook 20' hook 20-second "$record"
expect 0 'quiesce with hooks' quiesce g1 -- true
is 'freeze in order, thaw in reverse' \
	'10-first:freeze 20-second:freeze 20-second:thaw 10-first:thaw ' "$(said)"
is 'reported' '10-first:ok 20-second:ok' "$(hooks freeze)"
ask g1 rm /run/hooks
expect 0 'a hook that fails' hook 15-fails "$record"'; [ "$1" != freeze ] || { echo "no space"; exit 7; }'
expect 125 'is an error' quiesce g1 -- true
is 'is reported' '10-first:ok 15-fails:failed' "$(hooks freeze)"
has 'with what it said' 'no space' "$output$errors"
is 'the others are called no more, all that were get a thaw' \
	'10-first:freeze 15-fails:freeze 15-fails:thaw 10-first:thaw ' "$(said)"
expect 0 'nothing was frozen' can_write
expect 0 'a hook that hangs' hook 15-fails '[ "$1" != freeze ] || sleep 1000'
expect 125 'is ended when the time is up' quiesce --freeze-timeout 20 g1 -- true
is 'is reported' '10-first:ok 15-fails:timeout' "$(hooks freeze)"
expect 1 'nothing of it is left' ask g1 pgrep -f 'sleep 1000'
expect 0 'a hook that is killed' hook 15-fails '[ "$1" != freeze ] || kill -9 $$'
expect 125 'is an error' quiesce g1 -- true
is 'is reported' '10-first:ok 15-fails:failed' "$(hooks freeze)"
expect 0 'no hooks' no_hooks
expect 0 'all is well' is_well

expect 0 'a hook' hook 10-first "$record"
expect 125 'the agent is killed while all is frozen' \
	quiesce g1 -- sh -c 'timeout 60 guest g1 pkill -9 -x stillpoint-agen; sleep 20'
is 'it ended with the agent' agent-gone "$(result)"
expect 0 'another comes' within 60 has_agent
expect 0 'and calls the thaw hooks' within 30 sh -c '[ "$(timeout 30 guest g1 tail -n 1 /run/hooks)" = 10-first:thaw ]'
expect 0 'all is well' is_well
expect 125 'the agent is stopped while all is frozen' quiesce --timeout 5 g1 -- \
	sh -c 'timeout 60 guest g1 pkill -STOP -x stillpoint-agen; sleep 30'
is 'the time is up all the same' expired "$(result)"
expect 0 'all can be written to' can_write
expect 0 'it goes on' ask g1 pkill -CONT -x stillpoint-agen
expect 0 'all is well' is_well
expect 0 'no hooks' no_hooks

expect 0 'a hook for a restored guest' \
	ask g1 'printf "#!/bin/sh\ndate >/run/restored\n" >/etc/stillpoint/restored.d/clock &&
		chmod 755 /etc/stillpoint/restored.d/clock'
expect 0 'an image of the frozen guest' quiesce g1 -- stillpoint save --force g1 "$images/g1"
is 'it was frozen until it was done' thawed "$(result)"
expect 1 'it is not restored itself' ask g1 test -e /run/restored
# The guest that is to be thawed is gone then.
expect 125 'an image of the frozen guest, which ends' \
	quiesce g1 -- stillpoint save --stop --force g1 "$images/g1"
expect 0 'it is gone' within 60 is_gone g1
expect 0 'restore' stillpoint restore "$images/g1"
expect 0 'the restored guest can write' can_write
expect 0 'its hook was called' within 60 ask g1 test -s /run/restored
expect 0 'the round ended as it should' within 60 is_idle
is 'with the restore' restored "$(status result)"
expect 0 'it can be frozen' quiesce g1 -- bash -c writers_wait
is 'as a whole' "$points" "$(fs frozen)"
expect 0 'the writers go on' within 60 all_wrote

expect 0 'the agent ends' agent stop
expect 0 'the module is unloaded' ask g1 rmmod stillpoint
expect 0 'and loaded' ask g1 modprobe stillpoint
expect 0 'the agent starts' agent start
expect 0 'all is well' within 60 is_well
said=$(ask g1 dmesg)
has 'the kernel speaks' 'stillpoint' "$said"
is 'the kernel complains of nothing' '' "$(grep -E 'WARNING|BUG|Oops|blocked for more' <<<"$said" || true)"
finish
