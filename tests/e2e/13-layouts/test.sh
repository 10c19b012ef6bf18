#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A guest is saved in each layout while its disks are written, and restored from what
# was written: by the tool from the image itself, by xl from what "convert" made of it.
# Each time everything must work that works after a restore from xl's layout. A mapped
# image never has more bytes than were told beforehand, however often pages are
# written again. Images that are damaged, cut short or encrypted with another key make
# no domain, and whatever ends a save leaves no image.
# lab: --vcpus 2 --memory 160
# everyday: quick
# minutes: 25
# shellcheck source-path=SCRIPTDIR/.. source=workloads.sh
. e2e/workloads.sh

image=$images/g1
key=$state/key
head -c 32 /dev/urandom | xxd -p -c 64 >"$key"
chmod 600 "$key"

# How to save, by name, and what reading needs.
declare -A save_options=(
	[mapped]="--layout mapped"
	[zstd]="--layout packed --compress zstd:1"
	[lz4]="--layout packed --compress lz4 --key-file $key"
	[none]="--layout packed --compress none"
)
declare -A read_options=([lz4]="--key-file $key")

no_domain() { is_gone "$1" || { xl list; return 1; }; }
runs() { is_running "$1" && answers "$1"; }

# restored NAME COMMAND...: after which the guest must be as it was.
restored() {
	local this=$1
	shift
	expect 0 "$this: go back" go_back g1 kept
	expect 0 "$this" "$@" || return
	loads=' timers disk files'
	expect 0 "$this: timers, disks, network, console, clock" guest_ok g1
	expect 0 "$this: the loads go on" check_load g1
	expect 0 "$this: the loads end well" stop_load g1
	expect 0 "$this: every acknowledged write is there" verify_acks g1
}

from_pipe() {
	# shellcheck disable=SC2086
	dd if="$image" bs=1M status=none | stillpoint restore ${read_options[$1]:-} -
}

# spoil OFFSET: turn over a bit of the image.
spoil() {
	local byte
	byte=$(xxd -s "$1" -l 1 -p "$image")
	printf '%02x' $((0x$byte ^ 4)) | xxd -r -p |
		dd of="$image" bs=1 seek="$1" conv=notrunc status=none
}

# no_restore NAME PATTERN OPTION...: the image is refused, and nothing is left of it.
no_restore() {
	local name=$1 pattern=$2
	shift 2
	expect 1 "$name: refused" stillpoint restore --name other "$@" "$image"
	has "$name: the message" "^stillpoint: restore: .*$pattern" "$errors"
	expect 0 "$name: no domain is left" no_domain other
}

# forget: writers that begin know of no older files.
forget() {
	acklog_stop
	acklog_pid=
	rm -rf "${state:?}/acks"
	mkdir "$state/acks"
	ask g1 rm -rf /data/disk /root/files
}

# layout NAME
layout() {
	local this=$1 size
	start_timers g1
	start_disks g1 0 0
	expect 0 "$this: the loads run" within 300 check_load g1
	# shellcheck disable=SC2086
	expect 0 "$this: save --stop" stillpoint save --json --stop ${save_options[$1]} g1 "$image"
	echo "# $this: $output"
	loads=
	expect 0 "$this: keep the disks" keep g1 kept
	# shellcheck disable=SC2086
	expect 0 "$this: verify" stillpoint verify ${read_options[$1]:-} "$image"
	# shellcheck disable=SC2086
	expect 0 "$this: inspect" stillpoint inspect --json ${read_options[$1]:-} "$image"
	is "$this: inspect names the domain" g1 "$(jq -r '.. | .name? // empty' <<<"$output" | head -n 1)"
	# shellcheck disable=SC2086
	expect 0 "$this: convert to xl's layout" \
		stillpoint convert --layout xl ${read_options[$1]:-} "$image" "$image.xl"
	expect 0 "$this: verify-stream-v2 accepts what was made" verify_stream "$image.xl"
	# shellcheck disable=SC2086
	expect 0 "$this: diff finds no difference" \
		stillpoint diff ${read_options[$1]:-} "$image" "$image.xl"
	# A file and a pipe are fed to xl in the same way; diff found xl's image the same.
	# shellcheck disable=SC2086
	[ "$1" != mapped ] && [ "$mode" != full ] ||
		restored "$this: restore" stillpoint restore ${read_options[$1]:-} "$image"
	[ "$1" = mapped ] && [ "$mode" != full ] ||
		restored "$this: xl restore of what was made" xl restore "$image.xl"
	rm -f "$image.xl"
	[ "$1" = mapped ] || restored "$this: restore from a pipe" from_pipe "$1"

	if [ "$1" = lz4 ]; then
		no_restore "$this: no key" 'key'
		head -c 32 /dev/urandom >"$key.other"
		chmod 600 "$key.other"
		no_restore "$this: another key" 'key' --key-file "$key.other"
	fi
	size=$(stat -c %s "$image")
	spoil $((size * 2 / 3))
	# shellcheck disable=SC2086
	no_restore "$this: a bit is wrong" 'damaged|checksum' ${read_options[$1]:-}
	spoil $((size * 2 / 3))
	truncate -s $((size - 100)) "$image"
	# shellcheck disable=SC2086
	no_restore "$this: it is cut short" 'cut short|damaged' ${read_options[$1]:-}
	rm -f "$image"
	expect 0 "$this: the guest runs on" runs g1
	expect 0 "$this: forget what was written" forget
}

expect 0 'prepare the guest' prepare g1
case $mode in
full) names=(mapped zstd lz4 none) ;;
*) names=(mapped lz4) ;;
esac
for name in "${names[@]}"; do
	layout "$name"
done

# Written again and again, while somebody looks at the file.
max_size() {
	local pid=$1 size max=0 fd
	while kill -0 "$pid" 2>/dev/null; do
		for fd in /proc/"$pid"/fd/*; do
			[[ $(readlink "$fd") == "$images/"* ]] || continue
			size=$(stat -L -c '%s %b' "$fd" 2>/dev/null) || continue
			[ "${size% *}" -le "$max" ] || max=${size% *}
			[ $((${size#* } * 512)) -le "$max" ] || max=$((${size#* } * 512))
		done
		sleep 0.1
	done
	echo "$max"
}

start_timers g1
expect 0 'bound: start' start_work g1 dirty=20=8 dirty-random
expect 0 'bound: the size beforehand' stillpoint save --print-size --layout mapped g1
bound=$output
end=$((SECONDS + $(rounds 60 10 150)))
largest=0
saves=0
while [ "$SECONDS" -lt "$end" ]; do
	stillpoint save --force --max-rounds 100 --layout mapped g1 "$image" 2>"$state/bound.err" &
	pid=$!
	now=$(max_size "$pid")
	wait "$pid" || { not_ok 'bound: save' "$(cat "$state/bound.err")"; break; }
	saves=$((saves + 1))
	[ "$now" -le "$largest" ] || largest=$now
	now=$(stat -c %s "$image")
	[ "$now" -le "$largest" ] || largest=$now
done
echo "# bound: $saves saves, largest file $largest bytes, told beforehand $bound"
if [ "$saves" -gt 0 ] && [ "$largest" -gt 0 ] && [ "$largest" -le "$bound" ]; then
	ok 'bound: no file was larger'
else
	not_ok 'bound: no file was larger' "$largest bytes, told beforehand: $bound"
fi
expect 0 'bound: the last image is whole' stillpoint verify "$image"
rm -f "$image"
expect 0 'bound: it goes on' check_work g1
expect 0 'bound: it ends well' stop_work g1

# What ends a save early.
declare -A killing_calls=([mapped]='io_uring_enter fsync' [zstd]='write linkat')
for name in mapped zstd; do
	kills=0
	for call in ${killing_calls[$name]}; do
		this="$name: killed at $call"
		# shellcheck disable=SC2086
		strace -f -qq -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=1" \
			stillpoint save ${save_options[$name]} g1 "$image" >/dev/null 2>&1
		status=$?
		if [ "$status" = 0 ]; then
			expect 0 "$this: it was not called, and the image is whole" stillpoint verify "$image"
			rm -f "$image"
		else
			is "$this" 137 "$status"
			kills=$((kills + 1))
		fi
		expect 0 "$this: no image" nothing_at "$image"
		! is_paused g1 || stillpoint recover g1
		expect 0 "$this: the guest runs" runs g1
	done
	has "$name: it was killed" '^[1-9]' "$kills"
	mkdir -p "$state/small"
	mount -t tmpfs -o size=24M tmpfs "$state/small"
	# shellcheck disable=SC2086
	expect 1 "$name: no space: refused" stillpoint save ${save_options[$name]} g1 "$state/small/g1"
	has "$name: no space: the message" 'MiB|space' "$errors"
	expect 0 "$name: no space: no image" nothing_at "$state/small/g1"
	umount "$state/small"
	# shellcheck disable=SC2086
	expect 1 "$name: the file may not grow: refused" prlimit --fsize=$((16 << 20)) \
		stillpoint save ${save_options[$name]} g1 "$image"
	has "$name: the file may not grow: the message" 'cannot (write|make) .*too large' "$errors"
	expect 0 "$name: the file may not grow: no image" nothing_at "$image"
	echo mine >"$image"
	# shellcheck disable=SC2086
	expect 1 "$name: there is a file: refused" stillpoint save ${save_options[$name]} g1 "$image"
	has "$name: there is a file: the message" 'exists.*--force' "$errors"
	is "$name: there is a file: it is as it was" mine "$(cat "$image")"
	rm -f "$image"
	expect 0 "$name: the guest runs" runs g1
done

pipe_breaks() {
	stillpoint save --layout packed g1 - 2>"$state/pipe.err" | head -c 100000 >/dev/null
	[ "${PIPESTATUS[0]}" = 1 ] && grep -q '^stillpoint: save: .*Broken pipe' "$state/pipe.err" && return 0
	cat "$state/pipe.err"
	return 1
}

through_pipe() { stillpoint save --layout packed g1 - | stillpoint verify -; }

expect 0 'a pipe whose reader is gone: the message' pipe_breaks
expect 0 'a pipe whose reader is gone: the guest runs' runs g1
expect 2 'mapped into a pipe: refused' stillpoint save --layout mapped g1 -
expect 0 'through a pipe: what arrives is whole' through_pipe
expect 0 'the timers went on' check_load g1
expect 0 'the guest works' guest_ok g1
finish
