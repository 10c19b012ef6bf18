# SPDX-License-Identifier: GPL-2.0
# One line for each case: "ok - NAME", "not ok - NAME: WHY", "skip - NAME: WHY".
# Sourced; finish() is the script's exit status.
# shellcheck shell=bash

# shellcheck source-path=SCRIPTDIR source=watchdog.sh
. "${BASH_SOURCE[0]%/*}/watchdog.sh"

# How long a case may take; a script with longer ones sets it.
CASE_SECONDS=${CASE_SECONDS:-300}
cases_passed=0
cases_failed=0
cases_skipped=0

ok() {
	cases_passed=$((cases_passed + 1))
	printf 'ok - %s\n' "$1"
}

not_ok() {
	cases_failed=$((cases_failed + 1))
	printf 'not ok - %s: %s\n' "$1" "${2//$'\n'/ | }"
}

skip() {
	cases_skipped=$((cases_skipped + 1))
	printf 'skip - %s: %s\n' "$1" "$2"
}

# expect STATUS NAME COMMAND...: a case that the command exits with STATUS, or
# with 1 to 123 for "fail": what is not there, hangs or is killed did not fail. What
# it writes is kept in $output and $errors, and shown if the case fails, as one does that is
# not through after CASE_SECONDS: see watchdog.sh. Runs in this shell, so that "wait" can be
# the command.
output=
errors=
case_files=
expect() {
	local want=$1 name=$2 got why limit=$CASE_SECONDS started
	shift 2
	case_files=$(mktemp -d)
	watch "$name" "$case_files" "$limit"
	started=${EPOCHREALTIME/[.,]/}
	"$@" >"$case_files/out" 2>"$case_files/err" 8>&-
	got=$?
	took "$started" "$name"
	watched
	output=$(<"$case_files/out")
	errors=$(<"$case_files/err")
	why="status $got, $want was expected"
	! is_late || { got=late; why="took longer than $limit s"; }
	rm -r "$case_files"
	case_files=
	if [ "$got" = "$want" ] || { [ "$want" = fail ] && [[ $got =~ ^[0-9]+$ ]] &&
		[ "$got" -ge 1 ] && [ "$got" -le 123 ]; }; then
		ok "$name"
		return 0
	fi
	not_ok "$name" "$why; $(printf '%s\n' "$output" "$errors" | grep . | tail -n 3)"
	printf '%s\n' "$output" "$errors" | sed '/^$/d; s/^/    /' >&2
	return 1
}

# is_late: the case's time is up, for a function that would go on for long.
is_late() { [ -e "$case_files/late" ]; }

# took START NAME: keep the names of the cases that took longest, and for how long.
slowest=()
slowest_us=(0 0 0 0 0)
took() {
	local us=$((${EPOCHREALTIME/[.,]/} - $1)) n
	[ "$us" -gt "${slowest_us[4]}" ] || return 0
	for ((n = 4; n > 0 && us > slowest_us[n - 1]; n--)); do
		slowest_us[n]=${slowest_us[n - 1]}
		slowest[n]=${slowest[n - 1]:-}
	done
	slowest_us[n]=$us
	slowest[n]=$2
}

# is NAME WANT GOT: a case that two words are the same.
is() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "'$3', '$2' was expected"
		return 1
	fi
}

# has NAME PATTERN TEXT: a case that the text matches an extended regular expression.
has() {
	if grep -qE -- "$2" <<<"$3"; then
		ok "$1"
	else
		not_ok "$1" "no '$2' in: $(tail -n 3 <<<"$3")"
		return 1
	fi
}

finish() {
	local n
	for ((n = 0; n < 5 && slowest_us[n] >= 1000000; n++)); do
		printf '# slowest: %d s %s\n' $((slowest_us[n] / 1000000)) "${slowest[n]}"
	done
	printf '%d passed, %d failed, %d skipped in %d s\n' "$cases_passed" "$cases_failed" \
		"$cases_skipped" "$SECONDS"
	[ "$cases_failed" = 0 ] && [ "$cases_passed" -gt 0 ]
	exit
}
