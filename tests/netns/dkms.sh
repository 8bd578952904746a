#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The ways onto a hypervisor, each with the Makefile's own recipe: by hand, and by DKMS. modprobe finds the module by
# name and loads what it needs, the tool on the path talks to it, the manual page is there, and uninstalling leaves
# nothing. The compilers ran outside ("make dkms-build DKMS_ROOT=build/dkms"), for they are slow in an emulated machine.
#
# depmod reads every module of the tree, and this machine's is a slow one: it gets a tree with the kernel's lists and the
# modules that ours needs, in a mount namespace of its own.
[ "${1:-}" = inside ] || exec unshare --mount "$0" inside
. "$(dirname "$0")/lib.sh"

root=$top/build/dkms
version=$(cat "$top/VERSION")
kver=$(uname -r)
tree=/lib/modules/$kver
if ! compgen -G "$root/tree/ipvs-tun/$version/$kver/*/module/ipvs_tun.ko*" > /dev/null; then
	skip "DKMS" "nothing built for $kver in build/dkms"
	finish
fi

# What DKMS built for another kernel would be looked at as well.
find "$root/tree/ipvs-tun/$version" -mindepth 1 -maxdepth 1 -type d -name '*.*' ! -name "$kver" -exec rm -r '{}' +

small=$work/modules
mkdir "$small"
{
	find "$tree" -maxdepth 1 '(' -name 'modules.builtin*' -o -name modules.order -o -type l ')'
	for module in $(modinfo -F depends "$module_file" | tr , ' '); do
		modprobe -D "$module" | awk '$1 == "insmod" { print $2 }'
	done
} | sort -u | sed "s|^$tree/||" | (cd "$tree" && xargs cp -d --parents -t "$small")
mount --bind "$small" "$tree"
depmod "$kver"

makes() { # GOAL : what stands built stays as it is
	make -C "$top" --no-print-directory KVER="$kver" DKMS_ROOT="$root" -o all -o tool -o dkms-build "$1"
}
tool=/usr/local/sbin/ipvs-tunctl
page_is_there() { cmp /usr/local/share/man/man8/ipvs-tunctl.8 "$top/docs/ipvs-tunctl.8"; }
matches() { # TEXT PATTERN
	# shellcheck disable=SC2053 # a pattern
	[[ $1 == $2 ]] || { echo "is '$1', expected '$2'" && return 1; }
}
works() {
	local status
	status=$("$tool" -j status)
	jq -e --arg version "$version" '.module_version == $version and .tool_version == $version' <<< "$status"
}
loads_and_works() { # PATTERN : where its file is
	local file
	file=$(modinfo -F filename ipvs_tun) || true
	check "depmod knows it, outside the kernel's own tree" matches "$file" "$tree/$1"
	check "modprobe loads it with what it needs" modprobe ipvs_tun
	# Debian has it built in, so only what the module asks for can be seen here.
	check "and asks for who segments labelled packets" equal "$(modinfo -F softdep ipvs_tun)" "post: mpls_gso"
	check "it is the version of this tree" equal "$(modinfo -F version ipvs_tun)" "$version"
	check "the installed tool talks to it" works
	check "the manual page is there" page_is_there
	check "modprobe -r unloads it" modprobe -r ipvs_tun
}
# What depmod writes must be as before too.
everything() {
	find "$tree/"
	find /usr/local/sbin /usr/local/share/man/ -not -type d
	sha256sum "$tree"/modules.{dep,alias,symbols}
}
uninstalled() {
	check "make uninstall" makes uninstall
	check "it leaves nothing" diff <(everything 2>&1) <(echo "$before")
	check "modprobe does not know it" not modprobe ipvs_tun
}

before=$(everything 2>&1)
check "nothing is installed yet" not modinfo ipvs_tun
check "make dkms-install" makes dkms-install
loads_and_works 'updates/*'
check "make install beside it is refused" not makes install
uninstalled
check "nor has DKMS" equal "$(find "$root" -name 'ipvs*')" ""

check "make install" makes install
loads_and_works updates/ipvs_tun.ko
uninstalled
finish
