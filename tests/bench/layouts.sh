#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# How long a guest takes to be saved and gone, and to be restored, in each layout and by
# xl: SIZES REPEAT. See run.
# shellcheck source-path=SCRIPTDIR source=common.sh
. bench/common.sh

IFS=, read -ra sizes <<<"$1"
repeat=$2
image=$images/bench
ways=(xl own-xl mapped zstd lz4)
declare -A name=([xl]='xl' [own-xl]='stillpoint xl' [mapped]='  mapped' [zstd]='  packed, zstd:1'
	[lz4]='  packed, lz4')

save() {
	case $1 in
	xl) xl save g1 "$image" ;;
	own-xl) stillpoint save --stop g1 "$image" ;;
	mapped) stillpoint save --stop --layout mapped g1 "$image" ;;
	zstd) stillpoint save --stop --layout packed --compress zstd:1 g1 "$image" ;;
	lz4) stillpoint save --stop --layout packed --compress lz4 g1 "$image" ;;
	esac
}

restore() { if [ "$1" = xl ]; then xl restore "$image"; else stillpoint restore "$image"; fi; }

# timed FILE COMMAND...: add its microseconds. What xl writes is not on the disk when it
# ends: for all alike, the time until it is belongs to it.
timed() {
	local file=$1 start
	shift
	start=$(date +%s%N)
	"$@" >"$state/said" 2>&1 || { cat "$state/said"; fail "$* failed"; }
	[ "$1" != save ] || sync "$image"
	echo $((($(date +%s%N) - start) / 1000)) >>"$file"
}

# Both are at rest before anything is measured.
settle() { sync; echo 3 >/proc/sys/vm/drop_caches; sleep 1; }

# measure WAY SERIES
measure() {
	settle
	timed "$2.save" save "$1"
	echo $(($(stat -c %b "$image") * 512)) >>"$2.bytes"
	settle
	timed "$2.restore" restore "$1"
	within 120 answers g1 || fail "the guest does not answer after $1"
	rm -f "$image"
}

row() { printf '%5s  %-17s %-20s %-20s %-20s %-18s %s\n' "$@"; }

results=()
for size in "${sizes[@]}"; do
	if ! destroy g1 || ! quiet boot g1 "$size" 2; then fail "no guest of $size MiB"; fi
	# A third of it holds what its processes wrote, a third what it read.
	quiet ask g1 "cat /usr/bin/* /usr/lib/x86_64-linux-gnu/* >/dev/null 2>&1
		mount -o remount,size=90% /dev/shm &&
		tar -C /usr -cf - . 2>/dev/null | head -c $((size / 3))M >/dev/shm/held"
	rm -f "$state"/*.save "$state"/*.restore "$state"/*.bytes
	for ((n = 1; n <= repeat; n++)); do
		echo "# $size MiB: $n of $repeat"
		for way in "${ways[@]}"; do
			measure "$way" "$state/$way"
		done
	done
	for way in "${ways[@]}"; do
		results+=("$(row "$size" "${name[$way]}" \
			"$(spread %.1f 1000000 <"$state/$way.save")" \
			"$(ratios "$state/$way.save" "$state/xl.save" | spread %.2f 1)" \
			"$(spread %.1f 1000000 <"$state/$way.restore")" \
			"$(ratios "$state/$way.restore" "$state/xl.restore" | spread %.2f 1)" \
			"$(spread %.0f 1048576 <"$state/$way.bytes")")")
	done
done
echo
echo "Xen $LAB_XEN, median of $repeat (least to most); a save ends when the image is on the disk"
row MiB what 'save, s' "of xl's" 'restore, s' "of xl's" 'MiB on disk'
printf '%s\n' "${results[@]}"
