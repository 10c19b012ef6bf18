# SPDX-License-Identifier: GPL-2.0
# One line for each case: "ok - NAME", "not ok - NAME: WHY", "skip - NAME: WHY".
# Sourced; finish() is the script's exit status.
# shellcheck shell=bash

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
# with any but 0 for "fail". What it writes is kept in $output and $errors, and
# shown if the case fails. Runs in this shell, so that "wait" can be the command.
output=
errors=
expect() {
	local want=$1 name=$2 got files
	shift 2
	files=$(mktemp -d)
	"$@" >"$files/out" 2>"$files/err"
	got=$?
	output=$(<"$files/out")
	errors=$(<"$files/err")
	rm -r "$files"
	if [ "$got" = "$want" ] || { [ "$want" = fail ] && [ "$got" != 0 ]; }; then
		ok "$name"
		return 0
	fi
	not_ok "$name" "status $got, $want was expected; $(printf '%s\n' "$output" "$errors" |
		grep . | tail -n 3)"
	printf '%s\n' "$output" "$errors" | sed '/^$/d; s/^/    /' >&2
	return 1
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
	printf '%d passed, %d failed, %d skipped in %d s\n' "$cases_passed" "$cases_failed" \
		"$cases_skipped" "$SECONDS"
	[ "$cases_failed" = 0 ] && [ "$cases_passed" -gt 0 ]
	exit
}
