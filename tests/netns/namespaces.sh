#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Tunnel devices that are in another namespace than the one they send from. What the tunnel driver carries from one namespace
# to the other has lost its fwmark. One after the other:
#
#   device     the balancer has a namespace, and in it a VXLAN device that its host made and gave it; it marks by its own rule
#   hidden     as Docker's overlay networks are: a namespace with nothing but a bridge and the VXLAN device, in which the
#              containers' veth devices end; at the balancer's host and at the server's
#   stranger   the same, but the namespace belongs to another user: what he says is no request
#
#   client --> lb [IPVS] vx100 |====== underlay of lbhost ======> rshost br100 - tap0 --> rs                        device
#   client --> lb [IPVS] - veth br0 vx100 |=== of lbhost ===> of rshost ===| vx100 br0 tap0 --> rs                  hidden
#      ^                                                                     |
#      +---- gwhost <======================= rs's default route =============+
#
#   client 200.1.1.2, 2001:db8:c1::2     underlay 172.18.10.N, 2001:db8:18::N: lbhost .1, rshost .2, gwhost .3
#   network 100: lb 10.1.1.254, rs 10.1.1.2, gwhost 10.1.1.1; 2001:db8:10:: with the same numbers
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/main-job.sh"

large=${LARGE:-500000}
family=${FAMILIES:-4}
family=${family%% *}
log=$work/server.log
vip4=198.51.100.10 vip6=2001:db8:51::10
lb_addresses="10.1.1.254/24 2001:db8:10::254/64"
services=("$vip4 10.1.1.2 200.1.1.2" "$vip6 2001:db8:10::2 2001:db8:c1::2")

network() {
	local host
	require vxlan ip_vs ip_vs_rr nf_tables bridge veth nf_conntrack
	underlay_switch
	setup_ns client lb lbhost rshost gwhost rs near far
	underlay_host "$lbhost" 1
	underlay_host "$rshost" 2
	underlay_host "$gwhost" 3
	client_links "$lb"
	for host in "$lb" "$gwhost"; do forwarding "$host"; done
	for host in "$rshost" "$gwhost"; do overlay "$host" "$family" 100; done
	add_addresses "$gwhost" br100 "10.1.1.1/24 2001:db8:10::1/64"
	attach_vm "$rs" "$rshost" br100 tap0 "10.1.1.2/24 2001:db8:10::2/64"
	batch "$rs" "route add default via 10.1.1.1" "route add default via 2001:db8:10::1"
	add_addresses "$lb" lo "$vip4/32 $vip6/128"
	for pair in t:80 u:7; do
		service "$lb" "${pair%:*}" "$vip4:${pair#*:}" "10.1.1.2:${pair#*:}"
		service "$lb" "${pair%:*}" "[$vip6]:${pair#*:}" "[2001:db8:10::2]:${pair#*:}"
	done
	mark_to "$lb" "$vip4" "$vip6"
}

# A VXLAN device that sends from HOST, in another namespace.
device_in() { # HOST NS
	local n
	ip -n "$1" link add vx100 mtu 1500 type vxlan id 100 local "$(vtep "$1" "$family")" dstport 4789
	ip -n "$1" link set vx100 netns "$2"
	ip -n "$2" link set vx100 up
	for n in 1 2 3; do
		[ "$n" = "${host_index[$1]}" ] ||
			in_ns "$2" bridge fdb append 00:00:00:00:00:00 dev vx100 dst "$(vtep_of "$n" "$family")"
	done
}

# In a namespace with nothing but a bridge.
hidden_in() { # HOST NS
	device_in "$1" "$2"
	batch "$2" "link add br0 type bridge" "link set vx100 master br0" "link set br0 up"
}

balancer_behind() { # NS : its container's veth ends there
	attach_vm "$lb" "$1" br0 veth0 "$lb_addresses"
}

balancer_device=eth0
row_is() { session_row_is "${@:1:5}" "$(mac_of "$lb" "$balancer_device") $(vtep "$lbhost" "$family") 100"; }

ready_now() {
	peer_ready "$lbhost" "$(vtep "$rshost" "$family")" && return 0
	http_get "$client" "$vip4" 1 > /dev/null 2>&1 || true
	peer_ready "$lbhost" "$(vtep "$rshost" "$family")"
}

works() { # WHAT
	local vip server seen
	check "the server's host becomes ready ($1)" wait_until 15 ready_now
	for service in "${services[@]}"; do
		read -r vip server seen <<< "$service"
		service_works "$vip, $1" "$vip" "$server" "$seen" "$large"
	done
}

reached() { wait_until 10 http_get "$lb" 10.1.1.2 1 && wait_until 10 http_get "$lb" 2001:db8:10::2 1; }

network
start_server "$rs" "$log"

device_in "$lbhost" "$lb"
add_addresses "$lb" vx100 "$lb_addresses"
balancer_device=vx100
check "the server is reached" reached
no_answers "without the module"
load_module
pair_hosts "$lbhost" "$(vtep "$lbhost" "$family")" "$rshost" "$(vtep "$rshost" "$family")"
check "without a rule nobody is answered" not http_get "$client" "$vip4" 2
ctl "$lb" mark add "$first_mark" --vni 100
check "a rule that names a network says nothing here" not http_get "$client" "$vip4" 2
ctl "$lb" mark flush
ctl "$lb" mark add "$first_mark" --dst 10.1.1.0/24
ctl "$lb" mark add 0x594c42/0xffffff --dst 2001:db8:10::/64
before=$(stat_of "$rshost" steered) marked=$(stat_of "$lbhost" marked)
works "the balancer's own device"
check "the host under it marked them" stat_grew "$lbhost" marked "$marked" 50
check "the namespace's own counter has them" at_least "$(stat_of "$lb" classified_inner)" 50
check "replies were steered" stat_grew "$rshost" steered "$before" 50
marked=$(stat_of "$lbhost" marked)
check "what the balancer says for itself is answered" equal "$(http_get "$lb" 10.1.1.2)" 10.1.1.254
check "and is not marked" equal "$(stat_of "$lbhost" marked)" "$marked"
ctl "$lb" mark flush
check "without its rule nobody is answered again" not http_get "$client" "$vip4" 2

topology namespace vxlan "$family" 4 6

ip -n "$lb" link del vx100
hidden_in "$lbhost" "$near"
balancer_behind "$near"
balancer_device=eth0
overlay_remove "$rshost" 100
hidden_in "$rshost" "$far"
ip -n "$rshost" link set tap0 netns "$far"
batch "$far" "link set tap0 master br0" "link set tap0 up"
check "the server is reached through hidden namespaces" reached
check "there nobody is answered without a port" not http_get "$client" "$vip4" 2
ctl "$near" port add 'veth*' --balancer --own 10.1.1.0/24,2001:db8:10::/64
before=$(stat_of "$rshost" rewritten)
works "hidden namespaces"
check "replies were corrected where they leave" stat_grew "$rshost" rewritten "$before" 50

topology hidden vxlan "$family" 4 6

# A user's own namespace, which the host's administrator has given a tunnel device.
ip -n "$near" link del veth0
ip -n "$near" link del vx100
unshare --user --map-root-user --net sleep 600 &
owner=$!
background+=("$owner")
stranger=stranger-$owner
owned() { [ "$(readlink "/proc/$owner/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
wait_until 10 owned
ip netns attach "$stranger" "$owner"
namespaces+=("$stranger")
hidden_in "$lbhost" "$stranger"
balancer_behind "$stranger"
check "the server is reached from a user's namespace" reached
nsenter -t "$owner" -U -n --preserve-credentials "$IPVS_TUNCTL" port add veth0 --balancer --own 10.1.1.0/24
marked=$(stat_of "$lbhost" marked)
check "a user's port makes no requests of his packets" not http_get "$client" "$vip4" 3
check "it took them for some itself" at_least "$(stat_of "$stranger" classified)" 1
check "the host marked nothing" equal "$(stat_of "$lbhost" marked)" "$marked"
unload_module
finish
