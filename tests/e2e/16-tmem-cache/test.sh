#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Guests cache their disks' clean pages in dom0's store: one for itself, while it writes and
# while the store's daemon is killed or hangs; then two that share the pages of one base image.
# lab: --vcpus 2 --memory 160 --guests 2
# everyday: no
# minutes: 17
# shellcheck source-path=SCRIPTDIR/.. source=lib.sh
. e2e/lib.sh

uuid=8f7ab5a0-8d55-4d33-9d0c-6f2a4f3c1b5e
cached=/dev/mapper/cached
base=/dev/mapper/base

# map GUEST NAME DEVICE ARGUMENT...: with the target.
map() {
	ask "$1" "dmsetup create $2 --table \"0 \$(blockdev --getsz $3) tmem-cache ${*:3}\""
}

# share GUEST: its disk, read-only, with whoever has the same.
share() {
	ask "$1" "dmsetup create -r base --table \
		\"0 \$(blockdev --getsz /dev/xvdb) tmem-cache /dev/xvdb shared $uuid\""
}

# sum GUEST DEVICE: of its first 16 MiB, none of which the guest has in memory.
sum() { ask "$1" "sync; echo 1 >/proc/sys/vm/drop_caches; dd if=$2 bs=1M count=16 status=none | md5sum"; }
hits() { ask "$1" dmsetup status "$2" | cut -d ' ' -f 4; }
misses() { ask "$1" dmsetup status "$2" | cut -d ' ' -f 5; }

if ! ask g1 'command -v dmsetup' >/dev/null; then
	skip 'tmem-cache' 'the guests have no dmsetup'
	finish
fi
expect 0 'prepare the guests' eval 'prepare g1 && prepare g2'
expect 0 'load the target' ask g1 'umount /data; modprobe stillpoint-tmem-cache'
expect 0 'fill the disk' ask g1 dd if=/dev/urandom of=/dev/xvdb bs=1M count=16 oflag=direct status=none
expect 0 'a cache without a store' map g1 cached /dev/xvdb private
is 'it reads the disk' "$(sum g1 /dev/xvdb)" "$(sum g1 $cached)"
expect 0 'it is removed again' ask g1 dmsetup remove cached
expect 0 'start the store' store_start
expect fail 'arguments that are none' map g1 cached /dev/xvdb open
expect 0 'a private cache' map g1 cached /dev/xvdb private
table=$(ask g1 dmsetup table cached)
has 'its table' 'tmem-cache [0-9]+:[0-9]+ private$' "$table"

first=$(sum g1 /dev/xvdb)
is 'what is read is what the disk has' "$first" "$(sum g1 $cached)"
# What looked for a file system read some pages before.
few='^[0-9]{1,2}$|^[1-3][0-9][0-9]$' nearly_all='^4[01][0-9][0-9]$'
had=$(hits g1 cached)
has 'nearly all of it was read from the disk' "$few" "$had"
is 'it is the same when it is read again' "$first" "$(sum g1 $cached)"
has 'that was from the store' "$nearly_all" "$(($(hits g1 cached) - had))"
had=$(hits g1 cached)
is 'and again' "$first" "$(sum g1 $cached)"
has 'from the store again' "$nearly_all" "$(($(hits g1 cached) - had))"

expect 0 'written and read through the cache' \
	ask g1 diskload --path $cached --size-mib 16 --block-kib 4 --depth 64 --seconds 10
is 'the disk and its cache are the same' "$(sum g1 /dev/xvdb)" "$(sum g1 $cached)"
expect 0 'in blocks of many pages' \
	ask g1 diskload --path $cached --size-mib 16 --block-kib 32 --depth 16 --seconds 10
expect 0 'in less than a page' ask g1 \
	"dd if=/dev/urandom of=$cached bs=512 seek=9 count=77 oflag=direct conv=notrunc status=none"
is 'the disk and its cache are still the same' "$(sum g1 /dev/xvdb)" "$(sum g1 $cached)"
job g1 start disk diskload --path $cached --size-mib 16 --block-kib 4 --depth 64 \
	--state /run/jobs/disk.state
writers_go_on() { ask g1 heartbeats --for-ms 30000 /run/jobs/disk.state; }
# They fill the disk before.
expect 0 'writers' within 120 writers_go_on
expect 0 'kill the daemon while the cache is used' store_end KILL
expect 0 'the writers need no store' writers_go_on
expect 0 'start another store' store_start
expect 0 'the writers go on with it' writers_go_on
expect 0 'a daemon that hangs' kill -STOP "$store_pid"
expect 0 'the writers go on without it' within 150 writers_go_on
expect 0 'the daemon hangs no more' kill -CONT "$store_pid"
expect 0 'the writers go on with it again' writers_go_on
expect 0 'the cache never had anything else' job g1 stop disk
is 'the disk and its cache are the same after all' "$(sum g1 /dev/xvdb)" "$(sum g1 $cached)"
had=$(hits g1 cached)
is 'and again' "$(sum g1 /dev/xvdb)" "$(sum g1 $cached)"
has 'from the store, which is used after all that' "$nearly_all" "$(($(hits g1 cached) - had))"
expect 0 'remove the cache' ask g1 dmsetup remove cached

expect 0 'the same image for both' ask g2 'umount /data; modprobe stillpoint-tmem-cache'
for guest in g1 g2; do
	expect 0 "an image for $guest" ask $guest \
		"sh -c 'seq 1 3000000 | head -c 16777216 | dd of=/dev/xvdb bs=1M oflag=direct iflag=fullblock status=none'"
	expect fail "$guest shares nothing uninvited" share $guest
	expect 0 "$guest may share" stillpoint tmem set --share $uuid $guest
	expect 0 "$guest shares" share $guest
done
first=$(sum g1 /dev/xvdb)
is 'the first reads its disk' "$first" "$(sum g1 $base)"
has 'nearly all of it' "$few" "$(hits g1 base)"
had=$(hits g2 base)
is 'the second reads the same' "$first" "$(sum g2 $base)"
has 'from the pages of the first' "$nearly_all" "$(($(hits g2 base) - had))"
has 'hardly anything from its disk' "$few" "$(misses g2 base)"
expect fail 'nobody writes to it' ask g2 dd if=/dev/zero of=$base bs=4096 count=1 oflag=direct status=none
for guest in g1 g2; do
	expect 0 "$guest stops sharing" ask $guest dmsetup remove base
	expect 0 "$guest needs the module no more" ask $guest rmmod stillpoint-tmem-cache stillpoint
done
expect 0 'stop the store' store_end TERM
finish
