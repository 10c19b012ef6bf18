#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# How long file systems take to freeze and thaw, by stillpoint and by QEMU's guest agent, and
# what it adds to a checkpoint: REPEAT. See run.
# shellcheck source-path=SCRIPTDIR source=common.sh
. bench/common.sh

repeat=$1
image=$images/bench

# In the guest: freezes, thaws, and tells the microseconds of both.
# shellcheck disable=SC2016
client='
use IO::Socket::UNIX;
use Time::HiRes qw(time);
my $agent = IO::Socket::UNIX->new(Peer => "/run/qga.sock") or die "no agent";
sub ask {
	my $start = time;
	print $agent "{\"execute\":\"guest-fsfreeze-$_[0]\"}\n";
	my $answer = <$agent>;
	my ($count) = $answer =~ /"return": *(\d+)/ or die $answer;
	push @said, int((time() - $start) * 1e6);
	return $count;
}
$frozen = ask("freeze");
ask("thaw");
print "@said $frozen\n";
'

# put_peer: nothing of it is installed.
# shellcheck disable=SC2016
put_peer() {
	tar -C qga -cf - . | ask g1 'mkdir -p /root/qga && tar -C /root/qga -xf -' &&
		ask g1 "cat >/run/client.pl" <<<"$client" &&
		ask g1 'cd /root/qga && {
			LD_LIBRARY_PATH=$PWD/usr/lib/x86_64-linux-gnu:$PWD/lib/x86_64-linux-gnu \
			setsid usr/sbin/qemu-ga -m unix-listen -p /run/qga.sock -t /run -f /run/qga.pid \
			</dev/null >/run/qga.log 2>&1 & }' &&
		within 30 ask g1 test -S /run/qga.sock
}

# peer: adds to the series of QEMU's agent.
peer() {
	local said
	said=$(ask g1 perl /run/client.pl) || fail "the peer does not freeze: $said"
	read -r freeze thaw frozen <<<"$said"
	echo "$freeze" >>"$state/peer.freeze"
	echo "$thaw" >>"$state/peer.thaw"
	echo "$frozen" >>"$state/peer.frozen"
}

ours() {
	local said
	said=$(stillpoint quiesce --json g1 -- true) || fail "no quiesce"
	field freeze_us "$said" >>"$state/ours.freeze"
	field thaw_us "$said" >>"$state/ours.thaw"
	field frozen "$said" >>"$state/ours.frozen"
}

# checkpoint SERIES OPTION...
checkpoint() {
	local said
	said=$(stillpoint save --force --json "${@:2}" g1 "$image") || fail "no checkpoint"
	field total_us "$said" >>"$state/$1.total"
	field pause_us "$said" >>"$state/$1.pause"
}

quiet prepare g1 || fail "no guest"
quiet ask g1 systemctl start stillpoint-agent || fail "no agent"
quiet put_peer || fail "no agent of QEMU's"
has_agent() { [ "$(stillpoint status --json g1 | jq .quiesce.agent)" = true ]; }
within 60 has_agent || fail "the agent does not come"
for load in idle busy; do
	[ "$load" = idle ] || quiet start_disks g1 20 5 || fail "no load"
	rm -f "$state"/{peer,ours,plain,quiesced}.*
	for ((n = 1; n <= repeat; n++)); do
		echo "# $load: $n of $repeat"
		ours
		peer
		checkpoint plain
		checkpoint quiesced --quiesce
	done
	for what in freeze thaw; do
		results+=("$(printf '%-6s %-16s %-22s %-22s %s' "$load" "$what" \
			"$(spread %.1f 1000 <"$state/ours.$what")" \
			"$(spread %.1f 1000 <"$state/peer.$what")" \
			"$(ratios "$state/ours.$what" "$state/peer.$what" | spread %.2f 1)")")
	done
	for what in total pause; do
		results+=("$(printf '%-6s %-16s %-22s %-22s %s' "$load" "save, $what" \
			"$(spread %.1f 1000 <"$state/quiesced.$what")" \
			"$(spread %.1f 1000 <"$state/plain.$what")" \
			"$(ratios "$state/quiesced.$what" "$state/plain.$what" | spread %.2f 1)")")
	done
	results+=("$(printf '%-6s file systems: %s by ours, %s by QEMU'"'"'s' "$load" \
		"$(spread %.0f 1 <"$state/ours.frozen")" "$(spread %.0f 1 <"$state/peer.frozen")")")
done
echo
echo "Xen $LAB_XEN, $LAB_MEMORY MiB; ms, median of $repeat (least to most)"
echo "freeze, thaw: stillpoint, QEMU's agent, ratio; save: with --quiesce, without, ratio"
printf '%s\n' "${results[@]}"
