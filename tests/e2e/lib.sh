# SPDX-License-Identifier: GPL-2.0
# What the end-to-end scripts share. Sourced in dom0 with e2e/ in the working
# directory. A helper that finds something wrong prints it and returns nonzero,
# so that it can be the command of expect().
# shellcheck shell=bash

# shellcheck source-path=SCRIPTDIR source=cases.sh
. e2e/cases.sh

images=/guests/images
state=/run/e2e
dom0_address=10.77.0.1
ack_port=7700
stream_port=7800
# The scripts use what is set here, and set what is used here.
# shellcheck disable=SC2034
# What the script was started with: "quick" for few rounds, "full" for the most.
mode=${1:-normal}
mkdir -p "$images" "$state/acks"

# rounds NORMAL QUICK [FULL]: how many.
rounds() {
	case $mode in
	quick) echo "$2" ;;
	full) echo "${3:-$1}" ;;
	*) echo "$1" ;;
	esac
}

# ask GUEST COMMAND...: run a command in a guest, which may not answer.
ask() { ask_for 120 "$@"; }

# ask_for SECONDS GUEST COMMAND...: stderr by way of a file, because the shared
# connection keeps what it was given until the command in the guest ends, whatever
# became of "guest": $(... 2>&1) would wait for that.
ask_for() {
	local said=$state/ask.$BASHPID status
	timeout -k 10 "$1" guest "${@:2}" 2>"$said"
	status=$?
	[ ! -s "$said" ] || cat "$said" >&2
	rm -f "$said"
	if [ "$status" = 124 ] || [ "$status" = 137 ]; then
		echo "$2 did not answer within $1 s" >&2
		unanswered "$2" >&2
	fi
	return "$status"
}

# unanswered GUEST: say what it does; once, since it will not answer the next either.
unanswered() {
	local files
	files=$state/unanswered.$(timeout 10 xl domid "$1")
	! mkdir "$files" 2>/dev/null || report_within 60
}

# prepare GUEST: put the scripts of in-guest/ there.
prepare() {
	tar -C e2e/in-guest -cf - . | ask "$1" 'mkdir -p /run/jobs && tar -C /run/jobs -xf -'
}

# Nothing in a guest's /run may be executed itself.
job() { ask "$1" sh /run/jobs/job "${@:2}"; }

# counter GUEST NAME: what the module counts.
counter() { ask "$1" cat "/sys/hypervisor/stillpoint/$2"; }

# field NAME JSON: a field of the tool's --json.
field() { jq -r --arg name "$1" '.[$name]' <<<"$2"; }

has_ended() { ! kill -0 "$1" 2>/dev/null; }

# within SECONDS COMMAND...: repeat the command until it succeeds.
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] && ! is_late || return 1
		sleep 0.2
	done
}

# The state of a domain as xl list has it, such as "-b----"; "gone" if there is none.
domain_state() { xl list "$1" 2>/dev/null | awk 'NR == 2 { print $5; exit }' | grep . || echo gone; }
is_gone() { ! xl domid "$1" >/dev/null 2>&1; }
is_paused() { [[ $(domain_state "$1") == ??p* ]]; }
is_running() { ! is_gone "$1" && ! is_paused "$1"; }

# destroy GUEST: and wait until its backends are gone.
destroy() {
	local domid
	domid=$(xl domid "$1" 2>/dev/null) || return 0
	xl destroy "$domid"
	if ! within 60 is_gone "$1" || ! within 60 no_backend "$domid"; then
		echo "$1 does not go away"
		return 1
	fi
}

no_backend() {
	! xenstore-exists "/local/domain/0/backend/vbd/$1" &&
		! xenstore-exists "/local/domain/0/backend/vif/$1"
}

# answers GUEST: it runs commands.
answers() { timeout -k 10 110 guest "$1" true 2>/dev/null; }

has_module() { xenstore-exists "/local/domain/$(xl domid "$1")/data/stillpoint/abi-version"; }

# boot GUEST [MEMORY VCPUS]: from its disks as they are, and prepare it.
boot() {
	local config=/etc/xen/$1.cfg
	if [ $# -gt 1 ]; then
		sed -i "s/^memory = .*/memory = $2/; s/^vcpus = .*/vcpus = $3/" "$config"
	fi
	xl create -q "$config" || return 1
	if ! within 300 answers "$1" || ! within 60 has_module "$1"; then
		echo "$1 does not boot"
		return 1
	fi
	prepare "$1"
}

# verify_stream FILE: with the checker of Xen's own.
verify_stream() { verify-stream-v2 --format xl --in "$1"; }

# devices GUEST: what changes when a device reconnects.
devices() {
	local domid key
	domid=$(xl domid "$1")
	xenstore-ls -f "/local/domain/$domid/device" | sort
	for key in vbd vif; do
		xenstore-ls -f "/local/domain/0/backend/$key/$domid" | grep '/state = '
	done
	xenstore-ls -f "/local/domain/$domid/console" | sort
}

# no_device_reconnected GUEST DEVICES: compared with what devices() said before.
no_device_reconnected() { diff <(echo "$2") <(devices "$1"); }

no_task_frozen() {
	local log
	log=$(ask "$1" dmesg) && [ -n "$log" ] && ! grep -E 'Freezing|Restarting tasks' <<<"$log"
}

console_log_has() { grep -aq "$2" "/var/log/xen/console/guest-$1.log"; }

# clocks_agree BEFORE AFTER IN-GUEST...: the guest's clock, read between dom0's
# BEFORE and AFTER, is within a second. In nanoseconds.
clocks_agree() {
	local before=$1 after=$2 time
	for time in "${@:3}"; do
		if [ "$time" -lt $((before - 1000000000)) ] || [ "$time" -gt $((after + 1000000000)) ]; then
			echo "the wall clock: $time, dom0's $before to $after"
			return 1
		fi
	done
}

wall_clock() {
	local before in_guest
	before=$(date +%s%N)
	in_guest=$(ask "$1" date +%s%N) || return 1
	clocks_agree "$before" "$(date +%s%N)" "$in_guest"
}

# type_at DOMAIN LINE: at its console. A terminal that nobody reads blocks who writes.
type_at() {
	local terminal
	terminal=$(xenstore-read "/local/domain/$(xl domid "$1")/console/tty") &&
		timeout -k 5 20 sh -c 'printf "%s\r" "$2" >"$1"' sh "$terminal" "$2"
}

# guest_ok GUEST [DOMAIN]: all of it works. DOMAIN if it is named otherwise now.
guest_ok() {
	local guest=${2:-$1} token=$RANDOM$RANDOM wrong=0 before said times
	# A restored guest has its loads to begin with, and an emulated one takes long.
	within 200 answers "$guest" || { echo "it does not answer"; return 1; }
	type_at "$guest" "echo $token >/run/jobs/typed" || { echo "nothing can be typed"; wrong=1; }
	before=$(date +%s%N)
	# Under loads without a limit an emulated guest takes minutes for it.
	said=$(ask_for 300 "$guest" sh /run/jobs/works "$dom0_address" "$token" 2>&1) || wrong=1
	mapfile -t times < <(grep -xE '[0-9]{18,}' <<<"$said")
	clocks_agree "$before" "$(date +%s%N)" "${times[@]}" >/dev/null ||
		within 15 wall_clock "$guest" || wrong=1
	grep -vxE '[0-9]{18,}' <<<"$said"
	ping -q -c 1 -W 5 "10.77.0.1${1#g}" >/dev/null || { echo "no answer from the guest"; wrong=1; }
	within 30 console_log_has "$guest" "works: console $token" ||
		{ echo "what the guest wrote is not in the console's log"; wrong=1; }
	return "$wrong"
}

# acklog_start: from the tables in $state/acks. Guests find it again by themselves.
acklog_start() {
	acklog --port "$ack_port" --dir "$state/acks" >"$state/acklog.out" 2>&1 &
	acklog_pid=$!
}

acklog_stop() {
	kill "$acklog_pid"
	wait "$acklog_pid"
}

# start_disks GUEST DISK-RATE FILE-RATE: disk writers; 0 for as fast as can be.
start_disks() {
	local guest=$1 disk=() files=()
	[ "$2" = 0 ] || disk=(--rate "$2")
	[ "$3" = 0 ] || files=(--rate "$3")
	[ -n "${acklog_pid:-}" ] || acklog_start
	job "$guest" start disk diskload --path /data/disk --size-mib 16 --depth 32 "${disk[@]}" \
		--ack "$dom0_address:$ack_port" --name "$guest-disk" --state /run/jobs/disk.state
	job "$guest" start files fsyncer --dir /root/files "${files[@]}" \
		--ack "$dom0_address:$ack_port" --name "$guest-files" --state /run/jobs/files.state
	loads+=" disk files"
}

start_timers() {
	job "$1" start timers timers --bound-ms 15000 \
		--period-ms 20 --state /run/jobs/timers.state
	loads+=" timers"
}

# start_stream GUEST: with the other side in dom0.
start_stream() {
	tcpstream --listen "$stream_port" --rate-kib 64 --state "$state/stream" >"$state/stream.out" 2>&1 &
	stream_pid=$!
	job "$1" start stream tcpstream --connect "$dom0_address:$stream_port" --rate-kib 64 \
		--state /run/jobs/stream.state
	loads+=" stream"
}

# start_load GUEST: all of them, and wait until they run.
loads=
start_load() {
	loads=
	start_timers "$1"
	start_stream "$1"
	start_disks "$1" 50 5
	within 180 check_load "$1" >/dev/null 2>&1 || check_load "$1"
}

# check_load GUEST: every load goes on, every vCPU's timer among them, without an error.
check_load() {
	local load files=()
	for load in $loads; do
		files+=("/run/jobs/$load.state")
	done
	ask "$1" heartbeats --for-ms 30000 "${files[@]}" || return 1
	[[ $loads != *stream* ]] || heartbeats --for-ms 10000 "$state/stream"
}

# stop_load GUEST: ends the loads; each one's verdict must be good.
stop_load() {
	local wrong=0
	# shellcheck disable=SC2086
	job "$1" stop $loads || wrong=1
	if [[ $loads == *stream* ]]; then
		within 20 has_ended "$stream_pid" || kill "$stream_pid"
		wait "$stream_pid" || wrong=1
		cat "$state/stream.out"
	fi
	loads=
	return "$wrong"
}

# verify_acks GUEST: every acknowledged write is there. After stop_load.
verify_acks() {
	local tables=$state/acks wrong=0
	if [ ! -s "$tables/$1-disk" ] || [ ! -s "$tables/$1-files" ]; then
		echo "nothing was acknowledged"
		return 1
	fi
	ask "$1" diskload --path /data/disk --size-mib 16 --verify - <"$tables/$1-disk" || wrong=1
	ask "$1" fsyncer --dir /root/files --verify - <"$tables/$1-files" || wrong=1
	return "$wrong"
}

# keep GUEST TAG: what is to be restored more than once: the disks of a guest
# that is gone, and what it acknowledged until then.
keep() {
	# What the guest sent last may still be on its way to the tables.
	sleep 1
	acklog_stop && guest-disk snapshot "$1" "$2" || return 1
	rm -rf "$state/acks.$2"
	cp -r "$state/acks" "$state/acks.$2"
}

# go_back GUEST TAG [DOMAIN]: to that state; the guest's domain is destroyed.
go_back() {
	destroy "${3:-$1}" && guest-disk rollback "$1" "$2" || return 1
	! kill -0 "$acklog_pid" 2>/dev/null || acklog_stop
	rm -rf "$state/acks"
	cp -r "$state/acks.$2" "$state/acks"
	acklog_start
}

# restore_with TOOL FILE: the two ways that must do the same.
restore_with() {
	case $1 in
	xl) xl restore "$2" ;;
	stillpoint) stillpoint restore "$2" ;;
	esac
}

# nothing_at FILE: what a save that failed must leave.
nothing_at() { [ ! -e "$1" ] || { ls -l "$1"; return 1; }; }

# dirty_filled GUEST FILE MIB: dirty --fill of that size, with its state in FILE, has written
# all pages in their order, before which none comes back.
dirty_filled() {
	local beats
	beats=$(ask "$1" od -An -tu8 -j 32 -N 8 "$2") && [ "$beats" -gt $(($3 * 256)) ]
}

# dirty_ends GUEST: a working set of which much is swapped out; each page is looked at once more.
dirty_ends() { ask_for 900 "$1" sh /run/jobs/job stop dirty; }

# store_start [OPTION...]: the daemon that keeps guests' tmem, and wait until it serves. It
# finds again what one before it left.
store_start() {
	stillpoint tmem serve "$@" >>"$state/store.out" 2>&1 &
	store_pid=$!
	within 30 stillpoint tmem stats >/dev/null 2>&1 || { cat "$state/store.out"; return 1; }
}

# store_end SIGNAL: KILL leaves guests' pages as they are, as TERM does.
store_end() {
	local status
	kill "-$1" "$store_pid" || return 1
	wait "$store_pid" 2>/dev/null
	status=$?
	[ "$1:$status" = TERM:0 ] || [ "$1:$status" = KILL:137 ] ||
		{ echo "the store ended with $status"; return 1; }
}

# store_has GUEST FIELD: what 'tmem list' says of it.
store_has() {
	local said
	said=$(stillpoint tmem list --json) || return 1
	jq -r --arg field "$2" --argjson id "$(xl domid "$1")" \
		'.[] | select(.domid == $id and (.imported | not)) | .[$field]' <<<"$said"
}
