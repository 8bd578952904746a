#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The main job in a fabric of BGP EVPN: FRR on each host tells the others where networks and MAC addresses are, the
# VXLAN devices learn nothing and have no flood list by hand. Replies go by the sessions, past what the fabric knows;
# it must not notice. In the end the server's port is direct, and its MAC address stays advertised for much longer
# than its bridge would remember it; when the server is silent, it is withdrawn.
#
#   client --> lbhost [IPVS, first mark] ==VXLAN, flags 0xf8==> rshost [record] -- tap0 - rs
#   client <-- lbhost <======================================== rshost [steer] <--------- rs
#      ^         |                                                |                        (the whole drawing:
#      |         +------------------ BGP EVPN --------------------+                         nat-topology.sh)
#      +------ gwhost <== the way of rs's default route, without us ==+
#
#   type 3: who has network 100; type 2: rs's MAC address behind rshost, the hosts' own addresses in the network
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/nat-topology.sh"
. "$(dirname "$0")/fabric.sh"

large=${LARGE:-300000}
log=$work/server.log
services=("$vip4 10.1.1.2 200.1.1.2" "$vip6 2001:db8:10::2 2001:db8:c1::2")
ageing=6 # seconds, of the server's bridge

# The hosts' own addresses in the network are advertised as well: the balancer's, the gateway's.
own_addresses=$(printf '%s\n' "router bgp 65000" "address-family l2vpn evpn" "advertise-svi-ip")

routers() {
	local host
	for host in "${underlay_hosts[@]}"; do router_start "$host" '' "$own_addresses"; done
	for host in "${underlay_hosts[@]}"; do
		check "BGP is up at ${host%-*}" wait_until 40 neighbours_are_up "$host"
		check "it floods to those who have the network, by routes of type 3 (${host%-*})" \
			wait_until 20 floods_to_all_others "$host" 100
	done
}

# Each host's view; and that nobody thinks that something has moved since the last look.
views=''
fabric_is_right() { # WHEN
	local host before=$views
	check "rs is behind its port, for its host ($1)" mac_is_at "$rshost" 100 "$rs_mac" local tap0
	for host in "$lbhost" "$gwhost"; do
		check "and behind that host, for ${host%-*}" mac_is_at "$host" 100 "$rs_mac" remote "$(vtep "$rshost" 4)"
		check "so does its device know it" grep -q "dst $(vtep "$rshost" 4) .*extern_learn" \
			<<< "$(bridge -n "$host" fdb show dev vx100 | grep "^$rs_mac ")"
	done
	check "the balancer is behind its host" mac_is_at "$rshost" 100 "$lb_mac" remote "$(vtep "$lbhost" 4)"
	# By those whose they are: had another host claimed one, they would have to claim it anew. (The others count as a
	# move that their own kernel learned a neighbour before BGP told it, which is so without us.)
	views="$(mac_at "$rshost" 100 "$rs_mac"), $(mac_at "$lbhost" 100 "$lb_mac")"
	[ -z "$before" ] || check "nothing has moved ($1)" equal "$views" "$before"
}

# What bridges and devices are told, as it comes; from when an entry that comes and goes has been seen.
watch_tables() {
	local host
	for host in "$lbhost" "$rshost"; do
		ip netns exec "$host" bridge monitor fdb > "$work/fdb-${host%-*}" 2> /dev/null &
		background+=($!)
		wait_until 10 is_watched "$host"
	done
}

is_watched() { # HOST
	bridge -n "$1" fdb replace 02:00:00:00:57:57 dev eth0 self permanent
	bridge -n "$1" fdb del 02:00:00:00:57:57 dev eth0 self
	at_least "$(deleted "${1%-*}" 02:00:00:00:57:57)" 1
}

deleted() { # HOST-NAME MAC
	grep -c "^Deleted $2 " "$work/fdb-$1" || true
}

came() { # LINES
	at_least "$(wc -l < "$work/drip")" "$1"
}

direct_for_long() {
	local direct ordinary
	ip -n "$rshost" link set br100 type bridge ageing_time $((ageing * 100))
	ctl "$rshost" port add tap0 --vni 100 --direct
	direct=$(stat_of "$rshost" direct) ordinary=$(stat_of "$rshost" steer_ordinary)
	# Ten lines a second, which only the server speaks: what the bridge sees of it is what the module lets it see.
	: > "$work/drip"
	ip netns exec "$client" curl -s -S -N -m $((120 * ${SLOW:-1})) -o "$work/drip" "http://$vip4/drip/10000" &
	drip=$!
	background+=("$drip")
	# From the stream's own packets on: what was known of a server that had been silent may be old.
	wait_until 20 came 10
	watch_tables
	check "a stream lasts three times as long as the bridge remembers" \
		wait_until 60 came $(($(wc -l < "$work/drip") + 3 * ageing * 10))
	check "it went directly" stat_grew "$rshost" direct "$direct" $((2 * ageing * 10))
	check "but for one now and then, from which the bridge learns" stat_grew "$rshost" steer_ordinary "$ordinary" 5
	for host in lbhost rshost; do
		check "rs's address was never withdrawn, nor aged ($host)" equal "$(deleted "$host" "$rs_mac")" 0
	done
	fabric_is_right "after a direct stream"
}

withdrawn() { equal "$(mac_at "$lbhost" 100 "$rs_mac")" ""; }

nat_hosts
nat_overlay 4
rs_mac=$(mac_of "$rs" eth0) lb_mac=$(mac_of "$lbhost" br100)
start_server "$rs" "$log"
routers
wait_until 20 http_get "$lbhost" 10.1.1.2 1
wait_until 20 http_get "$lbhost" 2001:db8:10::2 1
nobody_is_answered "without the module"
fabric_is_right "without the module"

load_module
nat_configure 4
check "the server's host becomes ready" nat_ready 4
steered=$(stat_of "$rshost" steered)
capture_start "$switch" p2 "$work/wire" "$(tunnel_filter 4)"
for service in "${services[@]}"; do
	read -r vip server seen <<< "$service"
	service_works "$vip, EVPN" "$vip" "$server" "$seen" "$large" 4
done
capture_stop "$work/wire"
check "replies were steered" stat_grew "$rshost" steered "$steered" 50
check "requests came marked" at_least "$(capture_count "$work/wire" "$(flags_filter 4 "$second_mark")")" 50
check "replies of services went to the balancer's host alone" equal \
	"$(capture_count "$work/wire" "$(outer_from "$rshost" 4) and not $(outer_to "$lbhost" 4) and
		$(inner_byte 4 9) = 6")" 0
fabric_is_right "after steered replies"
direct_for_long
# The server says nothing more: then the fabric forgets it, as it would without us.
kill "$drip"
ip -n "$rs" link set eth0 arp off
check "a silent server's address is withdrawn" wait_until $((4 * ageing)) withdrawn
check "which the tables were told" at_least "$(deleted lbhost "$rs_mac")" 1
topology evpn vxlan 4 4 6
unload_module
finish
