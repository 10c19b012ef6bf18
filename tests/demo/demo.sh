#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The main job, shown in dom0: live checkpoints of a busy guest beside stock ones,
# and a restore. Run by tests/demo/run through the lab.
set -u

# shellcheck source-path=SCRIPTDIR/.. source=e2e/lib.sh
. e2e/lib.sh

rounds=${DEMO_ROUNDS:-3}

fail() {
	echo "demo: $*" >&2
	exit 1
}

# quiet COMMAND...: shows what it said only if it fails.
quiet() {
	"$@" >"$state/quiet" 2>&1 && return 0
	cat "$state/quiet"
	return 1
}

median() { sort -n | awk '{ v[NR] = $1 } END { print NR ? v[int((NR + 1) / 2)] : "nan" }'; }

# measure KIND COMMAND...: adds to the series of KIND, each in microseconds: what dom0
# saw, what a process in the guest saw, and how long the command took.
measure() {
	local kind=$1 poller start
	shift
	dompause "$(xl domid g1)" >"$state/pauses" &
	poller=$!
	job g1 start watch pausewatch --step-us 1000 --threshold-us 100000
	sleep 1
	start=$(date +%s%N)
	"$@" >"$state/$kind.log" 2>&1 || { cat "$state/$kind.log"; fail "$kind failed"; }
	echo $((($(date +%s%N) - start) / 1000)) >>"$state/$kind.total"
	within 300 answers g1 || fail "the guest does not answer after $kind"
	sleep 1
	kill "$poller"
	wait "$poller"
	sort -n "$state/pauses" | tail -n 1 >>"$state/$kind.dom0"
	job g1 stop watch >"$state/watch" || fail "the guest lost its watch"
	sed -nE 's/^pausewatch: longest-us ([0-9]+) .*/\1/p' "$state/watch" >>"$state/$kind.guest"
}

seconds() { awk -v us="$(median <"$1")" 'BEGIN { printf "%.3f s", us / 1e6 }'; }
mib() { echo "$(($(stat -c %s "$1") >> 20)) MiB"; }
frozen() { ask g1 dmesg | grep -c 'Freezing user space processes completed'; }

row() { printf '  %-46s %16s %16s\n' "$1" "$2" "$3"; }

echo "demo: a guest of $LAB_MEMORY MiB with $LAB_VCPUS vCPUs: timers, fsync and O_DIRECT writers, a TCP stream"
prepare g1
quiet start_load g1 || fail "the load does not run"

for ((i = 1; i <= rounds; i++)); do
	echo "demo: round $i of $rounds: stillpoint save"
	measure stillpoint stillpoint save --force g1 "$images/stillpoint.img"
	quiet check_load g1 || fail "the load was disturbed by a checkpoint"
done
tasks_frozen=$(frozen)
for ((i = 1; i <= rounds; i++)); do
	echo "demo: round $i of $rounds: xl save -c"
	measure xl xl save -c g1 "$images/xl.img"
done
xl_frozen=$(frozen)

echo 'demo: stillpoint save --stop, then stillpoint restore'
rm -f "$images/xl.img.old"
stillpoint save --stop --force g1 "$images/restore.img" || fail "save --stop failed"
is_gone g1 || fail "the guest is still there"
stillpoint restore "$images/restore.img" || fail "restore failed"
within 300 answers g1 || fail "the restored guest does not answer"
works=yes
quiet guest_ok g1 || works=no
# The stream's other side in dom0 saw its peer go; the disks and timers go on.
loads=${loads/ stream/}
quiet check_load g1 || works=no
quiet stop_load g1 || works=no
quiet verify_acks g1 || works=no

echo
row "median of $rounds" 'stillpoint save' 'xl save -c'
row 'pause, as dom0 measures it' "$(seconds "$state/stillpoint.dom0")" "$(seconds "$state/xl.dom0")"
row 'pause, as a process in the guest sees it' "$(seconds "$state/stillpoint.guest")" \
	"$(seconds "$state/xl.guest")"
row 'until the command returns (xl: without fsync)' "$(seconds "$state/stillpoint.total")" "$(seconds "$state/xl.total")"
row 'image' "$(mib "$images/stillpoint.img")" "$(mib "$images/xl.img")"
row 'times that tasks were frozen' "$tasks_frozen" "$((xl_frozen - tasks_frozen))"
echo
echo "  restored from an image of $(mib "$images/restore.img"), and works (timers, disks, network, console,"
echo "  clock, every acknowledged write): $works"
[ "$works" = yes ]
