# SPDX-License-Identifier: GPL-2.0
# Debian's archive as the lab sees it: the machine's own mirrors, with the
# suites of the release asked for, and a package index of the lab's own.
# Sourced by ../lab.
# shellcheck shell=bash disable=SC2034,SC2154

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# mirror LABEL: where the machine's apt gets Debian (label "Debian") or its
# security updates ("Debian-Security") from.
mirror() {
	apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Identifier: Packages' |
		awk -v label="$1" '$1 == label { print $2; exit }'
}

# archive_sources RELEASE: the lines of a sources.list.
archive_sources() {
	local main security
	main=${STILLPOINT_LAB_MIRROR:-$(mirror Debian)}
	security=${STILLPOINT_LAB_SECURITY_MIRROR:-$(mirror Debian-Security)}
	[ -n "$main" ] && [ -n "$security" ] ||
		die "apt on this machine knows no Debian mirror: set STILLPOINT_LAB_MIRROR and STILLPOINT_LAB_SECURITY_MIRROR"
	echo "deb [signed-by=$keyring] $main $1 main"
	echo "deb [signed-by=$keyring] $security $1-security main"
}

# archive_apt RELEASE COMMAND...: an apt command on the lab's index.
archive_apt() {
	local dir=$cache/apt/$1 command=$2
	shift 2
	"$command" -o Dir::Etc::SourceList="$dir/sources.list" \
		-o Dir::Etc::SourceParts=/dev/null \
		-o Dir::Etc::Preferences=/dev/null \
		-o Dir::Etc::PreferencesParts=/dev/null \
		-o Dir::State="$dir/state" -o Dir::State::status="$dir/status" \
		-o Dir::Cache="$dir/cache" -o APT::Architecture=amd64 \
		-o APT::Architectures=amd64 -o APT::Sandbox::User=root "$@"
}

# archive_update RELEASE: fetch the index, and note in "versions" what it has:
# a line "xen VERSION" for each version, and "kernel PACKAGE VERSION".
archive_update() {
	local dir=$cache/apt/$1 image package
	say "reading the package index of $1"
	mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial"
	: >"$dir/status"
	archive_sources "$1" >"$dir/sources.list"
	archive_apt "$1" apt-get update -q >"$dir/update.log" 2>&1 || {
		cat "$dir/update.log" >&2
		die "cannot read the package index of $1"
	}
	image=$(archive_apt "$1" apt-cache show --no-all-versions linux-image-amd64 |
		sed -n 's/^Depends: \(linux-image-[^ ]*\).*/\1/p')
	{
		archive_apt "$1" apt-cache pkgnames xen-hypervisor-4 |
			while read -r package; do
				archive_apt "$1" apt-cache madison "$package"
			done | awk '!seen[$3]++ { print "xen", $3 }'
		archive_apt "$1" apt-cache madison "$image" |
			awk 'NR == 1 { print "kernel", $1, $3 }'
	} >"$dir/versions.new"
	mv "$dir/versions.new" "$dir/versions"
}

archive_update_once() {
	[ -f "$cache/apt/$1/versions" ] || archive_update "$1"
}

# archive_resolve: set xen_version, kernel_package, kernel_version and kver
# from $release and $xen.
archive_resolve() {
	local versions=$cache/apt/$release/versions
	[ -f "$versions" ] || locked "apt-$release" archive_update_once "$release"
	xen_version=$(awk -v want="$xen" '$1 == "xen" &&
		($2 == want || index($2, want "+") == 1 ||
		 index($2, want "-") == 1 || index($2, want ".") == 1) {
			print $2; exit }' "$versions")
	[ -n "$xen_version" ] ||
		skip "xen $xen is no longer in Debian's archive of $release (it has:$(
			awk '$1 == "xen" { printf " %s", $2 }' "$versions"))"
	xen_series=${xen%.*}
	[ "${xen#*.*.}" != "$xen" ] || xen_series=$xen
	read -r _ kernel_package kernel_version < <(grep '^kernel ' "$versions") ||
		die "no linux-image-amd64 in Debian's archive of $release"
	kver=${kernel_package#linux-image-}
}

# archive_download RELEASE DIR PACKAGE...: verified .deb files into DIR.
archive_download() {
	local release=$1 dir=$2
	shift 2
	(cd "$dir" && archive_apt "$release" apt-get download -q "$@") >&2
}
