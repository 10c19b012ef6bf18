#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Most of a guest's memory held something once, and is free now. None of that may
# be in the image, and the restored guest must not miss it: what its processes and
# its kernel still use is checked, page by page, by those who wrote it. Under the
# workloads that take memory and give it back all the time, nothing that is said to be
# free is in use. A guest whose kernel wants to find a pattern in free pages
# (page_poison=1) says that it cannot do without them, and is saved as before.
# lab: --vcpus 2 --memory 256
# everyday: quick
# shellcheck source-path=SCRIPTDIR/.. source=workloads.sh
. e2e/workloads.sh

image=$images/g1
# With its newline as long as a 128th of a page.
token=a-line-that-was-in-a-free-page$((RANDOM % 10))

# free_mib GUEST
free_mib() { ask "$1" "awk '/^MemFree/ { print int(\$2 / 1024) }' /proc/meminfo"; }

# litter GUEST MIB: fill memory with that line, and give it back.
litter() {
	ask "$1" "mount -o remount,size=90% /dev/shm && yes $token | head -c $2M >/dev/shm/litter &&
		rm /dev/shm/litter"
}

# littered: pages in the image that are full of it.
littered() { echo $(($(grep -ac "^$token\$" "$image") / 128)); }

# said NAME: a field of what the last save said.
said() { field "$1" "$output"; }

# tell NAME: what it said, for who reads the log.
tell() {
	echo "# $1: pages $(said pages) free $(said free_pages) sent $(said sent_pages)" \
		"staged $(said staged_pages) pause_us $(said domain_pause_us)" \
		"guest_free_us $(said guest_free_us), $(littered) littered pages in the image"
}

# holds NAME CONDITION: a case that an arithmetic expression is true.
holds() { if [[ $2 != *null* ]] && (($2)); then ok "$1"; else not_ok "$1" "$2"; fi; }

expect 0 'prepare the guest' prepare g1
mib=$(($(free_mib g1) * 3 / 4))
holds 'there is memory to fill' "$mib >= 40"
expect 0 'fill and free memory' litter g1 "$mib"
start_timers g1
expect 0 'the loads run' within 120 check_load g1

yes "$token" | head -c 1M >"$image"
is 'litter in a file is found' 256 "$(littered)"
for track in guest none; do
	expect 0 "$track: save" stillpoint save --json --force --track "$track" g1 "$image"
	tell "$track"
	holds "$track: what is free was found" "$(said free_pages) > $mib * 256 * 3 / 4"
	holds "$track: it was not copied" \
		"$(said sent_pages) + $(said staged_pages) < $(said pages) - $mib * 128"
	holds "$track: it is not in the image" "$(littered) < $mib * 256 / 16"
	is "$track: the guest keeps no map of it" 0 "$(counter g1 free_pages)"
	expect 0 "$track: verify-stream-v2 accepts the image" verify_stream "$image"
	expect 0 "$track: the loads go on" check_load g1
done

# Of what the guest has free nothing takes room, but in xl's layout.
xl_bytes=$(stat -c %s "$image")
expect 0 'mapped: save' stillpoint save --json --force --layout mapped g1 "$image"
mapped_bytes=$(($(stat -c %b "$image") * 512))
expect 0 'packed: save' \
	stillpoint save --json --force --layout packed --compress zstd g1 "$image"
packed_bytes=$(stat -c %s "$image")
echo "# free $(said free_pages) of $(said pages) pages; bytes: xl $xl_bytes," \
	"mapped $mapped_bytes allocated, packed $packed_bytes"
holds 'mapped: less than 60 % of what xl has' "$mapped_bytes * 100 < $xl_bytes * 60"
holds 'packed: less than 25 % of what xl has' "$packed_bytes * 100 < $xl_bytes * 25"

count=$(rounds 20 1)
expect 0 'memory: start' start_work g1 dirty-random forks unmap advise remap pagecache programs
for ((n = 1; n <= count; n++)); do
	track=$((n % 4 ? 1 : 0))
	expect 0 "memory: checkpoint $n: nothing was missed, nothing free was mapped by a process" \
		audit "$state/audit.json" g1 "$image" --track "$([ $track = 1 ] && echo guest || echo none)"
	holds "memory: checkpoint $n: free pages were looked at" \
		"$(jq .audited_free "$state/audit.json") > 1000"
	expect 0 "memory: checkpoint $n: it goes on" check_work g1
done
expect 0 'memory: fill and free memory again' litter g1 20
expect 0 'memory: save --stop' stillpoint save --json --stop --force g1 "$image"
tell 'save --stop'
expect 0 'keep the disks' guest-disk snapshot g1 kept

for tool in $(rounds 'stillpoint xl' stillpoint); do
	expect 0 "$tool: no guest is left" destroy g1
	expect 0 "$tool: the disks as they were" guest-disk rollback g1 kept
	expect 0 "$tool: restore" restore_with "$tool" "$image" || continue
	expect 0 "$tool: timers, disks, network, console, clock" guest_ok g1
	expect 0 "$tool: the timers go on" check_load g1
	expect 0 "$tool: every process goes on" check_work g1
	expect 0 "$tool: all free memory can be taken and given back" litter g1 $((mib / 2))
	expect 0 "$tool: save of the restored guest" stillpoint save --json --force g1 "$image.again"
	holds "$tool: and it has free pages" "$(said free_pages) > 1000"
done
expect 0 'memory: every process finds its memory as it left it' stop_work g1

poisoned() { sed -i 's/^extra = "/&page_poison=1 /' /etc/xen/g1.cfg; }
expect 0 'poison: destroy the guest' destroy g1
expect 0 'poison: boot with page_poison=1' eval 'poisoned && boot g1'
has 'poison: the module says why it cannot' 'free pages are saved like others: page_poison' \
	"$(ask g1 dmesg)"
expect 0 'poison: fill and free memory' litter g1 40
expect 0 'poison: save --stop' stillpoint save --json --stop --force g1 "$image"
tell poison
is 'poison: nothing counts as free' 0 "$(said free_pages)"
expect 0 'poison: restore' stillpoint restore "$image"
expect 0 'poison: all free memory can be taken and given back' litter g1 $((mib / 2))
expect 0 'poison: the guest works' guest_ok g1
is 'poison: its kernel finds its pattern' '' "$(ask g1 dmesg | grep -i 'pagealloc:')"
finish
