#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The main job over the underlays that operators have, one after the other, each with hosts of its own:
#
#   vlan      the hosts' addresses are on a VLAN device of the underlay's cable
#   bond      on a bond
#   vrf       in a VRF, with the tunnel device in it
#   firewall  the hosts' firewall follows connections of the underlay, and drops what it does not know
#   series    two bridges in series, as Proxmox (fwbr) and OpenStack (qbr) build them: rs - tap0 - fwbr - br100
#   brnf      the server's host runs iptables on what its bridges forward (bridge-nf-call-iptables), as Docker's and
#             Kubernetes' hosts do, with connection tracking and "drop" by default
#   guarded   both: the first of two bridges has a firewall that follows connections, as Proxmox' has
#
#   client --> lbhost [IPVS, first mark] ==VXLAN==> rshost [record] --> rs
#   client <-- lbhost <============================ rshost [steer, or rewrite] <-- rs      (the whole drawing: nat-topology.sh)
#
# KINDS chooses some of them. Of each: nobody is answered without the module; with it TCP small and large both ways and
# UDP, over both families inside, replies steered where that may be and corrected at least; in the end, where the server's
# port may be direct, directly.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nat-topology.sh"

large=${LARGE:-500000}
kinds=${KINDS:-vlan bond vrf firewall series brnf guarded}
kind=''

# In place of lib.sh's: the cable is under0, and eth0 is what the kind makes of it.
underlay_host() { # NS INDEX
	local lines=()
	host_index[$1]=$2
	underlay_hosts+=("$1")
	batch "$switch" "link add p$2 mtu 1700 type veth peer name under0 mtu 1700 netns $1" "link set p$2 master sw0 up"
	case $kind in
	vlan) lines=("link set under0 up" "link add eth0 link under0 mtu $underlay_mtu type vlan id 42") ;;
	bond)
		lines=("link add eth0 mtu $underlay_mtu type bond mode active-backup miimon 100" "link set under0 master eth0"
			"link set under0 up")
		;;
	vrf) lines=("link set under0 name eth0" "link add vrf-u type vrf table 42" "link set vrf-u up"
		"link set eth0 mtu $underlay_mtu master vrf-u") ;;
	*) lines=("link set under0 name eth0" "link set eth0 mtu $underlay_mtu") ;;
	esac
	address_lines eth0 "172.18.10.$2/24 2001:db8:18::$2/64"
	batch "$1" "${lines[@]}" "link set eth0 up"
}

# Tunnels, pings and what has been seen before; nothing else.
firewall() { # HOST
	in_ns "$1" nft -f - <<-NFT
		table inet firewall {
			chain input {
				type filter hook input priority filter; policy drop;
				iifname != "eth0" accept
				ct state established,related accept
				udp dport 4789 accept
				meta l4proto { icmp, ipv6-icmp } accept
			}
			chain output {
				type filter hook output priority filter; policy drop;
				oifname != "eth0" accept
				ct state established,related,new accept
			}
		}
	NFT
}

# A chain of forwarded packets, which bridged ones pass where br_netfilter hands them over.
# Its module alone takes frames aside in each namespace, by its default.
bridge_firewall() { # HOST
	require br_netfilter
	# shellcheck disable=SC2016 # expanded by the inner shell
	in_ns "$1" sh -c 'for table in iptables ip6tables; do echo 1 > /proc/sys/net/bridge/bridge-nf-call-$table; done'
	in_ns "$1" nft -f - <<-NFT
		table inet bridged {
			chain forward {
				type filter hook forward priority filter; policy drop;
				ct state invalid counter drop
				ct state established,related counter accept
				tcp dport { 80 } ct state new accept
				udp dport { 7 } ct state new accept
				meta l4proto { icmp, ipv6-icmp } accept
			}
		}
	NFT
}

# The server's port moves to a bridge of its own, which hangs on the other.
two_bridges() {
	batch "$rshost" "link set tap0 nomaster" "link add fwbr type bridge" "link add fwln type veth peer name fwpr" \
		"link set fwbr up" "link set tap0 master fwbr" "link set fwln master fwbr" "link set fwpr master br100" \
		"link set fwln up" "link set fwpr up"
}

one_kind() {
	local steered direct before fallback
	before=$(stat_of "$rshost" replies) steered=$(stat_of "$rshost" steered)
	fallback=$(stat_of "$rshost" steer_fallback)
	for service in "${services[@]}"; do
		read -r vip server seen <<< "$service"
		service_works "$vip, $kind" "$vip" "$server" "$seen" "$large" 4
	done
	check "replies went by the balancer ($kind)" stat_grew "$rshost" replies "$before" 50
	case $kind in
	brnf) # br_netfilter has the frames first: what follows connections must see all of them
		check "none was taken out of the bridge ($kind)" equal "$(stat_of "$rshost" steered)" "$steered"
		check "they took the bridge's way, aimed at the balancer ($kind)" stat_grew "$rshost" steer_fallback "$fallback" 50
		;;
	guarded)
		check "replies took the bridges' way, aimed at the balancer ($kind)" \
			stat_grew "$rshost" steer_fallback "$fallback" 50
		;;
	*) check "replies were steered ($kind)" stat_grew "$rshost" steered "$steered" 50 ;;
	esac

	ctl "$rshost" port add tap0 --vni 100 --direct
	direct=$(stat_of "$rshost" direct)
	check "with a direct port a download arrives ($kind)" http_download "$client" "$vip4" "$large"
	check "and an upload over IPv6 inside" http_upload "$client" "$vip6" "$large"
	case $kind in
	brnf | guarded)
		check "nothing went past who follows connections ($kind)" equal "$(stat_of "$rshost" direct)" "$direct"
		check "the tool says why ($kind)" grep -q 'bridge-nf-call' <<< "$(ctl "$rshost" status)"
		;;
	*) check "it went directly ($kind)" stat_grew "$rshost" direct "$direct" 20 ;;
	esac
	[ "$kind" != brnf ] || check "nothing was invalid to the bridge's firewall" equal \
		"$(in_ns "$rshost" nft list chain inet bridged forward | sed -n 's/.*invalid counter packets \([0-9]*\).*/\1/p')" 0
}

for kind in $kinds; do
	underlay_hosts=() log=$work/server-$kind.log
	rm -f "$work/nat-overlay"
	nat_hosts
	services=("$vip4 10.1.1.2 200.1.1.2" "$vip6 2001:db8:10::2 2001:db8:c1::2")
	options=()
	[ "$kind" != vrf ] || options=(dev eth0)
	require vrf bonding
	nat_overlay 4 "${options[@]}"
	start_server "$rs" "$log"
	case $kind in
	firewall) for host in "$lbhost" "$rshost"; do firewall "$host"; done ;;
	brnf) bridge_firewall "$rshost" ;;
	series) two_bridges ;;
	guarded) two_bridges && bridge_firewall "$rshost" ;;
	esac
	wait_until 10 http_get "$lbhost" 10.1.1.2 1
	wait_until 10 http_get "$lbhost" 2001:db8:10::2 1
	nobody_is_answered "without the module ($kind)"
	load_module
	nat_configure 4
	check "the server's host becomes ready ($kind)" nat_ready 4
	one_kind
	unload_module
done
# It would take aside what the next scenarios' bridges forward.
modprobe -q -r br_netfilter || true
finish
