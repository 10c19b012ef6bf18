# SPDX-License-Identifier: GPL-2.0
# Debian's kernel source, and a cache for what is made of it. Sourced by the
# commands that need them; their messages begin with the name of their folder.
# shellcheck shell=bash

# What this file sets is used by those who source it.
# shellcheck disable=SC2034
linux_source=/usr/src/linux-source-6.1.tar.xz
linux_package=linux-source-6.1
cache=${STILLPOINT_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/stillpoint-lab}

me=$(basename "$(dirname "$(realpath "$0")")")

say() { printf '%s: %s\n' "$me" "$*" >&2; }
die() { say "$*"; exit 1; }

# need THING=PACKAGE...: install the packages whose thing, a command or the
# absolute path of a file (a pattern may be), this machine lacks.
need() {
	local pair packages=()
	for pair; do
		case $pair in
		/*) compgen -G "${pair%%=*}" >/dev/null ;;
		*) command -v "${pair%%=*}" >/dev/null ;;
		esac || packages+=("${pair#*=}")
	done
	[ ${#packages[@]} -gt 0 ] || return 0
	[ "$(id -u)" = 0 ] || die "not root, so cannot install ${packages[*]}: install them first"
	say "installing ${packages[*]}"
	apt-get update -q >&2 || say "apt-get update failed; trying with the lists at hand"
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
		"${packages[@]}" >&2 || die "cannot install ${packages[*]}"
}

need_linux_source() {
	need "$linux_source=$linux_package" xz=xz-utils flock=util-linux
	linux_version=$(dpkg-query -W -f '${Version}' "$linux_package") ||
		die "$linux_source is not of Debian's $linux_package"
}

# lock NAME: hold NAME in the cache until this shell ends, on descriptor 9.
lock() {
	mkdir -p "$cache"
	exec 9>"$cache/.lock-$1"
	flock -n 9 || {
		say "waiting for another run that uses $cache/$1"
		flock 9
	}
}

# unpack DIR PATH...: those paths of the source, or all of it, into DIR, unless
# it is there. It gets its name when it is complete.
unpack() {
	local dir=$1 started=$SECONDS
	shift
	[ ! -d "$dir" ] || return 0
	rm -rf "$dir.tmp"
	mkdir -p "$dir.tmp"
	tar -xJf "$linux_source" -C "$dir.tmp" --strip-components=1 \
		"${@/#/$linux_package/}" || die "cannot unpack $linux_source"
	mv "$dir.tmp" "$dir"
	say "unpacked $linux_package $linux_version into $dir in $((SECONDS - started)) s"
}
