# SPDX-License-Identifier: GPL-2.0
# The project's programs, built from the working tree in the build chroot and
# kept under a hash of the sources. Sourced by ../lab.
# shellcheck shell=bash disable=SC2034,SC2154

# tree_files: the tree's files, tracked or new, separated by NUL.
tree_files() {
	local file
	(
		cd "$tree" || exit
		if ! git -c safe.directory='*' ls-files -coz --exclude-standard 2>/dev/null; then
			find . -name .git -prune -o -path ./build -prune -o -type f \
				! -name '*.o' ! -name '*.ko' ! -name '*.mod*' \
				! -name '.*.cmd' -printf '%P\0'
		fi | while IFS= read -r -d '' file; do
			[ ! -f "$file" ] || printf '%s\0' "$file"
		done
	) | sort -zu
}

# tree_sources: those of tree_files that a build reads.
tree_sources() {
	tree_files | grep -zE '^tests/e2e/(progs|modules)/|^tests/.*\.mk$|^[^/]+$|^[^t.d][^/]*/|^dom0-tool/'
}

project_resolve() {
	local sources
	sources=$(cd "$tree" && tree_sources | xargs -0 sha256sum --)
	project_dir=$cache/project/$release-$(key "$chroot_dir" "$sources" -- \
		"$lab/host/project.sh")
}

# project_build: afterwards $project_dir has
#   build.log
#   stillpoint.ko   if the module could be built
#   dom0/           programs for dom0's PATH
#   guest/          files for the guests' root
project_build() {
	cached "$project_dir" locked "chroot-$release" make_project
	if [ -e "$project_dir/failed" ]; then
		say "does not build: $(paste -sd ';' "$project_dir/failed")"
		[ "$module" = 0 ] || {
			tail -n 40 "$project_dir/build.log" >&2
			rm -rf "$project_dir"
			die "the project does not build (--no-module goes on without what is missing)"
		}
	fi
	if [ -n "${STILLPOINT_LAB_BROKEN:-}" ]; then
		cached "$project_dir-broken" locked "chroot-$release" make_broken
		puts+=("$project_dir-broken/broken")
	fi
}

# make_broken DIR: in DIR/broken, the modules that miss pages on purpose (kernel/faults.h),
# and those of tests/e2e/modules, which show it.
make_broken() {
	local tmp=$1 src=$chroot_dir/src/$$ fault
	say "building broken modules for $release"
	rm -rf "$src"
	mkdir -p "$src" "$tmp/broken"
	tree_files | tar -C "$tree" --null -T - -cf - | tar -C "$src" -xf -
	for fault in tlb user grants tables moved; do
		build_in "$src" modules "KDIR=/lib/modules/$kver/build" "SP_BREAK=$fault" \
			>>"$tmp/build.log" 2>&1 || {
			tail -n 40 "$tmp/build.log" >&2
			die "the module broken by '$fault' does not build"
		}
		cp "$src/stillpoint.ko" "$tmp/broken/$fault.ko"
	done
	build_in "$src" -C "/lib/modules/$kver/build" "M=/src/$$/tests/e2e/modules" modules \
		>>"$tmp/build.log" 2>&1 || {
		tail -n 40 "$tmp/build.log" >&2
		die "a module of tests/e2e/modules does not build"
	}
	cp "$src"/tests/e2e/modules/*.ko "$tmp/broken"
	rm -rf "$src"
}

make_project() {
	local tmp=$1 src=$chroot_dir/src/$$ modules=$chroot_dir/usr/lib/modules/$kver
	local target
	say "building the project for $release"
	rm -rf "$src"
	mkdir -p "$src" "$tmp/dom0" "$tmp/guest/usr/local/bin"
	tree_files | tar -C "$tree" --null -T - -cf - | tar -C "$src" -xf -

	: >"$tmp/build.log"
	for target in modules tool agent; do
		build_in "$src" "$target" "KDIR=/lib/modules/$kver/build" \
			>>"$tmp/build.log" 2>&1 || echo "make $target" >>"$tmp/failed"
	done
	if [ -d "$src/tests/e2e/progs" ]; then
		build_in "$src" -C tests/e2e/progs "OUT=/src/$$/progs" \
			>>"$tmp/build.log" 2>&1 || echo "make -C tests/e2e/progs" >>"$tmp/failed"
	fi

	if [ -f "$src/build/stillpoint-agent" ]; then
		build_in "$src" install_agent "DESTDIR=/src/$$/agent" \
			>>"$tmp/build.log" 2>&1 || echo "make install_agent" >>"$tmp/failed"
		cp -a "$src/agent/." "$tmp/guest"
	fi
	[ ! -f "$src/build/stillpoint" ] || cp "$src/build/stillpoint" "$tmp/dom0"
	[ ! -d "$src/dom0-tool/hooks" ] || cp -r "$src/dom0-tool/hooks" "$tmp/dom0"
	if [ -d "$src/progs" ]; then
		find "$src/progs" -type f -perm -u+x \
			-exec cp -t "$tmp/dom0" {} + -exec cp -t "$tmp/guest/usr/local/bin" {} +
	fi
	mkdir -p "$tmp/guest/usr/lib/modules/$kver/updates" "$modules/updates"
	if [ -f "$src/stillpoint.ko" ]; then
		cp "$src/stillpoint.ko" "$tmp"
		cp "$src"/*.ko "$tmp/guest/usr/lib/modules/$kver/updates"
		cp "$src"/*.ko "$modules/updates"
		depmod -b "$chroot_dir" "$kver"
		cp "$modules"/modules.* "$tmp/guest/usr/lib/modules/$kver"
		rm "$modules"/updates/*.ko
	fi
	rm -rf "$src"
}

# build_in SRC MAKE-ARGUMENT...
build_in() {
	local src=$1
	shift
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
		chroot "$chroot_dir" make -C "/src/${src##*/}" -j"$(nproc)" "$@"
}
