#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a user does first: look which guests can be saved, save one while it
# works, restore it by either tool, in every variant that the options offer;
# then the stock commands on a guest that has the module.
# lab: --vcpus 2 --memory 160
# minutes: 19
# shellcheck source-path=SCRIPTDIR/.. source=lib.sh
. e2e/lib.sh

image=$images/g1
id=$(xl domid g1)
expect 0 'prepare the guest' prepare g1
expect 0 'the guest works before anything' guest_ok g1

expect 0 'list' stillpoint list
has 'list names the guest' "^g1 +$id " "$output"
expect 0 'list --json' stillpoint list --json
is 'list --json names the guest' "$id" \
	"$(jq -r '.[] | select(.domain == "g1" and .abi == 1) | .domid' <<<"$output")"

expect 0 'start the loads' start_load g1
before=$(devices g1)
expect 0 'save by name' stillpoint save --json g1 "$image"
result=$output
for name in bytes pages pause_us domain_pause_us request_to_parked_us copy_us guest_park_us; do
	has "json: $name is a number" '^[1-9][0-9]*$' "$(field "$name" "$result")"
done
is 'json: bytes is the length of the file' "$(stat -c %s "$image")" "$(field bytes "$result")"
expect 0 'save by id' stillpoint save "$id" "$image.id"
is 'without --json, stdout is empty' '' "$output"
expect 0 'verify-stream-v2 accepts the image' verify_stream "$image"
expect 0 'the loads go on' check_load g1
expect 0 'no device reconnected' no_device_reconnected g1 "$before"
expect 0 'no task was frozen' no_task_frozen g1
is 'the module counted two checkpoints' 2 "$(counter g1 checkpoints)"
is 'the module counted nothing abandoned' 0 "$(counter g1 abandoned)"
is 'the module counted no restore' 0 "$(counter g1 restores)"
has 'the module measured the last park' '^[1-9][0-9]*$' "$(counter g1 last_park_us)"

sum=$(md5sum <"$image.id")
expect 1 'an existing file is refused' stillpoint save g1 "$image.id"
has 'the message names the file and --force' "$image.id.*--force" "$errors"
is 'the existing file is as it was' "$sum" "$(md5sum <"$image.id")"
is 'the guest was not even asked' 2 "$(counter g1 checkpoints)"
expect 0 '--force replaces it' stillpoint save --force g1 "$image.id"
[ "$sum" != "$(md5sum <"$image.id")" ]
is 'it is another image now' 0 $?

expect 0 'with little memory for the copy, the rest is written while parked' \
	stillpoint save --json --force --staging 8 g1 "$image.id"
[ "$(field staged_pages "$output")" -lt "$(field pages "$output")" ]
is 'json: not all was staged' 0 $?
expect 0 'verify-stream-v2 accepts that image too' verify_stream "$image.id"

expect 0 'save --pause' stillpoint save --pause g1 "$image.paused"
expect 0 'the guest is paused' is_paused g1
expect 0 'verify-stream-v2 accepts the image of --pause' verify_stream "$image.paused"
expect 0 'xl unpause lets it go' xl unpause g1
expect 0 'the loads go on after --pause' check_load g1
expect 0 'no device reconnected after --pause' no_device_reconnected g1 "$before"

expect 0 'save --stop' stillpoint save --stop --force g1 "$image"
expect 0 'the guest is gone' within 30 is_gone g1
expect 0 'keep the disks' keep g1 kept
acklog_start

# The first restore goes on where the guest was, its connections to dom0 included.
expect 0 'stillpoint restore' stillpoint restore "$image"
has 'it says name and id' '^g1 [0-9]+$' "$output"
expect 0 'the restored guest works' guest_ok g1
expect 0 'the loads go on, the TCP stream among them' check_load g1
expect 0 'verify-stream-v2 accepts the image of --stop' verify_stream "$image"
is 'the module counted the restore' 1 "$(counter g1 restores)"
expect 0 'a restored guest is listed again' within 30 has_module g1
expect 0 'a restored guest can be saved' stillpoint save g1 "$image.again"
expect 0 'verify-stream-v2 accepts its image' verify_stream "$image.again"
expect 0 'the loads end well' stop_load g1
expect 0 'every acknowledged write is there' verify_acks g1

loads=" timers disk files"
expect 0 'go back to the image' go_back g1 kept
expect 0 'xl restore' xl restore "$image"
expect 0 'the guest of xl restore works' guest_ok g1
expect 0 'its loads go on' check_load g1
expect 0 'its loads end well' stop_load g1
expect 0 'every acknowledged write is there after xl restore' verify_acks g1

expect 0 'go back to the image again' go_back g1 kept
expect 0 'stillpoint restore --paused' stillpoint restore --json --paused "$image"
is 'json: paused' true "$(field paused "$output")"
expect 0 'the domain is paused' is_paused g1
expect 1 'a second domain of that name is refused' stillpoint restore "$image"
has 'the message names the domain and --name' "'g1' exists.*--name" "$errors"
xl unpause g1
expect 0 'after xl unpause it works' guest_ok g1

expect 0 'go back to the image once more' go_back g1 kept
expect 0 'stillpoint restore --name' stillpoint restore --name copy "$image"
expect 0 'the copy works under its name' guest_ok g1 copy
expect 0 'there is no g1 beside it' is_gone g1
expect 0 'the copy can be saved' stillpoint save copy "$image.copy"
expect 0 'verify-stream-v2 accepts the image of the copy' verify_stream "$image.copy"

expect 0 'go back to the image a last time' go_back g1 kept copy
expect 0 'restore for the stock commands' stillpoint restore "$image"
# A stock suspend waits 20 s for every task, and some wait for disks that come back.
expect 0 'it answers' within 120 answers g1
expect 0 'stock xl save -c' xl save -c g1 "$image.stock"
expect 0 'the guest works after it' guest_ok g1
expect 0 'stillpoint save works after it' stillpoint save --force g1 "$image.again"
expect 0 'stock xl save' xl save g1 "$image.stock"
expect 0 'stock xl restore' xl restore "$image.stock"
expect 0 'the guest works after stock save and restore' guest_ok g1
expect 0 'the module publishes anew' within 60 has_module g1
expect 0 'stillpoint save works after stock save and restore' \
	stillpoint save --force g1 "$image.again"
expect 0 'verify-stream-v2 accepts that image' verify_stream "$image.again"
expect 0 'destroy the guest' destroy g1
expect 0 'its file systems are sound' guest-disk check g1
finish
