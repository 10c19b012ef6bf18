#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The tool is killed, with a signal that it cannot see, at each phase of a save
# and at many of its system calls. The guest runs on, by itself within its
# deadline or, where the tool had paused it, because the tool's keeper lets it; nothing
# stands under the image's name; and the next save works. It stays paused until "stillpoint
# recover" if the keeper is killed, too, and with --stop and --pause once there is an image. A
# guest that somebody else lets run meanwhile is left alone.
# lab: --vcpus 2 --memory 128
# everyday: quick
# minutes: 18
# shellcheck source-path=SCRIPTDIR/.. source=lib.sh
. e2e/lib.sh

image=$images/g1
phases=$state/phases
deadline_ms=2000

# killed SYSCALL N STRACE-OPTION... -- SAVE-OPTION...: a save that dies as it
# enters its Nth such call. strace dies of the same signal.
killed() {
	local call=$1 when=$2 filter=()
	shift 2
	while [ "$1" != -- ]; do
		filter+=("$1")
		shift
	done
	shift
	: >"$phases"
	strace -f -qq -o /dev/null "${filter[@]}" -e trace="$call" \
		-e inject="$call:signal=KILL:when=$when" \
		stillpoint save --verbose --max-rounds 2 --deadline "$deadline_ms" "$@" \
		g1 "$image" 2>>"$phases"
}

# runs_on: and nobody had to do anything for it. strace ended when the keeper did.
runs_on() {
	! is_paused g1 || { echo "it is paused"; stillpoint recover g1; return 1; }
	check_load g1
}

# A name is given to an image that is whole, or not at all.
nothing_or_whole() { [ ! -e "$image" ] || verify_stream "$image"; }

# judge NAME [COMMAND...]: what must hold after a kill; the command judges what
# has the image's name.
judge() {
	expect 0 "$1: the guest runs on" runs_on
	if [ $# -gt 1 ]; then
		expect 0 "$1: nothing that is not whole has the image's name" "${@:2}"
		rm -f "$image"
	else
		expect 0 "$1: nothing has the image's name" nothing_at "$image"
	fi
	expect 0 "$1: the next save works" stillpoint save g1 "$image.next"
	rm -f "$image.next"
}

expect 0 'prepare the guest' prepare g1
expect 0 'start the loads' start_load g1
before=$(devices g1)
# Rounds are as many each time, and so are the lines that are told.
expect 0 'list the phases of a save' stillpoint save --verbose --max-rounds 2 g1 "$image"
mapfile -t names < <(sed -n 's/^stillpoint: save: \(phase: \)*//p; /^renamed$/q' <<<"$errors")
[ "${#names[@]}" -ge 13 ]
is 'a save has its phases' 0 $?
for name in tracking 'round 1' harvested 'round 2' requesting parked; do
	has "a save has the phase '$name'" "^$name\$" "$(printf '%s\n' "${names[@]}")"
done
rm -f "$image"

for ((n = 1; n <= ${#names[@]}; n++)); do
	this="killed before '${names[n - 1]}'"
	expect 137 "$this" killed write "$n" -P "$phases" --
	case ${names[n - 1]} in
	renamed) judge "$this" verify_stream "$image" ;;
	*) judge "$this" ;;
	esac
done

# line_of PHASE: the number of the line that tells it.
line_of() { printf '%s\n' "${names[@]}" | grep -m 1 -nxF "$1" | cut -d : -f 1; }

# killed_held PHASE OPTION: with --stop or --pause, which say neither "flipped" nor "running" before.
killed_held() { killed write "$(($(line_of "$1") - 2))" -P "$phases" -- "$2"; }

# The guest stays paused while the image is written, and once that has its name.
for option in --stop --pause; do
	for name in $(rounds 'writing written synced' written); do
		this="killed before '$name' with $option"
		expect 137 "$this" killed_held "$name" "$option"
		judge "$this"
	done
	this="killed before 'renamed' with $option"
	expect 137 "$this" killed_held renamed "$option"
	expect 0 "$this: the image is whole" verify_stream "$image"
	expect 0 "$this: the guest does not run on from there" is_paused g1
	rm -f "$image"
	expect 0 "$this: recover" stillpoint recover g1
	judge "$this"
done

: >"$state/calls"
strace -f -qq -o "$state/calls" -e trace=ioctl stillpoint save --max-rounds 2 g1 "$image" ||
	not_ok 'count the system calls' "status $?"
rm -f "$image"
calls=$(grep -c 'ioctl(' "$state/calls")
points=$(rounds 12 3 40)
kills=0
echo "# $calls ioctls in a save"
last=0
for ((n = 1; n <= points; n++)); do
	when=$((calls * n / (points + 1)))
	[ "$when" -gt "$last" ] || continue
	last=$when
	this="killed at ioctl $when of $calls"
	# How many there are depends on how much there is to copy.
	killed ioctl "$when" --
	status=$?
	if [ "$status" = 0 ]; then
		echo "# $this: it was done before"
		rm -f "$image"
		continue
	fi
	is "$this" 137 "$status"
	kills=$((kills + 1))
	judge "$this" nothing_or_whole
done
has 'killed at some of them' '^[1-9]' "$kills"

# held SAVE-OPTION...: begin a save that stays where it copied all, for ten seconds; strace is $pid.
held() {
	local filter=(-P "$phases")
	: >"$phases"
	strace -f -qq -o /dev/null "${filter[@]}" -e trace=write \
		-e inject=write:delay_exit=10000000:when="$(line_of copied)" \
		stillpoint save --verbose --max-rounds 2 --deadline "$deadline_ms" "$@" \
		g1 "$image" 2>>"$phases" &
	pid=$!
	within 60 grep -q 'phase: copied' "$phases"
}

children() { ps --ppid "$1" -o pid=; }

all_killed() {
	local tool keeper
	held || return 1
	tool=$(children "$pid")
	# shellcheck disable=SC2086
	keeper=$(children $tool)
	# shellcheck disable=SC2086
	kill -KILL $keeper && kill -KILL $tool || return 1
	wait "$pid"
	is_paused g1
}
expect 0 'the tool and its keeper are killed' all_killed
expect 0 'list' stillpoint list
has 'list says what to do' 'stillpoint recover g1' "$errors"
expect 1 'the next save is refused' stillpoint save g1 "$image"
has 'its message says what to do' 'recover' "$errors"
expect 0 'recover' stillpoint recover g1
has 'it says what it did' 'runs on' "$output"
judge 'recovered'

# unpaused SAVE-OPTION...: a save whose guest somebody else unpauses when it was copied, and its
# deadline is over.
unpaused() {
	held "$@" || return 1
	sleep $((deadline_ms / 1000 + 1))
	is_paused g1 && xl unpause g1 || return 1
	wait "$pid"
	[ $? = 1 ] && tail -n 1 "$phases" | grep 'somebody unpaused the domain'
}
for option in '' --stop --pause; do
	# shellcheck disable=SC2086
	expect 0 "somebody unpauses the guest in a save${option:+ with $option}" unpaused $option
	expect 0 'it is left alone, and runs on' eval 'is_running g1 && check_load g1'
	expect 0 'nothing has the name of the image' nothing_at "$image"
done

expect 0 'recover on a guest that runs does nothing' stillpoint recover g1
xl pause g1
expect 0 'recover on a guest that somebody else paused' stillpoint recover g1
expect 0 'that guest is left paused' is_paused g1
xl unpause g1
expect 0 'no device reconnected' no_device_reconnected g1 "$before"
expect 0 'no task was frozen' no_task_frozen g1
expect 0 'the loads end well' stop_load g1
expect 0 'every acknowledged write is there' verify_acks g1
expect 0 'the guest works' guest_ok g1
finish
