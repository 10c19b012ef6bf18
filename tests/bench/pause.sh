#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# How long a guest is paused by a checkpoint: SIZES RATES REPEAT. See run.
# shellcheck source-path=SCRIPTDIR source=common.sh
. bench/common.sh

IFS=, read -ra sizes <<<"$1"
IFS=, read -ra rates <<<"$2"
repeat=$3
image=$images/bench
ways=(guest none xl)
[ "$LAB_XEN" != 4.17.5 ] || ways+=(logdirty libxc)

# checkpoint WAY: the one command that is measured.
checkpoint() {
	case $1 in
	xl) xl save -c g1 "$image" ;;
	libxc) libxcsave "$(xl domid g1)" "$image" ;;
	*) stillpoint save --json --force --track "$1" g1 "$image" ;;
	esac
}

# start_watch: before everybody else in the guest, so that what it misses are its processors.
start_watch() { job g1 start watch chrt -f 50 pausewatch --step-us 1000 --threshold-us 1000000; }

# end_watch SERIES: the longest gap since, to SERIES.gap.
end_watch() {
	local said
	said=$(job g1 stop watch) || fail "the guest lost its watch"
	sed -nE 's/^pausewatch: longest-us ([0-9]+) .*/\1/p' <<<"$said" >>"$1.gap"
}

# measure WAY SERIES: adds to SERIES.gap, SERIES.park and SERIES.total, in microseconds.
measure() {
	local start
	start_watch
	sleep 1
	start=$(date +%s%N)
	checkpoint "$1" >"$state/said" 2>&1 || { cat "$state/said"; fail "$1 failed"; }
	# What others write is not on the disk when they end: for all alike, that belongs to it.
	sync "$image"
	echo $((($(date +%s%N) - start) / 1000)) >>"$2.total"
	within 60 answers g1 || fail "the guest does not answer after $1"
	end_watch "$2"
	[ "$1" = xl ] || counter g1 last_park_us >>"$2.park"
	rm -f "$image"
}

# quiet_gap SERIES: the longest gap without a checkpoint, of half a minute.
quiet_gap() {
	start_watch
	sleep 30
	end_watch "$1"
	: >>"$1.total"
}

row() { printf '%5s %5s  %-10s %-20s %-20s %-20s %-20s %s\n' "$@"; }

declare -A name=([guest]=stillpoint [none]='  none' [logdirty]='  logdirty' [xl]='xl save -c'
	[libxc]='libxc live' [idle]='nothing')
# Nothing of the host may be measured that happens to be under way at one of them only.
results=()
for size in "${sizes[@]}"; do
	destroy g1 && quiet boot g1 "$size" 2 || fail "no guest of $size MiB"
	for rate in "${rates[@]}"; do
		works_in=()
		[ "$rate" = 0 ] || quiet start_work g1 "dirty=$rate=$((size / 4))" ||
			fail "no load"
		rm -f "$state"/*.gap "$state"/*.park "$state"/*.total
		touch "$state"/{idle,xl}.park
		for ((n = 1; n <= repeat; n++)); do
			echo "# $size MiB, $rate MiB/s: $n of $repeat"
			quiet_gap "$state/idle"
			for way in "${ways[@]}"; do
				measure "$way" "$state/$way"
			done
		done
		for way in idle "${ways[@]}"; do
			results+=("$(row "$size" "$rate" "${name[$way]}" \
				"$(spread %.0f 1000 <"$state/$way.gap")" \
				"$(spread %.0f 1000 <"$state/$way.park")" \
				"$(spread %.1f 1000000 <"$state/$way.total")" \
				"$(ratios "$state/xl.gap" "$state/$way.gap" | spread %.1f 1)" \
				"$(ratios "$state/libxc.park" "$state/$way.park" | spread %.1f 1)")")
		done
		[ "$rate" = 0 ] || quiet stop_work g1 || fail "the load found something wrong"
	done
done
echo
echo "Xen $LAB_XEN, median of $repeat (least to most). The gap is what a process in the guest sees,"
echo "the park what the module measures with all of the guest's processors stopped."
row MiB MiB/s what 'gap, ms' 'park, ms' 'total, s' "xl's gap by it" "libxc's park by it"
printf '%s\n' "${results[@]}"
