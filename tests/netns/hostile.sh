#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Crafted frames from a peer that is believed: every header cut at every byte, wrong lengths, versions and options,
# too many VLAN tags and extension headers, outer fragments in both families, other people's flag bytes, wrong outer
# checksums, and thousands of random mutations. Each ends in its own counter, nothing wrong is recorded, nothing
# crashes, and what the module does not understand goes on as it came, but for the mark.
#
#   peer eth0 ------------------------- eth0 host
#   172.18.10.1, 2001:db8:18::1          |   172.18.10.2, 2001:db8:18::2
#   raw frames (hostile.py)              +-- UDP 4789: vx100 - br100 - tap0 --- vm
#                                        +-- UDP 4790: a socket, which shows what leaves the record stage
#
# conntrack is not loaded: nobody puts fragments together before their time.
. "$(dirname "$0")/lib.sh"

# Whatever an earlier scenario of this machine has loaded.
unload_conntrack() {
	local module
	for module in ip_vs_rr ip_vs_sh ip_vs xt_conntrack xt_state openvswitch nft_ct nft_masq nft_nat nft_chain_nat \
		nf_nat nf_conntrack_netlink nf_conntrack nf_defrag_ipv4 nf_defrag_ipv6; do
		modprobe -rq "$module" 2> /dev/null || true
	done
}

no_defragmentation() { ! grep -E '^nf_(defrag|conntrack)' /proc/modules; }

unload_conntrack
require vxlan bridge veth 8021q
setup_ns peer host vm
link "$peer" eth0 "172.18.10.1/24 2001:db8:18::1/64" "$host" eth0 "172.18.10.2/24 2001:db8:18::2/64"
for ns in "$peer" "$host"; do ip -n "$ns" link set eth0 mtu 1700; done
host_index[$host]=2
overlay "$host" 4 100 udp6zerocsumrx
attach_vm "$vm" "$host" br100 tap0 "10.1.1.2/24 2001:db8:10::2/64"
load_module
check "conntrack and its defragmentation are not loaded" no_defragmentation
ctl "$host" tunnel set vxlan --port 4789,4790
for address in 172.18.10.1 2001:db8:18::1; do ctl "$host" peer add "$address" --accept; done

ip -n "$host" addr add 10.1.1.254/24 dev br100
export IPVS_TUNCTL SLOW=${SLOW:-1}
attacker() {
	/usr/bin/python3 "$netns_dir/hostile.py" "$peer" "$host" eth0 "$(mac_of "$host" eth0)" "$(mac_of "$peer" eth0)"
}

seen=0
while IFS= read -r line; do
	case $line in
	"ok "*) report ok "${line#ok }" ;;
	"not ok "*) report "not ok" "${line#not ok }" && failures=$((failures + 1)) ;;
	*) echo "$line" ;;
	esac
	seen=$((seen + 1))
done < <(attacker 2>&1 || echo "not ok the attacker ran to its end")
check "the attacker said something" at_least "$seen" 100
check "the host answers on its underlay" in_ns "$peer" ping -q -c 1 -W 3 172.18.10.2
check "and on its overlay" in_ns "$vm" ping -q -c 1 -W 3 10.1.1.254
finish
