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
# GRE has no ports: a raw socket sees all of it, labels in GRE too. Of MPLS over Ethernet a packet socket does, behind the
# device's hook. Where tunnels carry IP packets, the host is the VM's router, and the cases of Ethernet are left out.
#
# conntrack is not loaded: nobody puts fragments together before their time.
. "$(dirname "$0")/lib.sh"

# Whatever an earlier scenario of this machine has loaded.
unload_conntrack() {
	local module
	for module in ip_vs_rr ip_vs_sh ip_vs xt_conntrack xt_state vport_vxlan vport_geneve vport_gre openvswitch nft_ct nft_masq \
		nft_nat nft_chain_nat nf_nat nf_conncount nfnetlink_cttimeout nf_conntrack_netlink nf_conntrack nf_defrag_ipv4 nf_defrag_ipv6; do
		modprobe -rq "$module" 2> /dev/null || true
	done
}

no_defragmentation() { ! grep -E '^nf_(defrag|conntrack)' /proc/modules; }

unload_conntrack
# shellcheck disable=SC2086 # GRE has two modules
require $tunnel_module bridge veth 8021q
setup_ns peer host vm
link "$peer" eth0 "172.18.10.1/24 2001:db8:18::1/64" "$host" eth0 "172.18.10.2/24 2001:db8:18::2/64"
for ns in "$peer" "$host"; do ip -n "$ns" link set eth0 mtu 1700; done
host_index[$peer]=1 host_index[$host]=2
underlay_hosts=("$peer" "$host")
# GRE devices take no packet with a checksum unless they were told of one: most of these have one.
case $tunnel$carrier in
gre | mplsgre) overlay "$host" 4 100 csum ;;
mpls | mplsudp) overlay "$host" 4 100 ;;
*) overlay "$host" 4 100 udp6zerocsumrx ;;
esac
attach_vm "$vm" "$host" br100 tap0 "10.1.1.2/24 2001:db8:10::2/64"
# Where hosts route, what is crafted could be taken for a reply: not before the last packet, and that is not answered, for
# it goes to a MAC that is not the VM's.
if [ -n "$ip_inside" ]; then
	in_ns "$host" sh -c 'echo 0 > /proc/sys/net/ipv4/ip_forward && echo 0 > /proc/sys/net/ipv6/conf/all/forwarding'
	ip -n "$host" neigh add 10.1.1.2 lladdr 02:00:00:00:00:02 dev tap0
fi
# What MPLS sees of the peer is his MAC.
batch "$host" "neigh replace 172.18.10.1 lladdr $(mac_of "$peer" eth0) dev eth0" \
	"neigh replace 2001:db8:18::1 lladdr $(mac_of "$peer" eth0) dev eth0"
load_module
check "conntrack and its defragmentation are not loaded" no_defragmentation
[ -z "$tunnel_port" ] || ctl "$host" tunnel set "$tunnel" --port "$tunnel_port,$((tunnel_port + 1))"
for address in 172.18.10.1 2001:db8:18::1; do ctl "$host" peer add "$address" --accept; done

export IPVS_TUNCTL SLOW=${SLOW:-1}
# Nothing expires before its end has been looked at.
for state in tcp-syn tcp-fin udp icmp other; do ctl "$host" timeout set "$state" 3000; done

relay attacker /usr/bin/python3 "$netns_dir/hostile.py" "$peer" "$host" "$vm"
check "there were many results" at_least "$results" 150
finish
