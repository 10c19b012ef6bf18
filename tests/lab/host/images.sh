# SPDX-License-Identifier: GPL-2.0
# What the lab boots: kernel, roots, and the chroot that builds the project.
# Every folder's name ends in a hash of what it is made of. Sourced by ../lab.
# shellcheck shell=bash disable=SC2034,SC2154

# Modules that no machine of the lab has hardware for.
trimmed_modules='sound drivers/gpu drivers/media drivers/infiniband drivers/iio
	drivers/staging drivers/usb drivers/scsi drivers/hid drivers/input
	drivers/hwmon drivers/ata drivers/mmc drivers/mtd drivers/nvme
	drivers/net/wireless drivers/net/ethernet drivers/net/usb drivers/net/can
	drivers/net/wwan drivers/net/phy drivers/isdn drivers/bluetooth
	drivers/leds drivers/power drivers/platform drivers/firewire
	drivers/thunderbolt drivers/accel drivers/comedi drivers/memstick
	net/wireless net/mac80211 net/bluetooth net/nfc net/can net/batman-adv
	fs/ocfs2 fs/ceph fs/smb fs/cifs fs/nfsd fs/gfs2 fs/jfs fs/reiserfs'
dom0_initrd_modules='virtio_pci virtio_blk crc32c_generic ext4 xfs'
guest_initrd_modules='xen-blkfront xen-netfront crc32c_generic ext4'
guest_root_size=1536M
guest_data_size=256M
guests_disk_size=60G

# images_resolve: set the folders' names. Needs archive_resolve.
images_resolve() {
	local host=$lab/host kernel_key
	kernel_key=$(key "$release" "$kernel_version" -- "$host/images.sh" \
		"$host/initrd-init")
	kernel_dir=$cache/kernel/$release-$kernel_key
	chroot_dir=$cache/chroot/$release-$(key "$kernel_key" -- "$lab/packages/build")
	dom0_dir=$cache/dom0/$release-$xen-$(key "$kernel_key" "$xen_version" \
		-- "$lab/packages/dom0")
	guest_dir=$cache/guest/$release-$(key "$kernel_key" -- \
		"$lab/packages/guest" "$lab"/guest/*)
}

images_build() {
	cached "$kernel_dir" make_kernel
	cached "$chroot_dir" make_chroot
	cached "$dom0_dir" make_dom0
	cached "$guest_dir" make_guest
}

# debian_root DIR PACKAGES [MMDEBSTRAP OPTION...]
debian_root() {
	local dir=$1 packages=$2 options=() option
	shift 2
	# The machine's own settings for its mirrors hold in here too.
	while read -r option; do
		options+=(--aptopt="$option")
	done < <(apt-config dump | grep -E \
		'^Acquire::(Check-|https?::|Retries)[^ ]* "[^"]+";' || true)
	archive_sources "$release" |
		mmdebstrap --quiet --mode=root --variant=apt --skip=cleanup/apt/lists \
			--keyring="$keyring" --architectures=amd64 \
			--dpkgopt='path-exclude=/usr/share/man/*' \
			--dpkgopt='path-exclude=/usr/share/locale/*' \
			--dpkgopt='path-exclude=/usr/share/doc/*' \
			--dpkgopt=force-unsafe-io \
			--aptopt='Apt::Install-Recommends "false"' \
			"${options[@]}" --include="$(tr -s ' \n\t' ',' <<<"$packages" |
				sed 's/^,//; s/,$//')" \
			"$@" "$release" "$dir" - >&2
}

make_kernel() {
	local tmp=$1 modules=$1/modules/usr/lib/modules/$kver dir busybox
	say "making kernel $kernel_package $kernel_version"
	mkdir "$tmp/deb"
	archive_download "$release" "$tmp/deb" \
		"$kernel_package=$kernel_version" busybox-static
	dpkg-deb -x "$tmp"/deb/linux-image-*.deb "$tmp/deb/kernel"
	dpkg-deb -x "$tmp"/deb/busybox-static*.deb "$tmp/deb/busybox"
	mkdir -p "$tmp/modules/usr/lib"
	ln -s usr/lib "$tmp/modules/lib"
	for dir in "$tmp"/deb/kernel/lib/modules "$tmp"/deb/kernel/usr/lib/modules; do
		[ ! -d "$dir" ] || mv "$dir" "$tmp/modules/usr/lib/modules"
	done
	for dir in $trimmed_modules; do
		rm -rf "$modules/kernel/$dir"
	done
	find "$modules" -name '*.ko.xz' -exec xz -d {} +
	depmod -b "$tmp/modules" "$kver"
	extract_vmlinux "$tmp/deb/kernel/boot/vmlinuz-$kver" >"$tmp/vmlinux"
	cp "$tmp/deb/kernel/boot/vmlinuz-$kver" "$tmp/bzImage"
	busybox=$(find "$tmp/deb/busybox" -path '*/bin/busybox')
	make_initrd "$tmp" "$busybox" "$dom0_initrd_modules" "$tmp/initrd-dom0"
	make_initrd "$tmp" "$busybox" "$guest_initrd_modules" "$tmp/initrd-guest"
	tar -C "$tmp/modules" -cf "$tmp/modules.tar" "usr/lib/modules/$kver"
	rm -rf "$tmp/deb" "$tmp/modules"
}

# extract_vmlinux BZIMAGE: its kernel, decompressed (a bzImage costs seconds of
# emulated decompression at each boot). The offsets are those of the x86 boot
# protocol, Documentation/arch/x86/boot.rst.
extract_vmlinux() {
	local setup offset length start magic
	setup=$(od -An -tu1 -j 0x1f1 -N 1 "$1")
	offset=$(od -An -tu4 -j 0x248 -N 4 "$1")
	length=$(od -An -tu4 -j 0x24c -N 4 "$1")
	start=$(((setup + 1) * 512 + offset))
	magic=$(od -An -tx1 -j "$start" -N 4 "$1" | tr -d ' ')
	# The last four bytes of the payload are the size of the kernel.
	tail -c +$((start + 1)) "$1" | head -c $((length - 4)) | case $magic in
	fd377a58) xz -dc --single-stream ;;
	28b52ffd) zstd -dc ;;
	1f8b*) gzip -dc ;;
	*) die "$1: unknown compression $magic" ;;
	esac
}

# make_initrd DIR BUSYBOX MODULES OUT
make_initrd() {
	local root=$1/initrd.d module verb path
	mkdir -p "$root"/{bin,sbin,dev,proc,root,modules}
	cp "$2" "$root/bin/busybox"
	cp "$lab/host/initrd-init" "$root/init"
	for module in $3; do
		modprobe -d "$1/modules" -S "$kver" --show-depends "$module"
	done | awk '!seen[$0]++' | while read -r verb path _; do
		[ "$verb" = insmod ] || continue
		cp "$path" "$root/modules"
		basename "$path" >>"$root/modules/order"
	done
	(cd "$root" && find . | cpio --quiet -o -H newc) >"$4"
	rm -rf "$root"
}

make_chroot() {
	say "making the build chroot of $release"
	debian_root "$1" "$(package_list build)
		${kernel_package/image/headers}"
	tar --keep-directory-symlink -C "$1" -xf "$kernel_dir/modules.tar"
	mkdir "$1/src"
}

make_dom0() {
	local tmp=$1 root=$1/root pin
	say "making dom0's root: $release, Xen $xen_version"
	pin="Package: xen-* libxen*
Pin: version $xen_version
Pin-Priority: 1001"
	debian_root "$root" "$(package_list dom0 | sed "s/SERIES/$xen_series/")" \
		--setup-hook="mkdir -p \"\$1/etc/apt/preferences.d\" && echo '$pin' >\"\$1/etc/apt/preferences.d/xen\""
	chroot "$root" dpkg-query -W >"$tmp/packages"
	grep -q "^xen-utils-${xen_series}[[:space:]]$xen_version\$" "$tmp/packages" ||
		die "dom0's root did not get xen-utils $xen_version"
	mkdir "$tmp/deb"
	archive_download "$release" "$tmp/deb" \
		"xen-hypervisor-$xen_series-amd64=$xen_version"
	dpkg-deb -x "$tmp"/deb/*.deb "$tmp/deb/x"
	gzip -dc "$tmp/deb/x/boot/xen-$xen_series-amd64.gz" >"$tmp/xen"
	rm -rf "$tmp/deb"

	trim_root "$root"
	cp "$kernel_dir/vmlinux" "$root/boot/guest-vmlinux"
	cp "$kernel_dir/initrd-guest" "$root/boot/guest-initrd"
	rm -f "$root/etc/fstab"
	mke2fs -q -t ext4 -d "$root" -L dom0 "$tmp/root.img" 3G >&2
	rm -rf "$root"
}

make_guest() {
	local tmp=$1 root=$1/root
	say "making the guests' root of $release"
	debian_root "$root" "$(package_list guest)" \
		--customize-hook="copy-in '$lab/guest' /root" \
		--customize-hook='chroot "$1" /root/guest/setup' \
		--customize-hook='rm -r "$1/root/guest"'
	chroot "$root" dpkg-query -W >"$tmp/packages"
	trim_root "$root"
	# Set, so that systemd does not take each boot for the first one.
	echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
	mke2fs -q -t ext4 -d "$root" -L root "$tmp/root.img" "$guest_root_size" >&2
	rm -rf "$root"
	mke2fs -q -t ext4 -L data "$tmp/data.img" "$guest_data_size" >&2
	make_guests_disk "$tmp"
	rm "$tmp/root.img" "$tmp/data.img"
}

# trim_root DIR: the modules in, what nothing in a lab reads out.
trim_root() {
	tar --keep-directory-symlink -C "$1" -xf "$kernel_dir/modules.tar"
	rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/usr/share/locale \
		"$1"/var/cache/debconf/*-old
}

# make_guests_disk DIR: guests.qcow2, the XFS that dom0 mounts at /guests, with
# DIR/root.img and DIR/data.img in it. A Linux of the lab's does the copying, so that the host
# needs no loop device and no XFS.
make_guests_disk() {
	local tmp=$1
	say "filling the guests' disk"
	truncate -s "$guests_disk_size" "$tmp/guests.img"
	mkfs.xfs -q -f -m reflink=1 -d agcount=8 -l size=64m "$tmp/guests.img"
	timeout 600 qemu-system-x86_64 -machine pc -accel tcg -cpu qemu64 -m 1024 \
		-display none -nodefaults -no-reboot -serial "file:$tmp/fill.log" \
		-kernel "$kernel_dir/bzImage" -initrd "$kernel_dir/initrd-dom0" \
		-append 'console=ttyS0 quiet fill=/dev/vda' \
		-drive file="$tmp/guests.img",if=virtio,format=raw,cache=unsafe \
		-drive file="$tmp/root.img",if=virtio,format=raw,readonly=on \
		-drive file="$tmp/data.img",if=virtio,format=raw,readonly=on </dev/null
	grep -q 'initrd: filled' "$tmp/fill.log" || {
		tail -n 30 "$tmp/fill.log" >&2
		die "the guests' disk could not be filled"
	}
	qemu-img convert -O qcow2 "$tmp/guests.img" "$tmp/guests.qcow2"
	rm "$tmp/guests.img"
}
