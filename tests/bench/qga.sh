# SPDX-License-Identifier: GPL-2.0
# QEMU's guest agent for a guest of the lab, unpacked into a folder of the cache: nothing is
# installed, here or there.
# shellcheck shell=bash

qga_dir=${XDG_CACHE_HOME:-$HOME/.cache}/stillpoint-bench/qga
qga_packages=(qemu-guest-agent libglib2.0-0 libnuma1 liburing2 libffi8 libpcre2-8-0)

# qga_get: fill qga_dir, if it is not there.
qga_get() {
	local tmp=$qga_dir.tmp deb
	[ ! -d "$qga_dir" ] || return 0
	rm -rf "$tmp"
	mkdir -p "$tmp/debs"
	(cd "$tmp/debs" && apt-get -q -o APT::Sandbox::User=root download "${qga_packages[@]}") \
		>"$tmp/log" 2>&1 || { cat "$tmp/log" >&2; return 1; }
	for deb in "$tmp"/debs/*.deb; do
		dpkg -x "$deb" "$tmp" || return 1
	done
	rm -r "${tmp:?}/debs" "${tmp:?}/log" "${tmp:?}/usr/share"
	mv "$tmp" "$qga_dir"
}
