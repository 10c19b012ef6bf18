#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A guest swaps to dom0's store, of more pages than it has memory. It is saved while it does,
# destroyed, and the store is empty of it; then it is restored from the image, and every page
# of the working set must be as it was left, round after round, in each layout, also with the
# daemon killed in between. An image without a store, or with one that has no room, makes no
# domain. A guest that uses no tmem is saved as if there were none. A full run has 25 rounds,
# which take an hour; two of them at a time are fifty.
# lab: --vcpus 2 --memory 256
# everyday: quick
# minutes: 18
# long
# shellcheck source-path=SCRIPTDIR/.. source=lib.sh
. e2e/lib.sh

CASE_SECONDS=1000

image=$images/g1
side=$images/g1.tmem
sys=/sys/block/tmemswap0
rounds=$(rounds 2 1 25)
working_set=$(rounds 300 300 400)
# A domain may have half of the limit in the store by default.
room=(--limit $((3 * working_set)))

store_is_empty() {
	local pages
	pages=$(stillpoint tmem list --json | jq '[.[].persistent_pages] | add // 0')
	[ "$pages" = 0 ] || { stillpoint tmem list; return 1; }
}

no_domain() { is_gone g1 || { xl list; return 1; }; }

# swaps_on: the working set goes on, and pages come back from the store meanwhile.
swaps_on() {
	local before
	before=$(store_has g1 gets)
	ask_for 200 g1 heartbeats --for-ms 60000 /run/jobs/dirty.state || return 1
	within 60 gets_more_than "$before" || { echo "nothing is swapped in"; return 1; }
}

gets_more_than() { [ "$(store_has g1 gets)" -gt "$1" ]; }

# Nothing on its disks changes any more, so that any of its images fits them.
read_only() {
	ask g1 'umount /data; sync; echo u >/proc/sysrq-trigger; sleep 1; grep " / [^ ]* ro[ ,]" /proc/mounts'
}

# save NAME OPTION...: a live checkpoint under load; what it took is in $saved.
save() {
	local this=$1
	shift
	expect 0 "$this: a live checkpoint" stillpoint save --force --json "$@" g1 "$image" || return
	saved=$output
	has "$this: it has pages of tmem" '^[1-9][0-9]*$' "$(jq .tmem.persistent_pages <<<"$saved")"
	printf '# %s: pause %s us, of it hold %s and release %s us, %s pages in tmem, %s live, %s behind the park\n' \
		"$this" "$(jq .domain_pause_us <<<"$saved")" "$(jq .tmem.hold_us <<<"$saved")" \
		"$(jq .tmem.release_us <<<"$saved")" "$(jq .tmem.persistent_pages <<<"$saved")" \
		"$(jq .tmem.live_pages <<<"$saved")" "$(jq .tmem.rest_pages <<<"$saved")"
}

# restored NAME OPTION...: the guest and its pools are gone, and come back.
restored() {
	local this=$1
	shift
	expect 0 "$this: destroy the guest" destroy g1
	expect 0 "$this: the store is empty of it" within 30 store_is_empty
	expect 0 "$this: restore" stillpoint restore --paused "$@" "$image" || return
	is "$this: the store has what was saved" "$(jq .tmem.persistent_pages <<<"$saved")" \
		"$(store_has g1 persistent_pages)"
	is "$this: and so has the image" "$(jq .tmem.persistent_pages <<<"$saved")" \
		"$(stillpoint inspect --json "${inspected:-$image}" | jq .tmem.persistent_pages)"
	expect 0 "$this: let it run" xl unpause g1
	expect 0 "$this: the guest answers" within 120 answers g1
	expect 0 "$this: the working set goes on" swaps_on
}

expect 0 'prepare the guest' prepare g1
expect 0 'a guest without tmem, without a store' stillpoint save --layout packed --json g1 "$image"
is 'it has none in its image' null "$(jq .tmem <<<"$output")"
rm -f "$image"

expect 0 'start the store' store_start "${room[@]}"
expect 0 'a device for swap' ask g1 "echo 512M >$sys/disksize"
expect 0 'swap on it' ask g1 'mkswap /dev/tmemswap0 && swapon /dev/tmemswap0'
job g1 start dirty dirty --size "$working_set" --random --fill --state /run/jobs/dirty.state
expect 0 "a working set of $working_set MiB" \
	within 900 dirty_filled g1 /run/jobs/dirty.state "$working_set"
expect 0 'it is swapped in and out' swaps_on
expect 0 'its disks are read-only' read_only

layouts=(packed mapped)
for ((n = 1; n <= rounds; n++)); do
	layout=${layouts[n % 2]}
	save "$n, $layout" --layout "$layout"
	expect 0 "$n: the image is right" stillpoint verify "$image"
	expect 0 "$n: the guest went on" swaps_on
	if ((n % 2 == 0)); then
		expect 0 "$n: kill the daemon" store_end KILL
		expect 0 "$n: start another" store_start "${room[@]}"
		expect 0 "$n: the working set goes on with it" swaps_on
	fi
	restored "$n, $layout"
done

# xl's layout has no place for the pools.
expect 1 'xl: refused' stillpoint save --force g1 "$image.xl"
has 'xl: the message' 'tmem.*--tmem-file' "$errors"
expect 0 'xl: no file' nothing_at "$image.xl"
save 'xl with a side file' --tmem-file "$side"
expect 0 'the side file is right' stillpoint verify "$side"
expect 0 'the guest went on with it' swaps_on
expect 1 'restore without it: refused' stillpoint restore --name other "$image"
has 'restore without it: the message' 'side file' "$errors"
inspected=$side restored 'xl with a side file' --tmem-file "$side"

# What cannot be restored makes no domain.
save 'the last' --layout packed
expect 1 'convert to xl: refused' stillpoint convert --layout xl "$image" "$image.xl"
has 'convert to xl: the message' 'tmem' "$errors"
expect 1 'convert to xl with a side file that exists' \
	stillpoint convert --force --layout xl --tmem-file "$side" "$image" "$image.xl"
has 'convert to xl with a side file that exists: the message' 'side file of another' "$errors"
rm -f "$side"
expect 0 'convert to xl with a side file' \
	stillpoint convert --force --layout xl --tmem-file "$side" "$image" "$image.xl"
expect 0 'and back' stillpoint convert --layout mapped --tmem-file "$side" "$image.xl" "$image.map"
expect 0 'nothing was lost' stillpoint diff "$image" "$image.map"
rm -f "$image.xl" "$image.map"
[ "$mode" = quick ] || expect 0 'every page was as it was left, up to now' dirty_ends g1
expect 0 'destroy the guest' destroy g1
expect 0 'stop the daemon' store_end TERM
expect 1 'without a store: refused' stillpoint restore "$image"
has 'without a store: the message' 'tmem.*start' "$errors"
expect 0 'without a store: no domain' no_domain
expect 0 'start a small one' store_start --limit 8
expect 1 'in a store without room: refused' stillpoint restore "$image"
has 'in a store without room: the message' 'no room' "$errors"
expect 0 'in a store without room: no domain' no_domain
expect 0 'stop the small one' store_end TERM
expect 0 'start one with room' store_start "${room[@]}"
expect 0 'the last image is restored' stillpoint restore "$image"
expect 0 'its guest answers' within 120 answers g1
expect 0 'its working set goes on' swaps_on
expect 0 'every page was as it was left' dirty_ends g1
finish
