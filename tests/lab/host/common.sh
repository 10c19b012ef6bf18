# SPDX-License-Identifier: GPL-2.0
# Messages, locks and the cache of the lab. Sourced by ../lab.
# shellcheck shell=bash disable=SC2034,SC2154

LAB_FAILED=125		# the lab itself failed
LAB_SKIPPED=77		# what was asked for cannot be had here
LAB_TIMEOUT=124		# the machine ran longer than --timeout

cache=${STILLPOINT_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/stillpoint-lab}

say() { printf 'lab: %s\n' "$*" >&2; }
die() { say "$*"; exit "$LAB_FAILED"; }
skip() { say "skipped: $*"; exit "$LAB_SKIPPED"; }

# key WORD... [-- FILE...]: a hash of the words and of the files' contents.
key() {
	local words=()
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	{
		printf '%s\n' "${words[@]}"
		[ $# -eq 0 ] || cat -- "$@"
	} | sha256sum | cut -c1-16
}

# package_list NAME: the words of packages/NAME.
package_list() { sed 's/#.*//' "$lab/packages/$1"; }

# locked NAME COMMAND...: run the command while no other lab holds NAME.
locked() {
	local name=$1 fd
	shift
	mkdir -p "$cache"
	exec {fd}>"$cache/.lock-$name"
	if ! flock -n "$fd"; then
		say "waiting for another lab that makes $name"
		flock "$fd"
	fi
	"$@"
	exec {fd}>&-
}

# cached DIR COMMAND...: make the folder DIR of the cache with "COMMAND... TMP",
# unless it is there. It gets its name when it is complete.
cached() {
	[ -d "$1" ] || locked "$(basename "$1")" make_cached "$@"
}

make_cached() {
	local dir=$1 tmp=$1.tmp started=$SECONDS
	shift
	[ ! -d "$dir" ] || return 0
	rm -rf "$tmp"
	mkdir -p "$tmp"
	"$@" "$tmp"
	mv "$tmp" "$dir"
	say "made $dir in $((SECONDS - started)) s"
}

# drop_unused DIR...: mark these folders of the cache as used now, and remove
# those that nothing has used for two weeks. A folder that is being made has any mtime: its
# packages bring one of their own.
drop_unused() {
	touch "$@"
	find "$cache"/{kernel,chroot,dom0,guest,project} -mindepth 1 -maxdepth 1 \
		-type d -ctime +14 -exec rm -rf {} +
}

# need_tools: install what the host lacks of the lab's tools.
need_tools() {
	local tool missing=()
	local -A package=(
		[qemu-system-x86_64]=qemu-system-x86 [qemu-img]=qemu-utils
		[mmdebstrap]=mmdebstrap [mke2fs]=e2fsprogs
		[mkfs.xfs]=xfsprogs [cpio]=cpio [depmod]=kmod [xz]=xz-utils
		[ssh-keygen]=openssh-client [git]=git)
	[ "$(id -u)" = 0 ] || die "must be run as root (chroot, device nodes)"
	for tool in "${!package[@]}"; do
		command -v "$tool" >/dev/null || missing+=("${package[$tool]}")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	say "installing ${missing[*]}"
	apt-get update -q >&2 ||
		say "apt-get update failed; trying with the lists at hand"
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
		--no-install-recommends "${missing[@]}" >&2 ||
		die "cannot install ${missing[*]}"
}
