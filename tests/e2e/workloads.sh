# SPDX-License-Identifier: GPL-2.0
# The workloads: what changes a guest's memory in one way each, for the tests of
# live copying. Each runs until it is stopped, shows that it goes on by a file of
# heartbeats, and says at its end whether it found anything wrong. Sourced in the
# place of lib.sh.
# shellcheck shell=bash

# shellcheck source-path=SCRIPTDIR source=lib.sh
. e2e/lib.sh

receive_port=7900
# Many workloads take minutes to start and to end; so does a save beside them.
CASE_SECONDS=900

# By what they are about. Those of files work on ext4; "tmpfs-": in memory.
# shellcheck disable=SC2034
{
	memory_works=(dirty-slow dirty-fast dirty-random protect remap scatter unmap advise merge
		softdirty)
	file_works=(shared tmpfs-shared memfd private tmpfs-private pagecache tmpfs-pagecache writeback)
	disk_works=(direct disk files)
	task_works=(forks threads segments tls reads)
	kernel_works=(modules patches ftrace programs compact caches hotplug swap watches)
	outside_works=(receive balloon vcpus)
	# One of each kind: all of them at once take an emulated guest too long.
	together_works=(dirty-slow dirty-fast protect remap softdirty shared private pagecache direct
		files forks modules swap receive balloon)
	all_works=("${memory_works[@]}" "${file_works[@]}" "${disk_works[@]}" "${task_works[@]}"
		"${kernel_works[@]}" "${outside_works[@]}")
}

# What runs now: in the guest, in dom0.
works_in=()
works_out=()

# What the guest is to do, asked for in one go: each question costs a second.
work_script=

# work_in NAME COMMAND...: a job in the guest.
work_in() {
	works_in+=("$1")
	work_script+="rm -f /run/jobs/$1.state"$'\n'
	work_script+="sh /run/jobs/job start $1 sh /run/jobs/gated ${*:2} --state /run/jobs/$1.state"$'\n'
}

# work_round NAME PAUSE-MS: one of in-guest/churns, in a loop.
work_round() {
	works_in+=("$1")
	work_script+="rm -f /run/jobs/$1.state"$'\n'
	work_script+="sh /run/jobs/job start $1 sh /run/jobs/gated repeat --pause-ms $2 --state /run/jobs/$1.state"
	work_script+=" sh /run/jobs/churns $1"$'\n'
}

declare -A work_pid

# work_out NAME COMMAND...: a job in dom0.
work_out() {
	works_out+=("$1")
	"${@:2}" >"$state/$1.out" 2>&1 &
	work_pid[$1]=$!
}

# start_one GUEST NAME
start_one() {
	local churn=(churn --size-mib 2 --dir)
	case $2 in
	dirty-slow) work_in "$2" dirty --rate 2 --size 16 ;;
	dirty-fast) work_in "$2" dirty --rate 0 --size 8 ;;
	dirty-random) work_in "$2" dirty --rate 20 --size 16 --random ;;
	# In no list of works, but for who wants one of some rate and size, or more
	# than can be copied in a round.
	dirty=*=*) work_in "$2" dirty --rate "$(cut -d= -f2 <<<"$2")" --size "${2##*=}" ;;
	dirty-huge) work_in "$2" dirty --rate 0 --size 48 ;;
	dirty-random-fast) work_in "$2" dirty --rate 0 --size 48 --random ;;
	merge)
		work_script+='echo 1 >/sys/kernel/mm/ksm/run
			echo 20 >/sys/kernel/mm/ksm/sleep_millisecs
			echo 1000 >/sys/kernel/mm/ksm/pages_to_scan'$'\n'
		work_in "$2" "${churn[@]}" . "$2"
		;;
	protect | remap | scatter | unmap | advise | softdirty | memfd | forks | threads | segments | tls | reads)
		work_in "$2" "${churn[@]}" . "$2" ;;
	shared | private | pagecache | writeback | direct)
		work_in "$2" "${churn[@]}" /data "$2" ;;
	tmpfs-*) work_in "$2" "${churn[@]}" /dev/shm "${2#tmpfs-}" ;;
	disk) work_in "$2" diskload --path /data/disk --size-mib 16 --depth 8 ;;
	files) work_in "$2" fsyncer --dir /root/files ;;
	swap)
		# Its file is made before others fill the disk.
		work_script+='sh /run/jobs/confined 12 true || exit 1'$'\n'
		work_in "$2" sh /run/jobs/confined 12 dirty --rate 4 --size 24
		;;
	programs | watches) work_round "$2" 0 ;;
	modules | compact | hotplug) work_round "$2" 200 ;;
	patches | ftrace | caches) work_round "$2" 500 ;;
	receive)
		work_out "$2" tcpstream --listen "$receive_port" --rate-kib 1000000 \
			--state "$state/$2.state"
		work_in "$2" tcpstream --rate-kib 16 --connect "$dom0_address:$receive_port"
		;;
	balloon | vcpus)
		work_out "$2" repeat --state "$state/$2.state" sh e2e/outside "$1" "$2" ;;
	*)
		echo "there is no workload '$2'"
		return 1
		;;
	esac
}

# gate: the script, behind a gate: one that runs already would slow the start of the next.
gate() {
	echo 'rm -f /run/jobs/gate; mkfifo /run/jobs/gate || exit 1'
	echo "$work_script"
	echo '(exec 3<>/run/jobs/gate; sleep 30; rm /run/jobs/gate) >/dev/null 2>&1 </dev/null &'
}

# start_work GUEST NAME...: and wait until each goes on.
start_work() {
	local guest=$1 name
	shift
	work_script=
	for name; do
		start_one "$guest" "$name" || return 1
	done
	if [ -n "$work_script" ]; then
		ask_for 600 "$guest" "$(gate)" || return 1
	fi
	within 300 check_work "$guest" >/dev/null 2>&1 || check_work "$guest"
}

# check_work GUEST: every workload goes on, and none found anything wrong.
check_work() {
	local name files=() seconds=100
	# Those share two processors.
	[ ${#works_in[@]} -le 10 ] || seconds=500
	if [ ${#works_in[@]} -gt 0 ]; then
		for name in "${works_in[@]}"; do
			files+=("/run/jobs/$name.state")
		done
		ask_for $((seconds + 60)) "$1" heartbeats --for-ms "${seconds}000" "${files[@]}" || return 1
	fi
	[ ${#works_out[@]} -gt 0 ] || return 0
	files=()
	for name in "${works_out[@]}"; do
		files+=("$state/$name.state")
	done
	heartbeats --for-ms "${seconds}000" "${files[@]}"
}

# stop_work GUEST: ends them; each one's verdict must be good.
stop_work() {
	local name wrong=0
	ask_for 600 "$1" "[ -z '${works_in[*]}' ] || sh /run/jobs/job stop ${works_in[*]}
		status=\$?
		rm -rf /data/churn.* /dev/shm/churn.* /data/disk /root/files
		[ ! -e /sys/kernel/mm/ksm/run ] || echo 2 >/sys/kernel/mm/ksm/run
		! grep -q ^/data/swap /proc/swaps || { swapoff /data/swap; rm /data/swap; }
		exit \$status" || wrong=1
	for name in "${works_out[@]}"; do
		# The stream's other side ends it.
		[ "$name" = receive ] || kill "${work_pid[$name]}"
		within 60 has_ended "${work_pid[$name]}" || kill -9 "${work_pid[$name]}"
		wait "${work_pid[$name]}" || wrong=1
		cat "$state/$name.out"
	done
	works_in=()
	works_out=()
	return "$wrong"
}

# audit FILE GUEST IMAGE OPTION...: an audited save that missed nothing; what it says
# is in FILE. A guest whose balloon is at work while it is saved may be too large for
# an image; it was audited before that was known.
audit() {
	local said=$1 err=$1.err
	rm -f "$3"
	if ! stillpoint save --audit --json "${@:4}" "$2" "$3" >"$said" 2>"$err"; then
		cat "$err"
		grep -q 'gave [0-9]* pages back .*try again' "$err" || return 1
	fi
	jq -r 'select(.late > 0) | "# \(.late) pages were written after the copy"' "$said"
	# Most of the guest has data or is free; what has no frame is not looked at.
	jq -e '.missed == 0 and .audited + .audited_free > 10000' "$said" >/dev/null && return 0
	echo "it was not audited"
	return 1
}
