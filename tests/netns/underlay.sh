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
#   group     what is flooded goes to a multicast group; no list names the others, who may be anybody
#   ipsec     what the two hosts tunnel to each other is encrypted (ESP, transport mode)
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
kinds=${KINDS:-vlan bond vrf firewall series brnf guarded group ipsec}
group=239.1.1.1
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

# In place of tunnel.sh's.
overlay() { # NS FAMILY VNI [OPTIONS…]
	local lines=()
	[ "$kind" = group ] || { overlay_vxlan "$@" && return; }
	bridge_lines "$1" "$3"
	batch "$1" "link add vx$3 type vxlan id $3 group $group dev eth0 local $(vtep "$1" "$2") dstport 4789" "${lines[@]}"
}

# The balancer's host knows the server's address, and not behind whom it is, as when it has not heard of it for long: what
# it sends to the server goes to the group. No answer teaches it, for none comes by itself.
unknown_server() {
	local server mac
	mac=$(mac_of "$rs" eth0)
	for server in 10.1.1.2 2001:db8:10::2; do
		ip -n "$lbhost" neigh replace "$server" lladdr "$mac" dev br100 nud permanent
	done
	in_ns "$lbhost" bridge fdb del "$mac" dev vx100 2> /dev/null || true
	in_ns "$lbhost" bridge fdb del "$mac" dev vx100 master 2> /dev/null || true
}

# A flow's first packet comes as a copy for the group. Its reply goes to the one who sent it, from this host's own address:
# by the path that was made of it, whether it is steered, or corrected on its way to the server's gateway.
by_group() {
	local wire=$work/wire-group before service vip server seen counter other
	local steps=("steered rewrite" "rewritten steer")
	ctl "$lbhost" peer del "$group"
	unknown_server
	check "without a peer of the group's address what goes there is not marked, and not answered" \
		not udp_echo "$client" "$vip4" group 3
	ctl "$lbhost" peer add "$group" --send=always
	capture_start "$switch" p2 "$wire" udp
	for service in "${services[@]}"; do
		read -r vip server seen <<< "$service"
		read -r counter other <<< "${steps[0]}"
		steps=("${steps[@]:1}")
		ctl "$rshost" resume all
		ctl "$rshost" pause "$other"
		before=$(stat_of "$rshost" "$counter")
		unknown_server
		check "a first packet to an unknown place is answered: $vip" \
			equal "$(udp_echo "$client" "$vip" first 1 2>&1 || true)" "$seen first"
		check "its row in the session table" row_is udp 17 "$server" 7 "$seen" 4
		check "its reply was $counter" stat_grew "$rshost" "$counter" "$before"
	done
	ctl "$rshost" resume all
	capture_settle "$wire" "$rshost" "$(vtep "$lbhost" 4)"
	capture_stop "$wire"
	check "these came as marked copies for the group" \
		at_least "$(capture_count "$wire" "dst host $group and udp[8] = $second_mark and not $(probe_filter 4)")" 2
	check "none of the server's host's packets leaves with the group's address" \
		equal "$(capture_count "$wire" "src host $group")" 0
	for server in 10.1.1.2 2001:db8:10::2; do ip -n "$lbhost" neigh del "$server" dev br100; done
}

# Both ways between two hosts; what comes in clear is dropped.
encrypted() { # HOST OTHER
	local ns=$1 own other key=0x0102030405060708090a0b0c0d0e0f1011121314 out="" in=""
	own=$(vtep "$1" 4) other=$(vtep "$2" 4)
	out="src $own dst $other" in="src $other dst $own"
	for way in "$out" "$in"; do
		echo "xfrm state add $way proto esp spi 0x$((1000 + ${way##*.})) reqid 1 mode transport aead rfc4106(gcm(aes)) $key 128"
	done | ip -n "$ns" -batch -
	batch "$ns" "xfrm policy add $out proto udp dport 4789 dir out tmpl $out proto esp reqid 1 mode transport" \
		"xfrm policy add $in proto udp dport 4789 dir in tmpl $in proto esp reqid 1 mode transport"
}

# Replies that a bridge takes to the tunnel, and that are corrected there, have a route of ours, too.
nothing_clear() { # FILE
	local between rewritten
	rewritten=$(stat_of "$rshost" rewritten)
	ctl "$rshost" port flush
	ctl "$rshost" pause steer
	check "corrected replies arrive as well (ipsec)" http_download "$client" "$vip4" "$large"
	ctl "$rshost" resume all
	check "they were corrected (ipsec)" stat_grew "$rshost" rewritten "$rewritten" 20
	capture_settle "$1" "$lbhost" "$(vtep "$rshost" 4)"
	capture_stop "$1"
	between="host $(vtep "$lbhost" 4) and host $(vtep "$rshost" 4)"
	check "requests are encrypted" at_least "$(capture_count "$1" "$between and ip proto 50 and $(outer_to "$rshost" 4)")" 100
	check "so are replies" at_least "$(capture_count "$1" "$between and ip proto 50 and $(outer_from "$rshost" 4)")" 100
	check "not one clear tunnel packet is between the two hosts" \
		equal "$(capture_count "$1" "$between and udp port 4789")" 0
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
	ipsec)
		require esp4 xfrm_user gcm ghash-generic ctr seqiv
		encrypted "$lbhost" "$rshost"
		encrypted "$rshost" "$lbhost"
		capture_start "$switch" p1 "$work/wire-ipsec" ip
		;;
	esac
	wait_until 10 http_get "$lbhost" 10.1.1.2 1
	wait_until 10 http_get "$lbhost" 2001:db8:10::2 1
	nobody_is_answered "without the module ($kind)"
	load_module
	nat_configure 4
	[ "$kind" != group ] || ctl "$lbhost" peer add "$group" --send=always
	check "the server's host becomes ready ($kind)" nat_ready 4
	one_kind
	case $kind in
	group) by_group ;;
	ipsec) nothing_clear "$work/wire-ipsec" ;;
	esac
	topology "$kind" vxlan 4 4 6
	unload_module
	# It would take aside what the next ones' bridges forward.
	modprobe -q -r br_netfilter || true
done
finish
