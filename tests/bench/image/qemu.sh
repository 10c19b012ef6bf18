# SPDX-License-Identifier: GPL-2.0
# A QEMU 10 of bookworm-backports beside the machine's own, for comparison: unpacked into
# a folder of the cache. Neither apt's configuration nor any package of the machine changes.
# shellcheck shell=bash

qemu_cache=${XDG_CACHE_HOME:-$HOME/.cache}/stillpoint-bench

# qemu_apt COMMAND...: an apt command on an index of our own, with the machine's packages.
qemu_apt() {
	local dir=$qemu_cache/apt command=$1
	shift
	"$command" -o Dir::Etc::SourceList="$dir/sources.list" \
		-o Dir::Etc::SourceParts=/dev/null -o Dir::Etc::Preferences=/dev/null \
		-o Dir::Etc::PreferencesParts=/dev/null -o Dir::State::Lists="$dir/lists" \
		-o Dir::Cache="$dir/cache" -o APT::Sandbox::User=root -q "$@"
}

qemu_index() {
	local dir=$qemu_cache/apt keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	local mirror suite
	mirror=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Identifier: Packages' |
		awk '$1 == "Debian" { print $2; exit }')
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	for suite in bookworm bookworm-backports; do
		echo "deb [signed-by=$keyring] ${mirror:-http://deb.debian.org/debian} $suite main"
	done >"$dir/sources.list"
	qemu_apt apt-get update >"$dir/log" 2>&1 || { cat "$dir/log" >&2; return 1; }
}

# qemu_needs: "package=version" of all that the machine lacks of it.
qemu_needs() {
	qemu_apt apt-get -s -t bookworm-backports install --no-install-recommends \
		qemu-system-x86 | sed -nE 's/^Inst ([^ ]+) (\[[^]]*\] )?\(([^ ]+) .*/\1=\3/p'
}

qemu_unpack() {
	local debs=$1/debs deb needs
	qemu_index || return 1
	mapfile -t needs < <(qemu_needs)
	[ ${#needs[@]} -gt 0 ] || return 1
	mkdir -p "$debs"
	(cd "$debs" && qemu_apt apt-get download "${needs[@]}") >"$1/log" 2>&1 ||
		{ cat "$1/log" >&2; return 1; }
	for deb in "$debs"/*.deb; do
		dpkg -x "$deb" "$1" || return 1
	done
	rm -r "$debs"
}

# qemu_command DIR: sets the array qemu to what runs the QEMU unpacked there.
qemu_command() {
	qemu=(env LD_LIBRARY_PATH="$1/usr/lib/x86_64-linux-gnu"
		"$1/usr/bin/qemu-system-x86_64" -L "$1/usr/share/qemu")
}

# qemu_find: the newest in the cache.
qemu_find() {
	mkdir -p "$qemu_cache"
	find "$qemu_cache" -maxdepth 1 -name 'qemu10-*' ! -name '*.tmp' | sort -V | tail -n 1
}

# qemu_install: sets qemu and qemu_version.
qemu_install() {
	local dir tmp=$qemu_cache/qemu10-new.tmp
	dir=$(qemu_find)
	if [ -z "$dir" ]; then
		echo "# unpacking QEMU of bookworm-backports into $qemu_cache" >&2
		rm -rf "$tmp"
		mkdir -p "$tmp"
		qemu_unpack "$tmp" || fail "cannot get QEMU 10 from bookworm-backports"
	fi
	qemu_command "${dir:-$tmp}"
	qemu_version=$("${qemu[@]}" --version | sed -nE '1s/.*version ([0-9.]+).*/\1/p')
	[[ $qemu_version == 10.* ]] || fail "this is QEMU '$qemu_version', not 10"
	[ -z "$dir" ] || return 0
	mv "$tmp" "$qemu_cache/qemu10-$qemu_version"
	qemu_command "$qemu_cache/qemu10-$qemu_version"
}
