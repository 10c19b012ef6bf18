#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A guest that works is saved fifty times in a row,
# each save as soon as the one before is done. It must not notice but for the time:
# no task frozen, no device reconnected, no connection reset, no timer lost, no byte
# wrong.
# lab: --vcpus 2 --memory 128
# everyday: no
# minutes: 13
# shellcheck source-path=SCRIPTDIR/.. source=lib.sh
. e2e/lib.sh

image=$images/g1
count=$(rounds 50 8)
expect 0 'prepare the guest' prepare g1
expect 0 'start the loads' start_load g1
before=$(devices g1)

# The same field of every result, a line each.
numbers=
spread() {
	jq -r --arg name "$1" '.[$name]' <<<"$numbers" | sort -n | awk -v name="$1" '
		{ v[NR] = $1 }
		END { if (NR) printf "# %s of %d: least %d, median %d, most %d\n",
			name, NR, v[1], v[int((NR + 1) / 2)], v[NR] }'
}

for ((n = 1; n <= count; n++)); do
	expect 0 "checkpoint $n" stillpoint save --json --force g1 "$image" || continue
	is "checkpoint $n: the guest said that it runs on" true "$(field confirmed "$output")"
	numbers+=$output
	[ $((n % 10)) != 1 ] || expect 0 "checkpoint $n: the loads go on" check_load g1
done
spread pause_us
spread guest_park_us
spread total_us

expect 0 'the loads go on at the end' check_load g1
is 'the module counted every checkpoint' "$count" "$(counter g1 checkpoints)"
is 'the module counted nothing abandoned' 0 "$(counter g1 abandoned)"
expect 0 'no device reconnected' no_device_reconnected g1 "$before"
expect 0 'no task was frozen' no_task_frozen g1
expect 0 'verify-stream-v2 accepts the last image' verify_stream "$image"
expect 0 'no timer lost, no connection reset, no byte wrong' stop_load g1
printf '# %s\n' "${output//$'\n'/$'\n'# }"
expect 0 'every acknowledged write is there' verify_acks g1
expect 0 'the guest works' guest_ok g1
finish
