#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# How fast the tool's image engine is beside QEMU's, on this machine: MIB REPEAT SEED DIR
# ONLY, which is mapped, zstd, lz4 or all.
# See run.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail
here=$(dirname "$(realpath "$0")")
tree=$(realpath "$here/../..")
# shellcheck source=numbers.sh
. "$here/numbers.sh"
# shellcheck source=image/qemu.sh
. "$here/image/qemu.sh"

mib=$1 repeat=$2 seed=$3 dir=$4 only=$5
build=${BUILD:-$tree/build}
case $only in
mapped) ways=(floor qemu-mapped qemu-cached mapped) ;;
zstd) ways=(floor alone-zstd qemu-zstd packed:zstd:1) ;;
lz4) ways=(floor alone-lz4 qemu-lz4 packed:lz4) ;;
all) ways=(floor qemu-mapped qemu-cached mapped alone-zstd qemu-zstd packed:zstd:1
	alone-lz4 qemu-lz4 packed:lz4) ;;
*) fail "--only: expected mapped, zstd or lz4, found '$only'" ;;
esac
declare -A name=([floor]='dd, O_DIRECT' [qemu-mapped]='qemu mapped-ram' [qemu-cached]='  not direct'
	[mapped]='stillpoint mapped' [qemu-zstd]='qemu | zstd -1 -T2' [packed:zstd:1]='stillpoint zstd:1'
	[qemu-lz4]='qemu | lz4' [packed:lz4]='stillpoint lz4' [alone-zstd]='zstd -1 -T2, alone'
	[alone-lz4]='lz4, alone')
# What QEMU pipes into (image/peer.c), and its reverse.
declare -A filter=([zstd]='zstd -1 -T2 -q -c' [lz4]='lz4 -q -c')
declare -A unfilter=([zstd]='zstd -d -q -c' [lz4]='lz4 -d -q -c')

# The memory of guests is in memory; images are in DIR.
prepare() {
	local need=$((mib * 3)) have
	have=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
	[ "$have" -gt "$need" ] || fail "a guest of $mib MiB needs $need MiB of memory, $have are free"
	make -s -C "$tree" BUILD="$build" setup imagebench >&2
	bench=$build/bench/imagebench
	qemu_install
	mkdir -p "$dir"
	state=$(mktemp -d /dev/shm/stillpoint-bench.XXXXXX)
	images=$(mktemp -d "$(realpath "$dir")/stillpoint-bench.XXXXXX")
	trap 'rm -rf "$state" "$images"' EXIT
	# The name goes through a shell of QEMU's, and of ours.
	[[ $images =~ ^[A-Za-z0-9/._-]+$ ]] || fail "--dir: no place with such a name: '$dir'"
	image=$images/image
	echo "# making a guest of $mib MiB" >&2
	"$bench" make "$state/memory" "$state/data" "$mib" "$seed"
}

# guest FILE: sets the array machine to a QEMU whose guest's memory is FILE. No guest runs.
guest() {
	machine=("${qemu[@]}" -M "none,memory-backend=ram" -m "$mib" -accel tcg -S -nodefaults
		-display none -qmp stdio -object
		"memory-backend-file,id=ram,size=${mib}M,mem-path=$1,offset=2M,share=on")
}

# save WAY, load WAY: what is measured; one line, see imagebench.c.
save() {
	guest "$state/memory"
	case $1 in
	floor) "$bench" run "$image" dd if="$state/data" of="$image" bs=1M oflag=direct \
		conv=fsync status=none ;;
	alone-*) "$bench" run "$image" sh -c "${filter[${1#alone-}]} $state/data >$image && sync -d $image" ;;
	qemu-*) "$bench" qemu-save "${1#qemu-}" "$image" "${machine[@]}" ;;
	*) "$bench" save "$1" "$state/memory" "$image" ;;
	esac
}

load() {
	guest "$state/loaded"
	case $1 in
	floor) "$bench" run "$image" dd if="$image" of="$state/loaded" bs=1M iflag=direct \
		status=none ;;
	alone-*) "$bench" run "$image" sh -c "${unfilter[${1#alone-}]} $image >$state/loaded" ;;
	qemu-*) "$bench" qemu-load "${1#qemu-}" "$image" "${machine[@]}" -incoming defer ;;
	*) "$bench" load "$image" "$state/loaded" ;;
	esac
}

# Once: what was loaded is what was saved.
compare() {
	case $1 in
	floor | alone-*) ;;
	qemu-*) "$bench" compare "$state/memory" "$state/loaded" ;;
	*) "$bench" compare "$state/memory" "$state/loaded" but-tables ;;
	esac || fail "${name[$1]} did not load what it saved"
}

# note SERIES US CPU_US PEAK_KIB BYTES DISK_BYTES
note() {
	echo "$2" >>"$1.us"
	echo "$3" >>"$1.cpu"
	echo "$4" >>"$1.peak"
	echo "$5" >>"$1.bytes"
	echo "$6" >>"$1.disk"
}

# measure WAY N
measure() {
	local said
	said=$(save "$1") || fail "${name[$1]} cannot save"
	# shellcheck disable=SC2086
	note "$state/$1.save" $said
	"$bench" forget "$image"
	"$bench" create "$state/loaded" "$mib"
	said=$(load "$1") || fail "${name[$1]} cannot load"
	# shellcheck disable=SC2086
	note "$state/$1.load" $said
	[ "$2" -gt 1 ] || compare "$1"
	rm -f "$image" "$state/loaded"
}

# best OPERATION: QEMU's better time for a file with places, of each repetition.
best() {
	[ -e "$state/qemu-mapped.$1.us" ] || return 0
	paste "$state/qemu-mapped.$1.us" "$state/qemu-cached.$1.us" |
		awk '{ print $1 < $2 ? $1 : $2 }' >"$state/qemu-best.$1.us"
}

# peer WAY: whose time its own is divided by.
peer() {
	case $1 in
	mapped) echo qemu-best ;;
	packed:zstd:1 | alone-zstd) echo qemu-zstd ;;
	packed:lz4 | alone-lz4) echo qemu-lz4 ;;
	esac
}

row() { printf '%-19s %-22s %-20s %-20s %-8s %-8s %s\n' "$@"; }

# table OPERATION
table() {
	local way series by
	row "$1" 'time, s' "of QEMU's" 'of the floor' 'CPU, s' 'MiB' 'file, MiB (on disk)'
	for way in "${ways[@]}"; do
		series=$state/$way.$1
		by=$state/$(peer "$way").$1
		row "${name[$way]}" "$(spread %.2f 1000000 <"$series.us")" \
			"$(ratios "$series.us" "$by.us" | spread %.2f 1)" \
			"$(ratios "$series.us" "$state/floor.$1.us" | spread %.2f 1)" \
			"$(spread %.1f 1000000 <"$series.cpu" | cut -d' ' -f1)" \
			"$(spread %.0f 1024 <"$series.peak" | cut -d' ' -f1)" \
			"$(spread %.0f 1048576 <"$series.bytes" | cut -d' ' -f1)$(
				spread ' (%.0f)' 1048576 <"$series.disk" | cut -d')' -f1))"
	done
}

# goal WHAT MOST SERIES BY: nothing if it was not measured.
goal() {
	[ -e "$3" ] || return 0
	ratios "$3" "$4" | spread %.3f 1 | awk -v what="$1" -v most="$2" '{
		printf "goal %-48s %.2f of at most %.2f: %s\n", what, $1, most,
			$1 <= most ? "reached" : "missed"
	}'
}

# goals: none of them makes the command fail.
goals() {
	local codec
	goal "mapped save by QEMU's best" 0.7 "$state/mapped.save.us" "$state/qemu-best.save.us"
	goal "mapped save by the floor" 1.25 "$state/mapped.save.us" "$state/floor.save.us"
	goal "mapped load by QEMU's best" 0.6 "$state/mapped.load.us" "$state/qemu-best.load.us"
	for codec in zstd:1 lz4; do
		goal "packed $codec save by QEMU's pipe" 0.4 "$state/packed:$codec.save.us" \
			"$state/qemu-${codec%:*}.save.us"
		goal "packed $codec size by QEMU's pipe" 1 "$state/packed:$codec.save.bytes" \
			"$state/qemu-${codec%:*}.save.bytes"
	done
}

prepare
for ((n = 1; n <= repeat; n++)); do
	echo "# $mib MiB: $n of $repeat" >&2
	# In another order each time, so that none always follows the same.
	for way in $(printf '%s\n' "${ways[@]}" | shuf --random-source=<(echo "$seed $n" | sha256sum)); do
		measure "$way" "$n"
	done
done
best save
best load
echo "A guest of $mib MiB, a quarter of it zero pages, QEMU $qemu_version, $(nproc) processors;"
echo "median of $repeat (least to most). Until the data are on disk, or in the guest's memory."
table save
echo
table load
echo
goals
