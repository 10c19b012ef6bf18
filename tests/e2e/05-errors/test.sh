#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Whatever is wrong, the tool says what, and nothing is lost: the guest runs,
# files that were there stay, and what is no image is not restored.
# lab: --vcpus 2 --memory 128
# everyday: quick
# minutes: 10
# shellcheck source-path=SCRIPTDIR/.. source=lib.sh
. e2e/lib.sh

image=$images/g1

# refused NAME PATTERN SAVE-ARGUMENT...: the save fails with a message that
# matches, one line of it, leaves no image, and the guest runs.
refused() {
	local name=$1 pattern=$2 file=${*: -1}
	shift 2
	expect 1 "$name: refused" stillpoint save "$@"
	has "$name: the message" "^stillpoint: save: .*$pattern" "$errors"
	is "$name: one line" 1 "$(wc -l <<<"$errors")"
	expect 0 "$name: no image" nothing_at "$file"
	expect 0 "$name: the guest runs" runs g1
}

runs() { is_running "$1" && answers "$1"; }

expect 0 'prepare the guest' prepare g1
start_timers g1

refused 'unknown domain' "'nosuch'" nosuch "$image"
refused 'unknown id' "'9999'" 9999 "$image"
refused 'dom0' "domain '0'" 0 "$image"
refused 'no such folder' 'No such file' g1 "$images/nosuch/g1"
refused 'a folder that cannot be written' 'cannot create' g1 /proc/g1
expect 1 'a folder in the place of the image' stillpoint save g1 "$images"
expect 2 'an unknown option' stillpoint save --nosuch g1 "$image"
expect 2 'an argument too few' stillpoint save g1
is 'the guest was never asked' 0 "$(counter g1 checkpoints)"

guest g1 rmmod stillpoint
refused 'no module' 'module' g1 "$image"
expect 0 'without the module, list is empty but for its head' stillpoint list
is 'list has one line' 1 "$(wc -l <<<"$output")"
guest g1 modprobe stillpoint
expect 0 'with the module again, save works' stillpoint save g1 "$image"
rm -f "$image"

xl pause g1
expect 1 'paused by somebody else: refused' stillpoint save g1 "$image"
has 'paused by somebody else: the message' 'paused' "$errors"
expect 0 'it stays paused' is_paused g1
xl unpause g1
expect 0 'it runs again' runs g1

cat >"$state/pvh.cfg" <<CFG
name = "pvh"
type = "pvh"
kernel = "/boot/guest-vmlinux"
memory = 128
CFG
if xl create -q -p "$state/pvh.cfg" >"$state/pvh.out" 2>&1; then
	expect 1 'an HVM or PVH guest: refused' stillpoint save pvh "$image"
	has 'an HVM or PVH guest: the message' 'HVM|PVH|module' "$errors"
	expect 0 'an HVM or PVH guest: no image' nothing_at "$image"
	xl destroy pvh
else
	skip 'an HVM or PVH guest' "this machine runs none: $(tail -n 1 "$state/pvh.out")"
fi

# Every vCPU is busy with what the module's worker may not interrupt; nor may a timer.
expect 0 'worker stuck: the timers end well before' stop_load g1
job g1 start hog hog --seconds 20
sleep 2
expect 1 'worker stuck: refused' \
	stillpoint save --track guest --park-timeout 2000 g1 "$image"
has 'worker stuck: the message' 'set of dirty pages.*park-timeout' "$errors"
expect 1 'worker stuck, --track none: refused' \
	stillpoint save --track none --park-timeout 2000 g1 "$image"
has 'worker stuck, --track none: the message' 'answer.*park-timeout' "$errors"
expect 0 'worker stuck: no image' nothing_at "$image"
expect 0 'worker stuck: the hog ends' job g1 wait hog
sleep 3
expect 0 'worker stuck: the guest runs' runs g1
is 'worker stuck: the late request came to nothing' 0 "$(counter g1 abandoned)"
start_timers g1
expect 0 'worker stuck: the next save works' stillpoint save g1 "$image"
rm -f "$image"

mkdir -p "$state/small"
mount -t tmpfs -o size=32M tmpfs "$state/small"
refused 'disk too small' 'MiB|space' g1 "$state/small/g1"
refused 'disk too small, --stop' 'MiB|space' --stop g1 "$state/small/g1"
echo precious >"$state/small/old"
expect 1 'disk too small, --force: refused' stillpoint save --force g1 "$state/small/old"
is 'disk too small, --force: the old file stays' precious "$(cat "$state/small/old")"
is 'disk too small: nothing is left behind' old "$(ls -A "$state/small")"
umount "$state/small"

# The image cannot be written to its end: half way the file may not grow any more.
for option in '' '--staging 0' --stop --pause; do
	this="no room half way${option:+, $option}"
	# shellcheck disable=SC2086
	expect 1 "$this: refused" prlimit --fsize=$((64 << 20)) \
		stillpoint save $option g1 "$image"
	has "$this: the message" 'cannot write .*too large' "$errors"
	expect 0 "$this: no image" nothing_at "$image"
	expect 0 "$this: the guest runs" runs g1
	expect 0 "$this: the timers go on" check_load g1
done

for command in "save g1 /tmp/g1" list "recover g1"; do
	# shellcheck disable=SC2086
	expect 1 "not root: $command" setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$(type -P stillpoint)" $command
	has "not root: $command: the message" 'root|ermission' "$errors"
done
expect 0 'not root: no image' nothing_at /tmp/g1

# One of two saves at once may be turned away; what either makes is whole.
stillpoint save g1 "$image.1" 2>"$state/err.1" &
first=$!
stillpoint save g1 "$image.2" 2>"$state/err.2"
second=$?
wait "$first"
first=$?
[ "$first" = 0 ] || [ "$second" = 0 ]
is 'two saves at once: one or both succeed' 0 $?
for n in 1 2; do
	if [ -e "$image.$n" ]; then
		expect 0 "two saves at once: image $n is whole" verify_stream "$image.$n"
	else
		has "two saves at once: the message of $n" 'another stillpoint' "$(cat "$state/err.$n")"
	fi
done
expect 0 'two saves at once: the guest runs' check_load g1
rm -f "$image".*

for signal in INT TERM HUP; do
	for after in 0.3 1; do
		this="SIG$signal after $after s"
		timeout --preserve-status -s "$signal" "$after" stillpoint save g1 "$image" \
			2>"$state/err.signal"
		status=$?
		if [ "$status" = 0 ]; then
			expect 0 "$this: it was done before" verify_stream "$image"
		else
			expect 0 "$this: no image" nothing_at "$image"
			# One that it met before it could catch it says nothing.
			[ "$status" -gt 128 ] && [ ! -s "$state/err.signal" ] ||
				has "$this: the message" 'signal' "$(cat "$state/err.signal")"
		fi
		rm -f "$image"
		expect 0 "$this: the guest runs" within 30 runs g1
		expect 0 "$this: the timers go on" check_load g1
	done
done

# What is no image, or not all of one. The guest is gone, so that only the
# image can be at fault.
expect 0 'make an image' stillpoint save --stop g1 "$image"
size=$(stat -c %s "$image")

# not_restored FILE: fails, says why, makes no domain.
not_restored() {
	local status
	stillpoint restore --name bad "$1" >"$state/out" 2>"$state/err"
	status=$?
	[ "$status" = 1 ] && grep -q '^stillpoint: restore: ' "$state/err" && is_gone bad && return 0
	echo "status $status: $(tail -n 2 "$state/err")"
	destroy bad
	return 1
}

# copy_of IMAGE: that shares its blocks, to be damaged.
copy_of() { cp --reflink=always "$image" "$image.bad"; }

# cut_short LENGTH
cut_short() {
	copy_of
	truncate -s "$1" "$image.bad"
	not_restored "$image.bad"
}

# flipped OFFSET: one bit, another at each offset.
flipped() {
	local byte
	copy_of
	byte=$(od -An -tu1 -j "$1" -N 1 "$image")
	printf '%b' "\\0$(printf %o $((byte ^ (1 << ($1 % 8)))))" |
		dd of="$image.bad" bs=1 seek="$1" conv=notrunc status=none
	not_restored "$image.bad"
}

# each FUNCTION NUMBER...: all must hold.
each() {
	local function=$1 n wrong=0
	shift
	for n; do
		"$function" "$n" || { echo "  at $n"; wrong=1; }
	done
	return "$wrong"
}

printf x >"$state/one"
: >"$state/none"
for file in /etc/passwd "$state/none" "$state/one" "$images" "$image.nosuch" /dev/zero; do
	expect 0 "not an image: $file" not_restored "$file"
done
expect 0 'cut short at the start' each cut_short 1 31 32 47 48 49 64 1000 4096 8192
expect 0 'cut short half way' each cut_short $((size / 4)) $((size / 2)) $((size * 3 / 4))
expect 0 'cut short at the end' each cut_short $((size - 4096)) $((size - 100)) \
	$((size - 41)) $((size - 40)) $((size - 39)) $((size - 8)) $((size - 1))
step=$(rounds 1 8)
mapfile -t head < <(seq 0 "$step" 47)
expect 0 'a flipped bit in each byte of the header' each flipped "${head[@]}"
mapfile -t tail < <(seq $((size - 40)) "$step" $((size - 1)))
expect 0 'a flipped bit in each byte of the trailer' each flipped "${tail[@]}"
mapfile -t places < <(for ((n = 0; n < $(rounds 12 4); n++)); do
	echo $((48 + (RANDOM << 15 | RANDOM) % (size - 48)))
done)
expect 0 "flipped bits anywhere: ${places[*]}" each flipped "${places[@]}"
cat "$image" "$state/one" >"$image.bad"
expect 0 'a byte too many' not_restored "$image.bad"
rm -f "$image.bad"
expect 0 'the image itself is restored' stillpoint restore "$image"
expect 0 'the guest works' guest_ok g1
expect 0 'the timers end well' stop_load g1
finish
