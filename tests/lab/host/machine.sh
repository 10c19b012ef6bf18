# SPDX-License-Identifier: GPL-2.0
# One run: its folder, its disks, QEMU, and how it ended. Sourced by ../lab.
# shellcheck shell=bash disable=SC2034,SC2154

kept_runs=10
# The seconds that ask_machine has.
asking=20
qemu=
watcher=
run_dir=

# machine_prepare SCRIPT [ARG...]: the run's folder, with all that QEMU needs.
# Without a SCRIPT, the payload says to start a shell.
machine_prepare() {
	local payload name=
	prune_runs
	mkdir -p "$cache/runs"
	run_dir=$(mktemp -d "$cache/runs/$(date +%Y%m%d-%H%M%S)-XXXXXX")
	echo $$ >"$run_dir/pid"
	trap machine_end EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP

	payload=$run_dir/payload/lab
	mkdir -p "$payload"/{sbin,put,script}
	cp "$lab/dom0/init" "$lab/dom0/shell" "$payload"
	cp "$lab/dom0/guest" "$lab/dom0/guest-disk" "$payload/sbin"
	cp -a "$project_dir/dom0/." "$payload/sbin"
	[ ! -f "$project_dir/stillpoint.ko" ] ||
		cp "$project_dir/stillpoint.ko" "$payload"
	ssh-keygen -q -t ed25519 -N '' -C lab -f "$payload/key"
	guest_files "$payload"
	for name in "${puts[@]}"; do
		cp -a -- "$name" "$payload/put/"
	done
	name=
	if [ $# -gt 0 ]; then
		name=/lab/script/$(basename -- "$1")
		cp -- "$1" "$run_dir/payload$name"
		chmod 0755 "$run_dir/payload$name"
		shift
	fi
	{
		printf 'LAB_%s=%q\n' RELEASE "$release" XEN "$xen" GUESTS "$guests" \
			MEMORY "$memory" VCPUS "$vcpus" MODULE "$module" SCRIPT "$name" \
			TERM "${TERM:-linux}" ROWS "$(tput lines 2>/dev/null || echo 24)" \
			COLUMNS "$(tput cols 2>/dev/null || echo 80)"
		printf 'LAB_ARGS=('
		[ $# -eq 0 ] || printf '%q ' "$@"
		echo ')'
	} >"$payload/conf"
	tar -C "$run_dir/payload" --owner=0 --group=0 -cf "$run_dir/payload.tar" lab
	rm -rf "$run_dir/payload"

	qemu-img create -q -f qcow2 -F raw -b "$dom0_dir/root.img" "$run_dir/root.qcow2"
	qemu-img create -q -f qcow2 -F qcow2 -b "$guest_dir/guests.qcow2" \
		"$run_dir/guests.qcow2"
	# QEMU splits -initrd at commas and spaces; the links' names have none.
	ln -s "$dom0_dir/xen" "$run_dir/xen"
	ln -s "$kernel_dir/vmlinux" "$run_dir/vmlinux"
	ln -s "$kernel_dir/initrd-dom0" "$run_dir/initrd"
	# What is written to serial.in arrives at the serial port.
	mkfifo "$run_dir/serial.in"
	: >"$run_dir/serial.log"
	ln -s serial.log "$run_dir/serial.out"
	: >"$run_dir/status"
}

# guest_files PAYLOAD: guest.tar, what dom0 unpacks over the guests' root.
guest_files() {
	local files=$run_dir/guest
	cp -a "$project_dir/guest" "$files"
	mkdir -p "$files/root/.ssh" "$files/etc/modules-load.d"
	chmod 0700 "$files/root" "$files/root/.ssh"
	cp "$1/key.pub" "$files/root/.ssh/authorized_keys"
	[ "$module" = 0 ] || echo stillpoint >"$files/etc/modules-load.d/stillpoint.conf"
	tar -C "$files" --owner=0 --group=0 -cf "$1/guest.tar" .
	rm -rf "$files"
}

# machine_options: set qemu_options. The caller adds what the console and the
# output are connected to.
machine_options() {
	local total=$((dom0_memory + (2 * guests + 2) * memory + 512))
	local xen_args="console=com1 com1=115200,8n1 dom0_mem=${dom0_memory}M,max:${dom0_memory}M
		dom0_max_vcpus=$dom0_vcpus bootscrub=0 spec-ctrl=no loglvl=info guest_loglvl=info"
	local dom0_args='root=/dev/vda payload=/dev/vdc init=/lab/init console=hvc0 quiet panic=5 net.ifnames=0 mitigations=off'
	# One thread for all processors: they wait for each other so often (every
	# page-table update of a PV domain ends in a TLB flush) that two threads are
	# slower than one, and many times so when the host has other work.
	# With rdrand, because without it nothing in dom0 or a guest that needs
	# random numbers goes on before a minute of interrupts has gathered them.
	# shellcheck disable=SC2054 # the commas are QEMU's
	qemu_options=(-name "stillpoint-lab" -machine pc
		-accel tcg,thread=single -cpu qemu64,+svm,+npt,+nrip-save,+rdrand
		-smp "$((dom0_vcpus > 2 ? dom0_vcpus : 2))" -m "$total"
		-display none -nodefaults -no-reboot -rtc base=utc
		-chardev pipe,id=serial,path=serial -serial chardev:serial
		-kernel xen -append "$(tr -s ' \n\t' ' ' <<<"$xen_args")"
		-initrd "vmlinux $dom0_args,initrd"
		-drive file=root.qcow2,if=virtio,cache=unsafe
		-drive file=guests.qcow2,if=virtio,cache=unsafe,discard=unmap
		-drive file=payload.tar,if=virtio,format=raw,readonly=on
		-device virtio-serial-pci
		-chardev file,id=status,path=status
		-device virtserialport,chardev=status,name=lab.status
		-chardev file,id=logs,path=logs.tar
		-device virtserialport,chardev=logs,name=lab.logs)
}

# machine_turn: wait until fewer machines run than there are cores. An emulated
# machine keeps one busy, and with more of them each one's time runs out. Who
# came first is first. The turn ends with this process.
machine_turn() {
	local turns turn fd queue told=
	turns=$(nproc)
	exec {queue}>"$cache/.queue"
	flock -n "$queue" || {
		say "waiting for other labs' machines to end"
		told=1
		flock "$queue"
	}
	while :; do
		for ((turn = 1; turn <= turns; turn++)); do
			exec {fd}>"$cache/.turn-$turn"
			if flock -n "$fd"; then
				exec {queue}>&-
				return
			fi
			exec {fd}>&-
		done
		[ -n "$told" ] || say "waiting for other labs' machines to end"
		told=1
		sleep 1
	done
}

# machine_run: boot, and copy the script's output to stdout as it comes. Sets
# $status to what lab is to exit with.
machine_run() {
	local output rc=0
	machine_options
	machine_turn
	mkfifo "$run_dir/output.pipe"
	tee "$run_dir/output" <"$run_dir/output.pipe" &
	output=$!
	(
		cd "$run_dir" || exit
		exec timeout -k 5 "$((timeout + asking))" qemu-system-x86_64 "${qemu_options[@]}" \
			-chardev file,id=output,path=output.pipe \
			-device virtserialport,chardev=output,name=lab.output \
			</dev/null 2>qemu.log
	) &
	qemu=$!
	watch_machine &
	watcher=$!
	wait "$qemu" || rc=$?
	qemu=
	wait "$output" || true
	machine_status "$rc"
}

# watch_machine: say when the script starts; when the time is up, have the machine
# say what it does. QEMU has a little longer for that.
watch_machine() {
	local started=$SECONDS ready=
	trap - EXIT INT TERM HUP
	while [ $((SECONDS - started)) -lt "$timeout" ]; do
		[ -n "$ready" ] || ! grep -q . "$run_dir/status" || {
			ready=1
			! grep -q '^ready' "$run_dir/status" ||
				say "the script starts, $((SECONDS - started)) s after power on"
		}
		sleep 0.5 >/dev/null 2>&1
	done
	wc -l <"$run_dir/serial.log" >"$run_dir/asked"
	ask_machine
}

# ask_machine: dom0's kernel for its tasks and processors, by sysrq, which ^O is at
# its console; then Xen, whose debug keys come after ^A three times.
ask_machine() {
	local key
	for key in 9 m l w; do
		serial $'\x0f'"$key"
		sleep 1
	done
	serial $'\x01\x01\x01'
	for key in r q e d 0; do
		serial "$key"
		sleep 1
	done
}

# serial TEXT: type it. Opened for reading too, so as not to wait for QEMU.
serial() { printf '%s' "$1" 1<>"$run_dir/serial.in"; }

# machine_shell: boot with the terminal connected to a shell in dom0.
machine_shell() {
	local rc=0
	machine_options
	machine_turn
	say "booting; the shell comes when the guests are up, and its end is the machine's"
	(
		cd "$run_dir" || exit
		exec qemu-system-x86_64 "${qemu_options[@]}" \
			-chardev stdio,id=console,signal=off \
			-device virtserialport,chardev=console,name=lab.console 2>qemu.log
	) || rc=$?
	machine_status "$rc"
}

# machine_status QEMU-STATUS: read from the status port how the run ended.
machine_status() {
	local line
	line=$(tail -n 1 "$run_dir/status")
	case $line in
	"exit "*)
		status=${line#exit }
		return
		;;
	"failed "*)
		say "${line#failed }"
		;;
	*)
		if [ "$1" = 124 ] || [ "$1" = 137 ]; then
			say "time is up after $timeout s"
			status=$LAB_TIMEOUT
		else
			say "the machine ended early (QEMU: $1)"
			cat "$run_dir/qemu.log" >&2
		fi
		;;
	esac
	show_serial
}

# show_serial: the end of the log; all that the machine said when it was asked.
show_serial() {
	local from=-40
	[ ! -s "$run_dir/asked" ] || from=+$(($(<"$run_dir/asked") - 10))
	say "the end of $run_dir/serial.log:"
	tail -n "$from" "$run_dir/serial.log" | tr -d '\r' | head -n 500 >&2
}

# machine_end: no process and no disk stays behind.
machine_end() {
	local rc=$?
	trap - EXIT INT TERM HUP
	[ -z "$watcher" ] || kill "$watcher" 2>/dev/null || true
	if [ -n "$qemu" ]; then
		kill "$qemu" 2>/dev/null || true
		wait "$qemu" 2>/dev/null || true
	fi
	rm -f "$run_dir"/{*.qcow2,payload.tar,output.pipe,serial.in,serial.out,asked,xen,vmlinux,initrd,pid}
	rm -rf "$run_dir/payload" "$run_dir/guest"
	if [ -s "$run_dir/logs.tar" ]; then
		tar -C "$run_dir" -xf "$run_dir/logs.tar" 2>/dev/null || true
	fi
	rm -f "$run_dir/logs.tar"
	[ "$rc" = 0 ] || say "logs are in $run_dir"
	exit "$rc"
}

# prune_runs: keep the last few runs, and those that are under way.
prune_runs() {
	local dir
	[ -d "$cache/runs" ] || return 0
	find "$cache/runs" -mindepth 1 -maxdepth 1 -type d | sort -r |
		tail -n +"$kept_runs" | while read -r dir; do
			if [ -f "$dir/pid" ] && kill -0 "$(cat "$dir/pid")" 2>/dev/null; then
				continue
			fi
			rm -rf "$dir"
		done
}
