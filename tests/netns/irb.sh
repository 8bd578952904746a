#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A tenant with several networks, between which his hosts route (symmetric IRB of BGP EVPN, with FRR): the balancer is
# a VM in one network, the server in another, and what goes from one to the other is in a third, the L3VNI, where MAC
# addresses are the hosts'. Requests are recorded there. The server's replies come in by the server's network, and are
# steered there because a zone joins the three. Without one they are corrected on their way out, as long as that is in
# the L3VNI, too.
#
#   client --> lb --> lbhost  br100, its gateway 10.1.1.1 [VRF tenant] br4001 ==VNI 4001==> br4001 [VRF tenant] rshost
#     ^                                                                                     br300 10.1.3.1 --> rs
#     |        lb <-- lbhost  br100 <--- br4001 <===============VNI 4001=================== br300 [steer] <--- rs
#     |
#     +------ gwhost [VRF tenant: the clients' network, a route of type 5] <== the tenant's tables' way, without us
#
#   client 200.1.1.2   lb 10.1.1.254, VIP 198.51.100.10   rs 10.1.3.2
#   underlay 172.18.10.N: lbhost .1, rshost .2, gwhost .3
#   The gateways have one MAC address everywhere (anycast); no host has a network of which it has no VM.
#
# The balancer's host must know that the balancer is the way to the clients, for what comes by the L3VNI: a rule there.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nat-topology.sh"
. "$(dirname "$0")/fabric.sh"

large=${LARGE:-300000}
log=$work/server.log
services=("$vip4 10.1.3.2 200.1.1.2")
anycast_mac=00:00:5e:00:01:01

# The tenant's tables, and the network in which they are joined.
tenant() { # HOST
	batch "$1" "link add tenant type vrf table 1001" "link set tenant up"
	overlay "$1" 4 4001
	batch "$1" "link set br4001 addrgenmode none" "link set br4001 master tenant"
	forwarding "$1"
}

# One of his networks, with its gateway.
network() { # HOST VNI GATEWAY
	overlay "$1" 4 "$2"
	batch "$1" "link set br$2 address $anycast_mac" "link set br$2 addrgenmode none" "link set br$2 master tenant" \
		"addr add $3/24 dev br$2"
}

routers() {
	local host lines
	for host in "${underlay_hosts[@]}"; do
		lines=$(printf '%s\n' "router bgp 65000 vrf tenant" "bgp router-id $(vtep "$host" 4)" \
			"address-family ipv4 unicast" "redistribute connected" "redistribute kernel" "exit-address-family" \
			"address-family l2vpn evpn" "advertise ipv4 unicast")
		router_start "$host" "$(printf '%s\n' "vrf tenant" "vni 4001" exit-vrf)" "$lines"
	done
	for host in "${underlay_hosts[@]}"; do
		check "BGP is up at ${host%-*}" wait_until 40 neighbours_are_up "$host"
	done
}

route_of() { # HOST ADDRESS : as the tenant's tables say
	ip -n "$1" route get vrf tenant "$2" | sed -n 's/.* via \([0-9.]*\) dev \([^ ]*\) .*/\1 \2/p'
}

routes_to() { # HOST ADDRESS VIA-AND-DEVICE
	equal "$(route_of "$1" "$2")" "$3"
}

row_is() { # PROTOCOL NUMBER SERVER PORT CLIENT FAMILY
	session_row_is "${@:1:5}" "$(mac_of "$lbhost" br4001) $(vtep "$lbhost" "$6") 4001"
}

ready_now() {
	peer_ready "$lbhost" "$(vtep "$rshost" 4)"
}

one_mode() { # MODE PAUSED COUNTER
	local before wire=$work/wire-$3
	ctl "$rshost" resume all
	[ -z "$2" ] || ctl "$rshost" pause "$2"
	before=$(stat_of "$rshost" "$3")
	capture_start "$switch" p2 "$wire" "$(tunnel_filter 4)"
	service_works "symmetric IRB, $1" "$vip4" 10.1.3.2 200.1.1.2 "$large" 4
	capture_stop "$wire"
	check "so replies came back ($1)" stat_grew "$rshost" "$3" "$before" 20
	check "requests came marked in the L3VNI ($1)" \
		at_least "$(capture_count "$wire" "$(flags_filter 4 "$second_mark") and $(network_filter 4 4001)")" 20
	check "every reply is in the L3VNI, to the balancer's host, for its router's MAC address ($1)" equal \
		"$(capture_count "$wire" "$(outer_from "$rshost" 4) and $(inner_byte 4 12 4) = 0x0a010302 and not
			($(network_filter 4 4001) and $(outer_to "$lbhost" 4) and $(frame_byte 4 0 4) = 0x02b00100)")" 0
	check "and there are replies ($1)" \
		at_least "$(capture_count "$wire" "$(outer_from "$rshost" 4) and $(inner_byte 4 12 4) = 0x0a010302")" 20
}

require vxlan vrf ip_vs ip_vs_rr nf_tables bridge veth nf_conntrack
underlay_switch
setup_ns client lbhost rshost gwhost lb rs
underlay_host "$lbhost" 1
underlay_host "$rshost" 2
underlay_host "$gwhost" 3
for host in "$lbhost" "$rshost" "$gwhost"; do tenant "$host"; done
network "$lbhost" 100 10.1.1.1
network "$rshost" 300 10.1.3.1
attach_vm "$lb" "$lbhost" br100 tap-lb 10.1.1.254/24
attach_vm "$rs" "$rshost" br300 tap0 10.1.3.2/24
client_links "$lb"
batch "$gwhost" "link set to-client master tenant" "route add 200.1.1.0/24 via 200.1.2.2 table 1001"
ip -n "$rs" route add default via 10.1.3.1
ip -n "$lb" route add 10.1.3.0/24 via 10.1.1.1
forwarding "$lb"
add_addresses "$lb" lo "$vip4/32"
for pair in t:80 u:7; do service "$lb" "${pair%:*}" "$vip4:${pair#*:}" "10.1.3.2:${pair#*:}"; done
# What comes to the balancer's host by the L3VNI for clients is for the balancer; its other VMs' ways stay.
batch "$lbhost" "rule add pref 900 iif br4001 to 200.1.1.0/24 lookup 900" \
	"route add default via 10.1.1.254 dev br100 table 900"

start_server "$rs" "$log"
routers
check "the clients' network is the gateway's host's, for the server's host" \
	wait_until 20 routes_to "$rshost" 200.1.1.2 "172.18.10.3 br4001"
check "the server is behind its host, for the balancer's host" \
	wait_until 20 routes_to "$lbhost" 10.1.3.2 "172.18.10.2 br4001"
wait_until 20 http_get "$lb" 10.1.3.2 1
nobody_is_answered "without the module"

load_module
ctl "$lbhost" port add tap-lb --balancer --own "10.1.1.254,$vip4"
pair_hosts "$lbhost" "$(vtep "$lbhost" 4)" "$rshost" "$(vtep "$rshost" 4)"
check "the server's host becomes ready" wait_until 15 ready_now
one_mode "without a zone, corrected in the L3VNI" '' rewritten
check "where networks are tenants of their own nothing is steered" equal "$(stat_of "$rshost" steered)" 0
ctl "$rshost" pause rewrite
recorded=$(stat_of "$rshost" recorded)
check "with steering alone there is no answer then" not http_get "$client" "$vip4" 2
check "although the request was recorded" stat_grew "$rshost" recorded "$recorded"
ctl "$rshost" zone add tenant --vni 100,300,4001
one_mode "steered at the server's bridge" rewrite steered
ctl "$rshost" port add tap0 --vni 300 --direct
one_mode "straight from the server's port" '' direct
topology irb vxlan 4 4
unload_module
finish
