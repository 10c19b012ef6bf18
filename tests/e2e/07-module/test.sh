#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The module by itself: loaded and unloaded over and over, also while a request
# is under way; in dom0, where it has no business; and with requests that the
# tool never makes: repeats, old numbers, unknown operations, a dom0 that never
# answers.
# lab: --vcpus 2 --memory 128
# everyday: quick
# minutes: 8
# shellcheck source-path=SCRIPTDIR/.. source=lib.sh
. e2e/lib.sh

image=$images/g1
id=$(xl domid g1)
home=/local/domain/$id/data/stillpoint

no_module() { ! xenstore-exists "$home"; }
unload() { ask g1 rmmod stillpoint; }
load() { ask g1 modprobe stillpoint; }

# poked STEP...: as the program poke takes them; what "show" says is in $output.
poked() { poke --timeout-ms 20000 "$id" "$@"; }
value() { sed -n "s/^$1=//p" <<<"$output"; }

expect 0 'prepare the guest' prepare g1
start_timers g1

module=/usr/local/lib/stillpoint/stillpoint.ko
dmesg -C
expect fail 'dom0: loading is refused' insmod "$module"
has 'dom0: the message' 'stillpoint: .*PV' "$(dmesg)"
is 'dom0: it is not loaded' '' "$(lsmod | grep stillpoint)"

for ((n = 1; n <= $(rounds 10 2); n++)); do
	expect 0 "round $n: unload" unload
	expect 0 "round $n: nothing is published" no_module
	expect 0 "round $n: load" load
	expect 0 "round $n: it is published" within 30 has_module g1
done
expect 0 'after that, save works' stillpoint save --force g1 "$image"
expect 0 'after that, the timers go on' check_load g1

expect 0 'nobody answers: it parks and runs on by itself' \
	poked deadline_us=700000 op=1 request=next notify await=state:2 await=done:request show
is 'nobody answers: abandoned' 3 "$(value result)"
is 'nobody answers: counted' 1 "$(value abandoned)"
[ "$(value last_park_us)" -ge 700000 ]
is 'nobody answers: not before its deadline' 0 $?
has 'nobody answers: said in dmesg' 'stillpoint: checkpoint .* abandoned' "$(ask g1 dmesg)"
expect 0 'nobody answers: the timers go on' check_load g1
is 'nobody answers: the counter in sysfs' 1 "$(counter g1 abandoned)"

expect 0 'a deadline of nothing' \
	poked deadline_us=0 op=1 request=next notify await=done:request show
is 'a deadline of nothing: abandoned' 3 "$(value result)"
expect 0 'show' poked show
generation=$(value generation)
taken=$(value taken)
has 'what it has taken' '^[0-9]+ [0-9]+$' "$generation $taken"
expect 0 'events without a new number' poked notify notify notify sleep=100 notify sleep=500 show
is 'events without a new number: ignored' "$generation $taken" "$(value generation) $(value taken)"
expect 0 'the same number again' poked request="$taken" notify sleep=500 show
is 'the same number again: ignored' "$generation $taken" "$(value generation) $(value taken)"
expect 0 'an older number' poked request=$((taken - 1)) notify sleep=500 show
is 'an older number: ignored' "$generation $taken" "$(value generation) $(value taken)"
expect 0 'a number half way round' poked request=$(((taken + 2147483648) & 4294967295)) notify \
	sleep=500 show
is 'a number half way round: ignored' "$generation $taken" "$(value generation) $(value taken)"
expect 0 'number 0' poked request=0 notify sleep=500 show
is 'number 0: ignored' "$generation $taken" "$(value generation) $(value taken)"
expect 0 'an unknown operation' poked op=77 request=next notify await=done:request show
is 'an unknown operation: failed, not supported' '5 95' "$(value result) $(value error)"
expect 0 'cancelled before it is taken up' \
	poked op=1 cancel=$((taken + 2)) request=$((taken + 2)) notify await=done:request show
is 'cancelled before it is taken up: cancelled' 4 "$(value result)"

# Given up on the way into the park: it turns back, and every vCPU's timer goes on.
turned=0
for ((n = 1; n <= 20 && turned < $(rounds 4 1); n++)); do
	poked show >"$state/poke.out"
	number=$(($(sed -n 's/^taken=//p' "$state/poke.out") + 1))
	output=$(poked op=1 request=$number notify await=taken:request cancel=$number \
		await=done:request show)
	[ "$(value result)" = 4 ] || continue
	turned=$((turned + 1))
	expect 0 "given up on its way, $turned: the timers go on" check_load g1
done
is 'given up on its way: it turned back' "$(rounds 4 1)" "$turned"
expect 0 'after all that, save works' stillpoint save --force g1 "$image"
expect 0 'after all that, the timers go on' check_load g1

# rmmod arrives at the guest while it is on its way into the park, in it, or out.
for ((n = 1; n <= $(rounds 8 2); n++)); do
	poked deadline_us=1500000 op=1 request=next notify await=taken:request sleep=$((n * 40)) \
		>"$state/poke.out" 2>&1 &
	poke_pid=$!
	expect 0 "unload during request $n" unload
	wait "$poke_pid"
	expect 0 "unload during request $n: nothing is published" no_module
	expect 0 "unload during request $n: load" load
	expect 0 "unload during request $n: it is published" within 30 has_module g1
done

# And while the tool is at work: it may fail, but the guest may not.
for ((n = 1; n <= $(rounds 8 2); n++)); do
	stillpoint save --force g1 "$image" 2>"$state/save.err" &
	save_pid=$!
	sleep "0.$n"
	expect 0 "unload during save $n" unload
	if wait "$save_pid"; then
		expect 0 "unload during save $n: the image is whole" verify_stream "$image"
	else
		has "unload during save $n: the message" '^stillpoint: save: ' "$(cat "$state/save.err")"
	fi
	expect 0 "unload during save $n: load" load
	expect 0 "unload during save $n: the timers go on" check_load g1
done
expect 0 'at the end, save works' stillpoint save --force g1 "$image"
expect 0 'no task was frozen' no_task_frozen g1
expect 0 'the guest works' guest_ok g1
expect 0 'no timer was lost' stop_load g1
finish
