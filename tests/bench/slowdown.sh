#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# How much slower a guest is while it is tracked: INTERVALS SECONDS REPEAT. See run.
# shellcheck source-path=SCRIPTDIR source=common.sh
. bench/common.sh

IFS=, read -ra intervals <<<"$1"
seconds=$2
repeat=$3
id=$(xl domid g1)

# rate WORK: rounds or pages a second, by the guest's clock, over so many seconds.
# The first part's beats are the fifth word of a file of heartbeats.
rate() {
	ask g1 "
		beats() { od -An -tu8 -j 32 -N 8 /run/jobs/$1.state; }
		before=\$(beats) start=\$(date +%s%N)
		sleep $seconds
		after=\$(beats) end=\$(date +%s%N)
		echo \$(((after - before) * 1000000000 / (end - start)))"
}

# track INTERVAL: harvests, until killed.
track() {
	local steps=() n poker
	for ((n = 0; n < 20; n++)); do
		steps+=(request=next notify await=done:request "sleep=$1")
	done
	trap 'kill "$poker"; exit' TERM
	while :; do
		poke --timeout-ms 30000 "$id" lease_us=60000000 flags=0 op=2 "${steps[@]}" &
		poker=$!
		wait "$poker" || return 1
	done
}

untrack() { poke --timeout-ms 30000 "$id" op=3 request=next notify await=done:request; }

# measure WORK INTERVAL: adds to the series of both.
measure() {
	local tracker
	rate "$1" >>"$state/$1.off"
	track "$2" >"$state/track.out" 2>&1 &
	tracker=$!
	sleep 1
	rate "$1" >>"$state/$1.$2"
	[ "$(counter g1 tracking)" = 1 ] || { cat "$state/track.out"; fail "it was not tracked"; }
	ask g1 'cat /sys/hypervisor/stillpoint/harvest_us /sys/hypervisor/stillpoint/slice_max_us' |
		paste -sd ' ' >>"$state/$1.$2.harvest"
	kill "$tracker"
	wait "$tracker" 2>/dev/null
	sleep 1
	untrack || fail "tracking does not end"
}

quiet prepare g1 || fail "no guest"
for work in dirty-random-fast forks; do
	quiet start_work g1 "$work" || fail "no load"
	for ((n = 1; n <= repeat; n++)); do
		for interval in "${intervals[@]}"; do
			echo "# $work, each $interval ms: $n of $repeat"
			measure "$work" "$interval"
		done
	done
	quiet stop_work g1 || fail "the load found something wrong"
done

echo
echo "Xen $LAB_XEN, $LAB_MEMORY MiB; median of $repeat (least to most)"
printf '%-18s %11s  %-30s %-26s %-24s %s\n' work 'harvest/ms' '1/s' 'slower by, %' 'a harvest, ms' 'a slice, ms'
for work in dirty-random-fast forks; do
	printf '%-18s %11s  %s\n' "$work" none "$(spread %.0f 1 <"$state/$work.off")"
	for interval in "${intervals[@]}"; do
		printf '%-18s %11s  %-30s %-26s %-24s %s\n' "$work" "$interval" \
			"$(spread %.0f 1 <"$state/$work.$interval")" \
			"$(awk 'NR == FNR { off[NR] = $1; sum += $1; n++; next }
				{ print 100 * (1 - $1 / (sum / n)) }' \
				"$state/$work.off" "$state/$work.$interval" | spread %.1f 1)" \
			"$(cut -d' ' -f1 "$state/$work.$interval.harvest" | spread %.1f 1000)" \
			"$(cut -d' ' -f2 "$state/$work.$interval.harvest" | spread %.1f 1000)"
	done
done
