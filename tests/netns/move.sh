#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The balancer changes in the middle of a transfer. Two balancers keep each other's connections (IPVS connection sync);
# the VIP moves from one to the other. The first marked packet of the new one moves the session: no host tells another.
#
#                            VIP -->  -->  -->
#   client 200.1.1.2 --+-- lb1 .11 [br100 10.1.1.253, .1] ==+
#                      |    |  sync 192.0.2.0/30            +== rshost .2 [session] -- rs 10.1.1.2
#                      +-- lb2 .12 [br100 10.1.1.254, .4] ==+
#                                   gwhost .3 [10.1.1.1] ===+   (the way of rs's default route: nowhere)
#
# A download over IPv4, the VIP moves as with VRRP: an address and a neighbour entry. A download over IPv6, it moves by
# a route, to a balancer that has never sent this host a packet, and back. An upload, with the old balancer dead. The
# tunnels are TUNNEL's; where they carry IP packets, rshost is rs's router, and its tables say gwhost (routed-overlay.sh).
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/transfer.sh"

vip4=198.51.100.10 vip6=2001:db8:51::10
vip_lan=200.1.1.100
log=$work/server.log

balancer() { # NAME N
	local lb=${!1}
	attach_front "$lb" "f$2" "200.1.1.1$2/24 2001:db8:c1::1$2/64"
	overlay "$lb" 4 100
	overlay_address "$lb" 100 "25$((2 + $2))"
	forwarding "$lb"
	ip -n "$lb" addr add "$vip4/32" dev lo
	ip -n "$lb" addr add "$vip6/128" dev lo nodad
	service "$lb" t "$vip4:80" 10.1.1.2:80
	service "$lb" t "$vip_lan:80" 10.1.1.2:80
	service "$lb" t "[$vip6]:80" "[2001:db8:10::2]:80"
	mark_to "$lb" "$vip4" "$vip_lan" "$vip6"
}

connections_are_shared() { # both ways, for the active one changes
	local lb
	for lb in "$lb1" "$lb2"; do
		# After the first packets, and often: a test does not wait for the fiftieth.
		in_ns "$lb" sysctl -qw net.ipv4.vs.sync_threshold="3 10"
		in_ns "$lb" ipvsadm --start-daemon master --mcast-interface sync --syncid 1
		in_ns "$lb" ipvsadm --start-daemon backup --mcast-interface sync --syncid 1
	done
}

knows_connection() { # NS VIP
	local port=$sport
	in_ns "$1" ipvsadm -Lnc | grep -F "$2" | grep -F ":$port " | grep -q ESTABLISHED
}

row() { # the endpoint and MAC of the transfer's session
	ctl_json "$rshost" session list --sport "$sport" --dport 80 --proto tcp |
		jq -r ".[] | \"\(.mac) \(.$(endpoint_column)) \(.vni)\""
}

row_of() { # NS
	echo "$(inner_mac "$1" 100) $(endpoint_of "$1" 4) 100"
}

watch() { # NAME NEWLB
	capture_start "$client" front "$work/$1-client" port "$sport" or udp
	capture_start "$rshost" eth0 "$work/$1-tunnel" "$(any_tunnel_filter) and $(outer_from "$2" 4)"
}

watched() { # NAME NEWLB
	capture_settle "$work/$1-client" "$client" 200.1.1.1"${3:-1}"
	capture_settle "$work/$1-tunnel" "$2" "$(vtep "$rshost" 4)"
	capture_stop "$work/$1-client"
	capture_stop "$work/$1-tunnel"
}

# Milliseconds of each packet that FILTER selects.
times() { # FILE FILTER
	tcpdump -tt -n -r "$1" "$2" 2> /dev/null | awk '/^[0-9]/ { printf "%.0f\n", $1 * 1000 }'
}

# Packets of the server's that came to the client through a balancer.
from_balancer() { # NAME LB
	capture_count "$work/$1-client" "src port 80 and ether src $(mac_of "$2" front)"
}

# From the new balancer's first packet of the flow, marked or not, to the first of the server's that comes through it,
# and the longest pause between two of the server's packets from then on; in milliseconds.
stall() { # NAME NEWLB FLAGS
	local start
	start=$(times "$work/$1-tunnel" "$3 and $(flow_filter)" | sed -n 1p)
	[ -n "$start" ] || { echo "the new balancer sent nothing" && return 1; }
	{
		echo "$start"
		times "$work/$1-client" "src port 80 and ether src $(mac_of "$2" front)" | awk -v s="$start" '$1 >= s'
	} | awk 'NR == 2 { first = $1 - last } NR > 1 && $1 - last > longest { longest = $1 - last } { last = $1 }
		END { print (NR > 1 ? first : "never"), longest + 0 }'
}

# The transfer's packets towards the server, in a tunnel over IPv4: the inner TCP source port.
flow_filter() {
	case $family in
	4) echo "$(inner_byte 4 0) = 0x45 and $(inner_byte 4 9) = 6 and $(inner_byte 4 20 2) = $sport" ;;
	6) echo "$(inner_byte 4 6) = 6 and $(inner_byte 4 40 2) = $sport" ;;
	esac
}

check_stall() { # NAME NEWLB
	local first longest what
	for what in marked any; do
		case $what in
		marked) read -r first longest <<< "$(stall "$1" "$2" "$(flags_filter 4 "$second_mark")")" ;;
		any) read -r first longest <<< "$(stall "$1" "$2" "$(tunnel_filter 4)")" ;;
		esac
		note "$1: $what: first after $first ms, then at most $longest ms between two"
		check "the server's packets come $first ms after the new balancer's first $what packet ($1)" \
			at_most "$first" 1000
		check "and from then on without a pause" at_most "$longest" 1000
	done
}

# The transfer goes on through FROM; SWITCH makes TO the active one.
download_moves() { # NAME VIP FROM TO SWITCH…
	local name=$1 vip=$2 from=$3 to=$4 moved
	shift 4
	sport=$((sport + 1))
	watch "$name" "$to"
	begin_download "$vip"
	check "the session's row has the first balancer ($name)" equal "$(row)" "$(row_of "$from")"
	check "the second one knows the connection" wait_until 15 knows_connection "$to" "$vip"
	moved=$(stat_of "$rshost" moved)
	"$@"
	check "the row has the new one" wait_until 10 row_is "$(row_of "$to")"
	end_download
	check "the session moved once" equal "$(stat_of "$rshost" moved)" $((moved + 1))
	watched "$name" "$to"
	check "much of it came through the old one" at_least "$(from_balancer "$name" "$from")" 30
	check "and much through the new one" at_least "$(from_balancer "$name" "$to")" 30
	check_stall "$name" "$to"
}

row_is() { equal "$(row)" "$1"; }

by_neighbour() {
	ip -n "$lb1" addr del "$vip_lan/32" dev front
	ip -n "$lb2" addr add "$vip_lan/32" dev front
	# What the new master's gratuitous ARP does.
	ip -n "$client" neigh replace "$vip_lan" lladdr "$(mac_of "$lb2" front)" dev front
}

by_route() { # TO
	ip -n "$client" route replace "$vip6" via "2001:db8:c1::1$1"
}

# The old one dies with what it has: its packets are lost both ways.
by_death() {
	ip -n "$lb2" link set eth0 down
	ip -n "$client" route replace "$vip4" via 200.1.1.11
}

# Goes on slowly after its first fifth, once $work/go exists.
begin_upload() {
	pattern_sum "$bytes" > /dev/null
	"$netns_dir/packets.py" feed "$work/pattern-$bytes" "$work/go" |
		in_ns "$client" curl -s -S -f -m 200 --local-port "$sport" -H Expect: -T - -o "$work/got" \
			"http://$vip4/upload" 2> "$work/curl" &
	transfer=$!
}

upload_is_right() {
	cat "$work/curl"
	equal "$status" 0
	equal "$(cat "$work/got")" "$(pattern_sum "$bytes")"
}

# The server has got BYTES of the upload, by what its socket has counted.
came_by_now() { # BYTES
	at_least "$(in_ns "$rs" ss -Htin sport = :80 dport = ":$sport" | grep -o 'bytes_received:[0-9]*' | cut -d: -f2)" "$1"
}

upload_survives() {
	local moved
	ip -n "$client" route replace "$vip4" via 200.1.1.12
	sport=$((sport + 1))
	watch upload "$lb1"
	begin_upload
	check "an upload begins through the second balancer" wait_until 20 row_is "$(row_of "$lb2")"
	check "the first one knows the connection" wait_until 15 knows_connection "$lb1" "$vip4"
	moved=$(stat_of "$rshost" moved)
	touch "$work/go"
	wait_until 20 came_by_now "$((bytes / 4))"
	by_death
	check "the second one dies, the row has the first" wait_until 20 row_is "$(row_of "$lb1")"
	transfer_end
	check "the upload ends with the right checksum" upload_is_right
	check "the session moved once" equal "$(stat_of "$rshost" moved)" $((moved + 1))
	watched upload "$lb1" 2
	check "much of it was answered through the dead one" at_least "$(from_balancer upload "$lb2")" 20
	check "and much through the first" at_least "$(from_balancer upload "$lb1")" 20
	check_stall upload "$lb1"
}

# Of MPLS an endpoint is found by the first request.
ready() {
	peer_ready "$lb1" "$(vtep "$rshost" 4)" && return 0
	http_get "$client" "$vip4" 1 > /dev/null 2>&1 || true
	peer_ready "$lb1" "$(vtep "$rshost" 4)"
}

# shellcheck disable=SC2086 # GRE has two modules
require $tunnel_module ip_vs ip_vs_rr nf_tables bridge veth nf_conntrack tcp_diag
underlay_switch
setup_ns client front lb1 lb2 rshost gwhost rs
underlay_host "$lb1" 1
underlay_host "$rshost" 2
underlay_host "$gwhost" 3
underlay_host "$lb2" 4
ip -n "$front" link add fr0 type bridge
ip -n "$front" link set fr0 up
attach_front "$client" c "200.1.1.2/24 2001:db8:c1::2/64"
balancer lb1 1
balancer lb2 2
link "$lb1" sync 192.0.2.1/30 "$lb2" sync 192.0.2.2/30
for host in "$rshost" "$gwhost"; do overlay "$host" 4 100; done
overlay_address "$gwhost" 100 1
attach_vm "$rs" "$rshost" br100 tap0 "10.1.1.2/24 2001:db8:10::2/64"
ip -n "$rs" route add default via 10.1.1.1
ip -n "$rs" route add default via 2001:db8:10::1
[ -z "$ip_inside" ] || replies_by "$rs" "$gwhost"
ip -n "$client" route add "$vip4" via 200.1.1.11
ip -n "$client" route add "$vip6" via 2001:db8:c1::11
connections_are_shared
start_server "$rs" "$log"
load_module
for host in "$lb1" "$lb2"; do
	ctl "$host" mark add "$first_mark"
	ctl "$rshost" peer replace "$(vtep "$host" 4)" --accept
done
ctl "$lb1" peer replace "$(vtep "$rshost" 4)" --send --accept
check "the server's host becomes ready" wait_until 15 ready
for host in "$lb1" "$lb2"; do
	wait_until 30 http_get "$host" 10.1.1.2 3
	wait_until 30 http_get "$host" 2001:db8:10::2 3
done

sport=40000 bytes=16000000
# To a balancer that has not looked yet whether the server's host is ready: it finds it with its first packet.
ctl "$lb2" peer replace 172.18.10.0/24 --send --accept
check "the second balancer does not know yet" \
	equal "$(ctl_json "$lb2" peer list | jq '[.[].endpoints[]? | select(.state == "ready")] | length')" 0
family=6
download_moves "to a new balancer" "$vip6" "$lb1" "$lb2" by_route 2
download_moves "back" "$vip6" "$lb2" "$lb1" by_route 1
family=4
ip -n "$lb1" addr add "$vip_lan/32" dev front
ip -n "$client" neigh replace "$vip_lan" lladdr "$(mac_of "$lb1" front)" dev front
download_moves "by a neighbour entry" "$vip_lan" "$lb1" "$lb2" by_neighbour
upload_survives
finish
