#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A guest under load is backed up: its disks and its memory, of one instant. The pair is brought
# back, in place and elsewhere, and the guest goes on from there; its file systems are looked at
# in dom0; backups are damaged, interrupted and killed; the ready-made disk hooks do what they say.
# lab: --vcpus 2 --memory 160
# everyday: no
# minutes: 27
# shellcheck source-path=SCRIPTDIR/.. source=lib.sh
. e2e/lib.sh

backups=/guests/backups
hooks=/usr/local/lib/stillpoint/hooks
mkdir -p "$backups" /mnt

# What was acknowledged is kept at the instant of the backup, too.
hook="rm -rf $state/acks.kept; cp -r $state/acks $state/acks.kept; reflink-disks"
# For what is no "snapshot".
only="[ \$STILLPOINT_ACTION = snapshot ] || exit 0;"

# bring_back DOMAIN OPTION...: the guest DOMAIN is destroyed, and the backup restored.
bring_back() {
	destroy "$1" || return 1
	! kill -0 "$acklog_pid" 2>/dev/null || acklog_stop
	rm -rf "$state/acks"
	cp -r "$state/acks.kept" "$state/acks"
	acklog_start
	stillpoint restore "${@:2}"
}

# A digest of a gigabyte takes minutes where much else is emulated, too.
CASE_SECONDS=900

hidden() { find "$backups" -mindepth 1 -maxdepth 1 -name '.*'; }
no_loop() { ! losetup -a | grep "$backups"; }

expect 0 'prepare the guest' prepare g1
expect 0 'start the agent' ask g1 systemctl start stillpoint-agent
expect 0 'start the loads' start_load g1
before=$(devices g1)
expect 0 'backup' stillpoint backup --json --disk-hook "$only $hook" g1 "$backups/b"
echo "# $(jq -c '{pause_us, drain_us, hook_us, total_us, bytes}' <<<"$output")"
is 'json: it has two disks' 2 "$(field disks "$output")"
expect 0 'the loads go on' check_load g1
expect 0 'no device reconnected' no_device_reconnected g1 "$before"
is 'the module counted a checkpoint' 1 "$(counter g1 checkpoints)"
is 'there is no other file' 'config.json manifest.json memory.sp xvda.img xvdb.img' \
	"$(find "$backups/b" -mindepth 1 -printf '%P\n' | sort | paste -sd ' ')"
expect 0 'the digests are those of sha256sum' sh -c "cd $backups/b &&
	jq -r '.memory, .config, .disks[] | \"\(.sha256)  \(.file)\"' manifest.json | sha256sum -c --quiet"
expect 0 'verify the memory by itself' stillpoint verify "$backups/b/memory.sp"
expect 1 'a folder that exists is refused' stillpoint backup g1 "$backups/b"
is 'the guest was not even asked' 1 "$(counter g1 checkpoints)"

expect 1 'disks that exist are not overwritten' stillpoint restore --name x "$backups/b"
has 'the message names --force' '--force' "$errors"
expect 1 'disks in use are never overwritten' stillpoint restore --force --name x "$backups/b"
has 'the message names the domain' 'in use by domain' "$errors"
# The same bytes by other names.
loop=$(losetup --find --show --offset 1048576 /guests/g1/root.img)
expect 1 'nor is a part of one' stillpoint restore --force --disks-only \
	--disk "xvda=$loop" --disk xvdb=/guests/none.img "$backups/b"
has 'the message names the domain again' 'in use by domain' "$errors"
losetup -d "$loop"
truncate -s 8M /guests/g1/extra.img
expect 0 'attach a disk by the name of a file' xl block-attach g1 '/guests/g1/extra.img,raw,xvdc,w'
mv /guests/g1/extra.img /guests/g1/moved.img
cp --reflink=always /guests/g1/moved.img /guests/g1/extra.img
expect 1 'nor one that was renamed' stillpoint restore --force --disks-only \
	--disk xvda=/guests/g1/moved.img --disk xvdb=/guests/none.img "$backups/b"
has 'the message names the domain once more' 'in use by domain' "$errors"
expect 1 'and a file of its old name is not backed up' stillpoint backup g1 "$backups/moved"
has 'the message says that it is another' "disk xvdc that the guest has is not '/guests/g1/extra.img'" \
	"$errors"
expect 0 'detach it' xl block-detach g1 xvdc
rm /guests/g1/extra.img /guests/g1/moved.img
expect 1 'a device that is not there becomes no file' stillpoint restore --force --disks-only \
	--disk xvda=/dev/no-such-volume --disk xvdb=/guests/none.img "$backups/b"
has 'the message says that it is not there' "there is no device '/dev/no-such-volume'" "$errors"
expect 1 'nor is the backup itself' stillpoint restore --force --disks-only \
	--disk "xvda=$backups/b/xvdb.img" --disk xvdb=/guests/none.img "$backups/b"
has 'the message says that' "the backup's own file" "$errors"

mkdir /guests/elsewhere
echo mine >/guests/elsewhere/a.img
echo mine >/guests/elsewhere/b.img
expect 1 'two disks never go to one place' stillpoint restore --force --disks-only \
	--disk xvda=/guests/elsewhere/a.img --disk xvdb=/guests/elsewhere/a.img "$backups/b"
has 'the message names both' 'xvda and xvdb would both go' "$errors"
# The memory comes first: an emulated machine takes long for the digest of a disk.
cp -r --reflink=always "$backups/b" "$backups/damaged"
printf x | dd of="$backups/damaged/memory.sp" bs=1 seek=777777 conv=notrunc status=none
expect 1 'damage is found' stillpoint verify "$backups/damaged"
has 'the message names the file' "memory.sp.*damaged" "$errors"
kept=$(stat -c '%i %Y %Z %s' /guests/elsewhere/*.img)
expect 1 'nor is anything written then' stillpoint restore --force --name x \
	--disk xvda=/guests/elsewhere/a.img --disk xvdb=/guests/elsewhere/b.img "$backups/damaged"
has 'the message names the file again' "memory.sp.*damaged" "$errors"
is 'the disks are as they were' "$kept" "$(stat -c '%i %Y %Z %s' /guests/elsewhere/*.img)"
rm -r "$backups/damaged"

written=$(stat -c %y "$backups"/b/*)
mkdir /mnt/before
mount -t tmpfs before /mnt/before
expect 0 'mount' stillpoint mount --json "$backups/b" /mnt
is 'json: two file systems' 'ext4 ext4' "$(jq -r '[.[].type] | join(" ")' <<<"$output")"
is 'a file is there' guest "$(cat /mnt/xvda/etc/hostname)"
expect fail 'nothing can be written there' touch /mnt/xvda/x
expect fail 'nothing can be written beside it' touch /mnt/x
has 'it is mounted with care' 'ro,nosuid,nodev,noexec' "$(findmnt -no OPTIONS /mnt/xvda)"
expect 1 'a second mount there is refused' stillpoint mount "$backups/b" /mnt
expect 0 'umount' stillpoint umount /mnt
expect 1 'umount again is refused' stillpoint umount /mnt
expect 0 'what was mounted below it before is still there' umount /mnt/before
expect 0 'no loop device is left' within 20 no_loop
is 'the backup is as it was' "$written" "$(stat -c %y "$backups"/b/*)"

# A configuration with a disk that is not the backup's: the guest gets those that are written.
sed 's/^disk = .*/disk = ["\/guests\/g1\/root.img,raw,xvda", "\/guests\/other.img,raw,xvdb"]/' \
	/etc/xen/g1.cfg >"$state/other.cfg"
expect 0 'the configuration has another disk' grep other.img "$state/other.cfg"
truncate -s 256M /guests/other.img
has_disk() { xenstore-ls -f /local/domain/0/backend/vbd | grep -q "$1"; }
config=(--config "$state/other.cfg")
for ((round = 1; round <= $(rounds 5 1 20); round++)); do
	loads=" timers disk files"
	expect 0 "restore $round" bring_back g1 --force "${config[@]}" "$backups/b"
	has 'it says name and id' '^g1 [0-9]+$' "$output"
	[ "$round" -gt 1 ] || expect fail 'it has no other disk' has_disk /guests/other.img
	config=()
	expect 0 'the guest works' guest_ok g1
	expect 0 'its loads go on' check_load g1
	expect 0 'its loads end well' stop_load g1
	expect 0 'every acknowledged write is there' verify_acks g1
	expect 0 'the guest goes away' destroy g1
	expect 0 'its file systems are sound' guest-disk check g1
done

rm /guests/elsewhere/*
loads=" timers disk files"
# One of them is behind a loop device, whose number is another file's after a boot.
truncate -s "$(stat -c %s "$backups/b/xvda.img")" /guests/elsewhere/{a,other}.img
loop=$(losetup --find --show /guests/elsewhere/a.img)
expect 0 'restore with another name, with disks elsewhere' bring_back g1 --name copy --force \
	--disk "xvda=$loop" --disk xvdb=/guests/elsewhere/b.img "$backups/b"
expect 0 'the copy works' guest_ok g1 copy
expect 0 'its disks are there' has_disk /guests/elsewhere/b.img
expect 0 'one is the loop device' has_disk "$loop"
expect 0 'back up the copy' stillpoint backup copy "$backups/copy"
expect 0 'the copy goes away' destroy copy
losetup -d "$loop"
within 20 sh -c "! losetup $loop" >/dev/null 2>&1
losetup "$loop" /guests/elsewhere/other.img
expect 0 'restore the copy' stillpoint restore --force "$backups/copy"
expect 0 'it has the file' has_disk /guests/elsewhere/a.img
expect fail 'and not what the loop device is now' has_disk "$loop"
is 'which nobody wrote to' 0 "$(stat -c %b /guests/elsewhere/other.img)"
expect 0 'it works' guest_ok g1 copy
expect 0 'it goes away' destroy copy
losetup -d "$loop"
rm -r "$backups/copy" /guests/elsewhere/other.img
stillpoint restore --force --disks-only "$backups/b" &
sleep 5
expect 1 'one restore at a time' stillpoint restore --force --disks-only "$backups/b"
has 'the message says that there is another' 'another stillpoint' "$errors"
kill $!
wait $!
expect 0 'only the disks' stillpoint restore --force --disks-only "$backups/b"
is 'nothing is printed' '' "$output"

expect 0 'boot the guest from them' boot g1
asked=$(counter g1 checkpoints)
expect 1 'a hook that fails' stillpoint backup --disk-hook "$only exit 3" g1 "$backups/c"
has 'the message tells its status' 'exit status 3' "$errors"
expect 1 'a hook that hangs' stillpoint backup --hook-timeout 2 --disk-hook "$only sleep 600" \
	g1 "$backups/c"
has 'the message says so' 'did not end within 2 s' "$errors"
expect 0 'the guest works' answers g1
is 'it left its park by itself never' 0 "$(counter g1 abandoned)"
expect 0 'there is no folder' nothing_at "$backups/c"
is 'nor a hidden one' '' "$(hidden)"

# killed WHERE: kill -9 while the hook is there.
killed() {
	rm -f "$state/there"
	stillpoint backup --hook-timeout 5 --disk-hook \
		"[ \$STILLPOINT_ACTION != $1 ] || { touch $state/there; sleep 60; }; reflink-disks" \
		g1 "$backups/c" &
	within 120 test -e "$state/there" || return 1
	kill -9 $!
	wait $!
	within 30 is_running g1 && within 60 answers g1
}
expect 0 'kill -9 in the snapshot' killed snapshot
expect 0 'there is no folder' nothing_at "$backups/c"
is 'the guest ran on at its deadline' 1 "$(counter g1 abandoned)"
expect 0 'kill -9 while disks are collected' killed collect
expect 0 'there is no folder' nothing_at "$backups/c"
expect 0 'another backup works' stillpoint backup g1 "$backups/c"
is 'it removed what was left' '' "$(hidden)"
has 'more checkpoints were counted' '^[1-9]' "$(($(counter g1 checkpoints) - asked))"

# shellcheck disable=SC2016
expect 0 'save --disk-hook' stillpoint save --json --disk-hook \
	'printf "%s\n" "$STILLPOINT_DISKS" "$STILLPOINT_QUIESCED" >/run/e2e/disks' g1 "$images/hook"
is 'the hook got the disks' $'xvda raw /guests/g1/root.img\nxvdb raw /guests/g1/data.img\n0' \
	"$(cat "$state/disks")"
echo "# $(jq -c '{pause_us, drain_us, hook_us}' <<<"$output")"

# The hooks by themselves: with logical volumes, thick and thin, and qcow2 files.
truncate -s 256M /guests/pv
modprobe -a dm-mod dm-snapshot dm-thin-pool
device=$(losetup --find --show /guests/pv)
export DM_DISABLE_UDEV=1
# dom0 has no thin_check.
mkdir -p /etc/lvm
echo 'global { thin_check_executable = "" }' >/etc/lvm/lvmlocal.conf
volumes() {
	pvcreate -q "$device" && vgcreate -q vg "$device" &&
		lvcreate -q -y -L 32M -n thick vg && lvcreate -q -y -L 64M -T vg/pool &&
		lvcreate -q -y -V 32M -T vg/pool -n thin || return 1
	# Its status tells of more than the nodes that are wanted here.
	vgmknodes
	test -b /dev/vg/thick && test -b /dev/vg/thin &&
		seq 1000000 | head -c 4M >/dev/vg/thick && seq 500000 | head -c 2M >/dev/vg/thin && sync
}
expect 0 'make logical volumes' volumes
target=$backups/lvm
mkdir -p "$target"
id=$(xl domid g1)
run_hook() {
	STILLPOINT_ACTION=$2 STILLPOINT_DOMAIN=g1 STILLPOINT_DOMID=$id STILLPOINT_FOR=${for:-backup} \
		STILLPOINT_TARGET=$target STILLPOINT_QUIESCED=${quiesced:-0} \
		STILLPOINT_DISKS=$disks "$hooks/$1"
}
# A path may be any link, such as those that udev makes.
number=$(stat -Lc '%Hr:%Lr' /dev/vg/thin)
mknod "/dev/dm-thin" b "${number%:*}" "${number#*:}"
ln -s /dev/dm-thin "$backups/link"
disks=$'xvda raw /dev/vg/thick\nxvdb raw '$backups/link
cat /dev/vg/thick >"$target/thick.want"
cat /dev/vg/thin >"$target/thin.want"
expect 0 'lvm-disks takes snapshots' run_hook lvm-disks snapshot
echo changed | dd of=/dev/vg/thick conv=notrunc status=none
echo changed | dd of=/dev/vg/thin conv=notrunc status=none
sync
expect 0 'it collects them' run_hook lvm-disks collect
expect 0 'it drops them' run_hook lvm-disks drop
expect 0 'the thick one is of that instant' cmp "$target/thick.want" "$target/xvda.img"
expect 0 'the thin one is of that instant' cmp "$target/thin.want" "$target/xvdb.img"
is 'no snapshot is left' '' "$(lvs --noheadings -o lv_name vg | grep stillpoint)"
expect 0 'dropping again is nothing' run_hook lvm-disks drop
for=save
STILLPOINT_LVM_EXTENTS=none expect fail 'a snapshot that cannot be made fails all' \
	run_hook lvm-disks snapshot
is 'none of the others is left' '' "$(lvs --noheadings -o lv_name vg | grep stillpoint)"
expect 0 'for a save, it takes snapshots' run_hook lvm-disks snapshot
expect 1 'it never replaces those of a save' run_hook lvm-disks snapshot
has 'it names the snapshot' 'vg/stillpoint-g1-xvda.*lvrename' "$errors"
for=
expect 0 'for a backup, it takes others' run_hook lvm-disks snapshot
expect 0 'and drops them' run_hook lvm-disks drop
is 'those of the save are there' 'stillpoint-g1-xvda stillpoint-g1-xvdb ' \
	"$(lvs --noheadings -o lv_name vg | tr -d ' ' | grep stillpoint | sort | tr '\n' ' ')"
lvremove -q -y vg/stillpoint-g1-xvda vg/stillpoint-g1-xvdb
rm -f "$target"/*.img
disks=$'xvda raw /dev/vg/thick\nxvdb raw /guests/g1/data.img'
expect 0 'copy-disks copies devices and files' run_hook copy-disks snapshot
expect 0 'the device is copied' cmp /dev/vg/thick "$target/xvda.img"
expect 1 'reflink-disks refuses a device' run_hook reflink-disks snapshot
qemu-img create -q -f qcow2 /guests/disk.qcow2 64M
disks='xvda qcow2 /guests/disk.qcow2'
expect 1 'qcow2-disks wants a quiesced guest' run_hook qcow2-disks snapshot
quiesced=1
expect 1 'it wants the QEMU that serves the guest' run_hook qcow2-disks snapshot
has 'it says so' 'QEMU cannot be asked' "$errors"
# This guest has none; what it would be told is looked at.
mkdir "$backups/bin"
# shellcheck disable=SC2016
printf '#!/bin/sh\necho "$3" >>%s/told; ls %s >>%s/told\n' "$backups" "$target" "$backups" \
	>"$backups/bin/xl"
chmod +x "$backups/bin/xl"
run_hook_with_qemu() { PATH=$backups/bin:$PATH run_hook "$@"; }
rm -f "$target"/*
expect 0 'qcow2-disks copies' run_hook_with_qemu qcow2-disks snapshot
is 'while QEMU is stopped' 'stop cont xvda.qcow2 ' "$(tr '\n' ' ' <"$backups/told")"
expect 0 'and checks' run_hook qcow2-disks collect
expect 0 'it is the same' cmp /guests/disk.qcow2 "$target/xvda.qcow2"
# Killed while QEMU is stopped, which no trap of a shell can catch.
printf '#!/bin/sh\ntouch %s/there\nexec sleep 30\n' "$state" >"$backups/bin/cp"
chmod +x "$backups/bin/cp"
hook_is_killed() {
	rm -f "$backups/told" "$state/there"
	PATH=$backups/bin:$PATH STILLPOINT_ACTION=snapshot STILLPOINT_DOMAIN=g1 \
		STILLPOINT_DOMID=$id STILLPOINT_TARGET=$target STILLPOINT_QUIESCED=1 \
		STILLPOINT_DISKS=$disks "$hooks/qcow2-disks" &
	within 30 test -e "$state/there" || return 1
	kill -9 $!
	wait $!
	within 10 grep -q cont "$backups/told"
}
expect 0 'QEMU goes on when the hook is killed' hook_is_killed
rm "$backups/bin/cp"
qemu-img create -q -f qcow2 -b /guests/disk.qcow2 -F qcow2 /guests/backed.qcow2
disks='xvda qcow2 /guests/backed.qcow2'
expect 0 'one with a backing file is copied' run_hook_with_qemu qcow2-disks snapshot
expect 1 'and refused' run_hook qcow2-disks collect

# File systems in partitions, XFS, and what is none.
mkdir "$backups/parts"
truncate -s 700M "$backups/parts/xvda.img"
printf ',16M\n,400M\n,64M\n' | sfdisk -q -X gpt "$backups/parts/xvda.img"
parts=$(losetup --find --show -P "$backups/parts/xvda.img")
part() { losetup --find --show --offset "$(($1 * 512))" --sizelimit "$(($2 * 512))" "$backups/parts/xvda.img"; }
losetup -d "$parts"
mapfile -t table < <(sfdisk -q -J "$backups/parts/xvda.img" |
	jq -r '.partitiontable.partitions[] | "\(.start) \(.size)"')
for n in 0 1 2; do
	# shellcheck disable=SC2086
	loop=$(part ${table[n]})
	case $n in
	0) mkfs.ext4 -q "$loop" ;;
	1) mkfs.xfs -q "$loop" ;;
	2) mkswap "$loop" >/dev/null ;;
	esac
	losetup -d "$loop"
done
jq --arg sum "$(sha256sum "$backups/parts/xvda.img" | cut -d ' ' -f 1)" \
	'.disks = [.disks[0]] | .disks[0].bytes = 734003200 | .disks[0].sha256 = $sum' \
	"$backups/b/manifest.json" >"$backups/parts/manifest.json"
expect 0 'mount partitions' stillpoint mount "$backups/parts" /mnt
is 'ext4 and XFS' "ext4 xfs" "$(findmnt -no FSTYPE /mnt/xvda1) $(findmnt -no FSTYPE /mnt/xvda2)"
has 'swap is passed over' 'xvda3: no file system' "$errors"
expect 0 'umount partitions' stillpoint umount /mnt
expect 0 'no loop device of them is left' within 20 no_loop
finish
