# SPDX-License-Identifier: GPL-2.0
# Ends a case that takes too long, after saying what the machine does. It is one
# subshell for a script, told by the script's shell when a case starts and when it
# is through, so that a case costs no fork. Sourced by cases.sh.
# shellcheck shell=bash

watchdog=
# When what goes on between two cases is looked at.
IDLE_SECONDS=${IDLE_SECONDS:-300}

# watch NAME FILES SECONDS: a case starts; FILES/late is made when its time is up.
# FILES/case says what runs in the background already: that is spared as long as it
# can be. Keeps fd 8, which a case's command should not have. Few bytes go there,
# since each is a system call to who reads it.
watch() {
	if [ -z "$watchdog" ] || ! kill -0 "$watchdog" 2>/dev/null; then
		exec 8> >(watch_cases $$ >&2)
		watchdog=$!
	fi
	{
		echo "$BASHPID ${1//$'\n'/ }"
		jobs -p
	} >"$2/case"
	echo "$3 $2" >&8
}

# watched: the case is through.
watched() { ! kill -0 "$watchdog" 2>/dev/null || echo >&8; }

# watch_cases SCRIPT: what the subshell does.
watch_cases() {
	local script=$1 limit files idle=$SECONDS
	while :; do
		told 5 || { no_case; continue; }
		[ -z "$files" ] || through_within "$limit" || case_is_late
		idle=$SECONDS
	done
}

# no_case: when there has been none for long, say what the machine does, once. It may
# be right, so nothing is ended.
no_case() {
	local files
	[ $((SECONDS - idle)) -ge "$IDLE_SECONDS" ] || return 0
	idle=$((SECONDS + 100000))
	files=$(mktemp -d)
	echo "    no case for $IDLE_SECONDS s:"
	report_within 60
	rm -r "$files"
}

# told SECONDS: read a line. Ends with the script, whoever else holds the pipe. The time may be up
# in the middle of a line, of which the shell reads each byte by itself.
begun=
told() {
	local status part
	IFS= read -r -t "$1" part
	status=$?
	begun+=$part
	if [ "$status" = 0 ]; then
		limit=${begun%% *}
		files=${begun#* }
		begun=
		return 0
	fi
	[ "$status" -gt 128 ] && kill -0 "$script" 2>/dev/null || exit 0
	return 1
}

# through_within SECONDS: is the case?
through_within() {
	local end=$((SECONDS + $1)) left limit files
	while left=$((end - SECONDS)) && [ "$left" -gt 0 ]; do
		! told $((left < 5 ? left : 5)) || return 0
	done
	return 1
}

# case_is_late: end what it runs; at last what was spared, and the shell itself,
# which may be blocked where nothing else ends it.
case_is_late() {
	local n signal=TERM shell name pid spared=" $BASHPID "
	: >"$files/late"
	{
		read -r shell name
		while read -r pid; do
			spared+="$pid "
		done
	} <"$files/case"
	echo "    '$name' is not through after $limit s:"
	report_within 60
	for ((n = 1; n <= 20; n++)); do
		[ "$n" != 11 ] || { signal=TERM; spared=" $BASHPID "; }
		# shellcheck disable=SC2046
		kill -"$signal" $(descendants "$shell" "$spared") 2>/dev/null
		! through_within 2 || return
		[ $((n % 10)) != 3 ] || signal=KILL
	done
	echo "not ok - $name: took longer than $limit s, and only the script's end ended it"
	kill -KILL "$shell"
	exit 1
}

# descendants PID SPARED: the processes below that one, but for those in a list of
# words, and all below those.
descendants() {
	ps -e -o pid=,ppid= | awk -v top="$1" -v spared="$2" '
		{ parent[$1] = $2 }
		END {
			for (each in parent) {
				p = each
				while (p in parent && p != top && !index(spared, " " p " "))
					p = parent[p]
				if (p == top && each != top)
					print each
			}
		}'
}

# report_within SECONDS: reading about what hangs may hang itself. May write in the
# folder $files.
report_within() {
	local report end=$((SECONDS + $1))
	report &
	report=$!
	while kill -0 "$report" 2>/dev/null && [ "$SECONDS" -lt "$end" ]; do
		sleep 0.5
	done
	# shellcheck disable=SC2046
	kill -KILL "$report" $(descendants "$report" '') 2>/dev/null
	wait "$report" 2>/dev/null
}

report() {
	{
		# But for the kernel's threads, which are among the stacks if they are stuck.
		shown ps fo pid,ppid,stat,wchan:24,time,args -p 2 --ppid 2 --deselect
		stacks
		! type -P xl >/dev/null || report_xen
	} 2>&1 | cut -c1-200 | sed -u 's/^/    /'
}

shown() {
	echo "--- $*"
	timeout -k 2 10 "$@" </dev/null
}

# stacks: where the processes are that wait without being interruptible.
stacks() {
	local pid state name
	ps -e -o pid=,stat=,comm= | while read -r pid state name; do
		[[ $state != D* ]] || { echo "--- $name"; shown cat "/proc/$pid/stack"; }
	done
}

report_xen() {
	local name id
	shown dmesg | tail -n 20
	shown xl list
	shown xl vcpu-list
	shown xl debug-keys qer
	shown xl dmesg | tail -n 150
	# A guest runs dom0's kernel, at the same addresses.
	grep -v '\[' /proc/kallsyms >"$files/symbols"
	shown xl list | awk 'NR > 2 && $2 > 0 { print $1, $2 }' | while read -r name id; do
		report_guest "$name" "$id"
	done
}

# report_guest NAME ID: what its vCPUs do; what its tasks do, by itself if it answers
# and by its kernel.
report_guest() {
	shown xenctx -C -s "$files/symbols" "$2"
	shown guest "$1" 'ps axfo pid,ppid,stat,wchan:24,time,args; dmesg | tail -n 20' 2>/dev/null
	shown xl sysrq "$2" 9
	sleep 1
	shown xl sysrq "$2" w
	sleep 2
	shown tail -n 40 "/var/log/xen/console/guest-$1.log"
}
