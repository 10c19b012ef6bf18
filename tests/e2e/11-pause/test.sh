#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A guest that writes faster than it can be copied is not parked for longer than
# --max-pause allows; and whatever ends a live copy early, the guest runs on, is not
# tracked any more, and can be saved again.
# lab: --vcpus 2 --memory 192
# everyday: quick
# minutes: 22
# shellcheck source-path=SCRIPTDIR/.. source=workloads.sh
. e2e/workloads.sh

image=$images/g1
phases=$state/phases
# Rounds are as many each time, and so are the phases.
live=(--verbose --track guest --max-rounds 2)

is_untracked() { [ "$(counter g1 tracking)" = 0 ]; }

# untouched CHECKPOINTS: it was never parked, runs, and is not tracked.
untouched() {
	[ "$(counter g1 checkpoints)" = "$1" ] || { echo "it was parked"; return 1; }
	is_running g1 || { echo "it does not run"; return 1; }
	is_untracked || { echo "it is tracked still"; return 1; }
	check_work g1 && check_load g1
}

# ended SIGNAL N: a save that gets the signal as it is about to say its Nth line.
ended() {
	local filter=(-P "$phases" -e trace=write -e inject="write:signal=$1:when=$2")
	: >"$phases"
	strace -f -qq -o /dev/null "${filter[@]}" \
		stillpoint save "${live[@]}" g1 "$image" 2>>"$phases"
}

expect 0 'prepare the guest' prepare g1
loads=
start_timers g1
expect 0 'the timers run' within 120 check_load g1
before=$(devices g1)
count=$(counter g1 checkpoints)

# A hypervisor without a log of dirty pages says so, and so must the tool; it has
# an empty one for whoever does not listen.
if [[ $LAB_XEN != 4.17.5 ]]; then
	for track in logdirty compare; do
		expect 1 "no log: --track $track is refused" \
			stillpoint save --track "$track" g1 "$image"
		has "no log: --track $track: the message" '^stillpoint: save: .*(log|dirty)' "$errors"
		expect 0 "no log: --track $track: no image" nothing_at "$image"
		expect 0 "no log: --track $track: the guest is untouched" untouched "$count"
	done
	expect 0 'no log: --track auto takes the guest' stillpoint save --json --track auto g1 "$image"
	is 'no log: that is the tracker' guest "$(field tracker "$output")"
else
	expect 0 'a first save' stillpoint save --json --track guest g1 "$image"
fi
rm -f "$image"
is 'it is not tracked after a save' 0 "$(counter g1 tracking)"

# A quarter of the memory, over and over, as fast as can be.
expect 0 'start a workload that is too fast' start_work g1 dirty-huge
count=$(counter g1 checkpoints)
expect 1 'too fast: --max-pause refuses' timeout 300 \
	stillpoint save --track guest --max-pause 1 g1 "$image"
has 'too fast: the message' '^stillpoint: save: .*pause.*--force-pause' "$errors"
expect 0 'too fast: no image' nothing_at "$image"
expect 0 'too fast: the guest is untouched' untouched "$count"
expect 0 'too fast: --force-pause parks it' timeout 300 stillpoint save --json \
	--track guest --max-pause 1 --force-pause g1 "$image"
echo "# rounds $(jq -c '.rounds | length' <<<"$output" 2>/dev/null)" \
	"pause_us $(field pause_us "$output") total_us $(field total_us "$output")"
expect 0 'too fast: verify-stream-v2 accepts the image' verify_stream "$image"
rm -f "$image"
expect 0 'too fast: a pause that is long enough is not refused' timeout 300 \
	stillpoint save --track guest --max-pause 60000 g1 "$image"
rm -f "$image"
is 'too fast: it is not tracked after that' 0 "$(counter g1 tracking)"

# Ended early, at each phase until the guest is asked to park.
expect 0 'list the phases of a live copy' stillpoint save "${live[@]}" g1 "$image"
mapfile -t lines < <(sed -n 's/^stillpoint: save: //p' <<<"$errors")
rm -f "$image"
has 'there is a round' 'phase: round 1' "$errors"
has 'there is a harvest' 'phase: harvested' "$errors"
for ((n = 1; n <= ${#lines[@]}; n++)); do
	phase=${lines[n - 1]#phase: }
	[ "$phase" != parked ] || break
	count=$(counter g1 checkpoints)
	for signal in $(rounds 'INT TERM' TERM); do
		this="SIG$signal before '$phase'"
		expect $((128 + $(kill -l "$signal"))) "$this" ended "$signal" "$n"
		has "$this: the message" 'signal' "$(cat "$phases")"
		expect 0 "$this: no image" nothing_at "$image"
		expect 0 "$this: the guest is untouched" untouched "$count"
	done
	this="killed before '$phase'"
	expect 137 "$this" ended KILL "$n"
	expect 0 "$this: no image" nothing_at "$image"
	expect 0 "$this: the guest runs" is_running g1
	expect 0 "$this: the workload goes on" check_work g1
	tracked=$(counter g1 tracking)
	case $phase in
	harvested | round*)
		is "$this: it is tracked for now" 1 "$tracked"
		live_at=$n
		;;
	esac
	expect 0 "$this: the next save works" stillpoint save --track guest g1 "$image"
	rm -f "$image"
	is "$this: it is not tracked after that" 0 "$(counter g1 tracking)"
done

# Nobody saves it again: what the guest was told about a dom0 that says nothing.
expect 137 'killed for good' ended KILL "$live_at"
is 'killed for good: it is tracked for now' 1 "$(counter g1 tracking)"
expect 0 'the lease ends' within 120 is_untracked
expect 0 'a short lease' poke --timeout-ms 20000 "$(xl domid g1)" lease_us=2000000 flags=0 op=2 \
	request=next notify await=done:request show
has 'a short lease: tracked' '^result=6$' "$output"
expect 0 'a short lease ends too' within 60 is_untracked
expect 0 'the next save works' stillpoint save --track guest g1 "$image"
expect 0 'verify-stream-v2 accepts it' verify_stream "$image"

expect 0 'no device reconnected' no_device_reconnected g1 "$before"
expect 0 'no task was frozen' no_task_frozen g1
expect 0 'the workload ends well' stop_work g1
expect 0 'no timer was lost' stop_load g1
expect 0 'the guest works' guest_ok g1
finish
