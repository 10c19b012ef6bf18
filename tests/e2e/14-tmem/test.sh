#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A guest keeps pages in dom0's store: as a device that is written and read, and as its swap,
# while the store's daemon is killed and comes back, checkpoints are made, and the guest is
# restored from one. And what else may happen: no store, a full one, a module that goes.
# lab: --vcpus 2 --memory 256
# everyday: no
# minutes: 18
# shellcheck source-path=SCRIPTDIR/.. source=lib.sh
. e2e/lib.sh

CASE_SECONDS=1000

image=$images/g1
sys=/sys/block/tmemswap0
rounds=$(rounds 5 2 20)

in_store() { store_has g1 "$1"; }

# A domain without pools may not be listed.
in_store_is() {
	local has
	has=$(in_store "$1") && [ "${has:-0}" = "$2" ]
}
pages() { ask g1 cat "$sys/$1_pages"; }
pages_are() { [ "$(pages "$1")" = "$2" ]; }
set_size() { ask g1 "echo $1 >$sys/disksize"; }
reset_device() { ask g1 "echo 1 >$sys/reset"; }
said() { ask g1 dmesg | grep -E "stillpoint: tmem: $1"; }

# swaps_on: the working set goes on, and pages come and go meanwhile.
swaps_on() {
	local before
	before=$(in_store gets)
	ask_for 200 g1 heartbeats --for-ms 60000 /run/jobs/dirty.state || return 1
	within 60 gets_more_than "$before" || { echo "nothing is swapped in"; return 1; }
}

no_pools() { [ "$(stillpoint tmem list --json | jq length)" = 0 ]; }
gets_more_than() { [ "$(in_store gets)" -gt "$1" ]; }

expect 0 'prepare the guest' prepare g1
is 'the device has no size' 0 "$(ask g1 cat $sys/disksize)"
expect fail 'without a store it gets none' set_size 64M
has 'the guest says why' 'no store in dom0 answers' "$(said 'no store')"
is 'nothing is published for nothing' '' \
	"$(xenstore-ls "/local/domain/$(xl domid g1)/data/stillpoint/tmem" 2>/dev/null)"

expect 0 'start the store' store_start
expect 0 'with a store it gets a size' set_size 64M
is 'the size' $((64 << 20)) "$(ask g1 cat $sys/disksize)"
expect fail 'a size is set once' set_size 128M
expect 0 'what was never written reads as zeroes' \
	ask g1 cmp -n 8388608 /dev/tmemswap0 /dev/zero
expect 0 'written and read, many at a time' \
	ask g1 diskload --path /dev/tmemswap0 --size-mib 16 --block-kib 4 --depth 64 --seconds 10
expect 0 'in blocks of many pages, at odd places' \
	ask g1 diskload --path /dev/tmemswap0 --size-mib 32 --block-kib 64 --depth 16 --seconds 10
stored=$(pages stored)
has 'the guest has some stored' '^[1-9]' "$stored"
is 'the store has what the guest wrote' "$stored" "$(in_store persistent_pages)"
job g1 start disk diskload --path /dev/tmemswap0 --size-mib 16 --block-kib 4 --depth 64 \
	--state /run/jobs/disk.state
writers_go_on() { ask g1 heartbeats --for-ms 30000 /run/jobs/disk.state; }
# They fill the device before.
expect 0 'writers' within 120 writers_go_on
for n in 1 2 3; do
	expect 0 "kill the daemon while it is written to ($n)" store_end KILL
	sleep 2
	expect 0 "start another ($n)" store_start
	expect 0 "the writers go on ($n)" writers_go_on
done
expect 0 'nothing was lost' job g1 stop disk
expect 0 'stop the daemon' store_end TERM
expect 0 'start it again' store_start
expect 0 'discard all' ask g1 blkdiscard /dev/tmemswap0
expect 0 'the guest counts none' pages_are stored 0
expect 0 'the store is told of each' within 60 in_store_is persistent_pages 0
expect 0 'it reads as zeroes again' ask g1 cmp -n 16777216 /dev/tmemswap0 /dev/zero
expect 0 'unset the size' reset_device
expect 0 'the pool is gone' within 30 in_store_is pools 0

# A session that cannot begin is tried again by itself.
key() { echo "/local/domain/$(xl domid g1)/data/stillpoint/tmem/$1"; }
publish() { xenstore-write "$(key abi-version)" "$(xenstore-read "$(key abi-version)")"; }
is_connected() { [ "$(in_store connected)" = true ]; }
expect 0 'a device' set_size 16M
expect 0 'a store serves it' within 30 is_connected
ref=$(xenstore-read "$(key page-ref)")
xenstore-write "$(key page-ref)" 4000000
expect 0 'a grant that is none is published' publish
is_lost() { [ "$(in_store connected)" = false ]; }
expect 0 'the store cannot map it' within 10 is_lost
has 'it says so' 'cannot map the page' "$(cat "$state/store.out")"
xenstore-write "$(key page-ref)" "$ref"
expect 0 'it tries again' within 60 is_connected
expect 0 'the device works' \
	ask g1 diskload --path /dev/tmemswap0 --size-mib 16 --block-kib 4 --depth 64 --seconds 3
expect 0 'unset its size' reset_device

# Where the store refuses.
expect 0 'a quota of 4 MiB' stillpoint tmem set --quota 4 g1
expect 0 'a device of 16 MiB' set_size 16M
expect fail 'what is above the quota fails' \
	ask g1 dd if=/dev/urandom of=/dev/tmemswap0 bs=1M count=16 oflag=direct status=none
is 'the store holds the quota' 1024 "$(in_store persistent_pages)"
expect fail 'what failed does not read as something else' \
	ask g1 dd if=/dev/tmemswap0 of=/dev/null bs=1M skip=4 count=1 iflag=direct status=none
expect 0 'unset the size again' reset_device
expect 0 'a backing device' ask g1 \
	"truncate -s 16M /root/back && modprobe loop && losetup /dev/loop0 /root/back && echo /dev/loop0 >$sys/backing_dev"
expect fail 'one that is too small' set_size 32M
expect 0 'a device with it' set_size 16M
expect 0 'written and read, by the store and by the backing device' \
	ask g1 diskload --path /dev/tmemswap0 --size-mib 16 --block-kib 4 --depth 64 --seconds 10
has 'the backing device has some' '^[1-9][0-9]*$' "$(pages backed)"
has 'the store has some' '^[1-9][0-9]*$' "$(pages stored)"
expect 0 'unset that size' reset_device
expect 0 'the backing device is free' ask g1 losetup -d /dev/loop0
expect 0 'no quota to speak of' stillpoint tmem set --quota 1024 g1

# Swap, of more than the guest has memory.
expect 0 'a device for swap' set_size 512M
expect 0 'swap on it' ask g1 'mkswap /dev/tmemswap0 && swapon /dev/tmemswap0'
expect fail 'it is in use' reset_device
job g1 start dirty dirty --size 400 --random --fill --rate 1 --state /run/jobs/dirty.state
# It is filled first.
expect 0 'a working set of 400 MiB' within 200 swaps_on
for ((n = 1; n <= rounds; n++)); do
	expect 0 "kill the daemon ($n)" store_end KILL
	sleep 1
	expect 0 "start another ($n)" store_start
	expect 0 "the working set goes on ($n)" swaps_on
	expect 0 "a checkpoint ($n)" stillpoint save --force --layout packed g1 "$image"
	expect 0 "the working set goes on after it ($n)" swaps_on
done
expect 0 'a last checkpoint' stillpoint save --force --stop --layout packed g1 "$image"
expect 0 'the guest is gone' within 60 is_gone g1
expect 0 'and so are its pools' within 60 no_pools
expect 0 'restore it' stillpoint restore "$image"
expect 0 'the working set goes on where it was' swaps_on
expect 0 'every page was as it was left' dirty_ends g1
expect 0 'swap off' ask g1 swapoff /dev/tmemswap0
expect 0 'freed slots are told to the store' within 120 in_store_is persistent_pages "$(pages stored)"
expect 0 'unset the size of the swap' reset_device

expect 0 'unload the module' ask g1 rmmod stillpoint
expect 0 'nothing of it is left in the store' within 30 in_store_is pools 0
expect 0 'load it again' ask g1 modprobe stillpoint
expect 0 'a device for swap again' set_size 64M
expect 0 'stop the daemon for good' store_end TERM
expect 0 'without a store the module can go' ask g1 rmmod stillpoint
expect 0 'the guest works after all' guest_ok g1
finish
