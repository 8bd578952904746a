#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The packaged way onto a hypervisor: DKMS installs what it built, modprobe finds it by name, and it has the right
# version. The compiler ran outside ("make dkms-build DKMS_ROOT=build/dkms"), for it is slow in an emulated machine.
. "$(dirname "$0")/lib.sh"

root=$top/build/dkms
version=$(cat "$top/VERSION")
kver=$(uname -r)
if ! compgen -G "$root/tree/ipvs-tun/$version/$kver/*/module/ipvs_tun.ko*" > /dev/null; then
	skip "DKMS" "nothing built for $kver in build/dkms"
	finish
fi
dkms_here() { # COMMAND [ARGUMENTS…]
	dkms "$1" -m ipvs-tun -v "$version" --dkmstree "$root/tree" --sourcetree "$root/src" "${@:2}"
}
check "DKMS installs the module" dkms_here install --force -k "$kver"
check "depmod knows it, outside the kernel's own tree" grep -q updates <<< "$(modinfo -F filename ipvs_tun)"
check "modprobe loads it with what it needs" modprobe ipvs_tun
check "it is the version of this tree" equal "$(modinfo -F version ipvs_tun)" "$version"
check "modprobe -r unloads it" modprobe -r ipvs_tun
check "DKMS removes it" dkms_here remove -k "$kver"
check "it is gone" not modinfo ipvs_tun
finish
