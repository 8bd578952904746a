#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Machines on macvtap devices of the tunnel's device: there is no bridge. What a machine sends goes into its macvtap device,
# so that its port's hook is at the device's egress: the balancer's requests are classified there, and the server's replies
# go from there straight into the tunnel ("direct").
#
#   client --> lb [IPVS] - mvt1 [classify] vx100 lbhost [second mark] ==VXLAN==> rshost vx100 - mvt0 --> rs
#   client <-- lb <------- mvt1 - vx100 lbhost <===============================- rshost [direct] mvt0 <- rs
#      ^                                                                          |
#      +---- gwhost <============ the way of rs's default route, without us ======+
#
#   addresses as in ports.sh; tap_vm.py is each machine's network card
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/main-job.sh"

large=${LARGE:-200000}
log=$work/server.log
vip4=198.51.100.10 vip6=2001:db8:51::10
own=10.1.1.0/24,2001:db8:10::/64,$vip4,$vip6
services=("$vip4 10.1.1.2 200.1.1.2" "$vip6 2001:db8:10::2 2001:db8:c1::2")

tunnel_alone() { # HOST
	local other lines=()
	batch "$1" "link add vx100 type vxlan id 100 local $(vtep "$1" 4) dstport 4789" "link set vx100 up"
	for other in "${underlay_hosts[@]}"; do
		[ "$other" = "$1" ] || lines+=("fdb append 00:00:00:00:00:00 dev vx100 dst $(vtep "$other" 4)")
	done
	printf '%s\n' "${lines[@]}" | bridge -n "$1" -batch -
}

attach_macvtap() { # VM HOST PORT ADDRESSES
	local node=$work/$3 lines=() number
	# Which groups the machine has joined the device cannot know.
	batch "$2" "link add link vx100 name $3 type macvtap mode bridge" "link set $3 allmulticast on up"
	number=$(in_ns "$2" sh -c "cat /sys/class/net/$3/macvtap/tap*/dev")
	mknod "$node" c "${number%:*}" "${number#*:}"
	in_ns "$2" /usr/bin/python3 "$netns_dir/tap_vm.py" "$node" "$1" eth0 "$(mac_of "$2" "$3")" 2> "$work/$3.errors" &
	background+=($!)
	wait_until 20 is_up "$1" eth0
	address_lines eth0 "$4"
	batch "$1" "${lines[@]}"
}

is_up() { ip -n "$1" link show dev "$2" up | grep -q .; } # NS DEVICE

network() {
	local host pair
	require vxlan macvtap tun ip_vs ip_vs_rr nf_tables bridge veth nf_conntrack
	underlay_switch
	setup_ns client lb lbhost rshost gwhost rs
	underlay_host "$lbhost" 1
	underlay_host "$rshost" 2
	underlay_host "$gwhost" 3
	client_links "$lb"
	for host in "$lb" "$gwhost"; do forwarding "$host"; done
	overlay "$gwhost" 4 100
	add_addresses "$gwhost" br100 "10.1.1.1/24 2001:db8:10::1/64"
	for host in "$lbhost" "$rshost"; do tunnel_alone "$host"; done
	attach_macvtap "$lb" "$lbhost" mvt1 "10.1.1.254/24 2001:db8:10::254/64"
	attach_macvtap "$rs" "$rshost" mvt0 "10.1.1.2/24 2001:db8:10::2/64"
	# By the balancer it would be a balanced flow.
	batch "$client" "route add 10.1.1.2 via 200.1.2.1" "route add 2001:db8:10::2 via 2001:db8:c2::1"
	batch "$rs" "route add default via 10.1.1.1" "route add default via 2001:db8:10::1"
	add_addresses "$lb" lo "$vip4/32 $vip6/128"
	for pair in t:80 u:7 u:9; do
		service "$lb" "${pair%:*}" "$vip4:${pair#*:}" "10.1.1.2:${pair#*:}"
		service "$lb" "${pair%:*}" "[$vip6]:${pair#*:}" "[2001:db8:10::2]:${pair#*:}"
	done
}

row_is() { session_row_is "${@:1:5}" "$(mac_of "$lb" eth0) 172.18.10.1 100"; } # PROTOCOL NUMBER SERVER PORT CLIENT

ready_now() {
	peer_ready "$lbhost" 172.18.10.2 && return 0
	http_get "$client" "$vip4" 1 > /dev/null 2>&1 || true
	peer_ready "$lbhost" 172.18.10.2
}

port_field() { # HOST EXPRESSION
	ctl_json "$1" -s port list | jq -r "$2"
}

all_work() { # WHAT
	local service vip server seen
	for service in "${services[@]}"; do
		read -r vip server seen <<< "$service"
		service_works "$1" "$vip" "$server" "$seen" "$large"
	done
}

network
start_server "$rs" "$log"
start_server "$client" "$work/client.log"
for address in 10.1.1.2 2001:db8:10::2; do
	wait_until 20 http_get "$lb" "$address" 1
done
no_answers "without the module"
load_module
ctl "$lbhost" port add mvt1 --balancer --own "$own"
pair_hosts "$lbhost" 172.18.10.1 "$rshost" 172.18.10.2
check "the server's host becomes ready" wait_until 15 ready_now

# The server's port is not named: the net under all, LOCAL_OUT, has to do.
before=$(stat_of "$rshost" rewritten)
all_work "the server's port is not named"
check "the balancer's packets were taken for requests" at_least "$(port_field "$lbhost" '.[0].devices[0].balanced_packets')" 50
check "replies were corrected in their tunnel" stat_grew "$rshost" rewritten "$before" 50
check "none went directly" equal "$(stat_of "$rshost" direct)" 0

# A port of a network: its replies need no look at a bridge.
ctl "$rshost" port add mvt0 --direct --vni 100
check "the port is there" equal "$(port_field "$rshost" '.[0] | "\(.dev) \(.direct) \(.vni) \(.devices[0].name)"')" "mvt0 true 100 mvt0"
before=$(stat_of "$rshost" direct) ordinary=$(stat_of "$rshost" steer_ordinary)
all_work "direct"
check "replies went straight into the tunnel" stat_grew "$rshost" direct "$before" 50
check "what opens and ends a connection did not" stat_grew "$rshost" steer_ordinary "$ordinary" 4
for address in "$vip4" "$vip6"; do
	check "the client hears that nobody listens ($address)" refused "$address"
done
check "a datagram of 4000 bytes there and back" equal "$(udp_echo "$client" "$vip4" "$(printf '%04000d' 7)")" \
	"200.1.1.2 $(printf '%04000d' 7)"

# The server's own traffic is its own.
before=$(stat_of "$rshost" direct)
check "the server's own request to the client goes by its own gateway" equal "$(http_get "$rs" 200.1.1.2)" 10.1.1.2
check "and so does its datagram" equal "$(udp_echo "$rs" 200.1.1.2 own)" "10.1.1.2 own"
check "nothing of it went directly" equal "$(stat_of "$rshost" direct)" "$before"

# In another network there is no such session.
ctl "$rshost" port replace mvt0 --direct --vni 200
before=$(stat_of "$rshost" direct)
check "a port of another network: a request is answered all the same" equal "$(http_get "$client" "$vip4")" 200.1.1.2
check "but nothing went directly" equal "$(stat_of "$rshost" direct)" "$before"
ctl "$rshost" port replace mvt0 --direct --vni 100

# The device goes while its port is named and its machine is talking.
in_ns "$client" curl -s -m 60 "$(url "$vip4" /bytes/20000000)" > /dev/null 2>&1 &
download=$!
wait_until 10 stat_grew "$rshost" direct "$before" 20
ip -n "$rshost" link del mvt0
kill "$download" 2> /dev/null || true
wait "$download" || true
check "the port stays without its device" equal "$(port_field "$rshost" '.[0] | "\(.dev) \(.devices | length)"')" "mvt0 0"
topology macvtap vxlan 4 4 6
unload_module
finish
