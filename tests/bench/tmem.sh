#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A guest's swap on tmem, on a blkfront disk that is dom0's RAM disk, and on zram: SECONDS
# REPEAT. The working set has the size of the guest's memory, a part of which it cannot have.
# See run.
# shellcheck source-path=SCRIPTDIR source=common.sh
. bench/common.sh

seconds=$1
repeat=$2
ways=(tmem blkfront zram)
depths=(1 4 16 32)
declare -A device=([tmem]=/dev/tmemswap0 [blkfront]=/dev/xvdc [zram]=/dev/zram0)
working_set=$LAB_MEMORY
mib=$((working_set + 64))

# The three are of one size, and none takes its memory from before it is written to.
make_devices() {
	modprobe brd rd_nr=1 rd_size=$((mib * 1024)) &&
		xl block-attach g1 'phy:/dev/ram0,xvdc,w' &&
		ask g1 "modprobe zram &&
			echo ${mib}M >/sys/block/tmemswap0/disksize &&
			echo ${mib}M >/sys/block/zram0/disksize" &&
		within 60 ask g1 test -b /dev/xvdc
}

# beats FILE N...: shell that prints the sum of the beats of these parts of a file of
# heartbeats.
beats() {
	local n
	echo '{'
	for n in "${@:2}"; do
		echo "od -An -tu8 -j $((32 + 32 * n)) -N 8 $1"
	done
	# shellcheck disable=SC2016
	echo '} | awk "{ sum += \$1 } END { print sum }"'
}

# rate FILE N...: of these a second.
rate() {
	ask g1 "
		beats() { $(beats "$@"); }
		before=\$(beats) start=\$(date +%s%N)
		sleep $seconds
		after=\$(beats) end=\$(date +%s%N)
		echo \$(((after - before) * 1000000000 / (end - start)))"
}

# direct WAY DEPTH: operations of 4 KiB a second, three of four are writes.
direct() {
	local file=/run/jobs/direct.state
	quiet job g1 start direct diskload --path "${device[$1]}" --size-mib 16 --block-kib 4 \
		--depth "$2" --state "$file"
	within 120 ask g1 heartbeats --for-ms 1000 "$file" >/dev/null || fail "$1: diskload does not begin"
	rate "$file" 0 1 >>"$state/$1.$2"
	echo "# $1, 4 KiB, depth $2: $(tail -n 1 "$state/$1.$2") a second"
	quiet job g1 stop direct || fail "$1: diskload found something wrong"
}

# swap WAY: pages that a process writes at random in a second, of more than there is memory; after
# as many seconds in which nothing is counted.
swap() {
	local file=/run/jobs/swap.state
	quiet ask g1 "mkswap ${device[$1]} && swapon ${device[$1]}" || fail "$1: no swap"
	quiet job g1 start swap dirty --size "$working_set" --random --fill --rate 0 --state "$file"
	within 600 dirty_filled g1 "$file" "$working_set" || fail "$1: the working set is not filled"
	# What else the guest has in memory was put out meanwhile, and comes back first.
	ask g1 sleep "$seconds"
	rate "$file" 0 >>"$state/$1.swap"
	echo "# $1, swap: $(tail -n 1 "$state/$1.swap") pages a second"
	# It looks at each page once more.
	quiet ask_for 1200 g1 sh /run/jobs/job stop swap || fail "$1: the working set is wrong"
	quiet ask_for 600 g1 "swapoff ${device[$1]}" || fail "$1: swap cannot be ended"
}

quiet prepare g1 || fail "no guest"
# All that the guest does between two requests takes much longer than on a real processor, and
# so the store looks for longer, too.
quiet store_start --limit 1000 --poll 1000 || fail "no store"
quiet stillpoint tmem set --quota "$mib" g1 || fail "no quota"
quiet make_devices || fail "no devices"
for ((n = 1; n <= repeat; n++)); do
	for way in "${ways[@]}"; do
		echo "# $way: $n of $repeat"
		for depth in "${depths[@]}"; do
			direct "$way" "$depth"
		done
		swap "$way"
	done
done

row() { printf '%-12s %-10s %-24s %-24s %s\n' "$@"; }
echo
echo "Xen $LAB_XEN, $LAB_MEMORY MiB, as large a working set; median of $repeat (least to most)"
row what by 'tmem, 1/s' 'of it' "tmem's by it"
for what in "${depths[@]}" swap; do
	name="4 KiB, $what"
	[ "$what" != swap ] || name=swap
	row "$name" '' "$(spread %.0f 1 <"$state/tmem.$what")"
	for way in blkfront zram; do
		row '' "$way" '' "$(spread %.0f 1 <"$state/$way.$what")" \
			"$(ratios "$state/tmem.$what" "$state/$way.$what" | spread %.2f 1)"
	done
done
